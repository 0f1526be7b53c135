"""Which entity a panel follows, and how its state follows from its events."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.folding import FoldKind, FoldSpec
from kexplorer.services.entity import EntityKey
from kexplorer.ui.theme import mono_font
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.labels import plain_label

_BY_KEY, _BY_FIELD = "Key is", "Field"
_HEX = "hex:"
_TELLS = {
    FoldKind.LAST: "All of the value, or a part of it: event.after",
    FoldKind.MERGE: "The value is the patch, or a part of it: event.patch",
    FoldKind.PATCH: "The value is the list of operations, or a part of it: event.patch",
}
_EXAMPLE = """balance = coalesce(state.balance, 0) + event.amount
status = if(event.type == "Closed", "closed", state.status)
items = append(state.items, object("sku", event.sku, "qty", event.qty))"""
_HELP = (
    "A line for each field of the state: field = expression. There are event (the value), state (as it was before), "
    "key, headers, timestamp and all functions of filters; and coalesce, if, append, without, object and merge."
)
_LINES = 3


class EntityBar(QWidget):
    wanted = Signal()  # the entity: its records have to be looked for
    fold_changed = Signal()  # its records are the same

    def __init__(self) -> None:
        super().__init__()
        self.by = QComboBox()
        self.by.addItems([_BY_KEY, _BY_FIELD])
        self.by.setAccessibleName("What tells the entity")
        self.path = _edit("Field of the entity", "value.order.id")
        self.path.setToolTip(
            "An expression of the filter language: value.order.id, key.id, headers.customer. Tombstones have no value: "
            "only a field of the key or a header finds them"
        )
        self.name = _edit("Entity", "")
        self.everywhere = QCheckBox("All partitions")
        self.everywhere.setToolTip("Also those in which clients that partition as Java's do would not put the key")
        self.start = QPushButton("Rebuild")
        self.start.setProperty("kind", "primary")
        self.kind = QComboBox()
        self.kind.addItems([each.value for each in FoldKind])
        self.kind.setAccessibleName("How events make the state")
        self.part = _edit("Part of the event", _TELLS[FoldKind.LAST])
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(12, 8, 12, 8)
        self._column.setSpacing(8)
        self._is = plain_label("is", "muted")
        first = _row(self.by, self.path, self._is, self.name, self.everywhere, self.start)
        first.setStretch(1, 2)
        first.setStretch(3, 3)
        second = _row(plain_label("State by", "muted"), self.kind, self.part)
        second.setStretch(2, 1)
        second.addStretch()
        self._column.addLayout(first)
        self._column.addLayout(second)
        self.scope = ElidedLabel()
        self.scope.setProperty("role", "muted")
        self.scope.hide()
        self._column.addWidget(self.scope)
        self.by.currentTextChanged.connect(lambda _: self._show_key())
        self.kind.currentTextChanged.connect(lambda _: self._show_kind())
        self.kind.activated.connect(lambda _: self._kind_chosen())
        self.part.editingFinished.connect(self._part_typed)
        self.name.returnPressed.connect(self.wanted)
        self.path.returnPressed.connect(self.wanted)
        self.start.clicked.connect(self.wanted)
        self._typed = ""
        self.setFocusProxy(self.name)
        self._show_key()

    @cached_property
    def expressions(self) -> QPlainTextEdit:
        made = QPlainTextEdit()
        made.setFont(mono_font(self.font().pointSizeF()))
        made.setPlaceholderText(_EXAMPLE)
        made.setToolTip(_HELP)
        made.setAccessibleName("Expressions")
        made.setTabChangesFocus(True)
        made.setFixedHeight(made.fontMetrics().lineSpacing() * _LINES + 16)
        made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.apply = QPushButton("Apply")
        self.apply.setToolTip("Folds the same events again")
        self.apply.clicked.connect(self.fold_changed)
        row = _row(made, self.apply)
        row.setAlignment(self.apply, Qt.AlignmentFlag.AlignTop)
        self._column.insertLayout(self._column.indexOf(self.scope), row)
        self.setTabOrder(self.part, made)  # not where they were made, at the end of the window
        self.setTabOrder(made, self.apply)
        return made

    # ---- what is wanted

    def entity(self) -> EntityKey:
        """Raises `Failure`(INVALID)."""
        text, path = self.name.text(), self.path.text().strip()
        if self.by.currentText() == _BY_FIELD:
            if not path:
                raise Failure(FailureKind.INVALID, "There is no field.", "Write for example value.order.id.")
            return EntityKey(text, path)
        if text.startswith(_HEX):
            try:
                return EntityKey(bytes.fromhex(text.removeprefix(_HEX)).decode("utf-8", "surrogateescape"))
            except ValueError:
                hint = "Write two digits for each byte: hex:00 ff 1a."
                raise Failure(FailureKind.INVALID, f"“{text}” is no hexadecimal number.", hint) from None
        return EntityKey(text)

    def fold(self) -> FoldSpec:
        kind = FoldKind(self.kind.currentText())
        return FoldSpec(kind, self.expressions.toPlainText() if kind is FoldKind.EXPRESSION else self.part.text())

    def show_key(self, key: bytes) -> None:
        """The records with this key."""
        self.by.setCurrentText(_BY_KEY)
        try:
            text = key.decode()
        except UnicodeDecodeError:
            text = ""
        plain = text.isprintable() and bool(text) and not text.startswith(_HEX)
        self.name.setText(text if plain else _HEX + key.hex())

    def save_state(self) -> dict[str, object]:
        fold = self.fold()
        entity = {"by": self.by.currentText(), "path": self.path.text(), "name": self.name.text()}
        return {**entity, "everywhere": self.everywhere.isChecked(), "fold": fold.kind.value, "text": fold.text}

    def restore_state(self, state: Mapping[str, object]) -> None:
        if state.get("by") in (_BY_KEY, _BY_FIELD):
            self.by.setCurrentText(str(state["by"]))
        self.path.setText(_text(state.get("path")))
        self.name.setText(_text(state.get("name")))
        self.everywhere.setChecked(state.get("everywhere") is True)
        fold = _text(state.get("fold"))
        if fold in {each.value for each in FoldKind}:
            self.show_fold(FoldSpec(FoldKind(fold), _text(state.get("text"))))

    def show_fold(self, spec: FoldSpec) -> None:
        self.kind.setCurrentText(spec.kind.value)
        if spec.kind is FoldKind.EXPRESSION:
            self.expressions.setPlainText(spec.text)
        else:
            self.part.setText(spec.text)
            self._typed = spec.text

    # ---- what is shown

    def show_scope(self, text: str) -> None:
        """Where the events were looked for, "" for everywhere."""
        self.scope.show_text(text)
        self.scope.setVisible(bool(text))

    def _show_key(self) -> None:
        field = self.by.currentText() == _BY_FIELD
        self.path.setVisible(field)
        self._is.setVisible(field)
        self.everywhere.setVisible(not field)
        self.name.setPlaceholderText("order-4711" if field else "order-4711, or bytes: hex:00 ff 1a")

    def _show_kind(self) -> None:
        kind = FoldKind(self.kind.currentText())
        by_expression = kind is FoldKind.EXPRESSION
        if by_expression or "expressions" in vars(self):
            self.expressions.setVisible(by_expression)
            self.apply.setVisible(by_expression)
        self.part.setVisible(not by_expression)
        if not by_expression:
            self.part.setPlaceholderText(_TELLS[kind])

    def _kind_chosen(self) -> None:
        if self.fold() == FoldSpec(FoldKind.EXPRESSION):
            self.expressions.setFocus()  # there is nothing to fold by until something is written
        else:
            self.fold_changed.emit()

    def _part_typed(self) -> None:
        if self.part.text() != self._typed:
            self._typed = self.part.text()
            self.fold_changed.emit()


def _edit(name: str, placeholder: str) -> QLineEdit:
    made = QLineEdit()
    made.setFont(mono_font(made.font().pointSizeF()))
    made.setAccessibleName(name)
    made.setPlaceholderText(placeholder)
    return made


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    for each in widgets:
        row.addWidget(each)
    return row


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
