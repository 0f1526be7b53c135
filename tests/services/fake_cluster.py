"""A `Cluster` in memory, for tests of what stands on one: its topics, records, configurations, failures and delays are
set from outside. It keeps `model.cluster.Cluster`, and behaves like a broker with one log a partition."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from kexplorer.model.access import Acl, Quota, QuotaEntity, ScramMechanism, ScramUser
from kexplorer.model.changes import Change, items_of, refuse_read_only
from kexplorer.model.cluster import (
    ConfigEntry,
    ConnectionState,
    Link,
    LogDir,
    OpenTransaction,
    Reader,
    Reassignment,
    Writer,
)
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Committed, Group, GroupListing, Groups, GroupState, GroupType, Member
from kexplorer.model.produce import ProducerSettings, refuse_writing
from kexplorer.model.profile import Profile
from kexplorer.model.records import Batch, Header, Record, RecordColumns, TimestampType, Trouble
from kexplorer.model.topics import (
    AtTime,
    Broker,
    ClusterMetadata,
    IsolationLevel,
    OffsetRange,
    OffsetSpec,
    Partition,
    Topic,
    TopicPartition,
)
from kexplorer.model.topics import Edge as LogEdge
from tests.services.fake_changes import carry_out
from tests.services.fake_writer import FakeWriter

_PULL = 500  # records


class FakeCluster:
    """`failures[call]` is raised by the call of that name ("metadata", "list_offsets", "topic_configs", "topic_ids",
    "open_reader"); `broken[partition]` is what that partition alone answers; `delay`: seconds every call takes.
    `ids[topic]` is what is told of it: a topic that is added gets a new one. `placed[partition]`: its leader and
    replicas, where not broker 1 alone; `stable[partition]`: its last stable offset, where a transaction is open.
    `applied` are the changes that were carried out; `refused[item]` is what that item of a change answers instead."""

    def __init__(self, name: str = "fake") -> None:
        self.profile = Profile(name, "127.0.0.1:9092")
        self.state = ConnectionState(Link.UP)
        self.delay = 0.0
        self.failures: dict[str, Failure] = {}
        self.broken: dict[TopicPartition, Failure] = {}
        self.configs: dict[str, dict[str, ConfigEntry]] = {}
        self.ids: dict[str, str | Failure | None] = {}
        self.placed: dict[TopicPartition, Partition] = {}
        self.stable: dict[TopicPartition, int] = {}
        self.closed = False
        self.calls: list[str] = []
        self.commits: dict[str, dict[TopicPartition, int]] = {}  # of each group
        self.members: dict[str, tuple[Member, ...]] = {}  # of each group that has some
        self.group_types: dict[str, GroupType] = {}  # of each that is not classic, or has neither
        self.coordinator_of: dict[str, int] = {}  # where not broker 1
        self.broken_groups: dict[str, Failure] = {}  # what is told of a group's offsets instead
        self.open_readers = 0
        self.batches_left: int | None = None  # then a reader waits, until there are more
        self.logs: dict[TopicPartition, list[Record]] = {}
        self.starts: dict[TopicPartition, int] = {}
        self.brokers: tuple[Broker, ...] = (Broker(1, "127.0.0.1", 9092),)
        self.controller: int | None = 1
        self.broker_settings: dict[int, dict[str, ConfigEntry]] = {}
        self.agreed_version: str | None = None
        self.documentation: dict[str, str] = {}
        self.disks: dict[int, tuple[LogDir, ...] | Failure] = {}
        self.moves: dict[TopicPartition, Reassignment] = {}
        self.transactions: dict[TopicPartition, OpenTransaction] = {}
        self.held_acls: set[Acl] = set()
        self.held_users: dict[str, dict[ScramMechanism, int]] = {}
        self.held_quotas: dict[QuotaEntity, dict[str, float]] = {}
        self.applied: list[Change] = []
        self.refused: dict[str, Failure] = {}
        self.unsendable: dict[bytes | None, Failure] = {}  # by the value of a record: what becomes of it
        self.holds_deliveries = False  # what is sent stays undelivered
        self._added = 0
        self._watchers: list[Callable[[ConnectionState], None]] = []

    def add_topic(self, name: str, partitions: int = 1, **configs: str) -> None:
        for number in range(partitions):
            self.logs[TopicPartition(name, number)] = []
            self.starts[TopicPartition(name, number)] = 0
        self._added += 1
        self.ids[name] = f"id {self._added}"
        self.configs[name] = {
            key.replace("_", "."): ConfigEntry(key.replace("_", "."), value, False, False, False)
            for key, value in configs.items()
        }

    def remove_topic(self, name: str) -> None:
        for source in [source for source in self.logs if source.topic == name]:
            del self.logs[source], self.starts[source]
        del self.configs[name], self.ids[name]

    def add(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        *,
        partition: int = 0,
        timestamp: int | None = 1_700_000_000_000,
        headers: tuple[Header, ...] | None = (),
    ) -> Record:
        """Appends a record; who follows the partition gets it."""
        source = TopicPartition(topic, partition)
        log = self.logs[source]
        kind = TimestampType.NOT_AVAILABLE if timestamp is None else TimestampType.CREATE_TIME
        offset = log[-1].offset + 1 if log else self.starts[source]
        record = Record(source, offset, timestamp, kind, key, value, headers)
        log.append(record)
        return record

    def become(self, state: ConnectionState) -> None:
        self.state = state
        for watcher in list(self._watchers):
            watcher(state)

    def watch_state(self, changed: Callable[[ConnectionState], None]) -> Callable[[], None]:
        self._watchers.append(changed)
        return lambda: self._watchers.remove(changed) if changed in self._watchers else None

    async def metadata(self) -> ClusterMetadata:
        await self._called("metadata")
        return self._metadata()

    def _metadata(self) -> ClusterMetadata:
        topics: dict[str, list[Partition]] = {name: [] for name in self.configs}
        for source in self.logs:
            leader = None if source in self.broken else 1
            found = self.placed.get(source) or Partition(source.partition, leader, (1,), (1,))
            topics[source.topic].append(found)
        known = tuple(Topic(name, tuple(partitions)) for name, partitions in sorted(topics.items()))
        return ClusterMetadata("fake-cluster", self.brokers, known, self.controller)

    async def topic(self, name: str) -> ClusterMetadata:
        await self._called("topic")
        seen = self._metadata()
        return replace(seen, topics=tuple(topic for topic in seen.topics if topic.name == name))

    async def list_offsets(
        self,
        wanted: Mapping[TopicPartition, OffsetSpec],
        isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
    ) -> dict[TopicPartition, int | Failure | None]:
        await self._called("list_offsets")
        found = {source: self._offset(source, spec) for source, spec in wanted.items()}
        if isolation is IsolationLevel.READ_COMMITTED:
            found |= {s: self.stable[s] for s, spec in wanted.items() if s in self.stable and spec is LogEdge.END}
        return found

    async def committed(
        self, group: str, sources: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int | Failure | None]:
        await self._called("committed")
        return {source: self.commits.get(group, {}).get(source) for source in sources}

    async def group_offsets(
        self, wanted: Mapping[str, Sequence[TopicPartition] | None]
    ) -> dict[str, dict[TopicPartition, Committed | Failure | None] | Failure]:
        await self._called("group_offsets")
        return {name: self.broken_groups.get(name) or self._commits(name, asked) for name, asked in wanted.items()}

    def _commits(
        self, group: str, asked: Sequence[TopicPartition] | None
    ) -> dict[TopicPartition, Committed | Failure | None]:
        held = self.commits.get(group, {})
        sources = held if asked is None else asked
        return {source: Committed(held[source]) if source in held else None for source in sources}

    async def groups(self) -> Groups:
        await self._called("groups")
        found = [self._group(name) for name in sorted({*self.commits, *self.members, *self.group_types})]
        return Groups(tuple(GroupListing(each.id, each.state, each.type) for each in found))

    async def describe_groups(self, names: Iterable[str]) -> dict[str, Group | Failure]:
        await self._called("describe_groups")
        return {name: self._group(name) for name in names}

    def _group(self, name: str) -> Group:
        members = self.members.get(name, ())
        state = GroupState.STABLE if members else GroupState.EMPTY
        kind = self.group_types.get(name, GroupType.CLASSIC)
        return Group(name, state, kind, members, "range", self.coordinator_of.get(name, 1))

    async def topic_configs(self, topics: Iterable[str]) -> dict[str, dict[str, ConfigEntry] | Failure]:
        await self._called("topic_configs")
        return {name: self.configs[name] if name in self.configs else self._missing(name) for name in topics}

    async def topic_ids(self, topics: Iterable[str]) -> dict[str, str | Failure | None]:
        await self._called("topic_ids")
        return {name: self.ids[name] if name in self.ids else self._missing(name) for name in topics}

    async def broker_configs(self, brokers: Iterable[int]) -> dict[int, dict[str, ConfigEntry] | Failure]:
        await self._called("broker_configs")
        return {number: self.broker_settings.get(number, {}) for number in brokers}

    async def config_documentation(self, topic: str = "") -> dict[str, str]:
        await self._called("config_documentation")
        return dict(self.documentation)

    async def version(self) -> str | None:
        await self._called("version")
        return self.agreed_version

    async def log_dirs(self, brokers: Iterable[int]) -> dict[int, tuple[LogDir, ...] | Failure]:
        await self._called("log_dirs")
        return {number: self.disks.get(number, ()) for number in brokers}

    async def reassignments(self) -> dict[TopicPartition, Reassignment]:
        await self._called("reassignments")
        return dict(self.moves)

    async def open_transaction(self, source: TopicPartition) -> OpenTransaction | None:
        await self._called("open_transaction")
        return self.transactions.get(source)

    async def acls(self) -> tuple[Acl, ...]:
        await self._called("acls")
        return tuple(sorted(self.held_acls))

    async def scram_users(self) -> tuple[ScramUser, ...]:
        await self._called("scram_users")
        return tuple(ScramUser(name, tuple(held.items())) for name, held in sorted(self.held_users.items()))

    async def quotas(self) -> tuple[Quota, ...]:
        await self._called("quotas")
        return tuple(Quota(entity, tuple(limits.items())) for entity, limits in self.held_quotas.items())

    async def apply(self, change: Change, *, only_check: bool = False) -> dict[str, Failure | None]:
        """Carried out at once: a move of partitions, too. With a refused item nothing of the change is."""
        refuse_read_only(self.profile, change)
        await self._called("apply")
        answers = {item: self.refused.get(item) for item in items_of(change)}
        if not only_check and not any(answers.values()):
            answers |= carry_out(self, change)
            self.applied.append(change)
        return answers

    @contextlib.asynccontextmanager
    async def open_reader(
        self, ranges: Sequence[OffsetRange], isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED
    ) -> AsyncIterator[Reader]:
        await self._called("open_reader")
        self.open_readers += 1
        try:
            yield _FakeReader(self, ranges)
        finally:
            self.open_readers -= 1

    def check_settings(self, settings: ProducerSettings) -> None:
        if failure := self.failures.get("check_settings"):
            raise failure

    @contextlib.asynccontextmanager
    async def open_writer(self, settings: ProducerSettings) -> AsyncIterator[Writer]:
        refuse_writing(self.profile)
        self.check_settings(settings)
        await self._called("open_writer")
        yield FakeWriter(self, settings)

    async def close(self) -> None:
        self.closed = True

    def trouble_of(self, source: TopicPartition) -> Failure | None:
        return self.broken.get(source) or (None if source in self.logs else self._missing(source.topic))

    async def _called(self, name: str) -> None:
        self.calls.append(name)
        await asyncio.sleep(self.delay)
        if failure := self.failures.get(name):
            raise failure

    def _offset(self, source: TopicPartition, spec: OffsetSpec) -> int | Failure | None:
        if trouble := self.trouble_of(source):
            return trouble
        log, start = self.logs[source], self.starts[source]
        match spec:
            case AtTime(ms):
                return next((r.offset for r in log if (r.timestamp or 0) >= ms and r.offset >= start), None)
            case LogEdge.START:
                return start
            case LogEdge.END:
                return log[-1].offset + 1 if log else start

    def _missing(self, topic: str) -> Failure:
        return Failure(FailureKind.NOT_FOUND, f"There is no topic {topic}.", "Refresh.")


class _FakeReader:
    def __init__(self, cluster: FakeCluster, ranges: Sequence[OffsetRange]) -> None:
        self._cluster = cluster
        self._open = [each for each in ranges if each.end is None or each.start < each.end]

    async def next_batch(self) -> Batch | None:
        if not self._open:
            return None
        await asyncio.sleep(self._cluster.delay)
        while self._cluster.batches_left == 0:  # noqa: ASYNC110  (a test sets it)
            await asyncio.sleep(0.005)
        if self._cluster.batches_left is not None:
            self._cluster.batches_left -= 1
        batch = self._pull()
        if not batch.records and not batch.troubles:
            await asyncio.sleep(0.01)
        return batch

    def _pull(self) -> Batch:
        found: list[Record] = []
        troubles: list[Trouble] = []
        still: list[OffsetRange] = []
        for each in self._open:
            if trouble := self._cluster.trouble_of(each.source):
                troubles.append(Trouble(each.source, trouble, each.start))
                continue
            end = 2**63 if each.end is None else each.end
            log = self._cluster.logs[each.source]
            records = [r for r in log if each.start <= r.offset < end][: _PULL - len(found)]
            found += records
            reached = records[-1].offset + 1 if records else each.start
            left = any(reached <= r.offset < end for r in log)
            if left or each.end is None:
                still.append(replace(each, start=reached))
        self._open = still
        return Batch(RecordColumns(found), tuple(troubles))
