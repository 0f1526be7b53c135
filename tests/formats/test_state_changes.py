"""What differs between two states, by path and by lines."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.formats.difference import Mark
from kexplorer.formats.functions import same
from kexplorer.formats.payloads import MISSING
from kexplorer.formats.state_changes import Changed, changes, state_lines

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, [("b", 2, 3)]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 9]}}, [("a.b[1]", 2, 9)]),
        ({"a": 1}, {"b": None}, [("b", MISSING, None), ("a", 1, MISSING)]),
        ({"odd name": 1}, {"odd name": 2}, [('["odd name"]', 1, 2)]),
        ({"i": ["a", "b", "d"]}, {"i": ["a", "b", "c", "d"]}, [("i[2]", MISSING, "c")]),
        ({"i": ["a", "b"]}, {"i": ["b"]}, [("i[0]", "a", MISSING)]),
        ({"i": [{"q": 1}]}, {"i": [{"q": 2}]}, [("i[0].q", 1, 2)]),
        (MISSING, {"a": 1}, [("", MISSING, {"a": 1})]),
        ({"a": 1}, MISSING, [("", {"a": 1}, MISSING)]),
        ({"a": 1}, {"a": True}, [("a", 1, True)]),
        ({"a": []}, {"a": {}}, [("a", [], {})]),
    ],
)
def test_each_change_has_its_path(before: Any, after: Any, found: list[tuple[str, Any, Any]]) -> None:
    assert [(each.path, each.before, each.after) for each in changes(before, after, 10)] == found


def test_marks_say_what_happened() -> None:
    marks = {each.path: each.mark for each in changes({"a": 1, "b": 1}, {"a": 2, "c": 1}, 10)}
    assert marks == {"a": Mark.CHANGED, "b": Mark.REMOVED, "c": Mark.ADDED}


@given(DOCUMENTS, DOCUMENTS)
def test_nothing_changed_means_the_same(before: Any, after: Any) -> None:
    assert bool(changes(before, after, 1)) is not same(before, after)


def test_no_more_than_is_wanted() -> None:
    assert len(changes({}, {str(n): n for n in range(100)}, 7)) == 7


def test_nesting_without_end_is_one_change() -> None:
    one: Any = 1
    other: Any = 2
    for _ in range(100_000):
        one, other = {"a": one}, {"a": other}
    assert changes(one, other, 10) == [Changed("", one, other)]


def test_lines_stand_beside_each_other() -> None:
    found = state_lines({"a": 1, "b": "x"}, {"a": 1, "c": 2})
    assert found.after == ["{", '  "a": 1,', '  "c": 2', "}"]
    assert found.found.marks == [Mark.SAME, Mark.SAME, Mark.CHANGED, Mark.SAME]
    assert not found.cut


def test_where_there_is_no_state_there_are_no_lines() -> None:
    assert state_lines(MISSING, "a text").after == ['"a text"']
    assert state_lines({"a": 1}, MISSING).after == []


def test_a_large_state_is_cut() -> None:
    found = state_lines({}, {"a": ["x" * 100] * 50_000})
    assert found.cut
    assert sum(map(len, found.after)) < 3_000_000
