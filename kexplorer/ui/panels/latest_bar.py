"""What the table of latest states is made of: what names an entity, how its events are folded, and up to when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from kexplorer.formats.column import compile_column
from kexplorer.formats.folding import make_fold
from kexplorer.model.failure import Failure
from kexplorer.model.folding import FoldKind, FoldSpec
from kexplorer.services.ranges import Place, parse_place
from kexplorer.ui.icons import icon
from kexplorer.ui.theme import mono_font
from kexplorer.ui.widgets.action_button import action_button
from kexplorer.ui.widgets.range_box import PLACES, mark_invalid

_LINES = 3.6  # of expressions that are seen at once
_EXPRESSIONS = "status = event.status\nbalance = coalesce(state.balance, 0) + event.amount"


class LatestBar(QWidget):
    """`changed` when something else is chosen. Two of its buttons are the panel's actions, one of which is seen."""

    changed = Signal()

    def __init__(self, build: QAction, stop: QAction) -> None:
        super().__init__()
        self._zone: tzinfo = UTC
        self.key = _edit("Entity: the record's key", "Entity")
        self.key.setToolTip("Empty: the record's key names the entity. Or a path such as value.order.id")
        self.kind = QComboBox()
        self.kind.addItems([kind.value for kind in FoldKind])
        self.kind.setAccessibleName("How events become the state")
        self.part = _edit("All of the event", "Part of the event")
        self.part.setToolTip("Empty: all of the event counts. Or a part of it, such as event.after")
        self.until = _edit("Up to the end", "Up to")
        self.until.setToolTip(f"Empty: up to the end. Or up to this place, in each partition:\n{PLACES}")
        self.lines = QPlainTextEdit()
        self.lines.setFont(mono_font())
        self.lines.setPlaceholderText(_EXPRESSIONS)
        self.lines.setTabChangesFocus(True)
        self.lines.setAccessibleName("Expressions: a field of the state, =, and what an event makes of it")
        self.lines.setFixedHeight(round(self.lines.fontMetrics().lineSpacing() * _LINES) + 12)
        self._build = action_button(build, "Build")
        self._build.setProperty("kind", "primary")
        self._build.setIcon(icon("play", "on_accent"))
        self._stop = action_button(stop, "Stop")
        row = QHBoxLayout()
        row.setSpacing(8)
        for widget, stretch in ((self.key, 2), (self.kind, 0), (self.part, 2), (self.until, 2)):
            row.addWidget(widget, stretch)
        row.addWidget(self._build)
        row.addWidget(self._stop)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(8)
        column.addLayout(row)
        column.addWidget(self.lines)
        self.kind.currentIndexChanged.connect(self._show_kind)
        for edit in (self.key, self.part, self.until):
            edit.textChanged.connect(lambda _: self.changed.emit())
            edit.returnPressed.connect(build.trigger)
        self._show_kind()
        self.show_running(False)

    def fold(self) -> FoldSpec | None:
        """None for the last value as it is. Raises `Failure`(INVALID)."""
        kind = FoldKind(self.kind.currentText())
        edit = self.lines if kind is FoldKind.EXPRESSION else self.part
        spec = FoldSpec(kind, self.lines.toPlainText() if edit is self.lines else self.part.text().strip())
        if spec == FoldSpec():
            return None
        make_fold(spec)
        return spec

    def entity(self) -> str:
        """The expression that names it, "" for the record's key. Raises `Failure`(INVALID)."""
        given = self.key.text().strip()
        with _Marking(self.key):
            if given:
                compile_column(given, 0)
        return "" if given == "key" else given

    def end(self) -> Place | None:
        """None for the end. Raises `Failure`(INVALID)."""
        given = self.until.text().strip()
        with _Marking(self.until):
            return parse_place(given, self._zone) if given else None

    def set_zone(self, zone: tzinfo) -> None:
        """Of times that are typed without one."""
        self._zone = zone

    def show_running(self, on: bool) -> None:
        self._build.setVisible(not on)
        self._stop.setVisible(on)
        for widget in (self.key, self.kind, self.part, self.until, self.lines):
            widget.setEnabled(not on)

    def save_state(self) -> dict[str, object]:
        return {
            "key": self.key.text(),
            "kind": self.kind.currentText(),
            "part": self.part.text(),
            "lines": self.lines.toPlainText(),
            "until": self.until.text(),
        }

    def restore_state(self, state: Mapping[str, object]) -> None:
        """Takes what `save_state` gave; anything else is ignored."""
        match state:
            case {"key": str(key), "kind": str(kind), "part": str(part), "lines": str(lines), "until": str(until)}:
                self.kind.setCurrentText(kind)
                for edit, text in ((self.key, key), (self.part, part), (self.until, until)):
                    edit.setText(text)
                self.lines.setPlainText(lines)

    def _show_kind(self) -> None:
        by_lines = self.kind.currentText() == FoldKind.EXPRESSION.value
        self.part.setVisible(not by_lines)
        self.lines.setVisible(by_lines)
        self.changed.emit()


class _Marking:
    """Marks a field while what is typed in it raises `Failure`."""

    def __init__(self, edit: QLineEdit) -> None:
        self._edit = edit

    def __enter__(self) -> None:
        mark_invalid(self._edit, False)

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Failure):
            mark_invalid(self._edit, True)
            self._edit.setFocus()


def _edit(placeholder: str, name: str) -> QLineEdit:
    edit = QLineEdit()
    edit.setPlaceholderText(placeholder)
    edit.setAccessibleName(name)
    return edit
