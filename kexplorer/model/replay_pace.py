"""How fast a replay may go: by records and bytes a second, or by the time that once lay between its records."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from kexplorer.model.replay import Pace

_BURST = 0.2  # seconds of a rate that may go at once


class _Bucket:
    """Fills by `rate` a second. What is larger than what is in it leaves a debt, which is waited for."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._most = rate * _BURST + 1  # the part of a record that is left over must not be lost
        self._level, self._since = self._most, now

    def level(self, now: float) -> float:
        self._level = min(self._most, self._level + (now - self._since) * self._rate)
        self._since = now
        return self._level

    def take(self, amount: float) -> None:
        self._level -= amount


class Throttle:
    """Says how much may be sent now."""

    def __init__(self, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        now = clock()
        self._records = _Bucket(pace.records, now) if pace.records else None
        self._bytes = _Bucket(pace.bytes, now) if pace.bytes else None

    def room(self) -> tuple[float, float]:
        """Records and bytes; where one is below 1 nothing may be sent yet."""
        now = self._clock()
        records = self._records.level(now) if self._records else math.inf
        return records, self._bytes.level(now) if self._bytes else math.inf

    def sent(self, records: int, nbytes: int) -> None:
        if self._records:
            self._records.take(records)
        if self._bytes:
            self._bytes.take(nbytes)


class Timing:
    """When each record is due, by its timestamp. The first is due at once; a pause puts all others off."""

    def __init__(self, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self._factor = pace.timing or math.inf
        self._longest = pace.longest_gap
        self._clock = clock
        self._due = clock()
        self._last: int | None = None

    def wait_for(self, timestamp: int) -> float:
        """Seconds until the next record, of this timestamp (milliseconds since 1970), is due; 0 or less: it is."""
        return self._due + self._gap(timestamp) - self._clock()

    def sent(self, timestamp: int) -> None:
        self._due += self._gap(timestamp)
        self._last = max(self._last or 0, timestamp)

    def put_off(self, seconds: float) -> None:
        self._due += seconds

    def _gap(self, timestamp: int) -> float:
        """Of the replay. The longest gap is one of the original."""
        before = 0 if self._last is None else max(timestamp - self._last, 0) / 1000
        return min(before, self._longest) / self._factor
