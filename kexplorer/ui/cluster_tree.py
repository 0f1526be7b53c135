"""The left side of the window: connections, and the topics of those that are open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QMenu,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from kexplorer.model.cluster import ConnectionState, Link
from kexplorer.model.profile import Profile
from kexplorer.model.topics import Topic
from kexplorer.ui.cluster_delegate import SECTION_ICONS, NodeDelegate
from kexplorer.ui.commands import Commands
from kexplorer.ui.icons import icon
from kexplorer.ui.models.cluster_tree import ClusterTreeModel, Node, Section
from kexplorer.ui.panels.topic_views import LOOKS
from kexplorer.ui.widgets.filter_box import FilterBox
from kexplorer.ui.widgets.labels import plain_label

_SPIN_MS = 80
_SPIN_AFTER_MS = 150  # who answers sooner needs no spinner


class ClusterTree(QWidget):
    """A filter field above the tree. Opening a row is a double click or Enter; the rest is in its context menu."""

    current_changed = Signal(str)  # the profile that the current row belongs to, "" for none

    def __init__(self, commands: Commands) -> None:
        super().__init__()
        self._commands = commands
        self.model = ClusterTreeModel(self)
        self.filter = FilterBox("Filter topics", pause=60)
        self.view = _TreeView()
        self.view.setModel(self.model)
        self._delegate = NodeDelegate(self.view)
        self.view.setItemDelegate(self._delegate)
        self.view.opened.connect(self._open)
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.view.selectionModel().currentChanged.connect(self._current_moved)
        self.filter.filter_changed.connect(self._filter)
        self.filter.left.connect(self._enter_topics)
        self._before_filter: list[tuple[str, bool]] | None = None  # expanded profiles, and whether their topics were
        self._wanted: tuple[str, str, Section | None] | None = None  # the current row, by name
        self._rows_move = False
        self._spin = QTimer(self, interval=_SPIN_MS)
        self._spin.timeout.connect(self._turn)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 0, 0)
        layout.setSpacing(8)
        field = QHBoxLayout()
        field.setContentsMargins(0, 0, 8, 0)
        field.addWidget(self.filter)
        layout.addLayout(field)
        layout.addWidget(self.view)
        self._none = plain_label("No connections yet.\nCtrl+N makes one.", role="muted")
        none_layout = QVBoxLayout(self.view)
        none_layout.addWidget(self._none, 0, Qt.AlignmentFlag.AlignCenter)

    def current_profile(self) -> str:
        node = self.model.node(self.view.currentIndex())
        return node.profile.name if node else ""

    def set_profiles(self, profiles: Iterable[Profile]) -> None:
        expanded = self._expanded()
        with self._current_kept():
            self.model.set_profiles(profiles)
            self._expand(expanded)
        self._none.setVisible(not self.model.profiles())

    def set_state(self, profile: str, state: ConnectionState | None) -> None:
        """None: not connected."""
        self.model.set_state(profile, state)
        connecting = [self.model.state(each.name) for each in self.model.profiles()]
        if not any(state and state.link == Link.CONNECTING for state in connecting):
            self._spin.stop()
            self._delegate.turn = -1
        elif not self._spin.isActive():
            self._delegate.turn = -_SPIN_AFTER_MS // _SPIN_MS
            self._spin.start()

    def set_topics(self, profile: str, topics: Iterable[Topic]) -> None:
        first = not self.model.index_of(profile, section=Section.TOPICS).isValid()
        with self._current_kept():
            self.model.set_topics(profile, topics)
            if first:
                self._expand([(profile, True)])

    def show_internal(self, on: bool) -> None:
        with self._current_kept():
            self.model.show_internal(on)

    def focus_filter(self) -> None:
        self.filter.setFocus()
        self.filter.selectAll()

    def _filter(self, text: str) -> None:
        if text.strip() and self._before_filter is None:
            self._before_filter = self._expanded()
        with self._current_kept():
            self.model.set_filter(text)
            if text.strip():
                self._expand([(profile.name, True) for profile in self.model.profiles()])
            elif self._before_filter is not None:
                self.view.collapseAll()
                self._expand(self._before_filter)
                self._before_filter = None

    def _enter_topics(self) -> None:
        """From the filter into the tree: to the current topic, or to the first one there is."""
        node = self.model.node(self.view.currentIndex())
        if node is None or not node.topic:
            indexes = (self.model.first_topic(profile.name) for profile in self.model.profiles())
            if first := next((index for index in indexes if index.isValid()), None):
                self.view.setCurrentIndex(first)
        self.view.setFocus()

    def _expanded(self) -> list[tuple[str, bool]]:
        names = [profile.name for profile in self.model.profiles()]
        return [
            (name, self.view.isExpanded(self.model.index_of(name, section=Section.TOPICS)))
            for name in names
            if self.view.isExpanded(self.model.index_of(name))
        ]

    def _expand(self, expanded: list[tuple[str, bool]]) -> None:
        for name, topics in expanded:
            self.view.expand(self.model.index_of(name))
            self.view.setExpanded(self.model.index_of(name, section=Section.TOPICS), topics)

    def _current_moved(self, index: QModelIndex) -> None:
        if not self._rows_move and (node := self.model.node(index)):
            self._wanted = (node.profile.name, node.topic, node.section)
            self.current_changed.emit(node.profile.name)

    @contextmanager
    def _current_kept(self) -> Iterator[None]:
        """Rows that come and go make Qt choose a current one; afterwards it is the person's again, if it is there."""
        self._rows_move = True
        yield
        self._rows_move = False
        if self._wanted and (index := self.model.index_of(*self._wanted)).isValid():
            self.view.setCurrentIndex(index)

    def _turn(self) -> None:
        self._delegate.turn += 1
        self.view.viewport().update()

    def _open(self, index: QModelIndex) -> None:
        node = self.model.node(index)
        if node is None:
            return
        name = node.profile.name
        if node.topic:
            self._commands.open_topic(name, node.topic)
        elif node.section or node.more or node.state:
            self._commands.open_section(name, node.section or Section.TOPICS)
        else:
            self._commands.connect(name)

    def _show_menu(self, at: QPoint) -> None:
        if node := self.model.node(self.view.indexAt(at)):
            menu = self.menu_of(node)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.view.viewport().mapToGlobal(at))

    def menu_of(self, node: Node) -> QMenu:
        """The context menu of a row."""
        commands, name = self._commands, node.profile.name
        menu = QMenu(self)

        def offer(text: str, icon_name: str, run: object) -> QAction:
            action = menu.addAction(icon(icon_name), text)
            action.triggered.connect(run)
            return action

        if node.topic:
            offer("Open messages", "message", lambda: commands.open_topic(name, node.topic))
            offer("Produce messages", "produce", lambda: commands.open_produce(name, node.topic))
            offer("Partitions and configuration", "partition", lambda: commands.open_details(name, node.topic))
            menu.addSeparator()
            for view, (icon_name, _) in LOOKS.items():
                offer(str(view), icon_name, lambda _, view=view: commands.open_view(name, view, node.topic))
            menu.addSeparator()
            offer("Copy name", "copy", lambda: QGuiApplication.clipboard().setText(node.topic))
            return menu
        for section in Section if node.state else (Section.TOPICS,):
            run = partial(commands.open_section, name, section)
            offer(f"Open {section.lower()}", SECTION_ICONS[section], lambda _, run=run: run())
        if node.section or node.more:
            offer("Refresh", "refresh", lambda: commands.refresh(name))
            return menu
        if node.state:
            offer("Refresh", "refresh", lambda: commands.refresh(name))
            offer("Disconnect", "unplug", lambda: commands.disconnect(name))
        else:
            offer("Connect", "plug", lambda: commands.connect(name))
        menu.addSeparator()
        offer("Edit…", "edit", lambda: commands.edit(name))
        offer("Duplicate…", "duplicate", lambda: commands.duplicate(name))
        offer("Copy name", "copy", lambda: QGuiApplication.clipboard().setText(name))
        menu.addSeparator()
        offer("Delete…", "trash", lambda: commands.delete(name))
        return menu


class _TreeView(QTreeView):
    opened = Signal(QModelIndex)

    def __init__(self) -> None:
        super().__init__()
        self.setHeaderHidden(True)
        self.setUniformRowHeights(True)
        self.setIndentation(16)
        self.setExpandsOnDoubleClick(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Clusters and topics")
        self.doubleClicked.connect(self.opened)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.opened.emit(self.currentIndex())
        else:
            super().keyPressEvent(event)
