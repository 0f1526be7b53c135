"""Every change of a cluster: previewed, noted before it is sent, and compared with what the cluster has afterwards."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from kexplorer.formats.commands import is_secret
from kexplorer.model.audit import AuditLog, Sent
from kexplorer.model.changes import AlterConfig, Change, items_of, refuse_read_only
from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.topics import TopicPartition
from kexplorer.services import previews
from kexplorer.services.present import name_of
from kexplorer.services.previews import HIDDEN, Preview
from kexplorer.services.read_back import differences

_UNCERTAIN = (FailureKind.TIMEOUT, FailureKind.UNREACHABLE)  # the broker may have heard of it all the same


@dataclass(frozen=True, slots=True)
class Outcome:
    """`failures` by item (`model.changes.items_of`); the other items were taken. `differs`: what the cluster has now
    that was not asked for, and what else a person should know, in sentences."""

    failures: dict[str, Failure]
    differs: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """All of it, and nothing to tell."""
        return not self.failures and not self.differs


class Changes:
    """The one way in which the program changes a cluster."""

    def __init__(self, cluster: Cluster, audit: AuditLog) -> None:
        self._cluster = cluster
        self._audit = audit
        self._cluster_id = ""  # not known yet

    @property
    def profile(self) -> Profile:
        return self._cluster.profile

    async def preview(self, change: Change) -> Preview:
        """Reads what is there now; changes nothing."""
        found, _ = await asyncio.gather(previews.preview(self._cluster, change), self._identify())
        return found

    async def carry_out(self, change: Change, preview: Preview | None = None) -> Outcome:
        """Raises `Failure` where nothing was sent: the profile is read-only, or the audit log can't be written."""
        refuse_read_only(self.profile, change)
        items = items_of(change)
        before = tuple(preview.rows) if preview else ()
        line = await self._audit.begin(
            Sent(self.profile.name, self._where(), change.verb, items, parameters(change), before)
        )
        try:
            answers = await self._cluster.apply(change)
        except Failure as failure:
            answers = dict.fromkeys(items, failure)
        failures = {item: answer for item, answer in answers.items() if answer is not None}
        notes = await self._look_again(change, set(items), failures)
        outcome = (
            "failed" if len(failures) == len(answers) else "in part" if failures else "differs" if notes else "done"
        )
        results = {item: str(failures.get(item, "")) for item in items}
        try:
            await self._audit.finish(line, outcome, results, notes)
        except Failure as failure:
            notes = (*notes, str(failure))
        return Outcome(failures, notes)

    async def _identify(self) -> None:
        """Addresses may lead to another cluster one day."""
        if not self._cluster_id:
            with contextlib.suppress(Failure):
                self._cluster_id = (await self._cluster.metadata()).cluster_id or ""

    def _where(self) -> str:
        return f"{self.profile.bootstrap}, id {self._cluster_id}" if self._cluster_id else self.profile.bootstrap

    async def _look_again(self, change: Change, items: set[str], failures: dict[str, Failure]) -> tuple[str, ...]:
        taken = items - failures.keys()
        if taken:
            return await differences(self._cluster, change, taken)
        if all(failure.kind in _UNCERTAIN for failure in failures.values()):
            return (f"{change.verb} may have been carried out all the same. Look again before you repeat it.",)
        return ()


def parameters(change: Change) -> dict[str, Any]:
    """What was asked for as plain JSON values, without secrets."""
    found = {field.name: _plain(getattr(change, field.name)) for field in fields(change) if field.repr}
    if isinstance(change, AlterConfig):
        found["sets"] = {name: HIDDEN if is_secret(name) else value for name, value in change.sets.items()}
    return found


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {str(_plain(key)): _plain(each) for key, each in value.items()}
        case TopicPartition():
            return name_of(value)
        case tuple() | list():
            return [_plain(each) for each in value]
        case str() | int() | float() | None:
            return value
    return str(value)
