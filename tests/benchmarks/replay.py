"""A replay within one cluster, exactly once and byte for byte, against `kcat -C | kcat -P`, which keeps neither
headers, nor timestamps, nor its progress. Records of 1 kB, zstd, six partitions.

Goals: 0.5 x, 300 MB of memory. Run: `.venv/bin/python -m tests.benchmarks.replay [COUNT] [ROUNDS]`
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kexplorer.store.plans import save_plan
from tests.benchmarks import rig
from tests.kafka import direct
from tests.kafka.replays import plan_of

GOAL = 0.5
MOST_MEMORY = 300  # MB
SOURCE = "replay-documents"
_ENGINE = """
import resource, sys
from kexplorer.cli_replay import replay
code = replay(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(code)
"""


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    ratios, memory = [], 0.0
    with rig.broker() as bootstrap, tempfile.TemporaryDirectory() as folder:
        rig.fill_documents(bootstrap, SOURCE, count, "zstd")
        for number in range(rounds):
            theirs = count / _kcat(bootstrap, f"kcat-{time.time_ns()}")
            seconds, used = _ours(bootstrap, f"ours-{time.time_ns()}", Path(folder), count)
            ours, memory = count / seconds, max(memory, used)
            ratios.append(ours / theirs)
            text = f"kcat {theirs:,.0f}/s, Kafka Explorer {ours:,.0f}/s, {ratios[-1]:.2f} x"
            print(f"round {number + 1}: {text}", flush=True)
    ratio = statistics.median(ratios)
    print(f"{ratio:.2f} x (goal {GOAL} x), the engine's memory {memory:.0f} MB (goal {MOST_MEMORY} MB)")
    return int(ratio < GOAL or memory > MOST_MEMORY)


def _kcat(bootstrap: str, topic: str) -> float:
    """Seconds."""
    direct.create(bootstrap, topic, rig.PARTITIONS)
    read = ["kcat", "-C", "-q", "-e", "-b", bootstrap, "-t", SOURCE]
    write = ["kcat", "-P", "-q", "-b", bootstrap, "-t", topic, "-z", "zstd", "-X", "acks=all", "-X", "linger.ms=5"]
    began = time.perf_counter()
    with subprocess.Popen(read, stdout=subprocess.PIPE) as reading:
        subprocess.run(write, stdin=reading.stdout, check=True)
    return time.perf_counter() - began


def _ours(bootstrap: str, topic: str, folder: Path, count: int) -> tuple[float, float]:
    """Seconds from the engine's start to its last commit, without those that Python takes to start: kcat has none. And
    the MB that it took at most."""
    direct.create(bootstrap, topic, rig.PARTITIONS)
    plan = folder / f"{topic}.toml"
    save_plan(plan, plan_of(bootstrap, SOURCE, topic, verify=False))
    command = [sys.executable, "-c", _ENGINE, str(plan), "--yes"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads((plan.with_suffix(".run") / "report.json").read_text())
    assert report["total"]["written"] == count, report
    return float(report["seconds"]), int(done.stdout) / 1024


if __name__ == "__main__":
    sys.exit(main())
