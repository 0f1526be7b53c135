"""Looks at groups while somebody wants to know, what is kept of it, and what it means."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Member
from kexplorer.model.lag_series import UNKNOWN
from kexplorer.model.topics import TopicPartition
from kexplorer.model.verdicts import Rates, State, Thresholds
from kexplorer.services.lag_watch import LagWatch, Sampled
from kexplorer.store.lag_history import LagHistory
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster

FIRST, SECOND = TopicPartition("orders", 0), TopicPartition("orders", 1)
DOWN = Failure(FailureKind.UNREACHABLE, "No broker answers.")
FAST = 0.01  # seconds between looks


def _shop() -> FakeCluster:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders", 2)
    for n in range(20):
        cluster.add("orders", b"v", partition=n % 2)
    cluster.commits = {"billing": {FIRST: 7, SECOND: 10}, "mail": {FIRST: 10}}
    return cluster


class _Watched:
    """A watch that somebody listens to."""

    def __init__(self, cluster: FakeCluster, **given: object) -> None:
        self.watch = LagWatch(cluster, every=FAST, **given)  # type: ignore[arg-type]
        self.told: list[Sampled] = []

    async def looks(self, more: int = 1) -> Sampled:
        wanted = len(self.told) + more
        await until(lambda: len(self.told) >= wanted)
        return self.told[-1]


def test_who_subscribes_is_told_at_once_and_again(aio: LoopRunner) -> None:
    async def run() -> None:
        seen = _Watched(_shop())
        stop = seen.watch.subscribe(["billing"], seen.told.append)
        sampled = await seen.looks()
        assert list(sampled.groups) == ["billing"]
        assert sampled.groups["billing"].lag == 3
        assert sampled.verdicts["billing"].state is State.OK
        assert abs(sampled.at - time.time()) < 60
        await seen.looks(2)
        assert seen.watch.latest["billing"].lag == 3
        assert seen.watch.series("billing").keys() == {FIRST, SECOND}
        assert set(seen.watch.series("billing")[FIRST].lag) == {3}
        stop()
        stop()
        await asyncio.sleep(0)
        count = len(seen.told)
        await asyncio.sleep(10 * FAST)
        assert len(seen.told) == count
        await seen.watch.close()

    aio.run(run())


def test_each_gets_what_it_asked_for(aio: LoopRunner) -> None:
    async def run() -> None:
        cluster = _shop()
        watch = LagWatch(cluster, every=FAST)
        told: dict[str, list[Sampled]] = {"all": [], "mail": [], "none": []}
        watch.subscribe(None, told["all"].append)
        watch.subscribe({"mail"}, told["mail"].append)
        watch.subscribe({"nobody"}, told["none"].append)
        await until(lambda: all(told.values()))
        assert sorted(told["all"][-1].groups) == ["billing", "mail"]
        assert list(told["mail"][-1].groups) == ["mail"]
        assert told["none"][-1].groups["nobody"].lag is None
        assert told["none"][-1].verdicts["nobody"].reason == "No committed offset."
        await watch.close()

    aio.run(run())


def test_looks_never_overlap_and_a_slow_cluster_is_asked_less_often(aio: LoopRunner) -> None:
    async def run() -> None:
        cluster = _shop()
        seen = _Watched(cluster)
        most = under_way = 0
        count = cluster.group_offsets

        async def slow(*given: object) -> object:
            nonlocal most, under_way
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(5 * FAST)
            under_way -= 1
            return await count(*given)  # type: ignore[arg-type]

        cluster.group_offsets = slow  # type: ignore[assignment,method-assign]
        seen.watch.subscribe(["billing"], seen.told.append)
        for _ in range(3):
            seen.watch.look_now()
            await seen.looks()
        assert most == 1
        begin = time.monotonic()
        await seen.looks(3)
        assert time.monotonic() - begin > 3 * 2 * 5 * FAST  # at most half of the time it asks
        await seen.watch.close()

    aio.run(run())


def test_a_failed_look_is_told_and_a_gap(aio: LoopRunner) -> None:
    async def run() -> None:
        cluster = _shop()
        seen = _Watched(cluster)
        seen.watch.subscribe(["billing"], seen.told.append)
        await seen.looks(2)
        cluster.failures["group_offsets"] = DOWN
        await until(lambda: seen.told[-1].trouble is not None)
        assert (seen.told[-1].trouble, dict(seen.told[-1].groups)) == (DOWN, {})
        del cluster.failures["group_offsets"]
        await until(lambda: seen.told[-1].trouble is None)
        await seen.looks(1)
        lags = list(seen.watch.series("billing")[FIRST].lag)
        assert lags.count(UNKNOWN) == 1  # one, however long it lasted
        assert set(lags) == {3, UNKNOWN}
        assert lags[0] == lags[-1] == 3
        assert seen.watch.latest["billing"].lag == 3
        await seen.watch.close()

    aio.run(run())


def test_a_fault_in_what_is_told_does_not_end_the_watch(aio: LoopRunner) -> None:
    async def run() -> None:
        faults: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: faults.append(what.get("exception")))
        seen = _Watched(_shop())

        def broken(_: Sampled) -> None:
            raise ZeroDivisionError

        seen.watch.subscribe(["billing"], broken)
        seen.watch.subscribe(["billing"], seen.told.append)
        await seen.looks(3)
        assert faults
        assert all(isinstance(each, ZeroDivisionError) for each in faults)
        await seen.watch.close()
        asyncio.get_running_loop().set_exception_handler(None)

    aio.run(run())


@pytest.mark.parametrize(
    ("member", "state"), [(Member("m", "app", "h", (FIRST,)), State.STALL), (None, State.STOP)], ids=["member", "empty"]
)
def test_a_group_that_reads_nothing_is_judged(aio: LoopRunner, member: Member | None, state: State) -> None:
    async def run() -> None:
        cluster = _shop()
        if member:
            cluster.members["billing"] = (member,)
        seen = _Watched(cluster, thresholds=Thresholds(patience=0.0))
        seen.watch.subscribe(None, seen.told.append)
        await seen.looks(9)
        assert seen.told[8].verdicts["billing"].state is State.OK
        verdict = (await seen.looks(3)).verdicts["billing"]
        assert (verdict.state, verdict.source) == (state, FIRST)
        assert "lag 3" in verdict.reason
        assert seen.watch.verdicts_of("billing")[SECOND].state is State.OK
        assert seen.watch.verdicts["mail"].state is State.OK
        assert seen.watch.eta("billing") is None
        assert seen.watch.eta("mail") == 0.0
        await seen.watch.close()

    aio.run(run())


def test_rates_come_from_what_was_seen(aio: LoopRunner) -> None:
    async def run() -> None:
        cluster = _shop()
        seen = _Watched(cluster)
        seen.watch.subscribe(["billing"], seen.told.append)
        assert seen.watch.rates("billing") == Rates()
        await seen.looks(2)
        cluster.commits["billing"][FIRST] = 9
        for _ in range(10):
            cluster.add("orders", b"v", partition=0)
        await seen.looks(2)
        rates = seen.watch.rates("billing")
        assert rates.produced is not None
        assert rates.committed is not None
        assert rates.produced == pytest.approx(5 * rates.committed)
        assert seen.watch.rates("billing", [SECOND]) == Rates(0.0, 0.0)
        await seen.watch.close()

    aio.run(run())


def _recreate(cluster: FakeCluster) -> None:
    cluster.remove_topic("orders")
    cluster.add_topic("orders", 2)
    cluster.add("orders", b"v")
    cluster.commits["billing"] = {FIRST: 0, SECOND: 0}


def test_a_topic_made_anew_begins_anew(aio: LoopRunner, tmp_path: Path) -> None:
    async def run() -> None:
        cluster = _shop()
        history = LagHistory(tmp_path / "lag.db")
        seen = _Watched(cluster, history=history)
        seen.watch.subscribe(["billing"], seen.told.append)
        await seen.looks(2)
        _recreate(cluster)
        sampled = await seen.looks(2)
        assert sampled.verdicts["billing"].state is State.OK  # and not REWIND
        assert set(seen.watch.series("billing")[FIRST].end) == {1}
        assert sampled.unrecorded is None
        tracks = await history.read("fake-cluster", 0, time.time() + 9, "billing", "orders", 0)
        assert [(track.topic_id, set(track.points.end)) for track in tracks] == [("id 1", {10}), ("id 2", {1})]
        await seen.watch.close()

    aio.run(run())


def test_an_offset_that_expires_is_no_lag_of_nought(aio: LoopRunner) -> None:
    """Nor does it stay at its last lag: nothing is told of it until something is committed again."""

    async def run() -> None:
        cluster = _shop()
        seen = _Watched(cluster)
        seen.watch.subscribe(["billing"], seen.told.append)
        await seen.looks()
        del cluster.commits["billing"][FIRST]
        sampled = await seen.looks(2)
        assert sampled.groups["billing"].lag == 0  # of the partition that is left
        assert [reading.source for reading in sampled.groups["billing"].readings] == [SECOND]
        points = len(seen.watch.series("billing")[FIRST])
        await seen.looks(2)
        assert len(seen.watch.series("billing")[FIRST]) == points
        cluster.commits["billing"][FIRST] = 8
        assert (await seen.looks(2)).groups["billing"].lag == 2
        assert set(seen.watch.series("billing")[FIRST].lag) == {3, 2}
        await seen.watch.close()

    aio.run(run())


def test_a_group_that_is_gone_is_forgotten(aio: LoopRunner) -> None:
    async def run() -> None:
        cluster = _shop()
        seen = _Watched(cluster)
        seen.watch.subscribe(None, seen.told.append)
        await seen.looks(1)
        del cluster.commits["mail"]
        await until(lambda: list(seen.told[-1].groups) == ["billing"])
        assert list(seen.watch.latest) == ["billing"]
        assert not seen.watch.series("mail")
        await seen.watch.close()

    aio.run(run())


def test_a_history_that_cannot_be_written_is_told(aio: LoopRunner, tmp_path: Path) -> None:
    async def run() -> None:
        (tmp_path / "lag.db").mkdir()
        seen = _Watched(_shop(), history=LagHistory(tmp_path / "lag.db"))
        seen.watch.subscribe(["billing"], seen.told.append)
        sampled = await seen.looks(1)
        assert sampled.unrecorded is not None
        assert sampled.groups["billing"].lag == 3
        await seen.watch.close()

    aio.run(run())


def test_memory_is_bounded(aio: LoopRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kexplorer.services.lag_watch.MOST_POINTS", 0)

    async def run() -> None:
        seen = _Watched(_shop())
        seen.watch.every = 0.0
        seen.watch.subscribe(["billing"], seen.told.append)
        await seen.looks(100)
        assert all(60 <= len(series) <= 68 for series in seen.watch.series("billing").values())
        await seen.watch.close()

    aio.run(run())


def test_closing_in_the_middle_of_a_look(aio: LoopRunner) -> None:
    async def run() -> None:
        cluster = _shop()
        cluster.delay = 60.0
        seen = _Watched(cluster)
        stop: Callable[[], None] = seen.watch.subscribe(None, seen.told.append)
        await until(lambda: bool(cluster.calls))
        await seen.watch.close()
        stop()
        assert seen.told == []

    aio.run(run())
