"""Bulk sending from lines of JSON with headers, lz4, against `kcat -P` fed with the same payloads and no headers.

Goals: 0.25 x at 100 bytes, 0.4 x at 1 kB, 300 MB of memory.
Run: `.venv/bin/python -m tests.benchmarks.produce [COUNT] [ROUNDS]`
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kexplorer.model.produce import ProducerSettings
from kexplorer.services.producing import Production
from kexplorer.services.rows_in import RowsFile
from tests.benchmarks import rig
from tests.kafka import direct

GOALS = {100: 0.25, 1000: 0.4}
MOST_MEMORY = 300  # MB
SETTINGS = {"compression.type": "lz4", "linger.ms": "5", "acks": "all"}
HEADERS = [["source", "benchmark"], ["trace", "00-4bf92f3577b34da6"]]


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    missed = 0
    with rig.broker() as bootstrap, tempfile.TemporaryDirectory() as folder:
        for size, goal in GOALS.items():
            plain, rows = _write(Path(folder), count, size)
            ratios = []
            for number in range(rounds):
                theirs = count / _kcat(bootstrap, f"kcat-{size}-{number}", plain)
                ours = count / _ours(bootstrap, f"ours-{size}-{number}", rows)
                ratios.append(ours / theirs)
                print(
                    f"{size} bytes: kcat {theirs:,.0f}/s, Kafka Explorer {ours:,.0f}/s, {ratios[-1]:.2f} x", flush=True
                )
            ratio = statistics.median(ratios)
            missed += ratio < goal
            print(f"{size} bytes: {ratio:.2f} x (goal {goal} x)", flush=True)
            plain.unlink()
            rows.unlink()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"memory: {memory:.0f} MB (goal {MOST_MEMORY} MB)")
    return int(missed > 0 or memory > MOST_MEMORY)


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


def _kcat(bootstrap: str, topic: str, file: Path) -> float:
    """Seconds."""
    direct.create(bootstrap, topic, rig.PARTITIONS)
    options = [part for name, value in SETTINGS.items() for part in ("-X", f"{name}={value}")]
    began = time.perf_counter()
    subprocess.run(["kcat", "-P", "-q", "-b", bootstrap, "-t", topic, *options, "-l", file], check=True)
    return time.perf_counter() - began


def _ours(bootstrap: str, topic: str, file: Path) -> float:
    direct.create(bootstrap, topic, rig.PARTITIONS)

    async def send() -> float:
        async with direct.connected(bootstrap) as cluster:
            began = time.perf_counter()
            outcome = await Production(cluster, RowsFile(file, topic=topic), ProducerSettings(SETTINGS)).run()
            assert outcome.complete, list(outcome.lines())
            return time.perf_counter() - began

    return asyncio.run(send())


if __name__ == "__main__":
    sys.exit(main())
