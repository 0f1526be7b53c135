"""Large inputs are sent by several processes: each row once, in order, and what went wrong is told by its line."""

import asyncio
import json
import multiprocessing
import os
from pathlib import Path

import pytest

from kexplorer.kafka import sending_lines
from kexplorer.kafka.sending import TopicLimits
from kexplorer.kafka.sending_lines import Begin, Place
from kexplorer.model.failure import Failure
from kexplorer.model.lines import LineFormat, LinePlace
from kexplorer.model.produce import ProducerSettings
from kexplorer.model.records import Record
from kexplorer.model.topics import Edge, IsolationLevel, OffsetRange, TopicPartition
from kexplorer.services import rows_in
from kexplorer.services.producing import Outcome, Production
from kexplorer.services.rows_in import RowsFile
from kexplorer.services.send_report import read_report
from tests.kafka import direct
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until

PARTITIONS = 4
SETTINGS = ProducerSettings({"compression.type": "lz4", "linger.ms": "5"})


@pytest.fixture(autouse=True)
def small_is_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_in, "_MANY", 1)
    monkeypatch.setattr(rows_in, "_BLOCK", 20_000)
    monkeypatch.setattr(rows_in, "_PLACE", 20_000)
    monkeypatch.setattr(rows_in, "_PLACES", 3)


def _row(n: int, key: str | None = None, **more: object) -> str:
    return json.dumps({"key": key, "value": f"{n}", "headers": [["n", f"{n % 7}"], ["n", None]], **more})


def _write(path: Path, rows: list[str]) -> RowsFile:
    path.write_text("\n".join(rows) + "\n")
    return RowsFile(path)


async def _read(bootstrap: str, topic: str) -> list[Record]:
    async with direct.connected(bootstrap) as cluster:
        sources = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        ends = await cluster.list_offsets(dict.fromkeys(sources, Edge.END), IsolationLevel.READ_UNCOMMITTED)
        ranges = [OffsetRange(source, 0, end) for source, end in ends.items() if isinstance(end, int)]
        found: list[Record] = []
        async with cluster.open_reader(ranges) as reader:
            while (batch := await reader.next_batch()) is not None:
                found += batch.records
        return found


def _sent(
    aio: LoopRunner, broker: Broker, topic: str, rows: RowsFile, report: Path | None = None, *, resume: bool = False
) -> tuple[Outcome, list[Record]]:
    async def send() -> tuple[Outcome, list[Record]]:
        source = RowsFile(rows.path, topic=topic, keep_partition=rows.keep_partition)
        answered = read_report(report, source.name) if report and resume else None
        async with direct.connected(broker.bootstrap) as cluster:
            outcome = await Production(cluster, source, SETTINGS, report=report, answered=answered).run()
        return outcome, await _read(broker.bootstrap, topic)

    return aio.run(send())


@pytest.mark.parametrize("reported", [False, True])
def test_each_row_arrives_once_and_wrong_lines_are_told(
    aio: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path, reported: bool
) -> None:
    direct.create(broker.bootstrap, topic_name, PARTITIONS)
    rows = [_row(n) for n in range(3000)]
    rows[700], rows[1500], rows[2999] = "no row", "", '{"key": "a"}'
    report = tmp_path / "report.jsonl" if reported else None
    outcome, found = _sent(aio, broker, topic_name, _write(tmp_path / "rows.jsonl", rows), report)
    assert sorted(int(record.value or b"") for record in found) == [n for n in range(2999) if n not in (700, 1500)]
    assert {record.headers for record in found} == {((("n", f"{n}".encode()), ("n", None))) for n in range(7)}
    progress = outcome.progress
    assert (progress.acknowledged, progress.failed, progress.skipped, progress.undelivered) == (2997, 0, 2, 0)
    assert progress.nbytes == sum(len(record.value or b"") for record in found)
    assert progress.p99 >= progress.p50 > 0
    assert not outcome.complete
    assert sorted(trouble.place for trouble in outcome.troubles) == ["line 3000", "line 701"]
    assert any("latencies are estimates" in line for line in outcome.lines()) is not reported
    if report:
        told = [json.loads(line) for line in report.read_text().splitlines()[1:]]
        places = {(each["partition"], each["offset"]): each["row"] for each in told if "offset" in each}
        assert {places[record.partition, record.offset] for record in found} == {int(r.value or b"") + 1 for r in found}
        assert all(places[record.partition, record.offset] == int(record.value or b"") + 1 for record in found)


def test_a_report_is_gone_on_with(aio: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path) -> None:
    direct.create(broker.bootstrap, topic_name, PARTITIONS)
    rows = _write(tmp_path / "rows.jsonl", [_row(n) for n in range(2000)])
    report = tmp_path / "report.jsonl"
    lines = [f'{{"row":{row},"partition":0,"offset":{row},"latency_ms":1.0}}' for row in range(1, 2001, 2)]
    report.write_text("\n".join(['{"input": "rows.jsonl"}', *lines]) + "\n")
    outcome, found = _sent(aio, broker, topic_name, rows, report, resume=True)
    assert outcome.complete
    assert (outcome.progress.acknowledged, outcome.progress.skipped) == (1000, 1000)
    assert sorted(int(record.value or b"") for record in found) == list(range(1, 2000, 2))


def test_rows_with_keys_or_partitions_keep_their_order(
    aio: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path
) -> None:
    direct.create(broker.bootstrap, topic_name, PARTITIONS)
    rows = [_row(n, f"key {n % 50}") if n % 3 else _row(n, partition=n % PARTITIONS) for n in range(4000)]
    source = RowsFile(_write(tmp_path / "rows.jsonl", rows).path, keep_partition=True)
    outcome, found = _sent(aio, broker, topic_name, source)
    assert outcome.complete
    for partition in range(PARTITIONS):
        values = [int(record.value or b"") for record in found if record.partition == partition]
        assert len(values) > 500
        assert values == sorted(values)


def test_what_is_behind_in_a_place_is_told_by_its_line_and_keeps_its_order(
    aio: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_in, "_PLACE", 4 << 20)  # a worker reads a megabyte at once
    direct.create(broker.bootstrap, topic_name, PARTITIONS)
    rows = [_row(n, padding="x" * 5000) for n in range(1000)] + [_row(n, f"key {n % 50}") for n in range(1000, 1500)]
    rows[300], rows[1200] = "no row", '{"value": 5}'
    outcome, found = _sent(aio, broker, topic_name, _write(tmp_path / "rows.jsonl", rows))
    assert sorted(int(record.value or b"") for record in found) == [n for n in range(1500) if n not in (300, 1200)]
    assert [trouble.place for trouble in outcome.troubles] == ["line 301", "line 1201"]
    for partition in range(PARTITIONS):
        values = [int(record.value or b"") for record in found if record.partition == partition and record.key]
        assert len(values) > 50
        assert values == sorted(values)


def test_what_the_client_would_take_for_something_else_is_refused(
    aio: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path
) -> None:
    direct.create(broker.bootstrap, topic_name, PARTITIONS)
    rows = [_row(n, timestamp=n * 1000) for n in range(10)]
    rows[7] = json.dumps({"value": {"base64": "AAH/"}, "key": {"base64": ""}, "headers": [["b", {"base64": "/w=="}]]})
    rows[8] = _row(8, partition=PARTITIONS)
    source = RowsFile(_write(tmp_path / "rows.jsonl", rows).path, keep_partition=True)
    outcome, found = _sent(aio, broker, topic_name, source)
    assert {trouble.place: trouble.failure.message.partition(" (")[0] for trouble in outcome.troubles} == {
        "row 1": "The timestamp 0",
        "row 9": f"{topic_name} has no partition {PARTITIONS}.",
    }
    assert {(record.key, record.value) for record in found} == {
        (b"", b"\0\1\xff"),
        *((None, b"%d" % n) for n in (1, 2, 3, 4, 5, 6, 9)),
    }


def test_a_file_that_becomes_shorter_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(_row(1))
    sending_lines.begin(Begin({}, TopicLimits(PARTITIONS, None), LineFormat("orders")))
    with pytest.raises(Failure, match=r"rows\.jsonl cannot be read any more: it is shorter than before"):
        sending_lines.take(Place(LinePlace(str(path), 1000, 2000), 0, ordered=False), finish=False)


def test_a_topic_that_is_not_there_is_not_made(
    aio: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path
) -> None:
    async def send() -> Outcome:
        source = RowsFile(_write(tmp_path / "rows.jsonl", [_row(1)]).path, topic=topic_name)
        async with direct.connected(broker.bootstrap) as cluster:
            return await Production(cluster, source, SETTINGS).run()

    outcome = aio.run(send())
    assert outcome.failure
    assert f"There is no topic {topic_name}" in outcome.failure.message
    assert topic_name not in direct.admin(broker.bootstrap).list_topics(timeout=10).topics


def test_a_process_that_dies_ends_it_and_is_told(
    aio: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path
) -> None:
    direct.create(broker.bootstrap, topic_name, PARTITIONS)
    rows = _write(tmp_path / "rows.jsonl", [_row(n) for n in range(3000)])

    async def send() -> Outcome:
        source = RowsFile(rows.path, topic=topic_name)
        async with direct.connected(broker.bootstrap) as cluster:
            production = Production(cluster, source, SETTINGS)
            production.pause()
            running = asyncio.create_task(production.run())
            await until(lambda: len(multiprocessing.active_children()) >= min(3, os.cpu_count() or 1))
            for process in multiprocessing.active_children():
                process.kill()
            production.resume()
            return await running

    outcome = aio.run(send())
    assert isinstance(outcome.failure, Failure)
    assert "process that sends has ended" in outcome.failure.message
    assert not outcome.complete
