"""Test consumers of groups: each is noted in the audit log before it joins, and a group of their own goes with them."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from kexplorer.model.audit import AuditLog, Sent
from kexplorer.model.changes import DeleteGroups, RemoveMembers
from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Group, GroupState
from kexplorer.model.trial_consumer import Phase, Trial, TrialConsumer, refuse_joining
from kexplorer.services.changes import Changes

PREFIX = "kexplorer-test-"
_VERB = "Join group with a test consumer"
_LEAVES = 2.0  # seconds for a consumer to leave
_EMPTIES = 0.8  # seconds until the coordinator has noticed
_LOOKS = 10  # meanwhile

Join = Callable[[Trial], Awaitable[TrialConsumer]]


def new_group() -> str:
    """The name of one that nobody has."""
    return f"{PREFIX}{uuid.uuid4().hex[:8]}"


class Trials:
    """The test consumers on one cluster that belong together. `running` are those that have not ended, `ended` those
    that have, the oldest first."""

    def __init__(self, cluster: Cluster, changes: Changes, audit: AuditLog, join: Join) -> None:
        self.running: list[TrialConsumer] = []
        self.ended: list[TrialConsumer] = []
        self._cluster = cluster
        self._changes = changes
        self._audit = audit
        self._join = join
        self._own: set[str] = set()  # groups that were made here
        self._lines: dict[TrialConsumer, int] = {}  # of the audit log

    def owns(self, group: str) -> bool:
        return group in self._own

    async def others(self, group: str) -> Group | None:
        """The group if others made it, and so would lose partitions to a test consumer. Raises `Failure`."""
        if group in self._own or group not in {each.id for each in (await self._cluster.groups()).listed}:
            return None
        found = (await self._cluster.describe_groups([group]))[group]
        if isinstance(found, Failure):
            raise found
        return found

    async def start(self, trial: Trial, *, into_existing: bool = False) -> TrialConsumer:
        """Raises `Failure` where nothing was sent: the profile is read-only, a setting is wrong, the audit log cannot
        be written, or others made the group and `into_existing` does not say that it is meant."""
        refuse_joining(self._cluster.profile)
        if not into_existing and await self.others(trial.group):
            text = f"The group {trial.group} is there already: a test consumer takes partitions from its members."
            raise Failure(FailureKind.REFUSED, text, "Choose another name, or say that you mean this group.")
        line = await self._audit.begin(self._sent(trial))
        try:
            consumer = await self._join(trial)
        except Failure as failure:
            await self._audit.finish(line, "failed", {trial.group: str(failure)}, ())
            raise
        if not into_existing:
            self._own.add(trial.group)
        self._lines[consumer] = line
        self.running.append(consumer)
        return consumer

    def _sent(self, trial: Trial) -> Sent:
        profile = self._cluster.profile
        return Sent(profile.name, profile.bootstrap, _VERB, (trial.group,), asdict(trial))

    async def end(self, consumer: TrialConsumer, *, crash: bool = False, delete: bool = True) -> None:
        """Lets it leave, or crash. With `delete` a group of its own goes when the last one has left it. Raises
        `Failure` where the group could not be deleted."""
        await self._finish(consumer, crash=crash)
        group = consumer.trial.group
        left = consumer.state.phase is Phase.LEFT and not any(each.trial.group == group for each in self.running)
        if delete and left:
            await self._delete(group)

    async def close(self, *, delete: bool = True) -> None:
        """Lets all of them leave at once, and ends within three seconds: what a broker does not answer is left to
        it."""
        await asyncio.gather(*(self._finish(each) for each in list(self.running)))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_EMPTIES):
                await asyncio.gather(*(self._tidy(group) for group in self._own if delete))

    async def _tidy(self, group: str) -> None:
        with contextlib.suppress(Failure):  # the audit log has it
            await self._delete(group)

    async def _finish(self, consumer: TrialConsumer, *, crash: bool = False) -> None:
        if consumer not in self.running:
            return
        self.running.remove(consumer)
        self.ended.append(consumer)
        ended = await (consumer.crash(_LEAVES) if crash else consumer.leave(_LEAVES))
        phase, records = consumer.state.phase, consumer.state.records
        notes = (
            f"It read {records:,} records, and {f'has {phase}' if ended else f'was leaving after {_LEAVES:g} s'}.",
        )
        outcome = "failed" if phase is Phase.FAILED else "done"
        with contextlib.suppress(Failure):  # the line stays open, which is said where it is shown
            await self._audit.finish(self._lines.pop(consumer), outcome, {consumer.trial.group: ""}, notes)

    async def _delete(self, group: str) -> None:
        if group not in self._own:
            return
        if crashed := await self._still_there(group):
            await self._changes.carry_out(RemoveMembers(group, tuple(crashed)))
        for _ in range(_LOOKS):
            if not (state := await self._state(group)).active:
                break
            await asyncio.sleep(_EMPTIES / _LOOKS)
        self._own.discard(group)
        if state is GroupState.DEAD:  # it committed nothing, and nothing is left of it
            return
        outcome = await self._changes.carry_out(DeleteGroups((group,)))
        for failure in outcome.failures.values():
            if failure.kind is not FailureKind.NOT_FOUND:
                raise failure

    async def _still_there(self, group: str) -> list[str]:
        """Those that crashed, and that the coordinator still waits for."""
        ended = [each for each in self.ended if each.trial.group == group and each.state.phase is Phase.CRASHED]
        found = (await self._cluster.describe_groups([group]))[group] if ended else None
        members = {each.id for each in found.members} if isinstance(found, Group) else set()
        return [each.state.member for each in ended if each.state.member in members]

    async def _state(self, group: str) -> GroupState:
        found = (await self._cluster.describe_groups([group]))[group]
        if isinstance(found, Failure):
            raise found
        return found.state
