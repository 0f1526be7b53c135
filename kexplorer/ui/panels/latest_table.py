"""The latest states on the screen: the rows of a table in a file, a page at a time, and one of them whole."""

from __future__ import annotations

from datetime import UTC, tzinfo
from functools import cached_property, partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QSplitter,
    QStackedWidget,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from kexplorer.formats.decode import decode
from kexplorer.model.latest import Entity, Order, View
from kexplorer.services.latest import LatestTable
from kexplorer.services.latest_cells import as_shown
from kexplorer.ui.models.latest import MONOSPACED, ORDERS, PAGE, TOPIC, WIDTHS, LatestModel
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.theme import Tokens, mono_font, row_height
from kexplorer.ui.widgets.cell_delegate import CellDelegate
from kexplorer.ui.widgets.empty_state import EmptyState

if TYPE_CHECKING:
    from kexplorer.services.schemas import Schemas
    from kexplorer.ui.widgets.value_pane import ValuePane

_DELETED = ("tombstone", "The entity was deleted by its last event.")


class LatestTableView(QWidget):
    """`current_changed` when another entity is current, `shown` with the number of rows of another view."""

    current_changed = Signal()
    shown = Signal(int)
    said = Signal(str)

    def __init__(self, tasks: Tasks, *, several: bool) -> None:
        super().__init__()
        self._tasks = tasks
        self._table: LatestTable | None = None
        self._schemas: Schemas | None = None
        self._zone: tzinfo = UTC
        self.view = View()
        self.model = LatestModel(self)
        self.model.page_wanted.connect(self._want_page)
        self.rows = _Rows(self.model)
        self.rows.setColumnHidden(TOPIC, not several)
        self.rows.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.rows.setSortingEnabled(True)
        self.model.order_wanted.connect(self._sort)
        self.rows.selectionModel().currentRowChanged.connect(self._show_current)
        self.model.dataChanged.connect(self._show_current)
        self._unselected = EmptyState("key", "No entity is selected.", "Select one to see all of its state.")
        self._below = QStackedWidget()
        self._below.addWidget(self._unselected)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self.rows)
        splitter.addWidget(self._below)
        splitter.setSizes([560, 300])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(splitter)
        self._inspected: Entity | None = None
        self.setFocusProxy(self.rows)

    @cached_property
    def pane(self) -> ValuePane:
        """Made, and its module imported, when first wanted."""
        from kexplorer.ui.widgets.value_pane import ValuePane  # noqa: PLC0415

        made = ValuePane()
        made.notice.connect(self.said)
        self._below.addWidget(made)
        return made

    @property
    def current(self) -> Entity | None:
        """None while none is selected, or it is not there yet."""
        row = self.rows.currentIndex().row()
        return self.model.entity(row) if 0 <= row < self.model.rowCount() else None

    def set_zone(self, zone: tzinfo) -> None:
        self.model.set_zone(zone)

    def set_table(self, table: LatestTable | None, schemas: Schemas | None) -> None:
        """Shows another table in the order that was chosen. `schemas`: those of the cluster, where states are values as
        they were sent; None for JSON."""
        self._table, self._schemas, self._inspected = table, schemas, None
        self.model.set_rows(0)
        if table is not None:
            self.show_view(self.view)

    def show_view(self, view: View) -> None:
        self.view = view
        if self._table is not None:
            self._tasks.start("view", self._arrange(self._table, view))

    async def _arrange(self, table: LatestTable, view: View) -> None:
        rows = await table.show(view)
        self.model.set_rows(rows)
        self._show_current()
        self.shown.emit(rows)

    def _sort(self, order: Order, descending: bool) -> None:
        self.show_view(View(self.view.text, self.view.deleted, order, descending))

    def _want_page(self, first: int) -> None:
        if self._table is not None:
            self._tasks.start(f"page {first}", self._load(self._table, first))

    async def _load(self, table: LatestTable, first: int) -> None:
        view, found = self.view, await table.rows(first, PAGE)
        if view is self.view and table is self._table:
            self.model.show_page(first, [as_shown(each, self._schemas) for each in found])

    def _show_current(self) -> None:
        entity = self.current
        if not self.rows.currentIndex().isValid():
            self._inspected = None
            self._tasks.cancel("inspect")
            self._below.setCurrentWidget(self._unselected)
        elif entity is not None and (self._inspected is None or self._inspected.id != entity.id):
            self._inspected = entity
            self._tasks.start("inspect", self._inspect(entity))
        self.current_changed.emit()

    async def _inspect(self, entity: Entity) -> None:
        if self._table is not None:
            whole = await self._table.whole(entity.id)
            look = partial(decode, schemas=self._schemas, topic=whole.source.topic, key=whole.key)
            self.pane.show_data(whole.state, _DELETED, look, "state")
            self._below.setCurrentWidget(self.pane)


class _Rows(QTableView):
    def __init__(self, model: LatestModel) -> None:
        super().__init__()
        self._unit = self.fontMetrics().averageCharWidth()  # pixels, that the columns were fitted to
        self.setModel(model)
        self.setItemDelegate(_Delegate(model, self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setAccessibleName("Latest states")
        self.verticalHeader().hide()
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setStretchLastSection(True)
        for section, width in enumerate(WIDTHS):
            self.setColumnWidth(section, width * self._unit)
        self._sorted = (0, Qt.SortOrder.AscendingOrder)
        self.horizontalHeader().sortIndicatorChanged.connect(self._keep_order)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def _keep_order(self, section: int, order: Qt.SortOrder) -> None:
        """A click at a column that it cannot be sorted by changes nothing."""
        if section in ORDERS:
            self._sorted = (section, order)
        else:
            self.horizontalHeader().setSortIndicator(*self._sorted)

    def _fit(self) -> None:
        self.verticalHeader().setDefaultSectionSize(row_height(self.font()))
        before, self._unit = self._unit, self.fontMetrics().averageCharWidth()
        if self._unit != before:
            for section in range(len(WIDTHS)):
                self.setColumnWidth(section, round(self.columnWidth(section) * self._unit / before))


class _Delegate(CellDelegate):
    def __init__(self, model: LatestModel, table: QTableView) -> None:
        super().__init__(table)
        self._model = model
        self._font = mono_font()

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        if index.column() in MONOSPACED:
            self._font.setPointSizeF(option.font.pointSizeF())
            option.font, option.fontMetrics = self._font, QFontMetrics(self._font)
        super().paint(painter, option, index)

    def colour(self, index: QModelIndex | QPersistentModelIndex, look: Tokens) -> str:
        return str(getattr(look, self._model.tone(index.row(), index.column())))
