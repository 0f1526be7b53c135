"""The one AdminClient of a connection, and the adapter from its futures to the loop."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, TypeVar

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from kexplorer.kafka import checks, described
from kexplorer.kafka.failures import CHECK_LOGIN, failure_of
from kexplorer.kafka.handle import HandleThread, timed_out
from kexplorer.kafka.link import LinkMonitor
from kexplorer.model.cluster import ConfigEntry, Link
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import AtTime, ClusterMetadata, Edge, IsolationLevel, OffsetSpec, TopicPartition

K = TypeVar("K")
V = TypeVar("V")

REQUEST_TIMEOUT = 10.0  # seconds a broker has for an answer
_GRACE = 2.0  # seconds more until we stop waiting for the client itself
_FRESH = 300.0  # seconds for which what the client knows of partitions is good for sure: it forgets after 15 min
_FIRST_LOOK = 5.0  # seconds after which other leaders are looked for
_SHARES = (0.1, 0.2, 0.2)  # of the time for metadata: how long each broker but the last is waited for
_PAUSES = (0.05, 0.25, 1.0, 2.0, 3.0)  # seconds before each further look, as long as there is time
_RACKS_WITHIN = 1.0  # seconds that metadata waits for what it can do without
_LINK_WITHIN = 3.0  # seconds until another client may try
_CONFIGS_A_CALL = 500
_LEADER_TROUBLE = frozenset({FailureKind.TIMEOUT, FailureKind.UNREACHABLE})
INT32, INT64 = (1 << 31) - 1, (1 << 63) - 1


class Admin:
    """Owns the AdminClient and its thread for the connection's life: a client that is dropped while a call is open
    leaves that call unanswered for ever."""

    def __init__(self, config: dict[str, Any], monitor: LinkMonitor) -> None:
        self._monitor = monitor
        self._client: AdminClient | None = None
        self._thread = HandleThread("kafka-admin", idle=self._serve_callbacks)
        self._config = config
        self._racks: dict[int, str] = {}
        self._led: dict[TopicPartition, bool] = {}  # whether each partition that the client knows of had a leader
        self._looked = -math.inf  # when it last learnt of all of them

    async def metadata(self, topic: str | None = None) -> ClusterMetadata:
        """Of all topics, or of one that may not be there."""
        if topic is not None:
            checks.topic_name(topic)
        seen = await self._metadata(REQUEST_TIMEOUT, topic)
        if all(broker.id in self._racks for broker in seen.brokers):
            return seen
        await self._look_at_cluster(_RACKS_WITHIN)  # an old broker has no such call, and racks stay unknown
        self._racks = {broker.id: "" for broker in seen.brokers} | self._racks
        return replace(seen, brokers=tuple(replace(each, rack=self._racks[each.id]) for each in seen.brokers))

    async def list_offsets(
        self, wanted: Mapping[TopicPartition, OffsetSpec], isolation: IsolationLevel
    ) -> dict[TopicPartition, int | Failure | None]:
        """A look-up goes to the leaders that the client knows of. It learns of new ones from metadata alone, so what
        failed for want of the right leader is asked for again behind a look at those.

        WORKAROUND: what the client does not know of is not asked for before a look at metadata, and not at all where it
        has no leader. It would wait for one in two threads at once, of which one frees what the other uses:
        `rd_kafka_topic_partition_list_query_leaders_async` calls its worker in our thread, and a metadata answer that
        comes then calls it in the client's own. That was a crash now and then.
        https://github.com/confluentinc/librdkafka/blob/master/src/rdkafka_partition.c
        """
        for topic in {source.topic for source in wanted}:
            checks.topic_name(topic)
        for source, spec in wanted.items():
            check_partition(source)
            if isinstance(spec, AtTime):
                check_number(spec.ms, what="The time (milliseconds since 1970)")
        if not wanted:
            return {}
        until = time.monotonic() + REQUEST_TIMEOUT
        if time.monotonic() - self._looked > _FRESH or any(source not in self._led for source in wanted):
            await self._metadata(REQUEST_TIMEOUT)
        answers = await self._offsets(wanted, isolation, min(_FIRST_LOOK, max(until - time.monotonic(), 1)))
        for pause in _PAUSES:
            missing = [s for s, a in answers.items() if isinstance(a, Failure) and a.kind in _LEADER_TROUBLE]
            if not missing or until - time.monotonic() < 1:
                break
            await asyncio.sleep(pause)
            try:
                await self._metadata(until - time.monotonic())
            except Failure:
                break  # the first answers stand
            again = {source: wanted[source] for source in missing if self._led.get(source)}
            if not again:
                break
            answers |= await self._offsets(again, isolation, max(until - time.monotonic(), 1))
        return answers

    async def topic_configs(self, topics: Iterable[str]) -> dict[str, dict[str, ConfigEntry] | Failure]:
        return await self._configs(ResourceType.TOPIC, [checks.topic_name(name) for name in topics])

    async def broker_configs(self, brokers: Iterable[int]) -> dict[int, dict[str, ConfigEntry] | Failure]:
        """The client takes one broker a call, and would wait for one that is not there."""
        numbers = list(dict.fromkeys(brokers))
        for number in numbers:
            check_number(number, INT32, "The broker's id")
        there = await self._brokers()

        async def one(number: int) -> dict[str, ConfigEntry] | Failure:
            if number not in there:
                why = f"There is no broker {number} in the cluster now."
                return Failure(FailureKind.NOT_FOUND, why, "It may be down, or have another id.")
            return (await self._configs(ResourceType.BROKER, [str(number)]))[str(number)]

        return dict(zip(numbers, await asyncio.gather(*map(one, numbers)), strict=True))

    async def _brokers(self) -> set[int]:
        """Who is there now, without the topics that metadata has."""
        answer = await self._look_at_cluster(REQUEST_TIMEOUT)
        if answer is None:
            return set(self._racks)
        if answer.kind is FailureKind.UNSUPPORTED:
            return {broker.id for broker in (await self._metadata(REQUEST_TIMEOUT)).brokers}
        raise answer

    async def _configs(self, kind: ResourceType, names: Sequence[str]) -> dict[str, dict[str, ConfigEntry] | Failure]:
        answers: dict[str, dict[str, ConfigEntry] | Failure] = {}
        for at in range(0, len(names), _CONFIGS_A_CALL):
            chunk = names[at : at + _CONFIGS_A_CALL]

            def ask(client: AdminClient, chunk: Sequence[str] = chunk) -> Mapping[Any, Future[Any]]:
                resources = [ConfigResource(kind, name) for name in chunk]
                return client.describe_configs(resources, request_timeout=REQUEST_TIMEOUT)

            found = await self.collect(ask, described.config_entries, f"Reading {kind.name.lower()} configuration")
            answers |= {resource.name: answer for resource, answer in found.items()}
        return answers

    async def topic_ids(self, topics: Iterable[str]) -> dict[str, str | Failure | None]:
        names = list(dict.fromkeys(checks.topic_name(name) for name in topics))
        if not names:
            return {}

        def ask(client: AdminClient) -> Mapping[str, Future[Any]]:
            asked = confluent_kafka.TopicCollection(names)
            return client.describe_topics(asked, request_timeout=REQUEST_TIMEOUT)

        return await self.collect(ask, described.topic_id, "Asking for topics' ids")

    async def _metadata(self, seconds: float, topic: str | None = None) -> ClusterMetadata:
        wanted = {} if topic is None else {"topic": topic}

        until = time.monotonic() + seconds  # from now, not from when the calls before it have ended

        def look() -> ClusterMetadata:
            for share in _SHARES:  # the client asks any one broker, and that may be the one that is frozen
                try:
                    return described.metadata(self._open().list_topics(timeout=share * seconds, **wanted), self._racks)
                except KafkaException:
                    self._serve_callbacks()
                    if self._monitor.state.link == Link.DOWN:  # no use in waiting, and the cause is known
                        raise
            left = max(until - time.monotonic(), 0.5)
            return described.metadata(self._open().list_topics(timeout=left, **wanted), self._racks)

        def ask() -> tuple[ClusterMetadata, dict[TopicPartition, bool]]:
            seen = look()
            return seen, {TopicPartition(t.name, p.id): p.leader is not None for t in seen.topics for p in t.partitions}

        what = "Reading the cluster's metadata"
        try:
            answer, led = await self._thread.call(ask, what=what, within=seconds + _GRACE)
        except (KafkaException, Failure) as error:
            raise self.explain(failure_of(error, what)) from error
        self._monitor.on_answer()
        if topic is None:
            self._led, self._looked = led, time.monotonic()
        else:
            self._led |= led
        return answer

    async def _offsets(
        self, wanted: Mapping[TopicPartition, OffsetSpec], isolation: IsolationLevel, seconds: float
    ) -> dict[TopicPartition, int | Failure | None]:
        what = "Looking up offsets"
        unled = {source: _unled(source, source in self._led, what) for source in wanted if not self._led.get(source)}
        if unled:
            wanted = {source: spec for source, spec in wanted.items() if source not in unled}
        if not wanted:
            return dict(unled)
        level = confluent_kafka.IsolationLevel[isolation.name].value

        def ask(client: AdminClient) -> Future[Any]:
            """WORKAROUND: AdminClient.list_offsets() makes and wakes a future a partition, which takes as long as all
            the rest: what it calls itself has one for all.
            https://github.com/confluentinc/confluent-kafka-python/blob/v2.16.1/src/confluent_kafka/admin/__init__.py
            """
            request = [confluent_kafka.TopicPartition(*source, _number(spec)) for source, spec in wanted.items()]
            told = _future()
            super(AdminClient, client).list_offsets(request, told, isolation_level_value=level, request_timeout=seconds)
            return told

        def one(found: Any) -> int | Failure | None:
            if isinstance(found, KafkaError):
                return failure_of(found, what)
            offset: int = found.offset
            if offset == confluent_kafka.OFFSET_INVALID:  # so the client says that the leader did not answer
                return timed_out(what, seconds)
            return offset if offset >= 0 else None

        def read(told: Future[Any]) -> dict[TopicPartition, int | Failure | None]:
            if error := told.exception():
                return dict.fromkeys(wanted, failure_of(error, what))
            return {TopicPartition(each.topic, each.partition): one(found) for each, found in told.result().items()}

        return unled | await self._answers(ask, read, what, seconds)

    async def ping(self) -> None:
        """Asks any broker who is in the cluster; the monitor learns whether one answered."""
        answer = await self._look_at_cluster(REQUEST_TIMEOUT)
        if isinstance(answer, Failure):
            self._monitor.on_silence(answer.message)

    async def require_link(self) -> None:
        """Raises why no broker is reached, once that is known: another client would only see that nobody answers."""
        answer = await self._look_at_cluster(_LINK_WITHIN)
        if isinstance(answer, Failure) and self._monitor.state.link is Link.DOWN:
            raise answer

    async def _look_at_cluster(self, seconds: float) -> Failure | None:
        """The client tells racks here and nowhere else."""

        def ask(client: AdminClient) -> Mapping[str, Future[Any]]:
            return {"cluster": client.describe_cluster(request_timeout=seconds)}

        answer = (await self.collect(ask, described.racks, "Waiting for a broker", seconds))["cluster"]
        if isinstance(answer, Failure):
            return answer
        self._racks = answer
        return None

    def close(self) -> None:
        """Lets the thread go once its last call has ended; waits for nothing."""

        def drop() -> None:
            self._client = None

        self._thread.submit(drop)
        self._thread.finish()

    def _open(self) -> AdminClient:
        if self._client is None:
            self._client = AdminClient(self._config)
        return self._client

    def _serve_callbacks(self) -> None:
        if self._client is not None:
            self._client.poll(0)

    async def collect(
        self,
        ask: Callable[[AdminClient], Mapping[K, Future[Any]]],
        one: Callable[[Any], V],
        what: str,
        seconds: float = REQUEST_TIMEOUT,
        explain: Callable[[object, str], Failure] = failure_of,
    ) -> dict[K, V | Failure]:
        """One answer for a mapping of futures. What failed for one key is that key's `Failure`; only when the request
        could not be made at all is it raised. The loop is woken once, however many futures there are."""

        def all_of(client: AdminClient) -> Future[Any]:
            futures = ask(client)
            told = _future()
            _when_all_done(futures.values(), lambda: told.set_result(futures))
            return told

        def read(told: Future[Any]) -> dict[K, V | Failure]:
            return {key: _answer(each, one, what, explain) for key, each in told.result().items()}

        return await self._answers(all_of, read, what, seconds)

    async def _answers(
        self,
        ask: Callable[[AdminClient], Future[Any]],
        read: Callable[[Future[Any]], dict[K, V | Failure]],
        what: str,
        seconds: float,
    ) -> dict[K, V | Failure]:
        """`read` must not raise; it is called in a thread of the client."""
        done = _future()

        def start() -> None:
            try:
                told = ask(self._open())
            except (KafkaException, ValueError, TypeError) as error:
                raise failure_of(error, what) from error
            told.add_done_callback(lambda told: done.set_result(read(told)))

        def started(start: Future[None]) -> None:
            if not start.cancelled() and (error := start.exception()):
                done.set_exception(error)

        limit = seconds + _GRACE
        asking = self._thread.submit(start)
        asking.add_done_callback(started)
        try:
            async with asyncio.timeout(limit):
                answers: dict[K, V | Failure] = await asyncio.wrap_future(done)
        except TimeoutError:
            raise self.explain(timed_out(what, limit)) from None
        finally:
            asking.cancel()  # nobody waits any more: if it has not begun, it need not
        if any(not isinstance(answer, Failure) for answer in answers.values()):
            self._monitor.on_answer()
        return {key: self.explain(a) if isinstance(a, Failure) else a for key, a in answers.items()}

    def explain(self, failure: Failure) -> Failure:
        """The client's exception only says that no answer came; the monitor knows why."""
        state = self._monitor.state
        if not state.reason or failure.kind not in (FailureKind.TIMEOUT, FailureKind.UNREACHABLE):
            return failure
        message = f"{failure.message.partition(':')[0]} failed: {state.reason}."
        if state.login_refused:
            return Failure(FailureKind.AUTHENTICATION, message, CHECK_LOGIN)
        return Failure(failure.kind, message, failure.hint)


def check_source(source: TopicPartition) -> None:
    """Raises `Failure`(INVALID) for a partition that the client would take for something else."""
    checks.topic_name(source.topic)
    check_partition(source)


def check_partition(source: TopicPartition) -> None:
    check_number(source.partition, INT32, "The partition")


def check_number(number: int, most: int = INT64, what: str = "The offset") -> None:
    """Negative numbers have meanings of their own in the client; larger ones it cannot hold."""
    if not 0 <= number <= most:
        raise checks.invalid(f"{what} must be from 0 to {most}, not {number}.")


def _unled(source: TopicPartition, known: bool, what: str) -> Failure:
    """In the words of the client, had it been asked."""
    error = KafkaError(KafkaError.LEADER_NOT_AVAILABLE if known else KafkaError._UNKNOWN_PARTITION)
    return failure_of(KafkaException(error), f"{what} of {source.topic}, partition {source.partition}")


def _future() -> Future[Any]:
    """Nobody who stops waiting may cancel it: a callback will set it."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    return future


def _when_all_done(futures: Iterable[Future[Any]], then: Callable[[], None]) -> None:
    pending = list(futures)
    left = len(pending)
    lock = threading.Lock()

    def tick(_: Future[Any]) -> None:
        nonlocal left
        with lock:
            left -= 1
            last = left == 0
        if last:
            then()

    for future in pending:
        future.add_done_callback(tick)


def _answer(
    future: Future[Any], one: Callable[[Any], V], what: str, explain: Callable[[object, str], Failure]
) -> V | Failure:
    try:
        return one(future.result(timeout=0))
    except Exception as error:  # one item's trouble, whatever it is, is that item's answer
        return explain(error, what)


def _number(spec: OffsetSpec) -> int:
    """Kafka's word for it: a time, or one of two that no time has."""
    match spec:
        case AtTime(ms):
            return ms
        case Edge.START:
            return int(confluent_kafka.OFFSET_BEGINNING)
        case Edge.END:
            return int(confluent_kafka.OFFSET_END)
