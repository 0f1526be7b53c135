"""The life of one entity on a real broker, found by worker processes: tombstones, several topics, Avro."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable

import pytest

from kexplorer.formats.folding import make_fold
from kexplorer.formats.partitioning import partition_for
from kexplorer.formats.payloads import MISSING
from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.kafka.scan import Scan
from kexplorer.kafka.scan_pool import ScanPool
from kexplorer.model.folding import FoldKind, FoldSpec
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.schemas import RegistryAccess
from kexplorer.model.search import FilterKind
from kexplorer.model.topics import IsolationLevel
from kexplorer.registry.cache import SchemaCache
from kexplorer.registry.client import RegistryClient
from kexplorer.services.entity import EntityKey, History, Scope, collect, reader, scope_of
from kexplorer.services.schemas import Schemas
from kexplorer.services.search import Search
from tests.formats.test_filters_by_schema import ORDER, framed, order
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent
from tests.registry.server import FakeRegistry, Running
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner

PARTITIONS = 4
pytestmark = pytest.mark.kafka


def _placed(key: bytes, value: bytes | None, ms: int) -> Sent:
    """Where Java's clients put it."""
    return Sent(partition_for(key, PARTITIONS), key, value, timestamp=NOW + ms)


async def _life(
    broker: Broker, topics: Iterable[str], key: EntityKey, fold: FoldSpec, schemas: Schemas | None = None
) -> tuple[History, Scope]:
    profile = Profile("test", broker.bootstrap)
    cluster = KafkaCluster(profile, Credentials())
    try:
        scope = await scope_of(cluster, list(topics), key, NOW)
    finally:
        await cluster.close()
    by_fields = scope.query.filter.kind is FilterKind.EXPRESSION
    known = schemas.for_workers() if schemas and by_fields else None
    isolation = IsolationLevel.READ_UNCOMMITTED
    scan = Scan(profile, Credentials(), scope.query.filter, NOW, isolation, schemas=known)
    async with asyncio.timeout(100):
        records, enough = await collect(Search(scope.query, scan, lambda: ScanPool(2)), lambda _: None)
    assert not enough
    life = History(records, make_fold(fold), reader(schemas))
    await life.build(lambda _: None)
    return life, scope


def test_an_account_among_others_with_a_tombstone(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, PARTITIONS)
    sent, balance = [], 0
    for n in range(3000):
        key = b"account-%d" % (n % 50)
        value = None if n == 1507 else b'{"n": %d}' % n
        sent.append(_placed(key, value, n))
        if n % 50 == 7:
            balance = 0 if value is None else balance + n
    direct.produce(broker.bootstrap, topic_name, sent)
    spec = FoldSpec(FoldKind.EXPRESSION, "sum = coalesce(state.sum, 0) + event.n")
    life, scope = aio.run(_life(broker, [topic_name], EntityKey("account-7"), spec))
    assert [each.source.partition for each in scope.query.ranges] == [partition_for(b"account-7", PARTITIONS)]
    assert len(life) == 60
    assert life.tombstones == {30}
    assert aio.run(life.step(30)).after is MISSING
    assert aio.run(life.step(59)).after == {"sum": balance}
    assert aio.run(life.step(life.row_at(NOW + 107))).after == {"sum": 7 + 57 + 107}


def test_an_order_over_several_topics(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """In the order of time, whichever topic and partition an event is in."""
    topics = [f"{topic_name}-{part}" for part in ("orders", "payments")]
    steps = [
        (0, {"status": "new"}),
        (1, {"paid": 12}),
        (0, {"status": "packed"}),
        (1, {"paid": None}),
        (0, {"done": 1}),
    ]
    for topic in topics:
        direct.create(broker.bootstrap, topic, PARTITIONS)
    for number, topic in enumerate(topics):
        events = [(ms, value) for ms, (where, value) in enumerate(steps) if where == number]
        noise = [_placed(b"other", b'{"status": "lost"}', 0)]
        direct.produce(
            broker.bootstrap,
            topic,
            [*noise, *(_placed(b"o-1", json.dumps(value).encode(), ms) for ms, value in events)],
        )
    life, _ = aio.run(_life(broker, topics, EntityKey("o-1"), FoldSpec(FoldKind.MERGE)))
    states = [aio.run(life.step(row)).after for row in range(len(life))]
    assert states == [
        {"status": "new"},
        {"status": "new", "paid": 12},
        {"status": "packed", "paid": 12},
        {"status": "packed"},
        {"status": "packed", "done": 1},
    ]


def test_avro_by_a_field_of_the_value(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """Workers decode to find them; what cannot be decoded is told, the state stays."""
    direct.create(broker.bootstrap, topic_name, 2)
    served = FakeRegistry()
    served.add(7, ORDER)
    values = [framed(7, order(n % 5, 0, 100 * n, f"Customer {n % 2}")) for n in range(40)]
    broken = [Sent(0, b"3", framed(99, b"x"), timestamp=NOW + 100)]
    plain = [Sent(n % 2, b"k", value, timestamp=NOW + n) for n, value in enumerate(values)]
    with Running(served):
        direct.produce(broker.bootstrap, topic_name, [*plain, *broken])
        schemas = Schemas(SchemaCache(RegistryClient(RegistryAccess(served.url))))
        life, _ = aio.run(_life(broker, [topic_name], EntityKey("3", "value.id"), FoldSpec(), schemas))
        assert len(life) == 8
        last = aio.run(life.step(7)).after
        by_key, _ = aio.run(_life(broker, [topic_name], EntityKey("3", "key"), FoldSpec(), schemas))
    assert last["id"] == 3
    assert str(last["total"]) == "38.00"
    assert list(by_key.failed) == [0]
    assert "cannot be decoded" in by_key.failed[0].message
