"""How fast a bulk send goes, where it ends, and what is counted of it."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kexplorer.model.produce import Deliveries

MOST_ROWS = 2000  # taken from the input at once
TICK = 0.05  # seconds; a rate is kept to within that
_SAMPLES = 4000  # latencies that are kept, spread over all; and the newest ones


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a production ends, and how fast it goes. None: no limit."""

    count: int | None = None
    rate: float | None = None  # messages a second
    byte_rate: float | None = None  # bytes of keys and values a second
    seconds: float | None = None  # of sending, without pauses


@dataclass(frozen=True, slots=True)
class Progress:
    """`sent` were handed to the client; of these `acknowledged` and `failed` are settled. `nbytes` are those of keys
    and values sent. `skipped` rows could not be sent, or had been before. Latencies in milliseconds, 0 before the first
    one: of all so far, and of the newest."""

    sent: int
    acknowledged: int
    failed: int
    skipped: int
    nbytes: int
    seconds: float
    rate: float  # acknowledged a second
    p50: float
    p99: float
    newest_p50: float
    newest_p99: float

    @property
    def undelivered(self) -> int:
        return self.sent - self.acknowledged - self.failed


class Counts:
    def __init__(self) -> None:
        self.sent = self.acknowledged = self.failed = self.skipped = self.nbytes = 0
        self._spread = array("f")  # every `_every`-th latency
        self._every = 1
        self._newest: deque[float] = deque(maxlen=_SAMPLES // 4)

    def add(self, news: Deliveries) -> None:
        self.failed += len(news.failures)
        self.acknowledged += len(news) - len(news.failures)
        if len(news) > len(news.failures):
            self._add_latencies(news.latencies)

    def add_counted(self, acknowledged: int, latencies: Sequence[float]) -> None:
        """Records of which nothing else is known."""
        self.acknowledged += acknowledged
        self._add_latencies(latencies)

    def forget_latencies(self) -> None:
        """Those so far tell nothing of what is to come."""
        self._newest.clear()
        self._spread, self._every = array("f"), 1

    def _add_latencies(self, latencies: Sequence[float]) -> None:
        self._newest.extend(latencies[-_SAMPLES // 4 :])
        self._spread.extend(latencies[:: self._every])
        while len(self._spread) > _SAMPLES:
            self._spread, self._every = self._spread[::2], self._every * 2

    def progress(self, seconds: float) -> Progress:
        p50, p99 = _percentiles(self._spread)
        newest = _percentiles(self._newest)
        rate = self.acknowledged / seconds if seconds > 0 else 0.0
        counts = (self.sent, self.acknowledged, self.failed, self.skipped, self.nbytes)
        return Progress(*counts, seconds, rate, p50, p99, *newest)


class Pace:
    """How much may be sent now. Counts the time of sending without pauses."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._since: float | None = None
        self._before = 0.0  # seconds up to the last pause
        self._bytes_left = 0.0

    @property
    def seconds(self) -> float:
        return self._before + (self._clock() - self._since if self._since is not None else 0.0)

    def start(self) -> None:
        if self._since is None:
            self._since = self._clock()

    def stop(self) -> None:
        self._before, self._since = self.seconds, None

    def over(self, sent: int) -> bool:
        limits = self._limits
        return (limits.count is not None and sent >= limits.count) or (
            limits.seconds is not None and self.seconds >= limits.seconds
        )

    def allowed(self, sent: int, nbytes: int) -> int:
        """How many records may be sent at once now; 0 for none yet."""
        most = MOST_ROWS if self._limits.count is None else min(MOST_ROWS, self._limits.count - sent)
        if self._limits.rate is not None:
            most = min(most, int(self._limits.rate * (self.seconds + TICK)) - sent)
        if self._limits.byte_rate is not None:
            self._bytes_left = self._limits.byte_rate * (self.seconds + TICK) - nbytes
            most = most if self._bytes_left > 0 else 0
        return max(most, 0)

    def fitting(self, sizes: Iterable[int]) -> int:
        """How many of these records the rate of bytes allows: one at least, else a large one would never be sent."""
        fitting = 0
        for size in sizes:
            self._bytes_left -= size
            if fitting and self._bytes_left < 0:
                break
            fitting += 1
        return fitting


def _percentiles(latencies: Iterable[float]) -> tuple[float, float]:
    ordered = sorted(latencies)
    if not ordered:
        return 0.0, 0.0
    return ordered[len(ordered) // 2], ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)]
