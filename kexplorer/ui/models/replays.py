"""Replays, the partitions of one, and what was not written as planned, as tables."""

from __future__ import annotations

import math
from datetime import UTC, tzinfo
from typing import NamedTuple

from PySide6.QtCore import QObject

from kexplorer.formats.numbers import count, rate, timestamp
from kexplorer.model.replay import Counts, Exceptional, Place, Plan, Policy, Reached
from kexplorer.model.topics import OffsetRange
from kexplorer.services.replays import Replay, Stage
from kexplorer.ui.models.rows import Column, RowsModel

_TONES = {
    Stage.NEW: "muted",
    Stage.STARTING: "link",
    Stage.RUNNING: "link",
    Stage.VERIFYING: "link",
    Stage.ENDING: "link",
    Stage.DONE: "good",
    Stage.PAUSED: "warn",
    Stage.STOPPED: "warn",
}


def stage_tone(stage: Stage) -> str:
    """The colour token that goes with its word."""
    return _TONES.get(stage, "bad")


def way(plan: Plan) -> str:
    """ "orders on staging → orders-copy"."""
    source, target = plan.source, plan.target
    there = "" if target.cluster == source.cluster else f" on {_cluster(target.cluster)}"
    targets = dict.fromkeys(target.topics[name] for name in source.topics)
    return f"{_several(source.topics)} on {_cluster(source.cluster)} → {_several(tuple(targets))}{there}"


def _several(topics: tuple[str, ...]) -> str:
    return topics[0] if len(topics) == 1 else f"{topics[0]} and {len(topics) - 1} more"


def _cluster(place: Place) -> str:
    return place.profile or place.bootstrap


class ReplayRow(NamedTuple):
    """`stage` is what this window knows of it, which may be ahead of the disk."""

    replay: Replay
    stage: Stage

    @property
    def job(self) -> str:
        return self.replay.meant.job if self.replay.meant else self.replay.path.stem

    @property
    def way(self) -> str:
        return way(self.replay.meant) if self.replay.meant else str(self.replay.trouble or "")

    @property
    def progress(self) -> str:
        return f"{self.replay.fraction:.0%}".replace("%", " %") if self.replay.run else ""

    @property
    def rate(self) -> float:
        progress = self.replay.progress
        return progress.rate if progress and self.stage is Stage.RUNNING else 0.0


PROGRESS = 3


class ReplaysModel(RowsModel[ReplayRow]):
    def __init__(self, parent: QObject | None = None) -> None:
        self.zone: tzinfo = UTC
        columns: tuple[Column[ReplayRow], ...] = (
            Column("Job", lambda r: r.job, lambda r: r.job.lower(), 24),
            Column("State", lambda r: r.stage, lambda r: r.stage, 16),
            Column("From → to", lambda r: r.way, lambda r: r.way, 36),
            Column("Progress", lambda r: r.progress, lambda r: r.replay.fraction, 18),
            *(_counted(name) for name in ("read", "written", "quarantined", "skipped")),
            Column(
                "Rate", lambda r: rate(r.rate) if r.rate else "", lambda r: r.rate, 11, True, "Records read a second"
            ),
            Column("Guarantee", _guarantee, _guarantee, 15),
            Column("Started", self._began, lambda r: r.replay.began or math.inf, 20, tip="The last time"),
        )
        super().__init__(columns, lambda r: r.replay.path, _tip, _tone, parent)

    def _began(self, row: ReplayRow) -> str:
        return timestamp(int(row.replay.began * 1000), self.zone)[:19] if row.replay.began else ""


def _counted(name: str) -> Column[ReplayRow]:
    def number(row: ReplayRow) -> int:
        return int(getattr(row.replay.total, name))

    return Column(name.capitalize(), lambda r: count(number(r)) if r.replay.run else "", number, 12, True)


def _guarantee(row: ReplayRow) -> str:
    return str(row.replay.meant.guarantee) if row.replay.meant else ""


def _tip(row: ReplayRow) -> str:
    progress, trouble = row.replay.progress, row.replay.trouble
    return str(trouble or (progress.detail if progress else "") or row.replay.path)


def _tone(row: ReplayRow, column: int) -> str:
    if column == 1:
        return stage_tone(row.stage)
    return "bad" if column == 2 and row.replay.meant is None else "text"


class PartRow(NamedTuple):
    """A source partition of a run, and where its records go."""

    range: OffsetRange
    target: str
    reached: Reached

    @property
    def fraction(self) -> float:
        whole = (self.range.end or 0) - self.range.start
        return (self.reached.position - self.range.start) / whole if whole else 1.0


PART_PROGRESS = 1


def part_rows(replay: Replay) -> list[PartRow]:
    if replay.run is None:
        return []
    reached = replay.progress.reached if replay.progress else {}
    targets = replay.run.plan.target.topics
    return [
        PartRow(each, targets[each.source.topic], reached.get(each.source, Reached(each.start, Counts())))
        for each in replay.run.ranges
    ]


class PartsModel(RowsModel[PartRow]):
    def __init__(self, parent: QObject | None = None) -> None:
        columns: tuple[Column[PartRow], ...] = (
            Column("Partition", lambda r: f"{r.range.source.topic}-{r.range.source.partition}", _source, 20),
            Column("Progress", lambda r: f"{r.fraction:.0%}".replace("%", " %"), lambda r: r.fraction, 18),
            Column("Position", lambda r: count(r.reached.position), lambda r: r.reached.position, 12, True),
            Column("End", lambda r: count(r.range.end or 0), lambda r: r.range.end or 0, 12, True),
            *(_counted_part(name) for name in ("read", "written", "quarantined", "skipped")),
            Column("Target", lambda r: r.target, lambda r: r.target, 17),
        )
        super().__init__(columns, _source, _part_tip, lambda _row, _column: "text", parent)


def _source(row: PartRow) -> tuple[str, int]:
    return row.range.source


def _part_tip(row: PartRow) -> str:
    left = (row.range.end or 0) - row.reached.position
    return f"{count(left)} offsets are left. {count(row.reached.counts.scanned)} records were looked at."


def _counted_part(name: str) -> Column[PartRow]:
    def number(row: PartRow) -> int:
        return int(getattr(row.reached.counts, name))

    return Column(name.capitalize(), lambda r: count(number(r)), number, 12, True)


class ExceptionalModel(RowsModel[Exceptional]):
    def __init__(self, parent: QObject | None = None) -> None:
        columns: tuple[Column[Exceptional], ...] = (
            Column("Partition", lambda r: f"{r.source.topic}-{r.source.partition}", lambda r: (r.source, r.offset), 28),
            Column("Offset", lambda r: count(r.offset), lambda r: r.offset, 14, True),
            Column("What became of it", outcome, outcome, 18),
            Column("Why", lambda r: r.why, lambda r: r.why, 70),
        )
        super().__init__(columns, lambda r: (r.source, r.offset), lambda r: r.why, _outcome_tone, parent)


def outcome(row: Exceptional) -> str:
    return {Policy.STOP: "stopped the run", Policy.QUARANTINE: "quarantined", Policy.SKIP: "skipped"}[row.outcome]


def _outcome_tone(row: Exceptional, column: int) -> str:
    return ("bad" if row.outcome is Policy.STOP else "warn") if column == 2 else "text"
