"""Topics that something is for: ticked in a list, and added by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from kexplorer.model.topics import Topic
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.topic_box import TopicBox


class _AddBox(TopicBox):
    """Enter adds, and does not go on to the dialog's button."""

    entered = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
        else:
            super().keyPressEvent(event)


class TopicPicks(QWidget):
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._topics: Mapping[str, Topic] = {}
        self.list = QListWidget()
        self.list.setAccessibleName("Topics")
        self.add = _AddBox()
        self.add.setPlaceholderText("Add a topic")
        self.add.setMinimumWidth(0)
        self.add.entered.connect(self._add_typed)
        if completer := self.add.completer():
            completer.activated.connect(lambda _: self._add_typed(), Qt.ConnectionType.QueuedConnection)
        caption = plain_label("&Topics")
        caption.setBuddy(self.list)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(caption)
        column.addWidget(self.list, 1)
        column.addWidget(self.add)
        self.list.itemChanged.connect(lambda _: self.changed.emit())

    def set_topics(self, topics: Iterable[Topic]) -> None:
        """All that can be added."""
        self._topics = {topic.name: topic for topic in topics}
        self.add.set_topics(self._topics.values())

    def offer(self, names: Iterable[str], *, ticked: bool = True) -> None:
        """Puts these into the list; what is there already stays as it is. Tells nobody."""
        state = Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
        there = {self.list.item(row).text() for row in range(self.list.count())}
        self.list.blockSignals(True)
        for name in names:
            if name not in there:
                item = QListWidgetItem(name)
                item.setCheckState(state)
                self.list.addItem(item)
        self.list.blockSignals(False)

    def picked(self) -> list[str]:
        items = (self.list.item(row) for row in range(self.list.count()))
        return [item.text() for item in items if item.checkState() == Qt.CheckState.Checked]

    def _add_typed(self) -> None:
        name = self.add.name
        if name not in self._topics:
            return
        self.offer([name])
        for item in self.list.findItems(name, Qt.MatchFlag.MatchExactly):
            item.setCheckState(Qt.CheckState.Checked)
        self.add.clear()
        self.changed.emit()
