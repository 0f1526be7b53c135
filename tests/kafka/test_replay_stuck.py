"""A call of the client library that never ends does not end a replay: its process begins again, as it was told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kexplorer.model.replay import Command, Pace, ReplayState
from kexplorer.store.replay_runs import RunFolder

PROGRAM = """
import sys, time
from pathlib import Path
from kexplorer.kafka import replay_checkpoints
from kexplorer.model.replay import Counts, Reached
from kexplorer.model.topics import TopicPartition

class Client:
    def consumer(self): return self
    def consumer_group_metadata(self): return None

class Producer:
    def send_offsets_to_transaction(self, *_):
        if not marker.exists():
            marker.touch()
            time.sleep(600)

marker = Path(sys.argv[1])
replay_checkpoints._STUCK = 0.2
source = TopicPartition("t", 0)
progress = replay_checkpoints.GroupProgress(Client(), [source])
progress.attach(Producer(), {source: Reached(1, Counts())}, {})
print("went on")
"""

TOLD = """
import argparse, sys
from pathlib import Path
from kexplorer.cli_replay import _watched
from kexplorer.kafka.replay_checkpoints import begin_again, was_begun_again
from kexplorer.model.replay import Command, Pace, ReplayState
from kexplorer.store.replay_runs import RunFolder

folder = RunFolder(Path(sys.argv[1]))
command = _watched(argparse.Namespace(progress=False), folder).command()
print(command.state, command.pace and command.pace.records)
if not was_begun_again():
    folder.write_command(Command(ReplayState.RUNNING, Pace(records=5)))
    begin_again()
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows starts another process instead")


def test_a_call_that_never_ends_is_left(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "marker")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "went on\n"), done.stderr
    assert "begins again" in done.stderr


def test_what_a_start_forgets_is_kept_when_it_begins_again(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    RunFolder(plan).write_command(Command(ReplayState.STOPPED, Pace(records=9)))  # of the run before
    done = subprocess.run(
        [sys.executable, "-c", TOLD, str(plan)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "running None\nrunning 5\n"), done.stderr


def test_it_begins_again_though_nobody_reads_what_it_says(tmp_path: Path) -> None:
    """It outlives the window or terminal that started it."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "marker")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stderr.close()
        assert process.stdout.read() == b"went on\n"
        assert process.wait(60) == 0
