"""A replay in a terminal or for a window that watches it: runs it, looks at the target once more, and tells what became
of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kexplorer.cli import FAILED, FOUND, say
from kexplorer.kafka.replay_verifying import verify
from kexplorer.kafka.replaying import Engine, Side
from kexplorer.model.failure import Failure
from kexplorer.model.replay import (
    Command,
    Counts,
    Exceptional,
    Reached,
    ReplayProgress,
    ReplayReport,
    ReplayRun,
    ReplayState,
    progress_json,
    report_json,
)
from kexplorer.store.replay_runs import RunFolder

_LOOK_EVERY = 0.2  # seconds between looks at what the run is told
_KEEP_EVERY = 1.0  # seconds between notes for who comes later


class Watched:
    """What the run is told by the folder's command and by signals, and who is told how it goes: standard output while
    somebody reads it, and the folder."""

    def __init__(self, folder: RunFolder, *, talks: bool) -> None:
        self._folder = folder
        self._talks = talks
        self._stopped = threading.Event()
        self._command = Command()
        self._looked = self._kept = 0.0
        self.last: ReplayProgress | None = None

    def stop(self, *_: object) -> None:
        self._stopped.set()

    def command(self) -> Command:
        now = time.monotonic()
        if now - self._looked > _LOOK_EVERY:
            self._looked = now
            self._command = self._folder.command()
        if self._stopped.is_set():
            return Command(ReplayState.STOPPED, self._command.pace)
        return self._command

    def tell(self, progress: ReplayProgress) -> None:
        changed = self.last is None or self.last.state is not progress.state
        self.last = progress
        if changed or time.monotonic() - self._kept > _KEEP_EVERY:
            self._kept = time.monotonic()
            self._folder.write_status(os.getpid(), progress)
        if self._talks:
            try:
                sys.stdout.write(json.dumps(progress_json(progress)) + "\n")
                sys.stdout.flush()
            except OSError:  # who watched has gone; the run goes on
                self._talks = False
                sys.stdout = open(os.devnull, "w")  # noqa: SIM115


@dataclass(slots=True)
class Running:
    """One run of an engine. `noted` tells what was not written as planned."""

    run: ReplayRun
    sides: tuple[Side, Side]
    engine: Engine
    watched: Watched
    noted: Callable[[], Sequence[Exceptional]]

    def to_its_end(self) -> ReplayReport:
        """And a second look at the target."""
        began = time.monotonic()
        state, failure, verified = ReplayState.STOPPED, None, None
        with _signals(self.watched):
            try:
                state = self.engine.run()
                if state is ReplayState.DONE and self.run.plan.verify and self.engine.leads:
                    self.engine.crash.at("before-verify")
                    verified = verify(self.run, *self.sides, self._exceptional(), self._tell_verifying)
            except Failure as error:
                state, failure = ReplayState.FAILED, error
            except KeyboardInterrupt:
                state = ReplayState.STOPPED
        try:
            exceptional = self._exceptional()
        except Failure as error:
            state, failure, exceptional = ReplayState.FAILED, failure or error, []
        reached, plan, seconds = self.engine.reached, self.run.plan, time.monotonic() - began
        self.watched.tell(ReplayProgress(state, reached, detail=str(failure or "")))
        return ReplayReport(
            plan.job, plan.guarantee, state, reached, self.run.ranges, exceptional, verified, failure, seconds
        )

    def _tell_verifying(self, seen: int) -> None:
        if self.watched.command().state is ReplayState.STOPPED:
            raise KeyboardInterrupt
        whole = sum((r.end or 0) - r.start for r in self.run.ranges)
        detail = f"{seen:,} of about {2 * whole:,} records"
        self.watched.tell(ReplayProgress(ReplayState.VERIFYING, self.engine.reached, detail=detail))

    def _exceptional(self) -> list[Exceptional]:
        """Each once: what was written again behind an abort was noted again."""
        nothing, reached = Reached(0, Counts()), self.engine.reached
        noted = {(e.source, e.offset): e for e in self.noted() if e.offset < reached.get(e.source, nothing).position}
        return [noted[place] for place in sorted(noted)]


def tell_report(report: ReplayReport, folder: RunFolder, path: Path | None, own: Counts | None = None) -> int:
    """The exit code. `path` is where it is wanted beside the run's folder; `own`: the part of this engine, where others
    had a part as well."""
    made = report_json(report)
    if own is not None:
        made["engine"] = own._asdict()
    folder.write_report(made)
    if path:
        path.write_text(json.dumps(made, indent=1), encoding="utf-8")
    say("\n".join(report.lines()))
    if own is not None:
        say(f"This engine: {own.read:,} read, {own.written:,} written.")
    for each in report.exceptional[:20]:
        where = f"{each.source.topic}, partition {each.source.partition}, offset {each.offset}"
        say(f"{each.outcome}: {where}: {each.why}")
    if len(report.exceptional) > 20:
        say(f"... and {len(report.exceptional) - 20:,} more; {folder.path / 'report.json'} tells of all.")
    return FOUND if report.complete else FAILED


@contextlib.contextmanager
def _signals(watched: Watched) -> Iterator[None]:
    """The first one ends the run in order, the next at once. A test may run this in a thread, which has none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted = [signal.SIGINT, signal.SIGTERM]
    before = {each: signal.getsignal(each) for each in wanted}

    def stop(*_: object) -> None:
        for each, handler in before.items():
            signal.signal(each, handler)
        say("Stopping behind the transaction that is under way.")
        watched.stop()

    for each in wanted:
        signal.signal(each, stop)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
