"""A real registry: Apicurio's from Maven Central, in memory, by its interface that is like Confluent's."""

import http.client
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import platformdirs

from tests.rig import jars, processes

VERSION = "3.0.9"  # later ones need Java 21
HOME = platformdirs.user_cache_path("kexplorer-tests") / f"apicurio-{VERSION}"
_JAR = f"apicurio-registry-app-{VERSION}-runner.jar"
_START = 90.0  # seconds


def missing() -> str:
    """What this machine lacks to run it; empty if nothing."""
    if os.name != "posix":
        return "the rig ends processes by POSIX signals"
    if int((jars.java_version() or "0").split(".")[0]) < 17:
        return "Java 17 or newer is not installed"
    return "" if HOME.exists() or shutil.which("mvn") else "mvn is not installed"


def fetch() -> None:
    """Unpacks it into HOME unless it is there; 109 MB by Maven."""
    if HOME.exists():
        return
    HOME.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HOME.parent) as made:
        artifact = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
        command = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={made}"]
        subprocess.run([*command, "-Dmaven.wagon.http.retryHandler.count=3"], check=True, timeout=900)
        unpacked = Path(made, "unpacked")
        with tarfile.open(Path(made, f"apicurio-registry-app-{VERSION}-all.tar.gz")) as archive:
            safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # since 3.11.4
            archive.extractall(unpacked, **safely)  # noqa: S202 - of a release, by its version
        with suppress(OSError):  # another run was quicker
            unpacked.rename(HOME)


@contextmanager
def running() -> Iterator[str]:
    """Its URL, once it answers."""
    port = processes.free_port()
    with tempfile.TemporaryDirectory() as made:
        log = Path(made, "registry.log")
        reaper = processes.Reaper(Path(made))
        java = ["java", "-Xmx300m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        options = [f"-Dquarkus.http.port={port}", "-Dquarkus.http.host=127.0.0.1", f"-Djava.io.tmpdir={made}"]
        process = reaper.spawn([*java, *options, "-jar", str(HOME / _JAR)], log)
        try:
            _wait(port, process, log)
            yield f"http://127.0.0.1:{port}/apis/ccompat/v7"
        finally:
            reaper.end(process, signal.SIGTERM, 10)
            reaper.close()


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/apis/ccompat/v7/subjects")
            if connection.getresponse().read() == b"[]":
                return
        except (OSError, http.client.HTTPException):
            time.sleep(0.2)
        finally:
            connection.close()
    raise RuntimeError(f"the registry did not start:\n{log.read_text('utf-8', 'replace')[-3000:]}")
