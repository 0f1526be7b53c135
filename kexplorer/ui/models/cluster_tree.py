"""Profiles, and the topics beneath them, as a tree."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from kexplorer.model.cluster import ConnectionState
from kexplorer.model.profile import Profile
from kexplorer.model.topics import Topic

Index = QModelIndex | QPersistentModelIndex

NODE_ROLE = Qt.ItemDataRole.UserRole
_PROFILE, _SECTION, _TOPIC = range(3)
_MOST_ROWS = 1000  # of one cluster: a view lays all rows out anew when one is added, at 10 to 20 µs each
_MORE = ""  # stands in for the name of the last row, which counts the topics that have none
_NOWHERE = QModelIndex()
_FLAGS = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable  # a view asks for them for every row it lays out
_LEAF_FLAGS = _FLAGS | Qt.ItemFlag.ItemNeverHasChildren


class Section(StrEnum):
    """The rows below a connected cluster, the one that may have a thousand below it last."""

    OVERVIEW = "Overview"
    GROUPS = "Groups"
    LAG = "Lag"
    REPLAYS = "Replays"
    ACCESS = "Access"
    TOPICS = "Topics"


_SECTIONS = tuple(Section)
_TOPICS_ROW = _SECTIONS.index(Section.TOPICS)


@dataclass(frozen=True, slots=True)
class Node:
    """What a row stands for. With a topic: that topic; with `more`: so many topics that have no row of their own; with
    a `section`: that one, the topics have theirs above them; else the profile. `found` of `total` topics pass the
    filter."""

    profile: Profile
    state: ConnectionState | None
    section: Section | None = None
    topic: str = ""
    more: int = 0
    found: int = 0
    total: int = 0


@dataclass(slots=True, eq=False)
class _Branch:
    serial: int  # part of the ids of the rows below, so that they stay valid when branches move
    profile: Profile
    state: ConnectionState | None = None
    topics: list[Topic] | None = None
    names: list[tuple[str, str]] = field(default_factory=list)  # lower case for the filter, and as it is
    found: int = 0  # how many pass the filter
    visible: list[str] = field(default_factory=list)  # those that have a row, and perhaps _MORE


class ClusterTreeModel(QAbstractItemModel):
    """One row a profile, below it its sections as soon as the topics are known, below "Topics" their names, 1,000 at
    most: more are found by the filter. Topics that go on existing keep their row when others come and go."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._branches: list[_Branch] = []
        self._by_serial: dict[int, _Branch] = {}
        self._serials = count(1)
        self._filter = ""
        self._internal = False

    # what is shown

    def set_profiles(self, profiles: Iterable[Profile]) -> None:
        """The profiles in their order. What is known of one that stays (by its name) is kept."""
        known = {branch.profile.name: branch for branch in self._branches}
        self.beginResetModel()
        self._branches = []
        for profile in profiles:
            branch = known.get(profile.name) or _Branch(next(self._serials), profile)
            branch.profile = profile
            self._branches.append(branch)
        self._by_serial = {branch.serial: branch for branch in self._branches}
        self.endResetModel()

    def set_state(self, profile: str, state: ConnectionState | None) -> None:
        """None: not connected, and nothing known of its topics."""
        if branch := self._branch(profile):
            branch.state = state
            if state is None:
                self._set_topics(branch, None)
            self._changed(branch)

    def set_topics(self, profile: str, topics: Iterable[Topic]) -> None:
        if branch := self._branch(profile):
            self._set_topics(branch, sorted(topics, key=lambda topic: (topic.name.lower(), topic.name)))

    def set_filter(self, text: str) -> None:
        """Only topics whose name has `text` in it; upper and lower case are the same."""
        self._filter = text.strip().lower()
        self._filter_all()

    def show_internal(self, on: bool) -> None:
        self._internal = on
        for branch in self._branches:
            branch.names = self._names(branch)
        self._filter_all()

    # what is known

    def profiles(self) -> Sequence[Profile]:
        return [branch.profile for branch in self._branches]

    def state(self, profile: str) -> ConnectionState | None:
        branch = self._branch(profile)
        return branch.state if branch else None

    def topics(self, profile: str) -> Sequence[str]:
        """All names that may be shown, whatever the filter is."""
        branch = self._branch(profile)
        return [name for _, name in branch.names] if branch else []

    def index_of(self, profile: str, topic: str = "", section: Section | None = None) -> QModelIndex:
        """Where a profile, one of its sections or one topic stands; invalid when it is not shown."""
        branch = self._branch(profile)
        if branch is None or (branch.topics is None and (topic or section)):
            return QModelIndex()
        if topic:
            row = branch.visible.index(topic) if topic in branch.visible else -1
            return self._at(branch, _TOPIC, row) if row >= 0 else QModelIndex()
        return self._at(branch, _SECTION, _SECTIONS.index(section)) if section else self._at(branch, _PROFILE, 0)

    def first_topic(self, profile: str) -> QModelIndex:
        branch = self._branch(profile)
        return self._at(branch, _TOPIC, 0) if branch and branch.visible else QModelIndex()

    def node(self, index: Index) -> Node | None:
        if not index.isValid():
            return None
        branch, kind = self._place(index)
        topic = branch.visible[index.row()] if kind == _TOPIC else ""
        more = branch.found - _MOST_ROWS if kind == _TOPIC and topic == _MORE else 0
        section = _SECTIONS[index.row()] if kind == _SECTION else None
        return Node(branch.profile, branch.state, section, topic, more, branch.found, len(branch.names))

    # Qt's questions

    def index(self, row: int, column: int, parent: Index = _NOWHERE) -> QModelIndex:
        if column != 0 or not 0 <= row < self.rowCount(parent):
            return QModelIndex()
        if parent.isValid():
            return self.createIndex(row, 0, parent.internalId() + 1)  # the same branch, the next kind
        return self._at(self._branches[row], _PROFILE, row)

    def parent(self, index: Index) -> QModelIndex:  # type: ignore[override]
        if not index.isValid():
            return QModelIndex()
        branch, kind = self._place(index)
        return QModelIndex() if kind == _PROFILE else self._at(branch, kind - 1, _TOPICS_ROW if kind == _TOPIC else 0)

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        if not parent.isValid():
            return len(self._branches)
        branch, kind = self._place(parent)
        if kind == _SECTION and parent.row() == _TOPICS_ROW:
            return len(branch.visible)
        return len(_SECTIONS) if kind == _PROFILE and branch.topics is not None else 0

    def columnCount(self, _parent: Index = _NOWHERE) -> int:
        return 1

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        return _LEAF_FLAGS if index.internalId() % 4 == _TOPIC else _FLAGS

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role not in _ROLES or (node := self.node(index)) is None:
            return None
        if role == NODE_ROLE:
            return node
        if role == Qt.ItemDataRole.ToolTipRole:
            return html.escape(describe(node))
        if node.more:
            return f"{node.more:,} more"
        return node.section or node.topic or node.profile.name

    # inside

    def _branch(self, profile: str) -> _Branch | None:
        return next((branch for branch in self._branches if branch.profile.name == profile), None)

    def _place(self, index: Index) -> tuple[_Branch, int]:
        serial, kind = divmod(index.internalId(), 4)
        return self._by_serial[serial], kind

    def _at(self, branch: _Branch, kind: int, row: int) -> QModelIndex:
        row = self._branches.index(branch) if kind == _PROFILE else row
        return self.createIndex(row, 0, branch.serial * 4 + kind)

    def _changed(self, branch: _Branch) -> None:
        indexes = [self._at(branch, _PROFILE, 0)]
        if branch.topics is not None:
            indexes.append(self._at(branch, _SECTION, _TOPICS_ROW))
        if branch.found > _MOST_ROWS:
            indexes.append(self._at(branch, _TOPIC, _MOST_ROWS))
        for index in indexes:
            self.dataChanged.emit(index, index)

    def _set_topics(self, branch: _Branch, topics: list[Topic] | None) -> None:
        top = self._at(branch, _PROFILE, 0)
        if branch.topics is not None and topics is None:
            self.beginRemoveRows(top, 0, len(_SECTIONS) - 1)
            branch.topics, branch.names, branch.found, branch.visible = None, [], 0, []
            self.endRemoveRows()
        elif branch.topics is None and topics is not None:
            self.beginInsertRows(top, 0, len(_SECTIONS) - 1)
            branch.topics = []
            self.endInsertRows()
        if topics is not None and topics != branch.topics:
            branch.topics = topics
            branch.names = self._names(branch)
            self._show(branch)

    def _names(self, branch: _Branch) -> list[tuple[str, str]]:
        shown = (topic.name for topic in branch.topics or () if self._internal or not topic.internal)
        return [(name.lower(), name) for name in shown]

    def _filter_all(self) -> None:
        for branch in self._branches:
            if branch.topics is not None:
                self._show(branch)

    def _show(self, branch: _Branch) -> None:
        """Replaces what differs between the shown names and the ones to show, in one removal and one insertion."""
        found = [name for lower, name in branch.names if self._filter in lower]
        branch.found = len(found)
        old, new = branch.visible, found if len(found) <= _MOST_ROWS else [*found[:_MOST_ROWS], _MORE]
        head = _common(old, new)
        tail = min(_common(old[::-1], new[::-1]), len(old) - head, len(new) - head)
        parent = self._at(branch, _SECTION, _TOPICS_ROW)
        if gone := len(old) - head - tail:
            self.beginRemoveRows(parent, head, head + gone - 1)
            branch.visible = old[:head] + old[head + gone :]
            self.endRemoveRows()
        if come := len(new) - head - tail:
            self.beginInsertRows(parent, head, head + come - 1)
            branch.visible = new
            self.endInsertRows()
        self._changed(branch)


_ROLES = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, NODE_ROLE)


_SPOKEN = {
    Section.OVERVIEW: "Brokers, what is not well, and the brokers' configuration",
    Section.GROUPS: "Consumer groups, how far behind they are, and resets of their offsets",
    Section.LAG: "How far groups are behind, now and in the past",
    Section.ACCESS: "ACLs, SCRAM users and quotas",
}


def describe(node: Node) -> str:
    """The row in words, as its tool tip and for those who hear it."""
    if node.topic:
        return node.topic
    if node.section is Section.TOPICS:
        return f"{node.total:,} topics" if node.found == node.total else f"{node.found:,} of {node.total:,} topics"
    if node.more:
        return f"{node.more:,} more topics. The filter and the command palette find them, the topics panel lists them."
    if node.section:
        return _SPOKEN[node.section]
    link = f"{node.state.link}: {node.state.reason}".rstrip(": ") if node.state else "not connected"
    lines = [node.profile.name, node.profile.bootstrap, link[0].upper() + link[1:]]
    marks = (("Production", node.profile.production), ("Read-only", node.profile.read_only))
    return "\n".join([*lines, *(mark for mark, on in marks if on)])


def _common(old: list[str], new: list[str]) -> int:
    """How many first items are the same."""
    return next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
