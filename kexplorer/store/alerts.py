"""Rules for alerts, by name, and the log of what they told."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kexplorer.model.alerts import Alert, AlertLine, AlertRule, Metric
from kexplorer.model.verdicts import State
from kexplorer.store.database import Database
from kexplorer.store.named import NamedStore

MOST_LINES = 100_000  # the oldest go
_SCHEMA = """
CREATE TABLE IF NOT EXISTS alert (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, connection TEXT NOT NULL, rule TEXT NOT NULL,
    consumer TEXT NOT NULL, began INTEGER NOT NULL, text TEXT NOT NULL, trouble TEXT NOT NULL);
"""

_HINT = "Alerts are told, but not noted. Move the file away; it only holds the log of alerts."


class AlertRuleStore(NamedStore[AlertRule]):
    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path, "alert", 1 << 20, asdict, _rule)


def _rule(entry: dict[str, Any]) -> AlertRule | None:
    numbers = {name: entry.get(name) for name in ("above", "below", "seconds", "muted_until")}
    texts = {name: entry.get(name) for name in ("name", "groups", "webhook")}
    if not all(isinstance(each, int | float) for each in numbers.values()):
        return None
    if not all(isinstance(each, str) for each in texts.values()):
        return None
    try:
        kinds = {"metric": Metric(str(entry.get("metric"))), "state": State(str(entry.get("state")))}
    except ValueError:
        return None
    given: dict[str, Any] = {**texts, **numbers, **kinds}
    return AlertRule(**given)


class AlertLog:
    """A file that only its owner can read. Every call works in a daemon thread, since a disk may hang, and raises
    `Failure` for what it cannot do."""

    def __init__(self, path: Path | None = None) -> None:
        self._database = Database(path, "alerts.db", _SCHEMA, hint=_HINT)
        self.path = self._database.path

    async def add(self, connection: str, alert: Alert, trouble: str = "") -> None:
        add = "INSERT INTO alert VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)"
        values = (int(alert.at * 1000), connection, alert.rule.name, alert.group, alert.began, alert.text, trouble)

        def work(database: sqlite3.Connection) -> None:
            newest = database.execute(add, values).lastrowid or 0
            database.execute("DELETE FROM alert WHERE id <= ?", (newest - MOST_LINES,))

        await self._database.run(work)

    async def lines(self, limit: int) -> list[AlertLine]:
        """The newest first, `limit` at most."""
        find = "SELECT at, connection, rule, consumer, began, text, trouble FROM alert ORDER BY id DESC LIMIT ?"
        rows = await self._database.run(lambda database: database.execute(find, (limit,)).fetchall())
        return [
            AlertLine(at / 1000, who, rule, group, bool(began), *rest) for at, who, rule, group, began, *rest in rows
        ]
