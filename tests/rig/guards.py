"""pytest plugin: a test fails for the log lines, threads and Kafka handles that it did not account for.

Warnings, unraisable exceptions and those that end a thread fail a test by pytest itself and `filterwarnings = error`;
messages of Qt and exceptions that reach sys.excepthook fail it by pytest-qt.
"""

import gc
import logging
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

GRACE = 15.0  # seconds that threads get to end after a test, on a machine of any speed
_FAILED = pytest.StashKey[bool]()
_SESSION = "rig-"  # so begin the names of threads that live as long as the session


class _Log(logging.Handler):
    """Collects records of level WARNING and above of every logger."""

    def __init__(self, expected: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.expected = expected  # regular expressions
        self._lines: list[str] = []
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))

    def faults(self) -> list[str]:
        """Lines that no expectation matches, and expectations that no line met."""
        stray = [line for line in self._lines if not any(re.search(e, line) for e in self.expected)]
        absent = [e for e in self.expected if not any(re.search(e, line) for line in self._lines)]
        return [f"unexpected log: {line}" for line in stray] + [f"expected log never came: {e}" for e in absent]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "expect_log(regex): a warning or error that must be logged, else the test fails")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    item.stash[_FAILED] = call.excinfo is not None
    return (yield)


@pytest.fixture(autouse=True)
def _thread_guard(request: pytest.FixtureRequest) -> Iterator[None]:
    before = _living()
    yield
    if request.node.stash.get(_FAILED, False):
        return  # its traceback keeps what the test had
    limit = time.monotonic() + GRACE
    while left := [name for who, name in _living().items() if who not in before]:
        if time.monotonic() > limit:
            pytest.fail("alive after the test: " + ", ".join(sorted(left)), pytrace=False)
        gc.collect()  # a Kafka handle ends when it is collected
        time.sleep(0.01)


def _living() -> dict[object, str]:
    """Threads of Python and, on Linux, Kafka handles: librdkafka calls one thread of each handle "rdk:main"."""
    found: dict[object, str] = {
        thread: f"thread {thread.name}"
        for thread in threading.enumerate()
        if not thread.name.startswith(_SESSION) and not isinstance(thread, threading._DummyThread)
    }
    for comm in Path("/proc/self/task").glob("*/comm"):
        try:
            name = comm.read_text().strip()
        except OSError:  # it ended while we looked
            continue
        if name == "rdk:main":
            found[comm.parent.name] = f"a client of Kafka ({name} {comm.parent.name})"
    return found


@pytest.fixture(autouse=True)
def _log_guard(request: pytest.FixtureRequest, _thread_guard: None) -> Iterator[_Log]:
    guard = _Log([mark.args[0] for mark in request.node.iter_markers("expect_log")])
    root = logging.getLogger()
    root.addHandler(guard)
    yield guard
    gc.collect(1)  # asyncio logs a task's unseen exception when the task is collected
    root.removeHandler(guard)
    if faults := guard.faults():
        pytest.fail("\n".join(faults), pytrace=False)


@pytest.fixture
def expect_log(_log_guard: _Log) -> Callable[[str], None]:
    """`expect_log("regex")`: a line "LEVEL logger: message" of level WARNING or above must come, and is no fault."""
    return _log_guard.expected.append
