"""The panels of groups on a broker: a consumer reads, is stopped, and falls behind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Consumer

from kexplorer.services.catalog import Catalog
from kexplorer.services.changes import Changes
from kexplorer.services.sessions import Session
from kexplorer.ui.models.group import GroupPartitionsModel
from kexplorer.ui.models.groups import GroupRow
from kexplorer.ui.panels.group import GroupPanel
from kexplorer.ui.panels.group_members import GroupMembersTab
from kexplorer.ui.panels.group_partitions import GroupPartitionsTab
from kexplorer.ui.panels.groups import GroupsPanel
from tests.kafka import direct
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import PATIENCE_S, until
from tests.services.memory_audit import MemoryAudit
from tests.ui.sessions import NoSnapshots

pytestmark = [pytest.mark.usefixtures("qtbot"), pytest.mark.kafka]
_PARTITIONS, _RECORDS = 2, 40


@contextmanager
def _reading(bootstrap: str, topic: str) -> Iterator[Consumer]:
    """A consumer of a group with the topic's name that has read all and committed it; it leaves at the end."""
    config = {"bootstrap.servers": bootstrap, "group.id": topic, "client.id": "reader"}
    consumer = Consumer({**config, "auto.offset.reset": "earliest", "enable.auto.commit": False}, logger=direct.QUIET)
    consumer.subscribe([topic])
    read, limit = 0, time.monotonic() + PATIENCE_S
    try:
        while read < _RECORDS and time.monotonic() < limit:
            read += len(consumer.consume(_RECORDS, 0.2))
        consumer.commit(asynchronous=False)
        yield consumer
    finally:
        consumer.close()


def _lags(model: GroupPartitionsModel) -> list[int | None]:
    return [model.row(n).reading.lag for n in range(model.rowCount())]


def _row(panel: GroupsPanel, name: str) -> GroupRow | None:
    return next((row for row in panel.rows() if row.id == name), None)


async def _told(panel: GroupsPanel, name: str, lag: int, members: int) -> None:
    await until(lambda: (row := _row(panel, name)) and (row.lag, row.members) == (lag, members))


def test_a_consumer_that_stops_falls_behind(qtloop: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, _PARTITIONS)
    direct.produce(broker.bootstrap, topic_name, direct.rows(_RECORDS, _PARTITIONS))

    async def look() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            session = Session(cluster, Catalog(cluster), Changes(cluster, MemoryAudit()))
            session.lag.every = 0.3

            async def open_session() -> Session:
                return session

            groups = GroupsPanel(cluster.profile, open_session, lambda _: None, NoSnapshots())
            one = GroupPanel(cluster.profile, topic_name, open_session, NoSnapshots())
            groups.filter.setText(topic_name)
            for panel in (groups, one):
                panel.resize(1100, 500)
                panel.show()
            tab = one.current
            assert isinstance(tab, GroupPartitionsTab)
            try:
                with _reading(broker.bootstrap, topic_name):
                    await _told(groups, topic_name, lag=0, members=1)
                    await until(lambda: _lags(tab.model) == [0, 0])
                    assert {tab.model.row(n).reading.member is not None for n in range(2)} == {True}
                    one.show_tab("members")
                    members = one.current
                    assert isinstance(members, GroupMembersTab)
                    await until(lambda: members.model.rowCount() == 1)
                    assert members.model.row(0).member.client == "reader"
                direct.produce(broker.bootstrap, topic_name, direct.rows(10, _PARTITIONS))
                await _told(groups, topic_name, lag=10, members=0)
                one.show_tab("partitions")
                await until(lambda: _lags(tab.model) == [5, 5])
                await until(lambda: tab.model.row(0).time is not None)
                assert one.header.tiles["Lag"].figure == "10"
                assert "empty" in one.header.facts.text()
            finally:
                for panel in (groups, one):
                    await panel.close_panel()
                    panel.deleteLater()
                await session.lag.close()

    qtloop.run(look())
