"""What an examination of a group, a topic or a cluster finds: with numbers, what they mean, and what mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from kexplorer.model.failure import Failure


class Severity(StrEnum):
    """From bad to harmless."""

    PROBLEM = "problem"  # messages are lost, or not read
    RISK = "risk"  # goes well for now
    NOTE = "note"  # may surprise

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class Where(NamedTuple):
    """The panel that mends it or shows more: `kind` is "group", "topic", "messages" or "overview", `name` the group's
    or topic's, "" for an overview."""

    kind: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` names the check that found it, `title` is a sentence without its full stop. `evidence` are the numbers it
    stands on, by what they are; `meaning` and `remedy` are whole sentences."""

    check: str
    severity: Severity
    title: str
    evidence: Mapping[str, int | float | str]
    meaning: str
    remedy: str
    where: Where | None = None

    @property
    def facts(self) -> str:
        """The evidence as a person reads it."""
        shown = {name: each if isinstance(each, str) else f"{each:,}" for name, each in self.evidence.items()}
        return " · ".join(f"{name}: {each}" for name, each in shown.items())

    @property
    def text(self) -> str:
        """All of it, to be passed on."""
        return f"{str(self.severity).upper()}: {self.title}.\n  {self.facts}\n  {self.meaning}\n  {self.remedy}\n"


@dataclass(frozen=True, slots=True)
class Checked:
    """A check that has ended. `title` says what is well where it has `found` nothing; `failure` is why it could not
    look."""

    check: str
    title: str
    found: int = 0
    failure: Failure | None = None

    @property
    def fine(self) -> bool:
        return not self.found and self.failure is None
