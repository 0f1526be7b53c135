"""The panel of one topic: its partitions as they are now, and its configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from kexplorer.model.changes import AlterConfig, ElectPreferred, ResourceKind
from kexplorer.model.cluster import Cluster, ConfigEntry, ConfigSource
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Member
from kexplorer.model.records import RecordColumns, Trouble
from kexplorer.model.search import Piece
from kexplorer.model.statistics import PieceStatistics, Statistics
from kexplorer.model.topics import OffsetRange, Partition, TopicPartition
from kexplorer.services.jobs import Jobs, JobState
from kexplorer.services.schemas import Schemas, open_schemas
from kexplorer.services.sessions import Sessions
from kexplorer.services.statistics import Counting, OpenCounting
from kexplorer.ui.dialogs.change_dialog import ChangeDialog
from kexplorer.ui.models.rows import RowsModel
from kexplorer.ui.panels import topic_consumers, topic_partitions
from kexplorer.ui.panels.topic import TopicPanel
from kexplorer.ui.panels.topic_configuration import ConfigurationTab
from kexplorer.ui.panels.topic_consumers import ConsumersTab
from kexplorer.ui.panels.topic_partitions import PartitionsTab
from kexplorer.ui.panels.topic_schema import SchemaTab
from kexplorer.ui.panels.topic_statistics import StatisticsTab
from tests.registry.server import FakeRegistry, Running
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.services.memory_audit import MemoryAudit


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_partitions, "_LOOK_EVERY", 0.05)


async def _no_counting(*_: object) -> Counting:
    raise AssertionError("nobody has asked for statistics")


@asynccontextmanager
async def _opened(
    cluster: FakeCluster,
    open_counting: OpenCounting = _no_counting,
    jobs: Jobs | None = None,
    schemas: Schemas | None = None,
) -> AsyncIterator[TopicPanel]:
    async def connect(_: str) -> Cluster:
        return cluster

    async def known(_: str) -> Schemas | None:
        return schemas

    sessions = Sessions(connect, MemoryAudit(), known)
    panel = TopicPanel(cluster.profile, "orders", lambda: sessions.open("shop"), open_counting, jobs or Jobs())
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
            await until(lambda: panel.status_text.startswith("3 partitions"))
            assert not tab.elect.isEnabled()
            cluster.placed[TopicPartition("orders", 1)] = Partition(1, 1, (2, 1), (1,))
            cluster.add("orders", b"v", partition=0)
            await until(lambda: "1 under-replicated" in panel.status_text)
            await until(lambda: "11" in _texts(tab.model, "Log end"))  # type: ignore[arg-type]
            tab.table.selectRow(1)
            await until(tab.elect.isEnabled)

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
            tab.editor.filter.setText("retention")
            await until(lambda: tab.editor.counted.text() == "1 of 2 settings")
            tab.editor.filter.clear()
            panel.restore_state({"tab": "configuration", "tabs": {"configuration": {"changed": True}}})
            await until(lambda: tab.editor.counted.text() == "1 of 2 settings")
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
            tab.editor.table.setCurrentIndex(tab.model.index(1, 0))
            assert tab.editor.reset.isEnabled()
            QTest.keyClick(tab.editor.table, Qt.Key.Key_Return)
            editor = tab.editor.table.findChild(QLineEdit)
            assert editor is not None
            editor.setText("a week")
            tab.model.set_meanings({"retention.ms": "How long."})  # comes while a person types
            assert editor.text() == "a week"
            QTest.keyClick(editor, Qt.Key.Key_Return)
            await until(lambda: tab.model.edits)
            assert not tab.editor.apply.isEnabled()
            assert "retention.ms" in tab.editor.apply.toolTip()
            tab.model.edit("retention.ms", "1 d")
            assert tab.editor.apply.isEnabled()
            assert tab.editor.apply.text() == "Apply 1 change …"
            tab.editor.discard.click()
            assert not tab.editor.apply.isEnabled()
            assert _texts(tab.model, "Value") == ["delete", "604800000"]  # type: ignore[arg-type]

    qtloop.run(look())


def test_only_what_was_edited_is_sent(qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat) -> None:
    heartbeat.allow(350, "a dialog is made in it, on two cores that others use too")
    cluster = _shop()
    cluster.configs["orders"] = _settings()

    async def look() -> None:
        async with _opened(cluster) as panel:
            panel.show_tab("configuration")
            tab = panel.current
            assert isinstance(tab, ConfigurationTab)
            await until(lambda: tab.model.rowCount() == 2)
            tab.model.edit("cleanup.policy", "compact")
            tab.model.reset("retention.ms")
            tab.editor.apply.click()
            dialog = await until(lambda: panel.findChild(ChangeDialog))
            assert dialog is not None
            await until(dialog.action.isEnabled)
            dialog.action.click()
            await until(lambda: cluster.applied)
            await until(lambda: not tab.model.edits)

    qtloop.run(look())
    change = AlterConfig(ResourceKind.TOPIC, "orders", {"cleanup.policy": "compact"}, ("retention.ms",))
    assert cluster.applied == [change]


def test_preferred_leaders_are_elected_for_what_is_selected(
    qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat
) -> None:
    heartbeat.allow(350, "a dialog is made in it, on two cores that others use too")
    cluster = _shop()
    cluster.placed[TopicPartition("orders", 1)] = Partition(1, 1, (2, 1), (2, 1))

    async def look() -> None:
        async with _opened(cluster) as panel:
            tab = panel.current
            assert isinstance(tab, PartitionsTab)
            await until(lambda: tab.model.rowCount() == 3)
            tab.table.selectAll()
            tab.elect.click()
            dialog = await until(lambda: panel.findChild(ChangeDialog))
            assert dialog is not None
            await until(dialog.action.isEnabled)
            dialog.action.click()
            await until(lambda: cluster.applied)
            await until(lambda: not panel.findChild(ChangeDialog))

    qtloop.run(look())
    assert cluster.applied == [ElectPreferred((TopicPartition("orders", 1),))]


def test_groups_that_read_it(qtbot: QtBot, qtloop: LoopRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_consumers, "_LOOK_EVERY", 0.05)
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster) as panel:
            panel.show_tab("consumers")
            tab = panel.current
            assert isinstance(tab, ConsumersTab)
            await until(lambda: "No consumer group reads orders" in tab.told)
            cluster.commits["billing"] = {TopicPartition("orders", 0): 4}
            cluster.members["mail"] = (Member("m-1", "mailer", "10.0.0.7", (TopicPartition("orders", 2),)),)
            await until(lambda: _texts(tab.model, "Group") == ["billing", "mail"])  # type: ignore[arg-type]
            assert _texts(tab.model, "Lag") == ["6", ""]  # type: ignore[arg-type]
            assert _texts(tab.readings, "Committed") == ["4", "", ""]  # type: ignore[arg-type]
            tab.table.selectRow(1)
            assert _texts(tab.readings, "Read by")[2] == "mailer · 10.0.0.7"  # type: ignore[arg-type]
            del cluster.commits["billing"]
            await until(lambda: _texts(tab.model, "Group") == ["mail"])  # type: ignore[arg-type]
            await until(lambda: panel.status_text == "1 group reads it.")

    qtloop.run(look())


def _scan(piece: Piece) -> PieceStatistics:
    """Every offset has a record; those of partition 1 cannot be read."""
    source, start, end = piece.range.source, piece.range.start, piece.range.end or 0
    if source.partition == 1:
        raise Failure(FailureKind.UNREACHABLE, "Its leader is away.")
    found = Statistics(records=end - start)
    found.values.add({100: end - start})
    found.top.add({b"key": end - start})
    found.distinct.add([b"key"])
    found.times.add(1_700_000_000_000 + offset * 1000 for offset in range(start, end))
    return PieceStatistics(piece, end, found.records, found.nbytes, RecordColumns(), statistics=found)


def _scan_a_little(piece: Piece) -> PieceStatistics:
    whole = piece.range
    return replace(_scan(Piece(replace(whole, end=min(whole.end or 0, whole.start + 1000)))), piece=piece)


def test_statistics_are_counted_when_asked_for(qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat) -> None:
    heartbeat.allow(350, "figures, charts and tables are made in it")
    cluster, jobs = _shop(), Jobs()

    async def open_counting(ranges: Sequence[OffsetRange], known: Sequence[Trouble], sample: int | None) -> Counting:
        return Counting(ranges, _scan, lambda: ThreadPoolExecutor(1), sample=sample, known=known)

    async def look() -> None:
        async with _opened(cluster, open_counting, jobs) as panel:
            panel.show_tab("statistics")
            tab = panel.current
            assert isinstance(tab, StatisticsTab)
            assert not jobs.all()
            tab.start.click()
            await until(lambda: jobs.all() and not tab.tasks.running("count"))
            assert jobs.all()[0].state is JobState.DONE
            assert tab.told.text().startswith("20 records, 2.0 kB")
            assert "66.67% of the topic" in tab.told.text()
            assert tab.strip.failure is not None
            assert "Its leader is away." in tab.strip.failure.message
            assert tab.view.facts["Records"].text() == "20 counted"
            assert tab.view.facts["Value sizes"].text() == "p50 100 B, p99 100 B, max 100 B"
            assert tab.view.facts["Distinct keys"].text().startswith("at least 1")
            assert _texts(tab.view.model, "Records") == ["10", "0", "10"]  # type: ignore[arg-type]
            assert tab.view.keys_told.text() == "share of all records"
            QTest.keyClick(tab.view.partitions, Qt.Key.Key_Right)
            assert tab.view.partitions.words.startswith("partition 0 · 1.0 kB")
            await until(lambda: tab.view.facts["On disk"].text() != "…")

    qtloop.run(look())


def test_counting_is_ended_from_the_list_of_jobs(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster, jobs, counted = _shop(), Jobs(), list[Counting]()

    async def open_counting(ranges: Sequence[OffsetRange], known: Sequence[Trouble], sample: int | None) -> Counting:
        huge = [OffsetRange(TopicPartition("orders", 0), 0, 10_000_000_000)]
        counted.append(Counting(huge, _scan_a_little, lambda: ThreadPoolExecutor(1)))
        return counted[0]

    async def look() -> None:
        async with _opened(cluster, open_counting, jobs) as panel:
            panel.show_tab("statistics")
            tab = panel.current
            assert isinstance(tab, StatisticsTab)
            tab.start.click()
            await until(lambda: counted and counted[0].whole.records)
            jobs.all()[0].cancel()
            await until(lambda: not tab.tasks.running("count") and tab.start.isEnabled())
            assert jobs.all()[0].state is JobState.CANCELLED
            await until(lambda: "ended early" in tab.told.text())
            assert not await counted[0].step()

    qtloop.run(look())


def test_schemas_of_the_registry(qtbot: QtBot, qtloop: LoopRunner) -> None:
    registry = FakeRegistry(levels={"orders-value": "BACKWARD"})
    registry.subjects["orders-value", 1] = {"id": 4, "schema": '{"type": "string"}'}
    registry.subjects["orders-value", 2] = {"id": 9, "schema": '{"type": "record", "name": "Order", "fields": []}'}
    cluster = _shop()

    async def look() -> None:
        cluster.profile = replace(cluster.profile, registry_url=registry.url)
        schemas = await open_schemas(cluster.profile, "")
        async with _opened(cluster, schemas=schemas) as panel:
            panel.show_tab("schema")
            tab = panel.current
            assert isinstance(tab, SchemaTab)
            await until(lambda: tab.about.text() == "orders-value · Avro · id 9 · compatibility BACKWARD")
            assert tab.told == ""
            assert tab.version.currentText() == "Version 2, the newest"
            tab.version.setCurrentIndex(1)
            tab.version.activated.emit(1)
            await until(lambda: "id 4" in tab.about.text())
            tab.part.setCurrentIndex(1)
            tab.part.activated.emit(1)
            await until(lambda: "The registry has no subject orders-key." in tab.told)

    with Running(registry):
        qtloop.run(look())


def test_without_a_registry_the_way_to_a_schema_is_told(qtbot: QtBot, qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with _opened(_shop()) as panel:
            panel.show_tab("schema")
            tab = panel.current
            assert isinstance(tab, SchemaTab)
            await until(lambda: "shop has no Schema Registry." in tab.told)
            assert "choose a file" in tab.told

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
            tab.editor.table.setCurrentIndex(tab.model.index(1, 1))
            QTest.keyClick(tab.editor.table, Qt.Key.Key_Return)
            assert tab.editor.table.findChild(QLineEdit) is None
            assert not tab.editor.reset.isEnabled()

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
