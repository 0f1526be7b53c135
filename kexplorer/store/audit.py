"""The audit log: one line for every change that was sent, in SQLite. Lines are added, never changed, never deleted."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kexplorer.model.audit import AuditLine, Sent
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.store.database import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sent (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, profile TEXT NOT NULL, cluster TEXT NOT NULL,
    verb TEXT NOT NULL, targets TEXT NOT NULL, parameters TEXT NOT NULL, before TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS answered (
    id INTEGER PRIMARY KEY REFERENCES sent, at INTEGER NOT NULL, outcome TEXT NOT NULL, results TEXT NOT NULL,
    notes TEXT NOT NULL);
"""
_TRIGGERS = "".join(
    f"CREATE TRIGGER IF NOT EXISTS {table}_{verb} BEFORE {verb} ON {table} "
    "BEGIN SELECT RAISE(ABORT, 'lines of the audit log stay as they are'); END;"
    for table in ("sent", "answered")
    for verb in ("update", "delete")
)
_LINES = """
SELECT s.id, s.at, s.profile, s.cluster, s.verb, s.targets, s.parameters, s.before, a.at, a.outcome, a.results, a.notes
FROM sent s LEFT JOIN answered a ON a.id = s.id ORDER BY s.id DESC LIMIT ?"""
_COLUMNS = ("time", "connection", "cluster", "change", "targets", "parameters", "before", "answered", "outcome")


class AuditStore:
    """A file that only its owner can read. Every call works in a daemon thread, since a disk may hang, and raises
    `Failure` for what it cannot do."""

    def __init__(self, path: Path | None = None) -> None:
        self._database = Database(path, "audit.db", _SCHEMA + _TRIGGERS, durable=True, called="The audit log")
        self.path = self._database.path

    async def begin(self, sent: Sent) -> int:
        """The line is on disk when this returns; the answer is its id."""
        texts = [sent.profile, sent.cluster, sent.verb, *map(_text, (sent.targets, sent.parameters, sent.before))]

        def work(database: sqlite3.Connection) -> int:
            made = database.execute("INSERT INTO sent VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", (_now(), *texts))
            return made.lastrowid or 0

        return await self._database.run(work, "Nothing was sent: a change needs its line in the audit log first.")

    async def finish(self, line: int, outcome: str, results: Mapping[str, str], notes: Sequence[str]) -> None:
        values = (line, _now(), outcome, _text(results), _text(notes))
        add = "INSERT INTO answered VALUES (?, ?, ?, ?, ?)"
        await self._database.run(
            lambda database: database.execute(add, values), "The change was sent; its outcome is not noted."
        )

    async def lines(self, limit: int) -> list[AuditLine]:
        """The newest first, `limit` at most."""
        return await self._database.run(lambda database: list(_read(database, limit)), "Nothing of it is shown.")

    async def export(self, path: Path, wanted: Callable[[AuditLine], bool]) -> int:
        """Writes all lines that are `wanted`, the newest first, as CSV where `path` ends so, else as JSON lines.
        Replaces the file when all of it is written; the answer is the number of lines."""

        def work(database: sqlite3.Connection) -> int:
            part = path.with_name(f"{path.name}.part")
            try:
                with open(part, "w", encoding="utf-8", newline="") as file:
                    lines = (line for line in _read(database, -1) if wanted(line))
                    count = _write_csv(file, lines) if path.suffix.lower() == ".csv" else _write_json(file, lines)
                os.replace(part, path)
            except OSError as error:
                part.unlink(missing_ok=True)
                raise Failure(
                    FailureKind.REFUSED, f"{path} could not be written: {error.strerror}.", "Choose another place."
                ) from error
            return count

        return await self._database.run(work, "Nothing was exported.")


def _read(database: sqlite3.Connection, limit: int) -> Iterator[AuditLine]:
    for id_, at, profile, cluster, verb, targets, parameters, before, *answer in database.execute(_LINES, (limit,)):
        was = tuple((what, old, new) for what, old, new in json.loads(before))
        sent = Sent(profile, cluster, verb, tuple(json.loads(targets)), json.loads(parameters), was)
        answered_at, outcome, results, notes = answer
        yield AuditLine(
            id_,
            at,
            sent,
            answered_at,
            outcome,
            None if results is None else json.loads(results),
            () if notes is None else tuple(json.loads(notes)),
        )


def _write_json(file: Any, lines: Iterator[AuditLine]) -> int:
    count = 0
    for count, line in enumerate(lines, start=1):  # noqa: B007  (the number of the last is the answer)
        sent = line.sent
        found = {
            **dict(zip(_COLUMNS, _cells(line), strict=True)),
            "targets": sent.targets,
            "parameters": sent.parameters,
            "before": [dict(zip(("what", "was", "asked"), each, strict=True)) for each in sent.before],
            "results": line.results,
            "notes": line.notes,
        }
        file.write(json.dumps(found, ensure_ascii=False) + "\n")
    return count


def _write_csv(file: Any, lines: Iterator[AuditLine]) -> int:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    writer = csv.writer(file)
    writer.writerow((*_COLUMNS, "failures", "notes"))
    count = 0
    for count, line in enumerate(lines, start=1):  # noqa: B007
        failures = "; ".join(f"{item}: {why}" for item, why in (line.results or {}).items() if why)
        cells = [*_cells(line), failures, "; ".join(line.notes)]
        writer.writerow([f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell for cell in cells])
    return count


def _cells(line: AuditLine) -> tuple[str, ...]:
    sent = line.sent
    was = "; ".join(f"{what}: {old} → {new}" for what, old, new in sent.before)
    texts = ("; ".join(sent.targets), json.dumps(sent.parameters, ensure_ascii=False), was)
    return (_iso(line.at), sent.profile, sent.cluster, sent.verb, *texts, _iso(line.answered_at), line.outcome or "")


def _iso(ms: int | None) -> str:
    return "" if ms is None else f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(ms // 1000))}.{ms % 1000:03d}Z"


def _now() -> int:
    return time.time_ns() // 1_000_000


def _text(value: object) -> str:
    return json.dumps(value)
