"""The configuration of a topic as a table."""

from __future__ import annotations

import re

from PySide6.QtCore import QObject

from kexplorer.formats.numbers import duration, size
from kexplorer.model.cluster import ConfigEntry, ConfigSource
from kexplorer.ui.models.rows import Column, RowsModel

_NO_REST = re.compile(r" 00 \w+$")  # "7 d 00 h" is seven days
_LONGEST = (1 << 63) - 1
_UNITS = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def in_words(entry: ConfigEntry) -> str:
    """What a number of bytes or milliseconds comes to; "" for other values."""
    timed, sized = entry.name.endswith(".ms"), entry.name.endswith(".bytes")
    if not (timed or sized) or not re.fullmatch(r"-?\d+", entry.value or ""):
        return ""
    number = int(entry.value or "")
    if number == -2 and entry.name.startswith("local."):
        return f"as {entry.name.removeprefix('local.')}"
    if number in (-1, _LONGEST):
        return "no limit"
    if timed:
        return _NO_REST.sub("", duration(number / 1000))
    return next((f"{number // unit} {name}" for unit, name in _UNITS if number and not number % unit), size(number))


def value_text(entry: ConfigEntry) -> str:
    if entry.value is None:
        return "(kept secret by the broker)" if entry.is_sensitive else "(none)"
    return entry.value or "(empty)"


def differs(entry: ConfigEntry) -> bool:
    """Somebody set it: the topic itself, or its brokers."""
    return not entry.is_default


def _marks(entry: ConfigEntry) -> str:
    named = (("read-only", entry.is_read_only), ("sensitive", entry.is_sensitive))
    return ", ".join(name for name, holds in named if holds)


COLUMNS: tuple[Column[ConfigEntry], ...] = (
    Column("Setting", lambda e: e.name, lambda e: e.name, 36),
    Column("Value", value_text, value_text, 25, tip="What is in force"),
    Column("In words", in_words, in_words, 16),
    Column("Set by", lambda e: e.source.value, lambda e: e.source.value, 18, tip="Who set the value that is in force"),
    Column("Marks", _marks, _marks, 12),
)


def _tone(entry: ConfigEntry, column: int) -> str:
    if entry.source is ConfigSource.TOPIC and column == 3:
        return "link"
    return "muted" if column > 1 or entry.is_default else "text"


class ConfigurationModel(RowsModel[ConfigEntry]):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(COLUMNS, lambda e: e.name, lambda e: f"{e.name} = {value_text(e)}", _tone, parent)
