"""What retention will delete before a group has read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kexplorer.model.failure import Failure
from kexplorer.model.topics import TopicPartition
from kexplorer.model.verdicts import duration

HORIZONS = (0, 300, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)  # seconds from now


@dataclass(frozen=True, slots=True)
class Log:
    """A partition that a group is behind in. `size` is that of its log in bytes, None where it is not known; `produced`
    and `committed` are offsets a second. `due`: up to which offset the time of retention is over at each of `HORIZONS`,
    empty without one."""

    start: int
    end: int
    position: int
    produced: float
    committed: float
    due: Sequence[int] = ()
    size: int | None = None
    most_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """`losses`: for each partition how many offsets will be deleted unread by each of `HORIZONS`, if all goes on as it
    does; of those that are in the log now. Brokers delete whole segments, so it may come later, never sooner.
    `troubles`: what could not be looked up."""

    group: str
    losses: Mapping[TopicPartition, Sequence[int]]
    troubles: tuple[Failure, ...] = ()

    @property
    def first(self) -> tuple[int, int] | None:
        """In how many seconds something will be lost, and how much of all partitions by then; None: nothing will."""
        totals = [sum(each) for each in zip(*self.losses.values(), strict=True)]
        return next(((seconds, lost) for seconds, lost in zip(HORIZONS, totals, strict=False) if lost), None)

    @property
    def warning(self) -> str:
        """A sentence; empty where nothing will be lost within a day."""
        if self.first is None:
            return ""
        seconds, lost = self.first
        when = f"In about {duration(seconds)}" if seconds else "At any moment"
        return f"{when} retention deletes {lost:,} messages that {self.group} has not read."


def losses(log: Log) -> tuple[int, ...]:
    """For one partition, as `Outlook` has it."""
    return tuple(_lost(log, number, seconds) for number, seconds in enumerate(HORIZONS))


def _lost(log: Log, number: int, seconds: int) -> int:
    deleted = log.due[number] if log.due else log.start
    if log.size is not None and log.most_bytes is not None and log.end > log.start:
        record = log.size / (log.end - log.start)
        over = log.size + log.produced * record * seconds - log.most_bytes
        if record > 0 and over > 0:
            deleted = max(deleted, log.start + int(over / record))
    reached = max(log.position, log.start) + int(log.committed * seconds)
    return max(min(deleted, log.end) - reached, 0)
