"""Named messages: the menu that loads and saves them, and the questions that they ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QMenu, QPushButton, QVBoxLayout, QWidget

from kexplorer.model.produce import MessageTemplate
from kexplorer.ui.dialogs import answer_of
from kexplorer.ui.icons import icon
from kexplorer.ui.panels.produce_tab import Templates
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.labels import plain_label


class TemplatesButton(QPushButton):
    """`chosen` with the template that was picked, `save_wanted` when the message as it is shall become one."""

    chosen = Signal(object)  # MessageTemplate
    save_wanted = Signal()

    def __init__(self, templates: Templates, tasks: Tasks) -> None:
        super().__init__(icon("star"), "Templates")
        self._templates = templates
        self._tasks = tasks
        self.known: dict[str, MessageTemplate] = {}
        self._asked = 0  # how often the store was asked
        self.last = ""  # the name of the one that was used last
        self.setToolTip("Messages that have a name")
        self._menu = QMenu(self)
        self.setMenu(self._menu)
        self._fill_menu()

    async def load(self) -> None:
        """Raises `Failure`."""
        self._asked += 1
        asked = self._asked
        found = await self._templates.load()
        if asked == self._asked:  # else a newer answer is coming
            self.known = found
            self._fill_menu()

    async def save(self, name: str, template: MessageTemplate) -> None:
        """Raises `Failure`."""
        await self._templates.save(name, template)
        self.last = name.strip()
        await self.load()

    def choose(self, name: str) -> None:
        self.last = name
        self.chosen.emit(self.known[name])

    def _fill_menu(self) -> None:
        menu = self._menu
        menu.clear()
        for name in self.known:
            menu.addAction(name.replace("&", "&&"), partial(self.choose, name))
        if not self.known:
            menu.addAction("No message has a name yet").setEnabled(False)
        menu.addSeparator()
        menu.addAction(icon("save"), "Save this message as…", self.save_wanted.emit)
        if self.known:
            remove = menu.addMenu(icon("trash"), "Delete")
            for name in self.known:
                remove.addAction(name.replace("&", "&&"), partial(self._delete, name))

    def _delete(self, name: str) -> None:
        self._tasks.start("template", self._deleted(name))

    async def _deleted(self, name: str) -> None:
        await self._templates.delete(name)
        await self.load()


async def ask_texts(
    parent: QWidget, title: str, text: str, fields: Sequence[str], before: Mapping[str, str], action: str
) -> dict[str, str] | None:
    """One line for each of `fields`, with what was typed `before`. None when the person cancels."""
    dialog = _Questions(parent, title, text, fields, before, action)
    try:
        return dialog.answers() if await answer_of(dialog) else None
    finally:
        dialog.deleteLater()


class _Questions(QDialog):
    def __init__(
        self, parent: QWidget, title: str, text: str, fields: Sequence[str], before: Mapping[str, str], action: str
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(420)
        self.lines = {name: QLineEdit(before.get(name, "")) for name in fields}
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 16)
        column.setSpacing(8)
        column.addWidget(plain_label(title, "heading"))
        column.addWidget(plain_label(text, wrap=True))
        for name, line in self.lines.items():
            line.setAccessibleName(name)
            column.addWidget(plain_label(name))
            column.addWidget(line)
        go, cancel = QPushButton(action), QPushButton("Cancel")
        go.setProperty("kind", "primary")
        go.setDefault(True)
        cancel.setAutoDefault(False)
        go.clicked.connect(self.accept)
        cancel.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(cancel)
        buttons.addWidget(go)
        column.addSpacing(8)
        column.addLayout(buttons)

    def answers(self) -> dict[str, str]:
        return {name: line.text() for name, line in self.lines.items()}
