"""Consumer groups, as their coordinators tell of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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
    UNKNOWN = "not told"


@dataclass(frozen=True, slots=True)
class GroupListing:
    """`simple`: only commits offsets, by a client that assigns itself."""

    id: str
    state: GroupState
    type: GroupType
    simple: bool = False


@dataclass(frozen=True, slots=True)
class Groups:
    """The client library lists groups of consumers alone: no share groups, none of Streams' newer protocol. `troubles`:
    brokers that did not tell theirs, so that some may be missing."""

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
