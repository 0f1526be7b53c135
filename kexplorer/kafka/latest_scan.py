"""The worker's side of latest states: puts the events of one piece of a partition into buckets by their entity."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zlib import crc32

from confluent_kafka import Message

from kexplorer.formats.column import UNREAD, as_json, compile_column
from kexplorer.formats.latest_rows import Row, pack
from kexplorer.formats.payloads import MISSING
from kexplorer.kafka.piece_reader import read_piece
from kexplorer.kafka.reading import headers_of
from kexplorer.model.latest import PieceLatest, Spool
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.records import Peek, Record, RecordColumns, TimestampType
from kexplorer.model.search import Piece
from kexplorer.model.topics import IsolationLevel, TopicPartition

if TYPE_CHECKING:
    from kexplorer.formats.schemas import SchemaSource

_MOST_HELD = 24 << 20  # bytes after which a piece comes back as far as it got
_ENTRY = 250  # bytes that an event takes beyond its key and value
_LONGEST_KEY = 4_000  # characters of an entity's key that is an object or a list


@dataclass(frozen=True, slots=True)
class LatestScan:
    """What all pieces have in common; calling it gathers one of them. Goes to workers by pipe, secrets included.

    `key` is the expression that names the entity, "" for the record's key. `every`: all events are kept, to be folded;
    otherwise the last one of each entity.
    """

    profile: Profile
    credentials: Credentials
    spool: Spool
    buckets: int
    key: str = ""
    every: bool = False
    schemas: SchemaSource | None = None
    isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED

    def __call__(self, piece: Piece) -> PieceLatest:
        """Raises `Failure` where nothing could be read. When it takes long or becomes too much the result reaches less
        far than the piece does; so it does where a trouble ended it, which then has the offset that was reached."""
        of = piece.range
        events = _Events(self)
        reached, troubles = read_piece(self, of, events, events.take)
        self.spool.put(of.source, of.start, events.chunks(self.buckets))
        return PieceLatest(
            piece, reached, events.records, events.nbytes, RecordColumns(), tuple(troubles), keyless=events.keyless
        )


class _Events:
    """Those of one piece. `nbytes` are those of keys and values that were kept."""

    def __init__(self, scan: LatestScan) -> None:
        self._scan = scan
        self._last: dict[bytes, Row] = {}
        self._all: list[Row] = []
        self.records = self.nbytes = self.keyless = 0

    @property
    def full(self) -> bool:
        return self.nbytes + _ENTRY * (len(self._last) + len(self._all)) > _MOST_HELD

    def take(self, source: TopicPartition, messages: list[Message]) -> None:
        self.records += len(messages)
        keys = self._keys(source, messages)
        if self._scan.every:
            self._take_every(messages, keys)
        else:
            self._take_last(messages, keys)

    def _keys(self, source: TopicPartition, messages: list[Message]) -> list[bytes | None]:
        if not self._scan.key:
            return list(map(_key, messages))
        schemas: Any = self._scan.schemas  # which is told apart by its identity
        value_of = _compiled(self._scan.key, schemas)
        headers = headers_of(messages)
        return [
            _named(value_of(Peek(_record(source, *each), len(each[0])))) for each in zip(messages, headers, strict=True)
        ]

    def _take_last(self, messages: list[Message], keys: list[bytes | None]) -> None:
        found, held = self._last, 0
        for key, message in zip(keys, messages, strict=True):
            if key is None:
                self.keyless += 1
                continue
            before = found.get(key)
            (kind, ms), value = _timestamp(message), _value(message)
            events = before[4] + 1 if before else 1
            found[key] = key, _offset(message), ms if kind else None, value, events, None, None
            held += len(value or b"") + (0 if before else len(key))
        self.nbytes += held

    def _take_every(self, messages: list[Message], keys: list[bytes | None]) -> None:
        for key, message, headers in zip(keys, messages, headers_of(messages), strict=True):
            if key is None:
                self.keyless += 1
                continue
            (kind, ms), value, sent = _timestamp(message), _value(message), _key(message)
            self._all.append((key, _offset(message), ms if kind else None, value, 1, sent, headers))
            self.nbytes += len(key) + len(value or b"") + len(sent or b"")

    def chunks(self, buckets: int) -> dict[int, bytes]:
        rows: defaultdict[int, list[Row]] = defaultdict(list)
        for row in self._all or self._last.values():
            rows[crc32(row[0]) % buckets].append(row)
        return {bucket: pack(of) for bucket, of in rows.items()}


# For the type checker the client's methods may all answer None.
_key: Any = Message.key
_value: Any = Message.value
_offset: Any = Message.offset
_timestamp: Any = Message.timestamp


@lru_cache(maxsize=4)
def _compiled(expression: str, schemas: SchemaSource | None) -> Callable[[Peek], Any]:
    return compile_column(expression, 0, schemas).value_of


def _record(source: TopicPartition, message: Message, headers: Any) -> Record:
    kind, ms = _timestamp(message)
    offset, key, value = _offset(message), _key(message), _value(message)
    return Record(source, offset, ms if kind else None, TimestampType(kind), key, value, tuple(headers or ()))


def _named(value: Any) -> bytes | None:
    """The key of an entity: a text as it is, all else as JSON. None where there is none, or too large a value to look
    for it."""
    if value is None or value is MISSING or value is UNREAD:
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    return as_json(value, _LONGEST_KEY).encode("utf-8", "surrogateescape")
