"""Dead letters: told by the bytes that frameworks write, sent again, and stopped when they come back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from kexplorer.formats.dead_letters import ADDED, LetterReader
from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.model.dead_letters import Cause, DeadLetter, DeadLetterRule, Origin, Way
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.replay import Guarantee, Policy, check_plan
from kexplorer.model.topics import OffsetRange, TopicPartition
from kexplorer.services import dead_letters
from kexplorer.services.dead_letters import (
    Group,
    Part,
    count_in,
    letters,
    mark_replayed,
    over_time,
    part_of,
    record_at,
    redrive_plan,
    to_resend,
)
from kexplorer.services.ranges import AtOffset, Newest
from kexplorer.store.dead_letters import DeadLetterMarks
from kexplorer.store.plans import parse_plan, plan_text
from tests.formats.test_dead_letters import CONNECT, SPRING
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent, connected
from tests.kafka.replays import Replaying, contents
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.services.fake_cluster import FakeCluster

Headers = tuple[tuple[str, bytes | None], ...]


async def _read(cluster: KafkaCluster | FakeCluster, part: Part) -> list[DeadLetter]:
    read = LetterReader(None, part.cluster, 0)
    return [each async for found, _ in letters(cluster, part, read) for each in found]


def _fake(count: int, partitions: int = 2) -> FakeCluster:
    cluster = FakeCluster()
    cluster.add_topic("dlq", partitions)
    for number in range(count):
        cluster.add("dlq", b"v", partition=number % partitions, timestamp=NOW + number, headers=SPRING)
    return cluster


@pytest.mark.kafka
@pytest.mark.slow
def test_letters_are_read_with_their_origin_and_come_back_without_a_trace(
    aio: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path
) -> None:
    """With one attempt, a letter that failed again stays where it is, and is not counted as done."""
    target, letters_of = f"{topic_name}-orders", f"{topic_name}.DLT"
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
    for name in (target, letters_of):
        direct.create(broker.bootstrap, name, 2)
    own: Headers = (("trace-id", b"4711"), ("trace-id", None))
    spring = (*own, ("kafka_dlt-original-topic", target.encode()), *SPRING[2:])
    connect = (*own, ("__connect.errors.topic", target.encode()), *CONNECT[1:])
    sent = [Sent(0, b"k0", b'{"n": 0}', spring), Sent(1, b"k1", None, connect), Sent(0, b"k2", b"\xff\x00", spring)]
    direct.produce(broker.bootstrap, letters_of, sent)

    async def redriven(folder: Path) -> list[DeadLetter]:
        """Sends all that is not done again; what is not done then."""
        async with connected(broker.bootstrap) as cluster:
            part = await part_of(cluster, letters_of, None, None, NOW)
            done = await store.done(part.cluster, part.topic_id)
            left = [each for each in await _read(cluster, part) if (each.source.partition, each.offset) not in done]
            plan = replace(redrive_plan(cluster.profile, left, target, ADDED, NOW + len(done)), most_attempts=1)
            ran = Replaying(folder, plan).run()
            assert ran.returncode == 0, ran.stderr
            await mark_replayed(folder, store, part, letters_of)
            now_done = await store.done(part.cluster, part.topic_id)
            return [each for each in left if (each.source.partition, each.offset) not in now_done]

    store = DeadLetterMarks(tmp_path / "marks.db")

    async def story() -> None:
        async with connected(broker.bootstrap) as cluster:
            found = await _read(cluster, await part_of(cluster, letters_of, None, None, NOW))
        assert sorted((each.source.partition, each.offset, each.way, each.origin) for each in found) == [
            (0, 0, Way.SPRING, Origin(target, 2, (1 << 32) + 5)),
            (0, 1, Way.SPRING, Origin(target, 2, (1 << 32) + 5)),
            (1, 0, Way.CONNECT, Origin(target, 7, 123456789012)),
        ]
        assert await redriven(tmp_path / "first") == []
        arrived = contents(broker.bootstrap, target)
        kept = [(key, value, headers) for rows in arrived.values() for key, value, headers, _ in rows]
        places = {(key, value) for key, value, _ in kept}
        assert places == {(b"k0", b'{"n": 0}'), (b"k1", None), (b"k2", b"\xff\x00")}
        for _, _, headers in kept:
            assert headers[:2] == own
            assert [name for name, _ in headers[2:]] == ["kx-replay-job", "kx-source", "kx-replay-count"]
        again = next(headers for key, _, headers in kept if key == b"k0")
        direct.produce(broker.bootstrap, letters_of, [Sent(0, b"k0", b'{"n": 0}', (*again, *spring[2:]))])
        left = await redriven(tmp_path / "second")
        assert [(each.offset, each.attempts) for each in left] == [(2, 1)]
        assert contents(broker.bootstrap, target) == arrived

    aio.run(story())


@pytest.mark.kafka
def test_one_letter_is_read_again_and_one_that_is_gone_is_told(
    aio: LoopRunner, broker: Broker, topic_name: str
) -> None:
    direct.create(broker.bootstrap, topic_name, 1)
    direct.produce(broker.bootstrap, topic_name, [Sent(0, b"k", b"first", CONNECT), Sent(0, b"k", b"second")])
    direct.delete_records(broker.bootstrap, topic_name, {0: 1})

    async def story() -> None:
        async with connected(broker.bootstrap) as cluster:
            source = TopicPartition(topic_name, 0)
            assert (await record_at(cluster, source, 1)).value == b"second"
            with pytest.raises(Failure):
                await record_at(cluster, source, 0)

    aio.run(story())


def test_a_range_has_two_ends_and_no_more_letters_than_are_kept(
    aio: LoopRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = _fake(300)

    async def story() -> None:
        part = await part_of(cluster, "dlq", AtOffset(10), AtOffset(30), NOW)
        assert [each.offset for each in await _read(cluster, part)] == [*range(10, 30), *range(10, 30)]
        newest = await part_of(cluster, "dlq", Newest(5), None, NOW)
        assert {each.offset for each in await _read(cluster, newest)} == set(range(145, 150))
        monkeypatch.setattr(dead_letters, "MOST", 100)
        part = await part_of(cluster, "dlq", None, None, NOW)
        assert part.left_out == 200
        assert [(each.start, each.end) for each in part.ranges] == [(100, 150), (100, 150)]
        with pytest.raises(Failure) as caught:
            await part_of(cluster, "nowhere", None, None, NOW)
        assert caught.value.kind is FailureKind.NOT_FOUND

    aio.run(story())


def test_who_stops_listening_stops_the_reading(aio: LoopRunner) -> None:
    cluster = _fake(2000)

    async def story() -> None:
        found = letters(cluster, await part_of(cluster, "dlq", None, None, NOW), LetterReader(None, "c", 0))
        some, _ = await anext(found)
        assert 0 < len(some) < 2000
        assert cluster.open_readers == 1
        await found.aclose()
        assert cluster.open_readers == 0

    aio.run(story())


def _letter(offset: int, error: str = "E", topic: str = "orders", at: int | None = NOW) -> DeadLetter:
    origin = Origin(topic, 0, offset)
    return DeadLetter(TopicPartition("dlq", 0), offset, at, Way.SPRING, origin, Cause(error, topic), "", 0)


def test_letters_are_counted_by_cause_and_by_time(aio: LoopRunner) -> None:
    found = [_letter(0), _letter(1, at=NOW + 60_000), _letter(2, "Other"), _letter(3, topic="payments", at=None)]
    groups: dict[Cause, Group] = {}
    count_in(groups, found, {(0, 1), (0, 9)})
    assert groups[Cause("E", "orders")] == Group(Cause("E", "orders"), 2, 1, NOW, NOW + 60_000)
    assert groups[Cause("E", "payments")].first is None
    assert groups[Cause("Other", "orders")].count == 1
    histogram = aio.run(over_time(found, UTC))
    assert (sum(histogram.counts), histogram.earlier) == (3, 1)
    assert histogram.borders[0] <= NOW < histogram.borders[-1]
    assert aio.run(over_time(found[3:], UTC)).borders == ()


def test_a_plan_sends_the_chosen_letters_to_one_topic_and_says_so_in_a_file() -> None:
    chosen = [_letter(offset) for offset in (7, 3, 4, 5)]
    plan = redrive_plan(Profile("local", "localhost:9092"), chosen, "orders", ADDED, NOW)
    check_plan(plan)
    assert parse_plan(plan_text(plan)) == plan
    assert plan.source.selected == {TopicPartition("dlq", 0): (3, 4, 5, 7)}
    assert plan.target.topics == {"dlq": "orders"}
    assert (plan.guarantee, plan.policy, plan.marks) == (Guarantee.EXACTLY_ONCE, Policy.SKIP, True)


def test_a_letter_to_edit_is_as_before_it_failed_and_counted() -> None:
    cluster = _fake(0)
    headers = (*SPRING, ("retry_topic-attempts", b"\x00\x00\x00\x01"), ("x-why", b"1"), ("kx-replay-count", b"2"))
    record = cluster.add("dlq", b"v", b"k", partition=1, headers=headers)
    read = LetterReader(DeadLetterRule(error='headers["x-why"]'), "c", 0)
    made = to_resend(record, "orders", read.added)
    assert made.headers == (("trace-id", b"4711"), ("kx-replay-count", b"3"))
    assert (made.topic, made.partition, made.key, made.value) == ("orders", 1, b"k", b"v")


def test_runs_of_others_mark_nothing(aio: LoopRunner, tmp_path: Path) -> None:
    """Of another program, unfinished, or damaged."""
    for name, content in (("a", "{"), ("b", "[]"), ("c", '{"state": "done", "exceptional": []}')):
        (tmp_path / f"{name}.run").mkdir()
        (tmp_path / f"{name}.run" / "report.json").write_text(content)
    store = DeadLetterMarks(tmp_path / "marks.db")
    part = Part((OffsetRange(TopicPartition("dlq", 0), 0, 9),), (), 0, "c", "t")

    async def story() -> None:
        await mark_replayed(tmp_path, store, part, "dlq")
        await mark_replayed(tmp_path / "none", store, part, "dlq")
        assert await store.done("c", "t") == set()

    aio.run(story())
