"""What expressions can do with values: compare, calculate, look at texts. Nothing here raises, whatever it is given:
where there is no answer it is None (null). Numbers are int and Decimal, exact to 100 digits."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum
from typing import Any

from kexplorer.formats.payloads import MISSING


class Kind(StrEnum):
    """What can be known before there is a record. ANY is a field: it may turn out to be anything."""

    CONDITION = "a condition"
    NUMBER = "a number"
    TEXT = "a text"
    NULL = "null"
    LIST = "a list"
    ANY = "a field"


NUMBERS: frozenset[Any] = frozenset((int, Decimal))
_EXACT = Context(prec=100, Emin=-999_999, Emax=999_999, rounding=ROUND_HALF_EVEN, traps=[])
_WIDEST_INT = 8_192  # bits of an exact product; digits beyond 100 are rounded from there on
_LARGEST_DECIMAL = 4_096  # bytes; longer numbers are compared but not calculated with
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[-+]?[0-9]{1,4000}+(\.[0-9]{1,4000}+)?+([eE][-+]?[0-9]{1,6}+)?+", re.ASCII)
_AGO = re.compile(r"([0-9]{1,9})\s*(ms|s|min|m|h|d|w)", re.ASCII)
_UNITS = {"ms": 1, "s": 1000, "min": 60_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_MOST_DIGITS = 30  # behind the point, for round()


def is_absent(x: Any) -> bool:
    return x is None or x is MISSING


def same(a: Any, b: Any) -> bool:
    """Equal in kind and value, in depth. 1 is 1.0 and 1.00 but not true."""
    pairs = [(a, b)]
    while pairs:
        a, b = pairs.pop()
        kind = a.__class__
        if kind in NUMBERS:
            if b.__class__ not in NUMBERS or a != b:
                return False
        elif kind is not b.__class__:
            return False
        elif kind is dict:
            if a.keys() != b.keys():
                return False
            pairs += [(inner, b[name]) for name, inner in a.items()]
        elif kind is list:
            if len(a) != len(b):
                return False
            pairs += zip(a, b, strict=True)
        elif a != b:
            return False
    return True


def inside(x: Any, container: Any) -> bool | None:
    """Part of a text, element of a list, name of an object's field; None where that makes no sense."""
    if is_absent(x):
        return None
    if container.__class__ is str:
        return x in container if x.__class__ is str else None
    if container.__class__ is list:
        return any(same(x, each) for each in container)
    if container.__class__ is dict:
        return x in container if x.__class__ is str else None
    return None


def ordered(order: Callable[[Any, Any], bool], a: Any, b: Any) -> bool:
    """Two numbers, or two texts by their characters' codes."""
    if a.__class__ in NUMBERS:
        return b.__class__ in NUMBERS and order(a, b)
    return a.__class__ is str and b.__class__ is str and order(a, b)


def calculator(operator: str) -> Callable[[Any, Any], int | Decimal | None]:
    """For + - * / %: null for anything but numbers and for a division by zero. The rest has the divisor's sign."""
    exact, rounded = _INTEGERS.get(operator), _DECIMALS[operator]
    divides = operator in "/%"

    def calculate(a: Any, b: Any) -> Any:
        if a.__class__ not in NUMBERS or b.__class__ not in NUMBERS or (divides and not b):
            return None
        if exact and a.__class__ is int and b.__class__ is int and a.bit_length() + b.bit_length() <= _WIDEST_INT:
            return exact(a, b)
        if a.__sizeof__() > _LARGEST_DECIMAL or b.__sizeof__() > _LARGEST_DECIMAL:
            return None
        return _finite(rounded(Decimal(a), Decimal(b)))

    return calculate


def _remainder(a: Decimal, b: Decimal) -> Decimal:
    rest = _EXACT.remainder(a, b)
    return _EXACT.add(rest, b) if rest and rest.is_signed() != b.is_signed() else rest


_INTEGERS: dict[str, Callable[[int, int], int]] = {
    "+": int.__add__,
    "-": int.__sub__,
    "*": int.__mul__,
    "%": int.__mod__,
}
_DECIMALS: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": _EXACT.add,
    "-": _EXACT.subtract,
    "*": _EXACT.multiply,
    "/": _EXACT.divide,
    "%": _remainder,
}


def _finite(number: Decimal) -> Decimal | None:
    return number if number.is_finite() else None


def negative(x: Any) -> Any:
    if x.__class__ is int:
        return -x
    return x.copy_negate() if x.__class__ is Decimal else None


def _absolute(x: Any) -> Any:
    return negative(x) if x.__class__ in NUMBERS and x < 0 else x if x.__class__ in NUMBERS else None


def _smallest(*numbers: Any) -> Any:
    return min(numbers) if all(x.__class__ in NUMBERS for x in numbers) else None


def _largest(*numbers: Any) -> Any:
    return max(numbers) if all(x.__class__ in NUMBERS for x in numbers) else None


def _rounded(x: Any, digits: Any = 0) -> Any:
    if x.__class__ is int or x.__class__ is not Decimal:
        return x if x.__class__ is int else None
    if digits.__class__ is not int or not 0 <= digits <= _MOST_DIGITS:
        return None
    found = _EXACT.quantize(x, Decimal(1).scaleb(-digits))
    return x if found.is_nan() else found  # too large to have digits behind the point


def _number(x: Any) -> Any:
    if x.__class__ is str and len(x) < 10_000:
        digits = x.strip()
        if match := _NUMBER.fullmatch(digits):
            return Decimal(digits) if match[1] or match[2] else int(digits)
    return x if x.__class__ in NUMBERS else None


def _text(x: Any) -> str | None:
    if x.__class__ is bool:
        return "true" if x else "false"
    return str(x) if x.__class__ in NUMBERS or x.__class__ is str else None


def _length(x: Any) -> int | None:
    return len(x) if x.__class__ in (str, list, dict) else None


def _starts(x: Any, start: Any) -> bool:
    return x.__class__ is str and start.__class__ is str and x.startswith(start)


def _ends(x: Any, end: Any) -> bool:
    return x.__class__ is str and end.__class__ is str and x.endswith(end)


def milliseconds(x: Any) -> int | None:
    """ISO 8601 as milliseconds since 1970; UTC where no zone is given."""
    if x.__class__ is not str:
        return None
    try:
        moment = datetime.fromisoformat(x.strip())
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None


def span(x: str) -> int | None:
    """ "15m" in milliseconds."""
    match = _AGO.fullmatch(x.strip())
    return int(match[1]) * _UNITS[match[2]] if match else None


@dataclass(frozen=True, slots=True)
class Function:
    """`takes` says how the arguments are looked at: ANY as they are, TEXT and NUMBER as nothing else."""

    run: Callable[..., Any]
    takes: Kind
    gives: Kind
    least: int = 1
    most: int = 1


FUNCTIONS = {
    "starts_with": Function(_starts, Kind.TEXT, Kind.CONDITION, 2, 2),
    "ends_with": Function(_ends, Kind.TEXT, Kind.CONDITION, 2, 2),
    "lower": Function(lambda x: x.lower() if x.__class__ is str else None, Kind.TEXT, Kind.TEXT),
    "upper": Function(lambda x: x.upper() if x.__class__ is str else None, Kind.TEXT, Kind.TEXT),
    "text": Function(_text, Kind.ANY, Kind.TEXT),
    "number": Function(_number, Kind.ANY, Kind.NUMBER),
    "len": Function(_length, Kind.ANY, Kind.NUMBER),
    "time": Function(milliseconds, Kind.TEXT, Kind.NUMBER),
    "abs": Function(_absolute, Kind.NUMBER, Kind.NUMBER),
    "min": Function(_smallest, Kind.NUMBER, Kind.NUMBER, 2, 20),
    "max": Function(_largest, Kind.NUMBER, Kind.NUMBER, 2, 20),
    "round": Function(_rounded, Kind.NUMBER, Kind.NUMBER, 1, 2),
}
