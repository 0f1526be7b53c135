"""How long the program takes from the start of its process to a usable window, and what its imports take of that.

    .venv/bin/python -m tests.benchmarks.cold_start

Prints the median of interleaved runs (disk cache warm, offscreen) beside a bare program that only imports the same Qt
and shows an empty window, then the imports that cost most.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 9
_BARE = """
import asyncio
import qasync
from PySide6.QtWidgets import QApplication, QMainWindow, QTableView, QTreeView
app = QApplication([])
window = QMainWindow()
window.setCentralWidget(QTableView())
window.show()
app.processEvents()
"""
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|( *)(\S+)")


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        own = {"QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home}
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | own
        _ready(environment)  # writes the byte code
        ours, bare = [], []
        for _ in range(RUNS):
            ours.append(_ready(environment))
            bare.append(_bare(environment))
        print(f"usable window: {_spread(ours)}; bare Qt and qasync, whole process: {_spread(bare)}")
        print(f"ratio of the medians: {statistics.median(ours) / statistics.median(bare):.2f}")
        for cumulated, name in _imports(environment)[:15]:
            print(f"{cumulated / 1000:8.1f} ms  {name}")


def _spread(values: list[float]) -> str:
    return f"median {statistics.median(values):.0f} ms ({min(values):.0f} to {max(values):.0f})"


def _ready(environment: dict[str, str]) -> float:
    """Milliseconds from the start of the process until the window is shown, as the program itself tells."""
    command = [sys.executable, "-m", "kexplorer", "--selftest"]
    done = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    return float(json.loads(done.stdout)["ready_ms"])


def _bare(environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", _BARE], env=environment, capture_output=True, check=True)
    return (time.perf_counter() - began) * 1000


def _imports(environment: dict[str, str]) -> list[tuple[int, str]]:
    """Microseconds with all that each brings along, the longest first; only what the program itself asks for."""
    command = [sys.executable, "-X", "importtime", "-m", "kexplorer", "--selftest"]
    done = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    found = [(int(m[2]), m[4]) for m in map(_IMPORT.match, done.stderr.splitlines()) if m and len(m[3]) <= 5]
    return sorted(found, reverse=True)


if __name__ == "__main__":
    main()
