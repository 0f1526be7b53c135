"""Runs what the program promises of its speed, one measurement after the other, each on a Kafka of its own.

| work | goal | script |
|---|---|---|
| substring search, 1 M records of 0.9 kB, lz4 and zstd, 6 partitions, 2 workers | 1.8 x kcat \\| grep -c -F | search |
| an expression on a JSON field, the same data | 1.0 x kcat \\| grep -c -E | search |
| reading to columns for display or export | 0.7 x kcat to /dev/null | read_rate |
| newest 100 of 6 partitions, from click to painted rows | 60 ms | click_to_rows |
| jump to a random offset in 100 M | 60 ms | jump |
| longest stall of the window during a search or a follow | 15 ms of 99 in 100 at rest, 50 ms scrolling | gui_stall |
| memory, 1 M scanned, 10,000 matches shown | 400 MB over all processes | memory |
| sending 1 M records with headers from lines of JSON, lz4 | 0.25 x kcat -P at 100 B, 0.4 x at 1 kB | produce |
| 10,000 topics: names on screen, a filter's key stroke; --kafka: 3,000 on a real one | 2 s, 100 ms | topic_list |
| 2,000 groups: all that is known on screen, a filter's key stroke | 3 s, 100 ms | group_list |
| a look at the lag of 200 groups x 50 partitions; at 40 ms round trip | 150 ms, 250 ms | group_lag |
| 30 days of the lag of 500 series, read to be drawn | 500 ms | lag_history |
| replaying 1 M records of 1 kB exactly once, zstd, 6 partitions | 0.5 x kcat -C \\| kcat -P, 300 MB | replay |

Rates are compared with those of kcat in the same rounds on the same broker: absolute figures tell of the machine. Needs
kcat, Java and Linux, 3 GB of disk, and a machine with nothing else to do for fifteen minutes. `KEXPLORER_TEST_BROKER=
HOST:PORT` takes a broker that is there, which spares the writing the second time.
Run: `.venv/bin/python -m tests.benchmarks.run [script ...]`
"""

from __future__ import annotations

import subprocess
import sys

SCRIPTS = {
    "search": ["1000000", "5"],
    "read_rate": [],
    "click_to_rows": [],
    "jump": [],
    "gui_stall": [],
    "memory": [],
    "produce": [],
    "topic_list": [],
    "group_list": [],
    "group_lag": [],
    "lag_history": [],
    "replay": [],
}


def main() -> int:
    failed = 0
    for script in sys.argv[1:] or SCRIPTS:
        print(f"--- {script}", flush=True)
        command = [sys.executable, "-m", f"tests.benchmarks.{script}", *SCRIPTS.get(script, [])]
        failed |= subprocess.run(command, check=False).returncode
    return failed


if __name__ == "__main__":
    sys.exit(main())
