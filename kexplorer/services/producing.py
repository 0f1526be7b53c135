"""Sending: one record, a transaction, or many rows at a rate that is chosen, with what became of each."""

from __future__ import annotations

import asyncio
import contextlib
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from kexplorer.model.cluster import Cluster, Writer
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import (
    Deliveries,
    Delivery,
    Outgoing,
    ProducerSettings,
    RowBatch,
    Rows,
    RowsSource,
    RowTrouble,
    payload_size,
    payloads_size,
)
from kexplorer.services.jobs import Job, Jobs
from kexplorer.services.send_pace import MOST_ROWS, TICK, Counts, Limits, Pace, Progress
from kexplorer.services.send_report import Answered, ReportFile
from kexplorer.store.daemon import in_daemon

T = TypeVar("T")
Route = Callable[[Outgoing], int | None]
"""The partition of a record, None for the partitioner's choice. Raises `Failure` for a record that has none."""

_DELIVERED_WITHIN = 35.0  # seconds; the client gives up after message.timeout.ms, 30 s unless that is set
_LEAVE = 5.0  # seconds that a cancelled production waits for what it has sent
_MOST_TROUBLES = 1000
_ALL_FAIL = 1000  # records that failed without one that did not: the rest would as well
_DISK = 60.0  # seconds for a piece of the input


async def send_one(cluster: Cluster, outgoing: Outgoing, settings: ProducerSettings) -> Delivery:
    """Sends one record and waits for its acknowledgement. Raises `Failure` only for what is not about the record: a
    read-only profile, a setting."""
    return (await send_all(cluster, [outgoing], settings))[0]


async def send_all(cluster: Cluster, records: Sequence[Outgoing], settings: ProducerSettings) -> tuple[Delivery, ...]:
    """What became of each, in the order given. Without a transaction."""
    async with cluster.open_writer(settings) as writer:
        await writer.send(records)
        await writer.flush(_within(settings))
        return _in_order(await writer.deliveries(), records)


@dataclass(frozen=True, slots=True)
class TransactionOutcome:
    """`failure` says why it is not `committed`; None where it was to be aborted."""

    deliveries: tuple[Delivery, ...]
    committed: bool
    failure: Failure | None = None


async def send_transaction(
    cluster: Cluster, records: Sequence[Outgoing], settings: ProducerSettings, *, commit: bool, within: float = 30.0
) -> TransactionOutcome:
    """All records in one transaction, which is committed if each of them was acknowledged. Nothing is left open."""
    failure: Failure | None = None
    async with cluster.open_writer(settings) as writer:
        await writer.begin()
        try:
            await writer.send(records)
            if commit:
                await writer.commit(within)
            else:
                await writer.flush(within)
                await writer.abort(within)
        except Failure as error:
            failure = error
        news = await writer.deliveries()
    return TransactionOutcome(_in_order(news, records), commit and failure is None, failure)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`complete`: the input was read to its end (or to a limit), and each row was acknowledged. The first 1,000 rows
    that were not are in `troubles`; `failure` is what ended it all."""

    progress: Progress
    complete: bool
    cancelled: bool
    troubles: tuple[RowTrouble, ...]
    failure: Failure | None = None
    report: Path | None = None

    def lines(self) -> Iterator[str]:
        """For a person."""
        p = self.progress
        yield (
            f"{p.acknowledged:,} acknowledged in {p.seconds:.1f} s ({p.rate:,.0f}/s), latency p50 {p.p50:.1f} ms, "
            f"p99 {p.p99:.1f} ms."
        )
        if p.failed:
            yield f"{p.failed:,} failed."
        if p.undelivered:
            yield f"{p.undelivered:,} were sent, but nobody knows whether they arrived."
        if p.skipped:
            yield f"{p.skipped:,} rows were left out."
        if self.cancelled:
            yield "It was cancelled."
        if self.failure:
            yield str(self.failure)


class Production:
    """One bulk send. `run` once; the other methods may be called meanwhile, on the loop's thread. Rows that cannot be
    read are left out and told of, unless `stop_at_wrong_row`. `answered` are rows that an earlier run has sent."""

    def __init__(
        self,
        cluster: Cluster,
        source: RowsSource,
        settings: ProducerSettings,
        limits: Limits | None = None,
        *,
        route: Route | None = None,
        report: Path | None = None,
        answered: Answered | None = None,
        stop_at_wrong_row: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._source = source
        self._settings = settings
        self._limits = limits or Limits()
        self._route = route
        self._report = ReportFile(report, source.name) if report else None
        self._answered = answered
        self._stop_at_wrong_row = stop_at_wrong_row
        self._clock = clock
        self._counts = Counts()
        self._pace = Pace(self._limits, clock)
        self._rows = array("q")  # by the number of the record
        self._troubles: list[RowTrouble] = []
        self._cancelled = self._all_sent = False
        self._failure: Failure | None = None  # what ends it all
        self._going = asyncio.Event()
        self._going.set()

    async def run(self, jobs: Jobs | None = None, name: str = "") -> Outcome:
        """Raises `Failure` for what keeps it from beginning; what ends it later is in the outcome."""
        job = Job(name or f"Send {self._source.name}", "messages", self.cancel, self.pause, self.resume)
        if jobs is not None:
            jobs.add(job)
        try:
            outcome = await self._run(job)
        except BaseException as error:
            job.fail(str(error) or "It was interrupted.")
            raise
        text = " ".join(outcome.lines())
        (job.finish if outcome.complete else job.fail)(text)
        return outcome

    def pause(self) -> None:
        self._going.clear()
        self._pace.stop()

    def resume(self) -> None:
        self._pace.start()
        self._going.set()

    def cancel(self) -> None:
        """Nothing further is sent; what was, gets five seconds to be acknowledged."""
        self._cancelled = True
        self._going.set()

    def progress(self) -> Progress:
        return self._counts.progress(self._pace.seconds)

    @property
    def _over(self) -> bool:
        return self._cancelled or self._failure is not None

    async def _run(self, job: Job) -> Outcome:
        rows = await _in_thread(self._source.open)
        try:
            if self._report:
                await _in_thread(self._report.open)
            async with self._cluster.open_writer(self._settings) as writer:
                await self._send_and_take(writer, rows, job)
        finally:
            self._pace.stop()
            await _in_thread(partial(self._close, rows))
        progress = self.progress()
        whole = not (self._over or self._troubles or progress.failed or progress.undelivered)
        report = self._report.path if self._report else None
        return Outcome(progress, whole, self._cancelled, tuple(self._troubles), self._failure, report)

    def _close(self, rows: Rows) -> None:
        rows.close()
        if self._report:
            self._report.close()

    async def _send_and_take(self, writer: Writer, rows: Rows, job: Job) -> None:
        self._pace.start()
        taking = asyncio.create_task(self._take(writer, job), name="deliveries")
        try:
            with self._noting():
                await self._send_rows(writer, rows)
                await writer.flush(_LEAVE if self._over else _within(self._settings))
            self._all_sent = True
            await taking
        finally:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        """A failure in here ends the production, whose outcome tells of it."""
        try:
            yield
        except Failure as failure:
            self._failure = self._failure or failure

    async def _send_rows(self, writer: Writer, rows: Rows) -> None:
        ahead: asyncio.Future[RowBatch | None] | None = None
        try:
            while not self._over and not self._pace.over(writer.sent):
                batch = await (ahead or _in_thread(partial(rows.next, self._most())))
                if batch is None:
                    return
                ahead = asyncio.ensure_future(_in_thread(partial(rows.next, self._most())))
                await self._sift(batch)
                await self._send_batch(writer, batch)
        finally:
            if ahead is not None:
                await asyncio.gather(ahead, return_exceptions=True)  # the input must not be closed meanwhile

    def _most(self) -> int:
        """Rows at once: of a slow production no more than it sends in a moment, so that a limit is met exactly."""
        return MOST_ROWS if self._limits.rate is None else max(1, min(MOST_ROWS, int(self._limits.rate)))

    async def _sift(self, batch: RowBatch) -> None:
        """Keeps the rows that are to be sent."""
        if self._answered:
            keep = [at for at, row in enumerate(batch.rows) if row not in self._answered]
            if len(keep) < len(batch.rows):
                self._counts.skipped += len(batch.rows) - len(keep)
                batch.outgoing[:] = [batch.outgoing[at] for at in keep]
                batch.rows[:] = array("q", [batch.rows[at] for at in keep])
        if self._route:
            self._send_by(self._route, batch)
        self._counts.skipped += len(batch.troubles)
        self._troubles += batch.troubles[: _MOST_TROUBLES - len(self._troubles)]
        if self._report and batch.troubles:
            await _in_thread(partial(self._report.write_troubles, batch.troubles))
        if batch.troubles and self._stop_at_wrong_row:
            first = batch.troubles[0]
            text = f"Stopped before {first.place}: {first.failure.message}"
            raise Failure(first.failure.kind, text, first.failure.hint)

    def _send_by(self, route: Route, batch: RowBatch) -> None:
        routed: list[Outgoing] = []
        rows = array("q")
        for row, outgoing in zip(batch.rows, batch.outgoing, strict=True):
            try:
                routed.append(outgoing._replace(partition=route(outgoing)))
                rows.append(row)
            except Failure as failure:
                batch.troubles.append(RowTrouble(row, f"row {row}", failure))
        batch.outgoing[:], batch.rows[:] = routed, rows

    async def _send_batch(self, writer: Writer, batch: RowBatch) -> None:
        at = 0
        while at < len(batch.outgoing) and not self._over:
            await self._going.wait()
            if self._over or self._pace.over(writer.sent):
                return
            allowed = self._pace.allowed(writer.sent, self._counts.nbytes)
            if not allowed:
                await asyncio.sleep(TICK)
                continue
            part = batch.outgoing[at : at + allowed]
            if self._limits.byte_rate is not None:
                part = part[: self._pace.fitting(map(payload_size, part))]
            self._rows.extend(batch.rows[at : at + len(part)])
            await writer.send(part)
            self._counts.nbytes += payloads_size(part)
            self._counts.sent = writer.sent
            at += len(part)

    async def _take(self, writer: Writer, job: Job) -> None:
        """Until all is sent, and what came of that is noted."""
        while not self._all_sent:
            with self._noting():
                await self._note(await writer.deliveries(), job)
        with self._noting():
            await self._note(await writer.deliveries(), job)

    async def _note(self, news: Deliveries, job: Job) -> None:
        if not news:
            return
        self._counts.add(news)
        if news.failures and len(self._troubles) < _MOST_TROUBLES:
            for number, failure in list(news.failures.items())[: _MOST_TROUBLES - len(self._troubles)]:
                row = self._rows[number]
                self._troubles.append(RowTrouble(row, f"row {row}", failure))
        if self._report:
            await _in_thread(partial(self._report.write, news, self._rows))
        if self._counts.failed >= _ALL_FAIL and not self._counts.acknowledged:
            first = self._troubles[0].failure
            text = f"Stopped, because the first {self._counts.failed:,} failed: {first.message}"
            raise Failure(first.kind, text, first.hint)
        job.advance(self._counts.acknowledged + self._counts.failed, self._limits.count)
        job.detail = f"{self._counts.acknowledged:,} acknowledged" + (
            f", {self._counts.failed:,} failed" if self._counts.failed else ""
        )


def _within(settings: ProducerSettings) -> float:
    """Somewhat longer than the client itself tries."""
    chosen = settings.properties
    text = chosen.get("message.timeout.ms") or chosen.get("delivery.timeout.ms")
    return int(text) / 1000 + _LEAVE if text else _DELIVERED_WITHIN


def _in_order(news: Deliveries, records: Sequence[Outgoing]) -> tuple[Delivery, ...]:
    by_number = {delivery.number: delivery for delivery in news}
    unknown = Failure(
        FailureKind.TIMEOUT, "Nobody knows whether the record was written: no answer came.", "Look at the topic's end."
    )
    return tuple(
        by_number.get(number, Delivery(number, record.partition, None, 0.0, unknown))
        for number, record in enumerate(records)
    )


async def _in_thread(work: Callable[[], T]) -> T:
    try:
        return await in_daemon("rows", work, _DISK)
    except TimeoutError:
        text = f"The disk did not answer for {_DISK:.0f} s."
        raise Failure(FailureKind.TIMEOUT, text, "Check it, or choose another.") from None
