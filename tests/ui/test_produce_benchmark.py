"""The benchmark asks before it makes its topic, and the topic goes whatever happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from kexplorer.model.changes import CreateTopic, DeleteTopics
from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import Broker as Address
from kexplorer.services.catalog import Catalog
from kexplorer.services.changes import Changes
from kexplorer.services.jobs import Jobs
from kexplorer.services.produce_benchmark import PREFIX
from kexplorer.services.sessions import Session
from kexplorer.store.templates import TemplateStore
from kexplorer.ui.dialogs.change_dialog import ChangeDialog
from kexplorer.ui.panels.produce import ProducePanel
from kexplorer.ui.panels.produce_benchmark import BenchmarkTab
from tests.kafka.direct import connected
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.services.memory_audit import MemoryAudit
from tests.ui.sessions import click, confirmed, dialog_of

pytestmark = pytest.mark.usefixtures("qtbot")


@asynccontextmanager
async def _panel(session: Session, folder: Path) -> AsyncIterator[ProducePanel]:
    async def opened() -> Session:
        return session

    store = TemplateStore(folder / "templates.json")
    panel = ProducePanel(session.cluster.profile, "", opened, Jobs(), store, lambda *_: None, lambda *_: None)
    panel.resize(1180, 640)
    panel.show_tab("benchmark")
    panel.show()
    try:
        await until(lambda: session.catalog.metadata)
        yield panel
    finally:
        await panel.close_panel()
        panel.deleteLater()


def _choose(tab: BenchmarkTab, *names: str, rate: float = 200.0) -> None:
    for name, box in tab.presets.items():
        box.setChecked(name in names)
    tab.rate.setValue(rate)
    tab.seconds.setValue(1)
    tab.size_box.setValue(100)


def _session(cluster: Cluster) -> Session:
    return Session(cluster, Catalog(cluster), Changes(cluster, MemoryAudit()))


def _topics(cluster: FakeCluster) -> list[str]:
    return [name for name in cluster.configs if name.startswith(PREFIX)]


def test_settings_are_compared_on_a_topic_that_goes(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = FakeCluster()
    cluster.brokers = tuple(Address(number, "127.0.0.1", 9092) for number in range(1, 3))

    async def look() -> None:
        async with _panel(_session(cluster), tmp_path) as panel:
            tab = panel.benchmark
            assert (tab.replication.value(), tab.replication.maximum()) == (2, 2)
            _choose(tab, "Durable")
            tab.edited.setChecked(True)
            tab.settings.model.change("compression.type", "lz4")
            tab.partitions.setValue(4)
            click(tab.start_button)
            await confirmed()
            await until(tab.cancel_button.isVisible)
            assert panel.why_stay()
            await until(lambda: tab.results.model.total == 2)
            await until(lambda: not tab.busy)
            assert "is deleted" in panel.status_text
            tab.results.copy.click()

    qtloop.run(look())
    made, deleted = cluster.applied
    assert isinstance(made, CreateTopic)
    assert (made.partitions, made.replication, made.name[: len(PREFIX)]) == (4, 2, PREFIX)
    assert deleted == DeleteTopics((made.name,))
    text = QGuiApplication.clipboard().text()
    assert "Durable, compression.type=lz4\t" in text
    assert "All kept the rate." in text


def test_who_says_no_gets_no_topic(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = FakeCluster()

    async def look() -> None:
        async with _panel(_session(cluster), tmp_path) as panel:
            click(panel.benchmark.start_button)
            dialog = await dialog_of(ChangeDialog)
            assert isinstance(dialog, ChangeDialog)
            dialog.reject()
            await until(panel.benchmark.start_button.isEnabled)

    qtloop.run(look())
    assert not cluster.applied


@pytest.mark.parametrize("way", ["cancel", "close"])
def test_the_topic_goes_when_the_benchmark_is_left(qtloop: LoopRunner, tmp_path: Path, way: str) -> None:
    cluster = FakeCluster()

    async def look() -> None:
        async with _panel(_session(cluster), tmp_path) as panel:
            tab = panel.benchmark
            _choose(tab, "Durable", rate=20.0)
            tab.seconds.setValue(600)
            tab.start()
            await confirmed()
            await until(lambda: any(cluster.logs.values()))
            assert _topics(cluster)
            if way == "cancel":
                click(tab.cancel_button)
                await until(lambda: not tab.busy)
                assert tab.results.model.total == 0
        assert not _topics(cluster)

    qtloop.run(look())


def test_a_topic_that_is_left_is_told_of_and_can_be_deleted(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = FakeCluster()
    cluster.add_topic(f"{PREFIX}1a2b")

    async def look() -> None:
        async with _panel(_session(cluster), tmp_path) as panel:
            tab = panel.benchmark
            await until(tab.tidy.isVisible)
            assert f"{PREFIX}1a2b is left" in tab.told.whole
            click(tab.tidy)
            await confirmed()
            await until(lambda: not tab.tidy.isVisible())

    qtloop.run(look())
    assert cluster.applied == [DeleteTopics((f"{PREFIX}1a2b",))]


def test_a_topic_that_cannot_be_deleted_is_named(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = FakeCluster()

    async def look() -> None:
        async with _panel(_session(cluster), tmp_path) as panel:
            tab = panel.benchmark
            _choose(tab, "Durable", rate=20.0)
            tab.start()
            await confirmed()
            await until(lambda: _topics(cluster))
            (topic,) = _topics(cluster)
            cluster.refused[topic] = Failure(FailureKind.AUTHORIZATION, "You may not delete it.")
            tab.cancel()
            await until(lambda: tab.strip.failure)
            assert f"{topic} could not be deleted: You may not delete it." in str(tab.strip.failure)
            assert QApplication.activeModalWidget() is None

    qtloop.run(look())


def test_on_a_broker(qtloop: LoopRunner, broker: Broker, tmp_path: Path) -> None:
    async def look() -> None:
        async with connected(broker.bootstrap) as cluster, _panel(_session(cluster), tmp_path) as panel:
            tab = panel.benchmark
            _choose(tab, "Low latency", rate=500.0)
            tab.start()
            await confirmed()
            await until(lambda: tab.results.model.total == 1)
            await until(lambda: not tab.busy)
            assert tab.strip.failure is None
            result = tab.results.model.row(0)
            assert result.failure is None
            assert result.progress
            assert result.progress.acknowledged > 100
            left = [topic.name for topic in (await cluster.metadata()).topics if topic.name.startswith(PREFIX)]
            assert not left

    qtloop.run(look())
