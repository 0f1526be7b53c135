"""Hexadecimal rows of any part of a value, without building the rest."""

from __future__ import annotations

from typing import NamedTuple

ROW = 16  # bytes
_HEX_WIDTH = 3 * ROW  # the two halves stand two blanks apart
_ASCII = bytes(byte if 0x20 <= byte <= 0x7E else 0xB7 for byte in range(256))  # 0xB7 is "·" in Latin-1


class HexLine(NamedTuple):
    """`offset` is that of the first byte; `hex` is padded to the same width in every row; `ascii` is not padded."""

    offset: int
    hex: str
    ascii: str


def line_count(size: int) -> int:
    """Rows that `size` bytes take."""
    return -(-size // ROW)


def hex_lines(data: bytes | memoryview, start_line: int, count: int) -> list[HexLine]:
    """Rows `start_line` to `start_line + count - 1`, fewer where the data ends."""
    part = bytes(data[start_line * ROW : (start_line + count) * ROW])
    return [_line(start_line * ROW + at, part[at : at + ROW]) for at in range(0, len(part), ROW)]


def _line(offset: int, row: bytes) -> HexLine:
    halves = f"{row[: ROW // 2].hex(' ')}  {row[ROW // 2 :].hex(' ')}".upper()
    return HexLine(offset, halves.ljust(_HEX_WIDTH), row.translate(_ASCII).decode("latin-1"))
