"""The worker's side of a topic's statistics: counts what is in one piece of a partition."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException, Message

from kexplorer.formats.decode import decode
from kexplorer.kafka import properties
from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.link import LinkMonitor, QuietLog
from kexplorer.kafka.reading import GONE_AFTER_MS, Client, Reading
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.records import RecordColumns, TimestampType, Trouble
from kexplorer.model.schemas import Part
from kexplorer.model.search import Piece
from kexplorer.model.statistics import PieceStatistics, Statistics
from kexplorer.model.topics import IsolationLevel, TopicPartition

_LONGEST = 4.0  # seconds after which a piece comes back as far as it got, if it got on at all
_SAMPLED = 20  # records of a piece whose formats are told
_QUEUE = {"queued.min.messages": 20_000, "queued.max.messages.kbytes": 1_024}
_FETCH = {"fetch.max.bytes": 16 << 20, "fetch.message.max.bytes": 2 << 20}

_kept = threading.local()  # the consumer of this worker: to connect again for every piece would take longer


@dataclass(frozen=True, slots=True)
class StatisticsScan:
    """What all pieces have in common; calling it counts one of them. Goes to workers by pipe, secrets included."""

    profile: Profile
    credentials: Credentials
    isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED

    def __call__(self, piece: Piece) -> PieceStatistics:
        """Raises `Failure` where nothing could be read. When it takes long the result reaches less far than the piece
        does; so it does where a trouble ended it, which then has the offset that was reached."""
        source = piece.range.source
        count = _Count()
        client, monitor = _connected(self)
        reading = Reading(client, [piece.range], lambda: monitor.state.reason, count.take)
        troubles: list[Trouble] = []
        try:
            reading.begin()
            until = time.monotonic() + _LONGEST
            while reading.open:
                troubles += reading.pull()
                if count.found.records and time.monotonic() > until:
                    break
            reading.end()
        except BaseException as error:
            _kept.__dict__.clear()  # whatever state it is in, the next piece begins with another one
            if isinstance(error, KafkaException):
                raise failure_of(error, f"Reading {source.topic}, partition {source.partition}") from error
            raise
        reached = next((part.next for part in reading.progress), piece.range.end or 0)
        found = count.found
        return PieceStatistics(
            piece, reached, found.records, found.nbytes, RecordColumns(), tuple(troubles), statistics=found
        )


class _Count:
    """Counts records as they come. What can be counted for many at once is, and a value is not even copied."""

    def __init__(self) -> None:
        self.found = Statistics()
        self._sampled = 0

    def take(self, source: TopicPartition, messages: list[Message]) -> None:
        found = self.found
        found.records += len(messages)
        lengths = Counter(map(len, messages))
        if lengths.get(0):
            empty = [message for message in messages if not len(message)]
            gone = sum(message.value() is None for message in empty)
            found.tombstones += gone
            lengths[0] -= gone
        found.values.add(+lengths)
        keys: Counter[bytes | None] = Counter(map(_key, messages))
        found.null_keys += keys.pop(None, 0)
        named: Any = keys
        found.keys.add(_sizes(named))
        found.distinct.add(named)
        found.top.add(named)
        times = [ms for kind, ms in map(_timestamp, messages) if kind != TimestampType.NOT_AVAILABLE]
        found.timeless += len(messages) - len(times)
        found.times.add(times)
        if self._sampled < _SAMPLED:
            self._sampled += 1
            self._tell_formats(source, messages[0])

    def _tell_formats(self, source: TopicPartition, message: Message) -> None:
        key: Any = message.key()
        value: Any = message.value()
        topic = source.topic
        if key is not None:
            self.found.key_formats[decode(key, topic=topic, part=Part.KEY).kind.value] += 1
        if value is not None:
            self.found.value_formats[decode(value, topic=topic, key=key).kind.value] += 1


_key: Any = Message.key
_timestamp: Any = Message.timestamp


def _sizes(keys: Counter[bytes]) -> Counter[int]:
    sizes: Counter[int] = Counter()
    for key, count in keys.items():
        sizes[len(key)] += count
    return sizes


def _connected(scan: StatisticsScan) -> tuple[Client, LinkMonitor]:
    """The consumer that the piece before has left, if it is one of the same connection."""
    way = (scan.profile, scan.credentials, scan.isolation)
    if getattr(_kept, "way", None) != way:
        if hasattr(_kept, "client"):
            _kept.client.close()
        monitor = LinkMonitor(scan.profile.name)
        logger = properties.CLIENT_LOG.getChild("statistics")
        logger.filters = [QuietLog(monitor)]
        config = properties.reader_config(scan.profile, scan.credentials, scan.isolation)
        config |= _QUEUE | {k: v for k, v in _FETCH.items() if k not in scan.profile.properties}
        config |= {"topic.metadata.propagation.max.ms": GONE_AFTER_MS, "logger": logger}
        _kept.client, _kept.monitor, _kept.way = Client(config, monitor.on_error), monitor, way
    return _kept.client, _kept.monitor
