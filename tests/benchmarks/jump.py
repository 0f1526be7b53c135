"""How long a jump to a random place in a topic of 100,000,000 offsets takes, until its rows are painted.

The topic has 6 partitions, shown merged by time in a real window (offscreen) whose connection is open; its records are
tiny and were written as fast as kcat can, so hundreds share a millisecond, which is the hardest case for a merge by
time. A jump is one of the scroll bar: to a row, which is the number of offsets before it. Half of the jumps go to one
partition alone, where the row is the offset. Printed are medians in ms.
Run: `.venv/bin/python -m tests.benchmarks.jump [offsets]` (100,000,000)
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time

from PySide6.QtWidgets import QComboBox

from kexplorer.ui.panels.messages import MessagesPanel
from tests.benchmarks import panels, rig

JUMPS = 60


async def jump(panel: MessagesPanel, row: int) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    panel.view.select(row)
    await panels.painted(panel, lambda: panel.browsed is not None and panel.browsed[row] is not None)
    return 1000 * (time.perf_counter() - begun)


async def jumps(panel: MessagesPanel) -> list[float]:
    """Milliseconds."""
    chance, taken = random.Random(5), []
    for _ in range(JUMPS):
        taken.append(await jump(panel, chance.randrange(panel.rows)))
        await asyncio.sleep(0.05)
    return taken


async def choose(panel: MessagesPanel, partition: int) -> None:
    """As a person does, in the box that offers the partitions."""
    before = panel.browsed
    box = next(box for box in panel.bar.findChildren(QComboBox) if box.findData(partition) >= 0)
    box.setCurrentIndex(box.findData(partition))
    box.activated.emit(box.currentIndex())
    await panels.painted(panel, lambda: panel.browsed is not before)


async def measure(bootstrap: str, topic: str) -> None:
    async with panels.opened(bootstrap) as make:
        for name, partition in (("6 partitions by time", None), ("one partition", 3)):
            panel = make(topic)
            await panels.filled(panel)
            if partition is not None:
                await choose(panel, partition)
            taken = sorted(await jumps(panel))
            print(
                f"jump in {panel.rows:,} offsets, {name}: median {statistics.median(taken):.0f} ms, "
                f"9 of 10 within {taken[len(taken) * 9 // 10]:.0f} ms",
                flush=True,
            )
            await panel.close_panel()
            panel.deleteLater()


def main() -> None:
    count = int([*sys.argv, "100000000"][1])
    with rig.broker() as bootstrap:
        begun = time.perf_counter()
        rig.fill_tiny(bootstrap, f"tiny-{count}", count)
        print(f"{count:,} records were there after {time.perf_counter() - begun:.0f} s", flush=True)
        panels.run(measure(bootstrap, f"tiny-{count}"))


if __name__ == "__main__":
    main()
