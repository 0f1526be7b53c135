"""The shell as a whole: keys, menus, status, and what it remembers."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QInputDialog, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from kexplorer.model.cluster import ConnectionState, Link
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.topics import Broker, ClusterMetadata
from kexplorer.services.jobs import Job, Jobs
from kexplorer.ui.about import AboutDialog, ShortcutsDialog
from kexplorer.ui.main_window import MainWindow
from kexplorer.ui.models.log import LogHandler
from kexplorer.ui.panel import Panel
from tests.rig.loops import LoopRunner
from tests.ui.fakes import LAB, SHOP, Asked, numbered, topics

UP = ConnectionState(Link.UP)
BROKERS = (Broker(1, "b1", 9092), Broker(2, "b2", 9092))


class Page(Panel):
    def __init__(self, key: str) -> None:
        profile, _, topic = key.rpartition("/")
        super().__init__(key, topic, "message", profile, SHOP.colour)
        self.pressed = 0
        self._action = QAction("Follow", self)
        self._action.setShortcut("F8")
        self._action.triggered.connect(self._press)

    def panel_actions(self) -> Sequence[QAction]:
        return (self._action,)

    def _press(self) -> None:
        self.pressed += 1


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
def window(qtbot: QtBot, asked: Asked, jobs: Jobs) -> MainWindow:
    return new_window(qtbot, asked, jobs)


def new_window(qtbot: QtBot, asked: Asked, jobs: Jobs) -> MainWindow:
    window = MainWindow(asked, Page, jobs, LogHandler(), lambda: {"Kafka Explorer": "0.1.0", "librdkafka": "2.16.0"})
    qtbot.addWidget(window, before_close_func=lambda _: asyncio.run(window.workspace.close_all()))
    window.set_profiles([SHOP, LAB])
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    return window


def page(window: MainWindow, key: str) -> Page:
    panel = window.workspace.open(key)
    assert isinstance(panel, Page)
    return panel


def actions(window: MainWindow) -> list[QAction]:
    return [action for _, found in window.menus.sections() for action in found]


def action(window: MainWindow, text: str) -> QAction:
    return next(each for each in actions(window) if each.text() == text)


def shown(widget: object) -> list[str]:
    found = widget.findChildren(QLabel) if hasattr(widget, "findChildren") else []
    return [label.text() for label in found if label.isVisible() and label.text()]


def test_every_action_is_in_a_menu_with_a_shortcut_of_its_own(window: MainWindow) -> None:
    page(window, "shop/orders")
    assert [each.text() for each in actions(window) if each.shortcut().isEmpty()] == []
    keys = Counter(keys.toString() for each in actions(window) for keys in each.shortcuts())
    assert [key for key, uses in keys.items() if uses > 1] == []
    in_menus = {id(each) for each in actions(window)}
    elsewhere = [each.text() for each in window.findChildren(QAction) if each.shortcuts() and id(each) not in in_menus]
    assert elsewhere == []


def test_keys_reach_their_action(window: MainWindow, asked: Asked) -> None:
    QTest.keyClick(window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(window, Qt.Key.Key_F7, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert asked.calls == [("new_connection",), ("set_theme", "light")]
    assert window.palette_dialog.isVisible()
    window.palette_dialog.hide()


def test_closing_asks_the_program_to_end_and_no_more(window: MainWindow, qtloop: LoopRunner) -> None:
    page(window, "shop/orders")
    window.close()
    assert window.isVisible()
    qtloop.run(window.closed.wait())
    assert len(window.workspace.panels()) == 1


def test_quit_is_closing(window: MainWindow) -> None:
    action(window, "Quit").trigger()
    assert window.closed.is_set()


def test_the_cluster_menu_is_about_the_cluster_that_was_touched_last(window: MainWindow, asked: Asked) -> None:
    window.set_profiles([])
    assert not action(window, "Connect cluster").isEnabled()
    window.set_profiles([SHOP, LAB])
    window.tree.view.setCurrentIndex(window.tree.model.index_of(LAB.name))
    action(window, "Connect <b>lab && more</b>").trigger()
    page(window, "shop/orders")
    window.set_state("shop", UP)
    assert not action(window, "Connect shop").isEnabled()
    action(window, "Disconnect shop").trigger()
    action(window, "Delete shop…").trigger()
    assert asked.calls == [("connect", LAB.name), ("disconnect", "shop"), ("delete", "shop")]
    window.set_profiles([])
    assert not action(window, "Disconnect cluster").isEnabled()


def test_the_status_bar_tells_of_the_current_tabs_cluster(window: MainWindow) -> None:
    window.set_state("shop", ConnectionState(Link.DEGRADED, "b2: <i>refused</i>"))
    window.set_metadata("shop", ClusterMetadata("x", BROKERS, ()))
    first = page(window, "shop/orders")
    first.say("500 messages")
    window.status_bar.show_rate(12_345.6)
    assert {"2 brokers", "12,346 messages/s", "500 messages"} < set(shown(window.status_bar))
    assert "shop degraded: b2: <i>refused</i>" in shown(window.status_bar)
    page(window, f"{LAB.name}/x")
    assert f"{LAB.name} not connected" in shown(window.status_bar)
    assert "500 messages" not in shown(window.status_bar)
    window.workspace.bring_to_front(first)
    assert "500 messages" in shown(window.status_bar)
    window.set_state("shop", None)
    assert "shop not connected" in shown(window.status_bar)
    assert "2 brokers" not in shown(window.status_bar)


def test_a_long_reason_is_cut_and_whole_in_the_tool_tip(window: MainWindow) -> None:
    reason = "no route to host & <b>more</b> " * 40
    window.set_state("shop", ConnectionState(Link.DOWN, reason))
    page(window, "shop/orders")
    label = next(each for each in window.status_bar.findChildren(QLabel) if each.text().startswith("shop unreachable"))
    assert len(label.text()) < len(reason)
    assert label.toolTip().count("&lt;b&gt;more&lt;/b&gt;") == 40


def test_the_panels_actions_are_offered_while_it_is_current(window: MainWindow) -> None:
    first, second = page(window, "shop/orders"), page(window, "shop/events")
    QTest.keyClick(window, Qt.Key.Key_F8)
    window.workspace.bring_to_front(first)
    QTest.keyClick(window, Qt.Key.Key_F8)
    QTest.keyClick(window, Qt.Key.Key_F8)
    assert (first.pressed, second.pressed) == (2, 1)
    assert window.menus.panel.menuAction().isVisible()


def test_a_torn_off_tab_obeys_the_same_keys(window: MainWindow, qtbot: QtBot) -> None:
    torn = page(window, "shop/orders")
    page(window, "shop/events")
    window.workspace.bring_to_front(torn)
    window.workspace.tear_off()
    own = window.workspace.windows()[0]
    qtbot.waitUntil(own.isActiveWindow)
    QTest.keyClick(own, Qt.Key.Key_F8)
    assert torn.pressed == 1
    modifiers = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(own, Qt.Key.Key_B, modifiers)
    assert window.workspace.windows() == []
    assert torn.window() is window


def test_what_was_seen_comes_back(window: MainWindow, qtbot: QtBot, asked: Asked, jobs: Jobs) -> None:
    page(window, "shop/orders")
    window.resize(720, 560)  # the offscreen screen is small
    window.toggle_log()
    window.toggle_tree()
    window.set_theme("dark")
    window.zoom_in()
    window.menus.internal.setChecked(True)
    window.palette_dialog.recent = ["topic/shop/orders"]
    window.set_zone("Asia/Kathmandu")
    saved = json.loads(json.dumps(window.save_state()))

    asked.calls.clear()
    second = new_window(qtbot, asked, jobs)
    second.restore_state(saved)
    assert second.size() == window.size()
    assert second.log.isVisible()
    assert not second.tree.isVisible()
    assert [panel.key for panel in second.workspace.panels()] == ["shop/orders"]
    assert second.menus.internal.isChecked()
    assert second.palette_dialog.recent == ["topic/shop/orders"]
    assert asked.calls == [("set_theme", "dark"), ("set_zoom", 110), ("set_zone", "Asia/Kathmandu")]
    second.reset_layout()
    assert second.tree.isVisible()
    assert not second.log.isVisible()


@pytest.mark.parametrize(
    "saved",
    [
        {},
        {
            "geometry": 1,
            "docks": [],
            "workspace": 3,
            "recent": "x",
            "internal": "yes",
            "theme": "blue",
            "zoom": 10**9,
            "zone": "Mars",
        },
        {"geometry": "%%%", "docks": "AAAA", "recent": [1, {}], "theme": ["dark"], "zoom": True},
        {"geometry": "ü\ud800", "docks": "\0"},
    ],
)
def test_a_damaged_memory_means_the_first_start(window: MainWindow, asked: Asked, saved: dict[str, object]) -> None:
    window.restore_state(saved)
    assert window.tree.isVisible()
    assert window.workspace.panels() == []
    assert window.palette_dialog.recent == []
    assert asked.calls == [("set_theme", "system"), ("set_zoom", 100), ("set_zone", "local")]


def test_a_screen_that_is_too_small_is_filled(window: MainWindow) -> None:
    """The test's screen has 800 pixels in each direction, fewer than the window would like."""
    there = window.screen().availableSize()
    assert there.width() < window.width()
    window.restore_state({})
    assert window.isMaximized()


def test_the_menu_shows_the_zone_in_use(window: MainWindow, asked: Asked) -> None:
    action(window, "UTC").trigger()
    assert asked.calls == [("set_zone", "UTC")]
    window.set_zone("Europe/Paris")
    other = action(window, "Other time zone (Europe/Paris)…")
    assert other.isChecked()
    other.trigger()
    assert asked.calls[-1] == ("choose_zone",)


def test_the_memory_for_pages_is_asked_for_and_remembered(window: MainWindow) -> None:
    assert window.page_memory == 256
    action(window, "Memory for pages…").trigger()
    dialog = window.findChild(QInputDialog)
    assert dialog is not None
    dialog.setIntValue(1000)
    dialog.accept()
    saved = window.save_state()
    window.page_memory = 64
    window.restore_state(saved)
    assert window.page_memory == 1000
    window.restore_state(saved | {"page_memory": 1 << 40})
    assert window.page_memory == 256


def test_zoom_stays_within_its_steps(window: MainWindow, asked: Asked) -> None:
    for _ in range(20):
        window.zoom_in()
    assert window.zoom == 200
    for _ in range(20):
        window.zoom_out()
    assert window.zoom == 70
    action(window, "Normal type").trigger()
    assert asked.calls[-1] == ("set_zoom", 100)


def test_jobs_and_log_share_the_space_below(window: MainWindow, jobs: Jobs, qtbot: QtBot) -> None:
    assert not window.jobs.isVisible()
    window.toggle_jobs()
    assert window.jobs.isVisible()
    window.toggle_log()
    assert window.log.isVisible()
    assert not window.jobs.isVisible()
    window.toggle_log()
    assert not window.log.isVisible()
    jobs.add(Job("Search", "records", lambda: None))
    button = next(each for each in window.status_bar.children() if getattr(each, "text", str)() == "1 job")
    button.click()  # type: ignore[attr-defined]
    assert window.jobs.isVisible()
    assert "Search" in shown(window.jobs)


def test_the_palette_finds_actions_clusters_and_topics(window: MainWindow, asked: Asked) -> None:
    window.set_state("shop", UP)
    window.set_metadata("shop", ClusterMetadata("x", BROKERS, (*topics("<b>orders</b>"), *numbered(10_000))))
    entries = {entry.key: entry for entry in window._entries()}
    assert entries["action/View/Command palette"].shortcut == "Ctrl+K"
    assert "action/Cluster/Connect shop" not in entries  # it is connected
    entries["topic/shop/<b>orders</b>"].run()
    entries[f"profile/{LAB.name}"].run()
    entries["topic/shop/team-00.orders.v0"].run()
    assert asked.calls == [
        ("open_topic", "shop", "<b>orders</b>"),
        ("open topics", LAB.name),
        ("open_topic", "shop", "team-00.orders.v0"),
    ]


def test_a_failure_of_no_panel_is_shown_above_the_tabs(window: MainWindow) -> None:
    window.show_failure(Failure(FailureKind.INVALID, "Line 3 of <b>clusters.toml</b> is no profile.", "Mend it."))
    assert {"Line 3 of <b>clusters.toml</b> is no profile.", "Mend it."} < set(shown(window))


def test_the_first_page_offers_the_demo_and_connections(window: MainWindow, asked: Asked, qtbot: QtBot) -> None:
    window.welcome.demo.click()
    window.welcome.new.click()
    window.set_profiles([Profile(f"c{i}", "x:1") for i in range(9)])

    def offered() -> dict[str, QPushButton]:
        return {each.text(): each for each in window.welcome.findChildren(QPushButton) if each.isVisible()}

    qtbot.waitUntil(lambda: list(offered()) == ["c0", "c1", "c2", "c3", "c4"])
    offered()["c1"].click()
    assert asked.calls == [("open_demo",), ("new_connection",), ("open topics", "c1")]
    assert "Ctrl+K" in shown(window.welcome)


def test_about_tells_versions_that_can_be_copied(window: MainWindow, qtbot: QtBot) -> None:
    window.show_about()
    about = window.findChild(AboutDialog)
    assert about
    assert {"Kafka Explorer", "0.1.0", "librdkafka", "2.16.0"} < set(shown(about))
    about.copy_button.click()
    assert QGuiApplication.clipboard().text() == "Kafka Explorer 0.1.0\nlibrdkafka 2.16.0"
    about.close()
    qtbot.waitUntil(lambda: window.findChild(AboutDialog) is None)


def test_the_overview_of_shortcuts_is_made_of_the_real_ones(window: MainWindow) -> None:
    page(window, "shop/orders")
    window.show_shortcuts()
    overview = window.findChild(ShortcutsDialog)
    assert overview
    texts = [label.text() for label in overview.findChildren(QLabel)]
    for each in actions(window):
        assert each.text().replace("&", "").rstrip("…") in texts
        assert any(each.shortcut().toString() in text for text in texts)
    overview.close()
