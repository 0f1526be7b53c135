"""Records that were read and are not written yet: as they came, or in the order of their timestamps."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from confluent_kafka import Consumer, Message
from confluent_kafka import TopicPartition as ClientPartition

from kexplorer.kafka.replay_records import Run, run_of
from kexplorer.model.replay_pace import Timing
from kexplorer.model.topics import TopicPartition

_ENOUGH = 40_000  # records, or
_ENOUGH_BYTES = 32 << 20
_AHEAD = 2_000  # records of a partition that wait for their time
_SHORT = 0.05  # seconds


def size_of(message: Any) -> int:
    """Bytes of key and value."""
    return len(message) + len(message.key() or b"")


class Backlog(Protocol):
    def keep(self, source: TopicPartition, messages: list[Message]) -> None: ...

    @property
    def wants_more(self) -> bool: ...

    def __len__(self) -> int: ...

    def take(self, records: float, nbytes: float) -> list[Run]:
        """At most so many records and so many bytes, but one record if both are 1 or more."""
        ...

    def pause(self, seconds: float) -> None:
        """Nothing was taken for so long because somebody said so."""
        ...

    def wait(self) -> float:
        """Seconds until it is worth to take again."""
        ...


class Queue:
    """As they came."""

    def __init__(self) -> None:
        self._runs: deque[Run] = deque()
        self._records = self._bytes = 0

    def keep(self, source: TopicPartition, messages: list[Message]) -> None:
        self._runs.append(run_of(source, messages))
        self._records += len(messages)
        self._bytes += sum(map(len, messages))

    @property
    def wants_more(self) -> bool:
        return self._records < _ENOUGH and self._bytes < _ENOUGH_BYTES

    def __len__(self) -> int:
        return self._records

    def take(self, records: float, nbytes: float) -> list[Run]:
        taken: list[Run] = []
        while self._runs and records >= 1 and nbytes >= 1:
            run = self._runs.popleft()
            count = int(min(records, len(run.messages)))
            size = _size(run.messages[:count])
            if size > nbytes:
                count = _fitting(list(map(size_of, run.messages[:count])), nbytes)
                size = _size(run.messages[:count])
            if count < len(run.messages):
                self._runs.appendleft(run.part(count))
                run = run.part(0, count)
            taken.append(run)
            self._records -= count
            self._bytes -= sum(map(len, run.messages))
            records -= count
            nbytes -= size
        return taken

    def pause(self, seconds: float) -> None:
        pass

    def wait(self) -> float:
        return _SHORT


def _size(messages: list[Message]) -> int:
    return sum(map(len, messages)) + sum(map(len, filter(None, map(Message.key, messages))))


def _fitting(sizes: Sequence[int], nbytes: float) -> int:
    """At least one: a record that is larger than a second's bytes leaves a debt."""
    for count, size in enumerate(sizes):
        nbytes -= size
        if nbytes < 0:
            return max(count, 1)
    return len(sizes)


class ByTime:
    """The oldest of all partitions' next records first, each when it is due. A partition that is far ahead of the
    others is not read on meanwhile. `open_sources` are those that are not read to their end."""

    def __init__(
        self, timing: Timing, consumer: Callable[[], Consumer], open_sources: Callable[[], set[TopicPartition]]
    ) -> None:
        self._timing = timing
        self._consumer = consumer
        self._open_sources = open_sources
        self._waiting: dict[TopicPartition, deque[tuple[Message, Any]]] = {}  # with their headers
        self._paused: set[TopicPartition] = set()

    def keep(self, source: TopicPartition, messages: list[Message]) -> None:
        queue = self._waiting.setdefault(source, deque())
        queue.extend(zip(messages, run_of(source, messages).headers, strict=True))
        if len(queue) > _AHEAD and source not in self._paused:
            self._paused.add(source)
            self._consumer().pause([ClientPartition(*source)])

    @property
    def wants_more(self) -> bool:
        return bool(self._open_sources() - self._paused)

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def take(self, records: float, nbytes: float) -> list[Run]:
        taken: list[Run] = []
        while records >= 1 and nbytes >= 1 and (found := self._next()) and self._timing.wait_for(found[1]) <= 0:
            source, timestamp = found
            message, headers = self._waiting[source].popleft()
            self._timing.sent(timestamp)
            records -= 1
            nbytes -= size_of(message)
            if taken and taken[-1].source == source:
                taken[-1].messages.append(message)
                taken[-1].headers.append(headers)
            else:
                taken.append(Run(source, [message], [headers]))
        self._go_on()
        return taken

    def pause(self, seconds: float) -> None:
        self._timing.put_off(seconds)

    def wait(self) -> float:
        found = self._next()
        return min(max(self._timing.wait_for(found[1]), 0.001), _SHORT) if found else _SHORT

    def _next(self) -> tuple[TopicPartition, int] | None:
        """None while a partition that goes on has not told its next record."""
        if any(not self._waiting.get(source) for source in self._open_sources()):
            return None
        heads = [(_time(queue[0][0]), source) for source, queue in self._waiting.items() if queue]
        if not heads:
            return None
        timestamp, source = min(heads)
        return source, timestamp

    def _go_on(self) -> None:
        ready = [source for source in self._paused if len(self._waiting[source]) < _AHEAD // 2]
        goes_on = [ClientPartition(*source) for source in ready if source in self._open_sources()]
        if goes_on:
            self._consumer().resume(goes_on)
        self._paused.difference_update(ready)


def _time(message: Any) -> int:
    kind, ms = message.timestamp()
    return ms if kind else 0
