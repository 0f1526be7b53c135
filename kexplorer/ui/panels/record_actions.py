"""What can be done with the records that are selected in a messages panel."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence

from kexplorer.formats.snippets import kcat_command, python_snippet
from kexplorer.model.profile import Profile
from kexplorer.model.records import Record
from kexplorer.model.schemas import Part
from kexplorer.ui.icons import icon
from kexplorer.ui.panel import Panel
from kexplorer.ui.widgets.record_view import RecordView

if TYPE_CHECKING:
    from kexplorer.services.schemas import Schemas


class RecordActions(QObject):
    """`known` gives the schemas of the cluster and the time zone, as they are by then."""

    schemas_changed = Signal()
    life_wanted = Signal(object)  # bytes: every record with this key
    resend_wanted = Signal(object)  # Record: to be edited and sent again

    def __init__(
        self,
        panel: Panel,
        view: RecordView,
        profile: Profile,
        known: Callable[[], tuple[Schemas | None, tzinfo]],
    ) -> None:
        super().__init__(panel)
        self._panel = panel
        self._view = view
        self._profile = profile
        self._known = known
        self._life = self._action("key", "Life of this key", "Ctrl+Shift+K", self._show_life)
        self._compare = self._action("split", "Compare the two selected records", "Ctrl+D", self._show_comparison)
        self._resend = self._action("produce", "Edit and resend…", "Ctrl+Alt+B", self._edit_and_resend)
        self._kcat = self._action("copy", "Copy as kcat command", "Ctrl+Alt+K", lambda: self._copy(kcat_command))
        self._python = self._action("copy", "Copy as Python program", "Ctrl+Alt+P", lambda: self._copy(python_snippet))
        self._value = self._action("schema", "Schema of the values…", "Ctrl+Alt+V", lambda: self._assign(Part.VALUE))
        self._key = self._action("schema", "Schema of the keys…", "Ctrl+Alt+Y", lambda: self._assign(Part.KEY))
        view.current_changed.connect(lambda _: self.update())
        self.update()

    def all(self) -> Sequence[QAction]:
        return (self._life, self._compare, self._resend, self._kcat, self._python, self._value, self._key)

    def update(self) -> None:
        """What is possible with the selection as it is."""
        record = self._view.current_record
        self._life.setEnabled(record is not None and record.key is not None)
        self._compare.setEnabled(self._view.selected_count == 2)
        for action in (self._resend, self._kcat, self._python, self._value, self._key):
            action.setEnabled(record is not None)

    def _action(self, icon_name: str, text: str, keys: str, run: Callable[[], None]) -> QAction:
        action = QAction(icon(icon_name), text, self)
        action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda _: run())
        return action

    def _show_life(self) -> None:
        record = self._view.current_record
        if record is not None and record.key is not None:
            self.life_wanted.emit(record.key)

    def _edit_and_resend(self) -> None:
        record = self._view.current_record
        if record is not None:
            self.resend_wanted.emit(record)

    def _show_comparison(self) -> None:
        records = self._view.selected_records()
        if len(records) == 2:
            self._panel.tasks.start("compare", self._compare_records(*records))

    def _compare_records(self, left: Record, right: Record) -> Coroutine[Any, Any, None]:
        from kexplorer.ui.dialogs.compare import compare_records  # noqa: PLC0415  (a panel needs no dialog)

        return compare_records(self._panel, left, right, *self._known())

    def _assign(self, part: Part) -> None:
        record, (schemas, _) = self._view.current_record, self._known()
        if record is not None and schemas is not None:
            self._panel.tasks.start("schema", self._assign_schema(record, schemas, part))

    async def _assign_schema(self, record: Record, schemas: Schemas, part: Part) -> None:
        from kexplorer.ui.dialogs.assign_schema import assign_schema  # noqa: PLC0415

        sample = record.key if part is Part.KEY else record.value
        if await assign_schema(self._panel, schemas, record.topic, part, sample):
            self.schemas_changed.emit()

    def _copy(self, convert: Callable[[Record, Profile], str]) -> None:
        record = self._view.current_record
        if record is not None:
            QGuiApplication.clipboard().setText(convert(record, self._profile))
            self._panel.say(f"Copied; it reads offset {record.offset:,} of partition {record.partition} again.")
