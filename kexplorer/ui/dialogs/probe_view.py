"""The connection test as a list that grows: a row a step, with its outcome in a sign and a word, cause and remedy."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from kexplorer.model.cluster import ProbeStep, StepOutcome
from kexplorer.model.failure import Failure
from kexplorer.ui.icons import icon
from kexplorer.ui.widgets.labels import IconLabel, plain_label

_SIGNS = {StepOutcome.PASSED: ("success", "good"), StepOutcome.FAILED: ("error", "bad")}
_SKIPPED = ("more", "muted")
_INTRODUCTION = (
    "The test walks to the cluster as a client does: name, network, encryption, protocol, login, and the "
    "address that each broker advertises. It names the step that fails."
)


class ProbeView(QWidget):
    """`start()`, `add()` for each step, then `finish()`, or `fail()` when the test could not be made."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("panel", True)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._steps: list[ProbeStep] = []
        self.verdict = plain_label("Not tested yet", "heading", wrap=True, selectable=True)
        self.advice = plain_label(_INTRODUCTION, "muted", wrap=True, selectable=True)
        self.copy_button = QPushButton(icon("copy"), "Copy report")
        self.copy_button.setFlat(True)
        self.copy_button.setAutoDefault(False)
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.report()))
        rows = QWidget()
        rows.setProperty("panel", True)
        self._rows = QVBoxLayout(rows)
        self._rows.setContentsMargins(16, 0, 16, 8)
        self._rows.setSpacing(10)
        self._rows.addStretch()
        self._scroll = QScrollArea()
        self._scroll.setWidget(rows)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        top = QVBoxLayout()
        top.setContentsMargins(16, 16, 16, 4)
        top.setSpacing(4)
        top.addWidget(self.verdict)
        top.addWidget(self.advice)
        bottom = QHBoxLayout()
        bottom.setContentsMargins(8, 0, 8, 8)
        bottom.addWidget(self.copy_button)
        bottom.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addWidget(self._scroll, 1)
        layout.addLayout(bottom)
        self.copy_button.setVisible(False)

    def start(self) -> None:
        self._steps.clear()
        while self._rows.count() > 1:
            item = self._rows.takeAt(0)
            if item is not None and (row := item.widget()):
                row.deleteLater()
        self._say("Testing…", "heading", "")
        self.copy_button.setVisible(False)

    def add(self, step: ProbeStep) -> None:
        self._steps.append(step)
        self._rows.insertWidget(self._rows.count() - 1, _row(step))

    def finish(self) -> None:
        """The first step that failed everywhere decides; a failed one of several addresses is only a warning."""
        failed = [step for step in self._steps if step.outcome == StepOutcome.FAILED]
        passed = {step.name for step in self._steps if step.outcome == StepOutcome.PASSED}
        decisive = next((step for step in failed if step.name not in passed), None)
        self.copy_button.setVisible(True)
        if decisive and decisive.failure:
            self._say(f"{decisive.name} failed", "bad", str(decisive.failure))
        elif failed:
            count = f"{len(failed)} problem{'s' if len(failed) > 1 else ''}"
            self._say(f"Reachable, with {count}", "warn", "Some addresses do not work; see below.")
        else:
            self._say("Connected", "good", "Every step passed.")

    def fail(self, failure: Failure) -> None:
        self._say("The test could not be made", "bad", str(failure))

    def stop(self) -> None:
        self._say("Stopped", "heading", "The steps so far are below.")
        self.copy_button.setVisible(bool(self._steps))

    def outdate(self) -> None:
        """The settings are no longer those that were tested."""
        if self.copy_button.isVisibleTo(self):
            self._say("Changed since the test", "heading", "What is below was found with other settings. Test again.")

    def report(self) -> str:
        """As text, for a ticket. Holds no secret."""
        lines = [self.verdict.text(), self.advice.text()]
        for step in self._steps:
            lines.append(f"{step.outcome:8}{step.name:12} {step.target} ({step.seconds:.2f} s) {step.detail}".rstrip())
            lines.extend([f"        {step.failure}"] if step.failure else [])
        return "\n".join(lines)

    def _say(self, verdict: str, role: str, advice: str) -> None:
        self.verdict.setText(verdict)
        self.verdict.setProperty("role", role)
        self.verdict.setStyleSheet("font-weight: 600")  # also makes Qt look at the role again
        self.advice.setText(advice)
        self.advice.setVisible(bool(advice))


def _row(step: ProbeStep) -> QWidget:
    sign, role = _SIGNS.get(step.outcome, _SKIPPED)
    picture = IconLabel(sign, role)
    name = plain_label(step.name, "heading" if step.outcome != StepOutcome.SKIPPED else "muted")
    outcome = plain_label(str(step.outcome), role)
    seconds = plain_label("" if step.outcome == StepOutcome.SKIPPED else f"{step.seconds * 1000:,.0f} ms", "muted")
    row = QWidget()
    grid = QGridLayout(row)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(8)
    grid.setVerticalSpacing(2)
    grid.setColumnStretch(2, 1)
    for column, widget in enumerate((picture, name, outcome, seconds)):
        grid.addWidget(widget, 0, column)
    found = " · ".join(part for part in (step.target, step.detail) if part)
    cause = [(found, "muted")] + ([(step.failure.message, ""), (step.failure.hint, "muted")] if step.failure else [])
    for number, (text, kind) in enumerate((each for each in cause if each[0]), start=1):
        label = plain_label(text, kind, wrap=True, selectable=True)
        grid.addWidget(label, number, 1, 1, 3)
    return row
