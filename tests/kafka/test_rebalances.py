"""A group of test consumers as it is seen over time: they join, share, leave and crash."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kexplorer.kafka.trial_consumer import TrialThread, join
from kexplorer.model.profile import Credentials
from kexplorer.model.rebalances import Timeline, What
from kexplorer.model.trial_consumer import Assigning, Trial
from kexplorer.services import rebalances
from kexplorer.services.changes import Changes
from kexplorer.services.trial_consumer import Trials
from tests.kafka import direct
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import PATIENCE_S, until
from tests.services.memory_audit import MemoryAudit

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def _told(timeline: Timeline, what: What) -> list[str]:
    return [each.words for each in timeline.events if each.what is what]


def _holds(timeline: Timeline, name: str, partitions: int) -> bool:
    lane = next((each for each in timeline.lanes.values() if each.name == name), None)
    return lane is not None and lane.here and bool(lane.spans) and len(lane.spans[-1].held or ()) == partitions


@pytest.mark.parametrize("assigning", [Assigning.RANGE, Assigning.CONSUMER])
def test_a_timeline_shows_who_joins_shares_and_leaves(
    aio: LoopRunner, broker: Broker, topic_name: str, monkeypatch: pytest.MonkeyPatch, assigning: Assigning
) -> None:
    monkeypatch.setattr(rebalances, "EVERY", 0.1)
    direct.create(broker.bootstrap, topic_name, 4)
    trial = Trial(topic_name, (topic_name,), "first", assigning, session_timeout=6.0)

    async def look() -> None:
        timeline = Timeline()
        async with direct.connected(broker.bootstrap) as cluster:
            first = join(cluster.profile, Credentials(), trial)
            watching = asyncio.create_task(rebalances.observe(cluster, topic_name, timeline, lambda: None))
            await until(lambda: _holds(timeline, "first", 4))
            second = join(cluster.profile, Credentials(), replace(trial, client="second"))
            await until(lambda: _holds(timeline, "first", 2) and _holds(timeline, "second", 2))
            assert any(words.startswith("second joined from 127.0.0.1") for words in _told(timeline, What.JOINED))
            assert await second.leave(PATIENCE_S)
            await until(lambda: _holds(timeline, "first", 4))
            assert any(words.startswith("second left") for words in _told(timeline, What.LEFT))
            assert await first.leave(PATIENCE_S)
            await until(lambda: not any(lane.here for lane in timeline.lanes.values()))
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    aio.run(look())


def test_one_that_crashes_is_seen_to_leave_at_its_session_timeout_and_its_group_goes(
    aio: LoopRunner, broker: Broker, topic_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebalances, "EVERY", 0.1)
    direct.create(broker.bootstrap, topic_name, 2)
    trial = Trial(topic_name, (topic_name,), "steady", session_timeout=6.0)

    async def look() -> None:
        timeline, audit = Timeline(), MemoryAudit()
        async with direct.connected(broker.bootstrap) as cluster:

            async def start(asked: Trial) -> TrialThread:
                return join(cluster.profile, Credentials(), asked)

            trials = Trials(cluster, Changes(cluster, audit), audit, start)
            await trials.start(trial)
            watching = asyncio.create_task(rebalances.observe(cluster, topic_name, timeline, lambda: None))
            weak = await trials.start(replace(trial, client="weak"))
            await until(lambda: _holds(timeline, "weak", 1))
            await trials.end(weak, crash=True)
            await until(lambda: _holds(timeline, "steady", 2))
            assert any(words.startswith("weak left") for words in _told(timeline, What.LEFT))
            again = await trials.start(replace(trial, client="again"))
            await until(lambda: _holds(timeline, "again", 1))
            await trials.end(again, crash=True)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await trials.close()  # does not wait for the session timeout
        assert topic_name not in direct.groups_of(broker.bootstrap)
        assert audit.sent[-1].verb == "Delete groups"

    aio.run(look())
