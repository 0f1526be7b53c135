"""The lines of the audit log as a table, and one of them in full."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, tzinfo

from PySide6.QtCore import QObject

from kexplorer.formats.numbers import duration, timestamp
from kexplorer.model.audit import AuditLine
from kexplorer.ui.models.rows import Column, RowsModel

_OUTCOME = 4  # its column
_TONES = {"done": "good", "failed": "bad"}
_WORDS = {
    None: "not known",
    "done": "done",
    "in part": "done in part",
    "differs": "done, but look again",
    "failed": "failed",
}
_UNKNOWN = "not known: the program ended before the answer came"


class AuditModel(RowsModel[AuditLine]):
    """The newest line has the highest number."""

    def __init__(self, parent: QObject | None = None) -> None:
        self.zone: tzinfo = UTC
        columns: tuple[Column[AuditLine], ...] = (
            Column("Time", lambda line: timestamp(line.at, self.zone), lambda line: line.id, 27),
            Column("Connection", lambda line: line.sent.profile, lambda line: line.sent.profile.lower(), 15),
            Column("Change", lambda line: line.sent.verb, lambda line: line.sent.verb, 22),
            Column("Targets", _targets, lambda line: line.sent.targets, 34),
            Column("Outcome", _outcome, _outcome, 20),
        )
        super().__init__(columns, lambda line: line.id, lambda line: "; ".join(failures(line)), _tone, parent)


def in_full(line: AuditLine, zone: tzinfo) -> str:
    return "\n".join(_told(line, zone))


def mentions(line: AuditLine, sought: str) -> bool:
    """Whether `sought`, in lower case, is part of what the line says."""
    sent = line.sent
    texts = (sent.profile, sent.cluster, sent.verb, _outcome(line), *sent.targets, *failures(line))
    return any(sought in text.lower() for text in texts)


def failures(line: AuditLine) -> list[str]:
    return [f"{target}: {why}" for target, why in (line.results or {}).items() if why]


def _told(line: AuditLine, zone: tzinfo) -> Iterator[str]:
    sent = line.sent
    yield f"{sent.verb} on {sent.profile} ({sent.cluster})"
    yield f"Sent      {timestamp(line.at, zone)}"
    if line.answered_at is None:
        yield f"Outcome   {_UNKNOWN}"
    else:
        yield f"Answered  {duration((line.answered_at - line.at) / 1000)} later"
        yield f"Outcome   {_outcome(line)}"
    yield from _part("Targets", sent.targets)
    yield from _part("What failed", failures(line))
    yield from _part("Worth knowing", line.notes)
    yield from _part("What it was, and what was asked for", (f"{w}: {old} → {new}" for w, old, new in sent.before))
    parameters = json.dumps(sent.parameters, ensure_ascii=False, indent=2).splitlines()
    yield from _part("Parameters", parameters)


def _part(title: str, lines: Iterator[str] | list[str] | tuple[str, ...]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if not number:
            yield from ("", title)
        yield f"  {line}"


def _targets(line: AuditLine) -> str:
    targets = line.sent.targets
    return targets[0] if len(targets) == 1 else f"{len(targets)}: {', '.join(targets[:20])}"


def _outcome(line: AuditLine) -> str:
    return _WORDS.get(line.outcome, line.outcome or "")


def _tone(line: AuditLine, column: int) -> str:
    return "text" if column != _OUTCOME else _TONES.get(line.outcome or "", "warn")
