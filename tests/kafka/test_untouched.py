"""Looking changes nothing: no topics, no groups, no offsets, no configuration. The broker would create a topic for any
client that lets it."""

import asyncio
import threading

import pytest
from confluent_kafka import Consumer

from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.model.failure import Failure
from kexplorer.model.lag import GroupLag
from kexplorer.model.records import Batch
from kexplorer.model.topics import AtTime, Edge, IsolationLevel, OffsetRange, TopicPartition
from kexplorer.services import browser
from kexplorer.services.group_lag import look, time_lag
from tests.kafka import direct
from tests.pages import newest
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner


class _Groups:
    """Notes every group that the broker ever lists while it is entered."""

    def __init__(self, bootstrap: str) -> None:
        self.seen: set[str] = set()
        self.looks = 0
        self._bootstrap = bootstrap
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "_Groups":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        client = direct.admin(self._bootstrap)
        while not self._stop.wait(0.02):
            self.seen |= {group.group_id for group in client.list_consumer_groups(request_timeout=10).result(10).valid}
            self.looks += 1


@pytest.fixture
def committed(broker: Broker, topic_name: str) -> None:
    """The topic with records, and a group with committed offsets on it."""
    direct.create(broker.bootstrap, topic_name, 3)
    direct.produce(broker.bootstrap, topic_name, direct.rows(300, 3))
    consumer = Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": f"{topic_name}-team", "auto.offset.reset": "earliest"},
        logger=direct.QUIET,
    )
    consumer.subscribe([topic_name])
    assert consumer.consume(50, 15)
    consumer.commit(asynchronous=False)
    consumer.close()


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.usefixtures("committed")
def test_fifty_visits_leave_no_trace(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    async def visit(isolation: IsolationLevel, *, with_groups: bool) -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            page = await newest(cluster, topic_name, 20, isolation)
            assert len(page.records) == 20
            await cluster.topic_configs([topic_name])
            if with_groups:
                await look_at_groups(cluster)
            following = asyncio.create_task(browser.follow(cluster, page.ends, _ignore, isolation))
            await asyncio.sleep(0.02)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def look_at_groups(cluster: KafkaCluster) -> None:
        """As the panels of groups do; one of them is a name that nobody uses."""
        team, nobody = f"{topic_name}-team", f"{topic_name}-nobody"
        await cluster.groups()
        seen = await look(cluster, [team, nobody], stable=True)
        here = seen[team]
        assert isinstance(here, GroupLag)
        assert here.lag
        assert (await cluster.group_offsets({nobody: None}))[nobody] == {}
        await time_lag(cluster, here.readings)
        await cluster.committed(team, [each.source for each in here.readings])

    async def visits() -> None:
        for n in range(50):
            await visit(list(IsolationLevel)[n % 2], with_groups=n % 10 == 0)

    before = direct.snapshot(broker.bootstrap)
    known = set(direct.groups_of(broker.bootstrap))
    assert f"{topic_name}-team" in known
    with _Groups(broker.bootstrap) as groups:
        aio.run(visits())
    assert groups.looks > 20
    assert groups.seen <= known
    after = direct.snapshot(broker.bootstrap)
    assert f"{topic_name}-team" in after.committed
    for group in before.committed.keys() - after.committed.keys():  # the rig lets offsets expire after a minute
        del before.committed[group]
    assert after == before


@pytest.mark.slow
@pytest.mark.kafka
def test_asking_for_a_topic_does_not_create_it(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """A typo in a search box, and a topic that was deleted while its panel was open."""
    source = TopicPartition(topic_name, 0)

    async def ask() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            for spec in (Edge.START, Edge.END, AtTime(1)):
                assert isinstance((await cluster.list_offsets({source: spec}))[source], Failure)
            assert isinstance((await cluster.topic_configs([topic_name]))[topic_name], Failure)
            with pytest.raises(Failure):
                await newest(cluster, topic_name, 10)
            for end in (10, None):
                async with cluster.open_reader([OffsetRange(source, 0, end)]) as reader:
                    while (batch := await reader.next_batch()) is not None:
                        assert len(batch.records) == 0
            assert topic_name not in [topic.name for topic in (await cluster.metadata()).topics]

    aio.run(ask())
    assert topic_name not in direct.admin(broker.bootstrap).list_topics(timeout=10).topics


async def _ignore(batch: Batch) -> None:
    assert not batch.troubles
