"""Apache Kafka's jars from Maven Central, kept in the platform's cache directory."""

import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import platformdirs

VERSION = os.environ.get("KEXPLORER_KAFKA_VERSION", "4.3.1")
HOME = platformdirs.user_cache_path("kexplorer-tests") / f"kafka-{VERSION}"
POM = Path(__file__).with_name("pom.xml")

# Quick to start rather than quick at full load: no optimising compiler, no collector threads.
JVM = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xshare:auto")


@cache
def java_version() -> str:
    """Version of the `java` on the PATH such as "17.0.15"; empty without one."""
    if not shutil.which("java"):
        return ""
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False, timeout=60).stderr
    found = re.search(r'version "([^"]+)"', said)
    return found[1] if found else ""


def missing() -> str:
    """What this machine lacks to run Kafka; empty if nothing."""
    if os.name != "posix":
        return "the rig controls Kafka by POSIX signals"
    if not java_version():
        return "java is not installed"
    if int(java_version().split(".")[0]) < 17:
        return f"Java {java_version()} is older than 17"
    if not HOME.exists() and not shutil.which("mvn"):
        return "mvn is not installed"
    return ""


def fetch() -> None:
    """Put the jars into HOME unless they are there; needs the network. Two runs at once don't disturb each other."""
    if HOME.exists():
        return
    HOME.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HOME.parent) as made:
        jars = Path(made, "kafka", "jars")
        command = [
            "mvn",
            "-q",
            "-Dmaven.wagon.http.retryHandler.count=3",
            "-B",
            "-f",
            str(POM),
            f"-Dkafka.version={VERSION}",
            f"-DoutputDirectory={jars}",
        ]
        done = subprocess.run(
            [*command, "-DincludeScope=runtime", "dependency:copy-dependencies"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=900,
        )
        if done.returncode:
            raise RuntimeError(f"Kafka {VERSION} could not be fetched by mvn:\n{done.stdout}")
        try:
            jars.parent.rename(HOME)
        except OSError:
            if not HOME.exists():
                raise


def archive() -> Path:
    """Where the class archive (AppCDS) for this Java is kept; it saves a fifth of each start of a node."""
    return HOME / f"java-{java_version()}.jsa"


def java(main: str, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
    """The command line that runs a class of Kafka."""
    shared = (f"-XX:SharedArchiveFile={archive()}",) if archive().exists() else ()
    return ["java", *JVM, *shared, *options, "-cp", f"{HOME}/jars/*", main, *arguments]


def run(main: str, *arguments: str) -> str:
    """What a command-line class of Kafka prints; RuntimeError with its complaint if it fails."""
    done = subprocess.run(java(main, *arguments), capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise RuntimeError(f"{main} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
