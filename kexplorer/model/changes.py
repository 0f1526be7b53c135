"""Everything that can be changed in a cluster, as values: what was previewed is what is sent, refused and logged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from kexplorer.model.access import Acl, QuotaEntity, ScramMechanism
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
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


@dataclass(frozen=True, slots=True)
class AlterOffsets:
    """Sets what a group has committed. Brokers refuse it while the group has members. A group that is not there is made
    by it."""

    verb: ClassVar[str] = "Set committed offsets"
    group: str
    offsets: Mapping[TopicPartition, int]


@dataclass(frozen=True, slots=True)
class DeleteOffsets:
    """Forgets what a group has committed for these partitions."""

    verb: ClassVar[str] = "Delete committed offsets"
    group: str
    partitions: tuple[TopicPartition, ...]


@dataclass(frozen=True, slots=True)
class DeleteGroups:
    verb: ClassVar[str] = "Delete groups"
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemoveMembers:
    """By member id, static members by their instance id. A member that still runs comes back at once."""

    verb: ClassVar[str] = "Remove members"
    group: str
    members: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()


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
    | AlterOffsets
    | DeleteOffsets
    | DeleteGroups
    | RemoveMembers
)


def items_of(change: Change) -> tuple[str, ...]:
    """What a change is about, one name for each answer that `Cluster.apply` gives: a topic, "topic-partition",
    "topic NAME", "broker ID" or "all brokers" for configuration, an ACL or quota entity as text, a user, a group, a
    member."""
    match change:
        case CreateTopic(name=item) | AddPartitions(topic=item) | SetScram(user=item) | DeleteScram(user=item):
            return (item,)
        case DeleteTopics(names) | DeleteGroups(names) | RemoveMembers(members=names):
            return (*names, *(change.instances if isinstance(change, RemoveMembers) else ()))
        case AlterConfig(kind, name):
            return (f"{kind} {name}" if name else "all brokers",)
        case (
            PurgeRecords(wanted)
            | ElectPreferred(wanted)
            | Reassign(wanted)
            | AlterOffsets(_, wanted)
            | DeleteOffsets(_, wanted)
        ):
            return tuple(f"{source.topic}-{source.partition}" for source in wanted)
        case CreateAcls(acls) | DeleteAcls(acls):
            return tuple(map(str, acls))
        case AlterQuota(entity):
            return (str(entity),)


def refuse_read_only(profile: Profile, change: Change) -> None:
    """Raises `Failure`(REFUSED) where the profile forbids changes."""
    if profile.read_only:
        raise Failure(
            FailureKind.REFUSED,
            f"{change.verb} is refused: the profile {profile.name} is read-only. Nothing was sent.",
            "Allow changes in the profile if you mean to change this cluster.",
        )
