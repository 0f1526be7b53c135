import json
import re
from decimal import Decimal
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kexplorer.formats.json_text import NotJson, Token, looks_like_json, pretty, pretty_lines, tokens

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=40,
)
SPACE = st.text(" \t\r\n", max_size=3)


def squeezed(text: str) -> str:
    """`text` without the white space between tokens, by another way than the printer's."""
    parts = re.split(r'("(?:[^"\\]|\\.)*")', text, flags=re.DOTALL)
    return "".join(part if number % 2 else re.sub(r"[ \t\r\n]+", "", part) for number, part in enumerate(parts))


@st.composite
def json_texts(draw: st.DrawFn) -> str:
    """Valid JSON with odd white space between its tokens."""
    text = json.dumps(draw(JSON_VALUES), ensure_ascii=draw(st.booleans()))
    parts = re.findall(r'"(?:[^"\\]|\\.)*"|[^\s\[\]{}:,"]+|[\[\]{}:,]', text)
    return "".join(draw(SPACE) + part for part in parts) + draw(SPACE)


def test_layout() -> None:
    text = '{"a":1,"b":[],"c":{ },"d":[1,"x",null],"e":[{"f":true},[[2]]],"g":{"h":{"i":-1.5E+3}}}'
    assert pretty(text).split("\n") == [
        "{",
        '  "a": 1,',
        '  "b": [],',
        '  "c": {},',
        '  "d": [1, "x", null],',
        '  "e": [',
        "    {",
        '      "f": true',
        "    },",
        "    [",
        "      [2]",
        "    ]",
        "  ],",
        '  "g": {',
        '    "h": {',
        '      "i": -1.5E+3',
        "    }",
        "  }",
        "}",
    ]


def test_an_array_that_is_too_wide_gets_a_line_for_each_element() -> None:
    assert pretty("[" + "123456789," * 6 + "1]") == "[" + "123456789, " * 6 + "1]"
    assert pretty("[" + "123456789," * 7 + "1]").split("\n") == ["[", *["  123456789,"] * 7, "  1", "]"]


def test_scalars_and_indent() -> None:
    assert [pretty(text) for text in ("1", ' "x" ', "null", "[ ]", "{\n}")] == ["1", '"x"', "null", "[]", "{}"]
    assert pretty('{"a":{"b":1}}', indent=4).split("\n")[2] == '        "b": 1'


@pytest.mark.parametrize(
    "token",
    [
        "9" * 5000,
        "-" + "1" * 4301,
        "1.10",
        "1e400",
        "-0",
        "0.1E-7",
        "12345678901234567890.123456789012345678901",
        r'"\u00e9\/\ud800\"\\"',
        '"\u202e\u2028\ud800\ufeff"',
        '"' + "long " * 2000 + r"\n" * 300 + '"',
    ],
)
def test_a_token_comes_out_as_it_went_in(token: str) -> None:
    for text in (token, f"[{token}]", f'{{"k":{token}}}', f'[{{}},{token},{{"k":{token},"l":[{token}, {{}}]}}]'):
        assert squeezed(pretty(text)) == squeezed(text)


def test_duplicate_keys_and_their_order_are_kept() -> None:
    assert pretty('{"b":1,"a":2,"b":3,"":4}').split("\n") == [
        "{",
        '  "b": 1,',
        '  "a": 2,',
        '  "b": 3,',
        '  "": 4',
        "}",
    ]


@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('[{"a":', "}]")])
def test_depth_of_100_000(start: str, end: str) -> None:
    depth = 100_000 // len(end)
    text = start * depth + "1" + end * depth
    out = pretty(text)
    assert squeezed(out) == text
    assert len(out) < 50_000_000


def test_the_first_lines_of_a_large_text_do_not_need_the_rest() -> None:
    text = '[{"a":[1,{"b":2}]},' * 5_000 + "here is the mistake"
    assert next(pretty_lines(text)) == "["
    assert len(list(islice(pretty_lines(text), 1000))) == 1000
    with pytest.raises(NotJson, match="found here"):
        pretty(text)


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ("", 1, 1, "expected a value, found the end"),
        ("[1,", 1, 4, "expected a value, found the end"),
        ("[1,]", 1, 4, "expected a value, found ]"),
        ('{"a" 1}', 1, 6, 'expected ":", found 1'),
        ('{"a":1,\n "b":2,}', 2, 8, "expected a key in double quotes, found }"),
        ("{a: 1}", 1, 2, "expected a key in double quotes, found a"),
        ("{'a': 1}", 1, 2, "expected a key in double quotes, found '"),
        ("[01]", 1, 3, 'expected "," or "]", found 1'),
        ("[1.]", 1, 3, 'expected "," or "]", found .'),
        ("[-Infinity]", 1, 2, "expected a value, found -Infinity"),
        ("NaN", 1, 1, "expected a value, found NaN"),
        ("[True]", 1, 2, "expected a value, found True"),
        ("[1] [2]", 1, 5, "expected the end, found ["),
        ('{"a":{}}\r\n{"a":{}}', 2, 1, "expected the end, found {"),
        ("[1}", 1, 3, 'expected "," or "]", found }'),
        ('{"a":[{}]', 1, 10, 'expected "," or "}", found the end'),
        ('["abc', 1, 6, "the string is not closed"),
        ('["a\nb"]', 1, 4, "↵ must be escaped in a string"),
        (r'["a\x"]', 1, 4, r"unknown escape \x in a string"),
        (r'["\u"]', 1, 3, r"unknown escape \u in a string"),
        ("[1e]", 1, 3, 'expected "," or "]", found e'),
        (r'{"\u12":1}', 1, 3, r"unknown escape \u in a string"),
        ("\ufeff{}", 1, 1, "expected a value, found ‹U+FEFF›"),
        ("[1,\n\n   oops]", 3, 4, "expected a value, found oops"),
        ("[1\u00a0]", 1, 3, 'expected "," or "]", found ‹U+00A0›'),
    ],
)
def test_a_mistake_is_explained_where_it_is(text: str, line: int, column: int, reason: str) -> None:
    with pytest.raises(NotJson) as caught:
        pretty(text)
    mistake = caught.value
    assert (mistake.line, mistake.column, mistake.reason) == (line, column, reason)
    assert str(mistake) == f"line {line}, column {column}: {reason}"
    assert mistake.offset == sum(len(part) for part in text.splitlines(keepends=True)[: line - 1]) + column - 1


def test_the_end_of_a_partial_text_is_no_mistake() -> None:
    text = '{"key": [1, {"a\\u00e9": tr'
    assert list(pretty_lines(text, partial=True)) == ["{", '  "key": [', "    1,", "    {", '      "a\\u00e9": tr']
    with pytest.raises(NotJson):
        list(pretty_lines('{"key": oops, "other": 1', partial=True))


@given(json_texts(), st.data())
def test_any_beginning_of_valid_json_can_be_shown(text: str, data: st.DataObject) -> None:
    beginning = text[: data.draw(st.integers(0, len(text)))]
    assert squeezed("\n".join(pretty_lines(beginning, partial=True))) == squeezed(beginning)


def exact(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, object_pairs_hook=list)


@given(json_texts())
@example("[" + ",".join(map(str, range(200))) + "]")
@example("{" + ",".join(f'"{n}":{n}' for n in range(200)) + "}")
def test_only_white_space_changes(text: str) -> None:
    out = pretty(text)
    assert squeezed(out) == squeezed(text)
    assert exact(out) == exact(text)
    assert pretty(out) == out
    assert out.split("\n") == list(pretty_lines(text))
    assert not any(line.endswith((" ", "\r")) for line in out.split("\n"))


@given(st.text('{}[]:,"\\ \n01.-eEtrufalsn+x', max_size=30) | json_texts().map(lambda text: text.replace("1", "}", 1)))
def test_accepts_exactly_what_the_json_module_accepts(text: str) -> None:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError:
        with pytest.raises(NotJson) as mistake:
            pretty(text)
        assert 0 <= mistake.value.offset <= len(text)
    else:
        assert squeezed(pretty(text)) == squeezed(text)


def test_tokens_are_told_apart() -> None:
    line = '  "key" : ["a\\"b:", -1.5e3, true, nullx]'
    found = [(line[start:end], kind) for start, end, kind in tokens(line)]
    assert found == [
        ('"key"', Token.KEY),
        (":", Token.PUNCTUATION),
        ("[", Token.PUNCTUATION),
        ('"a\\"b:"', Token.STRING),
        (",", Token.PUNCTUATION),
        ("-1.5e3", Token.NUMBER),
        (",", Token.PUNCTUATION),
        ("true", Token.LITERAL),
        (",", Token.PUNCTUATION),
        ("]", Token.PUNCTUATION),
    ]
    assert list(tokens('"not closed \\')) == [(0, 13, Token.STRING)]


@given(json_texts())
def test_tokens_leave_out_white_space_only(text: str) -> None:
    found = list(tokens(text))
    assert "".join(text[start:end] for start, end, _ in found) == squeezed(text)


@given(st.text())
def test_tokens_of_any_text_are_in_order(text: str) -> None:
    spans = [(start, end) for start, end, _ in tokens(text)]
    assert all(start < end for start, end in spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


@pytest.mark.parametrize(
    ("data", "likely"),
    [
        (b'{"a":1}', True),
        (b"\r\n\t [", True),
        (b"\xef\xbb\xbf{}", True),
        (b"42", False),
        (b'"text"', False),
        (b"", False),
        (b" " * 1_000_000 + b"{}", False),
    ],
)
def test_guess_from_the_first_bytes(data: bytes, likely: bool) -> None:
    assert looks_like_json(data) is likely
