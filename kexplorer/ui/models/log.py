"""Python's log records as rows."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal

Index = QModelIndex | QPersistentModelIndex

LEVEL_ROLE = Qt.ItemDataRole.UserRole  # logging's number
TEXT_ROLE = Qt.ItemDataRole.UserRole + 1  # the whole record, as it is copied
COLUMNS = ("Time", "Level", "Source", "Message")
_KEPT = 2000
_UPDATE_MS = 100
_LONGEST_CELL = 300
_NOWHERE = QModelIndex()


class LogHandler(logging.Handler):
    """Keeps the last records, from any thread, and calls for one update of the window however many come at once."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(logging.Formatter("%(message)s"))
        self._waiting: deque[tuple[float, int, str, str]] = deque(maxlen=_KEPT)
        self._bell = _Bell()
        self._rung = False

    def emit(self, record: logging.LogRecord) -> None:  # under the handler's lock
        self._waiting.append((record.created, record.levelno, record.name, self.format(record)))
        if not self._rung:
            self._rung = True
            self._bell.rung.emit()

    def take(self) -> list[tuple[float, int, str, str]]:
        """What came since the last call: seconds since 1970, level, logger, text."""
        with self.lock:  # type: ignore[union-attr]
            taken = list(self._waiting)
            self._waiting.clear()
            self._rung = False
        return taken

    def on_arrival(self, timer: QTimer) -> None:
        self._bell.rung.connect(timer.start, Qt.ConnectionType.QueuedConnection)


class _Bell(QObject):
    rung = Signal()


class LogModel(QAbstractTableModel):
    """The last 2,000 records of `handler` that are at least `level`; brought up to date at most every 100 ms."""

    updated = Signal()

    def __init__(self, handler: LogHandler, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._handler = handler
        self._records: deque[tuple[float, int, str, str]] = deque(maxlen=_KEPT)
        self._rows: list[tuple[float, int, str, str]] = []
        self._level = logging.INFO
        self._timer = QTimer(self, interval=_UPDATE_MS, singleShot=True)
        self._timer.timeout.connect(self.update)
        handler.on_arrival(self._timer)
        self._timer.start()  # for what came before

    def update(self) -> None:
        fresh = self._handler.take()
        self._records.extend(fresh)
        self._append([record for record in fresh if record[1] >= self._level])
        self.updated.emit()

    def set_level(self, level: int) -> None:
        self.beginResetModel()
        self._level = level
        self._rows = [record for record in self._records if record[1] >= level]
        self.endResetModel()
        self.updated.emit()

    def clear(self) -> None:
        self._records.clear()
        self.set_level(self._level)

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return COLUMNS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or role not in (Qt.ItemDataRole.DisplayRole, LEVEL_ROLE, TEXT_ROLE):
            return None
        when, level, name, text = self._rows[index.row()]
        if role == LEVEL_ROLE:
            return level
        if role == TEXT_ROLE:
            stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))
            return f"{stamp} {logging.getLevelName(level)} {name}: {text}"
        clock = time.strftime("%H:%M:%S", time.localtime(when)) + f".{int(when % 1 * 1000):03}"
        return (clock, logging.getLevelName(level).capitalize(), name, _one_line(text))[index.column()]

    def _append(self, fresh: list[tuple[float, int, str, str]]) -> None:
        if (over := len(self._rows) + len(fresh) - _KEPT) > 0:
            over = min(over, len(self._rows))
            if over:
                self.beginRemoveRows(_NOWHERE, 0, over - 1)
                del self._rows[:over]
                self.endRemoveRows()
        if fresh:
            self.beginInsertRows(_NOWHERE, len(self._rows), len(self._rows) + len(fresh) - 1)
            self._rows.extend(fresh)
            self.endInsertRows()


def _one_line(text: str) -> str:
    first, _, rest = text.strip().partition("\n")
    return first[:_LONGEST_CELL] + (" …" if rest or len(first) > _LONGEST_CELL else "")
