"""CBOR as JSON text: https://www.rfc-editor.org/rfc/rfc8949

Written here for the reasons of `msgpack`, and because a tag of the data should not choose what code runs.
"""

from __future__ import annotations

import struct

from kexplorer.formats import scalars
from kexplorer.formats.cursor import Cursor, Reading, Unreadable, reading
from kexplorer.formats.numbers import count

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_INDEFINITE, _BREAK = 31, 0xFF
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_WORDS = {20: "false", 21: "true", 22: "null", 23: '"undefined"'}
_SELF_DESCRIBED = 55_799  # the tag that says "this is CBOR"


def could_be(payload: memoryview) -> bool:
    """Whether it begins as a map or an array that is not empty does, or says itself that it is CBOR."""
    major, more = divmod(payload[0], 32)
    begins = major in (_ARRAY, _MAP) and (0 < more <= 27 or more == _INDEFINITE)
    return begins or bytes(payload[:3]) == b"\xd9\xd9\xf7"


def cbor(payload: memoryview, limit: int | None) -> Reading:
    """Raises Unreadable."""
    return reading(payload, limit, _value)


def _value(cursor: Cursor) -> None:
    major, more = divmod(cursor.byte(), 32)
    if major in (_ARRAY, _MAP):
        _items(cursor, None if more == _INDEFINITE else _argument(cursor, more), "[]" if major == _ARRAY else "{}")
    elif major == _TAG:
        _tagged(cursor, _argument(cursor, more))
    else:
        _scalar(cursor, major, more)


def _items(cursor: Cursor, number: int | None, brackets: str) -> None:
    if number is not None and number > cursor.size - cursor.at:
        raise Unreadable(f"{count(number)} items in the {count(cursor.size - cursor.at)} bytes that are left")
    cursor.deeper()
    done = 0
    cursor.out.append(brackets[0])
    while not _ended(cursor) if number is None else done < number:
        if done:
            cursor.out.append(",")
        if brackets == "{}":
            _key(cursor)
        _value(cursor)
        cursor.check()
        done += 1
    cursor.out.append(brackets[1])
    cursor.levels -= 1


def _ended(cursor: Cursor) -> bool:
    """Whether the next byte ends what has no length of its own; takes it then."""
    if cursor.byte() == _BREAK:
        return True
    cursor.at -= 1
    return False


def _key(cursor: Cursor) -> None:
    major, more = divmod(cursor.byte(), 32)
    if major in (_ARRAY, _MAP, _TAG):
        raise Unreadable(f"a key that is neither text nor a number, at byte {count(cursor.at - 1)}")
    _scalar(cursor, major, more)
    if major != _TEXT:
        cursor.out[-1] = scalars.quoted(cursor.out[-1].strip('"'))  # JSON has no other keys than text
        cursor.notes["keys that are numbers or bytes are shown as text"] = None
    cursor.out.append(":")


def _scalar(cursor: Cursor, major: int, more: int) -> None:
    if major in (_BYTES, _TEXT) and more == _INDEFINITE:
        whole = b"".join(_chunks(cursor, major))
        if major == _BYTES:
            cursor.out.append(scalars.opaque(whole))
        else:
            cursor.write(whole)
    elif major == _TEXT:
        cursor.write_text(_argument(cursor, more))
    elif major == _BYTES:
        cursor.out.append(scalars.opaque(cursor.take(_argument(cursor, more))))
    elif major == _SIMPLE:
        _simple(cursor, more)
    else:
        number = _argument(cursor, more)
        cursor.out.append(str(number if major == _UNSIGNED else -1 - number))


def _argument(cursor: Cursor, more: int) -> int:
    if more < 24:
        return more
    if more > 27:
        raise Unreadable(f"the length {more} is not defined, at byte {count(cursor.at - 1)}")
    return int.from_bytes(cursor.take(1 << (more - 24)))


def _chunks(cursor: Cursor, major: int) -> list[bytes]:
    chunks = []
    while not _ended(cursor):
        inner, more = divmod(cursor.byte(), 32)
        if inner != major or more == _INDEFINITE:
            raise Unreadable(f"a chunk of another type within a string, at byte {count(cursor.at - 1)}")
        chunks.append(cursor.take(_argument(cursor, more)))
    return chunks


def _simple(cursor: Cursor, more: int) -> None:
    if form := _FLOATS.get(more):
        (number,) = struct.unpack(form, cursor.take(struct.calcsize(form)))
        cursor.out.append(scalars.double(number) if more == 27 else scalars.single(number))
    elif more == _INDEFINITE:
        raise Unreadable(f"the end of something that did not begin, at byte {count(cursor.at - 1)}")
    else:
        value = _argument(cursor, more)
        cursor.out.append(_WORDS.get(value) or f'"simple({value})"')


def _tagged(cursor: Cursor, tag: int) -> None:
    """Tags of time, large numbers and UUIDs as what they mean; any other beside its value."""
    start, out = cursor.at, cursor.out
    if tag in (2, 3, 4, 37) and (shown := _meaning(cursor, tag)) is not None:
        out.append(shown)
        return
    cursor.at = start
    cursor.deeper()
    if tag in (0, _SELF_DESCRIBED):
        _value(cursor)
    elif tag == 1 and cursor.byte() < 0x40:  # an integer of seconds
        cursor.at = start
        major, more = divmod(cursor.byte(), 32)
        number = _argument(cursor, more)
        out.append(scalars.moment(number if major == _UNSIGNED else -1 - number, 0))
    else:
        cursor.at = start
        out.append(f'{{"tag":{tag},"value":')
        _value(cursor)
        out.append("}")
    cursor.levels -= 1


def _meaning(cursor: Cursor, tag: int) -> str | None:
    """None if what the tag is on does not suit it."""
    major, more = divmod(cursor.byte(), 32)
    if major == _BYTES and more != _INDEFINITE:
        raw = cursor.take(_argument(cursor, more))
        if tag == 37:
            return scalars.uuid(raw) if len(raw) == 16 else None
        number = scalars.integer(b"\0" + raw)
        return None if number is None or tag == 4 else scalars.whole(number if tag == 2 else -1 - number)
    if tag == 4 and (major, more) == (_ARRAY, 2):
        exponent, mantissa = _integer(cursor), _integer(cursor)
        return None if exponent is None or mantissa is None else scalars.decimal(mantissa, -exponent)
    return None


def _integer(cursor: Cursor) -> int | None:
    major, more = divmod(cursor.byte(), 32)
    if major in (_UNSIGNED, _NEGATIVE):
        number = _argument(cursor, more)
        return number if major == _UNSIGNED else -1 - number
    return None
