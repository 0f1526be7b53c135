"""The other views of topics, that their list and their messages lead to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from kexplorer.ui.icons import icon


class View(StrEnum):
    REPLAY = "Replay…"
    DEAD_LETTERS = "Dead letters"
    ENTITY = "State of an entity"
    LATEST = "Latest state per key"
    CORRELATION = "Follow a key through topics"


LOOKS = {
    View.REPLAY: ("replay", "Ctrl+1"),
    View.DEAD_LETTERS: ("warning", "Ctrl+2"),
    View.ENTITY: ("clock", "Ctrl+3"),
    View.LATEST: ("key", "Ctrl+4"),
    View.CORRELATION: ("link", "Ctrl+5"),
}


class TopicViews(QObject):
    """Of the topics that are `chosen`."""

    wanted = Signal(object, object)  # View, and the topics

    def __init__(self, parent: QWidget, chosen: Callable[[], Sequence[str]]) -> None:
        super().__init__(parent)
        self._chosen = chosen
        self._actions = {view: self._action(view, *look) for view, look in LOOKS.items()}

    def all(self) -> Sequence[QAction]:
        return tuple(self._actions.values())

    def look(self) -> None:
        """Turns on what can be shown of the topics that are chosen now."""
        chosen = len(self._chosen())
        for view, action in self._actions.items():
            action.setEnabled(chosen == 1 if view is View.DEAD_LETTERS else chosen > 0)

    def _action(self, view: View, icon_name: str, keys: str) -> QAction:
        action = QAction(icon(icon_name), str(view), self, shortcut=QKeySequence(keys))
        action.triggered.connect(lambda: self.wanted.emit(view, tuple(self._chosen())))
        return action
