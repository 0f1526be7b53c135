"""A second look at both sides of a replay: what the target should have by the plan, against what it has."""

from __future__ import annotations

import hashlib
import struct
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.link import LinkMonitor
from kexplorer.kafka.reading import Client, Reading, headers_of
from kexplorer.kafka.replay_records import Preparer, run_of
from kexplorer.kafka.replaying import TRANSACTION_TIMEOUT_MS, Side, reader_config
from kexplorer.model.records import Header
from kexplorer.model.replay import JOB_HEADER, SOURCE_HEADER, Exceptional, Policy, ReplayRun, TargetTopic, Verified
from kexplorer.model.topics import IsolationLevel, OffsetRange, TopicPartition

_CALL = 10.0  # seconds
_SETTLES = TRANSACTION_TIMEOUT_MS / 1000 + 15  # seconds until brokers end what an engine that was killed left open
_PAUSE = 0.05
_WORD = (1 << 128) - 1


@dataclass(slots=True)
class _Digest:
    """Of the records of a target partition: their number, a sum over them that no order changes, and one that any
    other order changes. `writers` are the source partitions whose records are in it."""

    count: int = 0
    content: int = 0
    order: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=16))
    writers: set[TopicPartition] = field(default_factory=set)

    def add(self, one: bytes) -> None:
        self.count += 1
        self.content = (self.content + int.from_bytes(one, "little")) & _WORD
        self.order.update(one)


Digests = dict[TopicPartition, _Digest]


def verify(
    run: ReplayRun,
    source: Side,
    target: Side,
    exceptional: Collection[Exceptional],
    tell: Callable[[int], None] = lambda _: None,
) -> Verified:
    """Reads the source's ranges and what the targets got since the run was made. `tell` gets the number of records
    that were looked at. Raises `Failure` for what cannot be read any more."""
    expected, found = _Expected(run, exceptional), _Found(run)
    seen = 0

    def counted(keep: Callable[[TopicPartition, list[Message]], None]) -> Callable[..., None]:
        def take(where: TopicPartition, messages: list[Message]) -> None:
            nonlocal seen
            keep(where, messages)
            seen += len(messages)
            tell(seen)

        return take

    _read(source, lambda *_: run.ranges, counted(expected.keep))
    _read(target, partial(_to_the_end, run.target_starts, found.hidden, lambda: tell(seen)), counted(found.keep))
    return _compared(expected.digests, found)


def _read(
    side: Side,
    ranges: Callable[[Client, dict[str, Any]], Sequence[OffsetRange]],
    keep: Callable[[TopicPartition, list[Message]], None],
) -> None:
    monitor = LinkMonitor(side.profile.name)
    config = reader_config(side, monitor)
    client = Client(config, monitor.on_error)
    try:
        reading = Reading(client, ranges(client, config), lambda: monitor.state.reason, keep)
        reading.begin()
        while reading.open:
            if troubles := reading.pull():
                raise troubles[0].failure
        reading.end()
    except KafkaException as error:
        raise failure_of(error, "Verifying") from error
    finally:
        client.close()


def _to_the_end(
    starts: Mapping[TopicPartition, int],
    hidden: set[TopicPartition],
    waiting: Callable[[], None],
    client: Client,
    config: dict[str, Any],
) -> list[OffsetRange]:
    """Of committed records. A commit is answered before the end of its transaction is written to every partition, and
    what an engine left open that was killed ends by its time limit: what is there now is waited for. Partitions where
    somebody else's transaction stays open become `hidden`."""
    uncommitted = Consumer({**config, "isolation.level": IsolationLevel.READ_UNCOMMITTED.value})
    until = time.monotonic() + _SETTLES
    ranges = []
    try:
        for where, start in starts.items():
            asked = ClientPartition(*where)
            _, high = uncommitted.get_watermark_offsets(asked, timeout=_CALL)
            _, end = client.consumer().get_watermark_offsets(asked, timeout=_CALL)
            while end < high and time.monotonic() < until:
                waiting()
                time.sleep(_PAUSE)
                _, end = client.consumer().get_watermark_offsets(asked, timeout=_CALL)
            if end < high:
                hidden.add(where)
            ranges.append(OffsetRange(where, start, max(start, end)))
    finally:
        uncommitted.close()
    return ranges


class _Expected:
    """What should be there: the plan once more over the source."""

    def __init__(self, run: ReplayRun, exceptional: Collection[Exceptional]) -> None:
        self._run = run
        self._preparer = Preparer(run)
        self._preparer.refused = {
            (each.source, each.offset): each.why.rstrip(".") for each in exceptional if each.outcome is not Policy.STOP
        }
        self._quarantine = run.plan.quarantine
        self.digests: Digests = {}

    def keep(self, source: TopicPartition, messages: list[Message]) -> None:
        timed = _keeps_time(self._run, self._run.targets[source.topic])
        for topic, value, key, partition, _, _, timestamp, headers in self._preparer.prepare(
            run_of(source, messages)
        ).sendable:
            if topic == self._quarantine:
                continue
            digest = self.digests.setdefault(TopicPartition(topic, partition), _Digest())
            digest.writers.add(source)
            digest.add(_digested(key, value, headers or (), timestamp if timed else 0))


class _Found:
    """What is there. Where records have markers, those of other writers are no matter, and a record that was written
    again is told: it comes from no later offset than one before it."""

    def __init__(self, run: ReplayRun) -> None:
        plan = run.plan
        self._marked, self._job = plan.marks, plan.job.encode()
        self._quarantine = plan.quarantine
        self._timed = {each.name for each in run.targets.values() if _keeps_time(run, each)}
        self.duplicates = 0
        self.hidden: set[TopicPartition] = set()  # in part, behind an open transaction
        self._last: dict[tuple[TopicPartition, str], int] = {}
        self.digests: Digests = {}

    def keep(self, where: TopicPartition, messages: list[Message]) -> None:
        if where.topic == self._quarantine:
            return
        timed = where.topic in self._timed
        digest = self.digests.setdefault(where, _Digest())
        columns: Any = zip(messages, headers_of(messages), strict=True)
        for message, headers in columns:
            if self._marked and not self._is_new(where, headers or ()):
                continue
            _, ms = message.timestamp()
            digest.add(_digested(message.key(), message.value(), headers or (), ms if timed else 0))

    def _is_new(self, where: TopicPartition, headers: Sequence[Header]) -> bool:
        own = {name: value or b"" for name, value in headers if name in (JOB_HEADER, SOURCE_HEADER)}
        if own.get(JOB_HEADER) != self._job:
            return False
        source, _, offset = own.get(SOURCE_HEADER, b"").decode("utf-8", "replace").rpartition("/")
        number = int(offset) if offset.isdigit() else -1
        if number <= self._last.get((where, source), -1):
            self.duplicates += 1
            return False
        self._last[where, source] = number
        return True


def _keeps_time(run: ReplayRun, target: TargetTopic) -> bool:
    """Whether it can be told beforehand which timestamps its records get."""
    return not target.log_append_time and not run.plan.rewrite.timestamp


def _digested(key: bytes | None, value: bytes | None, headers: Sequence[Header], timestamp: int) -> bytes:
    """Null differs from empty, and no two records have the same bytes here by chance of their lengths."""
    lengths = struct.pack("<qqq", timestamp, -1 if key is None else len(key), -1 if value is None else len(value))
    parts = [lengths, key or b"", value or b""]
    for name, each in headers:
        encoded = name.encode("utf-8", "surrogatepass")
        parts += [struct.pack("<qq", len(encoded), -1 if each is None else len(each)), encoded, each or b""]
    return hashlib.blake2b(b"".join(parts), digest_size=16).digest()


def _compared(expected: Digests, found: _Found) -> Verified:
    findings: list[str] = []
    for where in sorted({*expected, *found.digests}):
        wanted, there = expected.get(where, _Digest()), found.digests.get(where, _Digest())
        name = f"{where.topic}, partition {where.partition}"
        if there.count < wanted.count:
            why = ", or hidden behind an open transaction" if where in found.hidden else ""
            findings.append(f"{name}: {wanted.count - there.count:,} of {wanted.count:,} records are missing{why}.")
        elif there.count > wanted.count:
            more = there.count - wanted.count
            findings.append(
                f"{name}: {more:,} records more than the {wanted.count:,} of the plan; others may write it."
            )
        elif there.content != wanted.content:
            findings.append(f"{name}: as many records as there should be, but not the same ones.")
        elif len(wanted.writers) == 1 and there.order.digest() != wanted.order.digest():
            findings.append(f"{name}: the right records in another order.")
    counts = [sum(each.count for each in side.values()) for side in (expected, found.digests)]
    return Verified(counts[0], counts[1], found.duplicates, tuple(findings))
