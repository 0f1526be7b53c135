"""What a partition's points tell: commits that were seen, rates, how long something waits, gaps."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from kexplorer.model.groups import Member
from kexplorer.model.lag import Reading
from kexplorer.model.lag_series import UNKNOWN, Series
from kexplorer.model.topics import TopicPartition
from kexplorer.model.verdicts import State, Thresholds, judge

SOURCE = TopicPartition("orders", 0)
READER = Member("m-1", "app", "10.0.0.7", (SOURCE,))
OURS = Thresholds()


def _filled(
    points: Sequence[tuple[int | None, int | None]], member: Member | None = READER, step: float = 5.0
) -> Series:
    series = Series(OURS.intervals)
    for n, (committed, end) in enumerate(points):
        series.add(n * step, Reading(SOURCE, committed, 0, end, member=member))
    return series


def _state(series: Series) -> State:
    return judge(series.window(max(series.lag[-1], 0), OURS), series.at[-1], OURS).state


def test_a_member_that_reads_nothing_stalls() -> None:
    assert _state(_filled([(100, 200 + n) for n in range(20)])) is State.STALL


def test_a_group_without_members_has_stopped() -> None:
    assert _state(_filled([(100, 200 + n) for n in range(20)], member=None)) is State.STOP


def test_nothing_is_judged_before_there_is_enough() -> None:
    assert _state(_filled([(100, 200 + n) for n in range(9)])) is State.OK


def test_a_quiet_topic_whose_one_record_is_not_committed_yet_is_fine() -> None:
    """After a burst long ago there was nothing to commit."""
    quiet = [(n, n) for n in range(10)] + [(9, 9)] * 60 + [(9, 10)] * 11
    assert _state(_filled(quiet, member=None)) is State.OK
    assert _state(_filled(quiet + [(9, 10)] * 12, member=None)) is State.STOP


def test_how_long_the_next_record_has_waited() -> None:
    series = _filled([(n, 2 * n) for n in range(10)])
    assert series.waiting() == 20.0  # the end passed 9 with the sixth point
    series.add(50.0, Reading(SOURCE, 20, 0, 20))
    assert series.waiting() == 0.0
    series.add(55.0, Reading(SOURCE, 1, 0, 20))
    assert series.waiting() == 50.0  # set back
    series.trim(4)
    assert series.waiting() == 55.0 - series.at[0]


def test_rates_are_of_the_last_minute() -> None:
    rates = _filled([(0, 0)] * 100 + [(50 * n, 100 * n) for n in range(30)]).rates()
    assert (rates.committed, rates.produced) == (10.0, 20.0)
    assert rates.eta(500) is None


def test_a_rewind_begins_the_rate_anew_and_a_gap_does_not() -> None:
    series = _filled([(1000 + 50 * n, 9000) for n in range(10)] + [(50 * n, 9000) for n in range(4)])
    assert series.rates().committed == 10.0
    series = _filled([(0, 0), (None, None), (100, 100)])
    assert series.rates().committed == 10.0


def test_what_is_not_known_is_a_gap() -> None:
    series = _filled([(5, 10), (None, 10), (5, None), (6, 10)])
    assert list(series.lag) == [5, UNKNOWN, UNKNOWN, 4]
    series.add_gap(100.0)
    series.add_gap(105.0)
    assert list(series.lag)[4:] == [UNKNOWN]
    assert series.rates().committed is None


def test_the_oldest_points_go_first() -> None:
    series = Series(OURS.intervals)
    for n in range(1000):
        series.add(float(n), Reading(SOURCE, n, 0, n))
        series.trim(100)
        assert len(series) <= 113
    assert list(series.at) == list(range(int(series.at[0]), 1000))
    assert len(series.at) == len(series.lag) == len(series.end) == len(series.committed)


@given(st.lists(st.tuples(st.none() | st.integers(0, 99), st.none() | st.integers(0, 99)), min_size=1, max_size=40))
def test_odd_readings_break_nothing(points: list[tuple[int | None, int | None]]) -> None:
    series = _filled(points)
    rates = series.rates()
    assert (rates.produced or 0.0) >= 0.0
    assert (rates.committed or 0.0) >= 0.0
    if series.lag[-1] != UNKNOWN:
        window = series.window(max(series.lag[-1], 0), OURS)
        assert 0 < window.complete <= 1
        unread = [at for at, end in zip(series.at, series.end, strict=True) if end > series.committed[-1]]
        assert 0 <= window.waiting <= series.at[-1] - min(unread, default=series.at[-1])
        assert all(commit.lag is None or commit.lag >= 0 for commit in window.commits)
