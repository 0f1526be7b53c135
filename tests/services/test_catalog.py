"""Spans, rates and failures of topics, from a cluster in memory."""

import asyncio

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import TopicPartition
from kexplorer.services.catalog import Catalog, TopicOffsets
from tests.rig.loops import LoopRunner
from tests.services.fake_cluster import FakeCluster


async def _offsets(catalog: Catalog) -> dict[str, TopicOffsets]:
    found: dict[str, TopicOffsets] = {}
    await catalog.offsets((await catalog.refresh()).topics, found.update)
    return found


def test_spans_and_rates(aio: LoopRunner) -> None:
    cluster = FakeCluster()
    cluster.add_topic("orders", 2)
    cluster.add_topic("empty")
    for n in range(10):
        cluster.add("orders", b"v", partition=n % 2)
    catalog = Catalog(cluster)

    async def ask() -> None:
        first = await _offsets(catalog)
        assert (first["orders"].span, first["orders"].end, first["orders"].rate) == (10, 10, None)
        assert (first["empty"].span, first["empty"].rate) == (0, None)
        await asyncio.sleep(0.05)
        for _ in range(20):
            cluster.add("orders", b"v")
        second = await _offsets(catalog)
        assert second["orders"].span == 30
        assert second["orders"].rate is not None
        assert 20 / 5 < second["orders"].rate <= 20 / 0.05
        assert second["empty"].rate == 0

    aio.run(ask())


def test_a_topic_that_was_recreated_has_no_negative_rate(aio: LoopRunner) -> None:
    cluster = FakeCluster()
    cluster.add_topic("orders")
    for _ in range(10):
        cluster.add("orders", b"v")
    catalog = Catalog(cluster)

    async def ask() -> None:
        await _offsets(catalog)
        cluster.remove_topic("orders")
        cluster.add_topic("orders")
        await asyncio.sleep(0.01)
        assert (await _offsets(catalog))["orders"].rate is None

    aio.run(ask())


def test_what_fails_for_a_partition_is_counted_and_told(aio: LoopRunner) -> None:
    cluster = FakeCluster()
    cluster.add_topic("orders", 3)
    cluster.add("orders", b"v")
    cluster.broken[TopicPartition("orders", 1)] = Failure(FailureKind.UNREACHABLE, "No leader.")
    found = aio.run(_offsets(Catalog(cluster)))["orders"]
    assert (found.span, found.failed) == (1, 1)
    assert found.trouble is not None
    assert found.trouble.kind is FailureKind.UNREACHABLE


def test_many_topics_come_in_pieces(aio: LoopRunner) -> None:
    cluster = FakeCluster()
    for n in range(500):
        cluster.add_topic(f"topic-{n:03}", 10)
    pieces: list[int] = []

    async def ask() -> None:
        catalog = Catalog(cluster)
        await catalog.offsets((await catalog.refresh()).topics, lambda found: pieces.append(len(found)))

    aio.run(ask())
    assert sum(pieces) == 500
    assert len(pieces) == 3


def test_watchers_hear_of_every_refresh_until_they_stop(aio: LoopRunner) -> None:
    cluster = FakeCluster()
    catalog = Catalog(cluster)
    heard: list[int] = []

    async def ask() -> None:
        stop = catalog.watch(lambda metadata: heard.append(len(metadata.topics)))
        await catalog.refresh()
        cluster.add_topic("orders")
        await catalog.refresh()
        stop()
        await catalog.refresh()

    aio.run(ask())
    assert heard == [0, 1]
