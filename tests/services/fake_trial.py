"""Test consumers in memory: members of a `FakeCluster`'s groups, which share the partitions of what they read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from kexplorer.model.failure import Failure
from kexplorer.model.groups import Member
from kexplorer.model.topics import TopicPartition
from kexplorer.model.trial_consumer import Event, Phase, Position, Told, Trial, TrialState
from tests.services.fake_cluster import FakeCluster


class FakeTrial:
    """Keeps `model.trial_consumer.TrialConsumer`."""

    def __init__(self, cluster: FakeCluster, trial: Trial) -> None:
        self.trial = trial
        self.delay = trial.delay
        self.all_told: list[Told] = []
        self._cluster = cluster
        self._id = f"{trial.client}-id"
        sources = tuple(source for source in cluster.logs if source.topic in trial.topics)
        there = cluster.members.get(trial.group, ())
        cluster.members[trial.group] = (*there, Member(self._id, trial.client, "/127.0.0.1", sources))
        cluster.commits.setdefault(trial.group, {})
        positions = {source: Position(7, b"k7", 7) for source in sources}
        self.state = TrialState(Phase.READING, self._id, 3, 7 * len(sources), positions)
        self.tell(Event.ASSIGNED, f"Got {len(sources)} partitions.")

    def tell(self, event: Event, words: str) -> None:
        self.all_told.append(Told(len(self.all_told) + 1, 1_700_000_000.0, event, words))

    def told(self, after: int = 0) -> Sequence[Told]:
        return self.all_told[after:]

    def pause(self, on: bool) -> None:
        self.state = replace(self.state, phase=Phase.PAUSED if on else Phase.READING)

    def work(self, delay: float) -> None:
        self.delay = delay

    async def leave(self, within: float) -> bool:
        there = self._cluster.members.pop(self.trial.group)
        if left := tuple(each for each in there if each.id != self._id):
            self._cluster.members[self.trial.group] = left
        return await self._end(Phase.LEFT)

    async def crash(self, within: float) -> bool:
        return await self._end(Phase.CRASHED)

    async def _end(self, phase: Phase) -> bool:
        await asyncio.sleep(0)
        self.state = replace(self.state, phase=phase, positions={})
        return True


class FakeJoining:
    """Starts them; `failure` is raised instead."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.started: list[FakeTrial] = []
        self.failure: Failure | None = None
        self._cluster = cluster

    async def __call__(self, trial: Trial) -> FakeTrial:
        if self.failure:
            raise self.failure
        self.started.append(FakeTrial(self._cluster, trial))
        return self.started[-1]


def with_group(cluster: FakeCluster, group: str, topic: str) -> None:
    """A group of others, with one member that reads partition 0."""
    cluster.members[group] = (Member("app-1", "app", "/10.0.0.7", (TopicPartition(topic, 0),)),)
    cluster.commits[group] = {TopicPartition(topic, 0): 3}
