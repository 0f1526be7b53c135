"""The client library's errors in our words: what failed, why, and what to try."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException

from kexplorer.model.failure import Failure, FailureKind

_K = KafkaError
CHECK_NETWORK = (
    "Check the bootstrap address, the network and whether the brokers run; 'Test connection' names the step."
)
CHECK_LOGIN = "Check the user name, the password and the SASL mechanism of the profile."
CHECK_TLS = "Check the CA file, the host name in the broker's certificate and the security protocol."
_ASK_ACL = "Ask whoever runs the cluster for the permission."
_MIN_ISR = (
    "Fewer replicas are in sync than min.insync.replicas demands. Start the brokers that are down, or wait until they "
    "have caught up; lowering min.insync.replicas would risk records."
)
TOO_OLD = "It is too old for it, or not Apache Kafka."
_MOVED = "Its leader has just moved; try again."
_REFRESH = "Refresh: it may have been deleted or renamed."

_KINDS: dict[int, tuple[FailureKind, str]] = {
    _K._TRANSPORT: (FailureKind.UNREACHABLE, CHECK_NETWORK),
    _K._ALL_BROKERS_DOWN: (FailureKind.UNREACHABLE, CHECK_NETWORK),
    _K._RESOLVE: (FailureKind.UNREACHABLE, CHECK_NETWORK),
    _K.BROKER_NOT_AVAILABLE: (FailureKind.UNREACHABLE, CHECK_NETWORK),
    _K._TIMED_OUT: (FailureKind.TIMEOUT, CHECK_NETWORK),
    _K._TIMED_OUT_QUEUE: (FailureKind.TIMEOUT, CHECK_NETWORK),
    _K.REQUEST_TIMED_OUT: (FailureKind.TIMEOUT, "The broker did not finish in time; try again."),
    _K.LEADER_NOT_AVAILABLE: (FailureKind.UNREACHABLE, "The partition has no leader; its broker may be down."),
    _K.NOT_LEADER_FOR_PARTITION: (FailureKind.UNREACHABLE, _MOVED),
    _K.FENCED_LEADER_EPOCH: (FailureKind.UNREACHABLE, _MOVED),
    _K.UNKNOWN_LEADER_EPOCH: (FailureKind.UNREACHABLE, _MOVED),
    _K._SSL: (FailureKind.TLS, CHECK_TLS),
    _K._AUTHENTICATION: (FailureKind.AUTHENTICATION, CHECK_LOGIN),
    _K.SASL_AUTHENTICATION_FAILED: (FailureKind.AUTHENTICATION, CHECK_LOGIN),
    _K.UNSUPPORTED_SASL_MECHANISM: (FailureKind.AUTHENTICATION, CHECK_LOGIN),
    _K.TOPIC_AUTHORIZATION_FAILED: (FailureKind.AUTHORIZATION, _ASK_ACL),
    _K.GROUP_AUTHORIZATION_FAILED: (FailureKind.AUTHORIZATION, _ASK_ACL),
    _K.CLUSTER_AUTHORIZATION_FAILED: (FailureKind.AUTHORIZATION, _ASK_ACL),
    _K.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: (FailureKind.AUTHORIZATION, _ASK_ACL),
    _K.DELEGATION_TOKEN_AUTHORIZATION_FAILED: (FailureKind.AUTHORIZATION, _ASK_ACL),
    _K.UNKNOWN_TOPIC_OR_PART: (FailureKind.NOT_FOUND, _REFRESH),
    _K._UNKNOWN_TOPIC: (FailureKind.NOT_FOUND, _REFRESH),
    _K._NOENT: (FailureKind.NOT_FOUND, _REFRESH),
    _K._UNKNOWN_PARTITION: (FailureKind.NOT_FOUND, _REFRESH),
    _K.OFFSET_OUT_OF_RANGE: (FailureKind.NOT_FOUND, "Retention may have deleted the records."),
    _K._AUTO_OFFSET_RESET: (FailureKind.NOT_FOUND, "Retention may have deleted the records."),
    _K._BAD_COMPRESSION: (FailureKind.UNREADABLE, "The batch can't be decompressed; read on behind it."),
    _K._BAD_MSG: (FailureKind.UNREADABLE, "The batch is damaged; read on behind it."),
    _K.INVALID_MSG: (FailureKind.UNREADABLE, "The batch is damaged; read on behind it."),
    _K.UNSUPPORTED_VERSION: (FailureKind.UNSUPPORTED, TOO_OLD),
    _K._UNSUPPORTED_FEATURE: (FailureKind.UNSUPPORTED, TOO_OLD),
    _K.TOPIC_EXCEPTION: (FailureKind.INVALID, "Check the name of the topic."),
    _K.INVALID_CONFIG: (FailureKind.INVALID, "Check the configuration value."),
    _K.TOPIC_ALREADY_EXISTS: (FailureKind.INVALID, "Choose another name, or open that topic."),
    _K.INVALID_PARTITIONS: (FailureKind.INVALID, "A topic has at least one partition, and never fewer than before."),
    _K.INVALID_REPLICATION_FACTOR: (
        FailureKind.INVALID,
        "A replication factor is from 1 to the number of brokers that are there.",
    ),
    _K.INVALID_REPLICA_ASSIGNMENT: (
        FailureKind.INVALID,
        "Name brokers of the cluster, each once a partition, and as many for every partition.",
    ),
    _K.INVALID_PRINCIPAL_TYPE: (FailureKind.INVALID, "Write the principal with its type, as in User:alice."),
    _K.UNACCEPTABLE_CREDENTIAL: (
        FailureKind.INVALID,
        "Give a user name, a password and from 4096 to 16384 iterations.",
    ),
    _K.DUPLICATE_RESOURCE: (FailureKind.INVALID, "Name each once."),
    _K.RESOURCE_NOT_FOUND: (FailureKind.NOT_FOUND, _REFRESH),
    _K.UNKNOWN_TOPIC_ID: (FailureKind.NOT_FOUND, _REFRESH),
    _K.NO_REASSIGNMENT_IN_PROGRESS: (FailureKind.NOT_FOUND, "It may have ended. Refresh."),
    _K.REASSIGNMENT_IN_PROGRESS: (FailureKind.REFUSED, "Wait for the reassignment that is under way, or cancel it."),
    _K.TOPIC_DELETION_DISABLED: (FailureKind.REFUSED, "The brokers are set to delete.topic.enable=false."),
    _K.THROTTLING_QUOTA_EXCEEDED: (
        FailureKind.REFUSED,
        "The quota controller_mutation_rate limits how fast partitions are made and deleted; try again later.",
    ),
    _K.SECURITY_DISABLED: (
        FailureKind.UNSUPPORTED,
        "The brokers have no authorizer, so there are no ACLs; it is set by authorizer.class.name.",
    ),
    _K.NOT_ENOUGH_REPLICAS: (FailureKind.REFUSED, _MIN_ISR),
    _K.NOT_ENOUGH_REPLICAS_AFTER_APPEND: (FailureKind.REFUSED, _MIN_ISR),
    _K.NOT_CONTROLLER: (FailureKind.UNREACHABLE, "The controller has just moved; try again."),
    _K.PREFERRED_LEADER_NOT_AVAILABLE: (
        FailureKind.UNREACHABLE,
        "The first broker of the partition's replicas is down or not in sync; wait until it has caught up.",
    ),
    _K.ELIGIBLE_LEADERS_NOT_AVAILABLE: (
        FailureKind.UNREACHABLE,
        "None of its in-sync replicas is there; start one of their brokers.",
    ),
    _K.KAFKA_STORAGE_ERROR: (FailureKind.BROKER, "A disk of the broker failed; its log says which."),
    _K.LOG_DIR_NOT_FOUND: (FailureKind.NOT_FOUND, "The broker has no such log directory."),
    _K.INVALID_REQUEST: (FailureKind.INVALID, ""),
    _K._INVALID_ARG: (FailureKind.INVALID, ""),
    _K.POLICY_VIOLATION: (FailureKind.REFUSED, "A policy of the cluster forbids it."),
}

TRANSIENT = frozenset(
    {
        _K._TRANSPORT,
        _K._ALL_BROKERS_DOWN,
        _K._RESOLVE,
        _K._TIMED_OUT,
        _K._TIMED_OUT_QUEUE,
        _K._WAIT_COORD,
        _K._WAIT_CACHE,
        _K.REQUEST_TIMED_OUT,
        _K.BROKER_NOT_AVAILABLE,
        _K.LEADER_NOT_AVAILABLE,
        _K.NOT_LEADER_FOR_PARTITION,
        _K.FENCED_LEADER_EPOCH,
        _K.UNKNOWN_LEADER_EPOCH,
        _K.OFFSET_NOT_AVAILABLE,
        _K.NETWORK_EXCEPTION,
    }
)
"""Codes after which the client goes on by itself."""


def failure_of(error: object, what: str) -> Failure:
    """`error` is a KafkaError, a KafkaException or whatever else the client raised; `what` names the operation."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, KafkaException) and error.args and isinstance(error.args[0], KafkaError):
        error = error.args[0]
    if isinstance(error, KafkaError):
        kind, hint = _KINDS.get(error.code(), (FailureKind.BROKER, ""))
        return Failure(kind, f"{what}: {error.str().rstrip('.')} ({error.name()}).", hint)
    if isinstance(error, ValueError | TypeError):
        return Failure(FailureKind.INVALID, f"{what}: {error}.", "Check the input.")
    return Failure(FailureKind.BROKER, f"{what}: {error}.")
