"""What folding makes of events: exact, never in place, and with the reason where it makes nothing."""

import pickle
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from kexplorer.formats.folding import EventReader, make_fold
from kexplorer.formats.payloads import MISSING
from kexplorer.formats.schemas import Schema, Unavailable, compiled
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.folding import FoldKind, FoldSpec
from kexplorer.model.records import Header, Record, TimestampType
from kexplorer.model.schemas import Part, SchemaFormat, SchemaKey, SchemaText
from kexplorer.model.topics import TopicPartition

AVRO = '{"type": "record", "name": "Deposit", "fields": [{"name": "amount", "type": "long"}]}'


class NoSchemas:
    def lookup(self, _key: SchemaKey) -> Schema | Unavailable:
        return Unavailable("there is no registry")

    def assigned(self, _topic: str, _part: Part) -> Schema | Unavailable | None:
        return None


class OneAvro(NoSchemas):
    def lookup(self, key: SchemaKey) -> Schema | Unavailable:
        return compiled(SchemaText(SchemaFormat.AVRO, AVRO)) if key == 7 else Unavailable("the registry has none")


def record(value: bytes | None, key: bytes = b"k", topic: str = "accounts", headers: tuple[Header, ...] = ()) -> Record:
    return Record(TopicPartition(topic, 3), 42, 1_000, TimestampType.CREATE_TIME, key, value, headers)


def folded(spec: FoldSpec, *values: bytes | None, start: Any = MISSING) -> Any:
    fold, reader, state = make_fold(pickle.loads(pickle.dumps(spec))), EventReader(NoSchemas()), start  # noqa: S301
    for value in values:
        state = fold.apply(state, reader.read(record(value)))
    return state


def expressions(*lines: str) -> FoldSpec:
    return FoldSpec(FoldKind.EXPRESSION, "\n".join(lines))


def test_the_last_value_is_the_state() -> None:
    assert folded(FoldSpec(), b'{"a": 1}', b'{"b": 9007199254740993}') == {"b": 9007199254740993}
    assert folded(FoldSpec(), b"open", b"closed") == "closed"
    assert folded(FoldSpec(), b"\xff\xfe\x00") == "base64://4A"


@pytest.mark.parametrize("kind", [FoldKind.LAST, FoldKind.MERGE, FoldKind.EXPRESSION, FoldKind.PATCH])
def test_a_tombstone_ends_the_state_and_the_next_event_begins_a_new_one(kind: FoldKind) -> None:
    spec = FoldSpec(kind, "a = event.a" if kind is FoldKind.EXPRESSION else "")
    first, second = b'{"a": 1}', b'{"a": 2}'
    if kind is FoldKind.PATCH:
        first, second = b'[{"op": "add", "path": "/a", "value": 1}]', b'[{"op": "add", "path": "/a", "value": 2}]'
    assert folded(spec, first, None) is MISSING
    assert folded(spec, first, None, second) == {"a": 2}


def test_merge_patches_follow_each_other() -> None:
    events = (b'{"name": "Ada", "tags": {"vip": true, "new": true}}', b'{"tags": {"new": null}, "balance": 12.50}')
    state = folded(FoldSpec(FoldKind.MERGE), *events)
    assert state == {"name": "Ada", "tags": {"vip": True}, "balance": Decimal("12.50")}


def test_part_of_the_event_can_be_what_counts() -> None:
    change = b'{"op": "u", "before": null, "after": {"id": 1}}'
    assert folded(FoldSpec(FoldKind.LAST, "event.after"), change) == {"id": 1}
    with pytest.raises(Failure, match=r"The event has no event\.patch"):
        folded(FoldSpec(FoldKind.PATCH, "event.patch"), change)


@pytest.mark.parametrize(("kind", "name"), [(FoldKind.MERGE, "JSON merge patch"), (FoldKind.PATCH, "JSON patch")])
def test_what_is_no_json_is_no_patch(kind: FoldKind, name: str) -> None:
    with pytest.raises(Failure, match=f"The value is no JSON, so it is no {name}"):
        folded(FoldSpec(kind), b"hello")


def test_a_patch_that_does_not_fit_names_the_operation() -> None:
    with pytest.raises(Failure, match=r"operation 1, remove “/a”: there is no “a”"):
        folded(FoldSpec(FoldKind.PATCH), b'[{"op": "remove", "path": "/a"}]')


def test_expressions_calculate_exactly_and_see_the_state_before() -> None:
    spec = expressions(
        "# an account",
        "balance = coalesce(state.balance, 0) + event.amount",
        "before = state.balance",
        'status = if(event.amount < 0, "drawn", "paid in")',
        "topic.name = topic",
        "state.at = timestamp",
    )
    state = folded(spec, b'{"amount": 9007199254740993}', b'{"amount": -0.10}')
    assert state == {
        "balance": Decimal("9007199254740992.90"),
        "before": 9007199254740993,
        "status": "drawn",
        "topic": {"name": "accounts"},
        "at": 1000,
    }


def test_a_sum_without_its_number_is_told_and_not_null() -> None:
    spec = expressions("sum = coalesce(state.sum, 0) + event.amount", "last = event.kind")
    with pytest.raises(Failure, match="Line 1: sum has no result") as raised:
        folded(spec, b'{"kind": "renamed"}', start={"sum": 3})
    assert "coalesce(event.amount, 0)" in raised.value.hint
    with_none = expressions("sum = coalesce(state.sum, 0) + coalesce(event.amount, 0)", "last = event.kind")
    assert folded(with_none, b'{"kind": "renamed"}', start={"sum": 3}) == {"sum": 3, "last": "renamed"}


def test_expressions_build_lists_and_objects() -> None:
    spec = expressions(
        'items = append(state.items, object("sku", event.sku, "qty", event.qty))',
        "by_sku = merge(state.by_sku, object(event.sku, event.qty))",
        "large = if(any(state.items[*].qty > 1), true, state.large)",
    )
    state = folded(spec, b'{"sku": "x", "qty": 2}', b'{"sku": "y", "qty": 1}')
    assert state["items"] == [{"sku": "x", "qty": 2}, {"sku": "y", "qty": 1}]
    assert state["by_sku"] == {"x": 2, "y": 1}
    assert state["large"] is True


def test_a_field_whose_expression_finds_nothing_is_removed() -> None:
    assert folded(expressions("a = event.a"), b'{"b": 1}', start={"a": 1, "c": 2}) == {"c": 2}
    assert folded(expressions("a = event.a"), b'{"a": null}', start={"a": 1}) == {"a": None}
    assert folded(expressions("items[0] = event.a"), b"{}", start={"items": [1, 2]}) == {"items": [2]}
    assert folded(expressions("state = without(state, event.drop)"), b'{"drop": "a"}', start={"a": 1, "b": 2}) == {
        "b": 2
    }


def test_the_state_before_stays_as_it_was() -> None:
    before = {"a": {"b": [1, 2]}, "c": 3}
    after = folded(expressions("a.b[1] = event.x", "c = 4"), b'{"x": 9}', start=before)
    assert after == {"a": {"b": [1, 9]}, "c": 4}
    assert before == {"a": {"b": [1, 2]}, "c": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "There is no expression"),
        ("event.a", "Line 1: there is no = in it"),
        ("a == event.a", "Line 1: there is no = in it"),
        ("a = event.a\nb = state.", "Line 2, column 11: expected the name of a field"),
        ("event.a = 1 +", "Line 1, column 14: expected"),
        ("a[*] = 1", "Line 1: “a[*]” is no field of the state"),
        ("a = coalesce(1)", "Line 1, column 5: coalesce() is not used like this"),
        ('a = object("b")', "Line 1, column 5: object() is not used like this"),
        ("a = balance", "Line 1, column 5: there is no balance"),
    ],
)
def test_a_mistake_is_named_by_line_and_column(text: str, message: str) -> None:
    with pytest.raises(Failure) as raised:
        make_fold(FoldSpec(FoldKind.EXPRESSION, text))
    assert message in raised.value.message
    assert raised.value.kind is FailureKind.INVALID


def test_what_cannot_be_built_is_told_of_the_event() -> None:
    with pytest.raises(Failure, match="a name that is no text"):
        folded(expressions("a = object(event.n, 1)"), b'{"n": 1}')
    with pytest.raises(Failure, match="other than a list"):
        folded(expressions("a = append(event.n, 1)"), b'{"n": 1}')
    with pytest.raises(Failure, match=r"no element \[2\]"):
        folded(expressions("a[2] = 1"), b"{}")


def test_avro_is_folded_as_it_decodes_and_what_cannot_be_decoded_is_told() -> None:
    fold, reader = make_fold(expressions("sum = coalesce(state.sum, 0) + event.amount")), EventReader(OneAvro())
    event = reader.read(record(b"\x00\x00\x00\x00\x07\x54"))
    assert fold.apply({"sum": 1}, event) == {"sum": 43}
    with pytest.raises(Failure, match=r"The value cannot be decoded: .*the registry has none"):
        reader.read(record(b"\x00\x00\x00\x00\x08\x54"))


def test_message_pack_is_read_as_messages_reads_it() -> None:
    event = EventReader(NoSchemas()).read(record(b"\x82\xa1a\x01\xa1b\x02"))
    assert event.value == {"a": 1, "b": 2}
    assert event.is_json


def test_nesting_without_end_is_told() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = {"a": deep}
    event = replace(EventReader(NoSchemas()).read(record(b"{}")), value=deep)
    with pytest.raises(Failure, match="nested too deeply"):
        make_fold(FoldSpec(FoldKind.MERGE)).apply({}, event)
