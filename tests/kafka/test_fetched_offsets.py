"""Answers about committed offsets are read as kafka-python reads them."""

import io
import itertools
import struct

import pytest
from kafka.protocol.consumer import OffsetFetchResponse

from kexplorer.kafka.protocol import groups
from kexplorer.kafka.protocol.fetched_offsets import FIRST, LAST, OffsetsAnswer
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Committed
from kexplorer.model.topics import TopicPartition

_GROUP = OffsetFetchResponse.OffsetFetchResponseGroup
_TOPIC = _GROUP.OffsetFetchResponseTopics
_PARTITION = _TOPIC.OffsetFetchResponsePartitions
_METADATA = (None, "", "x", "ä" * 200, "\1\0\0\0\1\0\0\0")
_CODES = (0, 0, 3, 256)  # the last one has the bytes of metadata "" and of code 0
_OFFSETS = (-1, 0, 5, (1 << 63) - 1)


def _parts(plain: bool) -> list[object]:
    some = [("", 0, offset) for offset in _OFFSETS] if plain else itertools.product(_METADATA, _CODES, _OFFSETS)
    return [
        _PARTITION(
            partition_index=number,
            committed_offset=offset,
            committed_leader_epoch=number - 1,
            metadata=metadata,
            error_code=code,
        )
        for number, (metadata, code, offset) in enumerate(some)
    ]


def _encoded(version: int) -> bytes:
    topics = [
        _TOPIC(name="plain", partitions=_parts(plain=True)),
        _TOPIC(name="all", partitions=_parts(plain=False)),
        _TOPIC(name="mixed", partitions=[*_parts(plain=True), *_parts(plain=False)]),
        _TOPIC(name="none", partitions=[]),
    ]
    found = [
        _GROUP(group_id="team", topics=topics, error_code=0),
        _GROUP(group_id="ünder", topics=[], error_code=0),
        _GROUP(group_id="moved", topics=[], error_code=16),
    ]
    return bytes(OffsetFetchResponse(version=version, throttle_time_ms=7, groups=found).encode())


def _read(data: bytes, version: int) -> OffsetsAnswer:
    request = groups.offsets({"team": None})
    request.API_VERSION = version
    request.with_header(correlation_id=1)
    found = request.header.get_response_class().decode(io.BytesIO(data))
    assert isinstance(found, OffsetsAnswer)
    return found


@pytest.mark.parametrize("version", range(FIRST, LAST + 1))
def test_each_field_is_what_kafka_python_reads(version: int) -> None:
    data = _encoded(version)
    told = _read(data, version)
    oracle = OffsetFetchResponse[version].decode(data)
    assert told.throttle_time_ms == 7
    assert {name: each.error_code for name, each in told.groups.items()} == {"team": 0, "ünder": 0, "moved": 16}
    for each in oracle.groups:
        ours = told.groups[each.group_id]
        theirs = groups.committed(each, _failure)
        assert {source for source, answer in theirs.items() if isinstance(answer, Failure)} == ours.codes.keys()
        assert {s: answer for s, answer in theirs.items() if not isinstance(answer, Failure)} == ours.offsets
    offsets = told.groups["team"].offsets
    assert offsets[TopicPartition("plain", 2)] == Committed(5)
    assert offsets[TopicPartition("plain", 0)] is None
    assert set(told.groups["team"].codes.values()) == {3, 256}


@pytest.mark.parametrize("version", range(FIRST, LAST + 1))
def test_an_answer_that_ends_too_early_is_told(version: int) -> None:
    data = _encoded(version)
    for end in range(0, len(data), 101):
        with pytest.raises((ValueError, struct.error)):
            _read(data[:end], version)


def _failure(code: int, _: TopicPartition) -> Failure:
    return Failure(FailureKind.BROKER, str(code))
