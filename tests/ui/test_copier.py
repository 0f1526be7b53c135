"""A topic's records are copied as a job of the window, on a real broker."""

from pathlib import Path

import pytest

from kexplorer.model.failure import Failure
from kexplorer.services.catalog import Catalog
from kexplorer.services.changes import Changes
from kexplorer.services.jobs import Jobs, JobState
from kexplorer.services.sessions import Session
from kexplorer.ui.panels.copier import Copier
from kexplorer.ui.tasks import Tasks
from tests.kafka import direct
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.memory_audit import MemoryAudit


@pytest.mark.kafka
def test_records_are_copied_and_a_copy_that_fails_says_why(
    qtloop: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path
) -> None:
    direct.create(broker.bootstrap, topic_name, 3)
    direct.create(broker.bootstrap, f"{topic_name}-copy", 3)
    direct.produce(broker.bootstrap, topic_name, direct.rows(300, 3))
    failures: list[Failure] = []

    async def story() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            session = Session(cluster, Catalog(cluster), Changes(cluster, MemoryAudit()))
            jobs, tasks = Jobs(), Tasks(failures.append)
            copier = Copier(jobs, tasks, tmp_path)
            copier.start(session, topic_name, f"{topic_name}-copy")
            (job,) = jobs.all()
            await until(lambda: not job.state.active)
            assert (job.state, job.done, failures) == (JobState.DONE, 300, [])
            copier.start(session, topic_name, "nowhere")
            job = jobs.all()[-1]
            await until(lambda: not job.state.active)
            assert job.state is JobState.FAILED
            assert "nowhere" in job.detail
            await until(lambda: failures)
            await tasks.close()
            await session.close()

    qtloop.run(story())
