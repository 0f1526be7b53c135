"""A producer and what came back from it, in a thread of its own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from kexplorer.formats.outgoing import Base64, LineReader, Row
from kexplorer.kafka import checks
from kexplorer.kafka.batch_counter import BatchCounter
from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.undelivered import fenced, is_fatal, why_undelivered
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import Deliveries, Outgoing

_SLICE = 1000  # records queued in one go, so that deliveries are taken in between
_ROOM = 0.01  # seconds in which a full queue gets room for many
_WAIT = 0.1  # seconds that a full queue is waited for at once
CALL = 15.0  # seconds for a call that asks the broker
_HURRY = 1.0  # seconds for the first metadata
LEAVE = 5.0  # seconds to abort what is open when the writer is left
_KNOWN_NAMES = 1000  # of headers that were found to be good
_BATCH = 1_000_000  # bytes, librdkafka's default


class TopicLimits(NamedTuple):
    """What a record must keep to: partitions of the topic, and the most bytes that it takes for a batch (its
    max.message.bytes), None where that is not told. `too_few`: partitions that have fewer in-sync replicas, so many,
    than their `min_in_sync` (its min.insync.replicas)."""

    partitions: int
    max_bytes: int | None
    min_in_sync: int = 1
    too_few: tuple[tuple[int, int], ...] = ()


class Sending:
    """Owns one Producer and what came back from it. All calls are made in the writer's thread; the counts may be read
    in any."""

    def __init__(self, config: dict[str, Any], why_silent: Callable[[], str]) -> None:
        self._config = config
        self._why_silent = why_silent
        self._producer: Producer | None = None
        self._transactional = "transactional.id" in config
        self._quiet = "delivery.report.only.error" in config
        self._begun = self._open = False  # a transaction: here, and at the broker
        self._failed_in_transaction: Failure | None = None
        self._fatal: Failure | None = None
        self._news = Deliveries()
        self._names: set[str] = set()
        self._shared: dict[int, tuple[object, list[tuple[str, bytes | None]]]] = {}  # headers of many records, by id
        self._explained: dict[tuple[int, str, int], Failure] = {}
        self.limits: dict[str, TopicLimits | Failure] = {}
        self.timed_out: dict[Failure, tuple[str, int]] = {}  # topic and partition of what got no answer in time
        self.counter: BatchCounter | None = None  # of batches, where that is wanted
        self.taken = 0
        self._told = 0  # deliveries that were taken by `take_news`

    @property
    def undelivered(self) -> int:
        """With delivery.report.only.error to be asked in the writer's thread only, and only failures are news."""
        if self._quiet:
            return 0 if self._producer is None else len(self._producer)
        return self.taken - self._told - len(self._news)

    def produce(self, records: Sequence[Outgoing], start: int) -> int:
        """Queues records from `start`, some of them. Returns where it stopped."""
        queue: Any = self._ready().produce
        limits, report, number = self.limits, self._delivered, self.taken
        shared = self._shared.get
        at = start
        for record in islice(records, start, start + _SLICE):
            topic, key, value, headers, partition, timestamp = record
            try:
                if limits[topic].__class__ is not TopicLimits or partition is not None or timestamp == 0:
                    _check(record, limits[topic])
                queue(
                    topic,
                    value,
                    key,
                    -1 if partition is None else partition,
                    partial(report, number),
                    None,
                    timestamp or 0,  # the client's way to say: now
                    (found[1] if (found := shared(id(headers))) else self._checked(headers)) if headers else None,
                )
            except BufferError:
                if self.counter:
                    self.counter.queue_full += 1
                time.sleep(_ROOM)  # else each few that are delivered would be waited for on their own
                self._poll(0 if self._quiet else _WAIT)  # which waits for one that is told of
                break
            except Failure as failure:
                self._fail(failure)
            except KafkaException as error:
                self._fail(self._explain(error.args[0], record))
            except (ValueError, TypeError, OverflowError) as error:
                self._fail(Failure(FailureKind.INVALID, f"The record cannot be sent: {error}.", "Correct it."))
            number += 1
            at += 1
            self.taken = number
        self._poll(0)
        return at

    def produce_rows(self, rows: Sequence[Row], start: int, reader: LineReader) -> int:
        """As `produce`, in three quarters of its time. A row that is unusual is left to that."""
        queue: Any = self._ready().produce
        report, shared, first = self._delivered, self._shared.get, self.taken
        topic, keep, number = reader.topic, reader.keep_partition, first
        for row in islice(rows, start, start + _SLICE):
            key, value, timestamp = row.key, row.value, row.timestamp
            headers: Any = row.headers
            if timestamp == 0 or (keep and row.partition is not None):
                break
            try:
                queue(
                    topic,
                    value.base64 if value.__class__ is Base64 else value,
                    key.base64 if key.__class__ is Base64 else key,
                    -1,
                    partial(report, number),
                    None,
                    timestamp or 0,
                    (found[1] if (found := shared(id(headers))) else self._checked(headers)) if headers else None,
                )
            except (BufferError, KafkaException, Failure, ValueError, TypeError, OverflowError):
                break
            number += 1
        self.taken, at = number, start + number - first
        if at < min(start + _SLICE, len(rows)):
            return at + self.produce([reader.outgoing(rows[at])], 0)
        self._poll(0)
        return at

    def take_news(self) -> Deliveries:
        self._poll(0)
        news, self._news = self._news, Deliveries()
        self._told += len(news)  # behind the other: what looks from another thread never sees too few undelivered
        return news

    def wait(self) -> None:
        if self._producer is None or self._fatal:
            self._poll(_WAIT)
        else:
            self._producer.flush(_WAIT)  # does not wait for linger.ms, as poll() would

    def serve_callbacks(self) -> None:
        self._poll(0)

    def begin(self) -> None:
        if self._fatal:
            raise self._fatal
        if not self._transactional:
            raise Failure(FailureKind.INVALID, "The writer has no transactional id.", "Give one in its settings.")
        if self._begun:
            raise Failure(FailureKind.INVALID, "A transaction is open already.", "Commit or abort it.")
        self._begun, self._failed_in_transaction = True, None

    def commit(self, within: float) -> None:
        """Only when nothing is undelivered any more."""
        if not self._begun:
            raise Failure(FailureKind.INVALID, "There is no transaction to commit.", "Begin one.")
        if self._fatal:
            raise self._fatal
        if failed := self._failed_in_transaction:
            self.abort(LEAVE)
            text = f"Not committed, the transaction was aborted: {failed.message}"
            raise Failure(failed.kind, text, failed.hint)
        if self._open and self._producer is not None:
            self._finish(self._producer, within)
        self._begun = self._open = False

    def abort(self, within: float) -> None:
        if self._open and self._producer is not None and not self._fatal:
            try:
                self._retried(self._producer.abort_transaction, within)
            except KafkaException as error:
                raise self._note_fatal(error, "Abort") from error
            finally:
                self._poll(0)  # what was on its way is told of as dropped
        self._begun = self._open = False

    def close(self) -> None:
        producer = self._producer
        if producer is None:
            return
        with contextlib.suppress(Failure, KafkaException):
            self.abort(LEAVE)
        producer.purge()  # else closing waits for what cannot be delivered, for as long as message.timeout.ms
        self._poll(0)
        # its close() would abort again, for as long as that takes; dropped by its only owner it ends here and now
        del producer
        self._producer = None

    def _poll(self, seconds: float) -> None:
        """Deliveries are told of in here."""
        if self._producer is None:
            return
        try:
            self._producer.poll(seconds)
        except KafkaException as error:
            self._note_fatal(error, "Sending")

    def _checked(self, headers: Any) -> list[tuple[str, bytes | None]]:
        """The client crashes on some names, and ends a value that is a text at a NUL. A tuple is remembered: records
        that were read together share it."""
        if not self._names.issuperset([name for name, _ in headers]):
            if len(self._names) >= _KNOWN_NAMES:
                self._names.clear()
            self._names.update([checks.text(name, "The header's name") for name, _ in headers])
        checked = [(name, value.encode() if value.__class__ is str else value) for name, value in headers]
        if headers.__class__ is tuple:
            if len(self._shared) >= _KNOWN_NAMES:
                self._shared.clear()
            self._shared[id(headers)] = headers, checked  # which keeps it, so that nothing else gets its id
        return checked

    def _delivered(self, number: int, error: KafkaError | None, message: Any) -> None:
        """A third of the time of sending is spent in here."""
        partition, latency = message.partition(), message.latency() or 0.0
        if error is not None:
            self._fail(self._explain(error, message), number, -1 if partition is None else partition, latency)
            return
        offset, news = message.offset(), self._news
        news.numbers.append(number)
        news.partitions.append(partition)
        news.offsets.append(-1 if offset is None else offset)
        news.latencies.append(latency * 1000)

    def _fail(self, failure: Failure, number: int | None = None, partition: int = -1, latency: float = 0.0) -> None:
        self._news.add_failure(self.taken if number is None else number, failure, partition, latency * 1000)
        if self._begun and not self._failed_in_transaction:
            self._failed_in_transaction = failure

    def _explain(self, error: KafkaError, of: Outgoing | Message) -> Failure:
        """One object for all records that fail alike."""
        topic, partition = (of.topic, of.partition) if isinstance(of, Outgoing) else (of.topic(), of.partition())
        key = (error.code(), topic or "", -1 if partition is None else partition)
        if (found := self._explained.get(key)) is None:
            limits = self.limits.get(topic or "")
            max_bytes = limits.max_bytes if isinstance(limits, TopicLimits) else None
            where = topic or "" if partition is None or partition < 0 else f"{topic}, partition {partition}"
            found = why_undelivered(error, where, self._config, max_bytes, self._why_silent())
            self._explained[key] = found
            if error.code() == KafkaError._MSG_TIMED_OUT:
                self.timed_out[found] = key[1:]
        return found

    def _ready(self) -> Producer:
        """The producer, and its transaction at the broker if there is one."""
        if self._fatal:
            raise self._fatal
        if self._transactional and not self._begun:
            raise Failure(FailureKind.INVALID, "No transaction was begun.", "Begin one before sending.")
        if self._producer is None:
            self._producer = self._make()
        if self._transactional and not self._open:
            try:
                self._producer.begin_transaction()
            except KafkaException as error:
                raise self._note_fatal(error, "Begin a transaction") from error
            self._open = True
        return self._producer

    def _make(self) -> Producer:
        """A batch must not be larger than the smallest topic allows: brokers then refuse all of it."""
        known = [each.max_bytes for each in self.limits.values() if isinstance(each, TopicLimits) and each.max_bytes]
        batch = int(self._config.get("batch.size", _BATCH))
        config = {**self._config, "batch.size": min([batch, *known])}
        if self.counter:
            config |= self.counter.configure(config)
        producer: Producer = Producer(config)
        if not self._transactional:
            self._hurry(producer)
        else:
            try:
                self._retried(producer.init_transactions, CALL)
            except KafkaException as error:
                raise self._note_fatal(error, "Taking over the transactional id") from error
        return producer

    def _hurry(self, producer: Producer) -> None:
        """An idempotent producer looks for a broker that gives it an id as soon as it is made, when none is connected
        yet, and again half a second later; but also with each metadata."""
        topic = next((name for name, each in self.limits.items() if isinstance(each, TopicLimits)), None)
        if topic and str(self._config.get("enable.idempotence", "")).lower() == "true":
            with contextlib.suppress(KafkaException):  # whatever it is, the records are told of it
                producer.list_topics(topic, timeout=_HURRY)

    def _finish(self, producer: Producer, within: float) -> None:
        try:
            self._retried(producer.commit_transaction, within)
        except KafkaException as error:
            cause = self._note_fatal(error, "Commit")
            if not error.args[0].txn_requires_abort():
                raise cause from error
            self.abort(LEAVE)
            text = f"{cause.message} The transaction was aborted."
            raise Failure(cause.kind, text, cause.hint) from error

    def _retried(self, call: Callable[[float], None], within: float) -> None:
        """Calls that say "try again" are made again: they go on where they were."""
        until = time.monotonic() + within
        while True:
            try:
                return call(max(until - time.monotonic(), 0.1))
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() >= until:
                    raise

    def _note_fatal(self, error: KafkaException, what: str) -> Failure:
        why: KafkaError = error.args[0]
        failure = fenced(why, str(self._config.get("transactional.id", ""))) or failure_of(why, what)
        if is_fatal(why):
            self._fatal = failure
        return failure


def _check(record: Outgoing, limits: TopicLimits | Failure) -> None:
    """Raises `Failure` for what the client would take for something else, or try for long."""
    if isinstance(limits, Failure):
        raise limits
    number = record.partition
    if number is not None and not 0 <= number < limits.partitions:
        text = f"{record.topic} has no partition {number}."
        raise Failure(FailureKind.NOT_FOUND, text, f"It has {limits.partitions}, from 0 to {limits.partitions - 1}.")
    if record.timestamp == 0:
        raise Failure(
            FailureKind.INVALID,
            "The timestamp 0 (1970-01-01) cannot be sent: the client takes it for the present time.",
            "Give another time, or none.",
        )
