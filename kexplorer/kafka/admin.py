"""The one AdminClient of a connection, and the adapter from its futures to the loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

import confluent_kafka
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec, ResourceType

from kexplorer.kafka import checks
from kexplorer.kafka.failures import CHECK_LOGIN, failure_of
from kexplorer.kafka.handle import HandleThread, timed_out
from kexplorer.kafka.link import LinkMonitor
from kexplorer.model.cluster import ConfigEntry, ConfigSource, Link
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import (
    AtTime,
    Broker,
    ClusterMetadata,
    Edge,
    IsolationLevel,
    Partition,
    Topic,
    TopicPartition,
)
from kexplorer.model.topics import OffsetSpec as Spec

K = TypeVar("K")
V = TypeVar("V")

REQUEST_TIMEOUT = 10.0  # seconds a broker has for an answer
_GRACE = 2.0  # seconds more until we stop waiting for the client itself
_FIRST_LOOK = 5.0  # seconds after which other leaders are looked for
_SHARES = (0.1, 0.2, 0.2)  # of the time for metadata: how long each broker but the last is waited for
_PAUSES = (0.05, 0.25, 1.0)  # seconds before each further look
_CONFIGS_A_CALL = 500
_LEADER_TROUBLE = frozenset({FailureKind.TIMEOUT, FailureKind.UNREACHABLE})
_SOURCES = {  # numbers of Kafka's protocol
    1: ConfigSource.TOPIC,
    2: ConfigSource.DYNAMIC_BROKER,
    3: ConfigSource.DYNAMIC_DEFAULT,
    4: ConfigSource.STATIC_BROKER,
    5: ConfigSource.DEFAULT,
}
_INT32, _INT64 = (1 << 31) - 1, (1 << 63) - 1


class Admin:
    """Owns the AdminClient and its thread for the connection's life: a client that is dropped while a call is open
    leaves that call unanswered for ever."""

    def __init__(self, config: dict[str, Any], monitor: LinkMonitor) -> None:
        self._monitor = monitor
        self._client: AdminClient | None = None
        self._thread = HandleThread("kafka-admin", idle=self._serve_callbacks)
        self._config = config

    async def metadata(self) -> ClusterMetadata:
        return await self._metadata(REQUEST_TIMEOUT)

    async def list_offsets(
        self, wanted: Mapping[TopicPartition, Spec], isolation: IsolationLevel
    ) -> dict[TopicPartition, int | Failure | None]:
        """A look-up goes to the leaders that the client knows of. It learns of new ones from metadata alone, so what
        failed for want of the right leader is asked for again behind a look at those."""
        for source, spec in wanted.items():
            check_source(source)
            if isinstance(spec, AtTime):
                check_number(spec.ms, what="The time (milliseconds since 1970)")
        if not wanted:
            return {}
        until = time.monotonic() + REQUEST_TIMEOUT
        answers = await self._offsets(wanted, isolation, _FIRST_LOOK)
        for pause in _PAUSES:
            missing = [s for s, a in answers.items() if isinstance(a, Failure) and a.kind in _LEADER_TROUBLE]
            if not missing or until - time.monotonic() < 1:
                break
            await asyncio.sleep(pause)
            try:
                led = _led(await self._metadata(until - time.monotonic()))
            except Failure:
                break  # the first answers stand
            again = {source: wanted[source] for source in missing if source in led}
            if not again:
                break
            answers |= await self._offsets(again, isolation, max(until - time.monotonic(), 1))
        return answers

    async def topic_configs(self, topics: Iterable[str]) -> dict[str, dict[str, ConfigEntry] | Failure]:
        names = [checks.topic_name(name) for name in topics]
        answers: dict[str, dict[str, ConfigEntry] | Failure] = {}
        for at in range(0, len(names), _CONFIGS_A_CALL):
            chunk = names[at : at + _CONFIGS_A_CALL]

            def ask(chunk: list[str] = chunk) -> Mapping[Any, Future[Any]]:
                resources = [ConfigResource(ResourceType.TOPIC, name) for name in chunk]
                return self._open().describe_configs(resources, request_timeout=REQUEST_TIMEOUT)

            found = await self._collect(ask, _config_entries, "Reading topic configuration")
            answers |= {resource.name: answer for resource, answer in found.items()}
        return answers

    async def topic_ids(self, topics: Iterable[str]) -> dict[str, str | Failure | None]:
        names = list(dict.fromkeys(checks.topic_name(name) for name in topics))
        if not names:
            return {}

        def ask() -> Mapping[str, Future[Any]]:
            asked = confluent_kafka.TopicCollection(names)
            return self._open().describe_topics(asked, request_timeout=REQUEST_TIMEOUT)

        return await self._collect(ask, _topic_id, "Asking for topics' ids")

    async def _metadata(self, seconds: float) -> ClusterMetadata:
        def ask() -> ClusterMetadata:
            until = time.monotonic() + seconds
            for share in _SHARES:  # the client asks any one broker, and that may be the one that is frozen
                try:
                    return _metadata(self._open().list_topics(timeout=share * seconds))
                except KafkaException:
                    self._serve_callbacks()
                    if self._monitor.state.link == Link.DOWN:  # no use in waiting, and the cause is known
                        raise
            return _metadata(self._open().list_topics(timeout=max(until - time.monotonic(), 0.5)))

        what = "Reading the cluster's metadata"
        try:
            answer = await self._thread.call(ask, what=what, within=seconds + _GRACE)
        except (KafkaException, Failure) as error:
            raise self._explain(failure_of(error, what)) from error
        self._monitor.on_answer()
        return answer

    async def _offsets(
        self, wanted: Mapping[TopicPartition, Spec], isolation: IsolationLevel, seconds: float
    ) -> dict[TopicPartition, int | Failure | None]:
        what = "Looking up offsets"
        level = (
            confluent_kafka.IsolationLevel.READ_COMMITTED
            if isolation is IsolationLevel.READ_COMMITTED
            else confluent_kafka.IsolationLevel.READ_UNCOMMITTED
        )

        def ask() -> Mapping[Any, Future[Any]]:
            request = {confluent_kafka.TopicPartition(*source): _spec(spec) for source, spec in wanted.items()}
            return self._open().list_offsets(request, isolation_level=level, request_timeout=seconds)

        def one(result: Any) -> int | None:
            offset = int(result.offset)
            if offset == confluent_kafka.OFFSET_INVALID:  # so the client says that the leader did not answer
                raise timed_out(what, seconds)
            return offset if offset >= 0 else None

        answers = await self._collect(ask, one, what, seconds)
        return {TopicPartition(key.topic, key.partition): answer for key, answer in answers.items()}

    async def ping(self) -> None:
        """Asks any broker who is in the cluster; the monitor learns whether one answered."""
        what = "Waiting for a broker"

        def ask() -> Mapping[str, Future[Any]]:
            return {"cluster": self._open().describe_cluster(request_timeout=REQUEST_TIMEOUT)}

        answer = (await self._collect(ask, lambda result: True, what))["cluster"]
        if isinstance(answer, Failure):
            self._monitor.on_silence(answer.message)

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

    async def _collect(
        self,
        ask: Callable[[], Mapping[K, Future[Any]]],
        one: Callable[[Any], V],
        what: str,
        seconds: float = REQUEST_TIMEOUT,
    ) -> dict[K, V | Failure]:
        """One answer for a mapping of futures. What failed for one key is that key's `Failure`; only when the request
        could not be made at all is it raised. The loop is woken once, however many futures there are."""
        done: Future[dict[K, V | Failure]] = Future()
        done.set_running_or_notify_cancel()  # nobody who stops waiting may cancel what a callback will set

        def start() -> None:
            try:
                futures = ask()
            except (KafkaException, ValueError, TypeError) as error:
                raise failure_of(error, what) from error
            _when_all_done(
                futures.values(), lambda: done.set_result({k: _answer(f, one, what) for k, f in futures.items()})
            )

        limit = seconds + _GRACE
        try:
            async with asyncio.timeout(limit):
                await asyncio.wrap_future(self._thread.submit(start))
                answers = await asyncio.wrap_future(done)
        except TimeoutError:
            raise self._explain(timed_out(what, limit)) from None
        if any(not isinstance(answer, Failure) for answer in answers.values()):
            self._monitor.on_answer()
        return {key: self._explain(a) if isinstance(a, Failure) else a for key, a in answers.items()}

    def _explain(self, failure: Failure) -> Failure:
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
    check_number(source.partition, _INT32, "The partition")


def check_number(number: int, most: int = _INT64, what: str = "The offset") -> None:
    """Negative numbers have meanings of their own in the client; larger ones it cannot hold."""
    if not 0 <= number <= most:
        raise checks.invalid(f"{what} must be from 0 to {most}, not {number}.")


def _led(seen: ClusterMetadata) -> set[TopicPartition]:
    return {TopicPartition(t.name, p.id) for t in seen.topics for p in t.partitions if p.leader is not None}


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


def _answer(future: Future[Any], one: Callable[[Any], V], what: str) -> V | Failure:
    try:
        return one(future.result(timeout=0))
    except Exception as error:  # one item's trouble, whatever it is, is that item's answer
        return failure_of(error, what)


def _spec(spec: Spec) -> Any:
    match spec:
        case AtTime(ms):
            return OffsetSpec.for_timestamp(ms)
        case Edge.START:
            return OffsetSpec.earliest()
        case Edge.END:
            return OffsetSpec.latest()


def _metadata(answer: Any) -> ClusterMetadata:
    brokers = tuple(Broker(b.id, b.host, b.port) for b in sorted(answer.brokers.values(), key=lambda b: b.id))
    topics = tuple(_topic(answer.topics[name]) for name in sorted(answer.topics))
    return ClusterMetadata(answer.cluster_id or None, brokers, topics)


def _topic(t: Any) -> Topic:
    what = f"Topic {t.topic}"
    partitions = tuple(
        Partition(
            p.id,
            p.leader if p.leader >= 0 else None,
            tuple(p.replicas),
            tuple(p.isrs),
            failure_of(p.error, f"{what}, partition {p.id}") if p.error else None,
        )
        for p in sorted(t.partitions.values(), key=lambda p: p.id)
    )
    return Topic(t.topic, partitions, failure_of(t.error, what) if t.error else None)


def _topic_id(described: Any) -> str | None:
    """The client writes ids in plain Base64, Kafka in the kind for URLs; a broker that has none sends zeros."""
    given = described.topic_id
    if not given.get_most_significant_bits() and not given.get_least_significant_bits():
        return None
    return str(given).replace("+", "-").replace("/", "_")


def _config_entries(entries: Any) -> dict[str, ConfigEntry]:
    return {name: _config_entry(name, e) for name, e in entries.items()}


def _config_entry(name: str, e: Any) -> ConfigEntry:
    source = _SOURCES.get(int(e.source), ConfigSource.UNKNOWN)
    return ConfigEntry(name, e.value, bool(e.is_default), bool(e.is_read_only), bool(e.is_sensitive), source)
