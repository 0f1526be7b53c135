"""From records of the source to records of the target: byte for byte as long as the plan says nothing else, and what
cannot be kept is told before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import repeat
from typing import Any, NamedTuple

from confluent_kafka import Message

from kexplorer.formats.filters import compile_filter
from kexplorer.formats.partitioning import partition_for
from kexplorer.formats.rewriting import Made, Rewriter
from kexplorer.kafka.reading import headers_of
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Header, Record, TimestampType
from kexplorer.model.replay import (
    COUNT_HEADER,
    ERROR_HEADER,
    JOB_HEADER,
    SOURCE_HEADER,
    TIMESTAMP_HEADER,
    Counts,
    Exceptional,
    Policy,
    ReplayRun,
    TargetTopic,
    attempts_of,
)
from kexplorer.model.search import FilterSpec
from kexplorer.model.topics import TopicPartition

Sendable = tuple[str, bytes | None, bytes | None, int, None, None, int, list[Header] | None]
"""The arguments of `Producer.produce`: topic, value, key, partition, two callbacks, timestamp (0: now), headers."""


class Run(NamedTuple):
    """Records of one partition in the order of their offsets. `headers` were asked for once: of a record whose headers
    the client cannot read, another call would crash."""

    source: TopicPartition
    messages: list[Message]
    headers: list[Any]

    def part(self, start: int, stop: int | None = None) -> Run:
        return Run(self.source, self.messages[start:stop], self.headers[start:stop])


def run_of(source: TopicPartition, messages: list[Message]) -> Run:
    return Run(source, messages, headers_of(messages))


_NO_TIME = "Its timestamp is 0 (1970-01-01) or not there, which the client cannot send"
_NO_HEADERS = "The name of one of its headers is not UTF-8, which the client cannot read"


@dataclass(slots=True)
class Prepared:
    """What is to be sent for some records of one partition. `rows[i]` is the number of the record that `sendable[i]`
    stands for. `stop`: the record of that number cannot be written and the plan says to stop there; later ones are
    left out."""

    sendable: list[Sendable] = field(default_factory=list)
    rows: Sequence[int] = ()
    counts: Counts = field(default_factory=Counts)
    exceptional: list[Exceptional] = field(default_factory=list)
    stop: tuple[int, Failure] | None = None


class Preparer:
    """Knows the plan. `refused` are records that the brokers have refused, and why: they are treated by the policy, as
    are those that cannot be sent at all."""

    def __init__(self, run: ReplayRun) -> None:
        plan = run.plan
        self._run, self._plan = run, plan
        self.refused: dict[tuple[TopicPartition, int], str] = {}
        spec = FilterSpec(plan.source.filter, plan.source.filter_kind)
        self._filters = {
            topic: compile_filter(spec, topic=topic, now=run.now).matches if spec.text else None
            for topic in plan.source.topics
        }
        self._rewriters = {topic: Rewriter(plan.rewrite, topic, run.now) for topic in plan.source.topics}
        self._selected = {source: frozenset(offsets) for source, offsets in plan.source.selected.items()}
        self._plain = not (spec.text or plan.rewrite.changes or plan.marks or plan.source.selected)
        self._job = plan.job.encode()

    def prepare(self, run: Run) -> Prepared:
        """A column at a time where nothing asks for more: three times as fast."""
        source, messages, headers = run
        target = self._run.targets[source.topic]
        if self._plain and not self.refused and target.partitions == self._run.counts[source.topic]:
            times = [ms if kind else 0 for kind, ms in map(Message.timestamp, messages)]
            if 0 not in times and None not in headers and not self._replayed(headers):
                return self._as_they_are(source, target, messages, times, headers)
        return self._one_by_one(source, target, messages, headers)

    def _as_they_are(
        self,
        source: TopicPartition,
        target: TargetTopic,
        messages: list[Message],
        times: list[int],
        headers: list[Any],
    ) -> Prepared:
        values, keys = list(map(Message.value, messages)), list(map(Message.key, messages))
        listed = [each or None for each in headers] if any(headers) else repeat(None)
        none = repeat(None)
        columns = (repeat(target.name), values, keys, repeat(source.partition), none, none, times, listed)
        sendable: Any = list(zip(*columns, strict=False))
        count = len(messages)
        size = sum(map(len, filter(None, values))) + sum(map(len, filter(None, keys)))
        return Prepared(sendable, range(count), Counts(count, count, count, nbytes=size))

    def _replayed(self, headers: list[Any]) -> bool:
        return any(name == COUNT_HEADER for each in headers if each for name, _ in each)

    def _one_by_one(
        self, source: TopicPartition, target: TargetTopic, messages: list[Message], headers: list[Any]
    ) -> Prepared:
        made, rows = Prepared(), []
        scanned = read = written = skipped = quarantined = nbytes = 0
        for row, (message, own) in enumerate(zip(messages, headers, strict=True)):
            record = _record(source, message, own)
            scanned += 1
            if not self._wanted(record):
                continue
            read += 1
            try:
                sendable = self._sendable(record, target)
            except Failure as failure:
                if self._plan.policy is Policy.STOP:
                    scanned, read = scanned - 1, read - 1
                    made.stop = (row, _stopped(record, failure))
                    break
                made.exceptional.append(Exceptional(source, record.offset, self._plan.policy, failure.message))
                if self._plan.policy is Policy.SKIP:
                    skipped += 1
                    continue
                quarantined += 1
                sendable = self._quarantined(record, failure)
            else:
                if sendable is None:
                    skipped += 1
                    continue
                written += 1
            nbytes += len(sendable[1] or b"") + len(sendable[2] or b"")
            made.sendable.append(sendable)
            rows.append(row)
        made.rows, made.counts = rows, Counts(scanned, read, written, quarantined, skipped, nbytes)
        return made

    def _wanted(self, record: Record) -> bool:
        if self._selected and record.offset not in self._selected.get(record.source, ()):
            return False
        let_through = self._filters[record.topic]
        if let_through is None:
            return True
        r = record
        return bool(let_through(r.key, r.value, r.headers, r.partition, r.offset, r.timestamp))

    def _sendable(self, record: Record, target: TargetTopic) -> Sendable | None:
        """None: the plan drops it. Raises `Failure` for a record that cannot be written."""
        if why := self.refused.get((record.source, record.offset)):
            raise _cannot(why)
        if record.headers is None:
            raise _cannot(_NO_HEADERS)
        attempts = attempts_of(record.headers)
        if attempts >= self._plan.most_attempts:
            raise _cannot(f"It was replayed {attempts} times already (its header {COUNT_HEADER})")
        made = self._rewriters[record.topic](record)
        if made is None:
            return None
        timestamp = made.timestamp
        if timestamp == 0 or (timestamp is None and not self._plan.rewrite.timestamp):
            raise _cannot(_NO_TIME)
        headers = made.headers
        if self._plan.marks:
            headers = (*(h for h in headers if h[0] not in _MARKERS), *self._markers(record, attempts))
        partition = self._partition(record, made, target)
        return target.name, made.value, made.key, partition, None, None, timestamp or 0, list(headers) or None

    def _partition(self, record: Record, made: Made, target: TargetTopic) -> int:
        if made.partition is not None:
            if made.partition >= target.partitions:
                raise _cannot(f"change.partition makes {made.partition} of it, and {target.name} has no such partition")
            return made.partition
        if target.partitions == self._run.counts[record.topic]:
            return record.partition
        return record.partition % target.partitions if made.key is None else _hashed(made.key, target.partitions)

    def _quarantined(self, record: Record, failure: Failure) -> Sendable:
        """With all that can be kept of it. The same partition as far as there are as many."""
        headers = [h for h in record.headers or () if h[0] not in _MARKERS]
        headers += [*self._markers(record, attempts_of(record.headers or ())), (ERROR_HEADER, failure.message.encode())]
        if not record.timestamp:
            headers.append((TIMESTAMP_HEADER, str(record.timestamp).encode()))
        topic = self._run.targets[self._plan.quarantine]
        partition = record.partition % topic.partitions
        return topic.name, record.value, record.key, partition, None, None, record.timestamp or 0, headers

    def _markers(self, record: Record, attempts: int) -> list[Header]:
        where = f"{self._run.source_cluster}/{record.topic}/{record.partition}/{record.offset}"
        return [
            (JOB_HEADER, self._job),
            (SOURCE_HEADER, where.encode()),
            (COUNT_HEADER, str(attempts + 1).encode()),
        ]


_MARKERS = frozenset({JOB_HEADER, SOURCE_HEADER, COUNT_HEADER})


@lru_cache(maxsize=1 << 16)
def _hashed(key: bytes, partitions: int) -> int:
    """Keys repeat, and the hash takes longer than all else."""
    return partition_for(key, partitions)


def _record(source: TopicPartition, message: Any, headers: Any) -> Record:
    kind, ms = message.timestamp()
    own = None if headers is None else tuple(headers)
    timestamp = ms if kind else None
    return Record(source, message.offset(), timestamp, TimestampType(kind), message.key(), message.value(), own)


def _cannot(why: str) -> Failure:
    return Failure(FailureKind.INVALID, f"{why}.")


def _stopped(record: Record, failure: Failure) -> Failure:
    where = f"{record.topic}, partition {record.partition}, offset {record.offset}"
    hint = 'Set policy = "skip" in the plan, or "quarantine" if it names a quarantine topic, and start it again.'
    return Failure(failure.kind, f"Stopped before {where}: {failure.message}", failure.hint or hint)
