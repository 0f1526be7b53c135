"""Reading ranges of offsets: `assign()` alone, no group is joined, nothing is committed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import operator
import re
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import groupby, repeat
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from kexplorer.kafka.failures import TRANSIENT, failure_of
from kexplorer.kafka.handle import HandleThread, timed_out
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Batch, RecordColumns, Trouble
from kexplorer.model.topics import OffsetRange, TopicPartition

log = logging.getLogger(__name__)

_BATCH = 2000  # records a pull, so that the hops between the threads don't count
_SLICE = 500  # records taken from the client at once: less than 1 ms of the GIL
_BUDGET = 0.005  # seconds after which a pull brings what it has
_WAIT = 0.1  # seconds a pull waits for its first record
_STALL = 10.0  # seconds without any news after which a bounded read gives up
_LOOK_EVERY = 2.0  # seconds without any news after which a bounded read looks for other leaders
_LOOK = 1.0  # seconds that such a look may take
_CALL = 5.0  # seconds for a call that asks the broker
_TOPIC_ERROR = re.compile(r"(?P<topic>[a-zA-Z0-9._-]+) \[(?P<partition>\d+)\]: ")
_GONE = frozenset({KafkaError._UNKNOWN_PARTITION, KafkaError._UNKNOWN_TOPIC, KafkaError.UNKNOWN_TOPIC_OR_PART})


class ReadHandle:
    """Owns one Consumer and its thread. Kept warm between reads: a connected consumer answers two round trips sooner.
    Used by one reader at a time."""

    def __init__(self, config: dict[str, Any], on_error: Callable[[KafkaError], None]) -> None:
        self._config = {**config, "error_cb": self._sort_error}
        self._on_error = on_error
        self.topic_errors: list[tuple[tuple[str, int], KafkaError]] = []  # in the thread only
        self._consumer: Consumer | None = None
        self.reading = False  # in the thread only
        self.thread = HandleThread("kafka-reader", idle=self._serve_callbacks)

    def consumer(self) -> Consumer:
        """In the thread only."""
        if self._consumer is None:
            self._consumer = Consumer(self._config)
        return self._consumer

    def _serve_callbacks(self) -> None:
        """Keeps an unused consumer's error callbacks coming. With partitions assigned, a poll here would take a record
        away from a reader that is not asking just now."""
        if self._consumer is not None and not self.reading:
            self._consumer.poll(0)

    def _sort_error(self, error: KafkaError) -> None:
        """Only this callback is told that a topic or partition has gone, mixed with what is said of brokers."""
        found = _TOPIC_ERROR.match(error.str())
        if not found:
            self._on_error(error)
        elif self.reading:
            self.topic_errors.append(((found["topic"], int(found["partition"])), error))

    def close(self) -> None:
        """The consumer is closed in its thread, after the call it may be stuck in; waits for nothing."""

        def shut() -> None:
            if self._consumer is not None:
                self._consumer.close()
                self._consumer = None

        self.thread.submit(shut)
        self.thread.finish()


@dataclass(slots=True)
class _Progress:
    source: TopicPartition
    next: int
    end: int | None
    done: bool = False


class RangeReader:
    """Reads each range from its start to exactly its end, over the gaps that compaction, transactions and retention
    leave. A partition that cannot be read ends with a `Trouble`; the others go on."""

    def __init__(self, handle: ReadHandle, ranges: Sequence[OffsetRange], why_silent: Callable[[], str]) -> None:
        self._handle = handle
        self._why_silent = why_silent
        self._parts = {
            (r.source.topic, r.source.partition): _Progress(r.source, r.start, r.end)
            for r in ranges
            if r.end is None or r.start < r.end
        }
        self._following = any(part.end is None for part in self._parts.values())
        self._open = len(self._parts)
        self._silent = 0.0  # seconds that pulls have waited without any news
        self._look_again = _LOOK_EVERY
        self._columns = RecordColumns()
        self._troubles: list[Trouble] = []
        self._pulling: Future[Batch] | None = None

    async def start(self) -> None:
        assignment = [ClientPartition(*p.source, p.next) for p in self._parts.values()]

        def assign() -> None:
            self._handle.reading = True
            self._handle.topic_errors.clear()
            self._handle.consumer().assign(assignment)

        try:
            await self._handle.thread.call(assign, what="Starting to read", within=_CALL)
        except (KafkaException, ValueError, TypeError) as error:
            raise failure_of(error, "Starting to read") from error

    async def next_batch(self) -> Batch | None:
        """A call that is cancelled loses nothing: the next one gets what it would have got."""
        if self._pulling is None:
            if not self._open:
                return None
            self._pulling = self._handle.thread.submit(self._pull)
        try:
            async with asyncio.timeout(_STALL + _CALL):
                batch = await asyncio.shield(asyncio.wrap_future(self._pulling))
        except TimeoutError:
            raise timed_out("Reading", _STALL + _CALL) from None
        except KafkaException as error:
            self._pulling = None
            raise failure_of(error, "Reading") from error
        self._pulling = None
        return batch

    def stop(self) -> None:
        """What was prefetched is dropped, and the handle is free for the next reader."""
        paused = [ClientPartition(*part.source) for part in self._parts.values() if part.done]

        def release() -> None:
            consumer = self._handle.consumer()
            with contextlib.suppress(KafkaException):
                consumer.resume(paused)  # a pause outlives the assignment it was made in
            consumer.unassign()
            self._handle.reading = False

        self._handle.thread.submit(release)

    def _pull(self) -> Batch:
        consumer = self._handle.consumer()
        self._columns, self._troubles = RecordColumns(), []
        began = time.monotonic()
        first = consumer.poll(_WAIT)
        if first is None:
            self._silent += time.monotonic() - began
            self._check_stall()
        else:
            self._silent, self._look_again = 0.0, _LOOK_EVERY
            self._take([first])
            until = time.monotonic() + _BUDGET
            while len(self._columns) < _BATCH and (messages := consumer.consume(_SLICE, 0)):
                self._take(messages)
                if time.monotonic() > until:
                    break
        for where, error in self._handle.topic_errors:
            self._take_error(self._parts.get(where), error, None)
        self._handle.topic_errors.clear()
        records = self._columns.by_time() if self._following else self._columns
        return Batch(records, tuple(self._troubles))

    def _take(self, messages: list[Message]) -> None:
        """`map` over the client's methods costs a quarter of a loop that calls them."""
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

    def _take_run(self, part: _Progress, run: list[Message]) -> None:
        """Records of one partition. Those before `part.next` were fetched before a pause or a seek took effect."""
        offsets: list[Any] = list(map(Message.offset, run))
        first = bisect_left(offsets, part.next)
        last = len(run) if part.end is None else bisect_left(offsets, part.end)
        if first < last:
            wanted = run[first:last]
            self._columns.append_run(
                part.source,
                offsets[first:last],
                list(map(Message.timestamp, wanted)),
                list(map(Message.key, wanted)),
                list(map(Message.value, wanted)),
                _headers(wanted),
            )
            part.next = offsets[last - 1] + 1
        if last < len(run) or part.next == part.end:
            self._finish(part)

    def _take_error(self, part: _Progress | None, error: KafkaError, offset: int | None) -> None:
        code = error.code()
        if part is None or part.done:
            if part is None and code not in TRANSIENT:
                log.info("while reading: %s", error.str())
        elif code == KafkaError._PARTITION_EOF:
            if part.end is not None:  # the log has no record from here to the end that was asked for
                if offset is None or offset >= part.end:
                    self._finish(part)
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

    def _find_out(self, part: _Progress) -> None:
        """Retention overtook the reader, or the log is shorter than it was. Says which records are gone; goes on at the
        log start when there is one to go on at."""
        consumer = self._handle.consumer()
        where = ClientPartition(*part.source)
        try:
            start, end = consumer.get_watermark_offsets(where, timeout=_CALL)
        except KafkaException as error:
            self._troubles.append(Trouble(part.source, failure_of(error, "Finding the log start"), part.next))
            self._finish(part)
            return
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
            self._finish(part)
        else:
            consumer.assign([ClientPartition(*p.source, p.next) for p in self._parts.values() if not p.done])

    def _give_up(self, part: _Progress, text: str) -> None:
        hint = "The topic was deleted, recreated or truncated; refresh."
        self._troubles.append(Trouble(part.source, Failure(FailureKind.NOT_FOUND, text, hint), part.next))
        self._finish(part)

    def _finish(self, part: _Progress) -> None:
        part.done = True
        self._open -= 1
        if self._open:
            self._handle.consumer().pause([ClientPartition(*part.source)])

    def _check_stall(self) -> None:
        waiting = [p for p in self._parts.values() if not p.done and p.end is not None]
        if not waiting:
            return
        if self._silent >= self._look_again:
            self._look_again += _LOOK_EVERY
            self._look_for_leaders(waiting[0].source.topic)
        if self._silent < _STALL:
            return
        why = self._why_silent()
        for part in waiting:
            text = f"{part.source.topic}, partition {part.source.partition}: no answer for {_STALL:g} s"
            failure = Failure(
                FailureKind.TIMEOUT, f"{text}{f' ({why})' if why else ''}.", "Its broker may be down; try again later."
            )
            self._troubles.append(Trouble(part.source, failure, part.next))
            self._finish(part)

    def _look_for_leaders(self, topic: str) -> None:
        """A leader that is frozen keeps its connection, so the client sees no reason to look by itself."""
        began = time.monotonic()
        with contextlib.suppress(KafkaException):
            self._handle.consumer().list_topics(topic, timeout=_LOOK)
        self._silent += time.monotonic() - began


def _headers(messages: list[Message]) -> list[Any]:
    """Of each message: its headers, or None where they cannot be read.

    WORKAROUND: for a header key that is not UTF-8 the client returns a list with a NULL inside and an exception set.
    `map` always turns that into a SystemError; CPython's specialised call in warm code does not look, and the process
    crashes at the first use of the list. A second call for the same message would return the list as well.
    https://github.com/confluentinc/confluent-kafka-python/blob/master/src/confluent_kafka/src/confluent_kafka.c
    """
    found: list[Any] = []
    asking = map(Message.headers, messages)
    while True:
        try:
            for headers in asking:
                found.append(headers or ())  # noqa: PERF401  (what came before an exception must stay)
        except SystemError:
            found.append(None)
        else:
            return found
