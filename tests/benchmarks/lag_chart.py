"""Charts of lag, offscreen: how long an update holds up the window where 500 groups were looked at each second for an
hour (goal: never for more than 50 ms of its work), for each kind of chart, beside one that draws all of the lines with
all of their points."""

from __future__ import annotations

import asyncio
import math
import statistics
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from itertools import count

from kexplorer.services.catalog import Catalog
from kexplorer.services.changes import Changes
from kexplorer.services.lag_watch import Sampled
from kexplorer.services.sessions import Session
from kexplorer.ui.panels.lag import LagPanel
from kexplorer.ui.widgets.lag_bar import HEAT
from tests.benchmarks.panels import run
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.services.memory_audit import MemoryAudit
from tests.ui.lag_course import filled, sampled_at

SERIES, SECONDS, LOOKS = 500, 3600, 12


async def measure() -> None:
    cluster = FakeCluster("benchmark")
    session = Session(cluster, Catalog(cluster), Changes(cluster, MemoryAudit()))
    began = time.perf_counter()
    await asyncio.to_thread(import_module, "pyqtgraph")
    print(f"pyqtgraph imported in {_ms(began):.0f} ms, in a thread")
    now = time.time()
    filled(session.lag, SERIES, now, SECONDS)

    async def open_session() -> Session:
        return session

    panel = LagPanel(cluster.profile, open_session, None)
    panel.resize(1920, 1080)
    panel.show()
    began = time.perf_counter()
    await until(lambda: panel.view.model.rowCount() == SERIES, every=0.001)
    print(f"{SERIES} series of {SECONDS:,} points: the first chart after {_ms(began):.0f} ms")
    feed = panel.view.feed
    assert feed
    feed.stop()
    seconds = count(1)
    for view in ("Lines", "Stacked", "Heat map"):
        for metric in ("Lag", "Time lag", "Produce rate"):
            panel.view.bar.choose(metric=metric, view=view)
            times = [_work(panel, sampled_at(session.lag, now + next(seconds))) for _ in range(LOOKS)]
            print(f"{view}, {metric}: {_spread(times)} an update")
    panel.hide()
    times = [_work(panel, sampled_at(session.lag, now + next(seconds))) for _ in range(LOOKS)]
    print(f"hidden: {_spread(times)}")
    await panel.close_panel()
    await session.close()
    print(f"all {SERIES} curves of {SECONDS:,} points: {_spread(_plainly())}")


def _work(panel: LagPanel, sampled: Sampled) -> float:
    """Seconds that this thread works at most at a stretch until a look is painted. Others get their turn behind what is
    noted of it, what is looked up, the chart and the legend."""
    view = panel.view
    plot = view.heat if view.bar.view == HEAT else view.chart
    assert view.feed
    steps: list[list[Callable[[], object]]] = [
        [partial(view.feed.take, sampled)],
        [view._look_up],
        [view._draw, plot.viewport().repaint],
        [view._show_legend, view.table.viewport().repaint],
    ]
    return max(map(_worked, steps))


def _worked(step: list[Callable[[], object]]) -> float:
    began = time.thread_time()
    for work in step:
        work()
    return time.thread_time() - began


def _plainly() -> list[float]:
    import pyqtgraph as pg  # noqa: PLC0415

    plot = pg.PlotWidget()
    plot.resize(1920, 700)
    plot.show()
    curves = [plot.plot(pen="b") for _ in range(SERIES)]
    times = []
    for look in range(4):
        began = time.thread_time()
        for number, curve in enumerate(curves):
            curve.setData([math.sin(number + look + n / 300) + number for n in range(SECONDS)])
        plot.viewport().repaint()
        times.append(time.thread_time() - began)
    plot.close()
    return times[1:]


def _spread(times: list[float]) -> str:
    return f"p50 {statistics.median(times) * 1000:.0f}, max {max(times) * 1000:.0f} ms"


def _ms(since: float) -> float:
    return (time.perf_counter() - since) * 1000


if __name__ == "__main__":
    run(measure())
