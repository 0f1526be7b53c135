"""Checks of topics as brokers hold them, and of the brokers' addresses."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import ssl
from collections.abc import Sequence

from kexplorer.model.failure import Failure
from kexplorer.model.findings import Finding, Severity, Where
from kexplorer.model.topics import Broker, Topic, TopicPartition
from kexplorer.services.doctor.patient import NO_ANSWER, Patient
from kexplorer.services.doctor.readings import partitions

_WITHIN = 3.0  # seconds for a connection to a broker
_AT_ONCE = 20
_ENOUGH = 1000  # records that tell whether one partition gets too many
_TIMES = 4  # the fair share
_MOST_SHARE = 0.8
_ADDRESS = re.compile(r"(?P<address>[^\s:/]+:\d+): ")  # of whom the client's words are


async def topics_there(patient: Patient) -> list[Finding]:
    known = {topic.name for topic in (await patient.metadata()).topics}
    wanted = {patient.topic} if patient.topic else {each.source.topic for each in (await patient.first()).readings}
    absent = sorted(wanted - known)
    if not absent:
        return []
    reads = f", which {patient.group} reads" if patient.group else ""
    return [
        Finding(
            "topic-exists",
            Severity.PROBLEM,
            f"There is no topic {absent[0]}{reads}",
            {"absent": ", ".join(absent[:5]), "topics there": len(known)},
            "Its name is wrong, it was deleted, or this login may not see it. Offsets of a deleted topic stay for a "
            "while.",
            "Check the name and the access of the login, or create the topic.",
            Where("overview"),
        )
    ]


async def has_messages(patient: Patient) -> list[Finding]:
    """Of the topic that was asked for: a group may read several, of which some are quiet."""
    topics, edges = await patient.topics(), await patient.edges()
    told = [edge for edge in edges.values() if edge.start is not None and edge.end is not None]
    if not patient.topic or not topics or not told or any(edge.start != edge.end for edge in told):
        return []
    ever = sum(edge.end or 0 for edge in told)
    how = "Retention or a purge has deleted all that was written." if ever else "Nothing was ever written to it."
    return [
        Finding(
            "has-messages",
            Severity.NOTE,
            f"{patient.topic} has no messages",
            {"partitions": len(told), "offsets ever used": ever},
            f"{how} Whoever reads it gets nothing.",
            "Check that the producer runs, and that it writes to this topic of this cluster.",
            Where("topic", patient.topic),
        )
    ]


async def replicas(patient: Patient) -> list[Finding]:
    if patient.topic or patient.group:
        topics = await patient.topics()
    else:
        topics = (await patient.metadata()).topics
    found = []
    everywhere = [(topic, each) for topic in topics for each in topic.partitions]
    if bad := [f"{topic.name} {each.id}" for topic, each in everywhere if each.leader is None]:
        found.append(
            _replicas(
                "have no leader",
                bad,
                Severity.PROBLEM,
                "Nothing can be read from or written to them: no in-sync replica is alive.",
                "Start the brokers that hold their replicas.",
            )
        )
    if bad := [f"{t.name} {e.id}" for t, e in everywhere if e.under_replicated and e.leader is not None]:
        found.append(
            _replicas(
                "have fewer in-sync replicas than replicas",
                bad,
                Severity.RISK,
                "A broker is down or cannot follow. If another one fails, messages may be lost.",
                "Start the broker that is missing, or see why it lags.",
            )
        )
    return found + await _too_few_in_sync(patient, topics)


async def _too_few_in_sync(patient: Patient, topics: Sequence[Topic]) -> list[Finding]:
    short = [topic for topic in topics if topic.under_replicated]
    if not short:
        return []
    configs = await patient.cluster.topic_configs([topic.name for topic in short])
    bad = []
    for topic in short:
        told = configs[topic.name]
        entry = None if isinstance(told, Failure) else told.get("min.insync.replicas")
        least = int(entry.value or 1) if entry else 1
        bad += [
            f"{topic.name} {each.id}" for each in topic.partitions if each.leader is not None and len(each.isr) < least
        ]
    if not bad:
        return []
    return [
        _replicas(
            "have fewer in-sync replicas than min.insync.replicas",
            bad,
            Severity.PROBLEM,
            "Producers with acks=all are refused there (NOT_ENOUGH_REPLICAS).",
            "Start the broker that is missing.",
        )
    ]


def _replicas(what: str, bad: Sequence[str], severity: Severity, meaning: str, remedy: str) -> Finding:
    evidence: dict[str, int | float | str] = {"partitions": len(bad), "such as": ", ".join(bad[:3])}
    verb = what if len(bad) != 1 else what.replace("have", "has", 1)
    return Finding("replicas", severity, f"{partitions(len(bad))} {verb}", evidence, meaning, remedy, Where("overview"))


async def hot_partition(patient: Patient) -> list[Finding]:
    written = await patient.written()
    found = []
    for topic in await patient.topics():
        mine = {TopicPartition(topic.name, each.id): written.get((topic.name, each.id), 0) for each in topic.partitions}  # type: ignore[call-overload]
        total, most = sum(mine.values()), max(mine.values(), default=0)
        if len(mine) < 2 or total < _ENOUGH or most / total <= min(_MOST_SHARE, _TIMES / len(mine)):
            continue
        hot = max(mine, key=lambda source: mine[source])
        found.append(
            Finding(
                "hot-partition",
                Severity.RISK,
                f"Partition {hot.partition} of {topic.name} gets {most / total:.0%} of the messages",
                {"messages there": most, "messages in all": total, "partitions": len(mine)},
                "One member of each group has to read it all, and one broker to hold it, while others have little to "
                "do. A key that is used too often, or few keys, cause it.",
                "See the topic's statistics for the keys. Choose a key with more values, or write without one.",
                Where("topic", topic.name),
            )
        )
    return found


async def listeners(patient: Patient) -> list[Finding]:
    """Whether the addresses that brokers advertise can be reached from here: clients are sent to them."""
    try:
        brokers = (await patient.metadata()).brokers
    except Failure as failure:
        return [_unreachable(patient, failure)]
    slots = asyncio.Semaphore(_AT_ONCE)
    profile = patient.cluster.profile
    tls = await asyncio.to_thread(_tls, profile.ca_file) if profile.security_protocol.tls else None

    async def tried(broker: Broker) -> str:
        async with slots:
            return await _trouble(broker, tls)

    troubles = await asyncio.gather(*map(tried, brokers))
    local = all(_loopback(each.strip()) for each in profile.bootstrap.split(","))
    found = []
    for broker, trouble in zip(brokers, troubles, strict=True):
        strange = not local and _loopback(str(broker))
        if not trouble and not strange:
            continue
        why = trouble or "It is an address of each machine itself: only clients on that of the broker get there."
        found.append(_listener(patient, f"Broker {broker.id}", str(broker), why))
    return found


def _unreachable(patient: Patient, failure: Failure) -> Finding:
    """The client may turn to an advertised address before it has told of any. Raises `failure` where it is not about
    such a one."""
    named = _ADDRESS.search(failure.message)
    entered = {each.strip() for each in patient.cluster.profile.bootstrap.split(",")}
    if failure.kind not in NO_ANSWER or named is None or named["address"] in entered:
        raise failure
    return _listener(patient, "A broker", named["address"], failure.message)


def _listener(patient: Patient, broker: str, advertised: str, why: str) -> Finding:
    return Finding(
        "listeners",
        Severity.PROBLEM,
        f"{broker} advertises {advertised}, which is no use from here",
        {"advertised": advertised, "entered": patient.cluster.profile.bootstrap},
        f"{why} A client asks the address that was entered for the brokers, and then connects to those that they "
        "advertise.",
        "Correct advertised.listeners of that broker, or make the address reachable. The connection test shows each "
        "step.",
        Where("overview"),
    )


def _tls(ca_file: str) -> ssl.SSLContext:
    """Trusts whom the client trusts, and has no certificate of its own to show: whose the broker's is comes first."""
    context = ssl.create_default_context(cafile=ca_file or None)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Python's default since 3.13, but not the client's
    return context


async def _trouble(broker: Broker, tls: ssl.SSLContext | None) -> str:
    try:
        async with asyncio.timeout(_WITHIN):
            _, writer = await asyncio.open_connection(broker.host, broker.port, ssl=tls)
    except ssl.SSLCertVerificationError as error:
        return f"Its certificate is not good for that address: {error.verify_message}."
    except ssl.SSLError as error:
        if "ALERT" in (error.reason or ""):
            return ""  # it wants our certificate, so it was reached and believed
        return f"What answers there does not speak TLS as this client does ({error.reason or error})."
    except TimeoutError:
        return f"Nothing answers there within {_WITHIN:g} s."
    except OSError as error:
        return f"{error.strerror or error}."
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return ""


def _loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]") or address
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
