"""Replays are found on the disk: how far each is, whether it runs, and what became of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.replay import (
    Counts,
    Exceptional,
    Guarantee,
    Policy,
    Reached,
    ReplayProgress,
    ReplayReport,
    ReplayRun,
    ReplayState,
    TargetTopic,
    Verified,
    report_json,
)
from kexplorer.model.topics import OffsetRange, TopicPartition
from kexplorer.services import replays
from kexplorer.services.replays import ReplayFolder, Stage, report_of
from kexplorer.store.plans import save_plan
from kexplorer.store.replay_runs import RunFolder
from tests.kafka.replays import plan_of
from tests.rig.loops import LoopRunner

SOURCE = TopicPartition("orders", 0)
RANGES = (OffsetRange(SOURCE, 10, 110),)
HALF = {SOURCE: Reached(60, Counts(50, 50, 48, 1, 1, 480))}


def _planned(folder: Path, name: str = "orders") -> Path:
    plan = folder / f"{name}.toml"
    save_plan(plan, plan_of("localhost:1", "orders", "copy", job=name))
    return plan


def _begun(folder: Path, state: ReplayState, pid: int, name: str = "orders") -> Path:
    plan = _planned(folder, name)
    run = RunFolder(plan)
    wanted = plan_of("localhost:1", "orders", "copy", job=name)
    run.begin(ReplayRun(wanted, RANGES, {"orders": 1}, {"orders": TargetTopic("copy", 1)}, {}, 0, "c", "c"))
    run.write_status(pid, ReplayProgress(state, HALF, 12.0, 4.0))
    return plan


def _report(state: ReplayState, findings: tuple[str, ...] = ()) -> ReplayReport:
    noted = [Exceptional(SOURCE, 12, Policy.SKIP, "too large"), Exceptional(SOURCE, 13, Policy.QUARANTINE, "no JSON")]
    verified = Verified(49, 49, 0, findings)
    return ReplayReport("orders", Guarantee.EXACTLY_ONCE, state, HALF, list(RANGES), noted, verified, None, 1.5)


@pytest.fixture
def dead() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_each_says_how_far_it_is(tmp_path: Path, aio: LoopRunner, dead: int) -> None:
    _planned(tmp_path, "fresh")
    _begun(tmp_path, ReplayState.RUNNING, os.getpid(), "running")
    _begun(tmp_path, ReplayState.PAUSED, dead, "crashed")
    _begun(tmp_path, ReplayState.STOPPED, dead, "stopped")
    (tmp_path / "broken.toml").write_text("job = \n")
    found = {each.path.stem: each for each in aio.run(ReplayFolder(tmp_path).all())}
    assert {name: each.stage for name, each in found.items()} == {
        "fresh": Stage.NEW,
        "running": Stage.RUNNING,
        "crashed": Stage.INTERRUPTED,
        "stopped": Stage.STOPPED,
        "broken": Stage.UNREADABLE,
    }
    assert "line 1" in str(found["broken"].trouble)
    running = found["running"]
    assert (running.span, running.fraction) == ((50, 100), 0.5)
    assert running.total == Counts(50, 50, 48, 1, 1, 480)
    assert abs((running.began or 0) - time.time()) < 600
    assert found["fresh"].fraction == 0.0


def test_a_number_that_another_program_has_now_is_not_the_replay(tmp_path: Path, aio: LoopRunner) -> None:
    plan = _begun(tmp_path, ReplayState.RUNNING, os.getpid())
    long_ago = time.time() - 86_400
    os.utime(plan.with_suffix(".run") / "status.json", (long_ago, long_ago))
    assert aio.run(ReplayFolder(tmp_path).one(plan)).stage is Stage.INTERRUPTED


def test_what_became_of_it_is_told_by_the_report_of_this_run_alone(tmp_path: Path, aio: LoopRunner, dead: int) -> None:
    plan = _begun(tmp_path, ReplayState.DONE, dead)
    folder, run = ReplayFolder(tmp_path), RunFolder(plan)
    run.write_report(report_json(_report(ReplayState.STOPPED)))
    report = run.path / "report.json"
    before = (run.path / "status.json").stat().st_mtime - 5
    os.utime(report, (before, before))
    assert aio.run(folder.one(plan)).report is None
    run.write_report(report_json(_report(ReplayState.DONE)))
    seen = aio.run(folder.one(plan))
    assert seen.stage is Stage.DONE
    assert seen.report is not None
    assert seen.report.complete
    run.write_report(report_json(_report(ReplayState.DONE, ("Partition 0 lacks a record.",))))
    assert aio.run(folder.one(plan)).stage is Stage.FINDINGS


def test_a_report_comes_back_as_it_was() -> None:
    report = _report(ReplayState.DONE, ("one", "two"))
    assert report_of(json.loads(json.dumps(report_json(report)))) == report
    failed = _report(ReplayState.FAILED)
    told = report_json(failed) | {"verified": None, "failure": "The disk is full."}
    found = report_of(told)
    assert found.verified is None
    assert str(found.failure) == "The disk is full."


def test_the_newest_are_looked_at(tmp_path: Path, aio: LoopRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "MOST", 3)
    for number in range(6):
        plan = _planned(tmp_path, f"plan{number}")
        os.utime(plan, (number + 1, number + 1))
    folder = ReplayFolder(tmp_path)
    assert [each.path.stem for each in aio.run(folder.all())] == ["plan5", "plan4", "plan3"]
    assert aio.run(ReplayFolder(tmp_path / "nowhere").all()) == []


def test_a_change_on_the_disk_is_seen(tmp_path: Path, aio: LoopRunner, dead: int) -> None:
    plan = _begun(tmp_path, ReplayState.RUNNING, os.getpid())
    folder = ReplayFolder(tmp_path)
    assert aio.run(folder.one(plan)).stage is Stage.RUNNING
    RunFolder(plan).write_status(dead, ReplayProgress(ReplayState.FAILED, HALF))
    assert aio.run(folder.one(plan)).stage is Stage.FAILED
    plan.write_text("job = ")
    seen = aio.run(folder.one(plan))
    assert seen.trouble is not None
    assert seen.meant is not None  # of the run, which goes by what was read once
    assert seen.stage is Stage.FAILED


def test_removing_takes_all_of_it_and_nothing_else(tmp_path: Path, aio: LoopRunner, dead: int) -> None:
    running = _begun(tmp_path, ReplayState.RUNNING, os.getpid(), "running")
    gone = _begun(tmp_path, ReplayState.DONE, dead, "gone")
    folder = ReplayFolder(tmp_path)
    with pytest.raises(Failure) as caught:
        aio.run(folder.remove(running))
    assert caught.value.kind is FailureKind.REFUSED
    aio.run(folder.remove(gone))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["running.run", "running.toml"]


def test_what_was_not_written_as_planned_is_listed_once(
    tmp_path: Path, aio: LoopRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = _begun(tmp_path, ReplayState.RUNNING, os.getpid())
    first, later = (Exceptional(SOURCE, offset, Policy.SKIP, "no JSON") for offset in (12, 99))
    RunFolder(plan).note([first, later])
    RunFolder(plan).note([first])  # written again behind an abort
    folder = ReplayFolder(tmp_path)
    seen = aio.run(folder.one(plan))
    assert aio.run(folder.exceptional(seen)) == [first]  # the other one's transaction is not committed
    monkeypatch.setattr(replays, "_LONGEST", 10)
    with pytest.raises(Failure, match="too many") as caught:
        aio.run(folder.exceptional(seen))
    assert "exceptional.jsonl" in caught.value.hint
