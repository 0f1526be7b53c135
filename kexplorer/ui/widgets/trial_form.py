"""What a test consumer is started with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QCompleter,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from kexplorer.model.trial_consumer import Assigning, Commits, Trial
from kexplorer.ui.widgets.labels import plain_label

_ASSIGNING = {
    "range": Assigning.RANGE,
    "roundrobin": Assigning.ROUND_ROBIN,
    "cooperative-sticky": Assigning.COOPERATIVE,
    "consumer protocol (KIP-848)": Assigning.CONSUMER,
}
_COMMITS = {
    "commits automatically": Commits.AUTO,
    "commits after processing": Commits.MANUAL,
    "commits nothing": Commits.NONE,
}
_STARTS = {"from the earliest record": True, "from the latest record": False}
_SHORTEST_SESSION, _LONGEST = 6.0, 86_400.0  # seconds; brokers refuse a shorter session unless they are set otherwise


class TrialForm(QWidget):
    """`groups` are offered, the first one is chosen."""

    changed = Signal()

    def __init__(self, groups: Sequence[str], topics: Sequence[str]) -> None:
        super().__init__()
        self.group = QComboBox(editable=True)
        self.group.addItems(list(groups))
        self._others = groups[1:]
        self.warning = plain_label("", "warn", wrap=True)
        self.group.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.topics = QLineEdit(", ".join(topics))
        self.topics.setPlaceholderText("Topics, separated by commas")
        self._names = QStringListModel(self)
        completer = QCompleter(self._names, self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self.topics.setCompleter(completer)
        self.assigning = _choices(_ASSIGNING)
        self.commits = _choices(_COMMITS)
        self.start = _choices(_STARTS)
        self.start.setToolTip("Where the group has committed nothing (auto.offset.reset)")
        self.delay = seconds(0.01, least=0.0, decimals=3)
        self.delay.setToolTip("More than max.poll.interval.ms costs it its partitions")
        self.poll = seconds(300.0, least=1.0)
        self.session = seconds(45.0, least=_SHORTEST_SESSION)
        self.client = QLineEdit("kexplorer-test")
        self.client.setToolTip("Each further consumer gets a number behind it")
        self.instance = QLineEdit()
        self.instance.setPlaceholderText("none")
        self.instance.setToolTip("Makes it a static member (KIP-345)")
        self.delete = QCheckBox("Delete a group of its own when its last consumer has left")
        self.delete.setChecked(True)
        self.warning.hide()
        self._lay_out()
        self.group.editTextChanged.connect(self._group_changed)
        self.topics.textChanged.connect(lambda _: self.changed.emit())
        self.assigning.currentIndexChanged.connect(lambda _: self._offer())
        self._offer()

    def _lay_out(self) -> None:
        named: tuple[tuple[str, QWidget, int], ...] = (
            ("Group", self.group, 0),
            ("Topics", self.topics, 0),
            ("Assigned by", self.assigning, 1),
            ("Commits", self.commits, 1),
            ("Begins", self.start, 1),
            ("Works on each record for", self.delay, 2),
            ("max.poll.interval.ms", self.poll, 2),
            ("session.timeout.ms", self.session, 2),
            ("client.id", self.client, 1),
            ("group.instance.id", self.instance, 2),
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(8)
        for line in range(3):
            grid = QGridLayout()
            grid.setHorizontalSpacing(12)
            grid.setVerticalSpacing(2)
            for place, (name, widget, _) in enumerate(each for each in named if each[2] == line):
                caption = plain_label(name, "muted")
                caption.setBuddy(widget)
                widget.setAccessibleName(name)
                grid.addWidget(caption, 0, place)
                grid.addWidget(widget, 1, place)
                grid.setColumnStretch(place, 1)
            column.addLayout(grid)
        self.foot = QHBoxLayout()
        self.foot.setSpacing(8)
        self.foot.addWidget(self.delete)
        self.foot.addStretch()
        column.addWidget(self.warning)
        column.addLayout(self.foot)

    def set_topics(self, names: Iterable[str]) -> None:
        """Those that the cluster has."""
        self._names.setStringList(sorted(names))

    def offer_topics(self, names: Iterable[str]) -> None:
        """Unless a person wrote some."""
        if not self.topics.text():
            self.topics.setText(", ".join(sorted(names)))

    def trial(self) -> Trial:
        return Trial(
            self.group.currentText().strip(),
            tuple(name for each in self.topics.text().split(",") if (name := each.strip())),
            self.client.text().strip(),
            _ASSIGNING[self.assigning.currentText()],
            _COMMITS[self.commits.currentText()],
            self.delay.value(),
            _STARTS[self.start.currentText()],
            self.poll.value(),
            self.session.value(),
            self.instance.text().strip(),
        )

    def _group_changed(self, group: str) -> None:
        other = group.strip() in self._others
        self.warning.setText(f"In {group.strip()} it takes partitions from the members. You are asked before it joins.")
        self.warning.setVisible(other)
        self.changed.emit()

    def _offer(self) -> None:
        classic = _ASSIGNING[self.assigning.currentText()].classic
        self.session.setEnabled(classic)
        tip = "How long the group waits for one that crashed"
        self.session.setToolTip(tip if classic else "With this protocol the broker decides.")


def seconds(value: float, least: float, decimals: int = 1) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setDecimals(decimals)
    box.setRange(least, _LONGEST)
    box.setValue(value)
    box.setSuffix(" s")
    box.lineEdit().setTextMargins(6, 0, 0, 0)
    box.setKeyboardTracking(False)
    box.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Ignored)  # as high as the fields beside it
    return box


def _choices(named: Iterable[str]) -> QComboBox:
    box = QComboBox()
    box.addItems(list(named))
    return box
