"""Text and bytes cut into rows that are cheap to draw, however long the lines and however large the whole."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Protocol
from unicodedata import east_asian_width

from kexplorer.formats.hexdump import hex_lines, line_count
from kexplorer.formats.text import visible

BLOCK = 64 * 1024  # characters that are read in one go
LONGEST_ROW = 1_000  # characters: a longer line goes on in the next row
_TAB = "⇥   "


class Rows(Protocol):
    """What a `CodeView` shows. A row is the data itself; `shown` is what is drawn for it."""

    widest: int  # columns of the widest row

    def __len__(self) -> int: ...
    def __getitem__(self, row: int, /) -> str: ...
    def continues(self, row: int) -> bool:
        """The line goes on in the next row."""
        ...

    def label(self, row: int) -> str:
        """What stands in the margin."""
        ...


def shown(text: str) -> str:
    """What is drawn for `text`, character by character: `len(shown(text[:n]))` is where character `n` is drawn."""
    return visible(text).replace("⇥", _TAB)


@lru_cache(maxsize=65_536)
def _cells_of(character: str) -> int:
    """Cells that what is drawn for it takes: East Asian characters and emoji take two."""
    drawn = shown(character)
    return len(drawn) + sum(east_asian_width(each) in "WF" for each in drawn)


def blocks_of_text(text: str) -> Iterator[str]:
    """`text` in pieces of about BLOCK characters that end with a line, if lines are no longer than half of that."""
    at = 0
    while at < len(text):
        end = text.rfind("\n", at + BLOCK // 2, at + BLOCK) + 1 if at + BLOCK < len(text) else len(text)
        end = end if end > at else at + BLOCK
        yield text[at:end]
        at = end


def blocks_of_lines(lines: Iterable[str]) -> Iterator[str]:
    """The same from lines that come one by one."""
    held: list[str] = []
    size = 0
    for line in _as_far_as_it_goes(lines):
        if held:
            held.append("\n")
        held.append(line)
        size += len(line) + 1
        if size >= BLOCK:
            yield from blocks_of_text("".join((*held, "\n")))
            held, size = [], 0
    yield from blocks_of_text("".join(held))


def _as_far_as_it_goes(lines: Iterable[str]) -> Iterator[str]:
    """A layout may find only far down that the text is not what its beginning promised (NotJson, NotXml)."""
    try:
        yield from lines
    except ValueError as wrong:
        yield f"… not laid out from here on: {wrong}. The text view has all of it."


class TextRows:
    """Reads blocks as it is told and breaks their lines into rows of at most `columns` cells; 12 bytes a row."""

    def __init__(self, blocks: Iterator[str], columns: int = LONGEST_ROW) -> None:
        self.widest = 0
        self.characters = 0
        self._coming = blocks
        self._next = next(blocks, None)
        self._columns = columns
        self._blocks: list[str] = []
        self._block_of = array("I")
        self._starts = array("I")
        self._lines = array("I")  # the number of the line that starts here, or 0
        self._line = 0
        self._open = False  # the last row's line goes on

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, row: int) -> str:
        block = self._blocks[self._block_of[row]]
        end = self._end(row)
        return block[self._starts[row] : end - 1 if end and block[end - 1] == "\n" else end]

    def continues(self, row: int) -> bool:
        return row + 1 < len(self) and not self._lines[row + 1]

    def label(self, row: int) -> str:
        return str(self._lines[row] or "")

    @property
    def complete(self) -> bool:
        return self._next is None

    @property
    def block_count(self) -> int:
        """Blocks that were read."""
        return len(self._blocks)

    def read(self, blocks: int = 1) -> None:
        """Reads so many more blocks, or as many as there are."""
        for _ in range(blocks):
            if self._next is None:
                return
            self._blocks.append(self._next)
            self.characters += len(self._next)
            self._break(len(self._blocks) - 1)
            self._next = next(self._coming, None)

    def wrap(self, columns: int) -> None:
        """Breaks all lines anew."""
        if columns == self._columns:
            return
        self._columns, self.widest, self._line, self._open = columns, 0, 0, False
        del self._block_of[:], self._starts[:], self._lines[:]
        for number in range(len(self._blocks)):
            self._break(number)

    def _end(self, row: int) -> int:
        after = row + 1
        same = after < len(self) and self._block_of[after] == self._block_of[row]
        return self._starts[after] if same else len(self._blocks[self._block_of[row]])

    def _break(self, number: int) -> None:
        block = self._blocks[number]
        at = 0
        while at < len(block):
            end = block.find("\n", at)
            end = len(block) if end < 0 else end
            for start in _row_starts(block, at, end, self._columns):
                if not self._open:
                    self._line += 1
                self._block_of.append(number)
                self._starts.append(start)
                self._lines.append(0 if self._open else self._line)
                self._open = True
            self.widest = max(self.widest, min(self._columns, _width(block, at, end)))
            self._open = end == len(block)
            at = end + 1


def _width(block: str, start: int, end: int) -> int:
    line = block[start:end]
    return len(line) if line.isascii() and line.isprintable() else sum(map(_cells_of, line[:LONGEST_ROW]))


def _row_starts(block: str, start: int, end: int, columns: int) -> Iterable[int]:
    line = block[start:end]
    if line.isascii() and line.isprintable():
        return range(start, max(end, start + 1), columns)
    starts, used = [start], 0
    for at, character in enumerate(line, start):
        width = _cells_of(character)
        if used + width > columns and used:
            starts.append(at)
            used = 0
        used += width
    return starts


class HexRows:
    """Bytes as offset, hexadecimal digits and characters; made when they are looked at."""

    widest = 67

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)

    def __len__(self) -> int:
        return line_count(len(self._data))

    def __getitem__(self, row: int) -> str:
        (line,) = hex_lines(self._data, row, 1)
        return f"{line.hex}  {line.ascii}"

    def continues(self, row: int) -> bool:
        return False

    def label(self, row: int) -> str:
        return f"{row * 16:08X}"
