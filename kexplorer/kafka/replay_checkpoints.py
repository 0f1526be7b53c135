"""Where a replay keeps how far it is: what is committed is in the same transaction as the records, or behind them where
there is none."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer
from confluent_kafka import TopicPartition as ClientPartition

from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.reading import Client, Reading
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.replay import CHECKPOINTS, Checkpoint, Counts, Journal, Reached
from kexplorer.model.topics import IsolationLevel, OffsetRange, TopicPartition

_CALL = 10.0  # seconds
_STUCK = 20.0  # a call of that limit that lasts so long never ends
_PATIENCE = 60.0  # until a coordinator that moves, or a transaction that ends, must have come to rest
_PAUSE = 0.2
_AGAIN = "KEXPLORER_REPLAY_AGAIN"  # in the environment of a process that begins again


class Progress(Protocol):
    def load(self) -> Checkpoint:
        """Only when the producer has taken the transactional id over. Nothing where nothing was committed."""
        ...

    def attach(self, producer: Producer, changed: Checkpoint, whole: Checkpoint) -> None:
        """Adds it to the transaction; without one, keeps it: its records were acknowledged. `changed` are those
        partitions of `whole` that differ from what was attached last."""
        ...


class GroupProgress:
    """Offsets of a group that nobody joins, on the cluster of both topics. What they stand for is their metadata."""

    def __init__(self, client: Client, sources: Sequence[TopicPartition]) -> None:
        self._client = client
        self._sources = sources

    def load(self) -> Checkpoint:
        """As a reader of committed records alone, to which brokers tell no offset whose transaction has not ended."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                asked = [ClientPartition(*source) for source in self._sources]
                found = self._client.consumer().committed(asked, timeout=_CALL)
                errors = [each.error for each in found if each.error]
                if not errors:
                    return {TopicPartition(f.topic, f.partition): _reached(f) for f in found if f.offset >= 0}
                error = KafkaException(errors[0])
            except KafkaException as raised:
                error = raised
            if error.args[0].code() not in MOVING or time.monotonic() > until:
                raise failure_of(error, "Reading the progress") from error
            time.sleep(_PAUSE)

    def attach(self, producer: Producer, changed: Checkpoint, whole: Checkpoint) -> None:
        """All of it each time: brokers forget each offset of such a group when it has not been committed for long, and
        one that is missing among others must mean that it was lost."""
        offsets = [
            ClientPartition(*source, reached.position, json.dumps(reached.counts, separators=(",", ":")))
            for source, reached in whole.items()
        ]
        send_offsets(producer, offsets, self._client.consumer().consumer_group_metadata())


def send_offsets(producer: Producer, offsets: list[ClientPartition], metadata: Any) -> None:
    """Adds a group's offsets to the transaction; `metadata` is the group's. Raises as the client does.

    WORKAROUND: the client ignores this call's time limit, and may never come back from it.
    https://github.com/confluentinc/librdkafka/issues/5456
    """
    watch = threading.Timer(_STUCK, begin_again)
    watch.daemon = True
    watch.start()
    try:
        producer.send_offsets_to_transaction(offsets, metadata, _CALL)
    finally:
        watch.cancel()


def begin_again() -> None:
    """This process from its start: it ends the transaction, and goes on behind the last one that was committed, at the
    pace that it was told."""
    with contextlib.suppress(OSError):  # who has read that may be gone
        print("kexplorer: the Kafka client is stuck in a call; the replay begins again.", file=sys.stderr)  # noqa: T201
        sys.stderr.flush()
        sys.stdout.flush()
    environment = os.environ | {_AGAIN: "yes"}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606  (our own command line)


def was_begun_again() -> bool:
    """Whether this process is one that `begin_again` has made: nobody has started it anew."""
    return _AGAIN in os.environ


MOVING = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.UNSTABLE_OFFSET_COMMIT,
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError._WAIT_COORD,
)
"""Codes of a coordinator that moves, or of a transaction that ends: the same call succeeds later."""

_NO_TOPIC = (KafkaError._UNKNOWN_PARTITION, KafkaError._UNKNOWN_TOPIC, KafkaError.UNKNOWN_TOPIC_OR_PART)


def _reached(found: Any) -> Reached:
    try:
        counts = Counts(*map(int, json.loads(found.metadata)))
    except (TypeError, ValueError):
        where = f"{found.topic}, partition {found.partition}"
        text = f"The progress of {where} was not written by a replay: “{str(found.metadata)[:80]}”."
        raise Failure(FailureKind.REFUSED, text, "Somebody has set the group's offset. Use another job name.") from None
    return Reached(found.offset, counts)


class Checkpoints:
    """A compacted topic of the target. `client` reads committed records of that cluster."""

    def __init__(self, client: Client, why_silent: Callable[[], str]) -> None:
        self._client = client
        self._why_silent = why_silent

    def newest(self, prefix: bytes) -> dict[bytes, bytes]:
        """The newest value of each key that begins so; nothing where there is no such topic."""
        where = ClientPartition(CHECKPOINTS, 0)
        try:
            start, end = self._settled(where)
        except KafkaException as error:
            if error.args[0].code() in _NO_TOPIC:
                return {}
            raise failure_of(error, f"Reading the progress in {CHECKPOINTS}") from error
        newest: dict[bytes, bytes] = {}

        def keep(_source: TopicPartition, messages: list[Message]) -> None:
            for message in messages:
                key, value = message.key() or b"", message.value()
                if key.startswith(prefix) and value is not None:
                    newest[key] = value

        ranges = [OffsetRange(TopicPartition(CHECKPOINTS, 0), start, end)]
        reading = Reading(self._client, ranges, self._why_silent, keep)
        reading.begin()
        while reading.open:
            if troubles := [each for each in reading.pull() if each.failure.kind is not FailureKind.NOT_FOUND]:
                raise troubles[0].failure  # compaction may overtake us, which is no trouble
        reading.end()
        return newest

    def _settled(self, where: ClientPartition) -> tuple[int, int]:
        """First offset and end, once no other job's open transaction hides our newest record."""
        everything = Consumer({**self._client.config, "isolation.level": IsolationLevel.READ_UNCOMMITTED.value})
        try:
            _, high = everything.get_watermark_offsets(where, timeout=_CALL)
        finally:
            everything.close()
        until = time.monotonic() + _PATIENCE
        while True:
            start, end = self._client.consumer().get_watermark_offsets(where, timeout=_CALL)
            if end >= high:
                return start, end
            if time.monotonic() > until:
                text = f"The transaction of another replay holds readers of {CHECKPOINTS}."
                raise Failure(FailureKind.TIMEOUT, text, "End that one, or start this one again later.")
            time.sleep(_PAUSE)


class TopicProgress:
    """A record a job among the checkpoints, for clusters that share nothing else. KIP-618 has the idea."""

    def __init__(self, checkpoints: Checkpoints, job: str) -> None:
        self._checkpoints = checkpoints
        self._job = job.encode()

    def load(self) -> Checkpoint:
        newest = self._checkpoints.newest(self._job).get(self._job)
        return {} if newest is None else _parsed(newest)

    def attach(self, producer: Producer, changed: Checkpoint, whole: Checkpoint) -> None:
        rows = [[*source, each.position, *each.counts] for source, each in whole.items()]
        producer.produce(CHECKPOINTS, json.dumps(rows, separators=(",", ":")).encode(), self._job, 0)


def _parsed(value: bytes) -> Checkpoint:
    try:
        rows = json.loads(value)
        return {TopicPartition(t, p): Reached(at, Counts(*counts)) for t, p, at, *counts in rows}
    except (TypeError, ValueError) as error:
        text = f"The progress in {CHECKPOINTS} cannot be understood: {error}."
        raise Failure(FailureKind.INVALID, text, "Use another job name.") from None


class FileProgress:
    """On this machine, behind the records: at least once."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def load(self) -> Checkpoint:
        return self._journal.saved()

    def attach(self, producer: Producer, changed: Checkpoint, whole: Checkpoint) -> None:
        self._journal.save(whole)
