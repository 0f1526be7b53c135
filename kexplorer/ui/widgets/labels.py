"""Labels that show what they are given: a QLabel of its own accord takes text with a tag in it for HTML."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QToolButton, QWidget

from kexplorer.ui.icons import icon


def plain_label(
    text: str = "", role: str = "", *, wrap: bool = False, selectable: bool = False, parent: QWidget | None = None
) -> QLabel:
    """`role` is one that the theme's style sheet knows: "title", "heading", "muted", "good", "warn", "bad". Without a
    `parent` it is styled once more when a layout takes it."""
    label = QLabel(parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(text)
    label.setWordWrap(wrap)
    if role:
        label.setProperty("role", role)
    if selectable:
        by_both = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        label.setTextInteractionFlags(by_both)
    return label


def icon_button(name: str, says: str) -> QToolButton:
    """A button that is only an icon; `says` is its tool tip and its name for a screen reader (not data: it may hold
    no markup)."""
    button = QToolButton()
    button.setIcon(icon(name))
    button.setToolTip(says)
    button.setAccessibleName(says)
    return button


class IconLabel(QWidget):
    """An icon that follows a change of theme, which the pixmap of a QLabel does not."""

    def __init__(self, name: str, role: str = "text", side: int = 16, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._side = side
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.show_icon(name, role)

    def show_icon(self, name: str, role: str = "text") -> None:
        self._icon = icon(name, role)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._side, self._side)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._icon.paint(painter, self.rect())
        painter.end()
