"""The bytes of a key or a value as they are typed."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QEvent, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from kexplorer.formats import json_text
from kexplorer.formats.cursor import Unreadable
from kexplorer.formats.encoding import Editable
from kexplorer.formats.numbers import size
from kexplorer.formats.typed import NotFitting
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.schemas import Part, PayloadSchema, SchemaChoice, SchemaFormat
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.marked_edit import MarkedEdit
from kexplorer.ui.widgets.payload_check import AS_JSON, TYPED, Encode, Verdict, of_bytes, verdict
from kexplorer.ui.widgets.payload_forms import BY_SCHEMA, Form, NotBytes, as_bytes, as_text, best_form
from kexplorer.ui.widgets.payload_pages import PayloadPages
from kexplorer.ui.widgets.schema_box import SchemaBox
from kexplorer.ui.widgets.schema_side import SchemaSide

_CHECK_AFTER = 120  # ms without a key
_LARGEST_FILE = 64 << 20  # bytes
_FORM_OF = dict(zip(SchemaFormat, BY_SCHEMA, strict=True))
_PLACE = re.compile(r"^Line \d+, column \d+(?:, |: )")
_CHECKED_HERE = 20_000  # characters, by a schema: 10 ms


class BytesEditor(QWidget):
    """What was put in with `set_data` comes out byte for byte until it is edited. `changed` also where that makes it
    wrong. `name` is "Key" or "Value", `null_says` what its null means."""

    changed = Signal()

    def __init__(self, name: str, null_says: str, tasks: Tasks) -> None:
        super().__init__()
        self._name = name
        self._tasks = tasks
        self._kept = b""  # what the text stands for while it is not modified
        self._source = ""  # the file that it came from
        self._form = Form.TEXT
        self._filled = False  # ${...} in it is filled in at sending
        self.form = QComboBox()
        self.form.addItems([form.value for form in Form])
        self.form.setAccessibleName(f"Format of the {name.lower()}")
        self.null = QCheckBox("Null")
        self.null.setToolTip(null_says)
        self.edit = MarkedEdit()
        self.edit.setAccessibleName(name)
        self.pages = PayloadPages(self.edit, name, tasks)
        self.side = SchemaSide(Part(name.lower()), self.pages, tasks)
        self.told = ElidedLabel()
        self.told.setProperty("role", "muted")
        self.pretty = QPushButton("Format", flat=True)
        self.pretty.setToolTip("Lay the JSON out for reading: only white space changes")
        self._check = QTimer(self, interval=_CHECK_AFTER, singleShot=True)
        self._lay_out()
        self._connect()
        self._restyle()
        self._show_check()

    def _lay_out(self) -> None:
        caption = plain_label(self._name, "heading")
        caption.setBuddy(self.edit)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(caption)
        row.addWidget(self.form)
        row.addWidget(self.pages.switch)
        row.addWidget(self.null)
        row.addWidget(self.told, 1)
        row.addWidget(self.pretty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.side, 1)
        self.setFocusProxy(self.pages)

    def _connect(self) -> None:
        self.form.activated.connect(lambda _: self._choose(Form(self.form.currentText())))
        self.null.toggled.connect(self._null_toggled)
        self.edit.textChanged.connect(self._typed)
        self.pretty.clicked.connect(self.lay_out_json)
        self.pages.turned.connect(self._turned)
        self.pages.refused.connect(lambda why: self._tell(why, "bad"))
        self.side.changed.connect(self._schema_changed)
        self.side.example_wanted.connect(self.write_example)
        self._check.timeout.connect(self._show_check)

    # what it holds

    def data(self) -> bytes | None:
        """None is Kafka's null. Raises `Failure` with the place where the text is not what the format says."""
        return self.reading()()

    def reading(self) -> Callable[[], bytes | None]:
        """As `data`, of what is written now. Of a large text the call takes seconds; it may be made in any thread.
        Raises `Failure` where there is no schema, the call for the rest."""
        if (kept := self.kept) is not None:
            return lambda: kept
        if self.null.isChecked():
            return lambda: None
        name, form, text = self._name.lower(), self._form, self.text()
        encode = self.schema.encoder.encode if form in BY_SCHEMA else None
        return lambda: _as_typed(name, form, text, encode)

    def template(self, *, fill: bool) -> tuple[str | None, str]:
        """As `MessageTemplate` has it: the text and its format. Without `fill` ${...} stands for itself."""
        if self.null.isChecked():
            return None, "text"
        if self._form is Form.FILE:
            return base64.b64encode(self._kept).decode(), "base64"
        text = self.text()
        if not fill and self._form in TYPED:
            text = text.replace("${", "$${")
        elif self._form is Form.BASE64:
            text = "".join(text.split())
        return text, self._form.name.lower()

    async def settled(self) -> None:
        """Waits until the schema is there that is asked for, if so."""
        if self._form in BY_SCHEMA:
            await self.schema.settled()

    @property
    def payload_schema(self) -> PayloadSchema | None:
        """What the template is written by; None for a format that needs none. Raises `Failure`."""
        by_schema = self._form in BY_SCHEMA and not self.null.isChecked()
        return self.schema.encoder.given if by_schema else None

    @property
    def schema_choice(self) -> SchemaChoice | None:
        """As `MessageTemplate` has it."""
        return self.schema.choice if self._form in BY_SCHEMA and not self.null.isChecked() else None

    def set_template(self, text: str | None, form: str, schema: SchemaChoice | None = None) -> None:
        """As `template` and `schema_choice` gave it."""
        known = Form.__members__.get(form.upper(), Form.TEXT)
        self._kept, self._source = b"", ""
        if known in BY_SCHEMA:
            self.schema.choose(schema)
        self._show(known, text or "")
        self.edit.document().setModified(True)
        with QSignalBlocker(self.null):
            self.null.setChecked(text is None)
        self._changed()

    def set_filled(self, filled: bool) -> None:
        """Whether ${...} is filled in at sending: then it is checked as a template."""
        self._filled = filled
        self._changed()

    @property
    def large(self) -> bool:
        """To encode it takes longer than a window may stand still."""
        return len(self._kept) > _CHECKED_HERE or self.edit.document().characterCount() > _CHECKED_HERE

    def text(self) -> str:
        """As typed."""
        return self.edit.exact_text()

    def set_data(self, data: bytes | None, form: Form | None = None, source: str = "") -> None:
        """Shown in the nearest to text that these bytes allow, or in `form` if that can show them."""
        self._kept, self._source = data or b"", source
        self.side.forget_record()
        chosen = form if form and as_text(self._kept, form) is not None else best_form(self._kept)
        self._show(chosen, as_text(self._kept, chosen) or "")
        with QSignalBlocker(self.null):
            self.null.setChecked(data is None)
        self._changed()

    def holds(self, data: bytes) -> bool:
        """`data` was put in, and nothing was edited since."""
        return self._kept == data and not self.edit.document().isModified() and not self.null.isChecked()

    def set_editable(self, data: bytes, found: Editable) -> None:
        """`data`, shown as the JSON that `found` makes of it."""
        self._kept, self._source = data, ""
        self.schema.keep(found)
        self._show(_FORM_OF[found.schema.schema.format], json_text.pretty(found.text))
        self._changed()

    @property
    def schema(self) -> SchemaBox:
        """Of a format that needs one."""
        return self.side.box

    @property
    def chosen(self) -> Form:
        return self._form

    @property
    def by_schema(self) -> bool:
        """What is shown is JSON by a schema."""
        return self._form in BY_SCHEMA

    @property
    def kept(self) -> bytes | None:
        """The bytes that were put in, None where they were edited, or where there is null."""
        edited = self.edit.document().isModified() and self._form is not Form.FILE
        return None if edited or self.null.isChecked() else self._kept

    @property
    def source(self) -> str:
        """The name of the file that `kept` is of, "" for none."""
        return self._source

    # what a person does

    def _choose(self, form: Form) -> None:
        if form is Form.FILE:
            self.form.setCurrentText(self._form.value)  # until there is one
            self._ask_for_file()
            return
        if self.large:
            self._tasks.start(f"format {self._name}", self._choose_elsewhere(form))
            return
        try:
            data = self.data() or b""
        except Failure:
            self._show_wrong_as(form)
        else:
            self._show_as(form, data)

    async def _choose_elsewhere(self, form: Form) -> None:
        """Of a large text. What is typed meanwhile counts: then it stays in its format."""
        before = self.text()
        data: bytes | None = None
        with suppress(Failure):
            data = await asyncio.to_thread(self.reading()) or b""
        if self.text() != before:
            self.form.setCurrentText(self._form.value)
        elif data is None:
            self._show_wrong_as(form)
        else:
            self._show_as(form, data)

    def _show_wrong_as(self, form: Form) -> None:
        """What is not right yet stays."""
        self._show(form, self.text())
        self.edit.document().setModified(True)
        self._changed()

    def _show_as(self, form: Form, data: bytes) -> None:
        modified = self._form is not Form.FILE and self.edit.document().isModified()
        modified = modified or form in BY_SCHEMA or self._form in BY_SCHEMA
        text = self.text() if {form, self._form} <= set(TYPED) else as_text(data, form)
        self._kept = data
        if text is None:
            self.form.setCurrentText(self._form.value)
            self._tell(f"{form.value} cannot show these {size(len(self._kept))} unchanged.", "bad")
            return
        self._show(form, text)
        self.edit.document().setModified(modified)
        self._changed()

    def lay_out_json(self) -> None:
        try:
            lines = json_text.pretty(self.text())
        except json_text.NotJson:
            self._show_check()
            return
        self.edit.write(lines)

    def write_example(self) -> None:
        """A value that fits the schema, in place of what is written."""
        try:
            example = self.schema.encoder.example()
        except Failure as failure:
            self._tell(str(failure), "bad")
        except Unreadable as why:
            self._tell(f"There is no example: {why}.", "bad")
        else:
            self.edit.write(example)

    def _null_toggled(self, null: bool) -> None:
        if null and not self.edit.document().isEmpty():
            with QSignalBlocker(self.edit):
                self.edit.write("")
        self._changed()

    def _typed(self) -> None:
        if self.null.isChecked() and not self.edit.document().isEmpty():
            self.null.setChecked(False)
        self.edit.unmark()
        self._changed()

    def _ask_for_file(self) -> None:
        dialog = QFileDialog(self, f"{self._name} from a file")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: self._tasks.start(f"file {self._name}", self.load_file(Path(path))))
        dialog.open()

    async def load_file(self, path: Path) -> None:
        """Takes the bytes of the file as they are. Raises `Failure`."""
        try:
            data = await asyncio.to_thread(_read, path)
        except OSError as error:
            why = f"{path} cannot be read: {error.strerror or error}."
            raise Failure(FailureKind.INVALID, why, "Choose another file.") from error
        self.set_data(data, Form.FILE, path.name)
        self._show(Form.FILE, "")
        self._changed()

    # its schema

    def _schema_changed(self) -> None:
        if self._form not in BY_SCHEMA:
            return
        self._offer_form()
        if self.schema.kept is None:
            self.edit.document().setModified(True)  # so it is not what was put in
        with suppress(Failure):
            self._form = _FORM_OF[self.schema.encoder.given.schema.format]
            self.form.setCurrentText(self._form.value)
        self._changed()

    def _offer_form(self) -> None:
        by_schema, encoder = self._form in BY_SCHEMA, None
        with suppress(Failure):
            encoder = self.schema.encoder if by_schema else None
        self.pages.offer(encoder, by_schema=by_schema)

    def _turned(self) -> None:
        """The form, or the text again, is shown."""
        self.pretty.setVisible(self._form in AS_JSON and self.pages.form is None)
        self._check.start()

    # what it shows

    def _show(self, form: Form, text: str) -> None:
        self._form = form
        self.form.setCurrentText(form.value)
        self.edit.begin(text)
        self.edit.setReadOnly(form is Form.FILE)
        self.side.want(form in BY_SCHEMA)
        self._offer_form()

    def _changed(self) -> None:
        of_file = self._form is Form.FILE
        whose = f" of {self._source}" if self._source else ""
        kept = f"{size(len(self._kept))}{whose}, sent as they are."
        self.edit.setPlaceholderText("null" if self.null.isChecked() else kept if of_file else "")
        self.edit.colour(json=self._form in AS_JSON)
        self.pages.refresh()
        self._turned()
        self.changed.emit()

    def _show_check(self) -> None:
        if self.null.isChecked():
            self._tell(self.null.toolTip())
            return
        untouched = not self._filled and not self.edit.document().isModified()
        if untouched or self._form is Form.FILE:
            self._show_verdict(Verdict(of_bytes(self._kept)))
            return
        text, form, filled, encode = self.text(), self._form, self._filled, self._encode
        if self.large:
            self._tasks.start(f"check {self._name}", self._check_elsewhere(text, form, filled, encode))
        else:
            self._show_verdict(verdict(text, form, filled=filled, encode=encode))

    @property
    def _encode(self) -> Encode | None:
        with suppress(Failure):
            return self.schema.encoder.encode if self._form in BY_SCHEMA else None
        return None

    async def _check_elsewhere(self, text: str, form: Form, filled: bool, encode: Encode | None) -> None:
        found = await asyncio.to_thread(verdict, text, form, filled=filled, encode=encode)
        if text == self.text():
            self._show_verdict(found)

    def _show_verdict(self, found: Verdict) -> None:
        if found.offset is None:
            self.edit.unmark()
        else:
            self.edit.mark(found.offset)
        sentence = found.sentence
        if (form := self.pages.form) is not None:
            sentence = _PLACE.sub("", sentence)  # a form has no lines
            form.mark(found.offset, sentence)
        self._tell(sentence, "bad" if found.bad else "muted")

    def _tell(self, sentence: str, role: str = "muted") -> None:
        self.told.show_text(sentence)
        if self.told.property("role") != role:
            self.told.setProperty("role", role)
            self.told.style().polish(self.told)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._restyle()

    def _restyle(self) -> None:
        self.edit.restyle(self.palette(), self.font().pointSizeF())


def _as_typed(name: str, form: Form, text: str, encode: Encode | None) -> bytes:
    """Raises `Failure`."""
    try:
        return encode(text) if encode else as_bytes(text, form)
    except NotFitting as wrong:
        what = f"The {name} does not fit its {form.value} schema: {wrong.reason}."
        raise Failure(FailureKind.INVALID, what, "Correct it.") from wrong
    except NotBytes as wrong:
        what = f"The {name} is not {form.value if form is not Form.TEXT else 'text'}"
        raise Failure(FailureKind.INVALID, f"{what}: {wrong.reason}.", "Correct it.") from wrong


def _read(path: Path) -> bytes:
    if path.stat().st_size > _LARGEST_FILE:
        raise OSError(f"it has more than {size(_LARGEST_FILE)}, which no broker takes as one record")
    return path.read_bytes()
