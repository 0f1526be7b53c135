"""MessagePack and CBOR against the official libraries and the examples of their specifications."""

import json
import random
import uuid
from decimal import Decimal
from typing import Any

import cbor2
import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexplorer.formats import cbor
from kexplorer.formats import msgpack as ours
from kexplorer.formats.cursor import Unreadable
from kexplorer.formats.decode import decode
from kexplorer.formats.json_text import pretty_lines
from kexplorer.formats.text import Kind

_PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner, max_size=5),
    max_leaves=30,
)


@settings(max_examples=150, deadline=None)
@given(_PLAIN, st.data())
def test_what_the_official_libraries_write_is_read_back(value: Any, data: st.DataObject) -> None:
    for written, read in ((msgpack.packb(value), ours.msgpack), (cbor2.dumps(value), cbor.cbor)):
        found = read(memoryview(written), None)
        assert found.complete
        assert json.loads(found.text) == value
        part = read(memoryview(written), data.draw(st.integers(0, len(written))))
        assert not part.text.strip() or part.complete or list(pretty_lines(part.text, partial=True))


@settings(deadline=None)
@given(st.binary(), st.sampled_from([ours.msgpack, cbor.cbor]))
def test_other_bytes_are_a_value_or_a_reason(data: bytes, read: Any) -> None:
    try:
        found = read(memoryview(data), None)
    except Unreadable:
        return
    json.loads(found.text)


@pytest.mark.parametrize(
    ("data", "text"),
    [  # RFC 8949, appendix A
        ("1bffffffffffffffff", "18446744073709551615"),
        ("c249010000000000000000", "18446744073709551616"),
        ("3bffffffffffffffff", "-18446744073709551616"),
        ("c349010000000000000000", "-18446744073709551617"),
        ("f93c00", "1.0"),
        ("f97bff", "65504.0"),
        ("fb3ff199999999999a", "1.1"),
        ("f97e00", '"NaN"'),
        ("f9fc00", '"-Infinity"'),
        ("f7", '"undefined"'),
        ("f0", '"simple(16)"'),
        ("f8ff", '"simple(255)"'),
        ("c074323031332d30332d32315432303a30343a30305a", '"2013-03-21T20:04:00Z"'),
        ("c11a514b67b0", '"2013-03-21T20:04:00Z"'),
        ("c1fb41d452d9ec200000", '{"tag":1,"value":1363896240.5}'),
        ("d74401020304", '{"tag":23,"value":"base64:AQIDBA=="}'),
        ("c48221196ab3", "273.15"),  # section 3.4.4
        ("5f42010243030405ff", '"base64:AQIDBAU="'),
        ("7f657374726561646d696e67ff", '"streaming"'),
        ("9f018202039f0405ffff", "[1,[2,3],[4,5]]"),
        ("a201020304", '{"1":2,"3":4}'),
        ("bf6346756ef563416d7421ff", '{"Fun":true,"Amt":-2}'),
        ("a2616101616102", '{"a":1,"a":2}'),
    ],
)
def test_the_examples_of_the_standard(data: str, text: str) -> None:
    assert cbor.cbor(memoryview(bytes.fromhex(data)), None).text == text


def test_what_else_cbor_can_say() -> None:
    value = {"id": uuid.UUID(int=7), "total": Decimal("12.50"), "raw": b"\x00\xff"}
    assert cbor.cbor(memoryview(cbor2.dumps(value)), None).text == (
        '{"id":"00000000-0000-0000-0000-000000000007","total":12.50,"raw":"base64:AP8="}'
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (msgpack.Timestamp(1_795_402_740, 5), '"2026-11-23T02:59:00.000000005Z"'),
        (msgpack.Timestamp(1_795_402_740), '"2026-11-23T02:59:00Z"'),
        (msgpack.Timestamp(-1, 999_999_999), '"1969-12-31T23:59:59.999999999Z"'),
        (msgpack.ExtType(5, b"hi"), '{"extension":5,"data":"base64:aGk="}'),
        ({3: b"x", b"\xff": None, True: 1.5}, '{"3":"base64:eA==","base64:/w==":null,"true":1.5}'),
    ],
)
def test_what_else_messagepack_can_say(value: object, text: str) -> None:
    assert ours.msgpack(memoryview(msgpack.packb(value)), None).text == text


def test_keys_keep_order_and_duplicates() -> None:
    assert ours.msgpack(memoryview(b"\x83\xa1b\x01\xa1a\x02\xa1b\x03"), None).text == '{"b":1,"a":2,"b":3}'


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x91" * 100_000 + b"\x00", "not MessagePack: nested deeper than 100 levels"),
        (b"\xdd\xff\xff\xff\xff\x00", "not MessagePack: 4,294,967,295 items in the 1 bytes that are left"),
        (b"\x91\xdb\xff\xff\xff\xff", "not MessagePack: a length of 4,294,967,295 bytes at byte 6, where 0 are left"),
        (b"\x81\x90\x01", "not MessagePack: a key that is neither text nor a number, at byte 1"),
        (b"\x91\xc1", "not MessagePack: the byte 0xC1, which is never used, at 1"),
        (b"\x92\x01\x02\x03", "not MessagePack: 1 bytes are left over after byte 3"),
        (b"\x91\xa2\xff\xfe", "not MessagePack: its text would not be UTF-8"),
        (b"\x9f" * 100_000, "not CBOR: nested deeper than 100 levels"),
        (b"\xbf" + b"\x61a\x01" * 3, "not CBOR: the data ends within a value, after 10 bytes"),
        (b"\xbb" + b"\xff" * 8, "not CBOR: 18,446,744,073,709,551,615 items in the 0 bytes that are left"),
        (b"\x9f\x5f\x61a\xff\xff", "not CBOR: a chunk of another type within a string, at byte 2"),
    ],
)
def test_what_does_not_fit_is_bytes_with_a_reason(data: bytes, why: str) -> None:
    decoded = decode(data)
    assert decoded.kind is Kind.BINARY
    assert why in decoded.rejected


def test_they_are_called_guesses_and_few_other_bytes_are_taken_for_them() -> None:
    assert decode(msgpack.packb({"a": [1]})).why == "MessagePack, a guess from its bytes"
    assert decode(cbor2.dumps({"a": [1]})).why == "CBOR, a guess from its bytes"
    source = random.Random(3)
    taken = sum(decode(source.randbytes(16)).kind in (Kind.MESSAGEPACK, Kind.CBOR) for _ in range(5000))
    assert taken <= 10


def test_the_beginning_of_a_large_one() -> None:
    rows = [{"id": n, "name": "Zoë"} for n in range(50_000)]
    for kind, data in ((Kind.MESSAGEPACK, msgpack.packb(rows)), (Kind.CBOR, cbor2.dumps({"rows": rows}))):
        decoded = decode(data)
        assert (decoded.kind, decoded.complete) == (kind, False)
        assert decoded.why == f"{kind.value}, a guess from its bytes, as far as its first 65.5 kB tell"
        assert len(list(decoded.pretty() or ())) > 1000
        assert decode(data, None).complete
