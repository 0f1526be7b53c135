"""One look at the bytes of many records, which tells whether a filter has to look at each of them."""

from __future__ import annotations

from collections.abc import Callable

import re2  # type: ignore[import-untyped]  # it has no type information

from kexplorer.formats.expression import parse
from kexplorer.formats.filters import literals
from kexplorer.model.search import FilterKind, FilterSpec, Where


def batch_test(spec: FilterSpec) -> Callable[[bytes], bool] | None:
    """A test that holds for bytes in which there is a payload that matches, or a part of which matches. None where
    there is no such test. Of `Where.ANYWHERE` it tells of keys and of values, but not of headers.

    RE2 looks for a text with vector instructions: ten times as fast as `in`.
    """
    if spec.kind is FilterKind.EXPRESSION:
        texts = [_search(text.encode(), case_sensitive=True) for text in literals(parse(spec.text))]
        if not texts:
            return None
        # JSON may escape any character of a text: where there is a backslash, its bytes tell nothing.
        return lambda data: any(found(data) for found in texts) or b"\\" in data
    if spec.kind is FilterKind.REGEX or spec.where is Where.HEADERS or not spec.text:
        return None
    if spec.kind is FilterKind.EQUALS:
        return _search(spec.text.encode("utf-8", "surrogateescape"), case_sensitive=True)
    if not spec.case_sensitive and not spec.text.isascii():
        return None
    return _search(spec.text.encode(), case_sensitive=spec.case_sensitive)


def _search(text: bytes, *, case_sensitive: bool) -> Callable[[bytes], bool]:
    options = re2.Options()
    options.literal = True
    options.never_capture = True
    options.case_sensitive = case_sensitive
    options.encoding = re2.Options.Encoding.LATIN1  # bytes, whatever they mean
    search = re2.compile(text, options).search
    return lambda data: search(data) is not None
