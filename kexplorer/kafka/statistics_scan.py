"""The worker's side of a topic's statistics: counts what is in one piece of a partition."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Message

from kexplorer.formats.decode import decode
from kexplorer.kafka.piece_reader import read_piece
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.records import RecordColumns, TimestampType
from kexplorer.model.schemas import Part
from kexplorer.model.search import Piece
from kexplorer.model.statistics import PieceStatistics, Statistics
from kexplorer.model.topics import IsolationLevel, TopicPartition

_SAMPLED = 20  # records of a piece whose formats are told


@dataclass(frozen=True, slots=True)
class StatisticsScan:
    """What all pieces have in common; calling it counts one of them. Goes to workers by pipe, secrets included."""

    profile: Profile
    credentials: Credentials
    isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED

    def __call__(self, piece: Piece) -> PieceStatistics:
        """Raises `Failure` where nothing could be read. When it takes long the result reaches less far than the piece
        does; so it does where a trouble ended it, which then has the offset that was reached."""
        count = _Count()
        reached, troubles = read_piece(self, piece.range, count, count.take)
        found = count.found
        return PieceStatistics(
            piece, reached, found.records, found.nbytes, RecordColumns(), tuple(troubles), statistics=found
        )


class _Count:
    """Counts records as they come. What can be counted for many at once is, and a value is not even copied."""

    def __init__(self) -> None:
        self.found = Statistics()
        self.full = False  # there is no end to what can be counted
        self._sampled = 0

    @property
    def records(self) -> int:
        return self.found.records

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
