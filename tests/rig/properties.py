"""server.properties of the rig's nodes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.rig.certs import Certificates

LISTENERS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", "SSL_CLIENT", "SSL_WRONG_HOST", "SSL_EXPIRED")
USERS = {"admin": "admin-secret", "alice": "alice-secret"}  # of SCRAM-SHA-256, SCRAM-SHA-512 and PLAIN

# Short times, so that faults show and heal within a test; small buffers, so that three nodes fit.
_SETTINGS = {
    "auto.create.topics.enable": "true",  # on purpose: a client that creates topics by looking at them is caught
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


def server(
    number: int, ports: Sequence[Mapping[str, int]], advertised: Mapping[str, int], data: Path, made: Certificates
) -> dict[str, object]:
    """Properties of node `number` (from 1). `ports` has the listeners of every node, CONTROLLER among them."""
    own = ports[number - 1]
    replicas = min(len(ports), 3)
    voters = [f"{i}@127.0.0.1:{of['CONTROLLER']}" for i, of in enumerate(ports, 1)]
    found: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": number,
        "log.dirs": data,
        "controller.quorum.voters": ",".join(voters),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listeners": _addresses(own),
        "advertised.listeners": _addresses(advertised),
        "listener.security.protocol.map": ",".join(f"{name}:{_protocol(name)}" for name in own),
        "default.replication.factor": replicas,
        **_SETTINGS,
    }
    for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        found[f"{topic}.replication.factor"] = replicas
    for topic in ("transaction.state.log", "share.coordinator.state.topic"):
        found[f"{topic}.min.isr"] = min(replicas, 2)
    for listener in advertised:
        found |= _security(listener, made)
    return found


def authorizer() -> dict[str, object]:
    """ACLs: who is not logged in may do all, others whatever no ACL is about."""
    return {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:admin",
        "allow.everyone.if.no.acl.found": "true",
    }


def text(properties: Mapping[str, object]) -> str:
    """A Java properties file."""
    return "".join(f"{key}={value}\n" for key, value in properties.items())


def _security(listener: str, made: Certificates) -> dict[str, object]:
    prefix = f"listener.name.{listener.lower()}"
    found: dict[str, object] = {}
    if "SSL" in listener:
        bad = {"SSL_WRONG_HOST": made.wrong_host, "SSL_EXPIRED": made.expired}
        found[f"{prefix}.ssl.keystore.type"] = "PEM"
        found[f"{prefix}.ssl.keystore.location"] = bad.get(listener, made.server)
    if listener == "SSL_CLIENT":
        found[f"{prefix}.ssl.client.auth"] = "required"
        found[f"{prefix}.ssl.truststore.type"] = "PEM"
        found[f"{prefix}.ssl.truststore.location"] = made.ca
    if listener.startswith("SASL"):
        users = " ".join(f'user_{name}="{password}"' for name, password in USERS.items())
        login = "org.apache.kafka.common.security"
        scram = f"{login}.scram.ScramLoginModule required;"
        found[f"{prefix}.sasl.enabled.mechanisms"] = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"
        found[f"{prefix}.plain.sasl.jaas.config"] = f"{login}.plain.PlainLoginModule required {users};"
        found |= {f"{prefix}.scram-sha-{bits}.sasl.jaas.config": scram for bits in (256, 512)}
    return found


def _protocol(listener: str) -> str:
    if listener in ("PROXY", "CONTROLLER"):
        return "PLAINTEXT"
    return "SSL" if listener.startswith("SSL") else listener


def _addresses(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
