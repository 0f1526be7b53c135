"""Which of a hundred million rows are selected."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator


class RowSelection:
    """A set of row numbers kept as disjoint ranges, so that selecting all rows costs as much as selecting one."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []

    def __contains__(self, row: int) -> bool:
        at = bisect_right(self._starts, row) - 1
        return at >= 0 and row < self._stops[at]

    def __len__(self) -> int:
        return sum(self._stops) - sum(self._starts)

    def __iter__(self) -> Iterator[int]:
        for start, stop in zip(self._starts, self._stops, strict=True):
            yield from range(start, stop)

    def clear(self) -> None:
        self._starts.clear()
        self._stops.clear()

    def replace(self, start: int, stop: int) -> None:
        """Selects the rows from `start` up to, not including, `stop` and no others."""
        self._starts, self._stops = [start], [stop]

    def add(self, start: int, stop: int) -> None:
        first, last = bisect_left(self._stops, start), bisect_right(self._starts, stop)
        if first < last:  # the ranges that it touches become one with it
            start, stop = min(start, self._starts[first]), max(stop, self._stops[last - 1])
        self._starts[first:last], self._stops[first:last] = [start], [stop]

    def remove(self, start: int, stop: int) -> None:
        first, last = bisect_right(self._stops, start), bisect_left(self._starts, stop)
        if first >= last:
            return
        left, right = self._starts[first], self._stops[last - 1]
        pieces = [piece for piece in ((left, start), (stop, right)) if piece[0] < piece[1]]
        self._starts[first:last] = [piece[0] for piece in pieces]
        self._stops[first:last] = [piece[1] for piece in pieces]

    def toggle(self, row: int) -> None:
        if row in self:
            self.remove(row, row + 1)
        else:
            self.add(row, row + 1)
