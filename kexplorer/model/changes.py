"""Everything that can be changed in a cluster, as values: what was previewed is what is sent, refused and logged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from kexplorer.model.access import Acl, QuotaEntity, ScramMechanism
from kexplorer.model.topics import TopicPartition


class ResourceKind(StrEnum):
    TOPIC = "topic"
    BROKER = "broker"


@dataclass(frozen=True, slots=True)
class CreateTopic:
    """`replicas`: the brokers of each partition, where the cluster is not to choose them."""

    verb: ClassVar[str] = "Create topic"
    name: str
    partitions: int
    replication: int
    configs: Mapping[str, str] = field(default_factory=dict)
    replicas: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class DeleteTopics:
    verb: ClassVar[str] = "Delete topics"
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddPartitions:
    """`total` is how many the topic will have."""

    verb: ClassVar[str] = "Add partitions"
    topic: str
    total: int


@dataclass(frozen=True, slots=True)
class AlterConfig:
    """Only these keys of a topic (by name) or broker (by id, "" for all brokers) are touched. `resets` go back to what
    would be in force without them."""

    verb: ClassVar[str] = "Change configuration"
    kind: ResourceKind
    name: str
    sets: Mapping[str, str] = field(default_factory=dict)
    resets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PurgeRecords:
    """All records before these offsets are deleted."""

    verb: ClassVar[str] = "Purge records"
    before: Mapping[TopicPartition, int]


@dataclass(frozen=True, slots=True)
class ElectPreferred:
    verb: ClassVar[str] = "Elect preferred leaders"
    partitions: tuple[TopicPartition, ...]


@dataclass(frozen=True, slots=True)
class Reassign:
    """The brokers that will have each partition, the preferred leader first. None: cancel what is under way."""

    verb: ClassVar[str] = "Reassign partitions"
    replicas: Mapping[TopicPartition, tuple[int, ...] | None]


@dataclass(frozen=True, slots=True)
class CreateAcls:
    verb: ClassVar[str] = "Create ACLs"
    acls: tuple[Acl, ...]


@dataclass(frozen=True, slots=True)
class DeleteAcls:
    """Exactly these."""

    verb: ClassVar[str] = "Delete ACLs"
    acls: tuple[Acl, ...]


@dataclass(frozen=True, slots=True)
class SetScram:
    """Makes the user or gives it another password."""

    verb: ClassVar[str] = "Set SCRAM credentials"
    user: str
    mechanism: ScramMechanism
    password: str = field(repr=False)
    iterations: int = 8192


@dataclass(frozen=True, slots=True)
class DeleteScram:
    verb: ClassVar[str] = "Delete SCRAM credentials"
    user: str
    mechanism: ScramMechanism


@dataclass(frozen=True, slots=True)
class AlterQuota:
    verb: ClassVar[str] = "Change quotas"
    entity: QuotaEntity
    sets: Mapping[str, float] = field(default_factory=dict)
    resets: tuple[str, ...] = ()


Change = (
    CreateTopic
    | DeleteTopics
    | AddPartitions
    | AlterConfig
    | PurgeRecords
    | ElectPreferred
    | Reassign
    | CreateAcls
    | DeleteAcls
    | SetScram
    | DeleteScram
    | AlterQuota
)
