"""Follows a key or a correlation id across topics: a search whose matches are few enough to be seen at once."""

from __future__ import annotations

from collections.abc import Sequence

from kexplorer.formats.column import compile_column, equals, shown
from kexplorer.formats.filters import compile_filter
from kexplorer.formats.schemas import SchemaSource
from kexplorer.model.correlation import Step, Trail, Where, steps_of
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Peek, Record
from kexplorer.model.search import FilterKind, FilterSpec
from kexplorer.model.search import Where as Part
from kexplorer.services.search import Search

MOST = 5_000  # records
_MOST_BYTES = 64 << 20
_LOOKED_AT = 50  # steps
USUAL = (
    *("value.type", "value.eventType", "value.event_type", "value.event", "value.status", "value.state"),
    *('headers["ce_type"]', 'headers["type"]'),
)  # where events usually say what happened
_PART = {Where.KEY: Part.KEY, Where.HEADER: Part.HEADERS}


def filter_of(trail: Trail) -> FilterSpec:
    """What to search for. Raises `Failure`(INVALID) for a trail that nothing could match."""
    if not trail.text:
        raise Failure(FailureKind.INVALID, "There is nothing to follow.", "Type a key or a correlation id.")
    if trail.where in (Where.HEADER, Where.FIELD) and not trail.name:
        what = "header" if trail.where is Where.HEADER else "field, such as value.order.id"
        raise Failure(FailureKind.INVALID, f"It is not said which {what}.", "Type its name.")
    if trail.where is Where.ANYWHERE:
        return FilterSpec(trail.text)
    if trail.where is not Where.FIELD:
        return FilterSpec(trail.text, FilterKind.EQUALS, where=_PART[trail.where])
    ways = [equals(trail.name, trail.text)]
    if trail.text.isascii() and trail.text.lstrip("-").isdecimal() and len(trail.text) < 40:
        ways.append(equals(trail.name, int(trail.text)))  # one topic may have a number where another has its digits
    spec = FilterSpec(" or ".join(way for way in ways if way), FilterKind.EXPRESSION)
    compile_filter(spec)
    return spec


def labels_of(steps: Sequence[Step], expression: str, schemas: SchemaSource | None) -> list[str]:
    """What an expression says of each step, in a word; "" where it says nothing. An empty expression stands for that of
    `USUAL` which says most. Raises `Failure`(INVALID)."""
    if expression:
        return _labels(steps, expression, schemas)
    few = steps[:_LOOKED_AT]
    told = {each: sum(map(bool, _labels(few, each, schemas))) for each in USUAL}
    best = max(told, key=told.__getitem__)  # the first of those
    return _labels(steps, best, schemas) if told[best] else [""] * len(steps)


def _labels(steps: Sequence[Step], expression: str, schemas: SchemaSource | None) -> list[str]:
    value_of = compile_column(expression, 0, schemas).value_of
    return [shown(value_of(Peek(step.record, 0))).text for step in steps]


class Correlation:
    """Owns the search until `close`. `advance` is pulled; `steps` are those that were found so far."""

    def __init__(self, trail: Trail, search: Search) -> None:
        self.trail = trail
        self.search = search
        self.full = False  # there may be more than is kept
        self._records: list[Record] = []
        self._nbytes = 0

    async def advance(self) -> bool | None:
        """Whether there are more steps now; None once all is done. Waits about 0.1 s."""
        batch = None if self.full else await self.search.next_batch()
        if batch is None:
            await self.close()
            return None
        before = len(self._records)
        for record in batch.records:
            if self.trail.holds(record):
                self._records.append(record)
        self._nbytes += batch.records.nbytes
        self.full = len(self._records) >= MOST or self._nbytes > _MOST_BYTES
        del self._records[MOST:]
        return len(self._records) > before

    def steps(self) -> Sequence[Step]:
        return steps_of(self._records)

    async def close(self) -> None:
        await self.search.close()
