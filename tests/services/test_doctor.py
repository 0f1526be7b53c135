"""What the doctor does where it cannot look, and where a moment says something else than the next one."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kexplorer.model.cluster import ConfigEntry, OpenTransaction
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.findings import Checked, Finding, Severity, Where
from kexplorer.model.groups import Committed, GroupType, Member
from kexplorer.model.profile import SecurityProtocol
from kexplorer.model.topics import Broker, Partition, TopicPartition
from kexplorer.services.doctor.examine import checks_of, examine
from tests.rig import certs
from tests.rig.loops import LoopRunner
from tests.services.fake_cluster import FakeCluster

A, B = TopicPartition("orders", 0), TopicPartition("orders", 1)
MEMBERS = (Member("m-1", "mailer", "/10.0.0.1", (A,)), Member("m-2", "mailer", "/10.0.0.2", (B,)))


@pytest.fixture
def cluster() -> FakeCluster:
    found = FakeCluster("shop")
    found.add_topic("orders", 2)
    for number in range(20):
        found.add("orders", b"v", b"k%d" % number, partition=number % 2)
    found.commits = {"mail": {A: 10, B: 10}}
    found.members = {"mail": MEMBERS}
    return found


def _examine(
    aio: LoopRunner, cluster: FakeCluster, group: str = "", topic: str = "", tls: ssl.SSLContext | None = None
) -> tuple[Sequence[Finding], Mapping[str, Checked]]:
    async def run() -> Sequence[Finding | Checked]:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=tls)
        cluster.brokers = (Broker(1, "127.0.0.1", server.sockets[0].getsockname()[1]),)
        async with server, aclosing(examine(cluster, group=group, topic=topic, seconds=0.1)) as told:
            return [each async for each in told]

    told = aio.run(run())
    findings = [each for each in told if isinstance(each, Finding)]
    checked = {each.check: each for each in told if isinstance(each, Checked)}
    assert checked.keys() == {check.name for check in checks_of(group=group, topic=topic)}
    return findings, checked


def test_a_healthy_group_has_no_findings(aio: LoopRunner, cluster: FakeCluster) -> None:
    findings, checked = _examine(aio, cluster, "mail")
    assert findings == []
    assert all(each.fine for each in checked.values())
    assert cluster.open_readers == 0
    assert cluster.applied == []


def test_what_cannot_be_looked_at_is_told_and_ends_nothing_else(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.failures["open_reader"] = Failure(FailureKind.AUTHORIZATION, "You may not read orders.")
    cluster.commits["mail"] = {A: 99, B: 10}
    findings, checked = _examine(aio, cluster, "mail")
    assert [each.check for each in findings] == ["out-of-range"]
    unread = {name for name, each in checked.items() if each.failure}
    assert unread == {"hot-key", "duplicates", "hidden"}
    assert not checked["hot-key"].fine
    assert checked["out-of-range"].found == 1


def test_offsets_that_are_absent_for_a_moment_are_no_finding(
    aio: LoopRunner, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the new coordinator of a group tells it, before it has loaded them."""
    looks = 0
    told = cluster.group_offsets

    async def moved(
        wanted: Mapping[str, Sequence[TopicPartition] | None],
    ) -> dict[str, dict[TopicPartition, Committed | Failure | None] | Failure]:
        nonlocal looks
        looks += 1
        return {name: {} for name in wanted} if looks in (1, 4, 9) else await told(wanted)

    monkeypatch.setattr(cluster, "group_offsets", moved)
    findings, _ = _examine(aio, cluster, "mail")
    assert findings == []


def test_what_lags_without_a_record_makes_no_group_stuck(
    aio: LoopRunner, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as the marker of a transaction, at the end of the log."""
    cluster.commits["mail"] = {A: 9, B: 10}
    findings, _ = _examine(aio, cluster, "mail")
    assert [each.check for each in findings] == ["stuck"]
    cluster.commits["mail"] = {A: 10, B: 10}
    told = cluster.list_offsets

    async def marked(*asked: Any) -> dict[TopicPartition, int | Failure | None]:
        answers = await told(*asked)
        return {source: 11 if answer == 10 else answer for source, answer in answers.items()}

    monkeypatch.setattr(cluster, "list_offsets", marked)
    findings, _ = _examine(aio, cluster, "mail")
    assert findings == []


def test_a_group_that_commits_nothing_by_its_kind_is_not_judged(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.group_types["shared"] = GroupType.SHARE
    findings, checked = _examine(aio, cluster, "shared")
    assert findings == []
    failure = checked["no-members"].failure
    assert failure is not None
    assert failure.kind is FailureKind.UNSUPPORTED


def test_a_transaction_that_hangs(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.stable[A] = 4
    (found,), _ = _examine(aio, cluster, topic="orders")
    assert (found.check, found.severity) == ("open-transaction", Severity.PROBLEM)
    assert (found.evidence["last stable offset"], found.evidence["messages held"]) == (4, 6)
    assert "it hangs" in found.meaning
    assert "find-hanging" in found.remedy
    cluster.transactions[A] = OpenTransaction(71, 3, 4, "billing", 2)
    (found,), _ = _examine(aio, cluster, topic="orders")
    told = "transactional id: billing · producer id: 71 · epoch: 3 · coordinator: broker 2 · first offset: 4"
    assert found.facts.endswith(told)
    assert "abort --topic orders --partition 0 --start-offset 4." in found.remedy


def test_a_group_in_one_of_its_topics(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.add_topic("other")
    cluster.commits["mail"] |= {TopicPartition("other", 0): 50}
    findings, _ = _examine(aio, cluster, "mail", "orders")
    assert findings == []
    findings, _ = _examine(aio, cluster, "mail", "other")
    assert {each.check for each in findings} == {"has-messages", "out-of-range"}


def test_groups_without_members(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.commits |= {"gone": {A: 2}, "done": {A: 10}}
    (found,), _ = _examine(aio, cluster)
    assert (found.check, found.where) == ("abandoned", Where("group", "gone"))


def test_brokers_that_are_down(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.placed[A] = Partition(0, 1, (1, 2), (1,))
    cluster.placed[B] = Partition(1, None, (2,), ())
    findings, _ = _examine(aio, cluster)
    titles = {each.title: each.severity for each in findings}
    assert titles == {
        "1 partition has no leader": Severity.PROBLEM,
        "1 partition has fewer in-sync replicas than replicas": Severity.RISK,
    }


def test_too_few_replicas_for_acks_all(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.placed[A] = Partition(0, 1, (1, 2, 3), (1,))
    cluster.placed[B] = Partition(1, 1, (1, 2, 3), (1, 2))
    name = "min.insync.replicas"
    cluster.configs["orders"][name] = ConfigEntry(name, "2", False, False, False)
    findings, _ = _examine(aio, cluster)
    titles = {each.title: (each.severity, each.evidence["such as"]) for each in findings}
    assert titles == {
        "2 partitions have fewer in-sync replicas than replicas": (Severity.RISK, "orders 0, orders 1"),
        "1 partition has fewer in-sync replicas than min.insync.replicas": (Severity.PROBLEM, "orders 0"),
    }


def test_addresses_of_the_brokers_own_machine(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.profile = replace(cluster.profile, bootstrap="kafka.example.org:9092")
    (found,), _ = _examine(aio, cluster)
    assert found.check == "listeners"
    assert "only clients on that of the broker" in found.meaning


@pytest.mark.parametrize("good", [True, False])
def test_an_address_that_a_certificate_is_not_for(
    aio: LoopRunner, cluster: FakeCluster, tmp_path: Path, good: bool
) -> None:
    made = certs.make(tmp_path)
    cluster.profile = replace(cluster.profile, security_protocol=SecurityProtocol.SSL, ca_file=str(made.ca))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.server if good else made.wrong_host)
    findings, _ = _examine(aio, cluster, tls=tls)
    assert [each.check for each in findings] == ([] if good else ["listeners"])
    assert all("certificate is not good for that address: IP address mismatch" in each.meaning for each in findings)


def test_what_answers_without_tls_where_it_is_wanted(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.profile = replace(cluster.profile, security_protocol=SecurityProtocol.SASL_SSL)
    (found,), _ = _examine(aio, cluster)
    assert found.check == "listeners"


def test_an_examination_that_ends_early_leaves_nothing_behind(aio: LoopRunner, cluster: FakeCluster) -> None:
    async def run() -> None:
        async with aclosing(examine(cluster, group="mail", seconds=60)) as told:
            async for _ in told:
                break

    aio.run(run())  # tasks that are left fail the test
    assert cluster.open_readers == 0
