"""A test consumer in a real group: it tells what happens to it, and ends as it is asked to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from kexplorer.kafka.trial_consumer import TrialThread, join
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Group
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.topics import TopicPartition
from kexplorer.model.trial_consumer import Assigning, Commits, Event, Phase, Trial
from tests.kafka import direct
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import PATIENCE_S, until

pytestmark = pytest.mark.kafka
_PARTITIONS = 4
_QUICK = Trial("", (), delay=0.0, session_timeout=6.0, max_poll_interval=6.0)


@pytest.fixture(scope="module")
def orders(broker: Broker) -> str:
    """A topic with ten records in each partition."""
    direct.create(broker.bootstrap, "trial-orders", _PARTITIONS)
    direct.produce(broker.bootstrap, "trial-orders", direct.rows(10 * _PARTITIONS, _PARTITIONS))
    return "trial-orders"


@asynccontextmanager
async def _joined(broker: Broker, trial: Trial) -> AsyncIterator[TrialThread]:
    consumer = join(Profile("test", broker.bootstrap), Credentials(), trial)
    try:
        yield consumer
    finally:
        assert await consumer.leave(PATIENCE_S)


def _words(consumer: TrialThread, event: Event) -> list[str]:
    return [each.words for each in consumer.told() if each.event is event]


def _held(*consumers: TrialThread) -> list[int]:
    return sorted(source.partition for each in consumers for source in each.state.positions)


@pytest.mark.slow
@pytest.mark.parametrize("assigning", Assigning)
def test_by_each_protocol_it_tells_what_it_gets_and_gives(
    aio: LoopRunner, broker: Broker, orders: str, topic_name: str, assigning: Assigning
) -> None:
    trial = replace(_QUICK, group=topic_name, topics=(orders,), assigning=assigning, client="first")

    async def look() -> None:
        async with _joined(broker, trial) as first:
            await until(lambda: first.state.records == 10 * _PARTITIONS)
            async with _joined(broker, replace(trial, client="second")) as second:
                await until(lambda: len(_held(first)) == len(_held(second)) == _PARTITIONS // 2)
                assert _held(first, second) == list(range(_PARTITIONS))
                assert _words(first, Event.REVOKED)
                assert _words(second, Event.ASSIGNED)
            assert second.state.phase is Phase.LEFT
            await until(lambda: len(_held(first)) == _PARTITIONS)
        assert first.state.phase is Phase.LEFT
        assert first.told()[-1].words == "It left the group."

    aio.run(look())


def test_one_that_crashes_stays_a_member_until_the_session_timeout(
    aio: LoopRunner, broker: Broker, orders: str, topic_name: str
) -> None:
    trial = replace(_QUICK, group=topic_name, topics=(orders,))

    async def look() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            consumer = join(cluster.profile, Credentials(), trial)
            await until(lambda: len(_held(consumer)) == _PARTITIONS)
            assert await consumer.crash(PATIENCE_S)
            assert consumer.state.phase is Phase.CRASHED
            group = (await cluster.describe_groups([topic_name]))[topic_name]
            assert isinstance(group, Group)
            assert [each.id for each in group.members] == [consumer.state.member]

    aio.run(look())


@pytest.mark.parametrize("commits", Commits)
def test_it_commits_as_it_is_asked_to(
    aio: LoopRunner, broker: Broker, orders: str, topic_name: str, commits: Commits
) -> None:
    trial = replace(_QUICK, group=topic_name, topics=(orders,), commits=commits)

    async def look() -> None:
        async with _joined(broker, trial) as consumer:
            await until(lambda: consumer.state.records == 10 * _PARTITIONS)
            position = consumer.state.positions[TopicPartition(orders, 3)]
            assert (position.offset, position.key, position.records) == (10, b"k39", 10)
        async with direct.connected(broker.bootstrap) as cluster:
            found = await cluster.committed(topic_name, [TopicPartition(orders, n) for n in range(_PARTITIONS)])
        assert set(found.values()) == ({None} if commits is Commits.NONE else {10})
        assert bool(_words(consumer, Event.COMMITTED)) == (commits is not Commits.NONE)

    aio.run(look())


@pytest.mark.slow
def test_slow_work_loses_the_partitions(aio: LoopRunner, broker: Broker, orders: str, topic_name: str) -> None:
    trial = replace(_QUICK, group=topic_name, topics=(orders,), assigning=Assigning.CONSUMER)
    trial = replace(trial, delay=2.5, max_poll_interval=1.0)

    async def look() -> None:
        async with _joined(broker, trial) as consumer:
            await until(lambda: any("MAX_POLL_EXCEEDED" in words for words in _words(consumer, Event.ERROR)))
            await until(lambda: _words(consumer, Event.LOST))
            consumer.work(0.0)
            await until(lambda: consumer.state.records >= 10 * _PARTITIONS)

    aio.run(look())


def test_paused_it_stays_a_member_and_reads_nothing(
    aio: LoopRunner, broker: Broker, orders: str, topic_name: str
) -> None:
    trial = replace(_QUICK, group=topic_name, topics=(orders,), delay=0.05)

    async def look() -> None:
        async with _joined(broker, trial) as consumer:
            await until(lambda: consumer.state.records)
            consumer.pause(True)
            await until(lambda: consumer.state.phase is Phase.PAUSED)
            read, polls = consumer.state.records, consumer.state.polls
            await until(lambda: consumer.state.polls >= polls + 3)
            assert consumer.state.records - read <= 1  # one was on its way
            assert len(_held(consumer)) == _PARTITIONS
            consumer.pause(False)
            consumer.work(0.0)
            await until(lambda: consumer.state.records == 10 * _PARTITIONS)

    aio.run(look())


def test_two_with_one_instance_id_end_one_of_them(
    aio: LoopRunner, broker: Broker, orders: str, topic_name: str
) -> None:
    trial = replace(_QUICK, group=topic_name, topics=(orders,), instance="pod-0", assigning=Assigning.CONSUMER)

    async def look() -> None:
        async with _joined(broker, trial) as first:
            await until(lambda: len(_held(first)) == _PARTITIONS)
            second = join(Profile("test", broker.bootstrap), Credentials(), trial)
            await until(lambda: second.state.phase is Phase.FAILED)
            assert any("instance ID is still used" in words for words in _words(second, Event.ERROR))
            assert len(_held(first)) == _PARTITIONS

    aio.run(look())


def test_one_that_reaches_nobody_says_so_and_can_be_ended(aio: LoopRunner) -> None:
    trial = replace(_QUICK, group="g", topics=("orders",))

    async def look() -> None:
        consumer = join(Profile("test", "127.0.0.1:1"), Credentials(), trial)
        await until(lambda: any("127.0.0.1:1" in words for words in _words(consumer, Event.ERROR)))
        assert not consumer.state.positions
        assert await consumer.leave(PATIENCE_S)
        assert consumer.state.phase is Phase.LEFT

    aio.run(look())


def test_a_read_only_profile_joins_nothing(broker: Broker, orders: str, topic_name: str) -> None:
    profile = Profile("test", broker.bootstrap, read_only=True)
    with pytest.raises(Failure, match="is read-only") as refused:
        join(profile, Credentials(), replace(_QUICK, group=topic_name, topics=(orders,)))
    assert refused.value.kind is FailureKind.REFUSED
    assert topic_name not in direct.groups_of(broker.bootstrap)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"topics": ()}, "No topic is chosen"),
        ({"group": " "}, "The group id is empty"),
        ({"max_poll_interval": 1.0}, "max.poll.interval.ms is less than session.timeout.ms"),
        ({"instance": "a\0b"}, "NUL"),
    ],
)
def test_what_cannot_be_set_is_refused_before_anything_is_sent(wrong: dict[str, object], words: str) -> None:
    trial = replace(_QUICK, group="g", topics=("orders",))
    with pytest.raises(Failure, match=words):
        join(Profile("test", "127.0.0.1:1"), Credentials(), replace(trial, **wrong))  # type: ignore[arg-type]
