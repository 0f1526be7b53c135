"""Formats KRaft storage as `kafka-storage.sh format` does, without a Java process for each node."""

import base64
import hashlib
import os
import tempfile
import uuid
from pathlib import Path

from tests.rig import jars, properties


def random_id() -> str:
    """Kafka's form of a UUID, 22 characters of URL-safe base64, but none that looks like an option."""
    made = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return random_id() if made.startswith("-") else made


def format_directory(data: Path, node: int, cluster_id: str) -> None:
    """Make `data` the storage of a node that has never run."""
    data.mkdir(parents=True)
    meta = {"version": 1, "node.id": node, "cluster.id": cluster_id, "directory.id": random_id()}
    (data / "meta.properties").write_text(properties.text(meta))
    (data / "bootstrap.checkpoint").write_bytes(_first_records().read_bytes())


def _first_records() -> Path:
    """A cluster's first metadata (feature levels and SCRAM users) as Kafka's tool writes them; cached."""
    users = properties.USERS.items()
    made = jars.HOME / f"bootstrap-{hashlib.sha256(repr(users).encode()).hexdigest()[:8]}.checkpoint"
    if made.exists():
        return made
    with tempfile.TemporaryDirectory() as home:
        minimal = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "log.dirs": f"{home}/data",
            "controller.quorum.voters": "1@127.0.0.1:1",
            "controller.listener.names": "CONTROLLER",
            "listeners": "PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1",
        }
        Path(home, "server.properties").write_text(properties.text(minimal))
        scram = [f"--add-scram=SCRAM-SHA-{b}=[name={u},password={p}]" for u, p in users for b in (256, 512)]
        jars.run("kafka.tools.StorageTool", "format", "-t", random_id(), "-c", f"{home}/server.properties", *scram)
        part = made.with_suffix(f".{os.getpid()}")
        part.write_bytes(Path(home, "data", "bootstrap.checkpoint").read_bytes())
        part.rename(made)
    return made
