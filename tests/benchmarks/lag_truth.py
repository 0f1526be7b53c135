"""Whether a lag is true: a consumer at 50,000 messages a second is watched for ten minutes, while its writer and itself
note what they did when. Goal: never negative, and never above what it can have been by more than 5 % of the messages of
a second.

Run: `.venv/bin/python -m tests.benchmarks.lag_truth [seconds [messages a second]]`
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import sys
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from kexplorer.model.cluster import Cluster
from kexplorer.services.lag_watch import LagWatch, Sampled
from tests.benchmarks.rig import PARTITIONS, broker
from tests.kafka import direct
from tests.rig.waiting import until

_EVERY = 0.5  # seconds between looks
_STEP = 0.01  # seconds between writes
_AT_ONCE = 10  # times what falls to one write: a machine that was held up does not make up for all of it
_SHARE = 0.05  # of a second's messages


class Course:
    """How many there were since when; times of the machine's clock, which all processes share."""

    def __init__(self) -> None:
        self.times: list[float] = [0.0]
        self.totals: list[int] = [0]

    def add(self, total: int) -> None:
        self.times.append(time.monotonic())
        self.totals.append(total)

    def at(self, moment: float) -> int:
        return self.totals[bisect_right(self.times, moment) - 1]


@dataclass(frozen=True, slots=True)
class Look:
    """Between `began` and `ended`; `least` of the lags of its partitions."""

    began: float
    ended: float
    lag: int
    least: int


@dataclass(frozen=True, slots=True)
class Watched:
    """`sent` is noted before, `committed` when the broker has said so: no lag is more than what lies between them."""

    looks: Sequence[Look]
    sent: Course
    committed: Course

    @property
    def rate(self) -> float:
        """Messages a second, as far as the machine got."""
        return self.committed.totals[-1] / (self.committed.times[-1] - self.committed.times[1])

    def most(self, look: Look) -> int:
        """No lag that was looked up then can be more."""
        return self.sent.at(look.ended) - self.committed.at(look.began)

    def excess(self, look: Look) -> int:
        """How far it is above all that the lag was meanwhile."""
        return look.lag - max(self.sent.at(t) - self.committed.at(t) for t in self._moments(look))

    def _moments(self, look: Look) -> list[float]:
        inside = [
            course.times[bisect_right(course.times, look.began) : bisect_right(course.times, look.ended)]
            for course in (self.sent, self.committed)
        ]
        return [look.began, *inside[0], *inside[1]]


class _Timed:
    """A cluster that notes when the last look at a group took place."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.began = self.ended = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    async def group_offsets(self, wanted: Mapping[str, Any]) -> Any:
        self.began = time.monotonic()
        return await self._cluster.group_offsets(wanted)

    async def list_offsets(self, *wanted: Any) -> Any:
        found = await self._cluster.list_offsets(*wanted)
        self.ended = time.monotonic()
        return found


def _write(bootstrap: str, topic: str, rate: int, ended: Event, told: Connection) -> None:
    sent = Course()
    producer = direct.producer(bootstrap, **{"linger.ms": 2})
    began = time.monotonic()
    while not ended.is_set():
        missing = int((time.monotonic() - began) * rate) - sent.totals[-1]
        each = max(int(min(missing, rate * _STEP * _AT_ONCE, rate - len(producer))) // PARTITIONS, 0)
        sent.add(sent.totals[-1] + each * PARTITIONS)
        for number in range(each * PARTITIONS):
            producer.produce(topic, b"v" * 100, partition=number % PARTITIONS)
        producer.poll(_STEP)
    producer.flush()
    told.send(sent)


def _read(bootstrap: str, topic: str, ended: Event, told: Connection) -> None:
    committed = Course()
    reader = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": topic, "enable.auto.commit": False, "fetch.wait.max.ms": 10},
        logger=direct.QUIET,
    )
    reader.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    total = 0
    while not ended.is_set():
        if read := reader.consume(5000, _STEP):
            reader.commit(asynchronous=False)
            total += len(read)
            committed.add(total)
    reader.close()
    told.send(committed)


async def watched(bootstrap: str, topic: str, seconds: float, rate: int) -> Watched:
    """A topic of that name is made; the group is called as it is."""
    direct.create(bootstrap, topic, PARTITIONS, **{"retention.bytes": 1 << 28, "segment.bytes": 1 << 26})
    context = multiprocessing.get_context("spawn")
    ended = context.Event()
    pipes = [context.Pipe(duplex=False) for _ in range(2)]
    workers = [
        context.Process(target=_write, args=(bootstrap, topic, rate, ended, pipes[0][1])),
        context.Process(target=_read, args=(bootstrap, topic, ended, pipes[1][1])),
    ]
    for worker, (_, told) in zip(workers, pipes, strict=True):
        worker.start()
        told.close()  # else nobody would see that its other end is gone
    try:
        looks = await _looks(bootstrap, topic, seconds)
    finally:
        ended.set()
        sent = await asyncio.to_thread(pipes[0][0].recv)
        committed = await asyncio.to_thread(pipes[1][0].recv)
        for worker in workers:
            await asyncio.to_thread(worker.join)
    return Watched(looks, sent, committed)


async def _looks(bootstrap: str, group: str, seconds: float) -> list[Look]:
    looks: list[Look] = []
    async with AsyncExitStack() as stack:
        cluster = _Timed(await stack.enter_async_context(direct.connected(bootstrap)))
        watch = LagWatch(cluster, every=_EVERY)
        stack.push_async_callback(watch.close)

        def note(sampled: Sampled) -> None:
            assert not sampled.trouble, sampled.trouble
            assert not sampled.failed, sampled.failed
            lags = [each.lag for seen in sampled.groups.values() for each in seen.readings if each.lag is not None]
            if len(lags) == PARTITIONS:
                looks.append(Look(cluster.began, cluster.ended, sum(lags), min(lags)))

        watch.subscribe([group], note)
        await until(lambda: looks)
        await asyncio.sleep(seconds)
    return looks


def main() -> int:
    seconds, rate = (int(each) for each in (*sys.argv[1:], *("600", "50000")[len(sys.argv) - 1 :]))
    with broker() as bootstrap:
        found = asyncio.run(watched(bootstrap, "lag-truth", seconds, rate))
    negative = sum(look.least < 0 for look in found.looks)
    excess = [found.excess(look) for look in found.looks]
    allowed = found.rate * _SHARE
    above = sum(each > allowed for each in excess)
    took = [(look.ended - look.began) * 1000 for look in found.looks]
    slow = took[excess.index(max(excess))]
    lags = [look.lag for look in found.looks]
    print(f"{found.rate:,.0f} messages a second for {seconds} s, {len(found.looks):,} looks of {PARTITIONS} partitions")
    print(f"lag: p50 {statistics.median(lags):,.0f}, most {max(lags):,}; a look took {statistics.median(took):.0f} ms")
    print(f"negative in {negative} looks (goal 0)")
    print(f"above what it can have been by {max(excess):,} at most, in a look of {slow:.0f} ms")
    print(f"above it by more than {allowed:,.0f} in {above} looks (goal 0)")
    return 1 if negative or above else 0


if __name__ == "__main__":
    sys.exit(main())
