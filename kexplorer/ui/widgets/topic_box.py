"""The name of a topic as it is typed, completed from those that the cluster has."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtWidgets import QCompleter, QLineEdit

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import Topic
from kexplorer.ui.widgets.range_box import mark_invalid

_MOST_SHOWN = 12


class TopicBox(QLineEdit):
    """Typing makes no topic: a name that the cluster does not have is marked, and refused."""

    changed = Signal()

    def __init__(self, topic: str = "") -> None:
        super().__init__(topic)
        self._topics: dict[str, Topic] | None = None  # until they are known
        self._names = QStringListModel(self)
        completer = QCompleter(self._names, self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setMaxVisibleItems(_MOST_SHOWN)
        self.setCompleter(completer)
        self.setPlaceholderText("Topic")
        self.setAccessibleName("Topic")
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * 28)
        self.textChanged.connect(lambda _: self._check())

    @property
    def name(self) -> str:
        return self.text().strip()

    @property
    def known(self) -> bool:
        """Whether it is known which topics there are."""
        return self._topics is not None

    @property
    def topic(self) -> Topic | None:
        return (self._topics or {}).get(self.name)

    @property
    def partitions(self) -> int:
        """0 where they are not known."""
        return len(self.topic.partitions) if self.topic else 0

    def set_topics(self, topics: Iterable[Topic]) -> None:
        self._topics = {topic.name: topic for topic in topics}
        named = sorted(self._topics, key=lambda name: (name.startswith("_"), name))
        if named != self._names.stringList():
            self._names.setStringList(named)
        self._check()

    def check(self) -> None:
        """Raises `Failure` for a name that is no topic of the cluster. What is not known yet is asked at sending."""
        if not self.name:
            raise Failure(FailureKind.INVALID, "No topic is chosen.", "Type the name of one.")
        if self._topics is not None and self.name not in self._topics:
            text = f"There is no topic {self.name}, and sending makes none."
            raise Failure(FailureKind.NOT_FOUND, text, "Choose one of the list, or create it first.")

    def _check(self) -> None:
        try:
            self.check()
        except Failure as failure:
            mark_invalid(self, bool(self.name))
            self.setToolTip(str(failure) if self.name.isprintable() and "<" not in self.name else "")
        else:
            mark_invalid(self, False)
            self.setToolTip("")
        self.changed.emit()
