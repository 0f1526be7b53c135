"""What went wrong, above the panel that it concerns."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.ui.widgets.labels import IconLabel, icon_button, plain_label


class ErrorStrip(QFrame):
    """Hidden until `show_failure`. Says what failed and what to try, as plain text that can be selected and copied."""

    retry_requested = Signal()

    def __init__(self, parent: QWidget | None = None, *, can_retry: bool = True) -> None:
        super().__init__(parent)
        self.failure: Failure | None = None
        self._can_retry = can_retry
        self.setProperty("strip", "error")
        self.hide()

    def _compose(self) -> None:
        self._message = plain_label(wrap=True, selectable=True)
        self._hint = plain_label(role="muted", wrap=True, selectable=True)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self._message)
        texts.addWidget(self._hint)
        self._retry = QPushButton("Try again", flat=True)
        self._retry.clicked.connect(self.retry_requested)
        self._retry.setVisible(self._can_retry)
        copy = icon_button("copy", "Copy this message")
        copy.clicked.connect(self.copy)
        dismiss = icon_button("close", "Dismiss this message")
        dismiss.clicked.connect(self.clear)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.setSpacing(8)
        row.addWidget(IconLabel("error", "bad", 18))
        row.addLayout(texts, 1)
        for button in (self._retry, copy, dismiss):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        self._take_turn(self._message, self._hint, self._retry, copy, dismiss)

    def _take_turn(self, *parts: QWidget) -> None:
        """What is made late would be reached last by Tab. Qt orders nothing after a widget that takes no focus."""
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        for before, after in pairwise((self, *parts)):
            self.setTabOrder(before, after)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def show_failure(self, failure: Failure) -> None:
        """Replaces what is shown."""
        if self.layout() is None:  # most panels never fail, and opening one should cost little
            self._compose()
        self.failure = failure
        self._message.setText(failure.message)
        self._hint.setText(failure.hint)
        self._hint.setVisible(bool(failure.hint))
        self.setAccessibleName(f"Error: {failure}")
        self.show()

    def clear(self) -> None:
        self.failure = None
        self.hide()

    def clear_typed(self) -> None:
        """What was wrong with what a person typed is right now."""
        if self.failure and self.failure.kind is FailureKind.INVALID:
            self.clear()

    def copy(self) -> None:
        if self.failure:
            QGuiApplication.clipboard().setText(f"{self.failure.kind}: {self.failure}")
