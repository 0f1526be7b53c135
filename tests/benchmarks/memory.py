"""What a search that scans 1,000,000 records of 0.9 kB and shows 10,000 of them needs in memory, over all processes.

A panel of messages in a window (offscreen) with two worker processes. Read ten times a second from /proc: the
proportional set size (memory that processes share is counted once) and the resident one (counted in each); printed is
the largest sum of each. Linux only. Run: `.venv/bin/python -m tests.benchmarks.memory [records]`
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
from pathlib import Path

from kexplorer.model.search import FilterSpec, Where
from tests.benchmarks import panels, rig

ONE_IN_A_HUNDRED = FilterSpec('00,"order"', where=Where.VALUE)
_SIZES = ("Pss", "Rss")


def sizes(process: int) -> tuple[int, int]:
    """Bytes, as `_SIZES` names them; nothing of a process that has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return 0, 0
    found = {name.rstrip(":"): int(kilobytes) * 1024 for name, kilobytes, *_ in map(str.split, lines)}
    return found["Pss"], found["Rss"]


async def measure(bootstrap: str, topic: str) -> None:
    most = [(0, 0), (0, 0)]  # the largest sums: at rest, and during the search
    async with panels.opened(bootstrap) as make:
        panel = make(topic)
        await panels.filled(panel)
        most[0] = sizes(os.getpid())
        panel.search(ONE_IN_A_HUNDRED)
        while panel.searching.running or not panel.searching.shown:
            children = [child.pid or 0 for child in multiprocessing.active_children()]
            now = [sizes(process) for process in (os.getpid(), *children)]
            most[1] = max(most[1], (sum(pss for pss, _ in now), sum(rss for _, rss in now)))
            await asyncio.sleep(0.1)
        shown = panel.rows
        await panel.close_panel()
    for name, found in zip(("before", "while it scanned and showed them"), most, strict=True):
        told = ", ".join(f"{size} {value / 1e6:.0f} MB" for size, value in zip(_SIZES, found, strict=True))
        print(f"memory {name}: {told}" + (f" ({shown:,} rows)" if name != "before" else ""))


def main() -> None:
    count = int([*sys.argv, "1000000"][1])
    with rig.broker() as bootstrap:
        # In another process, because what a producer allocates here would be counted.
        writer = multiprocessing.get_context("spawn").Process(
            target=rig.fill_documents, args=(bootstrap, "lz4", count, "lz4")
        )
        writer.start()
        writer.join()
        panels.run(measure(bootstrap, "lz4"))


if __name__ == "__main__":
    main()
