"""A connected cluster: one AdminClient, a few warm readers, one state."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from kexplorer.kafka import changes, checks, features, groups, open_transactions, properties
from kexplorer.kafka.admin import Admin, check_number, check_source
from kexplorer.kafka.coordinators import Coordinators
from kexplorer.kafka.group_offsets import GroupOffsets
from kexplorer.kafka.link import LinkMonitor, QuietLog
from kexplorer.kafka.reader import FetchSizes, RangeReader, ReadHandle
from kexplorer.kafka.reading import GONE_AFTER_MS
from kexplorer.kafka.second_client import SecondClient
from kexplorer.kafka.writer import RecordWriter, topic_limits
from kexplorer.model.access import Acl, Quota, ScramUser
from kexplorer.model.changes import Change
from kexplorer.model.cluster import ConfigEntry, ConnectionState, LogDir, OpenTransaction, Reader, Reassignment, Writer
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Committed, Group, Groups
from kexplorer.model.produce import ProducerSettings, refuse_writing
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.topics import (
    ClusterMetadata,
    IsolationLevel,
    OffsetRange,
    OffsetSpec,
    TopicPartition,
)

_PING_EVERY = 5.0  # seconds
_PAGE_WAIT_MS = 10  # how soon a broker says that a partition has no more
_FOLLOW_WAIT_MS = 250  # records are sent as they arrive; only the empty answers take this long
# A broker that owes an answer for longer loses its connection, and the next call asks another one: otherwise the client
# keeps asking a frozen broker, as the one it used last. Less than the first look for offsets takes.
_ANSWER_WITHIN_MS = 4500
_WARM_READERS = 2  # idle ones kept per way of reading; each costs a thread and a socket a broker


class KafkaCluster:
    """Keeps `model.cluster.Cluster`. Made by the constructor, which checks the profile and talks to nobody yet."""

    def __init__(self, profile: Profile, credentials: Credentials) -> None:
        self.profile = profile
        self._credentials = credentials
        self._monitor = LinkMonitor(profile.name)
        self._logger = properties.CLIENT_LOG.getChild(profile.name.replace(".", "_"))
        self._logger.filters = [QuietLog(self._monitor)]
        admin = properties.admin_config(profile, credentials)
        admin["log.connection.close"] = True  # the only sign of a broker that hangs up on us
        properties.reader_config(profile, credentials, IsolationLevel.READ_UNCOMMITTED)  # checked now
        if "socket.timeout.ms" not in profile.properties:
            admin["socket.timeout.ms"] = _ANSWER_WITHIN_MS
        self._admin = Admin({**admin, "error_cb": self._monitor.on_error, "logger": self._logger}, self._monitor)
        self._second = SecondClient(profile, credentials, self._admin)
        self._coordinators = Coordinators(self._second)
        self._describer = groups.Describer(self._admin, self._second, self._coordinators)
        self._group_offsets = GroupOffsets(self._second, self._coordinators)
        self._clients = changes.Clients(self._admin, self._second, self._group_offsets)
        self._controller: int | None = None
        self._warm: dict[tuple[IsolationLevel, bool, int], list[ReadHandle]] = {}
        self._fetch_sizes = FetchSizes()
        self._busy: set[ReadHandle] = set()
        self._writers: set[RecordWriter] = set()
        self._pinging: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def state(self) -> ConnectionState:
        return self._monitor.state

    def watch_state(self, changed: Callable[[ConnectionState], None]) -> Callable[[], None]:
        if self._pinging is None:
            self._pinging = asyncio.get_running_loop().create_task(self._ping(), name="kafka-ping")
        return self._monitor.watch(changed)

    async def metadata(self) -> ClusterMetadata:
        return replace(await self._admin.metadata(), controller=self._controller)

    async def topic(self, name: str) -> ClusterMetadata:
        seen = await self._admin.metadata(name)
        there = tuple(t for t in seen.topics if t.trouble is None or t.trouble.kind is not FailureKind.NOT_FOUND)
        return replace(seen, topics=there, controller=self._controller)

    async def list_offsets(
        self,
        wanted: Mapping[TopicPartition, OffsetSpec],
        isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
    ) -> dict[TopicPartition, int | Failure | None]:
        return await self._admin.list_offsets(wanted, isolation)

    async def committed(
        self, group: str, sources: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int | Failure | None]:
        config = properties.reader_config(self.profile, self._credentials)
        own = {"logger": self._logger, "error_cb": self._monitor.on_error}
        return await groups.committed({**config, **own}, group, sources)

    async def group_offsets(
        self, wanted: Mapping[str, Sequence[TopicPartition] | None]
    ) -> dict[str, dict[TopicPartition, Committed | Failure | None] | Failure]:
        return await self._group_offsets.committed(wanted)

    async def groups(self) -> Groups:
        return await groups.groups(self._second)

    async def describe_groups(self, names: Iterable[str]) -> dict[str, Group | Failure]:
        return await self._describer.describe(names)

    async def topic_configs(self, topics: Iterable[str]) -> dict[str, dict[str, ConfigEntry] | Failure]:
        return await self._admin.topic_configs(topics)

    async def topic_ids(self, topics: Iterable[str]) -> dict[str, str | Failure | None]:
        return await self._admin.topic_ids(topics)

    async def broker_configs(self, brokers: Iterable[int]) -> dict[int, dict[str, ConfigEntry] | Failure]:
        return await self._admin.broker_configs(brokers)

    async def config_documentation(self, topic: str = "") -> dict[str, str]:
        return await self._second.documentation(topic and checks.topic_name(topic))

    async def version(self) -> str | None:
        return await features.agreed_version(self._second)

    async def log_dirs(self, brokers: Iterable[int]) -> dict[int, tuple[LogDir, ...] | Failure]:
        found = await self._second.log_dirs(brokers)
        with contextlib.suppress(Failure):  # who may not see it goes without
            self._controller = await self._second.quorum_leader()
        return found

    async def reassignments(self) -> dict[TopicPartition, Reassignment]:
        return await self._second.reassignments()

    async def open_transaction(self, source: TopicPartition) -> OpenTransaction | None:
        return await open_transactions.open_transaction(self._admin, self._second, source)

    async def acls(self) -> tuple[Acl, ...]:
        return await self._second.acls()

    async def scram_users(self) -> tuple[ScramUser, ...]:
        return await self._second.scram_users()

    async def quotas(self) -> tuple[Quota, ...]:
        return await self._second.quotas()

    async def apply(self, change: Change, *, only_check: bool = False) -> dict[str, Failure | None]:
        return await changes.apply(self.profile, self._clients, change, only_check=only_check)

    @contextlib.asynccontextmanager
    async def open_reader(
        self, ranges: Sequence[OffsetRange], isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED
    ) -> AsyncIterator[Reader]:
        for each in ranges:
            check_source(each.source)
            check_number(each.start)
            check_number(each.start if each.end is None else each.end)
        if self._closed:
            raise Failure(FailureKind.REFUSED, "The connection is closed.", "Connect again.")
        way = (isolation, any(each.end is None for each in ranges), self._fetch_sizes.of(ranges))
        warm = self._warm.setdefault(way, [])
        handle = warm.pop() if warm else self._new_reader(*way)
        self._busy.add(handle)
        reader = RangeReader(handle, ranges, lambda: self._monitor.state.reason, self._fetch_sizes)
        try:
            reader.start()
            yield reader
        finally:
            reader.stop()
            self._busy.discard(handle)
            if len(warm) < _WARM_READERS and not self._closed:
                warm.append(handle)
            else:
                handle.close()

    def check_settings(self, settings: ProducerSettings) -> None:
        properties.check_settings(settings)

    @contextlib.asynccontextmanager
    async def open_writer(self, settings: ProducerSettings) -> AsyncIterator[Writer]:
        refuse_writing(self.profile)
        config = properties.writer_config(self.profile, self._credentials, settings)
        if self._closed:
            raise Failure(FailureKind.REFUSED, "The connection is closed.", "Connect again.")
        own = {"logger": self._logger, "error_cb": self._monitor.on_error}
        look_up = partial(topic_limits, self._admin)
        writer = RecordWriter({**config, **own}, look_up, lambda: self._monitor.state.reason)
        self._writers.add(writer)
        try:
            yield writer
        finally:
            self._writers.discard(writer)
            await writer.close()

    async def close(self) -> None:
        """Returns at once; threads that wait for a frozen broker end when it answers, or with the program."""
        self._closed = True
        self._monitor.close()
        if self._pinging:
            self._pinging.cancel()
            await asyncio.gather(self._pinging, return_exceptions=True)
        for handle in [*self._busy, *(handle for idle in self._warm.values() for handle in idle)]:
            handle.close()
        for writer in self._writers:
            writer.stop()
        self._admin.close()
        self._second.close()

    def _new_reader(self, isolation: IsolationLevel, following: bool, fetched: int) -> ReadHandle:
        wait_ms = _FOLLOW_WAIT_MS if following else _PAGE_WAIT_MS
        config = properties.reader_config(self.profile, self._credentials, isolation, wait_ms)
        config["fetch.message.max.bytes"] = self.profile.properties.get("fetch.message.max.bytes", fetched)
        config["topic.metadata.propagation.max.ms"] = GONE_AFTER_MS
        return ReadHandle({**config, "logger": self._logger}, self._monitor.on_error)

    async def _ping(self) -> None:
        while True:
            with contextlib.suppress(Failure):  # the monitor has noted it
                await self._admin.ping()
            await asyncio.sleep(_PING_EVERY)
