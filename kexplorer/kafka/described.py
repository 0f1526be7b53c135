"""What the client library answers, as values of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kexplorer.kafka.failures import failure_of
from kexplorer.model.cluster import ConfigEntry, ConfigSource
from kexplorer.model.topics import Broker, ClusterMetadata, Partition, Topic

_SOURCES = {  # numbers of Kafka's protocol
    1: ConfigSource.TOPIC,
    2: ConfigSource.DYNAMIC_BROKER,
    3: ConfigSource.DYNAMIC_DEFAULT,
    4: ConfigSource.STATIC_BROKER,
    5: ConfigSource.DEFAULT,
}


def metadata(answer: Any, racks: Mapping[int, str]) -> ClusterMetadata:
    brokers = tuple(
        Broker(b.id, b.host, b.port, racks.get(b.id, "")) for b in sorted(answer.brokers.values(), key=lambda b: b.id)
    )
    topics = tuple(_topic(answer.topics[name]) for name in sorted(answer.topics))
    return ClusterMetadata(answer.cluster_id or None, brokers, topics)


def _topic(t: Any) -> Topic:
    what = f"Topic {t.topic}"
    partitions = tuple(
        Partition(
            p.id,
            p.leader if p.leader >= 0 else None,
            tuple(p.replicas),
            tuple(p.isrs),
            failure_of(p.error, f"{what}, partition {p.id}") if p.error else None,
        )
        for p in sorted(t.partitions.values(), key=lambda p: p.id)
    )
    return Topic(t.topic, partitions, failure_of(t.error, what) if t.error else None)


def topic_id(described: Any) -> str | None:
    """The client writes ids in plain Base64, Kafka in the kind for URLs; a broker that has none sends zeros."""
    given = described.topic_id
    if not given.get_most_significant_bits() and not given.get_least_significant_bits():
        return None
    return str(given).replace("+", "-").replace("/", "_")


def config_entries(entries: Any) -> dict[str, ConfigEntry]:
    return {name: _config_entry(name, e) for name, e in entries.items()}


def _config_entry(name: str, e: Any) -> ConfigEntry:
    source = _SOURCES.get(int(e.source), ConfigSource.UNKNOWN)
    values = (name, e.value, bool(e.is_default), bool(e.is_read_only), bool(e.is_sensitive), source)
    return ConfigEntry(*values, None if e.is_sensitive else _default(e, source))


def _default(e: Any, source: ConfigSource) -> str | None:
    """Synonyms are told from what is in force down to the default, which some settings do not have among them."""
    if source is ConfigSource.DEFAULT:
        return _text(e.value)
    defaults = [s.value for s in e.synonyms.values() if _SOURCES.get(int(s.source)) is ConfigSource.DEFAULT]
    return _text(defaults[-1]) if defaults else None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def racks(described: Any) -> dict[int, str]:
    return {node.id: node.rack or "" for node in described.nodes}
