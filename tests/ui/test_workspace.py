"""Tabs: opened once, closed with their work, moved about, and back where they were at the next start."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from kexplorer.ui.panel import Panel
from kexplorer.ui.tab_group import TabGroup
from kexplorer.ui.workspace import Workspace
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until


class Page(Panel):
    """A panel whose state is one text, and which tells when its work has ended."""

    def __init__(self, key: str) -> None:
        super().__init__(key, key.upper(), "topic", "shop", "green")
        self.text = ""
        self.closed = asyncio.Event()

    def save_state(self) -> dict[str, object]:
        return {"text": self.text}

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.text = str(state["text"])

    async def close_panel(self) -> None:
        await super().close_panel()
        self.closed.set()


def make(key: str) -> Panel | None:
    return None if key.startswith("gone") else Page(key)


@pytest.fixture
def workspace(qtbot: QtBot) -> Workspace:
    return new_workspace(qtbot)


def new_workspace(qtbot: QtBot) -> Workspace:
    workspace = Workspace(make, QLabel("Welcome"))
    qtbot.addWidget(workspace, before_close_func=close_windows)
    workspace.resize(1000, 600)
    workspace.show()
    qtbot.waitExposed(workspace)
    return workspace


def close_windows(workspace: Workspace) -> None:
    asyncio.run(workspace.close_all())


def opened(workspace: Workspace, *keys: str) -> list[Page]:
    pages = [workspace.open(key) for key in keys]
    return [page for page in pages if isinstance(page, Page)]


def arrangement(workspace: Workspace) -> list[list[str]]:
    """The keys of each group, those of own windows last."""
    groups = [*workspace._docked(), *(window.group for window in workspace.windows())]
    return [[panel.key for panel in group.panels()] for group in groups]


def test_a_key_is_opened_once(workspace: Workspace) -> None:
    first, second, again = opened(workspace, "a", "b", "a")
    assert again is first
    assert workspace.panels() == [first, second]
    assert workspace.current() is first


def test_what_cannot_be_made_is_not_opened(workspace: Workspace) -> None:
    assert workspace.open("gone") is None
    assert workspace.panels() == []


def test_layout_comes_back(workspace: Workspace, qtbot: QtBot) -> None:
    opened(workspace, "a", "b", "c", "d", "e")
    workspace.tear_off()
    workspace.windows()[0].setGeometry(120, 90, 500, 400)
    workspace.open("d")
    workspace.split_right()
    page = workspace.open("b")
    assert isinstance(page, Page)
    page.text = "as it was"
    saved = json.loads(json.dumps(workspace.save_state()))

    second = new_workspace(qtbot)
    second.restore_state(saved)
    assert arrangement(second) == [["a", "b", "c"], ["d"], ["e"]] == arrangement(workspace)
    assert second.windows()[0].geometry() == workspace.windows()[0].geometry()
    assert second.windows()[0].isVisible()
    current = second.current()
    assert isinstance(current, Page)
    assert (current.key, current.text) == ("b", "as it was")
    assert json.loads(json.dumps(second.save_state())) == saved


def test_panels_that_are_gone_are_left_out_of_the_layout(workspace: Workspace) -> None:
    tab = {"state": {"text": ""}}
    group = {"tabs": [{"key": "gone", **tab}], "current": 0, "geometry": ""}
    kept = {"tabs": [{"key": "gone 2", **tab}, {"key": "a", **tab}], "current": 0, "geometry": ""}
    layout = {"version": 1, "groups": [group, kept], "sizes": [5, 5], "windows": [group], "current": "gone"}
    workspace.restore_state(layout)
    assert arrangement(workspace) == [["a"]]
    assert workspace.current() is workspace.panels()[0]


@pytest.mark.parametrize(
    "layout",
    [
        None,
        "text",
        [],
        {},
        {"version": 2},
        {"version": 1, "groups": "abc", "sizes": [], "windows": [], "current": ""},
        {"version": 1, "groups": [{"tabs": [{"key": 1}]}], "sizes": [], "windows": [], "current": ""},
        {"version": 1, "groups": [{}], "sizes": [10**30], "windows": [], "current": ""},
        {
            "version": 1,
            "groups": [],
            "sizes": [],
            "windows": [{"tabs": [], "current": -1, "geometry": "%"}],
            "current": "",
        },
        {
            "version": 1,
            "groups": [],
            "sizes": [],
            "windows": [{"tabs": [], "current": 0, "geometry": "%"}],
            "current": "",
        },
    ],
)
def test_what_is_no_layout_is_ignored(workspace: Workspace, layout: object) -> None:
    workspace.restore_state(layout)
    assert workspace.panels() == []
    assert workspace.windows() == []


@pytest.mark.expect_log("The saved state of a was ignored")
def test_a_damaged_panel_state_does_not_stop_the_others(workspace: Workspace) -> None:
    tabs = [{"key": "a", "state": {}}, {"key": "b", "state": {"text": "whole"}}]
    group = {"tabs": tabs, "current": 1, "geometry": ""}
    workspace.restore_state({"version": 1, "groups": [group], "sizes": [], "windows": [], "current": "b"})
    assert arrangement(workspace) == [["a", "b"]]


def test_middle_click_closes_that_tab(workspace: Workspace) -> None:
    async def scenario() -> None:
        first, second = opened(workspace, "a", "b")
        bar = group_of(workspace, first).tabBar()
        QTest.mouseClick(bar, Qt.MouseButton.MiddleButton, pos=bar.tabRect(0).center())
        assert workspace.panels() == [second]
        await asyncio.wait_for(first.closed.wait(), 1)

    asyncio.run(scenario())


def test_closing_a_tab_awaits_its_work(workspace: Workspace) -> None:
    async def scenario() -> None:
        (page,) = opened(workspace, "a")
        left = asyncio.Event()

        async def work() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.01)
                left.set()

        page.tasks.start("work", work())
        await asyncio.sleep(0)
        workspace.close_current()
        assert workspace.panels() == []
        await workspace.close_all()
        assert left.is_set()
        assert page.closed.is_set()

    asyncio.run(scenario())


def test_the_focus_goes_from_a_closed_tab_to_the_one_behind_it(workspace: Workspace, qtbot: QtBot) -> None:
    other = QLineEdit(workspace)  # takes the focus that nobody looks after
    other.show()
    workspace.activateWindow()

    async def scenario() -> None:
        first, second = opened(workspace, "a", "b")
        field = QLineEdit(second)
        field.show()
        for page in (first, second):
            page.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        field.setFocus()
        assert field.hasFocus()
        workspace.close_current()
        assert first.hasFocus()
        other.setFocus()
        workspace.open("c")
        other.setFocus()
        workspace.close_current()
        assert other.hasFocus()
        await workspace.close_all()

    qtbot.waitUntil(workspace.isActiveWindow)
    asyncio.run(scenario())


def test_a_closed_tab_opens_again_as_it_was(workspace: Workspace) -> None:
    async def scenario() -> None:
        first, second = opened(workspace, "a", "b")
        first.text, second.text = "one", "two"
        workspace.close_panel(first)
        workspace.close_panel(second)
        workspace.reopen_closed()
        workspace.reopen_closed()
        workspace.reopen_closed()
        assert [(page.key, page.text) for page in workspace.panels() if isinstance(page, Page)] == [
            ("b", "two"),
            ("a", "one"),
        ]
        await workspace.close_all()

    asyncio.run(scenario())


def test_closing_an_own_window_closes_its_tabs(workspace: Workspace) -> None:
    async def scenario() -> None:
        first, second = opened(workspace, "a", "b")
        workspace.tear_off()
        workspace.windows()[0].close()
        assert workspace.windows() == []
        assert workspace.panels() == [first]
        await asyncio.wait_for(second.closed.wait(), 1)

    asyncio.run(scenario())


def test_tabs_move_between_sides_and_windows(workspace: Workspace) -> None:
    opened(workspace, "a", "b", "c")
    workspace.split_right()
    assert arrangement(workspace) == [["a", "b"], ["c"]]
    workspace.move_to_other_side()
    assert arrangement(workspace) == [["a", "b", "c"]]
    workspace.tear_off()
    assert arrangement(workspace) == [["a", "b"], ["c"]]
    assert len(workspace.windows()) == 1
    workspace.dock_back()
    assert arrangement(workspace) == [["a", "b", "c"]]
    workspace.tear_off()
    workspace.open("a")
    workspace.split_right()
    workspace.reset_layout()
    assert sorted(arrangement(workspace)[0]) == ["a", "b", "c"]
    assert len(arrangement(workspace)) == 1
    assert [panel.key for panel in [workspace.current()] if panel] == ["a"]


def test_the_only_tab_of_a_group_is_not_split_from_it(workspace: Workspace) -> None:
    opened(workspace, "a")
    workspace.split_right()
    workspace.move_to_other_side()
    assert arrangement(workspace) == [["a"]]


@pytest.mark.parametrize(
    ("where", "expected", "windows"),
    [("right edge", [["a", "b"], ["c"]], 0), ("left edge", [["c"], ["a", "b"]], 0), ("middle", [["a", "b"], ["c"]], 1)],
)
def test_a_tab_dragged_out_of_its_bar_lands_where_it_was_dropped(
    workspace: Workspace, where: str, expected: list[list[str]], windows: int
) -> None:
    *_, page = opened(workspace, "a", "b", "c")
    group = group_of(workspace, page)
    at = {"right edge": group.width() - 20, "left edge": 20, "middle": group.width() // 2}[where]
    drag(group, 2, QPoint(at, 300))
    assert arrangement(workspace) == expected
    assert len(workspace.windows()) == windows


def test_a_tab_dragged_within_its_bar_stays(workspace: Workspace) -> None:
    *_, page = opened(workspace, "a", "b", "c")
    drag(group_of(workspace, page), 2, QPoint(5, 10))
    assert arrangement(workspace) == [["c", "a", "b"]]


def test_titles_and_tool_tips_are_literal(workspace: Workspace) -> None:
    page = workspace.open("<b>R&D</b>")
    assert page
    group = group_of(workspace, page)
    assert group.tabText(0) == "<B>R&&D</B>"  # a doubled & is how Qt spells one
    assert group.tabToolTip(0) == "&lt;B&gt;R&amp;D&lt;/B&gt; (shop)"
    page.set_title("x<i>")
    assert group.tabText(0) == "x<i>"


def test_the_welcome_page_shows_while_no_tab_is_open(workspace: Workspace) -> None:
    async def scenario() -> None:
        welcome = next(label for label in workspace.findChildren(QLabel) if label.text() == "Welcome")
        assert welcome.isVisible()
        opened(workspace, "a")
        assert not welcome.isVisible()
        workspace.close_current()
        assert welcome.isVisible()
        await workspace.close_all()

    asyncio.run(scenario())


def test_tells_which_panel_is_current(workspace: Workspace) -> None:
    told: list[Panel | None] = []
    workspace.current_changed.connect(told.append)
    first, second = opened(workspace, "a", "b")
    workspace.next_tab()
    workspace.previous_tab()
    assert told == [first, second, first, second]


def group_of(workspace: Workspace, panel: Panel) -> TabGroup:
    return workspace._group_of(panel)


def drag(group: TabGroup, tab: int, to: QPoint) -> None:
    """By the left button, from the middle of a tab to a point of the group."""
    bar = group.tabBar()
    start = bar.tabRect(tab).center()
    end = bar.mapFrom(group, to)
    half = QPoint((start.x() + end.x()) // 2, (start.y() + end.y()) // 2)
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    for kind, at, button, buttons in (
        (QMouseEvent.Type.MouseButtonPress, start, left, left),
        (QMouseEvent.Type.MouseMove, half, none, left),
        (QMouseEvent.Type.MouseMove, end, none, left),
        (QMouseEvent.Type.MouseButtonRelease, end, left, none),
    ):
        event = QMouseEvent(kind, QPointF(at), QPointF(bar.mapToGlobal(at)), button, buttons, Qt.KeyboardModifier(0))
        QApplication.sendEvent(bar, event)


@pytest.mark.parametrize("own_window", [False, True])
def test_who_would_lose_something_is_asked_before_a_tab_is_closed(
    workspace: Workspace, qtloop: LoopRunner, own_window: bool
) -> None:
    safe, precious = opened(workspace, "a", "b")
    if own_window:
        workspace.tear_off()
    precious.why_stay = lambda: "2 messages are on the way."  # type: ignore[method-assign]

    def question() -> QDialog | None:
        return next((each for each in precious.findChildren(QDialog) if each.isVisible()), None)

    async def close(answer: str) -> None:
        windows = workspace.windows()
        windows[0].close() if windows else workspace.ask_to_close(precious)
        dialog = await until(question)
        assert dialog
        assert any("2 messages" in label.text() for label in dialog.findChildren(QLabel))
        next(button for button in dialog.findChildren(QPushButton) if button.text() == answer).click()
        await until(lambda: not question())

    async def look() -> None:
        await close("Cancel")
        assert [panel.key for panel in workspace.panels()] == ["a", "b"]
        await close("Close it")
        await precious.closed.wait()
        workspace.ask_to_close(safe)
        await safe.closed.wait()
        await workspace.close_all()

    qtloop.run(look())
