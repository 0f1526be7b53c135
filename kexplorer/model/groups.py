"""Consumer groups, as their coordinators tell of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from kexplorer.model.failure import Failure
from kexplorer.model.topics import TopicPartition


class GroupState(StrEnum):
    """As a person reads it. The client library has no names for the states of KIP-848 between two assignments."""

    STABLE = "stable"
    PREPARING = "preparing to rebalance"
    COMPLETING = "completing a rebalance"
    MOVING = "in transition"
    EMPTY = "empty"
    DEAD = "dead"

    @property
    def active(self) -> bool:
        """Has, or may have, members."""
        return self not in (GroupState.EMPTY, GroupState.DEAD)


class GroupType(StrEnum):
    CLASSIC = "classic"
    CONSUMER = "consumer"  # KIP-848
    SHARE = "share"  # KIP-932
    STREAMS = "streams"  # KIP-1071
    UNKNOWN = "not told"

    @property
    def commits(self) -> bool:
        """Its members commit an offset a partition, which is what lag and resets are about."""
        return self not in (GroupType.SHARE, GroupType.STREAMS)


@dataclass(frozen=True, slots=True)
class GroupListing:
    """`simple`: only commits offsets, by a client that assigns itself. `protocol` is "consumer", "connect" or whatever
    else its members agreed on, "" where there were none yet."""

    id: str
    state: GroupState
    type: GroupType
    simple: bool = False
    protocol: str = "consumer"


@dataclass(frozen=True, slots=True)
class Groups:
    """`troubles`: brokers that did not tell theirs, so that some may be missing."""

    listed: tuple[GroupListing, ...]
    troubles: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """`instance` is that of a static member (KIP-345), "" for others."""

    id: str
    client: str
    host: str
    assigned: tuple[TopicPartition, ...]
    instance: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """`coordinator` is a broker's id, None where none is told."""

    id: str
    state: GroupState
    type: GroupType
    members: tuple[Member, ...]
    assignor: str = ""
    coordinator: int | None = None


class Committed(NamedTuple):
    """What a group committed for a partition: the offset that it reads next, and what its client wrote beside it."""

    offset: int
    metadata: str = ""
