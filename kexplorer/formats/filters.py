"""A filter as a function of a record, compiled to the cheapest test that can decide: bytes first, then a few fields."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kexplorer.formats.evaluate import compile_tree, decodes_value, nodes
from kexplorer.formats.expression import Call, Constant, Field, Listing, Node, Operation, Path, parse
from kexplorer.formats.payloads import Undecodable
from kexplorer.formats.regex import compile_regex
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Header
from kexplorer.model.search import FilterKind, FilterSpec, Where

if TYPE_CHECKING:
    from kexplorer.formats.schemas import SchemaSource

Test = Callable[[bytes], bool]
# key, value, headers, partition, offset, timestamp (milliseconds since 1970). Headers None: not readable.
Matches = Callable[[bytes | None, bytes | None, Sequence[Header] | None, int, int, int | None], bool | Undecodable]

_MOST_LITERALS = 8  # bytes that are looked for before decoding, one after the other
# Bytes of JSON and of text, the most frequent first; those that are not here count as rare.
_FREQUENT = b' "etaoinsrhldcu,:0123456789mfpgwybv-_.{}[]/kTSAxIECRNODPMLBFHUGWVKjqzYJXQZ'


@dataclass(frozen=True, slots=True)
class Filter:
    """`matches` never raises. What is not needed may be given as None. `Undecodable`, which counts as false, is only
    answered where there are schemas.

    `literal`: every value that matches has these bytes in it: a batch without them has no match. None: no such bytes.
    """

    matches: Matches
    literal: bytes | None = None
    needs_key: bool = True
    needs_value: bool = True
    needs_headers: bool = True


def compile_filter(
    spec: FilterSpec,
    *,
    topic: str = "",
    now: int | None = None,
    prefilter: bool = True,
    schemas: SchemaSource | None = None,
) -> Filter:
    """The filter for records of `topic`. `now` is what ago() counts from: milliseconds since 1970, None is the clock.

    With `schemas`, which may wait for a registry, expressions see keys and values that have a schema as the JSON that
    it makes of them, fields and as a whole; `size` stays that of the bytes. All other kinds of filters look at bytes.

    An empty text lets every record through. `prefilter` False leaves out the tests that only save time. Raises Failure
    (INVALID): what is wrong with the text, in which column, and what to write instead.
    """
    try:
        needle = spec.text.encode("utf-8", "surrogateescape" if spec.kind is FilterKind.EQUALS else "strict")
    except UnicodeEncodeError as error:
        message = f"The filter, column {error.start + 1}: half a character."
        raise Failure(FailureKind.INVALID, message, "Type or paste the text again.") from None
    if spec.kind is FilterKind.EQUALS:
        return _anywhere(lambda data: data == needle, spec.where, needle or None)
    if not spec.text:
        return Filter(lambda *_record: True, None, False, False, False)
    if spec.kind is FilterKind.EXPRESSION:
        now = time.time_ns() // 1_000_000 if now is None else now
        if schemas is not None:
            from kexplorer.formats.filters_by_schema import BySchema  # noqa: PLC0415  (decoders: a start needs none)

            return BySchema(parse(spec.text), topic, now, prefilter, schemas).filter
        return _expression(parse(spec.text), topic, now, prefilter)
    literal = needle if spec.kind is FilterKind.CONTAINS and spec.case_sensitive else None
    return _anywhere(_bytes_test(spec, needle), spec.where, literal)


def _bytes_test(spec: FilterSpec, needle: bytes) -> Test:
    if spec.kind is FilterKind.REGEX:
        return compile_regex(spec.text, case_sensitive=spec.case_sensitive)
    if spec.case_sensitive:
        return _find(needle)
    if needle.isascii():
        lowered = needle.lower()
        return lambda data: lowered in data.lower()
    return compile_regex(spec.text, case_sensitive=False, literal=True)


def _find(needle: bytes) -> Test:
    """Where the rarest byte of the needle is missing, which takes a seventh of the time to see, so is the needle."""
    rarest = max(needle, key=lambda byte: _FREQUENT.find(byte) % 256)
    return lambda data: rarest in data and needle in data


def _anywhere(test: Test, where: Where, literal: bytes | None) -> Filter:
    if where is Where.KEY:
        return Filter(lambda key, *_record: key is not None and test(key), None, True, False, False)
    if where is Where.VALUE:
        return Filter(lambda _key, value, *_record: value is not None and test(value), literal, False, True, False)

    def in_headers(headers: Sequence[Header] | None) -> bool:
        return any(
            test(name.encode("utf-8", "surrogatepass")) or (value is not None and test(value))
            for name, value in headers or ()
        )

    if where is Where.HEADERS:
        return Filter(lambda _key, _value, headers, *_: in_headers(headers), None, False, False, True)

    def matches(
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[Header] | None,
        _partition: int,
        _offset: int,
        _timestamp: int | None,
    ) -> bool:
        if value is not None and test(value):
            return True
        return (key is not None and test(key)) or (bool(headers) and in_headers(headers))

    return Filter(matches)


def _expression(tree: Node, topic: str, now: int, prefilter: bool) -> Filter:
    """What can be decided without decoding the value is decided first: conditions have no side effects."""
    early, late = _split(tree) if prefilter else (None, tree)
    first = compile_tree(early, topic, now)[0] if early else None
    last, fields = compile_tree(late, topic, now)
    possible = _possible(late) if prefilter else None
    decode = fields.decode if fields else None

    def matches(
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[Header] | None,
        partition: int,
        offset: int,
        timestamp: int | None,
    ) -> bool:
        if first and not first((None, value, key, headers, partition, offset, timestamp, value)):
            return False
        if possible and not (value and possible(value)):
            return False
        document = decode(value) if decode and value else None
        return bool(last((document, value, key, headers, partition, offset, timestamp, value)))

    names = _names(tree)
    return Filter(
        matches,
        needs_key="key" in names,
        needs_value=bool(names & {"value", "size"}),
        needs_headers=bool(names & {"headers", "headers_all"}),
    )


def _names(tree: Node) -> set[str]:
    names = {node.base for node in nodes(tree) if isinstance(node, Path)}
    return names | {node.name for node in nodes(tree) if isinstance(node, Field)}


def _split(tree: Node) -> tuple[Node | None, Node]:
    """The conditions, all of which must hold, that need no decoded value, and the others."""
    if not isinstance(tree, Operation) or tree.operator != "and":
        return None, tree
    early = tuple(each for each in tree.operands if not decodes_value(each))
    late = tuple(each for each in tree.operands if decodes_value(each))
    return (_all(early), _all(late)) if early and late else (None, tree)


def _all(conditions: tuple[Node, ...]) -> Node:
    return Operation("and", conditions, conditions[0].column) if conditions[1:] else conditions[0]


def _possible(tree: Node) -> Test | None:
    """A test of the value's bytes that holds wherever `tree` does. JSON may escape any character of a text: where there
    is a backslash, nothing is known from the bytes."""
    finds = [_find(each.encode()) for each in literals(tree)]
    if len(finds) == 1:
        (find,) = finds
        return lambda value: find(value) or b"\\" in value
    return (lambda value: any(find(value) for find in finds) or b"\\" in value) if finds else None


def literals(tree: Node) -> tuple[str, ...]:
    """Texts one of which stands in the value, be it in escapes, wherever `tree` holds. None: nothing is known."""
    found: tuple[str, ...] = ()
    match tree:
        case Operation("and", operands):
            known = [texts for each in operands if (texts := literals(each))]
            found = max(known, key=lambda texts: (-len(texts), min(map(len, texts))), default=())
        case Operation("or", operands):
            each_of = [literals(each) for each in operands]
            found = tuple(text for texts in each_of for text in texts) if all(each_of) else ()
        case Operation("in", (Path("value"), Listing(items))):
            listed = [each.value for each in items if isinstance(each, Constant) and isinstance(each.value, str)]
            found = tuple(listed) if len(listed) == len(items) else ()
        case (
            Operation("==", (Path("value"), Constant(str(text))))
            | Operation("==" | "in", (Constant(str(text)), Path("value")))
            | Call("contains" | "starts_with" | "ends_with", (Path("value"), Constant(str(text))))
        ):
            found = (text,)
        case Call("any", (condition,)):
            found = literals(condition)
    return found if all(found) and len(found) <= _MOST_LITERALS else ()
