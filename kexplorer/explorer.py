"""The program behind the window: what it asks for, the sessions it looks through, and what goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from functools import cached_property, partial
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from PySide6.QtWidgets import QApplication

from kexplorer.clusters import OpenClusters, Openers
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.records import Record
from kexplorer.model.topics import IsolationLevel
from kexplorer.panels import make_panel
from kexplorer.services.connections import Connections
from kexplorer.services.jobs import Jobs
from kexplorer.store.daemon import in_daemon
from kexplorer.store.home import Home
from kexplorer.ui import theme
from kexplorer.ui.dialogs.confirm import confirm
from kexplorer.ui.main_window import MainWindow, saved_look
from kexplorer.ui.models.cluster_tree import Section
from kexplorer.ui.models.log import LogHandler
from kexplorer.ui.panels.copier import Copier
from kexplorer.ui.panels.exporter import Exporter
from kexplorer.ui.panels.keys import (
    alerts_key,
    audit_key,
    config_check_key,
    doctor_key,
    group_key,
    messages_key,
    produce_key,
    section_key,
    topic_key,
)
from kexplorer.ui.panels.topic_views import View
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.zones import zone_named
from kexplorer.views import Views

if TYPE_CHECKING:
    from kexplorer.ui.panels.messages import MessagesPanel
    from kexplorer.ui.panels.replay_watch import Replays

log = logging.getLogger(__name__)

DEMO = "Demo shop"  # the name of its connection
_DEMO_TOPIC = "orders"  # what is shown of it first
_DISK = 10.0  # seconds
_LEAVE = 2.0  # seconds that closing may take; then the program ends all the same


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
        openers: Openers,
        versions: Callable[[], Mapping[str, str]],
    ) -> None:
        self._application = application
        self._connections = connections
        self.home = home
        self._start_demo = start_demo
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
        self.copier = Copier(self.jobs, self.tasks, home.replays)
        self.views = Views(self)
        self.ended = asyncio.Event()
        self.window = MainWindow(self, partial(make_panel, self), self.jobs, self._log, versions)
        self.clusters = OpenClusters(
            *(connections, home, self.window, self.tasks, self.profile),
            *(openers, self._show_failure),
        )

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
        """Returns when a person has closed the window, and does not want to stay for what would be lost; or when the
        program is `ended` from outside."""
        ways = [asyncio.create_task(self._until_left()), asyncio.create_task(self.ended.wait())]
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in done:
                way.result()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _until_left(self) -> None:
        while True:
            await self.window.closed.wait()
            self.window.closed.clear()
            reasons = [f"{panel.title}: {why}" for panel in self.window.workspace.panels() if (why := panel.why_stay())]
            if reasons and not await self._may_quit("\n".join(reasons)):
                continue
            if await self._leave_replays():
                return

    async def _may_quit(self, reasons: str) -> bool:
        return await confirm(self.window, "Quit Kafka Explorer", reasons, "Quit", danger=True)

    async def _leave_replays(self) -> bool:
        if "replays" not in vars(self):
            return True
        from kexplorer.ui.panels.replay_leaving import leave_replays  # noqa: PLC0415

        return await leave_replays(self.window, self.replays)

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
                await self.clusters.sessions.close_all()
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
        self.open_section(profile, Section.TOPICS)

    def disconnect(self, profile: str) -> None:
        self.tasks.start(f"disconnect {profile}", self.clusters.leave(profile))

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
        self.tasks.start(f"refresh {profile}", self.clusters.refresh(profile))

    def open_section(self, profile: str, section: Section) -> None:
        self.window.workspace.open(section_key(profile, section))

    def open_topic(self, profile: str, topic: str) -> None:
        self.window.workspace.open(messages_key(profile, topic))

    def open_together(self, profile: str, topics: Sequence[str]) -> None:
        self.window.workspace.open(messages_key(profile, *topics))

    def open_details(self, profile: str, topic: str) -> None:
        self.window.workspace.open(topic_key(profile, topic))

    def open_view(self, profile: str, view: View, topic: str) -> None:
        self.views.show(profile, view, (topic,))

    def open_group(self, profile: str, group: str) -> None:
        self.window.workspace.open(group_key(profile, group))

    def open_doctor(self, profile: str, subject: str = "") -> None:
        """`subject` is "group:NAME" or "topic:NAME", "" for the cluster."""
        self.window.workspace.open(doctor_key(profile, subject))

    def show_where(self, profile: str, kind: str, name: str) -> None:
        """What a finding is about: a "group", a "topic", its "messages", or the "overview"."""
        keys = {"group": group_key, "topic": topic_key, "messages": messages_key}
        self.window.workspace.open(keys[kind](profile, name) if kind in keys else section_key(profile, kind))

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

    def open_alerts(self) -> None:
        self.window.workspace.open(alerts_key())

    def open_config_check(self) -> None:
        self.window.workspace.open(config_check_key())

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

    @cached_property
    def replays(self) -> Replays:
        from kexplorer.services.replay_starts import ReplayStarts  # noqa: PLC0415  (a start needs none)
        from kexplorer.ui.panels.replay_watch import Replays  # noqa: PLC0415

        starts = ReplayStarts(self.home.audit, self.profiles)
        return Replays(self.home.replays, self.jobs, self.tasks, starts)

    def page_bytes(self) -> int:
        """What a tab may keep of a topic."""
        return self.window.page_memory << 20

    def profile(self, name: str) -> Profile | None:
        return next((profile for profile in self.profiles() if profile.name == name), None)

    def profiles(self) -> list[Profile]:
        return [*([self._demo_profile] if self._demo_profile else []), *self._connections.profiles]

    def _show_profiles(self) -> None:
        self.window.set_profiles(self.profiles())

    def _stored(self, name: str) -> Profile | None:
        if self._demo_profile and name == self._demo_profile.name:
            self._show_failure(
                Failure(FailureKind.REFUSED, "The demo's connection can't be changed.", "It is made anew each time.")
            )
            return None
        return self.profile(name)

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
            await self.clusters.disconnect(profile.name)
            if saved.name != profile.name and not copy:
                await in_daemon("home", lambda: self.home.rename(profile.name, saved.name), _DISK)
        self.open_section(saved.name, Section.TOPICS)

    async def _duplicate(self, profile: Profile) -> None:
        copy = await self._connections.duplicate(profile)
        self._show_profiles()
        await self._edit(copy, copy=True)

    async def _delete(self, profile: Profile) -> None:
        text = f"{profile.name} ({profile.bootstrap}) is removed from this program. The cluster is not touched."
        if not await confirm(self.window, "Delete connection", text, "Delete connection", danger=True):
            return
        await self.clusters.disconnect(profile.name)
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
        self.open_section(DEMO, Section.TOPICS)
        catalog = (await self.clusters.session(DEMO)).catalog
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
