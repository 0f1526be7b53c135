"""How the dead letters of one topic are told, where no known program wrote them."""

from __future__ import annotations

import time
from dataclasses import astuple, fields

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from kexplorer.formats.column import compile_column
from kexplorer.model.dead_letters import DeadLetterRule
from kexplorer.ui.dialogs import answer_of
from kexplorer.ui.dialogs.fields import Field
from kexplorer.ui.widgets.expression_edit import ExpressionEdit
from kexplorer.ui.widgets.labels import plain_label

_ABOUT = (
    "Expressions over a letter that say what its headers or its value tell. What Spring Kafka, Kafka Connect and "
    "replays write is known without. Headers that are named here are removed when a letter is sent again."
)
_FIELDS = (
    ("Came from &topic", 'headers["x-original-topic"], or "orders" for all of them'),
    ("&Partition", 'headers["x-original-partition"]'),
    ("&Offset", 'headers["x-original-offset"]'),
    ("Class of the &error", "value.error.type"),
    ("&Message", "value.error.message"),
)


async def edit_rule(parent: QWidget, topic: str, rule: DeadLetterRule | None) -> DeadLetterRule | None:
    """None: nothing is to be changed. A rule of empty expressions is none."""
    dialog = RuleDialog(parent, topic, rule or DeadLetterRule())
    try:
        return dialog.rule if await answer_of(dialog) else None
    finally:
        dialog.deleteLater()


class RuleDialog(QDialog):
    def __init__(self, parent: QWidget, topic: str, rule: DeadLetterRule) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Rule for dead letters in {topic}")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self._save)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 16)
        column.setSpacing(12)
        column.addWidget(plain_label(_ABOUT, "muted", wrap=True))
        now = time.time_ns() // 1_000_000
        self.edits = []
        for (label, example), text in zip(_FIELDS, astuple(rule), strict=True):
            edit = ExpressionEdit(label.replace("&", ""), example, lambda typed: compile_column(typed, now))
            edit.show_text(text)
            self.edits.append(edit)
            column.addWidget(Field(label, edit))
        column.addWidget(self.buttons)
        self.resize(620, 0)
        self.edits[0].setFocus()

    @property
    def rule(self) -> DeadLetterRule:
        names = [each.name for each in fields(DeadLetterRule)]
        return DeadLetterRule(**{name: edit.text.strip() for name, edit in zip(names, self.edits, strict=True)})

    def _save(self) -> None:
        if not [edit for edit in self.edits if edit.check()]:
            self.accept()
