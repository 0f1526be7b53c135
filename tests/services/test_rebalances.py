"""A group is looked at often enough, and no more than that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Member
from kexplorer.model.rebalances import Timeline
from kexplorer.model.topics import TopicPartition
from kexplorer.services import rebalances
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster


@asynccontextmanager
async def _observed(cluster: FakeCluster, timeline: Timeline) -> AsyncIterator[None]:
    looking = asyncio.create_task(rebalances.observe(cluster, "billing", timeline, lambda: None))
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


def test_looks_of_others_count(aio: LoopRunner) -> None:
    cluster, timeline = FakeCluster(), Timeline()
    timeline.until = time.time() + 60  # somebody else has just looked

    async def look() -> None:
        async with _observed(cluster, timeline):
            await asyncio.sleep(0.05)

    aio.run(look())
    assert cluster.calls == []


def test_what_cannot_be_seen_is_a_gap(aio: LoopRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebalances, "EVERY", 0.01)
    cluster, timeline = FakeCluster(), Timeline()
    cluster.members["billing"] = (Member("a-1", "a", "/10.0.0.7", (TopicPartition("orders", 0),)),)

    async def look() -> None:
        async with _observed(cluster, timeline):
            await until(lambda: timeline.until)
            cluster.failures["describe_groups"] = Failure(FailureKind.TIMEOUT, "No answer.")
            asked = len(cluster.calls)
            await until(lambda: len(cluster.calls) >= asked + 2)
            last = timeline.until
            cluster.failures.clear()
            await until(lambda: timeline.until > last)
            spans = timeline.lanes["a-1"].spans
            assert len(spans) == 2
            assert spans[0].end == last
            assert spans[1].start > last

    aio.run(look())
