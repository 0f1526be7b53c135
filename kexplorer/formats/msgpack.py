"""MessagePack as JSON text: https://github.com/msgpack/msgpack/blob/master/spec.md

Written here because keys keep their order and their duplicates, and because the beginning of a large value is enough.
"""

from __future__ import annotations

import struct

from kexplorer.formats import scalars
from kexplorer.formats.cursor import Cursor, Reading, Unreadable, reading
from kexplorer.formats.numbers import count

_NUMBERS = {0xCA: ">f", 0xCB: ">d"} | dict(
    zip(range(0xCC, 0xD4), (">B", ">H", ">I", ">Q", ">b", ">h", ">i", ">q"), strict=True)
)
_LENGTHS = {  # first byte of what has a length: how many bytes that takes
    0xC4: 1,
    0xC5: 2,
    0xC6: 4,  # bin
    0xC7: 1,
    0xC8: 2,
    0xC9: 4,  # ext
    0xD9: 1,
    0xDA: 2,
    0xDB: 4,  # str
    0xDC: 2,
    0xDD: 4,
    0xDE: 2,
    0xDF: 4,  # array, map
}
_WORDS = {0xC0: "null", 0xC2: "false", 0xC3: "true"}


def could_be(payload: memoryview) -> bool:
    """Whether it begins as a map or an array that is not empty does."""
    return 0x81 <= payload[0] <= 0x8F or 0x91 <= payload[0] <= 0x9F or 0xDC <= payload[0] <= 0xDF


def msgpack(payload: memoryview, limit: int | None) -> Reading:
    """Raises Unreadable."""
    return reading(payload, limit, _value)


def _value(cursor: Cursor) -> None:
    first = cursor.byte()
    if 0x80 <= first <= 0x8F or first in (0xDE, 0xDF):
        _items(cursor, first & 0x0F if first <= 0x8F else _length(cursor, first), "{}")
    elif 0x90 <= first <= 0x9F or first in (0xDC, 0xDD):
        _items(cursor, first & 0x0F if first <= 0x9F else _length(cursor, first), "[]")
    else:
        _scalar(cursor, first)


def _items(cursor: Cursor, number: int, brackets: str) -> None:
    if number * len(brackets.strip("[]") or "x") > cursor.size - cursor.at:
        raise Unreadable(f"{count(number)} items in the {count(cursor.size - cursor.at)} bytes that are left")
    cursor.deeper()
    for n in range(number):
        cursor.out.append("," if n else brackets[0])
        if brackets == "{}":
            _key(cursor)
        _value(cursor)
        cursor.check()
    cursor.out.append(brackets[1] if number else brackets)
    cursor.levels -= 1


def _key(cursor: Cursor) -> None:
    first = cursor.byte()
    if 0xA0 <= first <= 0xBF or 0xD9 <= first <= 0xDB:
        _scalar(cursor, first)
    elif 0x80 <= first <= 0x9F or 0xDC <= first <= 0xDF or 0xC7 <= first <= 0xC9 or 0xD4 <= first <= 0xD8:
        raise Unreadable(f"a key that is neither text nor a number, at byte {count(cursor.at - 1)}")
    else:
        _scalar(cursor, first)
        cursor.out[-1] = scalars.quoted(cursor.out[-1].strip('"'))  # JSON has no other keys than text
        cursor.notes["keys that are numbers or bytes are shown as text"] = None
    cursor.out.append(":")


def _scalar(cursor: Cursor, first: int) -> None:
    if first <= 0x7F or first >= 0xE0:
        cursor.out.append(str(first if first <= 0x7F else first - 0x100))
    elif word := _WORDS.get(first):
        cursor.out.append(word)
    elif form := _NUMBERS.get(first):
        (number,) = struct.unpack(form, cursor.take(struct.calcsize(form)))
        write = scalars.single if first == 0xCA else scalars.double if first == 0xCB else str
        cursor.out.append(write(number))
    elif first <= 0xBF:
        cursor.write_text(first & 0x1F)
    elif 0xD9 <= first <= 0xDB:
        cursor.write_text(_length(cursor, first))
    elif first <= 0xC6 and first != 0xC1:
        cursor.out.append(scalars.opaque(cursor.take(_length(cursor, first))))
    elif first == 0xC1:
        raise Unreadable(f"the byte 0xC1, which is never used, at {count(cursor.at - 1)}")
    else:
        _extension(cursor, 1 << (first - 0xD4) if first >= 0xD4 else _length(cursor, first))


def _length(cursor: Cursor, first: int) -> int:
    return int.from_bytes(cursor.take(_LENGTHS[first]))


def _extension(cursor: Cursor, length: int) -> None:
    kind = int.from_bytes(cursor.take(1), signed=True)
    data = cursor.take(length)
    if kind == -1 and length in (4, 8, 12):
        cursor.out.append(_timestamp(data))
    else:
        cursor.out.append(f'{{"extension":{kind},"data":{scalars.opaque(data)}}}')


def _timestamp(data: bytes) -> str:
    nanoseconds, seconds = 0, int.from_bytes(data[-8:], signed=len(data) == 12)
    if len(data) == 8:
        nanoseconds, seconds = seconds >> 34, seconds & (1 << 34) - 1
    elif len(data) == 12:
        nanoseconds = int.from_bytes(data[:4])
    if nanoseconds:
        return scalars.moment(seconds * 1_000_000_000 + nanoseconds, 9)
    return scalars.moment(seconds, 0)
