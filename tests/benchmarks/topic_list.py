"""The list of 10,000 topics, offscreen on a cluster in memory: until it is painted (goal: 2 s), and what a key stroke
of a filter costs the window (100 ms)."""

from __future__ import annotations

import statistics
import time

from kexplorer.services.catalog import Catalog
from kexplorer.services.changes import Changes
from kexplorer.services.sessions import Session
from kexplorer.ui.panels.topics import TopicsPanel
from tests.benchmarks.panels import run
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.services.memory_audit import MemoryAudit
from tests.ui.sessions import Marked

TOPICS, PARTITIONS = 10_000, 4
FILTERS = ("orders.v77", "/team-1.*v9{2}/", "~ordv99")


async def measure() -> None:
    cluster = FakeCluster("benchmark")
    for number in range(TOPICS):
        cluster.add_topic(f"team-{number % 37:02}.orders.v{number}", PARTITIONS, retention_ms="1000")
    session = Session(cluster, Catalog(cluster), Changes(cluster, MemoryAudit()))

    async def open_session() -> Session:
        return session

    began = time.perf_counter()
    panel = TopicsPanel(cluster.profile, open_session, lambda _: None, lambda _: None, Marked(), dict)
    panel.resize(1280, 800)
    panel.show()
    await until(panel.rows, every=0.001)
    panel._table.viewport().repaint()
    print(f"{TOPICS:,} topics, {TOPICS * PARTITIONS:,} partitions: names painted after {_ms(began):.0f} ms")
    await panel.tasks.close()
    for text in FILTERS:
        took = []
        for end in range(1, len(text) + 1):
            began = time.perf_counter()
            panel._filter.setText(text[:end])
            panel._filter._tell()  # what the pause after a key stroke does
            panel._table.viewport().repaint()
            took.append(_ms(began))
        p50 = statistics.median(took)
        print(f"filter {text}: p50 {p50:.0f}, max {max(took):.0f} ms a key stroke, {len(panel.rows())} topics found")
    await panel.close_panel()


def _ms(since: float) -> float:
    return (time.perf_counter() - since) * 1000


if __name__ == "__main__":
    run(measure())
