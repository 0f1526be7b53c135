"""What is wrong with a consumer group, by Burrow's rules with the reason in words, and when it will have caught up.

The rules are those of Burrow's evaluator (https://github.com/linkedin/Burrow/wiki/Consumer-Lag-Evaluation-Rules), over
the newest commits of a partition. `BURROW` are thresholds that add nothing to them. The guards beyond them keep still
where its users see false alarms: small lags of groups that keep up, and topics where little is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from kexplorer.model.topics import TopicPartition

KEEPS_UP = 10.0  # seconds of reading
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


class State(StrEnum):
    """From good to bad, in the order in which a group takes that of its worst partition."""

    OK = "OK"
    WARN = "WARN"  # reads, but never gets nearer to the end
    STOP = "STOP"  # commits nothing any more
    STALL = "STALL"  # commits, but always the same offset
    REWIND = "REWIND"  # committed an earlier offset than before

    @property
    def severity(self) -> int:
        return list(State).index(self)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """`allowed_lag` offsets behind are no lag at all. A WARN needs a lag that takes longer than `allowed_seconds` to
    read, a STOP messages that have waited for `patience` seconds. A window is judged when it has `minimum_complete` of
    its `intervals`."""

    allowed_lag: int = 0
    allowed_seconds: float = KEEPS_UP
    patience: float = 60.0
    intervals: int = 10
    minimum_complete: float = 1.0


BURROW = Thresholds(allowed_seconds=0.0, patience=0.0, minimum_complete=0.0)


class Commit(NamedTuple):
    """`at` in seconds since 1970; `lag` was that of the moment, None where the end was not known."""

    at: float
    offset: int
    lag: int | None


@dataclass(frozen=True, slots=True)
class Window:
    """What is known of one partition: its newest commits and the newest ends of its log, each oldest first, the lag
    now, how much of the wanted window that is (0 to 1), and for how many seconds something has been unread."""

    commits: Sequence[Commit]
    ends: Sequence[int]
    lag: int
    complete: float = 1.0
    waiting: float = float("inf")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is a whole sentence; `source` the partition that it is about, None where it is about no single one."""

    state: State
    reason: str
    source: TopicPartition | None = None
    complete: float = 1.0

    @property
    def judged(self) -> bool:
        """Nothing is wrong so far, which says little about who is behind and was not seen for long enough."""
        return self.state is not State.OK or self.complete >= 1.0


def judge(window: Window, now: float, thresholds: Thresholds = BURROW) -> Verdict:
    """The verdict on one partition at `now`, seconds since 1970."""
    state, reason = _judge(window, now, thresholds)
    return Verdict(state, reason, None, 1.0 if window.lag <= thresholds.allowed_lag else window.complete)


def _judge(window: Window, now: float, thresholds: Thresholds) -> tuple[State, str]:
    lag = window.lag
    if lag <= thresholds.allowed_lag:
        return State.OK, f"Lag {lag:,}, of {thresholds.allowed_lag:,} allowed." if lag else "Lag 0."
    if not window.commits:
        return State.OK, f"Lag {lag:,}, and no commit was seen yet."
    if window.complete < thresholds.minimum_complete:
        return State.OK, f"Seen for {window.complete:.0%} of the time that a verdict needs. Lag {lag:,}."
    return _by_commits(window, now, thresholds)


def _by_commits(window: Window, now: float, thresholds: Thresholds) -> tuple[State, str]:
    commits, lag = window.commits, window.lag
    quiet = now - commits[-1].at
    stopped = quiet > commits[-1].at - commits[0].at and all(end > commits[-1].offset for end in window.ends)
    if stopped and window.waiting >= thresholds.patience:
        return State.STOP, f"No commit for {duration(quiet)}, lag {lag:,}."
    if back := _rewound(commits):
        return State.REWIND, f"The committed offset went back from {back[0]:,} to {back[1]:,}, lag {lag:,}."
    if stopped:
        return State.OK, f"Lag {lag:,}, unread for only {duration(window.waiting)}."
    if all(commit.lag is None or commit.lag > thresholds.allowed_lag for commit in commits):
        return _slow(commits, lag, thresholds)
    return State.OK, f"Lag {lag:,}, but it had caught up within the last {duration(now - commits[0].at)}."


def _slow(commits: Sequence[Commit], lag: int, thresholds: Thresholds) -> tuple[State, str]:
    if len({commit.offset for commit in commits}) == 1:
        return State.STALL, f"{len(commits)} commits, offset {commits[0].offset:,} unchanged, lag {lag:,}."
    lags = [commit.lag for commit in commits if commit.lag is not None]
    if any(later < earlier for earlier, later in pairwise(lags)):
        return State.OK, f"Lag {lag:,}, and it falls at times."
    span = commits[-1].at - commits[0].at
    rate = (commits[-1].offset - commits[0].offset) / span if span > 0 else 0.0
    if rate > 0 and lag / rate < thresholds.allowed_seconds:
        return State.OK, f"Lag {lag:,}, which is {duration(lag / rate)} of reading."
    first = f" from {lags[0]:,}" if lags else ""
    return State.WARN, f"The lag never fell in {len(commits)} commits:{first} to {lag:,}."


def _rewound(commits: Sequence[Commit]) -> tuple[int, int] | None:
    """The first offset that was followed by an earlier one, and that one, unless it came back since."""
    for at, (before, after) in enumerate(pairwise(commits), start=1):
        if after.offset < before.offset:
            recovered = any(commit.offset >= before.offset for commit in commits[at:])
            return None if recovered else (before.offset, after.offset)
    return None


def worst(verdicts: Iterable[tuple[TopicPartition, int, Verdict]]) -> Verdict:
    """Of a group, from those of its partitions and their lags: the worst state, and there the greatest lag."""
    found = list(verdicts)
    if not found:
        return Verdict(State.OK, "No committed offset.")
    source, _, verdict = max(found, key=lambda each: (each[2].state.severity, each[1]))
    complete = sum(each.complete for _, _, each in found) / len(found)
    total = sum(lag for _, lag, _ in found)
    if verdict.state is State.OK:
        reason = verdict.reason if len(found) == 1 or complete < 1 else f"Lag {total:,} in {len(found)} partitions."
        return Verdict(State.OK, reason, None, complete)
    bad = sum(each.state is not State.OK for _, _, each in found)
    others = f" {bad} of {len(found)} partitions are not well." if bad > 1 else ""
    return Verdict(verdict.state, f"{source.topic} {source.partition}: {verdict.reason}{others}", source, complete)


@dataclass(frozen=True, slots=True)
class Rates:
    """Offsets a second, written to the log and committed by the group; None where it is not known yet."""

    produced: float | None = None
    committed: float | None = None

    def keeps_up(self, lag: int | None) -> bool:
        """What is left to read is a few seconds of its reading: what is on its way, no backlog."""
        return bool(lag is not None and self.committed and lag / self.committed < KEEPS_UP)

    def outlook(self, lag: int | None) -> str:
        """Of one that has no `eta`; "" while nothing is known."""
        if self.keeps_up(lag):
            return "keeps up"
        return "" if lag is None or self.produced is None or self.committed is None else "never"

    def eta(self, lag: int | None) -> float | None:
        """Seconds until it will have caught up if all goes on as it is; None: never, or not known."""
        if lag is None or self.produced is None or self.committed is None:
            return None
        if lag <= 0:
            return 0.0
        return lag / (self.committed - self.produced) if self.committed > self.produced else None


def duration(seconds: float) -> str:
    """As a person says it: 40 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    whole = max(round(seconds), 0)
    for (size, large), (part, small) in pairwise(_UNITS):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size:,} {large}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"
