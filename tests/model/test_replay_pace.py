"""How fast a replay may go, by a clock that the test moves."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kexplorer.model.replay import Pace
from kexplorer.model.replay_pace import Throttle, Timing


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@given(st.floats(1, 50_000), st.floats(0.001, 0.3))
@example(12.0, 0.1875)
def test_a_rate_is_kept_whatever_the_steps_are(rate: float, step: float) -> None:
    clock = Clock()
    throttle = Throttle(Pace(records=rate), clock)
    sent = 0
    while clock.now < 120:
        room = int(throttle.room()[0])
        if room >= 1:
            throttle.sent(room, 0)
            sent += room
        clock.now += step
    # what the bucket cannot hold is lost: steps longer than it are slower, never faster
    assert sent <= 20 * rate * 1.02 + 1
    if step <= 0.2 and rate * 0.2 > 2:
        assert sent >= 20 * rate * 0.9


def test_a_record_that_is_larger_than_the_rate_is_waited_for_behind_it() -> None:
    clock = Clock()
    throttle = Throttle(Pace(bytes=1000), clock)
    assert throttle.room()[1] >= 1
    throttle.sent(1, 5000)
    clock.now += 4.7
    assert throttle.room()[1] < 1
    clock.now += 0.2
    assert throttle.room()[1] >= 1
    assert throttle.room()[0] > 1e9


def test_the_original_timing_is_kept_by_its_factor_and_long_gaps_are_cut() -> None:
    clock = Clock()
    timing = Timing(Pace(timing=10, longest_gap=60), clock)
    due = []
    for ms in (5_000, 6_000, 6_000, 5_500, 9_000, 3_609_000, 3_610_000):
        clock.now += max(timing.wait_for(ms), 0)
        timing.sent(ms)
        due.append(round(clock.now - 100, 3))
    assert due == [0, 0.1, 0.1, 0.1, 0.4, 6.4, 6.5]


def test_a_pause_puts_the_rest_off() -> None:
    clock = Clock()
    timing = Timing(Pace(timing=1), clock)
    timing.sent(1000)
    clock.now += 30
    timing.put_off(30)
    assert timing.wait_for(2000) == pytest.approx(1)
