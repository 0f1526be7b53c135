"""What members of groups write about themselves, read without trust."""

import struct

import pytest

from kexplorer.kafka.protocol.groups import _assigned
from kexplorer.model.topics import TopicPartition


def _topic(name: bytes, *numbers: int, length: int | None = None) -> bytes:
    size = len(name) if length is None else length
    return struct.pack(">h", size) + name + struct.pack(f">i{len(numbers)}i", len(numbers), *numbers)


def _assignment(*topics: bytes) -> bytes:
    return struct.pack(">hi", 0, len(topics)) + b"".join(topics) + struct.pack(">i", -1)


def test_an_assignment_is_read() -> None:
    raw = _assignment(_topic(b"orders", 0, 2), _topic(b"payments", 1))
    assert _assigned(raw) == (
        TopicPartition("orders", 0),
        TopicPartition("orders", 2),
        TopicPartition("payments", 1),
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\0",
        _assignment(_topic(b"orders", 0))[:-9],
        _assignment(_topic(b"no spaces", 0)),
        _assignment(_topic(b"", 0)),
        _assignment(_topic(b"orders", -1)),
        _assignment(_topic(b"\xff\xfe", 0)),
        _assignment(_topic(b"orders", 0), _topic(b"x", 1, length=-10)),
        struct.pack(">hi", 0, 2**31 - 1) + _topic(b"orders", 0),
    ],
)
def test_an_odd_assignment_is_none(raw: bytes) -> None:
    assert _assigned(raw) == ()
