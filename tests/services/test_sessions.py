"""One connection a profile, however many ask, and none left behind."""

import asyncio
from pathlib import Path

import pytest

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import TopicPartition
from kexplorer.services.lag_watch import Sampled
from kexplorer.services.schemas import Schemas
from kexplorer.services.sessions import Sessions
from kexplorer.store.lag_history import LagHistory
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.services.memory_audit import MemoryAudit


class _Connector:
    def __init__(self) -> None:
        self.made: list[FakeCluster] = []
        self.failure: Failure | None = None

    async def __call__(self, profile: str) -> Cluster:
        await asyncio.sleep(0.01)
        if self.failure:
            raise self.failure
        self.made.append(FakeCluster(profile))
        return self.made[-1]


def test_who_asks_at_once_gets_the_same_session(aio: LoopRunner) -> None:
    connect = _Connector()
    sessions = Sessions(connect, MemoryAudit())

    async def ask() -> None:
        found = await asyncio.gather(*(sessions.open("shop") for _ in range(5)), sessions.open("lab"))
        assert len({id(session) for session in found}) == 2
        assert sessions.get("shop") is found[0]

    aio.run(ask())
    assert sorted(cluster.profile.name for cluster in connect.made) == ["lab", "shop"]


def test_closing_closes_the_cluster_and_opening_again_makes_a_new_one(aio: LoopRunner) -> None:
    connect = _Connector()
    sessions = Sessions(connect, MemoryAudit())

    async def ask() -> None:
        first = await sessions.open("shop")
        await sessions.close("shop")
        await sessions.close("shop")
        assert sessions.get("shop") is None
        assert await sessions.open("shop") is not first
        await sessions.close_all()

    aio.run(ask())
    assert [cluster.closed for cluster in connect.made] == [True, True]


def test_a_failed_attempt_leaves_room_for_the_next(aio: LoopRunner) -> None:
    connect = _Connector()
    sessions = Sessions(connect, MemoryAudit())
    connect.failure = Failure(FailureKind.INVALID, "No password.")

    async def ask() -> None:
        with pytest.raises(Failure):
            await sessions.open("shop")
        connect.failure = None
        assert (await sessions.open("shop")).cluster is connect.made[0]

    aio.run(ask())


def test_a_connection_that_is_closed_while_it_is_made_does_not_stay(aio: LoopRunner) -> None:
    """A person connects, and closes the window before it is done."""
    connect = _Connector()
    sessions = Sessions(connect, MemoryAudit())

    async def ask() -> None:
        opening = asyncio.create_task(sessions.open("shop"))
        await asyncio.sleep(0)
        await sessions.close_all()
        await asyncio.gather(opening, return_exceptions=True)
        assert sessions.get("shop") is None

    aio.run(ask())
    assert all(cluster.closed for cluster in connect.made)


def test_a_session_has_the_schemas_of_its_profile(aio: LoopRunner) -> None:
    schemas = Schemas()

    async def open_schemas(profile: str) -> Schemas | None:
        return schemas if profile == "shop" else None

    async def ask() -> None:
        sessions = Sessions(_Connector(), MemoryAudit(), open_schemas)
        assert (await sessions.open("shop")).schemas is schemas
        assert (await sessions.open("lab")).schemas is None

    aio.run(ask())


def test_no_cluster_stays_when_a_person_leaves_while_the_registrys_password_is_asked_for(aio: LoopRunner) -> None:
    connect, asked = _Connector(), asyncio.Event()

    async def never(_profile: str) -> Schemas | None:
        asked.set()
        await asyncio.Event().wait()
        return None

    async def ask() -> None:
        sessions = Sessions(connect, MemoryAudit(), never)
        opening = asyncio.create_task(sessions.open("shop"))
        await asked.wait()
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        assert sessions.get("shop") is None

    aio.run(ask())
    assert [cluster.closed for cluster in connect.made] == [True]


def test_lag_is_watched_as_long_as_the_session_lasts_and_kept(aio: LoopRunner, tmp_path: Path) -> None:
    connect = _Connector()
    history = LagHistory(tmp_path / "lag.db")
    sessions = Sessions(connect, MemoryAudit(), history=history)

    async def run() -> None:
        session = await sessions.open("shop")
        connect.made[0].add_topic("orders")
        connect.made[0].commits["billing"] = {TopicPartition("orders", 0): 0}
        told: list[Sampled] = []
        session.lag.subscribe(None, told.append)
        await until(lambda: told)
        assert (told[0].groups["billing"].lag, told[0].recorded) == (0, 1)
        await sessions.close("shop")
        assert await history.groups("fake-cluster") == ["billing"]

    aio.run(run())  # a task that is left would fail it
    assert connect.made[0].closed
