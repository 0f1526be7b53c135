"""Events in buckets become states, whatever the order and the size they come in, and what could not be read is told."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kexplorer.formats.latest_rows import pack
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.folding import FoldKind, FoldSpec
from kexplorer.model.latest import Entity, PieceLatest, View
from kexplorer.model.records import RecordColumns
from kexplorer.model.search import Piece
from kexplorer.model.topics import OffsetRange, TopicPartition
from kexplorer.services import latest_folding
from kexplorer.services.latest import Gathering, LatestQuery
from kexplorer.services.latest_folding import FoldBucket
from kexplorer.store.latest import LatestTable, make_table
from tests.rig.loops import LoopRunner

FIRST, SECOND = TopicPartition("orders", 0), TopicPartition("orders", 1)
_APPEND = FoldSpec(FoldKind.EXPRESSION, "seen = append(state.seen, event)")


def _chunk(*events: tuple[bytes, int, int | None, bytes | None]) -> dict[int, bytes]:
    return {0: pack([(*event, 1, event[0], ()) for event in events])}


async def _entities(table: LatestTable) -> list[Entity]:
    return await table.rows(0, await table.show(View(deleted=True)))


async def _states(table: LatestTable) -> dict[bytes, bytes | None]:
    return {each.key: each.state for each in await _entities(table)}


@pytest.mark.parametrize("most", [1, 1 << 20])
def test_partitions_that_share_keys_are_put_together_by_time(
    aio: LoopRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Also where a bucket is too large to be folded in one go."""
    monkeypatch.setattr(latest_folding, "_MOST_BYTES", most)
    table = make_table(tmp_path)
    table.file.put(SECOND, 0, _chunk((b"a", 0, 20, b"2"), (b"b", 1, 5, b"6"), (b"a", 2, 40, b"4")))
    table.file.put(FIRST, 10, _chunk((b"a", 10, 30, b"3"), (b"a", 11, 1, b"3.5"), (b"c", 12, None, None)))
    table.file.put(FIRST, 0, _chunk((b"a", 0, 10, b"1"), (b"b", 1, 9, b"7")))
    FoldBucket(table.file, _APPEND)(0)
    found = aio.run(_states(table))
    assert found == {b"a": b'{"seen":[1,2,3,3.5,4]}', b"b": b'{"seen":[6,7]}', b"c": None}
    aio.run(table.close())


def test_a_piece_that_is_read_again_counts_once(aio: LoopRunner, tmp_path: Path) -> None:
    table = make_table(tmp_path)
    table.file.put(FIRST, 0, _chunk((b"a", 0, 1, b"1"), (b"a", 1, 1, b"2")))
    table.file.put(FIRST, 0, _chunk((b"a", 0, 1, b"1")))
    FoldBucket(table.file)(0)
    (found,) = aio.run(_entities(table))
    assert (found.state, found.events) == (b"1", 1)
    aio.run(table.close())


def test_what_could_not_be_read_is_told_and_the_rest_is_there(aio: LoopRunner, tmp_path: Path) -> None:
    table = make_table(tmp_path)

    def scan(piece: Piece) -> PieceLatest:
        source, start, end = piece.range.source, piece.range.start, piece.range.end or 0
        if source == SECOND:
            raise Failure(FailureKind.UNREACHABLE, "The broker is away.")
        table.file.put(source, start, _chunk(*((b"k%d" % n, n, n, b"v") for n in range(start, end))))
        return PieceLatest(piece, end, end - start, 0, RecordColumns(), keyless=1)

    async def work() -> Gathering:
        query = LatestQuery((OffsetRange(FIRST, 0, 300), OffsetRange(SECOND, 0, 100)))
        gathering = Gathering(query, table, scan, FoldBucket(table.file), lambda: ThreadPoolExecutor(2))
        while await gathering.step():
            pass
        assert len(await _states(table)) == 300
        await table.close()
        return gathering

    done = aio.run(work())
    progress = done.progress()
    assert not progress.complete
    assert (progress.fraction, progress.folded, progress.records) == (0.75, 1, 300)
    assert [str(trouble.failure) for trouble in done.troubles] == ["The broker is away."]


def test_files_that_were_left_behind_are_removed(tmp_path: Path, aio: LoopRunner) -> None:
    table = make_table(tmp_path)
    old = tmp_path / "latest-old"
    old.mkdir()
    os.utime(old, (0, 0))
    other = make_table(tmp_path)
    assert not old.exists()
    assert table.file.path.exists()
    for each in (table, other):
        aio.run(each.close())
    assert not list(tmp_path.iterdir())
