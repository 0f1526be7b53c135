"""The produce panel on a broker: what another client finds is what was composed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.model.produce import Outgoing
from kexplorer.model.records import Record
from kexplorer.model.topics import Edge, IsolationLevel, OffsetRange, TopicPartition
from kexplorer.services.catalog import Catalog
from kexplorer.services.changes import Changes
from kexplorer.services.jobs import Jobs
from kexplorer.services.sessions import Session
from kexplorer.store.templates import TemplateStore
from kexplorer.ui.panels.produce import ProducePanel
from tests.kafka.direct import NOW, connected, create
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.memory_audit import MemoryAudit

pytestmark = pytest.mark.usefixtures("qtbot")
_PARTITIONS = 4


@asynccontextmanager
async def _panel(cluster: KafkaCluster, topic: str, folder: Path) -> AsyncIterator[ProducePanel]:
    session = Session(cluster, Catalog(cluster), Changes(cluster, MemoryAudit()))

    async def opened() -> Session:
        return session

    store = TemplateStore(folder / "templates.json")
    panel = ProducePanel(cluster.profile, topic, opened, Jobs(), store, lambda *_: None, lambda *_: None)
    panel.resize(1000, 640)
    panel.show()
    try:
        await until(lambda: panel.compose.editor.topic.known)
        yield panel
    finally:
        await panel.close_panel()
        panel.deleteLater()


async def _found(
    cluster: KafkaCluster, topic: str, isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED
) -> list[Record]:
    sources = [TopicPartition(topic, number) for number in range(_PARTITIONS)]
    ends = await cluster.list_offsets(dict.fromkeys(sources, Edge.END), isolation)
    ranges = [OffsetRange(source, 0, int(str(end))) for source, end in ends.items() if end]
    found: list[Record] = []
    async with cluster.open_reader(ranges, isolation) as reader:
        while (batch := await reader.next_batch()) is not None:
            found += list(batch.records)
    return found


def test_a_message_arrives_as_it_was_composed(
    qtloop: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path
) -> None:
    create(broker.bootstrap, topic_name, _PARTITIONS)
    headers = (("a", b"1"), ("a", None), ("a", b""), ("bin", b"\x00\xff"))
    values = [b'{"n": 1.10}', None, b"", b"\x00\xff\r\n"]

    async def look() -> None:
        async with connected(broker.bootstrap) as cluster, _panel(cluster, topic_name, tmp_path) as panel:
            compose, editor = panel.compose, panel.compose.editor
            predicted = []
            for number, value in enumerate(values):
                key = f"key {number}".encode()
                editor.show_outgoing(Outgoing(topic_name, key, value, headers, None, NOW + number))
                await until(lambda: "of the key" in editor.partition.told.whole)
                choice = editor.partition.choose(editor.outgoing(), _PARTITIONS, editor.partitioner)
                predicted.append(choice.partition)
                compose.send()
                await until(compose.send_button.isEnabled)
                assert compose.strip.failure is None
            sent = [compose.deliveries.model.row(len(values) - 1 - number).delivery for number in range(len(values))]
            assert [each.partition if each and not each.failure else None for each in sent] == predicted
            found = sorted(await _found(cluster, topic_name), key=lambda record: record.timestamp or 0)
            assert [record.value for record in found] == values
            assert [record.key for record in found] == [f"key {n}".encode() for n in range(len(values))]
            assert [record.timestamp for record in found] == [NOW + n for n in range(len(values))]
            assert {record.headers for record in found} == {headers}
            assert [record.partition for record in found] == predicted

    qtloop.run(look())


@pytest.mark.kafka
def test_a_transaction_is_seen_by_isolation_level(
    qtloop: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path
) -> None:
    create(broker.bootstrap, topic_name, _PARTITIONS)

    async def look() -> None:
        async with connected(broker.bootstrap) as cluster, _panel(cluster, topic_name, tmp_path) as panel:
            basket = panel.basket
            panel.show_tab("transaction")
            for title, commit in (("Aborted", False), ("Committed", True)):
                basket.messages.clear()
                for number in range(3):
                    basket.add(Outgoing(topic_name, f"k{number}".encode(), title.encode()))
                basket.send(commit=commit)
                await until(lambda title=title: basket.outcome.title.text() == title)  # type: ignore[misc]
                await until(lambda: panel.undelivered == 0)
            everything = await _found(cluster, topic_name)
            committed = await _found(cluster, topic_name, IsolationLevel.READ_COMMITTED)
            assert sorted(record.value or b"" for record in everything) == [b"Aborted"] * 3 + [b"Committed"] * 3
            assert [record.value for record in committed] == [b"Committed"] * 3

    qtloop.run(look())


def test_a_topic_that_is_gone_is_told_and_not_made(
    qtloop: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path
) -> None:
    async def look() -> None:
        async with connected(broker.bootstrap) as cluster, _panel(cluster, topic_name, tmp_path) as panel:
            panel.compose.send()
            await until(lambda: panel.compose.strip.failure)
            assert topic_name in str(panel.compose.strip.failure)
            assert topic_name not in {topic.name for topic in (await cluster.metadata()).topics}

    qtloop.run(look())
