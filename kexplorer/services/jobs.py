"""Long work as the window shows it: how far, how fast, how long yet, and how to stop it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from enum import StrEnum

_SETTLING = 2.0  # seconds over which the rate is smoothed


class JobState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def active(self) -> bool:
        return self in (JobState.RUNNING, JobState.PAUSED)


class Job:
    """One long piece of work. Its owner tells how it goes (`advance`, `finish`, `fail`); whoever sees it may `cancel`
    it, and `pause` and `resume` it if its owner said how. `unit` is the plural of what is counted."""

    def __init__(
        self,
        name: str,
        unit: str,
        cancel: Callable[[], None],
        pause: Callable[[], None] | None = None,
        resume: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.unit = unit
        self.state = JobState.RUNNING
        self.detail = ""  # why it failed, or what it found
        self.done = 0
        self.total: int | None = None
        self.rate = 0.0  # units a second
        self._cancel, self._pause, self._resume = cancel, pause, resume
        self._clock = clock
        self._since, self._counted = clock(), 0  # when the rate was last measured, and what was done by then
        self.changed: Callable[[], None] = lambda: None  # set by the list that it is in

    @property
    def can_pause(self) -> bool:
        return self.state.active and self._pause is not None and self._resume is not None

    @property
    def fraction(self) -> float | None:
        """0 to 1; None while nobody knows the end."""
        return None if self.total is None else min(self.done / self.total, 1.0) if self.total else 1.0

    @property
    def remaining(self) -> float | None:
        """Seconds at the present rate; None while that says nothing."""
        if self.state != JobState.RUNNING or self.total is None or self.rate <= 0:
            return None
        return max(self.total - self.done, 0) / self.rate

    def advance(self, done: int, total: int | None) -> None:
        """`done` of `total` so far. Cheap enough to be called for every batch; seen when the window next looks."""
        now = self._clock()
        if (passed := now - self._since) > 0:
            fresh = (done - self._counted) / passed
            self.rate += (fresh - self.rate) * (min(passed / _SETTLING, 1.0) if self._counted else 1.0)
            self._since, self._counted = now, done
        self.done, self.total = done, total

    def finish(self, detail: str = "") -> None:
        self._end(JobState.DONE, detail)

    def fail(self, detail: str) -> None:
        self._end(JobState.FAILED, detail)

    def cancel(self) -> None:
        if self.state.active:
            self._end(JobState.CANCELLED, "")
            self._cancel()

    def pause(self) -> None:
        if self.state == JobState.RUNNING and self._pause:
            self.state = JobState.PAUSED
            self._pause()
            self.changed()

    def resume(self) -> None:
        if self.state == JobState.PAUSED and self._resume:
            self.state = JobState.RUNNING
            self._since = self._clock()
            self._resume()
            self.changed()

    def _end(self, state: JobState, detail: str) -> None:
        if self.state.active:
            self.state, self.detail = state, detail
            self.changed()


class Jobs:
    """All jobs of this session, the newest last. `changed` is called when a job comes, goes, pauses or ends; how far a
    running one is must be looked up."""

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self._watchers: list[Callable[[], None]] = []

    def all(self) -> Sequence[Job]:
        return tuple(self._jobs)

    @property
    def active(self) -> int:
        return sum(job.state.active for job in self._jobs)

    def add(self, job: Job) -> Job:
        job.changed = self._tell
        self._jobs.append(job)
        self._tell()
        return job

    def clear_ended(self) -> None:
        self._jobs = [job for job in self._jobs if job.state.active]
        self._tell()

    def watch(self, changed: Callable[[], None]) -> None:
        self._watchers.append(changed)

    def _tell(self) -> None:
        for changed in self._watchers:
            changed()
