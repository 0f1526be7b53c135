"""The bar above the messages: which part of the topic is read, where to go in it, and how much of it there is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QPushButton, QToolButton, QWidget

from kexplorer.formats.numbers import count
from kexplorer.model.topics import IsolationLevel
from kexplorer.ui.icons import icon
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.range_box import PLACES, RangeBox, mark_invalid

_ISOLATION = {
    "All records": IsolationLevel.READ_UNCOMMITTED,
    "Committed only": IsolationLevel.READ_COMMITTED,
}


class MessagesBar(QWidget):
    """`changed` when another part is wanted, `go_requested` with a place as it was typed. Three of its buttons are the
    panel's actions."""

    changed = Signal()
    go_requested = Signal(str)
    newest_requested = Signal()

    def __init__(self, parent: QWidget, follow: QAction, refresh: QAction, histogram: QAction) -> None:
        super().__init__(parent)
        self._follow = follow
        self.range, self._partition, self._isolation = RangeBox(self), QComboBox(self), QComboBox(self)
        self.range.changed.connect(self.changed)
        self._place = QLineEdit(self)
        self._place.setPlaceholderText("Go to: a time, offset:123 …")
        self._place.setToolTip(f"{PLACES}\n(Ctrl+G)")
        self._place.setMaximumWidth(self._place.fontMetrics().averageCharWidth() * 32)
        self._place.returnPressed.connect(lambda: self.go_requested.emit(self._place.text()))
        self._isolation.setToolTip("Committed only: records of open and aborted transactions are left out")
        self._partition.addItem("All partitions", None)
        for text, level in _ISOLATION.items():
            self._isolation.addItem(text, level)
        self._summary = ElidedLabel(self)
        self._newer = QPushButton(icon("jump-top"), "", self)
        self._newer.clicked.connect(self.newest_requested)
        self._newer.hide()
        histogram_button = QToolButton(self)
        histogram_button.setDefaultAction(histogram)
        histogram_button.setToolTip("How many records come when, to choose a time (Ctrl+H)")
        refresh_button = QPushButton(icon("refresh"), "Refresh", self)
        refresh_button.setToolTip("Browse the whole topic up to its newest record (Ctrl+R)")
        refresh_button.clicked.connect(refresh.trigger)
        self._follow_button = QPushButton(self)
        self._follow_button.setProperty("kind", "primary")
        self._follow_button.setToolTip("Show records as they arrive (Ctrl+E)")
        self._follow_button.clicked.connect(follow.trigger)
        self.show_following(False)
        bar = QHBoxLayout(self)
        bar.setContentsMargins(12, 8, 12, 8)
        bar.setSpacing(8)
        bar.addWidget(self.range)
        for box in (self._partition, self._isolation):
            box.activated.connect(lambda _: self.changed.emit())
            bar.addWidget(box)
        bar.addWidget(self._place, 1)
        bar.addWidget(self._summary, 1)
        bar.addWidget(self._newer)
        bar.addWidget(histogram_button)
        bar.addWidget(refresh_button)
        bar.addWidget(self._follow_button)

    # what a person chose

    @property
    def partition(self) -> int | None:
        """None: all of them."""
        chosen: int | None = self._partition.currentData()
        return chosen

    @property
    def isolation(self) -> IsolationLevel:
        level: IsolationLevel = self._isolation.currentData()
        return level

    def show_isolation(self, isolation: IsolationLevel) -> None:
        self._isolation.setCurrentIndex(list(_ISOLATION.values()).index(isolation))

    def focus_place(self) -> None:
        self._place.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def save_state(self) -> dict[str, object]:
        return {"committed": self.isolation is IsolationLevel.READ_COMMITTED, "range": self.range.save_state()}

    def restore_state(self, committed: object, part: object) -> None:
        self.show_isolation(IsolationLevel.READ_COMMITTED if committed is True else IsolationLevel.READ_UNCOMMITTED)
        self.range.restore_state(part)

    # what it shows

    def set_zone(self, zone: tzinfo) -> None:
        self.range.set_zone(zone)

    def offer_partitions(self, partitions: Iterable[int]) -> None:
        known = [self._partition.itemData(i) for i in range(1, self._partition.count())]
        for partition in partitions:
            if partition not in known:
                self._partition.addItem(f"Partition {partition}", partition)

    def show_summary(self, text: str) -> None:
        self._summary.show_text(text)

    def show_newer(self, records: int) -> None:
        """How many came while one looked at older ones."""
        self._newer.setText(f"{count(records)} new")
        self._newer.setVisible(records > 0)

    def show_following(self, going: bool) -> None:
        name, text = ("pause", "Pause") if going else ("play", "Follow")
        self._follow.setText(text)
        self._follow.setIcon(icon(name))
        self._follow_button.setText(text)
        self._follow_button.setIcon(icon(name, "on_accent"))

    def mark_place(self, wrong: bool) -> None:
        mark_invalid(self._place, wrong)
