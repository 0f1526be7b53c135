"""How long it takes from the click on a topic until its newest 100 records are painted.

A topic of 6 partitions with 60,000 records of 1 kB (lz4) is opened again and again in a real window (offscreen) whose
connection is open. Printed are the median and the part of it that making the panel takes.
Run: `.venv/bin/python -m tests.benchmarks.click_to_rows`
"""

from __future__ import annotations

import asyncio
import statistics
import time

from tests.benchmarks import panels, rig

RUNS = 30


async def measure(bootstrap: str) -> None:
    made, shown = [], []
    async with panels.opened(bootstrap) as make:
        for run in range(RUNS + 3):
            clicked = time.perf_counter()
            panel = make("clicked")
            built = time.perf_counter()
            await panels.filled(panel)
            if run >= 3:  # the first find a cold JVM and unread fonts
                made.append((built - clicked) * 1000)
                shown.append((time.perf_counter() - clicked) * 1000)
            await panel.close_panel()
            panel.deleteLater()
            await asyncio.sleep(0.05)
    print(f"click to painted rows: {_spread(shown)}; of that, making the panel: {_spread(made)}")


def _spread(values: list[float]) -> str:
    return f"median {statistics.median(values):.0f} ms ({min(values):.0f} to {max(values):.0f})"


def main() -> None:
    with rig.broker() as bootstrap:
        rig.fill(bootstrap, "clicked", 60_000, 1000)
        panels.run(measure(bootstrap))


if __name__ == "__main__":
    main()
