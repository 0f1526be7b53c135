"""The window's side of the demo: starts the shop's process and ends it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from kexplorer.demo.broker import NO_WINDOW, EmbeddedBrokerError, broker_binary

STOP_LIMIT_S = 4.0


class DemoProcess:
    """Owns the process of broker and shop. It ends with us, however we end: it watches the pipe that we hold."""

    def __init__(self) -> None:
        self.bootstrap = ""
        self.broker_pid = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when the broker accepts connections (0.3 s; the topics fill up later); raises EmbeddedBrokerError."""
        if self._process is not None:
            raise EmbeddedBrokerError("The demo runs already.")
        broker_binary()  # the installed program has neither broker nor Python: say so instead of starting itself again
        root = str(Path(__file__).parents[2])  # also right when run from a checkout that is not installed
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "kexplorer.demo"],
            env=os.environ | {"PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the terminal is ours
            creationflags=NO_WINDOW,
        )
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        answer = json.loads(self._process.stdout.readline() or '{"error": "The demo ended without a word."}')
        if "error" in answer:
            self.stop()
            raise EmbeddedBrokerError(answer["error"])
        self.bootstrap, self.broker_pid = answer["bootstrap"], answer["pid"]

    def stop(self) -> None:
        """Ends shop and broker, in less than 2 s; harmless when they don't run."""
        process, self._process = self._process, None
        if process is None:
            return
        with process:  # leaving closes the pipes and waits
            assert process.stdin is not None  # noqa: S101 - for the type checker
            process.stdin.close()
            try:
                process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
