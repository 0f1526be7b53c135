"""Two engines of one replay: who takes it over fences the other, wherever that one slept meanwhile."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kexplorer.model.replay import Pace
from tests.kafka import direct
from tests.kafka.replays import Copying, Replaying
from tests.rig.brokers import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

MODULE = "tests.kafka.replay_sleeping"


@pytest.fixture
def copying(broker: Broker, topic_name: str, tmp_path: Path) -> Copying:
    copying = Copying(broker.bootstrap, topic_name, tmp_path)
    copying.fill(direct.rows(2000), 1)
    return copying


@pytest.fixture
def other(copying: Copying, tmp_path: Path) -> Replaying:
    """As on another machine: with its own copy of the plan."""
    (tmp_path / "other").mkdir()
    return replace(copying, folder=tmp_path / "other").replaying(MODULE)


@contextlib.contextmanager
def _sleeping(replaying: Replaying, point: str) -> Iterator[subprocess.Popen[str]]:
    with replaying.start(crash_at=point) as process:
        try:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            yield process
        finally:
            process.kill()


def _is_fenced(process: subprocess.Popen[str]) -> None:
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert "This producer was fenced" in err


def test_who_slept_until_all_was_done_is_fenced(copying: Copying, other: Replaying) -> None:
    with _sleeping(copying.replaying(MODULE, pace=Pace(records=300)), "begin:2") as first:
        refused = other.run()
        second = other.run("--take-over")
        first.send_signal(signal.SIGCONT)
        _is_fenced(first)
    assert "has begun already" in refused.stderr
    assert second.returncode == 0, second.stderr
    assert copying.is_equal


def test_who_slept_can_commit_no_more_once_the_progress_was_read(
    copying: Copying, other: Replaying, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what it committed then would be written again by who has read the progress."""
    with _sleeping(copying.replaying(MODULE, pace=Pace(records=300)), "mid-produce:2") as first:
        monkeypatch.setenv("SLEEPER", str(first.pid))
        with other.start("--take-over") as second:
            _is_fenced(first)
            _, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    assert copying.is_equal
