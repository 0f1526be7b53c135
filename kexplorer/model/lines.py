"""Records to send as lines that nobody has read yet: who sends them reads them as well, where that takes less time."""

from __future__ import annotations

from array import array
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from kexplorer.model.failure import Failure
from kexplorer.model.produce import Deliveries, RowTrouble

PLACE_BITS = 32


@dataclass(frozen=True, slots=True)
class LineFormat:
    """How lines of JSON become records: all go to `topic`. Rows keep their partition and timestamp if that is asked
    for. `told_each`: what became of each record is told, which takes a fifth longer."""

    topic: str
    keep_partition: bool = False
    keep_timestamp: bool = True
    told_each: bool = True


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Lines of an input, whole and none of them empty, `rows[i]` is the number of the i-th. `unordered`: each has null
    as its key and may go to any partition. Lines that cannot be sent are `troubles`, and `skipped` is how many were
    left out because an earlier run has sent them."""

    text: bytes
    rows: array[int]
    unordered: bool
    troubles: list[RowTrouble]
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class LinePlace:
    """Whole lines of a file that nobody has read yet: its bytes from `start` to `end`."""

    path: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class LineNews:
    """What became of lines. Those of blocks are numbered from 0 in the order of sending, the ones of the n-th place
    from n << PLACE_BITS, empty lines left out; `deliveries` tells of records, `unread` of lines that hold none and were
    not sent. `nbytes` are those of keys and values that were read. Where not each
    record is told of, `deliveries` are the failed ones, `acknowledged` counts the others, and `latencies` are
    milliseconds in which as many were acknowledged or failed as had been sent before."""

    deliveries: Deliveries
    unread: dict[int, Failure]
    nbytes: int = 0
    acknowledged: int = 0
    latencies: Sequence[float] = ()


class LineWriter(Protocol):
    """As a `Writer`, of lines that it reads itself. Records keep their order within their partition, but for those that
    have no key and no partition of their own."""

    @property
    def sent(self) -> int:
        """How many records were taken over by clients. It lags behind `send`."""
        ...

    @property
    def undelivered(self) -> int: ...

    async def send(self, lines: LineBlock | LinePlace) -> None:
        """Returns when little of what was sent waits to be read. Raises `Failure` where nothing can be sent any
        more."""
        ...

    async def news(self) -> LineNews:
        """What became of lines since the last call; may be empty, but not at once."""
        ...

    async def flush(self, within: float) -> int: ...


@runtime_checkable
class HasLineWriter(Protocol):
    """A writer that can do with lines what takes long in one process."""

    async def for_lines(self, lines: LineFormat) -> LineWriter:
        """Closed with the writer. Raises `Failure` for a topic that is not there."""
        ...


class BlocksOfLines(Protocol):
    """An input as lines, read once from its beginning. Its calls may wait for a disk."""

    @property
    def format(self) -> LineFormat: ...

    def next(self) -> LineBlock | None:
        """None behind the last. Raises `Failure` for an input that cannot be read."""
        ...

    def next_places(self) -> list[LinePlace]:
        """The same without reading it, several at once, none behind the last: who uses this uses `next` no more, and
        all rows are sent."""
        ...

    def rows_of(self, numbers: Sequence[int]) -> list[int]:
        """Which rows the lines of places were, by their numbers (see `LineNews`). Reads the file once more."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class LinesSource(Protocol):
    """A source that can be read as lines."""

    def lines(self, answered: Container[int] = ()) -> BlocksOfLines | None:
        """Without the rows that are `answered`; None where it is too small for that, or not made of lines."""
        ...
