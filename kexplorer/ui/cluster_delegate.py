"""How the rows of the cluster tree are painted."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QIcon, QPainter, QPalette
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTreeView

from kexplorer.model.cluster import Link
from kexplorer.ui.icons import icon
from kexplorer.ui.marks import link_colour, paint_dot, paint_link, profile_colour
from kexplorer.ui.models.cluster_tree import NODE_ROLE, Node, Section
from kexplorer.ui.theme import row_height, tokens

SECTION_ICONS = {
    Section.OVERVIEW: "cluster",
    Section.GROUPS: "group",
    Section.LAG: "lag",
    Section.REPLAYS: "replay",
    Section.ACCESS: "key",
    Section.TOPICS: "topic",
}


class NodeDelegate(QStyledItemDelegate):
    """A profile has its colour's dot on the left, a shield (production), a lock (read-only) and the state
    of its link on the right; topics are counted."""

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
        if node.topic or node.more:
            self._text(painter, option, area, index.data(), muted=bool(node.more))
        elif node.section:
            self._section(painter, option, area, node)
        else:
            self._profile(painter, option, area, node)
        painter.restore()

    def _profile(self, painter: QPainter, option: QStyleOptionViewItem, area: QRect, node: Node) -> None:
        dot = QRectF(_box(area.left(), area))
        if _selected(option):  # a ring, for the colour may be the selection's own
            paint_dot(painter, dot.adjusted(-3, -3, 3, 3), _foreground(option))
        paint_dot(painter, dot, profile_colour(node.profile.colour, option.palette))
        right = area.right() - 16
        if node.state and (node.state.link != Link.CONNECTING or self.turn >= 0):
            colour = _foreground(option) if _selected(option) else link_colour(node.state.link, option.palette)
            paint_link(painter, QRectF(_box(right, area, 12)), node.state.link, colour, self.turn * 30)
        mode = QIcon.Mode.Selected if _selected(option) else QIcon.Mode.Normal
        for name, shown in (("lock", node.profile.read_only), ("shield", node.profile.production)):
            if shown:
                right -= 20
                icon(name, "muted").paint(painter, _box(right, area, 14), mode=mode)
        self._text(
            painter,
            option,
            QRect(area.left() + 22, area.top(), right - area.left() - 28, area.height()),
            node.profile.name,
            muted=node.state is None,
        )

    def _section(self, painter: QPainter, option: QStyleOptionViewItem, area: QRect, node: Node) -> None:
        mode = QIcon.Mode.Selected if _selected(option) else QIcon.Mode.Normal
        icon(SECTION_ICONS[node.section or Section.TOPICS], "muted").paint(painter, _box(area.left(), area), mode=mode)
        count = f"{node.total:,}" if node.found == node.total else f"{node.found:,} of {node.total:,}"
        count = count if node.section is Section.TOPICS else ""
        self._text(painter, option, area, count, muted=True, align=Qt.AlignmentFlag.AlignRight)
        room = area.adjusted(22, 0, -QFontMetrics(option.font).horizontalAdvance(count) - 8, 0)
        self._text(painter, option, room, str(node.section))

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
