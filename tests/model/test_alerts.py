"""When a rule begins to hold, and when it ends to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.model.alerts import Alert, AlertRule, AlertStates, Measured, Metric
from kexplorer.model.verdicts import State, Verdict

OK, STOP = Verdict(State.OK, "Lag 0."), Verdict(State.STOP, "No commit for 1 h, lag 9.")
RULE = AlertRule("far behind", above=100, below=50, seconds=10)


def _fed(rule: AlertRule, lags: Sequence[int], step: float = 5.0, group: str = "billing") -> list[Alert]:
    states = AlertStates()
    return [
        alert
        for n, lag in enumerate(lags)
        for alert in states.feed([rule], {group: Measured(lag, float(lag), STOP if lag > 100 else OK)}, n * step)
    ]


def _told(found: list[Alert]) -> list[tuple[float, bool]]:
    return [(alert.at, alert.began) for alert in found]


@pytest.mark.parametrize(
    ("lags", "told"),
    [
        ([0, 101, 101, 101, 101], [(15.0, True)]),
        ([101, 101, 100, 101, 101], []),
        ([101, 101, 101, 60, 101, 51, 50, 101], [(10.0, True), (30.0, False)]),
        ([100] * 20, []),
        ([101, 20], []),
    ],
    ids=["holds", "was interrupted", "goes up and down", "as much as is allowed", "too short"],
)
def test_it_must_hold_for_a_time_and_ends_only_well_below(lags: list[int], told: list[tuple[float, bool]]) -> None:
    assert _told(_fed(RULE, lags)) == told


@pytest.mark.parametrize(
    ("metric", "began", "ended"),
    [
        (Metric.LAG, "billing is 4,312 messages behind, more than 100.", "lag 0, OK."),
        (Metric.TIME, "billing is 1 h 11 min behind, more than 1 min 40 s.", "lag 0, OK."),
        (Metric.VERDICT, "billing: STOP. No commit for 1 h, lag 9.", "lag 0, OK."),
    ],
)
def test_it_says_what_is_wrong(metric: Metric, began: str, ended: str) -> None:
    first, second = _fed(replace(RULE, metric=metric), [4312, 4312, 4312, 0])
    assert first.text == began
    assert second.text == f"billing is well again after 15 s: {ended}"


def test_other_groups_are_none_of_its_business() -> None:
    rule = replace(RULE, groups="bill*")
    assert _told(_fed(rule, [500] * 4)) == [(10.0, True)]
    assert _fed(rule, [500] * 4, group="Bill") == []


def test_while_it_is_muted_nothing_begins() -> None:
    muted = replace(RULE, muted_until=32.0)
    assert _told(_fed(muted, [500] * 10)) == [(35.0, True)]
    assert _fed(muted, [500] * 5 + [0] * 5) == []


def test_a_rule_that_is_deleted_ends_silently_and_begins_anew() -> None:
    states, bad = AlertStates(), {"billing": Measured(500, 0.0, OK)}
    assert len([alert for at in (0, 10) for alert in states.feed([RULE], bad, at)]) == 1
    assert states.feed([], bad, 20) == []
    assert states.feed([RULE], bad, 30) == []
    assert _told(states.feed([RULE], bad, 40)) == [(40, True)]


def test_a_group_that_was_not_measured_stays_as_it_was() -> None:
    states, bad = AlertStates(), {"billing": Measured(500, 0.0, OK)}
    states.feed([RULE], bad, 0)
    states.feed([RULE], {}, 5)
    assert _told(states.feed([RULE], bad, 10)) == [(10, True)]


@given(st.lists(st.integers(0, 150), max_size=60), st.sampled_from(Metric))
def test_beginnings_and_ends_alternate(lags: list[int], metric: Metric) -> None:
    told = [began for _, began in _told(_fed(replace(RULE, metric=metric), lags))]
    assert told == [n % 2 == 0 for n in range(len(told))]
