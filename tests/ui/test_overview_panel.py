"""The panel of a cluster at a glance, and its brokers' configuration."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from kexplorer.model.changes import AlterConfig, ResourceKind
from kexplorer.model.cluster import Cluster, ConfigEntry, ConfigSource, LogDir, ReplicaSize
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import Broker, Partition, TopicPartition
from kexplorer.services.sessions import Sessions
from kexplorer.ui.dialogs.change_dialog import ChangeDialog
from kexplorer.ui.models.brokers import BAR
from kexplorer.ui.models.rows import RowsModel
from kexplorer.ui.panels import overview
from kexplorer.ui.panels.broker_configuration import BrokerConfiguration
from kexplorer.ui.panels.overview import OverviewPanel
from tests.kafka import direct
from tests.rig.kafka import KafkaCluster
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.services.memory_audit import MemoryAudit

THREADS, RETENTION, SECRET = "num.io.threads", "log.retention.ms", "ssl.key.password"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "_LOOK_EVERY", 0.05)


@asynccontextmanager
async def _opened(cluster: Cluster, details: list[str] | None = None) -> AsyncIterator[OverviewPanel]:
    async def connect(_: str) -> Cluster:
        return cluster

    sessions = Sessions(connect, MemoryAudit())
    opened = details if details is not None else []
    panel = OverviewPanel(cluster.profile, lambda: sessions.open("shop"), opened.append)
    panel.resize(1200, 700)
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
    cluster.brokers = tuple(Broker(n, f"kafka{n}", 9092) for n in (1, 2, 3))
    cluster.add_topic("orders", 3, min_insync_replicas="2")
    for n in range(3):
        cluster.placed[TopicPartition("orders", n)] = Partition(n, n + 1, (n + 1, (n + 1) % 3 + 1), (1, 2, 3)[:2])
    cluster.disks = {1: (LogDir("/a", {TopicPartition("orders", 0): ReplicaSize(2_000_000, 0)}, 10_000, 500),)}
    return cluster


def _settings(threads: str, source: ConfigSource) -> dict[str, ConfigEntry]:
    entries = (
        ConfigEntry(THREADS, threads, source is ConfigSource.DEFAULT, False, False, source, "8"),
        ConfigEntry(RETENTION, "604800000", True, False, False, ConfigSource.DEFAULT, "604800000"),
        ConfigEntry("broker.id", "1", False, True, False, ConfigSource.STATIC_BROKER, "-1"),
        ConfigEntry(SECRET, None, False, False, True, ConfigSource.STATIC_BROKER),
    )
    return {entry.name: entry for entry in entries}


def test_a_well_cluster_is_quiet(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster) as panel:
            await until(lambda: "2.0 MB" in _texts(panel.brokers, "Held"))  # type: ignore[arg-type]
            tiles = panel.tiles
            assert (tiles["Brokers"].figure, tiles["Brokers"].word) == ("3", "all there")
            assert {t.tone for t in tiles.values()} == {"text", "muted"}
            assert panel.status_text == "3 brokers · 0 partitions not well"
            assert _texts(panel.brokers, "State") == ["disk is full", "ok", "ok"]  # type: ignore[arg-type]
            assert _texts(panel.brokers, "Volume")[0] == "95 % of 10.0 kB"  # type: ignore[arg-type]
            assert panel.brokers.data(panel.brokers.index(0, 9), BAR) == (0, 0.95, "bad")
            assert panel.ailing.rowCount() == 0

    qtloop.run(look())


def test_a_broker_that_goes_shows_and_its_topics_can_be_opened(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster, details = _shop(), list[str]()

    async def look() -> None:
        async with _opened(cluster, details) as panel:
            await until(lambda: panel.brokers.rowCount() == 3)
            cluster.brokers = cluster.brokers[:2]
            cluster.placed[TopicPartition("orders", 1)] = Partition(1, 2, (2, 3), (2,))
            cluster.placed[TopicPartition("orders", 2)] = Partition(2, None, (3,), ())
            await until(lambda: panel.tiles["Without leader"].figure == "1")
            await until(lambda: panel.tiles["Under min ISR"].figure == "2")
            assert (panel.tiles["Brokers"].word, panel.tiles["Brokers"].tone) == ("1 not there", "bad")
            assert panel.tiles["Under-replicated"].figure == "2"
            assert panel.tiles["Offline replicas"].figure == "2"
            assert _texts(panel.brokers, "State")[2] == "not there"  # type: ignore[arg-type]
            assert _texts(panel.ailing, "Partition") == ["orders-2", "orders-1"]  # type: ignore[arg-type]
            what = _texts(panel.ailing, "What")  # type: ignore[arg-type]
            assert "no leader" in what[0]
            assert what[1] == "under min.insync.replicas: 1 of 2, broker 3 not there"
            panel._ailing_table.activated.emit(panel.ailing.index(0, 0))
            assert details == ["orders"]

    qtloop.run(look())


def test_what_fails_is_told_and_looked_at_again(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()
    cluster.failures["metadata"] = Failure(FailureKind.TIMEOUT, "No broker answered.")

    async def look() -> None:
        async with _opened(cluster) as panel:
            await until(lambda: panel.strip.failure)
            assert "not connected" in panel._well.text
            del cluster.failures["metadata"]
            await until(lambda: panel.brokers.rowCount() == 3)
            assert panel.strip.failure is None

    qtloop.run(look())


def test_disks_that_are_refused_are_told_in_their_column(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()
    cluster.failures["log_dirs"] = Failure(FailureKind.AUTHORIZATION, "You may not see the disks.")

    async def look() -> None:
        async with _opened(cluster) as panel:
            await until(lambda: "authorization" in _texts(panel.brokers, "Held"))  # type: ignore[arg-type]
            assert panel.strip.failure is None

    qtloop.run(look())


async def _configuration(panel: OverviewPanel) -> BrokerConfiguration:
    panel.restore_state({"tab": 1})
    tab = panel.configuration
    assert tab is not None
    await until(tab.model.rowCount)
    return tab


def test_all_brokers_and_one_broker(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()
    cluster.broker_settings = {
        1: _settings("4", ConfigSource.DYNAMIC_BROKER),
        2: _settings("6", ConfigSource.DYNAMIC_DEFAULT),
        3: _settings("6", ConfigSource.DYNAMIC_DEFAULT),
    }
    cluster.documentation = {THREADS: "How many <i>threads</i> answer requests."}

    async def look() -> None:
        async with _opened(cluster) as panel:
            tab = await _configuration(panel)
            threads = next(n for n in range(tab.model.rowCount()) if tab.model.row(n).name == THREADS)
            assert tab.model.row(threads).value == "6"
            await until(lambda: tab.model.row(threads).meaning)
            tab.editor.table.setCurrentIndex(tab.model.index(threads, 0))
            assert tab.editor.reset.isEnabled()
            assert tab.editor.about.text == "How many threads answer requests."
            tab.editor.only_set.setChecked(True)
            assert tab.editor.counted.text() == "1 of 4 settings"
            tab.editor.only_set.setChecked(False)
            tab.broker.setCurrentIndex(2)
            await until(lambda: not tab.tasks.running("read"))
            tab.editor.table.setCurrentIndex(tab.model.index(threads, 0))
            assert not tab.editor.reset.isEnabled()  # it is set for all brokers, not for this one
            tab.broker.setCurrentIndex(1)
            await until(lambda: tab.model.row(threads).value == "4")
            tab.editor.table.setCurrentIndex(tab.model.index(threads, 0))
            assert tab.editor.reset.isEnabled()
            assert panel.save_state()["configuration"] == {"broker": 1, "changed": False, "sort": [0, False]}

    qtloop.run(look())


async def _send(tab: BrokerConfiguration) -> None:
    QTest.mouseClick(tab.editor.apply, Qt.MouseButton.LeftButton)
    dialog = await until(QApplication.activeModalWidget)
    assert isinstance(dialog, ChangeDialog)
    await until(lambda: dialog.preview)
    QTest.mouseClick(dialog.action, Qt.MouseButton.LeftButton)
    await until(lambda: not tab.tasks.running("apply") and not tab.tasks.running("read"))
    assert not tab.model.edits


@pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform tells of every dialog
@pytest.mark.parametrize(("chosen", "name"), [(2, "2"), (0, "")])
def test_a_dynamic_setting_is_changed(qtbot: QtBot, qtloop: LoopRunner, chosen: int, name: str) -> None:
    cluster = _shop()
    cluster.broker_settings = {n: _settings("8", ConfigSource.DEFAULT) for n in (1, 2, 3)}

    async def look() -> None:
        async with _opened(cluster) as panel:
            tab = await _configuration(panel)
            tab.broker.setCurrentIndex(chosen)
            await until(lambda: not tab.tasks.running("read"))
            tab.model.edit(THREADS, "12")
            assert not tab.broker.isEnabled()
            await _send(tab)
            assert tab.broker.isEnabled()

    qtloop.run(look())
    assert cluster.applied == [AlterConfig(ResourceKind.BROKER, name, {THREADS: "12"})]


def test_read_only_settings_and_connections_cannot_be_edited(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()
    cluster.broker_settings = {n: _settings("4", ConfigSource.DYNAMIC_DEFAULT) for n in (1, 2, 3)}

    def editable(tab: BrokerConfiguration) -> set[str]:
        rows = range(tab.model.rowCount())
        return {tab.model.row(n).name for n in rows if tab.model.index(n, 1).flags() & Qt.ItemFlag.ItemIsEditable}

    async def look() -> None:
        async with _opened(cluster) as panel:
            assert editable(await _configuration(panel)) == {THREADS, RETENTION, SECRET}
        cluster.profile = replace(cluster.profile, read_only=True)
        async with _opened(cluster) as panel:
            assert editable(await _configuration(panel)) == set()
        await asyncio.sleep(0)

    qtloop.run(look())


@pytest.mark.qt_log_ignore("propagateSizeHints")
@pytest.mark.parametrize("source", [ConfigSource.DYNAMIC_DEFAULT, ConfigSource.DYNAMIC_BROKER])
def test_on_kafka_a_setting_is_changed_and_reset(
    qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat, kafka3: KafkaCluster, source: ConfigSource
) -> None:
    heartbeat.allow(350, "a dialog is made in it, on two cores that others use too")
    setting = "num.recovery.threads.per.data.dir"

    async def look() -> None:
        async with direct.connected(kafka3.bootstrap()) as cluster, _opened(cluster) as panel:
            tab = await _configuration(panel)
            tab.editor.filter.setText(setting)
            await until(lambda: tab.model.rowCount() == 1)
            if source is ConfigSource.DYNAMIC_BROKER:
                tab.choose(2)
                await until(lambda: not tab.tasks.running("read"))
            tab.model.edit(setting, "3")
            await _send(tab)
            assert (tab.model.row(0).value, tab.model.row(0).entry.source) == ("3", source)
            tab.editor.table.selectRow(0)
            QTest.mouseClick(tab.editor.reset, Qt.MouseButton.LeftButton)
            await _send(tab)
            for _ in range(20):  # brokers take a change over one by one
                if tab.model.row(0).value == "2":
                    break
                await asyncio.sleep(0.5)
                tab.reload()
                await until(lambda: not tab.tasks.running("read"))
            assert (tab.model.row(0).value, tab.model.row(0).entry.source) == ("2", ConfigSource.DEFAULT)
            assert tab.strip.failure is None

    qtloop.run(look())
