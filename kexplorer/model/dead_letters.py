"""Dead letters: records that a program could not work on and put aside, with headers that tell where they came from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from kexplorer.model.topics import TopicPartition


class Way(StrEnum):
    """Who wrote the headers that a dead letter was told by."""

    RULE = "your rule"
    REPLAY = "a replay"
    SPRING = "Spring Kafka"
    CONNECT = "Kafka Connect"


class Origin(NamedTuple):
    """The record that failed, as far as is told: "" and None where it is not. `cluster`: the id of another cluster, if
    it came from one."""

    topic: str = ""
    partition: int | None = None
    offset: int | None = None
    cluster: str = ""


class Cause(NamedTuple):
    """What letters are grouped by: the class of the error and the topic where it came up, "" for unknown."""

    error: str
    topic: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What is kept of one while thousands are looked at: no key, no value. `way` None: no header tells that it is one.
    `timestamp` is its own, milliseconds since 1970. `message` may be cut. `attempts`: how often it was replayed."""

    source: TopicPartition
    offset: int
    timestamp: int | None
    way: Way | None
    origin: Origin
    cause: Cause
    message: str
    attempts: int

    @property
    def error(self) -> str:
        return self.cause.error


@dataclass(frozen=True, slots=True)
class DeadLetterRule:
    """Expressions of the filter language, for letters that somebody else writes; "" for what is not told."""

    topic: str = ""
    partition: str = ""
    offset: str = ""
    error: str = ""
    message: str = ""


Place = tuple[int, int]  # partition and offset


class DeadLetterStore(Protocol):
    """What a person did about dead letters. `cluster` and `topic` are ids: a topic that was made anew has none of what
    was kept of the old one, except for its rule, which is kept by name. Calls raise `Failure` where the disk does not
    take part."""

    async def done(self, cluster: str, topic: str) -> set[Place]: ...

    async def mark(self, cluster: str, topic: str, places: Iterable[Place], job: str = "") -> None:
        """As done. With `job`, the replay that did them: what was unmarked since the first time stays so."""
        ...

    async def unmark(self, cluster: str, topic: str, places: Iterable[Place]) -> None: ...

    async def rule(self, cluster: str, name: str) -> DeadLetterRule | None: ...

    async def keep_rule(self, cluster: str, name: str, rule: DeadLetterRule | None) -> None:
        """None: there is to be none."""
        ...
