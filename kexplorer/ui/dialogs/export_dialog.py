"""What to export, in which format, and into which file."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from PySide6.QtCore import QStandardPaths, Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from kexplorer.formats import numbers
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.services.export import Format, Target, can_replace
from kexplorer.ui.dialogs import answer_of
from kexplorer.ui.dialogs.confirm import confirm
from kexplorer.ui.dialogs.fields import Field
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.labels import plain_label


class What(StrEnum):
    SELECTED = "&Selected"
    SHOWN = "S&hown"
    RANGE = "&Whole range"


@dataclass(frozen=True, slots=True)
class ExportChoice:
    what: What
    target: Target


_FORMATS = {
    Format.JSONL: ("JSON lines", "One line a record, every byte, null and header kept. What is no UTF-8 is base64."),
    Format.CSV: ("CSV", "For spreadsheets. What is no UTF-8 is base64; null is an empty cell."),
    Format.PARQUET: ("Parquet", "Typed columns, compressed; keys and values as bytes."),
}


async def ask_export(
    parent: QWidget | None, name: str, selected: int, shown: int, offsets: int, last: ExportChoice | None = None
) -> ExportChoice | None:
    """None when the person cancels. `name` is proposed for the file. `selected` and `shown` records are at hand, the
    whole range has `offsets`; what there is none of can't be chosen. Format and folder begin as in `last`. The target
    can be written, and is replaced only if the person said so."""
    dialog = ExportDialog(parent, name, {What.SELECTED: selected, What.SHOWN: shown, What.RANGE: offsets}, last)
    try:
        return dialog.choice if await answer_of(dialog) else None
    finally:
        await dialog.tasks.close()
        dialog.deleteLater()


class ExportDialog(QDialog):
    """`choice` is set once it can be done."""

    def __init__(
        self, parent: QWidget | None, name: str, counts: dict[What, int], last: ExportChoice | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export messages")
        self.setMinimumWidth(520)
        self.choice: ExportChoice | None = None
        self.tasks = Tasks(self._show_failure)
        documents = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation))
        self._folder = last.target.path.parent if last else documents if documents.is_dir() else Path.home()
        self._format = last.target.format if last else Format.JSONL
        self.what: dict[What, QRadioButton] = {}
        self.formats: dict[Format, QToolButton] = {}
        self.guard = QCheckBox("&Guard against formulas: an apostrophe before =, +, - and @")
        self.guard.setChecked(last.target.formula_guard if last else True)
        self.about = plain_label("", "muted", wrap=True)
        self.line = QLineEdit(str(self._folder / f"{name}.{self._format}"))
        self.browse = QPushButton("&Choose…")
        self.browse.setAutoDefault(False)
        self.export_button = QPushButton("Export")
        self.export_button.setProperty("kind", "primary")
        self.export_button.setDefault(True)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setAutoDefault(False)
        self.what_field = Field("What", self._whats(counts))
        self.format_field = Field("Format", self._segments())
        self.file_field = Field("&File", self._file(), "Until it is complete, “.part” is added to its name.")
        self._lay_out()
        self.line.textChanged.connect(lambda _: self.file_field.show_problem(None))
        self.browse.clicked.connect(self._browse)
        self.export_button.clicked.connect(lambda: self.tasks.start("check", self._check()))
        self.cancel_button.clicked.connect(self.reject)
        self._choose(self._format)
        self.export_button.setEnabled(any(counts.values()))
        self.export_button.setFocus()

    def _whats(self, counts: dict[What, int]) -> QWidget:
        widget = QWidget()
        grid = QGridLayout(widget)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(0)
        grid.setColumnStretch(1, 1)
        units = {What.SELECTED: "record", What.SHOWN: "record", What.RANGE: "offset"}
        for row, (what, count) in enumerate(counts.items()):
            button = self.what[what] = QRadioButton(what.value)
            button.setEnabled(count > 0)
            text = f"{numbers.count(count)} {units[what]}{'' if count == 1 else 's'}"
            text += ", read from the cluster, each partition in order" if what == What.RANGE and count else ""
            if what == What.SHOWN and not count:
                text = "read as one looks: the whole range has them"
            button.setAccessibleDescription(text)
            grid.addWidget(button, row, 0)
            grid.addWidget(plain_label(text, "muted"), row, 1)
        several = counts[What.SELECTED] > 1  # one row is selected wherever the cursor is
        wanted = What.SELECTED if several else What.SHOWN if counts[What.SHOWN] else What.RANGE
        self.what[wanted].setChecked(True)
        return widget

    def _segments(self) -> QWidget:
        widget = QWidget()
        row = QHBoxLayout()
        row.setSpacing(0)
        group = QButtonGroup(widget)
        for format_, place in zip(Format, ("first", "middle", "last"), strict=True):
            button = self.formats[format_] = QToolButton()
            button.setText(_FORMATS[format_][0])
            button.setCheckable(True)
            button.setProperty("segment", place)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.clicked.connect(lambda _, format_=format_: self._choose(format_))
            group.addButton(button)
            row.addWidget(button)
        row.addStretch()
        column = QVBoxLayout(widget)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.about)
        column.addWidget(self.guard)
        return widget

    def _file(self) -> QWidget:
        widget = QWidget()
        row = QHBoxLayout(widget)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.line, 1)
        row.addWidget(self.browse)
        widget.setFocusProxy(self.line)
        return widget

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch()
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.export_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(12)
        layout.addWidget(plain_label("Export messages", "heading"))
        layout.addWidget(self.what_field)
        layout.addWidget(self.format_field)
        layout.addWidget(self.file_field)
        layout.addStretch()
        layout.addLayout(buttons)

    def _choose(self, format_: Format) -> None:
        """The name of the file follows, if it ends as one of its formats does."""
        text, old = self.line.text(), self._format
        self._format = format_
        if text.endswith(f".{old}"):
            self.line.setText(f"{text.removesuffix(old)}{format_}")
        self.formats[format_].setChecked(True)
        self.guard.setVisible(format_ == Format.CSV)
        self.about.setText(_FORMATS[format_][1])
        self.format_field.show_problem(None)

    def _browse(self) -> None:
        title, suffix = _FORMATS[self._format][0], self._format.value
        dialog = QFileDialog(self, "Export to", self.line.text(), f"{title} (*.{suffix});;All files (*)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(suffix)
        dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)  # asked when all is said
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.line.setText)
        dialog.open()

    def _path(self) -> Path:
        text = self.line.text().strip()
        if not text or text.endswith(("/", os.sep)):
            raise Failure(FailureKind.INVALID, "The file needs a name.", f"Such as messages.{self._format}.")
        return self._folder / os.path.expanduser(text)

    async def _check(self) -> None:
        path = self._path()
        target = Target(path, self._format, formula_guard=self.guard.isChecked())
        self.export_button.setEnabled(False)
        try:
            taken = await can_replace(target)
        finally:
            self.export_button.setEnabled(True)
        if taken:
            question = f"{path.name} is in {path.parent} already. It stays until the export is complete."
            if not await confirm(self, "Replace the file?", question, "Replace file", danger=True):
                return
        what = next(what for what, button in self.what.items() if button.isChecked())
        self.choice = ExportChoice(what, replace(target, replace=taken))
        self.accept()

    def _show_failure(self, failure: Failure) -> None:
        if failure.kind == FailureKind.UNSUPPORTED:
            self.format_field.show_problem(failure)
        else:
            self.file_field.show_problem(failure)
            self.line.setFocus()
