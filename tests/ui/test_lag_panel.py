"""The lag of a cluster over time: what its chart draws, what its legend tells, and when it asks."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta, timezone
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import TopicPartition
from kexplorer.services.lag_lines import LineKey
from kexplorer.services.sessions import Session
from kexplorer.store.lag_history import LagHistory
from kexplorer.ui.models.lag_lines import COLUMNS
from kexplorer.ui.panels.group_lag import GroupLagTab
from kexplorer.ui.panels.group_tab import GroupOf
from kexplorer.ui.panels.lag import LagPanel
from kexplorer.ui.widgets.lag_bar import HEAT, LINES
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.ui.lag_course import filled, group_lag, sampled_at
from tests.ui.quiet import quiet
from tests.ui.sessions import session_on

ORDERS = TopicPartition("orders", 0)
LOST = Failure(FailureKind.TIMEOUT, "Broker 2 did not answer.")


def _shop() -> FakeCluster:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders", 2)
    for n in range(200):
        cluster.add("orders", b"v", partition=n % 2)
    cluster.commits["billing"] = {ORDERS: 10, TopicPartition("orders", 1): 95}
    cluster.commits["search"] = {ORDERS: 99}
    return cluster


@asynccontextmanager
async def _opened(
    cluster: FakeCluster, history: LagHistory | None = None, session: Session | None = None
) -> AsyncIterator[LagPanel]:
    session = session or session_on(cluster)
    session.lag.every = 0.05

    async def open_session() -> Session:
        return session

    panel = LagPanel(cluster.profile, open_session, history)
    panel.resize(1100, 700)
    panel.show()
    try:
        yield panel
    finally:
        await panel.close_panel()
        await session.close()
        panel.deleteLater()


def _column(panel: LagPanel, title: str) -> list[str]:
    column = next(n for n, each in enumerate(COLUMNS) if each.title == title)
    model = panel.view.model
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def test_the_furthest_behind_comes_first_and_lines_follow_the_cluster(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster) as panel:
            await until(lambda: _column(panel, "Line") == ["billing", "search"])
            assert _column(panel, "Now") == ["95", "1"]
            assert panel.view.chart.drawn == 2
            cluster.add("orders", b"v")
            await until(lambda: _column(panel, "Now") == ["96", "2"])
            assert panel.status_text == "2 groups · lag 98"

    qtloop.run(look())


def test_what_has_just_begun_can_be_seen_and_reached(qtbot: QtBot, qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with _opened(_shop()) as panel:
            await until(lambda: len(_column(panel, "Line")) == 2)
            for view in (LINES, HEAT):
                panel.view.bar.choose(view=view)
                plot = panel.view.heat if view == HEAT else panel.view.chart
                first, last = plot.whole
                assert 0 < last - first < panel.view.bar.span / 10
            panel.view.bar.filter.setFocus()
            QTest.keyClick(panel.view.bar.filter, Qt.Key.Key_Tab)  # to the button that exports
            for after in (panel.view.heat, panel.view.table):
                QTest.keyClick(panel.focusWidget(), Qt.Key.Key_Tab)
                assert panel.focusWidget() is after

    qtloop.run(look())


def test_partitions_and_topics_are_lines_of_their_own(qtbot: QtBot, qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with _opened(_shop()) as panel:
            await until(panel.view.model.rowCount)
            panel.view.bar.choose(level="Partitions")
            await until(lambda: len(_column(panel, "Line")) == 3)
            assert sorted(_column(panel, "Line")) == ["billing · orders 0", "billing · orders 1", "search · orders 0"]
            panel.view.bar.choose(level="Topics")
            await until(lambda: _column(panel, "Line") == ["orders"])
            assert _column(panel, "Now") == ["96"]

    qtloop.run(look())


def test_nothing_is_asked_while_it_is_hidden(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster) as panel:
            await until(panel.view.model.rowCount)
            panel.hide()
            cluster.add("orders", b"v")
            await quiet(cluster)
            assert _column(panel, "Now") == ["95", "1"]
            panel.show()
            await until(lambda: _column(panel, "Now") == ["96", "2"])

    qtloop.run(look())


def test_a_cluster_without_commits_says_what_will_come(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = FakeCluster("shop")

    async def look() -> None:
        async with _opened(cluster) as panel:
            await until(lambda: "recorded from now on" in panel.view.empty.text)
            cluster.add_topic("orders")
            cluster.commits["billing"] = {ORDERS: 0}
            await until(lambda: _column(panel, "Line") == ["billing"])

    qtloop.run(look())


def test_what_fails_is_told_and_taken_back(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster) as panel:
            await until(panel.view.model.rowCount)
            cluster.failures["groups"] = LOST
            await until(lambda: panel.strip.failure == LOST)
            del cluster.failures["groups"]
            await until(lambda: panel.strip.failure is None)
            cluster.broken_groups["search"] = LOST
            await until(lambda: panel.notice.text == "1 group was not told: its lines have a gap.")
            del cluster.broken_groups["search"]
            await until(lambda: panel.notice.text == "")

    qtloop.run(look())


def test_of_many_lines_the_leaders_are_drawn_and_the_others_are_one_band(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = FakeCluster("large")
    cluster.failures["groups"] = LOST  # what is kept is all there is
    session = session_on(cluster)
    now = time.time()
    filled(session.lag, 60, now, 200)

    async def look() -> None:
        async with _opened(cluster, session=session) as panel:
            await until(lambda: panel.view.model.rowCount() == 60)
            assert panel.view.feed
            view, feed = panel.view, panel.view.feed
            feed.stop()
            assert view.chart.drawn == 20 + 1
            last = LineKey(view.model.row(59).key.group)
            view.pick(last)
            view.redraw()
            assert view.chosen == last
            assert view.chart.drawn == 21 + 1
            view.toggle([last, view.model.row(0).key])
            assert view.chart.drawn == 20 + 1
            view.show_only([last])
            assert view.chart.drawn == 1
            view.show_all()
            view.bar.choose(view="Stacked")
            assert view.chart.drawn == 21 + 1
            view.bar.choose(view="Heat map")
            assert view.heat.drawn == 60
            feed.take(sampled_at(session.lag, now + 30))
            view.redraw()
            first = view.model.row(0).key.group
            expected = group_lag(int(first[-3:]), now + 30).lag
            await until(lambda: view.model.row(0).now == expected)

    qtloop.run(look())


def test_a_filter_and_what_is_below_the_mouse(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()
    cluster.commits["<b>bold</b>"] = {ORDERS: 50}

    async def look() -> None:
        async with _opened(cluster) as panel:
            panel.set_zone(timezone(timedelta(hours=5, minutes=30)))
            await until(lambda: panel.view.model.rowCount() == 3)
            panel.view.bar.filter.setText("bold")
            await until(lambda: _column(panel, "Line") == ["<b>bold</b>"])
            chart = panel.view.chart
            chart.resize(900, 400)
            place = chart.box.mapViewToScene(chart.box.viewRect().center())
            chart.hover(QPoint(int(place.x()), int(place.y())))
            right = chart.mapFromScene(chart.box.sceneBoundingRect().topRight())
            chart.hover(right + QPoint(-2, 40))
            assert chart.hint.isVisible()
            when, name, value = chart.hint.text().split("\n")
            assert (name, value) == ("<b>bold</b>", "50")
            assert chart.hint.textFormat() == Qt.TextFormat.PlainText
            utc = time.strftime("%Y-%m-%d %H", time.gmtime(time.time() + 5.5 * 3600))
            assert when[:13] in (utc, time.strftime("%Y-%m-%d %H", time.gmtime(time.time() + 5.5 * 3600 - 60)))
            QTest.mouseClick(chart.viewport(), Qt.MouseButton.LeftButton, pos=right + QPoint(-2, 40))
            assert panel.view.chosen == LineKey("<b>bold</b>")
            panel.view.bar.filter.setText("nobody")
            await until(panel.view.empty.isVisible)

    qtloop.run(look())


def test_what_was_recorded_earlier_is_shown_with_a_gap(qtbot: QtBot, qtloop: LoopRunner, tmp_path: Path) -> None:
    history = LagHistory(tmp_path / "lag.db")
    now = time.time()

    async def look() -> None:
        for ago in (800.0, 795.0, 300.0, 295.0):
            await history.add("fake-cluster", [group_lag(7, now - ago)], {}, 5.0)
        cluster = _shop()
        async with _opened(cluster, history) as panel:
            await until(lambda: "group-007" in _column(panel, "Line"))
            assert panel.view.feed
            grid = panel.view.feed.grid
            row = grid.lines(panel.view.bar.measure, panel.view.bar.level, lambda key: key.group == "group-007").high[0]
            known = [at for at, value in zip(grid.times, row, strict=True) if value == value]  # noqa: PLR0124
            assert min(known) < now - 750
            assert not any(now - 750 < at < now - 320 for at in known)
            assert any(now - 320 < at < now - 260 for at in known)
            await until(lambda: panel.view.chart.whole[0] < now - 750)
            assert panel.view.chart.whole[0] == min(known) - grid.step / 2

    qtloop.run(look())


def test_a_history_that_cannot_be_read_is_told_and_the_chart_goes_on(
    qtbot: QtBot, qtloop: LoopRunner, tmp_path: Path
) -> None:
    (tmp_path / "lag.db").write_bytes(b"no database at all" * 100)

    async def look() -> None:
        async with _opened(_shop(), LagHistory(tmp_path / "lag.db")) as panel:
            await until(lambda: panel.strip.failure is not None)
            await until(lambda: _column(panel, "Now") == ["95", "1"])

    qtloop.run(look())


def test_data_and_pictures_are_written(qtbot: QtBot, qtloop: LoopRunner, tmp_path: Path) -> None:
    async def look() -> None:
        async with _opened(_shop()) as panel:
            await until(lambda: panel.view.model.rowCount() == 2)
            for suffix in ("csv", "json", "png", "svg"):
                panel.export(tmp_path / f"lag.{suffix}")
                await until(lambda: not panel.tasks.running("export"))
            panel.export(tmp_path / "nowhere" / "lag.csv")
            await until(lambda: panel.strip.failure is not None)

    qtloop.run(look())
    rows = list(csv.DictReader((tmp_path / "lag.csv").read_text().splitlines()))
    assert {(row["group"], row["metric"], row["most"]) for row in rows} == {
        ("billing", "Lag", "95.0"),
        ("search", "Lag", "1.0"),
    }
    assert rows[0]["time"].endswith("Z")
    first, second = json.loads((tmp_path / "lag.json").read_text())
    assert (first["name"], second["name"]) == ("billing", "search")
    assert first["values"][-1]["most"] == 95
    assert QImage(str(tmp_path / "lag.png")).width() >= 1100
    assert "<svg" in (tmp_path / "lag.svg").read_text()


def test_what_is_chosen_is_kept(qtbot: QtBot, qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with _opened(_shop()) as panel:
            panel.view.bar.choose("Commit rate", "Partitions", "7 days", "Stacked")
            state = panel.save_state()
            async with _opened(_shop()) as other:
                other.restore_state({**state, "span": 5, "other": "x"})
                assert other.view.bar.span == 900
                other.restore_state(state)
                assert other.save_state() == state
                await until(lambda: other.view.model.rowCount() == 3)

    qtloop.run(look())


def test_the_tab_of_a_group_has_its_partitions(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()
    session = session_on(cluster)

    async def open_session() -> Session:
        return session

    async def look() -> None:
        tab = GroupLagTab(GroupOf("billing", cluster.profile, open_session))
        tab.resize(1000, 600)
        tab.show()
        await until(lambda: tab.view.model.rowCount() == 2)
        assert tab.text().split("\n")[1].startswith("billing · orders 0\t90\t")
        tab.hide()
        await quiet(cluster)
        await tab.tasks.close()
        await session.close()
        tab.deleteLater()

    qtloop.run(look())
