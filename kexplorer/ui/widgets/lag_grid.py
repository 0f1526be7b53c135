"""Lag over time in columns of equal width, no more of them than a chart has pixels: summed up, ranked, ready to draw.

Nothing here knows Qt. All arrays are of floats with NaN where nothing is known; rows are partitions of a group, columns
are times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kexplorer.model.lag_series import UNKNOWN
from kexplorer.services.lag_lines import Level, LineKey, Metric, RowKey

Floats: TypeAlias = "NDArray[np.float64]"
_Numbers: TypeAlias = "Sequence[float] | Floats"

_RATE_SECONDS = 30.0  # a rate is told over so much time at least: offsets are committed every few seconds


@dataclass(frozen=True, slots=True)
class Lines:
    """`high` and `low`: what each line was at most and at least in each column."""

    keys: tuple[LineKey, ...]
    high: Floats
    low: Floats

    def chosen(self, numbers: Sequence[int]) -> Lines:
        index = np.asarray(numbers, dtype=np.intp)
        return Lines(tuple(self.keys[n] for n in numbers), self.high[index], self.low[index])

    def newest(self) -> Floats:
        """The last column; NaN for what is not known now."""
        return self.high[:, -1]

    def begin(self) -> int:
        """The first column in which something is known; how many there are where nothing is."""
        known = self._known()
        return int(known.argmax()) if known.any() else len(known)

    def courses(self, most: int) -> list[list[int]]:
        """`most` values of each line at most, without what is not known."""
        every = max(1, math.ceil(self.high.shape[1] / most)) if self.keys else 1
        some = self.high[:, ::-every][:, ::-1]
        unknown = np.isnan(some)
        values = np.where(unknown, 0.0, some).astype(np.int64)
        if not unknown.any():
            return [row.tolist() for row in values]
        return [row[~gaps].tolist() for row, gaps in zip(values, unknown, strict=True)]

    def ranked(self) -> list[int]:
        """The greatest now first; those that are not known now behind all others, by what they once were."""
        if not self.keys:
            return []
        now = np.nan_to_num(self.newest(), nan=-1.0)
        once = np.nan_to_num(self.high, nan=-1.0).max(axis=1, initial=-1.0)
        return [int(n) for n in np.lexsort((-once, -now))]

    def envelope(self) -> tuple[Floats, Floats]:
        """The least and the greatest of all lines in each column."""
        known = self._known()
        low = np.where(np.isnan(self.low), np.inf, self.low).min(axis=0, initial=np.inf)
        high = np.where(np.isnan(self.high), -np.inf, self.high).max(axis=0, initial=-np.inf)
        return np.where(known, low, np.nan), np.where(known, high, np.nan)

    def _known(self) -> NDArray[np.bool_]:
        if not self.keys:
            return np.zeros(self.high.shape[1], dtype=bool)
        return np.asarray(~np.isnan(self.high).all(axis=0), dtype=bool)


def span_of(times: Floats, *shown: Lines) -> tuple[float, float]:
    """From when something is known to the end of `times`, in seconds since 1970: a twelfth of them at least, so that
    what has just begun can be seen."""
    step = float(times[1] - times[0]) if len(times) > 1 else 1.0
    first = min(len(times) - max(len(times) // 12, 1), *(lines.begin() for lines in shown))
    return float(times[first]) - step / 2, float(times[-1]) + step / 2


class LagGrid:
    """`columns` of `step` seconds each, the last of which is that of `now`. What is known holds for `gap` seconds, or
    until it is known that nothing was told; then there is a gap."""

    def __init__(self, now: float, span: float, columns: int, gap: float = 15.0) -> None:
        self.step = span / columns
        self.columns = columns
        self.gap = gap
        self.rows: dict[RowKey, int] = {}
        self._first = math.floor(now / self.step) - columns + 1
        self._cells = np.full((4, 0, columns), np.nan)  # low and high of the lag, committed, end
        self._cut = np.zeros((0, columns), dtype=bool)
        self._rows_of: dict[Level, dict[LineKey, list[int]]] = {}

    @property
    def times(self) -> Floats:
        """The middle of each column, in seconds since 1970."""
        return (np.arange(self._first, self._first + self.columns, dtype=np.float64) + 0.5) * np.float64(self.step)

    def advance(self, now: float) -> None:
        by = min(math.floor(now / self.step) - (self._first + self.columns - 1), self.columns)
        if by > 0:
            kept = self.columns - by
            self._cells[:, :, :kept] = self._cells[:, :, by:].copy()
            self._cells[:, :, kept:] = np.nan
            self._cut[:, :kept] = self._cut[:, by:].copy()
            self._cut[:, kept:] = False
            self._first = math.floor(now / self.step) - self.columns + 1

    def fill(self, key: RowKey, at: _Numbers, low: _Numbers, high: _Numbers, last: Iterable[_Numbers]) -> None:
        """Points of one row, oldest first; `last` are the lag, the committed offset and the end of each. Where the lag
        is `UNKNOWN` it was not told."""
        lag, committed, end = (np.array(column, dtype=np.float64) for column in last)
        column = np.floor(np.array(at, dtype=np.float64) / self.step).astype(np.int64) - self._first
        inside = (column >= 0) & (column < self.columns)
        if not inside.any():
            return
        row = self._row(key)
        told = lag != UNKNOWN
        self._cut[row, column[inside & ~told]] = True
        if not (wanted := inside & told).any():
            return
        column = column[wanted]
        starts = np.flatnonzero(np.diff(column, prepend=-1))
        ends = np.append(starts[1:], len(column)) - 1
        found, cells = column[starts], self._cells[:, row]
        lows, highs = (np.maximum(np.array(each, dtype=np.float64)[wanted], 0.0) for each in (low, high))
        cells[0, found] = np.fmin(cells[0, found], np.minimum.reduceat(lows, starts))
        cells[1, found] = np.fmax(cells[1, found], np.maximum.reduceat(highs, starts))
        for number, values in enumerate((committed, end), start=2):
            cells[number, found] = values[wanted][ends]

    def add(self, key: RowKey, at: float, lag: int, committed: int, end: int) -> None:
        """The newest sample of a row. One whose log ends earlier than before is of a topic that was made anew."""
        column = math.floor(at / self.step) - self._first
        if not 0 <= column < self.columns:
            return
        row, lag = self._row(key), max(lag, 0)
        cells = self._cells
        if end < self._newest_end(row, column):
            self._retire(key)
            row = self._row(key)
            cells = self._cells
        for number, value in enumerate((lag, lag, committed, end)):
            cells[number, row, column] = value if number > 1 else _of_both(number, cells[number, row, column], value)
        self._cut[row, column] = False

    def add_gap(self, key: RowKey, at: float) -> None:
        """Nothing was told of a row."""
        column = math.floor(at / self.step) - self._first
        row = self.rows.get(key)
        if row is not None and 0 <= column < self.columns:
            self._cut[row, column] = bool(np.isnan(self._cells[1, row, column]))

    def lines(self, metric: Metric, level: Level, shown: Callable[[LineKey], bool] | None = None) -> Lines:
        """Lines of what `shown` admits. A topic's and a group's are the sums of their partitions, of times the
        greatest."""
        wanted = {key: rows for key, rows in self._at(level).items() if shown is None or shown(key)}
        if level is Level.TOPIC and metric is Metric.PRODUCED:  # else each group would count its records once more
            first = {(key.source, key.life): row for key, row in reversed(self.rows.items())}
            each_once = set(first.values())
            wanted = {key: [row for row in rows if row in each_once] for key, rows in wanted.items()}
        rows = [row for each in wanted.values() for row in each]
        high, low = self._values(metric, np.asarray(rows, dtype=np.intp))
        starts = np.cumsum([0, *(len(each) for each in wanted.values())])[:-1]
        whole = _greatest if metric is Metric.TIME else _sum
        keys = tuple(wanted)
        return Lines(keys, whole(high, starts), whole(low, starts) if low is not high else whole(high, starts))

    def _at(self, level: Level) -> dict[LineKey, list[int]]:
        """The rows of each line."""
        found = self._rows_of.get(level)
        if found is None:
            found = self._rows_of[level] = {}
            for key, row in self.rows.items():
                found.setdefault(key.line(level), []).append(row)
        return found

    def _values(self, metric: Metric, rows: NDArray[np.intp]) -> tuple[Floats, Floats]:
        """At most and at least, row by row."""
        source, unknown = self._sources(rows)

        def held(number: int) -> Floats:
            found = np.take(self._cells[number], source)
            found[unknown] = np.nan
            return found

        match metric:
            case Metric.LAG:
                return held(1), held(0)
            case Metric.TIME:
                found = self._time_lag(held(2), held(3))
            case Metric.PRODUCED:
                found = self._rate(held(3))
            case Metric.COMMITTED:
                found = self._rate(held(2))
        return found, found

    def _sources(self, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """For each cell the one that still holds there, by its place in all, and whether none does."""
        told = ~np.isnan(self._cells[1, rows])
        here = np.arange(self.columns)
        last = np.maximum.accumulate(np.where(told | self._cut[rows], here, 0), axis=1)
        source = last + rows[:, None] * self.columns
        unknown = here - last > max(math.ceil(self.gap / self.step) - 1, 0)
        unknown |= np.isnan(np.take(self._cells[1], source))
        return source, unknown

    def _rate(self, offsets: Floats) -> Floats:
        """Offsets a second; unknown where they went back."""
        over = min(max(1, math.ceil(_RATE_SECONDS / self.step)), self.columns)
        found = np.full_like(offsets, np.nan)
        if over < self.columns:
            found[:, over:] = (offsets[:, over:] - offsets[:, :-over]) / (over * self.step)
        with np.errstate(invalid="ignore"):
            found[found < 0] = np.nan
        return found

    def _time_lag(self, committed: Floats, end: Floats) -> Floats:
        """For how long the log has been longer than what was read then; as far as was seen, so it may be longer."""
        if not end.size:
            return end
        unknown = np.isnan(end) | np.isnan(committed)
        least = np.where(unknown, np.inf, end).min(axis=1, keepdims=True)
        least[np.isinf(least)] = 0.0
        ends = np.maximum.accumulate(np.where(unknown, -1.0, end - least).astype(np.int64), axis=1)
        most = int(ends.max()) + 2
        read = np.clip(np.where(unknown, 0.0, committed - least), -1.0, most - 2).astype(np.int64)
        rows = np.arange(len(end), dtype=np.int64)[:, None]
        # All rows in one search: each lies above all of the one before.
        reached = np.searchsorted((ends + rows * most).ravel(), (read + rows * most).ravel(), side="right")
        unread = np.minimum(reached.reshape(end.shape) - rows * self.columns, self.columns - 1)
        late = np.maximum(np.arange(self.columns) - unread, 0) * self.step
        found = np.where(committed >= end, 0.0, late)
        found[unknown] = np.nan
        return found

    def _newest_end(self, row: int, column: int) -> float:
        before = self._cells[3, row, : column + 1]
        known = before[~np.isnan(before)]
        return float(known[-1]) if known.size else -math.inf

    def _retire(self, key: RowKey) -> None:
        self._rows_of.clear()
        lives = sum(each[:2] == key[:2] for each in self.rows)
        self.rows[key._replace(life=f"before {lives}")] = self.rows.pop(key)

    def _row(self, key: RowKey) -> int:
        row = self.rows.get(key)
        if row is None:
            row = self.rows[key] = len(self.rows)
            self._rows_of.clear()
        if row >= self._cells.shape[1]:
            more = max(64, row)
            added = np.full((4, more, self.columns), np.nan)
            self._cells = np.concatenate([self._cells, added], axis=1)
            self._cut = np.concatenate([self._cut, np.zeros((more, self.columns), dtype=bool)])
        return row


def _of_both(number: int, before: float, value: float) -> float:
    if math.isnan(before):
        return value
    return min(before, value) if number == 0 else max(before, value)


def _sum(values: Floats, starts: NDArray[np.intp]) -> Floats:
    if len(starts) == len(values):  # one for each
        return values
    unknown = np.isnan(values)
    found = np.add.reduceat(np.where(unknown, 0.0, values), starts, axis=0)
    found[np.logical_and.reduceat(unknown, starts, axis=0)] = np.nan
    return found


def _greatest(values: Floats, starts: NDArray[np.intp]) -> Floats:
    if len(starts) == len(values):  # one for each
        return values
    found = np.maximum.reduceat(np.where(np.isnan(values), -np.inf, values), starts, axis=0)
    found[np.isneginf(found)] = np.nan
    return found
