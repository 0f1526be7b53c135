"""What differs between two texts, line by line, in a time that is bounded by their size.

Lines that both have exactly once are the anchors (Bram Cohen's "patience" difference); what lies between two of them is
left to difflib, which takes quadratic time and more: beyond some size it is not lined up, and `coarse` says so.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from enum import StrEnum

_MOST_PAIRS = 150_000  # of lines between two anchors that difflib is given
_MOST_PAIRS_IN_ALL = 5_000_000

Block = tuple[int, int, int, int]  # lines i to j of the left text stand beside k to l of the right one


class Mark(StrEnum):
    """The values are what stands in the margin."""

    SAME = ""
    REMOVED = "-"
    ADDED = "+"
    CHANGED = "~"


NO_LINE = -1


@dataclass(slots=True)
class Difference:
    """Pairs of lines that stand side by side: a mark, and their numbers from 0, NO_LINE where one text has none.

    `blocks` are the first pairs of each run of pairs that differ. `coarse`: some of these may be alike in parts.
    Arrays, because the garbage collector would walk a million objects on the window's thread.
    """

    marks: list[Mark] = field(default_factory=list)
    left: array[int] = field(default_factory=lambda: array("i"))
    right: array[int] = field(default_factory=lambda: array("i"))
    blocks: list[int] = field(default_factory=list)
    coarse: bool = False

    def add(self, mark: Mark, left: range | None, right: range | None) -> None:
        """So many lines of both, or of one."""
        number = len(left or right or ())
        self.marks += [mark] * number
        self.left.extend(left if left is not None else [NO_LINE] * number)
        self.right.extend(right if right is not None else [NO_LINE] * number)


def difference(left: Sequence[str], right: Sequence[str], alike: Callable[[str], str] = str) -> Difference:
    """Lines are the same if what `alike` makes of them is."""
    matcher = _Matcher([alike(line) for line in left], [alike(line) for line in right])
    found = Difference()
    i = k = 0
    for start, end, other in matcher.runs():
        if (start, other) != (i, k):
            found.blocks.append(len(found.marks))
            both = min(start - i, other - k)
            found.add(Mark.CHANGED, range(i, i + both), range(k, k + both))
            found.add(Mark.REMOVED, range(i + both, start), None)
            found.add(Mark.ADDED, None, range(k + both, other))
        i, k = end, other + end - start
        found.add(Mark.SAME, range(start, i), range(other, k))
    found.coarse = matcher.coarse
    return found


def without_comma(line: str) -> str:
    """For lines of JSON: a field that is no longer the last one did not change."""
    return line.removesuffix(",")


class _Matcher:
    def __init__(self, left: Sequence[str], right: Sequence[str]) -> None:
        self._left, self._right = left, right
        self._room = _MOST_PAIRS_IN_ALL
        self.coarse = False

    def runs(self) -> Iterator[tuple[int, int, int]]:
        """Lines of the left text that are the right one's from some line on, in order; last an empty run at the end."""
        stack: list[tuple[Block, bool]] = [((0, len(self._left), 0, len(self._right)), True)]
        while stack:
            block, anchored = stack.pop()
            (i, j, k, end), head, tail = block, 0, 0
            while i < j and k < end and self._left[i] == self._right[k]:
                i, k, head = i + 1, k + 1, head + 1
            while i < j and k < end and self._left[j - 1] == self._right[end - 1]:
                j, end, tail = j - 1, end - 1, tail + 1
            if head:
                yield i - head, i, k - head
            if tail:
                stack.append(((j, j + tail, end, end + tail), False))
            if i == j or k == end:
                continue
            if anchored and (anchors := self._anchors((i, j, k, end))):
                stack += reversed([(part, True) for part in _between((i, j, k, end), anchors)])
            else:
                yield from self._by_difflib((i, j, k, end))
        yield len(self._left), len(self._left), len(self._right)

    def _anchors(self, block: Block) -> list[tuple[int, int]]:
        """Lines that are there once on either side, as far as they are in the same order."""
        i, j, k, end = block
        left, right = Counter(self._left[i:j]), Counter(self._right[k:end])
        place = {line: n for n, line in enumerate(self._right[k:end], k) if right[line] == 1 and left[line] == 1}
        found = [(n, place[line]) for n, line in enumerate(self._left[i:j], i) if line in place]
        return _rising(found)

    def _by_difflib(self, block: Block) -> Iterator[tuple[int, int, int]]:
        i, j, k, end = block
        size = (j - i) * (end - k)
        self._room -= size
        if size > _MOST_PAIRS or self._room < 0:
            self.coarse = True
            return
        matcher = SequenceMatcher(None, self._left[i:j], self._right[k:end], autojunk=False)
        for start, other, length in matcher.get_matching_blocks()[:-1]:
            yield i + start, i + start + length, k + other


def _between(block: Block, anchors: list[tuple[int, int]]) -> Iterator[Block]:
    """The parts of `block`, each from one anchor to the next."""
    i, j, k, end = block
    for n, m in anchors:
        yield i, n, k, m
        i, k = n, m
    yield i, j, k, end


def _rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of `pairs` whose second numbers rise, too."""
    piles: list[int] = []  # the smallest second number that ends a part of length 1, 2, …
    tops: list[int] = []  # whose pair that is
    before: list[int] = []
    for at, (_, second) in enumerate(pairs):
        pile = bisect_left(piles, second)
        piles[pile : pile + 1] = [second]
        tops[pile : pile + 1] = [at]
        before.append(tops[pile - 1] if pile else -1)
    found: list[tuple[int, int]] = []
    at = tops[-1] if tops else -1
    while at >= 0:
        found.append(pairs[at])
        at = before[at]
    return found[::-1]
