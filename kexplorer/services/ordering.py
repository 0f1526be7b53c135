"""Rows that are in memory, sorted by a column, and how often each value of a column is there.

The window goes on meanwhile: its thread copies some rows at a time, for about a millisecond, since the rows may grow or
be forgotten between two looks; a thread decodes and sorts them, in pieces that hold the interpreter for some
milliseconds at most.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from kexplorer.formats.column import ABSENT, Reading, Shown, Value, comparable, equals, shown
from kexplorer.formats.payloads import MISSING
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Mark, Peek, Record, RecordRing
from kexplorer.store.daemon import in_daemon

MOST_VALUES = 100  # that are counted by name
_AT_ONCE = 2_000  # rows
_AT_ONCE_BYTES = 1 << 20
_LOOK = 0.002  # seconds of the window's thread at a time
_PIECE = 4_000  # rows that are sorted without a rest: about 2 ms
_REST = 0.001  # seconds
_PATIENCE = 600.0  # seconds for one piece of work; a way out, not a limit that anybody meets

T = TypeVar("T")


class Rows(Protocol):
    """As `RecordRing` has them: row numbers from 0 on, `dropped` rows came before."""

    @property
    def dropped(self) -> int: ...
    def __len__(self) -> int: ...
    def peek(self, row: int, limit: int, /) -> Peek | None: ...
    def is_gap(self, row: int, /) -> bool: ...


class SortedRows:
    """The rows of a ring in another order; those that came after sorting stand behind, in the order of arrival.

    `outdated`: the ring has forgotten rows, so this order is of no use any more; what is forgotten reads as None.
    """

    dropped = 0

    def __init__(self, ring: RecordRing, first: int, order: array[int]) -> None:
        self._ring = ring
        self._first = first  # absolute row of the ring that `order` counts from
        self._order = order

    @property
    def outdated(self) -> bool:
        return self._ring.dropped != self._first

    @property
    def sorted_count(self) -> int:
        return len(self._order)

    def __len__(self) -> int:
        return self._ring.dropped + len(self._ring) - self._first

    def __getitem__(self, row: int) -> Record | None:
        at = self._row_now(row)
        return self._ring[at] if at >= 0 else None

    def peek(self, row: int, limit: int) -> Peek | None:
        at = self._row_now(row)
        return self._ring.peek(at, limit) if at >= 0 else None

    def is_gap(self, row: int) -> bool:
        return False

    def mark_of(self, row: int) -> Mark | None:
        at = self._row_now(row)
        return self._ring.mark_of(at) if at >= 0 else None

    def absolute(self, row: int) -> int:
        """Of a row here, `dropped + row` in the ring."""
        return self._first + (self._order[row] if row < len(self._order) else row)

    def row_of(self, absolute: int) -> int | None:
        """The row here of the ring's `dropped + row`; None if it was forgotten before."""
        at = absolute - self._first
        if at < 0:
            return None
        return self._order.index(at) if at < len(self._order) else at

    def _row_now(self, row: int) -> int:
        return self.absolute(row) - self._ring.dropped


async def sort(
    ring: RecordRing, reading: Reading, *, descending: bool = False, progress: Callable[[float], None] = lambda _: None
) -> SortedRows:
    """The rows that there are now, sorted by a column: numbers by their exact value, then texts, true and false,
    objects and lists; null, missing and unread ones are last in both directions. Equal ones stay as they arrived.

    `progress` is told what part of the rows was read, from 0 to 1. Raises Failure (REFUSED) when rows are forgotten
    meanwhile.
    """
    first, total = ring.dropped, len(ring)
    ranked = _Ranked()
    async for rows, peeks in _look_at(ring, range(total), reading.limit):
        await _in_thread(partial(ranked.add, rows, map(reading.value_of, peeks)))
        progress((rows[-1] + 1) / total)
    stopped = threading.Event()
    try:
        return SortedRows(ring, first, await _in_thread(lambda: ranked.order(descending, stopped)))
    finally:
        stopped.set()


class _Ranked:
    """The keys of each rank, and the rows that have them."""

    def __init__(self) -> None:
        self._groups: dict[int, tuple[list[Any], array[int]]] = {}

    def add(self, rows: Iterable[int], values: Iterable[Value]) -> None:
        for row, value in zip(rows, values, strict=True):
            rank, key = comparable(value)
            if rank not in self._groups:
                self._groups[rank] = [], array("I")
            keys, numbers = self._groups[rank]
            keys.append(key)
            numbers.append(row)

    def order(self, descending: bool, stopped: threading.Event) -> array[int]:
        order = array("I")
        present = sorted((rank for rank in self._groups if rank < ABSENT), reverse=descending)
        for rank in present:
            keys, numbers = self._groups.pop(rank)
            for places in _in_order(keys, descending, stopped):
                order.extend(map(numbers.__getitem__, places))
            while keys:  # to free a million objects at once takes as long as a sort
                del keys[-_PIECE:]
                stopped.wait(_REST)
        for rank in sorted(self._groups):
            order.extend(self._groups[rank][1])
        return order


def _in_order(keys: Sequence[Any], descending: bool, stopped: threading.Event) -> Iterator[Sequence[int]]:
    """The places of `keys` in the order of what stands there, in pieces of some thousand.

    One sort of all would hold the interpreter for a second: keys are dealt out between some of their own number, with
    a heap for each of those and one for what lies between each two.
    """
    some = sorted(random.sample(keys, 16 * (len(keys) // _PIECE)))  # 16 a piece, so that pieces are of about one size
    borders = list(dict.fromkeys(some[8::16]))
    heaps = [array("I") for _ in range(2 * len(borders) + 1)]
    for place, key in enumerate(keys):
        if place % _PIECE == 0 and stopped.wait(_REST):
            raise asyncio.CancelledError
        at = bisect_left(borders, key)
        heaps[2 * at + (at < len(borders) and borders[at] == key)].append(place)
    numbered = list(enumerate(heaps))
    for number, heap in reversed(numbered) if descending else numbered:
        if len(heap) and stopped.wait(_REST * len(heap) / _PIECE):
            raise asyncio.CancelledError
        yield heap if number % 2 else sorted(heap, key=keys.__getitem__, reverse=descending)


@dataclass(frozen=True, slots=True)
class ValueCount:
    """How many records have one value. `expression` is a filter for them, "" if there is none."""

    shown: Shown
    count: int
    expression: str


@dataclass(frozen=True, slots=True)
class ValueCounts:
    """`top`: the most frequent values, null among them. The others, `others` different ones, are `rest` records.
    `missing` have no such field, `unread` are too large; all together are `total` records. `absent_expression`: a
    filter for the missing."""

    top: tuple[ValueCount, ...]
    others: int
    rest: int
    missing: int
    unread: int
    total: int
    absent_expression: str


async def count_values(rows: Rows, numbers: Iterable[int], reading: Reading) -> ValueCounts:
    """Counts the values of a column over the rows `numbers`; those without a record are left out.

    Numbers are equal by their value, texts by all of their characters, objects and lists by the first 4,000 characters
    of their JSON. Raises Failure (REFUSED) when rows are forgotten meanwhile.
    """
    counter: Counter[tuple[int, Any]] = Counter()
    samples: dict[tuple[int, Any], Value] = {}

    def add(peeks: Sequence[Peek]) -> None:
        for value in map(reading.value_of, peeks):
            key = comparable(value)
            counter[key] += 1
            samples.setdefault(key, value)

    async for _, peeks in _look_at(rows, numbers, reading.limit):
        await _in_thread(partial(add, peeks))
    return await _in_thread(lambda: _summed_up(counter, samples, reading.expression))


def _summed_up(
    counter: Counter[tuple[int, Any]], samples: dict[tuple[int, Any], Value], expression: str
) -> ValueCounts:
    total = counter.total()
    missing, unread = counter.pop((ABSENT + 1, 0), 0), counter.pop((ABSENT + 2, 0), 0)
    top = tuple(
        ValueCount(shown(samples[key]), number, equals(expression, samples[key]))
        for key, number in counter.most_common(MOST_VALUES)
    )
    rest = total - missing - unread - sum(each.count for each in top)
    return ValueCounts(
        top, len(counter) - len(top), rest, missing, unread, total, equals(expression, MISSING) if missing else ""
    )


def near(rows: Rows, row: int) -> Iterator[int]:
    """The rows around `row` as far as they are loaded without a break: first those from `row` on, then those before."""
    for step, at in ((1, row), (-1, row - 1)):
        while 0 <= at < len(rows) and (rows.peek(at, 0) is not None or rows.is_gap(at)):
            yield at
            at += step  # noqa: PLW2901


async def _look_at(rows: Rows, wanted: Iterable[int], limit: int) -> AsyncIterator[tuple[list[int], list[Peek]]]:
    """The rows `wanted`, in lists that take about two milliseconds."""
    first = rows.dropped
    numbers: list[int] = []
    peeks: list[Peek] = []
    nbytes, until = 0, time.perf_counter() + _LOOK
    for row in wanted:
        if (peek := rows.peek(row, limit)) is not None:
            numbers.append(row)
            peeks.append(peek)
            nbytes += min(peek.size, limit)
        if len(peeks) >= _AT_ONCE or nbytes >= _AT_ONCE_BYTES or time.perf_counter() > until:
            yield numbers, peeks
            if rows.dropped != first:
                raise Failure(
                    FailureKind.REFUSED,
                    "Older records were forgotten while newer ones came.",
                    "Pause, or wait for the end, and try again.",
                )
            numbers, peeks = [], []
            nbytes, until = 0, time.perf_counter() + _LOOK
    if peeks:
        yield numbers, peeks


async def _in_thread(work: Callable[[], T]) -> T:
    return await in_daemon("ordering", work, _PATIENCE)
