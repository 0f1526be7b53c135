"""The window's menus. Every action has a shortcut, and its menu shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar

from kexplorer.ui.cluster_delegate import SECTION_ICONS
from kexplorer.ui.commands import Commands
from kexplorer.ui.icons import icon
from kexplorer.ui.models.cluster_tree import Section
from kexplorer.ui.zones import LOCAL

if TYPE_CHECKING:
    from kexplorer.ui.main_window import MainWindow

THEMES = ("system", "light", "dark")
_SECTION_KEYS = {
    Section.OVERVIEW: "Ctrl+O",
    Section.TOPICS: "Ctrl+T",
    Section.GROUPS: "Ctrl+Alt+Q",
    Section.LAG: "Ctrl+Alt+L",
    Section.REPLAYS: "Ctrl+Alt+T",
    Section.ACCESS: "Ctrl+Shift+A",
}


class Menus(QMenuBar):
    """Names what one can do in `window`, and does it there."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__()
        self._window = window
        self._commands = window.commands
        self._menus: list[QMenu] = []
        self._build_file(self._add("&File"))
        self._build_cluster(self._add("&Cluster"))
        self._build_view(self._add("&View"))
        self.panel = self._add("&Panel")
        self._build_help(self._add("&Help"))
        self.show_cluster("", connected=False)

    def sections(self) -> list[tuple[str, list[QAction]]]:
        """The menus' titles and actions, those of submenus included."""
        return [(menu.title().replace("&", ""), _flat(menu)) for menu in self._menus]

    def hints(self) -> Sequence[QAction]:
        """What is worth knowing first."""
        return (self.palette_action, self.filter_action, self.new_action, self.shortcuts_action)

    def show_cluster(self, profile: str, connected: bool) -> None:
        """Which profile the Cluster menu is about, "" for none."""
        name = profile.replace("&", "&&") or "cluster"
        for action, text, possible in (
            (self._connect, f"Connect {name}", not connected),
            (self._disconnect, f"Disconnect {name}", connected),
            *((action, f"{section} of {name}", True) for section, action in self._sections.items()),
            (self._produce, f"Produce to {name}", True),
            (self._doctor, f"Examine {name}", True),
            (self._refresh, f"Refresh {name}", connected),
            (self._edit, f"Edit {name}…", True),
            (self._duplicate, f"Duplicate {name}…", True),
            (self._delete, f"Delete {name}…", True),
        ):
            action.setText(text)
            action.setEnabled(bool(profile) and possible)

    def show_panel_actions(self, actions: Sequence[QAction]) -> None:
        self.panel.clear()
        self.panel.addActions(list(actions))
        self.panel.menuAction().setVisible(bool(actions))

    def _build_file(self, menu: QMenu) -> None:
        work = self._window.workspace
        self.new_action = offer(menu, "New connection…", "Ctrl+N", self._commands.new_connection, "plus")
        offer(menu, "Open the demo", "Ctrl+Shift+N", self._commands.open_demo, "play")
        menu.addSeparator()
        offer(menu, "Close tab", "Ctrl+W", work.close_current, "close")
        offer(menu, "Reopen closed tab", "Ctrl+Shift+T", work.reopen_closed)
        menu.addSeparator()
        offer(menu, "Quit", "Ctrl+Q", self._window.close)

    def _build_cluster(self, menu: QMenu) -> None:
        def on(command: Callable[[str], None]) -> Callable[[], None]:
            return lambda: command(self._window.target)

        do = self._commands
        self._connect = offer(menu, "Connect", "Ctrl+Shift+L", on(do.connect), "plug")
        self._disconnect = offer(menu, "Disconnect", "Ctrl+Shift+D", on(do.disconnect), "unplug")
        self._sections = {
            section: offer(menu, section, keys, on(partial(_open_section, do, section)), SECTION_ICONS[section])
            for section, keys in _SECTION_KEYS.items()
        }
        self._produce = offer(menu, "Produce", "Ctrl+P", lambda: do.open_produce(self._window.target, ""), "produce")
        self._doctor = offer(menu, "Doctor", "Ctrl+Alt+M", on(do.open_doctor), "shield")
        self._refresh = offer(menu, "Refresh", "F5", on(do.refresh), "refresh")
        menu.addSeparator()
        self._edit = offer(menu, "Edit", "Ctrl+Shift+E", on(do.edit), "edit")
        self._duplicate = offer(menu, "Duplicate", "Ctrl+Shift+U", on(do.duplicate), "duplicate")
        self._delete = offer(menu, "Delete", "Ctrl+Shift+Del", on(do.delete), "trash")

    def _build_view(self, menu: QMenu) -> None:
        window, work = self._window, self._window.workspace
        self.palette_action = offer(menu, "Command palette…", "Ctrl+K", window.show_palette, "command")
        self.filter_action = offer(menu, "Filter topics in the tree", "Ctrl+Shift+F", window.focus_filter, "filter")
        menu.addSeparator()
        offer(menu, "Next tab", "Ctrl+Tab; Ctrl+PgDown", work.next_tab)
        offer(menu, "Previous tab", "Ctrl+Shift+Tab; Ctrl+PgUp", work.previous_tab)
        offer(menu, "Split right", "Ctrl+Shift+S", work.split_right, "split")
        offer(menu, "Move tab to other side", "Ctrl+Shift+M", work.move_to_other_side)
        offer(menu, "Move tab to own window", "Ctrl+Shift+O", work.tear_off, "external")
        offer(menu, "Dock tabs back", "Ctrl+Shift+B", work.dock_back, "dock")
        menu.addSeparator()
        offer(menu, "Clusters", "Ctrl+B", window.toggle_tree, "cluster")
        offer(menu, "Jobs", "Ctrl+J", window.toggle_jobs, "jobs")
        offer(menu, "Log", "Ctrl+L", window.toggle_log, "log")
        offer(menu, "Audit log", "Ctrl+Shift+J", self._commands.open_audit, "clock")
        offer(menu, "Alerts", "Ctrl+Alt+W", self._commands.open_alerts, "warning")
        offer(menu, "Configuration check", "Ctrl+Shift+Y", self._commands.open_config_check, "shield")
        self.internal = offer(menu, "Internal topics", "Ctrl+Shift+I", lambda: None)
        self.internal.setCheckable(True)
        self.internal.toggled.connect(window.tree.show_internal)
        menu.addSeparator()
        self._build_theme(menu.addMenu("Theme"))
        self._build_zone(menu.addMenu("Time zone"))
        offer(menu, "Larger type", "Ctrl++; Ctrl+=", window.zoom_in)
        offer(menu, "Smaller type", "Ctrl+-", window.zoom_out)
        offer(menu, "Normal type", "Ctrl+0", lambda: window.set_zoom(100))
        menu.addSeparator()
        offer(menu, "Memory for pages…", "Ctrl+Shift+F12", window.ask_page_memory)
        offer(menu, "Reset layout", "Ctrl+F12", window.reset_layout)

    def _build_theme(self, menu: QMenu) -> None:
        group = QActionGroup(self)
        self.themes: dict[str, QAction] = {}
        texts = {
            "system": ("Theme of the system", "Ctrl+F6"),
            "light": ("Light theme", "Ctrl+F7"),
            "dark": ("Dark theme", "Ctrl+F8"),
        }
        for theme in THEMES:
            action = offer(menu, *texts[theme], partial(self._window.set_theme, theme))
            action.setCheckable(True)
            group.addAction(action)
            self.themes[theme] = action

    def _build_zone(self, menu: QMenu) -> None:
        self._zones = QActionGroup(self)
        set_zone = self._window.set_zone
        self._local = offer(menu, "Local time", "Ctrl+F9", lambda: set_zone(LOCAL))
        self._utc = offer(menu, "UTC", "Ctrl+F10", lambda: set_zone("UTC"))
        self._other = offer(menu, "Other time zone…", "Ctrl+F11", self._commands.choose_zone)
        for action in (self._local, self._utc, self._other):
            action.setCheckable(True)
            self._zones.addAction(action)

    def show_zone(self, zone: str) -> None:
        """Which one is in use."""
        action = {LOCAL: self._local, "UTC": self._utc}.get(zone, self._other)
        action.setChecked(True)
        self._other.setText(f"Other time zone ({zone})…" if action is self._other else "Other time zone…")

    def _build_help(self, menu: QMenu) -> None:
        self.shortcuts_action = offer(menu, "Keyboard shortcuts", "F1", self._window.show_shortcuts, "help")
        offer(menu, "About Kafka Explorer", "Ctrl+F1", self._window.show_about, "info")

    def _add(self, title: str) -> QMenu:
        menu = self.addMenu(title)
        self._menus.append(menu)
        return menu


def _open_section(commands: Commands, section: Section, profile: str) -> None:
    commands.open_section(profile, section)


def offer(menu: QMenu, text: str, keys: str, run: Callable[[], object], icon_name: str = "") -> QAction:
    """Adds an action. `keys` are its shortcuts in Qt's portable spelling, with "; " between several."""
    action = menu.addAction(text)
    action.setShortcuts([QKeySequence(each) for each in keys.split("; ")])
    action.triggered.connect(lambda _: run())
    if icon_name:
        action.setIcon(icon(icon_name, "muted"))
    return action


def _flat(menu: QMenu) -> list[QAction]:
    found: list[QAction] = []
    for action in menu.actions():
        if isinstance(submenu := action.menu(), QMenu):
            found += _flat(submenu)
        elif not action.isSeparator():
            found.append(action)
    return found
