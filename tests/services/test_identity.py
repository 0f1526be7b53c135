"""A topic that is deleted, or made anew under its name, is noticed; nothing else is taken for that."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC

import pytest

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.services import identity
from kexplorer.services.identity import Change
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster

TIMEOUT = Failure(FailureKind.TIMEOUT, "No answer.")


MISSING = Failure(FailureKind.NOT_FOUND, "No such topic.")


class Scripted(FakeCluster):
    """What is told of the topic orders at one look after the other; the last goes on."""

    def __init__(self, answers: Sequence[str | Failure | None]) -> None:
        super().__init__()
        self._answers = answers

    async def topic_ids(self, topics: Iterable[str]) -> dict[str, str | Failure | None]:
        await self._called("topic_ids")
        return {"orders": self._answers[min(len(self.calls), len(self._answers)) - 1]}


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_LOOK_EVERY", 0.001)


@pytest.fixture
def cluster() -> FakeCluster:
    made = FakeCluster()
    made.add_topic("orders")
    made.add_topic("payments")
    return made


async def _looks(cluster: FakeCluster, count: int) -> None:
    """Until so many more looks have begun and ended."""
    wanted = len(cluster.calls) + count + 1
    await until(lambda: len(cluster.calls) > wanted)


@contextlib.asynccontextmanager
async def _watched(cluster: FakeCluster) -> AsyncIterator[asyncio.Task[Change]]:
    """Has looked once."""
    watching = asyncio.create_task(identity.changed(cluster, ["orders", "payments"]))
    try:
        await _looks(cluster, 1)
        yield watching
    finally:
        watching.cancel()
        await asyncio.wait([watching])


def test_a_topic_that_is_made_anew_has_changed(aio: LoopRunner, cluster: FakeCluster) -> None:
    async def look() -> Change:
        async with _watched(cluster) as watching:
            cluster.remove_topic("payments")
            cluster.add_topic("payments")
            return await watching

    before = time.time_ns() // 1_000_000
    found = aio.run(look())
    assert (found.topic, found.gone) == ("payments", False)
    assert before <= found.noticed <= time.time_ns() // 1_000_000
    assert set(cluster.calls) == {"topic_ids"}


@pytest.mark.parametrize(("then", "gone"), [(MISSING, True), ("id 9", False)])
def test_a_topic_that_stays_away_is_gone_and_one_that_comes_back_is_another(
    aio: LoopRunner, then: str | Failure, gone: bool
) -> None:
    cluster = Scripted(["id 1", "id 1", MISSING, TIMEOUT, then])
    found = aio.run(identity.changed(cluster, ["orders"]))
    assert (found.topic, found.gone) == ("orders", gone)
    assert len(cluster.calls) == 5


def test_what_is_no_change(aio: LoopRunner, cluster: FakeCluster) -> None:
    """No answer, an answer without the permission to see it, a broker that lags behind, and one that tells no ids."""
    known = dict(cluster.ids)

    async def look() -> None:
        async with _watched(cluster) as watching:
            cluster.failures["topic_ids"] = TIMEOUT
            await _looks(cluster, 3)
            del cluster.failures["topic_ids"]
            for answer in (TIMEOUT, Failure(FailureKind.AUTHORIZATION, "Not for you."), None):
                cluster.ids["orders"] = answer
                await _looks(cluster, 3)
            cluster.ids |= known
            await _looks(cluster, 3)
            assert not watching.done()

    aio.run(look())


@pytest.mark.parametrize("answer", ["id 1", None])
def test_missing_once_is_not_gone(aio: LoopRunner, answer: str | None) -> None:
    cluster = Scripted([answer, MISSING] * 4 + [answer])

    async def look() -> None:
        async with _watched(cluster) as watching:
            await until(lambda: len(cluster.calls) > 12)
            assert not watching.done()

    aio.run(look())


def test_it_is_told_in_words() -> None:
    noticed = 1_700_000_000_000  # 22:13:20 in UTC
    anew, gone = (Change("orders", noticed, gone=gone).failure(UTC) for gone in (False, True))
    assert anew.message == "orders was deleted and made anew at about 22:13:20: what is shown is of the old one."
    assert anew.hint == "Refresh shows the new one."
    assert gone.message == "orders was deleted at about 22:13:20."
    assert anew.kind is gone.kind is FailureKind.NOT_FOUND
