"""The second look at a replay: it finds what was lost, written twice, swapped or changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kexplorer.kafka import replay_verifying
from kexplorer.kafka.replay_verifying import verify
from kexplorer.kafka.replaying import Side
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.replay import (
    COUNT_HEADER,
    JOB_HEADER,
    SOURCE_HEADER,
    Exceptional,
    Guarantee,
    Policy,
    ReplayRun,
    TargetTopic,
    Verified,
)
from kexplorer.model.topics import OffsetRange, TopicPartition
from tests.kafka import direct
from tests.kafka.direct import Sent
from tests.kafka.replays import plan_of
from tests.rig.brokers import Broker

ROWS = direct.rows(20, 2)


class Both:
    """A source of 20 records in two partitions, and whatever a test puts into the target."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.bootstrap, self.source, self.target = bootstrap, topic, f"{topic}-to"
        direct.create(bootstrap, self.source, 2)
        direct.create(bootstrap, self.target, 2)
        direct.produce(bootstrap, self.source, ROWS)
        self.run = ReplayRun(
            plan_of(bootstrap, self.source, self.target),
            tuple(OffsetRange(TopicPartition(self.source, p), 0, 10) for p in (0, 1)),
            {self.source: 2},
            {self.source: TargetTopic(self.target, 2)},
            {TopicPartition(self.target, p): 0 for p in (0, 1)},
            direct.NOW,
            "one",
            "one",
        )

    def verified(self, *exceptional: Exceptional) -> Verified:
        side = Side(Profile("test", self.bootstrap), Credentials())
        return verify(self.run, side, side, exceptional)


@pytest.fixture
def both(broker: Broker, topic_name: str) -> Both:
    return Both(broker.bootstrap, topic_name)


def test_what_is_whole_is_found_whole(both: Both) -> None:
    direct.produce(both.bootstrap, both.target, ROWS)
    assert both.verified() == Verified(20, 20)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (ROWS[:-1], "partition 1: 1 of 10 records are missing."),
        ([*ROWS, ROWS[3]], "partition 1: 1 records more than the 10 of the plan; others may write it."),
        ([ROWS[2], ROWS[1], ROWS[0], *ROWS[3:]], "partition 0: the right records in another order."),
        ([replace(ROWS[0], value=b"?"), *ROWS[1:]], "partition 0: as many records as there should be, but not the"),
        ([replace(ROWS[0], headers=(("h", None),)), *ROWS[1:]], "partition 0: as many records as there should be"),
        ([replace(ROWS[0], timestamp=direct.NOW - 1), *ROWS[1:]], "partition 0: as many records as there should be"),
        ([replace(ROWS[0], key=None), *ROWS[1:]], "partition 0: as many records as there should be, but not the"),
    ],
    ids=["loss", "duplicate", "swap", "value", "header", "timestamp", "key"],
)
def test_a_fault_is_found_and_placed(both: Both, written: list[Sent], told: str) -> None:
    direct.produce(both.bootstrap, both.target, written)
    (finding,) = both.verified().findings
    assert finding.startswith(f"{both.target}, {told}")


def test_an_open_transaction_of_others_is_told_as_what_hides_records(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_verifying, "_SETTLES", 0.2)
    writer = direct.producer(both.bootstrap, transactional_id=both.target)
    writer.init_transactions(10)
    writer.begin_transaction()
    direct.send(writer, both.target, [Sent(0, b"k", b"others")])
    direct.produce(both.bootstrap, both.target, ROWS)
    (told,) = both.verified().findings
    writer.abort_transaction(10)
    assert told.endswith("partition 0: 10 of 10 records are missing, or hidden behind an open transaction.")


def test_what_was_skipped_is_not_missed(both: Both) -> None:
    both.run = replace(both.run, plan=replace(both.run.plan, policy=Policy.SKIP))
    direct.produce(both.bootstrap, both.target, ROWS[1:])
    left_out = Exceptional(TopicPartition(both.source, 0), 0, Policy.SKIP, "too large")
    assert both.verified(left_out) == Verified(19, 19)
    assert both.verified().findings


def test_records_with_markers_are_told_from_others_and_from_their_duplicates(both: Both) -> None:
    both.run = replace(both.run, plan=replace(both.run.plan, guarantee=Guarantee.AT_LEAST_ONCE))
    job = both.run.plan.job.encode()
    marked = []
    for number, row in enumerate(ROWS):
        source = f"one/{both.source}/{row.partition}/{number // 2}".encode()
        own = ((JOB_HEADER, job), (SOURCE_HEADER, source), (COUNT_HEADER, b"1"))
        marked.append(replace(row, headers=own))
    direct.produce(both.bootstrap, both.target, [*marked[:6], Sent(0, None, b"of another"), *marked[2:6], *marked[6:]])
    assert both.verified() == Verified(20, 20, duplicates=4)
    both.run = replace(both.run, target_starts={TopicPartition(both.target, p): p for p in (0, 1)})
    (finding,) = both.verified().findings
    assert "partition 1: 1 of 10 records are missing" in finding
