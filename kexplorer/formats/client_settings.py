"""The settings of Kafka's two families of clients: Java's, and librdkafka's (Python, C, Go, .NET, Node and more).

`client_settings.json` has what the two tell of themselves; `packaging/make_client_settings.py` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any


class Dialect(StrEnum):
    JAVA = "java"
    LIBRDKAFKA = "librdkafka"

    @property
    def shown(self) -> str:
        return "Java" if self is Dialect.JAVA else "librdkafka"

    @property
    def other(self) -> Dialect:
        return Dialect.LIBRDKAFKA if self is Dialect.JAVA else Dialect.JAVA


class Client(StrEnum):
    PRODUCER = "producer"
    CONSUMER = "consumer"


@dataclass(frozen=True, slots=True)
class Setting:
    """`clients` names those that have it. `values` are all that it takes, where they are few; `low` and `high` the ends
    of its range. `alias`: the name that it is another one for. `about` is the first sentence of its documentation."""

    name: str
    clients: frozenset[str]
    kind: str
    default: str
    values: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    alias: str = ""
    about: str = ""

    @property
    def is_number(self) -> bool:
        return self.kind in ("int", "long", "short", "double", "integer", "float")


@cache
def settings(dialect: Dialect) -> Mapping[str, Setting]:
    return {
        each["name"]: Setting(
            each["name"],
            frozenset(each["for"]),
            each["type"],
            each["default"],
            tuple(each.get("values", ())),
            each.get("low"),
            each.get("high"),
            each.get("alias", ""),
            each["about"],
        )
        for each in _told()[dialect]["settings"]
    }


def version(dialect: Dialect) -> str:
    """Of the client whose documentation this is."""
    return str(_told()[dialect]["version"])


@cache
def _told() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(files(__package__).joinpath("client_settings.json").read_text("utf-8"))
    return told


# What differs. Everything else that both have has the same name, meaning and unit in both.

LIBRDKAFKA_NAMES = {  # Java -> librdkafka
    "buffer.memory": "queue.buffering.max.kbytes",
    "compression.gzip.level": "compression.level",
    "compression.lz4.level": "compression.level",
    "compression.zstd.level": "compression.level",
    "fetch.max.wait.ms": "fetch.wait.max.ms",
    "max.request.size": "message.max.bytes",
    "partitioner.class": "partitioner",
    "receive.buffer.bytes": "socket.receive.buffer.bytes",
    "request.timeout.ms": "socket.timeout.ms",
    "send.buffer.bytes": "socket.send.buffer.bytes",
    "ssl.keystore.certificate.chain": "ssl.certificate.pem",
    "ssl.keystore.key": "ssl.key.pem",
    "ssl.truststore.certificates": "ssl.ca.pem",
    "ssl.truststore.location": "ssl.ca.location",
}
JAVA_NAMES = {  # librdkafka -> Java
    **{there: here for here, there in LIBRDKAFKA_NAMES.items() if there != "compression.level"},
    "compression.codec": "compression.type",
    "fetch.message.max.bytes": "max.partition.fetch.bytes",
    "max.in.flight": "max.in.flight.requests.per.connection",
    "message.send.max.retries": "retries",
    "message.timeout.ms": "delivery.timeout.ms",
    "metadata.broker.list": "bootstrap.servers",
    "queue.buffering.max.ms": "linger.ms",
    "request.required.acks": "acks",
    "sasl.mechanisms": "sasl.mechanism",
    "topic.metadata.refresh.interval.ms": "metadata.max.age.ms",
}

NO_COUNTERPART = {  # and what to do instead, where there is something
    "default.api.timeout.ms": "Calls of librdkafka's clients take their time limit as an argument.",
    "enable.auto.offset.store": "In Java, what poll() returned is committed; there is nothing to store first.",
    "enable.partition.eof": "In Java, compare position() with endOffsets().",
    "key.deserializer": "Serialisation is done in the program, or by its Schema Registry client.",
    "key.serializer": "Serialisation is done in the program, or by its Schema Registry client.",
    "max.block.ms": "produce() does not wait: it raises BufferError when the queue is full.",
    "partitioner": "Java's default goes by murmur2, as murmur2_random does; others need a class of your own.",
    "queue.buffering.max.messages": "In Java the buffer is limited by bytes alone: buffer.memory.",
    "statistics.interval.ms": "In Java, metrics come from metrics() or JMX.",
    "value.deserializer": "Serialisation is done in the program, or by its Schema Registry client.",
    "value.serializer": "Serialisation is done in the program, or by its Schema Registry client.",
}

_ASSIGNORS = {
    "range": "org.apache.kafka.clients.consumer.RangeAssignor",
    "roundrobin": "org.apache.kafka.clients.consumer.RoundRobinAssignor",
    "cooperative-sticky": "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
}


def counterpart(dialect: Dialect, name: str, value: str) -> tuple[str, str] | None:
    """The setting of the other dialect that does the same: its name, and `value` in its words and unit. None where it
    has none."""
    if name == "partitioner":  # the closest of Java are its default and a class for what has no key
        return None
    there = (LIBRDKAFKA_NAMES if dialect is Dialect.JAVA else JAVA_NAMES).get(name, name)
    if there not in settings(dialect.other):
        return None
    return there, _value(dialect, name, value)


def _value(dialect: Dialect, name: str, value: str) -> str:
    change = (_TO_LIBRDKAFKA if dialect is Dialect.JAVA else _TO_JAVA).get(name)
    return change(value) if change else value


def _words(words: Mapping[str, str]) -> Callable[[str], str]:
    return lambda value: words.get(value, value)


def _each(words: Mapping[str, str]) -> Callable[[str], str]:
    return lambda value: ",".join(words.get(each.strip(), each.strip()) for each in value.split(","))


def _scaled(to: Callable[[int], int]) -> Callable[[str], str]:
    return lambda value: str(to(int(value))) if value.isascii() and value.isdecimal() else value


_TO_LIBRDKAFKA: Mapping[str, Callable[[str], str]] = {
    "auto.offset.reset": _words({"none": "error"}),
    "buffer.memory": _scaled(lambda size: max(size // 1024, 1)),
    "partition.assignment.strategy": _each({there: here for here, there in _ASSIGNORS.items()}),
    "partitioner.class": lambda value: "random" if value.endswith("RoundRobinPartitioner") else "murmur2_random",
    "security.protocol": str.lower,
    "ssl.endpoint.identification.algorithm": _words({"": "none"}),
}
_TO_JAVA: Mapping[str, Callable[[str], str]] = {
    "auto.offset.reset": _words({"error": "none", "smallest": "earliest", "largest": "latest"}),
    "partition.assignment.strategy": _each(_ASSIGNORS),
    "queue.buffering.max.kbytes": _scaled(lambda size: size * 1024),
    "security.protocol": str.upper,
    "ssl.endpoint.identification.algorithm": _words({"none": ""}),
}
