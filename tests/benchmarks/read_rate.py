"""How fast `open_reader` reads a topic from its start to its end, against `kcat -C -e` in the same run.

Topics: 1,000,000 records of 100 B and 200,000 of 1 kB, lz4, 6 partitions, on a Kafka of this machine. Rounds of kcat
(values to /dev/null) and of the gateway (all fields into columns) alternate; printed are the medians in thousand
records a second and their ratio. Run: `.venv/bin/python -m tests.benchmarks.read_rate`
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import time

from kexplorer.model.topics import Edge, OffsetRange, TopicPartition
from tests.benchmarks import rig
from tests.kafka import direct

ROUNDS = 5
TOPICS = {"100B": (1_000_000, 100), "1kB": (200_000, 1000)}


def kcat(bootstrap: str, topic: str) -> float:
    """Seconds."""
    begun = time.perf_counter()
    command = ["kcat", "-C", "-e", "-q", "-b", bootstrap, "-t", topic, "-o", "beginning", "-f", "%s"]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


async def gateway(bootstrap: str, topic: str, expected: int) -> float:
    """Seconds, from the first call on a connection that is made for it."""
    begun = time.perf_counter()
    sources = [TopicPartition(topic, partition) for partition in range(rig.PARTITIONS)]
    read = 0
    async with direct.connected(bootstrap) as cluster:
        ends = await cluster.list_offsets(dict.fromkeys(sources, Edge.END))
        ranges = [OffsetRange(source, 0, end) for source, end in ends.items() if isinstance(end, int)]
        async with cluster.open_reader(ranges) as reader:
            while (batch := await reader.next_batch()) is not None:
                read += len(batch.records)
    assert read == expected
    return time.perf_counter() - begun


def main() -> None:
    with rig.broker() as bootstrap:
        for topic, (count, size) in TOPICS.items():
            rig.fill(bootstrap, topic, count, size)
            theirs, ours = [], []
            for _ in range(ROUNDS):
                theirs.append(kcat(bootstrap, topic))
                ours.append(asyncio.run(gateway(bootstrap, topic, count)))
            kcat_rate, rate = (count / statistics.median(seconds) / 1000 for seconds in (theirs, ours))
            print(f"{topic}: kcat {kcat_rate:.0f} k/s, gateway {rate:.0f} k/s, ratio {rate / kcat_rate:.2f}")


if __name__ == "__main__":
    main()
