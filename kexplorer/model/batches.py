"""What a client tells of the batches in which it sends records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Batches:
    """`count` batches with `records` in them. `payload` is the bytes of keys and values, `nbytes` those of the batches
    as they were sent: compressed, with framing. A batch is full at `most_bytes` before compression, or at
    `most_records`. `queue_full`: how often sending had to wait, because as much as a client keeps was under way."""

    count: int
    records: int
    payload: int
    nbytes: int
    most_bytes: int
    most_records: int
    queue_full: int

    @property
    def fill(self) -> float:
        """How full they were, 0 to 1; 0 if there are none."""
        if not self.count:
            return 0.0
        return min(max(self.payload / self.count / self.most_bytes, self.records / self.count / self.most_records), 1.0)

    @property
    def records_each(self) -> float:
        return self.records / self.count if self.count else 0.0

    @property
    def ratio(self) -> float:
        """Bytes of keys and values for each byte that was sent; 0 if nothing was."""
        return self.payload / self.nbytes if self.nbytes else 0.0


@runtime_checkable
class MeasuresBatches(Protocol):
    """A writer that can tell of its batches."""

    def measure(self) -> None:
        """Before the first record is sent."""
        ...

    async def batches(self) -> Batches:
        """Of all that was sent so far; takes about half a second."""
        ...
