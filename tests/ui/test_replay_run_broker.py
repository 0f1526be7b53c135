"""A replay on a broker, through the panels of two windows, one after the other."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pyqtgraph  # noqa: F401  (its import is no part of what a heartbeat measures)
import pytest

from kexplorer.model.profile import Profile
from kexplorer.model.replay import Pace
from kexplorer.services.jobs import Jobs
from kexplorer.services.replay_jobs import ReplayJob
from kexplorer.services.replay_starts import ReplayStarts
from kexplorer.services.replays import Stage
from kexplorer.store.plans import save_plan
from kexplorer.ui.panels.replay_run import ReplayRunPanel
from kexplorer.ui.panels.replay_watch import Replays
from kexplorer.ui.tasks import Tasks
from tests.kafka import direct
from tests.kafka.replays import Copying, plan_of
from tests.rig.brokers import Broker
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until
from tests.services.memory_audit import MemoryAudit
from tests.ui.sessions import click

pytestmark = [pytest.mark.usefixtures("qtbot"), pytest.mark.kafka, pytest.mark.slow]
ENGINE = (sys.executable, "-c", "import sys; from kexplorer.cli_replay import replay; sys.exit(replay(sys.argv[1:]))")
RECORDS = 3000


@asynccontextmanager
async def _window(job: ReplayJob, bootstrap: str) -> AsyncIterator[ReplayRunPanel]:
    tasks = Tasks(lambda failure: pytest.fail(str(failure)))
    replays = Replays(job.path.parent, Jobs(), tasks, ReplayStarts(MemoryAudit(), list), lambda _: job)
    panel = ReplayRunPanel(Profile("test", bootstrap), job.path, replays, lambda _: None)
    panel.resize(1040, 640)
    panel.show()
    try:
        yield panel
    finally:
        await panel.close_panel()
        await tasks.close()
        panel.deleteLater()


def test_a_replay_outlives_its_window(
    qtloop: LoopRunner, heartbeat: Heartbeat, broker: Broker, topic_name: str, tmp_path: Path
) -> None:
    copying = Copying(broker.bootstrap, topic_name, tmp_path)
    copying.fill(direct.rows(RECORDS, 3))
    plan = tmp_path / "orders.toml"
    save_plan(plan, plan_of(broker.bootstrap, copying.source, copying.target, pace=Pace(records=50)))

    async def story() -> None:
        job = ReplayJob(plan, ENGINE)
        async with _window(job, broker.bootstrap) as panel:
            panel._replays.start(plan)
            await until(lambda: panel.watch.seen.total.written)
        async with _window(ReplayJob(plan, ENGINE), broker.bootstrap) as panel:
            await until(lambda: panel.watch.active and panel.pause.isEnabled())
            panel.pause.trigger()
            await until(lambda: panel.watch.stage is Stage.PAUSED and panel.pause.text() == "Go on")
            assert 0 < panel.watch.seen.total.written < RECORDS
            panel.pace.records.setValue(1_000_000)
            click(panel.pace.apply)
            panel.pause.trigger()
            await until(lambda: panel.watch.stage is Stage.DONE and not panel.watch.active)
            await until(lambda: "Verified" in panel.report.text.text())
            assert f"{RECORDS:,} read = {RECORDS:,} written + 0 quarantined" in panel.report.text.text()
            assert panel.tiles["Written"].figure == f"{RECORDS:,}"
            assert {panel.parts.index(number, 1).data() for number in range(3)} == {"100 %"}
        assert (await job.ended()).complete

    qtloop.run(story())
    assert copying.is_equal
