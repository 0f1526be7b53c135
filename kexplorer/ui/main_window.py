"""The window: clusters on the left, tabs in the middle, jobs and log below, menus above."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtGui import QAction, QCloseEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QHBoxLayout,
    QInputDialog,
    QMainWindow,
    QSystemTrayIcon,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from kexplorer.model.alerts import Alert
from kexplorer.model.cluster import ConnectionState
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.model.topics import ClusterMetadata
from kexplorer.services.jobs import Jobs
from kexplorer.ui.about import AboutDialog, ShortcutsDialog, keys_of
from kexplorer.ui.cluster_tree import ClusterTree
from kexplorer.ui.commands import Commands
from kexplorer.ui.icons import application_icon, icon
from kexplorer.ui.jobs_view import JobsView
from kexplorer.ui.log_view import LogView
from kexplorer.ui.marks import profile_dot
from kexplorer.ui.menus import THEMES, Menus
from kexplorer.ui.models.cluster_tree import Section
from kexplorer.ui.models.log import LogHandler
from kexplorer.ui.palette import Entry, Palette
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.welcome import WelcomePage
from kexplorer.ui.status_bar import StatusBar
from kexplorer.ui.tab_group import OwnWindow
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.workspace import Workspace
from kexplorer.ui.zones import LOCAL, zone_named

_DOCKS_VERSION = 1
_ALERT_MS = 15_000  # that an alert stands in the status bar
_PAGE_MEMORY = 256  # MiB that a tab keeps of pages
_PAGE_MEMORIES = range(32, 4097)
_ZOOMS = (70, 80, 90, 100, 110, 125, 150, 175, 200)


class MainWindow(QMainWindow):
    """Composes the parts of the window. What they ask for goes to `commands`; the program tells it what it has learnt
    by the `set_...` methods. Closing it only sets `closed`: the program then ends its work and lets the window go.

    `make_panel` makes the panel of a key, or None when there is no such panel (any more). `versions` is what the about
    box lists.
    """

    def __init__(
        self,
        commands: Commands,
        make_panel: Callable[[str], Panel | None],
        jobs: Jobs,
        log: LogHandler,
        versions: Callable[[], Mapping[str, str]],
    ) -> None:
        super().__init__()
        self.closed = asyncio.Event()
        self.commands = commands
        self.target = ""  # the profile that the Cluster menu is about: the one that was touched last
        self.theme, self.zoom, self.zone = THEMES[0], 100, LOCAL
        self.page_memory = _PAGE_MEMORY
        self._versions = versions
        self._tray: QSystemTrayIcon | None = None  # made for the first alert
        self._brokers: dict[str, int] = {}
        self._panel: Panel | None = None
        self._lent: list[tuple[QWidget, QAction]] = []  # actions of the current panel, and the window that obeys them
        self.tree = ClusterTree(commands)
        self.welcome = WelcomePage(commands)
        self.workspace = Workspace(make_panel, self.welcome)
        self.jobs, self.log = JobsView(jobs), LogView(log)
        self.strip = ErrorStrip(can_retry=False)
        self.status_bar = StatusBar()
        self.menus = Menus(self)
        self.palette_dialog = Palette(self, self._entries)
        self._compose()
        self.tree.current_changed.connect(self._aim)
        self.workspace.current_changed.connect(self._panel_changed)
        self.workspace.window_opened.connect(self._window_opened)
        self.status_bar.jobs_clicked.connect(lambda: self._show_below(self.jobs))
        jobs.watch(lambda: self.status_bar.show_jobs(jobs.active))
        self._panel_changed(None)

    # what the program tells

    def set_profiles(self, profiles: Sequence[Profile]) -> None:
        self.tree.set_profiles(profiles)
        self.welcome.set_connections(profiles)
        self._show_cluster()

    def set_state(self, profile: str, state: ConnectionState | None) -> None:
        """None: not connected."""
        self.tree.set_state(profile, state)
        if state is None:
            self._brokers.pop(profile, None)
        self._show_cluster()

    def set_metadata(self, profile: str, metadata: ClusterMetadata) -> None:
        self.tree.set_topics(profile, metadata.topics)
        self._brokers[profile] = len(metadata.brokers)
        self._show_cluster()

    def show_failure(self, failure: Failure) -> None:
        """For what concerns no panel: above the tabs, until it is dismissed."""
        self.strip.show_failure(failure)

    def show_alert(self, alert: Alert) -> None:
        """On the desktop, where there is a place for it, and in the status bar."""
        self.status_bar.showMessage(alert.text, _ALERT_MS)
        if self._tray is None and QSystemTrayIcon.isSystemTrayAvailable():
            self._tray = QSystemTrayIcon(application_icon(), self)
            self._tray.show()
        if self._tray:
            self._tray.showMessage(alert.rule.name, alert.text)

    # what is remembered

    def save_state(self) -> dict[str, object]:
        """Plain JSON values."""
        return {
            "geometry": _text(self.saveGeometry()),
            "docks": _text(self.saveState(_DOCKS_VERSION)),
            "log": self._below.currentWidget() is self.log,
            "workspace": self.workspace.save_state(),
            "recent": self.palette_dialog.recent,
            "internal": self.menus.internal.isChecked(),
            "theme": self.theme,
            "zoom": self.zoom,
            "zone": self.zone,
            "page_memory": self.page_memory,
        }

    def restore_state(self, saved: Mapping[str, object]) -> None:
        """Takes what `save_state` gave; whatever is missing in it or damaged is as on the first start."""
        recent = saved.get("recent")
        theme, zoom = saved_look(saved)
        self.set_theme(theme)
        self.set_zoom(zoom)
        zone = saved.get("zone")
        self.set_zone(zone if isinstance(zone, str) else LOCAL)
        memory = saved.get("page_memory")
        self.page_memory = memory if isinstance(memory, int) and memory in _PAGE_MEMORIES else _PAGE_MEMORY
        self.restoreGeometry(_bytes(saved.get("geometry")))
        self.restoreState(_bytes(saved.get("docks")), _DOCKS_VERSION)
        self._below.setCurrentWidget(self.log if saved.get("log") is True else self.jobs)
        self.palette_dialog.recent = [key for key in recent if isinstance(key, str)] if isinstance(recent, list) else []
        self.menus.internal.setChecked(saved.get("internal") is True)
        self.workspace.restore_state(saved.get("workspace"))
        there = self.screen().availableSize()
        if self.width() >= there.width() or self.height() >= there.height():  # its edges would be off the screen
            self.setWindowState(self.windowState() | Qt.WindowState.WindowMaximized)

    # what a person asks of the window itself

    def set_theme(self, theme: str) -> None:
        self.theme = theme
        self.menus.themes[theme].setChecked(True)
        self.commands.set_theme(theme)

    def set_zoom(self, percent: int) -> None:
        self.zoom = percent
        self.commands.set_zoom(percent)

    def set_zone(self, zone: str) -> None:
        """One that this machine does not know is as if it had not been asked for."""
        self.zone = zone if zone_named(zone) else LOCAL
        self.menus.show_zone(self.zone)
        self.commands.set_zone(self.zone)

    def ask_page_memory(self) -> None:
        """How much a tab of messages keeps of what was looked at: what is opened or refreshed next obeys."""
        dialog = QInputDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle("Memory for pages")
        dialog.setLabelText("Megabytes that each tab of messages may keep of the pages that were looked at:")
        dialog.setInputMode(QInputDialog.InputMode.IntInput)
        dialog.setIntRange(_PAGE_MEMORIES[0], _PAGE_MEMORIES[-1])
        dialog.setIntValue(self.page_memory)
        dialog.intValueSelected.connect(self._set_page_memory)
        dialog.open()

    def _set_page_memory(self, megabytes: int) -> None:
        self.page_memory = megabytes

    def zoom_in(self) -> None:
        self.set_zoom(min((zoom for zoom in _ZOOMS if zoom > self.zoom), default=_ZOOMS[-1]))

    def zoom_out(self) -> None:
        self.set_zoom(max((zoom for zoom in _ZOOMS if zoom < self.zoom), default=_ZOOMS[0]))

    def show_palette(self) -> None:
        self.palette_dialog.show_over(QApplication.activeWindow() or self)

    def show_shortcuts(self) -> None:
        ShortcutsDialog(self, self.menus.sections()).open()

    def show_about(self) -> None:
        AboutDialog(self, self._versions()).open()

    def focus_filter(self) -> None:
        self._tree_dock.show()
        self.activateWindow()
        self.tree.focus_filter()

    def toggle_tree(self) -> None:
        self._tree_dock.setVisible(not self._tree_dock.isVisible())

    def toggle_jobs(self) -> None:
        self._toggle_below(self.jobs)

    def toggle_log(self) -> None:
        self._toggle_below(self.log)

    def reset_layout(self) -> None:
        """Docks and tabs as on the first start; no tab is closed."""
        self.workspace.reset_layout()
        self._default_docks()

    def closeEvent(self, event: QCloseEvent) -> None:
        event.ignore()
        self.closed.set()

    # its parts

    def _compose(self) -> None:
        self._below = QTabWidget()
        self._below.setDocumentMode(True)
        self._below.addTab(self.jobs, icon("jobs", "muted"), "Jobs")
        self._below.addTab(self.log, icon("log", "muted"), "Log")
        hide = _bar_button("close", "Hide")
        self._below.setCornerWidget(hide)
        self._tree_dock = self._dock("Clusters", self.tree, self._tree_title())
        self._below_dock = self._dock("Jobs and log", self._below, QWidget())
        hide.clicked.connect(self._below_dock.hide)
        self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self._tree_dock)
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self._below_dock)
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addWidget(self.workspace, 1)
        self.setCentralWidget(middle)
        self.setMenuBar(self.menus)
        self.setStatusBar(self.status_bar)
        self.setWindowIcon(application_icon())
        self.welcome.show_hints(self.menus.hints())
        self.resize(1280, 800)
        self._default_docks()
        self.tree.view.setFocus()

    def _dock(self, title: str, content: QWidget, bar: QWidget) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(title)  # what Qt knows it by in a saved state
        dock.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
        dock.setTitleBarWidget(bar)
        dock.setWidget(content)
        return dock

    def _tree_title(self) -> QWidget:
        bar = QWidget()
        new = _bar_button("plus", "New connection (Ctrl+N)")
        new.clicked.connect(self.commands.new_connection)
        layout = QHBoxLayout(bar)
        layout.setContentsMargins(12, 4, 4, 0)
        layout.addWidget(plain_label("Clusters", role="heading"), 1)
        layout.addWidget(new)
        return bar

    def _default_docks(self) -> None:
        self._tree_dock.show()
        self._below_dock.hide()
        self.resizeDocks([self._tree_dock], [250], Qt.Orientation.Horizontal)
        self.resizeDocks([self._below_dock], [200], Qt.Orientation.Vertical)

    def _show_below(self, view: QWidget) -> None:
        self._below.setCurrentWidget(view)
        self._below_dock.show()

    def _toggle_below(self, view: QWidget) -> None:
        if self._below_dock.isVisible() and self._below.currentWidget() is view:
            self._below_dock.hide()
        else:
            self._show_below(view)

    def _window_opened(self, window: OwnWindow) -> None:
        window.setWindowIcon(application_icon())
        window.addActions([action for _, actions in self.menus.sections() for action in actions])

    # the current panel and its cluster

    def _panel_changed(self, panel: Panel | None) -> None:
        if self._panel:
            self._panel.status_changed.disconnect(self.status_bar.show_panel)
            self._panel.title_changed.disconnect(self._show_title)
        for window, action in self._lent:
            window.removeAction(action)
        self._panel = panel
        actions = panel.panel_actions() if panel else ()
        self.menus.show_panel_actions(actions)
        self._lent = []
        self.status_bar.show_panel(panel.status_text if panel else "")
        self.status_bar.show_rate(None)
        if panel:
            panel.status_changed.connect(self.status_bar.show_panel)
            panel.title_changed.connect(self._show_title)
            self._lent = [(panel.window(), action) for action in actions if panel.window() is not self]
            for window, action in self._lent:
                window.addAction(action)
        self._show_title()
        self._aim(panel.profile if panel and panel.profile else self.target)

    def _show_title(self) -> None:
        panel = self._panel
        parts = (panel.title, panel.profile, "Kafka Explorer") if panel else ("Kafka Explorer",)
        self.setWindowTitle(" – ".join(part for part in parts if part))

    def _aim(self, profile: str) -> None:
        self.target = profile
        self._show_cluster()

    def _show_cluster(self) -> None:
        names = [profile.name for profile in self.tree.model.profiles()]
        target = self.target if self.target in names else ""
        self.menus.show_cluster(target, self.tree.model.state(target) is not None)
        shown = self._panel.profile if self._panel and self._panel.profile else target
        self.status_bar.show_connection(shown, self.tree.model.state(shown))
        self.status_bar.show_brokers(self._brokers.get(shown))

    def _entries(self) -> Iterator[Entry]:
        """All that the command palette finds."""
        for menu, actions in self.menus.sections():
            for action in actions:
                if action.isEnabled():
                    text = action.text().replace("&&", "\0").replace("&", "").replace("\0", "&").rstrip("…")
                    sign = icon("command", "muted") if action.icon().isNull() else action.icon()
                    yield Entry(f"action/{menu}/{text}", text, action.trigger, sign, menu, keys_of(action))
        commands, model = self.commands, self.tree.model
        message = icon("message", "muted")
        for profile in model.profiles():
            name, dot = profile.name, profile_dot(profile.colour)
            yield Entry(f"profile/{name}", name, partial(commands.open_section, name, Section.TOPICS), dot, "Cluster")
            for topic in model.topics(name):
                yield Entry(f"topic/{name}/{topic}", topic, partial(commands.open_topic, name, topic), message, name)


def saved_look(saved: Mapping[str, object]) -> tuple[str, int]:
    """Theme and zoom of what `save_state` gave, before there is a window: changing them later costs it 0.2 s."""
    theme, zoom = saved.get("theme"), saved.get("zoom")
    return (
        theme if isinstance(theme, str) and theme in THEMES else THEMES[0],
        zoom if isinstance(zoom, int) and zoom in _ZOOMS else 100,
    )


def _bar_button(icon_name: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setIcon(icon(icon_name, "muted"))
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def _text(data: QByteArray) -> str:
    return bytes(data.toBase64().data()).decode()


def _bytes(saved: object) -> QByteArray:
    return QByteArray.fromBase64(saved.encode("ascii", "ignore")) if isinstance(saved, str) else QByteArray()
