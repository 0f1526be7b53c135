"""Replays as a window has them: processes of their own that are started, watched, steered and found again."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.replay import Pace, ReplayState, total
from kexplorer.services.clone_data import copy
from kexplorer.services.replay_jobs import ReplayJob
from tests.kafka import direct
from tests.kafka.replays import Copying, contents, plan_of
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner

pytestmark = pytest.mark.kafka

ENGINE = (sys.executable, "-c", "import sys; from kexplorer.cli_replay import replay; sys.exit(replay(sys.argv[1:]))")


def _job(path: Path) -> ReplayJob:
    return ReplayJob(path, ENGINE)


@pytest.fixture
def copying(broker: Broker, topic_name: str, tmp_path: Path) -> Copying:
    copying = Copying(broker.bootstrap, topic_name, tmp_path)
    copying.fill(direct.rows(1500, 3))
    return copying


def test_a_topic_is_copied_with_its_records(copying: Copying, tmp_path: Path, aio: LoopRunner) -> None:
    async def story() -> None:
        profile = Profile("test", copying.bootstrap)
        told = [each async for each in copy(profile, copying.source, copying.target, tmp_path, _job)]
        assert told[-1].records == 1500
        assert copying.is_equal

    aio.run(story())


def test_a_copy_that_cannot_be_made_says_why(copying: Copying, tmp_path: Path, aio: LoopRunner) -> None:
    async def story() -> None:
        with pytest.raises(Failure, match="The target has no topic nowhere"):
            _ = [
                each async for each in copy(Profile("t", copying.bootstrap), copying.source, "nowhere", tmp_path, _job)
            ]
        read_only = Profile("t", copying.bootstrap, read_only=True)
        with pytest.raises(Failure) as caught:
            _ = [each async for each in copy(read_only, copying.source, copying.target, tmp_path, _job)]
        assert caught.value.kind is FailureKind.REFUSED

    aio.run(story())


@pytest.mark.slow
def test_a_run_is_paused_hurried_and_found_again(copying: Copying, tmp_path: Path, aio: LoopRunner) -> None:
    async def story() -> None:
        job = _job(tmp_path / "plan.toml")
        await job.save(plan_of(copying.bootstrap, copying.source, copying.target, pace=Pace(records=100)))
        running = job.run()
        async with aclosing(running):  # type: ignore[type-var]
            await _until_written(running)
            await job.steer(ReplayState.PAUSED)
            async for progress in running:
                if progress.state is ReplayState.PAUSED:
                    break
            other = _job(tmp_path / "plan.toml")  # of another window
            states = []
            async for progress in other.follow():
                states.append(progress.state)
                if len(states) == 1:
                    await other.steer(pace=Pace(records=100_000))
            assert states[0] is ReplayState.PAUSED
            assert states[-1] is ReplayState.DONE
        ended = await job.ended()
        assert ended.complete, ended.told
        assert ended.report is not None
        assert ended.report["total"]["written"] == 1500
        assert copying.is_equal

    aio.run(story())


@pytest.mark.slow
def test_a_run_that_is_stopped_goes_on_later(copying: Copying, tmp_path: Path, aio: LoopRunner) -> None:
    async def story() -> None:
        job = _job(tmp_path / "plan.toml")
        await job.save(plan_of(copying.bootstrap, copying.source, copying.target, pace=Pace(records=100)))
        running = job.run()
        async with aclosing(running):  # type: ignore[type-var]
            await _until_written(running)
        await job.stop()
        ended = await job.ended()
        assert not ended.complete
        assert ended.report is not None
        assert ended.report["state"] == "stopped"
        assert 0 < sum(map(len, contents(copying.bootstrap, copying.target).values())) < 1500
        await job.save(plan_of(copying.bootstrap, copying.source, copying.target))
        last = [progress async for progress in job.run()][-1]
        assert (await job.ended()).complete
        assert total(each.counts for each in last.reached.values()).written == 1500
        assert copying.is_equal

    aio.run(story())


async def _until_written(running: AsyncIterator[object]) -> None:
    async for progress in running:
        if any(each.counts.written for each in progress.reached.values()):  # type: ignore[attr-defined]
            return
