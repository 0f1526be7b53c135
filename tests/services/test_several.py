"""Several changes under one question."""

from __future__ import annotations

import pytest

from kexplorer.model.access import ScramMechanism
from kexplorer.model.changes import AlterConfig, DeleteScram, ResourceKind
from kexplorer.model.cluster import ConfigEntry
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.services import read_back
from kexplorer.services.changes import Changes
from kexplorer.services.several import carry_out_all, preview_all, together
from tests.rig.loops import LoopRunner
from tests.services.fake_cluster import FakeCluster
from tests.services.memory_audit import MemoryAudit

NAMES = ("audit", "orders", "payments")
DENIED = Failure(FailureKind.AUTHORIZATION, "You may not alter payments.")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    monkeypatch.setattr(read_back, "_PATIENCE", 0.0)
    found = FakeCluster("shop")
    for name in NAMES:
        found.add_topic(name, retention_ms="604800000")
        found.configs[name]["retention.ms"] = ConfigEntry("retention.ms", "604800000", False, False, False)
    return found


def _shorter(names: tuple[str, ...] = NAMES) -> list[AlterConfig]:
    return [AlterConfig(ResourceKind.TOPIC, name, {"retention.ms": "1000"}) for name in names]


def test_one_preview_tells_every_topic_and_says_each_warning_once(aio: LoopRunner, cluster: FakeCluster) -> None:
    found = together(aio.run(preview_all(Changes(cluster, MemoryAudit()), _shorter())), "shop")
    assert found.sentences[0] == "3 changes: audit; orders; payments."
    assert [tuple(row) for row in found.rows] == [(f"{n}, retention.ms", "604800000", "1000") for n in NAMES]
    assert found.warnings == ["retention.ms is lowered: brokers delete records beyond it within minutes."]
    assert (found.destroys, found.typed) == (True, "3 shop")
    assert [line.count(name) for line, name in zip(found.command.splitlines(), NAMES, strict=True)] == [1, 1, 1]


def test_each_is_noted_and_one_refusal_stops_no_other(aio: LoopRunner, cluster: FakeCluster) -> None:
    audit = MemoryAudit()
    changes, wanted = Changes(cluster, audit), _shorter()
    cluster.refused["topic orders"] = DENIED

    async def run() -> dict[str, Failure]:
        return (await carry_out_all(changes, wanted, await preview_all(changes, wanted))).failures

    assert aio.run(run()) == {"orders": DENIED}
    assert cluster.applied == [wanted[0], wanted[2]]
    assert sorted(line.targets[0] for line in audit.sent) == ["topic audit", "topic orders", "topic payments"]
    assert sorted(outcome for outcome, *_ in audit.answers.values()) == ["done", "done", "failed"]


def test_without_an_audit_log_nothing_is_sent(aio: LoopRunner, cluster: FakeCluster) -> None:
    audit = MemoryAudit()
    changes, wanted = Changes(cluster, audit), _shorter()
    audit.failure = Failure(FailureKind.REFUSED, "The audit log can't be written.")

    async def run() -> None:
        await carry_out_all(changes, wanted, await preview_all(changes, wanted))

    with pytest.raises(Failure, match="audit log"):
        aio.run(run())
    assert cluster.applied == []


def test_two_passwords_of_one_user_are_two_changes(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.held_users = {"alice": dict.fromkeys(ScramMechanism, 4096)}
    wanted = [DeleteScram("alice", mechanism) for mechanism in ScramMechanism]
    cluster.refused["alice"] = DENIED

    async def run() -> tuple[list[str], set[str]]:
        changes = Changes(cluster, MemoryAudit())
        previews = await preview_all(changes, wanted)
        outcome = await carry_out_all(changes, wanted, previews)
        return [row.what for row in together(previews, "shop").rows], set(outcome.failures)

    rows, failed = aio.run(run())
    assert rows == ["alice, SCRAM-SHA-256", "alice, SCRAM-SHA-512"]
    assert failed == set(rows)
