"""Lag that a watch has seen for a while, without a cluster that it was seen on."""

from __future__ import annotations

import math

from kexplorer.model.groups import Group, GroupState, GroupType
from kexplorer.model.lag import GroupLag, Reading
from kexplorer.model.lag_series import Series
from kexplorer.model.topics import TopicPartition
from kexplorer.model.verdicts import State, Verdict
from kexplorer.services.lag_watch import LagWatch, Sampled

_WRITTEN = 100  # offsets a second
VERDICT = Verdict(State.OK, "Lag 0.")


def source_of(number: int) -> TopicPartition:
    return TopicPartition(f"orders-{number % 40}", number)


def reading(number: int, at: float) -> Reading:
    """Behind by up to 2 * number * 10 offsets, up and down in some minutes."""
    end = int(at % 1_000_000 * _WRITTEN) + 1_000_000
    return Reading(source_of(number), end - int((1 + math.sin(at / 300 + number)) * number * 10), 0, end)


def group_lag(number: int, at: float) -> GroupLag:
    group = Group(f"group-{number:03}", GroupState.EMPTY, GroupType.CLASSIC, ())
    return GroupLag(group, (reading(number, at),), at)


def filled(watch: LagWatch, groups: int, now: float, seconds: int) -> None:
    """As if `groups` of one partition each were looked at each second for so many seconds."""
    for number in range(groups):
        series = Series(10)
        for second in range(seconds):
            at = now - seconds + second
            series.add(at, reading(number, at))
        name = f"group-{number:03}"
        watch._series[name] = {source_of(number): series}
        watch.latest[name], watch.verdicts[name] = group_lag(number, now), VERDICT


def sampled_at(watch: LagWatch, at: float) -> Sampled:
    """What the watch tells of a look at that time."""
    seen = {name: group_lag(int(name[-3:]), at) for name in watch.latest}
    return Sampled(at, seen, watch.verdicts)
