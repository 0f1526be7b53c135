"""Exports: what is in the file is what is in the log, and a file that is not complete never looks like one."""

from __future__ import annotations

import asyncio
import csv
import errno
import importlib
import io
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kexplorer.formats.jsonl import read_line
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Record, RecordColumns, RecordRing, TimestampType, Trouble
from kexplorer.model.topics import IsolationLevel, OffsetRange, TopicPartition
from kexplorer.services import export
from kexplorer.services.export import Format, Report, Target, can_replace, export_range, export_records
from kexplorer.services.jobs import Job, Jobs, JobState
from kexplorer.services.ranges import resolve
from kexplorer.store import part_file
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import PATIENCE_S, until
from tests.services.fake_cluster import FakeCluster

UNCOMMITTED = IsolationLevel.READ_UNCOMMITTED
GONE = Failure(FailureKind.TIMEOUT, "orders, partition 1: no answer for 10 s.", "Try again later.")


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return Target(tmp_path / "orders.jsonl", Format.JSONL)


def _record(offset: int, value: bytes | None = b"v", partition: int = 0) -> Record:
    source = TopicPartition("orders", partition)
    return Record(source, offset, 1_700_000_000_000 + offset, TimestampType.CREATE_TIME, b"k", value, ())


def _records(count: int) -> list[Record]:
    return [_record(offset) for offset in range(count)]


def _read(path: Path) -> list[Record]:
    return [read_line(line) for line in path.read_bytes().splitlines()]


def _part(target: Target) -> Path:
    return target.path.with_name(target.path.name + ".part")


def _orders(partitions: int, count: int) -> tuple[FakeCluster, list[OffsetRange]]:
    """A topic with `count` records in each partition, and all of it."""
    cluster = FakeCluster()
    cluster.add_topic("orders", partitions)
    for partition in range(partitions):
        for number in range(count):
            cluster.add("orders", b"%d" % number, partition=partition)
    return cluster, [OffsetRange(TopicPartition("orders", p), 0, count) for p in range(partitions)]


def _export(
    aio: LoopRunner, cluster: FakeCluster, ranges: list[OffsetRange], target: Target, known: Iterable[Trouble] = ()
) -> tuple[Report, Job]:
    jobs = Jobs()
    report = aio.run(export_range(cluster, ranges, UNCOMMITTED, target, jobs, known))
    return report, jobs.all()[0]


@pytest.fixture
def transactional(broker: Broker, topic_name: str) -> Iterator[Callable[[list[Sent], bool], list[Sent]]]:
    """Writes records in a transaction and commits or aborts it."""
    writers = [direct.producer(broker.bootstrap, transactional_id=topic_name)]
    writers[0].init_transactions(30)

    def write(records: list[Sent], commit: bool) -> list[Sent]:
        (writer,) = writers
        writer.begin_transaction()
        sent = direct.send(writer, topic_name, records)
        (writer.commit_transaction if commit else writer.abort_transaction)(30)
        return sent

    yield write
    writers.clear()


@pytest.mark.kafka
@pytest.mark.parametrize("isolation", IsolationLevel)
def test_a_streamed_range_is_byte_for_byte_what_was_produced(
    aio: LoopRunner,
    broker: Broker,
    topic_name: str,
    target: Target,
    transactional: Callable[[list[Sent], bool], list[Sent]],
    isolation: IsolationLevel,
) -> None:
    direct.create(broker.bootstrap, topic_name, 3)  # nothing is written to partition 2
    odd = [
        Sent(0, b"\xff\x00", None, (("h", b"1"), ("h", None), ("h", b"\xfe"), ("é\n", b"")), NOW),
        Sent(1, None, b"", (), NOW - 1),
        Sent(0, b"", bytes(range(256)) * 3000, (), 1),
        Sent(1, "\u202e".encode(), "a\r\n\u2028=1+1".encode(), (("", b""),), NOW),
    ]
    sent = direct.produce(broker.bootstrap, topic_name, odd)
    sent += transactional(direct.rows(700, 2), True)
    aborted = transactional(direct.rows(300, 2, start=700), False)
    sent += direct.produce(broker.bootstrap, topic_name, direct.rows(40, 2, start=1000))
    if isolation == UNCOMMITTED:
        sent += aborted
    sources = [TopicPartition(topic_name, partition) for partition in range(3)]
    jobs = Jobs()

    async def run() -> Report:
        async with direct.connected(broker.bootstrap) as cluster:
            resolved = await resolve(cluster, sources, None, None, isolation, NOW)
            return await export_range(cluster, resolved.ranges, isolation, target, jobs, resolved.troubles)

    report = aio.run(run())
    assert report == Report(target.path, len(sent), target.path.stat().st_size, complete=True)
    found = _read(target.path)
    assert {r.topic for r in found} == {topic_name}
    for partition in range(3):
        read = [r for r in found if r.partition == partition]
        assert [r.offset for r in read] == sorted(r.offset for r in read)
        assert [Sent(r.partition, r.key, r.value, r.headers or (), r.timestamp or 0, r.offset) for r in read] == sorted(
            (s for s in sent if s.partition == partition), key=lambda s: s.offset
        )
    (job,) = jobs.all()
    assert (job.state, job.fraction) == (JobState.DONE, 1.0)
    assert os.listdir(target.path.parent) == ["orders.jsonl"]


def test_records_that_retention_took_meanwhile_are_told(
    aio: LoopRunner, broker: Broker, topic_name: str, target: Target
) -> None:
    """Its range was looked up before 60 of 100 records were purged."""
    direct.create(broker.bootstrap, topic_name, 2)
    direct.produce(broker.bootstrap, topic_name, direct.rows(200, 2))
    direct.delete_records(broker.bootstrap, topic_name, {0: 60})
    ranges = [OffsetRange(TopicPartition(topic_name, partition), 0, 100) for partition in range(2)]
    jobs = Jobs()

    async def run() -> Report:
        async with direct.connected(broker.bootstrap) as cluster:
            return await export_range(cluster, ranges, UNCOMMITTED, target, jobs)

    report = aio.run(run())
    assert (report.path, report.complete, report.records) == (_part(target), False, 140)
    assert [(trouble.source, trouble.offset) for trouble in report.troubles] == [(ranges[0].source, 0)]
    assert "Records 0 to 59 of partition 0 are gone." in "\n".join(report.lines())
    assert jobs.all()[0].state == JobState.FAILED
    assert "not complete" in jobs.all()[0].detail
    assert not target.path.exists()
    found = _read(_part(target))
    assert sorted((r.partition, r.offset) for r in found) == sorted(
        [(0, offset) for offset in range(60, 100)] + [(1, offset) for offset in range(100)]
    )


def test_a_partition_that_fails_leaves_a_part_and_the_offsets_that_it_lacks(aio: LoopRunner, target: Target) -> None:
    cluster, ranges = _orders(2, 1200)
    cluster.batches_left = 3
    jobs = Jobs()

    async def run() -> Report:
        task = asyncio.create_task(export_range(cluster, ranges, UNCOMMITTED, target, jobs))
        await until(lambda: bool(jobs.active and jobs.all()[0].done > 1200))  # in partition 1
        cluster.broken[ranges[1].source] = GONE
        cluster.batches_left = None
        return await task

    report = aio.run(run())
    assert not report.complete
    (left,) = report.left
    assert (left.source, left.end) == (ranges[1].source, 1200)
    assert f"Not written: orders, partition 1, offsets {left.start} to 1199." in list(report.lines())
    assert report.troubles == (Trouble(ranges[1].source, GONE, left.start),)
    found = _read(_part(target))
    assert [r.offset for r in found if r.partition == 0] == list(range(1200))
    assert [r.offset for r in found if r.partition == 1] == list(range(left.start))
    assert not target.path.exists()


def test_a_partition_that_was_left_out_from_the_start_counts_as_missing(aio: LoopRunner, target: Target) -> None:
    cluster, ranges = _orders(2, 5)
    trouble = Trouble(ranges[1].source, GONE)
    report, _ = _export(aio, cluster, ranges[:1], target, [trouble])
    assert (report.complete, report.path, report.records) == (False, _part(target), 5)
    assert report.troubles == (trouble,)


def test_what_was_known_to_be_gone_does_not_make_it_incomplete(aio: LoopRunner, target: Target) -> None:
    cluster, ranges = _orders(1, 5)
    report, job = _export(aio, cluster, ranges, target, [Trouble(ranges[0].source, GONE, 0)])
    assert (report.complete, report.path, job.state) == (True, target.path, JobState.DONE)
    assert str(GONE) in list(report.lines())


def test_an_empty_range_is_an_empty_file(aio: LoopRunner, target: Target) -> None:
    cluster, ranges = _orders(2, 0)
    report, job = _export(aio, cluster, ranges, target)
    assert (report, job.fraction) == (Report(target.path, 0, 0, complete=True), 1.0)
    assert target.path.read_bytes() == b""


def test_progress_is_told_by_offsets(aio: LoopRunner, target: Target) -> None:
    cluster, ranges = _orders(3, 400)
    cluster.delay = 0.01
    jobs, seen = Jobs(), set()

    async def run() -> None:
        task = asyncio.create_task(export_range(cluster, ranges, UNCOMMITTED, target, jobs))
        while not task.done():
            if jobs.all():
                seen.add((jobs.all()[0].done, jobs.all()[0].total))
            await asyncio.sleep(0)
        await task

    aio.run(run())
    assert seen >= {(500, 1200), (1000, 1200), (1200, 1200)}


def test_a_cancelled_export_leaves_nothing(aio: LoopRunner, target: Target) -> None:
    cluster, ranges = _orders(1, 5000)
    cluster.batches_left = 1
    jobs = Jobs()

    async def run() -> None:
        task = asyncio.create_task(export_range(cluster, ranges, UNCOMMITTED, target, jobs))
        await until(lambda: bool(jobs.active and jobs.all()[0].done))
        assert os.listdir(target.path.parent) == ["orders.jsonl.part"]
        jobs.all()[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    aio.run(run())
    assert jobs.all()[0].state == JobState.CANCELLED
    assert cluster.open_readers == 0
    assert os.listdir(target.path.parent) == []


def test_an_export_whose_owner_closes_is_a_cancelled_job(aio: LoopRunner, target: Target) -> None:
    jobs = Jobs()

    def endless() -> Iterator[Record]:
        while True:
            yield _record(0)

    async def run() -> None:
        task = asyncio.create_task(export_records(endless(), 1 << 60, target, jobs))
        await until(lambda: bool(jobs.active and jobs.all()[0].done))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    aio.run(run())
    assert jobs.all()[0].state == JobState.CANCELLED
    assert os.listdir(target.path.parent) == []


def test_a_cancel_while_the_disk_syncs_never_makes_a_file(
    aio: LoopRunner, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, syncing, synced = Jobs(), [], threading.Event()

    def slow(handle: int) -> None:
        syncing.append(handle)
        assert synced.wait(PATIENCE_S)

    monkeypatch.setattr(os, "fsync", slow)

    async def run() -> None:
        task = asyncio.create_task(export_records(_records(10), 10, target, jobs))
        await until(lambda: bool(syncing))
        task.cancel()
        await asyncio.sleep(0)
        synced.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    aio.run(run())
    assert os.listdir(target.path.parent) == []


def test_a_disk_that_hangs_holds_up_nobody(aio: LoopRunner, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled, or given up after a time limit: what the disk does later makes no file."""
    monkeypatch.setattr(export, "_LEAVE", 0.05)
    monkeypatch.setattr(export, "_SYNC", 0.5)
    hanging, go_on = threading.Event(), threading.Event()

    def hang(handle: int) -> None:
        hanging.set()
        go_on.wait(30)

    monkeypatch.setattr(os, "fsync", hang)

    async def run() -> None:
        task = asyncio.create_task(export_records(_records(3), 3, target, Jobs()))
        await until(hanging.is_set)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        other = replace(target, path=target.path.with_name("other.jsonl"))
        with pytest.raises(Failure, match="The disk did not answer"):
            await export_records(_records(3), 3, other, Jobs())
        assert not go_on.is_set()
        assert sorted(os.listdir(target.path.parent)) == ["orders.jsonl.part", "other.jsonl.part"]
        go_on.set()
        await until(lambda: not os.listdir(target.path.parent))

    aio.run(run())


# Exports records without end to the path that it is given.
_ENDLESS = """
import asyncio, itertools, sys
from pathlib import Path
from kexplorer.services.export import Format, Target, export_records
from kexplorer.services.jobs import Jobs
from tests.services.test_export import _record

target = Target(Path(sys.argv[1]), Format.JSONL)
asyncio.run(export_records(map(_record, itertools.count()), 1 << 60, target, Jobs()))
"""


def test_a_killed_process_leaves_only_a_part_that_the_next_export_does_not_touch(
    aio: LoopRunner, target: Target
) -> None:
    process = subprocess.Popen([sys.executable, "-c", _ENDLESS, str(target.path)])
    try:
        aio.run(until(lambda: _part(target).exists() and _part(target).stat().st_size > 2_000_000))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert os.listdir(target.path.parent) == ["orders.jsonl.part"]
    size = _part(target).stat().st_size
    with pytest.raises(Failure, match=r"orders\.jsonl\.part is there"):
        aio.run(can_replace(target))
    with pytest.raises(Failure, match=r"orders\.jsonl\.part is there"):
        aio.run(export_records(_records(1), 1, replace(target, replace=True), Jobs()))
    assert _part(target).stat().st_size == size


def test_nothing_is_replaced_that_was_not_meant(aio: LoopRunner, target: Target) -> None:
    assert aio.run(can_replace(target)) is False
    target.path.write_bytes(b"mine")
    assert aio.run(can_replace(target)) is True
    with pytest.raises(Failure, match="exists already"):
        aio.run(export_records(_records(1), 1, target, Jobs()))
    assert target.path.read_bytes() == b"mine"
    aio.run(export_records(_records(2), 2, replace(target, replace=True), Jobs()))
    assert _read(target.path) == _records(2)
    assert os.listdir(target.path.parent) == ["orders.jsonl"]


def test_two_exports_that_begin_at_once_do_not_write_one_file(
    aio: LoopRunner, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_file, "is_taken", lambda path: False)  # both looked before the other began

    def records() -> Iterator[Record]:
        yield from _records(3)
        with pytest.raises(Failure, match=r"orders\.jsonl\.part is there"):
            part_file.PartFile(target.path, replace=True)

    aio.run(export_records(records(), 3, target, Jobs()))
    assert _read(target.path) == _records(3)


def test_a_file_that_appears_meanwhile_is_not_replaced(aio: LoopRunner, target: Target) -> None:
    def records() -> Iterator[Record]:
        yield from _records(3)
        target.path.write_bytes(b"mine")

    with pytest.raises(Failure, match="made by another meanwhile") as caught:
        aio.run(export_records(records(), 3, target, Jobs()))
    assert str(_part(target)) in caught.value.hint
    assert target.path.read_bytes() == b"mine"
    assert _read(_part(target)) == _records(3)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no/such/folder/a.csv", "no such folder"),
        ("file/a.csv", "no such folder"),
        ("folder", "no regular file"),
        ("link", "no regular file"),
        ("a\0b", "a character that no path can"),
        ("x" * 300, "shorter name"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_before_and_then(
    aio: LoopRunner, tmp_path: Path, name: str, says: str
) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")
    before = sorted(os.listdir(tmp_path))
    target, jobs = Target(tmp_path / name, Format.CSV, replace=True), Jobs()
    with pytest.raises(Failure, match=says):
        aio.run(can_replace(target))
    with pytest.raises(Failure, match=says):
        aio.run(export_records(_records(1), 1, target, jobs))
    assert jobs.all()[0].state == JobState.FAILED
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_without_permission_is_told(aio: LoopRunner, target: Target) -> None:
    target.path.parent.chmod(0o500)
    with pytest.raises(Failure, match="folder that you may write to"):
        aio.run(export_records(_records(1), 1, target, Jobs()))
    target.path.parent.chmod(0o700)


@pytest.mark.parametrize("format_", Format)
def test_a_disk_that_takes_no_more_is_told_and_left_clean(aio: LoopRunner, tmp_path: Path, format_: Format) -> None:
    if format_ == Format.PARQUET:
        pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
    target, jobs = Target(tmp_path / "a", format_), Jobs()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, hard))
    try:
        with pytest.raises(Failure, match="could not be written: File too large") as caught:
            aio.run(export_records((_record(n, os.urandom(100_000)) for n in range(300)), 300, target, jobs))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "another disk" in caught.value.hint
    assert jobs.all()[0].state == JobState.FAILED
    assert os.listdir(tmp_path) == []


def test_a_disk_that_says_at_the_end_that_it_is_full(
    aio: LoopRunner, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Failure, match=r"No space left on device\. Free some space"):
        aio.run(export_records(_records(5), 5, target, Jobs()))
    assert os.listdir(target.path.parent) == []


def test_a_cluster_that_fails_as_a_whole_leaves_nothing(aio: LoopRunner, target: Target) -> None:
    cluster, ranges = _orders(1, 5)
    cluster.failures["open_reader"] = GONE
    jobs = Jobs()
    with pytest.raises(Failure) as caught:
        aio.run(export_range(cluster, ranges, UNCOMMITTED, target, jobs))
    assert caught.value is GONE
    assert (jobs.all()[0].state, jobs.all()[0].detail) == (JobState.FAILED, str(GONE))
    assert os.listdir(target.path.parent) == []


def test_parquet_without_the_extra_makes_no_file(
    aio: LoopRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    target = Target(tmp_path / "a.parquet", Format.PARQUET)
    with pytest.raises(Failure, match="kexplorer\\[parquet\\]"):
        aio.run(can_replace(target))
    with pytest.raises(Failure, match="kexplorer\\[parquet\\]"):
        aio.run(export_records(_records(1), 1, target, Jobs()))
    assert os.listdir(tmp_path) == []


def _columns(records: list[Record]) -> Any:
    return RecordColumns(records)


def _ring(records: list[Record]) -> Any:
    ring = RecordRing(1 << 20)
    for record in records:
        ring.add(record)
    return ring


@pytest.mark.parametrize("made", [list, iter, _columns, _ring])
def test_records_at_hand_are_written_in_their_order(
    aio: LoopRunner, target: Target, made: Callable[[list[Record]], Any]
) -> None:
    records = [*reversed(_records(1300)), _record(7, None, partition=3)]
    report = aio.run(export_records(made(records), len(records), target, Jobs()))
    assert (report.complete, report.records) == (True, 1301)
    assert _read(target.path) == records


class _Moving(RecordRing):
    """Forgets everything when its row 500 is asked for, and goes on."""

    def __getitem__(self, row: int) -> Record:
        record = super().__getitem__(row)
        if record.offset == 500:
            self.limit = 1
            self.extend(RecordColumns(_record(offset) for offset in range(1000, 1700)))
        return record


def test_a_ring_may_grow_and_forget_while_it_is_written(aio: LoopRunner, target: Target) -> None:
    ring = _Moving(1 << 20)
    ring.extend(RecordColumns(_records(1000)))
    jobs = Jobs()
    report = aio.run(export_records(ring, len(ring), target, jobs))
    assert (report.complete, report.records, report.forgotten) == (False, 501, 499)
    assert _read(report.path) == _records(501)
    assert "499 records went out of memory" in jobs.all()[0].detail


def test_csv_has_the_columns_that_are_wanted(aio: LoopRunner, tmp_path: Path) -> None:
    columns = (("size", lambda record: str(len(record.value or b""))),)
    for guard, value in ((True, "'=1+1"), (False, "=1+1")):
        target = Target(tmp_path / f"{guard}.csv", Format.CSV, formula_guard=guard, columns=columns)
        aio.run(export_records([_record(5, b"=1+1")], 1, target, Jobs()))
        titles, cells = csv.reader(io.StringIO(target.path.read_bytes().decode(), newline=""))
        assert titles == ["topic", "partition", "offset", "timestamp", "key", "value", "headers", "size"]
        assert cells == ["orders", "0", "5", "2023-11-14T22:13:20.005Z", "k", value, "[]", "4"]


def test_parquet_from_a_stream(aio: LoopRunner, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
    cluster, ranges = _orders(2, 700)
    target = Target(tmp_path / "orders.parquet", Format.PARQUET)
    report, _ = _export(aio, cluster, ranges, target)
    assert report == Report(target.path, 1400, target.path.stat().st_size, complete=True)
    table = importlib.import_module("pyarrow.parquet").read_table(target.path)
    found = table.select(["partition", "offset", "value"]).to_pylist()
    assert found == [{"partition": p, "offset": n, "value": b"%d" % n} for p in range(2) for n in range(700)]


def test_a_cancelled_parquet_export_leaves_nothing(aio: LoopRunner, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
    jobs = Jobs()

    async def run() -> None:
        records = (_record(n, os.urandom(100_000)) for n in range(1 << 30))
        task = asyncio.create_task(
            export_records(records, 1 << 30, Target(tmp_path / "a.parquet", Format.PARQUET), jobs)
        )
        await until(lambda: bool(jobs.active and jobs.all()[0].done > 400))
        jobs.all()[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    aio.run(run())
    assert os.listdir(tmp_path) == []
