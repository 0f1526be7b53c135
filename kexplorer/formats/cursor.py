"""A walk over binary data that writes JSON text, within limits that no data and no schema can exceed."""

from __future__ import annotations

from codecs import utf_8_decode
from collections.abc import Callable
from typing import NamedTuple

from kexplorer.formats import scalars
from kexplorer.formats.numbers import count

MOST_LEVELS = 100  # of nesting; far below what Python's own stack allows
NOT_UTF8 = "some text is not UTF-8: ‹FF› stands for such a byte"
_FOLD = 4096  # pieces of text that are joined at once


class Unreadable(ValueError):  # noqa: N818 - it is an answer rather than an error
    """Why the bytes or a schema cannot be read, in words without a full stop."""


class CutOff(Exception):  # noqa: N818
    """What was given to read ends here, but the value goes on: the text so far is the beginning of its text."""


class Reading(NamedTuple):
    """`text` is JSON; its beginning if not `complete`, to be laid out with `pretty_lines(text, partial=True)`."""

    text: str
    complete: bool
    notes: tuple[str, ...]


class Cursor:
    """`at` is the next byte of `data`, which is the beginning of a value of `size` bytes. `out` takes the JSON text.

    `notes`: what a reader should know of the text, such as fields that the schema lacks.
    """

    __slots__ = ("_folded", "_left", "at", "data", "levels", "notes", "out", "size")

    def __init__(self, payload: memoryview, limit: int | None = None) -> None:
        self.data = bytes(payload[:limit])
        self.size = len(payload)
        self.at = 0
        self.out: list[str] = []
        self.levels = 0
        self.notes: dict[str, None] = {}
        self._folded: list[str] = []
        self._left = 200_000 + 64 * len(self.data)  # characters

    @property
    def text(self) -> str:
        return "".join((*self._folded, *self.out))

    def check(self) -> None:
        """Once an item of anything that can be long. Some items take no bytes, so their number proves nothing."""
        if len(self.out) > _FOLD:
            self._folded.append("".join(self.out))
            self.out.clear()
            self._left -= len(self._folded[-1])
            if self._left < 0:
                raise CutOff

    def deeper(self) -> None:
        self.levels += 1
        if self.levels > MOST_LEVELS:
            raise Unreadable(f"nested deeper than {MOST_LEVELS} levels")

    def take(self, length: int) -> bytes:
        """The next `length` bytes."""
        start, end = self.at, self.at + length
        if length < 0 or end > self.size:
            raise self._beyond(length)
        if end > len(self.data):
            raise CutOff
        self.at = end
        return self.data[start:end]

    def byte(self) -> int:
        at = self.at
        if at >= len(self.data):
            raise self.end()
        self.at = at + 1
        return self.data[at]

    def write_text(self, length: int) -> None:
        """The next `length` bytes as a JSON string, or as the beginning of one."""
        start, end = self.at, self.at + length
        if end > len(self.data) and 0 <= length <= self.size - start:
            head = utf_8_decode(self.data[start:], "replace", False)[0]
            self.out.append(scalars.quoted(head)[:-1])
            raise CutOff
        self.write(self.take(length))

    def write(self, raw: bytes) -> None:
        """`raw` as a JSON string."""
        try:
            self.out.append(scalars.quoted(raw.decode()))
        except UnicodeDecodeError:
            self.out.append(scalars.not_quite_text(raw))
            self.notes[NOT_UTF8] = None

    def end(self) -> Exception:
        """For whoever came to the end of `data` within a value."""
        if len(self.data) < self.size:
            return CutOff()
        return Unreadable(f"the data ends within a value, after {count(self.size)} bytes")

    def finish(self) -> None:
        if self.at != self.size:
            raise Unreadable(f"{count(self.size - self.at)} bytes are left over after byte {count(self.at)}")

    def _beyond(self, length: int) -> Unreadable:
        left = count(max(0, self.size - self.at))
        return Unreadable(f"a length of {count(length)} bytes at byte {count(self.at)}, where {left} are left")


def reading(payload: memoryview, limit: int | None, read: Callable[[Cursor], None]) -> Reading:
    """What `read` makes of all of `payload`, or of its first `limit` bytes. Raises Unreadable."""
    cursor = Cursor(payload, limit)
    try:
        read(cursor)
        cursor.finish()
    except CutOff:
        return Reading(cursor.text, False, tuple(cursor.notes))
    return Reading(cursor.text, True, tuple(cursor.notes))
