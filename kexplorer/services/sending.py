"""Sending a few records, and what became of each: on their own, or in one transaction."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kexplorer.model.cluster import Cluster, Writer
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import Deliveries, Delivery, Outgoing, ProducerSettings

_KEPT = 30.0  # seconds that a writer waits for the next record
LEAVE = 5.0  # seconds that a cancelled production waits for what it has sent
_DELIVERED_WITHIN = 35.0  # seconds; the client gives up after message.timeout.ms, 30 s unless that is set

_UNKNOWN = Failure(
    FailureKind.TIMEOUT, "Nobody knows whether the record was written: no answer came.", "Look at the topic's end."
)


async def send_one(cluster: Cluster, outgoing: Outgoing, settings: ProducerSettings) -> Delivery:
    """Sends one record and waits for its acknowledgement. Raises `Failure` only for what is not about the record: a
    read-only profile, a setting."""
    return (await send_all(cluster, [outgoing], settings))[0]


class WarmSender:
    """Sends single records, and keeps the writer for the next one: a new one has to connect, and to ask for a
    producer's id. Nothing undelivered is kept with it. Belongs to one task at a time."""

    def __init__(self, kept: float = _KEPT) -> None:
        self._kept = kept
        self._of: tuple[Cluster, ProducerSettings] | None = None
        self._writer: Writer | None = None
        self._stack = contextlib.AsyncExitStack()
        self._idle: asyncio.Task[None] | None = None

    @property
    def warm(self) -> bool:
        return self._writer is not None

    async def send(self, cluster: Cluster, outgoing: Outgoing, settings: ProducerSettings) -> Delivery:
        """As `send_one`. Who cancels it drops the record, unless it is on its way to the broker already."""
        await self._stop_idle()
        try:
            writer = await self._open(cluster, settings)
            number = writer.sent
            await writer.send([outgoing])
            left = await writer.flush(delivered_within(settings))
            found = next((each for each in await writer.deliveries() if each.number == number), None)
        except BaseException:
            await self._leave()
            raise
        if left or found is None or found.failure:  # the next one begins anew
            await self._leave()
            return replace(found, number=0) if found else Delivery(0, outgoing.partition, None, 0.0, _UNKNOWN)
        self._idle = asyncio.create_task(self._leave_later(), name="idle writer")
        return replace(found, number=0)

    async def close(self) -> None:
        await self._stop_idle()
        await self._leave()

    async def _open(self, cluster: Cluster, settings: ProducerSettings) -> Writer:
        if self._writer is None or self._of is None or self._of[0] is not cluster or self._of[1] != settings:
            await self._leave()
            self._writer = await self._stack.enter_async_context(cluster.open_writer(settings))
            self._of = cluster, settings
        return self._writer

    async def _leave(self) -> None:
        self._writer = self._of = None
        with contextlib.suppress(Failure):  # the connection was closed before
            await self._stack.aclose()

    async def _leave_later(self) -> None:
        await asyncio.sleep(self._kept)
        await self._leave()

    async def _stop_idle(self) -> None:
        if self._idle:
            self._idle.cancel()
            await asyncio.gather(self._idle, return_exceptions=True)
            self._idle = None


async def send_all(cluster: Cluster, records: Sequence[Outgoing], settings: ProducerSettings) -> tuple[Delivery, ...]:
    """What became of each, in the order given. Without a transaction."""
    async with cluster.open_writer(settings) as writer:
        await writer.send(records)
        await writer.flush(delivered_within(settings))
        return _in_order(await writer.deliveries(), records)


@dataclass(frozen=True, slots=True)
class TransactionOutcome:
    """`failure` says why it is not `committed`; None where it was to be aborted."""

    deliveries: tuple[Delivery, ...]
    committed: bool
    failure: Failure | None = None


async def send_transaction(
    cluster: Cluster, records: Sequence[Outgoing], settings: ProducerSettings, *, commit: bool, within: float = 30.0
) -> TransactionOutcome:
    """All records in one transaction, which is committed if each of them was acknowledged. Nothing is left open."""
    failure: Failure | None = None
    async with cluster.open_writer(settings) as writer:
        await writer.begin()
        try:
            await writer.send(records)
            if commit:
                await writer.commit(within)
            else:
                await writer.flush(within)
                await writer.abort(within)
        except Failure as error:
            failure = error
        news = await writer.deliveries()
    return TransactionOutcome(_in_order(news, records), commit and failure is None, failure)


def delivered_within(settings: ProducerSettings) -> float:
    """Seconds, somewhat more than the client itself tries."""
    chosen = settings.properties
    text = chosen.get("message.timeout.ms") or chosen.get("delivery.timeout.ms")
    return int(text) / 1000 + LEAVE if text else _DELIVERED_WITHIN


def _in_order(news: Deliveries, records: Sequence[Outgoing]) -> tuple[Delivery, ...]:
    by_number = {delivery.number: delivery for delivery in news}
    return tuple(
        by_number.get(number, Delivery(number, record.partition, None, 0.0, _UNKNOWN))
        for number, record in enumerate(records)
    )
