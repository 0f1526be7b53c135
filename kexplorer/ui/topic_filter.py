"""Which topics a filter means: a part of the name, a /regular expression/, or ~ and some of the letters."""

from __future__ import annotations

from collections.abc import Callable

from kexplorer.ui.fuzzy import score

SYNTAX = "Part of the name, /regular expression/, or ~ and some of its letters in order (the best match comes first)"


def topic_filter(text: str) -> Callable[[str], int | None]:
    """For a name how well it fits, greater is better; None: it doesn't. All that fit fit alike, except after "~".
    Capitals don't matter. Raises `Failure`(INVALID) for what is no regular expression."""
    text = text.strip()
    if text.startswith("/"):
        from kexplorer.formats.name_pattern import compile_name_pattern  # noqa: PLC0415  (few filters need it)

        found = compile_name_pattern(text[1:-1] if len(text) > 1 and text.endswith("/") else text[1:])
        return lambda name: 0 if found(name) else None
    if text.startswith("~"):
        words = text[1:].lower().split()
        return lambda name: score(words, name.lower())
    sought = text.lower()
    return lambda name: 0 if sought in name.lower() else None
