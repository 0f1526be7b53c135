"""The tree of a decoded value: fields to open, to copy, to make columns of and to filter on."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from threading import Thread

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QSignalBlocker, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QContextMenuEvent,
    QFont,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QMenu, QStyleOptionViewItem, QTreeView, QWidget

from kexplorer.formats.json_tree import JsonTree, NodeKind
from kexplorer.formats.numbers import size
from kexplorer.ui.icons import icon
from kexplorer.ui.models.value_tree import FIELD, KIND_ROLE, TYPE, VALUE, ValueTreeModel
from kexplorer.ui.theme import Tokens, mono_font
from kexplorer.ui.widgets.cell_delegate import PADDING, CellDelegate

_AT_ONCE = 32 * 1024  # characters whose tree is made without another thread
_RIGHTMOST = 0.8  # of the view's width: where the current row's name may begin
_SPACE = 6  # pixels between lines
_OPENED = 100  # rows up to which nodes are opened from the start
_LONGEST_LABEL = 60  # characters of a menu's line
_WIDTHS = {FIELD: 24, VALUE: 30, TYPE: 10}  # least, in characters; the values have what the others leave


class _Delegate(CellDelegate):
    def colour(self, index: QModelIndex | QPersistentModelIndex, look: Tokens) -> str:
        if index.column() == FIELD:
            return look.syntax_key
        match index.data(KIND_ROLE) if index.column() == VALUE else None:
            case NodeKind.STRING:
                return look.syntax_string
            case NodeKind.NUMBER:
                return look.syntax_number
            case NodeKind.BOOLEAN | NodeKind.NULL:
                return look.syntax_literal
        return look.muted

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        if index.column() != TYPE:
            option.font = _mono(option.font.pointSizeF())[0]
        super().paint(painter, option, index)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        _, metrics = _mono(option.font.pointSizeF())
        return QSize(metrics.horizontalAdvance(index.data()) + 2 * PADDING, option.fontMetrics.height() + _SPACE)


@lru_cache(maxsize=8)  # making one takes as long as drawing a cell
def _mono(points: float) -> tuple[QFont, QFontMetrics]:
    font = mono_font(points)
    return font, QFontMetrics(font)


class ValueTree(QTreeView):
    """Shows JSON; a large text is read in a thread of its own. `*`, which would open all there is, does nothing."""

    notice = Signal(str)  # a sentence for the status bar
    pin_requested = Signal(str)  # a path, to be a column
    filter_requested = Signal(str)  # an expression that holds for records with this value here
    shown = Signal()  # the tree of the last text is there
    _built = Signal(int, object)  # from the thread that reads a large text

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._base, self._by_field = "value", True
        self._number = 0  # of the text that is to be shown
        self._keep = False
        self._unit = 0  # pixels of a character
        self.rows = ValueTreeModel(self)
        self.setModel(self.rows)
        self.setItemDelegate(_Delegate(self))
        self.setAccessibleName("Tree of the value")
        self.setUniformRowHeights(True)
        self.setAlternatingRowColors(True)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setExpandsOnDoubleClick(False)  # `activated` does
        self.activated.connect(self._toggle)
        self.expanded.connect(self._fit)
        self.verticalScrollBar().valueChanged.connect(self._fit)
        self.header().setStretchLastSection(False)
        self.header().setHighlightSections(False)
        self.header().setResizeContentsPrecision(0)  # only what is in sight is measured
        self.header().sectionResized.connect(lambda section: self._stretch() if section != VALUE else None)
        self._built.connect(self._show)
        self._fit_type()

    @property
    def trouble(self) -> str:
        """Why nodes are missing that the text has."""
        return self.rows.tree.trouble

    # ---- content

    def show_text(
        self,
        text: str,
        *,
        partial: bool,
        base: str = "value",
        by_field: bool = True,
        keep: bool = False,
    ) -> None:
        """`partial`: a beginning. `base`: what expressions call the value; `by_field`: they can
        read it. `keep`: the text begins as the one before, so what is open stays open."""
        self._base, self._by_field, self._keep = base, by_field, keep
        self._number += 1
        number = self._number
        if len(text) <= _AT_ONCE:
            self._show(number, JsonTree(text, partial=partial))
            return
        if not keep:
            self.rows.set_tree(JsonTree(""), base)

        def work() -> None:
            tree = JsonTree(text, partial=partial)
            with suppress(RuntimeError):  # the view was closed meanwhile
                self._built.emit(number, tree)

        Thread(target=work, name="tree of a large value", daemon=True).start()

    @Slot(int, object)
    def _show(self, number: int, tree: JsonTree) -> None:
        if number != self._number:
            return
        top = self.verticalScrollBar().value()
        current = self.currentIndex().internalId() if self._keep and self.currentIndex().isValid() else 0
        opened = self._open_rows() if self._keep else []
        self.rows.set_tree(tree, self._base)
        with QSignalBlocker(self):  # one fit of the widths is enough
            if self._keep:
                for row_id in opened:
                    self.expand(self.rows.index_of(row_id))
            else:
                self._open_some()
        self.setCurrentIndex(self.rows.index_of(current) if current else self.rows.index(0, 0))
        self.verticalScrollBar().setValue(top if self._keep else 0)
        self._fit()
        self.shown.emit()

    def _open_rows(self) -> list[int]:
        """Ids, those of parents before those of their children."""
        opened, index = [], self.rows.index(0, 0)
        while index.isValid():
            if self.isExpanded(index):
                opened.append(index.internalId())
            index = self.indexBelow(index)
        return opened

    def _open_some(self) -> None:
        """What is near the top, so that a small value is seen as a whole."""
        room = _OPENED - self.rows.rowCount()
        level = [QModelIndex()]
        while level:
            children = [self.rows.index(row, 0, above) for above in level for row in range(self.rows.rowCount(above))]
            level = []
            for child in children:
                inside = self.rows.rowCount(child)
                if 0 < inside <= room:
                    room -= inside
                    self.expand(child)
                    level.append(child)
            if len(children) > _OPENED:
                return

    def scrollTo(
        self,
        index: QModelIndex | QPersistentModelIndex,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        """Qt's own looks at columns alone, and rows may be indented by more than the width of the view."""
        super().scrollTo(index, hint)
        left = self.visualRect(index.sibling(index.row(), FIELD)).left()
        if not 0 <= left <= self.viewport().width() * _RIGHTMOST:
            bar = self.horizontalScrollBar()
            bar.setValue(bar.value() + left - self.indentation())

    # ---- keys, mouse, menu

    def _toggle(self, index: QModelIndex) -> None:
        row = index.siblingAtColumn(0)
        self.setExpanded(row, not self.isExpanded(row))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_value()
        elif event.key() == Qt.Key.Key_Asterisk:
            event.ignore()
        else:
            super().keyPressEvent(event)

    def copy_value(self) -> None:
        node = self.rows.node(self.currentIndex())
        if node is not None:
            self._put(self.rows.tree.content(node))

    def copy_path(self) -> None:
        if path := self._path():
            self._put(path)

    def _path(self) -> str | None:
        node = self.rows.node(self.currentIndex())
        return None if node is None else self.rows.tree.path(node, self._base)

    def _put(self, text: str) -> None:
        written = text.encode("utf-8", "surrogatepass")
        QGuiApplication.clipboard().setText(text)
        self.notice.emit(f"Copied {size(len(written))}.")

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.menu()
        if menu is None:
            return
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        below = self.viewport().mapToGlobal(self.visualRect(self.currentIndex()).bottomLeft())
        menu.popup(event.globalPos() if by_mouse else below)

    def menu(self) -> QMenu | None:
        """What can be done with the current node; None if there is none."""
        node = self.rows.node(self.currentIndex())
        if node is None:
            return None
        path = self._path()
        condition = self.rows.tree.condition(node, self._base) if self._by_field else None
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(icon("copy"), "Copy value", self.copy_value).setShortcut(QKeySequence.StandardKey.Copy)
        menu.addAction("Copy path", self.copy_path).setEnabled(path is not None)
        menu.addSeparator()
        column = menu.addAction(icon("columns"), "Show as column", lambda: self.pin_requested.emit(path))
        column.setEnabled(path is not None and self._by_field)
        label = f"Filter: {_label(condition)}" if condition else "Filter on this value"
        only = menu.addAction(icon("filter"), label, lambda: self.filter_requested.emit(condition))
        only.setEnabled(condition is not None)
        return menu

    # ---- widths

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._stretch()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit_type()

    def _fit_type(self) -> None:
        unit = self.fontMetrics().averageCharWidth()
        if unit != self._unit:
            self._unit = unit
            for column in (FIELD, TYPE):
                self.setColumnWidth(column, unit * _WIDTHS[column])
            self._fit()

    def _fit(self) -> None:
        """Names that are in sight get the room that they need, however deep they are."""
        self.setColumnWidth(FIELD, max(self.columnWidth(FIELD), self.sizeHintForColumn(FIELD)))
        self._stretch()

    def _stretch(self) -> None:
        others = self.columnWidth(FIELD) + self.columnWidth(TYPE)
        self.setColumnWidth(VALUE, max(self._unit * _WIDTHS[VALUE], self.viewport().width() - others))


def _label(expression: str) -> str:
    short = expression if len(expression) <= _LONGEST_LABEL else f"{expression[:_LONGEST_LABEL]}…"
    return short.replace("&", "&&")
