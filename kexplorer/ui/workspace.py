"""The middle of the window: panels as tabs, side by side and in windows of their own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping

from PySide6.QtCore import QByteArray, QPoint, Qt, Signal
from PySide6.QtWidgets import QApplication, QSplitter, QStackedLayout, QWidget

from kexplorer.ui.layout import Layout, SavedGroup, SavedTab, dump_layout, parse_layout
from kexplorer.ui.panel import Panel
from kexplorer.ui.tab_drag import TabDrag
from kexplorer.ui.tab_group import OwnWindow, TabGroup
from kexplorer.ui.tasks import Tasks

_REOPENABLE = 20

log = logging.getLogger(__name__)


class Workspace(QWidget):
    """Owns the open panels. `make_panel` makes the panel of a key, or None when there is no such panel any more;
    `welcome` is what is seen while no tab is open."""

    current_changed = Signal(object)  # Panel | None
    window_opened = Signal(OwnWindow)

    def __init__(self, make_panel: Callable[[str], Panel | None], welcome: QWidget) -> None:
        super().__init__()
        self._make_panel = make_panel
        self._tasks = Tasks(lambda failure: log.error("A tab did not close cleanly: %s", failure))
        self._closing: set[Panel] = set()
        self._closed: list[tuple[str, dict[str, object]]] = []
        self._windows: list[OwnWindow] = []
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._splitter.setChildrenCollapsible(False)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(welcome)
        self._stack.addWidget(self._splitter)
        self._drag = TabDrag(self._docked, lambda: [window.group for window in self._windows])
        self._group = self._add_group()
        self._current: Panel | None = None
        QApplication.instance().focusChanged.connect(self._focus_moved)  # type: ignore[union-attr]

    # what is open

    def panels(self) -> list[Panel]:
        return [panel for group in self._groups() for panel in group.panels()]

    def current(self) -> Panel | None:
        return self._group.current()

    def windows(self) -> list[OwnWindow]:
        return list(self._windows)

    def open(self, key: str) -> Panel | None:
        """Brings the panel of `key` to the front; it is made first when it isn't open."""
        panel = next((panel for panel in self.panels() if panel.key == key), None)
        if panel is None and (panel := self._make_panel(key)):
            self._adopt(panel, self._group)
        if panel:
            self.bring_to_front(panel)
        return panel

    def bring_to_front(self, panel: Panel) -> None:
        self._group = self._group_of(panel)
        self._group.setCurrentWidget(panel)
        panel.window().raise_()
        panel.window().activateWindow()
        panel.setFocus()
        self._tell()

    def close_panel(self, panel: Panel) -> None:
        """Takes the tab away at once; its work is ended and awaited behind it. If it had the focus, the
        tab that is seen then has it."""
        focus = QApplication.focusWidget()
        focused = focus is not None and (focus is panel or panel.isAncestorOf(focus))
        self._closed = [*self._closed[1 - _REOPENABLE :], (panel.key, panel.save_state())]
        self._take(panel)
        panel.hide()
        panel.setParent(None)
        self._closing.add(panel)
        if focused and (now := self.current()):
            now.setFocus()
        self._tasks.start(f"close {id(panel)}", self._end(panel))

    def ask_to_close(self, panel: Panel) -> None:
        """As a person wants it, who is asked again if something would be lost."""
        if why := panel.why_stay():
            self._tasks.start(f"ask {panel.key}", self._ask(panel, why))
        else:
            self.close_panel(panel)

    async def _ask(self, panel: Panel, why: str) -> None:
        from kexplorer.ui.dialogs.confirm import confirm  # noqa: PLC0415  (a start needs no dialog)

        if await confirm(panel, f"Close {panel.title}", why, "Close it", danger=True):
            self.close_panel(panel)

    def close_current(self) -> None:
        if panel := self.current():
            self.ask_to_close(panel)

    def reopen_closed(self) -> None:
        """Opens the tab that was closed last, as it was."""
        if self._closed:
            key, state = self._closed.pop()
            if panel := self.open(key):
                _restore(panel, state)

    async def close_all(self) -> None:
        """Ends the work of all panels, at the end of the program."""
        for window in self._windows:
            window.hide()
        await asyncio.gather(*(panel.close_panel() for panel in (*self.panels(), *self._closing)))
        await self._tasks.close()
        for window in self._windows:
            window.deleteLater()
        self._windows.clear()

    # where it is

    def next_tab(self) -> None:
        self._group.step(1)

    def previous_tab(self) -> None:
        self._group.step(-1)

    def split_right(self) -> None:
        """Moves the current tab into a new group on the right; the only tab of a group stays where it is."""
        if (panel := self.current()) and self._group.count() > 1 and self._group in self._docked():
            self._move(panel, self._add_group(self._docked().index(self._group) + 1))

    def move_to_other_side(self) -> None:
        """Moves the current tab to the next group, around the end."""
        groups = self._docked()
        if len(groups) == 1:
            self.split_right()
        elif (panel := self.current()) and self._group in groups:
            self._move(panel, groups[(groups.index(self._group) + 1) % len(groups)])

    def tear_off(self) -> None:
        """Moves the current tab into a window of its own."""
        if (panel := self.current()) and self._group in self._docked():
            self._tear(panel, self.mapToGlobal(QPoint(60, 60)))

    def dock_back(self) -> None:
        """Brings the tabs of the current own window back into the main window."""
        self._dock(self._group)

    def reset_layout(self) -> None:
        """All tabs in one group of the main window; none is closed."""
        first = self._docked()[0]
        current = self.current()
        for panel in self.panels():
            if self._group_of(panel) is not first:
                self._move(panel, first)
        if current:
            self.bring_to_front(current)

    def save_state(self) -> dict[str, object]:
        current = self.current()
        groups = [(_saved(group), width) for group, width in zip(self._docked(), self._splitter.sizes(), strict=True)]
        windows = tuple(_saved(window.group, _geometry(window)) for window in self._windows)
        layout = Layout(
            tuple(group for group, _ in groups), tuple(w for _, w in groups), windows, current.key if current else ""
        )
        return dump_layout(layout)

    def restore_state(self, data: object) -> None:
        """Opens what was open. Tabs that can't be made any more are left out; anything but a layout is ignored."""
        layout = parse_layout(data)
        for saved in layout.groups:
            self._fill(self._group if not self._group.count() else self._add_group(), saved)
        if layout.sizes and len(self._docked()) == len(layout.sizes):
            self._splitter.setSizes(list(layout.sizes))
        for saved in layout.windows:
            window = self._add_window()
            window.restoreGeometry(QByteArray.fromBase64(saved.geometry.encode()))
            self._fill(window.group, saved)
            if window.group.count():
                window.show()
        for group in list(self._groups()):
            self._tidy(group)
        self._group = self._docked()[0]
        if panel := next((panel for panel in self.panels() if panel.key == layout.current), None):
            self._group = self._group_of(panel)
        self._tell()

    # the work behind it

    def _groups(self) -> Iterator[TabGroup]:
        yield from self._docked()
        yield from (window.group for window in self._windows)

    def _docked(self) -> list[TabGroup]:
        widgets = (self._splitter.widget(i) for i in range(self._splitter.count()))
        return [group for group in widgets if isinstance(group, TabGroup)]

    def _group_of(self, panel: Panel) -> TabGroup:
        return next(group for group in self._groups() if group.indexOf(panel) >= 0)

    def _new_group(self) -> TabGroup:
        group = TabGroup()
        group.close_requested.connect(self.ask_to_close)
        group.currentChanged.connect(lambda _: self._tell())
        group.tabBarClicked.connect(lambda _: self._enter(group))
        group.dragged.connect(lambda at: self._drag.show(group, at))
        group.dropped.connect(self._drop)
        return group

    def _add_group(self, index: int = -1) -> TabGroup:
        group = self._new_group()
        sizes = self._splitter.sizes()
        self._splitter.insertWidget(index, group)
        if sizes:
            self._splitter.setSizes([sum(sizes) // (len(sizes) + 1)] * (len(sizes) + 1))
        return group

    def _add_window(self) -> OwnWindow:
        window = OwnWindow(self._new_group())
        window.closing.connect(lambda: self._window_closed(window))
        window.dock_back.connect(lambda: self._dock(window.group))
        self._windows.append(window)
        self.window_opened.emit(window)
        return window

    def _dock(self, group: TabGroup) -> None:
        if group not in self._docked():
            for panel in group.panels():
                self._move(panel, self._docked()[-1])

    def _window_closed(self, window: OwnWindow) -> None:
        """What would be lost comes back to the main window, to be asked about."""
        for panel in window.group.panels():
            if panel.why_stay():
                self._move(panel, self._docked()[-1])
            self.ask_to_close(panel)

    def _adopt(self, panel: Panel, group: TabGroup) -> None:
        group.add(panel)
        panel.title_changed.connect(lambda: self._renamed(panel))

    def _renamed(self, panel: Panel) -> None:
        if panel not in self._closing:
            self._group_of(panel).rename(panel)
            self._name_windows()

    def _take(self, panel: Panel) -> None:
        group = self._group_of(panel)
        group.removeTab(group.indexOf(panel))
        self._tidy(group)

    def _tidy(self, group: TabGroup) -> None:
        """Takes an empty group away, and the window that it leaves empty; one group always stays."""
        if group.count():
            return
        if window := next((window for window in self._windows if window.group is group), None):
            self._windows.remove(window)
            window.hide()
            window.deleteLater()
        elif len(self._docked()) > 1:
            group.hide()
            group.setParent(None)
            group.deleteLater()
        if self._group is group:
            self._group = next((other for other in self._docked() if other.count()), self._docked()[0])
        self._tell()

    def _move(self, panel: Panel, group: TabGroup) -> None:
        source = self._group_of(panel)
        source.removeTab(source.indexOf(panel))
        group.add(panel)
        self._group = group
        self._tidy(source)
        self.bring_to_front(panel)

    def _tear(self, panel: Panel, at: QPoint) -> None:
        window = self._add_window()
        window.resize(panel.size().boundedTo(window.screen().availableSize() * 0.8))
        window.move(at)
        self._move(panel, window.group)
        window.show()
        self.bring_to_front(panel)

    def _fill(self, group: TabGroup, saved: SavedGroup) -> None:
        current: Panel | None = None
        for i, tab in enumerate(saved.tabs):
            if any(panel.key == tab.key for panel in self.panels()) or not (panel := self._make_panel(tab.key)):
                continue
            self._adopt(panel, group)
            _restore(panel, tab.state)
            if i == saved.current:
                current = panel
        if current:
            group.setCurrentWidget(current)

    async def _end(self, panel: Panel) -> None:
        await panel.close_panel()
        self._closing.discard(panel)
        panel.deleteLater()

    def _drop(self, panel: Panel, at: QPoint) -> None:
        self._drag.hide()
        target = self._drag.target(self._group_of(panel), at)
        if target is None:
            self._tear(panel, at)
        else:
            self._move(panel, self._add_group(target) if isinstance(target, int) else target)

    # which one is current

    def _focus_moved(self, _: QWidget | None, now: QWidget | None) -> None:
        while now and not isinstance(now, TabGroup):
            now = now.parentWidget()
        if now and now in list(self._groups()):
            self._enter(now)

    def _enter(self, group: TabGroup) -> None:
        self._group = group
        self._tell()

    def _tell(self) -> None:
        self._stack.setCurrentIndex(int(any(group.count() for group in self._docked())))
        self._name_windows()
        if self._current is not (current := self.current()):
            self._current = current
            self.current_changed.emit(current)

    def _name_windows(self) -> None:
        for window in self._windows:
            if panel := window.group.current():
                window.setWindowTitle(f"{panel.title} – Kafka Explorer")


def _saved(group: TabGroup, geometry: str = "") -> SavedGroup:
    tabs = tuple(SavedTab(panel.key, panel.save_state()) for panel in group.panels())
    return SavedGroup(tabs, max(group.currentIndex(), 0), geometry)


def _geometry(window: QWidget) -> str:
    return bytes(window.saveGeometry().toBase64().data()).decode()


def _restore(panel: Panel, state: Mapping[str, object]) -> None:
    try:
        panel.restore_state(state)
    except Exception:  # a state damaged by hand must not keep the program from starting
        log.warning("The saved state of %s was ignored", panel.key, exc_info=True)
