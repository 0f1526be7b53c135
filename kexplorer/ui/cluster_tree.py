"""The left side of the window: connections, and the topics of those that are open."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAction,
    QColor,
    QFontMetrics,
    QGuiApplication,
    QIcon,
    QKeyEvent,
    QPainter,
    QPalette,
    QShortcut,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from kexplorer.model.cluster import ConnectionState, Link
from kexplorer.model.profile import Profile
from kexplorer.model.topics import Topic
from kexplorer.ui.commands import Commands
from kexplorer.ui.icons import icon
from kexplorer.ui.marks import link_colour, paint_dot, paint_link, profile_colour
from kexplorer.ui.models.cluster_tree import NODE_ROLE, ClusterTreeModel, Node
from kexplorer.ui.theme import row_height, tokens
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
        self._delegate = _NodeDelegate(self.view)
        self.view.setItemDelegate(self._delegate)
        self.view.opened.connect(self._open)
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.view.selectionModel().currentChanged.connect(self._current_moved)
        self.filter.filter_changed.connect(self._filter)
        self.filter.returnPressed.connect(self._enter_topics)
        QShortcut(Qt.Key.Key_Down, self.filter, self._enter_topics, context=Qt.ShortcutContext.WidgetShortcut)
        self._before_filter: list[tuple[str, bool]] | None = None  # expanded profiles, and whether their topics were
        self._wanted: tuple[str, str, bool] | None = None  # the current row, by name
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
        self.model.set_profiles(profiles)
        self._none.setVisible(not self.model.profiles())
        self._expand(expanded)
        self._find_current()

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
        first = not self.model.index_of(profile, all_topics=True).isValid()
        self.model.set_topics(profile, topics)
        if first:
            self._expand([(profile, True)])
        self._find_current()

    def show_internal(self, on: bool) -> None:
        self.model.show_internal(on)
        self._find_current()

    def focus_filter(self) -> None:
        self.filter.setFocus()
        self.filter.selectAll()

    def _filter(self, text: str) -> None:
        if text.strip() and self._before_filter is None:
            self._before_filter = self._expanded()
        self.model.set_filter(text)
        if text.strip():
            self._expand([(profile.name, True) for profile in self.model.profiles()])
        elif self._before_filter is not None:
            self.view.collapseAll()
            self._expand(self._before_filter)
            self._before_filter = None
        self._find_current()

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
            (name, self.view.isExpanded(self.model.index_of(name, all_topics=True)))
            for name in names
            if self.view.isExpanded(self.model.index_of(name))
        ]

    def _expand(self, expanded: list[tuple[str, bool]]) -> None:
        for name, topics in expanded:
            self.view.expand(self.model.index_of(name))
            self.view.setExpanded(self.model.index_of(name, all_topics=True), topics)

    def _current_moved(self, index: QModelIndex) -> None:
        if node := self.model.node(index):
            self._wanted = (node.profile.name, node.topic, node.all_topics)
            self.current_changed.emit(node.profile.name)

    def _find_current(self) -> None:
        """Back to the row that was current, if the change of rows has moved it."""
        if self._wanted and (index := self.model.index_of(*self._wanted)).isValid():
            if index != self.view.currentIndex():
                self.view.setCurrentIndex(index)
        elif not self.model.profiles():
            self._wanted = None
            self.current_changed.emit("")

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
        elif node.all_topics or node.state:
            self._commands.open_topics(name)
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
            offer("Copy name", "copy", lambda: QGuiApplication.clipboard().setText(node.topic))
            return menu
        offer("Open topics", "topic", lambda: commands.open_topics(name))
        if node.all_topics:
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


class _NodeDelegate(QStyledItemDelegate):
    """A profile has its colour's dot on the left, a lock and the state of its link on the right; topics are counted."""

    def __init__(self, view: QTreeView) -> None:
        super().__init__(view)
        self.turn = -1  # of the spinner, in steps of a twelfth; negative: not yet

    def sizeHint(self, option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(0, row_height(option.font))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        node: Node = index.data(NODE_ROLE)
        option.widget.style().drawPrimitive(
            QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget
        )
        painter.save()
        painter.setFont(option.font)
        area = option.rect.adjusted(4, 0, -8, 0)
        if node.topic:
            self._text(painter, option, area, node.topic)
        elif node.all_topics:
            self._topics(painter, option, area, node)
        else:
            self._profile(painter, option, area, node)
        painter.restore()

    def _profile(self, painter: QPainter, option: QStyleOptionViewItem, area: QRect, node: Node) -> None:
        paint_dot(painter, QRectF(_box(area.left(), area)), profile_colour(node.profile.colour, option.palette))
        right = area.right() - 16
        if node.state and (node.state.link != Link.CONNECTING or self.turn >= 0):
            colour = _foreground(option) if _selected(option) else link_colour(node.state.link, option.palette)
            paint_link(painter, QRectF(_box(right, area, 12)), node.state.link, colour, self.turn * 30)
        if node.profile.read_only:
            right -= 20
            mode = QIcon.Mode.Selected if _selected(option) else QIcon.Mode.Normal
            icon("lock", "muted").paint(painter, _box(right, area, 14), mode=mode)
        self._text(
            painter,
            option,
            QRect(area.left() + 22, area.top(), right - area.left() - 28, area.height()),
            node.profile.name,
            muted=node.state is None,
        )

    def _topics(self, painter: QPainter, option: QStyleOptionViewItem, area: QRect, node: Node) -> None:
        mode = QIcon.Mode.Selected if _selected(option) else QIcon.Mode.Normal
        icon("topic", "muted").paint(painter, _box(area.left(), area), mode=mode)
        count = f"{node.total:,}" if node.shown == node.total else f"{node.shown:,} of {node.total:,}"
        self._text(painter, option, area, count, muted=True, align=Qt.AlignmentFlag.AlignRight)
        room = area.adjusted(22, 0, -QFontMetrics(option.font).horizontalAdvance(count) - 8, 0)
        self._text(painter, option, room, "Topics")

    def _text(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        area: QRect,
        text: str,
        muted: bool = False,
        align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
    ) -> None:
        painter.setPen(tokens(option.palette).muted if muted and not _selected(option) else _foreground(option))
        shown = QFontMetrics(option.font).elidedText(text, Qt.TextElideMode.ElideMiddle, area.width())
        painter.drawText(area, align | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, shown)


def _selected(option: QStyleOptionViewItem) -> bool:
    return bool(option.state & QStyle.StateFlag.State_Selected)


def _foreground(option: QStyleOptionViewItem) -> QColor:
    role = QPalette.ColorRole.HighlightedText if _selected(option) else QPalette.ColorRole.Text
    return option.palette.color(role)


def _box(left: int, area: QRect, side: int = 16) -> QRect:
    return QRect(left, area.center().y() - side // 2 + 1, side, side)
