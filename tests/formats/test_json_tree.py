"""The tree of a JSON text: everything that is written is in it, and what it says in the language of filters is true."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.formats.expression import Path, parse
from kexplorer.formats.filters import compile_filter
from kexplorer.formats.json_tree import MOST_NODES, JsonTree, NodeKind, step
from kexplorer.formats.payloads import document
from kexplorer.formats.rows import walker
from kexplorer.model.search import FilterKind, FilterSpec

NUMBERS = st.integers() | st.decimals(allow_nan=False, allow_infinity=False, places=3)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(st.characters(codec="utf-8"))
NAMES = st.text(st.characters(codec="utf-8")) | st.sampled_from(
    ["a", "in", "class", "$ref", "größe", "a b", 'q"', "\\"]
)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)


def text_of(value: Any) -> str:
    """As `json.dumps`, with decimals as the digits that they have."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(name)}: {text_of(inner)}' for name, inner in value.items())}}}"
    if isinstance(value, list):
        return f"[{' ,'.join(map(text_of, value))} ]"
    return format(value, "f") if isinstance(value, Decimal) else json.dumps(value)


def found_at(path: str, value: bytes) -> Any:
    tree = parse(path)
    assert isinstance(tree, Path)
    return walker(lambda row: document(row[0]), tree.steps)((value,))


def holds(condition: str, value: bytes) -> bool:
    return bool(compile_filter(FilterSpec(condition, FilterKind.EXPRESSION)).matches(None, value, (), 0, 0, 0))


@given(st.lists(DOCUMENTS, max_size=4) | st.dictionaries(NAMES, DOCUMENTS, max_size=4))
def test_every_path_leads_to_its_node_and_every_condition_holds(value: Any) -> None:
    text = text_of(value)
    tree = JsonTree(text)
    assert not tree.trouble
    for node in range(1, len(tree) + 1):
        path, condition = tree.path(node), tree.condition(node)
        assert path is not None
        assert found_at(path, text.encode()) == json.loads(tree.written(node), parse_float=Decimal)
        assert condition is not None
        assert holds(condition, text.encode())


@given(DOCUMENTS)
def test_the_children_are_all_that_is_written(value: Any) -> None:
    tree = JsonTree(text_of(value))

    def rebuilt(node: int) -> str:
        parts = [rebuilt(child) for child in tree.children(node)]
        match tree.kind(node):
            case NodeKind.ARRAY:
                return f"[{','.join(parts)}]"
            case NodeKind.OBJECT:
                names = [json.dumps(tree.name(child)) for child in tree.children(node)]
                return f"{{{','.join(f'{name}:{part}' for name, part in zip(names, parts, strict=True))}}}"
        return tree.written(node)

    (root,) = tree.children(0)
    assert json.loads(rebuilt(root), parse_float=Decimal) == value
    assert all(tree.children(tree.parent(node))[tree.row(node)] == node for node in range(1, len(tree) + 1))


def names_and_values(text: str) -> list[tuple[str | None, str]]:
    tree = JsonTree(text)
    return [(tree.name(node), tree.written(node)) for node in tree.children(1)]


def test_duplicates_order_and_digits_stay() -> None:
    assert names_and_values('{"b":1.10,"a":1e400,"b":-0,"\\u0061":9007199256746277}') == [
        ("b", "1.10"),
        ("a", "1e400"),
        ("b", "-0"),
        ("a", "9007199256746277"),
    ]


def test_a_key_that_a_later_one_replaces_has_no_path() -> None:
    tree = JsonTree('{"a":{"x":1},"b":2,"\\u0061":{"x":3}}')
    paths = {tree.written(node): tree.path(node) for node in range(2, len(tree) + 1)}
    assert paths == {'{"x":1}': None, "1": None, "2": "value.b", '{"x":3}': "value.a", "3": "value.a.x"}


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ('{"status":"PAID"}', 'value.status == "PAID"'),
        ('{"total":12.50}', "value.total == 12.50"),
        ('{"x":null}', "value.x == null"),
        ('{"x":-1e-7}', "value.x == -1e-7"),
        ('{"in":true}', "value.in == true"),
        ('{"a b":"it\'s \\"x\\"\\n\\u202e"}', 'value["a b"] == "it\'s \\"x\\"\\u000a\\u202e"'),
        ('{"items":[{"sku":7}]}', "exists(value.items)"),
        ('{"":[]}', 'exists(value[""])'),
        ('{"n":' + "9" * 3000 + "}", f"value.n == {'9' * 3000}"),
        ('{"n":-' + "9" * 3000 + "}", None),
        ('{"n":1e99999}', None),
        ('{"s":"\\ud800"}', None),
        ('{"\\ud800":1}', None),
        ('{"s":"' + "x" * 5000 + '"}', None),
    ],
)
def test_the_condition_of_a_field(text: str, condition: str | None) -> None:
    assert JsonTree(text).condition(2) == condition
    assert condition is None or holds(condition, text.encode())


def test_other_bases_than_the_value() -> None:
    tree = JsonTree('{"id":"A"}')
    assert tree.condition(2, "key") == 'key.id == "A"'
    headers = f"headers{step('trace id')}"
    assert tree.condition(2, headers) == 'headers["trace id"].id == "A"'
    spec = FilterSpec('headers["trace id"].id == "A"', FilterKind.EXPRESSION)
    assert compile_filter(spec).matches(None, None, (("trace id", b'{"id":"A"}'),), 0, 0, 0)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("closed", [True, False])
def test_a_hundred_thousand_levels(opening: str, closed: bool) -> None:
    levels = 100_000
    text = opening * levels + ("[]" if opening == "[" else "{}") + (("]" if opening == "[" else "}") * levels) * closed
    tree = JsonTree(text, partial=not closed)
    assert (len(tree), tree.trouble) == (levels + 1 if closed else levels, "")
    assert tree.path(len(tree)) is None
    assert tree.written(3) == (text[2 * len(opening) : -2] if closed else text[2 * len(opening) :])


@pytest.mark.parametrize("text", ['{"a":1,}', "[1}", '{"a":1}x', '{"a" 1}', '[1,"a":2]', '{"a":[}', "{1}", "[01x]", ""])
def test_where_it_is_no_json_is_said(text: str) -> None:
    assert JsonTree(text).trouble.startswith("Not read from line 1, column ") or not text


def test_the_beginning_of_a_text_gives_the_same_nodes() -> None:
    text = '{"id":1234,"items":[{"sku":"A","n":[]},{"sku":"B"}],"s":"end","t":true}'
    whole = JsonTree(text)
    for end in range(len(text)):
        tree = JsonTree(text[:end], partial=True)
        assert not tree.trouble
        for node in range(1, len(tree) + 1):
            assert tree.name(node) == whole.name(node)
            assert whole.written(node).startswith(tree.written(node))
            assert not tree.closed(node) or tree.written(node) == whole.written(node)


def test_so_many_nodes_and_no_more() -> None:
    tree = JsonTree("[" + "1," * MOST_NODES + "1]")
    assert len(tree) == MOST_NODES
    assert tree.trouble == "Only the first 500,000 nodes are shown."
