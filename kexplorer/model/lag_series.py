"""What was seen of one group in one partition over time, in arrays: some thousand points a partition."""

from __future__ import annotations

from array import array
from collections import deque

from kexplorer.model.lag import Reading
from kexplorer.model.verdicts import Commit, Rates, Thresholds, Window

UNKNOWN = -(1 << 62)  # in the arrays of offsets: nothing was told at that time
_RATE_SECONDS = 60.0


class Series:
    """Points of equal index belong together, oldest first: `at` (seconds since 1970), `committed`, `end` and `lag`,
    each `UNKNOWN` where it is not known: a chart has a gap there. A lag below zero: it committed beyond the end.

    A commit was seen when the committed offset changed, and whenever a member reads the partition: such a one may well
    commit the same offset again, which nobody can see from outside.
    """

    __slots__ = ("_commits", "_ends", "_looks", "_unread", "at", "committed", "end", "lag")

    def __init__(self, intervals: int) -> None:
        self.at = array("d")
        self.committed = array("q")
        self.end = array("q")
        self.lag = array("q")
        self._commits: deque[Commit] = deque(maxlen=intervals)
        self._ends: deque[int] = deque(maxlen=intervals)
        self._looks = 0
        self._unread = 0  # the first point whose end is behind the committed offset is not before this one

    def __len__(self) -> int:
        return len(self.at)

    def add(self, at: float, reading: Reading) -> None:
        committed, end, lag = reading.committed, reading.end, reading.lag
        if self.at and committed is not None and committed < self.committed[-1]:
            self._unread = 0
        self._append(at, _known(committed), _known(end), _known(lag))
        if end is not None:
            self._ends.append(end)
        if committed is None:
            return
        self._looks += 1
        if reading.member or not self._commits or self._commits[-1].offset != committed:
            self._commits.append(Commit(at, committed, None if lag is None else max(lag, 0)))

    def add_gap(self, at: float) -> None:
        if self.at and self.lag[-1] != UNKNOWN:
            self._append(at, UNKNOWN, UNKNOWN, UNKNOWN)

    def trim(self, most: int) -> None:
        """Drops the oldest, some at a time, so that not much more than `most` points are left."""
        if (over := len(self.at) - most) > most // 8:
            for column in (self.at, self.committed, self.end, self.lag):
                del column[:over]
            self._unread = max(self._unread - over, 0)

    @property
    def seen_commit(self) -> float | None:
        """When the newest commit was seen."""
        return self._commits[-1].at if self._commits else None

    def window(self, lag: int, thresholds: Thresholds) -> Window:
        complete = min(self._looks / thresholds.intervals, 1.0)
        return Window(tuple(self._commits), tuple(self._ends), lag, complete, self.waiting())

    def rates(self) -> Rates:
        """Over the last minute."""
        return Rates(self._rate(self.end), self._rate(self.committed))

    def _append(self, at: float, committed: int, end: int, lag: int) -> None:
        self.at.append(at)
        self.committed.append(committed)
        self.end.append(end)
        self.lag.append(lag)

    def waiting(self) -> float:
        """For how many seconds the next message to read has been there, as far as was seen."""
        position = self.committed[-1]
        while self._unread < len(self.end) and self.end[self._unread] <= position:
            self._unread += 1
        return self.at[-1] - self.at[self._unread] if self._unread < len(self.at) else 0.0

    def _rate(self, column: array[int]) -> float | None:
        """Up to the newest point, from the oldest of the last minute behind which the offset never fell."""
        last = first = len(column) - 1
        if last < 0 or column[last] == UNKNOWN:
            return None
        for index in range(last - 1, -1, -1):
            if column[index] == UNKNOWN:
                continue
            if column[index] > column[first] or self.at[last] - self.at[index] > _RATE_SECONDS:
                break
            first = index
        span = self.at[last] - self.at[first]
        return (column[last] - column[first]) / span if span > 0 else None


def _known(offset: int | None) -> int:
    return UNKNOWN if offset is None else offset
