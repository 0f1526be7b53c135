"""Two small questions: whether something shall happen, and a secret."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from kexplorer.ui.dialogs import answer_of
from kexplorer.ui.widgets.labels import plain_label


async def confirm(
    parent: QWidget | None, title: str, text: str, action: str, *, danger: bool = False, type_name: str | None = None
) -> bool:
    """`action` is what the button says ("Delete connection"). `type_name`: must be typed before it can be pressed.
    With `danger` Enter does not press it by itself."""
    dialog = _Question(parent, title, text, action, "danger" if danger else "primary")
    if type_name is not None:
        dialog.ask_for_text(f"Type {type_name} to go on", lambda typed: typed == type_name)
    elif danger:
        dialog.cancel.setDefault(True)
        dialog.cancel.setFocus()
    try:
        return await answer_of(dialog)
    finally:
        dialog.deleteLater()


async def ask_secret(parent: QWidget | None, prompt: str) -> str | None:
    """None when the person cancels."""
    dialog = _Question(parent, "Kafka Explorer", f"{prompt}:", "OK", "primary")
    dialog.ask_for_text("Kept in memory until Kafka Explorer ends", bool)
    dialog.line.setEchoMode(QLineEdit.EchoMode.Password)
    try:
        return dialog.line.text() if await answer_of(dialog) else None
    finally:
        dialog.deleteLater()


class _Question(QDialog):
    def __init__(self, parent: QWidget | None, title: str, text: str, action: str, kind: str) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(420)
        self.line = QLineEdit()
        self.line.setVisible(False)
        self.action = QPushButton(action)
        self.action.setProperty("kind", kind)
        self.action.setDefault(kind == "primary")
        self.action.clicked.connect(self.accept)
        self.cancel = QPushButton("Cancel")
        self.cancel.setAutoDefault(kind == "danger")
        self.cancel.clicked.connect(self.reject)
        self.note = plain_label("", "muted", wrap=True)
        self.note.setVisible(False)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.action)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(8)
        layout.addWidget(plain_label(title, "heading", wrap=True))
        layout.addWidget(plain_label(text, wrap=True))
        layout.addWidget(self.line)
        layout.addWidget(self.note)
        layout.addSpacing(8)
        layout.addLayout(buttons)

    def showEvent(self, event: QShowEvent) -> None:
        """As high as its text is in this width: what Qt guesses before it is shown is too little for several lines."""
        super().showEvent(event)
        if (layout := self.layout()) is not None:
            layout.activate()
            self.resize(self.width(), layout.totalHeightForWidth(self.width()))

    def ask_for_text(self, note: str, enough: Callable[[str], bool]) -> None:
        """The button can be pressed while `enough(text)` holds."""
        self.line.setVisible(True)
        self.note.setText(note)
        self.note.setVisible(True)
        self.action.setEnabled(False)
        self.line.textChanged.connect(lambda text: self.action.setEnabled(enough(text)))
        self.line.setAccessibleName(note)
        self.line.setFocus()
