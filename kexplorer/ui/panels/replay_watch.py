"""Replays as this window runs and follows them. They belong to no panel, and go on when the window is closed."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from kexplorer.formats.numbers import count
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.replay import Command, Pace, Plan, ReplayProgress, ReplayState
from kexplorer.services.jobs import Job, Jobs, JobState
from kexplorer.services.replay_jobs import ReplayJob
from kexplorer.services.replay_starts import Act, ReplayStarts
from kexplorer.services.replays import Replay, ReplayFolder, Stage
from kexplorer.ui.tasks import Tasks

_KEPT = 3_600  # rates, the newest
_RATE_EVERY = 1.0  # seconds
_LAST_WORDS = 5.0  # seconds between the end of a run that another window started and its report
_LOOK_EVERY = 0.1  # seconds meanwhile
_LEAST = 0.2  # seconds that the rate of a run that takes no longer is measured over


class Watch:
    """One replay. `active`: it runs, and this window hears of it. `failure`: why it could not be started, or ended
    without a report."""

    def __init__(
        self,
        path: Path,
        folder: ReplayFolder,
        jobs: Jobs,
        tasks: Tasks,
        job: ReplayJob,
        starts: ReplayStarts,
    ) -> None:
        self.seen = Replay(path)
        self.active = False
        self.failure: Failure | None = None
        self.command = Command()
        self.rates: deque[tuple[float, float]] = deque(maxlen=_KEPT)  # seconds since 1970, records a second
        self._path, self._folder, self._jobs, self._tasks, self._process = path, folder, jobs, tasks, job
        self._noted = 0.0, 0  # when the newest rate was noted, and what was scanned by then
        self._starts = starts
        self._line: int | None = None  # of the audit log, without an answer yet
        self._mine = False  # its process was started here
        self._steering = asyncio.Lock()
        self._numbers = itertools.count()
        self._unsaid = 0  # commands that a person has given and that are not written yet
        self._heard = asyncio.Event()  # of it, since it was started here
        self._heard.set()

    # what a person does

    def pause(self) -> None:
        self._steer(lambda now: replace(now, state=ReplayState.PAUSED))

    def resume(self) -> None:
        self._steer(lambda now: replace(now, state=ReplayState.RUNNING))

    def change_pace(self, pace: Pace) -> None:
        self._steer(lambda now: replace(now, pace=pace))

    @property
    def pace(self) -> Pace:
        plan = self.seen.meant
        return self.command.pace or (plan.pace if plan else Pace())

    async def stop(self) -> None:
        """Behind the transaction under way. One that this window started has ended then."""
        await self._heard.wait()  # before that it would forget what it is told
        mine, seen = self.active and self._mine, await self._folder.one(self._path)
        if not (mine or seen.alive):
            return
        try:
            line = await self._starts.begin(Act.STOP, seen)
        finally:  # for want of a line nothing goes on
            await (self._process.stop() if mine else self._process.steer(ReplayState.STOPPED))
        await self._starts.finish(line, seen)

    @property
    def stage(self) -> Stage:
        if self.active and not self._heard.is_set():
            return Stage.STARTING
        return Stage.ENDING if self.active and not self.seen.stage.runs else self.seen.stage

    # what it does

    def run(self) -> Coroutine[Any, Any, None]:
        """Starts it, and follows it to its end."""
        entry = self._begin(mine=True)
        self._heard.clear()
        self.command = Command()
        return self._run(entry)

    async def _run(self, entry: Job) -> None:
        try:
            self.seen = replace(await self._folder.one(self._path), alive=True)
            self._line = await self._starts.begin(Act.RESUME if self.seen.run else Act.START, self.seen)
            async with aclosing(self._process.run()) as told:  # type: ignore[type-var]
                async for progress in told:
                    await self._take(progress, entry)
                    await self._answer()
            said = (await self._process.ended()).told
            self.seen = await self._folder.one(self._path)
            if not self._heard.is_set() or self.seen.stage is Stage.INTERRUPTED:
                raise _why(said, self._heard.is_set())
        except Failure as failure:
            self.failure = failure
            await self._answer(failure)
        finally:
            self._end(entry)

    async def _answer(self, failure: Failure | None = None) -> None:
        """Whether it has begun."""
        line, self._line = self._line, None
        if line is not None:
            await self._starts.finish(line, self.seen, failure)

    async def find(self) -> None:
        """Looks at the disk, and follows it to its end if it runs."""
        try:
            self.seen = await self._folder.one(self._path)
        except Failure as failure:
            self.failure = failure
        if not self.seen.alive:
            return
        entry = self._begin(mine=False)
        try:
            async with aclosing(self._process.follow()) as told:  # type: ignore[type-var]
                async for progress in told:
                    await self._take(progress, entry)
            self.seen = await self._last_seen()
        finally:
            self._end(entry)

    async def _take(self, progress: ReplayProgress, entry: Job) -> None:
        if not self._heard.is_set() or self.seen.run is None:  # it has been made, or taken up again now
            self.seen = await self._folder.one(self._path)
        self.seen = replace(self.seen, progress=progress, alive=True)
        self._heard.set()
        self._note_rate(progress)
        done, whole = self.seen.span
        entry.advance(done, whole or None)
        await self._read_command()
        if not self._unsaid:  # another window may have said it, or the panel
            match self.command.state, entry.state:
                case ReplayState.PAUSED, JobState.RUNNING:
                    entry.pause()
                case ReplayState.RUNNING, JobState.PAUSED:
                    entry.resume()

    def _note_rate(self, progress: ReplayProgress) -> None:
        """Between two looks. What comes behind the last record says nothing of it."""
        now, scanned = time.time(), self.seen.total.scanned
        moves = progress.state in (ReplayState.RUNNING, ReplayState.PAUSED)
        passed, fresh = now - self._noted[0], scanned - self._noted[1]
        if self._noted[0]:
            if passed < (_RATE_EVERY if moves or self.rates else _LEAST) or not (moves or fresh):
                return
            self.rates.append((now, fresh / passed))
        self._noted = now, scanned

    async def _read_command(self) -> None:
        async with self._steering:
            self.command = await self._folder.command(self._path)

    async def _last_seen(self) -> Replay:
        """With its report, which is written behind its last word."""
        limit = time.monotonic() + _LAST_WORDS
        while (seen := await self._folder.one(self._path)).report is None and time.monotonic() < limit:
            if seen.stage is Stage.INTERRUPTED:
                break
            await asyncio.sleep(_LOOK_EVERY)
        return seen

    def _steer(self, change: Callable[[Command], Command]) -> None:
        self._unsaid += 1
        self._tasks.start(f"steer {next(self._numbers)} {self._path}", self._tell(change))

    async def _tell(self, change: Callable[[Command], Command]) -> None:
        try:
            async with self._steering:
                before = await self._folder.command(self._path)
                self.command = before if before.state is ReplayState.STOPPED else change(before)
                if self.command != before:
                    await self._process.steer(self.command.state, self.command.pace)
        finally:
            self._unsaid -= 1

    def _begin(self, *, mine: bool) -> Job:
        """It is in the list of all jobs of the window from now on."""
        self.active, self._mine, self.failure = True, mine, None
        self.rates.clear()
        self._noted = 0.0, 0
        return self._jobs.add(Job(f"Replay {self._path.stem}", "offsets", self._cancelled, self.pause, self.resume))

    def _cancelled(self) -> None:
        if self.active:
            self._tasks.start(f"stop {self._path}", self.stop())

    def _end(self, entry: Job) -> None:
        self.active = False
        self._heard.set()
        match self.seen.stage:
            case _ if self.failure:
                entry.fail(str(self.failure))
            case Stage.DONE:
                entry.finish(f"{count(self.seen.total.written)} written")
            case Stage.FINDINGS | Stage.FAILED | Stage.INTERRUPTED as stage:
                entry.fail("" if stage is Stage.FAILED else stage)
            case _:
                entry.cancel()


def _why(said: str, heard: bool) -> Failure:
    """Of a process that came to no report: its last line, unless that is of its dry run."""
    lines = said.splitlines()
    if lines and (not heard or any(line.startswith("Traceback") for line in lines)):
        return Failure(FailureKind.BROKER, lines[-1].removeprefix("kexplorer: "))
    text = "The process that ran it was ended from outside."
    return Failure(FailureKind.BROKER, text, "Resume it: it goes on behind what was committed.")


class Replays:
    """All that this window knows of. What it runs is followed in `tasks`, and goes on when they are closed. `starts`
    notes what a person does."""

    def __init__(
        self,
        folder: Path,
        jobs: Jobs,
        tasks: Tasks,
        starts: ReplayStarts,
        make_job: Callable[[Path], ReplayJob] = ReplayJob,
    ) -> None:
        self.folder = ReplayFolder(folder)
        self._jobs, self._tasks, self._make_job, self._starts = jobs, tasks, make_job, starts
        self._watches: dict[Path, Watch] = {}

    @property
    def running(self) -> list[Watch]:
        return [watch for watch in self._watches.values() if watch.active]

    def watch(self, plan: Path) -> Watch:
        """Follows it from now on if it runs, whoever has started it."""
        watch = self._watch(plan)
        if not watch.active and not self._tasks.running(f"replay {plan}"):
            self._tasks.start(f"replay {plan}", watch.find())
        return watch

    def start(self, plan: Path) -> Watch:
        """Or goes on where it was."""
        watch = self._watch(plan)
        if not watch.active:
            self._tasks.start(f"replay {plan}", watch.run())
        return watch

    def stop(self, plan: Path) -> None:
        self._tasks.start(f"stop {plan}", self.watch(plan).stop())

    def target_of(self, plan: Plan) -> Profile | None:
        """The connection whose rules count for what it writes to, where one is known."""
        return self._starts.target(plan)

    async def stop_all(self) -> None:
        await asyncio.gather(*(watch.stop() for watch in self.running))

    async def remove(self, plan: Path) -> None:
        await self.folder.remove(plan)
        self._watches.pop(plan, None)

    def _watch(self, plan: Path) -> Watch:
        if plan not in self._watches:
            job = self._make_job(plan)
            self._watches[plan] = Watch(plan, self.folder, self._jobs, self._tasks, job, self._starts)
        return self._watches[plan]
