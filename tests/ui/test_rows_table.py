"""Tables of rows: their titles, and what is selected."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from kexplorer.ui import theme
from kexplorer.ui.models.rows import Column, RowsModel
from kexplorer.ui.widgets.rows_table import RowsTable

_ARROW = 20  # pixels at the right of the sorted column


@pytest.mark.parametrize("numeric", [True, False])
def test_the_title_of_the_sorted_column_is_whole(qtbot: QtBot, qapp: QApplication, numeric: bool) -> None:
    theme.apply(qapp, theme.Scheme.LIGHT)
    columns: list[Column[int]] = [Column("Line", str, int, 20), Column("Now", str, int, 20, numeric)]
    table = RowsTable(RowsModel(columns, int, str, lambda *_: "text"), "Numbers")
    qtbot.addWidget(table)
    table.resize(500, 100)
    table.show()
    plain = _ink(table, 0)
    table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert plain > 15
    assert _ink(table, _ARROW) == plain


@pytest.mark.parametrize(("rows", "wanted"), [(50, 5), (5000, 600)])
def test_a_filter_that_is_cleared_selects_nothing_more(qtbot: QtBot, rows: int, wanted: int) -> None:
    """All of a large table is what Qt keeps in mind, not which rows it had."""
    columns: list[Column[int]] = [Column(f"{n}", str, int, 5) for n in range(4)]
    model = RowsModel(columns, int, str, lambda *_: "text")
    table = RowsTable(model, "Numbers")
    qtbot.addWidget(table)
    table.setSelectionBehavior(RowsTable.SelectionBehavior.SelectRows)
    model.set_rows(range(rows))
    model.set_filter(lambda row: row % 7 == 0 and row < wanted * 7)
    table.selectAll()
    model.set_filter(lambda _: True)
    assert {model.row(i.row()) for i in table.selectionModel().selectedRows()} == set(
        range(0, min(rows, wanted * 7), 7)
    )


def _ink(table: RowsTable, margin: int) -> int:
    """How wide what is written in the second title is, in pixels, but for a margin at its right."""
    header = table.horizontalHeader()
    place = QRect(header.sectionPosition(1), 4, header.sectionSize(1) - margin, header.height() - 8)
    image = header.grab(place).toImage()
    empty = image.pixel(0, 0)
    columns = [x for x in range(image.width()) if any(image.pixel(x, y) != empty for y in range(image.height()))]
    return columns[-1] - columns[0] + 1 if columns else 0
