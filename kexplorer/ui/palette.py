"""The command palette: every action, connection and topic by a few letters of its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import nsmallest
from typing import Any, NamedTuple

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QFontMetrics, QIcon, QKeyEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QDialog,
    QLabel,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from kexplorer.ui.fuzzy import score
from kexplorer.ui.icons import icon
from kexplorer.ui.theme import row_height, tokens

_MOST_ROWS = 50
_RECENT = 20
_ENTRY_ROLE = Qt.ItemDataRole.UserRole
_NOWHERE = QModelIndex()


class Entry(NamedTuple):
    """`key` tells entries apart and is what is remembered of a recent one; `run` is what choosing it does."""

    key: str
    title: str
    run: Callable[[], None]
    icon: QIcon
    detail: str = ""  # where it belongs: a menu, a cluster
    shortcut: str = ""


_Searched = tuple[str, int, Entry]  # what is searched, in lower case; its place; what it leads to


class PaletteModel(QAbstractListModel):
    """The best of `entries` for what was typed, at most 50."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._entries: list[_Searched] = []
        self._text = ""
        self._passed: list[_Searched] = []  # of the entries, those that answer to the text: more letters only lose some
        self._rows: list[Entry] = []
        self._recent: dict[str, int] = {}

    def set_entries(self, entries: Iterable[Entry], recent: Sequence[str]) -> None:
        """`recent` are keys, the latest first."""
        self._entries = [(f"{entry.title} {entry.detail}".lower(), i, entry) for i, entry in enumerate(entries)]
        self._recent = {key: len(recent) - place for place, key in enumerate(recent)}
        self._text, self._passed = "", self._entries
        self.search("")

    def search(self, text: str) -> None:
        words = text.lower().split()
        among = self._passed if text.startswith(self._text) else self._entries
        recent = self._recent.get
        ranked = [
            (points + 10 * recent(found[2].key, 0), found)
            for found in among
            if (points := score(words, found[0]) if words else 0) is not None
        ]
        self._text, self._passed = text, [found for _, found in ranked]
        self.beginResetModel()
        best = nsmallest(_MOST_ROWS, ranked, key=lambda row: (-row[0], row[1][1]))
        self._rows = [entry for _, (_, _, entry) in best]
        self.endResetModel()

    def entry(self, row: int) -> Entry | None:
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if (entry := self.entry(index.row())) is None:
            return None
        return entry.title if role == Qt.ItemDataRole.DisplayRole else entry if role == _ENTRY_ROLE else None


class Palette(QDialog):
    """Ctrl+K. Asks `entries` for what there is each time it opens. `recent` are the keys of what was chosen, the latest
    first; the window keeps them between sessions."""

    def __init__(self, parent: QWidget, entries: Callable[[], Iterable[Entry]]) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.recent: list[str] = []
        self._most_rows = 12
        self._ask = entries
        self._field = QLineEdit(placeholderText="Go to a topic, a cluster or a command")
        self._field.addAction(icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self._field.textChanged.connect(self._search)
        self._field.installEventFilter(self)
        self._model = PaletteModel(self)
        self._list = QListView()
        self._list.setModel(self._model)
        self._list.setItemDelegate(_EntryDelegate(self._list))
        self._list.setFrameShape(QListView.Shape.NoFrame)
        self._list.setUniformItemSizes(True)
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.clicked.connect(lambda index: self._choose(index.row()))
        self._nothing = QLabel("Nothing has these letters in this order.")
        self._nothing.setProperty("role", "muted")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(8, 8, 8, 8)
        for widget in (self._field, self._list, self._nothing):
            self._layout.addWidget(widget)

    def show_over(self, window: QWidget) -> None:
        """Opens in the upper middle of `window`, empty, with what was used last on top."""
        self._model.set_entries(self._ask(), self.recent)
        width = min(640, window.width() - 48)
        self.resize(width, 0)
        self._most_rows = max(3, min(12, (window.height() - 160) // max(self._list.sizeHintForRow(0), 1)))
        self._field.clear()
        self._search("")
        self.move(window.mapToGlobal(QPoint((window.width() - width) // 2, 64)))
        self.show()
        self._field.setFocus()

    def paintEvent(self, _event: QPaintEvent) -> None:
        look = tokens(self.palette())
        painter = QPainter(self)
        painter.setPen(QColor(look.control_line))
        painter.setBrush(QColor(look.base))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._field and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 10, Qt.Key.Key_PageUp: -10}
            if by := steps.get(Qt.Key(event.key())):
                self._step(by)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._choose(self._list.currentIndex().row())
                return True
        return super().eventFilter(watched, event)

    def _search(self, text: str) -> None:
        self._model.search(text)
        self._list.setCurrentIndex(self._model.index(0))
        self._list.setVisible(self._model.rowCount() > 0)
        self._nothing.setVisible(self._model.rowCount() == 0)
        self._fit()

    def _fit(self) -> None:
        """As high as its rows, but no higher than there is room."""
        rows = min(self._model.rowCount(), self._most_rows)
        self._list.setFixedHeight(rows * self._list.sizeHintForRow(0))
        self._layout.activate()  # or the height before would still be the least one
        self.resize(self.width(), self.sizeHint().height())

    def _step(self, by: int) -> None:
        if count := self._model.rowCount():
            row = self._list.currentIndex().row() + by
            row = row % count if abs(by) == 1 else min(max(row, 0), count - 1)
            self._list.setCurrentIndex(self._model.index(row))

    def _choose(self, row: int) -> None:
        if entry := self._model.entry(row):
            self.recent = [entry.key, *(key for key in self.recent if key != entry.key)][:_RECENT]
            self.hide()
            entry.run()


class _EntryDelegate(QStyledItemDelegate):
    """Icon and title, where it belongs in muted text, and the shortcut at the right."""

    def sizeHint(self, option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(0, row_height(option.font) + 6)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        entry: Entry = index.data(_ENTRY_ROLE)
        rect: QRect = option.rect
        palette: QPalette = option.palette
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        if selected:
            painter.fillRect(rect, palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.Highlight))
        text = palette.color(QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text)
        muted = text if selected else tokens(palette).muted
        area = rect.adjusted(10, 0, -10, 0)
        mode = QIcon.Mode.Selected if selected else QIcon.Mode.Normal
        entry.icon.paint(painter, QRect(area.left(), area.center().y() - 7, 16, 16), mode=mode)
        metrics = QFontMetrics(painter.font())
        painter.setPen(muted)
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, entry.shortcut)
        room = area.adjusted(28, 0, -metrics.horizontalAdvance(entry.shortcut) - 16, 0)
        detail = metrics.elidedText(entry.detail, Qt.TextElideMode.ElideRight, room.width() // 3)
        title_room = room.width() - metrics.horizontalAdvance(detail) - 12
        title = metrics.elidedText(entry.title, Qt.TextElideMode.ElideMiddle, title_room)
        painter.drawText(
            room.adjusted(metrics.horizontalAdvance(title) + 12, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, detail
        )
        painter.setPen(text)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, title)
        painter.restore()
