"""The list of topics, offscreen: until the names are painted (goal: 2 s) and everything else is there, how long the
window stands still meanwhile (goal: 50 ms), and what a key stroke of a filter costs (100 ms).

10,000 topics with 40,000 partitions in memory, or (`--kafka`) 3,000 with 12,000 on a Kafka of its own. Run:
`.venv/bin/python -m tests.benchmarks.topic_list [--kafka] [topics]`
"""

from __future__ import annotations

import asyncio
import functools
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

from confluent_kafka.admin import NewTopic

from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.model.cluster import Cluster
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.topics import ClusterMetadata
from kexplorer.services.catalog import Catalog
from kexplorer.services.changes import Changes
from kexplorer.services.sessions import Session
from kexplorer.ui.panels.overview import OverviewPanel
from kexplorer.ui.panels.topics import TopicsPanel
from tests.benchmarks import rig
from tests.benchmarks.gui_stall import Stalls
from tests.benchmarks.panels import run
from tests.kafka import direct
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.services.memory_audit import MemoryAudit
from tests.ui.sessions import Marked

PARTITIONS = 4
FILTERS = ("orders.v77", "/team-1.*v9{2}/", "~ordv99")
_A_CALL = 250  # topics that a broker is asked to create


class _Ready(FakeCluster):
    """Has its metadata at hand: making it would be counted as the window's work."""

    @functools.cached_property
    def known(self) -> ClusterMetadata:
        return self._metadata()

    async def metadata(self) -> ClusterMetadata:
        await asyncio.sleep(0.01)
        return self.known


def names(topics: int) -> list[str]:
    return [f"team-{number % 37:02}.orders.v{number}" for number in range(topics)]


def in_memory(topics: int) -> FakeCluster:
    cluster = _Ready("benchmark")
    for name in names(topics):
        cluster.add_topic(name, PARTITIONS, retention_ms="1000")
    assert len(cluster.known.topics) == topics
    return cluster


def fill(bootstrap: str, topics: int) -> None:
    admin = direct.admin(bootstrap)
    there = admin.list_topics(timeout=10).topics
    wanted = [NewTopic(name, PARTITIONS, 1) for name in names(topics) if name not in there]
    began = time.perf_counter()
    for at in range(0, len(wanted), _A_CALL):
        for made in admin.create_topics(wanted[at : at + _A_CALL], request_timeout=60).values():
            made.result(60)
    print(f"{len(wanted):,} topics created in {time.perf_counter() - began:.0f} s", flush=True)


async def measure(cluster: Cluster, topics: int) -> None:
    session = Session(cluster, Catalog(cluster), Changes(cluster, MemoryAudit()))

    async def open_session() -> Session:
        return session

    began, stalls = time.perf_counter(), Stalls()
    panel = TopicsPanel(cluster.profile, open_session, lambda _: None, lambda _: None, Marked(), dict, lambda *_: None)
    panel.resize(1280, 800)
    panel.show()
    await until(panel.rows, every=0.001)
    panel._table.viewport().repaint()
    print(f"{topics:,} topics, {topics * PARTITIONS:,} partitions: names painted after {_ms(began):.0f} ms")
    await until(lambda: panel.complete, every=0.5)
    print(f"everything known after {_ms(began) / 1000:.1f} s; stalls: {stalls.end()}", flush=True)
    stalls = Stalls()
    for _ in range(5):
        await session.catalog.refresh()
        await asyncio.sleep(0.2)
    print(f"refreshed 5 times; stalls: {stalls.end()}", flush=True)
    await panel.tasks.close()
    for text in FILTERS:
        _filter(panel, text)
    await panel.close_panel()
    panel.deleteLater()
    await _overview(cluster.profile, open_session)
    await cluster.close()


def _filter(panel: TopicsPanel, text: str) -> None:
    took, own = [], []
    for end in range(1, len(text) + 1):
        began, worked = time.perf_counter(), time.thread_time()
        panel._filter.setText(text[:end])
        panel._filter._tell()  # what the pause after a key stroke does
        panel._table.viewport().repaint()
        took.append(_ms(began))
        own.append(1000 * (time.thread_time() - worked))
    p50 = statistics.median(took)
    said = f"p50 {p50:.0f}, max {max(took):.0f} ms a key stroke (at most {max(own):.0f} of them its own work)"
    print(f"filter {text}: {said}, {len(panel.rows())} topics found")


async def _overview(profile: Profile, open_session: Callable[[], Awaitable[Session]]) -> None:
    began, stalls = time.perf_counter(), Stalls()
    panel = OverviewPanel(profile, open_session, lambda _: None)
    panel.resize(1280, 800)
    panel.show()
    await until(panel.brokers.rowCount, every=0.01)
    print(f"overview after {_ms(began):.0f} ms", end="; ")
    await asyncio.sleep(3)
    print(f"stalls: {stalls.end()}")
    await panel.close_panel()
    panel.deleteLater()


def _ms(since: float) -> float:
    return (time.perf_counter() - since) * 1000


def main() -> None:
    arguments = sys.argv[1:]
    real = "--kafka" in arguments
    topics = next((int(each) for each in arguments if each.isdigit()), 3_000 if real else 10_000)
    if not real:
        run(measure(in_memory(topics), topics))
        return
    with rig.broker() as bootstrap:
        fill(bootstrap, topics)
        run(measure(KafkaCluster(Profile("benchmark", bootstrap), Credentials()), topics))


if __name__ == "__main__":
    main()
