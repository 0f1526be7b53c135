"""The worker's side of a search: looks through one piece of a partition, in a process that does nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kexplorer.formats.filters import Filter, compile_filter
from kexplorer.kafka.scan_directly import scan_directly
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.records import RecordColumns, Trouble
from kexplorer.model.search import FilterSpec, Piece, PieceResult, Undecoded
from kexplorer.model.topics import IsolationLevel, OffsetRange

if TYPE_CHECKING:
    from kexplorer.formats.schemas import SchemaSource

_MOST_MATCHED = 4 << 20  # bytes of matches after which a piece comes back as far as it got
_LONGEST = 4.0  # seconds after which it does, if it got on at all: records may be a thousand times larger than before


@dataclass(frozen=True, slots=True)
class Scan:
    """What all pieces of a search have in common; calling it scans one of them. Goes to workers by pipe (or by the
    connection to a Dask cluster), secrets included, never by arguments or environment of a process."""

    profile: Profile
    credentials: Credentials
    filter: FilterSpec
    asked_at: int
    isolation: IsolationLevel
    newest_first: bool = False  # the matches of a piece come backwards
    schemas: SchemaSource | None = None  # for expressions; it can be pickled, and waits for what it has to ask for

    def __call__(self, piece: Piece) -> PieceResult:
        """Raises `Failure` where nothing could be scanned. When it takes long or matches become too many, the result
        reaches less far than the piece does; so it does where a trouble ended it, which then has the offset that was
        reached."""
        of = piece.range
        look = Look(self, of.source.topic)
        reached, ended = scan_directly(self, of, look, _LONGEST)
        troubles: list[Trouble] = []
        if not ended:
            from kexplorer.kafka.scan_by_client import scan_by_client  # noqa: PLC0415  (most workers need no client)

            rest = OffsetRange(of.source, reached, of.end)
            reached, troubles = scan_by_client(self, rest, look, _LONGEST)
        matches = look.matches
        if self.newest_first:
            matches = matches.select(range(len(matches) - 1, -1, -1))
        return PieceResult(piece, reached, look.records, look.nbytes, matches, tuple(troubles), look.undecoded)


class Look:
    """What was looked at, and what matched. `nbytes` are those of keys, values and headers as far as they were read;
    where whole batches are looked at, with the few bytes around them."""

    def __init__(self, scan: Scan, topic: str) -> None:
        schemas: Any = scan.schemas  # which is told apart by its identity
        self.filter = _compiled(scan.filter, topic, scan.asked_at, schemas)
        self.undecoded: Undecoded | None = None
        self.matches = RecordColumns()
        self.records = 0
        self.nbytes = 0

    @property
    def full(self) -> bool:
        return self.matches.nbytes >= _MOST_MATCHED


@lru_cache(maxsize=16)
def _compiled(spec: FilterSpec, topic: str, now: int, schemas: SchemaSource | None) -> Filter:
    return compile_filter(spec, topic=topic, now=now, schemas=schemas)
