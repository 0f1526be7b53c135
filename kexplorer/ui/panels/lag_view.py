"""Lag as it goes: a chart with its bar above and its legend below."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import QMenu, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from kexplorer.formats.numbers import count
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.services.lag_lines import LineKey, Metric
from kexplorer.services.lag_past import LagHistory
from kexplorer.services.lag_watch import LagWatch, Sampled
from kexplorer.services.sessions import Session
from kexplorer.ui.models.lag_lines import TREND, LagLinesModel
from kexplorer.ui.panels.lag_legend import Look, coloured, line_of
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.theme import tokens
from kexplorer.ui.topic_filter import topic_filter
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.lag_bar import HEAT, STACK, LagBar
from kexplorer.ui.widgets.legend_delegate import LegendDelegate
from kexplorer.ui.widgets.rows_table import RowsTable
from kexplorer.ui.widgets.sparkline import SparklineDelegate

if TYPE_CHECKING:
    from kexplorer.ui.panels.lag_feed import LagFeed
    from kexplorer.ui.widgets.lag_chart import LagChart
    from kexplorer.ui.widgets.lag_grid import Floats, Lines
    from kexplorer.ui.widgets.lag_heat import LagHeat
    from kexplorer.ui.widgets.lag_plot import TimePlot

_REDRAW_EVERY, _REST = 1.0, 10  # seconds, and times as long as it took, at least
_LEGEND_AFTER = 40  # ms behind the chart: both at once would hold the window up for longer
_TREND = 48  # values in a row of the legend
_WARN_EVERY, _WARNED = 60.0, 20  # seconds between looks at what retention will delete, and of how many groups


class LagView(QWidget):
    """Of all groups, or of `group` alone. Nothing is asked or drawn while it is hidden. `sampled` is told of every
    look, `said` a sentence about what is shown."""

    sampled = Signal(object)
    said = Signal(str)
    filtered = Signal()  # by what was typed, which could be understood

    def __init__(self, tasks: Tasks, show_failure: Callable[[Failure], None], group: str | None = None) -> None:
        super().__init__()
        self.group = group
        self._tasks = tasks
        self._show_failure = show_failure
        self._zone: tzinfo = UTC
        self.feed: LagFeed | None = None
        self._chart: LagChart | None = None
        self._heat: LagHeat | None = None
        self._hidden: set[LineKey] = set()
        self._colours: dict[LineKey, int] = {}
        self._warnings: dict[str, str] = {}
        self._passes: Callable[[str], int | None] | None = None  # all do
        self._drawn_at = 0.0
        self._took = 0.0  # seconds of the last time it was drawn
        self._shown: Lines | None = None
        self._found: tuple[Floats, Lines, Sequence[int]] | None = None  # times, lines, and their order
        self._build()

    def _build(self) -> None:
        self.bar = LagBar(self.group is not None)
        self.bar.span_changed.connect(self._span_changed)
        self.bar.changed.connect(self.redraw)
        self.bar.filter.filter_changed.connect(self._filter_changed)
        self.bar.whole.clicked.connect(self._follow)
        self.empty = EmptyState("lag", "Looking at the lag …")
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self.model = LagLinesModel(self)
        self.table = RowsTable(self.model, "Lines of the chart")
        self.table.setSelectionBehavior(RowsTable.SelectionBehavior.SelectRows)
        self.table.setItemDelegateForColumn(0, LegendDelegate(self.model, self.table))
        self.table.setItemDelegateForColumn(TREND, SparklineDelegate(lambda row: self.model.row(row).trend, self.table))
        self.table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._choose())
        self.table.doubleClicked.connect(lambda index: self.toggle([self.model.row(index.row()).key]))
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._menu)
        self._splitter = QSplitter(Qt.Orientation.Vertical)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.addWidget(self._pages)
        self._splitter.addWidget(self.table)
        self._splitter.setStretchFactor(0, 5)
        self._splitter.setStretchFactor(1, 3)
        self._splitter.setSizes([500, 300])
        self.table.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(self._splitter, 1)
        self._later = QTimer(self, singleShot=True)
        self._later.timeout.connect(self._look_up)
        self._draw_later = QTimer(self, singleShot=True)
        self._draw_later.timeout.connect(self._draw)
        self._legend_later = QTimer(self, singleShot=True, interval=_LEGEND_AFTER)
        self._legend_later.timeout.connect(self._show_legend)

    async def run(self, session: Session, history: LagHistory | None) -> None:
        """Goes on until it is cancelled."""
        await asyncio.to_thread(import_module, "pyqtgraph")  # takes half a second, and most of it is no work of Qt
        from kexplorer.ui.panels.lag_feed import LagFeed  # noqa: PLC0415

        if self.feed is None or self.feed.watch is not session.lag:
            self.feed = LagFeed(session, history, self.group, self._told, self._show_failure)
        feed = self.feed
        try:
            await feed.begin(self.bar.span)
            while True:
                await self._look_at_retention(feed.watch)
                await asyncio.sleep(_WARN_EVERY if feed.grid.rows else 1.0)
        finally:
            self._tasks.cancel("span")
            feed.stop()
            self._later.stop()
            self._draw_later.stop()

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = zone
        for plot in (self._chart, self._heat):
            if plot is not None:
                plot.set_zone(zone)

    def redraw(self) -> None:
        """Draws what is known now, all at once."""
        self._later.stop()
        self._look_up()
        self._draw()

    def _look_up(self) -> None:
        """The first half of the work: others on the loop get their turn between both."""
        self._drawn_at = time.monotonic()
        self._found = None
        if self.feed is None or not self.isVisible():
            return
        passes, grid = self._passes, self.feed.grid
        admits = None if passes is None else lambda key: passes(key.name) is not None
        lines = grid.lines(self.bar.measure, self.bar.level, admits)
        self._found = grid.times, lines, lines.ranked()
        self._took = time.monotonic() - self._drawn_at
        self._draw_later.start()

    def _draw(self) -> None:
        self._draw_later.stop()
        if self._found is None or not self.isVisible():
            return
        began = time.monotonic()
        times, lines, ranked = self._found
        self._show_page(bool(lines.keys))
        if not lines.keys:
            self._found = None
            self.model.set_rows(())
            return
        shown = [number for number in ranked if lines.keys[number] not in self._hidden]
        self._shown = lines.chosen(shown)
        if self.bar.view == HEAT:
            from kexplorer.ui.widgets.lag_heat import MOST_ROWS  # noqa: PLC0415

            self._colours = {}
            self.heat.show_lines(times, lines.chosen(shown[:MOST_ROWS]), self.bar.measure)
        else:
            self._draw_chart(times, lines, shown)
        self._legend_later.start()
        self._took += time.monotonic() - began

    # parts that are made when they are first wanted

    @property
    def chart(self) -> LagChart:
        if self._chart is None:
            from kexplorer.ui.widgets.lag_chart import LagChart  # noqa: PLC0415

            self._chart = LagChart("Lag over time")
            self._added(self._chart)
        return self._chart

    @property
    def heat(self) -> LagHeat:
        if self._heat is None:
            from kexplorer.ui.widgets.lag_heat import LagHeat  # noqa: PLC0415

            self._heat = LagHeat("Heat map of lag")
            self._added(self._heat)
        return self._heat

    def _added(self, plot: TimePlot) -> None:
        plot.set_zone(self._zone)
        plot.zoomed.connect(self.bar.whole.setVisible)
        plot.picked.connect(self.pick)
        self._pages.addWidget(plot)
        self.setTabOrder(plot, self.table)  # it was made last

    # what is shown

    def _draw_chart(self, times: Floats, lines: Lines, shown: Sequence[int]) -> None:
        from kexplorer.ui.widgets.lag_chart import MOST_LINES, How  # noqa: PLC0415

        chosen = self.chosen
        leaders = list(shown[:MOST_LINES])
        rest = list(shown[MOST_LINES:])
        if behind := [number for number in rest if lines.keys[number] == chosen]:
            leaders += behind
            rest.remove(behind[0])
        self._colours = coloured(self._colours, [lines.keys[number] for number in leaders])
        how = How(self.bar.view == STACK, self.bar.logarithmic, chosen)
        self.chart.show_lines(times, lines.chosen(leaders), lines.chosen(rest), self.bar.measure, self._colours, how)

    def _show_page(self, known: bool) -> None:
        self.table.setVisible(known)
        if known:
            self._pages.setCurrentWidget(self.heat if self.bar.view == HEAT else self.chart)
            return
        self._pages.setCurrentWidget(self.empty)
        if self.feed is not None and self.feed.grid.rows:
            self.empty.tell("filter", "No line answers to that filter.")
        else:
            what = f"{self.group} commits" if self.group else "a group commits"
            why = f"A line appears here once {what} an offset, and goes on while this is seen."
            self.empty.tell("lag", "Lag is recorded from now on.", why)

    def _show_legend(self) -> None:
        if self.feed is None or self._found is None or not self.isVisible():
            return
        _, lines, ranked = self._found
        newest, trends = lines.newest(), lines.courses(_TREND)
        metric = self.bar.measure
        rows = []
        for number in ranked:
            key = lines.keys[number]
            now = None if math.isnan(newest[number]) else float(newest[number])
            look = Look(metric, now, tuple(trends[number]), self._colours.get(key), key in self._hidden)
            rows.append(line_of(self.feed.watch, key, look, self._warnings.get(key.group, "")))
        self.model.set_rows(rows)
        known = [row.now for row in rows if row.now is not None]
        words = f"1 {self.bar.noun}" if len(rows) == 1 else f"{count(len(rows))} {self.bar.noun}s"
        if metric is Metric.LAG:
            words += f" · lag {count(round(sum(known)))}"
        self.said.emit(words)

    # files

    def contents(self, path: Path) -> bytes:
        """What a file of that kind has of what is shown: the data or a picture."""
        from kexplorer.ui.widgets import lag_export  # noqa: PLC0415

        lines, times = self._shown, self.feed.grid.times if self.feed else None
        if lines is None or times is None:
            raise Failure(FailureKind.REFUSED, "Nothing is shown yet.", "Wait until a line appears.")
        suffix = path.suffix.lower()
        if suffix in (".csv", ".json"):
            write = lag_export.csv_of if suffix == ".csv" else lag_export.json_of
            return write(times, lines, self.bar.measure).encode()
        heat = self.bar.view == HEAT
        look = tokens(self.palette())
        entries = [] if heat else [(key.name, look.series[number]) for key, number in self._colours.items()]
        picture = lag_export.svg_of if suffix == ".svg" else lag_export.png_of
        return picture(self.heat if heat else self.chart, self.title, entries)

    @property
    def title(self) -> str:
        of = f"{self.group}, by {self.bar.noun}" if self.group else f"by {self.bar.noun}"
        return f"{self.bar.measure.value} {of}"

    # work

    def _told(self, sampled: Sampled | None) -> None:
        if sampled is not None:
            self.sampled.emit(sampled)
        if self.feed is not None and self.feed.crowded and not self._tasks.running("span"):
            self._span_changed()
        if self._later.isActive():
            return
        rest = self._drawn_at + max(_REDRAW_EVERY, _REST * self._took) - time.monotonic()
        if sampled is None:
            self.redraw()
        else:
            self._later.start(max(int(rest * 1000) + 1, 0))

    async def _look_at_retention(self, watch: LagWatch) -> None:
        """Of the groups that are furthest behind."""
        behind = [(seen.lag or 0, name) for name, seen in watch.latest.items() if self.group in (None, name)]
        for lag, name in sorted(behind, reverse=True)[:_WARNED]:
            if lag and name in watch.latest:  # it may have gone meanwhile
                with contextlib.suppress(Failure):  # who may not read configurations is not warned
                    self._warnings[name] = (await watch.retention(name)).warning
            else:
                self._warnings.pop(name, None)

    # what a person does

    @property
    def chosen(self) -> LineKey | None:
        """The line of the legend that is selected, if it is one."""
        rows = {index.row() for index in self.table.selectionModel().selectedIndexes()}
        return self.model.row(rows.pop()).key if len(rows) == 1 else None

    def pick(self, key: LineKey | None) -> None:
        """Selects a line in the legend, or none."""
        self.table.clearSelection()
        for row in range(self.model.rowCount()):
            if self.model.row(row).key == key:
                self.table.selectRow(row)
                self.table.scrollTo(self.model.index(row, 0))

    def toggle(self, keys: Sequence[LineKey]) -> None:
        """Mutes lines, or draws them again."""
        self._hidden.symmetric_difference_update(keys)
        self.redraw()

    def show_only(self, keys: Sequence[LineKey]) -> None:
        self._hidden = {self.model.row(row).key for row in range(self.model.rowCount())} - set(keys)
        self.redraw()

    def show_all(self) -> None:
        self._hidden.clear()
        self.redraw()

    def selected(self) -> list[LineKey]:
        rows = sorted({index.row() for index in self.table.selectionModel().selectedIndexes()})
        return [self.model.row(row).key for row in rows]

    def _choose(self) -> None:
        if self.bar.view != HEAT and self.feed is not None:
            self.redraw()

    def _menu(self, at: QPoint) -> None:
        if not self.table.indexAt(at).isValid():
            return
        keys = self.selected()
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        muted = all(key in self._hidden for key in keys)
        menu.addAction("Draw again" if muted else "Mute", lambda: self.toggle(keys))
        menu.addAction("Draw only this" if len(keys) == 1 else "Draw only these", lambda: self.show_only(keys))
        menu.addAction("Draw all", self.show_all)
        menu.popup(self.table.viewport().mapToGlobal(at))

    def _filter_changed(self, text: str) -> None:
        try:
            self._passes = topic_filter(text) if text.strip() else None
        except Failure as failure:
            self._show_failure(failure)
            return
        self.redraw()
        self.filtered.emit()

    def _follow(self) -> None:
        for plot in (self._chart, self._heat):
            if plot is not None:
                plot.follow()

    def _span_changed(self) -> None:
        if self.feed is not None:
            self._tasks.start("span", self.feed.begin(self.bar.span))
