"""The question about replays that run when the window is closed: they go on without it."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from kexplorer.formats.numbers import count
from kexplorer.ui.dialogs import answer_of
from kexplorer.ui.panels.replay_watch import Replays
from kexplorer.ui.widgets.labels import plain_label


async def leave_replays(parent: QWidget | None, replays: Replays) -> bool:
    """False: a person wants to stay. Asks nothing where none runs; those that are to be stopped have ended then."""
    running = len(replays.running)
    if not running:
        return True
    dialog = LeavingDialog(parent, running)
    try:
        if not await answer_of(dialog):
            return False
    finally:
        dialog.deleteLater()
    if dialog.stops:
        await replays.stop_all()
    return True


class LeavingDialog(QDialog):
    """Enter leaves them running."""

    def __init__(self, parent: QWidget | None, running: int) -> None:
        super().__init__(parent)
        self.stops = False
        title = "A replay is running" if running == 1 else f"{count(running)} replays are running"
        it, goes = ("it", "It goes") if running == 1 else ("them", "They go")
        self.setWindowTitle("Quit Kafka Explorer")
        self.setMinimumWidth(460)
        text = (
            f"{goes} on without the window, and Kafka Explorer finds {it} again under Replays. Stopped, "
            f"{'it ends' if running == 1 else 'they end'} behind the transaction under way and can be resumed."
        )
        self.leave = QPushButton("Leave running")
        self.leave.setProperty("kind", "primary")
        self.leave.setDefault(True)
        self.leave.clicked.connect(self.accept)
        self.stop = QPushButton(f"Stop {it}")
        self.stop.clicked.connect(self._stop)
        self.cancel = QPushButton("Cancel")
        self.cancel.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addWidget(self.stop)
        buttons.addStretch()
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.leave)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 16)
        column.setSpacing(8)
        column.addWidget(plain_label(title, "heading", wrap=True))
        column.addWidget(plain_label(text, wrap=True))
        column.addSpacing(8)
        column.addLayout(buttons)

    def _stop(self) -> None:
        self.stops = True
        self.accept()
