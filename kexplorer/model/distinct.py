"""How many different values there are: exactly while they are few, else by HyperLogLog.

Flajolet et al. 2007, https://algo.inria.fr/flajolet/Publications/FlFuGaMe07.pdf, with the estimator of Ertl 2017,
https://arxiv.org/abs/1702.01284, which needs no table of corrections.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b

EXACT = 4096  # values that are kept one by one
_BITS = 14  # of a hash that choose its register
_REST = 64 - _BITS
_REGISTERS = 1 << _BITS
ERROR = 1.04 / math.sqrt(_REGISTERS)  # standard error of the estimate, as a share of it


class Distinct:
    """Can be sent between processes: a value has the same hash in all of them."""

    __slots__ = ("_hashes", "_registers")

    def __init__(self) -> None:
        self._hashes: set[int] = set()
        self._registers: bytearray | None = None

    @property
    def exact(self) -> bool:
        return self._registers is None

    def add(self, values: Iterable[bytes]) -> None:
        self._take(int.from_bytes(blake2b(value, digest_size=8).digest(), "big") for value in values)

    def merge(self, other: Distinct) -> None:
        if other._registers is not None:
            self._condense()
            mine = self._registers or bytearray(_REGISTERS)
            self._registers = bytearray(map(max, mine, other._registers))
        self._take(other._hashes)

    def estimate(self) -> int:
        if self._registers is None:
            return len(self._hashes)
        having = Counter(self._registers)
        share = _REGISTERS * _tau(1 - having[_REST + 1] / _REGISTERS)
        for rank in range(_REST, 0, -1):
            share = 0.5 * (share + having[rank])
        share += _REGISTERS * _sigma(having[0] / _REGISTERS)
        return round(_REGISTERS**2 / (2 * math.log(2)) / share)

    def _take(self, hashes: Iterable[int]) -> None:
        if self._registers is None:
            self._hashes.update(hashes)
            if len(self._hashes) > EXACT:
                self._condense()
            return
        registers = self._registers
        for each in hashes:
            rank = _REST + 1 - (each & ((1 << _REST) - 1)).bit_length()
            if rank > registers[each >> _REST]:  # noqa: PLR1730  (`max` takes twice as long)
                registers[each >> _REST] = rank

    def _condense(self) -> None:
        if self._registers is None:
            self._registers, hashes, self._hashes = bytearray(_REGISTERS), self._hashes, set()
            self._take(hashes)


def _sigma(x: float) -> float:
    if x == 1:
        return math.inf
    y, z, before = 1.0, x, -1.0
    while z != before:
        x, before = x * x, z
        z, y = z + x * y, y + y
    return z


def _tau(x: float) -> float:
    if x in (0, 1):
        return 0.0
    y, z, before = 1.0, 1 - x, -1.0
    while z != before:
        x, before, y = math.sqrt(x), z, y / 2
        z -= (1 - x) ** 2 * y
    return z / 3
