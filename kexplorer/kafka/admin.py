"""The one AdminClient of a connection, and the adapter from its futures to the loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

import confluent_kafka
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec, ResourceType

from kexplorer.kafka import checks
from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.handle import HandleThread, timed_out
from kexplorer.kafka.link import LinkMonitor
from kexplorer.model.cluster import ConfigEntry
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
_CONFIGS_A_CALL = 500


class Admin:
    """Owns the AdminClient and its thread for the connection's life: a client that is dropped while a call is open
    leaves that call unanswered for ever."""

    def __init__(self, config: dict[str, Any], monitor: LinkMonitor) -> None:
        self._monitor = monitor
        self._client: AdminClient | None = None
        self._thread = HandleThread("kafka-admin", idle=self._serve_callbacks)
        self._config = config

    async def metadata(self) -> ClusterMetadata:
        def ask() -> ClusterMetadata:
            return _metadata(self._open().list_topics(timeout=REQUEST_TIMEOUT))

        what = "Reading the cluster's metadata"
        try:
            answer = await self._thread.call(ask, what=what, within=REQUEST_TIMEOUT + _GRACE)
        except KafkaException as error:
            raise self._explain(failure_of(error, what)) from error
        self._monitor.on_answer()
        return answer

    async def list_offsets(
        self, wanted: Mapping[TopicPartition, Spec], isolation: IsolationLevel
    ) -> dict[TopicPartition, int | Failure | None]:
        what = "Looking up offsets"
        for source in wanted:
            checks.topic_name(source.topic)
        level = (
            confluent_kafka.IsolationLevel.READ_COMMITTED
            if isolation is IsolationLevel.READ_COMMITTED
            else confluent_kafka.IsolationLevel.READ_UNCOMMITTED
        )

        def ask() -> Mapping[Any, Future[Any]]:
            request = {confluent_kafka.TopicPartition(*source): _spec(spec) for source, spec in wanted.items()}
            return self._open().list_offsets(request, isolation_level=level, request_timeout=REQUEST_TIMEOUT)

        def one(result: Any) -> int | None:
            return None if result.offset < 0 else int(result.offset)

        if not wanted:
            return {}
        answers = await self._collect(ask, one, what)
        return {TopicPartition(key.topic, key.partition): answer for key, answer in answers.items()}

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
        self, ask: Callable[[], Mapping[K, Future[Any]]], one: Callable[[Any], V], what: str
    ) -> dict[K, V | Failure]:
        """One answer for a mapping of futures. What failed for one key is that key's `Failure`; only when the request
        could not be made at all is it raised. The loop is woken once, however many futures there are."""
        done: Future[dict[K, V | Failure]] = Future()

        def start() -> None:
            try:
                futures = ask()
            except (KafkaException, ValueError, TypeError) as error:
                raise failure_of(error, what) from error
            _when_all_done(
                futures.values(), lambda: done.set_result({k: _answer(f, one, what) for k, f in futures.items()})
            )

        limit = REQUEST_TIMEOUT + _GRACE
        await self._thread.call(start, what=what, within=limit)
        try:
            answers = await asyncio.wait_for(asyncio.wrap_future(done), limit)
        except TimeoutError:
            raise self._explain(timed_out(what, limit)) from None
        if any(not isinstance(answer, Failure) for answer in answers.values()):
            self._monitor.on_answer()
        return {key: self._explain(a) if isinstance(a, Failure) else a for key, a in answers.items()}

    def _explain(self, failure: Failure) -> Failure:
        """The client's exception only says that no answer came; the monitor knows why."""
        reason = self._monitor.state.reason
        if reason and failure.kind in (FailureKind.TIMEOUT, FailureKind.UNREACHABLE):
            return Failure(failure.kind, f"{failure.message} Cause: {reason}.", failure.hint)
        return failure


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
    except (KafkaException, ValueError, TypeError, FutureTimeout) as error:
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


def _config_entries(entries: Any) -> dict[str, ConfigEntry]:
    return {
        name: ConfigEntry(name, e.value, bool(e.is_default), bool(e.is_read_only), bool(e.is_sensitive))
        for name, e in entries.items()
    }
