"""Long work: how far it is, how fast, how long yet; pause and cancel."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from kexplorer.services.jobs import Job, Jobs, JobState
from kexplorer.ui.icons import icon
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.empty_state import EmptyState

_UPDATE_MS = 250
_SHOWN = 50  # the newest; nobody looks for older ones


class JobsView(QWidget):
    """One row a job, the newest first. Looks how far they are four times a second while one runs."""

    def __init__(self, jobs: Jobs) -> None:
        super().__init__()
        self._jobs = jobs
        self._rows: dict[Job, _JobRow] = {}
        self._empty = EmptyState("jobs", "No jobs", "Long work shows here how far it is, and can be stopped.")
        self._clear = QPushButton(icon("trash"), "Clear ended")
        self._clear.setFlat(True)
        self._clear.clicked.connect(jobs.clear_ended)
        self._list = QWidget()
        self._list.setProperty("panel", True)
        rows = QVBoxLayout(self._list)
        rows.setContentsMargins(12, 4, 12, 4)
        rows.setSpacing(0)
        rows.addStretch()
        self._area = QScrollArea(widgetResizable=True)
        self._area.setWidget(self._list)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._clear, 0, Qt.AlignmentFlag.AlignRight)
        layout.addWidget(self._area)
        layout.addWidget(self._empty, 1)
        self._timer = QTimer(self, interval=_UPDATE_MS)
        self._timer.timeout.connect(self._refresh)
        jobs.watch(self._listed)
        self._listed()

    def _listed(self) -> None:
        shown = self._jobs.all()[-_SHOWN:]
        for job in set(self._rows) - set(shown):
            self._rows.pop(job).deleteLater()
        rows = self._list.layout()
        assert isinstance(rows, QVBoxLayout)  # noqa: S101  (made above)
        for job in shown:
            if job not in self._rows:
                self._rows[job] = _JobRow(job)
                rows.insertWidget(0, self._rows[job])
        self._area.setVisible(bool(shown))
        self._empty.setVisible(not shown)
        self._clear.setVisible(any(not job.state.active for job in shown))
        self._refresh()
        if self._jobs.active:
            self._timer.start()
        else:
            self._timer.stop()

    def _refresh(self) -> None:
        for row in self._rows.values():
            row.refresh()


class _JobRow(QWidget):
    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job
        self._name = ElidedLabel()
        self._name.show_text(job.name)
        self._told = ElidedLabel()
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._pause = QToolButton()
        self._pause.clicked.connect(lambda: job.resume() if job.state == JobState.PAUSED else job.pause())
        self._cancel = QToolButton()
        self._cancel.setIcon(icon("stop"))
        self._cancel.setToolTip("Cancel")
        self._cancel.clicked.connect(job.cancel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(12)
        layout.addWidget(self._name, 2)
        layout.addWidget(self._bar, 2)
        layout.addWidget(self._told, 3)
        layout.addWidget(self._pause)
        layout.addWidget(self._cancel)
        for widget in (self._bar, self._pause, self._cancel):  # so that the columns of all rows stay in line
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            widget.setSizePolicy(policy)
        self.refresh()

    def refresh(self) -> None:
        job = self._job
        fraction = job.fraction
        moving = job.state.active and fraction is None
        self._bar.setVisible(job.state.active)
        self._bar.setRange(0, 0 if moving else 1000)
        if not moving:
            self._bar.setValue(int((fraction or 0) * 1000))
        self._told.show_text(describe(job))
        paused = job.state == JobState.PAUSED
        self._pause.setIcon(icon("play" if paused else "pause"))
        self._pause.setToolTip("Resume" if paused else "Pause")
        self._pause.setVisible(job.can_pause)
        self._cancel.setVisible(job.state.active)


def describe(job: Job) -> str:
    """One line: "41 % · 120,400 of 300,000 records · 12,300/s · 15 s left"."""
    counted = f"{job.done:,} {job.unit}" if job.total is None else f"{job.done:,} of {job.total:,} {job.unit}"
    parts = [counted]
    if job.fraction is not None:
        parts.insert(0, f"{job.fraction:.0%}".replace("%", " %"))
    if job.state == JobState.RUNNING and job.rate:
        parts.append(f"{job.rate:,.0f}/s")
    if job.remaining is not None:
        parts.append(f"{duration(job.remaining)} left")
    if job.state != JobState.RUNNING:
        parts.insert(0, job.state.capitalize())
    return " · ".join([*parts, job.detail] if job.detail else parts)


def duration(seconds: float) -> str:
    """The two greatest units: "15 s", "3 min 20 s", "2 h 5 min"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
