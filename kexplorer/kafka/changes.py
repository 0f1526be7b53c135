"""Carries changes out: the one way by which a connection changes anything."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
    ScramCredentialInfo,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from confluent_kafka.admin import ScramMechanism as Mechanism

from kexplorer.kafka import checks
from kexplorer.kafka.admin import INT32, REQUEST_TIMEOUT, Admin, check_number, check_source
from kexplorer.kafka.coordinators import GroupChange
from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.group_offsets import GroupOffsets
from kexplorer.kafka.second_client import SecondClient
from kexplorer.model.access import Acl, ScramMechanism
from kexplorer.model.changes import (
    AddPartitions,
    AlterConfig,
    AlterOffsets,
    AlterQuota,
    Change,
    CreateAcls,
    CreateTopic,
    DeleteAcls,
    DeleteGroups,
    DeleteOffsets,
    DeleteScram,
    DeleteTopics,
    ElectPreferred,
    PurgeRecords,
    Reassign,
    RemoveMembers,
    ResourceKind,
    SetScram,
    items_of,
    refuse_read_only,
)
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.topics import TopicPartition

Answers = dict[str, Failure | None]
_Ask = Callable[[AdminClient], Mapping[str, Future[Any]]]

_MECHANISMS = {ScramMechanism.SHA_256: Mechanism.SCRAM_SHA_256, ScramMechanism.SHA_512: Mechanism.SCRAM_SHA_512}
_CHECKABLE = (CreateTopic, AddPartitions, AlterConfig, AlterQuota)  # that a broker can validate without doing it
_SECOND = (Reassign, AlterQuota, CreateAcls, DeleteAcls)
_LIMITS: dict[str, Any] = {"request_timeout": REQUEST_TIMEOUT, "operation_timeout": REQUEST_TIMEOUT - 1}


class Clients(NamedTuple):
    """Who may carry a change out."""

    admin: Admin
    second: SecondClient
    groups: GroupOffsets


async def apply(profile: Profile, clients: Clients, change: Change, *, only_check: bool) -> Answers:
    """See `Cluster.apply`. Nothing is sent before the profile and every name and number of the change were checked."""
    refuse_read_only(profile, change)
    check(change)
    if only_check and not isinstance(change, _CHECKABLE):
        why = f"{change.verb} cannot be tried: Kafka's protocol has no way to validate it without doing it."
        raise Failure(FailureKind.REFUSED, why)
    if not items_of(change):
        return {}
    if isinstance(change, _SECOND) or (isinstance(change, AlterConfig) and not change.name):
        return await clients.second.apply(change, only_check=only_check)
    if isinstance(change, GroupChange):
        return await clients.groups.apply(change)
    if isinstance(change, ElectPreferred):
        return await _elect(clients.admin, change)
    ask = _asking(change, only_check=only_check)
    return await clients.admin.collect(ask, lambda _: None, change.verb, explain=_explaining(change))


def check(change: Change) -> None:
    """Raises `Failure`(INVALID) for what must not reach a client: it would take it for something else."""
    match change:
        case CreateTopic(name, partitions, replication, configs, replicas):
            checks.topic_name(name)
            _check_count(len(replicas) if replicas else partitions, "partitions")
            _check_count(min(map(len, replicas)) if replicas else replication, "replicas")
            for number, brokers in enumerate(replicas):
                _check_brokers(TopicPartition(name, number), brokers)
            _check_texts(configs)
        case DeleteTopics(names):
            for name in names:
                checks.topic_name(name)
        case AddPartitions(topic, total):
            checks.topic_name(topic)
            _check_count(total, "partitions")
        case AlterConfig():
            _check_config(change)
        case PurgeRecords() | ElectPreferred() | Reassign():
            _check_sources(change)
        case AlterOffsets() | DeleteOffsets() | DeleteGroups() | RemoveMembers():
            _check_groups(change)
        case _:
            _check_access(change)


def _check_sources(change: PurgeRecords | ElectPreferred | Reassign) -> None:
    match change:
        case PurgeRecords(before):
            for source, offset in before.items():
                check_source(source)
                check_number(offset)
        case ElectPreferred(partitions):
            for source in partitions:
                check_source(source)
        case Reassign(wanted):
            for source, brokers in wanted.items():
                check_source(source)
                _check_brokers(source, brokers)


def _check_groups(change: GroupChange) -> None:
    match change:
        case AlterOffsets(group, offsets):
            checks.group_id(group)
            for source, offset in offsets.items():
                check_source(source)
                check_number(offset)
        case DeleteOffsets(group, partitions):
            checks.group_id(group)
            for source in partitions:
                check_source(source)
        case DeleteGroups(groups):
            for group in groups:
                checks.group_id(group)
        case RemoveMembers(group, members, instances):
            checks.group_id(group)
            for each in members:
                checks.short_name(each, "The member's id")
            for each in instances:
                checks.short_name(each, "The member's instance id")


def _check_access(change: CreateAcls | DeleteAcls | SetScram | DeleteScram | AlterQuota) -> None:
    match change:
        case CreateAcls(acls) | DeleteAcls(acls):
            for acl in acls:
                _check_acl(acl)
        case SetScram(user, _, password, iterations):
            checks.name(user, "The user name")
            checks.name(password, "The password")
            if not 4096 <= iterations <= 16384:
                raise checks.invalid(f"{iterations} iterations cannot be set.", "Kafka allows 4096 to 16384.")
        case DeleteScram(user):
            checks.name(user, "The user name")
        case AlterQuota(entity, sets, resets):
            named = [each for each in (entity.user, entity.client_id, entity.ip) if each is not None]
            if not named:
                raise checks.invalid("The quota is for nobody.", "Name a user, a client id or an address.")
            for each in named:
                checks.text(each, "The name in the quota")
            _check_texts(dict.fromkeys([*sets, *resets], ""))
            if wrong := [key for key, limit in sets.items() if not (math.isfinite(limit) and limit > 0)]:
                raise checks.invalid(f"{wrong[0]} must be a number greater than 0.", "Remove the quota instead.")


def _check_config(change: AlterConfig) -> None:
    if change.kind is ResourceKind.TOPIC:
        checks.topic_name(change.name)
    elif change.name and not (change.name.isascii() and change.name.isdigit()):
        raise checks.invalid(f"“{change.name}” is not a broker's id.", "Give its number, or nothing for all brokers.")
    _check_texts(dict(change.sets) | dict.fromkeys(change.resets, ""))
    if both := sorted(set(change.sets) & set(change.resets)):
        raise checks.invalid(f"{both[0]} cannot be set and reset at once.")
    if not (change.sets or change.resets):
        raise checks.invalid("Nothing of the configuration is changed.")


def _check_acl(acl: Acl) -> None:
    kind, colon, name = checks.text(acl.principal, "The principal").partition(":")
    if not (kind and colon and name):
        raise checks.invalid(f"“{acl.principal}” is not a principal.", "Write its type and name, as in User:alice.")
    checks.name(acl.name, "The resource's name")
    checks.name(acl.host, "The host")


def _check_brokers(source: TopicPartition, brokers: tuple[int, ...] | None) -> None:
    if brokers is None:
        return
    for number in brokers:
        check_number(number, INT32, "A broker's id")
    if not brokers or len(set(brokers)) < len(brokers):
        what = f"{source.topic}-{source.partition}"
        raise checks.invalid(f"{what} needs at least one broker, and each once.", "Correct its list of brokers.")


def _check_count(count: int, what: str) -> None:
    if not 1 <= count <= 100_000:
        raise checks.invalid(f"{count} {what} cannot be made.", "Kafka's clients allow 1 to 100000.")


def _check_texts(settings: Mapping[str, str]) -> None:
    for key, value in settings.items():
        checks.name(key, "The setting's name")
        checks.text(value, key)


def _asking(change: Change, *, only_check: bool) -> _Ask:
    """The call that carries a change out: an answer for each item."""
    items = items_of(change)

    def ask(client: AdminClient) -> Mapping[str, Future[Any]]:
        match change:
            case CreateTopic():
                return client.create_topics([_new_topic(change)], validate_only=only_check, **_LIMITS)
            case DeleteTopics(names):
                return client.delete_topics(list(dict.fromkeys(names)), **_LIMITS)
            case AddPartitions(topic, total):
                return client.create_partitions([NewPartitions(topic, total)], validate_only=only_check, **_LIMITS)
            case AlterConfig():
                asked = [_altered(change)]
                found = client.incremental_alter_configs(
                    asked, validate_only=only_check, request_timeout=REQUEST_TIMEOUT
                )
                return dict(zip(items, found.values(), strict=True))
            case PurgeRecords(before):
                offsets = [confluent_kafka.TopicPartition(*source, offset) for source, offset in before.items()]
                purged = client.delete_records(offsets, **_LIMITS)
                return {f"{source.topic}-{source.partition}": future for source, future in purged.items()}
            case SetScram() | DeleteScram():
                return client.alter_user_scram_credentials([_credential(change)], request_timeout=REQUEST_TIMEOUT)
            case _:
                raise AssertionError(f"{change.verb} goes another way")

    return ask


def _new_topic(change: CreateTopic) -> NewTopic:
    configs = dict(change.configs)
    if change.replicas:
        placed = [list(brokers) for brokers in change.replicas]
        return NewTopic(change.name, num_partitions=len(placed), replica_assignment=placed, config=configs)
    return NewTopic(change.name, change.partitions, change.replication, config=configs)


def _altered(change: AlterConfig) -> ConfigResource:
    kind = ResourceType.TOPIC if change.kind is ResourceKind.TOPIC else ResourceType.BROKER
    sets = [ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in change.sets.items()]
    resets = [ConfigEntry(key, None, incremental_operation=AlterConfigOpType.DELETE) for key in change.resets]
    return ConfigResource(kind, change.name, incremental_configs=[*sets, *resets])


def _credential(change: SetScram | DeleteScram) -> UserScramCredentialUpsertion | UserScramCredentialDeletion:
    mechanism = _MECHANISMS[change.mechanism]
    if isinstance(change, DeleteScram):
        return UserScramCredentialDeletion(change.user, mechanism)
    info = ScramCredentialInfo(mechanism, change.iterations)
    return UserScramCredentialUpsertion(change.user, info, change.password.encode())


async def _elect(admin: Admin, change: ElectPreferred) -> Answers:
    def ask(client: AdminClient) -> Mapping[str, Future[Any]]:
        asked = [confluent_kafka.TopicPartition(*source) for source in change.partitions]
        # WORKAROUND: no time limits, which make it a SystemError in 2.16.1 (a wrong argument format in AdminClient.c).
        # https://github.com/confluentinc/confluent-kafka-python/pull/1818
        return {"": client.elect_leaders(confluent_kafka.ElectionType.PREFERRED, asked)}

    def one(result: Mapping[Any, KafkaError | None]) -> Answers:
        return {f"{s.topic}-{s.partition}": _election(s, error) for s, error in result.items()}

    answers = (await admin.collect(ask, one, change.verb))[""]
    if isinstance(answers, Failure):
        raise answers
    return answers


def _election(source: Any, error: KafkaError | None) -> Failure | None:
    """That the preferred broker leads already is what was wanted."""
    if error is None or error.code() == KafkaError.ELECTION_NOT_NEEDED:
        return None
    return failure_of(error, f"{ElectPreferred.verb}, {source.topic}-{source.partition}")


def _explaining(change: Change) -> Callable[[object, str], Failure]:
    """What a code means for this change, where that is not what it means everywhere."""

    def explain(error: object, what: str) -> Failure:
        failure = failure_of(error, what)
        code = error.args[0].code() if isinstance(error, KafkaException) else None
        if isinstance(change, PurgeRecords) and code == KafkaError.OFFSET_OUT_OF_RANGE:
            return Failure(FailureKind.INVALID, failure.message, "The offset is beyond the end. Refresh the offsets.")
        if isinstance(change, PurgeRecords) and code == KafkaError.POLICY_VIOLATION:
            hint = "Records can be deleted only where cleanup.policy has “delete” in it."
            return Failure(FailureKind.REFUSED, failure.message, hint)
        return failure

    return explain
