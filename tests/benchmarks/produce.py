"""Bulk sending from lines of JSON with headers, lz4, against `kcat -P` fed with the same payloads and no headers.

It runs in the loop of a window, whose stalls are measured meanwhile. Rates move with whatever else the machine does,
so that processor time is told as well: of kcat, and of this process with its workers. Goals: 0.25 x at 100 bytes,
0.4 x at 1 kB, 300 MB of memory in all processes, 99 of 100 stalls within 15 ms.

What can be had is told by a bare loop of confluent_kafka in one process and in two: `produce()` with the same headers
and a callback for each record, of values that are ready. It takes two to four times kcat's processor time (2 µs for a
record's headers, 1 µs for its callback), and reading a line of 1.3 kB 5.5 µs more, of which 4 µs are the escapes in
its value (orjson takes as long): where processors are what is short, as on two cores that the broker shares, that is
four times kcat's at least, and 0.4 x at 1 kB is not to be expected.
Run: `.venv/bin/python -m tests.benchmarks.produce [COUNT] [ROUNDS]`; `KEXPLORER_TEST_BROKER` names a broker to use.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from confluent_kafka import KafkaError, Message, Producer

from kexplorer.model.produce import ProducerSettings
from kexplorer.services.producing import Production
from kexplorer.services.rows_in import RowsFile
from tests.benchmarks import rig
from tests.kafka import direct

GOALS = {100: 0.25, 1000: 0.4}
MOST_MEMORY = 300  # MB
SETTINGS = {"compression.type": "lz4", "linger.ms": "5", "acks": "all"}
HEADERS = [["source", "benchmark"], ["trace", "00-4bf92f3577b34da6"]]


@dataclass
class Used:
    """`cpu` seconds of processor time and `memory` in MB, of all processes that took part."""

    seconds: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0

    def told(self, count: int, of_seconds: float) -> str:
        rate, cpu = count / self.seconds, self.cpu / count * 1e6
        return f"{rate:,.0f}/s ({of_seconds / self.seconds:.2f} x), {cpu:.2f} µs"


async def measure(bootstrap: str, count: int, rounds: int, missed: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for size, goal in GOALS.items():
            plain, rows = _write(Path(folder), count, size)
            ratios = []
            for _ in range(rounds):
                theirs = _kcat(bootstrap, plain)
                bare = [_bare(bootstrap, plain, processes) for processes in (1, 2)]
                ours = await _ours(bootstrap, rows)
                ratios.append(theirs.seconds / ours.seconds)
                columns = zip(("kcat", "bare", "two bare", "we"), (theirs, *bare, ours), strict=True)
                told = "; ".join(f"{who} {used.told(count, theirs.seconds)}" for who, used in columns)
                around = f"{ours.memory:.0f} MB; load {os.getloadavg()[0]:.1f}"
                print(f"{size} bytes, µs of a processor a record: {told}; {around}", flush=True)
                if ours.memory > MOST_MEMORY:
                    missed.append(f"{ours.memory:.0f} MB")
            ratio = statistics.median(ratios)
            print(f"{size} bytes: {ratio:.2f} x (goal {goal} x)", flush=True)
            if ratio < goal:
                missed.append(f"{ratio:.2f} x at {size} bytes")
            plain.unlink()
            rows.unlink()


def _write(folder: Path, count: int, size: int) -> tuple[Path, Path]:
    """The payloads as lines, and the same as rows with headers."""
    plain, rows = folder / f"{size}.txt", folder / f"{size}.jsonl"
    with plain.open("w") as values, rows.open("w") as lines:
        for n in range(count):
            text = f'{{"id":{n},"state":"open","sum":{n * 7919 % 1_000_003},"note":"{n * 2_654_435_761:x}"}}'
            value = (text * (size // len(text) + 1))[:size]
            values.write(f"{value}\n")
            lines.write(json.dumps({"key": None, "value": value, "headers": HEADERS}) + "\n")
    return plain, rows


def _kcat(bootstrap: str, file: Path) -> Used:
    topic = f"kcat-{time.time_ns()}"
    direct.create(bootstrap, topic, rig.PARTITIONS)
    options = [part for name, value in SETTINGS.items() for part in ("-X", f"{name}={value}")]
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["kcat", "-P", "-q", "-b", bootstrap, "-t", topic, *options, "-l", file], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Used(time.perf_counter() - began, cpu)


def _bare(bootstrap: str, file: Path, processes: int) -> Used:
    topic = f"bare-{time.time_ns()}"
    direct.create(bootstrap, topic, rig.PARTITIONS)
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        work = partial(_produce, bootstrap, topic, file, processes)
        parts = list(pool.map(work, range(processes)))
    return Used(max(part.seconds for part in parts), sum(part.cpu for part in parts))


def _produce(bootstrap: str, topic: str, file: Path, parts: int, part: int) -> Used:
    """Each `parts`-th line, in this process."""
    producer = Producer({**SETTINGS, "bootstrap.servers": bootstrap})
    offsets, failures = array("q"), []
    headers: list[tuple[str, str | bytes | None]] = [(name, value.encode()) for name, value in HEADERS]

    def told(error: KafkaError | None, message: Message) -> None:
        if error:
            failures.append(error)
        offsets.append(message.offset() or 0)

    producer.list_topics(topic, timeout=10)
    began, before = time.perf_counter(), time.process_time()
    sent = 0
    with file.open("rb") as lines:
        for value in islice(lines, part, None, parts):
            while True:
                try:
                    producer.produce(topic, value[:-1], None, -1, told, None, 0, headers)
                    break
                except BufferError:
                    producer.poll(0.01)
            sent += 1
            if sent % 1000 == 0:
                producer.poll(0)
    producer.flush()
    assert not failures
    assert len(offsets) == sent
    return Used(time.perf_counter() - began, time.process_time() - before)


async def _ours(bootstrap: str, file: Path) -> Used:
    from tests.benchmarks.gui_stall import Stalls  # noqa: PLC0415  (as in main)

    topic = f"ours-{time.time_ns()}"
    direct.create(bootstrap, topic, rig.PARTITIONS)
    workers: dict[int, Used] = {}
    async with direct.connected(bootstrap) as cluster:
        stalls, watching = Stalls(), asyncio.create_task(_watch(workers))
        began, before = time.perf_counter(), time.process_time()
        outcome = await Production(cluster, RowsFile(file, topic=topic), ProducerSettings(SETTINGS)).run()
        seconds, cpu = time.perf_counter() - began, time.process_time() - before
        print(f"stalls: {stalls.end()}", flush=True)
        watching.cancel()
        assert outcome.complete, list(outcome.lines())
    memory = _resident(os.getpid()) + sum(worker.memory for worker in workers.values())
    return Used(seconds, cpu + sum(worker.cpu for worker in workers.values()), memory)


async def _watch(workers: dict[int, Used]) -> None:
    while True:
        _look(workers)
        await asyncio.sleep(0.25)


def _look(workers: dict[int, Used]) -> None:
    """Keeps the last that the system tells of each worker process."""
    ticks = os.sysconf("SC_CLK_TCK")
    for process in multiprocessing.active_children():
        pid = process.pid or 0
        try:
            words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            workers[pid] = Used(cpu=(int(words[11]) + int(words[12])) / ticks, memory=_resident(pid))
        except (OSError, StopIteration):
            continue  # it has just ended


def _resident(pid: int) -> float:
    """The most that it had, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    # each worker imports the main module: the program's own is as light
    from tests.benchmarks import panels  # noqa: PLC0415

    count, rounds = (int(word) for word in (*sys.argv[1:], *("1000000", "3")[len(sys.argv) - 1 :]))
    missed: list[str] = []
    with rig.broker() as bootstrap:
        panels.run(measure(bootstrap, count, rounds, missed))
    if missed:
        raise SystemExit(f"Missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
