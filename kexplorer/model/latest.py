"""The latest state of every entity as data: what is gathered, what came of a piece, and a row of the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from kexplorer.model.search import PieceResult
from kexplorer.model.topics import TopicPartition


class Spool(Protocol):
    """Where workers put what they read, in buckets by the entity's key; it can be pickled."""

    def put(self, source: TopicPartition, start: int, chunks: Mapping[int, bytes]) -> None:
        """What a piece brought that begins at `start`, by bucket; takes the place of what it brought before."""


@dataclass(frozen=True, slots=True)
class PieceLatest(PieceResult):
    """`keyless` records name no entity."""

    keyless: int = 0


class Order(StrEnum):
    KEY = "key"
    TIME = "time"
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class View:
    """Rows of the table: those that have `text` in key or state as it is written, with those that were deleted or
    without."""

    text: str = ""
    deleted: bool = False
    order: Order = Order.KEY
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Entity:
    """`state` is None for one that was deleted, and of `size` bytes; only its beginning may be there. `source`,
    `offset` and `ms` (since 1970, None where there is no timestamp) are those of its last event, which `events` count.
    `error` says why an event could not be folded."""

    id: int
    key: bytes
    source: TopicPartition
    offset: int
    ms: int | None
    events: int
    state: bytes | None
    size: int
    error: str = ""
