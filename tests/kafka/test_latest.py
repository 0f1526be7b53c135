"""The latest state of every key is what the records of real partitions add up to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from kexplorer.kafka.latest_scan import LatestScan
from kexplorer.kafka.scan_pool import ScanPool
from kexplorer.model.folding import FoldKind, FoldSpec
from kexplorer.model.latest import Entity, Order, View
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.topics import OffsetRange, TopicPartition
from kexplorer.services.latest import Gathering, LatestQuery
from kexplorer.services.latest_folding import FoldBucket
from kexplorer.store.latest import LatestTable, make_table
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner


async def _gathered(
    broker: Broker, folder: Path, topics: Sequence[str], partitions: int, key: str = "", fold: FoldSpec | None = None
) -> tuple[Gathering, LatestTable]:
    ranges = [
        OffsetRange(TopicPartition(topic, number), *edges)
        for topic in topics
        for number, edges in direct.ends(broker.bootstrap, topic, partitions).items()
    ]
    query, table = LatestQuery(tuple(ranges), key), make_table(folder)
    profile = Profile("test", broker.bootstrap)
    scan = LatestScan(profile, Credentials(), table.file, query.buckets, key, fold is not None)
    gathering = Gathering(query, table, scan, FoldBucket(table.file, fold), lambda: ScanPool(2))
    while await gathering.step():
        pass
    return gathering, table


async def _all(table: LatestTable, view: View) -> list[Entity]:
    return await table.rows(0, await table.show(view))


def test_the_last_value_of_each_key(aio: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path) -> None:
    direct.create(broker.bootstrap, topic_name, 3)
    records = [Sent(n % 50 % 3, f"k{n % 50}".encode(), f"v{n}".encode(), timestamp=NOW + n) for n in range(2000)]
    records += [Sent(0, None, b"no key"), Sent(0, b"k0", None, timestamp=NOW + 5000), Sent(1, b"\xff", b"bytes")]
    # A key in two partitions: the later time counts, though the partition with the other one is read later.
    records += [Sent(0, b"moved", b"new", timestamp=NOW + 9), Sent(2, b"moved", b"old", timestamp=NOW + 1)]
    # In one partition the offset counts, whatever the time.
    records += [Sent(1, b"late", b"first", timestamp=NOW + 9), Sent(1, b"late", b"second", timestamp=NOW + 1)]
    direct.produce(broker.bootstrap, topic_name, records)

    async def look() -> None:
        gathering, table = await _gathered(broker, tmp_path, [topic_name], 3)
        done = gathering.progress()
        assert (done.complete, done.records, done.keyless, gathering.troubles) == (True, len(records), 1, [])
        found = await _all(table, View())
        states = {each.key: (each.state, each.events) for each in found}
        assert states.pop(b"moved") == (b"new", 2)
        assert states.pop(b"late") == (b"second", 2)
        assert states.pop(b"\xff") == (b"bytes", 1)
        assert states == {f"k{n}".encode(): (f"v{1950 + n}".encode(), 40) for n in range(1, 50)}
        assert [each.key for each in found] == sorted(each.key for each in found)
        (gone,) = [each for each in await _all(table, View(deleted=True)) if each.state is None]
        assert (gone.key, gone.events, gone.ms) == (b"k0", 41, NOW + 5000)
        assert [each.key for each in await _all(table, View("v1999"))] == [b"k49"]
        assert [each.key for each in await _all(table, View("ate"))] == [b"late"]
        newest = await _all(table, View(order=Order.TIME, descending=True))
        assert (newest[0].key, newest[0].ms) == (b"k49", NOW + 1999)
        assert [each.events for each in await _all(table, View(order=Order.EVENTS))][:1] == [1]
        assert await table.counts() == (52, 1)
        await table.close()

    aio.run(look())
    assert not list(tmp_path.iterdir())


def test_states_are_folded_by_the_path_that_names_the_entity(
    aio: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path
) -> None:
    topics = [f"{topic_name}-orders", f"{topic_name}-payments"]
    for topic in topics:
        direct.create(broker.bootstrap, topic, 2)
    orders: list[dict[str, object]] = [{"order": n, "status": "new", "note": "x"} for n in range(5)]
    payments: list[dict[str, object]] = [{"order": n, "status": "paid", "note": None} for n in range(3)]
    for topic, later, events in zip(topics, (0, 100), (orders, payments), strict=True):
        sent = [Sent(n % 2, None, json.dumps(each).encode(), timestamp=NOW + later) for n, each in enumerate(events)]
        direct.produce(broker.bootstrap, topic, sent)
    direct.produce(broker.bootstrap, topics[0], [Sent(0, None, b'{"other": 1}'), Sent(0, None, b"no JSON")])

    async def look() -> None:
        fold = FoldSpec(FoldKind.MERGE)
        gathering, table = await _gathered(broker, tmp_path, topics, 2, "value.order", fold)
        assert gathering.progress().keyless == 2
        found = {each.key: json.loads(each.state or b"null") for each in await _all(table, View())}
        assert found == {
            str(n).encode(): {"order": n, "status": "paid"} if n < 3 else {"order": n, "status": "new", "note": "x"}
            for n in range(5)
        }
        await table.close()

    aio.run(look())


def test_an_event_that_cannot_be_folded_is_told_and_the_state_stays(
    aio: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path
) -> None:
    direct.create(broker.bootstrap, topic_name, 1)
    values = (b'{"a": 1}', b"no JSON", b'{"b": 12345678901234567890.10}')
    direct.produce(broker.bootstrap, topic_name, [Sent(0, b"k", value) for value in values])

    async def look() -> None:
        _, table = await _gathered(broker, tmp_path, [topic_name], 1, fold=FoldSpec(FoldKind.MERGE))
        (found,) = await _all(table, View())
        assert found.state == b'{"a":1,"b":12345678901234567890.10}'
        assert found.events == 3
        assert "offset 1: The value is no JSON" in found.error
        await table.close()

    aio.run(look())
