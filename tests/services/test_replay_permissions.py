"""The topic that keeps the progress of a replay: where it is missing, and whether it could be made."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.replay import CHECKPOINTS, Guarantee, Place, Plan, ReplayRun, ReplaySource, ReplayTarget
from kexplorer.services.replay_permissions import missing_checkpoints
from tests.rig.loops import LoopRunner
from tests.services.fake_cluster import FakeCluster

PLACE = Place(bootstrap="127.0.0.1:9092")
PLAN = Plan("job", ReplaySource(PLACE, ("orders",)), ReplayTarget(PLACE, {"orders": "copy"}))
ALONE = ReplayRun(PLAN, (), {"orders": 1}, {}, {}, 0, "one", "one")
ACROSS = replace(ALONE, target_cluster="other")
AT_LEAST_ONCE = replace(ACROSS, plan=replace(PLAN, guarantee=Guarantee.AT_LEAST_ONCE))


@pytest.mark.parametrize(
    ("run", "group", "missing"),
    [(ALONE, "", False), (ALONE, "several", True), (ACROSS, "", True), (AT_LEAST_ONCE, "", False)],
)
def test_it_is_made_where_it_is_needed(aio: LoopRunner, run: ReplayRun, group: str, missing: bool) -> None:
    target = FakeCluster()
    assert aio.run(missing_checkpoints(run, target, group)) is missing
    assert not target.applied
    target.add_topic(CHECKPOINTS, 1)
    assert not aio.run(missing_checkpoints(run, target, group))


def test_who_may_not_make_it_hears_so_before_the_run(aio: LoopRunner) -> None:
    target = FakeCluster()
    target.refused[CHECKPOINTS] = Failure(FailureKind.AUTHORIZATION, "Not authorized.")
    with pytest.raises(Failure) as refused:
        aio.run(missing_checkpoints(ACROSS, target))
    assert refused.value.kind is FailureKind.AUTHORIZATION
    assert f"Create on Topic {CHECKPOINTS}" in refused.value.hint


def test_another_engine_may_make_it_first(aio: LoopRunner) -> None:
    """The broker that is asked hears of it a little later than of the attempt to make it again."""
    target = FakeCluster()
    target.refused[CHECKPOINTS] = Failure(FailureKind.INVALID, "The topic already exists.")

    async def ask() -> bool:
        asyncio.get_running_loop().call_later(0.05, target.add_topic, CHECKPOINTS, 1)
        return await missing_checkpoints(ACROSS, target)

    assert not aio.run(ask())
