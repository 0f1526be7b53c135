"""Where a tab that is dragged out of its bar would land."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QRubberBand

from kexplorer.ui.tab_group import TabGroup


class TabDrag:
    """Knows the groups of the main window (`docked`, from left to right) and those of own windows (`torn`); shows a
    band over the place that a tab would take."""

    def __init__(self, docked: Callable[[], Sequence[TabGroup]], torn: Callable[[], Sequence[TabGroup]]) -> None:
        self._docked, self._torn = docked, torn
        self._band: QRubberBand | None = None

    def target(self, source: TabGroup, at: QPoint) -> TabGroup | int | None:
        """For a tab of `source` that is dropped at a point of the screen: another group, the place of a new one among
        the docked groups, or None for a window of its own."""
        place = self._place(source, at)
        return place[1] if place else None

    def show(self, source: TabGroup, at: QPoint) -> None:
        self.hide()
        if place := self._place(source, at):
            area, target = place
            window = (target if isinstance(target, TabGroup) else source).window()
            self._band = QRubberBand(QRubberBand.Shape.Rectangle, window)
            self._band.setGeometry(QRect(window.mapFromGlobal(area.topLeft()), area.size()))
            self._band.show()

    def hide(self) -> None:
        if self._band:
            self._band.hide()
            self._band.deleteLater()
            self._band = None

    def _place(self, source: TabGroup, at: QPoint) -> tuple[QRect, TabGroup | int] | None:
        docked = self._docked()
        for group in (*self._torn(), *docked):  # own windows mostly stand in front
            area = QRect(group.mapToGlobal(QPoint()), group.size())
            if not group.isVisible() or not area.contains(at):
                continue
            if group is not source:
                return area, group
            if group not in docked or group.count() < 2:
                return None
            third, half = area.width() // 3, area.width() // 2
            if at.x() < area.left() + third:
                return area.adjusted(0, 0, -half, 0), docked.index(group)
            if at.x() > area.right() - third:
                return area.adjusted(half, 0, 0, 0), docked.index(group) + 1
            return None
        return None
