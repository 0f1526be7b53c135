"""Points of lag as columns: packed into bytes, summed up by minutes and hours, thinned to what a chart can show."""

from __future__ import annotations

import math
import statistics
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

MINUTE, HOUR, DAY = 60, 3600, 86_400  # seconds
_SHORTEST_GAP = 15.0  # seconds
_SPACINGS = 20  # between points that are looked at


def _times() -> array[float]:
    return array("d")


def _offsets() -> array[int]:
    return array("q")


@dataclass(slots=True)
class Points:
    """Columns of equal length, oldest first. `at`: seconds since 1970, of a minute or an hour its beginning. `lag`,
    `committed` and `end` are the last of that time; the lag was between `low` and `high`."""

    at: array[float] = field(default_factory=_times)
    low: array[int] = field(default_factory=_offsets)
    high: array[int] = field(default_factory=_offsets)
    lag: array[int] = field(default_factory=_offsets)
    committed: array[int] = field(default_factory=_offsets)
    end: array[int] = field(default_factory=_offsets)

    def __len__(self) -> int:
        return len(self.at)

    @property
    def offsets(self) -> tuple[array[int], ...]:
        return self.low, self.high, self.lag, self.committed, self.end

    @classmethod
    def of_samples(
        cls, at: Iterable[float], lag: Sequence[int], committed: Iterable[int], end: Iterable[int]
    ) -> Points:
        lags = array("q", lag)
        return cls(array("d", at), lags, lags[:], lags[:], array("q", committed), array("q", end))

    def extend(self, later: Points) -> None:
        """The first of `later` may be of the same minute or hour as the last of these."""
        if self.at and later.at and self.at[-1] == later.at[0]:
            later.low[0] = min(later.low[0], self.low.pop())
            later.high[0] = max(later.high[0], self.high.pop())
            for column in (self.at, self.lag, self.committed, self.end):
                column.pop()
        self.at.extend(later.at)
        for column, added in zip(self.offsets, later.offsets, strict=True):
            column.extend(added)

    def between(self, since: float, until: float) -> Points:
        first, behind = bisect_left(self.at, since), bisect_left(self.at, until)
        if first == 0 and behind == len(self.at):
            return self
        return Points(self.at[first:behind], *(column[first:behind] for column in self.offsets))


def pack(points: Points) -> bytes:
    return zlib.compress(points.at.tobytes() + b"".join(column.tobytes() for column in points.offsets), 1)


def unpack(data: bytes) -> Points:
    """ValueError for what `pack` did not make."""
    try:
        plain = memoryview(zlib.decompress(data))
    except zlib.error as error:
        raise ValueError(f"a damaged piece: {error}") from None
    found = Points()
    size = len(plain) // 6
    found.at.frombytes(plain[:size])
    for number, column in enumerate(found.offsets, start=1):
        column.frombytes(plain[number * size : (number + 1) * size])
    return found


def summed_up(points: Points, step: int) -> Points:
    """One point for each `step` seconds in which there are some."""
    found = Points()
    edges = [math.floor(at / step) * step for at in points.at]
    for first, behind in _runs(edges):
        found.at.append(edges[first])
        _append_range(found, points, first, behind)
    return found


def thinned(points: Points, most: int, step: int) -> tuple[Points, float]:
    """`most` points at most, and how many seconds two of them are apart if nothing is known of the time between."""
    some = range(1, len(points), max(len(points) // _SPACINGS, 1))
    spacing = statistics.median(points.at[n] - points.at[n - 1] for n in some) if some else 0.0
    gap = max(_SHORTEST_GAP, 3.0 * max(step, spacing))
    if len(points) <= most:
        return points, gap
    width = (points.at[-1] - points.at[0]) / most
    found = Points()
    first = 0
    for number in range(1, most + 1):
        edge = points.at[0] + number * width
        behind = bisect_left(points.at, edge, first) if number < most else len(points)
        if behind > first:
            found.at.append(points.at[behind - 1])
            _append_range(found, points, first, behind)
            first = behind
    return found, max(gap, 2.0 * width)


def pieces(points: Points, span: int) -> Iterator[tuple[int, Points]]:
    """What begins with a multiple of `span` seconds, and those multiples."""
    edges = [math.floor(at / span) * span for at in points.at]
    for first, behind in _runs(edges):
        yield edges[first], Points(points.at[first:behind], *(column[first:behind] for column in points.offsets))


def _append_range(found: Points, points: Points, first: int, behind: int) -> None:
    found.low.append(min(points.low[first:behind]))
    found.high.append(max(points.high[first:behind]))
    found.lag.append(points.lag[behind - 1])
    found.committed.append(points.committed[behind - 1])
    found.end.append(points.end[behind - 1])


def _runs(edges: list[int]) -> Iterable[tuple[int, int]]:
    first = 0
    while first < len(edges):
        behind = bisect_left(edges, edges[first] + 1, first)
        yield first, behind
        first = behind
