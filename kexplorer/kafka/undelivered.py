"""Why a record was not delivered, in words that name the limit, the setting or the cause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError

from kexplorer.kafka.failures import failure_of
from kexplorer.model.failure import Failure, FailureKind

_K = KafkaError
_FENCED = frozenset({_K._FENCED, _K.INVALID_PRODUCER_EPOCH, _K.PRODUCER_FENCED})
_TOO_LARGE = frozenset({_K.MSG_SIZE_TOO_LARGE, _K.RECORD_LIST_TOO_LARGE, _K.INVALID_MSG_SIZE})
_FEW_REPLICAS = (
    FailureKind.REFUSED,
    "{where} has fewer in-sync replicas than min.insync.replicas asks for.",
    "A broker is down or behind; see the topic's partitions.",
)
_TEXTS = {
    _K._MSG_TIMED_OUT: (
        FailureKind.TIMEOUT,
        "{where}: not acknowledged within {within} s{reason}.",
        "Check its leader and its in-sync replicas. The record may have been written: look at the end of the topic.",
    ),
    _K.NOT_ENOUGH_REPLICAS: _FEW_REPLICAS,
    _K.NOT_ENOUGH_REPLICAS_AFTER_APPEND: _FEW_REPLICAS,
    _K.TOPIC_AUTHORIZATION_FAILED: (
        FailureKind.AUTHORIZATION,
        "You may not write to {where}.",
        "Ask whoever runs the cluster for the permission Write on the topic.",
    ),
    _K.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: (
        FailureKind.AUTHORIZATION,
        "You may not use the transactional id “{id}”.",
        "Ask whoever runs the cluster for the permission Write on that transactional id.",
    ),
    _K._PURGE_QUEUE: (FailureKind.REFUSED, "{where}: dropped before it was sent.", ""),
    _K._PURGE_INFLIGHT: (
        FailureKind.REFUSED,
        "{where}: dropped while it was on its way.",
        "It may have been written: look at the end of the topic.",
    ),
    _K.INVALID_RECORD: (
        FailureKind.INVALID,
        "{where}: the broker refuses the record ({broker}).",
        "A compacted topic takes no record without a key.",
    ),
}


def is_fatal(error: KafkaError) -> bool:
    """The producer that met it can do nothing any more."""
    return bool(error.fatal()) or error.code() in _FENCED


def fenced(error: KafkaError, transactional_id: str) -> Failure | None:
    """None unless another producer took the transactional id over, or the broker ended the transaction."""
    if error.code() not in _FENCED:
        return None
    return Failure(
        FailureKind.REFUSED,
        f"This producer was fenced: another one has taken the transactional id “{transactional_id}” over, or the "
        f"transaction was open for longer than transaction.timeout.ms and the broker aborted it ({error.name()}).",
        "Nothing of it was committed. Begin again, with an id that nobody else uses.",
    )


def too_few_replicas(where: str, in_sync: int, wanted: int) -> Failure:
    """The broker refuses such a record, and the client tries it again until its time is over."""
    text = f"{where}: refused, because {in_sync} of its replicas {'is' if in_sync == 1 else 'are'} in sync"
    return Failure(
        FailureKind.REFUSED,
        f"{text} and min.insync.replicas asks for {wanted}.",
        "A broker is down or behind, or the topic has too few replicas; see its partitions. With acks=1 it would go.",
    )


def why_undelivered(
    error: KafkaError, where: str, config: Mapping[str, Any], max_bytes: int | None, link_reason: str
) -> Failure:
    """`where` is a topic or "TOPIC, partition N". `config` is the producer's; `max_bytes` the topic's max.message.bytes
    if that is known; `link_reason` what the connection last complained of."""
    code, own_id = error.code(), str(config.get("transactional.id", ""))
    if found := fenced(error, own_id):
        return found
    if code in _TOO_LARGE:
        return _too_large(where, config, max_bytes)
    if code not in _TEXTS:
        return failure_of(error, where)
    kind, text, hint = _TEXTS[code]
    values = {
        "where": where,
        "id": own_id,
        "within": f"{int(config.get('message.timeout.ms', 300_000)) / 1000:g}",
        "reason": f" ({link_reason})" if link_reason else "",
        "broker": error.str(),
    }
    return Failure(kind, text.format_map(values), hint)


def _too_large(where: str, config: Mapping[str, Any], max_bytes: int | None) -> Failure:
    own = int(config.get("message.max.bytes", 1_000_000))
    if max_bytes is None or own < max_bytes:
        limit = f"message.max.bytes of this producer is {own:,}" if max_bytes else "the topic's max.message.bytes"
    else:
        limit = f"the topic's max.message.bytes is {max_bytes:,}"
    return Failure(
        FailureKind.INVALID,
        f"{where}: the record is too large ({limit} bytes, with its framing).",
        "Make it smaller, choose a compression, or raise the limit.",
    )
