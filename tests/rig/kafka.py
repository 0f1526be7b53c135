"""A real Apache Kafka cluster of one or three nodes on this machine, and handles to hurt it."""

import base64
import hashlib
import logging
import os
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.rig import certs, jars, processes
from tests.rig.proxy import TcpProxy

LISTENERS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", "SSL_CLIENT", "SSL_WRONG_HOST", "SSL_EXPIRED")
USERS = {"admin": "admin-secret", "alice": "alice-secret"}  # of SCRAM-SHA-256, SCRAM-SHA-512 and PLAIN
_LOG = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")
_QUIET = logging.Logger("rig")  # a node that is down is no news here
_QUIET.addHandler(logging.NullHandler())
START = 60.0  # seconds that a cluster may take to become usable

# Short times, so that faults show and heal within a test; small buffers, so that three nodes fit.
_SETTINGS = {
    # on purpose: a client that creates topics by looking at them is caught
    "auto.create.topics.enable": "true",
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
    "replica.lag.time.max.ms": "3000",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "500",
    "group.consumer.min.heartbeat.interval.ms": "500",
    "group.consumer.heartbeat.interval.ms": "500",
    "group.consumer.min.session.timeout.ms": "1000",
    "group.consumer.session.timeout.ms": "3000",
    "offsets.retention.minutes": "1",
    "offsets.retention.check.interval.ms": "5000",
    "log.initial.task.delay.ms": "1000",
    "log.retention.check.interval.ms": "1000",
    "log.cleaner.backoff.ms": "1000",
    "log.segment.delete.delay.ms": "1000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    "log.cleaner.dedupe.buffer.size": "2097152",
    "log.index.size.max.bytes": "1048576",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
    "num.network.threads": "1",
    "num.io.threads": "4",
}


class Node:
    """One broker and controller in a process (group) of its own."""

    def __init__(self, number: int, home: Path, reaper: processes.Reaper) -> None:
        self.number = number
        self.ports: dict[str, int] = {}
        self.log = home / "kafka.log"
        self.home = home
        self.frozen = False
        self._reaper = reaper
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process, f"node {self.number} was never started"
        return self._process.pid

    def launch(self, *options: str) -> None:
        """Start the process without waiting for it; `options` are for the Java machine."""
        assert not self.alive, f"node {self.number} runs already"
        command = jars.java("kafka.Kafka", f"{self.home}/server.properties", options=(*_LOG, *options))
        self._process = self._reaper.spawn(command, self.log)

    def start(self) -> None:
        """Start, and return when clients are answered."""
        self.launch()
        self.wait()

    def wait(self) -> None:
        """Wait for the port of the PLAINTEXT listener: a broker opens it last, when it may serve."""
        limit = time.monotonic() + START
        while time.monotonic() < limit and self.alive:
            try:
                socket.create_connection(("127.0.0.1", self.ports["PLAINTEXT"]), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError(f"node {self.number} did not start:\n{self.log.read_text(errors='replace')[-4000:]}")

    def stop(self) -> None:
        """Shut down in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, nothing answers."""
        os.killpg(self.pid, signal.SIGSTOP)
        self.frozen = True

    def thaw(self) -> None:
        """SIGCONT."""
        os.killpg(self.pid, signal.SIGCONT)
        self.frozen = False

    def _end(self, by: signal.Signals) -> None:
        assert self._process, f"node {self.number} was never started"
        self._reaper.end(self._process, by, patience=15)
        self.frozen = False


class KafkaCluster:
    """Nodes with KRaft storage in a temporary directory. Entering starts, leaving kills and removes all.

    Each listener has a port of its own on 127.0.0.1. PLAINTEXT is also what the nodes talk to each other with.
    `proxy` adds the listener PROXY, whose advertised ports are those of `proxies`, one for each node.
    `authorizer` turns ACLs on: who is not logged in may do all, others what is not under any ACL of somebody else.
    `settings` are broker properties that win over the rig's own.
    """

    def __init__(
        self,
        nodes: int = 1,
        *,
        listeners: tuple[str, ...] = LISTENERS,
        proxy: bool = False,
        authorizer: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.version = jars.VERSION
        self.id = _uuid()
        self.nodes: list[Node] = []
        self.proxies: list[TcpProxy] = []
        self._count = nodes
        self._listeners = (*listeners, "PROXY") if proxy else listeners
        self._authorizer = authorizer
        self._settings = dict(settings or {})
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            home = Path(tempfile.mkdtemp(prefix="kexplorer-kafka-"))
            reaper = processes.Reaper(home)
            stack.callback(reaper.close)
            self.certificates = certs.make(home)
            self.nodes = [Node(i, home / f"node{i}", reaper) for i in range(1, self._count + 1)]
            for node in self.nodes:
                node.ports = {name: processes.free_port() for name in (*self._listeners, "CONTROLLER")}
            if "PROXY" in self._listeners:
                self.proxies = [
                    stack.enter_context(TcpProxy(processes.free_port(), node.ports["PROXY"])) for node in self.nodes
                ]
            for node in self.nodes:
                self._format(node)
                node.launch()
            self.wait_healthy()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def bootstrap(self, listener: str = "PLAINTEXT") -> str:
        """`host:port,...` of a listener; of PROXY the ports of the proxies."""
        if listener == "PROXY":
            ports = [proxy.port for proxy in self.proxies]
        else:
            ports = [node.ports[listener] for node in self.nodes]
        return ",".join(f"127.0.0.1:{port}" for port in ports)

    def node(self, number: int) -> Node:
        """Node by its id, from 1."""
        return self.nodes[number - 1]

    def logs(self) -> str:
        """What the nodes wrote so far: warnings and worse."""
        return "\n".join(f"-- node {node.number}\n{node.log.read_text(errors='replace')}" for node in self.nodes)

    def tool(self, main: str, *arguments: str) -> str:
        """Output of one of Kafka's own command-line classes, such as "org.apache.kafka.tools.GetOffsetShell"."""
        return _run(jars.java(main, "--bootstrap-server", self.bootstrap(), *arguments))

    def heal(self) -> None:
        """Bring back what a test stopped, killed, froze or cut; does nothing on a cluster that is well."""
        for proxy in self.proxies:
            proxy.go()
        hurt = [node for node in self.nodes if node.frozen or not node.alive]
        for node in hurt:
            if node.alive:
                node.thaw()
            else:
                node.launch()
        if hurt:
            self.wait_healthy()

    def wait_healthy(self) -> None:
        """Until every node serves and every partition has its leader and all of its replicas in sync."""
        for node in self.nodes:
            node.wait()
        limit = time.monotonic() + START
        admin = AdminClient({"bootstrap.servers": self.bootstrap()}, logger=_QUIET)
        while not self._healthy(admin):
            if time.monotonic() > limit:
                raise RuntimeError(f"the cluster did not become healthy:\n{self.logs()[-4000:]}")
            time.sleep(0.05)

    def _healthy(self, admin: AdminClient) -> bool:
        try:
            seen = admin.list_topics(timeout=2)
        except KafkaException:
            return False
        partitions = [p for topic in seen.topics.values() for p in topic.partitions.values()]
        return len(seen.brokers) == self._count and all(
            p.leader >= 0 and len(p.isrs) == len(p.replicas) for p in partitions
        )

    def _format(self, node: Node) -> None:
        """What `StorageTool format` does, without starting a Java process for each node."""
        data = node.home / "data"
        data.mkdir(parents=True)
        (node.home / "server.properties").write_text(_lines(self._properties(node)))
        (data / "bootstrap.checkpoint").write_bytes(_bootstrap_records().read_bytes())
        meta = {"version": 1, "node.id": node.number, "cluster.id": self.id, "directory.id": _uuid()}
        (data / "meta.properties").write_text(_lines(meta))

    def _properties(self, node: Node) -> dict[str, object]:
        replicas = min(self._count, 3)
        advertised = {name: node.ports[name] for name in self._listeners}
        if self.proxies:
            advertised["PROXY"] = self.proxies[node.number - 1].port
        made: dict[str, object] = {
            "process.roles": "broker,controller",
            "node.id": node.number,
            "log.dirs": node.home / "data",
            "controller.quorum.voters": ",".join(f"{n.number}@127.0.0.1:{n.ports['CONTROLLER']}" for n in self.nodes),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listeners": _addresses(node.ports),
            "advertised.listeners": _addresses(advertised),
            "listener.security.protocol.map": ",".join(f"{name}:{_protocol(name)}" for name in node.ports),
            "default.replication.factor": replicas,
            **_SETTINGS,
            **_security(self._listeners, self.certificates),
        }
        for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
            made[f"{topic}.replication.factor"] = replicas
        for topic in ("transaction.state.log", "share.coordinator.state.topic"):
            made[f"{topic}.min.isr"] = min(replicas, 2)
        if self._authorizer:
            made["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
            made["super.users"] = "User:ANONYMOUS;User:admin"
            made["allow.everyone.if.no.acl.found"] = "true"
        return made | self._settings


def prepare() -> None:
    """Fetch Kafka and make its class archive unless the cache has them: up to a minute, once."""
    jars.fetch()
    if jars.archive().exists():
        return
    part = jars.archive().with_suffix(f".{os.getpid()}")
    with KafkaCluster() as cluster:
        node = cluster.node(1)
        node.stop()
        node.launch(f"-XX:ArchiveClassesAtExit={part}")
        node.wait()
        cluster.tool("org.apache.kafka.tools.TopicCommand", "--create", "--topic", "warm-up")
        node.stop()
    part.rename(jars.archive())


def _security(listeners: tuple[str, ...], made: certs.Certificates) -> dict[str, object]:
    keys = {"SSL_WRONG_HOST": made.wrong_host, "SSL_EXPIRED": made.expired}
    users = " ".join(f'user_{name}="{password}"' for name, password in USERS.items())
    found: dict[str, object] = {}
    for listener in listeners:
        prefix = f"listener.name.{listener.lower()}"
        if "SSL" in listener:
            found[f"{prefix}.ssl.keystore.type"] = "PEM"
            found[f"{prefix}.ssl.keystore.location"] = keys.get(listener, made.server)
        if listener == "SSL_CLIENT":
            found[f"{prefix}.ssl.client.auth"] = "required"
            found[f"{prefix}.ssl.truststore.type"] = "PEM"
            found[f"{prefix}.ssl.truststore.location"] = made.ca
        if listener.startswith("SASL"):
            found[f"{prefix}.sasl.enabled.mechanisms"] = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"
            module = "org.apache.kafka.common.security.plain.PlainLoginModule"
            found[f"{prefix}.plain.sasl.jaas.config"] = f"{module} required {users};"
            for bits in (256, 512):
                module = "org.apache.kafka.common.security.scram.ScramLoginModule"
                found[f"{prefix}.scram-sha-{bits}.sasl.jaas.config"] = f"{module} required;"
    return found


def _protocol(listener: str) -> str:
    if listener in ("PROXY", "CONTROLLER"):
        return "PLAINTEXT"
    return "SSL" if listener.startswith("SSL") else listener


def _bootstrap_records() -> Path:
    """The first metadata of a cluster (feature levels, SCRAM users) as `StorageTool format` writes it; cached."""
    made = jars.HOME / f"bootstrap-{hashlib.sha256(repr(USERS).encode()).hexdigest()[:8]}.checkpoint"
    if not made.exists():
        with tempfile.TemporaryDirectory() as home:
            minimal = {
                "process.roles": "broker,controller",
                "node.id": 1,
                "log.dirs": f"{home}/data",
                "controller.quorum.voters": "1@127.0.0.1:1",
                "controller.listener.names": "CONTROLLER",
                "listeners": "PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1",
            }
            properties = Path(home, "server.properties")
            properties.write_text(_lines(minimal))
            scram = [
                f"--add-scram=SCRAM-SHA-{bits}=[name={name},password={password}]"
                for name, password in USERS.items()
                for bits in (256, 512)
            ]
            _run(jars.java("kafka.tools.StorageTool", "format", "-t", _uuid(), "-c", str(properties), *scram))
            part = made.with_suffix(f".{os.getpid()}")
            part.write_bytes(Path(home, "data", "bootstrap.checkpoint").read_bytes())
            part.rename(made)
    return made


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise RuntimeError(f"{command[-1]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _addresses(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())


def _lines(properties: Mapping[str, object]) -> str:
    return "".join(f"{key}={value}\n" for key, value in properties.items())


def _uuid() -> str:
    """Kafka's form of a UUID: 22 characters of URL-safe base64; not one that an option could be taken for."""
    made = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return _uuid() if made.startswith("-") else made
