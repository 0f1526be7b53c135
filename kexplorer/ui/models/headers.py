"""Headers that are being written: in their order, with duplicates, nulls and bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from kexplorer.formats.text import mostly_odd, visible
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Header

Index = QModelIndex | QPersistentModelIndex
NAME, KIND, VALUE = range(3)
_TITLES = ("Name", "Kind", "Value")
_NOWHERE = QModelIndex()


class HeaderKind(StrEnum):
    """The values are words for a person."""

    TEXT = "Text"
    HEX = "Hex"
    NULL = "Null"


@dataclass(frozen=True, slots=True)
class Draft:
    """A header as it is typed. `kept` are its bytes until the text is edited."""

    name: str = ""
    kind: HeaderKind = HeaderKind.TEXT
    text: str = ""
    kept: bytes | None = None

    @property
    def wrong(self) -> str:
        """A clause; "" for a header that can be sent."""
        if not self.name:
            return "it has no name"
        if self.kept is not None or self.kind is not HeaderKind.HEX:
            return ""
        try:
            bytes.fromhex(self.text)
        except ValueError:
            return "its value is not hexadecimal: pairs of digits such as 0A FF"
        return ""

    @property
    def value(self) -> bytes | None:
        """Only of one that is not wrong."""
        if self.kind is HeaderKind.NULL:
            return None
        if self.kept is not None:
            return self.kept
        if self.kind is HeaderKind.HEX:
            return bytes.fromhex(self.text)
        return self.text.encode("utf-8", "surrogatepass")


def draft_of(name: str, value: bytes | None) -> Draft:
    if value is None:
        return Draft(name, HeaderKind.NULL)
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if (value and not text) or mostly_odd(text):
        return Draft(name, HeaderKind.HEX, value.hex(" ").upper(), value)
    return Draft(name, HeaderKind.TEXT, text, value)


class HeadersModel(QAbstractTableModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.drafts: list[Draft] = []

    def headers(self) -> tuple[Header, ...]:
        """Raises `Failure`, which names the first header that cannot be sent."""
        for number, draft in enumerate(self.drafts, 1):
            if draft.wrong:
                what = (
                    f"Header {number}{f' ({visible(draft.name)})' if draft.name else ''} cannot be sent: {draft.wrong}."
                )
                raise Failure(FailureKind.INVALID, what, "Correct it, or remove it.")
        return tuple((draft.name, draft.value) for draft in self.drafts)

    def set_headers(self, headers: Iterable[Header]) -> None:
        self.beginResetModel()
        self.drafts = [draft_of(name, value) for name, value in headers]
        self.endResetModel()

    def add(self, row: int, draft: Draft) -> None:
        self.beginInsertRows(_NOWHERE, row, row)
        self.drafts.insert(row, draft)
        self.endInsertRows()

    def remove(self, row: int) -> None:
        self.beginRemoveRows(_NOWHERE, row, row)
        del self.drafts[row]
        self.endRemoveRows()

    def move(self, row: int, by: int) -> bool:
        """False at the edge."""
        target = row + by
        if not 0 <= target < len(self.drafts):
            return False
        self.beginMoveRows(_NOWHERE, row, row, _NOWHERE, target + (by > 0))
        self.drafts.insert(target, self.drafts.pop(row))
        self.endMoveRows()
        return True

    # QAbstractTableModel

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.drafts)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(_TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _TITLES[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        usual = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        fixed = index.column() == VALUE and self.drafts[index.row()].kind is HeaderKind.NULL
        return usual if fixed else usual | Qt.ItemFlag.ItemIsEditable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        draft = self.drafts[index.row()]
        if role == Qt.ItemDataRole.EditRole:
            return (draft.name, draft.kind.value, draft.text)[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return (visible(draft.name) or "(name)", draft.kind.value, _shown(draft))[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"It cannot be sent: {draft.wrong}." if draft.wrong else None
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        draft, given = self.drafts[index.row()], str(value)
        if role != Qt.ItemDataRole.EditRole or given == self.data(index, role):
            return False
        if index.column() == NAME:
            draft = replace(draft, name=given)
        elif index.column() == KIND:
            draft = _converted(draft, HeaderKind(given))
        else:
            draft = replace(draft, text=given, kept=None)
        self.drafts[index.row()] = draft
        self.dataChanged.emit(self.index(index.row(), 0), self.index(index.row(), len(_TITLES) - 1))
        return True

    def tone(self, index: Index) -> str:
        """The colour token of a cell."""
        draft = self.drafts[index.row()]
        wrong = bool(draft.wrong) and (index.column() == NAME) is not bool(draft.name)
        if wrong and index.column() != KIND:
            return "bad"
        return "muted" if index.column() == KIND or (index.column() == VALUE and not draft.text) else "text"


def _shown(draft: Draft) -> str:
    if draft.kind is HeaderKind.NULL:
        return "null"
    return visible(draft.text) or "empty"


def _converted(draft: Draft, kind: HeaderKind) -> Draft:
    """The same bytes in another kind, where it can show them; otherwise what was typed."""
    if kind is HeaderKind.NULL:
        return Draft(draft.name, kind)
    if draft.wrong or draft.value is None:
        return replace(draft, kind=kind, kept=None)
    if kind is HeaderKind.HEX:
        return Draft(draft.name, kind, draft.value.hex(" ").upper(), draft.value)
    return draft_of(draft.name, draft.value)
