"""What is followed, through which topics, and in which part of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from kexplorer.model.correlation import Trail, Where
from kexplorer.model.topics import Topic
from kexplorer.ui.icons import icon
from kexplorer.ui.widgets.action_button import action_button
from kexplorer.ui.widgets.range_box import RangeBox
from kexplorer.ui.widgets.topic_picks import TopicPicks

_NAMES = {Where.HEADER: "Name of the header", Where.FIELD: "value.order.id"}
_MOST_LISTED = 200  # topics; of more, each is added by its name


class CorrelationBar(QWidget):
    """`follow` is the panel's action."""

    topics_changed = Signal()

    def __init__(self, topics: Sequence[str], follow: QAction) -> None:
        super().__init__()
        self.text = QLineEdit()
        self.text.setPlaceholderText("Key or correlation id")
        self.text.setAccessibleName("What to follow")
        self.text.setClearButtonEnabled(True)
        self.where = QComboBox()
        self.where.addItems([where.value for where in Where])
        self.where.setAccessibleName("Where it is")
        self.where.currentIndexChanged.connect(self._show_where)
        self.name = QLineEdit()
        self.name.setAccessibleName("Name of the header or path of the field")
        self.range = RangeBox()
        for edit in (self.text, self.name):
            edit.returnPressed.connect(follow.trigger)
        self.picks = TopicPicks()
        self.picks.offer(topics)
        self.picks.changed.connect(self._picked)
        self._popup = QFrame(self, Qt.WindowType.Popup)
        self._popup.setFrameShape(QFrame.Shape.StyledPanel)
        QVBoxLayout(self._popup).addWidget(self.picks)
        self._topics = QPushButton(icon("topic"), "")
        self._topics.clicked.connect(self.show_topics)
        button = action_button(follow, "Follow")
        button.setProperty("kind", "primary")
        button.setIcon(icon("search", "on_accent"))
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(8)
        for widget, stretch in ((self.text, 3), (self.where, 0), (self.name, 1), (self._topics, 0), (self.range, 0)):
            row.addWidget(widget, stretch)
        row.addWidget(button)
        self._show_where()
        self._tell_topics()
        self.setFocusProxy(self.text)

    @property
    def trail(self) -> Trail:
        where = Where(self.where.currentText())
        return Trail(self.text.text(), where, self.name.text().strip() if where in _NAMES else "")

    @property
    def topics(self) -> list[str]:
        return self.picks.picked()

    def show_trail(self, trail: Trail) -> None:
        self.where.setCurrentText(trail.where.value)
        self.name.setText(trail.name)
        self.text.setText(trail.text)

    def set_topics(self, topics: Iterable[Topic]) -> None:
        """All that there are. Where they are few, those of applications only have to be ticked."""
        known = list(topics)
        self.picks.set_topics(known)
        names = sorted(topic.name for topic in known if not topic.internal)
        if len(names) <= _MOST_LISTED:
            self.picks.offer(names, ticked=False)

    def show_topics(self) -> None:
        self._popup.resize(QSize(self.fontMetrics().averageCharWidth() * 44, 320))
        self._popup.move(self._topics.mapToGlobal(QPoint(0, self._topics.height() + 4)))
        self._popup.show()
        self.picks.add.setFocus()

    def set_zone(self, zone: tzinfo) -> None:
        self.range.set_zone(zone)

    def save_state(self) -> dict[str, object]:
        trail = self.trail
        return {
            "trail": [trail.text, trail.where.value, trail.name],
            "topics": self.topics,
            "range": self.range.save_state(),
        }

    def restore_state(self, state: Mapping[str, object]) -> None:
        """Takes what `save_state` gave; anything else is ignored."""
        match state.get("trail"):
            case [str(text), str(where), str(name)] if where in set(Where):
                self.show_trail(Trail(text, Where(where), name))
        match state.get("topics"):
            case [*names]:
                self.picks.offer([name for name in names if isinstance(name, str)])
                self._picked()
        self.range.restore_state(state.get("range"))

    def _show_where(self) -> None:
        where = Where(self.where.currentText())
        self.name.setVisible(where in _NAMES)
        self.name.setPlaceholderText(_NAMES.get(where, ""))

    def _picked(self) -> None:
        self._tell_topics()
        self.topics_changed.emit()

    def _tell_topics(self) -> None:
        names = self.topics
        self._topics.setText(f"{len(names)} topic{'' if len(names) == 1 else 's'}")
        self._topics.setToolTip("Choose the topics to follow it through")
