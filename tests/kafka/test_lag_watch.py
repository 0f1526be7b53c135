"""Lag of real groups: never negative while they read at full speed, and judged when they don't."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as Place

from kexplorer.model.failure import Failure
from kexplorer.model.lag_series import UNKNOWN
from kexplorer.model.topics import TopicPartition
from kexplorer.model.verdicts import State, Thresholds
from kexplorer.services.lag_watch import LagWatch, Sampled
from tests.benchmarks.lag_truth import watched
from tests.kafka import direct
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until

pytestmark = pytest.mark.kafka
QUICK = Thresholds(patience=0.0)


def _consumer(broker: Broker, group: str) -> Consumer:
    settings = {"bootstrap.servers": broker.bootstrap, "group.id": group, "enable.auto.commit": False}
    return Consumer({**settings, "auto.offset.reset": "earliest"}, logger=direct.QUIET)


@contextmanager
def _working(*works: object) -> Iterator[None]:
    """Each is called again and again in a thread of its own."""
    ended = threading.Event()

    def run(work: object) -> None:
        while not ended.is_set():
            work()  # type: ignore[operator]

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_lag_is_never_negative_while_a_group_keeps_up(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 2)
    sender: Producer = direct.producer(broker.bootstrap)
    reader = _consumer(broker, topic_name)
    reader.assign([Place(topic_name, number, 0) for number in range(2)])

    def write() -> None:
        for number in range(500):
            sender.produce(topic_name, b"v", partition=number % 2)
        sender.flush()

    def read() -> None:
        if reader.consume(2000, 0.05):
            reader.commit(asynchronous=False)

    told: list[Sampled] = []

    async def watch() -> LagWatch:
        async with direct.connected(broker.bootstrap) as cluster:
            found = LagWatch(cluster, every=0.02)
            found.subscribe([topic_name], told.append)
            await until(lambda: told and len(found.series(topic_name)) == 2)
            first = time.monotonic()
            await until(lambda: time.monotonic() - first > 4 and len(told) > 20)
            rates = found.rates(topic_name)
            assert rates.produced is not None
            assert rates.produced > 0
            await found.close()
            return found

    with _working(write, read):
        found = aio.run(watch())
    reader.close()
    for series in found.series(topic_name).values():
        lags = [lag for lag in series.lag if lag != UNKNOWN]
        assert len(lags) > 10
        assert min(lags) >= 0
        assert sorted(series.end) == list(series.end)
    assert [each for sampled in told for each in (sampled.trouble, *sampled.failed.values()) if each] == list[Failure]()


@pytest.mark.slow
def test_no_lag_is_more_than_it_can_have_been(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """By what its writer and its reader note; each process gets as far as the machine lets it."""
    found = aio.run(watched(broker.bootstrap, topic_name, 15, 20_000))
    assert len(found.looks) > 3
    assert found.rate > 0
    assert min(look.least for look in found.looks) >= 0
    assert [look for look in found.looks if look.lag > found.most(look)] == []


def test_groups_that_stop_stall_and_go_back_are_told_apart(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 1)
    direct.produce(broker.bootstrap, topic_name, [direct.Sent(0, None, b"v")] * 100)
    names = [f"{topic_name}-{each}" for each in ("dead", "stuck", "back", "well")]
    dead, stuck, back, well = names
    for name, offset in ((dead, 10), (stuck, 20), (back, 90), (well, 100)):
        simple = _consumer(broker, name)
        simple.commit(offsets=[Place(topic_name, 0, offset)], asynchronous=False)
        simple.close()
    member = _consumer(broker, stuck)
    member.subscribe([topic_name])
    position = iter(range(30, 10_000))
    returning = _consumer(broker, back)

    def go_on() -> None:
        member.poll(0.05)
        member.pause(member.assignment())
        returning.commit(offsets=[Place(topic_name, 0, min(next(position), 80))], asynchronous=False)

    told: list[Sampled] = []

    def states() -> dict[str, State]:
        return {name: verdict.state for name, verdict in told[-1].verdicts.items()} if told else {}

    async def watch() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            found = LagWatch(cluster, every=0.3, thresholds=QUICK)
            found.subscribe(names, told.append)
            await until(lambda: told and told[-1].groups[back].lag == 10)
            with _working(go_on):
                await until(lambda: any(each.verdicts[back].state is State.REWIND for each in told))
                await until(lambda: states()[stuck] is State.STALL)
            assert states()[dead] is State.STOP
            assert states()[well] is State.OK
            verdict = told[-1].verdicts[stuck]
            assert verdict.source == TopicPartition(topic_name, 0)
            assert "offset 20 unchanged, lag 80." in verdict.reason
            await found.close()

    aio.run(watch())
    member.close()
    returning.close()
