"""The settings of a preset as a table, with those that a person changed or added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from kexplorer.model.producer_presets import Preset, Setting
from kexplorer.ui.models.rows import Column, Index, RowsModel


@dataclass(frozen=True, slots=True)
class Shown:
    """`preset` is what the preset has, None for a setting that was added; `value` is what is sent."""

    name: str
    value: str
    preset: Setting | None = None

    @property
    def changed(self) -> bool:
        return self.preset is None or self.preset.value != self.value

    @property
    def meaning(self) -> str:
        if self.preset is None:
            return "Added by you."
        return f"The preset has {self.preset.value}." if self.changed else self.preset.meaning

    @property
    def trade_off(self) -> str:
        return "" if self.preset is None or self.changed else self.preset.trade_off


VALUE = 1
_COLUMNS: tuple[Column[Shown], ...] = (
    Column("Setting", lambda r: r.name, lambda r: r.name, 32, tip="As librdkafka and confluent-kafka name it"),
    Column("Value", lambda r: r.value, lambda r: r.value, 18, tip="F2 or a double click changes it"),
    Column("In Java", lambda r: r.preset.java_name if r.preset else "", lambda r: r.name, 30),
    Column("Meaning", lambda r: r.meaning, lambda r: r.meaning, 48),
    Column("Trade-off", lambda r: r.trade_off, lambda r: r.trade_off, 48),
)


class ProducerSettingsModel(RowsModel[Shown]):
    """`changes` are the values that differ from the preset's, by librdkafka's name."""

    edited = Signal()

    def __init__(self, preset: Preset, parent: QObject | None = None) -> None:
        super().__init__(_COLUMNS, lambda r: r.name, _tip, _tone, parent)
        self.preset = preset
        self.changes: dict[str, str] = {}
        self._tell()

    def set_preset(self, preset: Preset, changes: dict[str, str] | None = None) -> None:
        self.preset, self.changes = preset, dict(changes or {})
        self._tell()

    def properties(self) -> dict[str, str]:
        return {**{setting.name: setting.value for setting in self.preset.settings}, **self.changes}

    def change(self, name: str, value: str) -> None:
        """To the preset's own value: no change any more."""
        known = {setting.name: setting.value for setting in self.preset.settings}
        self.changes.pop(name, None)
        if value != known.get(name):
            self.changes[name] = value
        self._tell()

    def reset(self, name: str) -> None:
        """As the preset has it; one that was added goes."""
        self.changes.pop(name, None)
        self._tell()

    def flags(self, index: Index) -> Qt.ItemFlag:
        editable = index.isValid() and index.column() == VALUE
        return super().flags(index) | (Qt.ItemFlag.ItemIsEditable if editable else Qt.ItemFlag.NoItemFlags)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.EditRole:
            return self.row(index.row()).value
        return super().data(index, role)

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole:
            return False
        self.change(self.row(index.row()).name, str(value).strip())
        return True

    def _tell(self) -> None:
        of_preset = [Shown(s.name, self.changes.get(s.name, s.value), s) for s in self.preset.settings]
        known = {setting.name for setting in self.preset.settings}
        self.set_rows(of_preset + [Shown(name, value) for name, value in self.changes.items() if name not in known])
        self.edited.emit()


def _tip(row: Shown) -> str:
    return " ".join(part for part in (row.meaning, row.trade_off) if part)


def _tone(row: Shown, column: int) -> str:
    if row.changed and column == VALUE:
        return "warn"
    return "text" if column <= VALUE else "muted"
