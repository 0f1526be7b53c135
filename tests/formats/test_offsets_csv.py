"""Offsets in the file format of Kafka's own tool."""

import pytest

from kexplorer.formats.offsets_csv import read_offsets, write_offsets
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import TopicPartition

A, B = TopicPartition("orders", 0), TopicPartition("a.topic-with_a.name-longer-than-most", 11)


def test_what_is_written_is_read() -> None:
    assert write_offsets({A: 3, B: 0}) == "a.topic-with_a.name-longer-than-most,11,0\norders,0,3\n"
    assert read_offsets(write_offsets({A: 3, B: 1 << 60}), "billing") == {A: 3, B: 1 << 60}


def test_as_the_tool_writes_it() -> None:
    """Quoted where a name is long, with the group before it where several groups were exported."""
    assert read_offsets('orders,0,3\r\n"a.topic-with_a.name-longer-than-most",11,4\r\n\r\n', "billing") == {A: 3, B: 4}
    assert read_offsets('other,orders,1,5\n"billing","orders",0,3\n', "billing") == {A: 3}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("orders,0,3\norders,x,4\n", "Line 2", "“x” is no partition"),
        ("orders,0,-1", "Line 1", "“-1” is no offset"),
        ("orders,0,3\n\norders,1", "Line 3", "has 2 fields"),
        ("topic,partition,offset\norders,0,3", "Line 1", "“partition” is no partition"),
        ("orders,0,3\norders,0,4", "Line 2", "orders 0 was named before"),
        (",0,3", "Line 1", "names no topic"),
        ("orders,0,9223372036854775808", "Line 1", "is no offset"),
        ("orders,٣,3", "Line 1", "is no partition"),
        ("a;b;c", "Line 1", "has 1 field,"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, line: str, said: str) -> None:
    with pytest.raises(Failure) as raised:
        read_offsets(text, "billing")
    assert raised.value.kind is FailureKind.INVALID
    assert line in raised.value.message
    assert said in raised.value.message
    assert "topic,partition,offset" in raised.value.hint


@pytest.mark.parametrize(("text", "said"), [("", "no line"), ("other,orders,0,1\n", "other groups than billing")])
def test_a_file_without_a_line_for_the_group_is_refused(text: str, said: str) -> None:
    with pytest.raises(Failure, match=said):
        read_offsets(text, "billing")
