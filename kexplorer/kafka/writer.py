"""A writer on the loop: a producer and its thread. What is sent is queued there with back pressure, and what became of
it is counted in columns."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from functools import partial
from operator import itemgetter
from typing import Any, TypeVar

from confluent_kafka import KafkaException

from kexplorer.kafka import checks
from kexplorer.kafka.admin import Admin
from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.handle import HandleThread
from kexplorer.kafka.sending import CALL, LEAVE, Sending, TopicLimits
from kexplorer.model.cluster import ConfigEntry
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import Deliveries, Outgoing

T = TypeVar("T")
_PAUSE = 0.02  # seconds until deliveries are looked for again

LookUp = Callable[[str], Awaitable[TopicLimits]]
"""Raises `Failure` for a topic that is not there, or that nobody tells about."""


class RecordWriter:
    """Keeps `model.cluster.Writer`. The producer is made at the first record, when the limits of its topics are known.
    `look_up` asks another client: a producer that asks for a topic may make it. `why_silent` is the link's reason."""

    def __init__(self, config: dict[str, Any], look_up: LookUp, why_silent: Callable[[], str]) -> None:
        self._sending = Sending(config, why_silent)
        self._thread = HandleThread("kafka-writer", idle=self._sending.serve_callbacks)
        self._look_up = look_up
        self._pulling: Future[Deliveries] | None = None

    @property
    def sent(self) -> int:
        return self._sending.taken

    @property
    def undelivered(self) -> int:
        return self._sending.undelivered

    async def send(self, records: Sequence[Outgoing]) -> None:
        await self._learn(set(map(itemgetter(0), records)))
        at = 0
        while at < len(records):
            at = await self._call(partial(self._sending.produce, records, at), "Sending")

    async def deliveries(self) -> Deliveries:
        """A call that is cancelled loses nothing: the next one gets what it would have got."""
        if self._pulling is None:
            self._pulling = self._thread.submit(self._sending.take_news)
        news = await asyncio.shield(asyncio.wrap_future(self._pulling))
        self._pulling = None
        if not news:
            await asyncio.sleep(_PAUSE)  # here, not in the thread: what is to be sent must not wait for answers
        return news

    async def flush(self, within: float) -> int:
        until = time.monotonic() + within
        while self.undelivered and time.monotonic() < until:
            await self._call(self._sending.wait, "Waiting for deliveries")
        return self.undelivered

    async def begin(self) -> None:
        await self._call(self._sending.begin, "Begin a transaction")

    async def commit(self, within: float) -> None:
        until = time.monotonic() + within
        if await self.flush(within):
            left = self.undelivered
            await self.abort(LEAVE)
            text = f"Not committed, the transaction was aborted: {left} records got no answer within {within:g} s."
            raise Failure(FailureKind.TIMEOUT, text, "Check the brokers, then send again.")
        remaining = max(until - time.monotonic(), 1.0)
        await self._call(lambda: self._sending.commit(remaining), "Commit", remaining + LEAVE + CALL)

    async def abort(self, within: float) -> None:
        await self._call(lambda: self._sending.abort(within), "Abort", within + CALL)

    async def close(self) -> None:
        """What is undelivered is dropped; a transaction that is open is aborted, if a broker answers in time."""
        closing = self._thread.submit(self._sending.close)
        self._thread.finish()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE + 1.0):
                await asyncio.wrap_future(closing)

    def stop(self) -> None:
        """As `close`, and waits for nothing."""
        self._thread.submit(self._sending.close)
        self._thread.finish()

    async def _call(self, work: Callable[[], T], what: str, within: float = 2 * CALL) -> T:
        try:
            return await self._thread.call(work, what=what, within=within)
        except (KafkaException, ValueError, TypeError) as error:
            raise failure_of(error, what) from error

    async def _learn(self, topics: set[str]) -> None:
        limits = self._sending.limits
        for topic in topics:
            if not isinstance(limits.get(topic), TopicLimits):
                try:
                    limits[topic] = await self._look_up(checks.topic_name(topic))
                except Failure as failure:
                    limits[topic] = failure  # of its records in this call; the next one asks again


async def topic_limits(admin: Admin, topic: str) -> TopicLimits:
    """Asks two things at once. Who may not see the configuration goes without."""
    seen, configs = await asyncio.gather(admin.metadata(topic), _configs(admin, topic))
    found = next((each for each in seen.topics if each.name == topic), None)
    if found is None or (found.trouble and found.trouble.kind is FailureKind.NOT_FOUND):
        text = f"There is no topic {topic}. Nothing was sent, and none was made."
        raise Failure(FailureKind.NOT_FOUND, text, "Check its name, or create it first.")
    if found.trouble:
        raise found.trouble
    limit = configs.get("max.message.bytes")
    return TopicLimits(len(found.partitions), int(limit.value) if limit and limit.value else None)


async def _configs(admin: Admin, topic: str) -> dict[str, ConfigEntry]:
    try:
        found = (await admin.topic_configs([topic]))[topic]
    except Failure as failure:
        found = failure
    return {} if isinstance(found, Failure) else found
