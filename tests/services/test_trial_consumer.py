"""Test consumers are noted before they join, take nothing from others unasked, and leave nothing behind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kexplorer.model.changes import DeleteGroups, RemoveMembers
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.trial_consumer import Trial
from kexplorer.services.changes import Changes
from kexplorer.services.trial_consumer import PREFIX, Trials, new_group
from tests.rig.loops import LoopRunner
from tests.services.fake_cluster import FakeCluster
from tests.services.fake_trial import FakeJoining, with_group
from tests.services.memory_audit import MemoryAudit

OWN = Trial("kexplorer-test-1", ("orders",))
OTHERS = Trial("billing", ("orders",))


class _Rig:
    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.cluster.add_topic("orders", 2)
        with_group(self.cluster, "billing", "orders")
        self.audit = MemoryAudit()
        self.join = FakeJoining(self.cluster)
        self.trials = Trials(self.cluster, Changes(self.cluster, self.audit), self.audit, self.join)

    @property
    def verbs(self) -> list[str]:
        return [sent.verb for sent in self.audit.sent]


@pytest.fixture
def rig() -> _Rig:
    return _Rig()


def test_a_group_of_its_own_has_a_name_that_nobody_has() -> None:
    assert new_group() != new_group()
    assert new_group().startswith(PREFIX)


def test_it_is_noted_before_it_joins_and_what_came_of_it_afterwards(aio: LoopRunner, rig: _Rig) -> None:
    async def look() -> None:
        consumer = await rig.trials.start(OWN)
        assert rig.audit.answers == {}
        assert rig.audit.sent[0].targets == ("kexplorer-test-1",)
        assert rig.audit.sent[0].parameters["topics"] == ("orders",)
        await rig.trials.end(consumer, delete=False)
        assert rig.audit.answers[1] == ("done", {"kexplorer-test-1": ""}, ("It read 14 records, and has left.",))
        assert rig.cluster.applied == []

    aio.run(look())


def test_without_an_audit_log_nobody_joins(aio: LoopRunner, rig: _Rig) -> None:
    rig.audit.failure = Failure(FailureKind.REFUSED, "The audit log cannot be written.")
    with pytest.raises(Failure, match="audit log"):
        aio.run(rig.trials.start(OWN))
    assert rig.join.started == []


def test_a_read_only_profile_joins_nothing_and_notes_nothing(aio: LoopRunner, rig: _Rig) -> None:
    rig.cluster.profile = replace(rig.cluster.profile, read_only=True)
    for into_existing in (False, True):
        with pytest.raises(Failure, match="is read-only"):
            aio.run(rig.trials.start(OTHERS, into_existing=into_existing))
    assert (rig.join.started, rig.audit.sent) == ([], [])


def test_a_group_of_others_is_joined_only_where_that_is_said(aio: LoopRunner, rig: _Rig) -> None:
    async def look() -> None:
        with pytest.raises(Failure, match="is there already") as refused:
            await rig.trials.start(OTHERS)
        assert refused.value.kind is FailureKind.REFUSED
        assert (rig.join.started, rig.audit.sent) == ([], [])
        found = await rig.trials.others("billing")
        assert found is not None
        assert len(found.members) == 1
        consumer = await rig.trials.start(OTHERS, into_existing=True)
        assert not rig.trials.owns("billing")
        await rig.trials.end(consumer)
        await rig.trials.close()
        assert "billing" in rig.cluster.commits
        assert rig.cluster.applied == []

    aio.run(look())


def test_a_group_of_its_own_goes_with_the_last_one(aio: LoopRunner, rig: _Rig) -> None:
    async def look() -> None:
        first, second = await rig.trials.start(OWN), await rig.trials.start(replace(OWN, client="second"))
        await rig.trials.end(first)
        assert rig.cluster.applied == []
        await rig.trials.end(second)
        assert rig.cluster.applied == [DeleteGroups((OWN.group,))]
        assert rig.verbs[-1] == "Delete groups"

    aio.run(look())


def test_what_crashed_is_removed_before_its_group_is_deleted(aio: LoopRunner, rig: _Rig) -> None:
    async def look() -> None:
        consumer = await rig.trials.start(OWN)
        await rig.trials.end(consumer, crash=True)
        assert rig.cluster.applied == []  # one may want to see the session time out
        await rig.trials.close()
        removed = RemoveMembers(OWN.group, (consumer.state.member,))
        assert rig.cluster.applied == [removed, DeleteGroups((OWN.group,))]

    aio.run(look())


def test_all_leave_at_once_when_it_is_closed(aio: LoopRunner, rig: _Rig) -> None:
    async def look() -> None:
        for number in range(3):
            await rig.trials.start(replace(OWN, client=f"c{number}"))
        await rig.trials.close(delete=False)
        assert rig.trials.running == []
        assert OWN.group not in rig.cluster.members
        assert len(rig.audit.answers) == 3

    aio.run(look())


def test_what_cannot_join_is_told_and_noted(aio: LoopRunner, rig: _Rig) -> None:
    rig.join.failure = Failure(FailureKind.INVALID, "No topic is chosen.")
    with pytest.raises(Failure, match="No topic"):
        aio.run(rig.trials.start(OWN))
    assert rig.audit.answers[1][0] == "failed"
    assert not rig.trials.owns(OWN.group)
