"""The search of a messages panel: what is looked for above, how far it is below, and the one that runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from kexplorer.formats.field_names import FieldNames
from kexplorer.formats.filters import compile_filter
from kexplorer.model.failure import Failure
from kexplorer.model.records import Batch
from kexplorer.model.search import FilterKind, FilterSpec, SavedSearch
from kexplorer.services.search import Search
from kexplorer.services.searches import Searches
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.coverage_strip import CoverageStrip
from kexplorer.ui.widgets.record_view import RowSource
from kexplorer.ui.widgets.search_offer import SearchOffer

if TYPE_CHECKING:
    from kexplorer.ui.widgets.query_bar import QueryBar

log = logging.getLogger(__name__)

_REST = 0.5  # seconds in which the first rows are painted
_LEARNT, _LEARNT_BYTES = 100, 64_000  # rows whose fields are offered to complete, and as much of each


class SearchArea(QWidget):
    """Query bar and coverage strip, each made when first wanted: opening a panel should cost little. Owns
    the search that it runs, and its workers."""

    requested = Signal(FilterSpec)
    closed = Signal()
    stop_requested = Signal()
    resume_requested = Signal(SavedSearch)

    def __init__(self, parent: QWidget, searches: Searches, topics: Sequence[str], tasks: Tasks) -> None:
        super().__init__(parent)
        self._searches = searches
        self._topics = topics
        self._tasks = tasks
        self._state: object = None  # what the query bar was in earlier sessions
        self._search: Search | None = None
        self._looked_for = FilterSpec("")  # by the last one
        self.shown = False  # the table shows what a search found
        self.known = FieldNames()  # what the query bar offers
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self.hide()

    @cached_property
    def query(self) -> QueryBar:
        from kexplorer.ui.widgets.query_bar import QueryBar  # noqa: PLC0415  (most panels are never searched)

        made = QueryBar(self._searches.filters)
        made.set_known(self.known)
        made.restore_state(self._state)
        made.searched.connect(self.requested)
        made.closed.connect(self._close)
        self._column.insertWidget(0, made)
        return made

    @cached_property
    def coverage(self) -> CoverageStrip:
        made = CoverageStrip()
        made.pause_requested.connect(self._pause_or_resume)
        made.stop_requested.connect(self.stop_requested)
        self._column.addWidget(made)
        return made

    @cached_property
    def _offer(self) -> SearchOffer:
        made = SearchOffer()
        made.resume_requested.connect(self._resume)
        made.forget_requested.connect(lambda saved: self._tasks.start("forget", self._forget(saved)))
        self._column.addWidget(made)
        return made

    @property
    def offered(self) -> str:
        """What is said of a search that was interrupted; "" for none."""
        return self._offer.text if "_offer" in vars(self) and not self._offer.isHidden() else ""

    @property
    def advice(self) -> str:
        """For who finds nothing: what was searched for as a text may have been meant as an expression."""
        spec = self._looked_for
        if spec.kind is FilterKind.CONTAINS and set(spec.text) & set("=<>("):
            with contextlib.suppress(Failure):
                compile_filter(replace(spec, kind=FilterKind.EXPRESSION))
                return "It reads like an expression: choose Fields in place of Text."
        return "Above stands what was scanned."

    @property
    def running(self) -> bool:
        return self._search is not None

    def show_query(self, spec: FilterSpec | None = None) -> None:
        if spec is not None:
            self.query.show_spec(spec)
        self.show()
        self.query.show()
        self.query.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.query.edit.selectAll()

    async def run(self, search: Search, collect: Callable[[Batch], None]) -> None:
        """Hands matches to `collect` until all is scanned or the task is cancelled; the end is told either way."""
        self._search, self._looked_for = search, search.query.filter
        self.shown = True
        self._show_offer(None)
        self.show()
        self.coverage.show()
        self.tell()
        try:
            while (batch := await search.next_batch()) is not None:
                collect(batch)
        finally:
            self._search = None
            await search.close()
            self.coverage.show_report(search.report())

    async def learn(self, source: RowSource) -> None:
        """Offers the fields of the newest rows that are there, a few at a time."""
        for row in range(len(source) - 1, max(len(source) - 1 - _LEARNT, -1), -1):
            if row < len(source) and (peek := source.peek(row, _LEARNT_BYTES)):
                self.known.learn([peek.record])
            if row % 10 == 0:
                await asyncio.sleep(0)

    async def look_for_interrupted(self) -> None:
        """Offers the newest search that was interrupted, now or before the program was ended."""
        await asyncio.sleep(_REST)
        try:
            self._show_offer(await self._searches.interrupted(self._topics))
        except Failure as failure:
            log.warning("%s", failure)

    async def _forget(self, saved: SavedSearch) -> None:
        await self._searches.forget(saved)
        await self.look_for_interrupted()

    def _show_offer(self, saved: SavedSearch | None) -> None:
        if saved is not None:
            self._offer.show_search(saved)
            self.show()
        elif "_offer" in vars(self):
            if (panel := self.parentWidget()) and self._offer.isAncestorOf(QApplication.focusWidget() or panel):
                panel.setFocus()  # else Qt gives the focus to whatever comes next in the window
            self._offer.hide()

    def _resume(self, saved: SavedSearch) -> None:
        self._offer.hide()
        self.show_query(saved.query.filter)
        self.resume_requested.emit(saved)

    def tell(self) -> None:
        """How far it is."""
        if self._search is not None:
            self.coverage.show_progress(self._search.progress(), self._search.coverage(), self._search.paused)

    def clear(self) -> None:
        """The table shows something else."""
        if self.shown:
            self.shown = False
            self.coverage.hide()

    def save_state(self) -> object:
        return self.query.save_state() if "query" in vars(self) else self._state

    def restore_state(self, state: object) -> None:
        self._state = state

    async def close_area(self) -> None:
        if "query" in vars(self):
            await self.query.tasks.close()

    def _close(self) -> None:
        self.query.hide()
        self.closed.emit()

    def _pause_or_resume(self) -> None:
        if self._search is not None:
            (self._search.resume if self._search.paused else self._search.pause)()
            self.tell()
