"""The clusters that a plan names, as the window is connected to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from kexplorer.formats.field_names import FieldNames
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.replay import CHECKPOINTS, Place, ReplayRun, ReplaySource
from kexplorer.model.topics import IsolationLevel, Topic
from kexplorer.services.browser import newest, partitions_of
from kexplorer.services.replay_permissions import Permission, missing_checkpoints, needed, refuse_lacking
from kexplorer.services.replay_plan import place_of
from kexplorer.services.sessions import Session

Lacking = Callable[[Profile, Sequence[Permission]], Awaitable[Sequence[Permission]]]
_LEARNT = 100  # newest records whose fields are offered


class PlanClusters:
    """`open_session` connects to `profile`, `session_of` to one of `profiles` by its name. `lacking` tells which of the
    permissions that are wanted a profile's login has not."""

    def __init__(
        self,
        profile: Profile,
        open_session: Callable[[], Awaitable[Session]],
        profiles: Callable[[], Sequence[Profile]],
        session_of: Callable[[str], Awaitable[Session]],
        lacking: Lacking,
    ) -> None:
        self._profile, self._open_session = profile, open_session
        self._profiles, self._session_of, self._lacking = profiles, session_of, lacking

    def connections(self) -> dict[str, Place]:
        """By the names of their profiles."""
        return {each.name: place_of(each) for each in self._profiles()}

    async def session(self, place: Place) -> Session:
        """Raises `Failure` for brokers that no connection leads to."""
        for profile in sorted(self._profiles(), key=lambda each: each.name != self._profile.name):  # its own first
            if place.profile == profile.name or (place.bootstrap and place_of(profile) == place):
                own = profile.name == self._profile.name
                return await (self._open_session() if own else self._session_of(profile.name))
        text = f"No connection of this window leads to {place.profile or place.bootstrap}."
        raise Failure(FailureKind.NOT_FOUND, text, "Make one, or run the plan in a terminal: kexplorer replay.")

    async def check_logins(self, run: ReplayRun) -> tuple[str, ...]:
        """What a person should know beside. Raises `Failure` where a login lacks what the run needs."""
        source, target = [(await self.session(each.cluster)).cluster for each in (run.plan.source, run.plan.target)]
        sides = zip((source.profile, target.profile), needed(run), strict=True)
        notes = []
        try:
            found = await asyncio.gather(*(self._lacking(profile, wanted) for profile, wanted in sides))
        except Failure as failure:
            notes.append(f"Permissions are not known: {failure}")
        else:
            refuse_lacking(*found)
        if await missing_checkpoints(run, target):
            notes.append(f"The topic {CHECKPOINTS} will be made on the target: it keeps the progress.")
        return tuple(notes)

    async def topics(self, place: Place) -> list[Topic] | None:
        """None where no cluster is chosen."""
        if place == Place():
            return None
        session = await self.session(place)
        return list((session.catalog.metadata or await session.catalog.refresh()).topics)

    async def fields(self, source: ReplaySource) -> FieldNames | None:
        """As the newest records of its topics have them. None where nobody knows: a plan is written without, too."""
        try:
            there = {topic.name for topic in await self.topics(source.cluster) or ()}.intersection(source.topics)
            if not there:
                return None
            cluster = (await self.session(source.cluster)).cluster
            sources = await partitions_of(cluster, there)
            page = await newest(cluster, sources, _LEARNT, IsolationLevel.READ_COMMITTED)
        except Failure:
            return None
        known = FieldNames()
        known.learn(page.records)
        return known
