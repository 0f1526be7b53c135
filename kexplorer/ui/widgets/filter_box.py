"""A field to filter by."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from kexplorer.ui.icons import icon

_PAUSE = 150  # ms without a key before the filter is applied


class FilterBox(QLineEdit):
    """Tells its text once the typing pauses; Enter, Down and clearing tell it at once. Escape clears."""

    filter_changed = Signal(str)
    left = Signal()  # by Enter or Down, for what was found

    def __init__(self, placeholder: str, parent: QWidget | None = None, *, pause: int = _PAUSE) -> None:
        super().__init__(parent)
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(placeholder)
        self._told = ""
        self._timer = QTimer(self, interval=pause, singleShot=True)
        self._timer.timeout.connect(self._tell)
        self.addAction(icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self._cross = self.addAction(icon("close", "muted"), QLineEdit.ActionPosition.TrailingPosition)
        self._cross.setToolTip("Clear (Esc)")
        self._cross.triggered.connect(self.clear)
        self._cross.setVisible(False)
        self.textChanged.connect(self._changed)
        self.returnPressed.connect(self._tell)
        self.returnPressed.connect(self.left)

    def sizeHint(self) -> QSize:
        return super().sizeHint().expandedTo(QSize(self.fontMetrics().averageCharWidth() * 28, 0))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        elif event.key() == Qt.Key.Key_Down:
            self._tell()
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def _changed(self, text: str) -> None:
        self._cross.setVisible(bool(text))
        if text:
            self._timer.start()
        else:
            self._tell()

    def _tell(self) -> None:
        self._timer.stop()
        if self.text() != self._told:
            self._told = self.text()
            self.filter_changed.emit(self._told)
