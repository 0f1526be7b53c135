"""What a plan makes of a record: bytes stay bytes, and what cannot be written is told."""

import pytest

from kexplorer.formats.rewriting import Rewriter
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Header, Record, TimestampType
from kexplorer.model.replay import Rewrite
from kexplorer.model.topics import TopicPartition

VALUE = b'{"id":7,"card":"4711","sum":1.10,"in":{"card":"x"},"list":[1,{"a":2}]}'


def record(
    value: bytes | None = VALUE, key: bytes | None = b"\xff\x00", headers: tuple[Header, ...] = (("h", b"\x80"),)
) -> Record:
    return Record(TopicPartition("t", 3), 5, 1_700_000_000_000, TimestampType.CREATE_TIME, key, value, headers)


def test_without_changes_everything_is_as_it_was() -> None:
    made = Rewriter(Rewrite(), "t", 0)(record())
    assert made == (b"\xff\x00", VALUE, (("h", b"\x80"),), None, 1_700_000_000_000)


@pytest.mark.parametrize(
    ("expression", "made"),
    [
        ("key", b"\xff\x00"),
        ('headers["h"]', b"\x80"),
        ("value.id", b"7"),
        ("value.sum", b"1.10"),
        ("value.in", b'{"card":"x"}'),
        ("value.nothing", None),
        ("null", None),
        ('""', b""),
        ('"ä"', "ä".encode()),
        ("partition + 1", b"4"),
    ],
)
def test_a_key_or_a_header_is_what_the_expression_says(expression: str, made: bytes | None) -> None:
    found = Rewriter(Rewrite(key=expression, headers={"h": expression, "new": expression}), "t", 0)(record())
    assert found is not None
    assert found.key == made
    assert found.headers == (("h", made), ("new", made))


def test_fields_are_edited_and_all_else_keeps_its_digits() -> None:
    rewrite = Rewrite(
        fields={"value.card": '"***"', "value.in.card": "value.card", "value.list[1].a": "null", "value.no": "1"}
    )
    made = Rewriter(rewrite, "t", 0)(record())
    assert made is not None
    assert made.value == b'{"id":7,"card":"***","sum":1.10,"in":{"card":"4711"},"list":[1,{"a":null}]}'
    tombstone = Rewriter(rewrite, "t", 0)(record(None))
    assert tombstone is not None
    assert tombstone.value is None
    with pytest.raises(Failure, match="no JSON object or list"):
        Rewriter(rewrite, "t", 0)(record(b"text"))


def test_records_are_dropped_and_headers_removed() -> None:
    rewriter = Rewriter(Rewrite(drop="value.id == 7", remove_headers=("h",)), "t", 0)
    assert rewriter(record()) is None
    kept = rewriter(record(b"{}", headers=(("h", b"1"), ("i", None), ("h", b"2"))))
    assert kept is not None
    assert kept.headers == (("i", None),)


def test_headers_are_removed_by_their_beginning() -> None:
    rewriter = Rewriter(Rewrite(remove_headers=("kafka_dlt-*", "a.b"), headers={"new*": "1"}), "t", 0)
    names = ("kafka_dlt-original-topic", "x-kafka_dlt-y", "a.b", "axb", "new*", "newer", "kafka_dlt-")
    made = rewriter(record(headers=tuple((name, b"1") for name in names)))
    assert made is not None
    assert [name for name, _ in made.headers] == ["x-kafka_dlt-y", "axb", "newer", "new*"]


@pytest.mark.parametrize(
    ("rewrite", "told"),
    [
        (Rewrite(partition="value.card"), "which is no partition"),
        (Rewrite(partition="-1"), "which is no partition"),
        (Rewrite(timestamp="value.card"), "which is no time"),
        (Rewrite(timestamp="0"), "which is no time"),
        (Rewrite(value='headers["x"]', key="value.half"), "half a character"),
    ],
)
def test_what_cannot_be_written_is_told(rewrite: Rewrite, told: str) -> None:
    with pytest.raises(Failure, match=told) as caught:
        Rewriter(rewrite, "t", 0)(record(b'{"card":"x","half":"\\ud800"}'))
    assert caught.value.kind is FailureKind.INVALID


def test_a_time_may_be_a_number_a_text_or_now() -> None:
    for text, made in (
        ("timestamp + 1", 1_700_000_000_001),
        ('"2026-11-23T10:00Z"', 1_795_428_000_000),
        ("null", None),
    ):
        found = Rewriter(Rewrite(timestamp=text, partition="value.id % 3"), "t", 0)(record())
        assert found is not None
        assert (found.timestamp, found.partition) == (made, 1)


@pytest.mark.parametrize(
    ("rewrite", "key"),
    [
        (Rewrite(key="1 +"), "change.key"),
        (Rewrite(drop="value.id +"), "change.drop"),
        (Rewrite(fields={"key.x": "1"}), "change.fields.key.x"),
        (Rewrite(fields={"value": "1"}), "change.fields.value"),
        (Rewrite(headers={"h": "nothing()"}), "change.headers.h"),
    ],
)
def test_an_expression_that_is_none_is_told_by_its_key(rewrite: Rewrite, key: str) -> None:
    with pytest.raises(Failure) as caught:
        Rewriter(rewrite, "t", 0)
    assert f"The plan, key {key}" in caught.value.message
