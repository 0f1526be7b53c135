import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.formats.decode import FIRST_LOOK, decode
from kexplorer.formats.decoded import RENDERED
from kexplorer.formats.json_text import NotJson, pretty_lines
from kexplorer.formats.text import Kind


@pytest.mark.parametrize(
    ("data", "kind", "why", "rejected"),
    [
        (None, Kind.NULL, "null", ()),
        (b"", Kind.EMPTY, "empty", ()),
        (b' {"a": 1.10}', Kind.JSON, "JSON", ()),
        (b"42", Kind.TEXT, "UTF-8 text", ()),
        (b"plain\ntext", Kind.TEXT, "UTF-8 text", ()),
        (b'{"total": 12,}', Kind.TEXT, "UTF-8 text", ("not JSON: line 1, column 14: expected a key",)),
        (b"[2026-11-23] INFO up", Kind.TEXT, "UTF-8 text", ('not JSON: line 1, column 6: expected "," or "]"',)),
        (b"abc\xff", Kind.BINARY, "no reading fits", ("not UTF-8: byte 0xFF at 3",)),
        (b'{"a": "\xff"}', Kind.BINARY, "no reading fits", ("not UTF-8: byte 0xFF at 7",)),
        (b"\x01\x02\x03", Kind.BINARY, "no reading fits", ("not text: valid UTF-8",)),
        (bytes(7) + b"A", Kind.BINARY, "no reading fits", ("not Schema Registry framing: the schema id w", "not text")),
    ],
)  # fmt: skip
def test_the_first_reading_that_fits_and_why(
    data: bytes | None, kind: Kind, why: str, rejected: tuple[str, ...]
) -> None:
    decoded = decode(data)
    assert decoded.kind is kind
    assert decoded.why.startswith(why)
    assert len(decoded.rejected) == len(rejected)
    assert all(said.startswith(start) for said, start in zip(decoded.rejected, rejected, strict=True))
    assert decoded.complete


def test_schema_registry_framing() -> None:
    decoded = decode(b"\x00\x00\x00\x00\x07\x0cord-12\xff")
    assert (decoded.kind, decoded.schema_id, bytes(decoded.payload)) == (Kind.FRAMED, 7, b"\x0cord-12\xff")
    assert decoded.why == "Schema Registry framing, schema id 7; no registry is configured"


def test_framed_json_is_read() -> None:
    decoded = decode(b'\x00\x00\x01\x86\xa0{"a": 1}')
    assert (decoded.kind, decoded.schema_id, decoded.text) == (Kind.JSON, 100_000, '{"a": 1}')
    assert (
        decoded.why == "Schema Registry framing, schema id 100000; no registry is configured, but the payload is JSON"
    )
    broken = decode(b'\x00\x00\x00\x00\x07{"a": }')
    assert (broken.kind, broken.rejected) == (
        Kind.FRAMED,
        ("not JSON: line 1, column 7: expected a value, found }",),
    )


def test_eight_bytes_may_be_an_integer_as_well() -> None:
    assert decode((1_795_402_740_000).to_bytes(8)).also == ("could also be the 8-byte integer 1,795,402,740,000",)


def test_hostile_json_is_json() -> None:
    text = f'{{"n":{"9" * 4301},"n":1e400,"deep":{"[" * 20_000}1{"]" * 20_000}}}'
    for limit in (FIRST_LOOK, None):
        decoded = decode(text.encode(), limit)
        assert (decoded.kind, decoded.text) == (Kind.JSON, text)


def test_a_large_value_is_decided_on_its_beginning() -> None:
    data = json.dumps(
        [{"id": n, "customer": "Zoë Müller", "city": "Zürich"} for n in range(20_000)], ensure_ascii=False
    ).encode()
    decoded = decode(data)
    assert (decoded.kind, decoded.complete) == (Kind.JSON, False)
    assert decoded.text is not None
    assert data.startswith(decoded.text.encode())
    assert FIRST_LOOK - 4 < len(decoded.text.encode()) <= FIRST_LOOK
    assert "first 65.5 kB" in decoded.why
    assert len(decoded.payload) == len(data)
    assert len(list(pretty_lines(decoded.text, partial=True))) > 2000
    whole = decode(data, None)
    assert (whole.kind, whole.complete, whole.why) == (Kind.JSON, True, "JSON")


def test_a_mistake_behind_the_beginning_is_found_when_the_whole_is_asked_for() -> None:
    data = b"[" + b'{"a": 1}, ' * 50_000 + b"oops]"
    assert decode(data).kind is Kind.JSON
    whole = decode(data, None)
    assert whole.kind is Kind.TEXT
    assert whole.rejected == ("not JSON: line 1, column 500002: expected a value, found oops",)


def test_a_long_laid_out_text_is_checked_as_far_as_it_says() -> None:
    data = b"[" * 60_000
    assert decode(data).why == "JSON as far as its first 10,000 lines tell"
    assert decode(data, None).rejected == ("not JSON: line 1, column 60001: expected a value, found the end",)


def test_bytes_behind_the_beginning_are_not_read() -> None:
    text, binary = b"x" * FIRST_LOOK, b"\xff" * 10
    assert (decode(text + binary).kind, decode(text + binary).complete) == (Kind.TEXT, False)
    whole = decode(text + binary, None)
    assert (whole.kind, whole.rejected) == (Kind.BINARY, ("not UTF-8: byte 0xFF at 65,536",))


def test_a_character_at_the_limit_does_not_make_text_binary() -> None:
    for lead in range(3):
        assert decode(b"x" * lead + "東".encode() * FIRST_LOOK).kind is Kind.TEXT


@given(st.binary() | st.binary().map(lambda data: b"\x00" + data) | st.text().map(str.encode), st.integers(1, 50))
def test_any_bytes_have_a_reading_that_loses_nothing(data: bytes, limit: int) -> None:
    decoded = decode(data, limit)
    framing = b"\x00" + decoded.schema_id.to_bytes(4) if isinstance(decoded.schema_id, int) else b""
    assert framing + bytes(decoded.payload) == data
    if decoded.kind in RENDERED:
        assert list(decoded.pretty() or ())
    elif decoded.text is not None:
        assert bytes(decoded.payload).startswith(decoded.text.encode())
        assert not decoded.complete or decoded.text.encode() == bytes(decoded.payload)
    if decoded.kind is Kind.JSON and decoded.text is not None and decoded.complete and decoded.why == "JSON":
        try:
            list(pretty_lines(decoded.text))
        except NotJson as mistake:
            pytest.fail(str(mistake))
