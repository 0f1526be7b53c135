"""A reader on the loop: a consumer and its thread, and the ranges that are pulled through them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message

from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.handle import HandleThread, timed_out
from kexplorer.kafka.reading import CALL, STALL, Client, Reading, headers_of
from kexplorer.model.records import Batch, RecordColumns
from kexplorer.model.topics import OffsetRange, TopicPartition

_MUCH, _LITTLE = 256 << 10, 32 << 10  # bytes that a fetch brings of a partition
_USUAL = 4096.0  # bytes of a record, as long as none was seen


class FetchSizes:
    """How much to fetch at once. The client takes apart all that came: of records of 20 bytes, 256 kB are more than
    10,000, which takes five times as long as the page that is wanted of them."""

    def __init__(self) -> None:
        self._mean: dict[str, float] = {}  # bytes of a record of each topic, as they were read last

    def of(self, ranges: Iterable[OffsetRange]) -> int:
        """Bytes of a partition: little, if that brings the largest of `ranges` in three answers or fewer."""
        most = 0.0
        for each in ranges:
            if each.end is None:
                return _MUCH
            most = max(most, (each.end - each.start) * self._mean.get(each.source.topic, _USUAL))
        return _LITTLE if most <= 3 * _LITTLE else _MUCH

    def learn(self, topics: Iterable[str], records: RecordColumns) -> None:
        if records:
            self._mean.update(dict.fromkeys(topics, records.nbytes / len(records)))


class ReadHandle:
    """Owns a consumer and its thread. Used by one reader at a time, and kept warm between reads."""

    def __init__(self, config: dict[str, Any], on_error: Callable[[KafkaError], None]) -> None:
        self.client = Client(config, on_error)
        self.thread = HandleThread("kafka-reader", idle=self.client.serve_callbacks)

    def close(self) -> None:
        """The consumer is closed in its thread, after the call it may be stuck in; waits for nothing."""
        self.thread.submit(self.client.close)
        self.thread.finish()


class RangeReader:
    """Keeps `model.cluster.Reader`: brings all records of the ranges, as columns."""

    def __init__(
        self, handle: ReadHandle, ranges: Sequence[OffsetRange], why_silent: Callable[[], str], sizes: FetchSizes
    ) -> None:
        self._thread = handle.thread
        self._sizes = sizes
        self._topics = {each.source.topic for each in ranges}
        self._reading = Reading(handle.client, ranges, why_silent, self._keep)
        self._columns = RecordColumns()
        self._pulling: Future[Batch] | None = None
        self._begun: Future[None] = Future()

    def start(self) -> None:
        """What goes wrong is told by the first batch: to wait for it here would be one more hop between threads."""
        self._begun = self._thread.submit(self._begin)

    async def next_batch(self) -> Batch | None:
        """A call that is cancelled loses nothing: the next one gets what it would have got."""
        if self._pulling is None:
            if not self._reading.open:
                return None
            self._pulling = self._thread.submit(self._pull)
        try:
            async with asyncio.timeout(STALL + CALL):
                batch = await asyncio.shield(asyncio.wrap_future(self._pulling))
        except TimeoutError:
            raise timed_out("Reading", STALL + CALL) from None
        except KafkaException as error:
            self._pulling = None
            raise failure_of(error, "Reading") from error
        self._pulling = None
        return batch

    def stop(self) -> None:
        """What was prefetched is dropped, and the handle is free for the next reader."""
        self._thread.submit(self._reading.end)

    def _begin(self) -> None:
        try:
            self._reading.begin()
        except (KafkaException, ValueError, TypeError) as error:
            raise failure_of(error, "Starting to read") from error

    def _pull(self) -> Batch:
        self._begun.result()  # which the same thread has done before
        self._columns = RecordColumns()
        troubles = self._reading.pull()
        self._sizes.learn(self._topics, self._columns)
        return Batch(self._columns.by_time() if self._reading.following else self._columns, troubles)

    def _keep(self, source: TopicPartition, messages: list[Message]) -> None:
        self._columns.append_run(
            source,
            list(map(Message.offset, messages)),  # type: ignore[arg-type]
            list(map(Message.timestamp, messages)),
            list(map(Message.key, messages)),
            list(map(Message.value, messages)),
            headers_of(messages),
            list(map(Message.leader_epoch, messages)),
        )
