"""The client library's errors in our words: what failed, why, and what to try."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException

from kexplorer.model.failure import Failure, FailureKind

_K = KafkaError
_CHECK_NETWORK = (
    "Check the bootstrap address, the network and whether the brokers run; 'Test connection' names the step."
)
CHECK_LOGIN = "Check the user name, the password and the SASL mechanism of the profile."
_CHECK_TLS = "Check the CA file, the host name in the broker's certificate and the security protocol."
_ASK_ACL = "Ask whoever runs the cluster for the permission."
_REFRESH = "Refresh: it may have been deleted or renamed."

_KINDS: dict[int, tuple[FailureKind, str]] = {
    _K._TRANSPORT: (FailureKind.UNREACHABLE, _CHECK_NETWORK),
    _K._ALL_BROKERS_DOWN: (FailureKind.UNREACHABLE, _CHECK_NETWORK),
    _K._RESOLVE: (FailureKind.UNREACHABLE, _CHECK_NETWORK),
    _K.BROKER_NOT_AVAILABLE: (FailureKind.UNREACHABLE, _CHECK_NETWORK),
    _K._TIMED_OUT: (FailureKind.TIMEOUT, _CHECK_NETWORK),
    _K._TIMED_OUT_QUEUE: (FailureKind.TIMEOUT, _CHECK_NETWORK),
    _K.REQUEST_TIMED_OUT: (FailureKind.TIMEOUT, "The broker did not finish in time; try again."),
    _K.LEADER_NOT_AVAILABLE: (FailureKind.UNREACHABLE, "The partition has no leader; its broker may be down."),
    _K.NOT_LEADER_FOR_PARTITION: (FailureKind.UNREACHABLE, "Its leader has just moved; try again."),
    _K.FENCED_LEADER_EPOCH: (FailureKind.UNREACHABLE, "Its leader has just moved; try again."),
    _K.UNKNOWN_LEADER_EPOCH: (FailureKind.UNREACHABLE, "Its leader has just moved; try again."),
    _K._SSL: (FailureKind.TLS, _CHECK_TLS),
    _K._AUTHENTICATION: (FailureKind.AUTHENTICATION, CHECK_LOGIN),
    _K.SASL_AUTHENTICATION_FAILED: (FailureKind.AUTHENTICATION, CHECK_LOGIN),
    _K.UNSUPPORTED_SASL_MECHANISM: (FailureKind.AUTHENTICATION, CHECK_LOGIN),
    _K.TOPIC_AUTHORIZATION_FAILED: (FailureKind.AUTHORIZATION, _ASK_ACL),
    _K.GROUP_AUTHORIZATION_FAILED: (FailureKind.AUTHORIZATION, _ASK_ACL),
    _K.CLUSTER_AUTHORIZATION_FAILED: (FailureKind.AUTHORIZATION, _ASK_ACL),
    _K.UNKNOWN_TOPIC_OR_PART: (FailureKind.NOT_FOUND, _REFRESH),
    _K._UNKNOWN_TOPIC: (FailureKind.NOT_FOUND, _REFRESH),
    _K._NOENT: (FailureKind.NOT_FOUND, _REFRESH),
    _K._UNKNOWN_PARTITION: (FailureKind.NOT_FOUND, _REFRESH),
    _K.OFFSET_OUT_OF_RANGE: (FailureKind.NOT_FOUND, "Retention may have deleted the records."),
    _K._AUTO_OFFSET_RESET: (FailureKind.NOT_FOUND, "Retention may have deleted the records."),
    _K._BAD_COMPRESSION: (FailureKind.UNREADABLE, "The batch can't be decompressed; read on behind it."),
    _K._BAD_MSG: (FailureKind.UNREADABLE, "The batch is damaged; read on behind it."),
    _K.INVALID_MSG: (FailureKind.UNREADABLE, "The batch is damaged; read on behind it."),
    _K.UNSUPPORTED_VERSION: (FailureKind.UNSUPPORTED, "This broker is too old for it."),
    _K._UNSUPPORTED_FEATURE: (FailureKind.UNSUPPORTED, "This broker is too old for it."),
    _K.TOPIC_EXCEPTION: (FailureKind.INVALID, "Check the name of the topic."),
    _K.INVALID_CONFIG: (FailureKind.INVALID, "Check the configuration value."),
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
        return Failure(kind, f"{what}: {error.str()} ({error.name()}).", hint)
    if isinstance(error, ValueError | TypeError):
        return Failure(FailureKind.INVALID, f"{what}: {error}.", "Check the input.")
    return Failure(FailureKind.BROKER, f"{what}: {error}.")
