"""What librdkafka has no call for, in Kafka's protocol as kafka-python speaks it. The import takes half a second."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from kafka import errors
from kafka.net.inet import KafkaNetSocket
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector
from kafka.protocol.admin import (
    AlterClientQuotasRequest,
    AlterPartitionReassignmentsRequest,
    CreateAclsRequest,
    DeleteAclsRequest,
    DescribeAclsRequest,
    DescribeClientQuotasRequest,
    DescribeConfigsRequest,
    DescribeLogDirsRequest,
    DescribeQuorumRequest,
    DescribeUserScramCredentialsRequest,
    IncrementalAlterConfigsRequest,
    ListPartitionReassignmentsRequest,
)
from kafka.protocol.metadata import ApiVersionsRequest

from kexplorer.kafka.protocol import groups as groups
from kexplorer.kafka.protocol import transactions as transactions
from kexplorer.model.access import (
    Acl,
    AclOperation,
    AclResource,
    PatternType,
    Permission,
    Quota,
    QuotaEntity,
    ScramMechanism,
    ScramUser,
)
from kexplorer.model.changes import AlterQuota
from kexplorer.model.cluster import LogDir, Reassignment, ReplicaSize
from kexplorer.model.failure import Failure
from kexplorer.model.topics import TopicPartition

# Its log repeats what every call raises, with stacks, and names passwords when it is set to debug.
logging.getLogger("kafka").propagate = False
logging.getLogger("kafka").setLevel(logging.CRITICAL + 1)

_ANY = 1  # of a kind, an operation, a pattern or a permission
_TOPIC, _BROKER = 2, 4  # kinds of resources with configuration
_SET, _DELETE = 0, 1
_RESOURCES = dict(zip(AclResource, range(2, 8), strict=True))
_OPERATIONS = dict(zip(AclOperation, range(2, 15), strict=True))
_PATTERNS = {PatternType.LITERAL: 3, PatternType.PREFIXED: 4}
_PERMISSIONS = {Permission.DENY: 2, Permission.ALLOW: 3}
_MECHANISMS = {ScramMechanism.SHA_256: 1, ScramMechanism.SHA_512: 2}
_ENTITIES = {"user": "user", "client-id": "client_id", "ip": "ip"}  # Kafka's name -> ours


_FAMILIES = {"any": socket.AF_UNSPEC, "v4": socket.AF_INET, "v6": socket.AF_INET6}


class _Socket(KafkaNetSocket):  # type: ignore[misc]
    """WORKAROUND: theirs does not close a socket that could not connect, and knows no family of addresses. A scheme of
    its own has this one used: direct://v4. https://github.com/dpkp/kafka-python/blob/master/kafka/net/inet.py"""

    SCHEMES = ("direct",)

    def __init__(self, proxy_url: str) -> None:
        super().__init__(proxy_url)
        self._family = _FAMILIES[proxy_url.rpartition("/")[2]]

    def dns_lookup(self, host: str, port: int, raise_error: bool = False) -> list[Any]:
        found = super().dns_lookup(host, port, raise_error)
        return [each for each in found if self._family in (socket.AF_UNSPEC, each[0])]

    async def sock_connect(self, net: Any, sock: Any, sockaddr: Any, timeout_at: float | None = None) -> Any:
        try:
            return await super().sock_connect(net, sock, sockaddr, timeout_at=timeout_at)
        except BaseException:
            sock.close()
            raise


class Connection:
    """A connection to each broker that was asked, with a thread that serves them all."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._net = NetworkSelector(**config)
        self._manager = KafkaConnectionManager(self._net, **config)
        self._net.start()

    @property
    def controller(self) -> int | None:
        """As the last metadata has it: brokers of KRaft name any of them, which passes requests on."""
        found = self._manager.cluster.controller
        return None if found is None else int(found.node_id)

    @property
    def brokers(self) -> tuple[int, ...]:
        """As the last metadata has them."""
        return tuple(sorted(int(broker.node_id) for broker in self._manager.cluster.brokers()))

    def bootstrap(self, seconds: float) -> Future[Any]:
        return _bridged(self._manager.bootstrap_async(seconds * 1000))

    def refresh(self) -> Future[Any]:
        """Who is in the cluster, without topics."""
        return _bridged(self._manager.call_soon(self._manager.cluster.refresh_metadata))

    def send(self, request: Any, broker: int | None = None) -> Future[Any]:
        """To any broker that is there, if none is named."""
        return _bridged(self._manager.call_soon(self._manager.send, request, broker))

    def close(self) -> None:
        self._manager.close()
        self._net.stop(1000)
        self._net.close()


def _bridged(theirs: Any) -> Future[Any]:
    ours: Future[Any] = Future()
    ours.set_running_or_notify_cancel()  # nobody who stops waiting may cancel what a callback will set
    theirs.add_callback(ours.set_result)
    theirs.add_errback(ours.set_exception)
    return ours


def is_unreachable(error: BaseException) -> bool:
    """Nothing was answered, and asking again may find another broker."""
    return isinstance(error, errors.NodeNotReadyError | errors.KafkaConnectionError | errors.Cancelled)


def is_unsent(error: BaseException) -> bool:
    """No broker can have heard of it."""
    return isinstance(error, errors.NodeNotReadyError)


def is_unknown_broker(error: BaseException) -> bool:
    return isinstance(error, errors.UnknownBrokerIdError)


def is_timeout(error: BaseException) -> bool:
    """Its client closes the connection then, so the next request goes to another broker, if it may."""
    return isinstance(error, errors.KafkaTimeoutError | errors.RequestTimedOutError)


def is_too_old(error: BaseException) -> bool:
    return isinstance(error, errors.IncompatibleBrokerVersion | errors.UnsupportedVersionError)


def code_of(error: BaseException) -> int | None:
    """Kafka's number of it, where a broker sent it."""
    return error.errno if isinstance(error, errors.BrokerResponseError) else None


def log_dirs() -> Any:
    return DescribeLogDirsRequest(topics=None)


def log_dir(answer: Any, trouble: Failure | None) -> LogDir:
    replicas = {
        TopicPartition(t.name, p.partition_index): ReplicaSize(p.partition_size, p.offset_lag, p.is_future_key)
        for t in answer.topics
        for p in t.partitions
    }
    return LogDir(answer.log_dir, replicas, _told(answer.total_bytes), _told(answer.usable_bytes), trouble)


def _told(size: int | None) -> int | None:
    return None if size is None or size < 0 else size


def reassignments(limit_ms: int) -> Any:
    return ListPartitionReassignmentsRequest(timeout_ms=limit_ms, topics=None)


def reassignments_of(answer: Any) -> dict[TopicPartition, Reassignment]:
    return {
        TopicPartition(t.name, p.partition_index): Reassignment(
            tuple(p.replicas), tuple(p.adding_replicas), tuple(p.removing_replicas)
        )
        for t in answer.topics
        for p in t.partitions
    }


def reassign(wanted: Mapping[TopicPartition, tuple[int, ...] | None], limit_ms: int) -> Any:
    topic = AlterPartitionReassignmentsRequest.ReassignableTopic
    partitions: dict[str, list[Any]] = {}
    for source, brokers in wanted.items():
        replicas = None if brokers is None else list(brokers)
        moved = topic.ReassignablePartition(partition_index=source.partition, replicas=replicas)
        partitions.setdefault(source.topic, []).append(moved)
    topics = [topic(name=name, partitions=moved) for name, moved in partitions.items()]
    return AlterPartitionReassignmentsRequest(timeout_ms=limit_ms, topics=topics)


def documentation(topic: str, broker: int) -> Any:
    resource = (_TOPIC, topic, None) if topic else (_BROKER, str(broker), None)
    return DescribeConfigsRequest(resources=[resource], include_documentation=True, min_version=3)


def alter_all_brokers(sets: Mapping[str, str], resets: Iterable[str], *, only_check: bool) -> Any:
    entries = [*((key, _SET, value) for key, value in sets.items()), *((key, _DELETE, None) for key in resets)]
    return IncrementalAlterConfigsRequest(resources=[(_BROKER, "", entries)], validate_only=only_check)


def quorum() -> Any:
    topic = DescribeQuorumRequest.TopicData
    partition = topic.PartitionData(partition_index=0)
    return DescribeQuorumRequest(topics=[topic(topic_name="__cluster_metadata", partitions=[partition])])


def features() -> Any:
    return ApiVersionsRequest(client_software_name="kexplorer", client_software_version="0", min_version=3)


def quotas() -> Any:
    return DescribeClientQuotasRequest(components=[], strict=False)


def quotas_of(answer: Any) -> tuple[Quota, ...]:
    """For the kinds of entities that we know: a newer Kafka may have more of them."""
    return tuple(
        Quota(
            QuotaEntity(**{_ENTITIES[part.entity_type]: part.entity_name or "" for part in entry.entity}),
            tuple(sorted((limit.key, float(limit.value)) for limit in entry.values)),
        )
        for entry in answer.entries or ()
        if all(part.entity_type in _ENTITIES for part in entry.entity)
    )


def alter_quota(change: AlterQuota, *, only_check: bool) -> Any:
    entry = AlterClientQuotasRequest.EntryData
    names = ((kind, getattr(change.entity, ours)) for kind, ours in _ENTITIES.items())
    entity = [entry.EntityData(entity_type=kind, entity_name=name or None) for kind, name in names if name is not None]
    limits = [
        *(entry.OpData(key=key, value=limit, remove=False) for key, limit in change.sets.items()),
        *(entry.OpData(key=key, value=0.0, remove=True) for key in change.resets),
    ]
    return AlterClientQuotasRequest(entries=[entry(entity=entity, ops=limits)], validate_only=only_check)


def acls() -> Any:
    return DescribeAclsRequest(
        resource_type_filter=_ANY,
        resource_name_filter=None,
        pattern_type_filter=_ANY,
        principal_filter=None,
        host_filter=None,
        operation=_ANY,
        permission_type=_ANY,
    )


def acls_of(answer: Any) -> tuple[Acl, ...]:
    """Those whose words we know: a newer Kafka may have more of them."""
    resources, operations = _reversed(_RESOURCES), _reversed(_OPERATIONS)
    patterns, permissions = _reversed(_PATTERNS), _reversed(_PERMISSIONS)
    found = (
        Acl(
            one.principal,
            resources[of.resource_type],
            of.resource_name,
            operations[one.operation],
            permissions[one.permission_type],
            patterns[of.pattern_type],
            one.host,
        )
        for of in answer.resources
        if of.resource_type in resources and of.pattern_type in patterns
        for one in of.acls
        if one.operation in operations
    )
    return tuple(sorted(found))


def _reversed(numbers: Mapping[Any, int]) -> dict[int, Any]:
    return {number: word for word, number in numbers.items()}


def scram_users() -> Any:
    """Of all: an empty list and not none, with which Kafka answers nothing to who may not see them."""
    return DescribeUserScramCredentialsRequest(users=[])


def scram_users_of(answer: Any) -> tuple[ScramUser, ...]:
    mechanisms = _reversed(_MECHANISMS)
    found = {
        user.user: [(mechanisms[i.mechanism], i.iterations) for i in user.credential_infos if i.mechanism in mechanisms]
        for user in answer.results
    }
    return tuple(ScramUser(name, tuple(sorted(held))) for name, held in sorted(found.items()))


def create_acls(wanted: Iterable[Acl]) -> Any:
    return CreateAclsRequest(
        creations=[
            CreateAclsRequest.AclCreation(
                resource_type=_RESOURCES[acl.resource],
                resource_name=acl.name,
                resource_pattern_type=_PATTERNS[acl.pattern],
                principal=acl.principal,
                host=acl.host,
                operation=_OPERATIONS[acl.operation],
                permission_type=_PERMISSIONS[acl.permission],
            )
            for acl in wanted
        ]
    )


def delete_acls(unwanted: Iterable[Acl]) -> Any:
    return DeleteAclsRequest(
        filters=[
            DeleteAclsRequest.DeleteAclsFilter(
                resource_type_filter=_RESOURCES[acl.resource],
                resource_name_filter=acl.name,
                pattern_type_filter=_PATTERNS[acl.pattern],
                principal_filter=acl.principal,
                host_filter=acl.host,
                operation=_OPERATIONS[acl.operation],
                permission_type=_PERMISSIONS[acl.permission],
            )
            for acl in unwanted
        ]
    )
