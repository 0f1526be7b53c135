"""A text that may be written by a schema, with what chooses and shows that."""

from __future__ import annotations

from contextlib import suppress

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from kexplorer.model.failure import Failure
from kexplorer.model.schemas import Part
from kexplorer.services.schemas import Schemas
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.schema_box import SchemaBox
from kexplorer.ui.widgets.schema_text import SchemaTextView


class SchemaSide(QWidget):
    """`edit` is the text; above it the schema's box, beside it the schema's text, both made when they are wanted first.
    `changed` and `example_wanted` as the box has them."""

    changed = Signal()
    example_wanted = Signal()

    def __init__(self, part: Part, edit: QWidget, tasks: Tasks) -> None:
        super().__init__()
        self._part, self._tasks = part, tasks
        self._box: SchemaBox | None = None
        self._schemas: Schemas | None = None
        self._topic = ""
        self.view: SchemaTextView | None = None
        self._row = QSplitter()
        self._row.setChildrenCollapsible(False)
        self._row.addWidget(edit)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._column.addWidget(self._row, 1)

    @property
    def made(self) -> bool:
        return self._box is not None

    @property
    def box(self) -> SchemaBox:
        """Made when it is asked for first."""
        if self._box is None:
            self._box = SchemaBox(self._part, self._tasks)
            self._box.set_topic(self._topic)
            self._box.set_schemas(self._schemas)
            self._box.changed.connect(self._show_text)
            self._box.changed.connect(self.changed)
            self._box.example_wanted.connect(self.example_wanted)
            self._box.shows.toggled.connect(self._show_text)
            self._column.insertWidget(0, self._box)
        return self._box

    def want(self, wanted: bool) -> None:
        """Whether the text is written by a schema now."""
        if wanted or self._box:
            self.box.setVisible(wanted)
            self._show_text()

    def forget_record(self) -> None:
        """The schema of a record that was edited is no longer meant."""
        if self._box and self._box.kept:
            self._box.choose(None)

    def set_schemas(self, schemas: Schemas | None) -> None:
        """Those of the connection."""
        self._schemas = schemas
        if self._box:
            self._box.set_schemas(schemas)

    def set_topic(self, topic: str) -> None:
        """The one that it is for: which schema is chosen without further ado."""
        self._topic = topic
        if self._box:
            self._box.set_topic(topic)

    def _show_text(self) -> None:
        wanted = not self.box.isHidden() and self.box.shows.isChecked()
        if self.view is None and wanted:
            self.view = SchemaTextView()
            self.view.setAccessibleName(f"Schema of the {self._part}")
            self._row.addWidget(self.view)
            self._row.setSizes([600, 400])
        if self.view:
            self.view.setVisible(wanted)
            with suppress(Failure):  # the box says why there is none
                given = self.box.encoder.given
                self._tasks.start(f"schema text {self._part}", self.view.show_schema(given.schema))
