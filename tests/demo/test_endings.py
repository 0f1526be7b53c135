"""Whoever ends, and however: nothing of the demo is left."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kexplorer.demo.broker import EmbeddedBroker
from kexplorer.demo.process import DemoProcess
from tests.rig.waiting import wait

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class _Family:
    """The processes above a broker up to `top`, and the directory of its files."""

    def __init__(self, broker: int, top: int) -> None:
        self.pids = [broker]
        while self.pids[-1] != top:
            self.pids.append(_parent(self.pids[-1]))
        self.directory = Path(f"/proc/{broker}/cwd").readlink()
        assert self.directory.is_dir()

    def assert_gone(self) -> None:
        wait(lambda: not (any(map(_lives, self.pids)) or self.directory.exists()), 0.02)


@contextmanager
def _program(owner: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A program that owns a demo or a broker, and the broker's pid; killed at the end if it still lives."""
    code = f"""
        import time
        from kexplorer.demo.broker import EmbeddedBroker
        from kexplorer.demo.process import DemoProcess
        with {owner}() as it:
            print(it.pid, flush=True)
            time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout is not None
            yield program, int(program.stdout.readline())
        finally:
            program.kill()


@pytest.mark.parametrize("owner", ["EmbeddedBroker", "DemoProcess"])
def test_all_is_gone_when_the_owner_was_killed(owner: str) -> None:
    with _program(owner) as (program, broker):
        family = _Family(broker, program.pid)
        program.kill()
        family.assert_gone()


@pytest.mark.parametrize("seconds", [0, 2])
def test_the_demo_stops_by_itself_while_it_fills_its_topics_and_later(seconds: float) -> None:
    with DemoProcess() as demo:
        family = _Family(demo.pid, os.getpid())
        family.pids.pop()  # ourselves
        time.sleep(seconds)
        started = time.monotonic()
        demo.stop()
        assert time.monotonic() - started < demo.stop_limit  # it was not killed
    family.assert_gone()


def test_the_shop_obeys_sigterm() -> None:
    with DemoProcess() as demo:
        family = _Family(demo.pid, os.getpid())
        family.pids.pop()
        os.kill(family.pids[-1], signal.SIGTERM)
        family.assert_gone()


def test_the_broker_dies_with_a_killed_supervisor() -> None:
    with EmbeddedBroker() as broker:
        family = _Family(broker.pid, _parent(broker.pid))
        os.kill(family.pids[-1], signal.SIGKILL)
        wait(lambda: not _lives(broker.pid), 0.02)
    for file in family.directory.iterdir():  # nobody was left to do it
        file.unlink()
    family.directory.rmdir()


def test_a_frozen_broker_is_ended_too() -> None:
    with EmbeddedBroker() as broker:
        family = _Family(broker.pid, _parent(broker.pid))
        os.kill(broker.pid, signal.SIGSTOP)
    family.assert_gone()
