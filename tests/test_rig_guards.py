"""Each guard turns the test red that it is there for: small test files are run by a pytest of their own."""

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SETTINGS = """
[pytest]
qt_api = pyside6
qt_log_level_fail = WARNING
filterwarnings = error
addopts = --strict-markers -p tests.rig.guards -p tests.rig.loops
"""


def _outcome(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, body: str) -> tuple[dict[str, int], str]:
    """Outcomes and output of a test file under the guards."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    pytester.makeini(SETTINGS)
    pytester.makeconftest("import tests.rig.guards as guards; guards.GRACE = 1.0")
    pytester.makepyfile(body)
    result = pytester.runpytest_subprocess()
    return result.parseoutcomes(), result.stdout.str()


GOOD = """
import asyncio, logging, threading
import pytest

def test_logs_as_announced(expect_log):
    expect_log("WARNING shop: stock is low")
    logging.getLogger("shop").warning("stock is %s", "low")

@pytest.mark.expect_log("sold out")
def test_logs_as_marked():
    logging.getLogger("shop").error("sold out")

def test_thread_ends_in_time():
    threading.Timer(0.3, print).start()

def test_info_is_no_fault():
    logging.getLogger("shop").info("fine")

async def double(x):
    await asyncio.sleep(0.05)
    return 2 * x

def test_aio(aio):
    assert aio.run(double(2)) == 4
    with pytest.raises(TimeoutError):
        aio.run(asyncio.sleep(9), timeout=0.05)

def test_qtloop(qtloop, heartbeat):
    assert qtloop.run(double(2)) == 4
    assert qtloop.run(double(3)) == 6
    assert heartbeat.gaps

def test_loosened(qtloop, heartbeat):
    heartbeat.allow(5000, "sleeps on purpose")
    async def stall():
        import time; time.sleep(0.3)
    qtloop.run(stall())
"""


def test_innocent_tests_pass(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes, output = _outcome(pytester, monkeypatch, GOOD)
    assert outcomes == {"passed": 7}, output
    assert "heartbeat: 2 tests, longest gap 3" in output


BAD = {
    "log": ("import logging; logging.getLogger('shop').warning('odd')", "unexpected log: WARNING shop: odd"),
    "absent log": ("expect_log('never said')", "expected log never came: never said"),
    "thread": (
        "import threading; threading.Thread(target=threading.Event().wait, name='lost', daemon=True).start()",
        "lost",
    ),
    "handle": ("import builtins, confluent_kafka; builtins.kept = confluent_kafka.Producer({})", "a client of Kafka"),
    "warning": ("import warnings; warnings.warn('old')", "UserWarning: old"),
    "Qt": ("from PySide6.QtCore import qWarning; qWarning('paint')", "paint"),
    "Qt's own": ("from PySide6.QtCore import QObject, QTimer; QTimer().startTimer(-1)", "negative"),
    "hook": ("import sys; sys.excepthook(KeyError, KeyError('slot'), None)", "slot"),
    "slot": (
        "from PySide6.QtCore import QTimer; QTimer.singleShot(0, lambda: 1 / 0); qtbot.wait(50)",
        "ZeroDivisionError",
    ),
    "unraisable": ("X = type('X', (), {'__del__': lambda self: 1 / 0}); X()", "ZeroDivisionError"),
    "file": ("open(__file__)", "unclosed file"),
    "task": (
        "import asyncio\n    async def f(): asyncio.create_task(asyncio.sleep(99), name='lost')\n    aio.run(f())",
        "lost",
    ),
    "exception of a task": (
        "import asyncio\n    async def g(): raise KeyError('unseen')"
        "\n    async def f():\n        t = asyncio.create_task(g()); await asyncio.sleep(0.01)\n    aio.run(f())",
        "unseen",
    ),
    "stall": (
        "import time\n    async def f():\n        time.sleep(0.25)\n    qtloop.run(f())",
        "the window stood still",
    ),
    "no beat": ("pass", "no event loop ran"),
}
FIXTURES = {"absent log": "expect_log", "slot": "qtbot", "task": "aio", "exception of a task": "aio"}
FIXTURES |= {"stall": "qtloop, heartbeat", "no beat": "heartbeat"}


def test_each_fault_fails_its_test(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {name: f"test_{i}" for i, name in enumerate(BAD)}
    body = "".join(f"def {names[name]}({FIXTURES.get(name, '')}):\n    {code}\n\n" for name, (code, _) in BAD.items())
    _, output = _outcome(pytester, monkeypatch, body)
    parts = re.split(r"(?m)^_{5,} (?:ERROR at teardown of )?(test_\d+) _{5,}$", output)
    reports = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert reports.keys() == set(names.values()), output
    for name, (_, said) in BAD.items():
        assert said in reports[names[name]], name
