"""The replays of a folder: their plans, how far each is, whether one runs, and what became of it."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.replay import (
    Command,
    Counts,
    Exceptional,
    Guarantee,
    Plan,
    Policy,
    Reached,
    ReplayProgress,
    ReplayReport,
    ReplayRun,
    ReplayState,
    Verified,
    total,
)
from kexplorer.model.topics import OffsetRange, TopicPartition
from kexplorer.services.replay_jobs import is_alive
from kexplorer.store.daemon import in_daemon
from kexplorer.store.plans import load_plan
from kexplorer.store.replay_runs import RunFolder

MOST = 500  # plans of a folder that are looked at, the newest
_LONGEST = 8 << 20  # bytes of a report or a list that a window shows: reading more would be felt
_SILENT = 600.0  # seconds: whoever tells of nothing for so long is another program with a dead one's number
_DISK = 10.0  # seconds
_ENDED = (ReplayState.DONE, ReplayState.STOPPED, ReplayState.FAILED)
T = TypeVar("T")


class Stage(StrEnum):
    UNREADABLE = "Cannot be read"
    NEW = "Not started"
    STARTING = "Starting"
    RUNNING = "Running"
    PAUSED = "Paused"
    VERIFYING = "Verifying"
    ENDING = "Ending"  # it has said how, and writes its report
    DONE = "Done"
    FINDINGS = "Done, with findings"
    STOPPED = "Stopped"
    FAILED = "Failed"
    INTERRUPTED = "Interrupted"  # its process ended without a word

    @property
    def can_start(self) -> bool:
        """It goes on where it was."""
        return self in (Stage.STOPPED, Stage.FAILED, Stage.INTERRUPTED)

    @property
    def can_stop(self) -> bool:
        return self in (Stage.STARTING, Stage.RUNNING, Stage.PAUSED, Stage.VERIFYING)

    @property
    def runs(self) -> bool:
        return self.can_stop or self is Stage.ENDING


@dataclass(frozen=True, slots=True)
class Replay:
    """A plan's file and what is known of its run. `trouble`: why something of it cannot be read. `began`: when it was
    started last, in seconds since 1970. `report` is that of the last run, None before its end and where it is too
    long. `alive`: a process runs it."""

    path: Path
    plan: Plan | None = None
    run: ReplayRun | None = None
    pid: int | None = None
    progress: ReplayProgress | None = None
    began: float | None = None
    report: ReplayReport | None = None
    trouble: Failure | None = None
    alive: bool = False

    @property
    def meant(self) -> Plan | None:
        """What it runs by, or would."""
        return self.plan or (self.run.plan if self.run else None)

    @property
    def stage(self) -> Stage:
        state = self.progress.state if self.progress else None
        if self.meant is None and self.trouble:
            return Stage.UNREADABLE
        if state is None:
            return Stage.INTERRUPTED if self.run else Stage.NEW
        if state not in _ENDED and not self.alive:
            return Stage.INTERRUPTED
        wrong = self.report is not None and not self.report.complete
        return Stage.FINDINGS if state is ReplayState.DONE and wrong else Stage(state.capitalize())

    @property
    def total(self) -> Counts:
        return total(each.counts for each in self.progress.reached.values()) if self.progress else Counts()

    @property
    def span(self) -> tuple[int, int]:
        """Offsets that are dealt with, and all of them. Some may be gaps."""
        if self.run is None:
            return 0, 0
        reached = self.progress.reached if self.progress else {}
        done = sum(reached[r.source].position - r.start for r in self.run.ranges if r.source in reached)
        return done, sum((r.end or 0) - r.start for r in self.run.ranges)

    @property
    def fraction(self) -> float:
        done, whole = self.span
        return done / whole if whole else float(self.run is not None and self.progress is not None)


class ReplayFolder:
    """Looks at the disk in threads of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[Path, tuple[tuple[float, ...], Replay]] = {}

    async def all(self) -> Sequence[Replay]:
        """The newest plans, at most `MOST`."""
        return await self._on_disk(self._all)

    async def one(self, plan: Path) -> Replay:
        """Of any folder."""
        return await self._on_disk(lambda: self._seen(plan))

    async def exceptional(self, replay: Replay) -> Sequence[Exceptional]:
        """What was not written as planned so far, each once. Raises `Failure` where it is too much to be shown."""
        return await self._on_disk(lambda: _exceptional(replay))

    async def command(self, plan: Path) -> Command:
        """What a running one is told now, by whichever window."""
        return await self._on_disk(RunFolder(plan).command)

    async def remove(self, plan: Path) -> None:
        """The plan and what its runs have left on this machine. Raises `Failure` while it runs."""
        await self._on_disk(lambda: self._remove(plan))

    def _all(self) -> list[Replay]:
        found = sorted(self.path.glob("*.toml"), key=_when, reverse=True)[:MOST]
        seen = [self._seen(plan) for plan in found]
        self._known = {
            path: each for path, each in list(self._known.items()) if path.parent != self.path or path in found
        }
        return seen

    def _seen(self, plan: Path) -> Replay:
        folder = RunFolder(plan).path
        files = [plan, *(folder / name for name in ("run.json", "status.json", "report.json"))]
        written = tuple(map(_when, files))
        if plan not in self._known or self._known[plan][0] != written:
            self._known[plan] = written, _read(plan, written)
        replay = self._known[plan][1]
        return replace(replay, alive=_runs(replay, written[2]))

    def _remove(self, plan: Path) -> None:
        if self._seen(plan).alive:
            raise Failure(FailureKind.REFUSED, f"{plan.stem} is running.", "Stop it first.")
        try:
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(RunFolder(plan).path)
            plan.unlink(missing_ok=True)
        except OSError as error:
            raise Failure(
                FailureKind.REFUSED, f"{plan} cannot be removed: {error.strerror}.", "Try it again."
            ) from None

    async def _on_disk(self, work: Callable[[], T]) -> T:
        try:
            return await in_daemon("replays", work, _DISK)
        except TimeoutError:
            raise Failure(FailureKind.TIMEOUT, f"The disk of {self.path} does not answer.", "Try it again.") from None


def _read(plan: Path, written: tuple[float, ...]) -> Replay:
    """What can be read, up to the first trouble."""
    folder, (_, began, told, reported) = RunFolder(plan), written
    replay = Replay(plan)
    try:
        replay = replace(replay, run=folder.run(), began=began or None)
        if status := folder.status():
            replay = replace(replay, pid=status[0], progress=status[1])
        if reported >= told and reported and (folder.path / "report.json").stat().st_size <= _LONGEST:
            replay = replace(replay, report=report_of(folder.report() or {}))
        return replace(replay, plan=load_plan(plan))
    except Failure as failure:
        return replace(replay, trouble=failure)
    except (KeyError, TypeError, ValueError, OSError) as error:
        text = f"{folder.path} cannot be understood: {error}."
        return replace(replay, trouble=Failure(FailureKind.INVALID, text, "Move it away to begin anew."))


def _runs(replay: Replay, told: float) -> bool:
    if replay.pid is None or replay.progress is None or replay.progress.state in _ENDED:
        return False
    return time.time() - told < _SILENT and is_alive(replay.pid)


def _exceptional(replay: Replay) -> list[Exceptional]:
    folder = RunFolder(replay.path)
    file = folder.path / "exceptional.jsonl"
    if file.exists() and file.stat().st_size > _LONGEST:
        raise Failure(FailureKind.REFUSED, "There are too many to be shown.", f"{file} has them all.")
    reached = replay.progress.reached if replay.progress else {}
    noted = {(e.source, e.offset): e for e in folder.noted()}
    nothing = Reached(0, Counts())
    return [noted[place] for place in sorted(noted) if place[1] < reached.get(place[0], nothing).position]


def _when(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def report_of(told: Mapping[str, Any]) -> ReplayReport:
    """The report that `report_json` made this of. Its failure's kind is not kept."""
    parts = {TopicPartition(each["topic"], each["partition"]): each for each in told["partitions"]}
    verified, failure = told["verified"], told["failure"]
    return ReplayReport(
        told["job"],
        Guarantee(told["guarantee"]),
        ReplayState(told["state"]),
        {s: Reached(each["position"], Counts(*(each[name] for name in Counts._fields))) for s, each in parts.items()},
        [OffsetRange(source, each["from"], each["to"]) for source, each in parts.items()],
        [
            Exceptional(TopicPartition(e["topic"], e["partition"]), e["offset"], Policy(e["outcome"]), e["why"])
            for e in told["exceptional"]
        ],
        verified and Verified(**verified | {"findings": tuple(verified["findings"])}),
        Failure(FailureKind.BROKER, failure) if failure else None,
        told["seconds"],
    )
