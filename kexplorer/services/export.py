"""Records into a file: those that are at hand, or a whole range as it comes from the cluster.

Formatting and writing happen in threads of their own, a batch at a time. The file is NAME.part until it is complete;
a cancelled or failed export removes it. Where a partition could not be read to its end NAME.part stays, and the report
says what is not in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from kexplorer.formats import numbers, parquet
from kexplorer.formats.csv_text import Column, CsvWriter
from kexplorer.formats.jsonl import JsonlWriter
from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Record, RecordRing, Trouble
from kexplorer.model.topics import IsolationLevel, OffsetRange, TopicPartition
from kexplorer.services.coverage import length
from kexplorer.services.jobs import Job, Jobs
from kexplorer.store.daemon import in_daemon
from kexplorer.store.part_file import PartFile, is_taken

T = TypeVar("T")
_DISK = 60.0  # seconds for a batch
_SYNC = 600.0  # seconds until all is on the disk
_LEAVE = 2.0  # seconds that a cancelled export waits for the disk
_ROWS, _NBYTES = 500, 1_000_000  # of a batch that is taken from records at hand: it holds the loop up for 2 ms


class Format(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Target:
    """The file to write. `replace` it if it is there. `formula_guard` and `columns` beside the usual ones are for
    CSV."""

    path: Path
    format: Format
    replace: bool = False
    formula_guard: bool = True
    columns: Sequence[Column] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What came of an export. `path` is NAME.part unless it is `complete`: all that was asked for is in it. `troubles`
    say what is not, and why; of `left` nothing was written. `forgotten` records were no longer at hand when it was
    their turn."""

    path: Path
    records: int
    nbytes: int
    complete: bool
    troubles: tuple[Trouble, ...] = ()
    left: tuple[OffsetRange, ...] = ()
    forgotten: int = 0

    def lines(self) -> Iterator[str]:
        """For a person."""
        state = "." if self.complete else ", not complete. Rename it if that is enough."
        yield f"{_counted(self.records)}, {numbers.size(self.nbytes)} in {self.path.name}{state}"
        if self.forgotten:
            yield f"{_counted(self.forgotten)} went out of memory before they could be written."
        for each in self.left:
            where = f"{each.source.topic}, partition {each.source.partition}"
            yield f"Not written: {where}, offsets {each.start} to {(each.end or 0) - 1}."
        yield from (str(trouble.failure) for trouble in self.troubles)


async def can_replace(target: Target) -> bool:
    """Whether a file is there that would be replaced. Raises `Failure` for a target that cannot be written."""

    def look() -> bool:
        if target.format == Format.PARQUET:
            parquet.check_installed()
        return is_taken(target.path)

    return await _in_thread(look)


async def export_records(records: Iterable[Record] | RecordRing, count: int, target: Target, jobs: Jobs) -> Report:
    """Writes `count` records in the order they are given. They are taken on the loop's thread, a few at a time. A ring
    may grow and forget meanwhile: the rows that were there at the beginning are meant. `complete` says that `count`
    were written. Raises `Failure` when the file cannot be."""
    given = _kept(records) if isinstance(records, RecordRing) else records

    async def feed(file: _File, job: Job) -> None:
        for batch in _batches(given):
            await _in_thread(partial(file.write, batch))
            job.detail = numbers.size(file.nbytes)
            job.advance(file.records, count)

    def settle(file: _File) -> _Outcome:
        return _Outcome(file.records >= count, forgotten=max(count - file.records, 0))

    return await _export(target, jobs, "records", feed, settle)


async def export_range(
    cluster: Cluster,
    ranges: Sequence[OffsetRange],
    isolation: IsolationLevel,
    target: Target,
    jobs: Jobs,
    known: Iterable[Trouble] = (),
) -> Report:
    """Writes all records of `ranges`, which have ends: each partition in the order of its offsets, partitions as their
    batches come. `known` are troubles that came with the ranges. Raises `Failure` when the cluster or the file fails as
    a whole, ValueError for a range without an end; what fails for one partition is in the report."""
    if any(each.end is None for each in ranges):
        raise ValueError("an export needs ranges with an end")
    total = sum(map(length, ranges))
    starts = {each.source: each.start for each in ranges}
    troubles = list(known)
    left_out = any(trouble.source not in starts for trouble in troubles)
    failed: set[TopicPartition] = set()

    async def feed(file: _File, job: Job) -> None:
        async with cluster.open_reader(ranges, isolation) as reader:
            while (batch := await reader.next_batch()) is not None:
                troubles.extend(batch.troubles)
                failed.update(trouble.source for trouble in batch.troubles)
                if len(batch.records):
                    await _in_thread(partial(file.write, batch.records))
                job.detail = f"{_counted(file.records)}, {numbers.size(file.nbytes)}"
                job.advance(sum(reached - starts[source] for source, reached in file.reached.items()), total)
        if not failed:
            job.advance(total, total)

    def settle(file: _File) -> _Outcome:
        left = [
            OffsetRange(each.source, reached, each.end)
            for each in ranges
            if each.source in failed and (reached := file.reached.get(each.source, each.start)) < (each.end or 0)
        ]
        return _Outcome(not failed and not left_out, tuple(troubles), tuple(left))

    return await _export(target, jobs, "offsets", feed, settle)


class _Outcome(NamedTuple):
    complete: bool
    troubles: tuple[Trouble, ...] = ()
    left: tuple[OffsetRange, ...] = ()
    forgotten: int = 0


class _Writer(Protocol):
    def write(self, records: Iterable[Record]) -> None: ...

    def finish(self) -> None: ...


class _File:
    """Owns the file. Its methods run in threads, one at a time; the counts may be read in any."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._part: PartFile | None = None
        self._writer: _Writer | None = None
        self.records = 0
        self.nbytes = 0
        self.reached: dict[TopicPartition, int] = {}  # behind the last offset that was written

    def open(self) -> None:
        with self._lock:
            if self._stopped.is_set():
                return
            if self._target.format == Format.PARQUET:
                parquet.check_installed()  # before there is a file
            self._part = PartFile(self._target.path, replace=self._target.replace)
            with self._part.telling():
                self._writer = self._new_writer(self._part)

    def write(self, records: Iterable[Record]) -> None:
        with self._lock:
            if self._part is None or self._writer is None or self._stopped.is_set():
                return
            with self._part.telling():
                self._writer.write(self._counting(records))
                self.nbytes = self._part.file.tell()

    def finish(self, *, complete: bool) -> Path:
        """Where it is now."""
        with self._lock:
            if self._part is None or self._writer is None or self._stopped.is_set():
                return self._target.path
            with self._part.telling():
                self._writer.finish()
            self.nbytes = self._part.close()
            part, self._part = self._part, None
            if not complete:
                return part.part
            if self._stopped.is_set():
                part.discard()
            else:
                part.take_name()
            return part.path

    def stop(self) -> None:
        self._stopped.set()  # ends what has the lock
        with self._lock:
            if isinstance(self._writer, parquet.ParquetWriter):
                self._writer.abandon()
            if self._part is not None:
                self._part.discard()

    def _new_writer(self, part: PartFile) -> _Writer:
        match self._target.format:
            case Format.JSONL:
                return JsonlWriter(part.file)
            case Format.CSV:
                return CsvWriter(part.file, guard=self._target.formula_guard, columns=self._target.columns)
            case Format.PARQUET:
                return parquet.ParquetWriter(part.file)

    def _counting(self, records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            if self._stopped.is_set():
                return
            yield record
            self.records += 1
            self.reached[record.source] = record.offset + 1


async def _export(
    target: Target,
    jobs: Jobs,
    unit: str,
    feed: Callable[[_File, Job], Awaitable[None]],
    settle: Callable[[_File], _Outcome],
) -> Report:
    task = asyncio.current_task()

    def cancel() -> None:
        if task is not None and not task.cancelling():
            task.cancel()

    job = jobs.add(Job(f"Export to {target.path.name}", unit, cancel))
    file = _File(target)
    try:
        await _in_thread(file.open)
        await feed(file, job)
        outcome = settle(file)
        path = await _in_thread(lambda: file.finish(complete=outcome.complete), _SYNC)
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError):
            job.cancel()
        else:
            job.fail(str(error))
        with contextlib.suppress(TimeoutError):
            await in_daemon("export", file.stop, _LEAVE)
        raise
    report = Report(path, file.records, file.nbytes, outcome.complete, *outcome[1:])
    (job.finish if report.complete else job.fail)(" ".join(report.lines()))
    return report


async def _in_thread(work: Callable[[], T], limit: float = _DISK) -> T:
    try:
        return await in_daemon("export", work, limit)
    except TimeoutError:
        text = f"The disk did not answer for {limit:.0f} s."
        raise Failure(FailureKind.TIMEOUT, text, "Check it, or choose another.") from None


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    nbytes = 0
    for record in records:
        batch.append(record)
        nbytes += len(record.key or b"") + len(record.value or b"")
        if len(batch) >= _ROWS or nbytes >= _NBYTES:
            yield batch
            batch, nbytes = [], 0
    if batch:
        yield batch


def _kept(ring: RecordRing) -> Iterator[Record]:
    """The rows that are there now, but for those that are forgotten before it is their turn."""
    first = ring.dropped
    for number in range(first, first + len(ring)):
        if number >= ring.dropped:
            yield ring[number - ring.dropped]


def _counted(records: int) -> str:
    return f"{records:,} record{'' if records == 1 else 's'}"
