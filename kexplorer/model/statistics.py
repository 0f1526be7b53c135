"""What is in a topic, counted: small summaries that are made piece by piece, by several processes, and then merged."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kexplorer.model.distinct import Distinct
from kexplorer.model.search import PieceResult

_GAMMA = math.log(1.02)  # a bucket of sizes is 2 % wide, so a quantile is wrong by 1 %
_MOST_STEPS = 2048  # buckets of times; then they become twice as wide
_FINEST = 1000  # ms of a bucket of times
_KEPT = 200  # keys of which the numbers are known
_LONGEST_KEY = 256  # bytes of a key that are kept


@dataclass(slots=True)
class Sizes:
    """A histogram of bytes with buckets in equal ratios. `largest` is exact."""

    buckets: Counter[int] = field(default_factory=Counter)
    largest: int = 0
    total: int = 0

    @property
    def count(self) -> int:
        return self.buckets.total()

    def add(self, sizes: Mapping[int, int]) -> None:
        """How many there are of each size."""
        for size, count in sizes.items():
            self.buckets[_bucket(size)] += count
            self.total += size * count
        self.largest = max(self.largest, max(sizes, default=0))

    def merge(self, other: Sizes) -> None:
        self.buckets.update(other.buckets)
        self.largest = max(self.largest, other.largest)
        self.total += other.total

    def quantile(self, share: float) -> int:
        """The size that `share` of all do not exceed, to 1 %; 0 without any."""
        wanted, seen = share * self.count, 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= wanted:
                return min(_size(bucket), self.largest)
        return 0

    def by_doubling(self) -> dict[int, int]:
        """Number of those of 0, 1, 2, 3 to 4, 5 to 8 ... bytes, by the largest of each; none is left out between the
        smallest and the largest. A size near an edge may be counted next to it."""
        found: Counter[int] = Counter()
        for bucket, count in self.buckets.items():
            size = _size(bucket)
            found[0 if not size else 1 << (size - 1).bit_length()] += count
        if not found:
            return {}
        edges = [0] + [1 << n for n in range(max(found).bit_length())]
        return {edge: found[edge] for edge in edges if min(found) <= edge <= max(found)}


def _bucket(size: int) -> int:
    return math.floor(math.log(size) / _GAMMA) + 1 if size > 0 else 0


def _size(bucket: int) -> int:
    return round(math.exp((bucket - 0.5) * _GAMMA)) if bucket else 0


@dataclass(slots=True)
class Times:
    """Records by time: `buckets` of `step` milliseconds, numbered from 1970. A few records of strange times take a few
    buckets, not the resolution of all others."""

    buckets: Counter[int] = field(default_factory=Counter)
    step: int = _FINEST
    first: int | None = None
    last: int | None = None

    def add(self, times: Iterable[int]) -> None:
        """Milliseconds since 1970."""
        given = list(times)
        if given:
            self._span(min(given), max(given))
            step = self.step
            self.buckets.update([ms // step for ms in given])
            self._widen(self.step)

    def merge(self, other: Times) -> None:
        if other.first is None or other.last is None:
            return
        self._span(other.first, other.last)
        self._widen(other.step)
        ratio = self.step // other.step
        for bucket, count in other.buckets.items():
            self.buckets[bucket // ratio] += count
        self._widen(self.step)

    def within(self, borders: Sequence[int]) -> list[int]:
        """Records between one border (milliseconds since 1970) and the next; a bucket that lies in several counts where
        its middle is, or else its nearer end."""
        found, first, last = [0] * (len(borders) - 1), borders[0], borders[-1] - 1
        for bucket, count in self.buckets.items():
            start, end = bucket * self.step, (bucket + 1) * self.step
            if end > first and start <= last:
                found[bisect_right(borders, min(max((start + end) // 2, first), last)) - 1] += count
        return found

    def middle(self, share: float) -> tuple[int, int]:
        """The shortest time from a bucket's start to another's end that leaves out at most `1 - share` of the records,
        as many at either end. Raises ValueError without any."""
        order = sorted(self.buckets)
        spare = self.buckets.total() * (1 - share) / 2
        first = _beyond(order, self.buckets, spare)
        last = _beyond(order[::-1], self.buckets, spare)
        return first * self.step, (last + 1) * self.step

    def _span(self, first: int, last: int) -> None:
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)

    def _widen(self, step: int) -> None:
        while self.step < step or len(self.buckets) > _MOST_STEPS:
            wider: Counter[int] = Counter()
            for bucket, count in self.buckets.items():
                wider[bucket >> 1] += count
            self.buckets, self.step = wider, self.step * 2


def _beyond(order: Iterable[int], buckets: Mapping[int, int], spare: float) -> int:
    """The first bucket that does not fit into what may be left out."""
    seen, bucket = 0, None
    for bucket in order:
        seen += buckets[bucket]
        if seen > spare:
            return bucket
    if bucket is None:
        raise ValueError("no times")
    return bucket


@dataclass(slots=True)
class TopKeys:
    """The most frequent keys. `counts` are too small by at most `error`, and a key that is missing came no more often.

    Misra and Gries 1982, merged as in Agarwal et al. 2013, "Mergeable summaries" (doi:10.1145/2500128), whose summary
    is that of Space-Saving in other words. Of a long key only the beginning is kept."""

    counts: Counter[bytes] = field(default_factory=Counter)
    error: int = 0

    def add(self, keys: Mapping[bytes, int]) -> None:
        for key, count in keys.items():
            self.counts[key if len(key) <= _LONGEST_KEY else key[:_LONGEST_KEY]] += count
        if len(self.counts) > 20 * _KEPT:
            self.shrink()

    def merge(self, other: TopKeys) -> None:
        self.error += other.error
        self.add(other.counts)

    def shrink(self) -> None:
        if len(self.counts) > _KEPT:
            cut = sorted(self.counts.values(), reverse=True)[_KEPT]
            self.counts = Counter({key: count - cut for key, count in self.counts.items() if count > cut})
            self.error += cut

    def top(self, number: int) -> list[tuple[bytes, int]]:
        return self.counts.most_common(number)


@dataclass(slots=True)
class Statistics:
    """Of one partition, or of several. Sizes are those of keys and values, without headers and what batches add.
    `timeless`: records without a timestamp. Formats are those of a few records of each piece."""

    records: int = 0
    null_keys: int = 0
    tombstones: int = 0
    timeless: int = 0
    keys: Sizes = field(default_factory=Sizes)
    values: Sizes = field(default_factory=Sizes)
    times: Times = field(default_factory=Times)
    distinct: Distinct = field(default_factory=Distinct)
    top: TopKeys = field(default_factory=TopKeys)
    key_formats: Counter[str] = field(default_factory=Counter)
    value_formats: Counter[str] = field(default_factory=Counter)

    @property
    def nbytes(self) -> int:
        return self.keys.total + self.values.total

    def merge(self, other: Statistics) -> None:
        self.records += other.records
        self.null_keys += other.null_keys
        self.tombstones += other.tombstones
        self.timeless += other.timeless
        self.keys.merge(other.keys)
        self.values.merge(other.values)
        self.times.merge(other.times)
        self.distinct.merge(other.distinct)
        self.top.merge(other.top)
        self.key_formats.update(other.key_formats)
        self.value_formats.update(other.value_formats)


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceStatistics(PieceResult):
    """It looks for nothing, so `matches` is empty."""

    statistics: Statistics
