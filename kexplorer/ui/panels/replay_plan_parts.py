"""How fast a replay is, what it promises, and what becomes of records that it cannot write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QRadioButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.replay import Guarantee, Pace, Plan, Policy
from kexplorer.ui.panels.replay_plan_places import GoalBox
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.limit_spin import LimitSpin
from kexplorer.ui.widgets.range_box import mark_invalid

_MOST = 10**15
_INDENT = 24  # pixels below a radio button
E = TypeVar("E", Guarantee, Policy)
_GUARANTEES = {
    Guarantee.EXACTLY_ONCE: (
        "Exactly once",
        "Records and progress are written in one transaction, so a crash neither loses nor repeats any. Readers of the "
        "target need isolation.level=read_committed.",
    ),
    Guarantee.AT_LEAST_ONCE: (
        "At least once",
        "None is lost; after a crash some may be there twice. Each tells its origin in the header kx-source, by which "
        "they can be told apart.",
    ),
}
_POLICIES = {
    Policy.STOP: ("Stop the replay", "It can go on once the cause is gone."),
    Policy.QUARANTINE: ("Write them to a quarantine topic", "With the reason in a header."),
    Policy.SKIP: ("Leave them out", "Each is listed in the report with its reason."),
}


class PaceBox(QWidget):
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.records = LimitSpin("Records a second", "no limit", " records/s", decimals=3)
        self.bytes = LimitSpin("Bytes of keys and values a second", "no limit", " bytes/s")
        self.original = QCheckBox("Keep the original timing,")
        self.original.setToolTip("As the records came once, by their timestamps; 10 is ten times as fast")
        self.timing = LimitSpin("How many times as fast", suffix=" times as fast", decimals=2)
        self.gap = LimitSpin("Longest gap", "no wait", " s", decimals=1)
        for spin in (self.records, self.bytes, self.timing, self.gap):
            spin.setMaximum(_MOST)
            spin.valueChanged.connect(lambda _: self.changed.emit())
        self.original.toggled.connect(self._toggled)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(_row(plain_label("At most", "muted"), self.records, plain_label("and", "muted"), self.bytes))
        gap = (plain_label("with no gap longer than", "muted"), self.gap)
        column.addLayout(_row(self.original, self.timing, *gap))
        self._toggled()

    def pace_of(self, base: Pace) -> Pace:
        timing = _kept(self.timing, base.timing) if self.original.isChecked() else None
        gap = _kept(self.gap, base.longest_gap)
        return Pace(_kept(self.records, base.records), _kept(self.bytes, base.bytes), timing, gap or 0.0)

    def show_pace(self, pace: Pace) -> None:
        for spin, value in (
            (self.records, pace.records),
            (self.bytes, pace.bytes),
            (self.timing, pace.timing or 1),
            (self.gap, pace.longest_gap),
        ):
            spin.setValue(value or 0)
        self.original.setChecked(pace.timing is not None)

    def _toggled(self) -> None:
        self.timing.setEnabled(self.original.isChecked())
        self.gap.setEnabled(self.original.isChecked())
        self.changed.emit()


class PromiseBox(QWidget):
    """The guarantee, and what goes with it."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        column = _column(self)
        self.guarantees = _explained(column, _GUARANTEES)
        self._marks = False  # what a person wants of them, where it is not needed
        self.marks = QCheckBox("Mark each record with the replay and its origin")
        self.marks.setToolTip("Headers kx-replay-job and kx-source")
        self.verify = QCheckBox("Compare both sides when it is done")
        self.verify.setToolTip("Reads what was written once more: counts and digests")
        for box in (self.marks, self.verify):
            box.clicked.connect(self._clicked)
            column.addWidget(box)
        for radio in self.guarantees.values():
            radio.clicked.connect(self._clicked)

    def plan_of(self, base: Plan) -> Plan:
        guarantee = next((each for each, radio in self.guarantees.items() if radio.isChecked()), base.guarantee)
        made = replace(base, guarantee=guarantee, verify=self.verify.isChecked())
        return made if made.marks == self.marks.isChecked() else replace(made, markers=self.marks.isChecked() or None)

    def show_plan(self, plan: Plan) -> None:
        self.guarantees[plan.guarantee].setChecked(True)
        self._marks = bool(plan.markers)
        self.verify.setChecked(plan.verify)
        self._show_marks()

    def _clicked(self) -> None:
        if self.marks.isEnabled():
            self._marks = self.marks.isChecked()
        self._show_marks()
        self.changed.emit()

    def _show_marks(self) -> None:
        needed = self.guarantees[Guarantee.AT_LEAST_ONCE].isChecked()
        self.marks.setEnabled(not needed)
        self.marks.setChecked(needed or self._marks)


class PolicyBox(QWidget):
    """What becomes of records that cannot be written as planned."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        column = _column(self)
        self.policies = _explained(column, _POLICIES)
        self.quarantine = GoalBox("Quarantine topic, on the target")
        self.attempts = QSpinBox()
        self.attempts.setRange(1, 1_000_000)
        self.attempts.setAccessibleName("Most attempts")
        self.attempts.setToolTip("Counted in the header kx-replay-count, so that no record goes round for ever")
        self.attempts.lineEdit().setTextMargins(6, 0, 0, 0)
        self._told = plain_label(role="bad", wrap=True)
        self._told.hide()
        column.addWidget(self.quarantine)
        column.addWidget(self._told)
        also = plain_label("So is a record that was replayed so often before:", "muted")
        column.addLayout(_row(also, self.attempts))
        for radio in self.policies.values():
            radio.clicked.connect(self.changed)
        self.quarantine.edited.connect(self.changed)
        self.attempts.valueChanged.connect(lambda _: self.changed.emit())
        self.policies[Policy.QUARANTINE].toggled.connect(self.quarantine.setVisible)
        self.quarantine.hide()

    def plan_of(self, base: Plan) -> Plan:
        policy = next((each for each, radio in self.policies.items() if radio.isChecked()), base.policy)
        quarantine = self.quarantine.name
        return replace(base, policy=policy, quarantine=quarantine, most_attempts=self.attempts.value())

    def show_plan(self, plan: Plan) -> None:
        self.policies[plan.policy].setChecked(True)
        self.quarantine.show_name(plan.quarantine)
        self.attempts.setValue(plan.most_attempts)

    def check(self) -> Failure | None:
        missing = self.policies[Policy.QUARANTINE].isChecked() and not self.quarantine.name
        wrong = Failure(FailureKind.INVALID, "No quarantine topic is named.", "Name one of the target.")
        found = wrong if missing else None
        mark_invalid(self.quarantine, missing)
        self._told.setText(str(found or ""))
        self._told.setVisible(missing)
        return found


def _explained(column: QVBoxLayout, words: Mapping[E, tuple[str, str]]) -> dict[E, QRadioButton]:
    """A button each, and below it in a sentence what it means."""
    found = {}
    for choice, (name, meaning) in words.items():
        found[choice] = QRadioButton(name)
        explained = plain_label(meaning, "muted", wrap=True)
        explained.setContentsMargins(_INDENT, 0, 0, 4)
        found[choice].setAccessibleDescription(meaning)
        column.addWidget(found[choice])
        column.addWidget(explained)
    return found


def _column(box: QWidget) -> QVBoxLayout:
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(2)
    return column


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget)
    row.addStretch()
    return row


def _kept(spin: LimitSpin, before: float | None) -> float | None:
    """What is shown has few digits: a number that nobody changed keeps all of its own."""
    if before is not None and abs(before - spin.value()) < 10 ** -spin.decimals():
        return before
    return spin.limit
