"""The list of replays: what each does, and what can be done with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PySide6.QtWidgets import QPushButton

from kexplorer.model.profile import Profile
from kexplorer.model.replay import ReplayState
from kexplorer.services.jobs import Jobs
from kexplorer.services.replay_jobs import ReplayJob
from kexplorer.services.replay_starts import ReplayStarts
from kexplorer.services.replays import Stage
from kexplorer.store.plans import save_plan
from kexplorer.store.replay_runs import RunFolder
from kexplorer.ui.dialogs.confirm import _Question
from kexplorer.ui.panels import replays
from kexplorer.ui.panels.replay_watch import Replays
from kexplorer.ui.panels.replays import ReplaysPanel
from kexplorer.ui.tasks import Tasks
from tests.kafka.replays import plan_of
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.memory_audit import MemoryAudit
from tests.ui.replay_engine import COMMAND, let_run
from tests.ui.sessions import click, dialog_of

pytestmark = pytest.mark.usefixtures("qtbot")


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "_LOOK_EVERY", 0.03)


class Opened(ReplaysPanel):
    def __init__(self, folder: Path) -> None:
        self.plans: list[Path | None] = []
        self.runs: list[Path] = []
        self.work = Tasks(lambda failure: pytest.fail(str(failure)))
        starts = ReplayStarts(MemoryAudit(), list)
        self.replays = Replays(folder, Jobs(), self.work, starts, lambda plan: ReplayJob(plan, COMMAND))
        super().__init__(Profile("staging", "localhost:1"), self.replays, self.plans.append, self.runs.append)

    def stages(self) -> dict[str, Stage]:
        rows = [self.model.row(number) for number in range(self.model.rowCount())]
        return {row.job: row.stage for row in rows}

    async def choose(self, job: str) -> None:
        await until(lambda: job in self.stages())
        self.table.selectRow([self.model.row(n).job for n in range(self.model.rowCount())].index(job))


@asynccontextmanager
async def _opened(folder: Path) -> AsyncIterator[Opened]:
    panel = Opened(folder)
    panel.resize(1040, 640)
    panel.show()
    try:
        yield panel
    finally:
        await panel.close_panel()
        await panel.replays.stop_all()
        await until(lambda: not panel.replays.running)
        await panel.work.close()
        panel.deleteLater()


def _planned(folder: Path, job: str) -> Path:
    plan = folder / f"{job}.toml"
    save_plan(plan, plan_of("localhost:1", "orders", "copy", job=job))
    let_run(plan, 50)
    return plan


def test_it_says_what_to_do_first(qtloop: LoopRunner, tmp_path: Path) -> None:
    async def story() -> None:
        async with _opened(tmp_path) as panel:
            await until(lambda: panel.pages.currentIndex() == 1)
            assert not panel.bar.isVisible()  # what could be done with a replay
            panel.new.trigger()
            assert panel.plans == [None]
            _planned(tmp_path, "orders-1")
            await until(lambda: panel.pages.currentIndex() == 0)  # it looks by itself
            assert panel.bar.isVisible()

    qtloop.run(story())


def test_a_plan_is_shown_before_it_is_started(qtloop: LoopRunner, tmp_path: Path) -> None:
    plan = _planned(tmp_path, "orders-1")
    (tmp_path / "broken.toml").write_text("job =")

    async def story() -> None:
        async with _opened(tmp_path) as panel:
            await panel.choose("orders-1")
            assert panel.model.index(0, 2).data() or panel.model.index(1, 2).data()
            panel.start.trigger()
            panel.edit.trigger()
            assert panel.plans == [plan, plan]
            assert not panel.replays.running
            assert not panel.open.isEnabled()
            await panel.choose("broken")
            assert panel.stages()["broken"] is Stage.UNREADABLE
            assert not panel.start.isEnabled()
            panel.edit.trigger()
            assert panel.plans[-1] == tmp_path / "broken.toml"

    qtloop.run(story())


def test_replays_are_steered_from_the_list(qtloop: LoopRunner, tmp_path: Path) -> None:
    plan = _planned(tmp_path, "orders-1")

    async def story() -> None:
        async with _opened(tmp_path) as panel:
            panel.replays.start(plan)
            await panel.choose("orders-1")
            await until(lambda: panel.stages()["orders-1"] is Stage.RUNNING and panel.pause.isEnabled())
            assert not panel.remove.isEnabled()
            panel.open.trigger()
            assert panel.runs == [plan]
            panel.pause.trigger()
            await until(lambda: panel.pause.text() == "Go on")
            assert RunFolder(plan).command().state is ReplayState.PAUSED
            panel.pause.trigger()
            await until(lambda: panel.pause.text() == "Pause" and panel.pause.isEnabled())
            panel.stop.trigger()
            await until(lambda: panel.start.text() == "Resume" and panel.start.isEnabled())
            let_run(plan)
            panel.start.trigger()
            await until(lambda: panel.stages()["orders-1"] is Stage.DONE)
            row = panel.model.row(0)
            assert (row.progress, row.replay.total.written, row.replay.total.quarantined) == ("100 %", 198, 2)
            assert row.way == "orders on localhost:1 → copy"

    qtloop.run(story())


def test_what_another_window_has_started_is_stopped_from_the_list(qtloop: LoopRunner, tmp_path: Path) -> None:
    plan = _planned(tmp_path, "orders-1")

    async def story() -> None:
        async with _opened(tmp_path) as panel:
            other = ReplayJob(plan, COMMAND)
            running = other.run()
            async for _ in running:
                break
            await panel.choose("orders-1")
            await until(panel.stop.isEnabled)
            panel.stop.trigger()
            async for _ in running:
                pass
            await other.ended()
            await until(lambda: panel.stages()["orders-1"] is Stage.STOPPED)

    qtloop.run(story())


def test_removing_is_asked_about(qtloop: LoopRunner, tmp_path: Path) -> None:
    plan = _planned(tmp_path, "orders-1")

    async def story() -> None:
        async with _opened(tmp_path) as panel:
            for answer in ("cancel", "action"):
                await panel.choose("orders-1")
                panel.remove.trigger()
                dialog = await dialog_of(_Question)
                button = getattr(dialog, answer)
                assert isinstance(button, QPushButton)
                assert plan.exists()
                click(button)
                await until(lambda: not panel.tasks.running("remove"))
            assert not plan.exists()
            await until(lambda: panel.model.rowCount() == 0)

    qtloop.run(story())
