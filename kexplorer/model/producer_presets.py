"""Producer settings that belong together, each with what it does, what it costs, and its name in Java."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from kexplorer.model.produce import ProducerSettings


class Setting(NamedTuple):
    """`name` is librdkafka's and `java_name` that of Kafka's Java client, "" where it has none. `meaning` says what
    this value does, `trade_off` what it costs."""

    name: str
    java_name: str
    value: str
    meaning: str
    trade_off: str


@dataclass(frozen=True, slots=True)
class Preset:
    """`trade_off` is one sentence about all of it. `transactional`: it needs a transactional id."""

    name: str
    trade_off: str
    settings: tuple[Setting, ...]
    transactional: bool = False

    def producer_settings(self, transactional_id: str = "") -> ProducerSettings:
        """The id is for a transactional preset."""
        properties = {setting.name: setting.value for setting in self.settings}
        return ProducerSettings(properties, transactional_id if self.transactional else "")


_ACKS_ALL = Setting(
    "acks",
    "acks",
    "all",
    "A record counts as sent when all in-sync replicas have it.",
    "Each record waits for the slowest of them.",
)
_ACKS_LEADER = Setting(
    "acks",
    "acks",
    "1",
    "A record counts as sent when the leader has it.",
    "It is lost if the leader dies before another replica has copied it.",
)
_IDEMPOTENT = Setting(
    "enable.idempotence",
    "enable.idempotence",
    "true",
    "A retry writes no record twice, and the order within a partition is kept.",
    "Needs acks=all and at most 5 requests in flight; the first record waits for a producer id.",
)
_NOT_IDEMPOTENT = Setting(
    "enable.idempotence",
    "enable.idempotence",
    "false",
    "The broker does not look for retries.",
    "A retry may write a record twice, or behind a later one.",
)
_PATIENT = Setting(
    "message.timeout.ms",
    "delivery.timeout.ms",
    "120000",
    "A record is tried again for two minutes.",
    "What cannot be delivered is told of only then.",
)
_RETRIES = Setting(
    "retries",
    "retries",
    "2147483647",
    "Failed requests are repeated until message.timeout.ms is over.",
    "None worth naming: the time is the limit.",
)
_IN_FLIGHT = Setting(
    "max.in.flight.requests.per.connection",
    "max.in.flight.requests.per.connection",
    "5",
    "Up to five requests are under way to a broker at once.",
    "The most that an idempotent producer may have.",
)
_MURMUR2 = Setting(
    "partitioner",
    "partitioner.class",
    "murmur2_random",
    "A key goes to the partition that Java's clients choose for it.",
    "Clients of librdkafka choose others unless they are set to it, too.",
)
_LZ4 = Setting(
    "compression.type",
    "compression.type",
    "lz4",
    "Batches are compressed with lz4.",
    "Takes a little processor time here and in each reader.",
)
_SNAPPY = Setting(
    "compression.type",
    "compression.type",
    "snappy",
    "Batches are compressed with snappy.",
    "Makes them a little larger than lz4 or zstd would.",
)
_UNCOMPRESSED = Setting(
    "compression.type",
    "compression.type",
    "none",
    "Records are sent as they are.",
    "More bytes on the network and on the brokers' disks.",
)


def _linger(value: str, meaning: str, trade_off: str) -> Setting:
    return Setting("linger.ms", "linger.ms", value, meaning, trade_off)


def _batch(value: str, meaning: str) -> Setting:
    return Setting("batch.size", "batch.size", value, meaning, "A batch must stay below the topic's max.message.bytes.")


PRESETS = (
    Preset(
        "Durable",
        "No acknowledged record is lost or written twice, for the price of waiting for all in-sync replicas.",
        (_ACKS_ALL, _IDEMPOTENT, _PATIENT, _RETRIES, _MURMUR2),
    ),
    Preset(
        "Throughput",
        "As many records a second as possible; each of them waits up to 50 ms for others to share its batch.",
        (
            _ACKS_LEADER,
            _NOT_IDEMPOTENT,
            _LZ4,
            _linger("50", "A batch is filled for up to 50 ms.", "Each record arrives up to 50 ms later."),
            _batch("1000000", "A batch holds up to 1 MB."),
            Setting(
                "batch.num.messages",
                "",
                "100000",
                "A batch holds up to 100,000 records; librdkafka counts them beside the bytes.",
                "None beside the memory of a batch.",
            ),
            _MURMUR2,
        ),
    ),
    Preset(
        "Low latency",
        "Each record leaves at once and alone, so the brokers have more requests to answer.",
        (
            _ACKS_LEADER,
            _NOT_IDEMPOTENT,
            _UNCOMPRESSED,
            _linger("0", "A record is sent at once.", "Many small requests: fewer records a second."),
            Setting(
                "socket.nagle.disable",
                "",
                "true",
                "The network sends small packets at once, as Java's client always has it.",
                "More packets.",
            ),
            _MURMUR2,
        ),
    ),
    Preset(
        "Idempotent",
        "Each record is written exactly once and in order, as long as this producer lives.",
        (_ACKS_ALL, _IDEMPOTENT, _IN_FLIGHT, _RETRIES, _MURMUR2),
    ),
    Preset(
        "Transactional",
        "Records of several topics are committed together or not at all; who reads committed ones waits for that.",
        (
            _ACKS_ALL,
            _IDEMPOTENT,
            Setting(
                "transaction.timeout.ms",
                "transaction.timeout.ms",
                "60000",
                "The broker aborts a transaction that is open for longer than a minute.",
                "Until then an abandoned one holds up who reads committed records.",
            ),
            _MURMUR2,
        ),
        transactional=True,
    ),
    Preset(
        "Production",
        "Nothing is lost or written twice, with batches and compression for a steady load of many records.",
        (
            _ACKS_ALL,
            _IDEMPOTENT,
            _IN_FLIGHT,
            _RETRIES,
            _PATIENT,
            _SNAPPY,
            _linger("20", "A batch is filled for up to 20 ms.", "Each record arrives up to 20 ms later."),
            _batch("65536", "A batch holds up to 64 kB."),
            Setting(
                "queue.buffering.max.kbytes",
                "buffer.memory (in bytes)",
                "65536",
                "Up to 64 MB wait to be sent.",
                "When they are full, sending waits for the brokers.",
            ),
            _MURMUR2,
        ),
    ),
)
