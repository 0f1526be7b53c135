"""What can be done with consumer groups: their offsets set, cloned, deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, tzinfo
from typing import Any

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from kexplorer.model.changes import DeleteGroups
from kexplorer.model.offset_snapshots import OffsetSnapshots
from kexplorer.model.profile import Profile
from kexplorer.services.sessions import Session
from kexplorer.ui.icons import icon
from kexplorer.ui.tasks import Tasks

# Dialogs are imported when they are first wanted: opening the list needs none.
# ruff: noqa: PLC0415


class GroupActions:
    """Of one cluster, on the groups that are `chosen`; `changed` is called once something was. On a read-only profile
    all of it is off. A reset can be undone to `snapshots`; `zone` is that of times that a person types."""

    def __init__(
        self,
        parent: QWidget,
        profile: Profile,
        tasks: Tasks,
        open_session: Callable[[], Awaitable[Session]],
        chosen: Callable[[], Sequence[str]],
        changed: Callable[[], None],
        snapshots: OffsetSnapshots,
    ) -> None:
        self._parent = parent
        self._profile = profile
        self._tasks = tasks
        self._open_session = open_session
        self._chosen = chosen
        self._changed = changed
        self._snapshots = snapshots
        self.zone: tzinfo = UTC
        self.create = self._action("plus", "Create a group at offsets…", "Ctrl+Alt+N", lambda _: self._create())
        self.reset = self._action("replay", "Reset offsets…", "Ctrl+Alt+O", lambda names: self._reset(names[0]))
        self.undo = self._action("clock", "Undo a reset…", "Ctrl+Alt+Z", lambda names: self._reset(names[0], undo=True))
        self.clone = self._action("duplicate", "Clone…", "Ctrl+Alt+D", lambda names: self._clone(names[0]))
        self.delete = self._action("trash", "Delete…", "Alt+Del", self._delete)

    @property
    def on_groups(self) -> tuple[QAction, ...]:
        """In the order of a menu."""
        return (self.reset, self.undo, self.clone, self.delete)

    def look(self) -> None:
        """Turns on what can be done with the groups that are chosen now."""
        chosen, allowed = len(self._chosen()), not self._profile.read_only
        self.create.setEnabled(allowed)
        for action in (self.reset, self.undo, self.clone):
            action.setEnabled(allowed and chosen == 1)
        self.delete.setEnabled(allowed and chosen > 0)

    def _action(
        self, icon_name: str, text: str, keys: str, work: Callable[[Sequence[str]], Coroutine[Any, Any, object]]
    ) -> QAction:
        action = QAction(icon(icon_name), text, self._parent, shortcut=QKeySequence(keys))
        action.triggered.connect(lambda: self._tasks.start("action", self._then_tell(work(self._chosen()))))
        if self._profile.read_only:
            action.setToolTip(f"{text} ({self._profile.name} is read-only)")
        return action

    async def _then_tell(self, work: Coroutine[Any, Any, object]) -> None:
        if await work:
            self._changed()

    async def _create(self) -> bool:
        from kexplorer.ui.dialogs.name_group import name_group

        session = await self._open_session()
        name = await name_group(self._parent, session)
        return bool(name) and await self._reset(name)

    async def _reset(self, name: str, *, undo: bool = False) -> bool:
        from kexplorer.ui.dialogs.reset_offsets import ResetOffsetsDialog

        session = await self._open_session()
        return await ResetOffsetsDialog(self._parent, session, name, self._snapshots, self.zone, undo=undo).run()

    async def _clone(self, name: str) -> bool:
        from kexplorer.ui.dialogs.name_group import clone_group

        session = await self._open_session()
        return await clone_group(self._parent, session, name)

    async def _delete(self, names: Sequence[str]) -> bool:
        from kexplorer.ui.dialogs.change_dialog import make_change

        session = await self._open_session()
        return await make_change(self._parent, session.changes, DeleteGroups(tuple(names))) is not None
