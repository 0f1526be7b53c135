"""A replay in the window: it is started, steered, found again, and reports at its end."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QPushButton

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.replay import Pace, ReplayState
from kexplorer.services.jobs import Jobs, JobState
from kexplorer.services.replay_jobs import ReplayJob
from kexplorer.services.replay_starts import ReplayStarts
from kexplorer.services.replays import Stage
from kexplorer.store.plans import save_plan
from kexplorer.store.replay_runs import RunFolder
from kexplorer.ui.panels import replay_run
from kexplorer.ui.panels.replay_leaving import LeavingDialog, leave_replays
from kexplorer.ui.panels.replay_run import ReplayRunPanel
from kexplorer.ui.panels.replay_watch import Replays, Watch
from kexplorer.ui.tasks import Tasks
from tests.kafka.replays import plan_of
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.memory_audit import MemoryAudit
from tests.ui.replay_engine import COMMAND, LENGTH, let_run
from tests.ui.sessions import click, dialog_of

pytestmark = pytest.mark.usefixtures("qtbot")
PROFILE = Profile("staging", "localhost:1")


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_run, "_LOOK_EVERY", 0.03)


class Window:
    """What a window has of replays."""

    def __init__(self, folder: Path) -> None:
        self.jobs, self.failures = Jobs(), list[Failure]()
        self.tasks = Tasks(self.failures.append)
        self.plans: list[Path] = []
        self.processes: dict[Path, ReplayJob] = {}
        self.audit, self.profiles = MemoryAudit(), [PROFILE]
        starts = ReplayStarts(self.audit, lambda: self.profiles)
        self.replays = Replays(folder, self.jobs, self.tasks, starts, self._process)

    def _process(self, plan: Path) -> ReplayJob:
        return self.processes.setdefault(plan, ReplayJob(plan, COMMAND))

    @asynccontextmanager
    async def showing(self, plan: Path) -> AsyncIterator[ReplayRunPanel]:
        panel = ReplayRunPanel(PROFILE, plan, self.replays, self.plans.append)
        panel.resize(1040, 640)
        panel.show()
        try:
            yield panel
        finally:
            await panel.close_panel()
            panel.deleteLater()


@asynccontextmanager
async def _window(folder: Path) -> AsyncIterator[Window]:
    window = Window(folder)
    try:
        yield window
    finally:
        await window.tasks.close()


def _planned(folder: Path, job: str = "orders-1", upto: int = 50, **changes: Any) -> Path:
    plan = folder / f"{job}.toml"
    save_plan(plan, plan_of("localhost:1", "orders", "copy", job=job, **changes))
    let_run(plan, upto)
    return plan


async def _at(watch: Watch, position: int) -> None:
    """Until each partition is there."""
    await until(
        lambda: watch.seen.progress and {e.position for e in watch.seen.progress.reached.values()} == {position}
    )


def test_it_is_paused_hurried_stopped_and_resumed(qtloop: LoopRunner, tmp_path: Path) -> None:
    plan = _planned(tmp_path, pace=Pace(records=500))

    async def story() -> None:
        async with _window(tmp_path) as window, window.showing(plan) as panel:
            watch = window.replays.start(plan)
            assert watch.stage is Stage.STARTING
            await _at(watch, 50)
            await until(lambda: panel.tiles["Written"].figure == "98")
            assert panel.tiles["Read"].figure == "100"
            assert panel.tiles["Quarantined"].figure == "2"
            assert panel.bar.value() == 500
            (entry,) = window.jobs.all()
            assert (entry.done, entry.total) == (100, 200)
            await until(panel.pause.isEnabled)
            panel.pause.trigger()
            await until(lambda: watch.stage is Stage.PAUSED and entry.state is JobState.PAUSED)
            let_run(plan, 80)
            panel.pace.records.setValue(9)
            click(panel.pace.apply)
            await until(lambda: RunFolder(plan).command().pace == Pace(records=9))
            assert RunFolder(plan).command().state is ReplayState.PAUSED
            await until(lambda: panel.pause.text() == "Go on")
            panel.pause.trigger()
            await _at(watch, 80)
            assert RunFolder(plan).command().pace == Pace(records=9)
            entry.cancel()  # in the list of jobs
            await until(lambda: not watch.active and watch.stage is Stage.STOPPED)
            await until(panel.resume.isEnabled)
            let_run(plan)
            panel.resume.trigger()
            await until(lambda: watch.stage is Stage.DONE and not watch.active)
            await until(lambda: panel.tabs.currentWidget() is panel.report)
            assert watch.pace == Pace(records=500)  # a start goes by the plan
            noted = [(line.verb, line.profile, line.targets) for line in window.audit.sent]
            assert noted == [(act, "staging", ("copy",)) for act in ("Start replay", "Stop replay", "Resume replay")]
            assert {answer for answer, *_ in window.audit.answers.values()} == {"done"}
            assert len(window.audit.answers) == 3
            assert window.jobs.all()[-1].state is JobState.DONE
            assert not window.failures

    qtloop.run(story())


def test_what_was_not_written_is_listed_and_can_be_shown(qtloop: LoopRunner, tmp_path: Path) -> None:
    plan = _planned(tmp_path)

    async def story() -> None:
        wanted: list[tuple[str, int, int]] = []
        async with _window(tmp_path) as window, window.showing(plan) as panel:
            panel.message_wanted.connect(lambda *where: wanted.append(where))
            window.replays.start(plan)
            await until(lambda: panel.exceptional.rowCount() == 2)
            assert panel.tabs.tabText(1) == "Not written as planned (2)"
            assert [panel.exceptional.index(1, column).data() for column in range(4)] == [
                "orders-1",
                "7",
                "quarantined",
                "Its value is no JSON.",
            ]
            panel.table.selectRow(1)
            panel.show_record.trigger()
            assert wanted == [("orders", 1, 7)]
            assert panel.source_profile == "staging"  # known by its address
            await window.replays.stop_all()
            await until(lambda: not window.replays.running)

    qtloop.run(story())


@pytest.mark.slow
def test_another_window_finds_it_and_steers_it(qtloop: LoopRunner, tmp_path: Path) -> None:
    plan = _planned(tmp_path)

    async def story() -> None:
        async with _window(tmp_path) as later:
            async with _window(tmp_path) as first:
                mine = first.replays.start(plan)
                await _at(mine, 50)
            assert not first.replays.running  # that window is gone, its replay is not
            async with later.showing(plan) as panel:
                await until(panel.pause.isEnabled)
                assert [job.name for job in later.jobs.all()] == ["Replay orders-1"]
                panel.pause.trigger()
                await until(lambda: panel.pause.text() == "Go on")
                let_run(plan)
                panel.pause.trigger()
                await until(lambda: panel.watch.stage is Stage.DONE and not panel.watch.active)
                assert panel.watch.seen.report is not None
                await until(lambda: "198 written" in panel.report.text.text())
                assert panel.report.heading.text() == "Every record is accounted for: 198 written, 2 quarantined."
            assert (await first.processes[plan].ended()).complete

    qtloop.run(story())


@pytest.mark.slow
def test_what_another_window_does_is_seen_here(qtloop: LoopRunner, tmp_path: Path) -> None:
    plan = _planned(tmp_path)

    async def story() -> None:
        async with _window(tmp_path) as mine, _window(tmp_path) as other, mine.showing(plan) as panel:
            mine.replays.start(plan)
            await _at(panel.watch, 50)
            theirs = other.replays.watch(plan)
            await until(lambda: theirs.active)
            theirs.change_pace(Pace(bytes=5000))
            await until(lambda: panel.pace.bytes.limit == 5)
            theirs.pause()
            await until(lambda: mine.jobs.all()[0].state is JobState.PAUSED)
            mine.jobs.all()[0].resume()
            await until(lambda: theirs.command.state is ReplayState.RUNNING and theirs.command.pace)
            theirs.pause()
            await until(lambda: mine.jobs.all()[0].state is JobState.PAUSED)
            await theirs.stop()  # while it is paused
            await until(lambda: not panel.watch.active and not theirs.active)
            assert panel.watch.stage is Stage.STOPPED
            other.replays.start(plan)  # and the other way round
            await until(lambda: panel.watch.active and panel.stop.isEnabled())
            await until(lambda: theirs.stage is Stage.RUNNING)
            panel.stop.trigger()
            await until(lambda: not panel.watch.active and not theirs.active)
            assert theirs.stage is Stage.STOPPED

    qtloop.run(story())


def test_a_killed_process_is_told_and_resumed(qtloop: LoopRunner, tmp_path: Path) -> None:
    plan = _planned(tmp_path)

    async def story() -> None:
        async with _window(tmp_path) as window, window.showing(plan) as panel:
            watch = window.replays.start(plan)
            await _at(watch, 50)
            found = RunFolder(plan).status()
            assert found is not None
            os.kill(found[0], signal.SIGKILL)
            await until(lambda: panel.strip.failure)
            assert watch.stage is Stage.INTERRUPTED
            assert "ended from outside" in str(panel.strip.failure)
            assert window.jobs.all()[0].state is JobState.FAILED
            await until(panel.resume.isEnabled)
            let_run(plan)
            panel.resume.trigger()
            await until(lambda: watch.stage is Stage.DONE and not watch.active and not panel.strip.failure)

    qtloop.run(story())


def test_a_resume_is_asked_about_as_a_start_is(qtloop: LoopRunner, tmp_path: Path) -> None:
    plan = _planned(tmp_path)
    protected, production = replace(PROFILE, read_only=True), replace(PROFILE, name="shop", production=True)

    async def story() -> None:
        async with _window(tmp_path) as window, window.showing(plan) as panel:
            watch = window.replays.start(plan)
            await _at(watch, 50)
            panel.stop.trigger()
            await until(panel.resume.isEnabled)
            window.profiles = [protected]
            panel.resume.trigger()
            await until(lambda: "read-only" in str(panel.strip.failure))
            window.profiles = [protected, production]  # one address, two connections
            panel.resume.trigger()
            dialog = await dialog_of(QDialog)
            button = next(each for each in dialog.findChildren(QPushButton) if each.text() == "Resume")
            assert not button.isEnabled()
            assert not watch.active
            dialog.findChildren(QLineEdit)[0].setText("shop")
            click(button)
            let_run(plan)
            await until(lambda: watch.stage is Stage.DONE and not watch.active)
            assert [(line.verb, line.profile) for line in window.audit.sent][-1] == ("Resume replay", "shop")

    qtloop.run(story())


def test_without_a_line_in_the_audit_log_nothing_begins_and_all_stops(qtloop: LoopRunner, tmp_path: Path) -> None:
    plan = _planned(tmp_path)
    full = Failure(FailureKind.REFUSED, "The audit log cannot be written.")

    async def story() -> None:
        async with _window(tmp_path) as window, window.showing(plan) as panel:
            window.audit.failure = full
            watch = window.replays.start(plan)
            await until(lambda: panel.strip.failure == full)
            assert RunFolder(plan).status() is None
            window.audit.failure = None
            window.replays.start(plan)
            await _at(watch, 50)
            window.audit.failure = full
            panel.stop.trigger()
            await until(lambda: not watch.active and watch.stage is Stage.STOPPED)
            await until(lambda: window.failures == [full])

    qtloop.run(story())


def test_one_that_does_not_begin_says_why(qtloop: LoopRunner, tmp_path: Path) -> None:
    plan = _planned(tmp_path, "refused")

    async def story() -> None:
        async with _window(tmp_path) as window, window.showing(plan) as panel:
            watch = window.replays.start(plan)
            await until(lambda: panel.strip.failure)
            assert str(panel.strip.failure) == "The target has no topic nowhere. Create it."
            assert (watch.active, watch.stage) == (False, Stage.NEW)
            assert window.jobs.all()[0].state is JobState.FAILED
            await window.replays.watch(plan).stop()  # nothing to be stopped
            assert [line.verb for line in window.audit.sent] == ["Start replay"]
            assert window.audit.answers == {1: ("failed", {"copy": str(panel.strip.failure)}, ())}

    qtloop.run(story())


def test_the_report_is_copied_and_exported(qtloop: LoopRunner, tmp_path: Path) -> None:
    plan = _planned(tmp_path, "findings", LENGTH)

    async def story() -> None:
        async with _window(tmp_path) as window, window.showing(plan) as panel:
            assert not panel.report.export.isEnabled()
            window.replays.start(plan)
            await until(panel.report.export.isEnabled)
            assert panel.watch.stage is Stage.FINDINGS
            assert "not as planned" in panel.report.heading.text()
            click(panel.report.copy)
            text = QGuiApplication.clipboard().text()
            for part in (
                "1 record too few",
                "200 read = 198 written + 2 quarantined + 0 skipped",
                "orders-1, offset 7",
            ):
                assert part in text
            said: list[str] = []
            panel.report.said.connect(said.append)
            panel.report.chosen.emit(str(tmp_path / "report.json"))
            await until(lambda: said)
            assert json.loads((tmp_path / "report.json").read_text()) == RunFolder(plan).report()
            await panel.report.save(str(tmp_path / "nowhere" / "report.json"))
            assert said[-1].startswith("Not exported")

    qtloop.run(story())


@pytest.mark.parametrize("answer", ["leave", "stop", "cancel"])
def test_closing_the_window_asks_once(qtloop: LoopRunner, tmp_path: Path, answer: str) -> None:
    plans = [_planned(tmp_path, f"orders-{number}") for number in range(2)]

    async def story() -> None:
        async with _window(tmp_path) as window:
            assert await leave_replays(None, window.replays)  # none runs
            watches = [window.replays.start(plan) for plan in plans]
            for watch in watches:
                await _at(watch, 50)
            left: list[bool] = []

            async def leave() -> None:
                left.append(await leave_replays(None, window.replays))

            window.tasks.start("leave", leave())
            dialog = await dialog_of(LeavingDialog)
            assert isinstance(dialog, LeavingDialog)
            assert dialog.leave.isDefault()
            click(getattr(dialog, answer))
            await until(lambda: left)
            assert left == [answer != "cancel"]
            assert QApplication.activeModalWidget() is None
            if answer == "stop":
                await until(lambda: [watch.stage for watch in watches] == [Stage.STOPPED] * 2)
            else:
                assert len(window.replays.running) == 2
            await window.replays.stop_all()
            await until(lambda: not window.replays.running)

    qtloop.run(story())
