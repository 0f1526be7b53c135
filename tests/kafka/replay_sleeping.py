"""A replay that falls asleep where others are killed; and one that wakes that one up when it has read the progress, and
goes on when it has ended. SLEEPER is its process."""

import os
import signal
import time
from collections.abc import Sequence
from unittest.mock import patch

from confluent_kafka import Producer

from kexplorer import cli_replay
from kexplorer.kafka import replay_target
from kexplorer.kafka.replay_checkpoints import Progress
from kexplorer.kafka.replaying import Engine
from kexplorer.model.replay import Checkpoint, ReplayState


class _Waking:
    def __init__(self, progress: Progress, sleeper: int) -> None:
        self._progress, self._sleeper = progress, sleeper

    def load(self) -> Checkpoint:
        found = self._progress.load()
        os.kill(self._sleeper, signal.SIGCONT)
        while self._sleeper_is_there():
            time.sleep(0.1)
        return found

    def attach(self, producer: Producer, changed: Checkpoint, whole: Checkpoint) -> None:
        self._progress.attach(producer, changed, whole)

    def _sleeper_is_there(self) -> bool:
        try:
            os.kill(self._sleeper, 0)
        except ProcessLookupError:
            return False
        return True


class Waker(Engine):
    def run(self) -> ReplayState:
        self.progress = _Waking(self.progress, int(os.environ["SLEEPER"]))
        return super().run()


def replay(arguments: Sequence[str]) -> int:
    if "SLEEPER" in os.environ:
        return cli_replay.replay(arguments, Waker)
    with patch.object(replay_target, "_kill", lambda: os.kill(os.getpid(), signal.SIGSTOP)):
        return cli_replay.replay(arguments)
