"""The schema that a key or a value is written by."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QCompleter, QHBoxLayout, QPushButton, QWidget

from kexplorer.formats.cursor import Unreadable
from kexplorer.formats.encoding import Editable, Encoder, framed, message_names
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.schemas import Part, PayloadSchema, SchemaChoice, SchemaFormat, SchemaText
from kexplorer.services.schemas import Schemas
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.elided_label import ElidedLabel

_CHARACTERS = 26  # of a subject that are seen
_MOST_SHOWN = 12
_PAUSE = 0.2  # seconds without a key


class SchemaBox(QWidget):
    """Of a subject in the registry, of the file that is assigned to the topic, or of the record that is edited: `kept`.
    Unless a person chooses, it is that of TopicNameStrategy, "orders-value". `changed` when there is another encoder or
    none; `example_wanted` when a value shall be made up."""

    changed = Signal()
    example_wanted = Signal()

    def __init__(self, part: Part, tasks: Tasks) -> None:
        super().__init__()
        self._part, self._tasks = part, tasks
        self._schemas: Schemas | None = None
        self._topic = ""
        self._choice: SchemaChoice | None = None  # None: by the topic
        self._encoder: Encoder | None = None
        self._wrong = Failure(FailureKind.INVALID, f"No schema is chosen for the {part}.", "Choose a subject.")
        self._settled = asyncio.Event()
        self.kept: Editable | None = None
        self.subject = QComboBox(editable=True, insertPolicy=QComboBox.InsertPolicy.NoInsert)
        self.subject.setMinimumContentsLength(_CHARACTERS)
        self.subject.setAccessibleName(f"Subject of the {part}'s schema")
        self.version, self.message = QComboBox(), QComboBox()
        self.version.setAccessibleName(f"Version of the {part}'s schema")
        self.message.setAccessibleName(f"Message type of the {part}")
        self.told = ElidedLabel()
        self.example = QPushButton("Example", flat=True)
        self.example.setToolTip("Write a value that fits the schema")
        self.shows = QPushButton("Schema", flat=True)
        self.shows.setCheckable(True)
        self.shows.setToolTip("Show the schema beside the value")
        self._lay_out()
        self._connect()
        self._show_choice()

    def _lay_out(self) -> None:
        completer = QCompleter(self.subject.model(), self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setMaxVisibleItems(_MOST_SHOWN)
        self.subject.setCompleter(completer)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for widget in (self.subject, self.version, self.message):
            row.addWidget(widget)
        row.addWidget(self.told, 1)
        row.addWidget(self.example)
        row.addWidget(self.shows)

    def _connect(self) -> None:
        self.subject.activated.connect(lambda _: self._typed())
        if line := self.subject.lineEdit():
            line.editingFinished.connect(self._typed)
        self.version.activated.connect(
            lambda _: self.choose(replace(self._meant, version=self.version.currentData(), type_name=""))
        )
        self.message.activated.connect(
            lambda _: self.choose(replace(self._meant, type_name=self.message.currentText()))
        )
        self.example.clicked.connect(self.example_wanted)

    # what it says

    @property
    def encoder(self) -> Encoder:
        """Raises `Failure` where there is none, or not yet."""
        if self._encoder is None:
            raise self._wrong
        return self._encoder

    @property
    def choice(self) -> SchemaChoice:
        """What finds the same schema again."""
        if self.kept is None:
            return self._meant
        schema_id = self.kept.schema_id
        return SchemaChoice(
            id=schema_id if isinstance(schema_id, int) else None, type_name=self.kept.schema.schema.type_name
        )

    # what a person and the panel do

    def set_schemas(self, schemas: Schemas | None) -> None:
        """Those of the connection, once it is there."""
        if schemas is not self._schemas:
            self._schemas = schemas
            self._tasks.start(f"subjects {self._part}", self._list_subjects())
            self.reload()

    def set_topic(self, topic: str) -> None:
        if topic != self._topic:
            self._topic = topic
            if self._choice is None and self.kept is None:
                self.reload(pause=_PAUSE)

    def choose(self, choice: SchemaChoice | None) -> None:
        """None: that of the topic."""
        self._choice, self.kept = choice, None
        self.reload()

    def keep(self, kept: Editable) -> None:
        """That of a record, so that it is written as it was."""
        self.kept = kept
        self.reload()

    def reload(self, *, pause: float = 0) -> None:
        """`pause`: seconds before anything is asked for."""
        self._encoder = None
        self._settled.clear()
        self._wrong = Failure(FailureKind.INVALID, f"The {self._part}'s schema is still being asked for.", "Try again.")
        self._show_choice()
        self._tasks.start(f"schema {self._part}", self._load(pause))
        self.changed.emit()

    async def settled(self) -> None:
        """Waits until it is known what `encoder` says."""
        await self._settled.wait()

    # the work behind it

    @property
    def _meant(self) -> SchemaChoice:
        if self._choice is not None:
            return self._choice
        if self._schemas and self._schemas.assignment(self._topic, self._part):
            return SchemaChoice()
        return SchemaChoice(f"{self._topic}-{self._part}")

    async def _load(self, pause: float) -> None:
        await asyncio.sleep(pause)
        self._tell("Asking for the schema …")
        try:
            given = self.kept.schema if self.kept else await self._found(self._meant)
            self._encoder = await asyncio.to_thread(Encoder, given)  # which may import a library
        except Failure as failure:
            self._wrong = failure
            self._tell(failure.message, "bad")
        except Unreadable as why:
            self._wrong = Failure(FailureKind.UNREADABLE, f"The {self._part}'s schema cannot be used: {why}.")
            self._tell(self._wrong.message, "bad")
        else:
            self._tell(f"{given.schema.format.value} {f'“{self._encoder.name}”' if self._encoder.name else ''}")
        self._settled.set()
        self.changed.emit()

    async def _found(self, choice: SchemaChoice) -> PayloadSchema:
        """Raises `Failure` and Unreadable."""
        schemas = self._schemas
        if schemas is None:
            raise Failure(
                FailureKind.REFUSED,
                "The connection has no Schema Registry.",
                "Enter its address in the connection, or assign a schema file to the topic.",
            )
        if choice.id is not None:
            return framed(self._with_message(await schemas.schema(choice.id), choice), choice.id)
        if choice.subject:
            number = await self._version_of(schemas, choice)
            found = await schemas.version(choice.subject, number)
            return framed(self._with_message(await schemas.schema(found.id), choice), found.id)
        text = schemas.assigned_schema(self._topic, self._part)
        if text is None:
            what = f"No schema file is assigned to the {self._part}s of {self._topic}."
            raise Failure(FailureKind.NOT_FOUND, what, "Assign one in the topic's tab Schema, or choose a subject.")
        return PayloadSchema(self._with_message(text, choice))

    async def _version_of(self, schemas: Schemas, choice: SchemaChoice) -> int:
        versions = await schemas.versions(choice.subject)
        if not versions:
            what = f"The registry has no subject {choice.subject}."
            raise Failure(FailureKind.NOT_FOUND, what, "Choose one of the list, or assign a schema file to the topic.")
        with QSignalBlocker(self.version):
            self.version.clear()
            self.version.addItem(f"Newest ({max(versions)})", None)
            for number in sorted(versions, reverse=True):
                self.version.addItem(f"Version {number}", number)
            self.version.setCurrentIndex(max(self.version.findData(choice.version), 0))
        self.version.show()
        return choice.version or max(versions)

    def _with_message(self, text: SchemaText, choice: SchemaChoice) -> SchemaText:
        """Raises Unreadable."""
        text = replace(text, type_name=choice.type_name or text.type_name)
        names = message_names(text) if text.format is SchemaFormat.PROTOBUF else []
        with QSignalBlocker(self.message):
            self.message.clear()
            self.message.addItems(names)
            self.message.setCurrentText(text.type_name)
        self.message.setVisible(len(names) > 1)
        return text

    async def _list_subjects(self) -> None:
        names: list[str] = []
        try:
            names = await self._schemas.subjects() if self._schemas else []
        except Failure:
            return  # whoever needs the registry says so
        finally:
            with QSignalBlocker(self.subject):
                self.subject.clear()
                self.subject.addItems(names)
            self._show_choice()

    def _choose_more(self, **more: Any) -> None:
        self.choose(replace(self._meant, **more))

    def _typed(self) -> None:
        name = self.subject.currentText().strip()
        if name and name != self._label:
            self.choose(SchemaChoice(name))

    # what it shows

    @property
    def _label(self) -> str:
        if self.kept:
            return "As it was" if self.kept.schema_id is None else f"Schema {self.kept.schema_id}, as it was"
        choice = self._meant
        if choice.subject:
            return choice.subject
        if choice.id is not None:
            return f"Schema {choice.id}"
        assignment = self._schemas.assignment(self._topic, self._part) if self._schemas else None
        return f"File {PurePath(assignment.file).name}" if assignment else "The file that is assigned"

    def _show_choice(self) -> None:
        with QSignalBlocker(self.subject):
            self.subject.setEditText(self._label)
        self.subject.setToolTip("A subject of the registry")
        self.version.hide()
        self.message.hide()

    def _tell(self, sentence: str, role: str = "muted") -> None:
        self.told.show_text(sentence)
        if self.told.property("role") != role:
            self.told.setProperty("role", role)
            self.told.style().polish(self.told)
