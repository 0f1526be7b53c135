"""The clusters that the window looks through: one session each, watched, searched and counted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from kexplorer.model.alerts import AlertRule
from kexplorer.model.cluster import Cluster, ConnectionState, Link
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.records import Trouble
from kexplorer.model.search import FilterKind, SavedSearch, SearchQuery
from kexplorer.model.topics import OffsetRange, TopicPartition
from kexplorer.services.alerting import Alerting
from kexplorer.services.connections import Connections
from kexplorer.services.search import Search
from kexplorer.services.sessions import Session, Sessions
from kexplorer.store.home import Home
from kexplorer.store.scans import ScanStore
from kexplorer.ui.dialogs.confirm import ask_secret
from kexplorer.ui.main_window import MainWindow
from kexplorer.ui.tasks import Tasks

if TYPE_CHECKING:
    from kexplorer.formats.schemas import SchemaSource
    from kexplorer.model.trial_consumer import Trial, TrialConsumer
    from kexplorer.services.latest import Gathering, LatestQuery
    from kexplorer.services.replay_permissions import Permission
    from kexplorer.services.schemas import Schemas
    from kexplorer.services.statistics import Counting

log = logging.getLogger(__name__)

_METADATA_SOON, _METADATA_EVERY = 1.0, 30.0  # seconds, twice as long each time: who connects to a cluster changes it

OpenGathering = Callable[
    [Profile, Credentials, "LatestQuery", Sequence[Trouble], "SchemaSource | None"], Awaitable["Gathering"]
]
OpenPermissions = Callable[[Profile, Credentials, "Sequence[Permission]"], "Awaitable[Sequence[Permission]]"]
Join = Callable[[Profile, Credentials, "Trial"], Awaitable["TrialConsumer"]]
OpenCounting = Callable[
    [Profile, Credentials, Sequence[OffsetRange], Sequence[Trouble], int | None], Awaitable["Counting"]
]
OpenSearch = Callable[
    [Profile, Credentials, SearchQuery, Sequence[Trouble], ScanStore, SavedSearch | None, "SchemaSource | None"],
    Awaitable[Search],
]


class Openers(NamedTuple):
    """What panels have done by processes or threads that they start."""

    search: OpenSearch
    counting: OpenCounting
    gathering: OpenGathering
    join: Join
    lacking: OpenPermissions


class OpenClusters:
    """What panels reach Kafka by. `profile` finds one by its name; what goes wrong in the background is told to
    `show_failure`."""

    def __init__(
        self,
        connections: Connections,
        home: Home,
        window: MainWindow,
        tasks: Tasks,
        profile: Callable[[str], Profile | None],
        openers: Openers,
        show_failure: Callable[[Failure], None],
    ) -> None:
        self._connections = connections
        self._home = home
        self._window = window
        self._tasks = tasks
        self._profile = profile
        self._openers = openers
        self._show_failure = show_failure
        self._alerting: dict[str, Alerting] = {}
        self.sessions = Sessions(self._connect, home.audit, self._open_schemas, home.lag)

    async def session(self, name: str) -> Session:
        """The session a panel works with; whoever asks first starts the watch over it."""
        if not self._tasks.running(f"session {name}"):
            self._tasks.start(f"session {name}", self._watch(name))
        return await self.sessions.open(name)

    async def _watch(self, name: str) -> None:
        """Keeps the tree and the status bar true to the session, and its list of topics fresh."""
        self._window.set_state(name, ConnectionState(Link.CONNECTING))
        try:
            session = await self.sessions.open(name)
        except Failure:  # who asked for the session tells it
            self._window.set_state(name, None)
            return
        async with contextlib.AsyncExitStack() as stack:
            await self._alert(name, session, stack)
            stack.callback(self._window.set_state, name, None)
            stack.callback(session.catalog.watch(lambda found: self._window.set_metadata(name, found)))
            stack.callback(session.cluster.watch_state(lambda state: self._window.set_state(name, state)))
            pause = _METADATA_SOON
            while True:
                try:
                    await session.catalog.refresh()
                    pause = min(pause * 2, _METADATA_EVERY)
                except Failure as failure:
                    log.info("%s", failure)
                    pause = _METADATA_SOON
                    if failure.kind is FailureKind.AUTHENTICATION and session.catalog.metadata is None:
                        await self._forget_login(name)  # the brokers did not take it
                        return
                await asyncio.sleep(pause)

    async def _alert(self, name: str, session: Session, stack: contextlib.AsyncExitStack) -> None:
        """Tells of its groups by the rules that there are, for as long as it is open."""
        try:
            rules = await self._home.alert_rules.load()
        except Failure as failure:
            self._show_failure(failure)
            rules = {}
        alerting = Alerting(name, session.lag, self._home.alert_log, self._window.show_alert, self._show_failure)
        self._alerting[name] = alerting
        stack.push_async_callback(alerting.close)
        stack.callback(self._alerting.pop, name, None)
        alerting.use(rules)

    def use_rules(self, rules: Mapping[str, AlertRule]) -> None:
        for alerting in self._alerting.values():
            alerting.use(rules)

    async def _forget_login(self, name: str) -> None:
        """Whoever tries again connects anew, and is asked again where that is the way."""
        await self.sessions.close(name)
        if profile := self._profile(name):
            await self._connections.forget(profile)

    async def search(
        self, profile: Profile, query: SearchQuery, known: Sequence[Trouble], saved: SavedSearch | None
    ) -> Search:
        known_schemas = (await self.session(profile.name)).schemas
        by_fields = query.filter.kind is FilterKind.EXPRESSION  # all others look at bytes, and start sooner without
        schemas = known_schemas.for_workers() if known_schemas and by_fields else None
        credentials = await self._broker_credentials(profile)
        return await self._openers.search(profile, credentials, query, known, self._home.scans, saved, schemas)

    async def count(
        self, profile: Profile, ranges: Sequence[OffsetRange], known: Sequence[Trouble], sample: int | None
    ) -> Counting:
        """Statistics of ranges, or of a sample of so many records."""
        return await self._openers.counting(profile, await self._broker_credentials(profile), ranges, known, sample)

    async def gather(self, profile: Profile, query: LatestQuery, known: Sequence[Trouble]) -> Gathering:
        """The latest state of every key."""
        schemas = (await self.session(profile.name)).schemas
        for_workers = schemas.for_workers() if schemas else None
        return await self._openers.gathering(
            profile, await self._broker_credentials(profile), query, known, for_workers
        )

    async def join(self, profile: Profile, trial: Trial) -> TrialConsumer:
        return await self._openers.join(profile, await self._broker_credentials(profile), trial)

    async def lacking(self, profile: Profile, wanted: Sequence[Permission]) -> Sequence[Permission]:
        """Those of `wanted` that the profile's login has not."""
        return await self._openers.lacking(profile, await self._broker_credentials(profile), wanted)

    async def compression(self, profile: Profile, source: TopicPartition, offset: int) -> str | None:
        """Of the batch that a record came in; None where it is not told."""
        from kexplorer.kafka.batch_lookup import compression_at  # noqa: PLC0415  (a start needs no codecs)

        return await compression_at(profile, await self._broker_credentials(profile), source, offset)

    async def _broker_credentials(self, profile: Profile) -> Credentials:
        brokers = replace(profile, registry_url="")  # whoever needs the registry's password has it already
        return await self._connections.credentials(brokers, lambda what: ask_secret(self._window, what))

    def connected(self) -> dict[str, Callable[[], Awaitable[Session]]]:
        """How to reach each cluster that can be compared with another, by the name of its profile."""
        return {name: partial(self.session, name) for name in self.sessions.open_names()}

    async def _connect(self, name: str) -> Cluster:
        profile = self._profile(name)
        if profile is None:
            raise Failure(
                FailureKind.NOT_FOUND, f"There is no connection {name} any more.", "It was deleted or renamed."
            )
        return await self._connections.connect(profile, lambda what: ask_secret(self._window, what))

    async def _open_schemas(self, name: str) -> Schemas | None:
        """Whatever is wrong with the registry or with schema files is told, and the cluster is used without it."""
        profile = self._profile(name)
        if profile is None:
            return None
        from kexplorer.services.schemas import open_schemas  # noqa: PLC0415  (a start needs no HTTP)

        try:
            password = await self._registry_password(profile)
        except Failure as failure:  # the person did not want to give it; schema files serve all the same
            self._show_failure(failure)
            profile, password = replace(profile, registry_url=""), ""
        try:
            schemas = await open_schemas(profile, password, self._home.assignments(name))
        except Failure as failure:
            self._show_failure(failure)
            return None
        for each in schemas.failures:
            self._show_failure(each)
        return schemas

    async def _registry_password(self, profile: Profile) -> str:
        if not profile.registry_url:
            return ""
        secrets = await self._connections.credentials(profile, lambda what: ask_secret(self._window, what))
        return secrets.registry_password

    async def leave(self, name: str) -> None:
        """Who connects again is asked again: what was typed for the registry may have been wrong."""
        await self.disconnect(name)
        await self._forget_login(name)

    async def disconnect(self, name: str) -> None:
        self._tasks.cancel(f"session {name}")
        why = Failure(FailureKind.UNREACHABLE, f"{name} was disconnected.", "Refresh connects again.")
        panels = [panel for panel in self._window.workspace.panels() if panel.profile == name]
        for panel in panels:
            await panel.tasks.close()
        await self.sessions.close(name)
        for panel in panels:  # only now: who is told may connect again at once
            panel.show_failure(why)

    async def refresh(self, name: str) -> None:
        if session := self.sessions.get(name):
            await session.catalog.refresh()
