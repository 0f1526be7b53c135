"""Names and what they become: a line each, as many as are wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from kexplorer.formats.field_names import FieldNames
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.ui.icons import icon
from kexplorer.ui.widgets.expression_edit import ExpressionEdit
from kexplorer.ui.widgets.labels import icon_button, plain_label


class PairsEdit(QWidget):
    """`what` is the word for one of them. `check_name` and `check_value` raise `Failure`; names are completed, too,
    where they are `paths`."""

    changed = Signal()

    def __init__(
        self,
        what: str,
        hints: tuple[str, str],
        check_name: Callable[[str], object],
        check_value: Callable[[str], object],
        *,
        paths: bool = False,
    ) -> None:
        super().__init__()
        self._what, self._hints, self._paths = what, hints, paths
        self._check_name, self._check_value = check_name, check_value
        self._known = FieldNames()
        self.add = QPushButton(icon("plus"), f"Add a {what}", flat=True)
        self.add.clicked.connect(self._begin)
        self.rows: list[Pair] = []
        self._rows = QVBoxLayout()
        self._rows.setSpacing(4)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(self._rows)
        column.addWidget(self.add, 0, Qt.AlignmentFlag.AlignLeft)

    def pairs(self) -> dict[str, str]:
        """Rows without a name are left out; of two with the same the last one counts."""
        return {row.name.text: row.value.text for row in self.rows if row.name.text}

    def show_pairs(self, pairs: Mapping[str, str]) -> None:
        if pairs == self.pairs():
            return
        for row in list(self.rows):
            self._drop(row)
        for name, value in pairs.items():
            self._add(name, value)

    def set_known(self, known: FieldNames) -> None:
        self._known = known
        for row in self.rows:
            row.set_known(known)

    def check(self) -> Failure | None:
        """The first thing that is wrong; all of them are shown."""
        found, seen = None, set[str]()
        for row in self.rows:
            wrong = row.name.check() or row.value.check()
            if not wrong and (told := _missing(row, seen, self._what)):
                wrong = Failure(FailureKind.INVALID, told, "Change it, or remove the line.")
                row.name.show_problem(wrong)
            seen.add(row.name.text)
            found = found or wrong
        return found

    def _begin(self) -> None:
        self._add("", "").name.setFocus()

    def _add(self, name: str, value: str) -> Pair:
        row = Pair(
            ExpressionEdit(f"Name of the {self._what}", self._hints[0], self._check_name, completes=self._paths),
            ExpressionEdit(f"What the {self._what} becomes", self._hints[1], self._check_value),
            self._what,
        )
        row.set_known(self._known)
        row.name.show_text(name)
        row.value.show_text(value)
        row.name.changed.connect(self.changed)
        row.value.changed.connect(self.changed)
        row.remove.clicked.connect(lambda: self._remove(row))
        self.rows.append(row)
        self._rows.addWidget(row)
        return row

    def _remove(self, row: Pair) -> None:
        self._drop(row)
        self.changed.emit()

    def _drop(self, row: Pair) -> None:
        self.rows.remove(row)
        self._rows.removeWidget(row)
        row.hide()
        row.deleteLater()


class Pair(QWidget):
    def __init__(self, name: ExpressionEdit, value: ExpressionEdit, what: str) -> None:
        super().__init__()
        self.name, self.value = name, value
        self.remove = icon_button("trash", f"Remove this {what}")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        top = Qt.AlignmentFlag.AlignTop
        row.addWidget(name, 2, top)
        row.addWidget(plain_label("becomes", "muted"), 0)
        row.addWidget(value, 3, top)
        row.addWidget(self.remove, 0, top)

    def set_known(self, known: FieldNames) -> None:
        self.name.set_known(known)
        self.value.set_known(known)


def _missing(row: Pair, seen: set[str], what: str) -> str:
    name, value = row.name.text, row.value.text
    if name and name in seen:
        return f"“{name}” is there twice."
    if name and not value:
        return f"Nothing says what “{name}” becomes."
    return f"The {what} has no name." if value and not name else ""
