"""The header of the message table: order, widths and visibility of its columns."""

from __future__ import annotations

from datetime import tzinfo

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QHeaderView, QMenu, QWidget

from kexplorer.ui.widgets.record_cells import COLUMNS
from kexplorer.ui.widgets.record_rows import Place, RowPainter

_SECTIONS = {column.key: number for number, column in enumerate(COLUMNS)}
_WIDEST = 4_000  # pixels that a saved width may have


class RecordHeader(QHeaderView):
    """Columns are moved and resized by dragging, and shown or hidden by the context menu; the last one stretches."""

    layout_changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        titles = QStandardItemModel(0, len(COLUMNS), self)
        for number, column in enumerate(COLUMNS):
            side = Qt.AlignmentFlag.AlignRight if column.number else Qt.AlignmentFlag.AlignLeft
            titles.setHeaderData(number, self.orientation(), column.title)
            alignment = side | Qt.AlignmentFlag.AlignVCenter
            titles.setHeaderData(number, self.orientation(), alignment, Qt.ItemDataRole.TextAlignmentRole)
        self.setModel(titles)
        self.setSectionsMovable(True)
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setStretchLastSection(True)
        self.setMinimumSectionSize(40)
        self.setAccessibleName("Columns of the message table")
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._open_menu)
        self.sectionResized.connect(self.layout_changed)
        self.sectionMoved.connect(self.layout_changed)
        self._default_widths = [100] * len(COLUMNS)

    def set_zone(self, zone: tzinfo) -> None:
        title = f"Timestamp ({getattr(zone, 'key', None) or zone.tzname(None)})"  # a ZoneInfo's key: Europe/Berlin
        self.model().setHeaderData(_SECTIONS["timestamp"], self.orientation(), title)

    def set_default_widths(self, painter: RowPainter) -> None:
        for number in range(len(COLUMNS)):
            wanted = max(painter.default_width(number), self.sectionSizeHint(number))
            self._default_widths[number] = wanted

    def reset_columns(self) -> None:
        """Columns as they are before anybody changes them."""
        for number, column in enumerate(COLUMNS):
            self.moveSection(self.visualIndex(number), number)
            self.setSectionHidden(number, column.hidden)
            self.resizeSection(number, self._default_widths[number])
        self.layout_changed.emit()

    def places(self) -> list[Place]:
        """The columns on screen, from left to right."""
        shown = (self.logicalIndex(visual) for visual in range(self.count()))
        found = (
            Place(number, self.sectionViewportPosition(number), self.sectionSize(number))
            for number in shown
            if not self.isSectionHidden(number)
        )
        return [place for place in found if place.x < self.width() and place.x + place.width > 0]

    def save_state(self) -> dict[str, object]:
        order = [self.logicalIndex(visual) for visual in range(self.count())]
        return {
            "columns": [
                {
                    "name": COLUMNS[number].key,
                    "width": self.sectionSize(number) or self._default_widths[number],
                    "hidden": self.isSectionHidden(number),
                }
                for number in order
            ]
        }

    def restore_state(self, state: dict[str, object]) -> None:
        columns = state.get("columns")
        for visual, saved in enumerate(columns[: len(COLUMNS)] if isinstance(columns, list) else ()):
            if not isinstance(saved, dict) or (number := _SECTIONS.get(str(saved.get("name")))) is None:
                continue
            self.moveSection(self.visualIndex(number), visual)
            self.setSectionHidden(number, saved.get("hidden") is True)
            width = saved.get("width")
            if isinstance(width, int) and self.minimumSectionSize() <= width <= _WIDEST:
                self.resizeSection(number, width)
        if self.hiddenSectionCount() == self.count():
            self.reset_columns()
        self.layout_changed.emit()

    def _open_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for number, column in enumerate(COLUMNS):
            action = menu.addAction(column.title)
            action.setCheckable(True)
            action.setChecked(not self.isSectionHidden(number))
            action.setEnabled(self.isSectionHidden(number) or self.hiddenSectionCount() < self.count() - 1)
            action.toggled.connect(lambda shown, number=number: self._show_column(number, shown))
        menu.addSeparator()
        menu.addAction("Reset columns", self.reset_columns)
        menu.popup(self.viewport().mapToGlobal(at))

    def _show_column(self, number: int, shown: bool) -> None:
        self.setSectionHidden(number, not shown)
        if shown and not self.sectionSize(number):
            self.resizeSection(number, self._default_widths[number])
        self.layout_changed.emit()
