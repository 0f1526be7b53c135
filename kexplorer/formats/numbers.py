"""Numbers and times as a person reads them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def timestamp(ms: int | None, zone: tzinfo) -> str:
    """Milliseconds since 1970 as "2026-11-23 03:59:00.000" in `zone`; "" for None.

    A producer may send any 64-bit integer: one outside the years 1 to 9999 is given as the number that it is.
    """
    if ms is None:
        return ""
    seconds, rest = divmod(ms, 1000)
    try:
        return f"{_second(seconds, zone)}.{rest:03d}"
    except (OverflowError, ValueError):
        return str(ms)


@lru_cache(maxsize=4096)  # the rows of a table are painted again and again, and neighbours share their second
def _second(seconds: int, zone: tzinfo) -> str:
    # Not fromtimestamp(), which refuses times before 1970 on Windows.
    moment = (_EPOCH + timedelta(seconds=seconds)).astimezone(zone)
    return moment.replace(tzinfo=None).isoformat(" ")


def count(n: int) -> str:
    """1234567 as "1,234,567"."""
    return f"{n:,}"


def size(nbytes: float) -> str:
    """Bytes in powers of 1000, as SI has it: "999 B", "1.0 kB", "1.2 MB"."""
    if abs(nbytes) < 1000:
        return f"{nbytes:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        nbytes /= 1000
        if abs(nbytes) < 999.95:
            return f"{nbytes:.1f} {unit}"
    return f"{nbytes / 1000:,.1f} PB"


def duration(seconds: float) -> str:
    """Two units at most: "0.25 ms", "45 ms", "1.5 s", "3 min 05 s", "2 h 05 min", "3 d 04 h"; "–" if not finite."""
    if not math.isfinite(seconds):
        return "–"
    if seconds < 0:
        return "-" + duration(-seconds)
    if seconds < 59.95:
        return _seconds(seconds)
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole // 60 % 60:02d} min"
    return f"{whole // 86_400:,} d {whole // 3600 % 24:02d} h"


def _seconds(seconds: float) -> str:
    if not seconds or seconds >= 0.9995:
        return f"{seconds:.1f} s" if seconds else "0 s"
    ms = seconds * 1000
    return f"{ms:.0f} ms" if ms >= 9.995 else f"{ms:.2f} ms"


def rate(per_second: float) -> str:
    """ "12,345/s", "4.2/s", "0.05/s", "<0.01/s", "0/s". For bytes write `size(x) + "/s"`."""
    if not per_second:
        return "0/s"
    if 0 < per_second < 0.005:
        return "<0.01/s"  # slow is not the same as stopped
    digits = 0 if per_second >= 9.95 else 1 if per_second >= 0.95 else 2
    return f"{per_second:,.{digits}f}/s"
