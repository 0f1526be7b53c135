"""Which file or folder of rows is sent, and what its columns become."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from kexplorer.formats.routing import compile_route
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import Outgoing
from kexplorer.services.rows_in import CsvMapping, RowsFile, RowsFormat
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.partition_box import ROUTE_TIP
from kexplorer.ui.widgets.topic_box import TopicBox

_FORMATS = {
    "JSON lines": RowsFormat.JSONL,
    "CSV": RowsFormat.CSV,
    "Folder of files": RowsFormat.FOLDER,
}
_DELIMITERS = {"Comma": ",", "Semicolon": ";", "Tab": "\t", "Bar": "|"}
_BY_SUFFIX = {".csv": "CSV", ".tsv": "CSV", ".jsonl": "JSON lines", ".ndjson": "JSON lines", ".json": "JSON lines"}
_NONE = "–"
_SETTLE = 250  # ms without a key


class RowsSourceBox(QWidget):
    """`changed` when another input is meant, a moment after the last key. `columns_wanted` when a CSV file is to be
    looked into; `offer_columns` answers."""

    changed = Signal()
    columns_wanted = Signal(object, str)  # Path, delimiter

    def __init__(self, topic: str) -> None:
        super().__init__()
        self.path = QLineEdit()
        self.path.setPlaceholderText("File or folder of rows")
        self.path.setAccessibleName("File or folder of rows")
        self.format = QComboBox()
        self.format.addItems(list(_FORMATS))
        self.format.setAccessibleName("Format")
        self.topic = TopicBox(topic)
        self.keep_partition = QCheckBox("Keep partitions")
        self.keep_partition.setToolTip("Each row goes to the partition that it names; else to that of its key")
        self.keep_time = QCheckBox("Keep times")
        self.keep_time.setChecked(True)
        self.keep_time.setToolTip("Each row keeps the timestamp that it names; else it has that of its sending")
        self.route = QLineEdit()
        self.route.setPlaceholderText("Partition by key, or an expression: value.customer % 3")
        self.route.setAccessibleName("Partition by expression")
        self.route.setToolTip(ROUTE_TIP)
        self.mapping = _Mapping()
        self._settle = QTimer(self, interval=_SETTLE, singleShot=True)
        self._settle.timeout.connect(self.changed)
        self._lay_out()
        self.path.textChanged.connect(self._path_changed)
        self.format.currentIndexChanged.connect(lambda _: self._format_changed())
        self.topic.changed.connect(self._settle.start)
        self.route.textChanged.connect(lambda _: self._settle.start())
        self.mapping.changed.connect(self._settle.start)
        self.mapping.delimiter.activated.connect(lambda _: self._want_columns())
        for box in (self.keep_partition, self.keep_time):
            box.toggled.connect(lambda _: self._settle.start())
        self._format_changed()

    def _lay_out(self) -> None:
        file, folder = QPushButton("File…"), QPushButton("Folder…")
        file.clicked.connect(self.choose_file)
        folder.clicked.connect(lambda: self._browse(QFileDialog.FileMode.Directory))
        first, second = QHBoxLayout(), QHBoxLayout()
        for row in (first, second):
            row.setSpacing(8)
        first.addWidget(self.path, 1)
        for widget in (file, folder, self.format):
            first.addWidget(widget)
        second.addWidget(plain_label("to"))
        second.addWidget(self.topic)
        second.addWidget(self.keep_partition)
        second.addWidget(self.keep_time)
        second.addWidget(self.route, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 4)
        column.setSpacing(8)
        column.addLayout(first)
        column.addLayout(second)
        column.addWidget(self.mapping)

    def source(self) -> RowsFile:
        """Raises `Failure` for what names no input."""
        text = self.path.text().strip()
        if not text:
            raise Failure(FailureKind.INVALID, "No file is chosen.", "Choose a file or a folder of rows.")
        if self.topic.name or self.kind is not RowsFormat.JSONL:
            self.topic.check()
        return RowsFile(
            Path(text).expanduser(),
            self.kind,
            self.topic.name,
            self.keep_partition.isChecked(),
            self.keep_time.isChecked(),
            self.mapping.mapping(),
        )

    def router(self) -> Callable[[Outgoing], int | None] | None:
        """None: each row goes where its key or the file says. Raises `Failure` for what is no expression."""
        expression = self.route.text().strip()
        return compile_route(expression) if expression else None

    @property
    def kind(self) -> RowsFormat:
        return _FORMATS[self.format.currentText()]

    def offer_columns(self, columns: Sequence[str]) -> None:
        self.mapping.offer(columns)

    def save_state(self) -> dict[str, object]:
        route = self.route.text()
        return {"path": self.path.text(), "format": self.format.currentText(), "topic": self.topic.name, "route": route}

    def restore_state(self, state: object) -> None:
        if not isinstance(state, Mapping):
            return
        for name, line in (("topic", self.topic), ("route", self.route), ("path", self.path)):
            if isinstance(text := state.get(name), str):
                line.setText(text)
        if state.get("format") in _FORMATS:
            self.format.setCurrentText(str(state["format"]))

    def choose_file(self) -> None:
        self._browse(QFileDialog.FileMode.ExistingFile)

    def _browse(self, mode: QFileDialog.FileMode) -> None:
        dialog = QFileDialog(self, "Rows to send", self.path.text())
        dialog.setFileMode(mode)
        dialog.fileSelected.connect(self.path.setText)
        dialog.finished.connect(dialog.deleteLater)
        if mode is QFileDialog.FileMode.Directory:
            dialog.fileSelected.connect(lambda _: self.format.setCurrentText("Folder of files"))
        dialog.open()

    def _path_changed(self, text: str) -> None:
        suffix = Path(text).suffix.lower()
        if suffix in _BY_SUFFIX:
            self.format.setCurrentText(_BY_SUFFIX[suffix])
        if suffix == ".tsv":
            self.mapping.delimiter.setCurrentText("Tab")
        self._want_columns()
        self._settle.start()

    def _format_changed(self) -> None:
        csv = self.kind is RowsFormat.CSV
        self.mapping.setVisible(csv)
        lines = self.kind is RowsFormat.JSONL
        for box in (self.keep_partition, self.keep_time):
            box.setVisible(lines)
        self.topic.setPlaceholderText("The topic that each row names" if lines else "Topic")
        self._want_columns()
        self._settle.start()

    def _want_columns(self) -> None:
        if self.kind is RowsFormat.CSV and self.path.text().strip():
            self.columns_wanted.emit(Path(self.path.text().strip()).expanduser(), self.mapping.chosen_delimiter)


class _Mapping(QWidget):
    """What the columns of a CSV file become."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.delimiter = QComboBox()
        self.delimiter.addItems(list(_DELIMITERS))
        self.key, self.value, self.partition, self.time = (QComboBox() for _ in range(4))
        self.headers = QLineEdit()
        self.headers.setPlaceholderText("Header columns: a, b")
        self.null = QCheckBox("Empty is null")
        self.null.setChecked(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        named = {
            "Separator": self.delimiter,
            "Key": self.key,
            "Value": self.value,
            "Partition": self.partition,
            "Time": self.time,
        }
        for name, box in named.items():
            label = plain_label(name, "muted")
            label.setBuddy(box)
            box.setAccessibleName(name)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setMaximumWidth(self.fontMetrics().averageCharWidth() * 26)
            box.activated.connect(lambda _: self.changed.emit())
            row.addWidget(label)
            row.addWidget(box)
        row.addWidget(self.headers, 1)
        row.addWidget(self.null)
        self.headers.setAccessibleName("Header columns")
        self.headers.textChanged.connect(lambda _: self.changed.emit())
        self.null.toggled.connect(lambda _: self.changed.emit())
        self.offer(())

    @property
    def chosen_delimiter(self) -> str:
        return _DELIMITERS[self.delimiter.currentText()]

    def offer(self, columns: Sequence[str]) -> None:
        """What was chosen stays, if it is among them; one that is called like the part is chosen for it."""
        for box, usual in ((self.key, "key"), (self.value, "value"), (self.partition, ""), (self.time, "")):
            before = box.currentText()
            box.clear()
            box.addItem("All others as JSON" if box is self.value else _NONE, "")
            for name in columns:
                box.addItem(name, name)
            found = next((name for name in columns if name == before), None)
            found = found or next((name for name in columns if usual and name.lower() == usual), None)
            box.setCurrentIndex(box.findData(found) if found else 0)
        self.changed.emit()

    def mapping(self) -> CsvMapping:
        headers = tuple(name for name in map(str.strip, self.headers.text().split(",")) if name)
        key, value, partition, moment = (
            str(box.currentData() or "") for box in (self.key, self.value, self.partition, self.time)
        )
        return CsvMapping(key, value, headers, partition, moment, self.chosen_delimiter, self.null.isChecked())
