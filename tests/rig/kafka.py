"""A real Apache Kafka cluster of one or three nodes on this machine, and handles to hurt it."""

import logging
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

from tests.rig import certs, jars, processes, properties, storage
from tests.rig.proxy import TcpProxy

_LOG = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")
_QUIET = logging.Logger("rig")  # a node that is down is no news here
_QUIET.addHandler(logging.NullHandler())
START = 60.0  # seconds that a cluster may take to become usable


class Node:
    """One broker and controller in a process (group) of its own."""

    def __init__(self, number: int, home: Path, reaper: processes.Reaper) -> None:
        self.number = number
        self.ports: dict[str, int] = {}
        self.log = home / "kafka.log"
        self.home = home
        self.frozen = False
        self.launches = 0
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
        self.launches += 1
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

    def stop(self, patience: float = 15.0) -> bool:
        """Shut down in order; kill -9 after `patience` seconds. Whether it ended by itself."""
        return self._end(signal.SIGTERM, patience) != -signal.SIGKILL

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL, 15.0)

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, nothing answers."""
        os.killpg(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED)  # when the last of its threads has stopped
        self.frozen = True

    def thaw(self) -> None:
        """SIGCONT."""
        os.killpg(self.pid, signal.SIGCONT)
        self.frozen = False

    def _end(self, by: signal.Signals, patience: float) -> int:
        assert self._process, f"node {self.number} was never started"
        self._reaper.end(self._process, by, patience)
        self.frozen = False
        return self._process.returncode


class KafkaCluster:
    """Nodes with KRaft storage in a temporary directory. Entering starts, leaving kills and removes all.

    Each listener has a port of its own on 127.0.0.1. PLAINTEXT is also what the nodes talk to each other with.
    `proxy` adds the listener PROXY, whose advertised ports are those of `proxies`, one for each node.
    `authorizer` turns ACLs on: who is not logged in may do all, others whatever no ACL is about.
    `settings` are broker properties that win over the rig's own.
    """

    def __init__(
        self,
        nodes: int = 1,
        *,
        listeners: tuple[str, ...] = properties.LISTENERS,
        proxy: bool = False,
        authorizer: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.version = jars.VERSION
        self.id = storage.random_id()
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
                self._prepare(node)
                node.launch()
            self.wait_healthy()
            self._launches = sum(node.launches for node in self.nodes)
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
        return jars.run(main, "--bootstrap-server", self.bootstrap(), *arguments)

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
        launches = sum(node.launches for node in self.nodes)
        if launches != self._launches and "SASL_PLAINTEXT" in self._listeners:
            self._restore_users()  # Kafka 4.3.1 may have forgotten their SCRAM credentials with the restart
        self._launches = launches

    def _restore_users(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap()}, logger=_QUIET)
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):  # one of a user a request
            users: list[UserScramCredentialAlteration] = [
                UserScramCredentialUpsertion(name, ScramCredentialInfo(mechanism, 4096), password.encode())
                for name, password in properties.USERS.items()
            ]
            for future in admin.alter_user_scram_credentials(users).values():
                future.result(20)

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

    def _prepare(self, node: Node) -> None:
        data = node.home / "data"
        storage.format_directory(data, node.number, self.id)
        advertised = {name: node.ports[name] for name in self._listeners}
        if self.proxies:
            advertised["PROXY"] = self.proxies[node.number - 1].port
        ports = [each.ports for each in self.nodes]
        made = properties.server(node.number, ports, advertised, data, self.certificates)
        if self._authorizer:
            made |= properties.authorizer()
        (node.home / "server.properties").write_text(properties.text(made | self._settings))


def prepare() -> str:
    """Fetch Kafka and make its class archive unless the cache has them: up to a minute, once. Why there is no archive,
    if there is none: nodes start without it, too."""
    jars.fetch()
    if jars.archive().exists():
        return ""
    part = jars.archive().with_suffix(f".{os.getpid()}")
    try:
        if not _write_archive(part):
            return "Java did not end in time"
        part.touch()  # a Java that can't make archives takes the empty file for none
        part.rename(jars.archive())
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        return str(error)
    finally:
        part.unlink(missing_ok=True)
    return ""


def _write_archive(path: Path) -> bool:
    """Have a node write the classes that it used to `path` at its end. Whether it came to that end."""
    with KafkaCluster() as cluster:
        node = cluster.node(1)
        node.stop()
        node.launch(f"-XX:ArchiveClassesAtExit={path}")
        node.wait()
        cluster.tool("org.apache.kafka.tools.TopicCommand", "--create", "--topic", "warm-up")
        return node.stop(patience=90)
