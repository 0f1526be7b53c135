"""Dead letters on one side, what caused them on the other, and when they came above."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, tzinfo

from PySide6.QtCore import QItemSelectionModel, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSplitter, QTableView, QVBoxLayout, QWidget

from kexplorer.formats.numbers import count
from kexplorer.model.dead_letters import Cause, DeadLetter, Place
from kexplorer.services.dead_letters import Group, count_in, over_time
from kexplorer.ui.models.dead_letters import CausesModel, LettersModel
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.histogram import HistogramStrip
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.rows_table import RowsTable

_SIDE = 325  # pixels: in a window of 1280 the table has its columns but the message


class _Times(HistogramStrip):
    """What is read here are letters, not offsets."""

    @property
    def text(self) -> str:
        return super().text.replace("offset", "letter")

    def _help(self) -> str:
        return "How many letters came when. Drag to choose a time; Esc or a double click clears it."


class LettersView(QWidget):
    """A cause or a time that is chosen leaves only its letters in the table. `current_changed` with the letter to show,
    or None; `selection_changed` when other letters are selected, or are there."""

    current_changed = Signal(object)
    selection_changed = Signal()

    def __init__(self, tasks: Tasks) -> None:
        super().__init__()
        self._tasks = tasks
        self._zone: tzinfo = UTC
        self._groups: dict[Cause, Group] = {}
        self._causes: frozenset[Cause] = frozenset()  # those that were chosen
        self._time: tuple[int, int] | None = None
        self._hides_done = False
        self.causes, self.letters = CausesModel(self), LettersModel(self)
        self.side = RowsTable(self.causes, "Causes")
        self.table = RowsTable(self.letters, "Dead letters")
        for table in (self.side, self.table):
            table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
            table.restore_sort([0, True])
            header = table.horizontalHeader()  # asks each row, at each paint, whether it is selected: of these, none is
            header.setSelectionModel(QItemSelectionModel(table.model(), table))
        self.side.selectionModel().selectionChanged.connect(lambda *_: self._choose())
        self.table.selectionModel().currentRowChanged.connect(lambda now, _: self._tell_current(now.row()))
        self.table.selectionModel().selectionChanged.connect(lambda *_: self.selection_changed.emit())
        self.times = _Times()
        self.times.setAccessibleName("Letters over time")
        self.times.range_chosen.connect(lambda start, end: self._brush((start, end)))
        self.times.cleared.connect(lambda: self._brush(None))
        self._lay_out()

    def _lay_out(self) -> None:
        self._heading = plain_label("Causes", "heading")
        self.all_causes = QPushButton("Show all")
        self.all_causes.setFlat(True)
        self.all_causes.clicked.connect(self.show_all)
        head = QHBoxLayout()
        head.setContentsMargins(12, 4, 8, 4)
        head.addWidget(self._heading)
        head.addStretch()
        head.addWidget(self.all_causes)
        left, right = QWidget(), QWidget()
        side, main = QVBoxLayout(left), QVBoxLayout(right)
        for column in (side, main):
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
        side.addLayout(head)
        side.addWidget(self.side, 1)
        main.addWidget(self.times)
        main.addWidget(self.table, 1)
        self.split = QSplitter()
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(left)
        self.split.addWidget(right)
        self.split.setSizes([_SIDE, 4 * _SIDE])
        self.split.setStretchFactor(1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.split)
        self.setFocusProxy(self.table)
        self._offer_all()

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = self.causes.zone = self.letters.zone = zone
        self.times.set_zone(zone)
        for table in (self.side, self.table):
            table.viewport().update()
        self._draw_times()

    # what there is

    def begin(self, done: Iterable[Place]) -> None:
        """Forgets what it has; what was chosen stays chosen."""
        self.letters.done = set(done)
        self.letters.set_rows(())
        self._groups = {}
        self.times.show_loading()

    def add(self, letters: Sequence[DeadLetter]) -> None:
        count_in(self._groups, letters, self.letters.done)
        self.letters.append(letters)
        self._show_counts()

    def _show_counts(self) -> None:
        self.causes.set_rows(self._groups.values())
        self._heading.setText(f"{count(len(self._groups))} {'cause' if len(self._groups) == 1 else 'causes'}")

    def finish(self) -> None:
        self._show_counts()
        self.side.restore_sort(self.side.save_sort())
        self._filter()

    def set_done(self, places: Iterable[Place], done: bool) -> None:
        changed = set(places)
        self.letters.done = self.letters.done | changed if done else self.letters.done - changed
        self._groups = {}
        count_in(self._groups, self.letters.all(), self.letters.done)
        self._show_counts()
        self.table.viewport().update()
        if self._hides_done:
            self._filter()
        self.selection_changed.emit()

    @property
    def done(self) -> int:
        return sum(group.done for group in self._groups.values())

    # what is chosen

    def selected(self) -> list[DeadLetter]:
        """In the order of the table."""
        spans = self.table.selectionModel().selection().toList()
        rows = sorted({row for span in spans for row in range(span.top(), span.bottom() + 1)})
        return [self.letters.row(row) for row in rows]

    def hide_done(self, on: bool) -> None:
        self._hides_done = on
        self._filter()

    def show_all(self) -> None:
        """Of every cause and time."""
        self.times.clear_brush()
        self._time = None
        self.side.clearSelection()
        self._filter()

    def _choose(self) -> None:
        rows = self.side.selectionModel().selectedRows()
        chosen = frozenset(self.causes.row(each.row()).cause for each in rows)
        if chosen != self._causes:
            self._causes = chosen
            self._filter()

    def _brush(self, time: tuple[int, int] | None) -> None:
        self._time = time
        self._filter(draw=False)

    def _filter(self, *, draw: bool = True) -> None:
        causes, time, hides, is_done = self._causes, self._time, self._hides_done, self.letters.is_done

        def passes(letter: DeadLetter) -> bool:
            if causes and letter.cause not in causes:
                return False
            if time and not (letter.timestamp is not None and time[0] <= letter.timestamp < time[1]):
                return False
            return not (hides and is_done(letter))

        self.table.clearSelection()  # else a whole table that was selected would become another whole table
        self.letters.set_filter(passes)
        if self.letters.rowCount():
            self.table.selectRow(max(self.table.currentIndex().row(), 0))
        self._offer_all()
        self.selection_changed.emit()
        if draw:
            self._draw_times()

    def _offer_all(self) -> None:
        self.all_causes.setVisible(bool(self._causes or self._time))

    def _draw_times(self) -> None:
        letters = self.letters.all()
        if causes := self._causes:
            letters = [each for each in letters if each.cause in causes]
        self._tasks.start("times", self._count_times(letters))

    async def _count_times(self, letters: Sequence[DeadLetter]) -> None:
        self.times.show_histogram(await over_time(letters, self._zone))

    def _tell_current(self, row: int) -> None:
        self.current_changed.emit(self.letters.row(row) if row >= 0 else None)
