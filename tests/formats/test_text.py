import unicodedata
from typing import Any, SupportsIndex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.formats.text import Kind, preview, visible, visible_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain {'text'} with ‹quotes› – Zoë 東京 👍🏽", "plain {'text'} with ‹quotes› – Zoë 東京 👍🏽"),
        ("a\tb\nc\r\n", "a⇥b↵c␍↵"),
        ("nul\0esc\x1b[31m del\x7f", "nul␀esc␛[31m del␡"),
        ("\x85\x9b", "‹U+0085›‹U+009B›"),
        ("user\u202egnp.exe\u2066x\u2069", "user‹U+202E›gnp.exe‹U+2066›x‹U+2069›"),
        ("zero\u200bwidth\u200d\u2060\ufeff", "zero‹U+200B›width‹U+200D›‹U+2060›‹U+FEFF›"),
        ("line\u2028para\u2029", "line‹U+2028›para‹U+2029›"),
        ("no\u00a0break\u3164\u2800", "no‹U+00A0›break‹U+3164›‹U+2800›"),
        ("lone \ud800", "lone ‹U+D800›"),
        ("tag \U000e0041", "tag ‹U+E0041›"),
        ("❤️", "❤️"),
        ("<img src='file:///etc/passwd'>", "<img src='file:///etc/passwd'>"),
    ],
)
def test_every_character_can_be_seen(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_nothing_that_unicode_calls_a_control_format_or_separator_gets_through() -> None:
    drawn = {0x20, 0x3000, *range(0x600, 0x606), 0x6DD, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}  # marks that one sees
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}
    through = [
        f"U+{code:04X}"
        for code in range(0x110000)
        if unicodedata.category(char := chr(code)) in hidden and code not in drawn and visible(char) == char
    ]
    assert through == []


def test_lines_keep_their_breaks_and_tabs_only() -> None:
    assert visible_lines("{\n\t1\r\n\u2028}\x85") == "{\n\t1␍\n‹U+2028›}‹U+0085›"


@pytest.mark.parametrize(
    ("data", "text", "kind"),
    [
        (None, "", Kind.NULL),
        (b"", "", Kind.EMPTY),
        (b'{"a": 1}', '{"a": 1}', Kind.TEXT),
        (b'{\n  "a": 1\n}', '{↵  "a": 1↵}', Kind.TEXT),
        ("Zoë\u202e".encode(), "Zoë‹U+202E›", Kind.TEXT),
        (b"mostly text\xff, one byte is not", "mostly text‹FF›, one byte is not", Kind.BINARY),
        (b"lone surrogate \xed\xa0\x80", "lone surrogate ‹ED›‹A0›‹80›", Kind.BINARY),
        (b"\x00\x00\x00\x00\x00\x00\x00A", "00 00 00 00 00 00 00 41", Kind.BINARY),
        (b"\xff\xfe\x00\x01", "FF FE 00 01", Kind.BINARY),
        (b"\x00\x00\x00\x00\x07\x10order-12345-shipped", "␀␀␀␀␇␐order-12345-shipped", Kind.BINARY),
        (b"key\x00part", "key␀part", Kind.TEXT),
    ],
)
def test_preview_says_what_the_bytes_are(data: bytes | None, text: str, kind: Kind) -> None:
    assert preview(data) == (text, kind, False)


def test_a_long_value_ends_in_an_ellipsis_at_the_limit() -> None:
    assert preview(b"x" * 200) == ("x" * 200, Kind.TEXT, False)
    assert preview(b"x" * 201) == ("x" * 199 + "…", Kind.TEXT, True)
    assert preview("東".encode() * 200) == ("東" * 200, Kind.TEXT, False)
    assert preview("東".encode() * 201) == ("東" * 199 + "…", Kind.TEXT, True)
    assert preview(b"\xff" * 5, 8) == ("FF FF F…", Kind.BINARY, True)
    assert preview(b"abcd\n\n\n\n\n", 8) == ("abcd↵↵↵…", Kind.TEXT, True)


def test_the_cut_splits_neither_a_character_nor_an_escape() -> None:
    for lead in range(8):  # puts the cut at each byte of a character
        shown = preview(b"x" * lead + "👍é".encode() * 300)
        assert shown.kind is Kind.TEXT
        assert shown.text.strip("x👍é") == "…"
    for lead in range(10):
        text = preview(("x" * lead + "\u202e" * 30).encode(), 40).text
        assert text.removesuffix("…").replace("‹U+202E›", "") == "x" * lead


class Counted(bytes):
    """Bytes that know how much of them was read; reading all at once is an error."""

    touched: int

    def __getitem__(self, key: SupportsIndex | slice) -> Any:
        part = super().__getitem__(key)
        self.touched = getattr(self, "touched", 0) + (len(part) if isinstance(part, bytes) else 1)
        return part

    def decode(self, *_: object, **__: object) -> str:
        raise AssertionError("read as a whole")

    isascii = hex = translate = find = count = __iter__ = decode  # type: ignore[assignment]


@pytest.mark.parametrize("part", [b"{'a': 1} ", "Zoë".encode(), b"\xff\x00", b"a\tb\n"])
def test_the_size_of_a_value_does_not_matter_to_its_preview(part: bytes) -> None:
    large, small = Counted(part * (50_000_000 // len(part))), Counted(part * 1000)
    assert preview(large) == preview(small)
    assert large.touched == small.touched <= 1200


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")), st.integers(1, 300))
def test_any_bytes_have_a_preview_of_one_line_within_the_limit(data: bytes, limit: int) -> None:
    shown = preview(data, limit)
    assert len(shown.text) <= limit
    assert visible(shown.text) == shown.text
    assert shown.truncated == shown.text.endswith("…") or "…".encode() in data
    assert bool(shown.text) == bool(data)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_valid_text_is_shown_as_visible_shows_it(text: str) -> None:
    shown = preview(text.encode(), 1000)
    if shown.kind is Kind.TEXT:
        assert shown.text == visible(text)
    else:
        assert any(char < " " or "\x7f" <= char < "\xa0" for char in text)
