"""How a replay goes: each partition, how fast, how long yet, what was not written as planned, and its report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QTabWidget, QVBoxLayout, QWidget

from kexplorer.formats.numbers import count, duration, rate, size
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.model.replay import Pace
from kexplorer.services.replays import Stage
from kexplorer.ui.icons import icon
from kexplorer.ui.models.replays import (
    PART_PROGRESS,
    ExceptionalModel,
    PartsModel,
    part_rows,
    stage_tone,
    way,
)
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.keys import run_key
from kexplorer.ui.panels.replay_pace import PaceBox, offer_pause
from kexplorer.ui.panels.replay_report import ReportView
from kexplorer.ui.panels.replay_resume import resume
from kexplorer.ui.panels.replay_watch import Replays, Watch
from kexplorer.ui.widgets.action_button import action_button
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.figure_tile import FigureTile
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.notice_strip import NoticeStrip
from kexplorer.ui.widgets.progress_delegate import ProgressDelegate
from kexplorer.ui.widgets.rows_table import RowsTable

if TYPE_CHECKING:
    from kexplorer.ui.widgets.rate_chart import RateChart

_LOOK_EVERY = 0.5  # seconds
_EXCEPTIONAL, _REPORT = 1, 2  # tabs
_WHOLE = 1000  # of the progress bar


class ReplayRunPanel(Panel):
    """Of a replay that runs, wherever it was started, has run, or can be resumed. `open_plan` shows its plan."""

    message_wanted = Signal(
        str, int, object
    )  # (an int of a signal has 32 bits) topic, partition and offset of a source record

    def __init__(self, profile: Profile, path: Path, replays: Replays, open_plan: Callable[[Path], None]) -> None:
        key = run_key(profile.name, str(path))
        super().__init__(key, path.stem, "replay", profile.name, profile.colour)
        self._profile, self._path, self._replays = profile, path, replays
        self._open_plan = open_plan
        self._zone: tzinfo = UTC
        self._chart: RateChart | None = None
        self._told: object = None  # what the strips say now
        self._listed: object = None  # how many were not written as planned when they were listed last
        self._ran = False
        self.watch: Watch = replays.watch(path)
        self._build()
        self._show()
        self.tasks.start("look", self._look())

    def _build(self) -> None:
        self.pause = self._action("pause", "Pause", "Ctrl+Alt+J", self._pause)
        self.stop = self._action("stop", "Stop", "Ctrl+Alt+F", lambda: self._replays.stop(self._path))
        self.resume = self._action("play", "Resume", "Ctrl+Return", self._resume)
        self.edit = self._action("edit", "Show the plan", "Ctrl+I", lambda: self._open_plan(self._path))
        self.show_record = self._action("message", "Show the record", "Ctrl+Alt+I", self._want_message)
        self._way = ElidedLabel()
        self._way.setProperty("role", "heading")
        self._stage = plain_label("", "muted")
        self._pause_button = action_button(self.pause, "Pause")
        head = _row(self._way, self._stage, self._pause_button, action_button(self.stop, "Stop"))
        head.addWidget(action_button(self.resume, "Resume"))
        head.addWidget(action_button(self.edit, "Plan"))
        self.strip, self.notice = ErrorStrip(can_retry=False), NoticeStrip()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, _WHOLE)
        self.pace = PaceBox()
        self.pace.changed.connect(self._change_pace)
        self._body = QVBoxLayout()
        self._body.setContentsMargins(12, 4, 12, 8)
        self._body.setSpacing(8)
        self._body.addLayout(self._tiles())
        self._body.addWidget(self.bar)
        self._body.addWidget(self.pace)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.strip)
        column.addWidget(self.notice)
        column.addLayout(self._body)
        column.addWidget(self._tabs(), 1)
        self.setFocusProxy(self.tabs)

    def _tiles(self) -> QHBoxLayout:
        """read = written + quarantined + skipped"""
        names = ("Read", "Written", "Quarantined", "Skipped", "Rate")
        self.tiles = {name: FigureTile(name) for name in names}
        row = QHBoxLayout()
        row.setSpacing(6)
        signs = {"Written": "=", "Quarantined": "+", "Skipped": "+"}
        for name, tile in self.tiles.items():
            if name in signs:
                row.addWidget(plain_label(signs[name], "muted"))
            row.addWidget(tile)
        return row

    def _tabs(self) -> QTabWidget:
        self.parts = PartsModel(self)
        self.exceptional = ExceptionalModel(self)
        parts = RowsTable(self.parts, "Partitions")
        parts.setItemDelegateForColumn(PART_PROGRESS, ProgressDelegate(lambda row: self.parts.row(row).fraction, parts))
        self.table = RowsTable(self.exceptional, "Not written as planned")
        self.table.setSelectionBehavior(RowsTable.SelectionBehavior.SelectRows)
        self.table.activated.connect(self.show_record.trigger)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._offer())
        self.told = ElidedLabel()
        self.told.setProperty("role", "muted")
        listed = QWidget()
        column = QVBoxLayout(listed)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(_row(self.told, action_button(self.show_record, "Show the record")))
        column.addWidget(self.table, 1)
        self.report = ReportView()
        self.report.said.connect(self.say)
        self.report.chosen.connect(lambda path: self.tasks.start("export", self.report.save(path)))
        self.tabs = QTabWidget(documentMode=True)
        self.tabs.addTab(parts, "Partitions")
        self.tabs.addTab(listed, "Not written as planned")
        self.tabs.addTab(self.report, "Report")
        return self.tabs

    def _action(self, icon_name: str, text: str, keys: str, work: Callable[[], object]) -> QAction:
        action = QAction(icon(icon_name), text, self, shortcut=QKeySequence(keys))
        action.triggered.connect(work)
        return action

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self.pause, self.stop, self.resume, self.edit, self.show_record)

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = zone
        if self._chart is not None:
            self._chart.set_zone(zone)

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)

    # what a person does

    def _pause(self) -> None:
        (self.watch.resume if self.watch.stage is Stage.PAUSED else self.watch.pause)()

    def _change_pace(self, pace: Pace) -> None:
        self.watch.change_pace(pace)

    def _resume(self) -> None:
        self.tasks.start("resume", self._ask_and_resume())

    async def _ask_and_resume(self) -> None:
        await resume(self, self._replays, self._path)
        self._show()

    def _want_message(self) -> None:
        if rows := self.table.selectionModel().selectedRows():
            chosen = self.exceptional.row(rows[0].row())
            self.message_wanted.emit(chosen.source.topic, chosen.source.partition, chosen.offset)

    @property
    def source_profile(self) -> str:
        """The connection that its source records can be seen through; "" for none that is known."""
        plan = self.watch.seen.meant
        if plan is None:
            return ""
        place = plan.source.cluster
        return place.profile or (self._profile.name if place.bootstrap == self._profile.bootstrap else "")

    # what it shows

    async def _look(self) -> None:
        while True:
            if self.isVisible():
                self.watch = self._replays.watch(self._path)
                self._show()
                await self._show_exceptional()
                await self._show_rates()
            await asyncio.sleep(_LOOK_EVERY)

    def _show(self) -> None:
        seen, stage = self.watch.seen, self.watch.stage
        plan, progress = seen.meant, seen.progress
        if plan:
            self._way.show_text(way(plan))
            if self.title != plan.job:
                self.set_title(plan.job)
        self._show_stage(stage)
        self._show_figures(stage)
        self.parts.set_rows(part_rows(seen))
        self.pace.show_pace(self.watch.pace)
        self.pace.setEnabled(stage in (Stage.RUNNING, Stage.PAUSED))
        detail = progress.detail if progress and stage is Stage.RUNNING else ""
        self.notice.show_text(detail)
        failure = self.watch.failure or (seen.report.failure if seen.report and not self.watch.active else seen.trouble)
        if failure is not self._told:
            self._told = failure
            self.strip.show_failure(failure) if failure else self.strip.clear()
        self.report.show_report(seen, stage)
        if self._ran and not self.watch.active and seen.report:
            self.tabs.setCurrentIndex(_REPORT)
        self._ran = self.watch.active
        self._offer()
        self.say(f"{stage}. {count(seen.total.written)} written.")

    def _show_figures(self, stage: Stage) -> None:
        seen, tiles = self.watch.seen, self.tiles
        plan, progress, counts = seen.meant, seen.progress, seen.total
        looked = f"of {count(counts.scanned)} looked at" if counts.scanned != counts.read else ""
        tiles["Read"].show_figure(count(counts.read), looked, "text" if counts.add_up else "bad")
        tiles["Written"].show_figure(count(counts.written), size(counts.nbytes), "text")
        quarantine = f"to {plan.quarantine}" if plan and plan.quarantine else ""
        tiles["Quarantined"].show_figure(count(counts.quarantined), quarantine, _tone(counts.quarantined))
        tiles["Skipped"].show_figure(count(counts.skipped), "", _tone(counts.skipped))
        if progress and stage is Stage.RUNNING:
            left = "" if progress.left is None else f"{duration(progress.left)} left"
            tiles["Rate"].show_figure(rate(progress.rate), left, "text")
        else:
            tiles["Rate"].show_figure("–", "", "muted")

    def _show_stage(self, stage: Stage) -> None:
        """The word, and how far it is."""
        seen = self.watch.seen
        done, whole = seen.span
        far = f"{seen.fraction:.0%} of {count(whole)} offsets".replace("%", " %", 1) if seen.run else ""
        if seen.progress and stage is Stage.VERIFYING:
            far = seen.progress.detail
        self._stage.setText(f"{stage} · {far}" if far else stage)
        tone = stage_tone(stage)
        if tone != self._stage.property("role"):
            self._stage.setProperty("role", tone)
            self._stage.style().unpolish(self._stage)
            self._stage.style().polish(self._stage)
        self.bar.setValue(round(seen.fraction * _WHOLE))
        self.bar.setAccessibleDescription(f"{count(done)} of {count(whole)} offsets")

    async def _show_exceptional(self) -> None:
        """Read again when their number has changed."""
        total = self.watch.seen.total
        number = total.quarantined, total.skipped, self.watch.active
        if number == self._listed:
            return
        self._listed = number
        try:
            found = await self._replays.folder.exceptional(self.watch.seen)
        except Failure as failure:
            self.told.show_text(str(failure))
            return
        self.exceptional.set_rows(found)
        self.tabs.setTabText(_EXCEPTIONAL, f"Not written as planned ({count(len(found))})")
        dropped = "Records that the plan drops are counted as skipped, and not listed here."
        self.told.show_text(dropped if found or total.skipped else "So far, all is as planned.")

    async def _show_rates(self) -> None:
        if self._chart is None and len(self.watch.rates) > 1:
            await asyncio.to_thread(import_module, "pyqtgraph")  # half a second, most of which is no work of Qt
            from kexplorer.ui.widgets.rate_chart import RateChart  # noqa: PLC0415

            self._chart = RateChart("Records read a second")
            self._chart.set_zone(self._zone)
            self._body.addWidget(self._chart)
        if self._chart is not None:
            self._chart.show_rates(tuple(self.watch.rates))

    def _offer(self) -> None:
        stage = self.watch.stage
        offer_pause(self.pause, self._pause_button, stage)
        self.stop.setEnabled(stage.can_stop)
        self.resume.setEnabled(stage.can_start)
        self.show_record.setEnabled(bool(self.table.selectionModel().selectedRows()) and bool(self.source_profile))


def _row(stretched: QWidget, *others: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(12, 8, 12, 8)
    row.setSpacing(8)
    row.addWidget(stretched, 1)
    for each in others:
        row.addWidget(each)
    return row


def _tone(number: int) -> str:
    return "text" if number else "muted"
