"""Settings that are filtered, read about and changed in place, to be sent together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from kexplorer.formats.numbers import count
from kexplorer.model.changes import AlterConfig, ResourceKind
from kexplorer.model.cluster import ConfigEntry
from kexplorer.ui.icons import icon
from kexplorer.ui.models.configuration import ConfigurationModel, Setting, differs
from kexplorer.ui.widgets.filter_box import FilterBox
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.settings_table import AboutSetting, SettingsTable


class ConfigurationEditor(QWidget):
    """`leading` stands before the filter. `own_words` says which settings can be reset, as in "that the topic itself
    has set"; `differing` is what "not the default" means. Only keys that were changed are part of `change`."""

    offered = Signal()  # what can be done was looked at again

    def __init__(self, model: ConfigurationModel, *, read_only: bool, leading: Sequence[QWidget] = ()) -> None:
        super().__init__()
        self.model = model
        self.model.can_edit = not read_only
        self.own_words = ""
        self.differing: Callable[[ConfigEntry], bool] = differs
        self._read_only = read_only
        self.filter = FilterBox("Filter settings")
        self.only_set = QCheckBox("Only what is not the default")
        self.counted = plain_label("", role="muted")
        self.reset, self.discard, self.apply = (QPushButton(text) for text in ("Reset to default", "Discard", "Apply"))
        self.apply.setProperty("kind", "primary")
        self.table = SettingsTable(self.model)
        self.about = AboutSetting()
        self._lay_out(leading)
        self.filter.filter_changed.connect(lambda _: self.filter_rows())
        self.filter.left.connect(self.table.setFocus)
        self.only_set.toggled.connect(lambda _: self.filter_rows())
        self.model.edited.connect(self.offer)
        self.table.selectionModel().currentChanged.connect(lambda *_: self.offer())
        self.table.customContextMenuRequested.connect(self._menu)
        self.discard.clicked.connect(self._discard)
        self.reset.clicked.connect(self._reset)
        self.setFocusProxy(self.table)
        self.offer()

    def _lay_out(self, leading: Sequence[QWidget]) -> None:
        bar = QHBoxLayout()
        bar.setContentsMargins(12, 8, 12, 8)
        bar.setSpacing(8)
        for widget in (*leading, self.filter, self.only_set, self.counted):
            bar.addWidget(widget)
        bar.addStretch()
        for button in (self.reset, self.discard, self.apply):
            bar.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(bar)
        column.addWidget(self.table, 1)
        column.addWidget(self.about)

    def save_state(self) -> dict[str, object]:
        return {"changed": self.only_set.isChecked(), "sort": self.table.save_sort()}

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.only_set.setChecked(state.get("changed") is True)
        self.table.restore_sort(state.get("sort"))

    def filter_rows(self) -> None:
        """What is to be changed is always shown."""
        sought, only = self.filter.text().lower(), self.only_set.isChecked()
        self.model.set_filter(
            lambda row: bool(row.edit) or (sought in row.name.lower() and (not only or self.differing(row.entry)))
        )
        self.counted.setText(f"{count(self.model.rowCount())} of {count(self.model.total)} settings")

    def change(self, kind: ResourceKind, name: str) -> AlterConfig:
        edits = self.model.edits
        sets = {key: edit.value for key, edit in edits.items() if edit.value is not None}
        return AlterConfig(kind, name, sets, tuple(key for key, edit in edits.items() if edit.value is None))

    def offer(self) -> None:
        edits, row = self.model.edits, self._current()
        wrong = next((f"{name}: {edit.wrong}" for name, edit in edits.items() if edit.wrong), "")
        changes = f"{count(len(edits))} change{'' if len(edits) == 1 else 's'}"
        self.apply.setText(f"Apply {changes} …" if edits else "Apply")
        self.apply.setEnabled(bool(edits) and not wrong)
        self.apply.setToolTip("This connection is read-only." if self._read_only else wrong)
        self.discard.setEnabled(bool(edits))
        self.reset.setEnabled(self.model.can_edit and row is not None and self.model.resettable(row))
        self.reset.setToolTip("" if self.reset.isEnabled() else f"Select a setting {self.own_words}.")
        self.about.show_setting(row)
        self.offered.emit()

    def _current(self) -> Setting | None:
        index = self.table.currentIndex()
        return self.model.row(index.row()) if index.isValid() and index.row() < self.model.rowCount() else None

    def _reset(self) -> None:
        if row := self._current():
            self.model.reset(row.name)

    def _discard(self) -> None:
        self.model.discard()

    def _menu(self, at: QPoint) -> None:
        row = self._current()
        if row is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        edit = menu.addAction(icon("edit"), "Edit value", self.table.edit_current)
        edit.setEnabled(self.model.can_edit and not row.entry.is_read_only)
        menu.addAction("Reset to default", self._reset).setEnabled(self.reset.isEnabled())
        menu.addAction("Discard this change", lambda: self.model.discard(row.name)).setEnabled(row.edit is not None)
        menu.addSeparator()
        menu.addAction(icon("copy"), "Copy", self.table.copy)
        menu.popup(self.table.viewport().mapToGlobal(at))
