"""How long a look at the lag of 200 groups takes that commit 50 partitions each: goal 150 ms on a broker of this
machine, 250 ms at 40 ms round trip. Beside it one group after the other, as a tool does that asks for each."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Sequence

from kexplorer.model.changes import AlterOffsets
from kexplorer.model.cluster import Cluster
from kexplorer.model.lag import GroupLag
from kexplorer.model.topics import TopicPartition
from kexplorer.services.group_lag import look
from tests.kafka import direct
from tests.rig.kafka import KafkaCluster, prepare

GROUPS, TOPICS, PARTITIONS, ROUNDS = 200, 10, 50, 11
ROUND_TRIP = 40  # milliseconds, as the proxy has it


async def fill(bootstrap: str) -> list[str]:
    for number in range(TOPICS):
        direct.create(bootstrap, f"lag-{number}", PARTITIONS)
        direct.produce(bootstrap, f"lag-{number}", direct.rows(10 * PARTITIONS, PARTITIONS))
    names = [f"group-{number:03}" for number in range(GROUPS)]
    async with direct.connected(bootstrap) as cluster:
        for number, name in enumerate(names):
            sources = (TopicPartition(f"lag-{number % TOPICS}", partition) for partition in range(PARTITIONS))
            answers = await cluster.apply(AlterOffsets(name, dict.fromkeys(sources, number % 10)))
            assert not any(answers.values()), answers
    return names


async def measure(cluster: Cluster, names: Sequence[str], what: str, goal: float) -> None:
    await look(cluster, names)  # connections, coordinators and the import of the second client
    took, worked = [], []
    for _ in range(ROUNDS):
        began, working = time.perf_counter(), time.process_time()
        seen = await look(cluster, names)
        took.append(_ms(began))
        worked.append((time.process_time() - working) * 1000)
        lags = [group.lag for group in seen.values() if isinstance(group, GroupLag)]
        assert lags == [PARTITIONS * (10 - number % 10) for number in range(GROUPS)]
    took.sort()
    spread = f"p50 {statistics.median(took):.0f} ms, best {took[0]:.0f}, worst {took[-1]:.0f} (goal {goal:.0f} ms)"
    print(f"{what}: {spread}; {min(worked):.0f} ms of it is work of this process, the rest is waiting")
    some = names[:: GROUPS // 20]
    began = time.perf_counter()
    for name in some:
        await look(cluster, [name])
    print(f"{what}: {_ms(began) / len(some) * GROUPS:.0f} ms one after the other, by {len(some)} of them")


def _ms(since: float) -> float:
    return (time.perf_counter() - since) * 1000


async def main() -> None:
    prepare()
    with KafkaCluster(listeners=("PLAINTEXT",), proxy=True) as kafka:
        names = await fill(kafka.bootstrap())
        async with direct.connected(kafka.bootstrap()) as cluster:
            await measure(cluster, names, f"{GROUPS} groups x {PARTITIONS} partitions", 150)
        kafka.proxies[0].lat(ROUND_TRIP / 2)
        async with direct.connected(kafka.bootstrap("PROXY")) as cluster:
            await measure(cluster, names, f"the same at {ROUND_TRIP} ms round trip", 250)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
