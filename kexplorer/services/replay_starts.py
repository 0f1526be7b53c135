"""Replays as a person starts, resumes and stops them: whose rules count for the target, and a line of the audit log for
each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from enum import StrEnum

from kexplorer.model.audit import AuditLog, Sent
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.model.replay import Plan
from kexplorer.services.replays import Replay


class Act(StrEnum):
    START = "Start replay"
    RESUME = "Resume replay"
    STOP = "Stop replay"


class ReplayStarts:
    def __init__(self, audit: AuditLog, profiles: Callable[[], Sequence[Profile]]) -> None:
        self._audit, self._profiles = audit, profiles

    def target(self, plan: Plan) -> Profile | None:
        """The connection whose rules count; None for brokers that none leads to. Of several by which they are known, a
        production one does; a read-only one where all are."""
        place = plan.target.cluster
        known = [p for p in self._profiles() if p.name == place.profile or p.bootstrap == place.bootstrap]
        return min(known, key=lambda each: (each.read_only, not each.production), default=None)

    async def begin(self, act: Act, replay: Replay) -> int:
        """The number of its line. Raises `Failure` where it cannot be written."""
        plan = replay.meant
        if plan is None:
            return await self._audit.begin(Sent("", "", act, (replay.path.stem,), {"plan": str(replay.path)}))
        place, profile = plan.target.cluster, self.target(plan)
        source = plan.source.cluster
        asked = {
            "job": plan.job,
            "plan": str(replay.path),
            "from": {"cluster": source.profile or source.bootstrap, "topics": list(plan.source.topics)},
            "guarantee": str(plan.guarantee),
        }
        name = profile.name if profile else place.profile
        brokers = profile.bootstrap if profile else place.bootstrap
        return await self._audit.begin(Sent(name, brokers, act, _topics(plan), asked))

    async def finish(self, line: int, replay: Replay, failure: Failure | None = None) -> None:
        told = str(failure or "")
        topics = _topics(replay.meant) if replay.meant else (replay.path.stem,)
        with contextlib.suppress(Failure):  # the line stays open, which is said where it is shown
            await self._audit.finish(line, "failed" if failure else "done", dict.fromkeys(topics, told), ())


def _topics(plan: Plan) -> tuple[str, ...]:
    return tuple(sorted(set(plan.target.topics.values())))
