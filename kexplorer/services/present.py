"""What a cluster has now of what a change is about."""

from __future__ import annotations

from collections.abc import Iterable

from kexplorer.model.changes import AlterConfig, ResourceKind
from kexplorer.model.cluster import Cluster, ConfigEntry
from kexplorer.model.failure import Failure
from kexplorer.model.topics import ClusterMetadata, Edge, Partition, Topic, TopicPartition
from kexplorer.services.catalog import PARTITIONS_A_CALL


def name_of(source: TopicPartition) -> str:
    return f"{source.topic}-{source.partition}"


async def topics_of(cluster: Cluster, names: Iterable[str]) -> ClusterMetadata:
    """What is known of these topics, and perhaps of others. A single one is looked up alone."""
    wanted = set(names)
    return await (cluster.topic(wanted.pop()) if len(wanted) == 1 else cluster.metadata())


async def partitions_of(
    cluster: Cluster, sources: Iterable[TopicPartition] = (), topics: Iterable[str] = ()
) -> dict[TopicPartition, Partition]:
    """Those of `sources`, and all of `topics`, that are there."""
    wanted, names = set(sources), set(topics)
    metadata = await topics_of(cluster, names | {source.topic for source in wanted})
    found = {TopicPartition(topic.name, part.id): part for topic in metadata.topics for part in topic.partitions}
    return {source: part for source, part in found.items() if source in wanted or source.topic in names}


async def spans_of(cluster: Cluster, topics: Iterable[Topic]) -> dict[TopicPartition, tuple[int, int]]:
    """First offset and end of every partition that tells. One without a leader is not asked: it would take the call's
    whole time."""
    asked = [
        TopicPartition(topic.name, part.id) for topic in topics for part in topic.partitions if part.leader is not None
    ]
    found: dict[TopicPartition, tuple[int, int]] = {}
    for first in range(0, len(asked), PARTITIONS_A_CALL):
        piece = asked[first : first + PARTITIONS_A_CALL]
        starts = await cluster.list_offsets(dict.fromkeys(piece, Edge.START))
        ends = await cluster.list_offsets(dict.fromkeys(piece, Edge.END))
        for source in piece:
            start, end = starts.get(source), ends.get(source)
            if isinstance(start, int) and isinstance(end, int):
                found[source] = start, end
    return found


async def config_entries(cluster: Cluster, change: AlterConfig) -> dict[str, ConfigEntry]:
    """Of the topic or broker; for all brokers, those of one of them. Raises the `Failure` of that one, too."""
    found: dict[str, ConfigEntry] | Failure
    if change.kind is ResourceKind.TOPIC:
        found = (await cluster.topic_configs([change.name]))[change.name]
    else:
        broker = int(change.name) if change.name else min(each.id for each in (await cluster.metadata()).brokers)
        found = (await cluster.broker_configs([broker]))[broker]
    if isinstance(found, Failure):
        raise found
    return found


async def commits_of(
    cluster: Cluster, group: str, sources: Iterable[TopicPartition] | None = None
) -> dict[TopicPartition, int | None]:
    """Of these partitions, or of all that the group committed for. Raises the `Failure` of any."""
    answers = (await cluster.group_offsets({group: None if sources is None else list(sources)}))[group]
    if isinstance(answers, Failure):
        raise answers
    found: dict[TopicPartition, int | None] = {}
    for source, answer in answers.items():
        if isinstance(answer, Failure):
            raise answer
        found[source] = answer.offset if answer else None
    return found
