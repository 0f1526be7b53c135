"""Statistics of a topic: its ranges cut into pieces, counted by workers, merged as they come."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure
from kexplorer.model.records import Trouble
from kexplorer.model.search import Interval
from kexplorer.model.statistics import PieceStatistics, Statistics
from kexplorer.model.topics import OffsetRange, TopicPartition
from kexplorer.services.coverage import Plan, length
from kexplorer.services.crew import Crew, Outcome, Scanning
from kexplorer.services.settling import Settling

SAMPLE = 100_000  # records that tell much of a topic in a few seconds
_PLACES = 200  # at which a sample is read, all partitions together


@dataclass(frozen=True, slots=True)
class Extent:
    """How much was looked at, in offsets: `done` of the `wanted` ones, which are a sample if there are more in `all`.
    `seconds` it took so far."""

    done: int
    wanted: int
    all: int
    seconds: float

    @property
    def complete(self) -> bool:
        return self.done >= self.all

    @property
    def fraction(self) -> float:
        """Of what is wanted."""
        return self.done / self.wanted if self.wanted else 1.0

    @property
    def share(self) -> float:
        """Of all there is."""
        return self.done / self.all if self.all else 1.0


class Counting:
    """Owns its workers until `close`. `step` is pulled; what was counted so far is in `whole` and, by partition, in
    `parts`. `sample`: about so many records, evenly spread; None for all. `known` are troubles that came with the
    ranges."""

    def __init__(
        self,
        ranges: Sequence[OffsetRange],
        scan: Scanning,
        open_executor: Callable[[], Executor],
        workers: int = 2,
        *,
        sample: int | None = None,
        known: Iterable[Trouble] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.whole = Statistics()
        self.parts = {each.source: Statistics() for each in ranges}
        self.troubles = list(known)
        left_out = {} if sample is None else _left_out(ranges, sample)
        self._plan = Plan(ranges, False, workers, left_out)
        self._crew = Crew(scan, open_executor, workers)
        self._all, self._wanted, self._done = sum(map(length, ranges)), self._plan.left, 0
        self._settling = Settling(self._plan, self.troubles)
        self._clock, self._began, self._ended = clock, clock(), 0.0

    async def step(self) -> bool:
        """Waits for workers, about 0.1 s. False once all is counted, or closed."""
        if self._ended:
            return False
        for outcome in await self._crew.step(self._plan.next_piece):
            self._settle(outcome)
        if self._plan.left or self._crew.busy:
            return True
        await self.close()
        return False

    async def close(self) -> None:
        """Ends the workers at once; what they have not brought is not counted."""
        if not self._ended:
            self._ended = self._clock()
            await self._crew.close()

    def extent(self) -> Extent:
        return Extent(self._done, self._wanted, self._all, (self._ended or self._clock()) - self._began)

    def _settle(self, outcome: Outcome) -> None:
        if (result := self._settling.take(outcome, PieceStatistics)) is not None:
            self.parts[outcome.piece.range.source].merge(result.statistics)
            self.whole.merge(result.statistics)
            self._done += result.reached - outcome.piece.range.start


OpenCounting = Callable[[Sequence[OffsetRange], Sequence[Trouble], int | None], Awaitable[Counting]]
"""Counts what is in the ranges, or in a sample of so many records; the troubles came with the ranges."""


async def stored(cluster: Cluster, sources: Sequence[TopicPartition]) -> int:
    """Bytes on disk, each partition's at its leader. Raises the `Failure` of a broker that does not tell."""
    led: dict[int, list[TopicPartition]] = {}
    for topic in (await cluster.metadata()).topics:
        for part in topic.partitions:
            if part.leader is not None and (source := TopicPartition(topic.name, part.id)) in sources:
                led.setdefault(part.leader, []).append(source)
    total = 0
    for broker, found in (await cluster.log_dirs(led)).items():
        if isinstance(found, Failure):
            raise found
        replicas = {source: each for log in found for source, each in log.replicas.items() if not each.future}
        total += sum(replicas[source].size for source in led[broker] if source in replicas)
    return total


def _left_out(ranges: Sequence[OffsetRange], sample: int) -> dict[TopicPartition, list[Interval]]:
    """What lies between the stretches of a sample: as many a partition as there is room for, spread from its first
    offset to its last."""
    whole = sum(map(length, ranges))
    if whole <= sample:
        return {}
    left_out: dict[TopicPartition, list[Interval]] = {}
    for each in ranges:
        there = length(each)
        places = max(round(_PLACES * there / whole), 1)
        wanted = max(round(sample * there / whole / places), 1)  # offsets at each place
        step = there / places
        if wanted < step:
            starts = [
                each.start + round(n * step + (step - wanted) * (n / (places - 1) if places > 1 else 0.5))
                for n in range(places)
            ]
            edges = [each.start, *(edge for start in starts for edge in (start, start + wanted)), each.end or 0]
            left_out[each.source] = [gap for gap in zip(edges[::2], edges[1::2], strict=True) if gap[0] < gap[1]]
    return left_out
