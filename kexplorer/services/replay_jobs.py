"""Replays in processes of their own, as a window starts, watches, steers and finds them again. A process goes on when
the window closes; what it needs and tells is in the folder beside its plan."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.replay import Command, Pace, Plan, ReplayProgress, ReplayState, progress_of
from kexplorer.store.daemon import in_daemon
from kexplorer.store.plans import save_plan
from kexplorer.store.replay_runs import RunFolder

T = TypeVar("T")
_DISK = 10.0  # seconds
_ENDS_WITHIN = 30.0  # seconds from the word that it is to stop: it commits what it has
_ENDED = (ReplayState.DONE, ReplayState.STOPPED, ReplayState.FAILED)
_FOLLOW_EVERY = 0.5  # seconds between looks at a run that another window started
COMMAND = (sys.executable, "-m", "kexplorer", "replay")


@dataclass(frozen=True, slots=True)
class Ended:
    """`complete`: all was written as the plan says, and found again. `report` as `report_json` has it, None where the
    process came to none; `told` is what it said on standard error."""

    complete: bool
    report: dict[str, Any] | None
    told: str


class ReplayJob:
    """One plan's file, and the process that runs it if this window started one. Two daemon threads read what it says:
    the window's loop starts no processes on every platform."""

    def __init__(self, plan: Path, command: Sequence[str] = COMMAND) -> None:
        self.path = plan
        self._folder = RunFolder(plan)
        self._command = command
        self._process: subprocess.Popen[str] | None = None
        self._told: list[str] = []
        self._reading: list[threading.Thread] = []

    async def save(self, plan: Plan) -> None:
        await self._on_disk(lambda: save_plan(self.path, plan))

    async def run(self) -> AsyncIterator[ReplayProgress]:
        """Starts the process, past its question, and tells of its progress until it ends; who stops listening leaves it
        running. Raises `Failure` where it cannot be started."""
        loop, lines = asyncio.get_running_loop(), asyncio.Queue[str | None]()

        def hand_over(line: str | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended; the process goes on
                loop.call_soon_threadsafe(lines.put_nowait, line)

        await self._on_disk(lambda: self._start(hand_over))
        while (line := await lines.get()) is not None:
            with contextlib.suppress(ValueError, KeyError):
                yield progress_of(json.loads(line))

    async def ended(self) -> Ended:
        """Behind the end of `run`."""
        code = await self._on_disk(self._wait)
        return Ended(code == 0, await self._on_disk(self._folder.report), "".join(self._told).strip())

    async def follow(self) -> AsyncIterator[ReplayProgress]:
        """Of a process that another window started, until it ends or is gone."""
        while (found := await self._on_disk(self._folder.status)) is not None:
            pid, progress = found
            yield progress
            if progress.state in _ENDED or not is_alive(pid):
                return
            await asyncio.sleep(_FOLLOW_EVERY)

    async def steer(self, state: ReplayState = ReplayState.RUNNING, pace: Pace | None = None) -> None:
        """PAUSED, STOPPED or RUNNING, and the pace from now on; None is the plan's."""
        await self._on_disk(lambda: self._folder.write_command(Command(state, pace)))

    async def stop(self) -> None:
        """Ends it behind the transaction under way, and waits for that. The next run goes on."""
        process = self._process
        if process is not None and process.poll() is not None:
            return
        await self.steer(ReplayState.STOPPED)
        if process is None:
            return
        try:
            await in_daemon("replay", process.wait, _ENDS_WITHIN)
        except TimeoutError:
            process.kill()  # what is not committed is aborted by the brokers
            await self._on_disk(process.wait)

    def _start(self, hand_over: Callable[[str | None], None]) -> None:
        self._folder.clear_command()
        try:
            process = subprocess.Popen(  # noqa: S603
                [*self._command, str(self.path), "--yes", "--progress"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=sys.platform != "win32",  # Ctrl+C in the terminal of the window is not for it
            )
        except OSError as error:
            text = f"The replay could not be started: {error.strerror}."
            raise Failure(FailureKind.REFUSED, text, "Run kexplorer replay in a terminal.") from error

        def listen() -> None:
            for line in process.stdout or ():
                hand_over(line)
            hand_over(None)

        self._process, self._told = process, []
        self._reading = [
            threading.Thread(target=listen, name="replay-progress", daemon=True),
            threading.Thread(target=lambda: self._told.extend(process.stderr or ()), name="replay-told", daemon=True),
        ]
        for thread in self._reading:
            thread.start()

    def _wait(self) -> int:
        process = self._process
        if process is None:
            raise Failure(FailureKind.NOT_FOUND, "The replay was not started.")
        code = process.wait()
        for thread in self._reading:
            thread.join()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        return code

    async def _on_disk(self, work: Callable[[], T]) -> T:
        return await in_daemon("replay", work, _DISK)


def is_alive(pid: int) -> bool:
    """On Windows, where asking would end it, for as long as nobody says otherwise."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
