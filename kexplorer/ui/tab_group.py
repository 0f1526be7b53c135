"""Tabs side by side in one bar."""

from __future__ import annotations

import html

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QMouseEvent
from PySide6.QtWidgets import QTabBar, QTabWidget, QToolButton, QVBoxLayout, QWidget

from kexplorer.ui.icons import icon
from kexplorer.ui.marks import profile_dot
from kexplorer.ui.panel import Panel

_WIDEST_TAB = 30  # average characters
_PULL = 24  # pixels above or below the bar at which a drag leaves it


class _TabBar(QTabBar):
    close_requested = Signal(int)
    dragged = Signal(QPoint)  # the pointer on the screen, while a tab is held outside the bar
    dropped = Signal(int, QPoint)

    def __init__(self) -> None:
        super().__init__()
        self.setMouseTracking(True)
        self.setElideMode(Qt.TextElideMode.ElideMiddle)
        self._held = False
        self._hovered = -1

    def tabSizeHint(self, index: int) -> QSize:
        size = super().tabSizeHint(index)
        widest = self.fontMetrics().averageCharWidth() * _WIDEST_TAB
        return QSize(min(size.width(), widest), size.height())

    def minimumTabSizeHint(self, index: int) -> QSize:
        return self.tabSizeHint(index)  # rather scroll than cut names down to a letter

    def tabInserted(self, index: int) -> None:
        cross = _button("close", "Close tab (Ctrl+W)")
        cross.setIconSize(QSize(12, 12))
        cross.setStyleSheet("QToolButton { padding: 0; min-height: 0; border: none; border-radius: 4px; }")
        cross.setFixedSize(18, 18)
        cross.clicked.connect(lambda: self.close_requested.emit(self._index_of(cross)))
        self.setTabButton(index, QTabBar.ButtonPosition.RightSide, cross)
        self._show_cross()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        self._held = event.button() == Qt.MouseButton.LeftButton and self.tabAt(event.position().toPoint()) >= 0

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position().toPoint()
        if self._held and self._outside(at):
            self.dragged.emit(event.globalPosition().toPoint())
            return
        super().mouseMoveEvent(event)
        self._hover(self.tabAt(at))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)  # ends Qt's own moving of the tab, so that it can be taken away
        at = event.position().toPoint()
        if event.button() == Qt.MouseButton.MiddleButton and self.tabAt(at) >= 0:
            self.close_requested.emit(self.tabAt(at))
        if self._held and event.button() == Qt.MouseButton.LeftButton:
            self._held = False
            if self._outside(at):
                self.dropped.emit(self.currentIndex(), event.globalPosition().toPoint())

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover(-1)

    def _outside(self, at: QPoint) -> bool:
        return not -_PULL <= at.y() <= self.height() + _PULL

    def _hover(self, index: int) -> None:
        if index != self._hovered:
            self._hovered = index
            self._show_cross()

    def _show_cross(self) -> None:
        for i in range(self.count()):
            if cross := self._cross(i):
                cross.setVisible(i == self._hovered)

    def _cross(self, index: int) -> QWidget | None:
        return self.tabButton(index, QTabBar.ButtonPosition.RightSide)

    def _index_of(self, cross: QWidget) -> int:
        return next(i for i in range(self.count()) if self._cross(i) is cross)


class TabGroup(QTabWidget):
    """A bar of panels. Tells what its user wants; the workspace does it."""

    close_requested = Signal(Panel)
    dragged = Signal(QPoint)
    dropped = Signal(Panel, QPoint)

    def __init__(self) -> None:
        super().__init__()
        bar = _TabBar()
        self.setTabBar(bar)
        self.setDocumentMode(True)
        self.setMovable(True)
        self.setUsesScrollButtons(True)
        bar.close_requested.connect(lambda index: self.close_requested.emit(self.widget(index)))
        bar.dragged.connect(self.dragged)
        bar.dropped.connect(lambda index, at: self.dropped.emit(self.widget(index), at))

    def add(self, panel: Panel, index: int = -1) -> None:
        self.insertTab(index, panel, "")
        self.rename(panel)

    def rename(self, panel: Panel) -> None:
        index = self.indexOf(panel)
        self.setTabText(index, panel.title.replace("&", "&&"))
        self.setTabIcon(index, profile_dot(panel.colour) if panel.colour else icon(panel.icon_name))
        self.setTabToolTip(index, html.escape(f"{panel.title} ({panel.profile})" if panel.profile else panel.title))

    def panels(self) -> list[Panel]:
        return [panel for i in range(self.count()) if isinstance(panel := self.widget(i), Panel)]

    def current(self) -> Panel | None:
        panel = self.currentWidget()
        return panel if isinstance(panel, Panel) else None

    def step(self, by: int) -> None:
        """Brings the next (1) or previous (-1) tab to the front, around the end."""
        if self.count():
            self.setCurrentIndex((self.currentIndex() + by) % self.count())


class OwnWindow(QWidget):
    """A window with a group of torn-off tabs. Closing it closes them; it has no other content."""

    closing = Signal()
    dock_back = Signal()

    def __init__(self, group: TabGroup) -> None:
        super().__init__(None, Qt.WindowType.Window)
        self.group = group
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(group)
        back = _button("dock", "Dock back into the main window")
        back.clicked.connect(self.dock_back)
        group.setCornerWidget(back)
        self.resize(900, 600)

    def closeEvent(self, event: QCloseEvent) -> None:
        event.accept()
        self.closing.emit()


def _button(icon_name: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setAutoRaise(True)
    button.setIcon(icon(icon_name))
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return button
