"""pytest plugin: coroutines in tests, with Qt and without, and a watch over the event loop of the window."""

import asyncio
import statistics
import time
from collections.abc import Coroutine, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Self, TypeVar

import pytest
import qasync
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication

from tests.rig.waiting import PATIENCE_S

T = TypeVar("T")
_LONGEST = "longest gap, ms"  # property of a test


class Heartbeat:
    """Ticks every 20 ms on the GUI thread while it is entered; the test fails for ticks more than `limit` ms apart.
    Where Linux tells it, time does not count in which this thread, or one that it may have waited for, was ready to
    run, but every core was given to others."""

    def __init__(self) -> None:
        self.gaps: list[float] = []  # ms between ticks
        self.limit = 200.0
        self._reason = ""
        self._last: tuple[float, dict[str, float]] = (0.0, {})
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(20)
        self._timer.timeout.connect(self._tick)

    def __enter__(self) -> Self:
        self._last = (time.perf_counter(), _waited())
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.stop()
        self._tick()

    def allow(self, limit: float, reason: str) -> None:
        """Loosen the limit (ms) of this test; the reason is shown if it fails all the same."""
        self.limit, self._reason = limit, f" (loosened: {reason})"

    def begin(self) -> None:
        """Count from now on: what was before, such as making the window, was not the window's to answer for."""
        self.gaps.clear()
        self._last = (time.perf_counter(), _waited())

    def __str__(self) -> str:
        cuts = statistics.quantiles(self.gaps * 2, n=100, method="inclusive")
        figures = f"p50 {cuts[49]:.0f}, p99 {cuts[98]:.0f}, max {max(self.gaps):.0f} ms"
        return f"{len(self.gaps)} beats, {figures}{self._reason}"

    def _tick(self) -> None:
        now, waited = time.perf_counter(), _waited()
        last, before = self._last
        lost = sum(seconds - before[thread] for thread, seconds in waited.items() if thread in before)
        self.gaps.append(max(now - last - lost, 0.0) * 1000)
        self._last = (now, waited)


def _waited() -> dict[str, float]:
    """Seconds that each thread was ready to run but had no core, see the kernel's scheduler/sched-stats.rst: one that
    holds the interpreter's lock meanwhile makes the others wait."""
    found = {}
    for thread in Path("/proc/self/task").glob("*"):
        with suppress(OSError):  # it ended while we looked
            found[thread.name] = int((thread / "schedstat").read_text().split()[1]) / 1e9
    return found


class LoopRunner:
    """Runs coroutines one after the other on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, around: AbstractContextManager[object]) -> None:
        self._loop = loop
        self._around = around

    def run(self, coroutine: Coroutine[object, object, T], timeout: float = 2 * PATIENCE_S) -> T:
        """Its result, or what it raised; TimeoutError after `timeout` s. Tasks it started go on in the next run."""
        with self._around:
            return self._loop.run_until_complete(asyncio.wait_for(coroutine, timeout))

    def close(self) -> list[str]:
        """Cancel what still runs, close the loop, and name the tasks that should have ended before."""
        left = [task for task in asyncio.all_tasks(self._loop) if not task.done()]
        for task in left:
            task.cancel()
        if left:
            self._loop.run_until_complete(asyncio.wait(left, timeout=5))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
        return [f"{task.get_name()}: {task.get_coro()}" for task in left]


@pytest.fixture
def aio() -> Iterator[LoopRunner]:
    """`aio.run(coroutine)` on asyncio's own loop. Tasks left at the end of the test fail it."""
    yield from _runner(asyncio.new_event_loop(), nullcontext())


@pytest.fixture
def qtloop(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[LoopRunner]:
    """`qtloop.run(coroutine)` on the loop of the window, under `heartbeat` if the test has that too."""
    watch = request.getfixturevalue("heartbeat") if "heartbeat" in request.fixturenames else nullcontext()
    yield from _runner(qasync.QEventLoop(qapp), watch)


@pytest.fixture
def heartbeat(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[Heartbeat]:
    """Fails the test if the event loop stands still for more than 200 ms during `qtloop.run()` or `with heartbeat:`."""
    watch = Heartbeat()
    yield watch
    if not watch.gaps:
        pytest.fail("no event loop ran under the heartbeat", pytrace=False)
    request.node.user_properties += [("heartbeat", str(watch)), (_LONGEST, max(watch.gaps))]
    if max(watch.gaps) > watch.limit:
        pytest.fail(f"the window stood still: {watch}", pytrace=False)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Beats())


class _Beats:
    """Of all tests, whichever process they ran in."""

    def __init__(self) -> None:
        self._longest: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._longest.update((report.nodeid, float(str(ms))) for name, ms in report.user_properties if name == _LONGEST)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._longest:
            worst = max(self._longest, key=lambda test: self._longest[test])
            gap = f"longest gap {self._longest[worst]:.0f} ms in {worst}"
            terminalreporter.write_line(f"heartbeat: {len(self._longest)} tests, {gap}")


def _runner(loop: asyncio.AbstractEventLoop, around: AbstractContextManager[object]) -> Iterator[LoopRunner]:
    runner = LoopRunner(loop, around)
    yield runner
    if left := runner.close():
        pytest.fail("tasks left after the test: " + "; ".join(left), pytrace=False)
