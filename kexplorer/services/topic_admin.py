"""What must be known before topics are changed: definitions, what a purge takes, which keys move, sizes on disk."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kexplorer.formats.partitioning import Partitioner, partition_for
from kexplorer.model.changes import CreateTopic
from kexplorer.model.cluster import Cluster, ConfigEntry, ConfigSource, LogDir
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import Edge, IsolationLevel, OffsetRange, Topic, TopicPartition
from kexplorer.services.ranges import Place, resolve
from kexplorer.store.daemon import in_daemon

_SAMPLE = 2000  # records
_SAMPLE_SECONDS = 10.0  # then what was read so far is the sample
_ADD_UP_SECONDS = 30.0  # for 100,000 replicas, of which the window is spared the work
_LOOK_UP = 200  # records, between two looks at the loop


@dataclass(frozen=True, slots=True)
class PurgePart:
    """One partition of a purge: all before `before` goes. `failure`: it could not be asked, and is left alone."""

    source: TopicPartition
    start: int = 0
    end: int = 0
    before: int = 0
    failure: Failure | None = None

    @property
    def span(self) -> int:
        """Offsets that go: at most so many records."""
        return max(self.before - self.start, 0)


@dataclass(frozen=True, slots=True)
class KeySample:
    """The distinct keys of the newest records. `moving[count]` is asked by `moving_to`. `by` is the partitioner that
    explains best where they are: `explained` of the `keys` lie where it puts them."""

    keys: tuple[bytes, ...]
    partitions: int
    by: Partitioner = Partitioner.MURMUR2
    explained: int = 0

    def moving_to(self, total: int) -> int:
        """How many of the keys would go to another partition among `total`."""
        return sum(
            partition_for(key, self.partitions, self.by) != partition_for(key, total, self.by) for key in self.keys
        )


@dataclass(frozen=True, slots=True)
class TopicSizes:
    """Bytes on disk by topic, all replicas. `missing`: brokers that did not tell, so that sizes are at least these."""

    bytes: Mapping[str, int]
    missing: Mapping[int, Failure] = field(default_factory=dict)


async def describe(cluster: Cluster, topic: str) -> Topic:
    """Raises `Failure`(NOT_FOUND), and what the broker says of the topic."""
    found = next((each for each in (await cluster.topic(topic)).topics if each.name == topic), None)
    if found is None:
        why = f"There is no topic {topic} in {cluster.profile.name}."
        raise Failure(FailureKind.NOT_FOUND, why, "It may have been deleted, or you may not describe it.")
    if found.trouble:
        raise found.trouble
    return found


async def definition(cluster: Cluster, topic: str) -> CreateTopic:
    """What would make the same topic again: of its configuration only what the topic itself sets."""
    found, configs = await asyncio.gather(describe(cluster, topic), configuration(cluster, topic))
    own = {name: entry.value for name, entry in configs.items() if _own(entry) and entry.value is not None}
    return CreateTopic(topic, len(found.partitions), found.replication, own)


async def configuration(cluster: Cluster, topic: str) -> dict[str, ConfigEntry]:
    found = (await cluster.topic_configs([topic]))[topic]
    if isinstance(found, Failure):
        raise found
    return found


def _own(entry: ConfigEntry) -> bool:
    return entry.source is ConfigSource.TOPIC or (entry.source is ConfigSource.UNKNOWN and not entry.is_default)


async def purge_parts(cluster: Cluster, topics: Iterable[str], keep_from: Place, now: int) -> list[PurgePart]:
    """What goes when everything before `keep_from` is deleted: Edge.END keeps nothing. A partition that the place
    leaves out keeps all. `now` is milliseconds since 1970. In the order of topics and partitions."""
    found = [await describe(cluster, topic) for topic in topics]
    sources = [TopicPartition(topic.name, partition.id) for topic in found for partition in topic.partitions]
    led = {TopicPartition(t.name, p.id) for t in found for p in t.partitions if p.leader is not None}
    asked = [source for source in sources if source in led]
    starts, kept = await asyncio.gather(
        cluster.list_offsets(dict.fromkeys(asked, Edge.START)),
        resolve(cluster, asked, keep_from, None, IsolationLevel.READ_UNCOMMITTED, now),
    )
    ranges = {each.source: each for each in kept.ranges}
    troubles = {each.source: each.failure for each in kept.troubles}
    return [_part(source, starts.get(source), ranges.get(source), troubles.get(source)) for source in sources]


def _part(
    source: TopicPartition, start: int | Failure | None, kept: OffsetRange | None, trouble: Failure | None
) -> PurgePart:
    if isinstance(start, int) and kept is not None and kept.end is not None:
        return PurgePart(source, start, kept.end, kept.start)
    if isinstance(start, int) and trouble is None:
        return PurgePart(source, start, start, start)  # left out by the place
    no_leader = Failure(FailureKind.UNREACHABLE, "The partition has no leader.", "Its brokers may be down.")
    return PurgePart(source, failure=trouble or (start if isinstance(start, Failure) else no_leader))


async def sample_keys(cluster: Cluster, topic: Topic) -> KeySample:
    """Of about the 2,000 newest records, as many of each partition; reading ends after ten seconds."""
    sources = [TopicPartition(topic.name, p.id) for p in topic.partitions if p.leader is not None]
    starts, ends = await asyncio.gather(
        cluster.list_offsets(dict.fromkeys(sources, Edge.START)),
        cluster.list_offsets(dict.fromkeys(sources, Edge.END)),
    )
    share = max(_SAMPLE // max(len(sources), 1), 1)
    ranges = []
    for source in sources:
        start, end = starts[source], ends[source]
        if isinstance(start, int) and isinstance(end, int) and start < end:
            ranges.append(OffsetRange(source, max(start, end - share), end))
    placed: dict[bytes, int] = {}
    try:
        async with asyncio.timeout(_SAMPLE_SECONDS):
            await _read_keys(cluster, ranges, placed)
    except TimeoutError:
        pass
    return await _explained(placed, len(topic.partitions))


async def _read_keys(cluster: Cluster, ranges: Sequence[OffsetRange], placed: dict[bytes, int]) -> None:
    async with cluster.open_reader(ranges) as reader:
        while (batch := await reader.next_batch()) is not None:
            for number, record in enumerate(batch.records):
                if record.key is not None:
                    placed[record.key] = record.source.partition
                if number % _LOOK_UP == 0:
                    await asyncio.sleep(0)


async def _explained(placed: Mapping[bytes, int], partitions: int) -> KeySample:
    right = dict.fromkeys(Partitioner, 0)
    for number, (key, partition) in enumerate(placed.items()):
        for by in Partitioner:
            right[by] += partition_for(key, partitions, by) == partition
        if number % _LOOK_UP == 0:
            await asyncio.sleep(0)
    best = max(right, key=lambda by: right[by])
    return KeySample(tuple(placed), partitions, best, right[best])


async def topic_sizes(cluster: Cluster, brokers: Iterable[int]) -> TopicSizes:
    """Raises the `Failure` of a broker where none of them told."""
    folders, missing = await _log_dirs(cluster, brokers)

    def add_up() -> dict[str, int]:
        sizes: dict[str, int] = defaultdict(int)
        for folder in folders:
            for source, replica in folder.replicas.items():
                sizes[source.topic] += replica.size
        return dict(sizes)

    return TopicSizes(await in_daemon("sizes", add_up, _ADD_UP_SECONDS), missing)


async def partition_sizes(cluster: Cluster, brokers: Iterable[int]) -> dict[TopicPartition, int]:
    """Bytes that a copy of each partition takes: its largest replica. Raises as `topic_sizes`."""
    sizes: dict[TopicPartition, int] = {}
    for folder in (await _log_dirs(cluster, brokers))[0]:
        for source, replica in folder.replicas.items():
            sizes[source] = max(sizes.get(source, 0), replica.size)
    return sizes


async def _log_dirs(cluster: Cluster, brokers: Iterable[int]) -> tuple[list[LogDir], dict[int, Failure]]:
    answers = await cluster.log_dirs(brokers)
    folders: list[LogDir] = []
    missing: dict[int, Failure] = {}
    for broker, found in answers.items():
        if isinstance(found, Failure):
            missing[broker] = found
            continue
        folders += found
        if trouble := next((folder.trouble for folder in found if folder.trouble), None):
            missing[broker] = trouble
    if missing and len(missing) == len(answers) and not any(folder.replicas for folder in folders):
        raise next(iter(missing.values()))
    return folders, missing


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting of two topics; None where one of them doesn't have it, or keeps its value secret."""

    name: str
    left: ConfigEntry | None
    right: ConfigEntry | None

    @property
    def differs(self) -> bool:
        return (self.left and self.left.value) != (self.right and self.right.value)


def compare(left: Mapping[str, ConfigEntry], right: Mapping[str, ConfigEntry]) -> list[Difference]:
    """All settings of both, by name."""
    return [Difference(name, left.get(name), right.get(name)) for name in sorted({*left, *right})]
