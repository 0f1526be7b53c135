"""The writing end of a replay: some records and the progress that they stand for, in one transaction or not at all.

A transaction leaves by one of four exits: what may be tried again is, what must be aborted is aborted and told, what is
fatal ends the run, and so does everything that is none of these.
https://github.com/confluentinc/librdkafka/blob/master/INTRODUCTION.md#transactional-producer
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from kexplorer.kafka.failures import TRANSIENT, failure_of
from kexplorer.kafka.replay_records import Sendable
from kexplorer.kafka.undelivered import fenced, is_fatal, why_undelivered
from kexplorer.model.failure import Failure

_CALL = 10.0  # seconds of one call; one that may be tried again is
_COMMIT = 0.5  # seconds: it waits for all records, those of a transaction that is broken by now among them
_POLL = 0.05
_K = KafkaError
_TOO_LARGE = frozenset({_K.MSG_SIZE_TOO_LARGE, _K.RECORD_LIST_TOO_LARGE, _K.INVALID_MSG_SIZE})
_OF_RECORDS = _TOO_LARGE | {
    *(_K.INVALID_RECORD, _K.INVALID_TIMESTAMP, _K.INVALID_MSG, _K._UNKNOWN_PARTITION, _K.POLICY_VIOLATION)
}
"""Codes that some record is to blame for: another one may be written."""

_UNCLEAR = frozenset(
    {_K._STATE, _K._INCONSISTENT, _K.OUT_OF_ORDER_SEQUENCE_NUMBER, _K.UNKNOWN_PRODUCER_ID, _K.INVALID_TXN_STATE}
)
MOVED = frozenset({_K.ILLEGAL_GENERATION, _K.UNKNOWN_MEMBER_ID, _K.REBALANCE_IN_PROGRESS})
"""Codes by which a group refuses who is no member of its newest generation."""

_MAY_PASS = frozenset(
    {
        *(_K._MSG_TIMED_OUT, _K.NOT_ENOUGH_REPLICAS, _K.NOT_ENOUGH_REPLICAS_AFTER_APPEND, _K.NOT_COORDINATOR),
        *(_K.COORDINATOR_NOT_AVAILABLE, _K.COORDINATOR_LOAD_IN_PROGRESS, _K.CONCURRENT_TRANSACTIONS),
        *(_K.UNKNOWN_TOPIC_OR_PART, _K.KAFKA_STORAGE_ERROR, _K._TIMED_OUT),
    }
)
"""Codes after which the same may succeed later."""

Attach = Callable[[Producer], None]
"""Adds the progress to what is being written; it raises as the client does."""


class RecordRefusedError(Exception):
    """Nothing was written: the brokers or the client refuse a record, the one of number `row` if that is known;
    `too_large`: for its size."""

    def __init__(self, failure: Failure, row: int | None = None, *, too_large: bool = False) -> None:
        super().__init__(failure)
        self.failure = failure
        self.row = row
        self.too_large = too_large


class TryAgainError(Exception):
    """Nothing was committed; the same may be written again a little later. `unclear`: the transaction broke, and the
    client does not tell what broke it. It may have been a record: batches behind a refused one are refused as well."""

    def __init__(self, failure: Failure, *, unclear: bool = False) -> None:
        super().__init__(failure)
        self.failure = failure
        self.unclear = unclear


class MovedError(Exception):
    """Nothing was committed: the group that shares the work has given it out anew meanwhile."""


class Crash:
    """For tests: the process is killed when it comes to a point for the n-th time, as KEXPLORER_CRASH_AT=point:n says
    ("point" is the first time)."""

    def __init__(self, text: str = "") -> None:
        self._point, _, number = text.partition(":")
        self._left = int(number or 1)

    def at(self, point: str) -> None:
        if self._reached(point):
            _kill()

    def soon_after(self, point: str) -> Callable[[], None]:
        """The kill comes from another thread while this one goes on with a call. Returns what to do behind it."""
        if not self._reached(point):
            return lambda: None
        timer = threading.Timer(0.001, _kill)
        timer.start()
        return timer.join

    def _reached(self, point: str) -> bool:
        if point != self._point:
            return False
        self._left -= 1
        return self._left == 0


def _kill() -> None:
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


class Target:
    """Owns one Producer; without transactions (`config` has no transactional id) what was written may be written again
    behind a crash. Belongs to one thread. `patience`: seconds until a call that may be tried again is given up;
    `waiting` is told why meanwhile."""

    def __init__(
        self,
        config: dict[str, Any],
        crash: Crash,
        why_silent: Callable[[], str],
        patience: float = 300.0,
        waiting: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._config = {**config, "delivery.report.only.error": True, "on_delivery": self._not_delivered}
        self._crash = crash
        self._why_silent = why_silent
        self._patience = patience
        self._waiting = waiting
        self._transactional = "transactional.id" in config
        self._producer: Producer | None = None
        self._failed: tuple[KafkaError, str] | None = None  # the first of this write

    def start(self) -> None:
        """Takes the transactional id over: whoever had it is fenced, and what it left open is aborted. Only then may
        the progress be read: it does not change any more."""
        self._producer = Producer(self._config)
        if self._transactional:
            try:
                self._retried(self._producer.init_transactions)
            except KafkaException as error:
                raise self._fatal(error, "Taking over the transactional id") from error

    def write(self, sendable: Sequence[Sendable], attach: Attach) -> None:
        """All of it is written and committed when this returns."""
        producer = self._ready()
        self._failed = None
        try:
            if self._transactional:
                producer.begin_transaction()
            self._crash.at("begin")
            self._queue(producer, sendable)
            if not self._transactional:
                self._flush(producer)
            self._crash.at("after-produce")
            self._retried(lambda _: attach(producer))
            self._crash.at("after-send-offsets")
            if self._transactional:
                behind = self._crash.soon_after("during-commit")
                self._retried(producer.commit_transaction, _COMMIT)
                behind()
        except RecordRefusedError:
            self._abort(producer)
            raise
        except KafkaException as error:
            self._leave(producer, error)
        self._crash.at("after-commit")

    def poll(self) -> None:
        """Serves callbacks; what a broker says while nothing is written is not lost."""
        if self._producer is not None:
            try:
                self._producer.poll(0)
            except KafkaException as error:
                raise self._fatal(error, "Waiting") from error

    def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
            with contextlib.suppress(KafkaException):  # the one that ended it comes again
                producer.poll(0)

    def _ready(self) -> Producer:
        if self._producer is None:
            self.start()
        assert self._producer is not None  # noqa: S101  (for the type checker)
        return self._producer

    def _queue(self, producer: Producer, sendable: Sequence[Sendable]) -> None:
        queue: Any = producer.produce
        half = len(sendable) // 2
        at = 0
        for each in sendable:
            if at == half:
                self._crash.at("mid-produce")
            while True:
                try:
                    queue(*each)
                except BufferError:
                    producer.poll(_POLL)
                    continue
                except (KafkaException, ValueError, TypeError, OverflowError) as error:
                    raise self._not_taken(error, each[0], at) from error
                break
            at += 1
        producer.poll(0)

    def _not_taken(self, error: Exception, topic: str, row: int) -> Exception:
        """The client itself refuses a record: too large, or nothing that it could send."""
        if isinstance(error, KafkaException):
            if error.args[0].code() not in _OF_RECORDS:
                return error
            return RecordRefusedError(self._explain(error.args[0], topic), row)
        return RecordRefusedError(failure_of(error, topic), row)

    def _flush(self, producer: Producer) -> None:
        """Without a transaction: until every record was acknowledged."""
        while producer.flush(1.0) and self._failed is None:
            pass
        if self._failed is not None:
            raise KafkaException(self._failed[0])

    def _leave(self, producer: Producer, error: KafkaException) -> None:
        """The exits of a transaction that was not committed."""
        why: KafkaError = error.args[0]
        if self._transactional and (is_fatal(why) or not why.txn_requires_abort()):
            raise self._fatal(error, "Writing") from error
        if not self._transactional and is_fatal(why):
            self.close()  # another producer can go on: it has no order to keep with what this one sent
        elif self._transactional:
            self._abort(producer)
        cause, topic = self._failed or (why, "")
        failure = self._explain(cause, topic)
        if why.code() in MOVED:
            raise MovedError(failure) from error
        if cause.code() in _OF_RECORDS:
            self._drop_unsent()
            raise RecordRefusedError(failure, too_large=cause.code() in _TOO_LARGE) from error
        if cause.code() in _UNCLEAR:
            self._drop_unsent()
            raise TryAgainError(failure, unclear=True) from error
        if cause.code() in TRANSIENT or cause.code() in _MAY_PASS or cause.retriable():
            self._drop_unsent()
            raise TryAgainError(failure) from error
        raise failure from error

    def _drop_unsent(self) -> None:
        """Without a transaction, what is still queued must not come behind what is written again."""
        if not self._transactional:
            self.close()

    def _abort(self, producer: Producer) -> None:
        if not self._transactional:
            self.close()
            return
        try:
            self._retried(producer.abort_transaction)
        except KafkaException as error:
            raise self._fatal(error, "Abort") from error
        with contextlib.suppress(KafkaException):
            producer.poll(0)  # what was on its way is told of as dropped

    def _retried(self, call: Callable[[float], None], within: float = _CALL) -> None:
        """A call that says so goes on where it was: to abort a commit whose answer was lost might undo nothing."""
        until = time.monotonic() + self._patience
        while True:
            try:
                return call(within)
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > until:
                    raise
                if within > _COMMIT or self._why_silent():  # a commit of many records takes its time
                    self._waiting(f"The target does not answer: {self._why_silent() or error.args[0].str()}.")
                time.sleep(_POLL)

    def _fatal(self, error: KafkaException, what: str) -> Failure:
        why = self._first_fatal(error.args[0])
        own = str(self._config.get("transactional.id", ""))
        cause = self._failed[0] if self._failed and not is_fatal(why) else why
        return fenced(why, own) or failure_of(cause, what)

    def _first_fatal(self, why: KafkaError) -> KafkaError:
        """`produce` only says that something fatal came before it; a call that begins a transaction tells what."""
        if why.code() == _K._FATAL and self._producer is not None:
            try:
                self._producer.begin_transaction()
            except KafkaException as error:
                first: KafkaError = error.args[0]
                return first
        return why

    def _explain(self, error: KafkaError, where: str) -> Failure:
        return why_undelivered(error, where or "The target", self._config, None, self._why_silent())

    def _not_delivered(self, error: KafkaError, message: Message) -> None:
        """What is purged with an abort failed for the sake of another record."""
        if self._failed is None and error.code() not in (_K._PURGE_QUEUE, _K._PURGE_INFLIGHT):
            self._failed = (error, message.topic() or "")
