"""A replay whose brokers do not answer can be stopped while it waits for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kexplorer.kafka.replay_target import Target
from kexplorer.kafka.replaying import Engine, Side
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.replay import Command, ReplayProgress, ReplayRun, ReplayState, TargetTopic
from kexplorer.model.topics import OffsetRange, TopicPartition
from kexplorer.store.replay_runs import RunFolder
from tests.kafka.replays import plan_of

NOWHERE = "127.0.0.1:9"


class StoppedOnceItWaits:
    def __init__(self) -> None:
        self.told: list[ReplayProgress] = []

    def command(self) -> Command:
        return Command(ReplayState.STOPPED if self.told else ReplayState.RUNNING)

    def tell(self, progress: ReplayProgress) -> None:
        self.told.append(progress)


def test_it_is_stopped_while_it_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Target._retried, "__defaults__", (0.6,))  # longer than that of a commit
    run = ReplayRun(
        plan_of(NOWHERE, "a", "b"), (OffsetRange(TopicPartition("a", 0), 0, 1),), {"a": 1}, {"a": TargetTopic("b", 1)},
        {}, 0, "one", "one",
    )  # fmt: skip
    side, controls = Side(Profile("nowhere", NOWHERE), Credentials()), StoppedOnceItWaits()
    assert Engine(run, side, side, RunFolder(tmp_path / "plan.toml"), controls).run() is ReplayState.STOPPED
    assert "does not answer" in controls.told[0].detail
    assert [each.state for each in controls.told] == [ReplayState.RUNNING, ReplayState.STOPPED]
