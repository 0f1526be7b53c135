"""The life of an entity in memory: in order, at any event, at any time."""

import json
from pathlib import Path

import pytest

from kexplorer.formats.folding import make_fold
from kexplorer.formats.payloads import MISSING
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.folding import FoldKind, FoldSpec
from kexplorer.model.records import Record, RecordColumns, TimestampType
from kexplorer.model.search import FilterKind, Where
from kexplorer.model.topics import TopicPartition
from kexplorer.services import entity
from kexplorer.services.entity import EntityKey, History, in_order, reader, save_history, scope_of
from tests.rig.loops import LoopRunner
from tests.services.fake_cluster import FakeCluster

SUM = FoldSpec(FoldKind.EXPRESSION, "sum = coalesce(state.sum, 0) + event.n")
LONG = 3 * entity._EVERY + 17


def record(offset: int, value: bytes | None, ms: int, partition: int = 0, topic: str = "t") -> Record:
    return Record(TopicPartition(topic, partition), offset, ms, TimestampType.CREATE_TIME, b"k", value, ())


def history(aio: LoopRunner, records: list[Record], spec: FoldSpec = SUM) -> History:
    made = History(RecordColumns(records), make_fold(spec), reader(None))
    aio.run(made.build(lambda _: None))
    return made


def test_pieces_of_workers_are_put_in_order() -> None:
    late, early = record(5, b"", 300), record(4, b"", 200)
    other = record(9, b"", 250, partition=1)
    second = record(1, b"", 100, topic="u")
    found = in_order(RecordColumns([late, other, second, early]))
    assert [(each.topic, each.offset) for each in found] == [("u", 1), ("t", 4), ("t", 9), ("t", 5)]


def test_every_state_of_a_long_life(aio: LoopRunner) -> None:
    """Only some are kept: all others come out the same, whatever order they are looked at in."""
    life = history(aio, [record(n, b'{"n": %d}' % n, 1000 * n) for n in range(LONG)])
    for row in (LONG - 1, 0, 1, entity._EVERY - 1, entity._EVERY, entity._EVERY + 1, 2 * entity._EVERY, 5):
        step = aio.run(life.step(row))
        assert step.record.offset == row
        assert step.after == {"sum": row * (row + 1) // 2}
        assert step.before == ({"sum": row * (row - 1) // 2} if row else MISSING)


def test_what_cannot_be_folded_leaves_the_state(aio: LoopRunner) -> None:
    life = history(aio, [record(0, b'{"n": 1}', 0), record(1, b'{"m": 1}', 1), record(2, b'{"n": 2}', 2)])
    assert list(life.failed) == [1]
    step = aio.run(life.step(1))
    assert step.after == step.before == {"sum": 1}
    assert step.failure
    assert "sum has no result" in step.failure.message
    assert aio.run(life.step(2)).after == {"sum": 3}


def test_a_tombstone_ends_it(aio: LoopRunner) -> None:
    life = history(aio, [record(0, b'{"n": 1}', 0), record(1, None, 1), record(2, b'{"n": 5}', 2)])
    assert life.tombstones == {1}
    assert [aio.run(life.step(row)).after for row in range(3)] == [{"sum": 1}, MISSING, {"sum": 5}]


def test_the_event_of_a_time(aio: LoopRunner) -> None:
    """An event counts as no older than the one before it, so the state never goes back."""
    life = history(aio, [record(n, b'{"n": 1}', ms) for n, ms in enumerate((100, 200, 150, 300))])
    assert [life.row_at(ms) for ms in (99, 100, 199, 200, 299, 300, 9999)] == [-1, 0, 0, 2, 2, 3, 3]


def test_two_times_are_compared(aio: LoopRunner) -> None:
    life = history(aio, [record(n, b'{"n": %d}' % n, n) for n in range(10)])
    look = aio.run(life.look(9, 3))
    assert [(each.path, each.before, each.after) for each in look.changed] == [("sum", 6, 45)]
    assert aio.run(life.look(9)).changed[0].before == 36
    assert look.lines.after == ["{", '  "sum": 45', "}"]


def test_a_history_as_a_file(aio: LoopRunner, tmp_path: Path) -> None:
    life = history(aio, [record(0, b'{"n": 9007199254740993}', 5), record(1, b"?", 6), record(2, None, 7)])
    path = tmp_path / "life.jsonl"
    aio.run(save_history(life, path, replace=False))
    first, second, third = map(json.loads, path.read_text().splitlines())
    assert first["state"] == {"sum": 9007199254740993}
    assert (first["offset"], first["timestamp"], first["value"]) == (0, 5, '{"n": 9007199254740993}')
    assert second["state"] == first["state"]
    assert "sum has no result" in second["failure"]
    assert third["value"] is None
    assert "state" not in third
    with pytest.raises(Failure, match="exists already"):
        aio.run(save_history(life, path, replace=False))


def test_a_key_is_one_filter_and_a_field_another() -> None:
    by_key = EntityKey("a\udcff").filter()
    assert (by_key.kind, by_key.where, by_key.text) == (FilterKind.EQUALS, Where.KEY, "a\udcff")
    assert EntityKey("o-1", "value.id").filter().text == '(value.id) == "o-1"'
    assert EntityKey("17", "value.id").filter().text == '(value.id) == "17" or (value.id) == 17'
    assert EntityKey("007", "value.id").filter().text == '(value.id) == "007"'
    with pytest.raises(Failure, match=r"The expression, column 7") as raised:
        EntityKey("1", "value.").filter()
    assert raised.value.kind is FailureKind.INVALID


def test_only_the_partition_of_a_key_is_looked_at(aio: LoopRunner) -> None:
    """By the hash of Java's clients: those of 12 and of 4 partitions are others."""
    cluster = FakeCluster()
    cluster.add_topic("a", 12)
    cluster.add_topic("b", 4)

    async def scope(key: EntityKey, *, everywhere: bool = False) -> tuple[list[TopicPartition], int]:
        found = await scope_of(cluster, ["a", "b"], key, 0, everywhere=everywhere)
        return [each.source for each in found.query.ranges], len(found.left_out)

    # org.apache.kafka.common.utils.Utils.murmur2("21") = -973932308, from Kafka's own test
    hashed = -973932308 & 0x7FFFFFFF
    likely = [TopicPartition("a", hashed % 12), TopicPartition("b", hashed % 4)]
    assert aio.run(scope(EntityKey("21"))) == (likely, 14)
    assert [len(part) for part in aio.run(scope(EntityKey("21"), everywhere=True))[:1]] == [16]
    assert aio.run(scope(EntityKey("21", "value.id")))[1] == 0
