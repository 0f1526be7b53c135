"""Sending many rows at a rate that is chosen, with what became of each."""

from __future__ import annotations

import asyncio
import contextlib
import time
from array import array
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from kexplorer.model.batches import Batches, MeasuresBatches
from kexplorer.model.cluster import Cluster, Writer
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.lines import BlocksOfLines, HasLineWriter, LineBlock, LinePlace, LinesSource, LineWriter
from kexplorer.model.produce import (
    Deliveries,
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
from kexplorer.services.sending import LEAVE, delivered_within
from kexplorer.store.daemon import in_daemon

T = TypeVar("T")
Route = Callable[[Outgoing], int | None]
"""The partition of a record, None for the partitioner's choice. Raises `Failure` for a record that has none."""

_MOST_TROUBLES = 1000
_ALL_FAIL = 1000  # records that failed without one that did not: the rest would as well
_DISK = 60.0  # seconds for a piece of the input


@dataclass(frozen=True, slots=True)
class Outcome:
    """`complete`: the input was read to its end (or to a limit), and each row was acknowledged. The first 1,000 rows
    that were not are in `troubles`; `failure` is what ended it all. `batches` where they were measured. `estimated`:
    latencies are by how many were acknowledged, not of each."""

    progress: Progress
    complete: bool
    cancelled: bool
    troubles: tuple[RowTrouble, ...]
    failure: Failure | None = None
    report: Path | None = None
    batches: Batches | None = None
    estimated: bool = False

    def lines(self) -> Iterator[str]:
        """For a person."""
        p = self.progress
        yield (
            f"{p.acknowledged:,} acknowledged in {p.seconds:.1f} s ({p.rate:,.0f}/s), latency p50 {p.p50:.1f} ms, "
            f"p99 {p.p99:.1f} ms."
        )
        if self.estimated:
            yield "The latencies are estimates, by how many were acknowledged; with a report each is measured."
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
    read are left out and told of, unless `stop_at_wrong_row`. `answered` are rows that an earlier run has sent.
    `measured`: what the client tells of its batches is wanted."""

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
        measured: bool = False,
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
        self._measured = measured
        self._clock = clock
        self._counts = Counts()
        self._pace = Pace(self._limits, clock)
        self._rows = array("q")  # by the number of the record
        self._troubles: list[RowTrouble] = []
        self._by_place = False  # lines are not read here, so that their rows are known at the end
        self._cancelled = self._all_sent = False
        self._settled = 0  # records, of which the job was told
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
        async with contextlib.AsyncExitStack() as stack:
            rows = await _in_thread(self._source.open)
            stack.push_async_callback(_in_thread, rows.close)
            blocks = await _in_thread(self._blocks)
            if blocks:
                stack.push_async_callback(_in_thread, blocks.close)
            if self._report:
                await _in_thread(self._report.open)
                stack.push_async_callback(_in_thread, self._report.close)
            writer = await stack.enter_async_context(self._cluster.open_writer(self._settings))
            measures = writer if self._measured and isinstance(writer, MeasuresBatches) else None
            estimated = False
            with self._noting():
                if measures:
                    measures.measure()
                    await self._warm_up(writer, rows, job)
                lines = (
                    blocks
                    and isinstance(writer, HasLineWriter)
                    and await writer.for_lines(replace(blocks.format, told_each=self._report is not None))
                )
                if blocks and lines:
                    estimated = self._report is None
                    news = partial(self._line_news, lines)
                    await self._send_and_take(lines, partial(self._send_blocks, lines, blocks), news, job)
                else:
                    await self._send_and_take(writer, partial(self._send_rows, writer, rows), writer.deliveries, job)
            if blocks and self._by_place and self._troubles:
                await self._find_rows(blocks)
            batches = await measures.batches() if measures and not self._failure else None
        progress = self.progress()
        whole = not (self._over or self._troubles or progress.failed or progress.undelivered)
        report = self._report.path if self._report else None
        return Outcome(
            progress, whole, self._cancelled, tuple(self._troubles), self._failure, report, batches, estimated
        )

    def _blocks(self) -> BlocksOfLines | None:
        """None where rows must be looked at here, before they are sent."""
        if self._route or self._stop_at_wrong_row or self._measured or self._limits != Limits():
            return None
        return self._source.lines(self._answered or ()) if isinstance(self._source, LinesSource) else None

    async def _send_and_take(
        self,
        to: Writer | LineWriter,
        send: Callable[[], Awaitable[None]],
        news: Callable[[], Awaitable[Deliveries]],
        job: Job,
    ) -> None:
        self._pace.start()
        taking = asyncio.create_task(self._take(news, job), name="deliveries")
        try:
            with self._noting():
                await send()
                await to.flush(LEAVE if self._over else delivered_within(self._settings))
            self._all_sent = True
            await taking
        finally:
            self._pace.stop()
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        """A failure in here ends the production, whose outcome tells of it."""
        try:
            yield
        except Failure as failure:
            self._failure = self._failure or failure

    async def _warm_up(self, writer: Writer, rows: Rows, job: Job) -> None:
        """The first record waits for connections and a producer's id, which tells nothing of those behind it."""
        if batch := await _in_thread(partial(rows.next, 1)):
            self._rows.extend(batch.rows)
            await writer.send(batch.outgoing)
            await writer.flush(delivered_within(self._settings))
            self._counts.sent, self._counts.nbytes = writer.sent, payloads_size(batch.outgoing)
            await self._note(await writer.deliveries(), job)
            self._counts.forget_latencies()

    async def _send_rows(self, writer: Writer, rows: Rows) -> None:
        async with contextlib.aclosing(_ahead(partial(rows.next, self._most()))) as batches:
            async for batch in batches:
                await self._sift(batch)
                await self._send_batch(writer, batch)
                if self._over or self._pace.over(writer.sent):
                    return

    async def _send_blocks(self, to: LineWriter, blocks: BlocksOfLines) -> None:
        self._by_place = not (self._report or self._answered)  # else each row's number is needed meanwhile
        if self._by_place:
            async with contextlib.aclosing(_ahead(lambda: blocks.next_places() or None)) as found:
                async for places in found:
                    for place in places:
                        await self._send_lines(to, place)
                    if self._over:
                        return
            return
        async with contextlib.aclosing(_ahead(blocks.next)) as parts:
            async for part in parts:
                self._counts.skipped += part.skipped
                await self._leave_out(part.troubles)
                self._rows.extend(part.rows)
                await self._send_lines(to, part)
                if self._over:
                    return

    async def _send_lines(self, to: LineWriter, lines: LineBlock | LinePlace) -> None:
        await self._going.wait()
        if not self._over:
            await to.send(lines)

    async def _find_rows(self, blocks: BlocksOfLines) -> None:
        rows = await _in_thread(lambda: blocks.rows_of([trouble.row for trouble in self._troubles]))
        found = zip(rows, self._troubles, strict=True)
        placed = (RowTrouble(row, f"{trouble.place} {row}", trouble.failure) for row, trouble in found)
        self._troubles = sorted(placed, key=lambda trouble: trouble.row)

    def _trouble(self, number: int, called: str, failure: Failure) -> RowTrouble:
        row = number if self._by_place else self._rows[number]
        return RowTrouble(row, called if self._by_place else f"{called} {row}", failure)

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
        await self._leave_out(batch.troubles)
        if batch.troubles and self._stop_at_wrong_row:
            first = batch.troubles[0]
            text = f"Stopped before {first.place}: {first.failure.message}"
            raise Failure(first.failure.kind, text, first.failure.hint)

    async def _leave_out(self, troubles: list[RowTrouble]) -> None:
        self._counts.skipped += len(troubles)
        self._troubles += troubles[: _MOST_TROUBLES - len(self._troubles)]
        if self._report and troubles:
            await _in_thread(partial(self._report.write_troubles, troubles))

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

    async def _take(self, news: Callable[[], Awaitable[Deliveries]], job: Job) -> None:
        """Until all is sent, and what came of that is noted."""
        while not self._all_sent:
            with self._noting():
                await self._note(await news(), job)
        with self._noting():
            await self._note(await news(), job)

    async def _line_news(self, of: LineWriter) -> Deliveries:
        news = await of.news()
        self._counts.add_counted(news.acknowledged, news.latencies)
        self._counts.nbytes += news.nbytes
        self._counts.sent = of.sent
        await self._leave_out([self._trouble(number, "line", failure) for number, failure in news.unread.items()])
        return news.deliveries

    async def _note(self, news: Deliveries, job: Job) -> None:
        self._counts.add(news)
        settled = self._counts.acknowledged + self._counts.failed
        if settled == self._settled:
            return
        self._settled = settled
        if news.failures and len(self._troubles) < _MOST_TROUBLES:
            for number, failure in list(news.failures.items())[: _MOST_TROUBLES - len(self._troubles)]:
                self._troubles.append(self._trouble(number, "row", failure))
        if self._report and news:
            await _in_thread(partial(self._report.write, news, self._rows))
        if self._counts.failed >= _ALL_FAIL and not self._counts.acknowledged:
            first = self._troubles[0].failure
            text = f"Stopped, because the first {self._counts.failed:,} failed: {first.message}"
            raise Failure(first.kind, text, first.hint)
        job.advance(settled, self._limits.count)
        job.detail = f"{self._counts.acknowledged:,} acknowledged" + (
            f", {self._counts.failed:,} failed" if self._counts.failed else ""
        )


async def _ahead(read: Callable[[], T | None]) -> AsyncGenerator[T, None]:
    """What `read` returns until that is None, each read while the one before is worked with."""
    reading = asyncio.ensure_future(_in_thread(read))
    try:
        while (found := await reading) is not None:
            reading = asyncio.ensure_future(_in_thread(read))
            yield found
    finally:
        await asyncio.gather(reading, return_exceptions=True)  # the input must not be closed meanwhile


async def _in_thread(work: Callable[[], T]) -> T:
    try:
        return await in_daemon("rows", work, _DISK)
    except TimeoutError:
        text = f"The disk did not answer for {_DISK:.0f} s."
        raise Failure(FailureKind.TIMEOUT, text, "Check it, or choose another.") from None
