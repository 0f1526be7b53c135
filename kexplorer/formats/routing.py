"""The partition of a record by an expression over its key, value and headers."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from kexplorer.formats.column import UNREAD, compile_column
from kexplorer.formats.payloads import MISSING
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import Outgoing, payload_size
from kexplorer.model.records import Header, Peek, Record, TimestampType
from kexplorer.model.topics import TopicPartition

_MOST = 1 << 31  # Kafka numbers partitions in 32 bits


def compile_route(expression: str, now: int | None = None) -> Callable[[Outgoing], int | None]:
    """A number is the partition, true is partition 0; false, null and a missing field leave it to the partitioner.
    `now` (milliseconds since 1970) is what ago() counts from. What is returned raises `Failure`(INVALID) for a record
    of which the expression makes anything else; this raises it for an expression that is none."""
    at = time.time_ns() // 1_000_000 if now is None else now
    reading = compile_column(expression, at)

    def route(outgoing: Outgoing) -> int | None:
        found: Any = reading.value_of(Peek(_record(outgoing, at), payload_size(outgoing)))
        if found is None or found is False or found is MISSING:
            return None
        if found is True:
            return 0
        if found.__class__ in (int, Decimal) and 0 <= found < _MOST and found % 1 == 0:
            return int(found)
        what = "more than can be read" if found is UNREAD else f"“{found}”"
        text = f"The expression makes {what} of the record, which is no partition."
        raise Failure(FailureKind.INVALID, text, "Write one that makes a whole number, such as value.customer % 3.")

    return route


def _record(outgoing: Outgoing, now: int) -> Record:
    headers: tuple[Header, ...] = tuple((name, _bytes(value)) for name, value in outgoing.headers)
    timestamp = now if outgoing.timestamp is None else outgoing.timestamp
    source = TopicPartition(outgoing.topic, outgoing.partition or 0)
    key, value = _bytes(outgoing.key), _bytes(outgoing.value)
    return Record(source, 0, timestamp, TimestampType.CREATE_TIME, key, value, headers)


def _bytes(given: bytes | str | None) -> bytes | None:
    return given.encode() if isinstance(given, str) else given
