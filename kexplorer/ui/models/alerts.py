"""Rules for alerts, and what they told, as tables."""

from __future__ import annotations

import time
from datetime import UTC, tzinfo
from urllib.parse import urlsplit

from PySide6.QtCore import QObject

from kexplorer.formats.numbers import timestamp
from kexplorer.model.alerts import AlertLine, AlertRule
from kexplorer.ui.models.rows import Column, RowsModel


class AlertRulesModel(RowsModel[AlertRule]):
    def __init__(self, parent: QObject | None = None) -> None:
        columns: tuple[Column[AlertRule], ...] = (
            Column("Rule", lambda r: r.name, lambda r: r.name.lower(), 26),
            Column("Groups", lambda r: r.groups, lambda r: r.groups, 22),
            Column("Tells of", lambda r: r.condition, lambda r: r.condition, 34),
            Column("Webhook", lambda r: urlsplit(r.webhook).hostname or "", lambda r: r.webhook, 22),
            Column("State", _state, _state, 16),
        )
        super().__init__(
            columns, lambda r: r.name, lambda r: f"{r.name}: {r.groups}, {r.condition}", _rule_tone, parent
        )


def _state(rule: AlertRule) -> str:
    return "muted" if rule.muted_until > time.time() else "on"


def _rule_tone(rule: AlertRule, column: int) -> str:
    return "muted" if column == 4 or rule.muted_until > time.time() else "text"


class AlertLogModel(RowsModel[AlertLine]):
    def __init__(self, parent: QObject | None = None) -> None:
        self.zone: tzinfo = UTC
        columns: tuple[Column[AlertLine], ...] = (
            Column("Time", self._time, lambda r: r.at, 24),
            Column("Connection", lambda r: r.connection, lambda r: r.connection, 18),
            Column("Rule", lambda r: r.rule, lambda r: r.rule, 18),
            Column("What", _what, _what, 56),
        )
        super().__init__(columns, lambda r: (r.at, r.rule, r.group), _what, _line_tone, parent)

    def _time(self, line: AlertLine) -> str:
        return timestamp(int(line.at * 1000), self.zone)


def _what(line: AlertLine) -> str:
    return f"{line.text} The webhook was not told: {line.trouble}" if line.trouble else line.text


def _line_tone(line: AlertLine, column: int) -> str:
    return ("warn" if line.began else "good") if column == 3 else "text"
