"""Filters find what they should, whichever short cut they take: plain evaluation of the same text is the oracle."""

import json
import math
import operator
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kexplorer.formats.batches import batch_test
from kexplorer.formats.evaluate import compile_tree
from kexplorer.formats.expression import parse
from kexplorer.formats.filters import Filter, compile_filter, literals
from kexplorer.formats.payloads import FewFields, document
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.search import FilterKind, FilterSpec, Where

HEADERS = (("trace", b"abc-1"), ("Äpfel", None), ("trace", b"\xff\x00"))


def contains(text: str, where: Where = Where.ANYWHERE, *, case_sensitive: bool = True) -> Filter:
    return compile_filter(FilterSpec(text, FilterKind.CONTAINS, case_sensitive, where))


def regex(pattern: str, where: Where = Where.VALUE, *, case_sensitive: bool = True) -> Filter:
    return compile_filter(FilterSpec(pattern, FilterKind.REGEX, case_sensitive, where))


def expression(text: str, *, prefilter: bool = True) -> Filter:
    return compile_filter(FilterSpec(text, FilterKind.EXPRESSION), now=0, prefilter=prefilter)


def in_value(filtering: Filter, value: bytes | None) -> bool:
    return filtering.matches(None, value, None, 0, 0, None) is True


@pytest.mark.parametrize(
    ("text", "found_in"),
    [
        ("order", {Where.KEY}),
        ("FAILED", {Where.VALUE}),
        ("trace", {Where.HEADERS}),
        ("bc-1", {Where.HEADERS}),
        ("Äpfel", {Where.HEADERS}),
        ("1", {Where.KEY, Where.HEADERS}),
        ("nowhere", set()),
    ],
)
def test_where_is_looked(text: str, found_in: set[Where]) -> None:
    record = (b"order-1", b'{"status": "FAILED"}', HEADERS, 0, 0, None)
    for where in (Where.KEY, Where.VALUE, Where.HEADERS):
        for filtering in (contains(text, where), regex(text, where), contains(text, where, case_sensitive=False)):
            assert filtering.matches(*record) is (where in found_in)
            assert not filtering.matches(None, None, None, 0, 0, None)
            needs = {Where.KEY: filtering.needs_key, Where.VALUE: filtering.needs_value}
            needs[Where.HEADERS] = filtering.needs_headers
            assert [each for each, needed in needs.items() if needed] == [where]
    for anywhere in (contains(text), regex(text, Where.ANYWHERE)):
        assert anywhere.matches(*record) is bool(found_in)
        assert anywhere.matches(b"", b"", (), 0, 0, None) is False


def test_case() -> None:
    assert not in_value(contains("failed", Where.VALUE), b"FAILED")
    assert in_value(contains("failed", Where.VALUE, case_sensitive=False), b"x FAILed")
    assert in_value(contains("ÄPFEL.", Where.VALUE, case_sensitive=False), "äpfel.".encode())
    assert in_value(contains("ÄPFEL", Where.VALUE, case_sensitive=False), b"\xff\xfe" + "äpFel".encode() + b"\xff")
    assert not in_value(contains("ÄPFEL.", Where.VALUE, case_sensitive=False), "äpfelx".encode())
    assert in_value(contains("ГОРОД", Where.VALUE, case_sensitive=False), "город".encode())
    assert in_value(regex("fail.d", case_sensitive=False), b"FAILED")
    assert not in_value(regex("fail.d"), b"FAILED")


@given(st.text(min_size=1, max_size=6), st.binary(max_size=30), st.binary(max_size=30))
def test_contains_is_about_bytes(text: str, before: bytes, after: bytes) -> None:
    needle = text.encode()
    for filtering in (contains(text, Where.VALUE), contains(text)):
        assert in_value(filtering, before + needle + after)
        assert in_value(filtering, before + after) is (needle in before + after)
    assert in_value(contains(text, Where.VALUE, case_sensitive=False), before + needle + after)


@given(st.binary(max_size=6), st.lists(st.binary(max_size=6), max_size=5))
@example(b"\xff\x00", [b"\xff\x00", b"\xff\x00\x00", b""])
@example(b"", [b"", b"a"])
def test_equals_is_about_all_bytes_whatever_they_are(wanted: bytes, keys: list[bytes]) -> None:
    spec = FilterSpec(wanted.decode("utf-8", "surrogateescape"), FilterKind.EQUALS, where=Where.KEY)
    found = compile_filter(spec)
    matching = [key for key in keys if found.matches(key, wanted, (), 0, 0, None)]
    assert matching == [key for key in keys if key == wanted]
    assert not found.matches(None, wanted, (), 0, 0, None)
    test = batch_test(spec)
    assert test is None or test(b"".join(keys)) or not matching


_NUMBERS = st.one_of(
    st.integers(-(10**7), 10**7).map(str),
    st.decimals(-1000, 10**6, places=2).map(str),
    st.sampled_from(["1e3", "1E+5", "9.99e1", "-1e9", "0.5e2", "1e400", "null", '"200"', "[500]", "true"]),
)


@given(
    st.sampled_from(["value.n > {}", "value.n >= {}", "{} < value.a.n", "{} <= value.n and value.m > 5", "value.m > 1"])
    .flatmap(lambda text: st.decimals(0, 10**5, places=1).map(text.format))
    .flatmap(lambda text: st.sampled_from([text, f"{text} or value.n > 77", f"partition == 0 and {text}"])),
    st.lists(st.tuples(st.sampled_from(['"n"', '"m"', '"a":{"n"', '"\\u006e"']), _NUMBERS), max_size=4),
    st.sampled_from([":", " : ", ":\n\t"]),
)
@example("value.n > 99", [('"n"', "100")], ":")
@example("value.n > 99.5", [('"n"', "99.7")], ":")
@example("value.n >= 100", [('"n"', "1e2")], ":")
def test_a_number_that_is_large_enough_is_seen_in_a_batch(text: str, fields: list[tuple[str, str]], colon: str) -> None:
    inside = ",".join(f"{name}{colon}{number}{'}' * name.count('{')}" for name, number in fields)
    value = f"{{{inside}}}".encode()
    spec = FilterSpec(text, FilterKind.EXPRESSION)
    if compile_filter(spec).matches(None, value, (), 0, 0, None) is True:
        test = batch_test(spec)
        assert test is None or test(b'{"n":1}' + value + b"{}")


def test_records_are_passed_over_by_the_digits_of_their_numbers() -> None:
    test = batch_test(FilterSpec('value.a.sum > 99999 and value.state != "NEW"', FilterKind.EXPRESSION))
    assert test
    assert not test(b'{"state":"PAID","a":{"sum":9999.75}}{"state":"PAID","a":{"sum": 7}}')
    assert test(b'{"a":{"sum":7}}{"a":{"sum": 100000}}')


def test_an_empty_text_lets_everything_through() -> None:
    for kind in set(FilterKind) - {FilterKind.EQUALS}:
        filtering = compile_filter(FilterSpec("", kind))
        assert filtering.matches(None, None, None, 0, 0, None)
        assert not any((filtering.needs_key, filtering.needs_value, filtering.needs_headers, filtering.literal))


def test_what_must_be_in_a_value() -> None:
    assert contains("FAILED", Where.VALUE).literal == b"FAILED"
    assert contains("é", Where.VALUE).literal == "é".encode()
    for other in (
        contains("x"),
        contains("x", Where.VALUE, case_sensitive=False),
        regex("x"),
        contains("x", Where.KEY),
    ):
        assert other.literal is None


def test_what_a_filter_needs() -> None:
    assert (expression("value.a == 1").needs_value, expression("size > 1").needs_value) == (True, True)
    assert not expression("partition == 1 and key == 'a'").needs_value
    assert expression("exists(key)").needs_key
    assert not expression("value.key == 1").needs_key
    assert expression("headers.a == 1").needs_headers
    assert expression("'a' in headers_all.a").needs_headers
    assert not expression("value.headers == 1").needs_headers


@pytest.mark.parametrize(
    ("pattern", "value", "found"),
    [
        ("^.*abc$", b"\xff\xfeabc", True),
        ("^.{3}$", "äöü".encode(), True),
        (r"\x00.\x01", b"\x00\xff\x01", True),
        ("[äö]", b"\xc3\xff", False),
        ("(?s)a.*b", b"a\nb", True),
        (r"^\d{5}-\w+$", b"12345-abc", True),
        ("", b"", True),
    ],
)
def test_regular_expressions(pattern: str, value: bytes, found: bool) -> None:
    assert in_value(regex(pattern), value) is found


@pytest.mark.parametrize(
    ("pattern", "column", "remedy"),
    [
        ("ab(cd", 6, "Close the group"),
        ("é(", 3, "Close the group"),
        ("abc)", 4, "\\)"),
        ("a\\))b(c)", 4, "\\)"),
        ("ab[cd", 3, "Close the set"),
        ("ab**", 3, "Repeat once"),
        ("*ab", 1, "in front"),
        ("(a)\\1", 4, "back-reference"),
        ("a(?=b)", 2, "Look-around"),
        ("(?<!a)b", 1, "Look-around"),
        ("a{2000}", 2, "1000"),
        ("((a{100}){100}){100}", 16, "1000"),
        ("[z-a]", 2, "first"),
        ("ab\\", 3, "itself"),
        ("x" * 5000, None, "Shorten"),
    ],
)
def test_what_is_said_about_a_wrong_pattern(pattern: str, column: int | None, remedy: str) -> None:
    with pytest.raises(Failure) as told:
        regex(pattern)
    assert told.value.kind is FailureKind.INVALID
    assert column is None or f"column {column}:" in told.value.message
    assert remedy in told.value.hint


def test_no_pattern_takes_for_ever(capfd: pytest.CaptureFixture[str]) -> None:
    value = b"a" * 100_000 + b"!"
    started = time.perf_counter()
    for pattern in (
        "(a+)+$",
        "^(a|aa)*$",
        "(a*)*b",
        "^(a|a?)+$",
        "(.*)(.*)(.*)(.*)x",
        "(?:a?){500}a{500}$",
        "(x+x+)+y",
    ):
        assert not in_value(regex(pattern), value)
        assert not in_value(regex(pattern, case_sensitive=False), value + b"\xff")
    assert time.perf_counter() - started < 20
    assert capfd.readouterr() == ("", "")


@given(st.text(max_size=30), st.binary(max_size=30))
def test_any_pattern_is_a_filter_or_a_failure(pattern: str, value: bytes) -> None:
    try:
        filtering = regex(pattern)
    except Failure:
        return
    assert in_value(filtering, value) in (True, False)


def test_half_a_character_is_refused() -> None:
    for kind in FilterKind:
        with pytest.raises(Failure, match="column 2: half a character"):
            compile_filter(FilterSpec("a\ud800", kind))


# The oracle. A condition is its text and what it means for a document, written down as plainly as possible.

GONE = object()
NAMES = ("a", "b", "from", "ü", "")
STRINGS = ("FAILED", "FA", "ü/", 'q"\\', "a", "", "5")
NUMBERS = ("0", "5", "-1", "5.0", "1.10", "1.1", "1e2", "100", "9007199254740993", "9007199254740992", "1e400")
Meaning = Callable[[Any], Any]
Pair = tuple[str, Meaning]
Draw = Callable[[Any], Any]
SLOW_MACHINE = [HealthCheck.too_slow]  # says nothing of the filters


def _scalars() -> st.SearchStrategy[Any]:
    numbers = st.sampled_from([json.loads(each, parse_float=Decimal) for each in NUMBERS])
    return st.none() | st.booleans() | numbers | st.sampled_from(STRINGS) | st.text(max_size=3)


DOCUMENTS: st.SearchStrategy[Any] = st.recursive(
    _scalars(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), DOCUMENTS, min_size=1, max_size=5)


def _written(found: Any, draw: Draw) -> str:
    """JSON in any of the ways in which a producer may write it."""
    blank: str = draw(st.sampled_from(["", "", " ", "\n\t"]))
    if isinstance(found, dict):
        members = [f"{_written(name, draw)}:{_written(each, draw)}" for name, each in found.items()]
        return f"{blank}{{{','.join(members)}{blank}}}"
    if isinstance(found, list):
        return f"{blank}[{','.join(_written(each, draw) for each in found)}{blank}]"
    if isinstance(found, str):
        how = draw(st.sampled_from(["plain", "ascii", "hexadecimal", "slashes"]))
        if how == "hexadecimal":
            units = found.encode("utf-16-be")
            return '"' + "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2)) + '"'
        text = json.dumps(found, ensure_ascii=how != "plain")
        return text.replace("/", "\\/") if how == "slashes" else text
    return f"{blank}{found if isinstance(found, Decimal) else json.dumps(found)}{blank}"


@st.composite
def _payloads(draw: Draw) -> tuple[Any, bytes]:
    found = draw(OBJECTS | OBJECTS | DOCUMENTS)
    return found, _written(found, draw).encode()


def _at(found: Any, steps: tuple[str | int, ...]) -> Any:
    for step in steps:
        fits = isinstance(found, dict if isinstance(step, str) else list)
        try:
            found = found[step] if fits else GONE
        except LookupError:
            return GONE
    return found


def _plain(found: Any) -> Any:
    """Something that Python compares as the language does: a number is never equal to true or a text."""
    if isinstance(found, dict):
        return ("object", frozenset((name, _plain(each)) for name, each in found.items()))
    if isinstance(found, list):
        return ("array", tuple(_plain(each) for each in found))
    if isinstance(found, int | Decimal) and not isinstance(found, bool):
        return ("number", Decimal(found))
    return (type(found).__name__, found)


def _there(found: Any) -> bool:
    return found is not None and found is not GONE


def _compared(sign: str, a: Any, b: Any) -> bool:
    if not _there(a) or not _there(b):
        return False
    a, b = _plain(a), _plain(b)
    if sign in ("==", "!="):
        return bool((a == b) is (sign == "=="))
    orders: dict[str, Callable[[Any, Any], bool]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt}
    return bool(a[0] == b[0] and a[0] in ("number", "str") and orders[sign](a[1], b[1]))


def _contained(item: Any, whole: Any) -> bool | None:
    if not _there(item) or not _there(whole):
        return None
    if isinstance(whole, list):
        return _plain(item) in [_plain(each) for each in whole]
    return item in whole if isinstance(item, str) and isinstance(whole, str | dict) else None


@st.composite
def _paths(draw: Draw, base: str = "value") -> Pair:
    steps = tuple(draw(st.lists(st.sampled_from(NAMES) | st.integers(0, 2), min_size=1, max_size=3)))
    if base == "value" and isinstance(steps[0], int):
        steps = ("a", *steps)
    shown = "".join(
        f".{each}" if each in NAMES[:4] and draw(st.booleans()) else f"[{json.dumps(each)}]" for each in steps
    )
    return base + shown, lambda found: _at(found, steps)


def _literals() -> st.SearchStrategy[tuple[str, Any]]:
    texts = [(json.dumps(each, ensure_ascii=False), each) for each in STRINGS]
    numbers = [(each, json.loads(each, parse_float=Decimal)) for each in NUMBERS if each[0] != "-"]
    return st.sampled_from(texts + texts + numbers)


SIGNS = st.sampled_from(["==", "==", "!=", "<", "<=", ">"])
MEMBERSHIP = st.sampled_from([("in", True), ("not in", False)])


@st.composite
def _constant_tests(draw: Draw, base: str = "value") -> Pair:
    path, get = draw(_paths(base))
    text, constant = draw(_literals())
    sign, (word, wanted) = draw(SIGNS), draw(MEMBERSHIP)
    part = json.dumps(constant, ensure_ascii=False) if isinstance(constant, str) else '"5"'
    choices: list[Pair] = [
        (f"{path} {sign} {text}", lambda d: _compared(sign, get(d), constant)),
        (f"{text} {sign} {path}", lambda d: _compared(sign, constant, get(d))),
        (f"{text} {word} {path}", lambda d: _contained(constant, get(d)) is wanted),
        (f"contains({path}, {part})", lambda d: _contained(json.loads(part), get(d)) is True),
        (f"starts_with({path}, {part})", lambda d: isinstance(get(d), str) and get(d).startswith(json.loads(part))),
        (f"ends_with({path}, {part})", lambda d: isinstance(get(d), str) and get(d).endswith(json.loads(part))),
    ]
    return choices[draw(st.integers(0, len(choices) - 1))]


@st.composite
def _field_tests(draw: Draw, base: str = "value") -> Pair:
    path, get = draw(_paths(base))
    other, get_other = draw(_paths(base))
    sign, (word, wanted) = draw(SIGNS), draw(MEMBERSHIP)
    choices: list[Pair] = [
        (f"{path} {sign} {other}", lambda d: _compared(sign, get(d), get_other(d))),
        (f"{path} {word} {other}", lambda d: _contained(get(d), get_other(d)) is wanted),
        (f"{path} == null", lambda d: not _there(get(d))),
        (f"{path} != null", lambda d: _there(get(d))),
        (f"exists({path})", lambda d: get(d) is not GONE),
        (path, lambda d: get(d) is True),
        (f"{path} + 1 - {path} == 1", lambda d: _is_number(get(d)) and Decimal(get(d)).adjusted() < 90),
        (f"{path} * 2 >= {path}", lambda d: _is_number(get(d)) and get(d) >= 0),
    ]
    return choices[draw(st.integers(0, len(choices) - 1))]


@st.composite
def _list_tests(draw: Draw, base: str = "value") -> Pair:
    path, get = draw(_paths(base))
    some = draw(st.lists(_literals(), max_size=3))
    word, wanted = draw(MEMBERSHIP)
    listed, plain = ", ".join(text for text, _ in some), [_plain(each) for _, each in some]
    return f"{path} {word} [{listed}]", lambda d: _there(get(d)) and (_plain(get(d)) in plain) is wanted


def _tests(base: str = "value") -> st.SearchStrategy[Pair]:
    return _constant_tests(base) | _constant_tests(base) | _field_tests(base) | _list_tests(base)


def _is_number(found: Any) -> bool:
    return isinstance(found, int | Decimal) and not isinstance(found, bool)


@st.composite
def _each(draw: Draw) -> Pair:
    array, get = draw(_paths())
    name = draw(st.sampled_from(["any", "all"]))
    text, holds = draw(_tests(f"{array}[*]"))
    function = any if name == "any" else all
    return f"{name}({text})", lambda d: isinstance(get(d), list) and function(holds(each) for each in get(d))


CONDITIONS: st.SearchStrategy[Pair] = st.recursive(
    _tests() | _each(),
    lambda inner: (
        st.lists(inner, min_size=2, max_size=3).map(
            lambda some: (" and ".join(f"({t})" for t, _ in some), lambda d: all(holds(d) for _, holds in some))
        )
        | st.lists(inner, min_size=2, max_size=3).map(
            lambda some: (" || ".join(f"({t})" for t, _ in some), lambda d: any(holds(d) for _, holds in some))
        )
        | inner.map(lambda one: (f"not ({one[0]})", lambda d: not one[1](d)))
    ),
    max_leaves=4,
)


@pytest.mark.slow
@settings(max_examples=200, suppress_health_check=SLOW_MACHINE)
@given(CONDITIONS, st.lists(_payloads(), min_size=1, max_size=3))
@example(('value.a == "FAILED"', lambda d: _at(d, ("a",)) == "FAILED"), [({"a": "FAILED"}, b'{"a":"\\u0046AILED"}')])
def test_a_filter_means_what_its_text_says(condition: Pair, payloads: list[tuple[Any, bytes]]) -> None:
    text, holds = condition
    fast, plain = expression(text), expression(text, prefilter=False)
    for found, data in payloads:
        expected = bool(holds(found))
        assert in_value(fast, data) is expected, (text, data)
        assert in_value(plain, data) is expected, (text, data)
        assert fast.matches(data, b"{}", None, 0, 0, None) is plain.matches(data, b"{}", None, 0, 0, None)


@settings(max_examples=100, suppress_health_check=SLOW_MACHINE)
@given(CONDITIONS, st.data())
def test_short_cuts_change_nothing_on_broken_values(condition: Pair, data: st.DataObject) -> None:
    """Cut, overwritten, doubled: whether the value is still JSON, and which, must not depend on how it is read."""
    text, _ = condition
    _, value = data.draw(_payloads())
    at = data.draw(st.integers(0, len(value)))
    broken = value[:at] + data.draw(st.binary(max_size=3) | st.sampled_from([b"\\", b'"', b"\\ud83d", b"NaN", b"}"]))
    broken += value[at + data.draw(st.integers(0, 2)) :]
    whole = document(broken)
    run, fields = compile_tree(parse(text), "", 0)
    if fields:
        slow = fields._shape.fitted(whole)  # as if every field had been decoded
        assert in_value(expression(text), broken) is bool(run((slow, broken, None, None, 0, 0, None, broken)))
    assert in_value(expression(text), broken) is in_value(expression(text, prefilter=False), broken)


@given(
    _payloads(), st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(tuple), min_size=1, max_size=4)
)
def test_a_few_fields_are_those_of_the_whole(payload: tuple[Any, bytes], paths: list[tuple[str, ...]]) -> None:
    found, data = payload
    fields = FewFields(paths)
    for path in paths:
        decoded = fields.decoded(path)
        value = fields.decode(data)
        try:
            got = operator.attrgetter(fields.attribute(decoded))(value)
        except AttributeError:
            continue  # an object around it is missing
        if repr(got) == "MISSING":
            assert _at(found, decoded) is GONE
        else:
            assert _plain(got) == _plain(_at(found, decoded))


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ('value.a == "x"', ("x",)),
        ('value.a == "x" and value.b == "longer"', ("longer",)),
        ('value.a in ["x", "y"] and value.b > 5', ("x", "y")),
        ('value.a == "x" or value.b == "y"', ("x", "y")),
        ('value.a == "x" or value.b == 1', ()),
        ('value.a == "x" or key == "y"', ()),
        ('not (value.a == "x")', ()),
        ('value.a != "x"', ()),
        ('value.a == ""', ()),
        ('value.a in ["x", ""]', ()),
        ('value.a in ["x", 1]', ()),
        ('any(value.a[*].b == "x")', ("x",)),
        ('all(value.a[*].b == "x")', ()),
        ('lower(value.a) == "x"', ()),
        ('text(value.a) == "1.10"', ()),
        ('"x" in value.a and contains(value.b, "yy")', ("yy",)),
        ('headers.a == "x"', ()),
    ],
)
def test_what_is_looked_for_before_decoding(text: str, known: tuple[str, ...]) -> None:
    assert literals(parse(text)) == known


def test_exact_numbers_beyond_floats() -> None:
    assert not math.isfinite(float("1e400"))
    assert in_value(expression("value.a == 1e400 and value.b < 1e-400"), b'{"a": 1e400, "b": 1e-401}')
