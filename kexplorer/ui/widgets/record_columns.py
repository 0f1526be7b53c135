"""The columns of the message table: those that every record has, and those that expressions fill."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import tzinfo
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from kexplorer.formats.column import Reading, compile_column, shown
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Peek, Record
from kexplorer.model.schemas import Part, SchemaKey
from kexplorer.ui.theme import mono_font
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.record_cells import CELL_BYTES, COLUMNS, LONGEST, Cell, Column, headers_cell, row_cells

if TYPE_CHECKING:
    from kexplorer.formats.cell_text import CellTexts
    from kexplorer.formats.schemas import SchemaSource

_MOST = 40  # columns that a person may add
_PARTS = [(number, Part(column.key)) for number, column in enumerate(COLUMNS) if column.key in ("key", "value")]
_ADDED = "="  # so begins the key of an added column, which else might be that of another


class RecordColumnSet:
    """Numbers are those of cells: first COLUMNS, then what was added, in the order of adding. `limit`: the bytes that a
    peek must have for all columns that are shown."""

    def __init__(self) -> None:
        self._columns = list(COLUMNS)
        self.set_schemas(None)
        self._shown: frozenset[int] = frozenset()  # of those that were added
        self.limit = CELL_BYTES

    def set_schemas(self, schemas: SchemaSource | None) -> None:
        """What keys and values are read with from now on."""
        self._schemas = schemas
        self.awaited: set[SchemaKey] = set()  # schemas that cells would have needed
        self._texts: CellTexts | None = None
        self._readings: dict[str, Reading] = {
            "size": Reading(lambda peek: peek.size, 0),
            "headers": Reading(lambda peek: headers_cell(peek.record.headers).text, CELL_BYTES),
        }

    def __len__(self) -> int:
        return len(self._columns)

    def __getitem__(self, number: int) -> Column:
        return self._columns[number]

    def __iter__(self) -> Iterator[Column]:
        return iter(self._columns)

    def number_of(self, key: str) -> int:
        """-1 for none."""
        return next((number for number, column in enumerate(self._columns) if column.key == key), -1)

    def reading(self, number: int) -> Reading:
        """What to sort and to count the column by."""
        column = self._columns[number]
        if column.key not in self._readings:
            self._readings[column.key] = compile_column(column.expression or column.key, _now(), self._schemas)
        return self._readings[column.key]

    def add(self, expression: str) -> int:
        """The number of the column, which is new if it equals the number of columns before. Raises Failure (INVALID)
        for an expression that means nothing, and for one column too many."""
        expression = expression.strip()
        number = self.number_of(_ADDED + expression)
        if number < 0:
            reading = compile_column(expression, _now(), self._schemas)
            if len(self._columns) - len(COLUMNS) >= _MOST:
                raise Failure(FailureKind.INVALID, f"There are {_MOST} added columns already.", "Remove some first.")
            number = len(self._columns)
            title = expression.removeprefix("value.")
            width = max(12, min(len(title) + 4, 32))
            self._columns.append(Column(_ADDED + expression, title, width, mono=True, expression=expression))
            self._readings[_ADDED + expression] = reading
        return number

    def restore(self, key: str) -> int:
        """As `add` for the key of a column; -1 if it makes no sense."""
        if not key.startswith(_ADDED):
            return self.number_of(key)
        try:
            return self.add(key.removeprefix(_ADDED))
        except Failure:
            return -1

    def remove(self, number: int) -> None:
        self._readings.pop(self._columns.pop(number).key, None)
        self._shown = frozenset()

    def show(self, numbers: set[int]) -> bool:
        """Only these are filled from now on; False if that changes no cell."""
        added = frozenset(number for number in numbers if self._columns[number].expression)
        changed = added != self._shown
        self._shown = added
        self.limit = max([CELL_BYTES, *(self.reading(number).limit for number in added)])
        return changed

    def cells(self, peek: Peek, zone: tzinfo) -> tuple[Cell, ...]:
        """One of each column; from a record of which at least `limit` bytes are there."""
        cells = list(row_cells(peek, zone))
        known = self._schemas is not None or peek.record.topic.startswith("__")  # Kafka's own need no schemas
        for number, part in _PARTS:
            reads = known or cells[number].mark == "hex"
            if reads and (text := self._decoded().text(peek, part)) is not None:
                cells[number] = Cell(text)
        for number in range(len(COLUMNS), len(self._columns)):
            wanted = number in self._shown
            cells.append(Cell(*shown(self.reading(number).value_of(peek))) if wanted else Cell(""))
        return tuple(cells)

    def forget(self) -> None:
        """What comes has the offsets of other records."""
        self._texts = None

    def _decoded(self) -> CellTexts:
        if self._texts is None:
            from kexplorer.formats.cell_text import CellTexts  # noqa: PLC0415  (all decoders: made when first wanted)

            self._texts = CellTexts(self._schemas, LONGEST, self.awaited.add)
        return self._texts

    def contents(self) -> list[tuple[str, Callable[[Record], str]]]:
        """Title of each added column that is shown, and what it has of a record, for a table of text."""

        def text_of(reading: Reading) -> Callable[[Record], str]:
            return lambda record: shown(reading.value_of(Peek(record, 0))).text

        return [(self._columns[number].title, text_of(self.reading(number))) for number in sorted(self._shown)]


class ColumnDialog(QDialog):
    """Asks for the expression of one more column; `expression` is one that means something once it is accepted."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Add column")
        self.setMinimumWidth(460)
        self.expression = ""
        self.edit = QLineEdit()
        self.edit.setFont(mono_font(self.font().pointSizeF()))
        self.edit.setPlaceholderText("value.customer.id")
        self.edit.setAccessibleName("Expression")
        self.problem = plain_label("", "bad", wrap=True)
        self.problem.hide()
        add = QPushButton("Add column")
        add.setProperty("kind", "primary")
        add.setDefault(True)
        add.clicked.connect(self._accept_expression)
        cancel = QPushButton("Cancel")
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(cancel)
        buttons.addWidget(add)
        examples = 'value.items[0].sku    headers["trace-id"]\nlen(value.items)    value.total * 1.19'
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(8)
        layout.addWidget(plain_label("Add column", "heading"))
        layout.addWidget(plain_label("What it shows of each record, as in a filter:"))
        layout.addWidget(self.edit)
        layout.addWidget(self.problem)
        layout.addWidget(plain_label(examples, "muted"))
        layout.addSpacing(8)
        layout.addLayout(buttons)

    def _accept_expression(self) -> None:
        try:
            compile_column(self.edit.text().strip(), _now())
        except Failure as failure:
            self.problem.setText(str(failure))
            self.problem.show()
            self.adjustSize()
            self.edit.setFocus()
        else:
            self.expression = self.edit.text().strip()
            self.accept()


def _now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
