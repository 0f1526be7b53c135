"""What groups have committed, read from the bytes of the answer: a look at the lag of hundreds of groups has tens of
thousands of partitions in it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, NamedTuple

from kafka.protocol.consumer import OffsetFetchRequest, OffsetFetchResponse

from kexplorer.model.groups import Committed
from kexplorer.model.topics import TopicPartition

FIRST, LAST = 8, 9  # versions that take many groups, and topics by their names
_PARTITION = struct.Struct(">iq4x")  # number, offset, epoch of the leader; metadata, code and tags come behind
_NOTHING = b"\x01\x00\x00\x00"  # metadata "", code 0, no tags
_PLAIN = struct.Struct(f"{_PARTITION.format}{len(_NOTHING)}x")
_BESIDE = _PARTITION.size
_CODE = struct.Struct(">h")


class GroupAnswer(NamedTuple):
    """Kafka's code, and what was committed; the codes of partitions that failed are in `codes`."""

    error_code: int
    offsets: dict[TopicPartition, Committed | None]
    codes: dict[TopicPartition, int]


@dataclass(frozen=True, slots=True)
class OffsetsAnswer:
    throttle_time_ms: int
    groups: dict[str, GroupAnswer]


class OffsetsRequest(OffsetFetchRequest, init=False):  # type: ignore[misc, call-arg]
    """WORKAROUND: kafka-python makes an object of each field, which takes three times as long, and has no way to choose
    how an answer is read. It asks the header of the request who reads it.
    https://github.com/dpkp/kafka-python/blob/master/kafka/protocol/parser.py"""

    @property
    def header(self) -> _Header:
        return _Header(self._header.correlation_id, self.API_KEY, self.API_VERSION)


@dataclass(frozen=True, slots=True)
class _Header:
    correlation_id: int
    api_key: int
    api_version: int

    def get_response_class(self) -> _Answer:
        return _Answer(self.api_version)


@dataclass(frozen=True, slots=True)
class _Answer:
    version: int

    def parse_header(self, data: Any) -> Any:
        return OffsetFetchResponse[self.version].parse_header(data)

    def decode(self, data: Any) -> OffsetsAnswer:
        """Raises ValueError or struct.error for what is none."""
        try:
            return _Cursor(data.read()).answer()
        except IndexError as error:
            raise ValueError("an answer that ends too early") from error


class _Sources(dict[int, TopicPartition]):
    """The partitions of a topic, each made once."""

    def __init__(self, topic: str) -> None:
        super().__init__()
        self._topic = topic

    def __missing__(self, number: int) -> TopicPartition:
        return self.setdefault(number, TopicPartition(self._topic, number))


class _Cursor:
    """https://kafka.apache.org/protocol#The_Messages_OffsetFetch"""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._sources: dict[str, _Sources] = {}  # groups mostly read the same ones

    def answer(self) -> OffsetsAnswer:
        throttled = self._int32()
        groups = {}
        for _ in range(self._varint() - 1):
            name = self._text()
            offsets, codes = self._topics()
            groups[name] = GroupAnswer(self._code(), offsets, codes)
            self._tags()
        return OffsetsAnswer(throttled, groups)

    def _topics(self) -> tuple[dict[TopicPartition, Committed | None], dict[TopicPartition, int]]:
        offsets: dict[TopicPartition, Committed | None] = {}
        codes: dict[TopicPartition, int] = {}
        for _ in range(self._varint() - 1):
            topic = self._text()
            sources = self._sources.setdefault(topic, _Sources(topic))
            count = self._varint() - 1
            end = self._at + count * _PLAIN.size
            plain = self._data[self._at : end]
            # What is beside an offset is nothing, mostly, in each partition: then all are of one size.
            if all(plain[_BESIDE + n :: _PLAIN.size] == bytes([byte]) * count for n, byte in enumerate(_NOTHING)):
                offsets |= {
                    sources[number]: Committed(offset, "") if offset >= 0 else None
                    for number, offset in _PLAIN.iter_unpack(plain)
                }
                self._at = end
            else:
                for _ in range(count):
                    self._partition(sources, offsets, codes)
            self._tags()
        return offsets, codes

    def _partition(
        self, sources: _Sources, offsets: dict[TopicPartition, Committed | None], codes: dict[TopicPartition, int]
    ) -> None:
        number, offset = _PARTITION.unpack_from(self._data, self._at)
        self._at += _PARTITION.size
        metadata, code = self._text(), self._code()
        self._tags()
        if code:
            codes[sources[number]] = code
        else:
            offsets[sources[number]] = Committed(offset, metadata) if offset >= 0 else None

    def _int32(self) -> int:
        self._at += 4
        return int.from_bytes(self._data[self._at - 4 : self._at], signed=True)

    def _code(self) -> int:
        (code,) = _CODE.unpack_from(self._data, self._at)
        self._at += _CODE.size
        return int(code)

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def _text(self) -> str:
        """ "" for null."""
        length = self._varint() - 1
        if length <= 0:
            return ""
        start, self._at = self._at, self._at + length
        if self._at > len(self._data):
            raise ValueError("a text that ends too late")
        return str(self._data[start : self._at], "utf-8")

    def _tags(self) -> None:
        for _ in range(self._varint()):
            self._varint()
            self._at += self._varint()
