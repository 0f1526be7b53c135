"""A test consumer: a member of a group with a thread of its own, which tells what happens to it."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import confluent_kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from kexplorer.kafka import checks, properties
from kexplorer.kafka.failures import failure_of
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.topics import TopicPartition
from kexplorer.model.trial_consumer import (
    Commits,
    Event,
    Phase,
    Position,
    Told,
    Trial,
    TrialState,
    refuse_joining,
)

_MOST_TOLD = 2000
_POLL = 0.1  # seconds that a poll waits
_AT_ONCE = 200  # records of a poll where none is worked on
_BREATH = 0.005  # seconds after such a poll, for the other threads of the program
_COMMIT_EVERY, _POLLS_EVERY = 1.0, 10.0  # seconds
_LONGEST_DELAY = 3600.0  # seconds
_FETCH_WAIT_MS = 500
_MOST_NAMED = 8  # partitions in a sentence
_ENDS = {
    Phase.LEFT: "It left the group.",
    Phase.CRASHED: "It ended without leaving: the group notices at the session timeout.",
}
_TOLD_AS_ERRORS = ("FAIL", "FATAL", "MAXPOLL")  # what the client logs, and gives to its callbacks as well


def join(profile: Profile, credentials: Credentials, trial: Trial) -> TrialThread:
    """Begins to join at once. Raises `Failure` for a read-only profile and for what cannot be set; what goes wrong
    later is told."""
    refuse_joining(profile)
    return TrialThread(_config(profile, credentials, trial), trial)


def _config(profile: Profile, credentials: Credentials, trial: Trial) -> dict[str, Any]:
    if not trial.topics:
        raise checks.invalid("No topic is chosen.", "Choose what the consumer subscribes to.")
    for topic in trial.topics:
        checks.topic_name(topic)
    config = properties.reader_config(profile, credentials, fetch_wait_ms=_FETCH_WAIT_MS) | {
        "group.id": checks.group_id(trial.group),
        "client.id": checks.name(trial.client, "The client id"),
        "auto.offset.reset": "earliest" if trial.from_start else "latest",
        "enable.auto.commit": trial.commits is Commits.AUTO,
        "max.poll.interval.ms": _ms(trial.max_poll_interval),
        "queued.min.messages": _AT_ONCE,
    }
    if trial.instance:
        config["group.instance.id"] = checks.short_name(trial.instance, "The group instance id")
    if not trial.assigning.classic:
        return {**config, "group.protocol": "consumer"}
    if trial.max_poll_interval < trial.session_timeout:
        raise checks.invalid(
            "max.poll.interval.ms is less than session.timeout.ms.", "Raise the first or lower the second."
        )
    session = {"session.timeout.ms": _ms(trial.session_timeout), "heartbeat.interval.ms": _heartbeat(trial)}
    return {**config, **session, "partition.assignment.strategy": trial.assigning.value}


def _heartbeat(trial: Trial) -> int:
    return min(3000, _ms(trial.session_timeout) // 3)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


class TrialThread:
    """Keeps `model.trial_consumer.TrialConsumer`. The client belongs to the thread, its construction and end included;
    what others read is replaced as a whole."""

    def __init__(self, config: dict[str, Any], trial: Trial) -> None:
        self.trial = trial
        self.state = TrialState()
        self._told: deque[Told] = deque(maxlen=_MOST_TOLD)
        self._number = 0
        self.delay = trial.delay
        self._paused = False  # as it is wanted
        self._holding = False  # as the client was told
        self._pause_again = False  # partitions came meanwhile
        self._crashing = self._fatal = False
        self._ending = threading.Event()
        self._positions: dict[TopicPartition, Position] = {}
        self._uncommitted: dict[TopicPartition, int] = {}
        self._committed_at = self._polls_told_at = time.monotonic()
        self._polls_told = (0, 0)
        log = logging.Logger("kexplorer.trial")  # of its own: what the client logs is part of what is told
        log.addHandler(_Teller(self))
        own = {"logger": log, "error_cb": self._erred}
        if trial.commits is Commits.AUTO:
            own["on_commit"] = self._auto_committed
        self._thread = threading.Thread(target=self._run, args=({**config, **own},), name="trial-consumer", daemon=True)
        self._thread.start()

    # for other threads

    def told(self, after: int = 0) -> Sequence[Told]:
        return [each for each in tuple(self._told) if each.number > after]

    def pause(self, on: bool) -> None:
        self._paused = on

    def work(self, delay: float) -> None:
        self.delay = min(max(delay, 0.0), _LONGEST_DELAY)

    async def leave(self, within: float) -> bool:
        return await self._end(within)

    async def crash(self, within: float) -> bool:
        self._crashing = True
        return await self._end(within)

    async def _end(self, within: float) -> bool:
        self._ending.set()
        await asyncio.to_thread(self._thread.join, within)
        return not self._thread.is_alive()

    # in the thread

    def tell(self, event: Event, words: str) -> None:
        self._number += 1
        self._told.append(Told(self._number, time.time(), event, words))

    def _show(self, **changes: Any) -> None:
        self.state = replace(self.state, positions=dict(self._positions), **changes)

    def _run(self, config: dict[str, Any]) -> None:
        phase = Phase.FAILED
        try:
            consumer = Consumer(config)
            consumer.subscribe(
                list(self.trial.topics), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
            )
            by = self.trial.assigning if self.trial.assigning.classic else "the new consumer protocol"
            self.tell(Event.JOINED, f"Subscribed to {', '.join(self.trial.topics)} as {self.trial.client}, by {by}.")
            while not self._ending.is_set():
                self._poll(consumer)
            if self._crashing:
                phase = Phase.CRASHED
            else:
                self._show(phase=Phase.LEAVING)
                consumer.close()
                phase = Phase.FAILED if self._fatal else Phase.LEFT
            # Without close() the client is destroyed here, and tells nobody: that is the crash.
            del consumer
        except (KafkaException, ValueError, TypeError) as error:
            self.tell(Event.ERROR, str(failure_of(error, "The test consumer")))
        finally:
            self._positions.clear()
            self.tell(Event.ENDED, _ENDS.get(phase, "It has ended."))
            self._show(phase=phase)

    def _poll(self, consumer: Consumer) -> None:
        self._keep_paused(consumer)
        delay = self.delay
        messages = consumer.consume(1 if delay else _AT_ONCE, _POLL)
        read = 0
        for message in messages:
            if (error := message.error()) is not None:
                self._failed(message, error)
            elif not (delay and self._ending.wait(delay)):
                self._processed(consumer, message)
                read += 1
        if read and not delay:
            self._ending.wait(_BREATH)
        if self.trial.commits is Commits.MANUAL and time.monotonic() - self._committed_at >= _COMMIT_EVERY:
            self._commit(consumer)
        state = self.state
        here = Phase.PAUSED if self._holding else Phase.READING if self._positions else Phase.JOINING
        self._show(phase=here, polls=state.polls + 1, records=state.records + read, member=consumer.memberid() or "")
        self._tell_polls()

    def _keep_paused(self, consumer: Consumer) -> None:
        wanted = self._paused
        if wanted and (not self._holding or self._pause_again):
            consumer.pause(consumer.assignment())
        elif self._holding and not wanted:
            consumer.resume(consumer.assignment())
        if wanted != self._holding:
            words = "Paused: it goes on polling and keeps its partitions." if wanted else "It reads again."
            self.tell(Event.PAUSED, words)
        self._holding, self._pause_again = wanted, False

    def _processed(self, consumer: Consumer, message: Message) -> None:
        source, offset = _source(message), (message.offset() or 0) + 1
        before = self._positions.get(source, Position())
        self._positions[source] = before._replace(offset=offset, key=message.key(), records=before.records + 1)
        if self.trial.commits is Commits.AUTO:
            try:
                consumer.store_offsets(message=message)
            except KafkaException:
                self.tell(Event.ERROR, f"{_name(source)} was taken away while a record of it was processed.")
        elif self.trial.commits is Commits.MANUAL:
            self._uncommitted[source] = offset

    def _failed(self, message: Message, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            source = _source(message)
            if source in self._positions:
                self._positions[source] = self._positions[source]._replace(offset=message.offset())
            return
        self._erred(error)

    def _commit(self, consumer: Consumer) -> None:
        self._committed_at = time.monotonic()
        if not self._uncommitted:
            return
        asked = [confluent_kafka.TopicPartition(*source, offset) for source, offset in self._uncommitted.items()]
        self._uncommitted.clear()
        try:
            self._note_committed(consumer.commit(offsets=asked, asynchronous=False) or ())
        except KafkaException as error:
            self.tell(Event.ERROR, str(failure_of(error, "The commit")))

    def _note_committed(self, partitions: Iterable[confluent_kafka.TopicPartition]) -> None:
        done = []
        for each in partitions:
            source = TopicPartition(each.topic, each.partition)
            if each.error is not None:
                self.tell(Event.ERROR, f"{_name(source)} was not committed: {each.error.str()}")
            elif each.offset >= 0:
                done.append(f"{_name(source)} at {each.offset:,}")
                if source in self._positions:
                    self._positions[source] = self._positions[source]._replace(committed=each.offset)
        if done:
            self.tell(Event.COMMITTED, f"Committed {_some(done)}.")

    def _tell_polls(self) -> None:
        now, state = time.monotonic(), self.state
        if now - self._polls_told_at < _POLLS_EVERY:
            return
        polls, records = self._polls_told
        if state.records > records:
            told = f"{state.polls - polls:,} polls brought {state.records - records:,} records"
            self.tell(Event.POLLED, f"{told} in {now - self._polls_told_at:.0f} s.")
        self._polls_told_at, self._polls_told = now, (state.polls, state.records)

    # what the client calls while it is polled or closed

    def _assigned(self, _: Consumer, partitions: list[confluent_kafka.TopicPartition]) -> None:
        sources = [TopicPartition(each.topic, each.partition) for each in partitions]
        for source in sources:
            self._positions[source] = Position()
        self._pause_again = True
        self.tell(Event.ASSIGNED, f"Got {_named(sources)}." if sources else "Got no further partition.")

    def _revoked(self, consumer: Consumer, partitions: list[confluent_kafka.TopicPartition]) -> None:
        """Still the owner: what was processed is committed now, or another member reads it again."""
        if self.trial.commits is Commits.MANUAL:
            self._commit(consumer)
        self._gone(Event.REVOKED, "Gave back", partitions)

    def _lost(self, _: Consumer, partitions: list[confluent_kafka.TopicPartition]) -> None:
        """No owner any more: others may read them already, and a commit would be refused."""
        self._uncommitted.clear()
        self._gone(Event.LOST, "Lost, without being asked,", partitions)

    def _gone(self, event: Event, verb: str, partitions: list[confluent_kafka.TopicPartition]) -> None:
        sources = [TopicPartition(each.topic, each.partition) for each in partitions]
        for source in sources:
            self._positions.pop(source, None)
        self.tell(event, f"{verb} {_named(sources)}." if sources else f"{verb} nothing.")

    def _auto_committed(self, error: KafkaError | None, partitions: list[confluent_kafka.TopicPartition]) -> None:
        if error is not None:
            self.tell(Event.ERROR, f"The commit failed: {error.str()}")
        else:
            self._note_committed(partitions)

    def _erred(self, error: KafkaError) -> None:
        """After a fatal one, such as another member with its instance id, the client never reads again."""
        self.tell(Event.ERROR, f"{error.name()}: {error.str()}")
        if error.fatal() or error.code() == KafkaError._FATAL:
            self._fatal = True
            self._ending.set()


class _Teller(logging.Handler):
    """What the client logs about its group; connections have their own place in the program."""

    def __init__(self, thread: TrialThread) -> None:
        super().__init__()
        self._thread = thread

    def emit(self, record: logging.LogRecord) -> None:
        facility, _, words = record.getMessage().partition(" ")
        if facility not in _TOLD_AS_ERRORS:
            self._thread.tell(Event.ERROR, words.rpartition("]: ")[2])


def _source(message: Message) -> TopicPartition:
    return TopicPartition(message.topic() or "", message.partition() or 0)


def _name(source: TopicPartition) -> str:
    return f"{source.topic}-{source.partition}"


def _named(sources: Sequence[TopicPartition]) -> str:
    return _some([_name(source) for source in sorted(sources)])


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
