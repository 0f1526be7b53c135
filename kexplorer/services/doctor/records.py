"""Checks of a sample of the newest records, and of what transactions do with them."""

from __future__ import annotations

import contextlib
import time
from collections import Counter, defaultdict
from datetime import UTC

from kexplorer.formats.numbers import timestamp
from kexplorer.model.cluster import OpenTransaction
from kexplorer.model.failure import Failure
from kexplorer.model.findings import Finding, Severity, Where
from kexplorer.model.records import Record, TimestampType
from kexplorer.model.topics import IsolationLevel, OffsetRange, TopicPartition
from kexplorer.model.verdicts import duration
from kexplorer.services.doctor.patient import Patient
from kexplorer.services.doctor.sample import MOST_BYTES, Sample, read
from kexplorer.services.transactions import held

_ENOUGH_KEYS = 200  # records with a key
_HOT_SHARE = 0.3
_LONGEST_KEY = 40  # bytes of a key that are shown
_HANGING = 900.0  # seconds: transaction.max.timeout.ms, as brokers have it by default


async def hot_key(patient: Patient) -> list[Finding]:
    found = []
    for topic in await patient.topics():
        keys = Counter(record.key for record in (await patient.sample(topic.name)).records if record.key is not None)
        total = keys.total()
        if len(topic.partitions) < 2 or total < _ENOUGH_KEYS:
            continue
        ((key, times),) = keys.most_common(1)
        if times / total <= _HOT_SHARE:
            continue
        found.append(
            Finding(
                "hot-key",
                Severity.RISK,
                f"{times / total:.0%} of the newest messages of {topic.name} have the same key",
                {"key": _shown(key), "messages": times, "of": total, "different keys": len(keys)},
                "All messages of a key go to one partition, which one member of a group reads: it limits how fast the "
                "topic can be read, however many partitions it has.",
                "Choose a key with more values, or add a part to this one where order does not matter.",
                Where("topic", topic.name),
            )
        )
    return found


def _shown(key: bytes) -> str:
    text = key[:_LONGEST_KEY].decode(errors="backslashreplace")
    return text + ("…" if len(key) > _LONGEST_KEY else "")


async def duplicates(patient: Patient) -> list[Finding]:
    """A producer that sends a record again after a timeout gives it the timestamp that it had."""
    found = []
    for topic in await patient.topics():
        sample = await patient.sample(topic.name)
        same_as: dict[object, list[Record]] = defaultdict(list)
        for record in sample.records:
            if record.key is not None and record.timestamp_type is TimestampType.CREATE_TIME:
                identity = (record.source, record.key, record.value, record.timestamp, record.headers)
                same_as[identity].append(record)
        twice = [same for same in same_as.values() if len(same) > 1]
        if not twice:
            continue
        first, again = twice[0][:2]
        where = f"{topic.name} {first.source.partition}, offsets {first.offset} and {again.offset}"
        found.append(
            Finding(
                "duplicates",
                Severity.RISK,
                f"{sum(len(same) - 1 for same in twice):,} of the newest messages of {topic.name} are there twice",
                {"key": _shown(first.key or b""), "such as": where, "messages looked at": len(sample.records)},
                "Key, value, headers and the time of creation are the same, to the millisecond. A producer without "
                "idempotence sent them again when an acknowledgement was late.",
                "Set enable.idempotence=true in the producer. Consumers have to bear what is there twice.",
                Where("messages", topic.name),
            )
        )
    return found


async def hidden(patient: Patient) -> list[Finding]:
    """Records of aborted transactions. Those of open ones are told by `open_transactions`."""
    found = []
    for topic in await patient.topics():
        sample = await patient.sample(topic.name)
        ranges = await _with_gaps(patient, sample)
        seen = await read(patient.cluster, ranges, IsolationLevel.READ_COMMITTED)
        ends = {each.source: each.end or 0 for each in ranges}
        all_of = {(s, offset) for _, s, offset in sample.records.positions() if offset < ends.get(s, 0)}
        got = {(source, offset) for _, source, offset in seen.positions()}
        if seen.nbytes >= MOST_BYTES:  # it ended early: nobody looked at what lies behind its last ones
            last = dict(sorted(got))
            all_of = {(s, offset) for s, offset in all_of if offset < last.get(s, 0)}
        lost = sorted(all_of - got)
        if not lost:
            continue
        source, offset = lost[0]
        found.append(
            Finding(
                "hidden",
                Severity.NOTE,
                f"{len(lost):,} of the newest messages of {topic.name} were aborted",
                {"messages looked at": len(all_of), "such as": f"partition {source.partition}, offset {offset}"},
                "Readers with isolation.level=read_committed do not get them, those with read_uncommitted do. Java's "
                "consumer has read_uncommitted unless it is set, librdkafka and its clients read_committed.",
                "Set isolation.level in every consumer, to what it should see. If aborts are unexpected, see the "
                "producer's log.",
                Where("messages", topic.name),
            )
        )
    return found


async def _with_gaps(patient: Patient, sample: Sample) -> list[OffsetRange]:
    """Of partitions where transactions may have been, up to the last stable offset: each leaves a marker, which takes
    an offset and is no record."""
    edges = await patient.edges()
    numbers = Counter(source for _, source, _ in sample.records.positions())
    found = []
    for each in sample.ranges:
        end = edges[each.source].stable or 0
        if numbers[each.source] < (each.end or 0) - each.start and each.start < end:
            found.append(OffsetRange(each.source, each.start, min(end, each.end or 0)))
    return found


async def open_transactions(patient: Patient) -> list[Finding]:
    """Those that hold readers where they did when the examination began."""
    edges = await patient.edges()
    suspects = [s for s, e in edges.items() if e.stable is not None and e.end is not None and e.stable < e.end]
    if not suspects:
        return []
    if patient.group:
        await patient.looks()
    still = [each for each in await held(patient.cluster, suspects) if each.last_stable == edges[each.source].stable]
    if not still:
        return []
    oldest = min(still, key=lambda each: each.since or _never())
    age = (time.time() * 1000 - oldest.since) / 1000 if oldest.since else 0.0
    hangs = age > _HANGING
    topic, partition = oldest.source
    by: OpenTransaction | None = None
    with contextlib.suppress(Failure):  # brokers before 3.0 don't tell, and not every login may see it
        by = await patient.cluster.open_transaction(oldest.source)
    return [
        Finding(
            "open-transaction",
            Severity.PROBLEM if hangs else Severity.RISK,
            f"A transaction that is open{f' for {duration(age)}' if age else ''} holds readers of {topic}",
            {
                "partitions": len(still),
                "such as": f"{topic} {partition}",
                "last stable offset": oldest.last_stable,
                "end": oldest.end,
                "messages held": sum(each.count for each in still),
                **({"open since": f"{timestamp(oldest.since, UTC)[:19]} UTC"} if oldest.since else {}),
                **(_producer(by) if by else {}),
            },
            "Readers of committed messages get nothing beyond the last stable offset until it ends."
            + (" It is older than brokers let a transaction get: it hangs." if hangs else ""),
            f"Find the producer {by.transactional_id if by else ''}".rstrip()
            + " that has not committed. "
            + (_abort(oldest.source, by) if hangs else "Brokers abort it by itself."),
            Where("messages", topic),
        )
    ]


def _producer(by: OpenTransaction) -> dict[str, int | str]:
    """Numbers that name things, and are no quantities, as texts."""
    named = {"transactional id": by.transactional_id} if by.transactional_id else {}
    where = {} if by.coordinator is None else {"coordinator": f"broker {by.coordinator}"}
    return {**named, "producer id": f"{by.producer_id}", "epoch": f"{by.epoch}", **where, "first offset": by.start}


def _abort(source: TopicPartition, by: OpenTransaction | None) -> str:
    if by is None:
        return "End it with kafka-transactions.sh find-hanging and abort."
    where = f"--topic {source.topic} --partition {source.partition} --start-offset {by.start}"
    return f"End it with kafka-transactions.sh abort {where}."


def _never() -> int:
    return 2**62
