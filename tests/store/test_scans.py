"""What is kept of a search that is not finished."""

import asyncio
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.search import FilterKind, FilterSpec, SavedSearch, SearchQuery, Undecoded, Where
from kexplorer.model.topics import IsolationLevel, OffsetRange, TopicPartition
from kexplorer.store import scans
from kexplorer.store.scans import ScanStore, Step
from tests.rig.loops import LoopRunner

A, B = TopicPartition("a", 0), TopicPartition("a", 1)
QUERY = SearchQuery(
    (OffsetRange(A, 0, 1 << 62), OffsetRange(B, 5, 5)),
    FilterSpec("“x” \ud800", FilterKind.REGEX, False, Where.HEADERS),
    1_700_000_000_000,
    IsolationLevel.READ_COMMITTED,
    False,
    7,
)


@pytest.fixture
def store(tmp_path: Path) -> ScanStore:
    return ScanStore(tmp_path / "state" / "searches.db")


def test_what_was_begun_comes_back(aio: LoopRunner, store: ScanStore) -> None:
    async def run() -> None:
        number = await store.begin("prod", QUERY)
        assert await store.load(number) == SavedSearch(number, "prod", QUERY)
        await store.add(number, [Step(A, [(0, 10)], [3, 1]), Step(B, [(5, 6)], [])], 11, 2000)
        unknown = Undecoded(2, B, 5, "schema 7 is not known")
        await store.add(number, [Step(A, [(0, 10), (90, 100)], [95])], 21, 4000, unknown)
        done = {A: [(0, 10), (90, 100)], B: [(5, 6)]}
        again = ScanStore(store.path)
        assert await again.load(number) == SavedSearch(number, "prod", QUERY, 21, 4000, done, {A: [1, 3, 95]}, unknown)
        assert await again.unfinished("prod") == [SavedSearch(number, "prod", QUERY, 21, 4000)]
        assert await again.unfinished("test") == []

    aio.run(run())


def test_saving_the_same_twice_changes_nothing(aio: LoopRunner, store: ScanStore) -> None:
    """As after an interruption between saving and telling."""

    async def run() -> None:
        number = await store.begin("prod", QUERY)
        for _ in range(2):
            await store.add(number, [Step(A, [(0, 10)], [3])], 10, 100)
        assert (await store.load(number)).found == {A: [3]}

    aio.run(run())


def test_what_is_forgotten_is_gone(aio: LoopRunner, store: ScanStore) -> None:
    async def run() -> None:
        first, second = [await store.begin("prod", QUERY) for _ in range(2)]
        await store.add(first, [Step(A, [(0, 10)], [3])], 10, 100)
        await store.forget(first)
        await store.forget(first)
        with pytest.raises(Failure) as raised:
            await store.load(first)
        assert raised.value.kind is FailureKind.NOT_FOUND
        assert (await store.load(second)).found == {}
        assert await store.begin("prod", QUERY) not in (first, second)

    aio.run(run())
    with sqlite3.connect(store.path) as database:
        assert database.execute("SELECT count(*) FROM done").fetchone() == (0,)
        assert database.execute("SELECT count(*) FROM found").fetchone() == (0,)
    database.close()


def test_the_oldest_searches_give_way(aio: LoopRunner, store: ScanStore) -> None:
    async def run() -> None:
        numbers = [await store.begin("prod", QUERY) for _ in range(scans.MOST_SEARCHES + 2)]
        kept = [each.id for each in await store.unfinished("prod")]
        assert kept == numbers[:1:-1]

    aio.run(run())


def test_too_many_matches_are_refused_as_a_whole(
    aio: LoopRunner, store: ScanStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the pieces they are of count as not scanned."""
    monkeypatch.setattr(scans, "MOST_FOUND", 5)

    async def run() -> None:
        number = await store.begin("prod", QUERY)
        await store.add(number, [Step(A, [(0, 10)], [1, 2, 3])], 10, 100)
        with pytest.raises(Failure):
            await store.add(number, [Step(A, [(0, 20)], [11, 12, 13])], 20, 200)
        saved = await store.load(number)
        assert (saved.done, saved.found, saved.records) == ({A: [(0, 10)]}, {A: [1, 2, 3]}, 10)

    aio.run(run())


def test_only_its_owner_can_read_it(aio: LoopRunner, store: ScanStore) -> None:
    old = os.umask(0)
    try:
        aio.run(store.begin("prod", QUERY))
    finally:
        os.umask(old)
    assert [stat.S_IMODE(each.stat().st_mode) for each in store.path.parent.iterdir()] == [0o600]
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_two_windows_write_at_a_time(aio: LoopRunner, store: ScanStore) -> None:
    async def window(name: str) -> None:
        own = ScanStore(store.path)
        number = await own.begin(name, QUERY)
        for n in range(20):
            await own.add(number, [Step(A, [(0, n + 1)], [n])], n, n)

    async def run() -> None:
        await asyncio.gather(*(window(name) for name in "xyz"))
        for name in "xyz":
            (found,) = await store.unfinished(name)
            assert (await store.load(found.id)).found == {A: list(range(20))}

    aio.run(run())


@pytest.mark.parametrize("damage", ["text", "link", "directory"])
def test_a_file_that_is_not_ours(aio: LoopRunner, store: ScanStore, damage: str, tmp_path: Path) -> None:
    store.path.parent.mkdir()
    if damage == "text":
        store.path.write_text("my diary\n" * 100)
    elif damage == "link":
        store.path.symlink_to(tmp_path / "elsewhere")
    else:
        store.path.mkdir()
    with pytest.raises(Failure) as raised:
        aio.run(store.begin("prod", QUERY))
    assert raised.value.kind is FailureKind.REFUSED
    assert str(store.path) in raised.value.message
    assert not (tmp_path / "elsewhere").exists()
    if damage == "text":
        assert store.path.read_text().startswith("my diary")
