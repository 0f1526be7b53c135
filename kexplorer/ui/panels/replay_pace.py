"""The pace of a replay, changed while it runs, down to a pause."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from kexplorer.model.replay import Pace
from kexplorer.services.replays import Stage
from kexplorer.ui.icons import icon
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.limit_spin import LimitSpin

_KILO = 1000


def offer_pause(action: QAction, button: QPushButton, stage: Stage) -> None:
    """Both say what they do next: pause, or go on."""
    text, name = ("Go on", "play") if stage is Stage.PAUSED else ("Pause", "pause")
    action.setEnabled(stage in (Stage.RUNNING, Stage.PAUSED))
    if action.text() != text:
        action.setText(text)
        action.setIcon(icon(name))
        button.setText(text)
        button.setIcon(action.icon())


class PaceBox(QWidget):
    """Shows the pace that holds, until a person types another one."""

    changed = Signal(object)  # Pace

    def __init__(self) -> None:
        super().__init__()
        self._held = Pace()
        self.records = LimitSpin("Records a second", "as fast as it goes", " /s", decimals=1)
        self.bytes = LimitSpin("Kilobytes a second, of keys and values", "any size", " kB/s", decimals=1)
        self.timing = LimitSpin(
            "Times as fast as the records came once", "not by their times", " × original", decimals=2
        )
        self.apply = QPushButton("Change the pace")
        self.apply.clicked.connect(lambda: self.changed.emit(self.pace))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(plain_label("Pace", "muted"))
        for spin in (self.records, self.bytes, self.timing):
            spin.valueChanged.connect(self._offer)
            row.addWidget(spin)
        row.addWidget(self.apply)
        row.addStretch()
        self._offer()

    @property
    def pace(self) -> Pace:
        """As it is typed."""
        kilobytes = self.bytes.limit
        return replace(
            self._held,
            records=self.records.limit,
            bytes=kilobytes and kilobytes * _KILO,
            timing=self.timing.limit,
        )

    def show_pace(self, pace: Pace) -> None:
        if pace == self._held:
            return
        self._held = pace
        self.records.setValue(pace.records or 0)
        self.bytes.setValue((pace.bytes or 0) / _KILO)
        self.timing.setValue(pace.timing or 0)
        self._offer()

    def _offer(self) -> None:
        self.apply.setEnabled(self.pace != self._held)
