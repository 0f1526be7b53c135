"""The configuration of two topics side by side, of one cluster or of two."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from kexplorer.formats.numbers import count
from kexplorer.model.cluster import ConfigEntry
from kexplorer.model.failure import Failure
from kexplorer.services.sessions import Session
from kexplorer.services.topic_admin import Difference, compare, configuration, describe
from kexplorer.ui.dialogs import answer_of
from kexplorer.ui.models.configuration import in_words, value_text
from kexplorer.ui.models.rows import Column, RowsModel
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.rows_table import RowsTable

OpenSession = Callable[[], Awaitable[Session]]


def _value(entry: ConfigEntry | None) -> str:
    if entry is None:
        return "(not there)"
    words = in_words(entry.name, entry.value)
    return f"{value_text(entry, entry.value)}  ({words})" if words else value_text(entry, entry.value)


def _source(entry: ConfigEntry | None) -> str:
    return entry.source.value if entry else ""


_COLUMNS: tuple[Column[Difference], ...] = (
    Column("Setting", lambda d: d.name, lambda d: d.name, 32),
    Column("Left", lambda d: _value(d.left), lambda d: _value(d.left), 30),
    Column("Set by", lambda d: _source(d.left), lambda d: _source(d.left), 14),
    Column("Right", lambda d: _value(d.right), lambda d: _value(d.right), 30),
    Column("Set by", lambda d: _source(d.right), lambda d: _source(d.right), 14),
)


class DifferencesModel(RowsModel[Difference]):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_COLUMNS, lambda d: d.name, lambda d: d.name, _tone, parent)


def _tone(row: Difference, column: int) -> str:
    return "muted" if column in (2, 4) or not row.differs else "text"


async def compare_topics(
    parent: QWidget | None, cluster: str, topics: Sequence[str], clusters: Mapping[str, OpenSession]
) -> None:
    """`topics`: one or two of `cluster` to begin with. `clusters`: how each is opened."""
    dialog = CompareTopicsDialog(parent, cluster, topics, clusters)
    try:
        await answer_of(dialog)
    finally:
        await dialog.tasks.close()
        dialog.deleteLater()


class _Side:
    """A cluster and a topic of it."""

    def __init__(self, clusters: Sequence[str], cluster: str) -> None:
        self.cluster = QComboBox()
        self.cluster.addItems(list(clusters))
        self.cluster.setCurrentText(cluster)
        self.topic = QComboBox(editable=True)
        self.topic.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.topic.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        if completer := self.topic.completer():
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
            completer.setCompletionMode(completer.CompletionMode.PopupCompletion)

    def name(self, which: str) -> None:
        self.cluster.setAccessibleName(f"Cluster of the {which} topic")
        self.topic.setAccessibleName(f"Topic on the {which}")

    def offer(self, topics: Sequence[str]) -> None:
        typed = self.topic.currentText()
        self.topic.blockSignals(True)
        self.topic.clear()
        self.topic.addItems(list(topics))
        self.topic.setCurrentText(typed)
        self.topic.blockSignals(False)


class CompareTopicsDialog(QDialog):
    def __init__(
        self, parent: QWidget | None, cluster: str, topics: Sequence[str], clusters: Mapping[str, OpenSession]
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Compare topics")
        self._clusters = clusters
        self._found: list[Difference] = []
        self._shape: list[tuple[int, int]] = []  # partitions and replication of both
        self.sides = tuple(_Side(list(clusters), cluster) for _ in range(2))
        self.strip = ErrorStrip(can_retry=False)
        self.tasks = Tasks(self.strip.show_failure)
        self.differences = DifferencesModel(self)
        self.only = QCheckBox("&Only what differs")
        self.only.setChecked(True)
        self.told = plain_label("", "muted", wrap=True)
        self._lay_out()
        for side, which, topic in zip(self.sides, ("left", "right"), (topics[0], *topics[1:], "")[:2], strict=True):
            side.name(which)
            side.topic.setCurrentText(topic)
            side.cluster.currentIndexChanged.connect(lambda _, side=side: self._cluster_chosen(side))
            side.topic.currentTextChanged.connect(lambda _: self._compare())
        self.only.toggled.connect(lambda _: self._show())
        self.resize(1000, 560)
        for number, _ in enumerate(self.sides):
            self.tasks.start(f"topics {number}", self._offer(number))
        self._compare()
        self.sides[1].topic.setFocus()

    def _lay_out(self) -> None:
        choice = QHBoxLayout()
        choice.setSpacing(8)
        for number, side in enumerate(self.sides):
            if number:
                choice.addWidget(plain_label("and", "muted"))
            choice.addWidget(side.cluster, 1)
            choice.addWidget(side.topic, 2)
        close = QPushButton("Close")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.setSpacing(12)
        foot.addWidget(self.only)
        foot.addWidget(self.told, 1)
        foot.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(12)
        layout.addWidget(plain_label("Compare topics", "heading"))
        layout.addLayout(choice)
        layout.addWidget(self.strip)
        layout.addWidget(RowsTable(self.differences, "Settings of both"), 1)
        layout.addLayout(foot)

    def _cluster_chosen(self, side: _Side) -> None:
        self.tasks.start(f"topics {self.sides.index(side)}", self._offer(self.sides.index(side)))
        self._compare()

    async def _offer(self, number: int) -> None:
        side = self.sides[number]
        session = await self._clusters[side.cluster.currentText()]()
        seen = session.catalog.metadata or await session.catalog.refresh()
        side.offer([topic.name for topic in seen.topics if not topic.internal])

    def _compare(self) -> None:
        self.tasks.start("compare", self._read())

    async def _read(self) -> None:
        self.strip.clear()
        self._found = []
        self.differences.set_rows([])
        if not all(side.topic.currentText().strip() for side in self.sides):
            self.told.setText("Choose the second topic.")
            return
        self.told.setText("Reading both …")
        found, shape = [], []
        try:
            for side in self.sides:
                name = side.topic.currentText().strip()
                cluster = (await self._clusters[side.cluster.currentText()]()).cluster
                topic = await describe(cluster, name)
                found.append(await configuration(cluster, name))
                shape.append((len(topic.partitions), topic.replication))
        except Failure:
            self.told.setText("")
            raise
        self._shape = shape
        self._found = compare(*found)
        self.differences.set_rows(self._found)
        self._show()

    def _show(self) -> None:
        only = self.only.isChecked()
        self.differences.set_filter(lambda row: row.differs or not only)
        if not self._found:
            return
        total, differing = len(self._found), sum(row.differs for row in self._found)
        partitions, replicas = zip(*self._shape, strict=True)
        text = f"{count(differing)} of {count(total)} settings differ." if differing else "No setting differs."
        if len(set(partitions)) > 1:
            text += f" Partitions: {partitions[0]} and {partitions[1]}."
        if len(set(replicas)) > 1:
            text += f" Replication factor: {replicas[0]} and {replicas[1]}."
        self.told.setText(text)
