"""Time zones by the names that people and settings use."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from PySide6.QtCore import QTimeZone

LOCAL = "local"


def zone_named(name: str) -> tzinfo | None:
    """None if this machine does not know it. LOCAL is its own zone."""
    if name == LOCAL:
        return zone_named(bytes(QTimeZone.systemTimeZoneId().data()).decode()) or datetime.now().astimezone().tzinfo
    if name in ("UTC", "Etc/UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return None


def zone_names() -> list[str]:
    return sorted({bytes(each.data()).decode() for each in QTimeZone.availableTimeZoneIds()})
