"""Processes that cannot outlive the test run, and ports for them."""

import os
import random
import signal
import socket
import subprocess
import sys
from pathlib import Path

# Runs beside the tests and reads "+pid" and "-pid" lines. The end of the input means that the test run
# is gone, however it ended: what is left is killed (a frozen process too) and the directory removed.
_REAPER = """
import os, shutil, signal, sys
alive = set()
for line in sys.stdin:
    (alive.add if line[0] == "+" else alive.discard)(int(line[1:]))
for pid in alive:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
shutil.rmtree(sys.argv[1], ignore_errors=True)
"""

_handed_out: set[int] = set()


def free_port() -> int:
    """A free port of 127.0.0.1, below the range from which systems take the ports of outgoing connections."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _handed_out:
            _handed_out.add(port)
            return port


class Reaper:
    """Owns the promise that nothing is left running and that `directory` is removed."""

    def __init__(self, directory: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", _REAPER, str(directory)],
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        self._spawned: list[subprocess.Popen[bytes]] = []

    def spawn(self, command: list[str], log: Path) -> subprocess.Popen[bytes]:
        """Start `command` as the leader of its own process group; its output is appended to `log`."""
        with log.open("ab") as out:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )
        self._spawned.append(process)
        self._tell(f"+{process.pid}\n")
        return process

    def end(self, process: subprocess.Popen[bytes], by: signal.Signals, patience: float) -> None:
        """Send `by` to the process group, and SIGKILL if it lives for `patience` more seconds."""
        for sig in (by, signal.SIGCONT):
            _signal(process.pid, sig)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            _signal(process.pid, signal.SIGKILL)
            process.wait()
        self._tell(f"-{process.pid}\n")

    def close(self) -> None:
        """Kill what still runs and remove the directory."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()
        for process in self._spawned:
            process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line)
        self._process.stdin.flush()


def _signal(group: int, sig: signal.Signals) -> None:
    try:
        os.killpg(group, sig)
    except ProcessLookupError:
        return
