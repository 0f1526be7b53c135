"""How fast a topic is searched, against `kcat -C -e | LC_ALL=C grep -c -F` (and `-E` for the expression).

Topics of 6 partitions on a Kafka of this machine, JSON of about 0.9 kB a record, lz4 and zstd; one record matches.
Rounds of kcat and of a search by two worker processes alternate; the time of a search is from its start to the end,
with workers that are started for it and with workers that run already. Printed are medians, and ratios to kcat in the
same rounds. The first search of a program takes 0.4 s longer: what its workers are forked from is imported then.

What limits it, by the processor's time for 1,000,000 records in both workers: 1.1 s (lz4) and 1.8 s (zstd) where whole
batches can be passed over, two thirds to nine tenths of which is unpacking. All of kcat takes 1.4 s and 2.3 s, grep and
the pipe between them another 1.2 s. Expressions take records from the client library, which needs 1.5 s and 2.9 s.

Run: `.venv/bin/python -m tests.benchmarks.search [records] [rounds]` (200,000 and 5; the goals are for 1,000,000)
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from typing import Any

from kexplorer.kafka.scan import Scan
from kexplorer.kafka.scan_pool import ScanPool
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.search import FilterKind, FilterSpec, SearchQuery, Where
from kexplorer.model.topics import IsolationLevel, OffsetRange, TopicPartition
from kexplorer.services.search import Search
from tests.benchmarks import rig
from tests.kafka import direct

WORKERS = 2
SEARCHES = {
    "text in values": FilterSpec(rig.RARE, where=Where.VALUE),
    "text anywhere": FilterSpec(rig.RARE),
    "expression, text": FilterSpec(f'value.status == "{rig.RARE}"', FilterKind.EXPRESSION),
    "expression, number": FilterSpec("value.amount > 99999", FilterKind.EXPRESSION),
}
GREPS = {"text in values": f"-F {rig.RARE}", "expression, number": "-E '\"amount\":[0-9]{6}'"}
PEER_OF = {"text anywhere": "text in values", "expression, text": "text in values"}


def kcat(bootstrap: str, topic: str, pattern: str) -> float:
    """Seconds."""
    begun = time.perf_counter()
    reading = f"kcat -C -e -q -b {bootstrap} -t {topic} -o beginning 2>/dev/null"
    command = ["sh", "-c", f"{reading} | LC_ALL=C grep -c {pattern}"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"1\n"
    return time.perf_counter() - begun


async def search(
    bootstrap: str, topic: str, spec: FilterSpec, ends: dict[int, tuple[int, int]], *, warm: bool
) -> float:
    """Seconds. `warm`: the workers were started before."""
    ranges = tuple(OffsetRange(TopicPartition(topic, p), low, high) for p, (low, high) in ends.items())
    query = SearchQuery(ranges, spec, direct.NOW)
    scan = Scan(Profile("bench", bootstrap), Credentials(), spec, direct.NOW, IsolationLevel.READ_UNCOMMITTED)
    begun = time.perf_counter()
    pool = ScanPool(WORKERS)
    if warm:
        await asyncio.gather(*[asyncio.wrap_future(pool.submit(time.sleep, 0.3)) for _ in range(WORKERS)])
        begun = time.perf_counter()
    found = Search(query, scan, lambda: pool, WORKERS)
    matches = 0
    while (batch := await found.next_batch()) is not None:
        matches += len(batch.records)
    ended = time.perf_counter()
    assert matches == 1, matches
    assert found.report().complete
    pool.shutdown()
    return ended - begun


def measure(bootstrap: str, topic: str, count: int, rounds: int) -> None:
    rig.fill_documents(bootstrap, topic, count, topic)
    ends = direct.ends(bootstrap, topic, rig.PARTITIONS)
    theirs: dict[str, list[float]] = {name: [] for name in GREPS}
    whole: dict[str, list[float]] = {name: [] for name in SEARCHES}
    warm: dict[str, list[float]] = {name: [] for name in SEARCHES}
    for _ in range(rounds):
        for name, spec in SEARCHES.items():
            if name in GREPS:
                theirs[name].append(kcat(bootstrap, topic, GREPS[name]))
            whole[name].append(asyncio.run(search(bootstrap, topic, spec, ends, warm=False)))
            warm[name].append(asyncio.run(search(bootstrap, topic, spec, ends, warm=True)))
    for name in SEARCHES:
        peer = statistics.median(theirs[PEER_OF.get(name, name)])
        cold, ready = statistics.median(whole[name]), statistics.median(warm[name])
        print(
            f"{topic}, {name}: kcat | grep {count / peer / 1000:.0f} k/s; search {count / ready / 1000:.0f} k/s, "
            f"ratio {peer / ready:.2f}; with the start of workers {count / cold / 1000:.0f} k/s, {peer / cold:.2f}",
            flush=True,
        )


def main() -> None:
    main_module: Any = sys.modules["__main__"]
    main_module.__spec__ = main_module.__file__ = None  # workers import it, and the program's imports nothing heavy
    count, rounds = (int(given) for given in (sys.argv[1:] + ["200000", "5"][len(sys.argv) - 1 :]))
    with rig.broker() as bootstrap:
        for topic in ("lz4", "zstd"):
            measure(bootstrap, topic, count, rounds)


if __name__ == "__main__":
    main()
