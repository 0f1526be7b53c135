"""Resets of committed offsets: the broker has afterwards what the plan says, and what it had before once undone."""

import asyncio
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import confluent_kafka
import pytest
from confluent_kafka import Consumer

from kexplorer.formats.offsets_csv import read_offsets, write_offsets
from kexplorer.kafka.cluster import KafkaCluster as Gateway
from kexplorer.model.access import Acl, AclOperation, AclResource, Permission
from kexplorer.model.changes import AlterOffsets, CreateAcls, DeleteAcls, DeleteOffsets
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Credentials, Profile, SaslMechanism, SecurityProtocol
from kexplorer.model.records import Peek
from kexplorer.model.topics import AtTime, Edge, TopicPartition
from kexplorer.services.changes import Changes
from kexplorer.services.ranges import Ago, AtOffset, Committed
from kexplorer.services.reset_plan import First, ResetPlan, Rule, Rules, Shift, first_records, make_plan
from kexplorer.services.resets import Resets, undoing
from kexplorer.store.offset_snapshots import OffsetSnapshotStore
from tests.kafka import direct
from tests.kafka.direct import Sent
from tests.rig.kafka import KafkaCluster
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until, wait
from tests.services.memory_audit import MemoryAudit

TOOL = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
BASE = direct.NOW - 60_000  # of the first record of each partition; they are a second apart
_RECORDS, _EMPTY, _PURGED = 10, 3, 5  # of each partition; the one without any; the one that begins at 4

Offsets = dict[TopicPartition, int]


class Stage(NamedTuple):
    """12 partitions of two topics, one of them compacted; `before` is what `group` has committed, `other` is another
    group."""

    at: str
    topic: str
    gap: TopicPartition
    group: str
    other: str
    before: Offsets

    def part(self, number: int) -> TopicPartition:
        return TopicPartition(self.topic, number)

    @property
    def sources(self) -> list[TopicPartition]:
        return [*map(self.part, range(11)), self.gap]


@pytest.fixture(scope="module")
def stage(kafka: KafkaCluster) -> Stage:
    at, name = kafka.bootstrap(), f"resets-{uuid.uuid4().hex[:8]}"
    gap = TopicPartition(f"{name}-compacted", 0)
    direct.create(at, name, 11)
    records = [
        Sent(p, b"key-%d" % n, b"%d of %d" % (n, p), timestamp=BASE + 1000 * n)
        for p in range(11)
        if p != _EMPTY
        for n in range(_RECORDS)
    ]
    direct.produce(at, name, records)
    direct.delete_records(at, name, {_PURGED: 4})
    _compacted(at, gap.topic)
    one, two = TopicPartition(name, 0), TopicPartition(name, 1)
    before = {one: 5, two: 2, TopicPartition(name, 2): 40, TopicPartition(name, 4): 10, gap: 2}
    before[TopicPartition(name, _PURGED)] = 1
    made = Stage(at, name, gap, f"{name}-group", f"{name}-other", before)
    _commit(at, made.group, before)
    _commit(at, made.other, {one: 7, two: 50, TopicPartition(name, 2): 0})
    return made


def _compacted(at: str, topic: str) -> None:
    """All of its first 20 records but the last are gone: they had one key."""
    ratio = 0.001  # of what may be cleaned, from which on it is
    direct.create(
        at, topic, cleanup_policy="compact", segment_ms=500, min_cleanable_dirty_ratio=ratio, max_compaction_lag_ms=1000
    )
    direct.produce(at, topic, [Sent(0, b"one", b"%d" % n) for n in range(20)])

    def cleaned() -> bool:  # the cleaner leaves the active segment alone: each new record rolls it
        direct.produce(at, topic, [Sent(0, b"last", b"last", timestamp=int(time.time() * 1000))])
        return _first_at(at, TopicPartition(topic, 0), 0) > 5

    wait(cleaned, 0.5)


def _first_at(at: str, source: TopicPartition, offset: int) -> int:
    """Of the first record there or behind, as the client tells it; -1 where there is none."""
    consumer = Consumer({"bootstrap.servers": at, "group.id": uuid.uuid4().hex, "enable.partition.eof": True})
    try:
        consumer.assign([confluent_kafka.TopicPartition(*source, offset)])
        message = wait(lambda: consumer.poll(5))
        assert message is not None
        found = message.offset()
        return -1 if message.error() or found is None else found
    finally:
        consumer.close()


def _commit(at: str, group: str, offsets: Mapping[TopicPartition, int]) -> None:
    asked = [confluent_kafka.TopicPartition(*source, offset) for source, offset in offsets.items()]
    wanted = [confluent_kafka.ConsumerGroupTopicPartitions(group, asked)]
    client = direct.admin(at)
    answer = client.alter_consumer_group_offsets(wanted)[group].result(20)
    assert not [each.error for each in answer.topic_partitions if each.error]


def _held(at: str, group: str) -> Offsets:
    """As Confluent's own client tells it."""
    client = direct.admin(at)
    asked = [confluent_kafka.ConsumerGroupTopicPartitions(group)]
    answer = client.list_consumer_group_offsets(asked)[group].result(20)
    return {TopicPartition(p.topic, p.partition): p.offset for p in answer.topic_partitions if p.offset >= 0}


async def _first(cluster: Gateway, plan: ResetPlan) -> dict[TopicPartition, First]:
    found: dict[TopicPartition, First] = {}
    async for some in first_records(cluster, plan.moves, 1000):
        found |= some
    return found


_ALL = (0, 1, 2, _EMPTY, 4, _PURGED)
_MODES: dict[str, tuple[Rule, tuple[int | None, ...], dict[int, str]]] = {
    "earliest": (Edge.START, (0, 0, 0, 0, 0, 4), {}),
    "latest": (Edge.END, (10, 10, 10, 0, 10, 10), {}),
    "offset": (AtOffset(6), (6, 6, 6, 0, 6, 6), {_EMPTY: "Set to the end: 6 is beyond"}),
    "low offset": (AtOffset(2), (2, 2, 2, 0, 2, 4), {_EMPTY: "Set to the end", _PURGED: "Set to the log start: 2"}),
    "time": (AtTime(BASE + 4500), (5, 5, 5, 0, 5, 5), {_EMPTY: "Latest: no record"}),
    "time of a record": (AtTime(BASE + 7000), (7, 7, 7, 0, 7, 7), {_EMPTY: "Latest: no record"}),
    "time before all": (AtTime(0), (0, 0, 0, 0, 0, 4), {_EMPTY: "Latest: no record"}),
    "late time": (AtTime(BASE + 9001), (10, 10, 10, 0, 10, 10), dict.fromkeys(_ALL, "Latest: no record")),
    "duration": (Ago(5500), (5, 5, 5, 0, 5, 5), {_EMPTY: "Latest: no record"}),
    "forward": (
        Shift(3),
        (8, 5, 10, None, 10, 4),
        {2: "Set to the end: 43", _EMPTY: "Nothing committed", 4: "Set to the end: 13"},
    ),
    "back": (
        Shift(-3),
        (2, 0, 10, None, 7, 4),
        {1: "Set to the log start: -1", 2: "Set to the end: 37", _EMPTY: "Nothing committed", _PURGED: "log start: -2"},
    ),
}


@pytest.mark.parametrize("mode", _MODES)
def test_the_broker_has_what_the_plan_says(aio: LoopRunner, stage: Stage, tmp_path: Path, mode: str) -> None:
    rule, expected, notes = _MODES[mode]
    plan = _plan_and_carry_out(aio, stage, dict.fromkeys(stage.sources, rule), tmp_path)
    moves = {move.source.partition: move for move in plan.moves if move.source.topic == stage.topic}
    assert tuple(moves[number].new for number in _ALL) == expected
    assert {number: moves[number].old for number in _ALL} == {0: 5, 1: 2, 2: 40, _EMPTY: None, 4: 10, _PURGED: 1}
    assert [number for number in _ALL if moves[number].note] == sorted(notes)
    for number, note in notes.items():
        assert note in moves[number].note


def test_where_another_group_is(aio: LoopRunner, stage: Stage, tmp_path: Path) -> None:
    plan = _plan_and_carry_out(aio, stage, dict.fromkeys(stage.sources, Committed(stage.other)), tmp_path)
    assert plan.sets == {stage.part(0): 7, stage.part(1): 10, stage.part(2): 0}
    notes = {move.source: move.note for move in plan.moves}
    assert notes[stage.part(1)] == "Set to the end: 50 is beyond it."
    assert notes[stage.part(4)] == f"{stage.other} has committed nothing here."


def test_each_partition_by_a_rule_of_its_own(aio: LoopRunner, stage: Stage, tmp_path: Path) -> None:
    """A file, too, is no more than that."""
    rules: Rules = {stage.part(0): Edge.END, stage.part(1): AtOffset(1), stage.gap: Shift(-1), stage.part(6): Ago(1)}
    plan = _plan_and_carry_out(aio, stage, rules, tmp_path)
    assert plan.sets == {stage.part(0): 10, stage.part(1): 1, stage.gap: 1, stage.part(6): 10}


def _plan_and_carry_out(aio: LoopRunner, stage: Stage, rules: Rules, folder: Path) -> ResetPlan:
    """Carries it out, looks what the broker has then, undoes it, and looks again."""

    async def run() -> ResetPlan:
        async with direct.connected(stage.at) as cluster:
            resets = Resets(cluster, OffsetSnapshotStore(folder / "offsets.db"), stage.group)
            changes = Changes(cluster, MemoryAudit())
            plan = await make_plan(cluster, stage.group, rules, BASE + 10_000)
            assert plan.refused is None
            assert not [move.trouble for move in plan.moves if move.trouble]
            await _told_as_the_client_does(cluster, stage, plan)
            exported = read_offsets(write_offsets(_held(stage.at, stage.group)), stage.group)
            before = await resets.keep("test", plan.sets)
            assert (await changes.carry_out(AlterOffsets(stage.group, plan.sets))).done
            now = _held(stage.at, stage.group)
            assert now == stage.before | plan.sets
            assert now == stage.before | {move.source: move.new for move in plan.moves if move.new is not None}
            assert [each.offsets for each in await resets.earlier()] == [before.offsets]
            undo = await make_plan(cluster, stage.group, undoing((await resets.earlier())[0]), 0)
            if undo.sets:
                assert (await changes.carry_out(AlterOffsets(stage.group, undo.sets))).done
            if undo.forgets:
                assert (await changes.carry_out(DeleteOffsets(stage.group, undo.forgets))).done
            assert _held(stage.at, stage.group) == exported == stage.before
            return plan

    return aio.run(run())


async def _told_as_the_client_does(cluster: Gateway, stage: Stage, plan: ResetPlan) -> None:
    first = await _first(cluster, plan)
    assert first.keys() == {move.source for move in plan.moves if move.new is not None}
    told = {source: each.record.offset if isinstance(each, Peek) else -1 for source, each in first.items()}
    looked_at = [stage.part(0), stage.part(_PURGED), stage.gap]
    moves = {move.source: move.new for move in plan.moves if move.new is not None and move.source in looked_at}
    client = {source: await asyncio.to_thread(_first_at, stage.at, source, new) for source, new in moves.items()}
    assert {source: told[source] for source in client} == client
    if isinstance(peek := first.get(stage.part(0)), Peek):
        assert peek.record.value == b"%d of 0" % peek.record.offset


def test_a_record_behind_a_gap_is_found(aio: LoopRunner, stage: Stage) -> None:
    async def run() -> First:
        async with direct.connected(stage.at) as cluster:
            plan = await make_plan(cluster, stage.group, {stage.gap: AtOffset(2)}, BASE)
            return (await _first(cluster, plan))[stage.gap]

    found = aio.run(run())
    assert isinstance(found, Peek)
    assert found.record.offset == _first_at(stage.at, stage.gap, 2) > 5


def test_a_group_that_is_not_there_is_made(aio: LoopRunner, stage: Stage) -> None:
    group = f"{stage.group}-new"

    async def run() -> ResetPlan:
        async with direct.connected(stage.at) as cluster:
            plan = await make_plan(cluster, group, dict.fromkeys(stage.sources, Edge.END), BASE)
            assert (await Changes(cluster, MemoryAudit()).carry_out(AlterOffsets(group, plan.sets))).done
            return plan

    plan = aio.run(run())
    assert _held(stage.at, group) == plan.sets
    assert len(plan.sets) == 12


def test_the_tool_takes_our_file_and_we_take_its_export(
    aio: LoopRunner, kafka: KafkaCluster, stage: Stage, tmp_path: Path
) -> None:
    planned = {stage.part(0): 3, stage.part(1): 10, stage.gap: 4}
    path = tmp_path / "offsets.csv"
    path.write_text(write_offsets(planned))
    reset = ("--reset-offsets", "--group", stage.group)
    told = kafka.tool(TOOL, *reset, "--from-file", str(path), "--dry-run")
    rows = [line.split() for line in told.splitlines() if line.startswith(stage.group)]
    assert {TopicPartition(row[1], int(row[2])): int(row[3]) for row in rows} == planned
    topics = ("--topic", stage.topic, "--topic", stage.gap.topic)
    exported = read_offsets(kafka.tool(TOOL, *reset, *topics, "--to-latest", "--export", "--dry-run"), stage.group)

    async def run() -> ResetPlan:
        async with direct.connected(stage.at) as cluster:
            return await make_plan(cluster, stage.group, dict.fromkeys(stage.sources, Edge.END), BASE)

    assert exported == {move.source: move.new for move in aio.run(run()).moves}


def test_a_group_in_use_is_refused_before_and_by_the_broker(aio: LoopRunner, stage: Stage, tmp_path: Path) -> None:
    """Whether it was in use when the plan was made, or became so before that was sent."""
    group, source = f"{stage.group}-used", stage.part(0)
    _commit(stage.at, group, {source: 4})
    config = {"bootstrap.servers": stage.at, "group.id": group, "client.id": "worker", "enable.auto.commit": False}

    async def run() -> None:
        async with direct.connected(stage.at) as cluster:
            resets = Resets(cluster, OffsetSnapshotStore(tmp_path / "offsets.db"), group)
            plan = await make_plan(cluster, group, {source: Edge.START}, BASE)
            before = await resets.keep("earliest", plan.sets)
            assert plan.refused is None
            consumer = Consumer(config, logger=direct.QUIET)
            try:
                consumer.subscribe([stage.topic])
                await until(lambda: consumer.poll(0.1) is not None or bool(consumer.assignment()))
                now = (await make_plan(cluster, group, {source: Edge.START}, BASE)).refused
                outcome = await Changes(cluster, MemoryAudit()).carry_out(AlterOffsets(group, plan.sets))
                results = await resets.settle(before, plan.sets, outcome.failures)
            finally:
                await asyncio.to_thread(consumer.close)
            assert now is not None
            assert f"The group {group} has members: worker at 127.0.0.1" in now.message
            assert [each.kind for each in outcome.failures.values()] == [FailureKind.REFUSED]
            assert results == {source: "Refused; still committed at 4."}
            assert await resets.earlier() == []  # there is nothing to undo

    aio.run(run())
    assert _held(stage.at, group) == {source: 4}


def test_what_one_may_not_read_is_the_trouble_of_that_partition(
    aio: LoopRunner, kafka: KafkaCluster, stage: Stage, tmp_path: Path
) -> None:
    """A topic that may only be looked at is planned, and refused by the broker; one that may not even be looked at is
    not planned."""
    hidden, shown, group = f"{stage.topic}-hidden", f"{stage.topic}-shown", f"{stage.group}-alice"
    for topic in (hidden, shown):
        direct.create(stage.at, topic)
    acls = (
        Acl("User:alice", AclResource.TOPIC, hidden, AclOperation.ALL, Permission.DENY),
        Acl("User:alice", AclResource.TOPIC, shown, AclOperation.DESCRIBE, Permission.ALLOW),
    )
    profile = Profile(
        "alice",
        kafka.bootstrap("SASL_PLAINTEXT"),
        SecurityProtocol.SASL_PLAINTEXT,
        sasl_mechanism=SaslMechanism.SCRAM_SHA_256,
        username="alice",
    )
    first, second, third = stage.part(0), TopicPartition(hidden, 0), TopicPartition(shown, 0)

    async def run() -> None:
        alice = Gateway(profile, Credentials("alice-secret"))
        async with direct.connected(stage.at) as cluster:
            await cluster.apply(CreateAcls(acls))
            try:
                plan = await make_plan(alice, group, dict.fromkeys([first, second, third], Edge.END), BASE)
                troubles = {move.source: move.trouble.kind for move in plan.moves if move.trouble}
                assert troubles.keys() == {second}
                assert plan.sets == {first: 10, third: 0}
                resets = Resets(alice, OffsetSnapshotStore(tmp_path / "offsets.db"), group)
                before = await resets.keep("latest", plan.sets)
                outcome = await Changes(alice, MemoryAudit()).carry_out(AlterOffsets(group, plan.sets))
                assert {item: failure.kind for item, failure in outcome.failures.items()} == {
                    f"{shown}-0": FailureKind.AUTHORIZATION
                }
                results = await resets.settle(before, plan.sets, outcome.failures)
                assert results == {
                    first: "Done: committed at 10.",
                    third: "Refused; still nothing is committed.",
                }
                assert [each.offsets for each in await resets.earlier()] == [{first: None, third: None}]
            finally:
                await cluster.apply(DeleteAcls(acls))
                await alice.close()

    aio.run(run())


def test_an_answer_that_got_lost_is_read_and_not_repeated(
    aio: LoopRunner, kafka: KafkaCluster, stage: Stage, tmp_path: Path
) -> None:
    group, source = f"{stage.group}-lost", stage.part(0)
    _commit(stage.at, group, {source: 4})
    wanted: dict[TopicPartition, int | None] = {source: 9}
    proxy = kafka.proxies[0]

    async def carry_out(cluster: Gateway, changes: Changes, latency: float) -> Mapping[str, Failure]:
        """The connection breaks while the answer is under way."""
        await asyncio.to_thread(proxy.lat, latency)
        sending = asyncio.create_task(changes.carry_out(AlterOffsets(group, {source: 9})))
        while (await asyncio.to_thread(_held, stage.at, group)) != {source: 9}:  # each look is a pause
            pass
        await asyncio.to_thread(proxy.cut)
        failures = (await sending).failures
        await asyncio.to_thread(proxy.go)
        return failures

    async def run() -> None:
        async with direct.connected(kafka.bootstrap("PROXY")) as cluster:
            audit = MemoryAudit()
            resets = Resets(cluster, OffsetSnapshotStore(tmp_path / "offsets.db"), group)
            failures: Mapping[str, Failure] = {}
            latency = 300.0  # ms; an answer that is there before the cut is tried again, slower
            while not failures:
                await asyncio.to_thread(_commit, stage.at, group, {source: 4})
                before = await resets.keep("offset 9", wanted)
                failures = await carry_out(cluster, Changes(cluster, audit), latency)
                latency *= 3
            sent = len(audit.sent)
            assert [each.kind in (FailureKind.TIMEOUT, FailureKind.UNREACHABLE) for each in failures.values()] == [True]
            results = await resets.settle(before, wanted, failures)
            assert results == {source: "Unknown whether the broker took it; now committed at 9, as asked."}
            assert len(audit.sent) == sent
            assert (await resets.earlier())[0].offsets == {source: 4}  # it can be undone

    aio.run(run())
