"""What a topic can be called and how it can be configured, as Apache Kafka 4 defines it (LogConfig, Topic)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from kexplorer.model.failure import Failure, FailureKind

_LONGEST_NAME = 249  # characters
_INT, _LONG = (1 << 31) - 1, (1 << 63) - 1
_HOUR, _DAY = 3_600_000, 86_400_000  # ms
_THROTTLED = re.compile(r"|\*|[0-9]+:[0-9]+(,[0-9]+:[0-9]+)*")


class SettingKind(StrEnum):
    WHOLE = "whole number"
    DECIMAL = "number"
    SWITCH = "true or false"
    CHOICE = "one of"
    CHOICES = "one or more of"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class TopicSetting:
    """`default` is what an unconfigured broker has. `low` and `high` are both allowed."""

    name: str
    kind: SettingKind
    default: str
    meaning: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """In words: "1 to 9", "true or false"."""
        if self.kind is SettingKind.SWITCH:
            return "true or false"
        if self.choices:
            several = ", one or more with commas between" if self.kind is SettingKind.CHOICES else ""
            return ", ".join(self.choices) + several
        if self.kind is SettingKind.TEXT:
            return "partition:broker,… or *"
        low = "" if self.low == -math.inf else f"{self.low:g} or more"
        return f"{self.low:g} to {self.high:g}" if self.high < _INT else low or "a whole number"


def _whole(name: str, default: int, meaning: str, low: int, high: int = _LONG) -> TopicSetting:
    return TopicSetting(name, SettingKind.WHOLE, str(default), meaning, low, high)


def _switch(name: str, meaning: str) -> TopicSetting:
    return TopicSetting(name, SettingKind.SWITCH, "false", meaning, choices=("false", "true"))


def _choice(name: str, default: str, meaning: str, *choices: str) -> TopicSetting:
    return TopicSetting(name, SettingKind.CHOICE, default, meaning, choices=choices)


_TIERED = "Tiered storage: "
TOPIC_SETTINGS: Mapping[str, TopicSetting] = {
    setting.name: setting
    for setting in (
        TopicSetting(
            "cleanup.policy",
            SettingKind.CHOICES,
            "delete",
            "Old segments are deleted by age and size, or compacted to the newest record of each key.",
            choices=("delete", "compact"),
        ),
        TopicSetting(
            "compression.gzip.level",
            SettingKind.WHOLE,
            "-1",
            "How hard gzip tries, where compression.type is gzip; -1 is its own default.",
            -1,
            9,
        ),
        _whole("compression.lz4.level", 9, "How hard lz4 tries, where compression.type is lz4.", 1, 17),
        _choice(
            "compression.type",
            "producer",
            "How the broker stores batches: producer keeps them as they were sent.",
            *("producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"),
        ),
        _whole("compression.zstd.level", 3, "How hard zstd tries, where compression.type is zstd.", -131072, 22),
        _whole("delete.retention.ms", _DAY, "How long tombstones of a compacted topic stay readable.", 0),
        _whole("file.delete.delay.ms", 60_000, "How long a removed segment's file stays on disk.", 0),
        _whole("flush.messages", _LONG, "After so many records the log is forced to disk.", 1),
        _whole("flush.ms", _LONG, "After this time the log is forced to disk.", 0),
        TopicSetting(
            "follower.replication.throttled.replicas",
            SettingKind.TEXT,
            "",
            "Replicas whose copying is throttled at the follower.",
        ),
        _whole("index.interval.bytes", 4096, "Bytes between two entries of the offset index.", 0, _INT),
        TopicSetting(
            "leader.replication.throttled.replicas",
            SettingKind.TEXT,
            "",
            "Replicas whose copying is throttled at the leader.",
        ),
        _whole("local.retention.bytes", -2, _TIERED + "bytes a partition keeps here; -2 as retention.bytes.", -2),
        _whole("local.retention.ms", -2, _TIERED + "time a partition keeps here; -2 as retention.ms.", -2),
        _whole("max.compaction.lag.ms", _LONG, "A record is compacted at the latest after this time.", 1),
        _whole("max.message.bytes", 1_048_588, "The largest record batch, after compression.", 0, _INT),
        _whole(
            "message.timestamp.after.max.ms", _HOUR, "How far a record's time may be ahead of the broker's clock.", 0
        ),
        _whole(
            "message.timestamp.before.max.ms", _LONG, "How far a record's time may be behind the broker's clock.", 0
        ),
        _choice(
            "message.timestamp.type",
            "CreateTime",
            "A record's time is the producer's, or when the broker appended it.",
            *("CreateTime", "LogAppendTime"),
        ),
        TopicSetting(
            "min.cleanable.dirty.ratio",
            SettingKind.DECIMAL,
            "0.5",
            "Share of the log that must be new before it is compacted.",
            0,
            1,
        ),
        _whole("min.compaction.lag.ms", 0, "A record stays uncompacted for this time at least.", 0),
        _whole("min.insync.replicas", 1, "In-sync replicas that a write with acks=all needs.", 1, _INT),
        _switch("preallocate", "A new segment's file is made in its full size."),
        _switch("remote.log.copy.disable", _TIERED + "nothing more is uploaded."),
        _switch("remote.log.delete.on.disable", _TIERED + "what was uploaded is deleted when it is turned off."),
        _switch("remote.storage.enable", _TIERED + "segments go to remote storage."),
        _whole("retention.bytes", -1, "A partition larger than this loses its oldest segments; -1 is no limit.", -1),
        _whole("retention.ms", 7 * _DAY, "Records older than this are deleted; -1 keeps them for ever.", -1),
        _whole("segment.bytes", 1 << 30, "Size at which a new segment begins; only closed ones are cleaned.", 1, _INT),
        _whole("segment.index.bytes", 10_485_760, "Size of a segment's offset index.", 4, _INT),
        _whole("segment.jitter.ms", 0, "Spreads the moments at which segments roll.", 0),
        _whole("segment.ms", 7 * _DAY, "Age at which a new segment begins, full or not.", 1),
        _switch("unclean.leader.election.enable", "A replica that is behind may become leader: records are lost then."),
    )
}


@dataclass(frozen=True, slots=True)
class Preset:
    """`configs` is a starting point for what `meaning` says."""

    name: str
    meaning: str
    configs: Mapping[str, str]

    def configs_for(self, replication: int) -> dict[str, str]:
        """With three replicas or more a write must have reached two of them."""
        durable = {"min.insync.replicas": "2"} if replication >= 3 else {}
        return {**self.configs, **durable}


PRESETS = (
    Preset(
        "Event log",
        "Every event is kept for seven days and then deleted. For what happened: orders placed, clicks, measurements.",
        {"cleanup.policy": "delete", "retention.ms": str(7 * _DAY)},
    ),
    Preset(
        "Compacted table",
        "The newest record of each key is kept for ever, older ones go within a day. For the present state: prices, "
        "profiles, settings. Every record needs a key; a tombstone deletes one.",
        {
            "cleanup.policy": "compact",
            "min.cleanable.dirty.ratio": "0.1",
            "max.compaction.lag.ms": str(_DAY),
            "segment.ms": str(_HOUR * 6),
        },
    ),
    Preset(
        "Short-lived",
        "Records are deleted after an hour, in segments of ten minutes. For what is worthless when it is late.",
        {"cleanup.policy": "delete", "retention.ms": str(_HOUR), "segment.ms": str(_HOUR // 6)},
    ),
)


def check_topic_name(name: str) -> None:
    """Kafka's rule (org.apache.kafka.common.internals.Topic). Raises `Failure`(INVALID)."""
    if not name:
        raise _invalid("The topic has no name.", "Type one.")
    if name in (".", ".."):
        raise _invalid(f"“{name}” cannot be a topic name.", "Choose another name.")
    if wrong := re.search(r"[^a-zA-Z0-9._-]", name):
        letters = "Kafka allows the letters a to z and A to Z, digits, dot, underscore and hyphen."
        raise _invalid(f"The topic name {name[:60]!r} contains {wrong[0]!r}.", letters)
    if len(name) > _LONGEST_NAME:
        raise _invalid(f"The topic name has {len(name)} characters.", f"Kafka allows {_LONGEST_NAME}.")


def colliding(name: str, topics: Iterable[str]) -> str | None:
    """The first of `topics` that Kafka's metrics cannot tell from `name`: they write dots as underscores. A KRaft
    controller refuses to create such a topic."""
    flat = name.replace(".", "_")
    return next((topic for topic in topics if topic != name and topic.replace(".", "_") == flat), None)


def check_setting(name: str, value: str) -> None:
    """Raises `Failure`(INVALID) for a setting that Kafka doesn't know, or a value that it would not take."""
    setting = TOPIC_SETTINGS.get(name)
    if setting is None:
        near = next((known for known in TOPIC_SETTINGS if name and name in known), "")
        hint = f"Did you mean {near}?" if near else "Names are completed as you type."
        raise _invalid(f"Kafka has no topic setting “{name}”.", hint)
    if not _takes(setting, value):
        raise _invalid(f"{name} can't be “{value}”.", f"It takes {setting.allowed}.")


def _takes(setting: TopicSetting, value: str) -> bool:
    match setting.kind:
        case SettingKind.WHOLE:
            fits = re.fullmatch(r"-?[0-9]{1,19}", value) and setting.low <= int(value) <= setting.high
            return bool(fits) and (setting.name != "compression.gzip.level" or value != "0")
        case SettingKind.DECIMAL:
            return bool(re.fullmatch(r"[0-9]+(\.[0-9]+)?", value)) and setting.low <= float(value) <= setting.high
        case SettingKind.CHOICES:
            given = [each.strip() for each in value.split(",")]
            return set(given) <= set(setting.choices) and len(set(given)) == len(given)
        case SettingKind.TEXT:
            return bool(_THROTTLED.fullmatch(value))
        case _:
            return value in setting.choices


def _invalid(message: str, hint: str) -> Failure:
    return Failure(FailureKind.INVALID, message, hint)
