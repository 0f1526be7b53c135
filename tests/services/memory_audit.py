"""An audit log in memory, for tests of what changes a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kexplorer.model.audit import Sent
from kexplorer.model.failure import Failure


class MemoryAudit:
    """It keeps `model.audit.AuditLog`. `sent` are the lines in their order, `answers` what came of each by its number;
    `failure` is raised by both calls."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.answers: dict[int, tuple[str, dict[str, str], tuple[str, ...]]] = {}
        self.failure: Failure | None = None

    async def begin(self, sent: Sent) -> int:
        if self.failure:
            raise self.failure
        self.sent.append(sent)
        return len(self.sent)

    async def finish(self, line: int, outcome: str, results: Mapping[str, str], notes: Sequence[str]) -> None:
        if self.failure:
            raise self.failure
        self.answers[line] = (outcome, dict(results), tuple(notes))
