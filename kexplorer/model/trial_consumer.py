"""A consumer that joins a group on purpose, to see how the group and its members behave: the one reader that does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.topics import TopicPartition


class Assigning(StrEnum):
    """Who assigns partitions, and how: three assignors of the classic protocol, and the protocol of KIP-848."""

    RANGE = "range"
    ROUND_ROBIN = "roundrobin"
    COOPERATIVE = "cooperative-sticky"
    CONSUMER = "consumer"

    @property
    def classic(self) -> bool:
        return self is not Assigning.CONSUMER


class Commits(StrEnum):
    AUTO = "auto"
    MANUAL = "manual"  # what was processed, once a second, when partitions are revoked, and at the end
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Trial:
    """`delay`: seconds that it works on each record. `instance` makes it a static member (KIP-345). The session timeout
    of the new protocol is the broker's."""

    group: str
    topics: tuple[str, ...]
    client: str = "kexplorer-test"
    assigning: Assigning = Assigning.RANGE
    commits: Commits = Commits.AUTO
    delay: float = 0.01
    from_start: bool = True  # where nothing is committed
    max_poll_interval: float = 300.0  # seconds
    session_timeout: float = 45.0  # seconds
    instance: str = ""


class Phase(StrEnum):
    JOINING = "joining"
    READING = "reading"
    PAUSED = "paused"
    LEAVING = "leaving"
    LEFT = "left"
    CRASHED = "crashed"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        return self in (Phase.LEFT, Phase.CRASHED, Phase.FAILED)


class Event(StrEnum):
    JOINED = "joining"
    ASSIGNED = "assigned"
    REVOKED = "revoked"
    LOST = "lost"
    COMMITTED = "committed"
    POLLED = "polled"
    PAUSED = "paused"
    ERROR = "error"
    ENDED = "ended"


class Told(NamedTuple):
    """What happened to it, in words. `number` counts all that it told, from 1; `at` is seconds since 1970."""

    number: int
    at: float
    event: Event
    words: str


class Position(NamedTuple):
    """`offset` is that of the next record, None until the first one or the end came; `key` the last record's."""

    offset: int | None = None
    key: bytes | None = None
    records: int = 0
    committed: int | None = None


@dataclass(frozen=True, slots=True)
class TrialState:
    """`member` is the id that the coordinator gave it, "" before. `positions` are of the partitions that it has now."""

    phase: Phase = Phase.JOINING
    member: str = ""
    polls: int = 0
    records: int = 0
    positions: Mapping[TopicPartition, Position] = field(default_factory=dict)


class TrialConsumer(Protocol):
    """Reads in the background until it is told to end. `state` and `told` ask nobody and may be called at any time."""

    @property
    def trial(self) -> Trial: ...

    @property
    def state(self) -> TrialState: ...

    @property
    def delay(self) -> float:
        """Seconds that it works on each record now."""
        ...

    def told(self, after: int = 0) -> Sequence[Told]:
        """What it told since the one of that number; the oldest are forgotten."""
        ...

    def pause(self, on: bool) -> None:
        """It stays a member and keeps its partitions."""
        ...

    def work(self, delay: float) -> None:
        """From the next record on it works `delay` seconds on each."""
        ...

    async def leave(self, within: float) -> bool:
        """Commits as it does, and leaves the group. False: it has not ended by then, and goes on with leaving."""
        ...

    async def crash(self, within: float) -> bool:
        """Ends without a word: the group notices at the session timeout."""
        ...


def refuse_joining(profile: Profile) -> None:
    """Raises `Failure`(REFUSED) where the profile forbids changes: whoever joins a group changes it."""
    if profile.read_only:
        raise Failure(
            FailureKind.REFUSED,
            f"Joining a group is refused: the profile {profile.name} is read-only. Nothing was sent.",
            "Allow changes in the profile if you mean to join groups of this cluster.",
        )
