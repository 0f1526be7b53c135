"""A cluster at a glance: its brokers with what each carries, totals, and the partitions that are not well."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from kexplorer.model.cluster import Cluster, LogDir
from kexplorer.model.failure import Failure
from kexplorer.model.topics import Broker, ClusterMetadata, Partition, Topic, TopicPartition
from kexplorer.store.daemon import in_daemon

MIN_ISR = "min.insync.replicas"
_PATIENCE = 30.0  # seconds
_PROTOCOL = "inter.broker.protocol.version"  # brokers before Kafka 4.0 have it


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes: `held` by the replicas of a broker, `used` and `total` of the volumes they are on, None where the broker
    does not tell. `trouble`: the first of its log directories that has some."""

    held: int
    used: int | None = None
    total: int | None = None
    trouble: Failure | None = None


@dataclass(frozen=True, slots=True)
class BrokerView:
    """`address` is None for a broker that has replicas and is not there. `led` and `replicas` are numbers of
    partitions; skews are in percent of what each broker would have if all had the same, None where there is nothing to
    compare. `disk` is None until it was asked for."""

    id: int
    address: Broker | None
    led: int
    replicas: int
    leader_skew: float | None
    replica_skew: float | None
    is_controller: bool = False
    disk: Disk | Failure | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Topics and partitions with `internal_topics` among them; the last four count partitions that are not well, but
    `offline`, which counts replicas on brokers that are not there."""

    topics: int = 0
    internal_topics: int = 0
    partitions: int = 0
    replicas: int = 0
    under_replicated: int = 0
    offline: int = 0
    leaderless: int = 0
    under_min_isr: int = 0


@dataclass(frozen=True, slots=True)
class Ailing:
    """A partition that is not well. `min_isr` is what its topic demands, where that is known and not met; `since` is
    when it was first seen so."""

    source: TopicPartition
    partition: Partition
    offline: tuple[int, ...]
    min_isr: int | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Picture:
    """`version` is what the brokers work as together, None where they do not tell it. `ailing` has the worst first;
    `unreadable` are topics that the brokers name without their partitions."""

    cluster_id: str | None
    controller: int | None
    version: str | None
    brokers: tuple[BrokerView, ...]
    totals: Totals
    ailing: tuple[Ailing, ...]
    unreadable: tuple[Topic, ...] = ()


class Overview:
    """Looks at a cluster again and again, and keeps what need not be asked for each time: disks, the version, and how
    many in-sync replicas a topic demands."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._disks: dict[int, Disk | Failure] = {}
        self._version: str | None = None
        self._min_isr: dict[str, int | None] = {}
        self._since: dict[TopicPartition, datetime] = {}

    async def look(self) -> Picture:
        """One request for the metadata; one more for the configuration of topics that fall behind for the first
        time."""
        seen = await self._cluster.metadata()
        behind = await in_daemon("overview", partial(_behind, seen.topics), _PATIENCE) - self._min_isr.keys()
        if behind:
            self._min_isr |= await self._demands(sorted(behind))
        work = partial(sum_up, seen, self._disks, self._min_isr, self._since, datetime.now(UTC), self._version)
        picture = await in_daemon("overview", work, _PATIENCE)  # 0.1 s for 40,000 partitions, 1 s if all are unwell
        self._since = {each.source: each.since for each in picture.ailing}
        return picture

    async def measure(self) -> None:
        """Asks every broker for its disks, and one for its version; `look` tells them from then on. What a broker does
        not tell is its `Failure` in the picture."""
        brokers = [broker.id for broker in (await self._cluster.metadata()).brokers]
        try:
            answers = await self._cluster.log_dirs(brokers)
        except Failure as failure:
            answers = dict.fromkeys(brokers, failure)
        self._disks = await in_daemon("disks", partial(_disks, answers), _PATIENCE)  # they may have 40,000 replicas
        if self._version is None and brokers:
            self._version = await self._look_for_version(brokers[0])

    async def _look_for_version(self, broker: int) -> str | None:
        """That of the whole cluster, or what older brokers speak with each other. The disks matter more than this."""
        with contextlib.suppress(Failure):
            if agreed := await self._cluster.version():
                return agreed
        with contextlib.suppress(Failure):
            found = (await self._cluster.broker_configs([broker]))[broker]
            if not isinstance(found, Failure) and (entry := found.get(_PROTOCOL)):
                return entry.value
        return None

    async def _demands(self, topics: Sequence[str]) -> dict[str, int | None]:
        try:
            found = await self._cluster.topic_configs(topics)
        except Failure:
            return {}  # asked for again at the next look
        return {name: _min_isr(found[name]) for name in topics}


def sum_up(
    seen: ClusterMetadata,
    disks: Mapping[int, Disk | Failure],
    min_isr: Mapping[str, int | None],
    since: Mapping[TopicPartition, datetime],
    now: datetime,
    version: str | None = None,
) -> Picture:
    """`min_isr` is what topics demand, as far as it is known; `since` when partitions were seen unwell before."""
    there = {broker.id for broker in seen.brokers}
    led, placed = Counter[int | None](), Counter[tuple[int, ...]]()
    ailing: list[Ailing] = []
    for topic in seen.topics:
        for p in topic.partitions:
            led[p.leader] += 1
            placed[p.replicas] += 1
            if p.leader is None or len(p.isr) < len(p.replicas) or not there.issuperset(p.replicas):
                source = TopicPartition(topic.name, p.id)
                ailing.append(_ailing(source, p, there, min_isr.get(topic.name), since.get(source, now)))
    held = Counter[int]()
    for replicas, number in placed.items():
        for broker in replicas:
            held[broker] += number
    ailing.sort(key=lambda each: (-_severity(each), each.source))
    return Picture(
        seen.cluster_id,
        seen.controller,
        version,
        tuple(_brokers(seen, led, held, disks)),
        _totals(seen.topics, held, ailing),
        tuple(ailing),
        tuple(topic for topic in seen.topics if topic.trouble),
    )


def _behind(topics: Iterable[Topic]) -> set[str]:
    return {topic.name for topic in topics if topic.under_replicated}


def _disks(answers: Mapping[int, tuple[LogDir, ...] | Failure]) -> dict[int, Disk | Failure]:
    """Who may not see them is told of none by an older broker."""
    return {broker: told if isinstance(told, Failure) else disk_of(told) for broker, told in answers.items() if told}


def disk_of(dirs: Iterable[LogDir]) -> Disk:
    """Directories that tell the same of their volume are taken to be on the same one."""
    found = list(dirs)
    held = sum(replica.size for each in found for replica in each.replicas.values())
    trouble = next((each.trouble for each in found if each.trouble), None)
    volumes = {(each.total, each.usable) for each in found if each.total is not None and each.usable is not None}
    if not volumes:
        return Disk(held, trouble=trouble)
    total = sum(total or 0 for total, _ in volumes)
    return Disk(held, total - sum(usable or 0 for _, usable in volumes), total, trouble)


def _min_isr(configs: object) -> int | None:
    entry = configs.get(MIN_ISR) if isinstance(configs, Mapping) else None
    return int(entry.value) if entry and entry.value else None


def _ailing(
    source: TopicPartition, partition: Partition, there: set[int], demanded: int | None, since: datetime
) -> Ailing:
    """A topic with fewer replicas than it demands in sync is content with all of them, as its leader is since
    Kafka 3.5 (Partition.effectiveMinIsr)."""
    offline = tuple(broker for broker in partition.replicas if broker not in there)
    missed = demanded is not None and len(partition.isr) < min(demanded, len(partition.replicas))
    return Ailing(source, partition, offline, demanded if missed else None, since)


def _severity(each: Ailing) -> int:
    if each.partition.leader is None:
        return 3
    return 2 if each.min_isr is not None else 1


def _brokers(
    seen: ClusterMetadata, led: Counter[int | None], held: Counter[int], disks: Mapping[int, Disk | Failure]
) -> Iterable[BrokerView]:
    there = {broker.id: broker for broker in seen.brokers}
    mean_led = sum(led[broker] for broker in there) / (len(there) or 1)
    mean_held = sum(held[broker] for broker in there) / (len(there) or 1)
    for broker in sorted(there.keys() | held.keys()):
        address = there.get(broker)
        yield BrokerView(
            broker,
            address,
            led[broker],
            held[broker],
            _skew(led[broker], mean_led) if address else None,
            _skew(held[broker], mean_held) if address else None,
            broker == seen.controller,
            disks.get(broker) if address else None,
        )


def _skew(number: int, mean: float) -> float | None:
    return 100 * (number - mean) / mean if mean else None


def _totals(topics: Sequence[Topic], held: Counter[int], ailing: Sequence[Ailing]) -> Totals:
    return Totals(
        topics=len(topics),
        internal_topics=sum(topic.internal for topic in topics),
        partitions=sum(len(topic.partitions) for topic in topics),
        replicas=held.total(),
        under_replicated=sum(each.partition.under_replicated for each in ailing),
        offline=sum(len(each.offline) for each in ailing),
        leaderless=sum(each.partition.leader is None for each in ailing),
        under_min_isr=sum(each.min_isr is not None for each in ailing),
    )
