"""An order is followed through its topics: found, drawn, selected, opened elsewhere and written to a file."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from kexplorer.formats.numbers import timestamp
from kexplorer.model.correlation import Where
from kexplorer.services import correlation
from kexplorer.ui.panels.correlation import CorrelationPanel
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.ui.trails import STEPS, TOPICS, opened, saga


async def _followed(panel: CorrelationPanel, text: str, where: Where = Where.ANYWHERE, name: str = "") -> list[str]:
    """What happened to it."""
    panel.follow(text, where, name)
    await until(lambda: not panel.tasks.running("follow"))
    return [json.loads(step.record.value or b"{}").get("type", "") for step in panel.steps]


def test_an_order_is_followed_through_its_topics(qtbot: QtBot, qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with opened(saga()) as panel:
            assert "What happened to one order" in panel.empty.text
            everything = [what for _, _, what in STEPS]
            assert await _followed(panel, "order-0004") == everything
            assert [step.gap for step in panel.steps][:3] == [None, 180, 1270]
            assert panel.chart.lanes.names == ["orders", "payments", "notifications", "shipping", "audit"]
            assert panel.told.whole == "11 records in 4 topics, 21.6 s from the first to the last"
            assert "everything was scanned" in panel.coverage.text
            assert await _followed(panel, "saga-4", Where.HEADER, "correlation-id") == everything
            assert await _followed(panel, "saga-4", Where.HEADER, "other") == []
            assert await _followed(panel, "order-0004", Where.FIELD, "value.orderId") == everything
            assert await _followed(panel, "4", Where.FIELD, "value.number") == everything
            assert await _followed(panel, "order-0004", Where.KEY) == ["OrderPlaced", "OrderPaid", "OrderCompleted"]
            assert await _followed(panel, "order-9999") == []
            assert "It was not met" in panel.empty.text

    qtloop.run(look())


def test_one_topic_leads_to_the_others(qtbot: QtBot, qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with opened(saga(), ["orders"]) as panel:
            assert await _followed(panel, "order-0004") == ["OrderPlaced", "OrderPaid", "OrderCompleted"]
            assert panel.notice.text.startswith("Only orders is looked at.")
            await until(lambda: not panel.tasks.running("topics"))
            rows = [panel.bar.picks.list.item(row) for row in range(panel.bar.picks.list.count())]
            assert [row.text() for row in rows] == ["orders", "audit", "notifications", "payments", "shipping"]
            assert panel.bar.topics == ["orders"]
            for row in rows:
                row.setCheckState(Qt.CheckState.Checked)
            assert await _followed(panel, "order-0004") == [what for _, _, what in STEPS]
            assert panel.notice.text == ""

    qtloop.run(look())


def test_the_keys_go_to_what_was_found(qtbot: QtBot, qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with opened(saga()) as panel:
            panel.bar.text.setFocus()
            await _followed(panel, "order-9999")
            assert panel.bar.text.hasFocus()
            await _followed(panel, "order-0004")
            assert panel.table.hasFocus()

    qtloop.run(look())


def test_dots_are_called_what_happened(qtbot: QtBot, qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with opened(saga()) as panel:
            await _followed(panel, "order-0004")
            await until(lambda: list(panel.chart.lanes.labels) == [what for _, _, what in STEPS])
            panel.label.setText('headers["correlation-id"]')
            panel.label.editingFinished.emit()
            await until(lambda: set(panel.chart.lanes.labels) == {"saga-4"})
            panel.label.setText("value.")
            panel.label.editingFinished.emit()
            await until(lambda: panel.strip.failure is not None)
            panel.label.clear()
            panel.label.editingFinished.emit()
            await until(lambda: panel.strip.failure is None and panel.chart.lanes.labels[0] == "OrderPlaced")

    qtloop.run(look())


def test_steps_are_selected_in_the_picture_and_in_the_list(qtbot: QtBot, qtloop: LoopRunner) -> None:
    shown: list[tuple[object, ...]] = []

    async def look() -> None:
        async with opened(saga()) as panel:
            panel.message_wanted.connect(lambda *place: shown.append(place))
            await _followed(panel, "order-0004")
            chart, lanes = panel.chart, panel.chart.lanes
            await until(lambda: chart.width() > 400)
            place = lanes.place(4, lanes.field(chart.rect()), chart.shown)
            assert place is not None
            chart.hover(place.toPoint())
            assert "payments, partition 0, offset" in chart.hint.text()
            assert "+8.3 s" in chart.hint.text()
            QTest.mouseClick(chart, Qt.MouseButton.LeftButton, pos=place.toPoint())
            assert panel.table.currentIndex().row() == 4
            assert panel.inspector.record == panel.steps[4].record
            QTest.keyClick(chart, Qt.Key.Key_Right)
            assert panel.inspector.record == panel.steps[5].record
            QTest.mouseDClick(chart, Qt.MouseButton.LeftButton, pos=place.toPoint())
            record = panel.steps[4].record
            assert shown == [(record.topic, record.partition, record.offset)]

    qtloop.run(look())


def test_the_list_shows_where_each_step_is_without_scrolling(qtbot: QtBot, qtloop: LoopRunner) -> None:
    shown: list[tuple[object, ...]] = []

    async def look() -> None:
        async with opened(saga()) as panel:
            panel.message_wanted.connect(lambda *place: shown.append(place))
            panel.resize(1030, 690)  # its part of a window that is 1280 pixels wide
            await _followed(panel, "order-0004")
            panel.table.selectRow(1)  # the inspector beside it needs some room, too
            await until(lambda: 0 < panel.table.width() < 700)
            titles = [column.title for column in panel.model.columns]
            after = titles.index("Key")
            assert panel.table.columnViewportPosition(after) <= panel.table.viewport().width()
            for section in range(after):
                text = str(panel.model.index(1, section).data())
                assert panel.table.columnWidth(section) > panel.fontMetrics().horizontalAdvance(text), titles[section]
            day, time = timestamp(panel.steps[1].record.timestamp, UTC).split()
            assert panel.model.index(1, 1).data() == time  # all of it was on one day
            assert day in panel.model.index(1, 1).data(Qt.ItemDataRole.ToolTipRole)
            QTest.keyClick(panel.table, Qt.Key.Key_Return)
            record = panel.steps[1].record
            assert shown == [(record.topic, record.partition, record.offset)]

    qtloop.run(look())


def test_what_is_selected_stays_in_sight_when_zoomed(qtbot: QtBot, qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with opened(saga()) as panel:
            await _followed(panel, "order-0004")
            chart = panel.chart
            chart._show((chart.shown[0], chart.shown[0] + 2000))
            show_all = panel.panel_actions()[3]
            assert show_all.isEnabled()
            panel.table.selectRow(10)
            place = chart.lanes.place(10, chart.lanes.field(chart.rect()), chart.shown)
            assert place is not None
            assert 0 < place.x() < chart.width()
            assert chart.shown[1] - chart.shown[0] == pytest.approx(2000)
            show_all.trigger()
            assert chart.shown == chart.lanes.whole
            assert not show_all.isEnabled()

    qtloop.run(look())


def test_a_trail_that_is_too_long_says_so(qtbot: QtBot, qtloop: LoopRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correlation, "MOST", 50)

    async def look() -> None:
        async with opened(saga()) as panel:
            await _followed(panel, "order")
            assert len(panel.steps) == 50
            assert "there are more than are shown" in panel.told.whole

    qtloop.run(look())


def test_what_cannot_be_followed_is_told(qtbot: QtBot, qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with opened(saga(), ["orders"]) as panel:
            for where, text, why in (
                (Where.ANYWHERE, "", "There is nothing to follow."),
                (Where.HEADER, "x", "It is not said which header."),
                (Where.FIELD, "x", "It is not said which field, such as value.order.id."),
            ):
                panel.follow(text, where)
                await until(lambda why=why: panel.strip.failure is not None and panel.strip.failure.message == why)  # type: ignore[misc]
            assert not panel.steps

    qtloop.run(look())


def test_it_is_written_to_files(qtbot: QtBot, qtloop: LoopRunner, tmp_path: Path) -> None:
    written = [tmp_path / name for name in ("trail.png", "trail.svg", "trail.jsonl")]

    async def look() -> None:
        async with opened(saga()) as panel:
            await _followed(panel, "order-0004")
            for path in written:
                panel.export(path)
                await until(lambda: not panel.tasks.running("export"))
            assert panel.strip.failure is None
            saved = panel.save_state()
        async with opened(saga(), ["orders"]) as other:
            other.restore_state(saved)
            assert set(other.bar.topics) == set(TOPICS)
            assert other.bar.trail.text == "order-0004"

    qtloop.run(look())
    assert QImage(str(written[0])).width() > 1000
    assert "payments" in written[1].read_text()
    assert [json.loads(line)["topic"] for line in written[2].read_text().splitlines()] == [topic for topic, *_ in STEPS]
