"""Values of the binary formats as JSON text: exact numbers, ISO 8601 times, bytes that say that they are bytes."""

from __future__ import annotations

import math
import re
import struct
from base64 import b64encode
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from json.encoder import encode_basestring
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_FIRST_DAY = date(1970, 1, 1)
_BYTES = re.compile("[\udc80-\udcff]")  # of invalid UTF-8, as "surrogateescape" spells them
_MOST_ZEROS = 1000  # a scale of 2,147,483,647 would otherwise be 2 GB of zeros
_LONGEST_NUMBER = 16_384  # bytes; its digits take quadratic time


quoted = encode_basestring  # text as a JSON string, with all but controls, quotes and backslashes as it is


def not_quite_text(raw: bytes) -> str:
    """A JSON string in which each byte that is not UTF-8 shows as ‹FF›."""
    return quoted(_BYTES.sub(lambda match: f"‹{ord(match[0]) - 0xDC00:02X}›", raw.decode("utf-8", "surrogateescape")))


def opaque(raw: bytes) -> str:
    """Bytes that are not text."""
    return f'"base64:{b64encode(raw).decode()}"'


def double(number: float) -> str:
    """The shortest digits that are this number; JSON has no NaN and no infinity, so those are strings."""
    if math.isfinite(number):
        return repr(number)
    return '"NaN"' if number != number else '"Infinity"' if number > 0 else '"-Infinity"'  # noqa: PLR0124


def single(number: float) -> str:
    """As `double`, of a number that has 32 bits: 0.1 rather than 0.10000000149011612."""
    if not math.isfinite(number) or number.is_integer():
        return double(number)
    packed = struct.pack("<f", number)
    shorter = (float(f"{number:.{digits}g}") for digits in (6, 7, 8, 9))
    return repr(next((each for each in shorter if struct.pack("<f", each) == packed), number))


def integer(raw: bytes) -> int | None:
    """Big-endian two's complement; None if it has more digits than anybody reads."""
    return int.from_bytes(raw, signed=True) if len(raw) <= _LONGEST_NUMBER else None


def whole(number: int) -> str:
    """All digits; Python's own conversion refuses more than 4,300 of them."""
    return str(number) if -(1 << 64) < number < 1 << 64 else format(Decimal(number), "f")


def decimal(unscaled: int, scale: int) -> str:
    """`unscaled` / 10 ** `scale` with all its digits: (1250, 2) is 12.50. An exponent where zeros would not end."""
    digits, sign = whole(abs(unscaled)), "-" if unscaled < 0 else ""
    if scale < 0 or scale > _MOST_ZEROS:
        return f"{sign}{digits}E{-scale:+d}"
    digits = digits.rjust(scale + 1, "0")
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}" if scale else sign + digits


def moment(ticks: int, digits: int, zone: str = "Z") -> str:
    """Ticks of 10 ** -`digits` seconds since 1970 as "2026-11-23T03:59:00.000Z"; the number outside of 1 to 9999."""
    seconds, rest = divmod(ticks, 10**digits)
    try:
        return f'"{_second(seconds)}{_fraction(rest, digits)}{zone}"'
    except OverflowError:
        return str(ticks)


@lru_cache(maxsize=4096)  # neighbours share their second
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()


def _fraction(rest: int, digits: int) -> str:
    return f".{rest:0{digits}d}" if digits else ""


def day(number: int) -> str:
    """Days since 1970 as "2026-11-23"."""
    try:
        return f'"{_FIRST_DAY + timedelta(days=number)}"'
    except OverflowError:
        return str(number)


def time_of_day(ticks: int, digits: int) -> str:
    """Ticks of 10 ** -`digits` seconds since midnight as "03:59:00.000"; the number if it is no time of a day."""
    seconds, rest = divmod(ticks, 10**digits)
    if not 0 <= seconds < 86_400:
        return str(ticks)
    return f'"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{_fraction(rest, digits)}"'


def uuid(raw: bytes) -> str:
    return f'"{UUID(bytes=raw)}"'
