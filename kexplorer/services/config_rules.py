"""What settings of a client mean together: what is refused, and what can lose, repeat or hide records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kexplorer.formats.client_settings import JAVA_NAMES, LIBRDKAFKA_NAMES, Client, Dialect, settings
from kexplorer.formats.config_text import Entry


class Severity(StrEnum):
    ERROR = "error"  # a client refuses it, or does not do what was meant
    RISK = "risk"  # records can be lost, repeated or hidden
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class ConfigFinding:
    """`line` counts from 1; 0 is the configuration as a whole."""

    line: int
    name: str
    severity: Severity
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole. Questions are asked in Java's names."""

    dialect: Dialect
    client: Client
    entries: Mapping[str, Entry]
    by_java: dict[str, Entry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, entry in self.entries.items():
            self.by_java[JAVA_NAMES.get(name, name) if self.dialect is Dialect.LIBRDKAFKA else name] = entry

    def given(self, name: str) -> Entry | None:
        return self.by_java.get(name)

    def value(self, name: str) -> str:
        """What is in force: what is given, or the client's default."""
        if (entry := self.given(name)) is not None and entry.value is not None:
            return entry.value.strip().lower()
        here = LIBRDKAFKA_NAMES.get(name, name) if self.dialect is Dialect.LIBRDKAFKA else name
        known = settings(self.dialect).get(here)
        return known.default.lower() if known else ""

    def number(self, name: str) -> float | None:
        try:
            return float(self.value(name))
        except ValueError:
            return None

    def shown(self, name: str) -> str:
        entry = self.given(name)
        return f"{entry.name if entry else name}={self.value(name)}{'' if entry else ' (the default)'}"

    def line(self, *names: str) -> int:
        return next((entry.line for name in names if (entry := self.given(name))), 0)


def plain(number: float) -> str:
    return f"{number:g}" if abs(number) < 1e6 else f"{number:.0f}"


_Rule = Callable[[Config], Iterator[ConfigFinding]]
RULES: list[_Rule] = []


def _rule(client: Client | None = None) -> Callable[[_Rule], _Rule]:
    def add(rule: _Rule) -> _Rule:
        def only(config: Config) -> Iterator[ConfigFinding]:
            if client is None or config.client is client:
                yield from rule(config)

        RULES.append(only)
        return rule

    return add


@_rule()
def _connection(config: Config) -> Iterator[ConfigFinding]:
    if not config.given("bootstrap.servers"):
        yield ConfigFinding(0, "bootstrap.servers", Severity.NOTE, "No bootstrap.servers: the program must add them.")
    protocol = config.value("security.protocol")
    sasl = config.given("sasl.mechanism") or config.given("sasl.jaas.config") or config.given("sasl.username")
    if sasl and not protocol.startswith("sasl"):
        text = f"There is a login, but {config.shown('security.protocol')}: it is not used."
        yield ConfigFinding(sasl.line, sasl.name, Severity.ERROR, text, "Set security.protocol to SASL_SSL.")
    if protocol == "sasl_plaintext" and config.value("sasl.mechanism") in ("plain", "gssapi", ""):
        yield ConfigFinding(
            *(config.line("security.protocol"), "security.protocol", Severity.RISK),
            "The password goes over the network as it is.",
            "Use SASL_SSL.",
        )
    unverified = config.given("ssl.endpoint.identification.algorithm")
    verified = config.given("enable.ssl.certificate.verification")
    if unverified and (unverified.value or "").strip().lower() in ("", "none"):
        text = (
            "The host name in the broker's certificate is not compared: anybody with a certificate can be the broker."
        )
        yield ConfigFinding(unverified.line, unverified.name, Severity.RISK, text, "Remove the line.")
    if verified and (verified.value or "").strip().lower() == "false":
        text = "Certificates are not verified: anybody can be the broker."
        yield ConfigFinding(
            verified.line, verified.name, Severity.RISK, text, "Give the CA in ssl.ca.location instead."
        )


@_rule(Client.PRODUCER)
def _idempotence(config: Config) -> Iterator[ConfigFinding]:
    line = config.line("enable.idempotence", "transactional.id", "acks")
    transactional, idempotent = config.given("transactional.id"), config.value("enable.idempotence") == "true"
    acks_all = config.value("acks") in ("all", "-1")
    chosen = config.given("enable.idempotence") is not None or transactional is not None
    if transactional and config.given("enable.idempotence") and not idempotent:
        text = "Transactions need idempotence, and it is switched off."
        yield ConfigFinding(line, "enable.idempotence", Severity.ERROR, text, "Remove enable.idempotence=false.")
    if idempotent or transactional:
        severity = Severity.ERROR if chosen else Severity.RISK
        off = "" if chosen else " The client switches idempotence off without a word."
        for wrong, text in (
            (not acks_all, f"Idempotence needs acks=all, and here is {config.shown('acks')}."),
            (
                (config.given("max.in.flight.requests.per.connection") is not None)
                and (config.number("max.in.flight.requests.per.connection") or 0) > 5,
                "Idempotence allows at most 5 requests in flight: "
                f"{config.shown('max.in.flight.requests.per.connection')}.",
            ),
            (config.number("retries") == 0, "Idempotence needs retries, and here is retries=0."),
        ):
            if wrong:
                yield ConfigFinding(line, "enable.idempotence", severity, text + off, "Change one of them.")
    elif acks_all:
        text = f"{config.shown('enable.idempotence')}: a retry may write a record twice, or behind a later one."
        yield ConfigFinding(line, "enable.idempotence", Severity.RISK, text, "Set enable.idempotence=true.")


@_rule(Client.PRODUCER)
def _durability(config: Config) -> Iterator[ConfigFinding]:
    acks = config.value("acks")
    if acks == "1":
        text = "A record counts as sent when the leader alone has it: it is lost when that broker dies soon after."
        yield ConfigFinding(config.line("acks"), "acks", Severity.RISK, text, "Set acks=all.")
    if acks == "0":
        text = "Nobody waits for an answer: lost records are not noticed, and delivered ones have no offset."
        yield ConfigFinding(config.line("acks"), "acks", Severity.RISK, text, "Set acks=all.")
    delivery, request, linger = map(config.number, ("delivery.timeout.ms", "request.timeout.ms", "linger.ms"))
    java = config.dialect is Dialect.JAVA
    least = None if request is None or linger is None else request + linger
    chosen = java and config.given("delivery.timeout.ms")  # a default that is too low is raised by the client
    if chosen and delivery is not None and least is not None and delivery < least:
        text = f"delivery.timeout.ms ({plain(delivery)}) is below linger.ms + request.timeout.ms: it is refused."
        yield ConfigFinding(config.line("delivery.timeout.ms"), "delivery.timeout.ms", Severity.ERROR, text)
    if config.given("retries") and config.number("retries") == 0:
        text = "Any moving of a leader loses what was under way."
        yield ConfigFinding(
            *(config.line("retries"), "retries", Severity.RISK, text),
            "Remove it: delivery.timeout.ms is the limit that counts.",
        )
    if not java and not config.given("partitioner.class"):
        text = "Without a partitioner, keys go to other partitions than a Java producer's (consistent_random)."
        yield ConfigFinding(0, "partitioner", Severity.NOTE, text, "Set partitioner=murmur2_random where both write.")


@_rule(Client.CONSUMER)
def _group(config: Config) -> Iterator[ConfigFinding]:
    group = config.given("group.id")
    if group is None:
        yield ConfigFinding(0, "group.id", Severity.NOTE, "No group.id: it can only assign itself, and commit nothing.")
    elif group.value is not None and not group.value.strip():
        text = "group.id is empty: librdkafka ends the process on it."
        yield ConfigFinding(group.line, "group.id", Severity.ERROR, text, "Give the group a name.")
    session, heartbeat = config.number("session.timeout.ms"), config.number("heartbeat.interval.ms")
    poll = config.number("max.poll.interval.ms")
    line = config.line("heartbeat.interval.ms", "session.timeout.ms")
    if session and heartbeat and heartbeat * 3 > session:
        severity = Severity.ERROR if heartbeat >= session else Severity.RISK
        text = f"heartbeat.interval.ms ({plain(heartbeat)}) is over a third of session.timeout.ms ({plain(session)})"
        yield ConfigFinding(
            *(line, "heartbeat.interval.ms", severity),
            f"{text}: one or two lost heartbeats end the membership.",
            f"Set it to {plain(session // 3)} or less.",
        )
    if session and poll and poll < session:
        text = f"max.poll.interval.ms ({plain(poll)}) is below session.timeout.ms ({plain(session)})."
        remedy = "Make it longer than the slowest work between two polls."
        severity = Severity.ERROR if config.dialect is Dialect.LIBRDKAFKA else Severity.RISK
        yield ConfigFinding(config.line("max.poll.interval.ms"), "max.poll.interval.ms", severity, text, remedy)
    if config.given("group.instance.id") and session and session < 30_000:
        text = (
            f"A static member may be away for session.timeout.ms ({plain(session)}) without a rebalance: that is short."
        )
        yield ConfigFinding(config.line("group.instance.id"), "group.instance.id", Severity.NOTE, text)
    if config.value("group.protocol") == "consumer":
        for name in ("session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy"):
            if entry := config.given(name):
                text = f"With group.protocol=consumer the broker decides it: {entry.name} is refused or ignored."
                yield ConfigFinding(entry.line, entry.name, Severity.ERROR, text, "Remove it.")


@_rule(Client.CONSUMER)
def _commits(config: Config) -> Iterator[ConfigFinding]:
    if config.given("group.id") and config.value("enable.auto.commit") == "true":
        stores = config.given("enable.auto.offset.store")
        if not (stores and (stores.value or "").strip().lower() == "false"):
            text = f"{config.shown('enable.auto.commit')}: offsets are committed by the clock, also of records in work."
            yield ConfigFinding(
                *(config.line("enable.auto.commit"), "enable.auto.commit", Severity.RISK),
                f"{text} A crash then loses or repeats them.",
                "Commit after the work, or store offsets yourself (librdkafka: enable.auto.offset.store=false).",
            )
    reset = config.value("auto.offset.reset")
    if reset in ("latest", "largest", "end"):
        text = f"{config.shown('auto.offset.reset')}: a new group, or one whose offsets expired, skips what is there."
        yield ConfigFinding(
            *(config.line("auto.offset.reset"), "auto.offset.reset", Severity.RISK, text),
            "Set earliest, or none to be told.",
        )
    if not config.given("isolation.level"):
        text = f"{config.shown('isolation.level')}: Java's and librdkafka's defaults differ."
        yield ConfigFinding(
            0, "isolation.level", Severity.RISK, text, "Set read_committed where producers use transactions."
        )
