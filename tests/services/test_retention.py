"""What retention will delete of what a group has not read: by time, by size, and against its own speed."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.model.cluster import LogDir, ReplicaSize
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.lag import GroupLag
from kexplorer.model.retention import HORIZONS, Log, Outlook, losses
from kexplorer.model.topics import TopicPartition
from kexplorer.model.verdicts import Rates
from kexplorer.services.group_lag import look
from kexplorer.services.retention import outlook
from tests.rig.loops import LoopRunner
from tests.services.fake_cluster import FakeCluster

FIRST = TopicPartition("orders", 0)
DAY, HOUR = 86_400, 3600


def _shop(**configs: str) -> FakeCluster:
    """A record every minute of the last day; the group has read those that are older than 22.5 hours."""
    cluster = FakeCluster("shop")
    cluster.add_topic("orders", 1, **configs)
    now = int(time.time() * 1000)
    for n in range(24 * 60):
        cluster.add("orders", b"v", timestamp=now - (24 * 60 - n) * 60_000 + 30_000)
    cluster.commits = {"billing": {FIRST: 90}}
    return cluster


def _told(aio: LoopRunner, cluster: FakeCluster, rates: Rates | None = None) -> Outlook:
    async def run() -> Outlook:
        seen = (await look(cluster, ["billing"]))["billing"]
        assert isinstance(seen, GroupLag)
        return await outlook(cluster, seen, lambda _: rates or Rates())

    return aio.run(run())


def test_by_time(aio: LoopRunner) -> None:
    found = _told(aio, _shop(cleanup_policy="delete", retention_ms=str(DAY * 1000)))
    assert found.losses[FIRST][HORIZONS.index(3600)] == 0
    assert found.first is not None
    seconds, lost = found.first
    assert (seconds, lost in (29, 30, 31)) == (7200, True)
    assert found.warning == f"In about 2 h retention deletes {lost} messages that billing has not read."
    assert found.losses[FIRST][-1] == 24 * 60 - 90


def test_a_group_that_is_fast_enough_loses_nothing(aio: LoopRunner) -> None:
    cluster = _shop(cleanup_policy="compact,delete", retention_ms=str(DAY * 1000))
    assert _told(aio, cluster, Rates(1 / 60, 2 / 60)).warning == ""
    assert _told(aio, cluster, Rates(1 / 60, 0.5 / 60)).first is not None


@pytest.mark.parametrize(
    "configs",
    [
        {"cleanup_policy": "compact", "retention_ms": "1000"},
        {"cleanup_policy": "delete", "retention_ms": "-1", "retention_bytes": "-1"},
        {"cleanup_policy": "delete", "retention_ms": str(30 * DAY * 1000)},
    ],
    ids=["compacted", "kept for ever", "kept for long"],
)
def test_what_is_not_deleted_is_no_loss(aio: LoopRunner, configs: dict[str, str]) -> None:
    found = _told(aio, _shop(**configs))
    assert (found.first, found.warning, found.troubles) == (None, "", ())


def test_what_is_due_already(aio: LoopRunner) -> None:
    found = _told(aio, _shop(cleanup_policy="delete", retention_ms=str(20 * HOUR * 1000)))
    assert found.first is not None
    assert found.first[0] == 0
    assert found.warning.startswith("At any moment retention deletes 15")


def test_by_size(aio: LoopRunner) -> None:
    """100 bytes a record, one a minute, 1,440 records now."""
    cluster = _shop(cleanup_policy="delete", retention_ms="-1", retention_bytes="144000")
    cluster.disks = {1: (LogDir("/data", {FIRST: ReplicaSize(144_000, 0)}),)}
    found = _told(aio, cluster, Rates(1 / 60, 0.0))
    assert found.first == (7200, 30)  # 120 more have come, and 90 were read


def test_without_the_right_to_see_sizes_times_are_told(aio: LoopRunner) -> None:
    cluster = _shop(cleanup_policy="delete", retention_ms=str(DAY * 1000), retention_bytes="1")
    cluster.failures["log_dirs"] = Failure(FailureKind.AUTHORIZATION, "Not allowed.")
    found = _told(aio, cluster)
    assert found.troubles == (cluster.failures["log_dirs"],)
    assert found.first is not None
    assert found.first[0] == 7200


def test_who_is_not_behind_is_not_asked_about(aio: LoopRunner) -> None:
    cluster = _shop(cleanup_policy="delete", retention_ms="1")
    cluster.commits["billing"][FIRST] = 24 * 60
    assert _told(aio, cluster).losses == {}
    assert "topic_configs" not in cluster.calls


_numbers = st.integers(0, 1000)


@given(_numbers, _numbers, _numbers, st.floats(0, 10), st.floats(0, 10), st.none() | _numbers, st.none() | _numbers)
def test_losses_are_never_more_than_is_unread(
    start: int, length: int, position: int, produced: float, committed: float, size: int | None, most: int | None
) -> None:
    end = start + length
    due = tuple(min(start + seconds // 60, end) for seconds in HORIZONS)
    found = losses(Log(start, end, position, produced, committed, due, size, most))
    assert all(0 <= lost <= max(end - max(position, start), 0) for lost in found)
    still = losses(Log(start, end, position, produced, 0.0, due, size, most))
    assert list(still) == sorted(still)
