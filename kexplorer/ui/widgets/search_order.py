"""The order of a search, and after how many matches it stops: a button that says so, and a sheet to change it."""

from __future__ import annotations

from functools import cached_property

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QRadioButton, QSpinBox, QVBoxLayout

from kexplorer.formats.numbers import count
from kexplorer.ui.icons import icon
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.offer_list import Sheet

_HIGHEST = 10_000_000


class SearchOrder(QPushButton):
    """`limit` None: all matches are wanted."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._newest_first = True
        self._limit: int | None = None
        self.setIcon(icon("chevron-down", "muted"))
        self.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the icon behind the text
        self.setAutoDefault(False)
        self.setToolTip("The order of the search, and after how many matches it stops")
        self.clicked.connect(self._open)
        self._tell()

    @property
    def newest_first(self) -> bool:
        return self._newest_first

    @newest_first.setter
    def newest_first(self, newest: bool) -> None:
        self._newest_first = newest
        self._tell()

    @property
    def limit(self) -> int | None:
        return self._limit

    @limit.setter
    def limit(self, limit: int | None) -> None:
        self._limit = min(limit, _HIGHEST) if limit and limit > 0 else None
        self._tell()

    def _tell(self) -> None:
        which = "Newest" if self._newest_first else "Oldest"
        self.setText(f"{which} {count(self._limit)}" if self._limit else f"{which} first")
        name = f"{which} records first, " + (
            f"stops after {count(self._limit)} matches" if self._limit else "all matches"
        )
        self.setAccessibleName(name)

    @cached_property
    def sheet(self) -> OrderSheet:
        made = OrderSheet(self)
        made.newest.toggled.connect(self._chosen)
        made.limit.valueChanged.connect(self._chosen)
        return made

    def _open(self) -> None:
        self.sheet.show_choice(self._newest_first, self._limit)
        self.sheet.adjustSize()  # its right edge is the button's: there is the edge of the screen
        self.sheet.move(self.mapToGlobal(QPoint(self.width() - self.sheet.width(), self.height() + 2)))
        self.sheet.show()
        (self.sheet.newest if self._newest_first else self.sheet.oldest).setFocus(Qt.FocusReason.PopupFocusReason)

    def _chosen(self) -> None:
        self._newest_first, self.limit = self.sheet.newest.isChecked(), self.sheet.limit.value()
        self.changed.emit()


class OrderSheet(Sheet):
    """What is chosen counts at once; Enter and Escape close."""

    def __init__(self, parent: SearchOrder) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.newest, self.oldest = QRadioButton("Newest records first"), QRadioButton("Oldest records first")
        self.limit = QSpinBox()
        self.limit.setRange(0, _HIGHEST)
        self.limit.setSpecialValueText("all")
        self.limit.setGroupSeparatorShown(True)
        self.limit.setStepType(QSpinBox.StepType.AdaptiveDecimalStepType)
        self.limit.setAccessibleName("Stop after this many matches")
        self.limit.setToolTip("0 finds all")
        last = QHBoxLayout()
        last.setSpacing(8)
        for widget in (plain_label("Stop after"), self.limit, plain_label("matches")):
            last.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 12)
        column.setSpacing(4)
        column.addWidget(self.newest)
        column.addWidget(self.oldest)
        column.addLayout(last)

    def show_choice(self, newest_first: bool, limit: int | None) -> None:
        for widget in (self.newest, self.limit):
            widget.blockSignals(True)
        (self.newest if newest_first else self.oldest).setChecked(True)
        self.limit.setValue(limit or 0)
        for widget in (self.newest, self.limit):
            widget.blockSignals(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.hide()
        else:
            super().keyPressEvent(event)
