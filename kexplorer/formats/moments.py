"""Times, decimals and identifiers as they are typed: the other way round than `scalars.py`. All raise Misfit."""

from __future__ import annotations

import re
import struct
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from kexplorer.formats.typed import MOST_DIGITS, Misfit, expected, is_integer, spoken

_EPOCH, _FIRST_DAY = datetime(1970, 1, 1), date(1970, 1, 1)  # noqa: DTZ001 - of both kinds of time
_CLOCK = r"(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?"
_MOMENT = re.compile(rf"(\d{{4}}-\d\d-\d\d)[T ]{_CLOCK}(Z|[+-]\d\d:\d\d)?", re.ASCII)
_TIME = re.compile(_CLOCK, re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:[eE][-+]?\d{1,9})?", re.ASCII)
_AVRO_DURATION = re.compile(r"P(?:(\d{1,10})M)?(?:(\d{1,10})D)?(?:T(\d{1,7})(?:\.(\d{1,3}))?S)?", re.ASCII)
_SECONDS = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s", re.ASCII)
_INT32 = 1 << 31


def moment(text: str, digits: int, *, zoned: bool) -> int:
    """Ticks of 10 ** -`digits` seconds since 1970. With `zoned` of a moment in UTC, else of a time on some clock."""
    example = f"“2026-11-23T03:59:00.000{'Z' if zoned else ''}”"
    found = _MOMENT.fullmatch(text)
    if not found or bool(found[6]) is not zoned:
        raise expected(f"a time such as {example}", text)
    try:
        between = datetime.fromisoformat(f"{found[1]}T{found[2]}:{found[3]}:{found[4]}") - _EPOCH
    except ValueError as error:
        raise Misfit(f"{spoken(text)} is no time: {error}") from None
    seconds = between.days * 86_400 + between.seconds
    if zoned and found[6] != "Z":
        hours, minutes = map(int, found[6][1:].split(":"))
        seconds -= (hours * 3600 + minutes * 60) * (-1 if found[6][0] == "-" else 1)
    ticks: int = seconds * 10**digits + _fraction(found[5], digits, text)
    return ticks


def time_of_day(text: str, digits: int) -> int:
    """Ticks since midnight."""
    found = _TIME.fullmatch(text)
    if not found or int(found[1]) > 23 or int(found[2]) > 59 or int(found[3]) > 59:
        raise expected("a time of day such as “03:59:00.000”", text)
    seconds = int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])
    ticks: int = seconds * 10**digits + _fraction(found[4], digits, text)
    return ticks


def day(text: str) -> int:
    """Days since 1970."""
    try:
        if _DATE.fullmatch(text):
            return (date.fromisoformat(text) - _FIRST_DAY).days
    except ValueError as error:
        raise Misfit(f"{spoken(text)} is no day: {error}") from None
    raise expected("a day such as “2026-11-23”", text)


def uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise expected("a UUID", text) from None


def avro_duration(text: str) -> bytes:
    """Months, days and milliseconds."""
    found = _AVRO_DURATION.fullmatch(text)
    if not found or text.endswith(("P", "T")):
        raise expected("a duration such as “P1M2DT3.004S”", text)
    parts = int(found[1] or 0), int(found[2] or 0), int(found[3] or 0) * 1000 + _fraction(found[4], 3, text)
    try:
        return struct.pack("<III", *parts)
    except struct.error:
        raise Misfit(f"{spoken(text)} is beyond what a duration can hold") from None


def seconds(text: str) -> tuple[int, int]:
    """Of "-3.25s" the seconds and nanoseconds, both negative."""
    found = _SECONDS.fullmatch(text)
    if not found:
        raise expected("a duration in seconds such as “3.5s”", text)
    sign = -1 if found[1] else 1
    return sign * int(found[2]), sign * _fraction(found[3], 9, text)


def unscaled(value: Any, scale: int) -> int:
    """The number times 10 ** `scale`, which has no more digits than that."""
    number = _decimal(value)
    if number.is_finite() and not number:
        return 0
    sign, digits, exponent = number.as_tuple()
    if not number.is_finite() or max(number.adjusted() + scale, len(digits)) >= MOST_DIGITS:
        raise Misfit(f"{spoken(value)} has too many digits")
    shift = int(exponent) + scale
    whole = int("".join(map(str, digits)))
    if shift < 0:
        whole, rest = divmod(whole, 10**-shift) if -shift <= len(digits) else (0, 1)
        if rest:
            raise Misfit(f"{spoken(value)} has more than {scale} digits behind the point")
    else:
        whole *= 10**shift
    return -whole if sign else whole


def exact(value: Any) -> tuple[int, int]:
    """The number as an integer divided by 10 ** the second."""
    number = _decimal(value)
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or not -_INT32 < -exponent < _INT32 or len(digits) > MOST_DIGITS:
        raise Misfit(f"{spoken(value)} has too many digits")
    whole = int("".join(map(str, digits)))
    return -whole if sign else whole, -exponent


def _decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if is_integer(value):
        return Decimal(value)
    if isinstance(value, str) and len(value) <= MOST_DIGITS and _NUMBER.fullmatch(value):
        return Decimal(value)
    raise expected("a decimal number", value)


def _fraction(given: str | None, digits: int, whole: str) -> int:
    kept, beyond = (given or "")[:digits], (given or "")[digits:]
    if beyond.strip("0"):
        raise Misfit(f"{spoken(whole)} has more than {digits} digits of a second")
    return int(kept.ljust(digits, "0") or "0")
