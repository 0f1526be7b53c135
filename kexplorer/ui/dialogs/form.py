"""The frame of a dialog that prepares a change: what it is about, its fields, what is wrong, two buttons."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from kexplorer.model.changes import Change
from kexplorer.model.failure import Failure
from kexplorer.services.sessions import Session
from kexplorer.ui.dialogs import answer_of
from kexplorer.ui.dialogs.change_dialog import make_change
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.labels import plain_label


class ChangeForm(QDialog):
    """Stays open behind the preview of its change, so that what the broker refuses can be corrected; closes once all of
    it was taken. `action` is what its button says, `submit` what it does; a `Failure` that it raises is shown."""

    def __init__(
        self,
        parent: QWidget | None,
        session: Session,
        title: str,
        action: str,
        submit: Callable[[], Coroutine[Any, Any, object]],
        about: str = "",
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(560)
        self.session = session
        self.tasks = Tasks(self.show_failure)
        self.trouble = plain_label("", "bad", wrap=True, selectable=True)
        self.trouble.hide()
        self.action = QPushButton(action)
        self.action.setProperty("kind", "primary")
        self.action.setDefault(True)
        self.action.clicked.connect(lambda: self.tasks.start("submit", self._submitted(submit)))
        self.cancel = QPushButton("Cancel")
        self.cancel.setAutoDefault(False)
        self.cancel.clicked.connect(self.reject)
        self.body = QVBoxLayout()
        self.body.setSpacing(12)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(8)
        self.buttons.addStretch()
        self.buttons.addWidget(self.cancel)
        self.buttons.addWidget(self.action)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(12)
        layout.addWidget(plain_label(title, "heading", wrap=True))
        if about:
            layout.addWidget(plain_label(about, "muted", wrap=True))
        layout.addLayout(self.body, 1)
        layout.addWidget(self.trouble)
        layout.addLayout(self.buttons)

    async def make(self, *wanted: Change) -> bool:
        """Previews the changes and has them carried out. Whether all of it was taken: the dialog is closed then."""
        outcome = await make_change(self, self.session.changes, *wanted)
        if outcome is None or outcome.failures:
            return False
        self.accept()
        return True

    def show_failure(self, failure: Failure | None) -> None:
        self.trouble.setText(str(failure or ""))
        self.trouble.setVisible(failure is not None)

    async def _submitted(self, submit: Callable[[], Coroutine[Any, Any, object]]) -> None:
        self.show_failure(None)
        await submit()


async def answered(dialog: ChangeForm) -> bool:
    """Whether its change was made. The dialog is gone afterwards."""
    try:
        return await answer_of(dialog)
    finally:
        await dialog.tasks.close()
        dialog.deleteLater()
