"""The timestamp of a message: that of its sending, or one that is given."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit

from kexplorer.formats.numbers import timestamp
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.ui.widgets.range_box import mark_invalid

_LONGEST = 1 << 63


class TimeBox(QLineEdit):
    """Empty: when it is sent."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._zone: tzinfo = UTC
        self.setPlaceholderText("Timestamp: now")
        self.setAccessibleName("Timestamp")
        self.setToolTip("Empty: when it is sent. Or 2026-11-23T10:00:00.000, or milliseconds since 1970")
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * 22)
        self.textChanged.connect(lambda _: self._check())

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = zone
        self._check()

    def show_time(self, ms: int | None) -> None:
        self.setText(timestamp(ms, self._zone))

    def milliseconds(self) -> int | None:
        """None: when it is sent. Raises `Failure` for what is no time."""
        given = self.text().strip()
        if not given:
            return None
        try:
            return _number(given) if given.lstrip("-").isdecimal() else _milliseconds(given, self._zone)
        except (ValueError, OverflowError):
            hint = "Write 2026-11-23T10:00:00.000 or milliseconds since 1970, or nothing for now."
            raise Failure(FailureKind.INVALID, f"“{given}” is no timestamp.", hint) from None

    def _check(self) -> None:
        try:
            self.milliseconds()
        except Failure:
            mark_invalid(self, True)
        else:
            mark_invalid(self, False)
        self.changed.emit()


def _number(given: str) -> int:
    ms = int(given)
    if not -_LONGEST <= ms < _LONGEST:
        raise ValueError(given)
    return ms


def _milliseconds(given: str, zone: tzinfo) -> int:
    when = datetime.fromisoformat(given)
    when = when if when.tzinfo else when.replace(tzinfo=zone)
    past = when - datetime(1970, 1, 1, tzinfo=UTC)
    return (past.days * 86_400 + past.seconds) * 1000 + past.microseconds // 1000
