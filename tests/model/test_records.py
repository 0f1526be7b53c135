"""Columns give back what they were given, whichever way it came in."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kexplorer.model.records import Record, RecordColumns, RecordRing, TimestampType
from kexplorer.model.topics import TopicPartition

_INT64 = st.integers(-(2**63), 2**63 - 1)
_BYTES = st.none() | st.binary(max_size=40)
_HEADERS = st.none() | st.lists(st.tuples(st.text(max_size=5), _BYTES), max_size=4).map(tuple)
_EPOCHS = st.none() | st.integers(0, 2**31 - 1)
_KINDS = st.sampled_from(TimestampType)
_SOURCES = st.sampled_from([TopicPartition("a", 0), TopicPartition("a", 1), TopicPartition("b", 0)])


@st.composite
def _records(draw: st.DrawFn) -> Record:
    kind = draw(_KINDS)
    timestamp = draw(_INT64) if kind else None
    key, value, headers, epoch = draw(_BYTES), draw(_BYTES), draw(_HEADERS), draw(_EPOCHS)
    return Record(draw(_SOURCES), draw(_INT64), timestamp, kind, key, value, headers, epoch)


@given(st.lists(_records(), min_size=1, max_size=5), st.integers(0, 50))
def test_a_peek_is_the_record_with_the_beginnings_of_its_data(records: list[Record], limit: int) -> None:
    ring = RecordRing(10_000)
    ring.extend(RecordColumns(records))
    for row, record in enumerate(records):
        headers = record.headers
        assert ring.peek(row, limit) == (
            replace(
                record,
                key=record.key and record.key[:limit],
                value=record.value and record.value[:limit],
                headers=headers and tuple((name, value and value[:limit]) for name, value in headers),
            ),
            len(record.key or b"") + len(record.value or b""),
        )


def _run(records: list[Record], source: TopicPartition, behind: Sequence[Record] = ()) -> RecordColumns:
    """`records` of one partition, by the quick way."""
    columns = RecordColumns(behind)
    columns.append_run(
        source,
        [r.offset for r in records],
        [(int(r.timestamp_type), -1 if r.timestamp is None else r.timestamp) for r in records],
        [r.key for r in records],
        [r.value for r in records],
        [r.headers for r in records],
        [r.leader_epoch for r in records],
    )
    return columns


@given(st.lists(_records(), max_size=30))
def test_columns_give_back_what_was_added(records: list[Record]) -> None:
    assert list(RecordColumns(records)) == records


@given(st.lists(_records(), min_size=1, max_size=30), st.lists(_records(), max_size=5))
def test_a_run_is_the_same_as_its_records_one_by_one(run: list[Record], before: list[Record]) -> None:
    source = run[0].source
    same = [replace(r, source=source) for r in run]
    columns = RecordColumns(before)
    columns.extend(_run(same, source))
    assert list(columns) == before + same
    assert columns.nbytes == RecordColumns(before + same).nbytes
    assert list(_run(same, source, before)) == before + same


@given(st.lists(_records(), max_size=30))
def test_mixing_by_time_keeps_all_and_the_order_within_a_partition(records: list[Record]) -> None:
    mixed = list(RecordColumns(records).by_time())
    for source in {record.source for record in records}:
        assert [r for r in mixed if r.source == source] == [r for r in records if r.source == source]
    assert len(mixed) == len(records)


def test_mixing_by_time() -> None:
    times = {0: [10, 30, 20], 1: [5, 25, 40]}
    rows = [
        Record(TopicPartition("t", p), n, ms, TimestampType.CREATE_TIME, None, b"", ())
        for p, of in times.items()
        for n, ms in enumerate(of)
    ]
    mixed = [(r.partition, r.timestamp) for r in RecordColumns(rows).by_time()]
    assert mixed == [(1, 5), (0, 10), (1, 25), (0, 30), (0, 20), (1, 40)]


@given(st.lists(_records(), max_size=200), st.integers(200, 3000))
def test_a_ring_keeps_the_newest_and_counts_the_rest(records: list[Record], limit: int) -> None:
    ring = RecordRing(limit)
    for record in records:
        ring.add(record)
    kept = [ring[row] for row in range(len(ring))]
    assert kept == records[ring.dropped :]
    assert len(ring) + ring.dropped == len(records)
    largest = max((RecordColumns([record]).nbytes for record in records), default=0)
    assert ring.nbytes <= limit + limit // 64 + 2 * largest
