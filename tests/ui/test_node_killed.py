"""A node of three dies beside open views: what is under-replicated shows at the next refresh, and a partition without a
leader marks its own row alone."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtCore import QAbstractTableModel, Qt
from pytestqt.qtbot import QtBot

from kexplorer.model.changes import CreateTopic
from kexplorer.services.catalog import Catalog
from kexplorer.services.changes import Changes
from kexplorer.services.jobs import Jobs
from kexplorer.services.sessions import Session
from kexplorer.services.statistics import Counting
from kexplorer.ui.panels.overview import OverviewPanel
from kexplorer.ui.panels.topic import TopicPanel
from kexplorer.ui.panels.topic_partitions import PartitionsTab
from kexplorer.ui.panels.topics import TopicsPanel
from tests.kafka import direct
from tests.rig.kafka import KafkaCluster
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until, wait
from tests.services.memory_audit import MemoryAudit
from tests.ui.sessions import Marked

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.filterwarnings("ignore:(read|open)_text is deprecated:DeprecationWarning"),  # of kafka-python
]


def _texts(model: QAbstractTableModel, title: str) -> list[str]:
    titles = [model.headerData(n, Qt.Orientation.Horizontal) for n in range(model.columnCount())]
    return [str(model.index(row, titles.index(title)).data()) for row in range(model.rowCount())]


async def _made(session: Session, bootstrap: str, base: str) -> tuple[str, str, str]:
    """Topics of three partitions: one with a replica on each node, one whose partitions have a single replica each,
    one that lives on the first two nodes."""
    wide, single, safe = names = f"{base}-wide", f"{base}-single", f"{base}-safe"
    placed = {wide: ((1, 2, 3), (2, 3, 1), (3, 1, 2)), single: ((1,), (2,), (3,)), safe: ((1, 2), (2, 1), (1, 2))}
    for name, replicas in placed.items():
        change = CreateTopic(name, 3, len(replicas[0]), {}, replicas)
        assert await session.cluster.apply(change) == {name: None}
    for name in names:
        await asyncio.to_thread(_fill, bootstrap, name)
    return wide, single, safe


def _fill(bootstrap: str, topic: str) -> None:
    wait(lambda: _led(bootstrap, topic, 3))
    direct.produce(bootstrap, topic, direct.rows(30, 3))


def _led(bootstrap: str, topic: str, number: int) -> bool:
    partitions = direct.admin(bootstrap).list_topics(topic, 10).topics[topic].partitions.values()
    return sum(each.leader >= 0 for each in partitions) == number


def _in_sync(bootstrap: str, topic: str) -> set[int]:
    """With some partition of the topic."""
    partitions = direct.admin(bootstrap).list_topics(topic, 10).topics[topic].partitions.values()
    return {broker for each in partitions for broker in each.isrs}


def _kill(cluster: KafkaCluster, wide: str, single: str) -> None:
    """Returns when the brokers say so themselves."""
    cluster.node(3).kill()
    at = cluster.bootstrap()
    wait(lambda: _led(at, single, 2))
    wait(lambda: _in_sync(at, wide) == {1, 2})


def test_what_a_killed_node_had_is_marked_and_nothing_else(
    qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat, kafka3: KafkaCluster, topic_name: str
) -> None:
    heartbeat.allow(500, "three panels are made in it, on two cores that a broker dies on")
    bootstrap = kafka3.bootstrap()

    async def look() -> None:
        async with direct.connected(bootstrap) as cluster:
            session = Session(cluster, Catalog(cluster), Changes(cluster, MemoryAudit()))

            async def open_session() -> Session:
                return session

            wide, single, safe = await _made(session, bootstrap, topic_name)
            list_ = TopicsPanel(
                cluster.profile, open_session, lambda _: None, lambda _: None, Marked(), dict, lambda *_: None
            )
            overview = OverviewPanel(cluster.profile, open_session, lambda _: None)
            details = TopicPanel(cluster.profile, single, open_session, _never, Jobs())
            for panel in (list_, overview, details):
                qtbot.addWidget(panel)
                panel.resize(1200, 600)
                panel.show()
            try:
                await until(lambda: list_.complete)
                assert _health(list_, wide, single, safe) == ["ok", "ok", "ok"]
                await asyncio.to_thread(_kill, kafka3, wide, single)
                metadata = session.catalog.metadata
                list_._refresh.trigger()
                await until(lambda: session.catalog.metadata is not metadata)  # one refresh
                assert _health(list_, wide, single, safe) == ["3 under-replicated", "1 without leader", "ok"]
                await until(lambda: list_.complete)
                assert {row.topic.name: row.offsets.span for row in list_.rows() if row.offsets}[safe] == 30

                tab = details.current
                assert isinstance(tab, PartitionsTab)
                await until(lambda: "no leader" in " ".join(_texts(tab.model, "Health")))
                assert [each == "ok" for each in _texts(tab.model, "Health")] == [True, True, False]
                assert _texts(tab.model, "Log end")[:2] == ["10", "10"]
                assert tab.strip.failure is None, "the tab has no trouble, its row has"

                await until(lambda: overview.tiles["Without leader"].figure not in ("–", "0"))
                await until(lambda: f"{single} 2" in _ailing(overview))
                assert not any(each.startswith(safe) for each in _ailing(overview))
                assert {f"{wide} {number}" for number in range(3)} <= set(_ailing(overview))
            finally:
                for panel in (list_, overview, details):
                    await panel.close_panel()

    qtloop.run(look())


def _health(panel: TopicsPanel, *names: str) -> list[str]:
    rows = {row.topic.name: row.health for row in panel.rows()}
    return [rows[name] for name in names]


def _ailing(panel: OverviewPanel) -> list[str]:
    rows = (panel.ailing.row(number) for number in range(panel.ailing.rowCount()))
    return [f"{row.source.topic} {row.source.partition}" for row in rows]


async def _never(*_: object) -> Counting:
    raise AssertionError("nothing is counted here")
