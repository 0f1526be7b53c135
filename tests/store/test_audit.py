"""The audit log: what is in it stays, and without it nothing is sent."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import sqlite3
import stat
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from kexplorer.model.audit import AuditLine, Sent
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.store.audit import AuditStore
from tests.rig.loops import LoopRunner

DELETE = Sent("shop", "a:9092,b:9092", "Delete topics", ("orders", "“x”"), {"names": ["orders", "“x”"]})
ALTER = Sent(
    "=shop",
    "a:9092",
    "Change configuration",
    ("topic orders",),
    {"sets": {"retention.ms": "1000"}},
    (("retention.ms", "604800000", "1000"),),
)


@pytest.fixture
def store(tmp_path: Path) -> AuditStore:
    return AuditStore(tmp_path / "state" / "audit.db")


def test_lines_are_there_at_the_next_start_the_newest_first(aio: LoopRunner, store: AuditStore) -> None:
    async def run() -> list[AuditLine]:
        first = await store.begin(DELETE)
        await store.finish(first, "in part", {"orders": "", "“x”": "There is no topic “x”."}, ["Look again."])
        await store.begin(ALTER)
        return await AuditStore(store.path).lines(10)

    newer, older = aio.run(run())
    assert (newer.sent, newer.outcome, newer.results, newer.answered_at) == (ALTER, None, None, None)
    assert (older.sent, older.outcome, older.notes) == (DELETE, "in part", ("Look again.",))
    assert older.results == {"orders": "", "“x”": "There is no topic “x”."}
    assert older.answered_at is not None
    assert older.at <= older.answered_at


def test_only_the_newest_are_read_when_there_are_many(aio: LoopRunner, store: AuditStore) -> None:
    async def run() -> list[int]:
        for _ in range(5):
            await store.begin(DELETE)
        return [line.id for line in await store.lines(2)]

    assert aio.run(run()) == [5, 4]


@pytest.mark.parametrize(
    "tampering",
    [
        "DELETE FROM sent",
        "DELETE FROM answered",
        "UPDATE sent SET verb = 'nothing'",
        "UPDATE answered SET outcome = 'failed'",
    ],
)
def test_a_line_can_be_neither_changed_nor_deleted(aio: LoopRunner, store: AuditStore, tampering: str) -> None:
    async def write() -> None:
        await store.finish(await store.begin(DELETE), "done", {}, [])

    aio.run(write())
    with closing(sqlite3.connect(store.path)) as database, pytest.raises(sqlite3.IntegrityError, match="stay as they"):
        database.execute(tampering)
    (line,) = aio.run(store.lines(9))
    assert (line.sent, line.outcome) == (DELETE, "done")


def test_a_line_is_finished_once(aio: LoopRunner, store: AuditStore) -> None:
    async def run() -> None:
        number = await store.begin(DELETE)
        await store.finish(number, "done", {}, [])
        with pytest.raises(Failure):
            await store.finish(number, "failed", {}, [])
        with pytest.raises(Failure):
            await store.finish(number + 1, "done", {}, [])

    aio.run(run())
    (line,) = aio.run(store.lines(9))
    assert line.outcome == "done"


def test_only_its_owner_can_read_it(aio: LoopRunner, store: AuditStore) -> None:
    old = os.umask(0)
    try:
        aio.run(store.begin(DELETE))
    finally:
        os.umask(old)
    assert [stat.S_IMODE(each.stat().st_mode) for each in store.path.parent.iterdir()] == [0o600]


def test_two_windows_write_at_a_time(aio: LoopRunner, store: AuditStore) -> None:
    async def window() -> None:
        own = AuditStore(store.path)
        for _ in range(10):
            await own.finish(await own.begin(DELETE), "done", {}, [])

    async def run() -> list[AuditLine]:
        await asyncio.gather(window(), window(), window())
        return await store.lines(100)

    lines = aio.run(run())
    assert [line.id for line in lines] == list(range(30, 0, -1))
    assert {line.outcome for line in lines} == {"done"}


@pytest.mark.parametrize("damage", ["text", "link", "directory"])
def test_a_file_that_cannot_be_used_is_named(aio: LoopRunner, store: AuditStore, damage: str, tmp_path: Path) -> None:
    store.path.parent.mkdir()
    if damage == "text":
        store.path.write_text("my diary\n" * 100)
    elif damage == "link":
        store.path.symlink_to(tmp_path / "elsewhere")
    else:
        store.path.mkdir()
    with pytest.raises(Failure) as raised:
        aio.run(store.begin(DELETE))
    assert raised.value.kind is FailureKind.REFUSED
    assert str(store.path) in raised.value.message
    assert "Nothing was sent" in raised.value.message
    assert not (tmp_path / "elsewhere").exists()
    if damage == "text":
        assert store.path.read_text() == "my diary\n" * 100


def test_a_log_that_another_program_holds_is_told(
    aio: LoopRunner, store: AuditStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kexplorer.store.database._DISK", 0.2)
    aio.run(store.begin(DELETE))
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Failure, match=r"audit\.db could not be used"):
            aio.run(store.begin(DELETE))
        other.execute("ROLLBACK")
    assert len(aio.run(store.lines(9))) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of file sizes")
def test_a_full_disk_is_told_and_costs_no_line(aio: LoopRunner, store: AuditStore) -> None:
    import resource  # noqa: PLC0415  (of POSIX alone)

    aio.run(store.begin(DELETE))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (store.path.stat().st_size, before[1]))
    try:
        with pytest.raises(Failure, match="Nothing was sent"):
            aio.run(store.begin(replace(DELETE, targets=("x" * 20_000,))))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    aio.run(store.begin(ALTER))
    assert [line.sent for line in aio.run(store.lines(9))] == [ALTER, DELETE]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_an_export_that_does_not_fit_leaves_nothing_behind(aio: LoopRunner, store: AuditStore, tmp_path: Path) -> None:
    aio.run(store.begin(DELETE))
    (tmp_path / "out.jsonl").write_text("older")
    (tmp_path / "out.jsonl.part").symlink_to("/dev/full")
    with pytest.raises(Failure, match=r"out\.jsonl could not be written"):
        aio.run(store.export(tmp_path / "out.jsonl", lambda _: True))
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.jsonl"]
    assert (tmp_path / "out.jsonl").read_text() == "older"


def test_exports_as_json_lines(aio: LoopRunner, store: AuditStore, tmp_path: Path) -> None:
    async def run() -> int:
        await store.finish(await store.begin(ALTER), "done", {"topic orders": ""}, [])
        await store.begin(DELETE)
        return await store.export(tmp_path / "out.jsonl", lambda _: True)

    assert aio.run(run()) == 2
    first, second = map(json.loads, (tmp_path / "out.jsonl").read_text("utf-8").splitlines())
    assert (first["targets"], first["outcome"], first["results"]) == (["orders", "“x”"], "", None)
    assert second["before"] == [{"what": "retention.ms", "was": "604800000", "asked": "1000"}]
    assert second["connection"] == "=shop"
    assert second["time"].endswith("Z")


def test_exports_what_is_wanted_as_csv_without_formulas(aio: LoopRunner, store: AuditStore, tmp_path: Path) -> None:
    async def run() -> int:
        await store.begin(DELETE)
        await store.finish(await store.begin(ALTER), "failed", {"topic orders": "No."}, ["Note."])
        return await store.export(tmp_path / "out.csv", lambda line: line.sent.verb == ALTER.verb)

    assert aio.run(run()) == 1
    with open(tmp_path / "out.csv", encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["connection"] == "'=shop"
    assert row["before"] == "retention.ms: 604800000 → 1000"
    assert (row["outcome"], row["failures"], row["notes"]) == ("failed", "topic orders: No.", "Note.")


def test_an_empty_log_exports_an_empty_file(aio: LoopRunner, store: AuditStore, tmp_path: Path) -> None:
    assert aio.run(store.export(tmp_path / "out.jsonl", lambda _: True)) == 0
    assert (tmp_path / "out.jsonl").read_text() == ""
