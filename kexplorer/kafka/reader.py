"""A reader on the loop: a consumer and its thread, and the ranges that are pulled through them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message

from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.handle import HandleThread, timed_out
from kexplorer.kafka.reading import CALL, STALL, Client, Reading, headers_of
from kexplorer.model.records import Batch, RecordColumns
from kexplorer.model.topics import OffsetRange, TopicPartition


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

    def __init__(self, handle: ReadHandle, ranges: Sequence[OffsetRange], why_silent: Callable[[], str]) -> None:
        self._thread = handle.thread
        self._reading = Reading(handle.client, ranges, why_silent, self._keep)
        self._columns = RecordColumns()
        self._pulling: Future[Batch] | None = None

    async def start(self) -> None:
        try:
            await self._thread.call(self._reading.begin, what="Starting to read", within=CALL)
        except (KafkaException, ValueError, TypeError) as error:
            raise failure_of(error, "Starting to read") from error

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

    def _pull(self) -> Batch:
        self._columns = RecordColumns()
        troubles = self._reading.pull()
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
