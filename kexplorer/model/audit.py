"""The record of every change that was sent: who may look at it later must find what was done, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Sent:
    """A change as it is about to be sent. `cluster` is the connection's bootstrap servers, and the cluster's id where
    that is known; `parameters` are plain JSON values without secrets; `before` says (what, value then, value asked for)
    as the preview read it."""

    profile: str
    cluster: str
    verb: str
    targets: tuple[str, ...]
    parameters: Mapping[str, Any]
    before: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class AuditLine:
    """`at` and `answered_at` are milliseconds since 1970 UTC. `outcome` is None where the answer was never seen: the
    program ended before. `results`: what went wrong by target, and "" for what went well; `notes`: what was found to
    differ afterwards."""

    id: int
    at: int
    sent: Sent
    answered_at: int | None = None
    outcome: str | None = None
    results: Mapping[str, str] | None = None
    notes: tuple[str, ...] = ()


class AuditLog(Protocol):
    """Append-only. Both calls raise `Failure` when the line could not be written."""

    async def begin(self, sent: Sent) -> int:
        """On disk when it returns; the answer is the line's id."""
        ...

    async def finish(self, line: int, outcome: str, results: Mapping[str, str], notes: Sequence[str]) -> None: ...
