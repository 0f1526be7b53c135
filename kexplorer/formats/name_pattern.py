"""Regular expressions over many short names, such as those of topics."""

from __future__ import annotations

from collections.abc import Callable

import re2  # type: ignore[import-untyped]  # it has no type information

from kexplorer.formats.regex import compile_regex


def compile_name_pattern(pattern: str) -> Callable[[str], bool]:
    """Whether the pattern is found in a name; capitals don't matter. A set of one pattern answers without an object for
    each match, in a third of the time. Raises `Failure`(INVALID), which says the column."""
    compile_regex(pattern, case_sensitive=False)  # for what it says of a faulty one
    options = re2.Options()
    options.case_sensitive = False
    found = re2.Set.SearchSet(options)
    found.Add(pattern)
    found.Compile()
    return lambda name: bool(found.Match(name))
