"""Runs the broker and ends it with whoever asked for it: `python -I -S supervisor.py BROKER_BINARY`.

Prints one line of JSON, {"bootstrap": "127.0.0.1:port", "pid": broker's pid} or {"error": text}, then waits for its
stdin to reach EOF. A pipe closes however its writer dies, SIGKILL included, on every operating system.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

START_LIMIT_S = 10.0


def main(binary: str) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program that holds our stdin
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    shared_memory = Path("/dev/shm")  # noqa: S108 - Linux' tmpfs; mkdtemp makes a private directory in it
    directory = tempfile.mkdtemp(prefix="kexplorer-broker-", dir=shared_memory if shared_memory.is_dir() else None)
    try:
        return _serve(binary, Path(directory))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _serve(binary: str, directory: Path) -> int:
    _keep_in_memory(directory)
    errors = directory / "stderr"
    # Port 0: the kernel chooses and the broker binds in one step, so no other program can take the port in between.
    command = [binary, "start", "--only", "kafka", "--kafka-port", "0", "--data-dir", str(directory)]
    with errors.open("wb") as stderr:
        broker = subprocess.Popen(  # noqa: S603
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 - no thread runs yet
        )
    try:
        bootstrap = _bootstrap(broker)
        if bootstrap is None:
            print(json.dumps({"error": _reason(errors)}), flush=True)  # noqa: T201
            return 1
        print(json.dumps({"bootstrap": bootstrap, "pid": broker.pid}), flush=True)  # noqa: T201
        sys.stdin.buffer.read()
        return 0
    finally:
        broker.kill()  # its data is disposable: no orderly shutdown, which would write all of it to disk first
        broker.wait()


def _bootstrap(broker: "subprocess.Popen[str]") -> str | None:
    """host:port out of the line "  kafka   127.0.0.1:port", which comes when the port is bound; None: it gave up."""
    watchdog = threading.Timer(START_LIMIT_S, broker.kill)
    watchdog.start()
    try:
        for line in broker.stdout or ():
            if found := re.match(r"\s+kafka\s+(\S+:\d+)\s*$", line):
                return found[1]
        return None
    finally:
        watchdog.cancel()


def _reason(errors: Path) -> str:
    lines = errors.read_text("utf-8", "replace").splitlines()
    # The wheel is built against a newer glibc than it needs; the loader's remark about it is harmless.
    said = "\n".join(line for line in lines if "weak version" not in line)
    return f"The embedded broker did not start: {said or 'it ended without a word'}"


def _keep_in_memory(directory: Path) -> None:
    """WORKAROUND: noida-db 0.2.3 writes its whole state as JSON to kafka.tmp every two seconds, if anything changed.

    30,000 records cost a quarter of a core that way. Its saving thread waits for ever for a reader of this pipe
    instead (0.3 % of a core); all else, retention included, goes on. https://github.com/its-banana-coder/noida-db
    """
    if sys.platform != "win32":
        os.mkfifo(directory / "kafka.tmp")


def _die_with_parent() -> Callable[[], None] | None:
    """What the broker does before exec, so that it dies even with a supervisor that was killed (Linux: prctl(2))."""
    if sys.platform != "linux":
        return None
    import ctypes  # noqa: PLC0415 - 10 ms, for Linux alone

    prctl = ctypes.CDLL(None).prctl
    pr_set_pdeathsig = 1
    return lambda: prctl(pr_set_pdeathsig, signal.SIGKILL)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # whoever asked is gone already
        sys.exit(main(sys.argv[1]))
