"""A search as data: what is looked for, where, and what came of each piece of it. All of it can go to a process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from kexplorer.model.records import RecordColumns, Trouble
from kexplorer.model.topics import IsolationLevel, OffsetRange, TopicPartition

Interval = tuple[int, int]  # start <= offset < end


class FilterKind(StrEnum):
    """Of EQUALS the whole key, value, header name or header value is the text; bytes that are no UTF-8 stand in it as
    Python's "surrogateescape" has them."""

    CONTAINS = "contains"
    EQUALS = "equals"
    REGEX = "regex"
    EXPRESSION = "expression"


class Where(StrEnum):
    """Where all kinds but EXPRESSION look. HEADERS are names and values; an EXPRESSION names its fields itself."""

    ANYWHERE = "anywhere"
    KEY = "key"
    VALUE = "value"
    HEADERS = "headers"


@dataclass(frozen=True, slots=True)
class FilterSpec:
    """What a person typed. Only `formats.filters.compile_filter` tells whether it can be run."""

    text: str
    kind: FilterKind = FilterKind.CONTAINS
    case_sensitive: bool = True
    where: Where = Where.ANYWHERE


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """`ranges` have ends, found out once at the start, so that a search means the same when it is taken up again; for
    the same reason `ago()` of an expression counts from `asked_at` (milliseconds since 1970). At most `limit` matches
    are wanted, None for all. `topic_ids` tell later whether the topics are still the same, as far as brokers tell ids.

    Raises ValueError for a range without an end.
    """

    ranges: tuple[OffsetRange, ...]
    filter: FilterSpec
    asked_at: int
    isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED
    newest_first: bool = True
    limit: int | None = None
    topic_ids: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if any(each.end is None for each in self.ranges):
            raise ValueError("a search needs ranges with an end")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of one partition's range, small enough to be scanned in one go and scanned again if that failed."""

    range: OffsetRange


@dataclass(frozen=True, slots=True)
class Undecoded:
    """Records of which nobody knows whether they match, because what the filter asks for could not be decoded: how
    many, which was met first, and why, in a clause without a full stop."""

    records: int
    source: TopicPartition
    offset: int
    why: str


@dataclass(frozen=True, slots=True)
class PieceResult:
    """What scanning brought. Every offset of the piece below `reached` was looked at, those without a record included;
    `reached` is the end of the piece when it is done. `records` and `nbytes` (keys, values and headers as far as they
    were read) count what was scanned, `matches` holds what was found, in the order of offsets or, where the newest were
    asked for first, backwards."""

    piece: Piece
    reached: int
    records: int
    nbytes: int
    matches: RecordColumns
    troubles: tuple[Trouble, ...] = ()
    undecoded: Undecoded | None = None

    @property
    def done(self) -> bool:
        return self.piece.range.end is not None and self.reached >= self.piece.range.end


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search that can be taken up again. `profile` names its connection; `done` is what was looked at so far."""

    id: int
    profile: str
    query: SearchQuery
    records: int = 0
    nbytes: int = 0
    done: Mapping[TopicPartition, Sequence[Interval]] = field(default_factory=dict)
    found: Mapping[TopicPartition, Sequence[int]] = field(default_factory=dict)  # offsets of matches, in order
    undecoded: Undecoded | None = None

    @property
    def fraction(self) -> float:
        """Of the offsets, how many were looked at."""
        whole = sum((each.end or each.start) - each.start for each in self.query.ranges)
        return sum(end - start for part in self.done.values() for start, end in part) / whole if whole else 1.0
