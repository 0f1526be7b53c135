"""A rule for alerts, as a form."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from kexplorer.model.alerts import AlertRule, Metric
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.verdicts import State
from kexplorer.services.webhook import check_webhook
from kexplorer.ui.dialogs import answer_of
from kexplorer.ui.dialogs.fields import Field

_UNITS = {Metric.LAG: " messages", Metric.TIME: " s"}


async def edit_rule(parent: QWidget | None, rule: AlertRule, taken: Collection[str]) -> AlertRule | None:
    """`taken` are names of other rules. None: nothing is to be changed."""
    dialog = AlertRuleDialog(parent, rule, taken)
    try:
        return dialog.rule if await answer_of(dialog) else None
    finally:
        dialog.deleteLater()


class AlertRuleDialog(QDialog):
    def __init__(self, parent: QWidget | None, rule: AlertRule, taken: Collection[str]) -> None:
        super().__init__(parent)
        self.setWindowTitle("Rule for alerts")
        self._before, self._taken = rule, frozenset(taken)
        self.name = QLineEdit(rule.name)
        self.groups = QLineEdit(rule.groups)
        self.measure, self.state = QComboBox(), QComboBox()
        self.measure.addItems([each.value for each in Metric])
        self.measure.setCurrentText(rule.metric.value)
        self.state.addItems([each.value for each in State if each is not State.OK])
        self.state.setCurrentText(rule.state.value)
        self.above, self.below = (_number(value) for value in (rule.above, rule.below))
        self.seconds = QSpinBox(maximum=86_400, suffix=" s", value=int(rule.seconds))
        self.seconds.lineEdit().setTextMargins(6, 0, 0, 0)
        self.webhook = QLineEdit(rule.webhook)
        self.fields = {
            "name": Field("&Name", self.name),
            "groups": Field("&Groups", self.groups, "* stands for any characters, ? for one"),
            "metric": Field("&What is measured", self.measure),
            "state": Field("As &bad as", self.state),
            "above": Field("&Begins above", self.above),
            "below": Field("&Ends at", self.below, "Lower than the other: who goes up and down is told of once"),
            "seconds": Field("&For at least", self.seconds),
            "webhook": Field("Web&hook", self.webhook, "https://…, told of each alert as JSON; may be empty"),
        }
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._lay_out()
        for line in (self.name, self.groups, self.webhook):
            line.textChanged.connect(lambda _: self._judge())
        for spin in (self.above, self.below):
            spin.valueChanged.connect(lambda _: self._judge())
        self.measure.currentTextChanged.connect(lambda _: self._judge())
        self._judge()
        self.resize(560, 0)
        self.name.setFocus()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 16)
        column.setSpacing(12)
        for names in (("name",), ("groups",), ("metric", "seconds"), ("state",), ("above", "below"), ("webhook",)):
            row = QHBoxLayout()
            row.setSpacing(12)
            for name in names:
                row.addWidget(self.fields[name], 1)
            column.addLayout(row)
        column.addWidget(self.buttons)

    @property
    def rule(self) -> AlertRule:
        return AlertRule(
            self.name.text().strip(),
            self.groups.text().strip(),
            Metric(self.measure.currentText()),
            self.above.value(),
            self.below.value(),
            State(self.state.currentText()),
            float(self.seconds.value()),
            self._before.muted_until,
            self.webhook.text().strip(),
        )

    def _judge(self) -> None:
        rule = self.rule
        by_verdict = rule.metric is Metric.VERDICT
        self.fields["state"].setVisible(by_verdict)
        for name in ("above", "below"):
            self.fields[name].setVisible(not by_verdict)
            getattr(self, name).setSuffix(_UNITS.get(rule.metric, ""))
        problems: dict[str, Failure | None] = dict.fromkeys(self.fields)
        if rule.name in self._taken:
            problems["name"] = Failure(FailureKind.INVALID, f"There is a rule {rule.name} already.", "Change its name.")
        if not by_verdict and rule.below > rule.above:
            problems["below"] = Failure(FailureKind.INVALID, "It would end before it begins.", "Choose a lower number.")
        if rule.webhook:
            try:
                check_webhook(rule.webhook)
            except Failure as failure:
                problems["webhook"] = failure
        for name, problem in problems.items():
            self.fields[name].show_problem(problem)
        save = self.buttons.button(QDialogButtonBox.StandardButton.Save)
        save.setEnabled(bool(rule.name and rule.groups) and not any(problems.values()))


def _number(value: float) -> QDoubleSpinBox:
    spin = QDoubleSpinBox(decimals=0, maximum=1e15)
    spin.lineEdit().setTextMargins(6, 0, 0, 0)
    spin.setGroupSeparatorShown(True)
    spin.setValue(value)
    return spin
