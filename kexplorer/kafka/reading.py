"""One consumer and the ranges it reads, each to exactly its end: `assign()` alone, no group is joined, nothing is
committed. What is done with the records is the caller's: a view keeps them, a search looks at them."""

from __future__ import annotations

import contextlib
import logging
import operator
import re
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, repeat
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from kexplorer.kafka.failures import TRANSIENT, failure_of
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Trouble
from kexplorer.model.topics import OffsetRange, TopicPartition

log = logging.getLogger(__name__)

_BATCH = 2000  # records a pull, so that the hops between the threads don't count
_FOLLOWED = 500  # of a pull that follows: a window that paints what comes waits for the GIL all the while
_SLICE = 500  # records taken from the client at once: less than 1 ms of the GIL
_BUDGET = 0.005  # seconds after which a pull brings what it has
_WAIT = 0.1  # seconds a pull waits for its first record
STALL = 10.0  # seconds without any news after which a bounded read gives up
_START_AFRESH = 4.0  # seconds without any news after which a bounded read tries other connections
GONE_AFTER_MS = 5000  # how long a topic must be missing to count as deleted; the client's default is 30 s
CALL = 5.0  # seconds for a call that asks the broker
_NEW_LEADER = TRANSIENT | {KafkaError.OFFSET_NOT_AVAILABLE}  # KIP-207: it does not know its log's end yet
_PAUSE = 0.2
_TOPIC_ERROR = re.compile(r"(?P<topic>[a-zA-Z0-9._-]+) \[(?P<partition>\d+)\]: ")
_GONE = frozenset({KafkaError._UNKNOWN_PARTITION, KafkaError._UNKNOWN_TOPIC, KafkaError.UNKNOWN_TOPIC_OR_PART})

Keep = Callable[[TopicPartition, list[Message]], None]
"""Takes records of one partition in the order of their offsets; none is an error."""


class Client:
    """Owns one Consumer, made when it is first needed. Belongs to one thread, and to one `Reading` at a time. Kept warm
    between readings: a connected consumer answers two round trips sooner."""

    def __init__(self, config: dict[str, Any], on_error: Callable[[KafkaError], None]) -> None:
        self.config = {**config, "error_cb": self._sort_error}
        self._on_error = on_error
        self._consumer: Consumer | None = None
        self.reading = False
        self.topic_errors: list[tuple[tuple[str, int], KafkaError]] = []

    def consumer(self) -> Consumer:
        if self._consumer is None:
            self._consumer = Consumer(self.config)
        return self._consumer

    def serve_callbacks(self) -> None:
        """Keeps an unused consumer's error callbacks coming. With partitions assigned, a poll here would take a record
        away from a reading that is not asking just now."""
        if self._consumer is not None and not self.reading:
            self._consumer.poll(0)

    def close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _sort_error(self, error: KafkaError) -> None:
        """Only this callback is told that a topic or partition has gone, mixed with what is said of brokers."""
        found = _TOPIC_ERROR.match(error.str())
        if not found:
            self._on_error(error)
        elif self.reading:
            self.topic_errors.append(((found["topic"], int(found["partition"])), error))


@dataclass(slots=True)
class Progress:
    """Every offset below `next` has been read or is known to hold no record."""

    source: TopicPartition
    next: int
    end: int | None
    done: bool = False


class Reading:
    """Reads each range from its start to exactly its end, over the gaps that compaction, transactions and retention
    leave. A partition that cannot be read ends with a `Trouble`; the others go on. `why_silent` says what the client
    library last complained of. After `patience` seconds without any news a bounded read gives up. All calls are made
    in the client's thread."""

    def __init__(
        self,
        client: Client,
        ranges: Iterable[OffsetRange],
        why_silent: Callable[[], str],
        keep: Keep,
        patience: float | None = None,
    ) -> None:
        self._patience = STALL if patience is None else patience
        self._client = client
        self._why_silent = why_silent
        self._keep = keep
        self._parts = {
            (r.source.topic, r.source.partition): Progress(r.source, r.start, r.end)
            for r in ranges
            if r.end is None or r.start < r.end
        }
        self.following = any(part.end is None for part in self._parts.values())
        self._most = _FOLLOWED if self.following else _BATCH
        self.open = len(self._parts)  # partitions that are not read to their end yet
        self._taken = 0  # records of this pull
        self._silent = 0.0  # seconds that pulls have waited without any news
        self._afresh = False  # since the last news
        self._troubles: list[Trouble] = []

    @property
    def progress(self) -> Sequence[Progress]:
        return tuple(self._parts.values())

    def begin(self) -> None:
        self._client.reading = True
        self._client.topic_errors.clear()
        self._client.consumer().assign([ClientPartition(*p.source, p.next) for p in self._parts.values()])

    def end(self) -> None:
        """What was prefetched is dropped, and the client is free for the next reading."""
        consumer = self._client.consumer()
        with contextlib.suppress(KafkaException):
            # a pause outlives the assignment it was made in
            consumer.resume([ClientPartition(*part.source) for part in self._parts.values() if part.done])
        consumer.unassign()
        self._client.reading = False

    def pull(self) -> tuple[Trouble, ...]:
        """Hands what comes within about 0.1 s to `keep`; returns what went wrong meanwhile."""
        consumer = self._client.consumer()
        self._taken, self._troubles = 0, []
        began = time.monotonic()
        first = consumer.poll(_WAIT)
        if first is None:
            self._silent += time.monotonic() - began
            self._check_stall()
        else:
            self._silent, self._afresh = 0.0, False
            self._take([first])
            until = time.monotonic() + _BUDGET
            while self._taken < self._most and (messages := consumer.consume(_SLICE, 0)):
                self._take(messages)
                if time.monotonic() > until:
                    break
        for where, error in self._client.topic_errors:
            self._take_error(self._parts.get(where), error, None)
        self._client.topic_errors.clear()
        return tuple(self._troubles)

    def _take(self, messages: list[Message]) -> None:
        """`map` over the client's methods costs a quarter of a loop that calls them, and what is plain at a glance is
        not looked at one by one: that would be a fifth of the time of a search."""
        where = {(messages[0].topic(), messages[0].partition()), (messages[-1].topic(), messages[-1].partition())}
        if len(where) == 1 and where == self._parts.keys() and not any(map(Message.error, messages)):
            (only,) = self._parts.values()
            if not only.done:
                self._take_run(only, messages)
            return
        failed = map(operator.is_not, map(Message.error, messages), repeat(None))
        kinds: Any = zip(failed, map(Message.topic, messages), map(Message.partition, messages), strict=False)
        begin = 0
        for (has_failed, topic, partition), same in groupby(kinds):
            end = begin + len(list(same))
            run, begin = messages[begin:end], end
            part = self._parts.get((topic, partition))
            if has_failed:
                for message in run:
                    self._take_error(part, message.error(), message.offset())  # type: ignore[arg-type]
            elif part is not None and not part.done:
                self._take_run(part, run)

    def _take_run(self, part: Progress, run: list[Any]) -> None:
        """Records of one partition. Those before `part.next` were fetched before a pause or a seek took effect."""
        offset: Any = Message.offset
        first = bisect_left(run, part.next, key=offset)
        last = len(run) if part.end is None else bisect_left(run, part.end, key=offset)
        if first < last:
            self._taken += last - first
            self._keep(part.source, run[first:last])
            part.next = run[last - 1].offset() + 1
        if last < len(run) or part.next == part.end:
            self._complete(part)

    def _take_error(self, part: Progress | None, error: KafkaError, offset: int | None) -> None:
        code = error.code()
        if part is None or part.done:
            if part is None and code not in TRANSIENT:
                log.info("while reading: %s", error.str())
        elif code == KafkaError._PARTITION_EOF:
            if part.end is not None:  # the log has no record from here to the end that was asked for
                if offset is None or offset >= part.end:
                    self._complete(part)
                else:
                    self._find_out(part)
        elif code in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            self._find_out(part)
        elif code in _GONE:
            self._give_up(part, f"Partition {part.source.partition} of {part.source.topic} does not exist any more.")
        elif code not in TRANSIENT:
            where = f"{part.source.topic}, partition {part.source.partition}"
            self._troubles.append(Trouble(part.source, failure_of(error, where), part.next))
            self._finish(part)

    def _find_out(self, part: Progress) -> None:
        """Retention overtook the reader, or the log is shorter than it was. Says which records are gone; goes on at the
        log start when there is one to go on at."""
        consumer = self._client.consumer()
        where = ClientPartition(*part.source)
        until = time.monotonic() + self._patience
        while True:
            try:
                start, end = consumer.get_watermark_offsets(where, timeout=CALL)
                break
            except KafkaException as error:
                if error.args[0].code() not in _NEW_LEADER or time.monotonic() > until:
                    self._troubles.append(Trouble(part.source, failure_of(error, "Finding the log start"), part.next))
                    self._finish(part)
                    return
            time.sleep(_PAUSE)
        if part.next < start:
            gone = start if part.end is None else min(start, part.end)
            text = f"Records {part.next} to {gone - 1} of partition {part.source.partition} are gone."
            hint = "Retention or a purge deleted them before they were read."
            self._troubles.append(Trouble(part.source, Failure(FailureKind.NOT_FOUND, text, hint), part.next))
            part.next = start
        elif part.next > end or (part.end is not None and end < part.end):
            expected = part.next if part.end is None else part.end
            self._give_up(part, f"Partition {part.source.partition} ends at {end}, before offset {expected}.")
            return
        if part.end is not None and part.next >= part.end:
            self._complete(part)
        else:
            consumer.assign([ClientPartition(*p.source, p.next) for p in self._parts.values() if not p.done])

    def _give_up(self, part: Progress, text: str) -> None:
        hint = "The topic was deleted, recreated or truncated; refresh."
        self._troubles.append(Trouble(part.source, Failure(FailureKind.NOT_FOUND, text, hint), part.next))
        self._finish(part)

    def _complete(self, part: Progress) -> None:
        """From `next` to the end there is no record."""
        part.next = max(part.next, part.end or 0)
        self._finish(part)

    def _finish(self, part: Progress) -> None:
        part.done = True
        self.open -= 1
        if self.open:
            self._client.consumer().pause([ClientPartition(*part.source)])

    def _check_stall(self) -> None:
        waiting = [p for p in self._parts.values() if not p.done and p.end is not None]
        if not waiting:
            return
        if self._silent >= _START_AFRESH and not self._afresh:
            self._start_afresh()
        if self._silent < self._patience:
            return
        why = self._why_silent()
        for part in waiting:
            text = f"{part.source.topic}, partition {part.source.partition}: no answer for {self._patience:g} s"
            hint = "Its broker may be down, or hold this client back by a quota; try again later."
            failure = Failure(FailureKind.TIMEOUT, f"{text}{f' ({why})' if why else ''}.", hint)
            self._troubles.append(Trouble(part.source, failure, part.next))
            self._finish(part)

    def _start_afresh(self) -> None:
        """A leader that is frozen keeps its connection, and the client would ask it, as the broker used last, even for
        who leads now. A new client finds who answers, and from them the leaders."""
        self._afresh = True
        self._client.close()
        self._client.consumer().assign([ClientPartition(*p.source, p.next) for p in self._parts.values() if not p.done])


def headers_of(messages: list[Message]) -> list[Any]:
    """Of each message: its headers, or None where they cannot be read.

    WORKAROUND: for a header key that is not UTF-8 the client returns a list with a NULL inside and an exception set.
    `map` always turns that into a SystemError; CPython's specialised call in warm code does not look, and the process
    crashes at the first use of the list. A second call for the same message would return the list as well.
    https://github.com/confluentinc/confluent-kafka-python/blob/master/src/confluent_kafka/src/confluent_kafka.c
    """
    found: list[Any] = []
    asking = map(Message.headers, messages)
    unreadable = object()
    while True:
        try:
            found.extend(asking)  # what came before an exception stays
            break
        except SystemError:
            found.append(unreadable)
    if not any(found):
        return [()] * len(found)
    return [None if headers is unreadable else headers or () for headers in found]
