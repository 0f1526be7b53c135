"""How the producer is set: a preset with its trade-off, and a table of what it stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import ProducerSettings
from kexplorer.model.producer_presets import PRESETS, Preset
from kexplorer.ui.models.producer_settings import VALUE, ProducerSettingsModel
from kexplorer.ui.models.rows import Index
from kexplorer.ui.theme import Tokens
from kexplorer.ui.widgets.cell_delegate import CellDelegate
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.range_box import mark_invalid
from kexplorer.ui.widgets.rows_table import RowsTable

_PARTITIONER = "murmur2_random"  # where neither a preset nor a person sets one

# Raises `Failure` for settings that a producer may not have.
Check = Callable[[ProducerSettings], None]


class ProducerSettingsBox(QWidget):
    """`check` is asked whenever something was changed; set when the connection is there."""

    changed = Signal()

    def __init__(self, presets: Sequence[Preset] = PRESETS) -> None:
        super().__init__()
        self.check: Check = lambda _: None
        self.failure: Failure | None = None  # what is wrong with the settings as they stand
        self._presets = presets
        self.model = ProducerSettingsModel(presets[0], self)
        self.preset = QComboBox()
        self.preset.addItems([preset.name for preset in presets])
        self.preset.setAccessibleName("Producer settings")
        self.told = ElidedLabel()
        self.details = QPushButton("Settings…")
        self.details.setToolTip("Every setting that this stands for, its meaning and its name in Java")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.preset)
        row.addWidget(self.details)
        row.addWidget(self.told, 1)
        self.preset.activated.connect(lambda number: self.model.set_preset(self._presets[number]))
        self.model.edited.connect(self.recheck)
        self.details.clicked.connect(self._show_details)
        self.recheck()

    def settings(self) -> ProducerSettings:
        """Raises `Failure` for what may not be set."""
        settings = ProducerSettings(self.model.properties())
        self.check(settings)
        return settings

    @property
    def partitioner(self) -> str:
        """librdkafka's name of the one that is set."""
        return self.model.properties().get("partitioner", _PARTITIONER)

    def recheck(self) -> None:
        self.failure = None
        try:
            self.settings()
        except Failure as failure:
            self.failure = failure
        changes = len(self.model.changes)
        changed = f"{changes} changed. " if changes else ""
        self.told.show_text(str(self.failure) if self.failure else f"{changed}{self.model.preset.trade_off}")
        self.told.setProperty("role", "bad" if self.failure else "muted")
        self.told.style().polish(self.told)
        self.changed.emit()

    def save_state(self) -> dict[str, object]:
        return {"preset": self.model.preset.name, "changes": dict(self.model.changes)}

    def restore_state(self, state: object) -> None:
        if not isinstance(state, Mapping):
            return
        number = next((n for n, each in enumerate(self._presets) if each.name == state.get("preset")), -1)
        changes = state.get("changes")
        if number >= 0 and isinstance(changes, Mapping):
            self.preset.setCurrentIndex(number)
            self.model.set_preset(
                self._presets[number], {k: v for k, v in changes.items() if isinstance(k, str) and isinstance(v, str)}
            )

    def _show_details(self) -> None:
        dialog = SettingsDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()


class SettingsDialog(QDialog):
    """What is changed here counts at once."""

    def __init__(self, box: ProducerSettingsBox) -> None:
        super().__init__(box)
        self.setWindowTitle("Producer settings")
        self._box = box
        self.table = _Table(box.model)
        self.line = QLineEdit()
        self.line.setPlaceholderText("Another setting: linger.ms=20")
        self.line.setAccessibleName("Another setting")
        self.reset = QPushButton("As in the preset")
        self.reset.setAutoDefault(False)
        close = QPushButton("Close")
        close.setDefault(True)
        self.told = plain_label("", wrap=True)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.line, 1)
        row.addWidget(self.reset)
        row.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 16)
        column.setSpacing(8)
        column.addWidget(plain_label(box.model.preset.name, "heading"))
        column.addWidget(plain_label(box.model.preset.trade_off, wrap=True))
        column.addWidget(self.table, 1)
        column.addWidget(self.told)
        column.addLayout(row)
        self.resize(box.fontMetrics().averageCharWidth() * 150, 440)
        self.line.returnPressed.connect(self._add)
        self.reset.clicked.connect(self._reset)
        close.clicked.connect(self.accept)
        box.changed.connect(self._tell)
        self._tell()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter in the line adds a setting; it does not close the dialog."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.line.hasFocus():
            return
        super().keyPressEvent(event)

    def _add(self) -> None:
        name, equals, value = (part.strip() for part in self.line.text().partition("="))
        mark_invalid(self.line, not (name and equals))
        if not (name and equals):
            self._say(Failure(FailureKind.INVALID, "That is no setting.", "Write its name, = and its value."))
            return
        self._box.model.change(name, value)
        self.line.clear()

    def _reset(self) -> None:
        index = self.table.currentIndex()
        if index.isValid():
            self._box.model.reset(self._box.model.row(index.row()).name)

    def _tell(self) -> None:
        self._say(self._box.failure)

    def _say(self, failure: Failure | None) -> None:
        self.told.setText(str(failure) if failure else "Names are librdkafka's; each has its Java name beside it.")
        self.told.setProperty("role", "bad" if failure else "muted")
        self.told.style().polish(self.told)


class _Table(RowsTable):
    def __init__(self, model: ProducerSettingsModel) -> None:
        super().__init__(model, "Producer settings")
        self.setItemDelegateForColumn(VALUE, _ValueDelegate(model, self))
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)


class _ValueDelegate(CellDelegate):
    def __init__(self, model: ProducerSettingsModel, table: RowsTable) -> None:
        super().__init__(table)
        self._model = model

    def colour(self, index: Index, look: Tokens) -> str:
        return str(getattr(look, self._model.tone(self._model.row(index.row()), index.column())))

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = QLineEdit(parent)
        editor.setAccessibleName(self._model.row(index.row()).name)
        editor.setStyleSheet("min-height: 0; border-radius: 0")  # else it is higher than its row
        return editor
