"""What can be done with topics: made, changed, compared, deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from kexplorer.model.changes import CreateTopic, DeleteTopics
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.services.sessions import Session
from kexplorer.services.topic_admin import definition
from kexplorer.ui.dialogs.change_dialog import make_change
from kexplorer.ui.dialogs.confirm import confirm
from kexplorer.ui.icons import icon
from kexplorer.ui.tasks import Tasks

OpenSession = Callable[[], Awaitable[Session]]

# Dialogs are imported when they are first wanted: opening the list needs none.
# ruff: noqa: PLC0415

_GONE_SECONDS, _LOOK_EVERY = 30.0, 0.3  # for how long a deleted topic may still be named, and how often that is asked


class TopicActions:
    """Of one cluster, on the topics that are `chosen`. `clusters` are all that topics can be compared with, by profile
    name; `copy` has the records of one topic copied into another. On a read-only profile what changes something is
    off."""

    def __init__(
        self,
        parent: QWidget,
        profile: Profile,
        tasks: Tasks,
        open_session: OpenSession,
        chosen: Callable[[], Sequence[str]],
        clusters: Callable[[], Mapping[str, OpenSession]],
        copy: Callable[[Session, str, str], None],
    ) -> None:
        self._parent = parent
        self._profile = profile
        self._tasks = tasks
        self._open_session = open_session
        self._chosen = chosen
        self._clusters = clusters
        self._copy = copy
        self.zone: tzinfo = UTC
        self.create = self._action("plus", "Create topic…", "Ctrl+Alt+N", lambda _: self._create(None))
        self._of_one = (
            self._action("duplicate", "Create a topic like this…", "Ctrl+Alt+D", lambda names: self._clone(names[0])),
            self._action("replay", "Delete and create anew…", "Ctrl+Alt+X", lambda names: self._recreate(names[0])),
        )
        self._of_two = (self._action("columns", "Compare configuration…", "Ctrl+Alt+C", self._compare),)
        self._of_any = (
            self._action("partition", "Add partitions…", "Ctrl+Alt+A", self._add_partitions),
            self._action("broker", "Reassign partitions…", "Ctrl+Alt+R", self._reassign),
            self._action("settings", "Change configuration…", "Ctrl+Alt+G", self._alter),
            self._action("external", "Export definition…", "Ctrl+Alt+E", self._export),
            self._action("close", "Purge records…", "Ctrl+Alt+U", self._purge),
            self._action("trash", "Delete…", "Alt+Del", self._delete),
        )
        self._read_only = (*self._of_two, self._of_any[3])  # what changes nothing

    @property
    def on_topics(self) -> tuple[QAction, ...]:
        """In the order of a menu."""
        (clone, anew), (compare,) = self._of_one, self._of_two
        add, reassign, alter, export, purge, delete = self._of_any
        return (alter, add, reassign, clone, export, compare, purge, anew, delete)

    def look(self) -> None:
        """Turns on what can be done with the topics that are chosen now."""
        chosen = len(self._chosen())
        allowed = not self._profile.read_only
        self.create.setEnabled(allowed)
        for actions, most in ((self._of_one, 1), (self._of_two, 2), (self._of_any, chosen)):
            for action in actions:
                action.setEnabled(0 < chosen <= most and (allowed or action in self._read_only))

    def _action(
        self, icon_name: str, text: str, keys: str, work: Callable[[Sequence[str]], Coroutine[Any, Any, None]]
    ) -> QAction:
        action = QAction(icon(icon_name), text, self._parent, shortcut=QKeySequence(keys))
        action.triggered.connect(lambda: self._tasks.start("action", work(self._chosen())))
        if self._profile.read_only:
            action.setToolTip(f"{text} ({self._profile.name} is read-only)")
        return action

    async def _create(self, like: CreateTopic | None) -> None:
        from kexplorer.ui.dialogs.create_topic import create_topic

        session = await self._open_session()
        if await create_topic(self._parent, session, like):
            await session.catalog.refresh()

    async def _clone(self, name: str) -> None:
        from kexplorer.ui.dialogs.create_topic import create_topic

        session = await self._open_session()
        like = await definition(session.cluster, name)
        if made := await create_topic(self._parent, session, like, copies=True):
            await session.catalog.refresh()
            if made.with_records:
                self._copy(session, name, made.name)

    async def _add_partitions(self, names: Sequence[str]) -> None:
        from kexplorer.ui.dialogs.add_partitions import add_partitions

        session = await self._open_session()
        if await add_partitions(self._parent, session, names):
            await session.catalog.refresh()

    async def _purge(self, names: Sequence[str]) -> None:
        from kexplorer.ui.dialogs.purge import purge

        session = await self._open_session()
        if await purge(self._parent, session, names, self.zone):
            await session.catalog.refresh()

    async def _alter(self, names: Sequence[str]) -> None:
        from kexplorer.ui.dialogs.alter_topics import alter_topics

        session = await self._open_session()
        await alter_topics(self._parent, session, names)

    async def _reassign(self, names: Sequence[str]) -> None:
        from kexplorer.ui.dialogs.reassign import reassign

        session = await self._open_session()
        await reassign(self._parent, session, names)
        await session.catalog.refresh()

    async def _compare(self, names: Sequence[str]) -> None:
        from kexplorer.ui.dialogs.compare_topics import compare_topics

        clusters = {self._profile.name: self._open_session, **self._clusters()}
        await compare_topics(self._parent, self._profile.name, names, clusters)

    async def _export(self, names: Sequence[str]) -> None:
        from kexplorer.ui.dialogs.export_definition import export_definition

        session = await self._open_session()
        found = [await definition(session.cluster, name) for name in names]
        await export_definition(self._parent, found, self._profile.bootstrap)

    async def _delete(self, names: Sequence[str]) -> None:
        session = await self._open_session()
        if await make_change(self._parent, session.changes, DeleteTopics(tuple(names))):
            await session.catalog.refresh()

    async def _recreate(self, name: str) -> None:
        """What it was is read first: once it is deleted nobody knows it any more."""
        session = await self._open_session()
        like = await definition(session.cluster, name)
        if not await confirm(self._parent, f"Delete {name} and create it anew", _plan(like), "Go on…", danger=True):
            return
        gone = await make_change(self._parent, session.changes, DeleteTopics((name,)))
        if gone is None or gone.failures:
            return
        try:
            await _until_gone(session, name)
            outcome = await session.changes.carry_out(like)
            failure = outcome.failures.get(name)
        except Failure as found:
            failure = found
        await session.catalog.refresh()
        if failure:
            await self._create(like)  # so that its definition is not lost
            raise failure


def _plan(topic: CreateTopic) -> str:
    partitions = "1 partition" if topic.partitions == 1 else f"{topic.partitions} partitions"
    settings = "1 setting" if len(topic.configs) == 1 else f"{len(topic.configs)} settings"
    return (
        f"1. The topic, all of its records and what groups have committed of it are deleted.\n"
        f"2. It is created again: {partitions}, replication factor {topic.replication}, {settings} of its own.\n\n"
        "Stop every program that produces to it or consumes from it first. One that goes on in between may have the "
        "topic created by the broker, with the broker's defaults."
    )


async def _until_gone(session: Session, name: str) -> None:
    try:
        async with asyncio.timeout(_GONE_SECONDS):
            while (await session.cluster.topic(name)).topics:  # noqa: ASYNC110  (nobody tells)
                await asyncio.sleep(_LOOK_EVERY)
    except TimeoutError:
        why = f"The brokers still name {name} {_GONE_SECONDS:.0f} s after they deleted it."
        raise Failure(FailureKind.TIMEOUT, why, "Create it a little later.") from None
