"""The engine of a replay: reads ranges with fixed ends, writes what the plan makes of them, and keeps its progress with
what was written. One thread owns a consumer and a producer; nothing here is asynchronous."""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaException, Message

from kexplorer.kafka import properties
from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.link import LinkMonitor, QuietLog
from kexplorer.kafka.reading import GONE_AFTER_MS, Client, Reading
from kexplorer.kafka.replay_backlog import Backlog, ByTime, Queue
from kexplorer.kafka.replay_checkpoints import Checkpoints, FileProgress, GroupProgress, Progress, TopicProgress
from kexplorer.kafka.replay_records import Prepared, Preparer, Run, Sendable
from kexplorer.kafka.replay_target import Crash, RecordRefusedError, Target, TryAgainError
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import ProducerSettings
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.records import Trouble
from kexplorer.model.replay import (
    Checkpoint,
    Command,
    Controls,
    Counts,
    Exceptional,
    Guarantee,
    Journal,
    Pace,
    Reached,
    ReplayProgress,
    ReplayRun,
    ReplayState,
    total,
)
from kexplorer.model.replay_pace import Throttle, Timing
from kexplorer.model.topics import IsolationLevel, OffsetRange, TopicPartition

TRANSACTION_TIMEOUT_MS = 30_000
_MOST = 40_000  # records of a transaction: its end costs about as much as a thousand of them
_MOST_BYTES = 32 << 20
_GATHER = 0.5  # seconds to gather them in
_TELL_EVERY = 0.5  # seconds
_PATIENCE = 300.0  # seconds without any progress until a cluster that does not answer ends the run
_BACK_OFF = 1.0  # seconds
_UNCLEAR_AT_MOST = 2  # transactions that broke for a reason that nobody told, until smaller ones are tried
_MAY_PASS = (FailureKind.TIMEOUT, FailureKind.UNREACHABLE)
# What a transaction takes is fetched while the one before it is committed.
_FETCH = {"fetch.max.bytes": 8 << 20, "fetch.message.max.bytes": 1 << 20, "queued.max.messages.kbytes": 32_768}
_SETTINGS = {"linger.ms": "5", "compression.type": "zstd", "batch.size": "1000000"}


@dataclass(frozen=True, slots=True)
class Side:
    """How to reach one of the two clusters."""

    profile: Profile
    credentials: Credentials


@dataclass(slots=True)
class Batch:
    """Records that are to be written together, and what they come to. `parts` tell which record each of `sendable`
    stands for: its partition, the records that were read, and the rows of those that something is sent for."""

    sendable: list[Sendable] = field(default_factory=list)
    parts: list[tuple[TopicPartition, list[Message], Sequence[int]]] = field(default_factory=list)
    changed: Checkpoint = field(default_factory=dict)
    exceptional: list[Exceptional] = field(default_factory=list)
    stop: Failure | None = None

    def owner(self, number: int) -> tuple[TopicPartition, int]:
        """Partition and offset of the record that `sendable[number]` stands for."""
        for source, messages, rows in self.parts:
            if number < len(rows):
                return source, int(messages[rows[number]].offset() or 0)
            number -= len(rows)
        raise IndexError(number)

    def largest(self) -> tuple[TopicPartition, int]:
        """Partition and offset of the largest record."""
        sizes = [len(each[1] or b"") + len(each[2] or b"") for each in self.sendable]
        return self.owner(sizes.index(max(sizes)))


class _StoppedError(Exception):
    """While it waited for brokers that do not answer."""


class Engine:
    """One run. `run` may be called once. Its consumer and its producer are made and left in the calling thread.
    `leads`: it is this one that is to look at the target once more."""

    leads = True

    def __init__(self, run: ReplayRun, source: Side, target: Side, journal: Journal, controls: Controls) -> None:
        self._run, self._plan = run, run.plan
        self._journal, self._controls = journal, controls
        self.crash = Crash(os.environ.get("KEXPLORER_CRASH_AT", ""))
        self._source_link, self._target_link = LinkMonitor(source.profile.name), LinkMonitor(target.profile.name)
        self._source_side, self._target_side = source, target
        exactly = run.plan.guarantee is Guarantee.EXACTLY_ONCE
        config = reader_config(source, self._source_link)
        if exactly and run.same_cluster:
            config["group.id"] = run.plan.group
        self._client = Client(config, self._source_link.on_error)
        config = writer_config(
            self._plan.target.settings, limits_of(run), target, self._target_link, self.transactional_id
        )
        self.target = Target(config, self.crash, self._why_silent, _PATIENCE, self._tell_waiting)
        self.progress = self._made_progress(exactly=exactly)
        self.ranges: Sequence[OffsetRange] = run.ranges  # those of this engine, with what it has reached in them
        self.reached: Checkpoint = {each.source: Reached(each.start, Counts()) for each in run.ranges}
        self._preparer = Preparer(run)
        self._pace = run.plan.pace
        self._throttle = Throttle(self._pace)
        self._reading: Reading | None = None
        self._backlog: Backlog = Queue()
        self._since = time.monotonic()  # the last progress
        self._told = 0.0
        self.own = Counts()  # since the start
        self._rate_since, self._rate_from, self._rate = time.monotonic(), 0, 0.0
        self.must_resume = False  # something was committed before
        self.must_begin = False  # nothing was: what is found is another run's
        self.on_first: Callable[[], None] | None = None  # is called once something is

    @property
    def transactional_id(self) -> str:
        return self._plan.transactional_id if self._plan.guarantee is Guarantee.EXACTLY_ONCE else ""

    def run(self) -> ReplayState:
        """DONE, or STOPPED where it was told so. Raises `Failure` for what ends it before; the next run goes on."""
        try:
            if self.must_begin and self.progress.load():
                raise self._taken()
            self.target.start()
            self._resume()
            self._tell(ReplayState.RUNNING, at_once=True)
            return self._go()
        except _StoppedError:
            self._tell(ReplayState.STOPPED, at_once=True)
            return ReplayState.STOPPED
        except KafkaException as error:
            raise failure_of(error, f"Replay {self._plan.job}") from error
        finally:
            self.close()

    def close(self) -> None:
        self._client.close()
        self.target.close()

    def commit(self, batch: Batch) -> None:
        """Writes a batch with its progress."""
        whole = self.reached | batch.changed
        self.target.write(batch.sendable, lambda producer: self.progress.attach(producer, batch.changed, whole))

    def _resume(self) -> None:
        found = self.progress.load()
        if (self.must_resume or found) and any(each.source not in found for each in self.ranges):
            text = f"The progress of {self._plan.job} is gone: the group {self._plan.group} has lost offsets."
            hint = "Brokers forget them after offsets.retention.minutes. Begin anew under another job name."
            raise Failure(FailureKind.NOT_FOUND, text, hint)
        for each in self.ranges:
            if each.source in found:
                position = max(each.start, min(found[each.source].position, each.end or 0))
                self.reached[each.source] = Reached(position, found[each.source].counts)
        self._journal.forget(self.reached)
        self._read_on()

    def _taken(self) -> Failure:
        text = f"A job {self._plan.job} has begun already, from another folder or another machine."
        hint = "Give this plan another job name, or go on with that run by --take-over: who runs it now is stopped."
        return Failure(FailureKind.REFUSED, text, hint)

    def _read_on(self) -> None:
        """From behind what waits in the backlog; anew after a trouble."""
        if self._reading is None:
            starts = {source: reached.position for source, reached in self.reached.items()}
        else:
            starts = {part.source: part.next for part in self._reading.progress if not part.done}
            starts |= {s: n for s, n in self._given_up.items() if s not in starts}
            self._reading.end()
        self._given_up: dict[TopicPartition, int] = {}
        if self._pace.timing and not isinstance(self._backlog, ByTime):
            self._backlog = ByTime(Timing(self._pace), self._client.consumer, self._open_sources)
        ranges = [OffsetRange(r.source, starts[r.source], r.end) for r in self.ranges if r.source in starts]
        self._reading = Reading(self._client, ranges, lambda: self._source_link.state.reason, self._backlog.keep)
        self._reading.begin()

    def _open_sources(self) -> set[TopicPartition]:
        return {part.source for part in self._reading.progress if not part.done} if self._reading else set()

    def _go(self) -> ReplayState:
        while True:
            command = self._controls.command()
            self._adopt(command)
            if command.state is ReplayState.STOPPED:
                self._tell(ReplayState.STOPPED, at_once=True)
                return ReplayState.STOPPED
            if command.state is ReplayState.PAUSED:
                self._rest()
                continue
            if not self._step():
                break
        self._finish()
        return ReplayState.DONE

    def _step(self) -> bool:
        """Reads and writes a little. False when nothing is left."""
        reading = self._reading
        assert reading is not None  # noqa: S101  (for the type checker)
        self._gather(reading)
        runs = self._backlog.take(*self._room())
        if runs:
            self._write(runs)
        elif not len(self._backlog) and not reading.open:
            return False
        else:
            time.sleep(self._backlog.wait() if len(self._backlog) else 0.0)
            self.target.poll()
        self._tell(ReplayState.RUNNING)
        return True

    def _room(self) -> tuple[float, float]:
        """How much may be taken now. A pace counts what is written, which may be a small part of what is read."""
        records, nbytes = self._throttle.room()
        if records < 1 or nbytes < 1:
            return 0, 0
        share = (self.own.written + 100) / (self.own.scanned + 100)
        return min(max(records / share, 1), _MOST), min(max(nbytes / share, 1), _MOST_BYTES)

    def _gather(self, reading: Reading) -> None:
        """A full transaction's worth, or what comes soon."""
        until = time.monotonic() + _GATHER
        while reading.open and self._backlog.wants_more:
            before = len(self._backlog)
            troubles = reading.pull()
            for trouble in troubles:
                self._take_trouble(trouble)
            if self._given_up:
                return self._wait_for_source()
            if len(self._backlog) > before:
                self._since = time.monotonic()
            if time.monotonic() > until or self._pace != Pace():
                return None
        return None

    def _take_trouble(self, trouble: Trouble) -> None:
        """Records that are gone, or a partition that is, end the run: nothing is left out in silence."""
        if trouble.failure.kind not in _MAY_PASS:
            raise trouble.failure
        self._given_up[trouble.source] = trouble.offset or 0
        if time.monotonic() - self._since > _PATIENCE:
            raise trouble.failure
        self._tell(ReplayState.RUNNING, str(trouble.failure), at_once=True)

    def _wait_for_source(self) -> None:
        time.sleep(_BACK_OFF)
        self._read_on()

    def _write(self, runs: list[Run]) -> None:
        """All of it, over whatever passes. A record that is refused is found: by its size, or by halving."""
        unclear = 0
        while True:
            batch = self._batch(runs)
            if batch.exceptional:
                self._journal.note(batch.exceptional)
            try:
                if batch.changed:
                    self.commit(batch)
                break
            except TryAgainError as error:
                if time.monotonic() - self._since > _PATIENCE:
                    raise error.failure from error
                unclear += error.unclear
                if unclear > _UNCLEAR_AT_MOST and len(batch.sendable) > 1:
                    return self._write_each(_halves(runs))
                self._refuse_waiting()
                self._tell(ReplayState.RUNNING, str(error.failure), at_once=True)
                time.sleep(0 if error.unclear else _BACK_OFF)
            except RecordRefusedError as error:
                if error.row is None and len(batch.sendable) > 1:
                    return self._write_each(_around(runs, batch.largest()) if error.too_large else _halves(runs))
                self._refuse(*batch.owner(error.row or 0), error.failure)
        self._note(batch)
        if batch.stop:
            raise batch.stop
        return None

    def _write_each(self, parts: Iterable[list[Run]]) -> None:
        for part in parts:
            self._write(part)

    def _refuse(self, source: TopicPartition, offset: int, failure: Failure) -> None:
        """A quarantine that refuses it as well ends the run."""
        if (source, offset) in self._preparer.refused:
            raise failure
        self._preparer.refused[source, offset] = failure.message.rstrip(".")

    def _batch(self, runs: list[Run]) -> Batch:
        batch = Batch()
        for run in runs:
            made = self._preparer.prepare(run)
            batch.sendable += made.sendable
            batch.parts.append((run.source, run.messages, made.rows))
            batch.exceptional += made.exceptional
            self._count(batch, run.source, run.messages, made)
            if made.stop:
                batch.stop = made.stop[1]
                break
        return batch

    def _count(self, batch: Batch, source: TopicPartition, messages: list[Message], made: Prepared) -> None:
        """Positions only grow."""
        last = (made.stop[0] if made.stop else len(messages)) - 1
        if last < 0:
            return
        before = batch.changed.get(source) or self.reached[source]
        position = max(before.position, int(messages[last].offset() or 0) + 1)
        batch.changed[source] = Reached(position, before.counts.plus(made.counts))

    def _note(self, batch: Batch) -> None:
        whole = total(each.counts for each in batch.changed.values())
        before = total(self.reached[source].counts for source in batch.changed)
        news = Counts(*map(int.__sub__, whole, before))
        self._throttle.sent(news.written, news.nbytes)
        self.own = self.own.plus(news)
        self.reached |= batch.changed
        if self.on_first and batch.changed:
            self.on_first()
            self.on_first = None
        self._since = time.monotonic()
        for place in [p for p in self._preparer.refused if p[1] < self.reached[p[0]].position]:
            del self._preparer.refused[place]

    def _finish(self) -> None:
        """What lies between the last record and the end is a gap."""
        ends = {r.source: Reached(r.end or 0, self.reached[r.source].counts) for r in self.ranges}
        changed = {source: end for source, end in ends.items() if end != self.reached[source]}
        while changed:
            try:
                self.commit(Batch(changed=changed))
                break
            except TryAgainError as error:
                if time.monotonic() - self._since > _PATIENCE:
                    raise error.failure from error
                self._refuse_waiting()
                time.sleep(_BACK_OFF)
        self.reached |= changed

    def _adopt(self, command: Command) -> None:
        pace = command.pace or self._plan.pace
        if pace == self._pace:
            return
        timed = bool(pace.timing) or bool(self._pace.timing)
        self._pace, self._throttle = pace, Throttle(pace)
        if timed:  # records that wait are read again, in the order that is wanted now
            self._read_anew()

    def _read_anew(self) -> None:
        """From behind what is written."""
        if self._reading:
            self._reading.end()
        self._backlog, self._reading = Queue(), None
        self._read_on()

    def _rest(self) -> None:
        """No transaction is open meanwhile. Callbacks are served; what was read ahead waits."""
        began = time.monotonic()
        self._tell(ReplayState.PAUSED)
        time.sleep(_GATHER)
        self.target.poll()
        self._backlog.pause(time.monotonic() - began)
        self._since = time.monotonic()

    def _tell(self, state: ReplayState, detail: str = "", *, at_once: bool = False) -> None:
        now = time.monotonic()
        if not at_once and now - self._told < _TELL_EVERY:
            return
        self._told = now
        if now - self._rate_since >= 1.0:
            self._rate = (self.own.scanned - self._rate_from) / (now - self._rate_since)
            self._rate_since, self._rate_from = now, self.own.scanned
        left = sum(max((r.end or 0) - self.reached[r.source].position, 0) for r in self.ranges)
        seconds = left / self._rate if self._rate else None
        self._controls.tell(ReplayProgress(state, dict(self.reached), self._rate, seconds, detail))

    def _refuse_waiting(self) -> None:
        """Where a person has stopped it: a transaction whose end is not known is settled by the next run."""
        if self._controls.command().state is ReplayState.STOPPED:
            raise _StoppedError

    def _tell_waiting(self, why: str) -> None:
        self._refuse_waiting()
        self._tell(ReplayState.RUNNING, why)

    def _why_silent(self) -> str:
        return self._target_link.state.reason

    def _made_progress(self, *, exactly: bool) -> Progress:
        if not exactly:
            return FileProgress(self._journal)
        if self._run.same_cluster:
            return GroupProgress(self._client, [each.source for each in self._run.ranges])
        reader = Client(reader_config(self._target_side, self._target_link), self._target_link.on_error)
        return TopicProgress(Checkpoints(reader, self._why_silent), self._plan.job)


def limits_of(run: ReplayRun) -> list[int]:
    """The max.message.bytes of its targets, as far as they are told."""
    return [each.max_bytes for each in run.targets.values() if each.max_bytes]


def writer_config(
    settings: Mapping[str, str], limits: Iterable[int], side: Side, link: LinkMonitor, transactional_id: str
) -> dict[str, Any]:
    """No batch is larger than the `limits`. Without a transactional id there are no transactions."""
    own = {**_SETTINGS, **settings}
    if transactional_id:
        own["transaction.timeout.ms"] = str(TRANSACTION_TIMEOUT_MS)
    own["batch.size"] = str(min([int(own["batch.size"]), *limits]))
    config = properties.writer_config(side.profile, side.credentials, ProducerSettings(own, transactional_id))
    logger = properties.CLIENT_LOG.getChild("replay-target")
    logger.filters = [QuietLog(link)]
    return {**config, "logger": logger, "error_cb": link.on_error}


def reader_config(side: Side, link: LinkMonitor) -> dict[str, Any]:
    """Of records that are committed: what an open or aborted transaction has written is never copied."""
    config = properties.reader_config(side.profile, side.credentials, IsolationLevel.READ_COMMITTED, 50)
    config |= {name: value for name, value in _FETCH.items() if name not in side.profile.properties}
    logger = properties.CLIENT_LOG.getChild("replay-source")
    logger.filters = [QuietLog(link)]
    return {**config, "topic.metadata.propagation.max.ms": GONE_AFTER_MS, "logger": logger}


def _around(runs: Sequence[Run], place: tuple[TopicPartition, int]) -> list[list[Run]]:
    """What comes before a record, the record, and what comes behind it: in order, none of them empty."""
    before: list[Run] = []
    for number, run in enumerate(runs):
        found = run.source == place[0]
        at = bisect_left(run.messages, place[1], key=_offset) if found else len(run.messages)
        if at < len(run.messages) and _offset(run.messages[at]) == place[1]:
            before.append(run.part(0, at))
            parts = [before, [run.part(at, at + 1)], [run.part(at + 1), *runs[number + 1 :]]]
            return [kept for part in parts if (kept := [each for each in part if each.messages])]
        before.append(run)
    return [before]


def _offset(message: Any) -> int:
    return int(message.offset())


def _halves(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """In order, with as many records each."""
    half = sum(len(run.messages) for run in runs) // 2
    first: list[Run] = []
    second: list[Run] = []
    for run in runs:
        if half > 0:
            first.append(run.part(0, half))
        if half < len(run.messages):
            second.append(run.part(max(half, 0)))
        half -= len(run.messages)
    return first, second
