"""What groups had committed before it was set is there at the next start."""

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from kexplorer.model.failure import Failure
from kexplorer.model.topics import TopicPartition
from kexplorer.store import offset_snapshots
from kexplorer.store.offset_snapshots import OffsetSnapshotStore
from tests.rig.loops import LoopRunner

A, B = TopicPartition("orders", 0), TopicPartition("orders", 1)


@pytest.fixture
def store(tmp_path: Path) -> OffsetSnapshotStore:
    return OffsetSnapshotStore(tmp_path / "state" / "offsets.db")


def test_snapshots_of_a_group_are_there_the_newest_first(aio: LoopRunner, store: OffsetSnapshotStore) -> None:
    async def run() -> None:
        first = await store.keep("c1", "billing", "latest", {A: 3, B: None})
        await store.keep("c2", "billing", "latest", {A: 9})
        await store.keep("c1", "other", "latest", {A: 9})
        second = await store.keep("c1", "billing", "offset “4”", {A: 1 << 62})
        found = await OffsetSnapshotStore(store.path).of_group("c1", "billing")
        assert [(each.id, each.why, each.offsets) for each in found] == [
            (second, "offset “4”", {A: 1 << 62}),
            (first, "latest", {A: 3, B: None}),
        ]
        assert found[0].at >= found[1].at > 1_600_000_000_000
        await store.forget(second)
        assert [each.id for each in await store.of_group("c1", "billing")] == [first]

    aio.run(run())


def test_the_oldest_of_a_group_are_forgotten(
    aio: LoopRunner, store: OffsetSnapshotStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offset_snapshots, "MOST_OF_GROUP", 2)

    async def run() -> None:
        kept = await store.keep("c1", "other", "latest", {A: 0})
        for number in range(3):
            await store.keep("c1", "billing", str(number), {A: number})
        assert [each.why for each in await store.of_group("c1", "billing")] == ["2", "1"]
        assert [each.id for each in await store.of_group("c1", "other")] == [kept]

    aio.run(run())
    with closing(sqlite3.connect(store.path)) as database:
        assert database.execute("SELECT count(*) FROM held").fetchone() == (3,)


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_only_the_owner_can_read_it(aio: LoopRunner, store: OffsetSnapshotStore) -> None:
    aio.run(store.keep("c1", "billing", "latest", {A: 3}))
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_a_damaged_file_is_named_and_stops_the_reset(aio: LoopRunner, store: OffsetSnapshotStore) -> None:
    store.path.parent.mkdir()
    store.path.write_bytes(b"not a database" * 100)
    with pytest.raises(Failure, match="Nothing was sent") as raised:
        aio.run(store.keep("c1", "billing", "latest", {A: 3}))
    assert str(store.path) in raised.value.message
