"""The writer of the cluster in memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kexplorer.formats.partitioning import partition_for
from kexplorer.model.batches import Batches
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import Deliveries, Outgoing, ProducerSettings, payload_size
from kexplorer.model.topics import TopicPartition

if TYPE_CHECKING:
    from tests.services.fake_cluster import FakeCluster


class FakeWriter:
    """Appends at once, or keeps back what is sent while the cluster `holds_deliveries`. `FakeCluster.unsendable[value]`
    is what becomes of a record with that value."""

    def __init__(self, cluster: FakeCluster, settings: ProducerSettings) -> None:
        self._cluster = cluster
        self._transactional = bool(settings.transactional_id)
        self._basket: list[tuple[int, Outgoing]] | None = None
        self._held: list[tuple[int, Outgoing]] = []
        self._news = Deliveries()
        self._payload = 0
        self.sent = 0

    @property
    def undelivered(self) -> int:
        return len(self._held)

    async def send(self, records: Sequence[Outgoing]) -> None:
        if self._transactional and self._basket is None:
            raise Failure(FailureKind.INVALID, "No transaction was begun.", "Begin one.")
        for record in records:
            await asyncio.sleep(self._cluster.delay)
            self._held.append((self.sent, record))
            if self._basket is not None:
                self._basket.append((self.sent, record))
            self._payload += payload_size(record)
            self.sent += 1

    async def deliveries(self) -> Deliveries:
        await asyncio.sleep(0.001)
        self._deliver()
        news, self._news = self._news, Deliveries()
        return news

    async def flush(self, within: float) -> int:
        await asyncio.sleep(self._cluster.delay)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._cluster.holds_deliveries and self._held:  # noqa: ASYNC110  (a test sets it)
                    await asyncio.sleep(0.005)
        self._deliver()
        return len(self._held)

    def measure(self) -> None:
        """It always counts."""

    async def batches(self) -> Batches:
        """Each record is a batch of its own, of half its bytes."""
        return Batches(self.sent, self.sent, self._payload, self._payload // 2, 1000, 10, 1)

    async def begin(self) -> None:
        self._basket = []

    async def commit(self, within: float) -> None:
        await self._cluster._called("commit")
        self._deliver()
        self._basket = None

    async def abort(self, within: float) -> None:
        await self._cluster._called("abort")
        for number, _ in self._held:
            self._news.add_failure(number, Failure(FailureKind.REFUSED, "The transaction was aborted."))
        self._held, self._basket = [], None

    def _deliver(self) -> None:
        if self._cluster.holds_deliveries:
            return
        for number, record in self._held:
            self._news_of(number, record)
        self._held = []

    def _news_of(self, number: int, record: Outgoing) -> None:
        key, value = _bytes(record.key), _bytes(record.value)
        count = sum(source.topic == record.topic for source in self._cluster.logs)
        partition = record.partition if record.partition is not None else partition_for(key or b"", count or 1)
        failure = self._cluster.unsendable.get(value) or self._cluster.trouble_of(
            TopicPartition(record.topic, partition)
        )
        if failure:
            self._news.add_failure(number, failure)
            return
        headers = tuple((name, _bytes(value)) for name, value in record.headers)
        timestamp = 1_700_000_000_000 if record.timestamp is None else record.timestamp
        added = self._cluster.add(record.topic, value, key, partition=partition, timestamp=timestamp, headers=headers)
        self._news.add(number, partition, added.offset, 1.0)


def _bytes(given: bytes | str | None) -> bytes | None:
    return given.encode() if isinstance(given, str) else given
