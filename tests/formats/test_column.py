"""What a column shows of a record: exact numbers, null apart from a missing field, and never an exception."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.formats.column import ABSENT, LONGEST_READ, UNREAD, as_json, comparable, compile_column, equals, shown
from kexplorer.formats.filters import compile_filter
from kexplorer.formats.payloads import MISSING, document
from kexplorer.formats.schemas import Schema, Unavailable, compiled
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Header, Peek, Record, RecordColumns, TimestampType
from kexplorer.model.schemas import Part, SchemaFormat, SchemaKey, SchemaText
from kexplorer.model.search import FilterKind, FilterSpec
from kexplorer.model.topics import TopicPartition

ORDER = (
    b'{"id": 9007199254740993, "customer": {"id": "c-1", "vip": true}, "total": 12.50, "note": null, "empty": "", '
    b'"items": [{"sku": "x"}, {"sku": "y"}], "odd name": "\xe2\x80\xae"}'
)


def record(
    value: bytes | None = ORDER,
    key: bytes | None = b"k-7",
    headers: tuple[Header, ...] | None = (),
    topic: str = "orders",
) -> Record:
    return Record(TopicPartition(topic, 3), 42, 1_000, TimestampType.CREATE_TIME, key, value, headers)


def found(expression: str, of: Record) -> object:
    reading = compile_column(expression, 0)
    return reading.value_of(RecordColumns([of]).peek(0, reading.limit))


@pytest.mark.parametrize(
    ("expression", "value", "cell"),
    [
        ("value.id", 9007199254740993, ("9007199254740993", "", True)),
        ("value.total", Decimal("12.50"), ("12.50", "", True)),
        ("value.total * 2", Decimal("25.00"), ("25.00", "", True)),
        ("value.customer.id", "c-1", ("c-1", "", False)),
        ("value.customer.vip", True, ("true", "", False)),
        ("value.customer", {"id": "c-1", "vip": True}, ('{"id":"c-1","vip":true}', "", False)),
        ("value.items[1].sku", "y", ("y", "", False)),
        ("value.items[7].sku", MISSING, ("", "", False)),
        ("value.nothing", MISSING, ("", "", False)),
        ("value.note", None, ("", "null", False)),
        ("value.empty", "", ("", "empty", False)),
        ('value["odd name"]', "\u202e", ("‹U+202E›", "", False)),
        ("len(value.items)", 2, ("2", "", True)),
        ('any(value.items[*].sku == "y")', True, ("true", "", False)),
        ("key", "k-7", ("k-7", "", False)),
        ('headers["trace"]', "t-1", ("t-1", "", False)),
        ("headers.none", None, ("", "null", False)),
        ("headers.other", MISSING, ("", "", False)),
        ("partition", 3, ("3", "", True)),
        ("offset", 42, ("42", "", True)),
        ("topic", "orders", ("orders", "", False)),
    ],
)
def test_a_column_holds_what_the_expression_means(expression: str, value: object, cell: tuple[str, str, bool]) -> None:
    of = record(headers=(("trace", b"t-1"), ("none", None)))
    assert found(expression, of) == value
    assert found(expression, of).__class__ is value.__class__
    assert tuple(shown(value)) == cell


@pytest.mark.parametrize(
    ("expression", "column", "hint"),
    [
        ("customer.id", 1, "value.customer"),
        ("value.items[*].sku", 1, "any("),
        ('value.a == "', 12, "Close it"),
        ("value.a value.b", 9, "Check"),
        ('["a"]', 1, "in"),
        ("", 1, "value"),
    ],
)
def test_a_wrong_expression_is_told_with_its_place_and_a_remedy(expression: str, column: int, hint: str) -> None:
    with pytest.raises(Failure) as failed:
        compile_column(expression, 0)
    assert failed.value.kind is FailureKind.INVALID
    assert failed.value.message.startswith(f"The expression, column {column}:")
    assert hint in failed.value.hint


@pytest.mark.parametrize("value", [None, b"", b"no json", b"\xff\x00", b"[1, 2]", b'{"customer": 5}', b'{"customer"'])
def test_what_is_not_there_is_missing_in_any_value(value: bytes | None) -> None:
    assert found("value.customer.id", record(value)) is MISSING


def test_a_value_too_large_to_decode_says_so_and_other_columns_do_not_mind() -> None:
    large = record(b'{"id": 1, "text": "%s"}' % (b"x" * LONGEST_READ))
    assert found("value.id", large) is UNREAD
    assert shown(UNREAD) == ("…", "too large", False)
    assert found("key", large) == "k-7"
    assert found("offset", large) == 42
    fits = record(b'{"id": 1, "text": "%s"}' % (b"x" * (LONGEST_READ - 21)))
    assert len(fits.value or b"") == LONGEST_READ
    assert found("value.id", fits) == 1
    assert found("headers.h", record(headers=(("h", b"y" * (LONGEST_READ + 1)),))) is UNREAD


def test_the_topic_is_each_record_s_own() -> None:
    reading = compile_column('topic == "returns"', 0)
    topics = [reading.value_of(Peek(record(topic=name), 0)) for name in ("orders", "returns", "orders")]
    assert topics == [False, True, False]


class Longs:
    """Schema 7 is Avro, a record of one long; 8 is awaited."""

    def lookup(self, key: SchemaKey) -> Schema | Unavailable:
        known = compiled(SchemaText(SchemaFormat.AVRO, _SCHEMA))
        return known if key == 7 else Unavailable("it is being asked for", awaited=True)

    def assigned(self, topic: str, part: Part) -> Schema | Unavailable | None:
        return None


_SCHEMA = '{"type": "record", "name": "R", "fields": [{"name": "n", "type": "long"}]}'


def test_what_has_a_schema_is_read_with_it_in_key_and_value() -> None:
    of = record(b"\0\0\0\0\x07" + _zigzag(2**53 + 1), b"\0\0\0\0\x07" + _zigzag(-5))
    for expression, value in (("value.n", 2**53 + 1), ("key.n", -5), ("value.n + key.n", 2**53 - 4), ("offset", 42)):
        assert compile_column(expression, 0, Longs()).value_of(Peek(of, 0)) == value
    awaited = record(b"\0\0\0\0\x08\x02")
    assert compile_column("value.n", 0, Longs()).value_of(Peek(awaited, 0)) is MISSING
    plain = record(b'{"n": 1}')
    assert compile_column("value.n", 0, Longs()).value_of(Peek(plain, 0)) == 1
    assert compile_column("value.n", 0, Longs()).value_of(Peek(record(None, None), 0)) is MISSING


def _zigzag(number: int) -> bytes:
    """As Avro writes a long."""
    number, out = (number << 1) ^ (number >> 63), bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(DOCUMENTS)
def test_json_of_a_document_reads_as_the_same_document(value: object) -> None:
    assert document(as_json(value, 100_000).encode("utf-8", "surrogatepass")) == value


@given(DOCUMENTS, st.integers(0, 60))
def test_a_beginning_of_json_is_the_beginning(value: object, most: int) -> None:
    assert as_json(value, most) == as_json(value, 100_000)[:most]


def test_deep_wide_and_long_documents_are_shown_at_once() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep).text == "[" * 511 + "…"
    assert shown(list(range(1_000_000))).text.startswith("[0,1,2,3,")
    assert shown({"a": "x" * 10_000_000}).text.endswith("x…")
    assert shown("x" * 10_000_000).text == "x" * 511 + "…"
    assert shown(10**9_000).text.startswith("1")
    while deep:  # Python frees what is nested by recursion
        deep = deep.pop()  # type: ignore[assignment]


@given(st.binary(max_size=200), st.sampled_from(["value.a", "value[0]", "value", "key", "len(value.a)", "headers.h"]))
def test_no_bytes_make_a_column_raise(data: bytes, expression: str) -> None:
    value = found(expression, record(data, data, (("h", data),)))
    assert len(shown(value).text) <= 512
    assert comparable(value)[0] <= ABSENT + 2


@given(st.lists(DOCUMENTS | st.just(MISSING) | st.just(UNREAD), max_size=8))
def test_any_values_can_be_sorted_together(values: list[object]) -> None:
    keys = sorted(map(comparable, values))
    ranks = [rank for rank, _ in keys]
    assert ranks == sorted(ranks)
    assert [key for rank, key in keys if rank == 0] == sorted(
        value for value in values if isinstance(value, int | Decimal) and not isinstance(value, bool)
    )


@given(st.none() | st.booleans() | st.integers() | st.text() | st.decimals(-1000, 1000) | st.just(MISSING))
def test_the_filter_on_a_value_finds_it_and_no_other(value: object) -> None:
    expression = equals("value.x", value)
    if isinstance(value, str) and any("\ud800" <= each <= "\udfff" for each in value):
        assert expression == ""
        return
    matches = compile_filter(FilterSpec(expression, FilterKind.EXPRESSION)).matches
    others = (MISSING, None, True, "some text", 1_234_567_890_123)
    for other in (value, *(each for each in others if each is not value and each != value)):
        data = b"{}" if other is MISSING else f'{{"x": {as_json(other, 10_000)}}}'.encode()
        assert matches(None, data, (), 0, 0, 0) == (other is value)


@pytest.mark.parametrize(
    ("expression", "value", "filter_text"),
    [
        ("key", "k-7", 'key == "k-7"'),
        ("key", None, "key == null"),
        ("value", None, "value == null"),
        ("headers.h", None, "exists(headers.h) and headers.h == null"),
        ("partition", 3, "partition == 3"),
        ("value.a + 1", 3, "(value.a + 1) == 3"),
        ("value.a", {"b": 1}, ""),
        ("value.a", UNREAD, ""),
        ("", 5, ""),
        ("value.a", Decimal("1E+20000"), ""),
        ("value.a", "x" * 5_000, ""),
    ],
)
def test_filters_for_any_column(expression: str, value: object, filter_text: str) -> None:
    assert equals(expression, value) == filter_text
    if filter_text:
        compile_filter(FilterSpec(filter_text, FilterKind.EXPRESSION))


def test_json_of_odd_names_stays_json() -> None:
    assert json.loads(as_json({'a"b\n': 1}, 100)) == {'a"b\n': 1}
