"""A key or a correlation id, followed across topics: what happened to it, where and when."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from kexplorer.formats.numbers import count, duration
from kexplorer.formats.text import visible
from kexplorer.model.correlation import Step, Trail, Where
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.search import SearchQuery
from kexplorer.model.topics import IsolationLevel
from kexplorer.services import browser
from kexplorer.services.correlation import MOST, USUAL, Correlation, filter_of, labels_of
from kexplorer.services.jobs import Jobs
from kexplorer.services.ranges import resolve
from kexplorer.services.searches import OpenSearch
from kexplorer.services.sessions import Session
from kexplorer.ui.dialogs.save_file import ask_where
from kexplorer.ui.icons import icon
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.correlation_bar import CorrelationBar
from kexplorer.ui.panels.correlation_chart import CorrelationChart
from kexplorer.ui.panels.correlation_list import StepsModel
from kexplorer.ui.panels.keys import correlation_key
from kexplorer.ui.widgets.action_button import action_button
from kexplorer.ui.widgets.coverage_strip import CoverageStrip
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.notice_strip import NoticeStrip
from kexplorer.ui.widgets.rows_table import RowsTable

if TYPE_CHECKING:
    from kexplorer.services.schemas import Schemas
    from kexplorer.ui.widgets.inspector import Inspector

_FILTERS = "PNG picture (*.png);;SVG picture (*.svg);;JSON lines (*.jsonl)"
_LONGEST_TITLE = 40  # characters of what is followed
_SHOW_EVERY = 0.3  # seconds, while steps are found
_QUESTION = "What happened to one order, payment or request?"
_WHAT = "Type its key or correlation id, and choose the topics that it may pass through."


class CorrelationPanel(Panel):
    """`open_session` connects when that is needed; the workers of what `open_search` makes are this panel's until
    it closes them."""

    message_wanted = Signal(str, int, object)  # topic, partition, offset (a signal's own int has 32 bits)

    def __init__(
        self,
        profile: Profile,
        topics: Sequence[str],
        open_session: Callable[[], Awaitable[Session]],
        open_search: OpenSearch,
        jobs: Jobs,
    ) -> None:
        super().__init__(correlation_key(profile.name, *topics), "Correlation", "link", profile.name, profile.colour)
        self.topics = tuple(topics)
        self._open_session, self._open_search, self._jobs = open_session, open_search, jobs
        self._zone: tzinfo = UTC
        self._schemas: Schemas | None = None
        self._correlation: Correlation | None = None  # while it runs
        self.steps: Sequence[Step] = ()
        self._build_actions()
        self._build_widgets()
        self._show_page()
        self.tasks.start("topics", self._offer_topics())

    def _build_actions(self) -> None:
        self._follow = self._action("search", "Follow", "Ctrl+R", self.start)
        self._find = self._action("edit", "What to follow", "Ctrl+F", self._focus_text)
        self._all = self._action("histogram", "Show all of the time", "Ctrl+Alt+0", self._show_all)
        self._record = self._action("message", "Show this record in its topic", "Ctrl+G", self._show_record)
        self._save = self._action("download", "Export the picture or the records…", "Ctrl+S", self.ask_where)
        self._even = self._action("columns", "Every step as long as every other", "Ctrl+E", self._show_even)
        self._even.setCheckable(True)

    def _build_widgets(self) -> None:
        self.bar = CorrelationBar(self.topics, self._follow)
        self.strip, self.coverage, self.notice = ErrorStrip(), CoverageStrip(), NoticeStrip()
        self.strip.retry_requested.connect(self.start)
        self.bar.range.failed.connect(self.strip.show_failure)
        self.bar.text.textChanged.connect(lambda _: self.strip.clear_typed())
        self.bar.topics_changed.connect(self._show_lanes)
        self.coverage.stop_requested.connect(lambda: self.tasks.cancel("follow"))
        self.coverage.pause_requested.connect(self._pause_or_resume)
        self.coverage.hide()
        self.chart = CorrelationChart()
        self.chart.picked.connect(self._select_row)
        self.chart.opened.connect(lambda _: self._record.trigger())
        self.chart.zoomed.connect(self._all.setEnabled)
        self._all.setEnabled(False)
        self.model = StepsModel(lambda: (self._schemas, self._zone))
        self.table = RowsTable(self.model, "Records of the trail")
        self.table.setSelectionBehavior(RowsTable.SelectionBehavior.SelectRows)
        self.table.selectionModel().currentRowChanged.connect(lambda now: self._show_step(now.row()))
        self.table.activated.connect(lambda _: self._record.trigger())
        self._unselected = EmptyState("message", "No record is selected.", "Select one to see all of it.")
        self.empty = EmptyState("link", _QUESTION, _WHAT)
        self.empty.action_requested.connect(self.bar.show_topics)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self._trail())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in (self.strip, self.bar, self.coverage, self.notice):
            column.addWidget(part)
        column.addWidget(self._pages, 1)
        self.setFocusProxy(self.bar)

    def _trail(self) -> QWidget:
        """The picture above, the list and the record below."""
        page, tools = QWidget(), QHBoxLayout()
        self.told = ElidedLabel()
        self.told.setProperty("role", "muted")
        tools.setContentsMargins(12, 0, 12, 8)
        tools.setSpacing(8)
        tools.addWidget(self.told, 3)
        self.label = QLineEdit()
        self.label.setPlaceholderText("Label: value.type …")
        self.label.setAccessibleName("What to write at each dot")
        self.label.setToolTip(f"What to write at each dot: a field or a header. Empty: the first of {', '.join(USUAL)}")
        self.label.editingFinished.connect(self._label)
        tools.addWidget(self.label, 1)
        for action in (self._even, self._all):
            button = QToolButton()
            button.setDefaultAction(action)
            tools.addWidget(button)
        for action, text in ((self._record, "Record"), (self._save, "Export")):
            tools.addWidget(action_button(action, text))
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.chart)
        self._below = QSplitter(Qt.Orientation.Horizontal)
        self._below.setChildrenCollapsible(False)
        self._below.addWidget(self.table)
        self._below.addWidget(self._unselected)
        self._below.setSizes([620, 380])
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(scroll)
        split.addWidget(self._below)
        split.setSizes([420, 340])
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(tools)
        column.addWidget(split, 1)
        return page

    @cached_property
    def inspector(self) -> Inspector:
        """Made, and its module imported, when first wanted."""
        from kexplorer.ui.widgets.inspector import Inspector  # noqa: PLC0415

        made = Inspector(self.tasks)
        made.set_zone(self._zone)
        made.notice.connect(self.say)
        sizes = self._below.sizes()
        self._below.replaceWidget(1, made)
        self._unselected.deleteLater()
        self._below.setSizes(sizes)
        return made

    def _action(self, icon_name: str, text: str, keys: str, work: Callable[[], object]) -> QAction:
        action = QAction(icon(icon_name), text, self, shortcut=QKeySequence(keys))
        action.triggered.connect(lambda _: work())
        return action

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self._follow, self._find, self._even, self._all, self._record, self._save)

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = zone
        self.bar.set_zone(zone)
        self.chart.set_zone(zone)
        self.model.set_rows(self.steps)
        if "inspector" in vars(self):
            self.inspector.set_zone(zone)

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)
        self._show_page()

    def save_state(self) -> dict[str, object]:
        return {**self.bar.save_state(), "even": self._even.isChecked(), "label": self.label.text()}

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.bar.restore_state(state)
        self._even.setChecked(state.get("even") is True)
        self.label.setText(str(state.get("label") or ""))
        self._show_even()

    async def close_panel(self) -> None:
        self._correlation = None  # its end is not shown any more
        await super().close_panel()

    # following

    def follow(self, text: str, where: Where = Where.ANYWHERE, name: str = "") -> None:
        """As if a person had typed it. `name` is that of a header, or the path of a field."""
        self.bar.show_trail(Trail(text, where, name))
        self.start()

    def start(self) -> None:
        self.strip.clear()
        self.tasks.start("follow", self._work())

    async def _offer_topics(self) -> None:
        session = await self._open_session()
        await session.catalog.refresh()
        self.bar.set_topics(session.catalog.metadata.topics if session.catalog.metadata else ())

    async def _work(self) -> None:
        trail, topics = self.bar.trail, self.bar.topics
        spec = filter_of(trail)
        if not topics:
            raise Failure(FailureKind.INVALID, "No topic is chosen.", "Tick those that it may pass through.")
        if self.bar.range.failure:
            raise self.bar.range.failure
        self.set_title(f"Trail of {visible(trail.text[:_LONGEST_TITLE])}")
        self._correlation = None  # what went before may still be ending
        self.coverage.hide()
        only = f"Only {visible(topics[0])} is looked at. Tick more topics above, and follow it through all of them."
        self.notice.show_text(only if len(topics) == 1 else "")
        self._show_steps(())
        session = await self._open_session()
        self._schemas = session.schemas
        sources = await browser.partitions_of(session.cluster, topics)
        isolation, now = IsolationLevel.READ_UNCOMMITTED, time.time_ns() // 1_000_000
        part = await resolve(session.cluster, sources, self.bar.range.start, self.bar.range.end, isolation, now)
        query = SearchQuery(part.ranges, spec, now, isolation, newest_first=False)
        search = await self._open_search(query, part.troubles, None)
        correlation = self._correlation = Correlation(trail, search)
        try:
            await self._collect(correlation)
        finally:
            await correlation.close()
            if correlation is self._correlation:
                self._end(correlation)

    def _end(self, correlation: Correlation) -> None:
        self._correlation = None
        self.coverage.show_report(correlation.search.report())
        self._show_steps(correlation.steps())
        self.table.fit_columns()
        if self.steps and self.bar.text.hasFocus():
            self.table.setFocus()  # so that the arrow keys go through the steps
        if correlation.full:
            self.told.show_text(f"{self.told.whole}: there are more than are shown, {count(MOST)} at most or 64 MB.")
        self._label()

    async def _collect(self, correlation: Correlation) -> None:
        search, shown, news = correlation.search, time.monotonic(), False
        self.coverage.show()
        self._show_page()
        while (more := await correlation.advance()) is not None:
            news = news or more
            self.coverage.show_progress(search.progress(), search.coverage(), search.paused)
            if news and time.monotonic() - shown > _SHOW_EVERY:
                self._show_steps(correlation.steps())
                shown, news = time.monotonic(), False

    def _pause_or_resume(self) -> None:
        if self._correlation is not None:
            search = self._correlation.search
            (search.resume if search.paused else search.pause)()
            self.coverage.show_progress(search.progress(), search.coverage(), search.paused)

    # what is shown

    def _show_steps(self, steps: Sequence[Step]) -> None:
        current = self._current()
        self.steps = steps
        self.chart.show_steps(steps, self.bar.topics)
        self.model.set_rows(steps)
        if current is not None:
            self._select(current)
        reached = {step.record.topic for step in steps}
        words = f"{count(len(steps))} record{'' if len(steps) == 1 else 's'}"
        words += f" in {len(reached)} topic{'' if len(reached) == 1 else 's'}"
        known = [step.record.timestamp for step in steps if step.record.timestamp is not None]
        if len(known) > 1:
            words += f", {duration((known[-1] - known[0]) / 1000)} from the first to the last"
        self.told.show_text(words)
        self.say(f"{words}.")
        self._show_page()

    def _label(self) -> None:
        self.strip.clear_typed()
        self.tasks.start("label", self._show_labels())

    async def _show_labels(self) -> None:
        """In a thread: what the steps are called may stand in large values."""
        steps, wanted = self.steps, self.label.text().strip()
        labels = await asyncio.to_thread(labels_of, steps, wanted, self._schemas)
        if steps is self.steps:
            self.chart.set_labels(labels)

    def _show_page(self) -> None:
        self._pages.setCurrentIndex(1 if self.steps else 0)
        self._save.setEnabled(bool(self.steps))
        self._record.setEnabled(self._current() is not None)
        if self.steps:
            return
        if self._correlation is not None:
            self.empty.tell("search", "Nothing found yet.", "The search goes on.")
        elif self.bar.trail.text and not self.coverage.isHidden():
            self.empty.tell("search", "It was not met in these topics.", "Above stands what was scanned.", "Topics …")
        else:
            self.empty.tell("link", _QUESTION, _WHAT)

    def _current(self) -> Step | None:
        row = self.table.currentIndex().row()
        return self.model.row(row) if 0 <= row < self.model.rowCount() else None

    def _select(self, wanted: Step) -> None:
        """The same record, whatever its number by now."""
        place = (wanted.record.source, wanted.record.offset)
        for step in self.steps:
            if (step.record.source, step.record.offset) == place:
                self.chart.select(step.number)

    def _select_row(self, number: int) -> None:
        for row in range(self.model.rowCount()):
            if self.model.row(row).number == number:
                self.table.selectRow(row)
                self.table.setCurrentIndex(self.model.index(row, 0))

    def _show_step(self, row: int) -> None:
        step = self.model.row(row) if 0 <= row < self.model.rowCount() else None
        self._record.setEnabled(step is not None)
        if step is not None:
            self.chart.select(step.number)
            self.inspector.show_record(step.record, self._schemas)

    def _show_even(self) -> None:
        self.chart.set_even(self._even.isChecked())

    def _show_lanes(self) -> None:
        self.chart.show_steps(self.steps, self.bar.topics)

    def _show_all(self) -> None:
        self.chart.show_all()

    def _focus_text(self) -> None:
        self.bar.text.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.bar.text.selectAll()

    def _show_record(self) -> None:
        if (step := self._current()) is not None:
            self.message_wanted.emit(step.record.topic, step.record.partition, step.record.offset)

    # files

    def ask_where(self) -> None:
        ask_where(self, "Export the picture or the records", "trail.png", _FILTERS, self.export)

    def export(self, path: Path) -> None:
        """A picture (.png, .svg) of what is shown, or its records (.jsonl); a file of that name is replaced."""
        self.tasks.start("export", self._write(path))

    async def _write(self, path: Path) -> None:
        if path.suffix.lower() == ".jsonl":
            from kexplorer.services.export import Format, Target, export_records  # noqa: PLC0415  (few export)

            records = [step.record for step in self.steps]
            await export_records(records, len(records), Target(path, Format.JSONL, replace=True), self._jobs)
        else:
            title = f"{self.bar.trail.text} · {self.told.whole}"
            contents = self.chart.svg(title) if path.suffix.lower() == ".svg" else self.chart.png(title)
            try:
                await asyncio.to_thread(path.write_bytes, contents)
            except OSError as error:
                hint = "Choose another folder, or make room there."
                raise Failure(FailureKind.REFUSED, f"{path} could not be written: {error.strerror}.", hint) from error
        self.say(f"The trail was written to {path}.")
