"""Copies a topic's records into another topic, as a job of the window."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

from kexplorer.formats.numbers import count
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.services.jobs import Job, Jobs
from kexplorer.services.present import spans_of
from kexplorer.services.sessions import Session
from kexplorer.ui.tasks import Tasks


class Copier:
    """What it copies goes on in `tasks` when the panel that asked is closed. `folder` keeps what a copy needs to be
    gone on with, and its report."""

    def __init__(self, jobs: Jobs, tasks: Tasks, folder: Path) -> None:
        self._jobs = jobs
        self._tasks = tasks
        self._folder = folder

    def start(self, session: Session, source: str, target: str) -> None:
        name = f"copy {session.cluster.profile.name} {target}"
        job = Job(f"Copy {source} to {target}", "records", lambda: self._tasks.cancel(name))
        self._tasks.start(name, self._copy(session, source, target, self._jobs.add(job)))

    async def _copy(self, session: Session, source: str, target: str, job: Job) -> None:
        from kexplorer.services.clone_data import copy  # noqa: PLC0415  (a start needs no replay)

        profile: Profile = session.cluster.profile
        try:
            topics = (await session.cluster.topic(source)).topics
            span = sum(end - start for start, end in (await spans_of(session.cluster, topics)).values())
            async with aclosing(copy(profile, source, target, self._folder)) as progress:
                async for copied in progress:
                    job.advance(copied.records, max(span, copied.records))
        except Failure as failure:
            job.fail(str(failure))
            raise
        else:
            job.finish(f"{count(job.done)} records, compared with the source")
        finally:
            if job.state.active:
                job.cancel()
