"""Lag in columns: what is summed up, ranked, and where nothing is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.model.lag_series import UNKNOWN
from kexplorer.services.lag_lines import Level, LineKey, Metric, RowKey
from kexplorer.ui.widgets.lag_grid import LagGrid, Lines

NOW = 1_000_000.0
KEY = RowKey.of("billing", "orders", 0)


def _grid(columns: int = 10, gap: float = 1.0) -> LagGrid:
    """Columns of one second up to `NOW`."""
    return LagGrid(NOW, columns, columns, gap)


def _lag(grid: LagGrid, level: Level = Level.GROUP, metric: Metric = Metric.LAG) -> dict[LineKey, list[float | None]]:
    lines = grid.lines(metric, level)
    rows = [[None if np.isnan(each) else float(each) for each in row] for row in lines.high]
    return dict(zip(lines.keys, rows, strict=True))


def test_a_group_is_the_sum_of_its_partitions_and_a_topic_that_of_its_readers() -> None:
    grid = _grid(3)
    for partition, lag in ((0, 5), (1, 7)):
        grid.add(RowKey.of("billing", "orders", partition), NOW, lag, 10, 10 + lag)
        grid.add(RowKey.of("search", "orders", partition), NOW, lag + 1, 9, 10 + lag)
    assert _lag(grid) == {LineKey("billing"): [None, None, 12], LineKey("search"): [None, None, 14]}
    assert _lag(grid, Level.TOPIC) == {LineKey("", "orders"): [None, None, 26]}
    assert len(_lag(grid, Level.PARTITION)) == 4


def test_a_failed_look_is_a_gap_and_so_is_a_time_that_nobody_looked_at() -> None:
    grid = _grid(6)
    grid.add(KEY, NOW - 5, 5, 0, 5)
    grid.add(KEY, NOW - 4, 6, 0, 6)
    grid.add_gap(KEY, NOW - 3)
    grid.add(KEY, NOW - 2, 7, 0, 7)
    assert _lag(grid)[LineKey("billing")] == [5, 6, None, 7, None, None]


def test_what_is_known_holds_until_the_next_look_was_due() -> None:
    grid = _grid(6, gap=3.0)
    grid.add(KEY, NOW - 5, 5, 0, 5)
    grid.add_gap(KEY, NOW - 1)
    assert _lag(grid)[LineKey("billing")] == [5, 5, 5, None, None, None]


def test_a_column_tells_the_most_and_the_least_of_its_time() -> None:
    grid = _grid(1)
    for n, lag in enumerate((9, 2, 4)):
        grid.add(KEY, NOW + n / 10, lag, 0, 10)
    lines = grid.lines(Metric.LAG, Level.PARTITION)
    assert (lines.low.tolist(), lines.high.tolist()) == ([[2.0]], [[9.0]])


def test_a_topic_that_was_made_anew_goes_on_as_another_line_without_a_rate_below_zero() -> None:
    grid = _grid(4)
    grid.add(KEY, NOW - 3, 5, 95, 100)
    grid.add(KEY, NOW - 2, 5, 105, 110)
    grid.add(KEY, NOW - 1, 1, 0, 1)
    found = _lag(grid, Level.PARTITION)
    new, old = LineKey("billing", "orders", 0), next(key for key in found if key.life)
    assert found == {new: [None, None, 1, None], old: [5, 5, None, None]}
    assert "made anew" in old.name
    assert "made anew" not in new.name
    assert all(rate is None or rate >= 0 for row in _lag(grid, metric=Metric.PRODUCED).values() for rate in row)


def test_rates_are_told_over_half_a_minute_and_topics_count_a_record_once() -> None:
    grid = _grid(40)
    for second in range(40):
        at = NOW - 39 + second
        for group, slow in (("billing", 2), ("search", 1)):
            grid.add(RowKey.of(group, "orders", 0), at, second * (10 - slow), second * slow, second * 10)
    assert _lag(grid, metric=Metric.COMMITTED)[LineKey("billing")][-1] == pytest.approx(2)
    assert _lag(grid, metric=Metric.PRODUCED)[LineKey("search")][-1] == pytest.approx(10)
    assert _lag(grid, Level.TOPIC, Metric.PRODUCED)[LineKey("", "orders")][-1] == pytest.approx(10)
    assert _lag(grid, Level.TOPIC, Metric.COMMITTED)[LineKey("", "orders")][-1] == pytest.approx(3)


def test_time_lag_is_the_age_of_what_is_read_next() -> None:
    grid = _grid(10)
    for second in range(10):
        end = (second + 1) * 10
        read = min(end, 30)  # it stopped after three seconds
        grid.add(KEY, NOW - 9 + second, end - read, read, end)
        grid.add(RowKey.of("billing", "orders", 1), NOW - 9 + second, 0, end, end)
    assert _lag(grid, metric=Metric.TIME)[LineKey("billing")] == [0, 0, 0, 0, 1, 2, 3, 4, 5, 6]


def test_time_goes_on() -> None:
    grid = _grid(3)
    grid.add(KEY, NOW, 5, 0, 5)
    grid.advance(NOW + 1)
    grid.add(KEY, NOW + 1, 6, 0, 6)
    assert _lag(grid)[LineKey("billing")] == [None, 5, 6]
    grid.advance(NOW + 100)
    assert _lag(grid)[LineKey("billing")] == [None, None, None]
    grid.add(KEY, NOW, 7, 0, 7)  # too old to be drawn
    assert _lag(grid)[LineKey("billing")] == [None, None, None]
    assert grid.times[-1] == pytest.approx(NOW + 100.5)


def test_what_is_kept_is_filled_in_with_its_gaps() -> None:
    grid = _grid(4)
    lags = [3, UNKNOWN, 8]
    grid.fill(KEY, [NOW - 3, NOW - 2, NOW - 1], lags, lags, (lags, [1, UNKNOWN, 2], [4, UNKNOWN, 10]))
    assert _lag(grid)[LineKey("billing")] == [3, None, 8, None]


@given(st.lists(st.tuples(st.floats(0, 99.9), st.integers(-5, 1000)), max_size=60))
def test_filled_in_at_once_or_sample_by_sample_it_is_the_same(points: list[tuple[float, int]]) -> None:
    points.sort()
    at = [NOW - 99 + second for second, _ in points]
    lags = [lag for _, lag in points]
    once, each = LagGrid(NOW + 1, 100, 25), LagGrid(NOW + 1, 100, 25)
    once.fill(KEY, at, lags, lags, (lags, [0] * len(at), lags))
    for moment, lag in zip(at, lags, strict=True):
        each.add(KEY, moment, lag, 0, 5000)
    for metric in (Metric.LAG, Metric.COMMITTED):
        assert _lag(once, metric=metric) == _lag(each, metric=metric)
    for row in _lag(once).values():
        assert all(value is None or value >= 0 for value in row)


def test_lines_are_ranked_by_now_and_those_not_known_now_come_last() -> None:
    high = np.array([[9.0, np.nan], [1.0, 2.0], [1.0, 7.0], [np.nan, np.nan], [3.0, np.nan]])
    lines = Lines(tuple(LineKey(str(n)) for n in range(5)), high, high)
    assert lines.ranked() == [2, 1, 0, 4, 3]
    low, most = lines.chosen([1, 2]).envelope()
    assert (low.tolist(), most.tolist()) == ([1.0, 2.0], [1.0, 7.0])
    assert Lines((), np.empty((0, 3)), np.empty((0, 3))).ranked() == []


def test_the_band_of_lines_has_a_gap_where_none_is_known() -> None:
    high = np.array([[np.nan, 4.0], [np.nan, np.nan]])
    low, most = Lines((LineKey("a"), LineKey("b")), high, high).envelope()
    assert np.isnan(low[0])
    assert (low[1], most[1]) == (4.0, 4.0)
