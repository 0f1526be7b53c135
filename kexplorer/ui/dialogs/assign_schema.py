"""Which schema file a topic's keys or values are decoded by, tried on a record before it is saved."""

from __future__ import annotations

import asyncio
from functools import cached_property

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from kexplorer.formats.decoded import Decoded
from kexplorer.formats.text import visible
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.schemas import Part, SchemaAssignment, SchemaFormat
from kexplorer.services.schemas import Schemas
from kexplorer.ui.dialogs import answer_of
from kexplorer.ui.dialogs.fields import Field, FileField
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.code_view import CodeView
from kexplorer.ui.widgets.labels import IconLabel, plain_label
from kexplorer.ui.widgets.text_rows import TextRows, blocks_of_lines

_PAUSE = 0.15  # seconds without a key press before the file is read
_FORMAT_OF = {
    ".avsc": SchemaFormat.AVRO,
    **dict.fromkeys((".proto", ".desc", ".pb", ".protoset", ".binpb", ".fds"), SchemaFormat.PROTOBUF),
    ".schema.json": SchemaFormat.JSON,
    ".jsonschema": SchemaFormat.JSON,
}
_KINDS = f"Schemas ({' '.join(f'*{each}' for each in (*_FORMAT_OF, '.json'))});;All files (*)"
_NO_FILE = Failure(FailureKind.INVALID, "No file is chosen.", "Choose the file that has the schema.")


async def assign_schema(parent: QWidget | None, schemas: Schemas, topic: str, part: Part, sample: bytes | None) -> bool:
    """Assigns a file to `topic`, or removes the one that is. `sample` is a key or value of it to try the schema on.
    True if records of the topic are decoded otherwise now."""
    dialog = AssignSchemaDialog(parent, schemas, topic, part, sample)
    try:
        return await answer_of(dialog)
    finally:
        await dialog.tasks.close()
        dialog.deleteLater()


class AssignSchemaDialog(QDialog):
    """The file is read again after each change, and what the sample would be is shown below."""

    def __init__(self, parent: QWidget | None, schemas: Schemas, topic: str, part: Part, sample: bytes | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Assign a schema")
        self.tasks = Tasks(self._show_failure)
        self._schemas, self._topic, self._part, self._sample = schemas, topic, part, sample
        self._current = schemas.assignment(topic, part)
        self._usable = False  # so the file was found when it was last read
        self.file = _SchemaFile("Choose the schema file")
        self.format = QComboBox()
        for each in SchemaFormat:
            self.format.addItem(each.value, each)
        self.message = QComboBox()
        self.message.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.topics = QLineEdit(self._current.topics if self._current else topic)
        self.fields = {
            "file": Field(
                "Schema &file", self.file, "Avro: .avsc. Protobuf: .proto, or descriptors by protoc. JSON Schema: .json"
            ),
            "format": Field("F&ormat", self.format),
            "message": Field("&Message type", self.message),
            "topics": Field("&Topics", self.topics, "* stands for any characters"),
        }
        self.trouble = plain_label("", "bad", wrap=True)
        self._lay_out()
        if self._current:
            self.file.line.setText(self._current.file)
            self.format.setCurrentIndex(max(0, self.format.findData(self._current.format)))
        self._format_changed()
        self.file.changed.connect(self._file_changed)
        self.format.currentIndexChanged.connect(self._format_changed)
        self.message.activated.connect(self._look_soon)
        self.topics.textChanged.connect(self._check_topics)
        self.resize(self.sizeHint().expandedTo(QSize(640, 620)))
        self.file.setFocus()

    # ---- layout

    def _lay_out(self) -> None:
        part = f"{self._part.value}s"
        about = "The file comes before any Schema Registry. It is read again when the connection is opened."
        form = QVBoxLayout()
        form.setContentsMargins(20, 20, 20, 16)
        form.setSpacing(12)
        form.addWidget(plain_label(f"Schema of the {part} of {visible(self._topic)}", "heading", wrap=True))
        form.addWidget(plain_label(about, "muted", wrap=True))
        form.addWidget(self.fields["file"])
        kinds = QHBoxLayout()
        kinds.setSpacing(12)
        kinds.addWidget(self.fields["format"], 1)
        kinds.addWidget(self.fields["message"], 3)
        form.addLayout(kinds)
        form.addWidget(self.fields["topics"])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(form)
        layout.addWidget(self._line())
        layout.addWidget(self._trial(), 1)
        layout.addWidget(self._line())
        layout.addLayout(self._buttons())

    def _trial(self) -> QWidget:
        page = QWidget()
        page.setProperty("panel", True)
        page.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._sign = IconLabel("info", "muted")
        self.verdict = plain_label("", "heading", wrap=True, selectable=True)
        self.advice = plain_label("", "muted", wrap=True, selectable=True)
        says = QVBoxLayout()
        says.setSpacing(4)
        says.addWidget(self.verdict)
        says.addWidget(self.advice)
        head = QHBoxLayout()
        head.setContentsMargins(20, 12, 20, 12)
        head.setSpacing(8)
        head.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(says, 1)
        self._trial_layout = QVBoxLayout(page)
        self._trial_layout.setContentsMargins(0, 0, 0, 0)
        self._trial_layout.setSpacing(0)
        self._trial_layout.addLayout(head)
        self._trial_layout.addStretch(1)
        return page

    @cached_property
    def shown(self) -> CodeView:
        """The decoded sample; made when there is the first one."""
        view = CodeView()
        self._trial_layout.addWidget(view, 1000)
        return view

    def _buttons(self) -> QHBoxLayout:
        self.save_button = QPushButton("Save")
        self.save_button.setProperty("kind", "primary")
        self.save_button.setDefault(True)
        self.save_button.clicked.connect(lambda: self.tasks.start("save", self._save()))
        self.remove_button = QPushButton("&Remove assignment")
        self.remove_button.setProperty("kind", "danger")
        self.remove_button.setVisible(self._current is not None)
        self.remove_button.clicked.connect(lambda: self.tasks.start("save", self._remove()))
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.clicked.connect(self.reject)
        for button in (self.remove_button, self.cancel_button):
            button.setAutoDefault(False)
        row = QHBoxLayout()
        row.setContentsMargins(20, 12, 20, 16)
        row.setSpacing(8)
        row.addWidget(self.remove_button)
        row.addWidget(self.trouble, 1)
        row.addWidget(self.cancel_button)
        row.addWidget(self.save_button)
        return row

    def _line(self) -> QFrame:
        line = QFrame()
        line.setFrameShape(QFrame.Shape.HLine)
        line.setFrameShadow(QFrame.Shadow.Plain)
        line.setForegroundRole(self.palette().ColorRole.Mid)
        return line

    # ---- what is chosen

    def chosen(self) -> SchemaAssignment:
        """As the fields say, right or wrong."""
        form = SchemaFormat(self.format.currentData())
        message = self.message.currentText() if form is SchemaFormat.PROTOBUF else ""
        return SchemaAssignment(self.topics.text().strip(), self._part, form, self.file.line.text().strip(), message)

    def _file_changed(self) -> None:
        name = self.file.line.text().strip().lower()  # plain .json may be Avro as well: that is the person's choice
        if guess := next((form for end, form in _FORMAT_OF.items() if name.endswith(end)), None):
            self.format.setCurrentIndex(self.format.findData(guess))
        self._look_soon()

    def _format_changed(self) -> None:
        self.fields["message"].setVisible(self.format.currentData() == SchemaFormat.PROTOBUF)
        self._look_soon()

    def _check_topics(self) -> bool:
        topics = self.topics.text().strip()
        fits = SchemaAssignment(topics, self._part, SchemaFormat.AVRO, "").fits(self._topic, self._part)
        message = f"“{topics}” does not fit this topic." if topics else "No topic is named."
        wrong = (
            None if fits else Failure(FailureKind.INVALID, message, f"Write {self._topic}, or a part of it and a *.")
        )
        self.fields["topics"].show_problem(wrong)
        return fits

    # ---- the trial

    def _look_soon(self) -> None:
        self.trouble.clear()
        self.tasks.start("look", self._look(_PAUSE))

    async def _look(self, pause: float = 0) -> None:
        """Reads the file and says what it makes of the sample."""
        await asyncio.sleep(pause)
        self._usable = False
        try:
            if not self.file.line.text().strip():
                self._say("info", "muted", "No file is chosen yet.", "What it makes of the selected record shows here.")
            else:
                await self._try()
                self._usable = True
            self.fields["file"].show_problem(None)
        except Failure as failure:
            self.fields["file"].show_problem(failure)
            self._say("error", "bad", "The file cannot be used.", "")

    async def _try(self) -> None:
        if self.chosen().format is SchemaFormat.PROTOBUF:
            self._offer(await self._schemas.message_types(self.chosen().file))
        found = await self._schemas.tried(self.chosen(), self._topic, self._sample or b"")
        part = self._part.value
        if not self._sample:
            advice = f"Select a record that has a {part} to see it decoded."
            self._say("success", "good", "The schema can be used.", advice)
        elif isinstance(found, str):
            self._say(
                "warning",
                "warn",
                f"The {part} of the selected record does not decode.",
                f"{found[:1].upper()}{found[1:]}.",
            )
        elif found.also:
            notes = "; ".join(found.also)
            notes = f"{notes[:1].upper()}{notes[1:]}."
            self._say("warning", "warn", f"The {part} of the selected record decodes, with a caveat.", notes, found)
        else:
            self._say("success", "good", f"The {part} of the selected record decodes.", "", found)

    def _offer(self, types: list[str]) -> None:
        """Keeps the choice where it is still there."""
        known = [self.message.itemText(n) for n in range(self.message.count())]
        if types == known:
            return
        before = self.message.currentText() or (self._current.type_name if self._current else "")
        self.message.clear()
        self.message.addItems(types)
        self.message.setCurrentIndex(max(0, self.message.findText(before)))

    def _say(self, sign: str, role: str, verdict: str, advice: str, found: Decoded | None = None) -> None:
        self._sign.show_icon(sign, role)
        self.verdict.setText(verdict)
        self.advice.setText(advice)
        self.advice.setVisible(bool(advice))
        lines = found.pretty() if found else None
        if lines is not None:
            rows = TextRows(blocks_of_lines(lines))
            rows.read()
            self.shown.show_rows(rows, json=True)
        if "shown" in self.__dict__:
            self.shown.setVisible(lines is not None)

    # ---- the answer

    async def _save(self) -> None:
        self.tasks.cancel("look")
        self.save_button.setEnabled(False)
        try:
            await self._look()
            if not self._usable:
                if not self.chosen().file:
                    self.fields["file"].show_problem(_NO_FILE)
                self.file.setFocus()
            elif not self._check_topics():
                self.topics.setFocus()
            else:
                await self._schemas.assign(self.chosen())
                self.accept()
        finally:
            self.save_button.setEnabled(True)

    async def _remove(self) -> None:
        if self._current:
            await self._schemas.unassign(self._current)
        self.accept()

    def _show_failure(self, failure: Failure) -> None:
        self.trouble.setText(str(failure))


class _SchemaFile(FileField):
    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.line.setPlaceholderText("Path of the file")

    def _choose(self) -> None:
        dialog = QFileDialog(self, self._what, self.line.text(), _KINDS)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.line.setText)
        dialog.open()
