"""What a group had committed is kept before it is set, and what came of it is read where the answer does not tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from kexplorer.formats.numbers import count
from kexplorer.formats.offsets_csv import read_offsets, write_offsets
from kexplorer.model.changes import AlterOffsets, DeleteOffsets
from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.offset_snapshots import OffsetSnapshot, OffsetSnapshots
from kexplorer.model.topics import TopicPartition
from kexplorer.services.present import commits_of, name_of
from kexplorer.services.ranges import AtOffset
from kexplorer.services.reset_plan import Exactly, ResetPlan
from kexplorer.store.daemon import in_daemon

_UNCERTAIN = (FailureKind.TIMEOUT, FailureKind.UNREACHABLE)  # the broker may have heard of it all the same
_LARGEST = 64 << 20  # bytes of a file: a million partitions
_DISK = 10.0  # seconds


class Resets:
    """Of one group. Calls raise `Failure`."""

    def __init__(self, cluster: Cluster, snapshots: OffsetSnapshots, group: str) -> None:
        self._cluster = cluster
        self._snapshots = snapshots
        self.group = group
        self._cluster_id = ""  # not known yet

    async def earlier(self) -> list[OffsetSnapshot]:
        """What can be undone, the newest first."""
        return await self._snapshots.of_group(await self._where(), self.group)

    async def keep(self, why: str, sources: Iterable[TopicPartition]) -> OffsetSnapshot:
        """What is committed now for what is about to be set."""
        held = await commits_of(self._cluster, self.group, sources)
        made = await self._snapshots.keep(await self._where(), self.group, why, held)
        return OffsetSnapshot(made, 0, self.group, why, held)

    async def drop(self, before: OffsetSnapshot) -> None:
        """Nothing was changed after it."""
        await self._snapshots.forget(before.id)

    async def settle(
        self, before: OffsetSnapshot, wanted: Mapping[TopicPartition, int | None], failures: Mapping[str, Failure]
    ) -> dict[TopicPartition, str]:
        """What became of each partition, in words, where not all of it was taken: what is committed is read again, and
        nothing is repeated. `failures` by item, as the outcome of a change has them. A snapshot that nothing was
        changed after is dropped."""
        try:
            now = await commits_of(self._cluster, self.group, before.offsets)  # other changes may have come before
        except Failure as failure:
            return dict.fromkeys(wanted, f"Unknown: what is committed now could not be read. {failure}")
        unknown = any(failure.kind in _UNCERTAIN for failure in failures.values())
        if not unknown and all(now[source] == offset for source, offset in before.offsets.items()):
            await self.drop(before)
        return {source: _became(failures.get(name_of(source)), to, now[source]) for source, to in wanted.items()}

    async def _where(self) -> str:
        """Addresses may lead to another cluster one day; very old brokers have nothing else."""
        if not self._cluster_id:
            self._cluster_id = (await self._cluster.metadata()).cluster_id or self._cluster.profile.bootstrap
        return self._cluster_id


def undoing(snapshot: OffsetSnapshot) -> dict[TopicPartition, Exactly]:
    return {source: Exactly(offset) for source, offset in snapshot.offsets.items()}


def changes_of(plan: ResetPlan) -> list[AlterOffsets | DeleteOffsets]:
    """In the order in which they are to be sent."""
    found: list[AlterOffsets | DeleteOffsets] = []
    if plan.sets:
        found.append(AlterOffsets(plan.group.id, plan.sets))
    if plan.forgets:
        found.append(DeleteOffsets(plan.group.id, plan.forgets))
    return found


def partitions_of(change: AlterOffsets | DeleteOffsets) -> tuple[TopicPartition, ...]:
    return tuple(change.offsets) if isinstance(change, AlterOffsets) else change.partitions


async def read_file(path: Path, group: str) -> dict[TopicPartition, AtOffset]:
    """A file as Kafka's own tool exports it. Raises `Failure` that names the file, and the line."""

    def work() -> str:
        with open(path, encoding="utf-8") as file:
            return file.read(_LARGEST)

    try:
        text = await in_daemon("offsets", work, _DISK)
        return {source: AtOffset(offset) for source, offset in read_offsets(text, group).items()}
    except Failure as failure:
        raise Failure(failure.kind, f"{path}: {failure.message}", failure.hint) from None
    except (OSError, ValueError, TimeoutError) as error:
        why = getattr(error, "strerror", None) or str(error) or "the disk did not answer"
        raise Failure(FailureKind.INVALID, f"{path} can't be read: {why}.", "Choose a text file.") from None


async def write_file(path: Path, offsets: Mapping[TopicPartition, int]) -> None:
    """As Kafka's own tool takes it. Replaces the file."""
    try:
        await in_daemon("offsets", lambda: path.write_text(write_offsets(offsets), "utf-8", newline="\n"), _DISK)
    except (OSError, ValueError, TimeoutError) as error:
        why = getattr(error, "strerror", None) or str(error) or "the disk did not answer"
        raise Failure(FailureKind.REFUSED, f"{path} was not written: {why}.", "Choose another place.") from None


def _became(failure: Failure | None, asked: int | None, now: int | None) -> str:
    at = "nothing is committed" if now is None else f"committed at {count(now)}"
    if failure is None:
        return f"Done: {at}." if now == asked else f"The broker took it, but now {at}."
    if failure.kind in _UNCERTAIN:
        return f"Unknown whether the broker took it; now {at}, {'as asked' if now == asked else 'not as asked'}."
    return f"Refused; still {at}."
