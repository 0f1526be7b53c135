"""How far consumer groups are behind, partition by partition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from kexplorer.model.failure import Failure
from kexplorer.model.groups import Group, Member
from kexplorer.model.topics import TopicPartition


class Reading(NamedTuple):
    """How far a group is in one partition. `committed` is the offset that it reads next, None where it never committed
    or that expired. `end` is the high watermark, `stable` the last stable offset where that was asked for: readers of
    committed records get no further. `member`: who reads the partition now."""

    source: TopicPartition
    committed: int | None
    start: int | None
    end: int | None
    stable: int | None = None
    member: Member | None = None
    trouble: Failure | None = None

    @property
    def lag(self) -> int | None:
        """Offsets that it has still to read: those below the log start can't be read any more. Negative: it committed
        an offset beyond the end, because the topic was truncated or recreated, or the offset was set so."""
        if self.committed is None or self.end is None:
            return None
        return self.end - max(self.committed, self.start or 0)

    @property
    def lost(self) -> int:
        """Offsets that were deleted before it read them."""
        return max((self.start or 0) - self.committed, 0) if self.committed is not None else 0


@dataclass(frozen=True, slots=True)
class GroupLag:
    """A group as it was seen at one moment, `at` in seconds since 1970. Offsets were read before the ends of the log,
    so that a lag is never too small by what came in between. `trouble`: its offsets could not be read at all."""

    group: Group
    readings: tuple[Reading, ...]
    at: float
    trouble: Failure | None = None

    @property
    def lag(self) -> int | None:
        """Of all partitions together where it is known; None where it is not for any."""
        return total_lag(self.readings)


def total_lag(readings: tuple[Reading, ...]) -> int | None:
    known = [reading.lag for reading in readings if reading.lag is not None]
    return sum(max(lag, 0) for lag in known) if known else None


@dataclass(frozen=True, slots=True)
class TimeLag:
    """How old what a group reads next is, in one partition: by timestamps, in milliseconds since 1970. `next` is that
    of the first record at or behind the committed offset, `newest` that of the last one; None where none is there.
    `unreadable`: how many offsets it lags behind without a record at any of them, since they are transaction markers,
    or what compaction left. `at` is when it was looked at."""

    at: int
    next: int | None = None
    newest: int | None = None
    unreadable: int = 0
    trouble: Failure | None = None

    @property
    def seconds(self) -> float | None:
        """Since the next record was written; 0 where nothing is left to read, negative if its timestamp is in the
        future. None: not known."""
        if self.trouble:
            return None
        return 0.0 if self.next is None else (self.at - self.next) / 1000

    @property
    def behind(self) -> float | None:
        """Seconds between the next record and the newest one: the age of the lag where nothing was written lately."""
        return None if self.next is None or self.newest is None else (self.newest - self.next) / 1000
