"""An engine among several that share one replay by Kafka's own group protocol.

What is shared are units. Within one cluster they are the partitions of the source; between clusters, whose groups know
nothing of each other, those of the target's topics: who has one deals with all source partitions that belong to it. The
group is always one of the target, so that what it commits is in the transaction of the records: a unit's offset, with
the progress of its source partitions as metadata. A member of an older generation is refused there, and an offset
whose transaction is open is told to nobody: no engine begins where another may still write (KIP-447).

The run itself, its ranges with their ends, is a record of the target's topic of checkpoints, written once by whoever
comes first: engines on other machines need no folder in common, and a compacted topic keeps it until the job is done.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka import TopicPartition as ClientPartition

from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.link import LinkMonitor
from kexplorer.kafka.reading import Client
from kexplorer.kafka.replay_checkpoints import MOVING, Checkpoints, send_offsets
from kexplorer.kafka.replay_target import MOVED, MovedError
from kexplorer.kafka.replaying import Batch, Engine, Side, limits_of, reader_config, writer_config
from kexplorer.kafka.undelivered import is_fatal
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.replay import (
    CHECKPOINTS,
    Checkpoint,
    Controls,
    Counts,
    Exceptional,
    Guarantee,
    Journal,
    Plan,
    Policy,
    Reached,
    ReplayRun,
    ReplayState,
)
from kexplorer.model.topics import TopicPartition

_CALL = 10.0  # seconds
_SOON = 1.0  # seconds a look at what others have committed may take, and how often it is taken
_MOST_IN_ONE = 30  # source partitions of a unit: brokers take 4,096 bytes of metadata
_MEMBER = {
    "partition.assignment.strategy": "cooperative-sticky",  # who keeps a unit goes on with it undisturbed
    "session.timeout.ms": 10_000,
    "max.poll.interval.ms": 120_000,
    "queued.max.messages.kbytes": 1024,  # it reads nothing
}


@dataclass(frozen=True, slots=True)
class SharedRun:
    """What the engines of a job have in common. `text` is the run, as its caller writes it."""

    group: str
    text: str


def units_of(run: ReplayRun) -> dict[TopicPartition, TopicPartition]:
    """The unit of each source partition. Raises `Failure` where one would stand for too many."""
    if run.same_cluster:
        return {each.source: each.source for each in run.ranges}
    units = {}
    for source in (each.source for each in run.ranges):
        target = run.targets[source.topic]
        units[source] = TopicPartition(target.name, source.partition % target.partitions)
    busiest = max(units.values(), key=list(units.values()).count)
    if (count := list(units.values()).count(busiest)) > _MOST_IN_ONE:
        text = f"{count} source partitions would share partition {busiest.partition} of {busiest.topic}; "
        text += f"{_MOST_IN_ONE} are the most."
        raise Failure(FailureKind.REFUSED, text, "Give the target more partitions, or leave --group out.")
    return units


def check_shareable(plan: Plan) -> None:
    """Raises `Failure`(REFUSED) for a plan that several engines cannot keep."""
    if plan.guarantee is not Guarantee.EXACTLY_ONCE:
        text = "Engines that share a replay hand partitions over by transactions, and this plan has none."
        raise Failure(FailureKind.REFUSED, text, 'Write guarantee = "exactly-once", or leave --group out.')
    if plan.pace.timing:
        text = "Engines that share a replay cannot keep the order of time between each other."
        raise Failure(FailureKind.REFUSED, text, "Remove pace.timing, or leave --group out.")


class Decision:
    """The run that all engines of a job have in common: found, or made by this one. Owns its clients; calls wait for
    the brokers and raise `Failure`."""

    def __init__(self, plan: Plan, target: Side) -> None:
        self._plan, self._side = plan, target
        self._link = LinkMonitor(target.profile.name)
        self._client = Client(reader_config(target, self._link), self._link.on_error)
        self._checkpoints = Checkpoints(self._client, lambda: self._link.state.reason)
        self._key = f"{plan.job}/run".encode()

    def found(self) -> SharedRun | None:
        """Only where the topic of checkpoints is there."""
        text = self._checkpoints.newest(self._key).get(self._key)
        return None if text is None else SharedRun(**json.loads(text))

    def make(self, run: ReplayRun, wanted: SharedRun) -> SharedRun:
        """`wanted`, or what another engine has made meanwhile: the transactional id of the job tells who is first. With
        it, every unit gets its first offset, so that one without was lost and does not begin anew."""
        config = writer_config(
            self._plan.target.settings, limits_of(run), self._side, self._link, self._plan.transactional_id
        )
        producer = Producer(config)
        metadata = _unjoined(self._side, self._link, wanted.group)
        offsets = _offsets(run, units_of(run), {r.source: Reached(r.start, Counts()) for r in run.ranges})
        try:
            producer.init_transactions(_CALL)
            if found := self.found():
                return found
            producer.begin_transaction()
            value = json.dumps({"group": wanted.group, "text": wanted.text}).encode()
            producer.produce(CHECKPOINTS, value, self._key, 0)
            producer.send_offsets_to_transaction(offsets, metadata, _CALL)
            producer.commit_transaction(_CALL)
        except KafkaException as error:
            lost = is_fatal(error.args[0]) or error.args[0].code() == KafkaError.UNKNOWN  # what 4.3 says at a commit
            if lost and (found := self._of_who_fenced_us()):
                return found
            if error.args[0].code() in MOVED:
                text = f"The group {wanted.group} has members that are no engines of {self._plan.job}."
                raise Failure(FailureKind.REFUSED, text, "Choose a name that nobody uses.") from error
            raise failure_of(error, f"Beginning {self._plan.job}") from error
        return wanted

    def _of_who_fenced_us(self) -> SharedRun | None:
        until = time.monotonic() + _CALL
        while not (found := self.found()) and time.monotonic() < until:
            time.sleep(_SOON / 10)
        return found

    def exceptional(self) -> list[Exceptional]:
        """What all engines did not write as planned."""
        prefix = f"{self._plan.job}/exceptional/".encode()
        rows = [json.loads(value) for value in self._checkpoints.newest(prefix).values()]
        return [Exceptional(TopicPartition(t, p), at, Policy(outcome), why) for t, p, at, outcome, why in rows]

    def close(self) -> None:
        self._client.close()


def _unjoined(side: Side, link: LinkMonitor, group: str) -> Any:
    consumer = Consumer({**reader_config(side, link), "group.id": group})
    try:
        return consumer.consumer_group_metadata()
    finally:
        consumer.close()


class Membership:
    """This engine's place in the group. Callbacks come within `poll`: between transactions, so that what was read and
    not written is all that a unit leaves behind. Those that come within `close` are left to the client: it may know its
    generation no longer, and what is raised there is a SystemError before Python 3.12. `units` are those of this
    engine, `metadata` the generation in which it has got them: it is asked for then alone, as by the time of a commit
    the client may be in a later generation that nobody here knows of yet."""

    def __init__(self, side: Side, link: LinkMonitor, group: str, topics: Collection[str]) -> None:
        config = reader_config(side, link) | _MEMBER | {"group.id": group, "error_cb": link.on_error}
        self._consumer = Consumer(config)
        self._topics = sorted(topics)
        self.units: set[TopicPartition] = set()
        self.metadata: Any = None
        self._leaving = False

    def join(self) -> None:
        self._consumer.subscribe(self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)

    def poll(self) -> None:
        self._consumer.poll(0)

    def committed(self, units: Collection[TopicPartition], within: float) -> dict[TopicPartition, Any]:
        """The metadata of each unit's offset; those whose transaction is under way are left out."""
        asked = [ClientPartition(*unit) for unit in units]
        try:
            found = self._consumer.committed(asked, timeout=within)
        except KafkaException as error:
            if error.args[0].code() in MOVING:
                return {}
            raise failure_of(error, "Reading the progress") from error
        if wrong := next((f.error for f in found if f.error and f.error.code() not in MOVING), None):
            raise failure_of(wrong, "Reading the progress")
        return {TopicPartition(f.topic, f.partition): f.metadata for f in found if not f.error}

    def close(self) -> None:
        self._leaving = True
        with contextlib.suppress(KafkaException, RuntimeError):
            self._consumer.unsubscribe()
        self._consumer.close()

    def _assigned(self, consumer: Consumer, partitions: list[ClientPartition]) -> None:
        """Also without a partition, at each new generation."""
        if self._leaving:
            return
        consumer.incremental_assign([ClientPartition(each.topic, each.partition, 0) for each in partitions])
        consumer.pause(partitions)
        self.units |= {TopicPartition(each.topic, each.partition) for each in partitions}
        self.metadata = consumer.consumer_group_metadata()

    def _revoked(self, consumer: Consumer, partitions: list[ClientPartition]) -> None:
        if self._leaving:
            return
        consumer.incremental_unassign(partitions)
        self.units -= {TopicPartition(each.topic, each.partition) for each in partitions}


class _SharedProgress:
    """Attaches the progress of this engine's units. `exceptional` is what was not written as
    planned: it is noted for all engines."""

    def __init__(self, run: ReplayRun, units: Mapping[TopicPartition, TopicPartition], membership: Membership) -> None:
        self._run, self._units, self._membership = run, units, membership
        self.exceptional: list[Exceptional] = []

    def load(self) -> Checkpoint:
        return {}

    def attach(self, producer: Producer, changed: Checkpoint, whole: Checkpoint) -> None:
        for each in self.exceptional:
            key = f"{self._run.plan.job}/exceptional/{each.source.topic}/{each.source.partition}/{each.offset}"
            value = json.dumps([*each.source, each.offset, str(each.outcome), each.why])
            producer.produce(CHECKPOINTS, value.encode(), key.encode(), 0)
        touched = {self._units[source] for source in changed}
        told = {source: reached for source, reached in whole.items() if self._units[source] in touched}
        send_offsets(producer, _offsets(self._run, self._units, told), self._membership.metadata)


def _offsets(
    run: ReplayRun, units: Mapping[TopicPartition, TopicPartition], reached: Checkpoint
) -> list[ClientPartition]:
    """Of whole units. Topics are told by their numbers in the plan: their names may be long."""
    rows: dict[TopicPartition, list[list[int]]] = {}
    topics = run.plan.source.topics
    for source, (position, counts) in reached.items():
        row = [topics.index(source.topic), source.partition, position, *counts]
        rows.setdefault(units[source], []).append(row)
    return [
        ClientPartition(*unit, sum(row[2] for row in each), json.dumps(each, separators=(",", ":")))
        for unit, each in rows.items()
    ]


def _reached(run: ReplayRun, unit: TopicPartition, metadata: str | None) -> Checkpoint:
    topics = run.plan.source.topics
    try:
        return {
            TopicPartition(topics[topic], partition): Reached(position, Counts(*counts))
            for topic, partition, position, *counts in json.loads(metadata or "")
        }
    except (IndexError, TypeError, ValueError):
        text = f"The progress of {unit.topic}, partition {unit.partition} is gone, or somebody has set its offset."
        hint = "Brokers forget it after offsets.retention.minutes without engines. Begin anew under another job name."
        raise Failure(FailureKind.NOT_FOUND, text, hint) from None


class SharedEngine(Engine):
    """One of several engines of a run. `run` ends when the work of all is done: then `reached` tells of all partitions,
    `own` of what this one has done."""

    leads = False

    def __init__(
        self, run: ReplayRun, source: Side, target: Side, journal: Journal, controls: Controls, group: str
    ) -> None:
        self._group = group
        self._units = units_of(run)
        self._own_id = f"{run.plan.transactional_id}-{uuid.uuid4()}"
        super().__init__(run, source, target, journal, controls)
        self._looked = 0.0

    @property
    def transactional_id(self) -> str:
        """Of this engine alone: others are fenced by the group's generation."""
        return self._own_id

    def commit(self, batch: Batch) -> None:
        self._shared.exceptional = batch.exceptional
        super().commit(batch)

    def close(self) -> None:
        """Leaves the group when nothing is under way any more."""
        super().close()
        self._membership.close()

    def _made_progress(self, *, exactly: bool) -> _SharedProgress:
        topics = {unit.topic for unit in self._units.values()}
        self._membership = Membership(self._target_side, self._target_link, self._group, topics)
        self._shared = _SharedProgress(self._run, self._units, self._membership)
        return self._shared

    def _resume(self) -> None:
        self._let_go()
        self._membership.join()

    def _step(self) -> bool:
        self._membership.poll()
        self._share()
        try:
            if super()._step():
                return True
            self._finish()
        except MovedError:
            self._let_go()
        self._tell(ReplayState.RUNNING)
        return not self._all_done()

    def _rest(self) -> None:
        super()._rest()
        self._membership.poll()  # a member that rests is still one
        self._share()

    def _let_go(self) -> None:
        """What the group says is ours is begun with again, behind what is committed."""
        self.reached, self.ranges = {}, ()
        self._begin_anew()

    def _share(self) -> None:
        """Drops what others have now, and begins with what came to us once nobody else writes it."""
        held = {self._units[source] for source in self.reached}
        lost = held - self._membership.units
        new = (self._membership.units & set(self._units.values())) - held
        found = self._committed(new) if new and self._may_look() else {}
        if not lost and not found:
            return
        kept = {source: each for source, each in self.reached.items() if self._units[source] not in lost}
        self.reached = kept | found
        self.ranges = [each for each in self._run.ranges if each.source in self.reached]
        self._begin_anew()

    def _begin_anew(self) -> None:
        """A record that was refused may be somebody else's by now; where it is not, it is refused again."""
        self._preparer.refused.clear()
        self._read_anew()

    def _all_done(self) -> bool:
        if not self._may_look():
            time.sleep(_SOON / 10)
            return False
        found = self._committed(set(self._units.values()))
        if any(r.source not in found or found[r.source].position < (r.end or 0) for r in self._run.ranges):
            return False
        self.leads = self._units[self._run.ranges[0].source] in self._membership.units
        self.reached, self.ranges = found, self._run.ranges
        return True

    def _may_look(self) -> bool:
        if time.monotonic() - self._looked < _SOON:
            return False
        self._looked = time.monotonic()
        return True

    def _committed(self, units: Collection[TopicPartition]) -> Checkpoint:
        """Of the units whose transactions have ended."""
        told: Checkpoint = {}
        for unit, metadata in self._membership.committed(units, _SOON).items():
            told |= _reached(self._run, unit, metadata)
        return told
