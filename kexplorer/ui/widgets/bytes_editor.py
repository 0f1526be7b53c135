"""The bytes of a key or a value as they are typed."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

from PySide6.QtCore import QEvent, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from kexplorer.formats import json_text
from kexplorer.formats.numbers import size
from kexplorer.formats.template import Filling, Template
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.theme import mono_font, tokens
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.json_colours import JsonColours
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.payload_forms import Form, NotBytes, as_bytes, as_text, best_form, why_not_json

_CHECK_AFTER = 120  # ms without a key
_MOST_COLOURED = 60_000  # characters: 0.1 s
_LARGEST_FILE = 64 << 20  # bytes
_TYPED = (Form.TEXT, Form.JSON)
_SLOW = "${faker."  # half a second the first time


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
        self.edit = QPlainTextEdit()
        self.edit.setTabChangesFocus(True)
        self.edit.setAccessibleName(name)
        self.told = ElidedLabel()
        self.told.setProperty("role", "muted")
        self.pretty = QPushButton("Format", flat=True)
        self.pretty.setToolTip("Lay the JSON out for reading: only white space changes")
        self._colours = JsonColours(self, self.palette())
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
        row.addWidget(self.null)
        row.addWidget(self.told, 1)
        row.addWidget(self.pretty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.edit, 1)
        self.setFocusProxy(self.edit)

    def _connect(self) -> None:
        self.form.activated.connect(lambda _: self._choose(Form(self.form.currentText())))
        self.null.toggled.connect(self._null_toggled)
        self.edit.textChanged.connect(self._typed)
        self.pretty.clicked.connect(self.lay_out_json)
        self._check.timeout.connect(self._show_check)

    # what it holds

    def data(self) -> bytes | None:
        """None is Kafka's null. Raises `Failure` with the place where the text is not what the format says."""
        if self.null.isChecked():
            return None
        if not self.edit.document().isModified() or self._form is Form.FILE:
            return self._kept
        try:
            return as_bytes(self.text(), self._form)
        except NotBytes as wrong:
            what = f"The {self._name.lower()} is not {self._form.value if self._form is not Form.TEXT else 'text'}"
            raise Failure(FailureKind.INVALID, f"{what}: {wrong.reason}.", "Correct it.") from wrong

    def template(self, *, fill: bool) -> tuple[str | None, str]:
        """As `MessageTemplate` has it: the text and its format. Without `fill` ${...} stands for itself."""
        if self.null.isChecked():
            return None, "text"
        if self._form is Form.FILE:
            return base64.b64encode(self._kept).decode(), "base64"
        text = self.text()
        if not fill and self._form in _TYPED:
            text = text.replace("${", "$${")
        elif self._form is Form.BASE64:
            text = "".join(text.split())
        return text, self._form.name.lower()

    def set_template(self, text: str | None, form: str) -> None:
        """As `template` gave it."""
        known = Form.__members__.get(form.upper(), Form.TEXT)
        self._kept, self._source = b"", ""
        self._show(known, text or "")
        self.edit.document().setModified(True)
        with QSignalBlocker(self.null):
            self.null.setChecked(text is None)
        self._changed()

    def set_filled(self, filled: bool) -> None:
        """Whether ${...} is filled in at sending: then it is checked as a template."""
        self._filled = filled
        self._changed()

    def text(self) -> str:
        """As typed: Qt's own way to ask for it makes plain spaces of hard ones."""
        return self.edit.document().toRawText().replace("\u2029", "\n")

    def set_data(self, data: bytes | None, form: Form | None = None, source: str = "") -> None:
        """Shown in the nearest to text that these bytes allow, or in `form` if that can show them."""
        self._kept, self._source = data or b"", source
        chosen = form if form and as_text(self._kept, form) is not None else best_form(self._kept)
        self._show(chosen, as_text(self._kept, chosen) or "")
        with QSignalBlocker(self.null):
            self.null.setChecked(data is None)
        self._changed()

    @property
    def chosen(self) -> Form:
        return self._form

    # what a person does

    def _choose(self, form: Form) -> None:
        if form is Form.FILE:
            self.form.setCurrentText(self._form.value)  # until there is one
            self._ask_for_file()
            return
        try:
            data = self.data() or b""
        except Failure:
            text: str | None = self.text()  # what is not right yet stays
            modified = True
        else:
            unmodified = not self.edit.document().isModified() or self._form is Form.FILE
            text = self.text() if {form, self._form} <= set(_TYPED) else as_text(data, form)
            self._kept, modified = data, not unmodified
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
        cursor = self.edit.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(lines)  # can be undone

    def _null_toggled(self, null: bool) -> None:
        if null and not self.edit.document().isEmpty():
            cursor = self.edit.textCursor()
            cursor.select(QTextCursor.SelectionType.Document)
            with QSignalBlocker(self.edit):
                cursor.removeSelectedText()
        self._changed()

    def _typed(self) -> None:
        if self.null.isChecked() and not self.edit.document().isEmpty():
            self.null.setChecked(False)
        self.edit.setExtraSelections([])
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

    # what it shows

    def _show(self, form: Form, text: str) -> None:
        self._form = form
        self.form.setCurrentText(form.value)
        with QSignalBlocker(self.edit):
            self._colours.colour(None)
            self.edit.setPlainText(text)
        self.edit.document().setModified(False)
        self.edit.setReadOnly(form is Form.FILE)

    def _changed(self) -> None:
        of_file = self._form is Form.FILE
        whose = f" of {self._source}" if self._source else ""
        kept = f"{size(len(self._kept))}{whose}, sent as they are."
        self.edit.setPlaceholderText("null" if self.null.isChecked() else kept if of_file else "")
        document = self.edit.document()
        coloured = self._form is Form.JSON and document.characterCount() <= _MOST_COLOURED
        self._colours.colour(document if coloured else None)
        self.pretty.setVisible(self._form is Form.JSON)
        self._check.start()
        self.changed.emit()

    def _show_check(self) -> None:
        if self.null.isChecked():
            self._tell(self.null.toolTip())
            return
        if self._filled and self._form in _TYPED and "${" in self.text():
            self._show_template()
            return
        try:
            data = b"" if self.edit.document().isEmpty() and self._form is not Form.FILE else self.data() or b""
        except Failure as failure:
            wrong = failure.__cause__
            if isinstance(wrong, NotBytes):
                self._mark(wrong.offset)
                self._tell(f"{wrong.reason[0].upper()}{wrong.reason[1:]}.", "bad")
        else:
            self.edit.setExtraSelections([])
            self._tell(size(len(data)) if data else "Empty: zero bytes, which is not null.")

    def _show_template(self) -> None:
        text, json = self.text(), self._form is Form.JSON
        self.edit.setExtraSelections([])
        try:
            template = Template(text, json=json)
            sample = None if _SLOW in text else template.fill(Filling(dict.fromkeys(template.variables, "0")))
        except Failure as failure:
            self._tell(str(failure), "bad")
            return
        wrong = why_not_json(sample) if json and sample is not None else None
        told = f"Filled in it is no JSON: {wrong.reason}." if wrong else "Filled in for each message."
        self._tell(told, "bad" if wrong else "muted")

    def _tell(self, sentence: str, role: str = "muted") -> None:
        self.told.show_text(sentence)
        if self.told.property("role") != role:
            self.told.setProperty("role", role)
            self.told.style().polish(self.told)

    def _mark(self, offset: int) -> None:
        """Underlines the place; at the end of the text what is before it."""
        cursor = QTextCursor(self.edit.document())
        at = _in_utf16(self.text(), offset)
        end = cursor.document().characterCount() - 1
        cursor.setPosition(min(at, max(end - 1, 0)))
        cursor.movePosition(QTextCursor.MoveOperation.NextCharacter, QTextCursor.MoveMode.KeepAnchor)
        mark = QTextEdit.ExtraSelection()
        mark.cursor = cursor
        mark.format = QTextCharFormat()
        look = tokens(self.palette())
        mark.format.setUnderlineColor(QColor(look.bad))
        mark.format.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
        self.edit.setExtraSelections([mark])

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._restyle()

    def _restyle(self) -> None:
        self.edit.setFont(mono_font(self.font().pointSizeF()))
        with QSignalBlocker(self.edit):
            self._colours.restyle(self.palette())


def _in_utf16(text: str, offset: int) -> int:
    """Qt counts the halves of characters beyond U+FFFF."""
    return len(text[:offset].encode("utf-16-le", "surrogatepass")) // 2


def _read(path: Path) -> bytes:
    if path.stat().st_size > _LARGEST_FILE:
        raise OSError(f"it has more than {size(_LARGEST_FILE)}, which no broker takes as one record")
    return path.read_bytes()
