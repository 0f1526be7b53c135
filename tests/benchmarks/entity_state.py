"""How long the state of one entity takes, from asking for it to its last event folded.

A topic of 12 partitions on a Kafka of this machine, lz4, events of about 100 bytes of 100,000 accounts, each in the
partition that Java's clients choose. Two worker processes look for one account: in its partition alone, with workers
that are started for it and with workers that run already, and in all partitions. Beside it kcat and grep, which look
for the same key in the same partition. Printed are medians, and what was scanned.

Run: `.venv/bin/python -c "from tests.benchmarks.entity_state import main; main()"` (10,000,000 events and 5 rounds, or
others; the goal is 5 s). Not with -m: each worker would import this module anew, with a Kafka client that it does not
need. In the program it does not.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time

from kexplorer.formats.folding import make_fold
from kexplorer.formats.partitioning import partition_for
from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.kafka.scan import Scan
from kexplorer.kafka.scan_pool import ScanPool
from kexplorer.model.folding import FoldKind, FoldSpec
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.topics import IsolationLevel
from kexplorer.services.entity import EntityKey, History, collect, reader, scope_of
from kexplorer.services.search import Progress, Search
from tests.benchmarks import rig
from tests.kafka import direct

PARTITIONS, ACCOUNTS, WORKERS = 12, 100_000, 2
ACCOUNT = "account-047110"
TOPIC = "accounts"
FOLD = FoldSpec(FoldKind.EXPRESSION, "balance = coalesce(state.balance, 0) + event.amount\nlast = event.id")

# Each account in turn: n % 100,000. Keys and values for kcat, which partitions as Java's clients do when it is told to.
_LINES = """
import sys
for start in range(0, int(sys.argv[1]), 10_000):
    sys.stdout.write("".join(
        'account-%06d\\t{"id":%d,"type":"deposit","amount":%d.%02d,"currency":"EUR","by":"%016x"}\\n'
        % (n % 100_000, n, n * 7919 % 900, n % 100, n * 2_654_435_761) for n in range(start, start + 10_000)))
"""


def fill(bootstrap: str, events: int) -> None:
    made = direct.admin(bootstrap).list_topics(timeout=10).topics
    if TOPIC in made and _count(bootstrap) == events:
        return
    direct.create(bootstrap, TOPIC, PARTITIONS)
    options = "-X linger.ms=20 -X queue.buffering.max.messages=1000000 -X partitioner=murmur2_random -z lz4"
    writing = subprocess.Popen([sys.executable, "-c", _LINES, str(events)], stdout=subprocess.PIPE)
    command = ["kcat", "-P", "-q", "-b", bootstrap, "-t", TOPIC, "-K", "\t", *options.split()]
    subprocess.run(command, stdin=writing.stdout, check=True)
    assert writing.wait() == 0
    assert _count(bootstrap) == events


def _count(bootstrap: str) -> int:
    return sum(high - low for low, high in direct.ends(bootstrap, TOPIC, PARTITIONS).values())


async def rebuild(bootstrap: str, *, everywhere: bool = False, warm: bool = False) -> tuple[float, Progress]:
    """Seconds, and what was scanned."""
    profile = Profile("bench", bootstrap)
    pool = ScanPool(WORKERS)
    if warm:
        await asyncio.gather(*[asyncio.wrap_future(pool.submit(time.sleep, 0.3)) for _ in range(WORKERS)])
    cluster = KafkaCluster(profile, Credentials())
    await cluster.metadata()  # as when a person opens the panel
    begun = time.perf_counter()
    scope = await scope_of(cluster, [TOPIC], EntityKey(ACCOUNT), direct.NOW, everywhere=everywhere)
    scan = Scan(profile, Credentials(), scope.query.filter, direct.NOW, IsolationLevel.READ_UNCOMMITTED)
    search = Search(scope.query, scan, lambda: pool, WORKERS)
    records, _ = await collect(search, lambda _: None)
    life = History(records, make_fold(FOLD), reader(None))
    await life.build(lambda _: None)
    last = (await life.step(len(life) - 1)).after
    seconds = time.perf_counter() - begun
    assert search.report().complete
    assert last["last"] % ACCOUNTS == int(ACCOUNT[-6:]), last
    pool.shutdown()
    await cluster.close()
    return seconds, search.report().progress


def kcat(bootstrap: str) -> float:
    """Seconds."""
    partition = partition_for(ACCOUNT.encode(), PARTITIONS)
    reading = f"kcat -C -e -q -b {bootstrap} -t {TOPIC} -p {partition} -o beginning -f '%k %s\\n' 2>/dev/null"
    begun = time.perf_counter()
    subprocess.run(["sh", "-c", f"{reading} | LC_ALL=C grep -c -F '{ACCOUNT} '"], stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - begun


def main(events: int = 10_000_000, rounds: int = 5) -> None:
    with rig.broker() as bootstrap:
        fill(bootstrap, events)
        ways = {
            "its partition": {},
            "its partition, workers run": {"warm": True},
            "all partitions": {"everywhere": True},
        }
        took: dict[str, list[float]] = {name: [] for name in (*ways, "kcat | grep, its partition")}
        scanned: dict[str, Progress] = {}
        for _ in range(rounds):
            took["kcat | grep, its partition"].append(kcat(bootstrap))
            for name, way in ways.items():
                seconds, scanned[name] = asyncio.run(rebuild(bootstrap, **way))
                took[name].append(seconds)
        for name, seconds_each in took.items():
            progress = scanned.get(name)
            found = f"{progress.matches:,} of {progress.records:,} events" if progress else ""
            print(f"{name:28} {statistics.median(seconds_each):6.2f} s  {found}")
