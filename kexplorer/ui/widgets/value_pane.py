"""The bytes of one key, value or header: pretty, as a tree, as text and in hexadecimal, a part at a time if many."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from functools import cached_property
from threading import Thread
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from kexplorer.formats.decode import FIRST_LOOK, Decoded, decode
from kexplorer.formats.numbers import count, size
from kexplorer.formats.text import Kind
from kexplorer.model.schemas import Part, SchemaKey
from kexplorer.ui.widgets.code_view import CodeView
from kexplorer.ui.widgets.copy_button import CopyButton
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.labels import icon_button, plain_label
from kexplorer.ui.widgets.text_rows import HexRows, TextRows, blocks_of_lines, blocks_of_text

if TYPE_CHECKING:
    from kexplorer.ui.widgets.value_tree import ValueTree

_BY_SCHEMA = (Kind.JSON, Kind.AVRO, Kind.PROTOBUF, Kind.KAFKA)  # what columns read of keys and values
_MORE = 8  # "Show more" looks at so many times the bytes
_AT_ONCE = 512 * 1024  # bytes that are decoded without another thread
_MOST = 8_000_000  # bytes that are laid out as text: no person reads on, and memory is finite
_SLICE = 8  # blocks, "Show more"
_TURN = 0.008  # seconds of reading between two answers to the mouse

Look = Callable[[bytes | None, int | None], Decoded]
"""Decodes the first so many bytes, as `decode` does."""


class Mode(Enum):
    PRETTY = "Pretty"
    TREE = "Tree"
    TEXT = "Text"
    HEX = "Hex"


class ValuePane(QWidget):
    """Shows the beginning of any value at once, and the rest when it is asked for. The bytes are never changed."""

    notice = Signal(str)  # a sentence for the status bar
    pin_requested = Signal(str)  # the path of a field, to be a column
    filter_requested = Signal(str)  # an expression
    awaited = Signal(object)  # the SchemaKey of a schema without which this cannot be read; then `look_again`
    _decoded = Signal(int, int, object)  # from the thread that looks at more of a large value

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._data = b""
        self._look: Look = decode
        self._base: str | None = None
        self._what = decode(None)
        self._looked_at = 0  # bytes
        self._shown = 0  # counts what was shown: an answer about something else is dropped
        self._wanted: Mode | None = None  # what a person chose; kept for the next value
        self._rows: TextRows | HexRows = HexRows(b"")
        self._reader = QTimer(self, interval=0)
        self._reader.timeout.connect(self._read_on)
        self._reading_all = False
        self._decoded.connect(self._take)
        self.code = CodeView()
        self.code.notice.connect(self.notice)
        self._nothing = EmptyState("empty", "")
        self._pages = QStackedWidget()
        self._pages.addWidget(self.code)
        self._pages.addWidget(self._nothing)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._tools())
        column.addWidget(self._pages, 1)
        column.addWidget(self._more_bar())
        self.setFocusProxy(self.code)

    def _tools(self) -> QHBoxLayout:
        self._about = ElidedLabel()
        self._about.setProperty("role", "muted")
        row = QHBoxLayout()
        row.setContentsMargins(12, 6, 12, 6)
        row.setSpacing(0)
        row.addWidget(self._about, 1)
        row.addSpacing(8)
        self._modes: dict[Mode, QToolButton] = {}
        group = QButtonGroup(self)
        for mode, place in zip(Mode, ("first", "middle", "middle", "last"), strict=True):
            button = self._modes[mode] = QToolButton()
            button.setText(mode.value)
            button.setCheckable(True)
            button.setProperty("segment", place)
            button.clicked.connect(lambda _, mode=mode: self.choose(mode))
            group.addButton(button)
            row.addWidget(button)
        wrap = icon_button("wrap", "Break long lines at the edge")
        wrap.setCheckable(True)
        wrap.setChecked(True)
        wrap.toggled.connect(self.code.set_wrap)
        self.copies = CopyButton()
        self.copies.notice.connect(self.notice)
        row.addSpacing(8)
        row.addWidget(wrap)
        row.addWidget(self.copies)
        return row

    def _more_bar(self) -> QWidget:
        self._bar = QWidget()
        self._part = plain_label(role="muted")
        row = QHBoxLayout(self._bar)
        row.setContentsMargins(12, 6, 12, 6)
        row.setSpacing(8)
        row.addWidget(self._part, 1)
        self._more, self._all, save = QPushButton("Show more"), QPushButton(), QPushButton("Save to file …")
        for button, run in ((self._more, self.show_more), (self._all, self.show_all), (save, self.copies.ask_where)):
            button.clicked.connect(run)
            row.addWidget(button)
        self._bar.hide()
        return self._bar

    @cached_property
    def tree(self) -> ValueTree:
        """Made and imported when first wanted."""
        from kexplorer.ui.widgets.value_tree import ValueTree  # noqa: PLC0415

        made = ValueTree()
        made.notice.connect(self.notice)
        made.pin_requested.connect(self.pin_requested)
        made.filter_requested.connect(self.filter_requested)
        made.shown.connect(self._tell)
        self._pages.addWidget(made)
        return made

    # ---- content

    def show_data(
        self,
        data: bytes | None,
        null: tuple[str, str] = ("null", "There are no bytes."),
        look: Look = decode,
        base: str | None = None,
    ) -> None:
        """`null`: what to say of a null, and why. `look`: `decode` with what is known of the record. `base`: what
        expressions call these bytes ("value"), None where they cannot."""
        self._stop()
        self._data = data or b""
        self._look, self._base = look, base
        if data:
            self._looked_at = FIRST_LOOK
            self._show(look(data, FIRST_LOOK))
            return
        self._what = look(data, FIRST_LOOK)
        self.copies.offer(b"", self._what)
        for button in self._modes.values():
            button.setEnabled(False)
        self._about.show_text("")
        self._nothing.tell(
            "empty", *(null if data is None else ("empty", "Zero bytes, which is not the same as null."))
        )
        self._pages.setCurrentWidget(self._nothing)
        self._bar.hide()

    def choose(self, mode: Mode) -> None:
        """Shows this and later values so, where that is possible."""
        self._wanted = mode
        self._stop()
        self._show(self._what)

    def look_again(self, schema: SchemaKey) -> None:
        """Decodes anew if what is shown now awaits `schema`."""
        if self._what.awaits == schema:
            self._decode(self._looked_at)

    def show_more(self) -> None:
        if isinstance(self._rows, TextRows) and not self._rows.complete:
            self._rows.read(_SLICE)
            self._tell()
        else:
            self._decode(min(_MOST, self._looked_at * _MORE))

    def show_all(self) -> None:
        """Of more than 8 MB as text only so much; the bytes can be seen to the last one."""
        self._reading_all = True
        if self._what.complete or self._looked_at >= _MOST:
            self._reader.start()
        else:
            self._decode(_MOST)

    @property
    def complete(self) -> bool:
        """All of the value can be seen."""
        if self._in_tree:
            return self._what.complete and not self.tree.trouble
        return isinstance(self._rows, HexRows) or (self._rows.complete and self._what.complete)

    @property
    def _in_tree(self) -> bool:
        return "tree" in vars(self) and self._pages.currentWidget() is self.tree

    @property
    def mode(self) -> Mode:
        """What a person chose if that is possible, or else the most readable."""
        possible = [mode for mode, button in self._modes.items() if button.isEnabled()]
        return self._wanted if self._wanted in possible else possible[0]

    def _show(self, what: Decoded, *, keep: bool = False) -> None:
        """`keep`: it is more of what was shown."""
        self._what = what
        self.copies.offer(self._data, what)
        self._about.show_text(" · ".join((size(len(self._data)), what.why, *what.rejected, *what.also)))
        laid_out = what.pretty()
        self._modes[Mode.PRETTY].setEnabled(laid_out is not None)
        self._modes[Mode.TREE].setEnabled(what.is_json)
        self._modes[Mode.TEXT].setEnabled(what.text is not None)
        self._modes[Mode.HEX].setEnabled(True)
        mode, text = self.mode, what.text or ""
        self._modes[mode].setChecked(True)
        match mode:
            case Mode.PRETTY:
                self._rows = TextRows(blocks_of_lines(laid_out or iter(())))
            case Mode.TREE:
                self._rows = TextRows(iter(()))
                self._show_tree(what, text, keep=keep)
            case Mode.TEXT:
                self._rows = TextRows(blocks_of_text(text))
            case Mode.HEX:
                self._rows = HexRows(self._data)
        if isinstance(self._rows, TextRows):
            self._rows.read()
        self.code.show_rows(self._rows, json=what.is_json and mode is not Mode.HEX)
        page = self.tree if mode is Mode.TREE else self.code
        self._pages.setCurrentWidget(page)
        self.setFocusProxy(page)
        self._tell()
        if what.awaits is not None:
            self.awaited.emit(what.awaits)

    def _show_tree(self, what: Decoded, text: str, *, keep: bool) -> None:
        json = what.kind is Kind.JSON and len(what.payload) == len(self._data)  # without a frame around it
        by_field = (self._base is not None and json) or (self._base in tuple(Part) and what.kind in _BY_SCHEMA)
        self.tree.show_text(
            text,
            partial=not what.complete,
            base=self._base or "value",
            by_field=by_field,
            keep=keep and self._in_tree,
        )

    def _tell(self) -> None:
        self.code.rows_added()
        self._bar.setVisible(not self.complete)
        if isinstance(self._rows, HexRows):
            return
        there_is_more = not self._rows.complete or not (self._what.complete or self._looked_at >= _MOST)
        self._more.setVisible(there_is_more and not self._reading_all)
        self._all.setVisible(there_is_more and not self._reading_all)
        self._all.setText("Show all" if len(self._data) <= _MOST else f"Show {size(_MOST)}")
        if self._in_tree and self.tree.trouble:
            self._part.setText(self.tree.trouble)
            return
        seen = len(self._what.text or "") if self._in_tree else self._rows.characters
        part = "Reading" if self._reading_all else f"The first {count(seen)} characters"
        self._part.setText(f"{part} of {size(len(self._data))}" + (" …" if self._reading_all else ""))

    # ---- the rest of large values

    def _stop(self) -> None:
        self._shown += 1
        self._reading_all = False
        self._reader.stop()

    def _decode(self, limit: int) -> None:
        """Looks at the first `limit` bytes; in a thread of its own if that takes long."""
        data, number, look = self._data, self._shown, self._look
        if limit <= _AT_ONCE:
            self._take(number, limit, look(data, limit))
            return

        def work() -> None:
            what = look(data, limit)
            with suppress(RuntimeError):  # the pane was closed meanwhile
                self._decoded.emit(number, limit, what)

        Thread(target=work, name="decode a large value", daemon=True).start()
        self._tell()

    @Slot(int, int, object)
    def _take(self, number: int, limit: int, what: Decoded) -> None:
        if number != self._shown:
            return
        self._looked_at = limit
        top = self.code.top
        before = self._rows.block_count if isinstance(self._rows, TextRows) else 0
        self._show(what, keep=True)
        if isinstance(self._rows, TextRows):
            self._rows.read(before + _SLICE - 1)
        self._tell()
        self.code.place(top)
        if self._reading_all:
            self._reader.start()

    @Slot()
    def _read_on(self) -> None:
        rows = self._rows
        until = time.monotonic() + _TURN
        while isinstance(rows, TextRows) and not rows.complete and time.monotonic() < until:
            rows.read()
        if isinstance(rows, HexRows) or rows.complete:
            self._reading_all = False
            self._reader.stop()
        self._tell()
