"""A record as a form: one line for each field, over the same JSON text that can be edited as it is."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from string import ascii_lowercase

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QGridLayout, QLabel, QScrollArea, QToolButton, QWidget

from kexplorer.formats import json_edit
from kexplorer.formats.form_fields import FieldKind, FormField
from kexplorer.formats.json_tree import JsonTree, NodeKind
from kexplorer.formats.typed import NotFitting, parsed, spoken
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.field_editors import FieldEditor, LineField, field_editor
from kexplorer.ui.widgets.labels import icon_button, plain_label
from kexplorer.ui.widgets.payload_forms import why_not_json
from kexplorer.ui.widgets.range_box import mark_invalid

_LONGEST = 60_000  # characters of JSON: 30 ms for each key
_LONGEST_NAME = 40  # characters that are shown
_TYPE_CHARACTERS = 18
_INDENT = 16  # pixels of a level
_LEAVE_WIDTH = 28  # pixels, also where there is nothing to be left out
_NAME, _EDITOR, _TYPE, _NULL, _LEAVE = range(5)  # columns
_OF_MENUS = "fcvph"  # with Alt they open the window's menus


class RecordForm(QScrollArea):
    """`text` is the JSON; `edited` when a person changed a field of it. What the form has no field for stays as it is.
    What is typed as JSON and is none stands in the text as well, so that nothing else is sent in its place."""

    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self._good = ""  # the text, with something else in place of what is no JSON
        self._broken: dict[tuple[str, ...], str] = {}
        self._tree = JsonTree("")
        self._fields: Sequence[FormField] = ()
        self.lines: list[FieldLine] = []
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)

    async def set_fields(self, fields: Sequence[FormField]) -> None:
        """In between others get their turn: it may be many widgets."""
        if fields == self._fields:
            return
        content = QWidget(self.viewport())
        content.setProperty("panel", True)
        grid = QGridLayout(content)
        grid.setContentsMargins(12, 8, 12, 8)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(_EDITOR, 1)
        grid.setColumnMinimumWidth(_TYPE, _TYPE_CHARACTERS * self.fontMetrics().averageCharWidth())
        grid.setColumnMinimumWidth(_LEAVE, _LEAVE_WIDTH)
        lines: list[FieldLine] = []
        try:
            for field in fields:
                lines.append(FieldLine(field, None, grid, self._put))
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            content.deleteLater()
            raise
        self._fields, self.lines = fields, lines
        taken = set(_OF_MENUS)
        for line in self.all_lines():
            line.give_key(taken)
        grid.setRowStretch(grid.rowCount(), 1)
        self.setWidget(content)
        self.setFocusProxy(next(line.first for line in self.lines))

    def show_text(self, text: str) -> None:
        """Raises NotFitting for what is no object in JSON, or too long for a form."""
        if len(text) > _LONGEST:
            raise NotFitting("it is too long", 0)
        if text.strip() and not isinstance(value := parsed(text), dict):
            raise NotFitting(f"expected an object, found {spoken(value)}", 0)
        self._good = self.text = text
        self._broken.clear()
        self._sync()

    def mark(self, offset: int | None, sentence: str) -> None:
        """Shows what is wrong at the field that has `offset` of the text within it; None: nothing is. `sentence` may
        begin with the field's path and a colon."""
        if self._broken:
            return  # which says so itself
        wrong = None
        for line in self.all_lines():
            line.tell("")
            if line.node is not None and offset is not None:
                start, end = self._tree.span(line.node)
                wrong = line if start <= offset < end else wrong  # the innermost one comes last
        if wrong:
            reason = sentence.partition(": ")[2] or sentence
            wrong.tell(reason[:1].upper() + reason[1:])

    def all_lines(self) -> Iterator[FieldLine]:
        level = list(self.lines)
        while level:
            line = level.pop(0)
            yield line
            level[:0] = line.inner

    def _put(self, line: FieldLine, written: str | None) -> None:
        """None: the field is left out."""
        path = line.path
        for broken in [each for each in self._broken if each[: len(path)] == path]:
            del self._broken[broken]
        if written is None:
            self._good = json_edit.removed(self._good, path)
        elif wrong := why_not_json(written):
            self._broken[path] = written
            if line.node is None:
                self._good = json_edit.replaced(self._good, path, "null")
            line.tell(f"It is no JSON: {wrong.reason}.")
        else:
            line.shown = written
            line.tell("")
            self._good = json_edit.replaced(self._good, path, written)
        self._sync()
        self.text = self._with_broken()
        self.edited.emit()

    def _with_broken(self) -> str:
        text = self._good
        nodes = ((json_edit.found(self._tree, path), typed) for path, typed in self._broken.items())
        spans = ((self._tree.span(node), typed) for node, typed in nodes if node is not None)
        for (start, end), typed in sorted(spans, reverse=True):
            text = text[:start] + typed + text[end:]
        return text

    def _sync(self) -> None:
        self._tree = JsonTree(self._good)
        self._sync_lines(self.lines, 1 if len(self._tree) else None)

    def _sync_lines(self, lines: Sequence[FieldLine], around: int | None) -> None:
        tree = self._tree
        inside: dict[str | None, int] = {}
        if around is not None and tree.kind(around) is NodeKind.OBJECT:
            inside = {tree.name(node): node for node in reversed(tree.children(around))}
        for line in lines:
            line.name = next((name for name in line.field.names if name in inside), line.field.names[0])
            node = inside.get(line.name)
            if line.path not in self._broken:
                line.show_json(node, None if node is None else tree.written(node))
            self._sync_lines(line.inner, node)


class FieldLine:
    """One field, and below it those of a record. `put` takes the line and its JSON, None where it is left out."""

    def __init__(
        self,
        field: FormField,
        around: FieldLine | None,
        grid: QGridLayout,
        put: Callable[[FieldLine, str | None], None],
    ) -> None:
        self.field, self.name = field, field.names[0]
        self.node: int | None = None  # in the tree of the text
        self.known: str | None = None  # its JSON
        self.shown: str | None = None  # what the editor shows
        self.around = around
        self._grid, self._row = grid, grid.rowCount()
        grid.setRowMinimumHeight(self._row + 1, 0)  # it is there: for what is wrong
        self._put = put
        self._error: QLabel | None = None
        self._widgets: list[QWidget] = [self._label()]
        self.editor = self._editor()
        self._kind()
        self.null = self._null() if field.nullable else None
        self.leave = None if field.required else self._leave()
        self.inner = [FieldLine(each, self, grid, put) for each in field.fields]
        self._show_state()

    @property
    def path(self) -> tuple[str, ...]:
        return (*(self.around.path if self.around else ()), self.name)

    @property
    def first(self) -> QWidget:
        """What takes the focus."""
        return self.editor or self.inner[0].first

    @property
    def error(self) -> str:
        return self._error.text() if self._error else ""

    def show_json(self, node: int | None, written: str | None) -> None:
        self.node = node
        if self.editor and written != self.shown:
            self.editor.show_json(written)
        if written != self.known:
            self.known = written
            self._show_state()
        self.shown = written

    def tell(self, wrong: str) -> None:
        if wrong and self._error is None:
            self._error = plain_label("", "bad", wrap=True)
            self._grid.addWidget(self._error, self._row + 1, _EDITOR, 1, _LEAVE)
        if self._error:
            self._error.setText(wrong)
            self._error.setVisible(bool(wrong))
        if isinstance(self.editor, LineField):
            mark_invalid(self.editor, bool(wrong))
        if self.editor:
            self.editor.setAccessibleDescription(wrong or self.field.doc)

    def give_key(self, taken: set[str]) -> None:
        """The first letter of its name that is not in `taken`: with Alt it leads here."""
        label, letters = self._widgets[0], enumerate(map(str.lower, self.name[: _LONGEST_NAME - 1]))
        at = next((at for at, letter in letters if letter in ascii_lowercase and letter not in taken), None)
        if at is None or self.editor is None or not isinstance(label, QLabel):
            return
        taken.add(self.name[at].lower())
        before, after = (part.replace("&", "&&") for part in (label.text()[:at], label.text()[at:]))
        label.setText(f"{before}&{after}")
        label.setBuddy(self.editor)

    def _show_state(self) -> None:
        if self.null:
            self.null.setChecked(self.known == "null")
        visible = not self._widgets[0].isHidden()
        if self.leave:
            self.leave.setVisible(visible and self.known is not None)
        for each in self.inner:
            each.set_visible(visible and self.known != "null")

    def set_visible(self, visible: bool) -> None:
        for widget in self._widgets:
            widget.setVisible(visible)
        self._show_state()

    def _leave_out(self) -> None:
        self.first.setFocus()
        self._put(self, None)

    # its widgets

    def _add(self, widget: QWidget, column: int) -> None:
        self._grid.addWidget(widget, self._row, column)
        widget.ensurePolished()  # rather than all of them at once when they are shown
        self._widgets.append(widget)

    def _label(self) -> QLabel:
        name = self.name if len(self.name) <= _LONGEST_NAME else f"{self.name[: _LONGEST_NAME - 1]}…"
        label = plain_label(f"{name} *" if self.field.required else name, "heading" if self.field.fields else "")
        label.setContentsMargins(_INDENT * (len(self.path) - 1), 0, 0, 0)
        default = f"Default: {self.field.default}" if self.field.default is not None else ""
        must = "Required" if self.field.required else default
        told = [html.escape(each) for each in (f"{self.name}: {self.field.type}", self.field.doc, must) if each]
        label.setToolTip(f"<p>{'<br>'.join(told)}</p>")
        self._grid.addWidget(label, self._row, _NAME)
        return label

    def _editor(self) -> FieldEditor | None:
        if self.field.kind is FieldKind.GROUP:
            return None
        editor = field_editor(self.field)
        editor.setAccessibleName(".".join(self.path))
        editor.setAccessibleDescription(self.field.doc)
        editor.setToolTip(self._widgets[0].toolTip())
        editor.show_json(None)
        editor.typed.connect(partial(self._put, self))
        if isinstance(editor, LineField):
            editor.emptied.connect(lambda: self._put(self, None))
        self._add(editor, _EDITOR)
        return editor

    def _kind(self) -> None:
        label = ElidedLabel()
        label.setProperty("role", "muted")
        label.show_text(self.field.type)
        self._add(label, _TYPE)

    def _null(self) -> QCheckBox:
        null = QCheckBox("Null")
        null.setAccessibleName(f"{'.'.join(self.path)} is null")
        null.clicked.connect(lambda checked: self._put_anew("null" if checked else self.field.begins))
        self._add(null, _NULL)
        return null

    def _leave(self) -> QToolButton:
        leave = icon_button("close", "Leave this field out")
        leave.clicked.connect(self._leave_out)
        self._add(leave, _LEAVE)
        return leave

    def _put_anew(self, written: str) -> None:
        """Not by the editor: which is to show it."""
        if self.editor:
            self.editor.show_json(written)
        self._put(self, written)
