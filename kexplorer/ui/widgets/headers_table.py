"""A record's headers, in their order, duplicates and nulls included."""

from __future__ import annotations

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStyleOptionViewItem, QTableView, QWidget

from kexplorer.formats.numbers import count
from kexplorer.formats.text import preview, visible
from kexplorer.model.records import Header
from kexplorer.ui.theme import Tokens, mono_font, row_height
from kexplorer.ui.widgets.cell_delegate import CellDelegate

_TITLES = ("Name", "Value", "Kind", "Bytes")
_Index = QModelIndex | QPersistentModelIndex


class HeadersModel(QAbstractTableModel):
    """Four columns: name, the value's beginning, what it is, its size."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[tuple[str, str, str, str]] = []

    def set_headers(self, headers: tuple[Header, ...]) -> None:
        self.beginResetModel()
        self._rows = [_row(name, value) for name, value in headers]
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(_TITLES)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role == Qt.ItemDataRole.DisplayRole:
            return self._rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == 3:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return _TITLES[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section == 3 else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None


def _row(name: str, value: bytes | None) -> tuple[str, str, str, str]:
    text, kind, _ = preview(value)
    return visible(name[:200]), text, kind.value, count(len(value or b""))


class _Delegate(CellDelegate):
    def colour(self, index: _Index, look: Tokens) -> str:
        return look.text if index.column() < 2 else look.muted

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        if index.column() < 2:
            option.font = mono_font(option.font.pointSizeF())
        super().paint(painter, option, index)


def headers_table(model: HeadersModel, parent: QWidget | None = None) -> QTableView:
    table = QTableView(parent)
    table.setModel(model)
    table.setItemDelegate(_Delegate(table))
    table.setAccessibleName("Headers")
    table.setShowGrid(False)
    table.setAlternatingRowColors(True)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.verticalHeader().hide()
    table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    table.verticalHeader().setDefaultSectionSize(row_height(table.font()))
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
    unit = table.fontMetrics().averageCharWidth()
    for column, characters in ((0, 24), (2, 10), (3, 8)):
        table.setColumnWidth(column, unit * characters)
    return table
