"""What groups had committed before their offsets were set, so that it can be undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from kexplorer.model.topics import TopicPartition


@dataclass(frozen=True, slots=True)
class OffsetSnapshot:
    """What a group had committed for the partitions that were about to be set; None: nothing. `at` is milliseconds
    since 1970, `why` says in words what was done then."""

    id: int
    at: int
    group: str
    why: str
    offsets: Mapping[TopicPartition, int | None]


class OffsetSnapshots(Protocol):
    """Of all connections, kept apart by the cluster's id. Calls raise `Failure` where the disk does not take part."""

    async def keep(self, cluster: str, group: str, why: str, offsets: Mapping[TopicPartition, int | None]) -> int:
        """On disk when it returns; the answer is the snapshot's id."""
        ...

    async def forget(self, snapshot: int) -> None:
        """Nothing was changed after all."""
        ...

    async def of_group(self, cluster: str, group: str) -> list[OffsetSnapshot]:
        """The newest first."""
        ...
