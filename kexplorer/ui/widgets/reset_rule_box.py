"""Where a group shall go on: the rule, what it needs to know, and the partitions that it is for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, tzinfo

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from kexplorer.formats.numbers import count, timestamp
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.offset_snapshots import OffsetSnapshot
from kexplorer.services.reset_plan import Rule
from kexplorer.services.reset_rules import EXAMPLES, Mode, parse_rule
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.range_box import mark_invalid

ALL, SELECTED = "All partitions", "Selected partitions"
_TYPED = (Mode.OFFSET, Mode.TIME, Mode.BACK, Mode.SHIFT, Mode.FILE)


class ResetRuleBox(QWidget):
    """`changed` at each key: whether the rule makes sense is told when it is asked for."""

    changed = Signal()

    def __init__(self, zone: tzinfo = UTC) -> None:
        super().__init__()
        self._zone = zone
        self._snapshots: Sequence[OffsetSnapshot] = ()
        self.mode = QComboBox()
        for mode in Mode:
            self.mode.addItem(mode.value, mode)
        self.value = QLineEdit()
        self.groups = QComboBox(editable=True)
        self.groups.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        if completer := self.groups.completer():
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
            completer.setCompletionMode(completer.CompletionMode.PopupCompletion)
        if edit := self.groups.lineEdit():
            edit.setPlaceholderText(EXAMPLES[Mode.GROUP])
        self.undo = QComboBox()
        self.choose = QPushButton("Choose…")
        self.choose.setAutoDefault(False)
        self.scope = QComboBox()
        self.problem = plain_label("", "bad", wrap=True)
        self.problem.hide()
        self._lay_out()
        self.set_topics(())
        self.mode.currentIndexChanged.connect(lambda _: self._show_mode())
        self.value.textChanged.connect(lambda _: self.changed.emit())
        self.groups.currentTextChanged.connect(lambda _: self.changed.emit())
        self.undo.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.choose.clicked.connect(self._choose)
        self._show_mode()

    def _lay_out(self) -> None:
        self.mode.setAccessibleName("Go on at")
        self.undo.setAccessibleName("Reset to undo")
        self.groups.setAccessibleName("Other group")
        self.scope.setAccessibleName("For")
        self.scope.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.scope.setMinimumContentsLength(20)
        row = QHBoxLayout()
        row.setSpacing(8)
        caption, for_ = plain_label("&Go on at"), plain_label("&for")
        caption.setBuddy(self.mode)
        for_.setBuddy(self.scope)
        row.addWidget(caption)
        row.addWidget(self.mode)
        for widget in (self.value, self.groups, self.undo):
            row.addWidget(widget, 1)
        row.addWidget(self.choose)
        row.addStretch(0)
        row.addWidget(for_)
        row.addWidget(self.scope)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.problem)
        self.setFocusProxy(self.mode)

    @property
    def chosen(self) -> Mode:
        return Mode(self.mode.currentData())

    @property
    def by_partition(self) -> bool:
        """The rule names the partitions itself."""
        return self.chosen in (Mode.FILE, Mode.UNDO)

    def rule(self) -> Rule:
        """Raises `Failure`(INVALID)."""
        text = self.groups.currentText() if self.chosen is Mode.GROUP else self.value.text()
        return parse_rule(self.chosen, text, self._zone)

    def path(self) -> str:
        if not self.value.text().strip():
            raise Failure(FailureKind.INVALID, "No file is named.", "Choose one, or type its path.")
        return self.value.text().strip()

    def snapshot(self) -> OffsetSnapshot:
        at = self.undo.currentIndex()
        if not 0 <= at < len(self._snapshots):
            why = "No reset of this group was made with this program that could be undone."
            raise Failure(FailureKind.NOT_FOUND, why, "Choose another place to go on at.")
        return self._snapshots[at]

    @property
    def empty(self) -> bool:
        """Nothing was typed yet where something has to be."""
        typed = self.groups.currentText() if self.chosen is Mode.GROUP else self.value.text()
        return self.chosen in (*_TYPED, Mode.GROUP) and not typed.strip()

    @property
    def words(self) -> str:
        """As it is noted for who undoes it."""
        mode = self.chosen
        if mode is Mode.UNDO:
            return f"undo “{self.snapshot().why}”"
        text = self.groups.currentText() if mode is Mode.GROUP else self.value.text() if mode in _TYPED else ""
        return f"{mode.lower()} {text.strip()}".strip()

    def set_topics(self, topics: Iterable[str]) -> None:
        """Those that a rule can be for alone."""
        wanted, before = [ALL, SELECTED, *topics], self.scope.currentText()
        if [self.scope.itemText(n) for n in range(self.scope.count())] == wanted:
            return
        self.scope.blockSignals(True)
        self.scope.clear()
        self.scope.addItems(wanted)
        self.scope.setCurrentIndex(max(self.scope.findText(before), 0))
        self.scope.blockSignals(False)

    def set_groups(self, groups: Iterable[str]) -> None:
        typed = self.groups.currentText()
        self.groups.blockSignals(True)
        self.groups.clear()
        self.groups.addItems(sorted(groups))
        self.groups.setCurrentText(typed)
        self.groups.blockSignals(False)

    def set_snapshots(self, snapshots: Sequence[OffsetSnapshot]) -> None:
        """The one that is chosen stays chosen, if it is still there."""
        at = self.undo.currentIndex()
        chosen = self._snapshots[at].id if 0 <= at < len(self._snapshots) else None
        self._snapshots = snapshots
        self.undo.blockSignals(True)
        self.undo.clear()
        for each in snapshots:
            number = len(each.offsets)
            partitions = "1 partition" if number == 1 else f"{count(number)} partitions"
            self.undo.addItem(f"{timestamp(each.at, self._zone)[:19]} · {each.why} · {partitions}")
        self.undo.setCurrentIndex(next((i for i, each in enumerate(snapshots) if each.id == chosen), 0))
        self.undo.blockSignals(False)

    def show_problem(self, failure: Failure | None) -> None:
        self.problem.setText(str(failure or ""))
        self.problem.setVisible(failure is not None)
        for edit in (self.value, self.groups.lineEdit()):
            if edit is not None:
                mark_invalid(edit, failure is not None and edit.isVisible())

    def _show_mode(self) -> None:
        mode = self.chosen
        self.value.blockSignals(True)
        self.value.clear()
        self.value.blockSignals(False)
        self.value.setPlaceholderText(EXAMPLES.get(mode, ""))
        self.value.setAccessibleName(mode.value)
        self.value.setVisible(mode in _TYPED)
        self.groups.setVisible(mode is Mode.GROUP)
        self.undo.setVisible(mode is Mode.UNDO)
        self.choose.setVisible(mode is Mode.FILE)
        self.scope.setEnabled(not self.by_partition)
        if self.by_partition:
            self.scope.setCurrentIndex(0)
        self.changed.emit()

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Offsets", self.value.text(), "CSV (*.csv *.txt);;All files (*)")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._take_file)
        dialog.open()

    def _take_file(self, path: str) -> None:
        """The same one, too: it may hold something else by now."""
        self.value.setText(path)
        self.changed.emit()
