"""Many messages on their way: how many, how fast, how long each took, and how to stop that."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from kexplorer.formats.numbers import count, duration, rate, size
from kexplorer.services.jobs import Jobs
from kexplorer.services.producing import Outcome, Production
from kexplorer.services.send_pace import Progress
from kexplorer.ui.icons import icon
from kexplorer.ui.widgets.labels import IconLabel, plain_label
from kexplorer.ui.widgets.latency_chart import LatencyChart

_LOOK_EVERY = 250  # ms


class ProductionView(QWidget):
    """Hidden until the first one runs. It stays when that has ended, and says what came of it."""

    ended = Signal()

    def __init__(self, jobs: Jobs) -> None:
        super().__init__()
        self._jobs = jobs
        self._production: Production | None = None
        self._total: int | None = None
        self._paused = False
        self._look = QTimer(self, interval=_LOOK_EVERY)
        self._look.timeout.connect(self._show_progress)
        self._mark = IconLabel("jobs", "muted")
        self.title = plain_label("", "heading")
        self.told = plain_label("", "muted", wrap=True, selectable=True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.chart = LatencyChart()
        self.pause = QPushButton(icon("pause"), "Pause")
        self.cancel = QPushButton(icon("stop"), "Cancel")
        self.pause.clicked.connect(self._toggle_pause)
        self.cancel.clicked.connect(self._cancel)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._mark)
        row.addWidget(self.title, 1)
        row.addWidget(self.pause)
        row.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self.bar)
        column.addWidget(self.told)
        column.addWidget(self.chart, 1)
        column.addStretch()  # takes the room of a chart that is hidden
        self.hide()

    @property
    def undelivered(self) -> int:
        """Messages of the running production of which nobody knows yet whether they arrived."""
        return max(self._production.progress().undelivered, 0) if self._production else 0

    @property
    def running(self) -> bool:
        return self._production is not None

    async def run(self, production: Production, name: str, total: int | None) -> Outcome:
        """Shows `production` until it ends. Raises its `Failure`. Who cancels this ends the production."""
        self._production, self._total, self._paused = production, total, False
        self.chart.clear()
        self.chart.show()
        self.title.setText(name)
        self._mark.show_icon("jobs", "muted")
        self.bar.setRange(0, total or 0)
        self.bar.show()
        self._update_buttons()
        self._look.start()
        self.show()
        try:
            outcome = await production.run(self._jobs, name)
        except BaseException:
            self.hide()
            raise
        finally:
            self._look.stop()
            self._production = None
            self._update_buttons()
        self._show_outcome(outcome)
        self.ended.emit()
        return outcome

    def _show_progress(self) -> None:
        if self._production is None:
            return
        progress = self._production.progress()
        if progress.newest_p99:
            self.chart.add(progress.newest_p50, progress.newest_p99)
        if self._total:
            self.bar.setValue(min(progress.acknowledged + progress.failed + progress.skipped, self._total))
        self.told.setText(_in_words(progress) + ("  ·  paused" if self._paused else ""))

    def _show_outcome(self, outcome: Outcome) -> None:
        self.bar.hide()
        self.chart.setVisible(len(self.chart.points) > 1)
        self._mark.show_icon(*(("success", "good") if outcome.complete else ("warning", "warn")))
        report = [f"The report is {outcome.report}."] if outcome.report else []
        self.told.setText(" ".join([*outcome.lines(), *report]))

    def _update_buttons(self) -> None:
        for button in (self.pause, self.cancel):
            button.setVisible(self.running)
        self.pause.setText("Resume" if self._paused else "Pause")
        self.pause.setIcon(icon("play" if self._paused else "pause"))

    def _toggle_pause(self) -> None:
        if self._production:
            self._paused = not self._paused
            (self._production.pause if self._paused else self._production.resume)()
            self._update_buttons()
            self._show_progress()

    def _cancel(self) -> None:
        if self._production:
            self._production.cancel()


def _in_words(progress: Progress) -> str:
    parts = [
        f"{count(progress.acknowledged)} acknowledged",
        f"{count(max(progress.undelivered, 0))} on the way",
        f"{count(progress.failed)} failed" if progress.failed else "",
        f"{count(progress.skipped)} left out" if progress.skipped else "",
        rate(progress.rate),
        size(progress.nbytes),
        f"p50 {duration(progress.p50 / 1000)}, p99 {duration(progress.p99 / 1000)}" if progress.p99 else "",
    ]
    return "  ·  ".join(part for part in parts if part)
