"""What is offered at the cursor of an unfinished expression. In these texts "|" is the cursor."""

import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.formats.completion import FUNCTIONS, Completions, Kind, complete
from kexplorer.formats.expression import FIELDS, PAYLOADS, parse
from kexplorer.formats.field_names import FieldNames
from kexplorer.formats.filters import compile_filter
from kexplorer.model.failure import Failure
from kexplorer.model.records import Record, TimestampType
from kexplorer.model.search import FilterKind, FilterSpec
from kexplorer.model.topics import TopicPartition

ORDER = {
    "total": 10.50,
    "total_net": 9,
    "customer": {"id": "c-1", "first name": "Ann"},
    "items": [{"sku": "A-3", "qty": 1, "tags": ["x"]}],
    "paid": True,
    "note": None,
    "in": 1,
}
BASES = ["value", "key", "headers.", "headers_all.", "partition", "offset", "timestamp", "size", "topic"]
COMPARISONS = ["==", "!=", "<", "<=", ">", ">=", "in", "not in"]


def learnt() -> FieldNames:
    known = FieldNames()
    for offset, status in enumerate(("PAID", "FAILED", "PAID")):
        value = json.dumps({"status": status, **ORDER}).encode()
        headers = (("trace-id", b"t"), ("region", b"eu"))
        source = TopicPartition("orders", offset)
        known.learn([Record(source, offset, 0, TimestampType.CREATE_TIME, b"order-17", value, headers)])
    return known


KNOWN = learnt()


def at(marked: str, known: FieldNames = KNOWN) -> Completions:
    return complete(marked.replace("|", "", 1), marked.index("|"), known)


def offered(marked: str) -> list[str]:
    return [item.text for item in at(marked).items]


def accepted(marked: str, number: int = 0) -> str:
    """The text with an item of what is offered in its place."""
    found, text = at(marked), marked.replace("|", "", 1)
    return text[: found.start] + found.items[number].text + text[found.end :]


def test_fields_functions_and_constants_can_begin_a_condition() -> None:
    for marked in ("|", "not |", "(|", "value.paid and |", "contains(|", "value.total + |", "value.paid == 1 or !|"):
        texts = offered(marked)
        assert texts[: len(BASES)] == BASES
        assert {"value.status", "value.customer", "headers.region", "contains(", "ago(", "true", "null", "not"} < {
            *texts
        }
        assert "value.customer.id" not in texts  # only what is near: there may be thousands
        assert not at(marked).eager


def test_every_field_and_function_of_the_language_is_offered_and_explained() -> None:
    assert [name.rstrip(".") for name in BASES] == ["value", "key", "headers", "headers_all", *FIELDS]
    assert {name.rstrip(".") for name in BASES} == {*PAYLOADS, *FIELDS}
    with pytest.raises(Failure) as told:
        compile_filter(FilterSpec("nothing(1)", FilterKind.EXPRESSION))
    assert sorted(FUNCTIONS) == re.findall(r"[a-z_]+", told.value.hint.removeprefix("There are"))
    functions = {item.text: item.hint for item in at("|").items if item.kind is Kind.FUNCTION}
    assert all(functions[f"{name}("].startswith(f"{name}(") for name in FUNCTIONS if f"{name}(" in functions)


@pytest.mark.parametrize(
    ("marked", "first"),
    [
        ("val|", "value"),
        ("st|", "starts_with("),
        ("sta|", "starts_with("),
        ("stat|", "value.status"),
        ("STAT|", "value.status"),
        ("first|", 'value.customer["first name"]'),
        ("name|", 'value.customer["first name"]'),
        ("regi|", "headers.region"),
        ("matc|", "matches("),
        ("tru|", "true"),
        ("value.c|", "value.customer"),
        ("value.id|", "value.customer.id"),
        ("value.customer.|", "value.customer.id"),
        ("value.customer[|", "value.customer.id"),
        ('value.customer["fi|', 'value.customer["first name"]'),
        ("value.i|", "value.items"),
        ("value.items[0].|", "value.items[0].sku"),
        ("value.items[-1].q|", "value.items[-1].qty"),
        ("headers.|", 'headers["trace-id"]'),
        ('headers["tr|', 'headers["trace-id"]'),
        ("headers_all.re|", "headers_all.region"),
        ("any(value.items[*].|", "value.items[*].sku"),
        ("any(value.it|", "value.items"),
        ("sku|", "any(value.items[*].sku"),
        ("value.items.|", "any(value.items[*]"),
        ("any(sku|", "value.items[*].sku"),
        ("any(value.items[*].sku == 1 and (value.items[*].q|", "value.items[*].qty"),
        ("value . customer . i|", "value . customer.id"),
        ('value["customer"].i|', 'value["customer"].id'),
    ],
)
def test_names_that_were_begun(marked: str, first: str) -> None:
    assert offered(marked)[0] == first


def test_a_name_that_is_whole_is_not_offered_again_and_not_taken_for_a_longer_one() -> None:
    found = at("value.total|")
    assert [item.text for item in found.items] == ["value.total_net"]
    assert not found.eager
    assert at("value.tot|").eager
    assert not at("value.|").eager
    assert at("and|") == at("and|", FieldNames())


@pytest.mark.parametrize(
    ("marked", "result"),
    [
        ("value.to|tal > 5", "value.total_net > 5"),
        ("value.cus|.id", "value.customer.id"),
        ("value.|total == 5", "value.status == 5"),
        ("|== 5", "value== 5"),
        ('headers["tr|"] == "x"', 'headers["trace-id"] == "x"'),
        ('headers["tr| == "x"', 'headers["trace-id"] == "x"'),
        ("value.customer[fi|]", 'value.customer["first name"]'),
        ('value.status == "F|" and value.paid', 'value.status == "FAILED" and value.paid'),
        ('value.status == "F|AI"', 'value.status == "FAILED"'),
        ('value.status == "F| and value.note == "x"', 'value.status == "FAILED" and value.note == "x"'),
        ("value.status =| 5", "value.status == 5"),
        ("value.status a|", "value.status and"),
        ("value.status not i|", "value.status not in"),
        ("value.status not |", "value.status not in"),
        ("sta|", "starts_with("),
    ],
)
def test_what_is_accepted_stands_in_the_place_of_what_was_typed(marked: str, result: str) -> None:
    assert accepted(marked) == result


@pytest.mark.parametrize(
    ("marked", "texts"),
    [
        ("value.status |", [*COMPARISONS, "and", "or"]),
        ("value.in |", [*COMPARISONS, "and", "or"]),
        ("len(value.items) |", [*COMPARISONS, "and", "or"]),
        ("(value.total + 1) |", [*COMPARISONS, "and", "or"]),
        ('headers["trace-id"] |', [*COMPARISONS, "and", "or"]),
        ("value.status n|", ["not in"]),
        ("value.total >|", [">="]),
        ('value.status == "x" |', ["and", "or"]),
        ("1 < value.total |", ["and", "or"]),
        ("value.status in [1, 2] |", ["and", "or"]),
        ('contains(value.status, "(x") |', ["and", "or"]),
        ("any(value.items[*].qty == 1 |", ["and", "or"]),
        ("value.paid and value.total |", [*COMPARISONS, "and", "or"]),
        ("value.status in [1 |", []),
    ],
)
def test_operators_stand_behind_what_they_can_join(marked: str, texts: list[str]) -> None:
    assert offered(marked) == texts


@pytest.mark.parametrize(
    ("marked", "values"),
    [
        ("value.status == |", ['"PAID"', '"FAILED"']),
        ("value.status != |", ['"PAID"', '"FAILED"']),
        ("value.status == fai|", ['"FAILED"']),
        ('value.status == "|', ['"PAID"', '"FAILED"']),
        ('value.status == "fa|', ['"FAILED"']),
        ("value.status == 'P|", ['"PAID"']),
        ("value.status in |", ['["PAID"]', '["FAILED"]']),
        ("value.status not in |", ['["PAID"]', '["FAILED"]']),
        ("value.status in [|", ['"PAID"', '"FAILED"']),
        ('value.status in ["PAID", |', ['"FAILED"']),
        ('value.status not in ["PAID", "|', ['"FAILED"']),
        ("value.customer.id == |", ['"c-1"']),
        ('value.customer["first name"] == |', ['"Ann"']),
        ("value.paid == |", ["true"]),
        ("value.note == |", ["null"]),
        ("value.note > |", []),
        ("value.total > |", ["10.5"]),
        ("key == |", ['"order-17"']),
        ("headers.region == |", ['"eu"']),
        ("any(value.items[*].sku == |", ['"A-3"']),
        ("value.items[7].sku == |", ['"A-3"']),
        ("partition in [0, |", ["1", "2"]),
        ("topic == |", ['"orders"']),
        ("timestamp >= |", ['ago("15m")', 'ago("1h")', 'ago("1d")']),
        ("value.unknown == |", []),
        ("value.status + |", []),
    ],
)
def test_values_that_were_seen_come_first_behind_a_comparison(marked: str, values: list[str]) -> None:
    found = [item.text for item in at(marked).items if item.kind is Kind.VALUE and item.hint.startswith("seen")]
    found = found or [item.text for item in at(marked).items if item.text.startswith('ago("')]
    assert found == values
    assert offered(marked)[: len(values)] == values
    for text in values if "[" not in marked and "fai" not in marked else ():
        operand = marked.replace("|", "").rstrip("\"'faP")
        whole = f"{operand.replace('any(', '')}{text}".replace("[*]", "[0]")
        compile_filter(FilterSpec(whole, FilterKind.EXPRESSION))


@pytest.mark.parametrize(
    "marked",
    [
        *('"abc|', '"val|ue"', "'value.|", 'contains(value.status, "P|', 'value.unknown == "x|', 'key + "|'),
        *('value.status == "PAID"|', "5|", "value.total > 5|", "(value.paid)|", "value.items[0]|", "1.|"),
        *(
            "value.nothing.|",
            "nothing.|",
            "5.|",
            "(value.a).|",
            "value..|",
            "value.items[^|",
            '"x"[|',
            "true.|",
            "in.|",
        ),
        *("value.a nonsense|", "value.a value|", "value.a 5|", "value.a x.|", "“|"),
    ],
)
def test_there_is_nothing_to_offer(marked: str) -> None:
    assert at(marked).items == ()


def test_hints_say_what_a_field_is() -> None:
    hints = {item.text: item.hint for item in at("value.|").items}
    assert hints["value.status"] == 'text, such as "PAID", "FAILED"'
    assert hints["value.customer"] == "object"
    assert hints["value.items"] == "list"
    assert hints["value.paid"] == "true or false, such as true"
    assert hints["value.note"] == "null"


def test_a_cursor_outside_and_a_text_that_is_too_long() -> None:
    assert complete("value", -1, KNOWN).items == ()
    assert complete("value", 6, KNOWN).items == ()
    assert complete("value" * 1000, 5, KNOWN).items == ()


def test_thousands_of_names_are_searched_between_two_keys() -> None:
    known = FieldNames()
    values = [json.dumps({f"object{i}": {f"field{i}_{n}": n for n in range(100)}}).encode() for i in range(30)]
    source = TopicPartition("orders", 0)
    known.learn(Record(source, 0, 0, TimestampType.CREATE_TIME, None, value, ()) for value in values)
    started = time.process_time()
    found = at("field7_|", known)
    assert time.process_time() - started < 0.5
    assert len(found.items) == 60
    assert found.items[0].text == "value.object7.field7_0"


_WORDS = st.sampled_from(
    [
        *(
            "value",
            "key",
            "headers",
            "headers_all",
            "timestamp",
            "status",
            ".items",
            ".customer",
            ".",
            "any(",
            "contains(",
        ),
        *("and", "or", "not", "in", "==", "!=", "<", "=", "!", "&", "(", ")", "[", "[*", "]", ",", "+"),
        *('"', "'", '"PAID"', "5", "1.5", "null", "é", "\\", "\ud800", " ", "  "),
    ]
)


@given(st.lists(_WORDS, max_size=12).map("".join) | st.lists(_WORDS, max_size=12).map(" ".join), st.integers(0, 60))
def test_broken_texts_never_raise_and_keep_what_is_around(text: str, cursor: int) -> None:
    found = complete(text, cursor, KNOWN)
    if cursor > len(text):
        assert found.items == ()
        return
    assert 0 <= found.start <= cursor <= found.end <= len(text)
    typed = text[found.start : found.end]
    assert all(item.text and item.text != typed for item in found.items)
    assert len({item.text for item in found.items}) == len(found.items)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_any_name_that_is_offered_is_accepted_by_the_parser(name: str) -> None:
    known = FieldNames()
    value = json.dumps({"outer": {name: 1}}).encode()
    known.learn([Record(TopicPartition("t", 0), 0, 0, TimestampType.CREATE_TIME, None, value, ())])
    (item,) = at("value.outer.|", known).items
    assert parse(f"{item.text} == 1")
