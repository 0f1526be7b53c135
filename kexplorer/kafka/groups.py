"""What consumer groups have committed, looked up without joining one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import confluent_kafka
from confluent_kafka import Consumer, KafkaError, KafkaException

from kexplorer.kafka import checks
from kexplorer.kafka.admin import REQUEST_TIMEOUT, check_source
from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.handle import HandleThread
from kexplorer.model.failure import Failure
from kexplorer.model.topics import TopicPartition

_GRACE = 2.0  # seconds more for the client to come and go
_PAUSE = 0.2  # seconds before the coordinator is asked again
_MOVING = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
)


async def committed(
    config: dict[str, Any], group: str, sources: Sequence[TopicPartition]
) -> dict[TopicPartition, int | Failure | None]:
    """`config` is that of a reader. None: nothing was committed, or it expired.

    WORKAROUND: a consumer of the group that never subscribes, and so is no member, rather than the AdminClient: its
    list_consumer_group_offsets() ends the process when the coordinator has moved, or is not there yet.
    https://github.com/confluentinc/librdkafka/issues/5040
    """
    checks.group_id(group)
    if group[0].isspace():
        raise checks.invalid("The group id starts with a blank, which the Kafka client cuts off.")
    for source in sources:
        check_source(source)
    if not sources:
        return {}
    what = f"Looking up what the group {group} has committed"
    thread = HandleThread("kafka-group")
    try:
        found = await thread.call(
            lambda: _ask({**config, "group.id": group}, sources), what=what, within=REQUEST_TIMEOUT + _GRACE
        )
    except (KafkaException, ValueError, TypeError) as error:
        raise failure_of(error, what) from error
    finally:
        thread.finish()
    return {TopicPartition(each.topic, each.partition): _offset(each, what) for each in found}


def _ask(config: dict[str, Any], sources: Sequence[TopicPartition]) -> list[Any]:
    consumer = Consumer(config)
    until = time.monotonic() + REQUEST_TIMEOUT
    try:
        while True:
            try:
                asked = [confluent_kafka.TopicPartition(*source) for source in sources]
                return list(consumer.committed(asked, timeout=max(until - time.monotonic(), 0.1)))
            except KafkaException as error:
                if error.args[0].code() not in _MOVING or time.monotonic() + _PAUSE > until:
                    raise
            time.sleep(_PAUSE)
    finally:
        consumer.close()


def _offset(found: Any, what: str) -> int | Failure | None:
    if found.error:
        return failure_of(found.error, what)
    return int(found.offset) if found.offset >= 0 else None
