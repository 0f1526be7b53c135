"""Merge patches and patches of JSON: the examples of RFC 7396 and RFC 6902, and what holds for all of them."""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.formats.functions import same
from kexplorer.formats.json_patch import NotApplicable, merged, patched
from kexplorer.formats.payloads import MISSING

MERGES = [  # RFC 7396, appendix A
    ('{"a":"b"}', '{"a":"c"}', '{"a":"c"}'),
    ('{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'),
    ('{"a":"b"}', '{"a":null}', "{}"),
    ('{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'),
    ('{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'),
    ('{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'),
    ('{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'),
    ('{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'),
    ('["a","b"]', '["c","d"]', '["c","d"]'),
    ('{"a":"b"}', '["c"]', '["c"]'),
    ('{"a":"foo"}', "null", "null"),
    ('{"a":"foo"}', '"bar"', '"bar"'),
    ('{"e":null}', '{"a":1}', '{"e":null,"a":1}'),
    ("[1,2]", '{"a":"b","c":null}', '{"a":"b"}'),
    ("{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'),
]

PATCHES = [  # RFC 6902, appendix A, the sections beside; and its rules
    ("A.1", {"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
    ("A.2", {"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "qux"}], {"foo": ["bar", "qux", "baz"]}),
    ("A.3", {"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
    ("A.4", {"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
    ("A.5", {"baz": "qux"}, [{"op": "replace", "path": "/baz", "value": "boo"}], {"baz": "boo"}),
    (
        "A.6",
        {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
        [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
        {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
    ),
    (
        "A.7",
        {"foo": ["all", "grass", "cows", "eat"]},
        [{"op": "move", "from": "/foo/1", "path": "/foo/3"}],
        {"foo": ["all", "cows", "eat", "grass"]},
    ),
    (
        "A.8",
        {"baz": "qux", "foo": ["a", 2, "c"]},
        [{"op": "test", "path": "/baz", "value": "qux"}, {"op": "test", "path": "/foo/1", "value": 2}],
        {"baz": "qux", "foo": ["a", 2, "c"]},
    ),
    ("A.10", {"foo": "bar"}, [{"op": "add", "path": "/child", "value": {"a": {}}}], {"foo": "bar", "child": {"a": {}}}),
    ("A.11", {"foo": "bar"}, [{"op": "add", "path": "/baz", "value": 1, "xyz": 2}], {"foo": "bar", "baz": 1}),
    ("A.14", {"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
    ("A.16", {"foo": ["bar"]}, [{"op": "add", "path": "/foo/-", "value": ["abc"]}], {"foo": ["bar", ["abc"]]}),
    ("copy", {"a": [1]}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": [1], "b": [1]}),
    ("whole", {"a": 1}, [{"op": "replace", "path": "", "value": [1]}], [1]),
    ("nothing left", {"a": 1}, [{"op": "remove", "path": ""}], MISSING),
    ("empty name", {"": 1}, [{"op": "replace", "path": "/", "value": 2}], {"": 2}),
]

WRONG = [
    ("A.9", {"baz": "qux"}, {"op": "test", "path": "/baz", "value": "bar"}, "the value there is another one"),
    ("A.12", {"foo": "bar"}, {"op": "add", "path": "/baz/bat", "value": "qux"}, "there is no “baz”"),
    ("A.15", {"/": 9, "~1": 10}, {"op": "test", "path": "/~01", "value": "10"}, "the value there is another one"),
    ("1 is not true", {"a": 1}, {"op": "test", "path": "/a", "value": True}, "the value there is another one"),
    ("no such field", {"a": 1}, {"op": "remove", "path": "/b"}, "there is no “b”"),
    ("replace needs one", {"a": 1}, {"op": "replace", "path": "/b", "value": 1}, "there is no “b”"),
    ("behind the end", {"a": []}, {"op": "add", "path": "/a/1", "value": 1}, "0 elements"),
    ("leading zero", {"a": [1, 2]}, {"op": "remove", "path": "/a/01"}, "there is no “01”"),
    ("into itself", {"a": {}}, {"op": "move", "from": "/a", "path": "/a/b"}, "into itself"),
    ("no pointer", {}, {"op": "remove", "path": "a"}, "no JSON Pointer"),
    ("bad escape", {}, {"op": "remove", "path": "/~2"}, "~ is written ~0"),
    ("no value", {}, {"op": "add", "path": "/a"}, "it has no “value”"),
    ("unknown", {}, {"op": "spread", "path": ""}, "no such operation"),
    ("no object", {}, 7, "it is no object"),
    ("into a text", {"a": "b"}, {"op": "add", "path": "/a/c", "value": 1}, "there is no “c”"),
]

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(("target", "patch", "result"), MERGES)
def test_merges_as_rfc_7396_shows(target: str, patch: str, result: str) -> None:
    assert same(merged(json.loads(target), json.loads(patch)), json.loads(result))


@pytest.mark.parametrize(("name", "target", "patch", "result"), PATCHES, ids=[each[0] for each in PATCHES])
def test_patches_as_rfc_6902_shows(name: str, target: Any, patch: Any, result: Any) -> None:
    before = deepcopy(target)
    assert same(patched(target, patch), result), name
    assert target == before


@pytest.mark.parametrize(("name", "target", "operation", "why"), WRONG, ids=[each[0] for each in WRONG])
def test_a_patch_that_does_not_fit_says_why_and_changes_nothing(
    name: str, target: Any, operation: Any, why: str
) -> None:
    before = deepcopy(target)
    with pytest.raises(NotApplicable, match="operation 2") as raised:
        patched(target, [{"op": "add", "path": "/first", "value": 1}, operation])
    assert why in str(raised.value), name
    assert target == before


def test_a_patch_is_a_list() -> None:
    with pytest.raises(NotApplicable, match="no list"):
        patched({}, {"op": "remove", "path": ""})


def test_copying_the_whole_into_itself_again_and_again_is_stopped() -> None:
    patch = [{"op": "copy", "from": "", "path": f"/{n}"} for n in range(60)]
    with pytest.raises(NotApplicable, match="100,000 values"):
        patched({"a": 1}, patch)


@given(DOCUMENTS, DOCUMENTS)
def test_a_merge_twice_is_a_merge_once(target: Any, patch: Any) -> None:
    once = merged(target, patch)
    assert same(merged(once, patch), once)


@given(st.dictionaries(st.text(max_size=3), DOCUMENTS, max_size=3))
def test_an_empty_merge_changes_nothing(target: Any) -> None:
    assert same(merged(target, {}), target)


@given(st.dictionaries(st.sampled_from("abc"), DOCUMENTS, max_size=3), DOCUMENTS)
def test_what_is_added_and_removed_was_not_there(target: Any, value: Any) -> None:
    before = deepcopy(target)
    patch = [{"op": "add", "path": "/new~1~0", "value": value}, {"op": "remove", "path": "/new~1~0"}]
    assert same(patched(target, patch), before)
    assert same(target, before)
