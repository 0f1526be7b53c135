"""What of some ranges has been looked at, what is being looked at, and what comes next."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kexplorer.model.search import Interval, Piece
from kexplorer.model.topics import OffsetRange, TopicPartition

FIRST = 2_000  # offsets of a partition's first piece: something is seen at once
LARGEST = 2_000_000  # offsets of a piece
_SECONDS = 2.0  # that a piece should take: what lies in the queue of the client at its end was read for nothing
_TAIL = 50_000  # offsets that are not worth cutting up for the sake of a worker that would have nothing to do


@dataclass(frozen=True, slots=True)
class Covered:
    """Of one partition: the range, and those parts of it that were looked at, in order and apart from each other."""

    range: OffsetRange
    done: tuple[Interval, ...]

    @property
    def offsets(self) -> int:
        return length(self.range)

    @property
    def scanned(self) -> int:
        """Offsets, those without a record included."""
        return sum(end - start for start, end in self.done)

    @property
    def fraction(self) -> float:
        return self.scanned / self.offsets if self.offsets else 1.0


@dataclass(slots=True)
class _Part:
    range: OffsetRange
    todo: list[Interval]
    done: list[Interval]
    given: bool = False  # whether a piece of it was cut already
    left: int = 0  # offsets in `todo`

    @property
    def share(self) -> float:
        return self.left / length(self.range)


class Plan:
    """Cuts pieces off the newest or the oldest end of each partition, so that all of them get on evenly: then pieces
    of one time are looked at at one time. What is not scanned after all is put back."""

    def __init__(
        self,
        ranges: Iterable[OffsetRange],
        newest_first: bool,
        workers: int,
        done: Mapping[TopicPartition, Iterable[Interval]],
    ) -> None:
        self._newest_first = newest_first
        self._workers = workers
        self._size = FIRST
        self._parts: dict[TopicPartition, _Part] = {}
        self._empty: dict[TopicPartition, OffsetRange] = {}
        for each in ranges:
            if not length(each):
                self._empty[each.source] = each
                continue
            known = _merged(done.get(each.source, ()))
            todo = _without((each.start, each.end or 0), known)
            self._parts[each.source] = _Part(each, todo, known, False, _sum(todo))

    @property
    def left(self) -> int:
        """Offsets that were not given out."""
        return sum(part.left for part in self._parts.values())

    def next_piece(self) -> Piece | None:
        """None while there is none left to give; what others work on may still be put back."""
        part = max((p for p in self._parts.values() if p.todo), key=lambda p: p.share, default=None)
        if part is None:
            return None
        size = self._size if part.given else min(self._size, FIRST)
        part.given = True
        size = min(size, max(self.left // self._workers, _TAIL))
        if self._newest_first:
            start, end = part.todo.pop()
            cut = max(start, end - size)
            piece, rest = (cut, end), (start, cut)
        else:
            start, end = part.todo.pop(0)
            cut = min(end, start + size)
            piece, rest = (start, cut), (cut, end)
        if rest[0] < rest[1]:
            insort(part.todo, rest)
        part.left -= piece[1] - piece[0]
        return Piece(OffsetRange(part.range.source, *piece))

    def put_back(self, source: TopicPartition, interval: Interval) -> None:
        part = self._parts[source]
        insort(part.todo, interval)
        part.left += interval[1] - interval[0]

    def drop(self, source: TopicPartition) -> list[Interval]:
        """Nothing more of this partition is given out. Returns what would have been."""
        part = self._parts[source]
        dropped, part.todo, part.left = part.todo, [], 0
        return dropped

    def mark(self, source: TopicPartition, interval: Interval) -> None:
        """Was looked at."""
        if interval[0] < interval[1]:
            part = self._parts[source]
            part.done = _merged([*part.done, interval])

    def learn(self, offsets: int, seconds: float) -> None:
        """How long a piece took. The next ones become smaller, or up to 32 times as large."""
        best = int(offsets * _SECONDS / max(seconds, 0.001))
        self._size = max(FIRST, min(best, 32 * self._size, LARGEST))

    def done(self, source: TopicPartition) -> tuple[Interval, ...]:
        return tuple(self._parts[source].done)

    def coverage(self) -> tuple[Covered, ...]:
        return tuple(
            [Covered(part.range, tuple(part.done)) for part in self._parts.values()]
            + [Covered(each, ()) for each in self._empty.values()]
        )


def length(of: OffsetRange) -> int:
    return max((of.end or 0) - of.start, 0)


def missing(covered: Covered) -> list[Interval]:
    return _without((covered.range.start, covered.range.end or 0), covered.done)


def _sum(intervals: Iterable[Interval]) -> int:
    return sum(end - start for start, end in intervals)


def _merged(intervals: Iterable[Interval]) -> list[Interval]:
    found: list[Interval] = []
    for start, end in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _without(whole: Interval, gone: Iterable[Interval]) -> list[Interval]:
    """`gone` is in order and does not overlap."""
    found: list[Interval] = []
    at, last = whole
    for start, end in gone:
        if at < start:
            found.append((at, min(start, last)))
        at = max(at, end)
    if at < last:
        found.append((at, last))
    return found
