"""One look at the bytes of many records, which tells whether a filter has to look at each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import re2  # type: ignore[import-untyped]  # it has no type information

from kexplorer.formats.expression import parse
from kexplorer.formats.filters import literals
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
    texts = [_search(each.encode(), case_sensitive=True) for each in literals(parse(text))]
    if not texts or (schemas is not None and schemas.assigned(topic, Part.VALUE) is not None):
        return None
    # JSON may escape any character of a text: where there is a backslash, its bytes tell nothing.
    if schemas is None:
        return lambda data: any(found(data) for found in texts) or b"\\" in data
    # A registry's framing and Kafka's own records begin with a zero, which no JSON has: their bytes tell nothing.
    return lambda data: any(found(data) for found in texts) or b"\\" in data or b"\0" in data


def _search(text: bytes, *, case_sensitive: bool) -> Callable[[bytes], bool]:
    options = re2.Options()
    options.literal = True
    options.never_capture = True
    options.case_sensitive = case_sensitive
    options.encoding = re2.Options.Encoding.LATIN1  # bytes, whatever they mean
    search = re2.compile(text, options).search
    return lambda data: search(data) is not None
