"""The Help menu's dialogs: what this program is made of, and its shortcuts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QGuiApplication, QIcon, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from kexplorer.ui.icons import application_icon, icon
from kexplorer.ui.widgets.labels import plain_label

_NATIVE = QKeySequence.SequenceFormat.NativeText


class AboutDialog(QDialog):
    """Name and versions, which a report of a fault should carry: they can be copied."""

    def __init__(self, parent: QWidget, versions: Mapping[str, str]) -> None:
        super().__init__(parent)
        self.setWindowTitle("About Kafka Explorer")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._text = "\n".join(f"{name} {version}" for name, version in versions.items())
        picture = QLabel()
        picture.setPixmap(application_icon().pixmap(64, 64))
        name = plain_label("Kafka Explorer", role="title")
        about = "See, search, produce, measure and replay what flows through Apache Kafka."
        purpose = plain_label(about, role="muted", wrap=True)
        table = QGridLayout()
        table.setHorizontalSpacing(24)
        for row, (what, version) in enumerate(versions.items()):
            table.addWidget(plain_label(what, role="muted"), row, 0)
            table.addWidget(plain_label(version, selectable=True), row, 1)
        table.setColumnStretch(1, 1)
        text = QVBoxLayout()
        text.setSpacing(8)
        for part in (name, purpose):
            text.addWidget(part)
        text.addSpacing(8)
        text.addLayout(table)
        text.addWidget(plain_label("Apache License 2.0", role="muted"))
        content = QHBoxLayout()
        content.setSpacing(20)
        content.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        content.addLayout(text, 1)
        buttons = _close_box()
        self.copy_button = QPushButton(icon("copy"), "Copy versions")
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._text))
        buttons.addButton(self.copy_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        self.copy_button.setAutoDefault(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(20)
        layout.addLayout(content)
        layout.addWidget(buttons)
        self.setMinimumWidth(440)


class ShortcutsDialog(QDialog):
    """All shortcuts of `menus`, read from the very actions."""

    def __init__(self, parent: QWidget, menus: Iterable[tuple[str, Iterable[QAction]]]) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._page = QWidget()
        columns = QHBoxLayout(self._page)
        columns.setContentsMargins(20, 16, 20, 16)
        columns.setSpacing(48)
        sides = (QVBoxLayout(), QVBoxLayout())
        heights = [0, 0]
        for title, actions in menus:
            if named := [action for action in actions if action.shortcuts()]:
                side = heights.index(min(heights))
                heights[side] += len(named) + 2
                sides[side].addLayout(_section(title, named))
        for side_layout in sides:
            side_layout.setSpacing(20)
            side_layout.addStretch()
            columns.addLayout(side_layout, 1)
        area = QScrollArea(widgetResizable=True)
        area.setWidget(self._page)
        buttons = _close_box()
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 16, 16)
        layout.addWidget(area)
        layout.addWidget(buttons)
        wide = max(800, self._page.sizeHint().width() + 40)
        self.resize(QSize(wide, 640).boundedTo(parent.screen().availableSize() * 0.9))


def _close_box() -> QDialogButtonBox:
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    box.button(QDialogButtonBox.StandardButton.Close).setIcon(QIcon())  # the style's own does not follow the theme
    return box


def keys_of(action: QAction) -> str:
    """The first shortcut as this system writes it, "" for none."""
    return action.shortcut().toString(_NATIVE)


def _section(title: str, actions: list[QAction]) -> QGridLayout:
    grid = QGridLayout()
    grid.setVerticalSpacing(4)
    grid.addWidget(plain_label(title, role="heading"), 0, 0)
    for row, action in enumerate(actions, 1):
        grid.addWidget(plain_label(action.text().replace("&", "").rstrip("…")), row, 0)
        keys = plain_label(" or ".join(each.toString(_NATIVE) for each in action.shortcuts()), "muted")
        grid.addWidget(keys, row, 1, Qt.AlignmentFlag.AlignRight)
    grid.setColumnStretch(0, 1)
    return grid
