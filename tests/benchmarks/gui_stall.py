"""How long the window stands still while a search or a follow runs flat out.

A timer of 1 ms runs on the GUI thread of a real window (offscreen); what lies between two of its ticks, beyond the
millisecond, is a stall. Measured are a search of 1,000,000 records of 0.9 kB by two worker processes, of which one in
a hundred matches, and a follow of a topic that kcat writes 1 kB records to as fast as it can; each at rest and while
the table is scrolled by three rows 60 times a second. Printed are the 99th percentile and the longest stall in ms, and
the same of a window in which nothing else happens. Run: `.venv/bin/python -m tests.benchmarks.gui_stall [records]`
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from PySide6.QtCore import Qt, QTimer

from kexplorer.ui.panels.messages import MessagesPanel
from tests.benchmarks import panels, rig
from tests.benchmarks.memory import ONE_IN_A_HUNDRED
from tests.kafka import direct

SECONDS = 5.0
_ROWS = 3  # a wheel's step


class Stalls:
    def __init__(self) -> None:
        self.found: list[float] = []  # ms
        self._last = time.perf_counter()
        self._timer = QTimer(interval=1, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.found.append(max(1000 * (now - self._last) - 1, 0))
        self._last = now

    def end(self) -> str:
        self._timer.stop()
        in_order = sorted(self.found)
        return f"99 of 100 within {in_order[len(in_order) * 99 // 100]:.0f} ms, longest {in_order[-1]:.0f} ms"


@contextlib.contextmanager
def scrolling(panel: MessagesPanel, wanted: bool) -> Iterator[None]:
    """To and fro, over what is there."""
    bar, way = panel.view.verticalScrollBar(), [_ROWS]

    def step() -> None:
        if not bar.minimum() < bar.value() + way[0] < bar.maximum():
            way[0] = -way[0]
        bar.setValue(bar.value() + way[0])

    timer = QTimer(interval=16)
    timer.timeout.connect(step)
    if wanted:
        timer.start()
    yield
    timer.stop()


@contextlib.contextmanager
def written(bootstrap: str, topic: str) -> Iterator[None]:
    """By kcat, flat out, as long as the block lasts."""
    line = '{"state":"open","text":"' + "lorem ipsum " * 80 + '"}'
    command = f"yes '{line}' | kcat -P -q -b {bootstrap} -t {topic} -z lz4 -X linger.ms=20"
    with subprocess.Popen(["sh", "-c", command], stderr=subprocess.DEVNULL, start_new_session=True) as writer:
        try:
            yield
        finally:
            os.killpg(writer.pid, signal.SIGTERM)


async def measure(bootstrap: str, topic: str) -> None:
    async with panels.opened(bootstrap) as make:
        for moves in (False, True):
            how = "scrolling" if moves else "at rest"
            panel = make(topic)
            await panels.filled(panel)
            with scrolling(panel, moves):
                stalls = Stalls()
                await asyncio.sleep(SECONDS)
                print(f"nothing else, {how}: {stalls.end()}", flush=True)
                panel.search(ONE_IN_A_HUNDRED)
                stalls = Stalls()
                while panel.searching.running or not panel.searching.shown:  # noqa: ASYNC110  (nothing tells of it)
                    await asyncio.sleep(0.1)
                print(f"search, {how}: {stalls.end()}; {panel.rows:,} rows", flush=True)
            await panel.close_panel()
            panel.deleteLater()
            panel = make("followed")
            panel.follow()
            with written(bootstrap, "followed"):
                await panels.filled(panel)
                before = panel.received
                with scrolling(panel, moves):
                    stalls = Stalls()
                    await asyncio.sleep(SECONDS)
                    rate = (panel.received - before) / SECONDS / 1000
                    print(f"follow, {how}: {stalls.end()}; {rate:,.0f} k records/s", flush=True)
            await panel.close_panel()
            panel.deleteLater()


def main() -> None:
    count = int([*sys.argv, "1000000"][1])
    with rig.broker() as bootstrap:
        rig.fill_documents(bootstrap, "lz4", count, "lz4")
        direct.create(bootstrap, "followed", rig.PARTITIONS, retention_bytes=200 << 20)
        panels.run(measure(bootstrap, "lz4"))


if __name__ == "__main__":
    main()
