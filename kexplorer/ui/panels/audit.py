"""The audit log: every change that this program sent to a cluster, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QSplitter, QStackedWidget, QVBoxLayout

from kexplorer.formats.numbers import count
from kexplorer.model.audit import AuditLine
from kexplorer.model.failure import Failure
from kexplorer.ui.icons import icon
from kexplorer.ui.models.audit import AuditModel, in_full, mentions
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.keys import audit_key
from kexplorer.ui.widgets.code_view import CodeView
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.filter_box import FilterBox
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.rows_table import RowsTable
from kexplorer.ui.widgets.text_rows import TextRows, blocks_of_text

_LOOK_EVERY = 3.0  # seconds
_MOST = 2_000  # lines that are shown
_BLOCKS = 32  # of the details of one line: 2 million characters


class AuditPanel(Panel):
    """Of all connections. `load(most)` gives the newest lines; `export(path, wanted)` writes those that are wanted of
    all, and tells how many they were."""

    def __init__(
        self,
        load: Callable[[int], Awaitable[Sequence[AuditLine]]],
        export: Callable[[Path, Callable[[AuditLine], bool]], Awaitable[int]],
    ) -> None:
        super().__init__(audit_key(), "Audit log", "clock")
        self._load = load
        self._export = export
        self._lines: Sequence[AuditLine] | None = None
        self.model = AuditModel(self)
        self.strip = ErrorStrip()
        self.strip.retry_requested.connect(self.reload)
        self.filter = FilterBox("Filter changes")
        self.table = RowsTable(self.model, "Changes")
        self.table.setSelectionBehavior(RowsTable.SelectionBehavior.SelectRows)
        self.table.restore_sort([0, True])
        self.details = CodeView()
        self._count = plain_label("", role="muted")
        self._refresh = QAction(icon("refresh"), "Refresh the audit log", self, shortcut=QKeySequence("Ctrl+R"))
        self._refresh.triggered.connect(self.reload)
        self._save = QAction(icon("save"), "Export the audit log …", self)
        self._save.triggered.connect(self.ask_where)
        self.filter.filter_changed.connect(lambda _: self._filter())
        self.filter.left.connect(self.table.setFocus)
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._show_details())
        self._lay_out()
        self.setFocusProxy(self.table)
        self.reload()

    def _lay_out(self) -> None:
        export = QPushButton(icon("save"), "Export …")
        export.clicked.connect(self._save.trigger)
        bar = QHBoxLayout()
        bar.setContentsMargins(12, 8, 12, 8)
        bar.setSpacing(8)
        bar.addWidget(self.filter)
        bar.addWidget(self._count)
        bar.addStretch()
        bar.addWidget(export)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(self.table)
        self.split.addWidget(self.details)
        self.split.setStretchFactor(0, 3)
        self.split.setStretchFactor(1, 2)
        self.empty = EmptyState("clock", "Nothing was changed yet", "Each change of a cluster leaves its line here.")
        self.pages = QStackedWidget()
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.split)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addLayout(bar)
        column.addWidget(self.pages, 1)

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self._refresh, self._save)

    def set_zone(self, zone: tzinfo) -> None:
        self.model.zone = zone
        self.table.viewport().update()
        self._show_details()

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)

    def save_state(self) -> dict[str, object]:
        return {"filter": self.filter.text(), "sort": self.table.save_sort()}

    def restore_state(self, state: Mapping[str, object]) -> None:
        text = state.get("filter")
        self.filter.setText(text if isinstance(text, str) else "")
        self.table.restore_sort(state.get("sort"))

    # work

    def reload(self) -> None:
        self.strip.clear()
        self.tasks.start("watch", self._watch())

    async def _watch(self) -> None:
        while True:
            if self.isVisible():
                lines = await self._load(_MOST)
                if lines != self._lines:
                    self._show(lines)
            await asyncio.sleep(_LOOK_EVERY)

    def _show(self, lines: Sequence[AuditLine]) -> None:
        first = not self._lines
        self._lines = lines
        self.pages.setCurrentWidget(self.split if lines else self.empty)
        self._count.setVisible(bool(lines))
        self.model.set_rows(lines)
        self._filter()
        if first and self.model.rowCount():
            self.table.selectRow(0)

    def _filter(self) -> None:
        sought = self.filter.text().lower()
        self.model.set_filter(lambda line: mentions(line, sought))
        shown, total = self.model.rowCount(), self.model.total
        said = f"{count(shown)} of {count(total)} changes"
        self._count.setText(said if total < _MOST else f"{said}, the newest; an export has all")
        self.say(said)
        self._show_details()

    def _show_details(self) -> None:
        row = self.table.currentIndex().row()
        text = in_full(self.model.row(row), self.model.zone) if row >= 0 else ""
        rows = TextRows(blocks_of_text(text))
        rows.read(_BLOCKS)
        self.details.show_rows(rows)

    # export

    def ask_where(self) -> None:
        dialog = QFileDialog(self, "Export the audit log", "audit.jsonl", "JSON lines (*.jsonl);;CSV (*.csv)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("jsonl")
        dialog.fileSelected.connect(lambda path: self.export(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def export(self, path: Path) -> None:
        """What the filter lets through, of all lines there are."""
        self.tasks.start("export", self._write(path))

    async def _write(self, path: Path) -> None:
        sought = self.filter.text().lower()
        written = await self._export(path, lambda line: mentions(line, sought))
        self.say(f"{count(written)} {'change' if written == 1 else 'changes'} written to {path}.")
