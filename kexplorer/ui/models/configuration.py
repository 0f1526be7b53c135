"""The configuration of a topic as a table, with what a person wants otherwise and has not sent yet."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from kexplorer.formats.numbers import duration, size
from kexplorer.model.cluster import ConfigEntry, ConfigSource
from kexplorer.model.failure import Failure
from kexplorer.model.topic_settings import TOPIC_SETTINGS, SettingKind, check_setting
from kexplorer.ui.models.rows import Column, Index, RowsModel

_LONGEST = (1 << 63) - 1
_NUMBER = re.compile(r"[+-]?\d+")
_UNITS = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_TIMES = ((86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second"))
_TYPED = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]+)", re.ASCII | re.IGNORECASE)
_TYPED_TIME = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_TYPED_SIZE = {"b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40} | {
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
}
_LONG_NAMES = {f"{name}{plural}": number for number, name in _TIMES for plural in ("", "s")}


@dataclass(frozen=True, slots=True)
class Edit:
    """`value` is what Kafka would be sent, None to go back to what is in force without the topic's own. `wrong` says
    why it cannot be sent."""

    value: str | None
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """`meaning` is Kafka's own documentation, as plain text."""

    entry: ConfigEntry
    edit: Edit | None = None
    meaning: str = ""

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def value(self) -> str | None:
        """As it is, or as it is to be. What a reset leads to is the default, where the broker tells it."""
        if self.edit is None:
            return self.entry.value
        return self.entry.default if self.edit.value is None else self.edit.value


def in_words(name: str, value: str | None) -> str:
    """What a number of bytes or milliseconds comes to; "" for other values."""
    timed, sized = name.endswith(".ms"), name.endswith(".bytes")
    if not (timed or sized) or not _NUMBER.fullmatch(value or ""):
        return ""
    number = int(value or "")
    if number == -2 and name.startswith("local."):
        return f"as {name.removeprefix('local.')}"
    if number in (-1, _LONGEST):
        return "no limit"
    if not timed:
        return next(
            (f"{number // unit} {words}" for unit, words in _UNITS if number and not number % unit), size(number)
        )
    if number < 1000:
        return f"{number} ms"
    whole = next(((number // unit, words) for unit, words in _TIMES if not number % unit), None)
    return f"{whole[0]:,} {whole[1]}{'' if whole[0] == 1 else 's'}" if whole else duration(number / 1000)


def typed(name: str, text: str) -> Edit:
    """What a person means by `text`: as Kafka has it, or with a unit as in "7 d" and "1 GiB"."""
    given = text.strip()
    timed, sized = name.endswith(".ms"), name.endswith(".bytes")
    if (timed or sized) and (found := _TYPED.fullmatch(given)):
        units = _TYPED_TIME | _LONG_NAMES if timed else _TYPED_SIZE
        if found[2].lower() not in units:
            known = "ms, s, min, h, d or w" if timed else "KiB, MiB, GiB, kB, MB or GB"
            return Edit(given, f"“{found[2]}” is no unit here. Write {known}.")
        given = str(round(float(found[1]) * units[found[2].lower()]))
    return Edit(given, _wrong(name, given))


def _wrong(name: str, given: str) -> str:
    """In a sentence; "" for what the broker may be asked. It alone knows of settings that are newer than this list."""
    if name not in TOPIC_SETTINGS:
        return ""
    try:
        check_setting(name, given)
    except Failure as failure:
        return str(failure)
    return ""


def choices(entry: ConfigEntry) -> Sequence[str]:
    """All values that it can have, where they are few."""
    setting = TOPIC_SETTINGS.get(entry.name)
    if setting and setting.kind is SettingKind.CHOICES:
        return (*setting.choices, ",".join(setting.choices))
    return setting.choices if setting else ()


def plain_meaning(text: str) -> str:
    """Kafka documents its settings in HTML."""
    return " ".join(html.unescape(re.sub(r"<[^>]{0,200}>", "", text)).split())


def value_text(entry: ConfigEntry, value: str | None) -> str:
    if value is None:
        return "(kept secret by the broker)" if entry.is_sensitive else "(none)"
    return value or "(empty)"


def differs(entry: ConfigEntry) -> bool:
    """Somebody set it: the topic itself, or its brokers."""
    return not entry.is_default


def _value(row: Setting) -> str:
    if row.edit and row.edit.value is None and row.entry.default is None:
        return "(default)"
    return value_text(row.entry, row.value)


def _order(row: Setting) -> tuple[int, float, str]:
    """Numbers by what they are, before words; no limit is more than any number."""
    value = row.value or ""
    if in_words(row.name, value) == "no limit":
        return 0, float("inf"), ""
    return (0, float(value), "") if re.fullmatch(r"-?\d+(\.\d+)?", value) else (1, 0.0, value)


def _words_order(row: Setting) -> tuple[str, float]:
    kind = row.name.rpartition(".")[2] if in_words(row.name, row.value) else "~"
    return kind, _order(row)[1]


def _state(row: Setting) -> str:
    if row.edit:
        if row.edit.wrong:
            return f"not possible: {row.edit.wrong}"
        return "will be reset" if row.edit.value is None else f"was {value_text(row.entry, row.entry.value)}"
    marks = (("read-only", row.entry.is_read_only), ("sensitive", row.entry.is_sensitive))
    return ", ".join(name for name, holds in marks if holds)


def _default(row: Setting) -> str:
    if row.entry.default is None:
        return value_text(row.entry, row.entry.value) if row.entry.is_default else ""
    return row.entry.default or "(empty)"


COLUMNS: tuple[Column[Setting], ...] = (
    Column("Setting", lambda r: r.name, lambda r: r.name, 31),
    Column("Value", _value, _order, 22, tip="What is in force, or what it is to be. F2 or a double click changes it"),
    Column("In words", lambda r: in_words(r.name, r.value), _words_order, 16),
    Column("Default", _default, _default, 22, tip="What would be in force if nobody set it"),
    Column(
        "Set by", lambda r: r.entry.source.value, lambda r: r.entry.source.value, 14, tip="Who set what is in force"
    ),
    Column("State", _state, _state, 18),
)
VALUE, _SET_BY, _STATE = 1, 4, 5


class ConfigurationModel(RowsModel[Setting]):
    """What is edited is kept here until it is sent or discarded; reading it again does not lose it. `own` is the source
    of what is set for just this: for a topic, for one broker, or for all brokers. That can be reset."""

    edited = Signal()

    def __init__(self, parent: QObject | None = None, own: ConfigSource = ConfigSource.TOPIC) -> None:
        super().__init__(COLUMNS, lambda r: r.name, lambda r: r.meaning, self._tone, parent)
        self.own = own
        self.can_edit = True
        self._entries: dict[str, ConfigEntry] = {}
        self._edits: dict[str, Edit] = {}
        self._meanings: Mapping[str, str] = {}

    @property
    def edits(self) -> Mapping[str, Edit]:
        return self._edits

    def set_entries(self, entries: Iterable[ConfigEntry]) -> None:
        self._entries = {entry.name: entry for entry in entries}
        self._edits = {name: edit for name, edit in self._edits.items() if self._changes(name, edit)}
        self._tell()

    def set_meanings(self, meanings: Mapping[str, str]) -> None:
        self._meanings = {name: plain_meaning(text) for name, text in meanings.items()}
        self._tell()

    def _meaning(self, name: str) -> str:
        known = TOPIC_SETTINGS.get(name)
        return self._meanings.get(name) or (known.meaning if known else "")

    def resettable(self, row: Setting) -> bool:
        return row.entry.source is self.own and not row.entry.is_read_only

    def _tone(self, row: Setting, column: int) -> str:
        if row.edit and column in (VALUE, _STATE):
            return "bad" if row.edit.wrong else "warn"
        if row.entry.source is self.own and column == _SET_BY:
            return "link"
        return "muted" if column > VALUE or row.entry.is_default else "text"

    def edit(self, name: str, text: str) -> None:
        self._keep(name, typed(name, text))

    def reset(self, name: str) -> None:
        """To what is in force without a value of its own."""
        self._keep(name, Edit(None))

    def discard(self, *names: str) -> None:
        """What was to become of these, or of all."""
        self._edits = {name: edit for name, edit in self._edits.items() if names and name not in names}
        self._tell()

    def flags(self, index: Index) -> Qt.ItemFlag:
        editable = index.isValid() and index.column() == VALUE and self.can_edit
        fixed = editable and self.row(index.row()).entry.is_read_only
        return super().flags(index) | (
            Qt.ItemFlag.ItemIsEditable if editable and not fixed else Qt.ItemFlag.NoItemFlags
        )

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.EditRole:
            return self.row(index.row()).value or ""
        return super().data(index, role)

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole or str(value) == self.data(index, role):
            return False
        self.edit(self.row(index.row()).name, str(value))
        return True

    def _keep(self, name: str, edit: Edit) -> None:
        self._edits.pop(name, None)
        if self._changes(name, edit):
            self._edits[name] = edit
        self._tell()

    def _changes(self, name: str, edit: Edit) -> bool:
        entry = self._entries.get(name)
        if entry is None:
            return False
        return entry.source is self.own if edit.value is None else edit.value != entry.value

    def _tell(self) -> None:
        self.set_rows(Setting(e, self._edits.get(n), self._meaning(n)) for n, e in self._entries.items())
        self.edited.emit()
