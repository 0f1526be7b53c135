"""Several engines, as on several machines, share one replay: what one leaves another takes over, and each record is
written once."""

from __future__ import annotations

import contextlib
import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaException

from kexplorer.kafka.link import LinkMonitor
from kexplorer.kafka.replay_group import Membership
from kexplorer.kafka.replaying import Side
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.replay import CHECKPOINTS, COUNT_HEADER, Guarantee, Pace, Policy
from tests.kafka import direct
from tests.kafka.direct import Sent
from tests.kafka.replays import Copying, Replaying, contents, told
from tests.rig.brokers import Broker
from tests.rig.kafka import KafkaCluster
from tests.rig.waiting import wait

pytestmark = pytest.mark.kafka

FAST = {"state": "running", "pace": {"records": 1_000_000}}


def machines(copying: Copying, count: int, **changes: Any) -> list[Replaying]:
    """Each has a copy of the plan in a folder of its own."""
    found = []
    for number in range(count):
        folder = copying.folder / f"machine{number}"
        folder.mkdir()
        found.append(replace(copying, folder=folder).replaying(**changes))
    return found


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_one_of_three_engines_is_killed_and_one_is_added(kafka3: KafkaCluster, topic_name: str, tmp_path: Path) -> None:
    copying = Copying(kafka3.bootstrap(), topic_name, tmp_path)
    copying.fill(direct.rows(24_000, 6), 6)
    one, two, three, added = machines(copying, 4, pace=Pace(records=300))
    group = ("--group", f"share-{topic_name}", "--progress")
    with one.start(*group) as first, contextlib.ExitStack() as others:
        told(first, lambda progress: progress["total"]["written"] > 0)  # alone: these are its own
        second, third = (others.enter_context(each.start(*group)) for each in (two, three))
        for process in (second, third):
            told(process, lambda progress: progress["total"]["written"] > 0)
        first.kill()
        with added.start(*group) as fourth:
            told(fourth, lambda progress: progress["total"]["written"] > 0)
            for each in (two, three, added):
                each.tell(FAST)
            ends = [process.communicate(timeout=150) for process in (second, third, fourth)]
    assert [process.returncode for process in (second, third, fourth)] == [0, 0, 0], "\n".join(end[1] for end in ends)
    assert copying.is_equal
    reports = [each.report() for each in (two, three, added)]
    assert [each["total"]["written"] for each in reports] == [24_000] * 3
    parts = [each["engine"]["written"] for each in reports]
    assert all(parts), parts
    assert sum(parts) < 24_000  # the one that was killed had written some
    assert any(each["verified"] and each["verified"]["found"] == 24_000 for each in reports)


@pytest.mark.slow
def test_engines_that_begin_at_once_agree_on_one_run(broker: Broker, topic_name: str, tmp_path: Path) -> None:
    copying = Copying(broker.bootstrap, topic_name, tmp_path)
    copying.fill(direct.rows(600, 3))
    group = ("--group", f"share-{topic_name}", "--progress")
    with contextlib.ExitStack() as stack:
        engines = [stack.enter_context(each.start(*group)) for each in machines(copying, 4)]
        ends = [engine.communicate(timeout=100) for engine in engines]
    assert [engine.returncode for engine in engines] == [0] * 4, "\n".join(end[1] for end in ends)
    assert copying.is_equal


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_between_clusters_an_engine_that_slept_is_fenced(
    broker: Broker, own_kafka: KafkaCluster, topic_name: str, tmp_path: Path
) -> None:
    """It wakes up behind the takeover, in the belief that its partitions are its own. A record that is not written is
    told of by both, whoever met it."""
    copying = Copying(broker.bootstrap, topic_name, tmp_path, other=own_kafka.bootstrap())
    rows = [*direct.rows(6000, 4), Sent(1, b"often", b"", ((COUNT_HEADER, b"3"),))]
    copying.fill(rows, 4, target_partitions=3)
    one, two = machines(copying, 2, pace=Pace(records=400), policy=Policy.SKIP)
    group = ("--group", f"share-{topic_name}", "--progress")
    with one.start(*group) as first, two.start(*group) as second:
        told(first, lambda progress: progress["total"]["written"] > 400)
        told(second, lambda progress: progress["total"]["written"] > 0)
        first.send_signal(signal.SIGSTOP)
        try:
            two.tell(FAST)
            _, told_by_second = second.communicate(timeout=150)
        finally:
            first.send_signal(signal.SIGCONT)
        _, told_by_first = first.communicate(timeout=60)
    assert second.returncode == 0, told_by_second
    assert first.returncode == 0, told_by_first
    found = [row for part in contents(own_kafka.bootstrap(), copying.target).values() for row in part]
    wanted = [row for part in contents(broker.bootstrap, copying.source).values() for row in part]
    assert sorted(found) == sorted(row for row in wanted if row[0] != b"often")
    for each in (one, two):
        report = each.report()
        assert (report["total"]["written"], report["total"]["skipped"]) == (6000, 1)
        (left_out,) = report["exceptional"]
        assert (left_out["partition"], left_out["offset"]) == (1, 1500)


def test_an_engine_may_leave_before_it_has_heard_of_its_share(broker: Broker, topic_name: str) -> None:
    """All was done when it came: the client has got its share by then, and tells it in the call that leaves."""
    direct.create(broker.bootstrap, topic_name, 2)
    group, client = f"share-{topic_name}", direct.admin(broker.bootstrap)
    side = Side(Profile("test", broker.bootstrap), Credentials())

    def has_share() -> bool:
        try:
            told = client.describe_consumer_groups([group])[group].result()
        except KafkaException:  # the group has no coordinator yet
            return False
        return any(member.assignment.topic_partitions for member in told.members)

    for _ in range(3):
        membership = Membership(side, LinkMonitor("test"), group, [topic_name])
        membership.join()
        wait(has_share)
        membership.close()
        assert not has_share()


@pytest.mark.slow
def test_a_shared_job_is_not_begun_again_alone(broker: Broker, topic_name: str, tmp_path: Path) -> None:
    copying = Copying(broker.bootstrap, topic_name, tmp_path)
    copying.fill(direct.rows(100, 2), 2)
    one, two = machines(copying, 2)
    done = one.run("--group", f"share-{topic_name}")
    assert done.returncode == 0, done.stderr
    assert "This engine: 100 read, 100 written." in done.stderr
    assert copying.is_equal
    alone = two.run()
    assert alone.returncode == 2
    assert f"Add --group share-{topic_name}" in alone.stderr
    other = two.run("--group", "another")
    assert f"was begun with --group share-{topic_name}" in other.stderr
    late = two.run("--group", f"share-{topic_name}")
    assert late.returncode == 0, late.stderr
    assert json.loads((two.folder / "report.json").read_text())["engine"]["written"] == 0
    assert copying.is_equal
    kept = [key for part in contents(broker.bootstrap, CHECKPOINTS).values() for key, *_ in part]
    assert f"{one.job}/run".encode() in kept


def test_a_plan_without_transactions_is_not_shared(broker: Broker, topic_name: str, tmp_path: Path) -> None:
    copying = Copying(broker.bootstrap, topic_name, tmp_path)
    copying.fill(direct.rows(10), 1)
    refused = copying.replaying(guarantee=Guarantee.AT_LEAST_ONCE).run("--group", "any")
    assert refused.returncode == 2
    assert "exactly-once" in refused.stderr
    assert contents(broker.bootstrap, copying.target) == {}
