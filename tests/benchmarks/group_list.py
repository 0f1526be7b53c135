"""The list of 2,000 groups, offscreen on a cluster in memory: until names are painted and all is known (goal: 3 s), and
how long a key stroke of a filter and a look at what is on the screen hold up the window (goal: 100 ms of its work)."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

from kexplorer.model.topics import TopicPartition
from kexplorer.services.catalog import Catalog
from kexplorer.services.changes import Changes
from kexplorer.services.sessions import Session
from kexplorer.ui.panels.groups import GroupsPanel
from tests.benchmarks.panels import run
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.services.memory_audit import MemoryAudit
from tests.ui.sessions import NoSnapshots

GROUPS, TOPICS, PARTITIONS = 2000, 100, 6
FILTERS = ("projection-77", "/team-1.*9{2}/", "~tmprj99")


async def measure() -> None:
    session = Session(cluster := _cluster(), Catalog(cluster), Changes(cluster, MemoryAudit()))

    async def open_session() -> Session:
        return session

    began = time.perf_counter()
    panel = GroupsPanel(cluster.profile, open_session, lambda _: None, NoSnapshots())
    panel.resize(1280, 800)
    panel.show()
    await until(panel.rows, every=0.001)
    panel.table.viewport().repaint()
    print(f"{GROUPS:,} groups of {PARTITIONS} partitions: names painted after {_ms(began):.0f} ms")
    await until(lambda: panel.complete, every=0.001)
    print(f"all of them known after {_ms(began):.0f} ms")
    for text in FILTERS:
        times = [_work(panel, partial(_filter, panel, text[:end])) for end in range(1, len(text) + 1)]
        print(f"filter {text}: {_spread(times)} a key stroke, {len(panel.rows())} groups found")
    panel.filter.clear()
    seen = {row.id: row.seen for row in panel.rows()[:30] if row.seen}
    times = [_work(panel, partial(panel.model.set_seen, seen)) for _ in range(20)]
    print(f"a look at {len(seen)} of them: {_spread(times)}")
    await panel.close_panel()
    await session.close()


def _cluster() -> FakeCluster:
    cluster = FakeCluster("benchmark")
    for number in range(TOPICS):
        cluster.add_topic(f"topic-{number}", PARTITIONS)
        for partition in range(PARTITIONS):
            cluster.add(f"topic-{number}", b"v", partition=partition)
    for number in range(GROUPS):
        read = [TopicPartition(f"topic-{number % TOPICS}", partition) for partition in range(PARTITIONS)]
        cluster.commits[f"team-{number % 37:02}.projection-{number}"] = dict.fromkeys(read, 0)
    return cluster


def _filter(panel: GroupsPanel, text: str) -> None:
    panel.filter.setText(text)
    panel.filter._tell()  # what the pause after a key stroke does


def _work(panel: GroupsPanel, change: Callable[[], object]) -> float:
    """Seconds that this thread works until the change is painted."""
    began = time.thread_time()
    change()
    panel.table.viewport().repaint()
    return time.thread_time() - began


def _spread(times: list[float]) -> str:
    return f"p50 {statistics.median(times) * 1000:.0f}, max {max(times) * 1000:.0f} ms"


def _ms(since: float) -> float:
    return (time.perf_counter() - since) * 1000


if __name__ == "__main__":
    run(measure())
