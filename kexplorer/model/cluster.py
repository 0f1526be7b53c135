"""The treaty between services and Kafka: what a connected cluster can be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from kexplorer.model.access import Acl, Quota, ScramUser
from kexplorer.model.changes import Change
from kexplorer.model.failure import Failure
from kexplorer.model.groups import Committed, Group, Groups
from kexplorer.model.produce import Deliveries, Outgoing, ProducerSettings
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.records import Batch
from kexplorer.model.topics import ClusterMetadata, IsolationLevel, OffsetRange, OffsetSpec, TopicPartition


class Link(StrEnum):
    CONNECTING = "connecting"
    UP = "connected"
    DEGRADED = "degraded"  # answers come, but some broker is out of reach
    DOWN = "unreachable"


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """`reason` is the last true cause that the client library gave, per broker the newest; empty while all is well.
    `login_refused`: that was the cause."""

    link: Link
    reason: str = ""
    login_refused: bool = False


class ConfigSource(StrEnum):
    """Who set a configuration value, as a person reads it."""

    UNKNOWN = "not told"
    TOPIC = "topic"
    DYNAMIC_BROKER = "one broker, dynamic"
    DYNAMIC_DEFAULT = "all brokers, dynamic"
    STATIC_BROKER = "broker, static"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class ConfigEntry:
    """One configuration value that is in force for a topic or broker. `is_default`: neither the topic nor a broker sets
    it. `value` is None where it is sensitive. `default` is what would be in force if nobody set it, None where the
    broker does not tell."""

    name: str
    value: str | None
    is_default: bool
    is_read_only: bool
    is_sensitive: bool
    source: ConfigSource = ConfigSource.UNKNOWN
    default: str | None = None


@dataclass(frozen=True, slots=True)
class ReplicaSize:
    """One replica on disk: bytes, and records that it lags behind. `future`: it is being moved here from another log
    directory of the same broker."""

    size: int
    lag: int
    future: bool = False


@dataclass(frozen=True, slots=True)
class LogDir:
    """`total` and `usable` are bytes of the volume, None where the broker is too old to tell (KIP-827: 3.3)."""

    path: str
    replicas: Mapping[TopicPartition, ReplicaSize]
    total: int | None = None
    usable: int | None = None
    trouble: Failure | None = None


@dataclass(frozen=True, slots=True)
class Reassignment:
    """A move under way: `replicas` now, of which `adding` are filled and `removing` go at its end."""

    replicas: tuple[int, ...]
    adding: tuple[int, ...]
    removing: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """Whose it is, and at which offset of a partition it began (`start`). `transactional_id` is "" and `coordinator`
    None where no coordinator tells of it."""

    producer_id: int
    epoch: int
    start: int
    transactional_id: str = ""
    coordinator: int | None = None


class Reader(Protocol):
    """Reads ranges of offsets without joining a group and without committing. Not asking is the back pressure."""

    async def next_batch(self) -> Batch | None:
        """The next records, at the latest after about 0.1 s (then the batch may be empty); None once every range is
        read to its end."""
        ...


class Writer(Protocol):
    """Sends records. They are numbered from 0 in the order of sending. Not more than a client's queue is on its way:
    then `send` waits."""

    @property
    def sent(self) -> int:
        """How many records were taken over: the number of the next one."""
        ...

    @property
    def undelivered(self) -> int:
        """How many of them are neither acknowledged nor failed yet."""
        ...

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Returns when all are taken over. A record that cannot be sent is no exception but a failed delivery. A call
        that is cancelled has taken over the first of them, as `sent` tells. A topic that is not there is not made."""
        ...

    async def deliveries(self) -> Deliveries:
        """What became of records since the last call; may be empty, but not at once."""
        ...

    async def flush(self, within: float) -> int:
        """Waits until all are acknowledged or failed, `within` seconds at most. Returns how many are not."""
        ...

    async def begin(self) -> None: ...

    async def commit(self, within: float) -> None:
        """Sends what is left and commits. Raises `Failure` where that did not happen: its message tells whether the
        transaction was aborted, and why."""
        ...

    async def abort(self, within: float) -> None: ...


class Cluster(Protocol):
    """One connection. Every call ends within its time limit, and raises `Failure` when it fails as a whole; what fails
    for one item is that item's `Failure` in the answer."""

    @property
    def profile(self) -> Profile: ...

    @property
    def state(self) -> ConnectionState: ...

    def watch_state(self, changed: Callable[[ConnectionState], None]) -> Callable[[], None]:
        """Calls `changed` on the loop's thread at every change, at most once a second; returns how to stop that."""
        ...

    async def metadata(self) -> ClusterMetadata: ...

    async def topic(self, name: str) -> ClusterMetadata:
        """What `metadata` tells, of one topic alone: no topic if it is not there. As light as the topic is."""
        ...

    async def list_offsets(
        self,
        wanted: Mapping[TopicPartition, OffsetSpec],
        isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
    ) -> dict[TopicPartition, int | Failure | None]:
        """None: no record at or after the time that was asked for."""
        ...

    async def committed(
        self, group: str, sources: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int | Failure | None]:
        """What a group has committed, looked up without joining it. None: nothing, or it expired."""
        ...

    async def group_offsets(
        self, wanted: Mapping[str, Sequence[TopicPartition] | None]
    ) -> dict[str, dict[TopicPartition, Committed | Failure | None] | Failure]:
        """What many groups have committed, in one call a coordinator. None for a group asks for all that it has
        committed; None for a partition: nothing, or it expired. A group that nobody knows has committed nothing; of
        one whose coordinator has just moved, as little may be told for a moment. Offsets that a transaction under way
        will commit are not in it yet: what was committed before them is."""
        ...

    async def groups(self) -> Groups:
        """Of every kind, those that are no consumers' included: share, streams and Connect groups."""
        ...

    async def describe_groups(self, names: Iterable[str]) -> dict[str, Group | Failure]:
        """A group that nobody knows is empty or dead, by the version of the broker. Of share and streams groups only
        state and type are told, and no members."""
        ...

    async def topic_configs(self, topics: Iterable[str]) -> dict[str, dict[str, ConfigEntry] | Failure]: ...

    async def topic_ids(self, topics: Iterable[str]) -> dict[str, str | Failure | None]:
        """The id that each topic got when it was made (KIP-516), as Kafka's tools write it: one that was deleted and
        made anew has another. None: the broker does not tell. `Failure`(NOT_FOUND): there is no such topic."""
        ...

    async def broker_configs(self, brokers: Iterable[int]) -> dict[int, dict[str, ConfigEntry] | Failure]: ...

    async def config_documentation(self, topic: str = "") -> dict[str, str]:
        """What each setting of topics (of brokers without `topic`) means, by its name."""
        ...

    async def version(self) -> str | None:
        """What the brokers have agreed to work as, such as "4.3-IV0" (KIP-584); they may be of a newer release. None
        where they agree on none: before Kafka 3.3, and with ZooKeeper."""
        ...

    async def log_dirs(self, brokers: Iterable[int]) -> dict[int, tuple[LogDir, ...] | Failure]: ...

    async def reassignments(self) -> dict[TopicPartition, Reassignment]:
        """Those under way."""
        ...

    async def open_transaction(self, source: TopicPartition) -> OpenTransaction | None:
        """The one that has been open longest in a partition, which holds readers of committed records; None: none is.
        `Failure`(UNSUPPORTED) where brokers are older than 3.0."""
        ...

    async def acls(self) -> tuple[Acl, ...]: ...

    async def scram_users(self) -> tuple[ScramUser, ...]: ...

    async def quotas(self) -> tuple[Quota, ...]: ...

    async def apply(self, change: Change, *, only_check: bool = False) -> dict[str, Failure | None]:
        """The one way to change anything. Refused for a read-only profile, before anything is sent. The answer is by
        item, named as `changes.items_of` does; None: the broker took it.
        `only_check`: the broker validates and changes nothing, where its protocol can (topics, partitions,
        configuration); a `Failure`(REFUSED) otherwise."""
        ...

    def open_reader(
        self, ranges: Sequence[OffsetRange], isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED
    ) -> AbstractAsyncContextManager[Reader]: ...

    def check_settings(self, settings: ProducerSettings) -> None:
        """Raises `Failure`(INVALID or REFUSED) for a setting that a writer may not have. Asks nobody."""
        ...

    def open_writer(self, settings: ProducerSettings) -> AbstractAsyncContextManager[Writer]:
        """Refused for a read-only profile. Who leaves it drops what is undelivered, and aborts an open transaction."""
        ...

    async def close(self) -> None: ...


class Connector(Protocol):
    """Makes a `Cluster` of a profile, or raises `Failure` for what the profile itself forbids. Talks to nobody yet."""

    async def __call__(self, profile: Profile, credentials: Credentials) -> Cluster: ...


class StepOutcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"  # an earlier step failed, or the protocol has no such step


@dataclass(frozen=True, slots=True)
class ProbeStep:
    """One step of a connection test: DNS, TCP, TLS, SASL, ApiVersions or an advertised listener. `target` is what was
    tried (host, host:port), `detail` what was found, `failure` why it failed. `seconds` is how long it took."""

    name: str
    target: str
    outcome: StepOutcome
    detail: str = ""
    failure: Failure | None = None
    seconds: float = 0.0
