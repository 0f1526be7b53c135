"""Finding a name from a few of its letters."""

from __future__ import annotations

_BREAKS = frozenset(" .-_/:")


def score(words: list[str], text: str) -> int | None:
    """How well `text` (lower case) answers to the lower-case `words`, each found somewhere in it: as it is, or as its
    letters in order. Greater is better; None: some word is not in it."""
    total = -len(text)  # of equals the shorter
    for word in words:
        found = _whole(word, text)
        if found is None and (found := _letters(word, text)) is None:
            return None
        total += found
    return total


def _whole(word: str, text: str) -> int | None:
    at = text.find(word)
    if at < 0:
        return None
    if at == 0:
        return 3000
    while at > 0:  # the first place where a part of the name begins is better than the first place
        if text[at - 1] in _BREAKS:
            return 2000 - at
        at = text.find(word, at + 1)
    return 1000


def _letters(word: str, text: str) -> int | None:
    """Letters in order; those that begin a part of the name count more, gaps less."""
    points, at = 0, -1
    for letter in word:
        before = at
        at = text.find(letter, at + 1)
        if at < 0:
            return None
        if at == 0 or text[at - 1] in _BREAKS:
            points += 30
        elif at == before + 1:
            points += 20
        else:
            points -= min(at - before, 20)
    return points
