"""The difference of two texts: complete, small where it can be, and done in time whatever they are."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.formats.difference import NO_LINE, Difference, Mark, difference, without_comma
from kexplorer.formats.json_text import pretty

LINES = st.lists(st.sampled_from("abcdefg{}"), max_size=30)


def marked(left: str, right: str, *, json: bool = False) -> list[str]:
    """Each pair as its mark and its lines."""
    a, b = left.split(), right.split()
    found = difference(a, b, without_comma) if json else difference(a, b)
    return [
        f"{mark}{'' if i == NO_LINE else a[i]}|{'' if k == NO_LINE else b[k]}"
        for mark, i, k in zip(found.marks, found.left, found.right, strict=True)
    ]


def check(left: list[str], right: list[str], found: Difference) -> None:
    """Every line is there once, in order, and what is called the same is."""
    assert [i for i in found.left if i != NO_LINE] == list(range(len(left)))
    assert [k for k in found.right if k != NO_LINE] == list(range(len(right)))
    for mark, i, k in zip(found.marks, found.left, found.right, strict=True):
        there = (i != NO_LINE, k != NO_LINE)
        assert there == {Mark.REMOVED: (True, False), Mark.ADDED: (False, True)}.get(mark, (True, True))
        assert mark is not Mark.SAME or left[i] == right[k]
    differs = [mark is not Mark.SAME for mark in found.marks]
    starts = [n for n, now in enumerate(differs) if now and not (n and differs[n - 1])]
    assert list(found.blocks) == starts


@given(LINES, LINES)
def test_every_line_is_there_once_in_its_order(left: list[str], right: list[str]) -> None:
    check(left, right, difference(left, right))


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("a b c", "a b c", ["a|a", "b|b", "c|c"]),
        ("a b c", "a x c", ["a|a", "~b|x", "c|c"]),
        ("a c", "a b c", ["a|a", "+|b", "c|c"]),
        ("a b c", "a c", ["a|a", "-b|", "c|c"]),
        ("", "a", ["+|a"]),
        ("a b", "", ["-a|", "-b|"]),
        ("a b c d", "x c d y", ["~a|x", "-b|", "c|c", "d|d", "+|y"]),
    ],
)
def test_what_changed(left: str, right: str, expected: list[str]) -> None:
    assert marked(left, right) == expected


def test_a_field_behind_the_last_one_changes_that_one_not() -> None:
    assert marked('{ "a":1 }', '{ "a":1, "b":2 }', json=True) == ["{|{", '"a":1|"a":1,', '+|"b":2', "}|}"]


def test_one_field_of_a_large_value_is_one_difference() -> None:
    rows = [f'{{"id":{n},"name":"n{n}","ok":true}}' for n in range(20_000)]
    other = [*rows[:9_000], rows[9_000].replace("true", "false"), *rows[9_001:]]
    left, right = (pretty(f"[{','.join(each)}]").split("\n") for each in (rows, other))
    found = difference(left, right, without_comma)
    assert len(found.blocks) == 1
    assert not found.coarse
    (at,) = found.blocks
    assert (left[found.left[at]].strip(), right[found.right[at]].strip()) == ('"ok": true', '"ok": false')


def _shuffled(lines: list[str]) -> list[str]:
    return random.Random(1).sample(lines, len(lines))


DIGITS = [str(random.Random(2).randrange(3)) + str(n % 7) for n in range(50_000)]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (["a", "b"] * 25_000, ["b", "b", "a"] * 17_000),
        (DIGITS, _shuffled(DIGITS)),
        ([str(n) for n in range(50_000)], _shuffled([str(n) for n in range(50_000)])),
        ([f"a{n}" for n in range(50_000)], [f"b{n}" for n in range(50_000)]),
    ],
    ids=["repeated", "few words", "shuffled", "nothing alike"],
)
def test_hostile_texts_take_no_longer(left: list[str], right: list[str]) -> None:
    began = time.thread_time()
    found = difference(left, right)
    assert time.thread_time() - began < 20
    check(left, right, found)


def test_what_is_too_much_to_line_up_says_so() -> None:
    found = difference(["a", "b"] * 1000, ["b", "b", "c"] * 1000)
    assert found.coarse
    assert not difference(["a", "b"] * 10, ["b", "b", "c"] * 10).coarse
