"""The panel of one topic: its partitions as they are now, and its configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from kexplorer.model.cluster import Cluster, ConfigEntry, ConfigSource
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import Partition, TopicPartition
from kexplorer.services.sessions import Sessions
from kexplorer.ui.models.rows import RowsModel
from kexplorer.ui.panels import topic
from kexplorer.ui.panels.topic import TopicPanel
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic, "_LOOK_EVERY", 0.05)


@asynccontextmanager
async def _opened(cluster: FakeCluster) -> AsyncIterator[TopicPanel]:
    async def connect(_: str) -> Cluster:
        return cluster

    sessions = Sessions(connect)
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
            await until(lambda: "10" in _texts(panel.partitions, "Log end")[:1])  # type: ignore[arg-type]
            assert panel.status_text.startswith("3 partitions")
            cluster.placed[TopicPartition("orders", 1)] = Partition(1, 1, (1, 2), (1,))
            cluster.add("orders", b"v", partition=0)
            await until(lambda: "1 under-replicated" in panel.status_text)
            await until(lambda: "11" in _texts(panel.partitions, "Log end"))  # type: ignore[arg-type]

    qtloop.run(look())


def test_settings_are_filtered(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()
    cluster.configs["orders"] = {
        "retention.ms": ConfigEntry("retention.ms", "604800000", False, False, False, ConfigSource.TOPIC),
        "cleanup.policy": ConfigEntry("cleanup.policy", "delete", True, False, False, ConfigSource.DEFAULT),
    }

    async def look() -> None:
        async with _opened(cluster) as panel:
            panel.tabs.setCurrentIndex(1)
            await until(lambda: panel.configuration.rowCount() == 2)
            panel._filter.setText("retention")
            await until(lambda: panel._count.text() == "1 of 2 settings")
            panel._filter.clear()
            panel.restore_state({"tab": 1, "changed": True})
            await until(lambda: panel._count.text() == "1 of 2 settings")
            assert panel.save_state()["changed"] is True

    qtloop.run(look())


def test_a_topic_that_is_gone_is_told_and_found_again(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = FakeCluster("shop")

    async def look() -> None:
        async with _opened(cluster) as panel:
            await until(lambda: panel.strip.failure)
            assert panel.strip.failure is not None
            assert "orders" in panel.strip.failure.message
            cluster.add_topic("orders")
            panel.strip.retry_requested.emit()
            await until(lambda: panel.partitions.rowCount() == 1 and panel.configuration.total >= 0)
            panel.show_failure(Failure(FailureKind.UNREACHABLE, "gone"))
            assert panel.strip.isVisible()

    qtloop.run(look())
