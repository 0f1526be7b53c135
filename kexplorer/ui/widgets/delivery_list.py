"""The messages that a tab has sent, and what became of each."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from kexplorer.formats.numbers import count
from kexplorer.ui.icons import icon
from kexplorer.ui.models.deliveries import DeliveriesModel, SentMessage
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.rows_table import RowsTable


class DeliveryList(QWidget):
    """The newest first. `show_requested` with topic, partition and offset of one that was delivered."""

    show_requested = Signal(str, int, object)  # Qt's int has 32 bits, an offset 64

    def __init__(self) -> None:
        super().__init__()
        self.model = DeliveriesModel(self)
        self.table = _Table(self.model)
        self.counted = plain_label("", "muted")
        self.show_it = QPushButton(icon("external"), "Show it")
        self.show_it.setToolTip("Open the delivered message among the others of its partition")
        row = QHBoxLayout()
        row.setContentsMargins(12, 4, 12, 4)
        row.setSpacing(8)
        row.addWidget(plain_label("Deliveries", "heading"))
        row.addWidget(self.counted)
        row.addStretch()
        row.addWidget(self.show_it)
        self._empty = plain_label("Nothing was sent from this tab yet.", "muted")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.table)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self._pages, 1)
        self.show_it.clicked.connect(self._show)
        self.table.entered_row.connect(self._show)
        self.table.doubleClicked.connect(lambda _: self._show())
        self.table.customContextMenuRequested.connect(self._menu)
        self.table.selectionModel().currentChanged.connect(lambda *_: self._update())
        self.model.dataChanged.connect(lambda *_: self._update())
        self.model.layoutChanged.connect(lambda *_: self._update())
        self._update()

    def current(self) -> SentMessage | None:
        """The selected one, or else the newest."""
        index = self.table.currentIndex()
        if index.isValid():
            return self.model.row(index.row())
        return self.model.row(0) if self.model.rowCount() else None

    def _update(self) -> None:
        row, sent, on_way = self.current(), self.model.total, self.model.under_way
        self._pages.setCurrentIndex(int(sent > 0))
        self.counted.setText(f"{count(on_way)} on the way" if on_way else "")
        self.show_it.setEnabled(row is not None and row.delivery is not None and row.delivery.offset is not None)

    def _show(self) -> None:
        row = self.current()
        if row and row.delivery and row.delivery.partition is not None and row.delivery.offset is not None:
            self.show_requested.emit(row.topic, row.delivery.partition, row.delivery.offset)

    def _menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(icon("external"), "Show it", self._show).setEnabled(self.show_it.isEnabled())
        menu.addAction(icon("copy"), "Copy", self.table.copy)
        menu.popup(self.table.viewport().mapToGlobal(at))


class _Table(RowsTable):
    entered_row = Signal()

    def __init__(self, model: DeliveriesModel) -> None:
        super().__init__(model, "Deliveries")
        self.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self.entered_row.emit()
        else:
            super().keyPressEvent(event)
