"""The first page: what one can do before anything is open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QColor, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from kexplorer.model.profile import Profile
from kexplorer.ui.about import keys_of
from kexplorer.ui.commands import Commands
from kexplorer.ui.icons import application_icon
from kexplorer.ui.marks import profile_dot
from kexplorer.ui.models.cluster_tree import Section
from kexplorer.ui.theme import tokens
from kexplorer.ui.widgets.labels import IconLabel, plain_label

_RECENT = 5


class WelcomePage(QWidget):
    """Two cards, the demo and a new connection; below them the connections there are, and the keys worth knowing."""

    def __init__(self, commands: Commands) -> None:
        super().__init__()
        self.setProperty("panel", True)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._commands = commands
        self.demo = Card(
            "play",
            "Explore the demo",
            "A small shop on a broker inside this program: orders, events, "
            "a dead letter queue, consumers that lag. Nothing to install, no network.",
        )
        self.demo.clicked.connect(commands.open_demo)
        self.new = Card(
            "plug",
            "Connect to a cluster",
            "Bootstrap servers and, where needed, TLS and SASL. Looking "
            "leaves no trace: no group is joined and no offset committed.",
        )
        self.new.clicked.connect(commands.new_connection)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(0)
        self._recent_title = plain_label("Connections", role="heading")
        recent = QVBoxLayout()
        recent.setSpacing(8)
        recent.addWidget(self._recent_title)
        recent.addLayout(self._recent)
        recent.addStretch(1)
        halves = QGridLayout()
        halves.setHorizontalSpacing(16)
        halves.setVerticalSpacing(32)
        halves.addWidget(self.demo, 0, 0)
        halves.addWidget(self.new, 0, 1)
        halves.addLayout(self._keys(), 1, 0)
        halves.addLayout(recent, 1, 1)
        for half in (0, 1):
            halves.setColumnStretch(half, 1)
        column = QVBoxLayout()
        column.addStretch(2)
        column.addLayout(self._title())
        column.addSpacing(32)
        column.addLayout(halves)
        column.addStretch(3)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(32, 24, 32, 24)
        layout.addStretch(1)
        layout.addLayout(column, 6)
        layout.addStretch(1)
        self.set_connections(())

    def set_connections(self, profiles: Sequence[Profile]) -> None:
        """The connections to offer, the latest used first; the first five are shown."""
        while item := self._recent.takeAt(0):
            if widget := item.widget():
                widget.deleteLater()
        for profile in profiles[:_RECENT]:
            button = QPushButton(profile_dot(profile.colour), profile.name.replace("&", "&&"))
            button.setFlat(True)
            button.setProperty("row", True)
            button.clicked.connect(lambda _=False, name=profile.name: self._commands.open_section(name, Section.TOPICS))
            self._recent.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        self._recent_title.setVisible(bool(profiles))

    def show_hints(self, actions: Iterable[QAction]) -> None:
        """The shortcuts worth knowing first."""
        for row, action in enumerate(actions):
            self._hints.addWidget(plain_label(keys_of(action)), row, 0)
            self._hints.addWidget(plain_label(action.text().rstrip("…"), role="muted"), row, 1)

    def _keys(self) -> QVBoxLayout:
        self._hints = QGridLayout()
        self._hints.setHorizontalSpacing(16)
        self._hints.setVerticalSpacing(6)
        self._hints.setColumnStretch(1, 1)
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addWidget(plain_label("Keys", role="heading"))
        column.addLayout(self._hints)
        column.addStretch(1)
        return column

    def _title(self) -> QHBoxLayout:
        picture = QLabel()
        picture.setPixmap(application_icon().pixmap(48, 48))
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(plain_label("Kafka Explorer", role="title"))
        words.addWidget(plain_label("See, search, produce, measure and replay what flows through Kafka.", role="muted"))
        title = QHBoxLayout()
        title.setSpacing(16)
        title.addWidget(picture)
        title.addLayout(words, 1)
        return title


class Card(QAbstractButton):
    """A large button: icon, name and what it leads to."""

    def __init__(self, icon_name: str, name: str, text: str) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)  # painted again when the mouse comes and goes
        self.setText(name)
        self.setAccessibleDescription(text)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # all cards are as wide
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 20)
        layout.setSpacing(8)
        layout.addWidget(IconLabel(icon_name, "link", 24))
        layout.addSpacing(4)
        layout.addWidget(plain_label(name, role="heading"))
        layout.addWidget(plain_label(text, role="muted", wrap=True))
        layout.addStretch()
        for child in self.findChildren(QWidget):
            child.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def sizeHint(self) -> QSize:
        layout = self.layout()
        return layout.sizeHint() if layout else super().sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        look = tokens(self.palette())
        lively = self.underMouse() or self.hasFocus()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        outline = QPainterPath()
        outline.addRoundedRect(self.rect().toRectF().adjusted(0.75, 0.75, -0.75, -0.75), 10, 10)
        painter.fillPath(outline, QColor(look.hover if self.isDown() else look.alternate))
        painter.setPen(QPen(QColor(look.accent if lively else look.line), 1.5))
        painter.drawPath(outline)
        painter.end()
