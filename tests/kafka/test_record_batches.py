"""Batches are read as they were written, whatever is in them; what is damaged is never taken for records."""

from __future__ import annotations

import struct
import tracemalloc
from typing import Any

import cramjam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexplorer.kafka import record_batches
from kexplorer.kafka.record_batches import NotUnderstood, RecordBatch, Unpacker, batches_in, row, starts_in, visible
from tests.kafka.raw_batches import GZIP, LZ4, NONE, SNAPPY, ZSTD, Made, Raw, compressed, packed

CODECS = [NONE, GZIP, SNAPPY, LZ4, ZSTD]
_cells = st.none() | st.binary(max_size=200)
_headers = st.lists(st.tuples(st.text(max_size=5).map(str.encode), _cells), max_size=3)
_contents = st.tuples(st.integers(-(1 << 40), 1 << 40), _cells, _cells, _headers)


@st.composite
def _made(draw: st.DrawFn) -> Made:
    """With the gaps that compaction leaves, at the ends of the batch too; LogAppendTime or not."""
    offsets = sorted(draw(st.sets(st.integers(0, 300), max_size=40)))
    last = max(offsets, default=0) + draw(st.integers(0, 5))
    records = [Raw(offset, *draw(_contents)) for offset in offsets]
    codec, start, log_append = (
        draw(st.sampled_from(CODECS)),
        draw(st.integers(0, 1 << 40)),
        draw(st.sampled_from([0, 8])),
    )
    return Made(records, codec, start, last, log_append)


def _read(data: bytes) -> list[tuple[RecordBatch, list[Any]]]:
    unpacker, found = Unpacker(), []
    for batch in batches_in(memoryview(data)):
        records = unpacker.records_of(batch)
        found.append((batch, [row(batch, records, at) for at in starts_in(records, batch.count)[:-1]]))
    return found


@settings(max_examples=40)
@given(st.lists(_made(), max_size=3), st.integers(1, 200))
def test_what_was_written_is_read(made: list[Made], cut: int) -> None:
    data = b"".join(map(packed, made))
    found = _read(data)
    assert [(b.start, b.next, b.count) for b, _ in found] == [
        (m.start, m.start + (m.last or 0) + 1, len(m.records)) for m in made
    ]
    for (batch, rows), each in zip(found, made, strict=True):
        kind = 2 if each.attributes else 1
        latest = each.first_ms + max((r.ms for r in each.records), default=0)
        assert batch.leader_epoch == 0
        assert rows == [
            (
                each.start + r.offset,
                (kind, latest if kind == 2 else each.first_ms + r.ms),
                r.key,
                r.value,
                [(name.decode(), value) for name, value in r.headers] or (),
            )
            for r in each.records
        ]
    whole = _read(data[:-cut])  # brokers cut off what is too much
    assert whole == found[: len(whole)]
    assert len(whole) < max(len(found), 1)


@settings(max_examples=40)
@given(_made().filter(lambda made: bool(made.records)), st.data())
def test_one_wrong_byte_is_noticed(made: Made, data: st.DataObject) -> None:
    whole = bytearray(packed(made))
    at = data.draw(st.integers(16, len(whole) - 1))  # behind offset, length and leader epoch, as the check sum is
    whole[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(NotUnderstood):
        _read(bytes(whole))


@given(st.binary(max_size=300), st.integers(0, 20), st.sampled_from(CODECS))
def test_any_bytes_with_a_right_check_sum(junk: bytes, count: int, codec: int) -> None:
    """A producer that is broken: records or `NotUnderstood`, and always an end."""
    made = Made([Raw(n, 0, None, None) for n in range(count)], codec)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(record_batches, "_MOST_ROOM", 1 << 20)  # else it is tried with more and more of it
            ((_, rows),) = _read(packed(made, junk))
    except NotUnderstood:
        return
    assert len(rows) == count


def test_snappy_without_blocks() -> None:
    data = bytes(cramjam.snappy.compress_raw(b"\x10\0\0\0\x01\x04ab\0"))
    ((_, rows),) = _read(packed(Made([Raw(0, 0, None, None)], SNAPPY), data))
    assert rows == [(0, (1, 1_700_000_000_000), None, b"ab", ())]


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])
def test_a_batch_that_unpacks_to_far_too_much(codec: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_batches, "_MOST_ROOM", 4 << 20)
    bomb = packed(Made([Raw(0, 0, None, None)], codec), compressed(bytes(20 << 20), codec))
    tracemalloc.start()
    try:
        with pytest.raises(NotUnderstood):
            _read(bomb)
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()


def test_formats_before_kafka_0_11() -> None:
    old = bytearray(packed(Made([Raw(0, 0, None, None)])))
    old[16] = 1
    with pytest.raises(NotUnderstood, match="message format 1"):
        _read(bytes(old))


def _batch(start: int, producer: int, kind: int = 0) -> RecordBatch:
    return RecordBatch(start, start + 10, 10, 0, kind, 0, 0, producer, memoryview(b""))


def _end(start: int, producer: int, committed: int) -> RecordBatch:
    made = Made([Raw(0, 0, struct.pack(">hh", 0, committed), b"\0" * 6)], start=start, attributes=48, producer=producer)
    return next(batches_in(memoryview(packed(made))))


def test_what_readers_of_committed_records_get() -> None:
    """Producer 7 aborts what it began at 0 and commits what it began at 41; 8 commits; 9 knows no transactions."""
    batches = [
        _batch(0, 7, 16),
        _batch(10, 8, 16),
        _batch(20, 9),
        _batch(30, 7, 16),
        _end(40, 7, 0),
        _batch(41, 7, 16),
        _end(51, 8, 1),
        _end(52, 7, 1),
    ]
    shown = [batch.start for batch, is_visible in visible(batches, [(7, 0)]) if is_visible]
    assert shown == [10, 20, 41]
    assert [batch.start for batch, is_visible in visible(batches, []) if is_visible] == [0, 10, 20, 30, 41]
