"""The header of the message table: order, widths and visibility of its columns, and which of them it is sorted by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import tzinfo

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QHeaderView, QMenu, QWidget

from kexplorer.ui.icons import icon
from kexplorer.ui.widgets.record_cells import COLUMNS
from kexplorer.ui.widgets.record_columns import RecordColumnSet
from kexplorer.ui.widgets.record_rows import PADDING, Place, RowPainter

_WIDEST = 400  # characters that a saved width may have
_VALUE = next(number for number, column in enumerate(COLUMNS) if column.key == "value")


class RecordHeader(QHeaderView):
    """Columns are moved and resized by dragging; a click asks for sorting; the context menu has all else. The last
    column stretches. Widths are kept in characters, so that they grow and shrink with the type."""

    layout_changed = Signal()
    changed = Signal()  # as well, and by a person
    sort_requested = Signal(int, bool)  # column, descending
    order_requested = Signal()  # that of arrival
    count_requested = Signal(int)
    column_wanted = Signal()  # one more
    column_unwanted = Signal(int)
    reset_requested = Signal()

    def __init__(self, columns: RecordColumnSet, painter: RowPainter, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._columns = columns
        self._titles = QStandardItemModel(0, len(columns), self)
        self._painter = painter
        self._characters = [float(column.width) for column in columns]
        self._own = True  # what changes is changed by us, not by a person
        self.sorted_by: tuple[int, bool] | None = None  # column, descending
        for number in range(len(columns)):
            self._name(number)
        self.setModel(self._titles)
        self.setSectionsMovable(True)
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setStretchLastSection(True)
        self.setMinimumSectionSize(40)
        self.setAccessibleName("Columns of the message table")
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._open_menu)
        self.sectionResized.connect(self._resized)
        self.sectionMoved.connect(lambda *_: self._tell())
        self.sectionClicked.connect(self._clicked)
        self._reset()
        self._own = False

    # ---- columns

    def set_zone(self, zone: tzinfo) -> None:
        title = f"Timestamp ({getattr(zone, 'key', None) or zone.tzname(None)})"  # a ZoneInfo's key: Europe/Berlin
        self._titles.setHeaderData(self._columns.number_of("timestamp"), self.orientation(), title)

    def set_painter(self, painter: RowPainter) -> None:
        """Fonts changed: every column has room for as many characters as before."""
        self._painter = painter
        self._scale()
        self.layout_changed.emit()

    def added(self) -> None:
        """The set has one more column: it comes before the value."""
        with self._change():
            self._add()

    def removed(self, number: int) -> None:
        with self._change():
            del self._characters[number]
            self._titles.removeColumn(number)
            if self.hiddenSectionCount() == self.count():
                self.setSectionHidden(_VALUE, False)

    def show_usual(self) -> None:
        """Columns as they are before anybody changes them."""
        with self._change():
            self._reset()

    def show_column(self, number: int, shown: bool) -> None:
        with self._change():
            self.setSectionHidden(number, not shown)

    def shown(self) -> set[int]:
        """The numbers of all columns that are not hidden."""
        return {number for number in range(self.count()) if not self.isSectionHidden(number)}

    def places(self) -> list[Place]:
        """The columns on screen, from left to right."""
        shown = (self.logicalIndex(visual) for visual in range(self.count()))
        found = (
            Place(number, self._columns[number], self.sectionViewportPosition(number), self.sectionSize(number))
            for number in shown
            if not self.isSectionHidden(number)
        )
        return [place for place in found if place.x < self.width() and place.x + place.width > 0]

    def show_sort(self, sorted_by: tuple[int, bool] | None) -> None:
        self.sorted_by = sorted_by
        self.setSortIndicatorShown(sorted_by is not None)
        if sorted_by:
            number, descending = sorted_by
            self.setSortIndicator(number, Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder)

    def _name(self, number: int) -> None:
        column = self._columns[number]
        side = Qt.AlignmentFlag.AlignRight if column.number else Qt.AlignmentFlag.AlignLeft
        alignment = side | Qt.AlignmentFlag.AlignVCenter
        self._titles.setHeaderData(number, self.orientation(), column.title)
        self._titles.setHeaderData(number, self.orientation(), alignment, Qt.ItemDataRole.TextAlignmentRole)
        if column.expression:
            self._titles.setHeaderData(number, self.orientation(), column.expression, Qt.ItemDataRole.ToolTipRole)

    def _add(self) -> None:
        number = self.count()
        self._characters.append(0)
        self._titles.insertColumn(number)
        self._name(number)
        self._characters[number] = self._usual(number)
        self.moveSection(self.visualIndex(number), self.visualIndex(_VALUE))

    def _reset(self) -> None:
        for number, column in enumerate(self._columns):
            self.moveSection(self.visualIndex(number), number)
            self.setSectionHidden(number, column.hidden)
            self._characters[number] = self._usual(number)
        self._scale()

    def _usual(self, number: int) -> float:
        """Characters of a column that nobody has resized: its title has room, too."""
        column = self._columns[number]
        title = (self.sectionSizeHint(number) - 2 * PADDING) / self._painter.figure_of(column)
        return max(float(column.width), title)

    @contextmanager
    def _change(self, *, by_person: bool = True) -> Iterator[None]:
        """Of several steps, told once."""
        self._own = True
        yield
        self._scale()
        self._own = False
        self._tell(by_person=by_person)

    def _tell(self, *, by_person: bool = True) -> None:
        if not self._own:
            self.layout_changed.emit()
            if by_person:
                self.changed.emit()

    def _scale(self) -> None:
        before, self._own = self._own, True
        for number, characters in enumerate(self._characters):
            wanted = round(characters * self._painter.figure_of(self._columns[number])) + 2 * PADDING
            if not self.isSectionHidden(number):
                self.resizeSection(number, max(wanted, self.minimumSectionSize()))
        self._own = before

    def _resized(self, number: int, _before: int, size: int) -> None:
        if self._own or not size:
            return
        if self.visualIndex(number) == max(map(self.visualIndex, self.shown())):
            self.layout_changed.emit()  # the last one stretches of its own accord
        else:
            self._characters[number] = (size - 2 * PADDING) / self._painter.figure_of(self._columns[number])
            self._tell()

    # ---- what is kept

    def save_state(self) -> list[dict[str, object]]:
        order = [self.logicalIndex(visual) for visual in range(self.count())]
        return [
            {
                "name": self._columns[number].key,
                "characters": round(self._characters[number], 3),
                "hidden": self.isSectionHidden(number),
            }
            for number in order
        ]

    def restore_state(self, saved: list[object]) -> None:
        """Adds the columns that it needs to the set."""
        with self._change(by_person=False):
            for visual, each in enumerate(saved):
                if isinstance(each, dict):
                    self._restore(each, min(visual, self.count() - 1))
            if self.hiddenSectionCount() == self.count():
                self._reset()

    def _restore(self, saved: Mapping[object, object], visual: int) -> None:
        number = self._columns.restore(str(saved.get("name")))
        if number < 0:
            return
        if number == self.count():
            self._add()
        self.moveSection(self.visualIndex(number), min(visual, self.count() - 1))
        self.setSectionHidden(number, saved.get("hidden") is True)
        characters = saved.get("characters")
        if isinstance(characters, int | float) and 0 < characters <= _WIDEST:
            self._characters[number] = float(characters)

    # ---- menus

    def _clicked(self, number: int) -> None:
        """First up, then down, then the order of arrival."""
        self.show_sort(self.sorted_by)  # Qt has turned the arrow, but nothing is sorted yet
        if self.sorted_by == (number, True):
            self.order_requested.emit()
        else:
            self.sort_requested.emit(number, self.sorted_by == (number, False))

    def _open_menu(self, at: QPoint) -> None:
        number = self.logicalIndexAt(at)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if number >= 0:
            self._fill(menu, number)
            menu.addSeparator()
        self._fill_common(menu)
        menu.popup(self.viewport().mapToGlobal(at))

    def open_for_all(self) -> None:
        """The same for the keyboard: a menu with one of each column."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for place in self.places():
            self._fill(menu.addMenu(_plain(place.look.title)), place.column)
        menu.addSeparator()
        self._fill_common(menu)
        menu.popup(self.viewport().mapToGlobal(QPoint(0, self.height())))

    def _fill(self, menu: QMenu, number: int) -> None:
        def add(icon_name: str, text: str, run: Callable[[], object]) -> None:
            menu.addAction(icon(icon_name), text, run)

        add("chevron-up", "Sort ascending", lambda: self.sort_requested.emit(number, False))
        add("chevron-down", "Sort descending", lambda: self.sort_requested.emit(number, True))
        if self.sorted_by:
            add("close", "Order of arrival", self.order_requested.emit)
        menu.addSeparator()
        add("lag", "Count values …", lambda: self.count_requested.emit(number))
        menu.addSeparator()
        if self.hiddenSectionCount() < self.count() - 1:
            add("eye-off", "Hide column", lambda: self.show_column(number, False))
        if self._columns[number].expression:
            add("trash", "Remove column", lambda: self.column_unwanted.emit(number))

    def _fill_common(self, menu: QMenu) -> None:
        menu.addAction(icon("plus"), "Add column …", self.column_wanted.emit)
        shown = menu.addMenu(icon("columns"), "Columns")
        for number, column in enumerate(self._columns):
            hidden = self.isSectionHidden(number)
            action = shown.addAction(_plain(column.title))
            action.setCheckable(True)
            action.setChecked(not hidden)
            action.setEnabled(hidden or self.hiddenSectionCount() < self.count() - 1)
            action.toggled.connect(lambda on, number=number: self.show_column(number, on))
        menu.addAction("Reset columns", self.reset_requested.emit)


def _plain(title: str) -> str:
    """For a menu, where & would underline the next letter."""
    return title.replace("&", "&&")
