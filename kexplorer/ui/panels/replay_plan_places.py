"""From where to where a plan replays: two clusters, and a line for each topic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.replay import Place, ReplaySource, ReplayTarget
from kexplorer.model.topics import Topic
from kexplorer.ui.icons import icon
from kexplorer.ui.widgets.labels import icon_button, plain_label
from kexplorer.ui.widgets.topic_box import TopicBox

_OTHER = "Other brokers…"


class ClusterBox(QWidget):
    """One of the connections, or brokers by their address. A place that is none of them is kept as it is."""

    changed = Signal()

    def __init__(self, name: str, connections: Mapping[str, Place]) -> None:
        super().__init__()
        self.box = QComboBox()
        self.box.setAccessibleName(name)
        self.box.addItem(_OTHER, None)
        self.offer(connections)
        self.box.setCurrentIndex(-1)
        self.box.setPlaceholderText("Choose a connection")
        self.brokers = QLineEdit()
        self.brokers.setPlaceholderText("host:9092, without encryption and login")
        self.brokers.setAccessibleName(f"{name}, brokers")
        self.brokers.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.box, 1)
        row.addWidget(self.brokers, 1)
        self.setFocusProxy(self.box)
        self.box.currentIndexChanged.connect(self._show_brokers)
        self.box.activated.connect(lambda _: self.changed.emit())
        self.brokers.editingFinished.connect(self.changed)

    def offer(self, connections: Mapping[str, Place]) -> None:
        """Adds those that are new."""
        for name, place in connections.items():
            if self.box.findText(name) < 0:
                self.box.insertItem(self.box.count() - 1, name, place)

    def place(self) -> Place:
        if self.box.currentIndex() < 0:
            return Place()
        found: Place | None = self.box.currentData()
        return found or Place(bootstrap=self.brokers.text().strip())

    def show_place(self, place: Place) -> None:
        if place == Place():
            self.box.setCurrentIndex(-1)
            return
        places = [self.box.itemData(n) for n in range(self.box.count())]
        number = places.index(place) if place in places else self.box.findText(place.profile)
        if number < 0 and place.profile:
            self.box.insertItem(0, place.profile, place)  # of another machine, perhaps
            number = 0
        elif number >= 0:
            self.box.setItemData(number, place)
        else:
            number = self.box.findText(_OTHER)
            self.brokers.setText(place.bootstrap)
        self.box.setCurrentIndex(number)

    def _show_brokers(self) -> None:
        self.brokers.setVisible(self.box.currentText() == _OTHER)


class GoalBox(TopicBox):
    """The name of a topic that must be there. `edited` by a person."""

    edited = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setPlaceholderText(name)
        self.setAccessibleName(name)
        self.setMinimumWidth(0)
        self.textEdited.connect(self.edited)
        if completer := self.completer():
            completer.activated.connect(self.edited, Qt.ConnectionType.QueuedConnection)

    def show_name(self, name: str) -> None:
        if self.name != name:
            self.setText(name)

    def check(self) -> None:
        if self.name and self.known and self.topic is None:
            text = f"There is no topic {self.name} on that cluster."
            raise Failure(FailureKind.NOT_FOUND, text, "Choose one of the list; a replay makes none.")


class PlacesBox(QWidget):
    """`changed` when other clusters or topics are meant."""

    changed = Signal()

    def __init__(self, connections: Mapping[str, Place]) -> None:
        super().__init__()
        self.source = ClusterBox("From connection", connections)
        self.target = ClusterBox("To connection", connections)
        self._topics: tuple[list[Topic] | None, list[Topic] | None] = (None, None)
        self.rows: list[_Row] = []
        self.add = QPushButton(icon("plus"), "Add a topic", flat=True)
        self.add.clicked.connect(self._begin)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(2, 1)
        self._grid.addWidget(plain_label("From", "muted"), 0, 0)
        self._grid.addWidget(plain_label("To", "muted"), 0, 2)
        self._grid.addWidget(self.source, 1, 0)
        self._grid.addWidget(self.target, 1, 2)
        self._told = plain_label(role="bad", wrap=True, selectable=True)
        self._told.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(self._grid)
        column.addWidget(self.add, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._told)
        for box in (self.source, self.target):
            box.changed.connect(self._edited)
        self._add("", "")

    def _edited(self) -> None:
        self.show_problem(None)
        self.changed.emit()

    def source_of(self, base: ReplaySource) -> ReplaySource:
        """`base` with what is chosen here."""
        topics = tuple(dict.fromkeys(row.source.name for row in self.rows if row.source.name))
        return replace(base, cluster=self.source.place(), topics=topics)

    def target_of(self, base: ReplayTarget) -> ReplayTarget:
        topics = {row.source.name: row.target.name for row in self.rows if row.source.name and row.target.name}
        return replace(base, cluster=self.target.place(), topics=topics)

    def show_places(self, source: ReplaySource, target: ReplayTarget) -> None:
        self.source.show_place(source.cluster)
        self.target.show_place(target.cluster)
        wanted = [(topic, target.topics.get(topic, "")) for topic in source.topics] or [("", "")]
        for row, (topic, goal) in zip(self.rows, wanted, strict=False):
            row.show_names(topic, goal)
        for row in self.rows[len(wanted) :]:
            self._drop(row)
        for topic, goal in wanted[len(self.rows) :]:
            self._add(topic, goal)

    def offer(self, connections: Mapping[str, Place]) -> None:
        """Connections that were made meanwhile."""
        self.source.offer(connections)
        self.target.offer(connections)

    def set_topics(self, source: Iterable[Topic] | None, target: Iterable[Topic] | None) -> None:
        """Those that the clusters have; None: nobody knows."""
        self._topics = (None if source is None else list(source), None if target is None else list(target))
        for row in self.rows:
            row.set_topics(*self._topics)

    def show_problem(self, failure: Failure | None) -> None:
        self._told.setText(str(failure or ""))
        self._told.setVisible(failure is not None)

    def check(self) -> Failure | None:
        """What a newcomer leaves out; all else is told at the dry run."""
        found = None
        for box, which in ((self.source, "reads from"), (self.target, "writes to")):
            if found is None and box.place() == Place():
                text = f"No connection is chosen that the replay {which}."
                found = Failure(FailureKind.INVALID, text, "Choose one of the list.")
        for row in self.rows:
            if found is None and row.source.name and not row.target.name:
                text = f"{row.source.name} has no target topic."
                found = Failure(FailureKind.INVALID, text, "Name the topic that its records go to.")
        names = [row.source.name for row in self.rows if row.source.name]
        if found is None and not names:
            found = Failure(FailureKind.INVALID, "No topic is chosen.", "Name one that is read.")
        if found is None and len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            found = Failure(FailureKind.INVALID, f"{twice} is there twice.", "Name each topic once.")
        self.show_problem(found)
        return found

    def _begin(self) -> None:
        self._add("", "").source.setFocus()

    def _add(self, source: str, target: str) -> _Row:
        row = _Row(source, target)
        row.set_topics(*self._topics)
        for box in (row.source, row.target):
            box.edited.connect(self._edited)
        row.remove.clicked.connect(lambda: self._remove(row))
        self.rows.append(row)
        number = self._grid.rowCount()
        for column, widget in enumerate((row.source, row.arrow, row.target, row.remove)):
            self._grid.addWidget(widget, number, column)
        self._show_buttons()
        return row

    def _remove(self, row: _Row) -> None:
        self._drop(row)
        self._edited()

    def _drop(self, row: _Row) -> None:
        self.rows.remove(row)
        for widget in (row.source, row.arrow, row.target, row.remove):
            self._grid.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self._show_buttons()

    def _show_buttons(self) -> None:
        for row in self.rows:
            row.remove.setVisible(len(self.rows) > 1)


class _Row:
    def __init__(self, source: str, target: str) -> None:
        self.source, self.target = GoalBox("Topic that is read"), GoalBox("Topic that is written")
        self.arrow, self.remove = plain_label("→", "muted"), icon_button("trash", "Remove this topic")
        self.show_names(source, target)

    def show_names(self, source: str, target: str) -> None:
        self.source.show_name(source)
        self.target.show_name(target)

    def set_topics(self, source: list[Topic] | None, target: list[Topic] | None) -> None:
        for box, topics in ((self.source, source), (self.target, target)):
            if topics is not None:
                box.set_topics(topics)
