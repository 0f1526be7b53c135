"""How long the newest 100 records of a topic of 6 partitions take, from the question to the page, without the window.

On a warm connection to a Kafka of this machine, records of 1 kB. Rounds alternate between asking for the partitions too
and knowing them; the parts of a page are measured by themselves as well. Printed are medians in ms.
Run: `.venv/bin/python -m tests.benchmarks.newest_page`
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable
from typing import TypeVar

from kexplorer.model.topics import Edge, OffsetRange, TopicPartition
from kexplorer.services import browser
from tests.benchmarks import rig
from tests.kafka import direct
from tests.pages import newest

T = TypeVar("T")
ROUNDS = 40
COUNT = 100


async def measure(bootstrap: str) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {}
    sources = [TopicPartition("page", partition) for partition in range(rig.PARTITIONS)]

    async def timed(name: str, work: Awaitable[T]) -> T:
        begun = time.perf_counter()
        result = await work
        taken.setdefault(name, []).append(1000 * (time.perf_counter() - begun))
        return result

    async with direct.connected(bootstrap) as cluster:

        async def read(ends: dict[TopicPartition, int]) -> None:
            ranges = [OffsetRange(source, end - COUNT, end) for source, end in ends.items()]
            async with cluster.open_reader(ranges) as reader:
                while await reader.next_batch() is not None:
                    pass

        page = await timed("first page on a cold connection", newest(cluster, "page", COUNT))
        for _ in range(ROUNDS):
            await timed("page", newest(cluster, "page", COUNT))
            await timed("page of known partitions", browser.newest(cluster, sources, COUNT))
            await timed("  metadata", cluster.metadata())
            await timed("  offsets", cluster.list_offsets(dict.fromkeys(sources, Edge.END)))
            await timed("  reading 6 x 100", read(page.ends))
    return taken


def main() -> None:
    with rig.broker() as bootstrap:
        rig.fill(bootstrap, "page", 60_000, 1000)
        for name, values in asyncio.run(measure(bootstrap)).items():
            print(f"{name}: {statistics.median(values):.1f} ms (best {min(values):.1f})")


if __name__ == "__main__":
    main()
