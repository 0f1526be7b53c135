"""A topic's configuration: what is in force, who set it, what it means, and changing it in place."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QMenu,
    QPushButton,
)

from kexplorer.formats.numbers import count
from kexplorer.model.changes import AlterConfig, ResourceKind
from kexplorer.model.failure import Failure
from kexplorer.ui.icons import icon
from kexplorer.ui.models.configuration import ConfigurationModel, Setting, differs
from kexplorer.ui.panels.topic_tab import TopicOf, TopicTab
from kexplorer.ui.widgets.filter_box import FilterBox
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.settings_table import AboutSetting, SettingsTable


class ConfigurationTab(TopicTab):
    """Edits are collected in the table and sent together: only the keys that were changed."""

    def __init__(self, topic: TopicOf) -> None:
        super().__init__(topic)
        self.model = ConfigurationModel(self)
        self.model.can_edit = not topic.profile.read_only
        self.filter = FilterBox("Filter settings")
        self.only_set = QCheckBox("Only what is not the default")
        self.counted = plain_label("", role="muted")
        self.apply = QPushButton("Apply")
        self.apply.setProperty("kind", "primary")
        self.discard = QPushButton("Discard")
        self.reset = QPushButton("Reset to default")
        self.table = SettingsTable(self.model)
        self.about = AboutSetting()
        self.add_bar([self.filter, self.only_set, self.counted], [self.reset, self.discard, self.apply])
        self.column.addWidget(self.table, 1)
        self.column.addWidget(self.about)
        self.filter.filter_changed.connect(lambda _: self._filter_rows())
        self.only_set.toggled.connect(lambda _: self._filter_rows())
        self.filter.left.connect(self.table.setFocus)
        self.model.edited.connect(self._edited)
        self.table.selectionModel().currentChanged.connect(lambda *_: self._edited())
        self.table.customContextMenuRequested.connect(self._menu)
        self.apply.clicked.connect(lambda: self.tasks.start("apply", self._apply()))
        self.discard.clicked.connect(self._discard)
        self.reset.clicked.connect(self._reset)
        self.setFocusProxy(self.table)
        self._edited()

    def save_state(self) -> dict[str, object]:
        return {"changed": self.only_set.isChecked(), "sort": self.table.save_sort()}

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.only_set.setChecked(state.get("changed") is True)
        self.table.restore_sort(state.get("sort"))

    def reload(self) -> None:
        self.strip.clear()
        self.tasks.start("read", self._read())

    async def _read(self) -> None:
        session = await self.topic.open_session()
        found = (await session.cluster.topic_configs([self.topic.name]))[self.topic.name]
        if isinstance(found, Failure):
            raise found
        self.model.set_entries(found.values())
        self._filter_rows()
        self.model.set_meanings(await session.cluster.config_documentation(self.topic.name))

    def _filter_rows(self) -> None:
        """What is to be changed is always shown."""
        sought, only = self.filter.text().lower(), self.only_set.isChecked()
        self.model.set_filter(
            lambda row: bool(row.edit) or (sought in row.name.lower() and (not only or differs(row.entry)))
        )
        self.counted.setText(f"{count(self.model.rowCount())} of {count(self.model.total)} settings")

    # what a person does

    def _current(self) -> Setting | None:
        index = self.table.currentIndex()
        return self.model.row(index.row()) if index.isValid() and index.row() < self.model.rowCount() else None

    def _edited(self) -> None:
        edits, row, read_only = self.model.edits, self._current(), self.topic.profile.read_only
        wrong = next((f"{name}: {edit.wrong}" for name, edit in edits.items() if edit.wrong), "")
        changes = f"{count(len(edits))} change{'' if len(edits) == 1 else 's'}"
        self.apply.setText(f"Apply {changes} …" if edits else "Apply")
        self.apply.setEnabled(bool(edits) and not wrong)
        self.apply.setToolTip("This connection is read-only." if read_only else wrong)
        self.discard.setEnabled(bool(edits))
        self.reset.setEnabled(self.model.can_edit and row is not None and row.resettable)
        self.reset.setToolTip("" if self.reset.isEnabled() else "Select a setting that the topic itself has set.")
        self.about.show_setting(row)

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

    async def _apply(self) -> None:
        from kexplorer.ui.dialogs.change_dialog import make_change  # noqa: PLC0415  (a panel needs no dialog)

        edits = dict(self.model.edits)
        sets = {name: edit.value for name, edit in edits.items() if edit.value is not None}
        resets = tuple(name for name, edit in edits.items() if edit.value is None)
        session = await self.topic.open_session()
        change = AlterConfig(ResourceKind.TOPIC, self.topic.name, sets, resets)
        outcome = await make_change(self, session.changes, change)
        if outcome is None:
            return
        if not outcome.failures:
            self.model.discard(*edits)
        self.reload()
        for failure in outcome.failures.values():
            self.show_failure(failure)
