"""The program behind the window: what it asks for, the sessions it looks through, and what goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from PySide6.QtWidgets import QApplication

from kexplorer.model.cluster import Cluster, ConnectionState, Link
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.records import Record, Trouble
from kexplorer.model.search import FilterKind, SavedSearch, SearchQuery
from kexplorer.model.topics import IsolationLevel, OffsetRange
from kexplorer.panels import make_panel
from kexplorer.services.connections import Connections
from kexplorer.services.jobs import Jobs
from kexplorer.services.search import Search
from kexplorer.services.sessions import Session, Sessions
from kexplorer.store.daemon import in_daemon
from kexplorer.store.home import Home
from kexplorer.store.scans import ScanStore
from kexplorer.ui import theme
from kexplorer.ui.dialogs.confirm import ask_secret, confirm
from kexplorer.ui.main_window import MainWindow, saved_look
from kexplorer.ui.models.log import LogHandler
from kexplorer.ui.panels.exporter import Exporter
from kexplorer.ui.panels.keys import (
    access_key,
    audit_key,
    messages_key,
    overview_key,
    produce_key,
    topic_key,
    topics_key,
)
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.zones import zone_named

if TYPE_CHECKING:
    from kexplorer.formats.schemas import SchemaSource
    from kexplorer.services.schemas import Schemas
    from kexplorer.services.statistics import Counting
    from kexplorer.ui.panels.messages import MessagesPanel

log = logging.getLogger(__name__)

DEMO = "Demo shop"  # the name of its connection
_DEMO_TOPIC = "orders"  # what is shown of it first
_METADATA_SOON, _METADATA_EVERY = 1.0, 30.0  # seconds, twice as long each time: who connects to a cluster changes it
_DISK = 10.0  # seconds
_LEAVE = 2.0  # seconds that closing may take; then the program ends all the same


OpenCounting = Callable[
    [Profile, Credentials, Sequence[OffsetRange], Sequence[Trouble], int | None], Awaitable["Counting"]
]
OpenSearch = Callable[
    [Profile, Credentials, SearchQuery, Sequence[Trouble], ScanStore, SavedSearch | None, "SchemaSource | None"],
    Awaitable[Search],
]


class Demo(Protocol):
    """A cluster that lives as long as the program."""

    @property
    def bootstrap(self) -> str: ...

    def stop(self) -> None: ...


class Explorer:
    """The program: owns window, services and sessions, and answers what the window asks (`ui.commands.Commands`).
    Entering shows the window, leaving ends all work. `start_demo` starts the demo's cluster."""

    def __init__(
        self,
        application: QApplication,
        connections: Connections,
        home: Home,
        start_demo: Callable[[], Awaitable[Demo]],
        open_search: OpenSearch,
        open_counting: OpenCounting,
        versions: Callable[[], Mapping[str, str]],
    ) -> None:
        self._application = application
        self._connections = connections
        self.home = home
        self._start_demo = start_demo
        self._open_search = open_search
        self._open_counting = open_counting
        self.sessions = Sessions(self._connect, home.audit, self._open_schemas)
        self._demo: Demo | None = None
        self._demo_profile: Profile | None = None  # in no file
        self._saved = home.preferences.load()
        scheme, self._zoom = saved_look(self._saved)
        self._scheme = theme.Scheme(scheme)
        self.zone: tzinfo = UTC
        theme.apply(application, self._scheme, self._zoom)
        self.tasks = Tasks(self._show_failure)
        self._log = LogHandler()
        self.jobs = Jobs()
        self.exporter = Exporter(self.jobs, self.tasks)
        self.window = MainWindow(self, partial(make_panel, self), self.jobs, self._log, versions)

    async def __aenter__(self) -> Explorer:
        logging.getLogger().addHandler(self._log)
        sys.excepthook = self._unexpected
        loaded = await self._connections.load()
        self._show_profiles()
        self.window.restore_state(self._saved)
        self.window.show()
        for failure in loaded.failures:
            self._show_failure(failure)
        return self

    async def until_closed(self) -> None:
        """Returns when a person has closed the window, and does not want to stay for what would be lost."""
        while True:
            await self.window.closed.wait()
            reasons = [f"{panel.title}: {why}" for panel in self.window.workspace.panels() if (why := panel.why_stay())]
            if not reasons or await confirm(
                self.window, "Quit Kafka Explorer", "\n".join(reasons), "Quit", danger=True
            ):
                return
            self.window.closed.clear()

    async def __aexit__(self, *_: object) -> None:
        try:
            self.home.preferences.save(self.window.save_state())
        except (Failure, ValueError) as error:
            log.warning("The layout was not saved: %s", error)
        self.window.hide()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE):
                await self.window.workspace.close_all()
                await self.tasks.close()
                await self.sessions.close_all()
        if self._demo:
            self._demo.stop()
        sys.excepthook = sys.__excepthook__
        logging.getLogger().removeHandler(self._log)

    # what the window asks

    def new_connection(self) -> None:
        self.tasks.start("dialog", self._edit(None))

    def open_demo(self) -> None:
        self.tasks.start("demo", self._open_demo())

    def connect(self, profile: str) -> None:
        self.open_topics(profile)

    def disconnect(self, profile: str) -> None:
        self.tasks.start(f"disconnect {profile}", self._leave(profile))

    def edit(self, profile: str) -> None:
        if found := self._stored(profile):
            self.tasks.start("dialog", self._edit(found))

    def duplicate(self, profile: str) -> None:
        if found := self._stored(profile):
            self.tasks.start("dialog", self._duplicate(found))

    def delete(self, profile: str) -> None:
        if found := self._stored(profile):
            self.tasks.start("dialog", self._delete(found))

    def refresh(self, profile: str) -> None:
        self.tasks.start(f"refresh {profile}", self._refresh(profile))

    def open_topics(self, profile: str) -> None:
        self.window.workspace.open(topics_key(profile))

    def open_topic(self, profile: str, topic: str) -> None:
        self.window.workspace.open(messages_key(profile, topic))

    def open_together(self, profile: str, topics: Sequence[str]) -> None:
        self.window.workspace.open(messages_key(profile, *topics))

    def open_details(self, profile: str, topic: str) -> None:
        self.window.workspace.open(topic_key(profile, topic))

    def open_overview(self, profile: str) -> None:
        self.window.workspace.open(overview_key(profile))

    def open_access(self, profile: str) -> None:
        self.window.workspace.open(access_key(profile))

    def open_produce(self, profile: str, topic: str) -> None:
        self.window.workspace.open(produce_key(profile, topic))

    def resend(self, profile: str, record: Record) -> None:
        """Shows a record where it can be edited and sent again."""
        from kexplorer.ui.panels.produce import ProducePanel  # noqa: PLC0415  (a start needs no panel)

        panel = self.window.workspace.open(produce_key(profile, record.topic))
        if isinstance(panel, ProducePanel):
            panel.load(record)

    def show_message(self, profile: str, topic: str, partition: int, offset: int) -> None:
        panel = self._messages(profile, topic)
        if panel.browsed is None or panel.bar.range.start or panel.bar.range.end:
            panel.show_isolation(panel.bar.isolation)
        else:
            panel.reload()  # it may have come since
        panel.go_to(f"{partition}:{offset}")

    def show_isolation(self, profile: str, topics: Sequence[str], isolation: IsolationLevel) -> None:
        """The messages of topics as readers of one isolation level see them."""
        self._messages(profile, *topics).show_isolation(isolation)

    def _messages(self, profile: str, *topics: str) -> MessagesPanel:
        from kexplorer.ui.panels.messages import MessagesPanel  # noqa: PLC0415

        panel = self.window.workspace.open(messages_key(profile, *topics))
        assert isinstance(panel, MessagesPanel)  # noqa: S101  (by its key)
        return panel

    def open_audit(self) -> None:
        self.window.workspace.open(audit_key())

    def set_zone(self, zone: str) -> None:
        self.zone = zone_named(zone) or UTC
        for panel in self.window.workspace.panels():
            panel.set_zone(self.zone)

    def choose_zone(self) -> None:
        self.tasks.start("dialog", self._choose_zone())

    def set_theme(self, theme_name: str) -> None:
        self._scheme = theme.Scheme(theme_name)
        theme.apply(self._application, self._scheme, self._zoom)

    def set_zoom(self, percent: int) -> None:
        self._zoom = percent
        theme.apply(self._application, self._scheme, self._zoom)

    # panels

    def profile(self, name: str) -> Profile | None:
        return next((profile for profile in self._profiles() if profile.name == name), None)

    def _profiles(self) -> list[Profile]:
        return [*([self._demo_profile] if self._demo_profile else []), *self._connections.profiles]

    def _show_profiles(self) -> None:
        self.window.set_profiles(self._profiles())

    def _stored(self, name: str) -> Profile | None:
        if self._demo_profile and name == self._demo_profile.name:
            self._show_failure(
                Failure(FailureKind.REFUSED, "The demo's connection can't be changed.", "It is made anew each time.")
            )
            return None
        return self.profile(name)

    # sessions

    async def session(self, name: str) -> Session:
        """The session a panel works with; whoever asks first starts the watch over it."""
        if not self.tasks.running(f"session {name}"):
            self.tasks.start(f"session {name}", self._watch(name))
        return await self.sessions.open(name)

    async def _watch(self, name: str) -> None:
        """Keeps the tree and the status bar true to the session, and its list of topics fresh."""
        self.window.set_state(name, ConnectionState(Link.CONNECTING))
        try:
            session = await self.sessions.open(name)
        except Failure:  # who asked for the session tells it
            self.window.set_state(name, None)
            return
        with contextlib.ExitStack() as stack:
            stack.callback(self.window.set_state, name, None)
            stack.callback(session.catalog.watch(lambda found: self.window.set_metadata(name, found)))
            stack.callback(session.cluster.watch_state(lambda state: self.window.set_state(name, state)))
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

    async def _forget_login(self, name: str) -> None:
        """Whoever tries again connects anew, and is asked again where that is the way."""
        await self.sessions.close(name)
        if profile := self.profile(name):
            await self._connections.forget(profile)

    async def search(
        self, profile: Profile, query: SearchQuery, known: Sequence[Trouble], saved: SavedSearch | None
    ) -> Search:
        known_schemas = (await self.session(profile.name)).schemas
        by_fields = query.filter.kind is FilterKind.EXPRESSION  # all others look at bytes, and start sooner without
        schemas = known_schemas.for_workers() if known_schemas and by_fields else None
        credentials = await self._broker_credentials(profile)
        return await self._open_search(profile, credentials, query, known, self.home.scans, saved, schemas)

    async def count(
        self, profile: Profile, ranges: Sequence[OffsetRange], known: Sequence[Trouble], sample: int | None
    ) -> Counting:
        """Statistics of ranges, or of a sample of so many records."""
        return await self._open_counting(profile, await self._broker_credentials(profile), ranges, known, sample)

    async def _broker_credentials(self, profile: Profile) -> Credentials:
        brokers = replace(profile, registry_url="")  # whoever needs the registry's password has it already
        return await self._connections.credentials(brokers, lambda what: ask_secret(self.window, what))

    def connected(self) -> dict[str, Callable[[], Awaitable[Session]]]:
        """How to reach each cluster that can be compared with another, by the name of its profile."""
        names = [profile.name for profile in self._profiles()]
        return {name: partial(self.session, name) for name in names if self.sessions.get(name)}

    async def _connect(self, name: str) -> Cluster:
        profile = self.profile(name)
        if profile is None:
            raise Failure(
                FailureKind.NOT_FOUND, f"There is no connection {name} any more.", "It was deleted or renamed."
            )
        return await self._connections.connect(profile, lambda what: ask_secret(self.window, what))

    async def _open_schemas(self, name: str) -> Schemas | None:
        """Whatever is wrong with the registry or with schema files is told, and the cluster is used without it."""
        profile = self.profile(name)
        if profile is None:
            return None
        from kexplorer.services.schemas import open_schemas  # noqa: PLC0415  (a start needs no HTTP)

        try:
            password = await self._registry_password(profile)
        except Failure as failure:  # the person did not want to give it; schema files serve all the same
            self._show_failure(failure)
            profile, password = replace(profile, registry_url=""), ""
        try:
            schemas = await open_schemas(profile, password, self.home.assignments(name))
        except Failure as failure:
            self._show_failure(failure)
            return None
        for each in schemas.failures:
            self._show_failure(each)
        return schemas

    async def _registry_password(self, profile: Profile) -> str:
        if not profile.registry_url:
            return ""
        secrets = await self._connections.credentials(profile, lambda what: ask_secret(self.window, what))
        return secrets.registry_password

    async def _leave(self, name: str) -> None:
        """Who connects again is asked again: what was typed for the registry may have been wrong."""
        await self._disconnect(name)
        await self._forget_login(name)

    async def _disconnect(self, name: str) -> None:
        self.tasks.cancel(f"session {name}")
        why = Failure(FailureKind.UNREACHABLE, f"{name} was disconnected.", "Refresh connects again.")
        panels = [panel for panel in self.window.workspace.panels() if panel.profile == name]
        for panel in panels:
            await panel.tasks.close()
        await self.sessions.close(name)
        for panel in panels:  # only now: who is told may connect again at once
            panel.show_failure(why)

    async def _refresh(self, name: str) -> None:
        if session := self.sessions.get(name):
            await session.catalog.refresh()

    # profiles

    async def _edit(self, profile: Profile | None, *, copy: bool = False) -> None:
        """A `copy` goes again when the person cancels."""
        from kexplorer.ui.dialogs.connection_dialog import edit_profile  # noqa: PLC0415  (a start needs no dialog)

        saved = await edit_profile(self.window, self._connections, profile)
        if saved is None and copy and profile is not None:
            await self._connections.delete(profile)
        self._show_profiles()
        if saved is None:
            return
        if profile is not None:
            await self._disconnect(profile.name)
            if saved.name != profile.name and not copy:
                await in_daemon("home", lambda: self.home.rename(profile.name, saved.name), _DISK)
        self.open_topics(saved.name)

    async def _duplicate(self, profile: Profile) -> None:
        copy = await self._connections.duplicate(profile)
        self._show_profiles()
        await self._edit(copy, copy=True)

    async def _delete(self, profile: Profile) -> None:
        text = f"{profile.name} ({profile.bootstrap}) is removed from this program. The cluster is not touched."
        if not await confirm(self.window, "Delete connection", text, "Delete connection", danger=True):
            return
        await self._disconnect(profile.name)
        for panel in self.window.workspace.panels():
            if panel.profile == profile.name:
                self.window.workspace.close_panel(panel)
        await self._connections.delete(profile)
        self._show_profiles()
        await in_daemon("home", lambda: self.home.forget(profile.name), _DISK)

    async def _open_demo(self) -> None:
        if self._demo is None:
            self.window.status_bar.showMessage("Starting the demo …")
            try:
                self._demo = await self._start_demo()
            finally:
                self.window.status_bar.clearMessage()
            self._demo_profile = Profile(DEMO, self._demo.bootstrap, colour="green")
            self._show_profiles()
        self.open_topics(DEMO)
        catalog = (await self.session(DEMO)).catalog
        while True:  # the shop is just being set up
            if any(topic.name == _DEMO_TOPIC for topic in (await catalog.refresh()).topics):
                break
            await asyncio.sleep(0.2)
        from kexplorer.ui.panels.messages import MessagesPanel  # noqa: PLC0415

        panel = self.window.workspace.open(messages_key(DEMO, _DEMO_TOPIC))
        if isinstance(panel, MessagesPanel):
            panel.follow()

    async def _choose_zone(self) -> None:
        from kexplorer.ui.dialogs.choose_zone import choose_zone  # noqa: PLC0415  (a start needs no dialog)

        chosen = await choose_zone(self.window, self.window.zone)
        self.window.set_zone(chosen or self.window.zone)

    # what goes wrong

    def _show_failure(self, failure: Failure) -> None:
        log.warning("%s", failure)
        self.window.show_failure(failure)

    def _unexpected(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """An error in our own code: the log has the whole, the window a sentence."""
        log.error("Unexpected error", exc_info=(kind, error, trace))
        sentence = f"Unexpected error: {kind.__name__}: {error}"
        self.window.show_failure(Failure(FailureKind.BROKER, sentence, "The log has the details (Ctrl+L)."))
