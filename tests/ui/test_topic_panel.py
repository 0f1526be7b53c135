"""The panel of one topic: its partitions as they are now, and its configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from kexplorer.model.cluster import Cluster, ConfigEntry, ConfigSource
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import Partition, TopicPartition
from kexplorer.services.sessions import Sessions
from kexplorer.ui.models.rows import RowsModel
from kexplorer.ui.panels import topic_partitions
from kexplorer.ui.panels.topic import TopicPanel
from kexplorer.ui.panels.topic_configuration import ConfigurationTab
from kexplorer.ui.panels.topic_partitions import PartitionsTab
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.services.memory_audit import MemoryAudit


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_partitions, "_LOOK_EVERY", 0.05)


@asynccontextmanager
async def _opened(cluster: FakeCluster) -> AsyncIterator[TopicPanel]:
    async def connect(_: str) -> Cluster:
        return cluster

    sessions = Sessions(connect, MemoryAudit())
    panel = TopicPanel(cluster.profile, "orders", lambda: sessions.open("shop"))
    panel.resize(1200, 600)
    panel.show()
    try:
        yield panel
    finally:
        await panel.close_panel()
        await sessions.close_all()
        panel.deleteLater()


def _texts(model: RowsModel[object], title: str) -> list[str]:
    titles = [model.headerData(n, Qt.Orientation.Horizontal) for n in range(model.columnCount())]
    return [str(model.index(row, titles.index(title)).data()) for row in range(model.rowCount())]


def _shop() -> FakeCluster:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders", 3)
    for n in range(30):
        cluster.add("orders", b"v", partition=n % 3)
    return cluster


def test_partitions_follow_what_happens(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster) as panel:
            tab = panel.current
            assert isinstance(tab, PartitionsTab)
            await until(lambda: "10" in _texts(tab.model, "Log end")[:1])  # type: ignore[arg-type]
            assert panel.status_text.startswith("3 partitions")
            assert not tab.elect.isEnabled()
            cluster.placed[TopicPartition("orders", 1)] = Partition(1, 1, (2, 1), (1,))
            cluster.add("orders", b"v", partition=0)
            await until(lambda: "1 under-replicated" in panel.status_text)
            await until(lambda: "11" in _texts(tab.model, "Log end"))  # type: ignore[arg-type]
            tab.table.selectRow(1)
            assert tab.elect.isEnabled()

    qtloop.run(look())


def test_settings_are_filtered(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()
    cluster.configs["orders"] = _settings()

    async def look() -> None:
        async with _opened(cluster) as panel:
            panel.restore_state({"tab": "configuration"})
            tab = panel.current
            assert isinstance(tab, ConfigurationTab)
            await until(lambda: tab.model.rowCount() == 2)
            tab.filter.setText("retention")
            await until(lambda: tab.counted.text() == "1 of 2 settings")
            tab.filter.clear()
            panel.restore_state({"tab": "configuration", "tabs": {"configuration": {"changed": True}}})
            await until(lambda: tab.counted.text() == "1 of 2 settings")
            saved = panel.save_state()
            assert saved["tab"] == "configuration"
            assert "'changed': True" in str(saved)

    qtloop.run(look())


def test_a_value_is_edited_in_place(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()
    cluster.configs["orders"] = _settings()

    async def look() -> None:
        async with _opened(cluster) as panel:
            panel.show_tab("configuration")
            tab = panel.current
            assert isinstance(tab, ConfigurationTab)
            await until(lambda: tab.model.rowCount() == 2)
            tab.table.setCurrentIndex(tab.model.index(1, 0))
            assert tab.reset.isEnabled()
            QTest.keyClick(tab.table, Qt.Key.Key_Return)
            editor = tab.table.findChild(QLineEdit)
            assert editor is not None
            editor.setText("a week")
            QTest.keyClick(editor, Qt.Key.Key_Return)
            await until(lambda: tab.model.edits)
            assert not tab.apply.isEnabled()
            assert "retention.ms" in tab.apply.toolTip()
            tab.model.edit("retention.ms", "1 d")
            assert tab.apply.isEnabled()
            assert tab.apply.text() == "Apply 1 change …"
            tab.discard.click()
            assert not tab.apply.isEnabled()
            assert _texts(tab.model, "Value") == ["delete", "604800000"]  # type: ignore[arg-type]

    qtloop.run(look())


def test_a_read_only_connection_offers_no_change(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()
    cluster.profile = replace(cluster.profile, read_only=True)
    cluster.configs["orders"] = _settings()

    async def look() -> None:
        async with _opened(cluster) as panel:
            panel.show_tab("configuration")
            tab = panel.current
            assert isinstance(tab, ConfigurationTab)
            await until(lambda: tab.model.rowCount() == 2)
            tab.table.setCurrentIndex(tab.model.index(1, 1))
            QTest.keyClick(tab.table, Qt.Key.Key_Return)
            assert tab.table.findChild(QLineEdit) is None
            assert not tab.reset.isEnabled()

    qtloop.run(look())


def _settings() -> dict[str, ConfigEntry]:
    return {
        "retention.ms": ConfigEntry("retention.ms", "604800000", False, False, False, ConfigSource.TOPIC, "3600000"),
        "cleanup.policy": ConfigEntry("cleanup.policy", "delete", True, False, False, ConfigSource.DEFAULT, "delete"),
    }


def test_a_topic_that_is_gone_is_told_and_found_again(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = FakeCluster("shop")

    async def look() -> None:
        async with _opened(cluster) as panel:
            tab = panel.current
            assert isinstance(tab, PartitionsTab)
            await until(lambda: tab.strip.failure)
            assert tab.strip.failure is not None
            assert "orders" in tab.strip.failure.message
            cluster.add_topic("orders")
            tab.strip.retry_requested.emit()
            await until(lambda: tab.model.rowCount() == 1)
            panel.show_failure(Failure(FailureKind.UNREACHABLE, "gone"))
            assert tab.strip.isVisible()
            panel.show_tab("configuration")
            assert not panel.current.strip.isVisible()

    qtloop.run(look())
