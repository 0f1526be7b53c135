"""The client's configuration: which properties a profile may add, and what each handle is set to.

Names, ranges and meanings: https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from kexplorer.kafka import checks
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import ProducerSettings
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.topics import IsolationLevel

CLIENT_LOG = logging.getLogger("kexplorer.client")  # what librdkafka logs; delivered by the handle's poll()
OLDEST_CLIENT = (2, 14, 2)  # before: SIGSEGV on close without a coordinator, duplicated groups, known CVEs

Config = dict[str, Any]


class _For(Enum):
    ANY = "any"
    READER = "reader"
    WRITER = "writer"


@dataclass(frozen=True, slots=True)
class _Number:
    low: int
    high: int
    scope: _For = _For.ANY

    def check(self, key: str, value: str) -> None:
        digits = value.removeprefix("-")
        number = int(value) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else None
        if number is None or not self.low <= number <= self.high:
            raise checks.invalid(f"{key} must be a whole number from {self.low} to {self.high}, not “{value}”.")


@dataclass(frozen=True, slots=True)
class _Choice:
    values: tuple[str, ...]
    scope: _For = _For.ANY

    def check(self, key: str, value: str) -> None:
        if value not in self.values:
            raise checks.invalid(f"{key} must be {', '.join(self.values[:-1])} or {self.values[-1]}, not “{value}”.")


@dataclass(frozen=True, slots=True)
class _Text:
    scope: _For = _For.ANY

    def check(self, key: str, value: str) -> None:
        checks.name(value, key)


@dataclass(frozen=True, slots=True)
class _File:
    scope: _For = _For.ANY

    def check(self, key: str, value: str) -> None:
        checks.file(value, f"The file of {key}")


_BOOLEAN = _Choice(("true", "false"))
_DAY = 86_400_000
_INT = 2_147_483_647

_ALLOWED: dict[str, _Number | _Choice | _Text | _File] = {
    "api.version.request.timeout.ms": _Number(1, 300_000),
    "broker.address.family": _Choice(("any", "v4", "v6")),
    "broker.address.ttl": _Number(0, _DAY),
    "client.dns.lookup": _Choice(("use_all_dns_ips", "resolve_canonical_bootstrap_servers_only")),
    "client.id": _Text(),
    "client.rack": _Text(),
    "connections.max.idle.ms": _Number(0, _INT),
    "metadata.max.age.ms": _Number(1, _DAY),
    "metadata.recovery.rebootstrap.trigger.ms": _Number(0, _INT),
    "metadata.recovery.strategy": _Choice(("none", "rebootstrap")),
    "receive.message.max.bytes": _Number(5_000_000, _INT),
    "reconnect.backoff.max.ms": _Number(10_000, 3_600_000),
    "reconnect.backoff.ms": _Number(0, 10_000),
    "retry.backoff.max.ms": _Number(1000, 300_000),
    "retry.backoff.ms": _Number(1, 1000),
    "socket.connection.setup.timeout.ms": _Number(1000, _INT),
    "socket.keepalive.enable": _BOOLEAN,
    "socket.max.fails": _Number(0, 1_000_000),
    "socket.nagle.disable": _BOOLEAN,
    "socket.receive.buffer.bytes": _Number(0, 100_000_000),
    "socket.send.buffer.bytes": _Number(0, 100_000_000),
    "socket.timeout.ms": _Number(2000, 300_000),
    "ssl.cipher.suites": _Text(),
    "ssl.crl.location": _File(),
    "ssl.curves.list": _Text(),
    "ssl.sigalgs.list": _Text(),
    "topic.metadata.refresh.fast.interval.ms": _Number(1, 1000),
    "topic.metadata.refresh.interval.ms": _Number(-1, 3_600_000),
    "fetch.error.backoff.ms": _Number(0, 300_000, _For.READER),
    "fetch.max.bytes": _Number(1_000_000, 1_000_000_000, _For.READER),
    "fetch.message.max.bytes": _Number(1, 1_000_000_000, _For.READER),
    "batch.size": _Number(1, _INT, _For.WRITER),
    "compression.level": _Number(-1, 12, _For.WRITER),
    "compression.type": _Choice(("none", "gzip", "snappy", "lz4", "zstd"), _For.WRITER),
    "linger.ms": _Number(0, 900, _For.WRITER),
    "message.max.bytes": _Number(1000, 1_000_000_000, _For.WRITER),
    "message.timeout.ms": _Number(1000, _DAY, _For.WRITER),
    "partitioner": _Choice(
        ("random", "consistent", "consistent_random", "murmur2", "murmur2_random", "fnv1a", "fnv1a_random"),
        _For.WRITER,
    ),
    "request.timeout.ms": _Number(1, 900_000, _For.WRITER),
}

_SETTINGS: dict[str, _Number | _Choice | _Text | _File] = {  # of one writer, beside those above; not for a profile
    "acks": _Choice(("all", "-1", "0", "1")),
    "batch.num.messages": _Number(1, 1_000_000),
    "delivery.timeout.ms": _Number(1000, _DAY),
    "enable.idempotence": _BOOLEAN,
    "max.in.flight.requests.per.connection": _Number(1, 1_000_000),
    "queue.buffering.max.kbytes": _Number(1, 1_000_000),
    "queue.buffering.max.messages": _Number(1, 1_000_000),
    "retries": _Number(0, _INT),
    "sticky.partitioning.linger.ms": _Number(0, 900_000),
    "transaction.timeout.ms": _Number(1000, _INT),
}

_LOADS_CODE = (
    "plugin.library.paths",
    "ssl.engine.location",
    "ssl.engine.id",
    "ssl.providers",
    "sasl.kerberos.kinit.cmd",
    "interceptors",
)
_OWN_FIELD = {
    "bootstrap.servers": "bootstrap servers",
    "metadata.broker.list": "bootstrap servers",
    "security.protocol": "security protocol",
    "sasl.mechanism": "SASL mechanism",
    "sasl.mechanisms": "SASL mechanism",
    "sasl.username": "user name",
    "sasl.password": "password",
    "ssl.ca.location": "CA file",
    "ssl.certificate.location": "certificate file",
    "ssl.key.location": "key file",
    "ssl.key.password": "key password",
    "isolation.level": "isolation level",
}
_VERIFICATION = ("enable.ssl.certificate.verification", "ssl.endpoint.identification.algorithm")


def check_property(key: object, value: object) -> None:
    """Raises `Failure` unless a profile may set property `key` to `value`, both as a person wrote them."""
    checks.text(key, "The property's name")
    rule = _ALLOWED.get(str(key))
    if rule is None:
        raise _refusal(str(key))
    given = checks.text(value, str(key))
    if given != given.strip():
        raise checks.invalid(f"The value of {key} starts or ends with a blank.", "Remove the blank.")
    rule.check(str(key), given)


def check_settings(settings: ProducerSettings) -> None:
    """Raises `Failure` unless a writer may have all of them, and together."""
    for key, value in settings.properties.items():
        rule = _SETTINGS.get(str(checks.text(key, "The setting's name")))
        if rule is None:
            check_property(key, value)
            rule = _ALLOWED[key]
        rule.check(key, checks.text(value, key))
    if settings.transactional_id:
        checks.name(settings.transactional_id, "The transactional id")
    chosen = settings.properties.get
    all_in_sync = chosen("acks", "all") in ("all", "-1")
    if settings.transactional_id and (not all_in_sync or chosen("enable.idempotence") == "false"):
        raise checks.invalid("Transactions need acks=all and enable.idempotence=true.", "Remove the other value.")
    if chosen("enable.idempotence") == "true":
        if not all_in_sync:
            raise checks.invalid("enable.idempotence=true needs acks=all.", "Change one of them.")
        if int(chosen("max.in.flight.requests.per.connection", "5")) > 5:
            text = "enable.idempotence=true needs max.in.flight.requests.per.connection of at most 5."
            raise checks.invalid(text, "Change one of them.")
        if chosen("retries") == "0":
            raise checks.invalid("enable.idempotence=true needs retries.", "Change one of them.")


def _refusal(key: str) -> Failure:
    near = key.strip().lower()
    if near.startswith(_LOADS_CODE):
        return Failure(
            FailureKind.REFUSED,
            f"{key} is refused: it makes the Kafka client load code or run a command.",
            "Remove the line.",
        )
    if near in _OWN_FIELD:
        return checks.invalid(f"{key} is not a further property.", f"Use the field “{_OWN_FIELD[near]}”.")
    if near in _VERIFICATION:
        return Failure(
            FailureKind.REFUSED,
            f"{key} is refused: certificates and host names are always verified.",
            "Give the CA file of your cluster instead.",
        )
    if near in _FIXED:
        return Failure(FailureKind.REFUSED, f"{key} cannot be changed: Kafka Explorer sets it.", "Remove the line.")
    return Failure(
        FailureKind.REFUSED,
        f"“{key}” is not among the properties that may be set.",
        "Check the spelling; names are those of librdkafka's CONFIGURATION.md, in lower case.",
    )


def common(profile: Profile, credentials: Credentials) -> Config:
    """How to reach the cluster and prove who we are, every value checked. Reads directory entries of TLS files."""
    config: Config = {
        "bootstrap.servers": ",".join(map(str, checks.bootstrap(profile.bootstrap))),
        "security.protocol": str(profile.security_protocol),
    }
    if profile.security_protocol.sasl:
        config["sasl.mechanisms"] = str(profile.sasl_mechanism)
        config["sasl.username"] = checks.secret(profile.username, "The user name")
        config["sasl.password"] = checks.secret(credentials.password, "The password")
    if profile.security_protocol.tls:
        config |= _tls(profile, credentials)
    return config


def _tls(profile: Profile, credentials: Credentials) -> Config:
    config: Config = {"enable.ssl.certificate.verification": True, "ssl.endpoint.identification.algorithm": "https"}
    if profile.ca_file:
        config["ssl.ca.location"] = checks.file(profile.ca_file, "The CA file")
    if bool(profile.certificate_file) != bool(profile.key_file):
        raise checks.invalid("A client certificate needs both its certificate file and its key file.", "Give both.")
    if profile.certificate_file:
        config["ssl.certificate.location"] = checks.file(profile.certificate_file, "The certificate file")
        config["ssl.key.location"] = checks.file(profile.key_file, "The key file")
        if profile.key_password is not None:
            config["ssl.key.password"] = checks.secret(credentials.key_password, "The key password")
    return config


_SAFE: Config = {
    "allow.auto.create.topics": False,
    "enable.metrics.push": False,  # KIP-714: a broker could otherwise collect telemetry of this client
    "log.connection.close": False,  # idle connections close all the time
    "log_level": 4,  # warnings and worse
    "logger": CLIENT_LOG,
    "statistics.interval.ms": 0,
}
_COMMON_DEFAULTS: Config = {
    "client.id": "kexplorer",
    "reconnect.backoff.ms": 20,  # half of it is also how long the client waits from one first connection to the next
    "reconnect.backoff.max.ms": 10_000,
    "socket.connection.setup.timeout.ms": 10_000,
    "socket.keepalive.enable": True,
}
_READER_SAFE: Config = {
    "auto.offset.reset": "error",
    "check.crcs": True,
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    # The default of 1000 makes the fetcher sleep whenever the queue was full: 3 to 8 times slower for small records.
    "fetch.queue.backoff.ms": 1,
    "queued.min.messages": 20_000,
    "queued.max.messages.kbytes": 16_384,
}
_READER_DEFAULTS: Config = {
    "fetch.max.bytes": 4 << 20,  # with the next one: what 100 partitions can bring at once stays below 20 MB
    "fetch.message.max.bytes": 256 << 10,
    "socket.timeout.ms": 30_000,
}
_WRITER_SAFE: Config = {"acks": "all", "enable.idempotence": True}
_WRITER_DEFAULTS: Config = {
    "message.max.bytes": 64 << 20,  # the topic's own limit decides; the writer keeps its batches below that
    "message.timeout.ms": 30_000,
    # 100,000 records and 1 GB are librdkafka's: what waits for a broker that is down would fill the memory
    "queue.buffering.max.kbytes": 64 << 10,
    "partitioner": "murmur2_random",  # Java's; librdkafka's own default sends a key to another partition
    "socket.timeout.ms": 30_000,
}
_DURABLE = ProducerSettings()
_PER_READER = ("group.id", "fetch.wait.max.ms")
_FIXED = frozenset({*_SAFE, *_READER_SAFE, *_WRITER_SAFE, *_PER_READER})


def admin_config(profile: Profile, credentials: Credentials) -> Config:
    return _config(profile, credentials, _For.ANY, {"socket.timeout.ms": 10_000})


def reader_config(
    profile: Profile,
    credentials: Credentials,
    isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
    fetch_wait_ms: int = 10,
) -> Config:
    """For `assign()` only: the random group id is never joined and nothing is committed. `fetch_wait_ms` is how long a
    broker may wait for something to send: short for pages, longer for following a quiet topic."""
    own: Config = {
        "group.id": f"kx-read-{uuid.uuid4()}",
        "isolation.level": isolation.value,
        "fetch.wait.max.ms": fetch_wait_ms,
    }
    defaults = _COMMON_DEFAULTS | _READER_DEFAULTS
    return (
        defaults | _further(profile.properties, _For.READER) | common(profile, credentials) | _SAFE | _READER_SAFE | own
    )


def writer_config(profile: Profile, credentials: Credentials, settings: ProducerSettings = _DURABLE) -> Config:
    check_settings(settings)
    chosen = dict(settings.properties)
    if "delivery.timeout.ms" in chosen:
        chosen["message.timeout.ms"] = chosen.pop("delivery.timeout.ms")  # Java's name of it
    config = _config(profile, credentials, _For.WRITER, _WRITER_DEFAULTS) | _WRITER_SAFE | chosen
    if config["acks"] not in ("all", "-1") or _breaks_idempotence(chosen):
        config["enable.idempotence"] = chosen.get("enable.idempotence", "false")
    if settings.transactional_id:
        config["transactional.id"] = settings.transactional_id
        # librdkafka wants the record's timeout to be within the transaction's, which is a minute
        config["transaction.timeout.ms"] = chosen.get("transaction.timeout.ms", 60_000)
        limit = int(config["transaction.timeout.ms"])
        config["message.timeout.ms"] = min(int(config["message.timeout.ms"]), limit)
    return config


def _breaks_idempotence(chosen: Mapping[str, str]) -> bool:
    return int(chosen.get("max.in.flight.requests.per.connection", "5")) > 5 or chosen.get("retries") == "0"


def _config(profile: Profile, credentials: Credentials, scope: _For, defaults: Config) -> Config:
    own = _further(profile.properties, scope)
    return _COMMON_DEFAULTS | defaults | own | common(profile, credentials) | _SAFE


def _further(properties: Mapping[str, str], scope: _For) -> Config:
    """The profile's own properties for one kind of handle; all are checked, whichever it is."""
    for key, value in properties.items():
        check_property(key, value)
    return {key: value for key, value in properties.items() if _ALLOWED[key].scope in (_For.ANY, scope)}


def scrub_environment() -> None:
    """Removes what makes OpenSSL load code from a path of the environment. Call before confluent_kafka is imported."""
    for variable in ("OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES"):
        os.environ.pop(variable, None)


def require_supported_client() -> None:
    """Raises `Failure` when the librdkafka that is installed has known crashes."""
    import confluent_kafka  # noqa: PLC0415  (after scrub_environment)

    text, number = confluent_kafka.libversion()
    if (number >> 24, number >> 16 & 0xFF, number >> 8 & 0xFF) < OLDEST_CLIENT:
        oldest = ".".join(map(str, OLDEST_CLIENT))
        raise Failure(
            FailureKind.UNSUPPORTED,
            f"librdkafka {text} is installed; Kafka Explorer needs {oldest} or newer.",
            "Install a newer confluent-kafka.",
        )
