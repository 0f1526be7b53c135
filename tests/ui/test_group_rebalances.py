"""The members of a group over time, as they are drawn and told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from pytestqt.qtbot import QtBot

from kexplorer.model.groups import Group, GroupState, GroupType, Member
from kexplorer.model.rebalances import Timeline
from kexplorer.model.topics import TopicPartition
from kexplorer.services import rebalances
from kexplorer.services.sessions import Session
from kexplorer.ui.models.rebalances import HappenedModel
from kexplorer.ui.panels import group_rebalances
from kexplorer.ui.panels.group import GroupPanel
from kexplorer.ui.panels.group_rebalances import GroupRebalancesTab
from kexplorer.ui.panels.group_tab import GroupOf
from kexplorer.ui.widgets.lanes import Lanes
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.ui.sessions import NoSnapshots, session_on


def _member(name: str, *numbers: int) -> Member:
    return Member(f"{name}-1", name, "/10.0.0.7", tuple(TopicPartition("orders", number) for number in numbers))


def _timeline(looks: int, *members: Member) -> Timeline:
    """One look every two seconds, from 1000 on."""
    timeline = Timeline()
    for number in range(looks):
        timeline.take(Group("billing", GroupState.STABLE, GroupType.CLASSIC, members), 1000.0 + 2 * number)
    return timeline


def _lanes(qtbot: QtBot, timeline: Timeline) -> Lanes:
    lanes = Lanes(timeline)
    qtbot.addWidget(lanes)
    lanes.resize(800, 300)
    lanes.show()
    lanes.refresh()
    return lanes


def _colours(lanes: Lanes, row: int) -> set[str]:
    image = lanes.viewport().grab().toImage()
    y = round(row * 26 + 8)
    return {image.pixelColor(x, y).name() for x in range(image.width())}


def test_pointing_at_a_lane_tells_who_holds_what_since_when(qtbot: QtBot) -> None:
    lanes = _lanes(qtbot, _timeline(151, _member("a", 0, 1, 2, 5), _member("b")))
    words = lanes.words_at(QPoint(400, 10)).splitlines()
    assert words == ["a", "a-1", "10.0.0.7", "00:16:40 – 00:21:40 (5 min 00 s)", "orders 0–2, 5"]
    assert lanes.words_at(QPoint(400, 36)).splitlines()[-1] == "No partition."
    assert lanes.words_at(QPoint(400, 200)) == ""


def test_more_partitions_are_a_stronger_colour(qtbot: QtBot) -> None:
    lanes = _lanes(qtbot, _timeline(151, _member("a", *range(9)), _member("b", 9)))
    assert not _colours(lanes, 0) <= _colours(lanes, 1)


def test_it_follows_until_it_is_moved_and_again_when_asked_to(qtbot: QtBot) -> None:
    timeline = _timeline(500, _member("a", 0))
    lanes = _lanes(qtbot, timeline)
    assert lanes.shown == (timeline.until - 300, timeline.until)
    QTest.keyClick(lanes, Qt.Key.Key_Left)
    assert not lanes.following
    there = lanes.shown
    assert there[1] < timeline.until
    timeline.take(Group("billing", GroupState.STABLE, GroupType.CLASSIC, ()), timeline.until + 2)
    lanes.refresh()
    assert lanes.shown == there
    QTest.keyClick(lanes, Qt.Key.Key_End)
    assert (lanes.following, lanes.shown[1]) == (True, timeline.until)


def test_what_is_known_fills_it_until_it_is_zoomed(qtbot: QtBot) -> None:
    timeline = _timeline(5, _member("a", 0))
    lanes = _lanes(qtbot, timeline)
    assert lanes.shown == (timeline.until - 60, timeline.until)
    for at, width in ((1100.0, 100), (2000.0, 300)):
        timeline.take(Group("billing", GroupState.STABLE, GroupType.CLASSIC, ()), at)
        lanes.refresh()
        assert lanes.shown == (at - width, at)
    lanes.zoom(2.0)
    timeline.take(Group("billing", GroupState.STABLE, GroupType.CLASSIC, ()), 2002.0)
    lanes.refresh()
    assert lanes.shown == (2002.0 - 150, 2002.0)


def test_it_zooms_around_what_is_pointed_at_and_not_beyond_its_limits(qtbot: QtBot) -> None:
    lanes = _lanes(qtbot, _timeline(500, _member("a", 0)))
    QTest.keyClick(lanes, Qt.Key.Key_Left)
    start, end = lanes.shown
    lanes.zoom(2.0, start)
    assert lanes.shown == (start, start + (end - start) / 2)
    for _ in range(20):
        QTest.keyClick(lanes, Qt.Key.Key_Plus)
    assert lanes.shown[1] - lanes.shown[0] == 10.0


def test_a_time_that_is_out_of_sight_is_brought_into_the_middle(qtbot: QtBot) -> None:
    lanes = _lanes(qtbot, _timeline(500, _member("a", 0)))
    before = lanes.shown
    lanes.show_time(before[1] - 10)
    assert lanes.shown == before
    lanes.show_time(1200.0)
    assert sum(lanes.shown) / 2 == 1200.0


def test_events_are_told_with_their_time_and_since_when_nobody_looked() -> None:
    timeline = _timeline(1, _member("a", 0))
    for at in (1002.0, 1100.0):
        members = (_member("a", 0), _member("b")) if at == 1002.0 else (_member("a", 0),)
        timeline.take(Group("billing", GroupState.STABLE, GroupType.CLASSIC, members), at)
    model = HappenedModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, model)
    model.set_rows(timeline.events)
    texts = [[str(model.index(row, column).data()) for column in range(3)] for row in range(3)]
    assert texts == [
        ["00:16:40", "first look", "Stable, 1 member."],
        ["00:16:42", "joined", "b joined from 10.0.0.7."],
        ["00:18:20", "left", "b left. (Nobody looked since 00:16:42.)"],
    ]


def test_the_tab_looks_while_it_is_seen_and_keeps_what_it_saw(
    qtbot: QtBot, qtloop: LoopRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebalances, "EVERY", 0.02)
    monkeypatch.setattr(group_rebalances, "EVERY", 0.02)
    cluster = FakeCluster()
    cluster.members["billing"] = (_member("a", 0, 1),)

    async def open_session() -> Session:
        return session_on(cluster)

    async def look() -> None:
        tab = GroupRebalancesTab(GroupOf("billing", cluster.profile, open_session))
        qtbot.addWidget(tab)
        tab.resize(900, 500)
        tab.show()
        await until(lambda: tab.model.rowCount() == 1)
        cluster.members["billing"] = (_member("a", 0), _member("b", 1))
        await until(lambda: "b joined from 10.0.0.7; it got orders-1 from a." in tab.text())
        assert tab.told.whole.startswith("As observed every 0.02 s since ")
        assert set(cluster.calls) == {"describe_groups"}
        tab.hide()
        await until(lambda: not tab.tasks.running("observe"))
        cluster.members["billing"] = (_member("a", 0, 1),)
        tab.show()
        await until(lambda: "b left; orders-1 moved to a." in tab.text())
        for number in range(3):
            cluster.members["billing"] = (_member("a", 0), _member(f"c{number}", 1))
            await until(lambda number=number: f"c{number} joined" in tab.text())  # type: ignore[misc]
        assert "a deployment" in tab.storm.text
        await tab.close_tab()

    qtloop.run(look())


@pytest.mark.parametrize("read_only", [False, True])
def test_the_panel_has_the_tab_and_asks_for_a_test_consumer(qtbot: QtBot, qtloop: LoopRunner, read_only: bool) -> None:
    cluster = FakeCluster()
    cluster.profile = replace(cluster.profile, read_only=read_only)
    cluster.members["billing"] = (_member("a", 0, 1),)

    async def open_session() -> Session:
        return session_on(cluster)

    async def look() -> None:
        panel = GroupPanel(cluster.profile, "billing", open_session, NoSnapshots())
        qtbot.addWidget(panel)
        wanted: list[bool] = []
        panel.consumer_wanted.connect(lambda: wanted.append(True))
        panel.show()
        panel.show_tab("rebalances")
        tab = panel.current
        assert isinstance(tab, GroupRebalancesTab)
        await until(lambda: "Stable, 1 member." in panel.current.text())
        action = next(each for each in panel.panel_actions() if "Test consumer" in each.text())
        action.trigger()
        assert wanted == ([] if read_only else [True])
        await panel.close_panel()

    qtloop.run(look())
