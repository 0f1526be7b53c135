"""A writer on the loop: a producer and its thread. What is sent is queued there with back pressure, and what became of
it is counted in columns."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from operator import itemgetter
from typing import Any, TypeVar

from confluent_kafka import KafkaException

from kexplorer.kafka import checks
from kexplorer.kafka.admin import Admin
from kexplorer.kafka.batch_counter import EVERY, BatchCounter
from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.handle import HandleThread
from kexplorer.kafka.line_writer import ParallelLines
from kexplorer.kafka.sending import CALL, LEAVE, Sending, TopicLimits
from kexplorer.kafka.undelivered import too_few_replicas
from kexplorer.model.batches import Batches
from kexplorer.model.cluster import ConfigEntry
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.lines import LineFormat, LineWriter
from kexplorer.model.produce import Deliveries, Outgoing

T = TypeVar("T")
_PAUSE = 0.02  # seconds until deliveries are looked for again
_LOOK = 3.0  # seconds to find out why there was no answer
_IDLE = 5.0  # seconds without anything sent, after which what is known of topics may be wrong

LookUp = Callable[[str], Awaitable[TopicLimits]]
"""Raises `Failure` for a topic that is not there, or that nobody tells about."""


class RecordWriter:
    """Keeps `model.cluster.Writer`. The producer is made at the first record, when the limits of its topics are known.
    `look_up` asks another client: a producer that asks for a topic may make it. `why_silent` is the link's reason."""

    def __init__(self, config: dict[str, Any], look_up: LookUp, why_silent: Callable[[], str]) -> None:
        self._config = config
        self._sending = Sending(config, why_silent)
        self._thread = HandleThread("kafka-writer", idle=self._sending.serve_callbacks)
        self._look_up = look_up
        self._causes: dict[Failure, Failure] = {}  # of those that got no answer in time
        self._silent: dict[str, TopicLimits | None] = {}  # topics of those, as they were then
        self._used = time.monotonic()  # when something was sent or waited for
        self._pulling: Future[Deliveries] | None = None
        self._lines: list[ParallelLines] = []

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
        self._used = time.monotonic()

    async def for_lines(self, lines: LineFormat) -> LineWriter:
        """Keeps `model.lines.HasLineWriter`."""
        topic = checks.topic_name(lines.topic)
        made = ParallelLines()
        self._lines.append(made)
        made.begin(self._config, await self._look_up(topic), lines)
        return made

    def measure(self) -> None:
        """Keeps `model.batches.MeasuresBatches`."""
        self._sending.counter = BatchCounter()

    async def batches(self) -> Batches:
        """Waits until the client tells of them again, so that the last one is among them."""
        counter = self._sending.counter
        if counter is None:
            raise Failure(FailureKind.INVALID, "Batches are not measured.", "Say so before the first record.")
        told, until = counter.told, time.monotonic() + 2 * EVERY
        while counter.told == told and time.monotonic() < until:
            await asyncio.sleep(_PAUSE)
            await self._call(self._sending.serve_callbacks, "Asking for statistics")
        return counter.batches()

    async def deliveries(self) -> Deliveries:
        """A call that is cancelled loses nothing: the next one gets what it would have got."""
        if self._pulling is None:
            self._pulling = self._thread.submit(self._sending.take_news)
        news = await asyncio.shield(asyncio.wrap_future(self._pulling))
        self._pulling = None
        for number, failure in news.failures.items():
            if failure in self._sending.timed_out:
                news.failures[number] = await self._cause(failure)
        if not news:
            await asyncio.sleep(_PAUSE)  # here, not in the thread: what is to be sent must not wait for answers
        return news

    async def flush(self, within: float) -> int:
        until = time.monotonic() + within
        while self.undelivered and time.monotonic() < until:
            await self._call(self._sending.wait, "Waiting for deliveries")
        self._used = time.monotonic()
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
        for lines in self._lines:
            lines.close()
        closing = self._thread.submit(self._sending.close)
        self._thread.finish()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE + 1.0):
                await asyncio.wrap_future(closing)

    def stop(self) -> None:
        """As `close`, and waits for nothing."""
        for lines in self._lines:
            lines.close()
        self._thread.submit(self._sending.close)
        self._thread.finish()

    async def _call(self, work: Callable[[], T], what: str, within: float = 2 * CALL) -> T:
        try:
            return await self._thread.call(work, what=what, within=within)
        except (KafkaException, ValueError, TypeError) as error:
            raise failure_of(error, what) from error

    async def _cause(self, failure: Failure) -> Failure:
        """Why there was no answer in time, if replicas are the cause: the client does not tell."""
        if failure not in self._causes:
            self._causes[failure] = failure
            topic, partition = self._sending.timed_out[failure]
            limits = await self._silent_topic(topic)
            in_sync = dict(limits.too_few).get(partition) if limits else None
            if limits and in_sync is not None and str(self._config["acks"]) in ("all", "-1"):
                where = f"{topic}, partition {partition}"
                self._causes[failure] = too_few_replicas(where, in_sync, limits.min_in_sync)
        return self._causes[failure]

    async def _silent_topic(self, topic: str) -> TopicLimits | None:
        """Asked for once for all of its partitions, and not waited for: the other brokers may be as silent."""
        if topic not in self._silent:
            self._silent[topic] = None
            with contextlib.suppress(Failure, TimeoutError):
                async with asyncio.timeout(_LOOK):
                    self._silent[topic] = await self._look_up(topic)
        return self._silent[topic]

    async def _learn(self, topics: set[str]) -> None:
        """A writer that was idle asks again: it must not make a topic that is gone by now."""
        limits = self._sending.limits
        idle = not self.undelivered and time.monotonic() - self._used >= _IDLE
        for topic in topics:
            if idle or not isinstance(limits.get(topic), TopicLimits):
                try:
                    limits[topic] = await self._look_up(checks.topic_name(topic))
                except Failure as failure:
                    limits[topic] = failure  # of its records in this call; the next one asks again


async def topic_limits(admin: Admin, topic: str) -> TopicLimits:
    """Asks two things at once. Who may not see the configuration goes without."""
    asked = asyncio.create_task(_configs(admin, topic))
    try:
        seen = await admin.metadata(topic)
        configs = await asked
    finally:
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
    found = next((each for each in seen.topics if each.name == topic), None)
    if found is None or (found.trouble and found.trouble.kind is FailureKind.NOT_FOUND):
        text = f"There is no topic {topic}. Nothing was sent, and none was made."
        raise Failure(FailureKind.NOT_FOUND, text, "Check its name, or create it first.")
    if found.trouble:
        raise found.trouble
    most, least = _number(configs, "max.message.bytes"), _number(configs, "min.insync.replicas") or 1
    # Brokers since 4.0 do not ask for more replicas than a partition has (KIP-966); older ones refuse each record.
    led = [each for each in found.partitions if each.leader is not None]
    too_few = tuple((each.id, len(each.isr)) for each in led if len(each.isr) < min(least, len(each.replicas)))
    return TopicLimits(len(found.partitions), most, least, too_few)


def _number(configs: Mapping[str, ConfigEntry], name: str) -> int | None:
    entry = configs.get(name)
    return int(entry.value) if entry and entry.value else None


async def _configs(admin: Admin, topic: str) -> dict[str, ConfigEntry]:
    try:
        found = (await admin.topic_configs([topic]))[topic]
    except Failure as failure:
        found = failure
    return {} if isinstance(found, Failure) else found
