"""Sorting and counting rows that are in memory: exact, stable, and without keeping the loop of the window busy."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Coroutine, Iterable
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexplorer.formats.column import LONGEST_READ, as_json, compile_column
from kexplorer.formats.payloads import MISSING
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Peek, Record, RecordColumns, RecordRing, TimestampType
from kexplorer.model.topics import TopicPartition
from kexplorer.services.ordering import SortedRows, ValueCounts, count_values, near, sort

T = TypeVar("T")
X = compile_column("value.x", 0)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def record(offset: int, value: bytes | None) -> Record:
    return Record(TopicPartition("t", 0), offset, 0, TimestampType.CREATE_TIME, None, value, ())


def ring_of(values: Iterable[bytes | None], limit: int = 1 << 30) -> RecordRing:
    ring = RecordRing(limit)
    ring.extend(RecordColumns(record(offset, value) for offset, value in enumerate(values)))
    return ring


def with_x(*values: object) -> RecordRing:
    return ring_of(b"{}" if each is MISSING else f'{{"x": {as_json(each, 10_000)}}}'.encode() for each in values)


def offsets(rows: SortedRows) -> list[int]:
    found = [rows[row] for row in range(len(rows))]
    return [each.offset for each in found if each is not None]


def test_numbers_are_sorted_by_their_exact_value_then_texts_and_what_is_absent_is_last() -> None:
    values = ["b", 2**53 + 1, MISSING, 2**53, None, True, Decimal("9007199254740992.5"), "a", {"k": 1}, -1, "B"]
    ring = with_x(*values)
    up = [values[at] for at in offsets(run(sort(ring, X)))]
    numbers = [-1, 2**53, Decimal("9007199254740992.5"), 2**53 + 1]
    assert up == [*numbers, "B", "a", "b", True, {"k": 1}, None, MISSING]
    down = [values[at] for at in offsets(run(sort(ring, X, descending=True)))]
    assert down == [{"k": 1}, True, "b", "a", "B", *numbers[::-1], None, MISSING]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("different", [1, 3, 20_000])
def test_equal_ones_stay_in_the_order_of_arrival(descending: bool, different: int) -> None:
    values = [(each * 7919) % 20_011 % different for each in range(20_000)]
    found = offsets(run(sort(with_x(*values), X, descending=descending)))
    assert found == sorted(range(20_000), key=values.__getitem__, reverse=descending)


@settings(max_examples=30)
@given(st.lists(st.none() | st.integers(-5, 5) | st.text(max_size=2), max_size=30), st.booleans())
def test_sorting_loses_no_row_and_adds_none(values: list[object], descending: bool) -> None:
    assert sorted(offsets(run(sort(with_x(*values), X, descending=descending)))) == list(range(len(values)))


def test_rows_that_come_later_stand_behind() -> None:
    ring = with_x(3, 1, 2)
    rows = run(sort(ring, X))
    ring.add(record(3, b'{"x": 0}'))
    assert offsets(rows) == [1, 2, 0, 3]
    assert not rows.outdated
    assert [rows.absolute(row) for row in range(4)] == [1, 2, 0, 3]
    assert [rows.row_of(absolute) for absolute in range(4)] == [2, 0, 1, 3]
    peek = rows.peek(0, 4)
    assert peek is not None
    assert peek.record.value == b'{"x"'


def test_forgotten_rows_make_an_order_outdated_and_read_as_nothing() -> None:
    ring = RecordRing(4_000)
    for offset in range(50):
        ring.add(record(offset, b'{"x": %d}' % (99 - offset)))
    rows = run(sort(ring, X))
    assert offsets(rows) == list(range(49, -1, -1))
    for offset in range(50, 100):
        ring.add(record(offset, b"{}"))
    assert ring.dropped > 0
    assert rows.outdated
    assert len(rows) == 100
    assert rows[49] is None
    assert rows.peek(49, 10) is None
    assert offsets(rows) == [*range(49, ring.dropped - 1, -1), *range(50, 100)]


async def _forget_while(work: Coroutine[Any, Any, object], ring: RecordRing) -> None:
    task = asyncio.ensure_future(work)
    await asyncio.sleep(0)
    for offset in range(2_000):
        ring.add(record(offset, b"x" * 100))
    await task


def test_rows_that_are_forgotten_meanwhile_are_told() -> None:
    for work in (sort, count_values):
        ring = RecordRing(200_000)
        for offset in range(3_000):
            ring.add(record(offset, b'{"x": 1}'))
        job = sort(ring, X) if work is sort else count_values(ring, range(len(ring)), X)
        with pytest.raises(Failure) as failed:
            run(_forget_while(job, ring))
        assert failed.value.kind is FailureKind.REFUSED
        assert "Pause" in failed.value.hint


class Watched:
    """Rows that note which thread looks at them."""

    dropped = 0

    def __init__(self, ring: RecordRing) -> None:
        self._ring = ring
        self.threads: set[int] = set()
        self.asked = 0

    def peek(self, row: int, limit: int) -> Peek | None:
        self.threads.add(threading.get_ident())
        self.asked += 1
        return None if row % 10 == 9 else self._ring.peek(row, limit)

    def __len__(self) -> int:
        return len(self._ring)

    def is_gap(self, row: int) -> bool:
        return row == 39


def test_live_rows_are_looked_at_by_one_thread_and_decoded_by_others() -> None:
    decoded_by: set[int] = set()

    def value_of(peek: Peek) -> object:
        decoded_by.add(threading.get_ident())
        return X.value_of(peek)

    rows = Watched(with_x(*range(100)))
    counts = run(count_values(rows, [*range(20, 40), *range(60, 100)], type(X)(value_of, X.limit)))
    assert rows.threads == {threading.get_ident()}
    assert threading.get_ident() not in decoded_by
    assert rows.asked == 60
    assert counts.total == 54  # what is not there counts for nothing


def test_what_is_loaded_around_a_row_ends_where_a_row_is_not_there() -> None:
    rows = Watched(with_x(*range(100)))
    assert list(near(rows, 42)) == [42, 43, 44, 45, 46, 47, 48, 41, 40, 39, 38, *range(37, 29, -1)]
    assert list(near(rows, 3)) == [*range(3, 9), 2, 1, 0]
    assert list(near(rows, 1_000)) == []


def test_a_sort_that_is_cancelled_ends_its_work() -> None:
    async def cancel() -> None:
        task = asyncio.ensure_future(sort(with_x(*range(30_000)), X))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(cancel())


def counted(*values: object) -> ValueCounts:
    ring = with_x(*values)
    return run(count_values(ring, range(len(ring)), X))


def test_values_are_counted_with_what_is_null_and_missing_apart() -> None:
    counts = counted("PAID", "PAID", "NEW", None, None, None, MISSING, 1, Decimal("1.0"), True)
    assert [(each.shown.text, each.shown.mark, each.count) for each in counts.top] == [
        ("", "null", 3),
        ("PAID", "", 2),
        ("1", "", 2),
        ("NEW", "", 1),
        ("true", "", 1),
    ]
    assert (counts.missing, counts.unread, counts.others, counts.rest, counts.total) == (1, 0, 0, 0, 10)
    assert counts.top[1].expression == 'value.x == "PAID"'
    assert counts.absent_expression == "not exists(value.x)"


def test_beyond_a_hundred_values_the_others_are_summed_up() -> None:
    counts = counted(*(each for each in range(150) for _ in range(1 + (each < 100))))
    assert [each.count for each in counts.top] == [2] * 100
    assert (counts.others, counts.rest, counts.total) == (50, 50, 250)


def test_values_too_large_to_decode_are_counted_as_such() -> None:
    ring = ring_of([b'{"x": 1}', b'{"x": 1, "y": "%s"}' % (b"y" * LONGEST_READ)])
    counts = run(count_values(ring, range(2), X))
    assert (counts.unread, counts.total, len(counts.top)) == (1, 2, 1)
    assert offsets(run(sort(ring, X))) == [0, 1]


@settings(max_examples=30)
@given(st.lists(st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=1) | st.just(MISSING), max_size=60))
def test_counts_add_up(values: list[object]) -> None:
    counts = counted(*values)
    assert sum(each.count for each in counts.top) + counts.rest + counts.missing + counts.unread == len(values)
    expected = Counter(json.dumps(each) for each in values if each is not MISSING)
    assert sorted(each.count for each in counts.top) == sorted(expected.values())


def test_every_column_of_a_record_can_be_sorted() -> None:
    ring = RecordRing(1 << 20)
    for offset in range(5):
        source = TopicPartition("t", offset % 2)
        ring.add(Record(source, offset, 100 - offset, TimestampType.CREATE_TIME, b"%d" % (10 - offset), None, ()))
    for expression, expected in (
        ("partition", [0, 2, 4, 1, 3]),
        ("timestamp", [4, 3, 2, 1, 0]),
        ("key", [4, 3, 2, 1, 0]),
        ("offset", [0, 1, 2, 3, 4]),
    ):
        assert offsets(run(sort(ring, compile_column(expression, 0)))) == expected
