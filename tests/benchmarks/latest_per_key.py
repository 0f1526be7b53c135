"""How fast the latest state of every key is put together, and how much memory it takes, beside `kcat -C > /dev/null`.

A topic of 6 partitions on a Kafka of this machine, JSON of about 100 bytes, lz4; every key has about as many events.
Measured are the seconds from the start of the workers to the table in its order, those that processors worked for it,
which do not depend on what else the machine does, and the most memory that this process and all of its workers held
together (proportional set size, so that what they share counts once).

Run: `.venv/bin/python -m tests.benchmarks.latest_per_key [events] [keys]` (5,000,000 and 1,000,000: the goal is 60 s
and 500 MB for these)
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kexplorer.kafka.latest_scan import LatestScan
from kexplorer.kafka.scan_pool import ScanPool
from kexplorer.model.latest import View
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.topics import OffsetRange, TopicPartition
from kexplorer.services.latest import Gathering, LatestQuery
from kexplorer.services.latest_folding import FoldBucket
from kexplorer.store.latest import make_table
from tests.benchmarks import rig
from tests.kafka import direct

WORKERS = 2


def fill(bootstrap: str, topic: str, events: int, keys: int) -> None:
    direct.create(bootstrap, topic, rig.PARTITIONS)
    line = r'k%08d\t{"customer":%d,"state":"open","sum":%d.25,"note":"%032d","step":%d}\n'
    numbers = f"n * 7919 % {keys}, n * 31 % 100000, n % 5000, n, int(n / {keys})"
    written = f'BEGIN {{ for (n = 0; n < {events}; n++) printf "{line}", {numbers} }}'
    settings = "-X linger.ms=20 -X queue.buffering.max.messages=500000"
    command = f"awk '{written}' | kcat -P -q -b {bootstrap} -t {topic} -K '\t' -z lz4 {settings}"
    subprocess.run(["sh", "-c", command], check=True)


def kcat(bootstrap: str, topic: str) -> float:
    """Seconds."""
    begun = time.perf_counter()
    subprocess.run(["sh", "-c", f"kcat -C -e -q -b {bootstrap} -t {topic} -o beginning > /dev/null"], check=True)
    return time.perf_counter() - begun


async def gather(bootstrap: str, topic: str, ends: dict[int, tuple[int, int]], keys: int) -> tuple[float, float]:
    """Seconds until all is read and until the table is there."""
    ranges = tuple(OffsetRange(TopicPartition(topic, p), low, high) for p, (low, high) in ends.items())
    query, table = LatestQuery(ranges), make_table()
    scan = LatestScan(Profile("bench", bootstrap), Credentials(), table.file, query.buckets)
    begun = time.perf_counter()
    gathering = Gathering(query, table, scan, FoldBucket(table.file), lambda: ScanPool(WORKERS), WORKERS)
    read = 0.0
    try:
        while await gathering.step():
            read = read or (time.perf_counter() - begun if gathering.progress().fraction == 1 else 0.0)
        folded = time.perf_counter() - begun
        assert gathering.progress().complete
        assert await table.show(View()) == keys
        print(f"read {read:.1f} s, folded {folded:.1f} s, file {table.file.path.stat().st_size / 1e6:.0f} MB")
        begun_again = time.perf_counter()
        found = await table.show(View("00004711"))
        print(f"search in keys and states: {found} found in {time.perf_counter() - begun_again:.2f} s")
        return read, begun_again - begun
    finally:
        await gathering.close()
        await table.close()


@contextmanager
def watched() -> Iterator[dict[str, float]]:
    """What this process and its children took: "megabytes" at most at one time, "seconds" of processors."""
    taken, ended, worked = {"megabytes": 0.0, "seconds": 0.0}, threading.Event(), dict[str, float]()

    def look() -> None:
        begun: dict[str, float] = {}
        while not ended.wait(0.1):
            family = [each for each in _family(Path("/proc/self").resolve()) if not _is_broker(each)]
            taken["megabytes"] = max(taken["megabytes"], sum(map(_megabytes, family)))
            worked.update((each.name, _seconds(each)) for each in family)
            begun = begun or dict(worked)
        taken["seconds"] = sum(worked.values()) - sum(begun.values())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield taken
    finally:
        ended.set()
        thread.join()


def _family(process: Path) -> Iterator[Path]:
    yield process
    try:
        children = {n for task in process.glob("task/*/children") for n in task.read_text().split()}
    except OSError:
        return
    for number in children:
        yield from _family(Path("/proc") / number)


def _is_broker(process: Path) -> bool:
    try:
        return b"java" in (process / "cmdline").read_bytes().split(b"\0", 1)[0]
    except OSError:
        return True


def _megabytes(process: Path) -> float:
    try:
        lines = (process / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def _seconds(process: Path) -> float:
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    main_module: Any = sys.modules["__main__"]
    main_module.__spec__ = main_module.__file__ = None  # workers import it, and the program's imports nothing heavy
    events, keys = (int(given) for given in (sys.argv[1:] + ["5000000", "1000000"][len(sys.argv) - 1 :]))
    with rig.broker() as bootstrap:
        fill(bootstrap, "latest", events, keys)
        ends = direct.ends(bootstrap, "latest", rig.PARTITIONS)
        peer = kcat(bootstrap, "latest")
        with watched() as taken:
            read, ready = asyncio.run(gather(bootstrap, "latest", ends, keys))
        print(
            f"{events:,} events, {keys:,} keys: ready after {ready:.1f} s, {events / ready / 1000:.0f} k/s "
            f"(reading {events / read / 1000:.0f}), {taken['seconds']:.1f} s of processors, "
            f"{taken['megabytes']:.0f} MB; kcat > /dev/null {events / peer / 1000:.0f} k/s"
        )


if __name__ == "__main__":
    main()
