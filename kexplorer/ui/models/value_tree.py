"""The nodes of a decoded value as a tree of rows; a row is made when it is looked at."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from kexplorer.formats.json_tree import JsonTree, NodeKind
from kexplorer.formats.numbers import count
from kexplorer.formats.text import visible

Index = QModelIndex | QPersistentModelIndex

FIELD, VALUE, TYPE = range(3)  # columns
KIND_ROLE = Qt.ItemDataRole.UserRole  # NodeKind, None for a row that stands for many
GROUP = 500  # rows: a view lays out all rows of an opened node, at 10 to 20 µs each
_TITLES = ("Field", "Value", "Type")
_LONGEST = 500  # characters of a cell
_GROUP_SHIFT = 32  # in a row's id above the node: the number of the group, from 1
_NODE = (1 << _GROUP_SHIFT) - 1
_NOWHERE = QModelIndex()
_FLAGS = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


class ValueTreeModel(QAbstractItemModel):
    """The children of the value are the top rows. Where there are more than GROUP, rows such as "[500 – 999]" hold so
    many each. A row's id stays when a longer beginning of the same text is shown."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tree = JsonTree("")
        self._base = ""

    def set_tree(self, tree: JsonTree, base: str) -> None:
        """`base`: what the value is called, if it is shown as a row of its own."""
        self.beginResetModel()
        self.tree, self._base = tree, base
        self.endResetModel()

    def node(self, index: Index) -> int | None:
        """None for no row and for one that stands for many."""
        node, group = self._place(index)
        return node if index.isValid() and group is None else None

    def index_of(self, row_id: int) -> QModelIndex:
        """The row with this `internalId()`; invalid if that is not below the top."""
        node, group = row_id & _NODE, row_id >> _GROUP_SHIFT
        if group:
            return self.createIndex(group - 1, 0, row_id)
        return QModelIndex() if node <= self.tree.top else self.createIndex(self.tree.row(node) % GROUP, 0, node)

    # Qt's questions

    def index(self, row: int, column: int, parent: Index = _NOWHERE) -> QModelIndex:
        if not 0 <= row < self.rowCount(parent) or not 0 <= column < len(_TITLES):
            return QModelIndex()
        node, group = self._place(parent)
        if group is None and self.tree.count(node) > GROUP:
            return self.createIndex(row, column, node | row + 1 << _GROUP_SHIFT)
        return self.createIndex(row, column, self.tree.children(node)[(group or 0) * GROUP + row])

    def parent(self, index: Index) -> QModelIndex:  # type: ignore[override]
        if not index.isValid():
            return QModelIndex()
        node, group = self._place(index)
        if group is not None:
            return self.index_of(node)
        above = self.tree.parent(node)
        if self.tree.count(above) > GROUP:
            return self.index_of(above | self.tree.row(node) // GROUP + 1 << _GROUP_SHIFT)
        return self.index_of(above)

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        if parent.isValid() and parent.column():
            return 0
        node, group = self._place(parent)
        children = self.tree.count(node)
        if group is not None:
            return min(GROUP, children - group * GROUP)
        return children if children <= GROUP else -(-children // GROUP)

    def hasChildren(self, parent: Index = _NOWHERE) -> bool:
        return self.rowCount(parent) > 0

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return len(_TITLES)

    def flags(self, index: Index) -> Qt.ItemFlag:
        return _FLAGS if index.isValid() else Qt.ItemFlag.NoItemFlags

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return _TITLES[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or role not in (Qt.ItemDataRole.DisplayRole, KIND_ROLE):
            return None
        node, group = self._place(index)
        if role == KIND_ROLE:
            return None if group is not None else self.tree.kind(node)
        match index.column(), group:
            case _, None:
                return self._text(node, index.column())
            case 0, int(number):
                last = number * GROUP + self.rowCount(index) - 1
                return f"[{count(number * GROUP)} – {count(last)}]"
            case _:
                return ""

    def _text(self, node: int, column: int) -> str:
        tree = self.tree
        kind = tree.kind(node)
        if column == TYPE:
            return kind
        if column == VALUE:
            if kind not in (NodeKind.OBJECT, NodeKind.ARRAY):
                return visible(tree.written(node, _LONGEST))
            number, more = tree.count(node), "" if tree.closed(node) else " or more"
            what = "field" if kind is NodeKind.OBJECT else "item"
            return f"{count(number)} {what}{'' if number == 1 else 's'}{more}"
        name = tree.name(node)
        if name is not None:
            return visible(name[:_LONGEST])
        return f"[{tree.row(node)}]" if tree.parent(node) else self._base

    def _place(self, index: Index) -> tuple[int, int | None]:
        """The node, and which part of its children if the row stands for a part."""
        if not index.isValid():
            return self.tree.top, None
        row_id = index.internalId()
        return row_id & _NODE, (row_id >> _GROUP_SHIFT) - 1 if row_id >> _GROUP_SHIFT else None
