"""Burrow's rules, the guards beyond them, and the words for both.

The rules are held against Burrow's documentation and not against Burrow at work: Debian's 1.2.1 learns nothing of
Kafka 4.3, which hangs up on its request for ends, and writes commits in a version (4) that it cannot decode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.model.topics import TopicPartition
from kexplorer.model.verdicts import BURROW, Commit, Rates, State, Thresholds, Verdict, Window, duration, judge, worst

OURS = Thresholds()
_Told = list[tuple[float, int, int | None]]


def _window(commits: _Told, lag: int, ends: Sequence[int], complete: float = 1.0, waiting: float = 1e9) -> Window:
    return Window([Commit(*each) for each in commits], ends, lag, complete, waiting)


def _series(offsets: Sequence[int], lags: Sequence[int | None], step: float = 100.0) -> _Told:
    return [(step * (n + 1), offset, lag) for n, (offset, lag) in enumerate(zip(offsets, lags, strict=True))]


ADVANCING = [1000, 2000, 3000, 4000, 5000]
STUCK = [1000] * 5
BACK = [1000, 2000, 3000, 2000, 4000]
HALF_BACK = [1000, 2000, 3000, 2000, 2500]
GROWING = [50, 100, 150, 200, 250]


@pytest.mark.parametrize(
    ("commits", "ends", "lag", "now", "allowed", "state"),
    [
        pytest.param(_series(ADVANCING, [0, 50, 100, 150, 200]), [5200], 200, 600, 0, State.OK, id="no lag once"),
        pytest.param(_series(ADVANCING, GROWING), [5250], 250, 600, 0, State.WARN, id="lag grows"),
        pytest.param(_series(ADVANCING, [100] * 5), [5100], 100, 600, 0, State.WARN, id="lag stays"),
        pytest.param(_series(ADVANCING, [50, 100, 90, 200, 250]), [5250], 250, 600, 0, State.OK, id="lag fell once"),
        pytest.param(
            _series(STUCK, [100, 150, 200, 250, 300]), [1300], 300, 600, 0, State.STALL, id="stuck, lag grows"
        ),
        pytest.param(_series(STUCK, [100] * 5), [1100], 100, 600, 0, State.STALL, id="stuck, lag stays"),
        pytest.param(_series(STUCK, [100] * 5), [1100], 100, 600, 99, State.STALL, id="stuck beyond the allowed"),
        pytest.param(_series(STUCK, [100] * 5), [1100], 100, 600, 100, State.OK, id="stuck within the allowed"),
        pytest.param(_series(BACK, [100, 150, 200, 1250, 300]), [4300], 300, 600, 0, State.OK, id="rewound, and back"),
        pytest.param(_series(HALF_BACK, [100, 150, 200, 1250, 300]), [4300], 300, 600, 0, State.REWIND, id="rewound"),
        pytest.param(_series([9, 9, 9, 9, 0], [0] * 5), [9], 9, 600, 0, State.REWIND, id="rewound from no lag"),
        pytest.param(_series(ADVANCING, GROWING), [5250], 250, 1000, 0, State.STOP, id="no commit for long"),
        pytest.param(_series(ADVANCING, GROWING), [5250], 250, 900, 0, State.WARN, id="no commit for just as long"),
        pytest.param(_series(ADVANCING, GROWING), [5250], 0, 1000, 0, State.OK, id="stopped without lag"),
        pytest.param(_series(ADVANCING, [0] * 5), [5000, 5931], 931, 1000, 0, State.OK, id="stopped, no lag just now"),
        pytest.param(_series(ADVANCING, [0] * 5), [5500, 5931], 931, 1000, 0, State.STOP, id="stopped with news"),
        pytest.param(_series(HALF_BACK, [1] * 5), [4300], 1800, 1000, 0, State.STOP, id="stop comes before rewind"),
        pytest.param(
            _series([10, 20, 30, 40], [0, None, 50, None]), [90], 50, 450, 0, State.OK, id="unknown lags are left out"
        ),
        pytest.param(
            _series([10, 20, 30, 40], [5, None, 50, None]), [90], 50, 450, 0, State.WARN, id="as they are of a warning"
        ),
        pytest.param([(100.0, 5, 7)], [12], 7, 101, 0, State.STOP, id="a single commit"),
        pytest.param([], [12], 7, 101, 0, State.OK, id="no commit"),
    ],
)
def test_burrows_rules(commits: _Told, ends: Sequence[int], lag: int, now: float, allowed: int, state: State) -> None:
    thresholds = Thresholds(allowed, allowed_seconds=0.0, patience=0.0, minimum_complete=0.0)
    assert judge(_window(commits, lag, ends), now, thresholds).state is state


@pytest.mark.parametrize(
    ("window", "now", "ours", "burrows"),
    [
        pytest.param(
            _window(_series(ADVANCING, [10] * 5, 5), 10, [5010]), 26, State.OK, State.WARN, id="a lag of milliseconds"
        ),
        pytest.param(
            _window(_series([1, 2, 3, 4, 5], [10] * 5, 5), 10, [15]), 26, State.WARN, State.WARN, id="one of a minute"
        ),
        pytest.param(
            _window([(0, 5, 0), (5, 6, 0)], 1, [7], waiting=40), 600, State.OK, State.STOP, id="a record of just now"
        ),
        pytest.param(
            _window([(0, 5, 0), (5, 6, 0)], 1, [7], waiting=70), 600, State.STOP, State.STOP, id="one that waits long"
        ),
        pytest.param(
            _window(_series(STUCK[:3], [9] * 3), 9, [1009], 0.3), 310, State.OK, State.STALL, id="too few commits"
        ),
        pytest.param(
            _window(_series(HALF_BACK, [1] * 5), 9, [4300], waiting=1), 1000, State.REWIND, State.STOP, id="rewound now"
        ),
    ],
)
def test_guards_keep_still_where_burrow_does_not(window: Window, now: float, ours: State, burrows: State) -> None:
    assert judge(window, now, OURS).state is ours
    assert judge(window, now, BURROW).state is burrows


@pytest.mark.parametrize(
    ("commits", "lag", "now", "reason"),
    [
        (_series(STUCK, [4312] * 5), 4312, 510, "5 commits, offset 1,000 unchanged, lag 4,312."),
        (_series(ADVANCING, GROWING), 250, 700 + 3000, "No commit for 53 min 20 s, lag 250."),
        (_series(HALF_BACK, [1] * 5), 9, 510, "The committed offset went back from 3,000 to 2,000, lag 9."),
        (_series([1, 2, 3], [90, 95, 100]), 100, 310, "The lag never fell in 3 commits: from 90 to 100."),
        (_series(ADVANCING, GROWING), 0, 510, "Lag 0."),
    ],
)
def test_the_reason_has_words_and_numbers(commits: _Told, lag: int, now: float, reason: str) -> None:
    assert judge(_window(commits, lag, [10**6]), now, OURS).reason == reason


def test_a_group_takes_the_worst_state_of_its_partitions_and_there_the_greatest_lag() -> None:
    first, second, third = (TopicPartition("orders", number) for number in range(3))
    stopped, stalled = Verdict(State.STOP, "No commit for 1 h, lag 9."), Verdict(State.STALL, "Stuck.")
    found = worst([(first, 900, stopped), (second, 5, stalled), (third, 7, stalled)])
    assert (found.state, found.source) == (State.STALL, third)
    assert found.reason == "orders 2: Stuck. 3 of 3 partitions are not well."
    well = Verdict(State.OK, "Lag 4.")
    assert worst([(first, 4, well), (second, 4, well)]).reason == "Lag 8 in 2 partitions."
    assert worst([]) == Verdict(State.OK, "No committed offset.")


_commits = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.none() | st.integers(0, 50)), max_size=12).map(
    lambda told: [Commit(float(at), offset, lag) for at, offset, lag in sorted(told, key=lambda each: each[0])]
)


@given(_commits, st.lists(st.integers(0, 60), max_size=10), st.floats(0, 1), st.floats(0, 200))
def test_without_lag_nothing_is_wrong(commits: list[Commit], ends: list[int], complete: float, waiting: float) -> None:
    window = Window(commits, ends, 0, complete, waiting)
    assert judge(window, 100.0, OURS).state is judge(window, 100.0, BURROW).state is State.OK


@given(_commits, st.lists(st.integers(0, 60), max_size=10), st.integers(1, 60), st.floats(0, 1), st.floats(0, 200))
def test_guards_never_make_anything_worse(
    commits: list[Commit], ends: list[int], lag: int, complete: float, waiting: float
) -> None:
    window = Window(commits, ends, lag, complete, waiting)
    ours, burrows = judge(window, 100.0, OURS).state, judge(window, 100.0, BURROW).state
    assert ours in (State.OK, burrows) or (ours, burrows) == (State.REWIND, State.STOP)


def test_the_forecast() -> None:
    assert Rates(100.0, 150.0).eta(1000) == 20.0
    assert Rates(100.0, 100.0).eta(1000) is None
    assert Rates(100.0, 90.0).eta(1000) is None
    assert Rates(100.0, 0.0).eta(0) == 0.0
    assert Rates(None, 150.0).eta(5) is None
    assert Rates(1.0, 2.0).eta(None) is None


def test_what_is_on_its_way_is_no_backlog() -> None:
    assert Rates(100.0, 100.0).keeps_up(999)
    assert not Rates(100.0, 100.0).keeps_up(1001)
    assert not Rates(100.0, 0.0).keeps_up(1)
    assert not Rates(None, None).keeps_up(1)


def test_who_is_behind_and_was_hardly_seen_is_not_judged() -> None:
    behind = Window([Commit(0.0, 5, 10), Commit(5.0, 6, 10)], [15, 16], 10, complete=0.2)
    assert not judge(behind, 6.0, OURS).judged
    assert judge(replace(behind, lag=0), 6.0, OURS).judged
    assert judge(replace(behind, complete=1.0), 6.0, OURS).judged


def test_durations_are_read_easily() -> None:
    said = [duration(seconds) for seconds in (0.2, 59, 60, 200, 3600, 7500, 90_000, 86_400 * 400)]
    assert said == ["0 s", "59 s", "1 min", "3 min 20 s", "1 h", "2 h 5 min", "1 d 1 h", "400 d"]


def test_one_that_nears_no_end_keeps_up_or_never_will() -> None:
    assert Rates(10.0, 10.0).outlook(5) == "keeps up"
    assert Rates(10.0, 5.0).outlook(10_000) == "never"
    assert Rates(10.0, 0.0).outlook(1) == "never"
    assert Rates(10.0, None).outlook(10_000) == ""
    assert Rates(10.0, 5.0).outlook(None) == ""
