"""The life of a connection: warm readers, closing, and what comes behind it."""

import asyncio
import gc
import threading
import time

import pytest

from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.model.cluster import Cluster, ConnectionState, Link
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.topics import Edge, IsolationLevel, OffsetRange, TopicPartition
from tests.kafka import direct
from tests.pages import newest
from tests.rig.brokers import Broker
from tests.rig.kafka import KafkaCluster as Rig
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster


def test_the_treaty_is_kept() -> None:
    """Checked by mypy; by the real one and by the one that panels are tested with."""
    clusters: list[Cluster] = [KafkaCluster(Profile("p", "127.0.0.1:1"), Credentials()), FakeCluster()]
    asyncio.run(clusters[0].close())
    assert clusters[0].state == ConnectionState(Link.CONNECTING)


def test_what_the_profile_forbids_is_said_before_anything_is_opened() -> None:
    before = threading.active_count()
    with pytest.raises(Failure) as raised:
        KafkaCluster(Profile("p", "no port"), Credentials())
    assert raised.value.kind is FailureKind.INVALID
    assert threading.active_count() == before


def test_readers_are_kept_warm_but_not_without_limit(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, direct.rows(100))

    async def ask() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            for _ in range(3):
                pages = await asyncio.gather(*(newest(cluster, topic_name, 10) for _ in range(8)))
                assert [len(page.records) for page in pages] == [10] * 8
            await until(lambda: _readers() <= 2)

    aio.run(ask())


def _readers() -> int:
    gc.collect()
    return sum(thread.name == "kafka-reader" for thread in threading.enumerate())


def test_a_closed_connection_says_so_at_once(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    source = TopicPartition(topic_name, 0)

    async def ask() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            async with cluster.open_reader([OffsetRange(source, 0, None)]) as reader:
                await reader.next_batch()
                await cluster.close()
                begun = time.monotonic()
                for call in (
                    reader.next_batch(),
                    cluster.metadata(),
                    cluster.list_offsets({source: Edge.END}),
                    cluster.topic_configs([topic_name]),
                ):
                    with pytest.raises(Failure, match="closed"):
                        await call
            with pytest.raises(Failure, match="closed"):
                async with cluster.open_reader([OffsetRange(source, 0, None)]):
                    pass
            assert time.monotonic() - begun < 3

    aio.run(ask())


def test_closing_does_not_wait(aio: LoopRunner) -> None:
    async def ask() -> float:
        cluster = KafkaCluster(Profile("p", "127.0.0.1:1"), Credentials())
        cluster.watch_state(lambda state: None)
        asking = asyncio.create_task(cluster.topic_configs(["t"]))
        await asyncio.sleep(0.1)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        begun = time.monotonic()
        await cluster.close()
        return time.monotonic() - begun

    assert aio.run(ask()) < 0.1


@pytest.mark.slow
@pytest.mark.kafka
def test_a_broker_that_closes_idle_connections_goes_unnoticed(aio: LoopRunner, request: pytest.FixtureRequest) -> None:
    """Brokers do after ten minutes: warm readers go on, and nobody is told of trouble."""
    request.getfixturevalue("broker")
    with Rig(listeners=("PLAINTEXT",), settings={"connections.max.idle.ms": "1000"}) as rig:
        direct.create(rig.bootstrap(), "idle", 3)
        direct.produce(rig.bootstrap(), "idle", direct.rows(300, 3))

        async def ask() -> None:
            async with direct.connected(rig.bootstrap()) as cluster:
                states: list[ConnectionState] = []
                cluster.watch_state(states.append)
                for isolation in IsolationLevel:
                    await newest(cluster, "idle", 10, isolation)
                await asyncio.sleep(6)
                for isolation in IsolationLevel:
                    page = await newest(cluster, "idle", 10, isolation)
                    assert len(page.records) == 10
                    assert not page.troubles
                assert set(states) == {ConnectionState(Link.UP)}

        aio.run(ask())
