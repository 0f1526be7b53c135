"""The topics panel, without a broker: what its keys do and its words say."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit, QTableView
from pytestqt.qtbot import QtBot

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import ClusterMetadata, TopicPartition
from kexplorer.services.sessions import Session
from kexplorer.ui.panels.topics import TopicsPanel
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.ui.fakes import SHOP, topics
from tests.ui.sessions import Marked, session_on


class Shown:
    """A panel that knows three topics and will not hear of more."""

    def __init__(self, qtloop: LoopRunner) -> None:
        self.opened: list[Sequence[str]] = []
        self.details: list[str] = []
        self.panel = qtloop.run(self._make())
        (self.filter,) = self.panel.findChildren(QLineEdit)
        (self.table,) = self.panel.findChildren(QTableView)

    async def _make(self) -> TopicsPanel:
        panel = TopicsPanel(SHOP, self._never, self.opened.append, self.details.append, Marked(), dict, lambda *_: None)
        panel._take(ClusterMetadata(None, (), tuple(topics("audit", "orders", "orders-dlq"))))
        return panel

    async def _never(self) -> Session:
        await asyncio.Event().wait()
        raise AssertionError

    @property
    def words(self) -> list[str]:
        return [label.text() for label in self.panel.findChildren(QLabel) if label.isVisible()]


@pytest.fixture
def shown(qtbot: QtBot, qtloop: LoopRunner) -> Iterator[Shown]:
    shown = Shown(qtloop)
    qtbot.addWidget(shown.panel)
    shown.panel.resize(1100, 500)
    shown.panel.show()
    shown.panel.activateWindow()
    yield shown
    qtloop.run(shown.panel.close_panel())


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Down])
def test_from_the_filter_to_a_topic_by_keys(shown: Shown, qtbot: QtBot, key: Qt.Key) -> None:
    shown.filter.setFocus()
    qtbot.waitUntil(shown.filter.hasFocus)
    QTest.keyClicks(shown.filter, "dlq")
    QTest.keyClick(shown.filter, key)
    assert shown.table.hasFocus()
    QTest.keyClick(shown.table, Qt.Key.Key_Return)
    assert shown.opened == [["orders-dlq"]]


def test_several_topics_open_together(shown: Shown) -> None:
    shown.table.selectRow(0)
    shown.table.selectAll()
    QTest.keyClick(shown.table, Qt.Key.Key_Return)
    assert shown.opened == [["audit", "orders", "orders-dlq"]]
    shown.panel._take(ClusterMetadata(None, (), tuple(topics("audit", "new", "orders"))))  # the selection stays
    QTest.keyClick(shown.table, Qt.Key.Key_Return)
    assert shown.opened[1:] == [["audit", "orders"]]


def test_without_a_topic_the_filter_keeps_the_keys(shown: Shown, qtbot: QtBot) -> None:
    shown.filter.setFocus()
    qtbot.waitUntil(shown.filter.hasFocus)
    QTest.keyClicks(shown.filter, "nothing")
    QTest.keyClick(shown.filter, Qt.Key.Key_Return)
    assert shown.filter.hasFocus()
    assert "No topic answers to that filter." in shown.words


def test_topics_are_counted_by_name(shown: Shown) -> None:
    assert "3 topics" in shown.words
    QTest.keyClicks(shown.filter, "orders")
    QTest.keyClick(shown.filter, Qt.Key.Key_Return)
    assert "2 of 3 topics" in shown.words


def test_rows_and_columns_grow_with_the_type(shown: Shown) -> None:
    header, font = shown.table.horizontalHeader(), shown.table.font()
    header.resizeSection(2, 200)
    row, column = shown.table.rowHeight(0), header.sectionSize(3)
    font.setPointSizeF(font.pointSizeF() * 2)
    shown.table.setFont(font)
    assert shown.table.rowHeight(0) > row * 1.4
    assert header.sectionSize(3) > column * 1.7
    assert header.sectionSize(2) > 340


def test_names_have_what_the_other_columns_leave_yet_never_nothing(shown: Shown) -> None:
    header = shown.table.horizontalHeader()
    assert header.length() == shown.table.viewport().width()
    header.resizeSection(2, 150)
    assert header.length() == shown.table.viewport().width()
    shown.panel.resize(600, 500)
    assert header.sectionSize(0) >= 20 * shown.table.fontMetrics().averageCharWidth()


def test_consumers_are_counted_in_a_sweep_of_their_own(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders")
    cluster.add_topic("unread")
    cluster.commits = {"billing": {TopicPartition("orders", 0): 0}, "search": {TopicPartition("orders", 0): 0}}
    session = session_on(cluster)

    async def open_session() -> Session:
        return session

    async def look() -> None:
        panel = TopicsPanel(
            cluster.profile, open_session, lambda _: None, lambda _: None, Marked(), dict, lambda *_: None
        )
        qtbot.addWidget(panel)
        panel.show()
        try:
            await until(lambda: {row.topic.name: row.consumers for row in panel.rows()} == {"orders": 2, "unread": 0})
            cluster.failures["groups"] = Failure(FailureKind.AUTHORIZATION, "You may not list groups.")
            panel._refresh.trigger()
            await until(lambda: [row.consumers for row in panel.rows()] == [None, None])
            assert panel.strip.failure is None, "the column tells it"
        finally:
            await panel.close_panel()

    qtloop.run(look())
