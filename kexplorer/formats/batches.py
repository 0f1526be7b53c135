"""One look at the bytes of many records, which tells whether a filter has to look at each of them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

import re2  # type: ignore[import-untyped]  # it has no type information

from kexplorer.formats.expression import Constant, Node, Operation, Path, parse
from kexplorer.formats.filters import literals
from kexplorer.formats.payloads import can_be_alone
from kexplorer.model.schemas import Part
from kexplorer.model.search import FilterKind, FilterSpec, Where

if TYPE_CHECKING:
    from kexplorer.formats.schemas import SchemaSource


def batch_test(
    spec: FilterSpec, schemas: SchemaSource | None = None, topic: str = ""
) -> Callable[[bytes], bool] | None:
    """A test that holds for bytes in which there is a payload that matches, or a part of which matches. None where
    there is no such test. Of `Where.ANYWHERE` it tells of keys and of values, but not of headers; of an expression with
    `schemas` it tells of values of `topic`, but not of those whose headers name their schema.

    RE2 looks for a text with vector instructions: ten times as fast as `in`.
    """
    if spec.kind is FilterKind.EXPRESSION:
        return _of_expression(spec.text, schemas, topic)
    if spec.kind is FilterKind.REGEX or spec.where is Where.HEADERS or not spec.text:
        return None
    if spec.kind is FilterKind.EQUALS:
        return _search(spec.text.encode("utf-8", "surrogateescape"), case_sensitive=True)
    if not spec.case_sensitive and not spec.text.isascii():
        return None
    return _search(spec.text.encode(), case_sensitive=spec.case_sensitive)


def _of_expression(text: str, schemas: SchemaSource | None, topic: str) -> Callable[[bytes], bool] | None:
    tree = parse(text)
    tests = [_search(each.encode(), case_sensitive=True) for each in literals(tree)]
    if not tests and (pattern := _number(tree)):
        tests = [_search(pattern, case_sensitive=True, literal=False)]
    if not tests or (schemas is not None and schemas.assigned(topic, Part.VALUE) is not None):
        return None
    # JSON may escape any character of a text: where there is a backslash, its bytes tell nothing.
    if schemas is None:
        return lambda data: any(found(data) for found in tests) or b"\\" in data
    # A registry's framing and Kafka's own records begin with a zero, which no JSON has: their bytes tell nothing.
    return lambda data: any(found(data) for found in tests) or b"\\" in data or b"\0" in data


def _number(tree: Node) -> bytes | None:
    """A regular expression of the bytes of JSON in which `tree` holds because a number is large enough: as many digits
    as that takes, or an exponent, behind the name of the field. Most records are passed over by their digits."""
    match tree:
        case Operation("and", operands):
            return next((found for each in operands if (found := _number(each))), None)
        case Operation("or", operands):
            each_of = [_number(each) for each in operands]
            return b"|".join(each for each in each_of if each) if all(each_of) else None
        case Operation(
            ">" | ">=", (Path("value", steps=(*_, str(name))), Constant(int() | Decimal() as least))
        ) | Operation("<" | "<=", (Constant(int() | Decimal() as least), Path("value", steps=(*_, str(name))))) if (
            10 <= least < 1e15 and can_be_alone(name)
        ):
            digits = len(str(int(least)))
            return rb'"%s"\s*:\s*(?:[0-9]{%d}|[0-9.]+[eE])' % (re2.escape(name.encode()), digits)
    return None


def _search(text: bytes, *, case_sensitive: bool, literal: bool = True) -> Callable[[bytes], bool]:
    options = re2.Options()
    options.literal = literal
    options.never_capture = True
    options.case_sensitive = case_sensitive
    options.encoding = re2.Options.Encoding.LATIN1  # bytes, whatever they mean
    search = re2.compile(text, options).search
    return lambda data: search(data) is not None
