"""The message table: records with columns that a person chooses, sorts by and counts the values of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QPaintEvent
from PySide6.QtWidgets import QWidget

from kexplorer.formats.column import Reading
from kexplorer.formats.numbers import count
from kexplorer.model.failure import Failure
from kexplorer.model.records import RecordRing
from kexplorer.model.schemas import SchemaKey
from kexplorer.services.ordering import SortedRows, count_values, near, sort
from kexplorer.ui.icons import icon
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.record_list import MOST_COPIED, RecordList, RowSource

if TYPE_CHECKING:
    from kexplorer.services.schemas import Schemas
    from kexplorer.ui.widgets.value_counts import ValueCountsDialog

__all__ = ["MOST_COPIED", "RecordView", "RowSource"]

_MANY = 20_000  # rows that take long enough to say so
_SORT, _COUNT, _FETCH = "sort rows", "count values", "schemas of rows"  # tasks


class RecordView(RecordList):
    """A `RecordList` with columns of one's own. `tasks` is what sorting and counting run in.

    A ring can be sorted: that is a snapshot of the rows it has at that time. Records that come later stand at the end;
    once the ring forgets some, the rows are in their order of arrival again. A topic that is browsed is not in memory,
    so it cannot be sorted, and counted is what is loaded around the rows on screen.
    """

    columns_changed = Signal()  # by a person: `save_state` gives something else
    filter_requested = Signal(str)  # an expression

    def __init__(self, tasks: Tasks, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._arrivals: RowSource = self._source  # in the order that they came in
        self._wanted_order = (self._newest_first, self._stays)  # while they are not sorted
        self._counts: ValueCountsDialog | None = None
        self._schemas: Schemas | None = None
        self._asked: set[SchemaKey] = set()  # what has been fetched, be it in vain
        self._header.changed.connect(self.columns_changed)
        self._header.sort_requested.connect(self._sort)
        self._header.order_requested.connect(self.show_arrivals)
        self._header.count_requested.connect(self._count)
        self._header.column_wanted.connect(self._ask_for_column)
        self._header.column_unwanted.connect(self._remove)
        self._header.reset_requested.connect(self._reset)
        self._columns_action = QAction(icon("columns"), "Columns …", self)
        self._columns_action.setShortcut("Ctrl+Shift+H")  # for the menu to show; keyPressEvent takes it
        self._columns_action.triggered.connect(self._header.open_for_all)
        self._key_actions.append(self._columns_action)

    # ---- schemas

    def set_schemas(self, schemas: Schemas | None) -> None:
        """Keys and values are read with these from now on; again after one was assigned to a topic."""
        self._schemas = schemas
        self._asked.clear()
        self._tasks.cancel(_FETCH)
        self._columns.set_schemas(schemas)
        self._columns.show(self._header.shown())
        self._cells.clear()
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        awaited = self._columns.awaited - self._asked
        if awaited and self._schemas is not None and not self._tasks.running(_FETCH):
            self._asked |= awaited
            self._tasks.start(_FETCH, self._fetch(self._schemas, awaited))

    async def _fetch(self, schemas: Schemas, keys: set[SchemaKey]) -> None:
        await schemas.prepare(keys)
        self._cells.clear()
        self.viewport().update()

    # ---- columns

    def columns_action(self) -> QAction:
        """Opens the menu of the columns at the keyboard, for another menu."""
        return self._columns_action

    def add_column(self, expression: str) -> None:
        """Shows a column that `expression` fills, before the value. What is wrong with one is a notice."""
        before = len(self._columns)
        try:
            number = self._columns.add(expression)
        except Failure as failure:
            self.notice.emit(str(failure))
            return
        if number == before:
            self._header.added()
        else:
            self._header.show_column(number, True)

    def show_column(self, key: str) -> None:
        """One of those that are always there."""
        self._header.show_column(self._columns.number_of(key), True)

    def remove_column(self, expression: str) -> None:
        """Nothing happens if there is no such column."""
        added = (number for number, column in enumerate(self._columns) if column.expression == expression != "")
        number = next(added, -1)
        if number >= 0:
            self._remove(number)

    def save_state(self) -> dict[str, object]:
        """Order, widths, visibility and expressions of the columns, as plain values that JSON can hold."""
        return {"columns": self._header.save_state()}

    def restore_state(self, state: dict[str, object]) -> None:
        """What in `state` makes no sense is ignored."""
        columns = state.get("columns")
        self._header.restore_state(columns if isinstance(columns, list) else [])

    def _ask_for_column(self) -> None:
        from kexplorer.ui.widgets.record_columns import ColumnDialog  # noqa: PLC0415

        dialog = ColumnDialog(self)
        dialog.accepted.connect(lambda: self.add_column(dialog.expression))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _remove(self, number: int) -> None:
        self._tasks.cancel(_SORT)
        sorted_by = self._header.sorted_by
        if sorted_by and sorted_by[0] >= number:  # the numbers behind it change
            self.show_arrivals()
        self._columns.remove(number)
        self._header.removed(number)

    def _reset(self) -> None:
        for column in [column for column in self._columns if column.expression]:
            self.remove_column(column.expression)
        self._header.show_usual()

    # ---- order

    @property
    def sorted_by(self) -> tuple[str, bool] | None:
        """The key of a column, or its expression, and whether descending; None in the order of arrival."""
        if not (sorted_by := self._header.sorted_by):
            return None
        column = self._columns[sorted_by[0]]
        return column.expression or column.key, sorted_by[1]

    def set_source(self, source: RowSource, *, stays: bool = False) -> None:
        self._tasks.cancel(_SORT)
        self._close_counts()
        self._header.show_sort(None)
        self._arrivals = source
        self._wanted_order = (self._wanted_order[0], stays)
        self._newest_first = self._wanted_order[0]
        super().set_source(source, stays=stays)

    def set_newest_first(self, newest_first: bool) -> None:
        self._wanted_order = (newest_first, self._wanted_order[1])
        if not isinstance(self._source, SortedRows):
            super().set_newest_first(newest_first)

    def rows_changed(self) -> None:
        if isinstance(self._source, SortedRows) and self._source.outdated:
            self.show_arrivals()
            self.notice.emit("Older records were forgotten, so the rows are in the order of arrival again.")
        super().rows_changed()

    def jump_to_newest(self) -> None:
        self.show_arrivals()
        super().jump_to_newest()

    def select(self, row: int) -> None:
        if isinstance(self._source, SortedRows):
            row = self._source.row_of(self._arrivals.dropped + row) or 0
        super().select(row)

    def show_arrivals(self) -> None:
        """Ends sorting."""
        self._tasks.cancel(_SORT)
        self._header.show_sort(None)
        if isinstance(self._source, SortedRows):
            self._show_order(self._arrivals)

    def sort_by_time(self, *, descending: bool) -> None:
        """For who has chosen neither an order nor a row."""
        if self.sorted_by is None and self._current is None:
            self._sort([column.key for column in self._columns].index("timestamp"), descending)

    def _sort(self, number: int, descending: bool) -> None:
        if isinstance(self._arrivals, RecordRing):
            self._tasks.start(_SORT, self._sort_ring(self._arrivals, number, descending))
            return
        self._header.show_sort(None)
        self.notice.emit(
            "A topic that is browsed is not in memory as a whole and cannot be sorted. Search or follow, then sort."
        )

    async def _sort_ring(self, ring: RecordRing, number: int, descending: bool) -> None:
        title, rows = self._columns[number].title, count(len(ring))
        told = -1

        def tell(share: float) -> None:
            nonlocal told
            if len(ring) > _MANY and (percent := int(share * 10) * 10) != told:
                told = percent
                self.notice.emit(f"Sorting {rows} rows by {title}: {percent} % read.")

        try:
            order = await sort(ring, self._columns.reading(number), descending=descending, progress=tell)
        except Failure as failure:
            self.notice.emit(f"The rows could not be sorted. {failure}")
            return
        self._header.show_sort((number, descending))
        self._show_order(order)
        self.notice.emit(f"{count(order.sorted_count)} rows sorted by {title}. Later ones are at the end.")

    def _show_order(self, rows: RowSource) -> None:
        """The same records in another order. The current one stays so; back in the order of arrival it is in sight."""
        current = self._current
        if current is not None and isinstance(self._source, SortedRows):
            current = self._source.absolute(current)
        if current is not None and isinstance(rows, SortedRows):
            current = rows.row_of(current)
        in_order = isinstance(rows, SortedRows)
        self._newest_first, self._stays = (False, True) if in_order else self._wanted_order
        self._source = rows
        self._total, self._dropped = rows.dropped + len(rows), rows.dropped
        self._selection.clear()
        self._cells.clear()
        self._hovered = None
        self._current = self._anchor = current if current is not None and current >= self._dropped else None
        self.place(0 if in_order else self._newest_end, repaint=True)
        if self._current is not None:
            self._selection.replace(self._current, self._current + 1)
            if not in_order:
                self._held = True
                self.place(self._place_of(self._current) * self.row_height() - self.viewport().height() // 2)

    # ---- counts

    def _count(self, number: int) -> None:
        from kexplorer.ui.widgets.value_counts import ValueCountsDialog  # noqa: PLC0415  (made when first wanted)

        self._close_counts()
        column = self._columns[number]
        self._counts = dialog = ValueCountsDialog(column.expression or column.title, self)
        dialog.filter_requested.connect(self.filter_requested)
        dialog.finished.connect(self._end_count)
        dialog.finished.connect(dialog.deleteLater)
        dialog.show()
        self._tasks.start(_COUNT, self._count_values(self._columns.reading(number), dialog))

    def _close_counts(self) -> None:
        if self._counts:
            self._counts.reject()

    def _end_count(self) -> None:
        self._counts = None
        self._tasks.cancel(_COUNT)

    async def _count_values(self, reading: Reading, dialog: ValueCountsDialog) -> None:
        source = self._arrivals
        rows: Iterable[int] = range(len(source))
        of = "in the table"
        if not isinstance(source, RecordRing):
            rows, of = near(source, self._absolute(self.row_at(0)) - source.dropped), "loaded around those on screen"
        try:
            dialog.show_counts(await count_values(source, rows, reading), of)
        except Failure as failure:
            dialog.show_failure(failure)
