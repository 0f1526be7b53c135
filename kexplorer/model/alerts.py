"""Rules for lag that somebody wants to be told of, and when they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from kexplorer.model.verdicts import State, Verdict, duration


class Metric(StrEnum):
    LAG = "lag"  # offsets, of all partitions together
    TIME = "time lag"  # seconds, of the partition that is furthest behind
    VERDICT = "verdict"


@dataclass(frozen=True, slots=True)
class AlertRule:
    """`groups` is a pattern with * and ?. An alert begins when the metric was above `above` for `seconds` (a verdict:
    as bad as `state`, or worse), and ends when it is no more than `below`: so one that goes up and down tells but once.
    Until `muted_until` (seconds since 1970) none begins. `webhook`: a URL that is told, too."""

    name: str
    groups: str = "*"
    metric: Metric = Metric.LAG
    above: float = 10_000.0
    below: float = 5_000.0
    state: State = State.WARN
    seconds: float = 60.0
    muted_until: float = 0.0
    webhook: str = ""

    @property
    def condition(self) -> str:
        """As in "lag over 10,000 for 1 min", "STALL or worse for 1 min"."""
        match self.metric:
            case Metric.LAG:
                said = f"lag over {self.above:,.0f}"
            case Metric.TIME:
                said = f"{duration(self.above)} behind"
            case Metric.VERDICT:
                said = f"{self.state} or worse"
        return f"{said} for {duration(self.seconds)}"

    def above_it(self, seen: Measured) -> bool:
        return self._value(seen) > (self.state.severity - 1 if self.metric is Metric.VERDICT else self.above)

    def below_it(self, seen: Measured) -> bool:
        return self._value(seen) <= (self.state.severity - 1 if self.metric is Metric.VERDICT else self.below)

    def _value(self, seen: Measured) -> float:
        match self.metric:
            case Metric.LAG:
                return seen.lag
            case Metric.TIME:
                return seen.behind
            case Metric.VERDICT:
                return seen.verdict.state.severity


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one group: its lag, for how many seconds the oldest message that it has not read has been there, and what that
    means."""

    lag: int
    behind: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Alert:
    """That a rule begins, or ends, to hold for a group; `at` in seconds since 1970, `text` a whole sentence."""

    rule: AlertRule
    group: str
    at: float
    began: bool
    text: str


@dataclass(frozen=True, slots=True)
class AlertLine:
    """`at`: seconds since 1970; `trouble`: why the webhook was not told, else empty."""

    at: float
    connection: str
    rule: str
    group: str
    began: bool
    text: str
    trouble: str


@dataclass(slots=True)
class _Holding:
    """`since` when the rule holds for a group; `told`: that was told."""

    since: float
    told: bool = False


class AlertStates:
    """Which rule holds for which group. A group that is not measured stays as it was."""

    def __init__(self) -> None:
        self._holding: dict[tuple[str, str], _Holding] = {}

    def feed(self, rules: Iterable[AlertRule], measured: Mapping[str, Measured], at: float) -> list[Alert]:
        """What is to be told of a look at groups."""
        found = []
        known = {rule.name: rule for rule in rules}
        for name, group in [key for key in self._holding if key[0] not in known]:
            del self._holding[name, group]
        for rule in known.values():
            for group, seen in measured.items():
                if fnmatchcase(group, rule.groups) and (alert := self._one(rule, group, seen, at)):
                    found.append(alert)
        return found

    def _one(self, rule: AlertRule, group: str, seen: Measured, at: float) -> Alert | None:
        key = (rule.name, group)
        holding = self._holding.get(key)
        if holding is None:
            if not rule.above_it(seen):
                return None
            holding = self._holding[key] = _Holding(at)
        if rule.below_it(seen) or not (holding.told or rule.above_it(seen)):
            del self._holding[key]
            return Alert(rule, group, at, False, _ended(group, seen, at - holding.since)) if holding.told else None
        if holding.told or at < rule.muted_until or at - holding.since < rule.seconds:
            return None
        holding.told = True
        return Alert(rule, group, at, True, _began(rule, group, seen))


def _began(rule: AlertRule, group: str, seen: Measured) -> str:
    match rule.metric:
        case Metric.LAG:
            return f"{group} is {seen.lag:,} messages behind, more than {rule.above:,.0f}."
        case Metric.TIME:
            return f"{group} is {duration(seen.behind)} behind, more than {duration(rule.above)}."
        case Metric.VERDICT:
            return f"{group}: {seen.verdict.state}. {seen.verdict.reason}"


def _ended(group: str, seen: Measured, seconds: float) -> str:
    return f"{group} is well again after {duration(seconds)}: lag {seen.lag:,}, {seen.verdict.state}."
