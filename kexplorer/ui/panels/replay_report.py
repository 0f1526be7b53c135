"""What became of a replay: in sentences, and as the JSON that is kept of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from kexplorer.formats.numbers import count
from kexplorer.model.replay import ReplayReport, report_json, total
from kexplorer.services.replays import Replay, Stage
from kexplorer.ui.icons import icon
from kexplorer.ui.models.replays import outcome
from kexplorer.ui.widgets.labels import IconLabel, plain_label

_LISTED = 20  # of what was not written as planned; a table shows all of it
_HEADINGS = {
    Stage.DONE: ("success", "good", "All records were written."),
    Stage.FINDINGS: ("warning", "bad", "The second look found what is not as planned."),
    Stage.STOPPED: ("pause", "warn", "It was stopped. Resumed, it goes on where it was."),
    Stage.FAILED: ("error", "bad", "It ended before its time. Resumed, it goes on where it was."),
    Stage.INTERRUPTED: ("error", "bad", "Its process has ended without a report. Resumed, it goes on where it was."),
}


class ReportView(QWidget):
    said = Signal(str)  # a sentence for the status bar
    chosen = Signal(str)  # where the report is to be saved

    def __init__(self) -> None:
        super().__init__()
        self._report: ReplayReport | None = None
        self._mark = IconLabel("info", "muted")
        self.heading = plain_label("", "heading")
        self.text = plain_label(wrap=True, selectable=True)
        self.text.setProperty("panel", True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.text.setContentsMargins(12, 8, 12, 8)
        area = QScrollArea(widgetResizable=True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setWidget(self.text)
        self.copy = QPushButton(icon("copy"), "Copy")
        self.export = QPushButton(icon("save"), "Export as JSON…")
        self.copy.clicked.connect(self._copy)
        self.export.clicked.connect(self._ask_where)
        row = QHBoxLayout()
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(8)
        row.addWidget(self._mark)
        row.addWidget(self.heading, 1)
        row.addWidget(self.copy)
        row.addWidget(self.export)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(area, 1)

    def show_report(self, replay: Replay, stage: Stage) -> None:
        """Of a run that has ended, else that there is none yet."""
        mark, tone, heading = _HEADINGS.get(stage, ("info", "muted", "The report is made at the end."))
        self._report = replay.report if stage in _HEADINGS else None
        self._mark.show_icon(mark, tone)
        self.heading.setText((stage is Stage.DONE and self._report and _done(self._report)) or heading)
        where = replay.path.with_suffix(".run") / "report.json"
        text = _text(self._report) + f"\n\nKept in {where}." if self._report else ""
        if text != self.text.text():  # what is selected stays so
            self.text.setText(text)
        for button in (self.copy, self.export):
            button.setEnabled(self._report is not None)

    async def save(self, path: str) -> None:
        if (report := self._report) is None:
            return
        try:
            await asyncio.to_thread(_write, Path(path), report)
        except OSError as error:
            self.said.emit(f"Not exported: {error.strerror or error} ({path})")
        else:
            self.said.emit(f"Exported to {path}.")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.text())
        self.said.emit("Copied the report.")

    def _ask_where(self) -> None:
        name = f"{self._report.job if self._report else 'replay'}-report.json"
        dialog = QFileDialog(self, "Export the report", name, "JSON (*.json)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("json")
        dialog.fileSelected.connect(self.chosen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


def _write(path: Path, report: ReplayReport) -> None:
    path.write_text(json.dumps(report_json(report), indent=1), encoding="utf-8")


def _done(report: ReplayReport) -> str:
    """Which records were not written is no trouble where the plan says so, but nothing to be silent about."""
    whole = total(each.counts for each in report.reached.values())
    others = {"quarantined": whole.quarantined, "skipped": whole.skipped}
    if left := ", ".join(f"{count(number)} {name}" for name, number in others.items() if number):
        return f"Every record is accounted for: {count(whole.written)} written, {left}."
    return "All records were written, and found again." if report.verified else "All records were written."


def _text(report: ReplayReport) -> str:
    lines = list(report.lines())
    if report.exceptional:
        lines += ["", "Not written as planned:"]
    for each in report.exceptional[:_LISTED]:
        lines.append(f"{each.source.topic}-{each.source.partition}, offset {each.offset}, {outcome(each)}: {each.why}")
    if len(report.exceptional) > _LISTED:
        lines.append(f"… and {count(len(report.exceptional) - _LISTED)} more.")
    return "\n".join(lines)
