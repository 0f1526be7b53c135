"""Rows of a file are sent as they are, at the rate that was chosen, and each is answered for."""

import asyncio
import json
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kexplorer.formats.routing import compile_route
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import MessageTemplate, Outgoing, ProducerSettings, RowBatch, Rows
from kexplorer.model.records import Record
from kexplorer.model.topics import IsolationLevel, OffsetRange, TopicPartition
from kexplorer.services.export import Format, Target, export_range
from kexplorer.services.jobs import Jobs, JobState
from kexplorer.services.producing import Outcome, Production
from kexplorer.services.rows_in import CsvMapping, RowsFile, RowsFormat, check_all, csv_columns, preview
from kexplorer.services.send_pace import Limits
from kexplorer.services.send_report import read_report
from kexplorer.services.sending import WarmSender, send_all, send_transaction
from kexplorer.services.template_rows import TemplateRows
from kexplorer.store.templates import TemplateStore
from tests.kafka import direct
from tests.kafka.direct import Sent
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster

DURABLE = ProducerSettings()


class Source:
    """Rows in memory, a few at a time."""

    name = "rows"

    def __init__(self, count: int) -> None:
        self.count = count

    def open(self) -> Rows:
        return _Opened(self.count)


class _Opened:
    def __init__(self, count: int) -> None:
        self._left = iter(range(1, count + 1))

    def next(self, most: int) -> RowBatch | None:
        rows = array("q", [row for _, row in zip(range(min(most, 7)), self._left, strict=False)])
        return RowBatch([Outgoing("orders", None, f"{row}") for row in rows], rows, []) if rows else None

    def close(self) -> None:
        pass


@pytest.fixture
def cluster() -> FakeCluster:
    made = FakeCluster()
    made.add_topic("orders", 2)
    return made


def _values(cluster: FakeCluster, topic: str = "orders") -> list[bytes | None]:
    return [record.value for source, log in cluster.logs.items() if source.topic == topic for record in log]


def _lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_all_rows_are_sent_once_and_answered_for(aio: LoopRunner, cluster: FakeCluster, tmp_path: Path) -> None:
    report, jobs = tmp_path / "report.jsonl", Jobs()
    cluster.unsendable[b"4"] = Failure(FailureKind.AUTHORIZATION, "You may not write to orders.")
    outcome = aio.run(Production(cluster, Source(30), DURABLE, report=report).run(jobs))
    assert sorted(_values(cluster), key=str) == sorted((b"%d" % n for n in range(1, 31) if n != 4), key=str)
    assert (outcome.progress.acknowledged, outcome.progress.failed, outcome.complete) == (29, 1, False)
    assert [(trouble.row, str(trouble.failure)) for trouble in outcome.troubles] == [
        (4, "You may not write to orders.")
    ]
    assert [job.state for job in jobs.all()] == [JobState.FAILED]
    told = {line["row"]: line for line in _lines(report)[1:]}
    assert sorted(told, key=str) == sorted(range(1, 31), key=str)
    assert told[4]["error"] == "You may not write to orders."
    assert all("offset" in told[row] for row in range(1, 31) if row != 4)


def test_a_report_is_gone_on_with(aio: LoopRunner, cluster: FakeCluster, tmp_path: Path) -> None:
    report = tmp_path / "report.jsonl"
    first = aio.run(Production(cluster, Source(30), DURABLE, Limits(count=11), report=report).run())
    assert (first.progress.sent, first.complete) == (11, True)
    with report.open("ab") as file:
        file.write(b'{"row":12,"part')  # as a run that was killed leaves it
    answered = read_report(report, "rows")
    assert len(answered) == 11
    second = aio.run(Production(cluster, Source(30), DURABLE, report=report, answered=answered).run())
    assert (second.progress.sent, second.progress.skipped, second.complete) == (19, 11, True)
    assert sorted(map(int, filter(None, _values(cluster)))) == list(range(1, 31))
    with pytest.raises(Failure, match="no report on other"):
        read_report(report, "other")


def test_a_report_that_was_gone_on_with_can_be_read(aio: LoopRunner, cluster: FakeCluster, tmp_path: Path) -> None:
    report = tmp_path / "report.jsonl"
    aio.run(Production(cluster, Source(5), DURABLE, Limits(count=2), report=report).run())
    with report.open("ab") as file:
        file.write(b'{"row":3,"part')
    aio.run(Production(cluster, Source(5), DURABLE, report=report, answered=read_report(report, "rows")).run())
    assert len(read_report(report, "rows")) == 5


def test_a_rate_is_kept(aio: LoopRunner, cluster: FakeCluster) -> None:
    now = 0.0
    production = Production(cluster, Source(1000), DURABLE, Limits(rate=100.0), clock=lambda: now)

    async def run() -> None:
        nonlocal now
        running = asyncio.create_task(production.run())
        await until(lambda: production.progress().sent == 5)
        for seconds in (1.0, 2.0, 3.0):
            now = seconds
            most = int(100 * (seconds + 0.05))
            await until(lambda most=most: production.progress().sent == most)  # type: ignore[misc]
            await asyncio.sleep(0.1)  # what comes too early would come now
            assert production.progress().sent == most
        production.cancel()
        outcome = await running
        assert outcome.cancelled
        assert not outcome.complete

    aio.run(run())


def test_bytes_a_second_are_kept_and_a_large_record_is_sent_all_the_same(
    aio: LoopRunner, cluster: FakeCluster, tmp_path: Path
) -> None:
    now = 0.0
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"value": "x" * 1000}) + "\n" for _ in range(20)))
    production = Production(
        cluster, RowsFile(path, topic="orders"), DURABLE, Limits(byte_rate=100.0), clock=lambda: now
    )

    async def run() -> None:
        nonlocal now
        running = asyncio.create_task(production.run())
        await until(lambda: production.progress().sent == 1)
        await asyncio.sleep(0.1)
        assert production.progress().sent == 1
        now = 10.0
        await until(lambda: production.progress().sent == 2)
        production.cancel()
        await running

    aio.run(run())


def test_it_pauses_and_ends_in_time(aio: LoopRunner, cluster: FakeCluster) -> None:
    now = 0.0
    production = Production(cluster, Source(100_000), DURABLE, Limits(rate=100.0, seconds=2.0), clock=lambda: now)

    async def run() -> Outcome:
        nonlocal now
        running = asyncio.create_task(production.run())
        await until(lambda: production.progress().sent == 5)
        production.pause()
        now = 500.0
        await asyncio.sleep(0.1)
        assert production.progress().sent == 5
        production.resume()
        now = 501.0
        await until(lambda: production.progress().sent == 105)
        now = 503.0
        return await running

    outcome = aio.run(run())
    assert outcome.complete
    assert outcome.progress.sent == 105


def test_what_nobody_answered_for_is_counted(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.holds_deliveries = True
    outcome = aio.run(Production(cluster, Source(10), DURABLE).run())
    assert (outcome.progress.undelivered, outcome.complete) == (10, False)
    assert "10 were sent, but nobody knows whether they arrived." in list(outcome.lines())


def test_it_stops_when_all_fail(aio: LoopRunner, cluster: FakeCluster, tmp_path: Path) -> None:
    outcome = aio.run(Production(cluster, TemplateRows(MessageTemplate(value="x"), "missing", None), DURABLE).run())
    assert outcome.failure
    assert "failed: There is no topic missing" in outcome.failure.message
    assert not outcome.complete


def test_a_read_only_profile_is_refused(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.profile = replace(cluster.profile, read_only=True)
    with pytest.raises(Failure, match="read-only"):
        aio.run(Production(cluster, Source(3), DURABLE).run())
    assert _values(cluster) == []


def test_rows_go_where_an_expression_says(aio: LoopRunner, cluster: FakeCluster) -> None:
    source = TemplateRows(MessageTemplate(value='{"n": ${seq}}'), "orders", 10)
    aio.run(Production(cluster, source, DURABLE, route=compile_route("value.n % 2")).run())
    odd = [record.value for record in cluster.logs[TopicPartition("orders", 1)]]
    assert odd == [b'{"n": %d}' % n for n in (1, 3, 5, 7, 9)]


def test_a_report_that_cannot_be_written_is_told_before_anything_is_sent(
    aio: LoopRunner, cluster: FakeCluster, tmp_path: Path
) -> None:
    with pytest.raises(Failure, match="cannot be written"):
        aio.run(Production(cluster, Source(3), DURABLE, report=tmp_path / "no folder" / "r").run())
    assert _values(cluster) == []


def test_deliveries_come_in_the_order_given(aio: LoopRunner, cluster: FakeCluster) -> None:
    told = aio.run(send_all(cluster, [Outgoing("orders", None, "a", (), 1), Outgoing("orders", "k", None)], DURABLE))
    assert [(delivery.number, delivery.failure) for delivery in told] == [(0, None), (1, None)]
    cluster.holds_deliveries = True
    (lost,) = aio.run(send_all(cluster, [Outgoing("orders", None, "b")], DURABLE))
    assert lost.failure
    assert "Nobody knows" in lost.failure.message


def test_a_writer_is_kept_for_the_next_record(aio: LoopRunner, cluster: FakeCluster) -> None:
    sender, lazy = WarmSender(), ProducerSettings({"linger.ms": "5"})

    async def send() -> None:
        for number, settings in enumerate((DURABLE, DURABLE, lazy)):
            told = await sender.send(cluster, Outgoing("orders", None, str(number), (), 1), settings)
            assert (told.number, told.offset, told.failure) == (0, number, None)
        assert cluster.calls.count("open_writer") == 2
        cluster.holds_deliveries = True
        told = await sender.send(cluster, Outgoing("orders", None, "lost"), lazy)
        assert "Nobody knows" in str(told.failure)
        assert not sender.warm
        cluster.holds_deliveries = False
        assert (await sender.send(cluster, Outgoing("orders", None, "4", (), 1), lazy)).offset == 3
        assert cluster.calls.count("open_writer") == 3
        await sender.close()

    aio.run(send())


def test_a_writer_is_not_kept_for_long(aio: LoopRunner, cluster: FakeCluster) -> None:
    sender = WarmSender(kept=0.02)

    async def send() -> None:
        await sender.send(cluster, Outgoing("orders", None, "a"), DURABLE)
        await until(lambda: not sender.warm)
        assert (await sender.send(cluster, Outgoing("orders", None, "b"), DURABLE)).failure is None
        await sender.close()

    aio.run(send())


def test_a_transaction_that_is_not_committed_says_why(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.failures["commit"] = Failure(FailureKind.REFUSED, "This producer was fenced.")
    settings = ProducerSettings(transactional_id="x")
    outcome = aio.run(send_transaction(cluster, [Outgoing("orders", None, "a")], settings, commit=True))
    assert not outcome.committed
    assert str(outcome.failure) == "This producer was fenced."


# rows of files


def test_an_export_is_sent_back_as_it_was(aio: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path) -> None:
    direct.create(broker.bootstrap, topic_name, 2)
    direct.create(broker.bootstrap, f"{topic_name}-copy", 2)
    payloads = [None, b"", b"\xff\x00", "ключ\u2028\x1b".encode(), b'{"a": 1}', b"x" * 200_000]
    headers = [(), (("a", b""), ("a", None), ("ключ", b"\xfe"))]
    sent = [
        Sent(n % 2, key, value, headers[n % 2], direct.NOW + n)
        for n, (key, value) in enumerate((key, value) for key in payloads for value in payloads)
    ]
    direct.produce(broker.bootstrap, topic_name, sent)
    target = Target(tmp_path / "rows.jsonl", Format.JSONL)

    async def copy() -> tuple[Outcome, list[Record], list[Record]]:
        async with direct.connected(broker.bootstrap) as cluster:
            ranges = [OffsetRange(TopicPartition(topic_name, n), 0, len(sent) // 2) for n in range(2)]
            assert (await export_range(cluster, ranges, IsolationLevel.READ_UNCOMMITTED, target, Jobs())).complete
            source = RowsFile(target.path, topic=f"{topic_name}-copy", keep_partition=True)
            outcome = await Production(cluster, source, DURABLE).run()
            found: list[list[Record]] = []
            for name in (topic_name, f"{topic_name}-copy"):
                found.append([])
                asked = [OffsetRange(TopicPartition(name, n), 0, len(sent) // 2) for n in range(2)]
                async with cluster.open_reader(asked) as reader:
                    while (batch := await reader.next_batch()) is not None:
                        assert not batch.troubles
                        found[-1] += batch.records
            return outcome, found[0], found[1]

    outcome, original, copied = aio.run(copy())
    assert outcome.complete

    def contents(records: list[Record]) -> list[tuple[object, ...]]:
        ordered = sorted(records, key=lambda r: (r.partition, r.offset))
        return [(r.partition, r.offset, r.timestamp, r.key, r.value, r.headers) for r in ordered]

    assert contents(copied) == contents(original)
    assert len(copied) == len(sent)


def test_a_wrong_line_is_told_with_its_place(aio: LoopRunner, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(
        b'{"value":"1"}\n\n{"value":5}\nnonsense\n{"value":"2","headers":null}\n{"value":{"base64":"/w=="}}'
    )
    source = RowsFile(path, topic="orders")
    found = aio.run(preview(source))
    assert [(row, outgoing.value) for row, outgoing in zip(found.rows, found.outgoing, strict=True)] == [
        (1, "1"),
        (6, b"\xff"),
    ]
    assert [(trouble.place, trouble.failure.message) for trouble in found.troubles] == [
        ("line 3", "This is no row: Expected `str | object | null`, got `int` - at `$.value`."),
        ("line 4", "This is no row: JSON is malformed: invalid character (byte 4)."),
        ("line 5", "The row has headers that could not be read when it was written."),
    ]
    checked = aio.run(check_all(source))
    assert (checked.good, checked.bad) == (2, 3)


def test_stopping_at_a_wrong_row_names_it(aio: LoopRunner, cluster: FakeCluster, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"value":"1"}\nnonsense\n')
    source = RowsFile(path, topic="orders")
    outcome = aio.run(Production(cluster, source, DURABLE, stop_at_wrong_row=True).run())
    assert outcome.failure
    assert outcome.failure.message.startswith("Stopped before line 2: This is no row")
    assert _values(cluster) == []


def test_columns_of_csv_become_parts_of_a_record(aio: LoopRunner, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "\ufeffid;name;when;part;trace\r\n"
        '1;"a ""b""\r\nc";1700000000123;1;t1\r\n'
        "\r\n"
        "2;ü;2023-11-14T22:13:20Z;;\r\n"
        "3;too few\r\n"
        "4;x;never;0;\r\n",
        encoding="utf-8",
        newline="",
    )
    assert aio.run(csv_columns(path, ";")) == ("id", "name", "when", "part", "trace")
    mapping = CsvMapping("id", "name", ("trace",), "part", "when", ";")
    found = aio.run(preview(RowsFile(path, RowsFormat.CSV, "orders", mapping=mapping)))
    assert found.outgoing == [
        Outgoing("orders", b"1", b'a "b"\r\nc', [("trace", b"t1")], 1, 1_700_000_000_123),
        Outgoing("orders", b"2", "ü".encode(), [("trace", None)], None, 1_700_000_000_000),
    ]
    assert [trouble.place for trouble in found.troubles] == ["line 6", "line 7"]
    assert "“never” in column when" in found.troubles[1].failure.message
    whole = RowsFile(path, RowsFormat.CSV, "orders", mapping=CsvMapping("id", delimiter=";"))
    value = aio.run(preview(whole)).outgoing[1].value
    assert json.loads(value or b"") == {"name": "ü", "when": "2023-11-14T22:13:20Z", "part": "", "trace": ""}


def test_a_column_that_is_not_there_is_told(aio: LoopRunner, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("id,name\n1,a\n")
    with pytest.raises(Failure, match="has no column “key”"):
        aio.run(preview(RowsFile(path, RowsFormat.CSV, "orders", mapping=CsvMapping("key"))))


def test_each_file_of_a_folder_is_a_value(aio: LoopRunner, tmp_path: Path) -> None:
    (tmp_path / "b.bin").write_bytes(b"\xff")
    (tmp_path / "a.txt").write_bytes(b"")
    (tmp_path / "inside").mkdir()
    found = aio.run(preview(RowsFile(tmp_path, RowsFormat.FOLDER, "orders")))
    assert [(o.key, o.value) for o in found.outgoing] == [(b"a.txt", b""), (b"b.bin", b"\xff")]


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_a_file_that_cannot_be_read_is_told(aio: LoopRunner, tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "rows.jsonl")
    with pytest.raises(Failure, match="cannot be read"):
        aio.run(preview(RowsFile(tmp_path / "rows.jsonl", topic="orders")))


def test_templates_are_kept(aio: LoopRunner, tmp_path: Path) -> None:
    store = TemplateStore(tmp_path / "templates.json")
    first = MessageTemplate("orders", None, '{"n": ${seq}}', (("a", None), ("a", "")), "value.n % 2", "hex", "json")
    aio.run(store.save("b", first))
    aio.run(store.save("A", MessageTemplate()))
    (tmp_path / "templates.json").write_text(
        json.dumps([*json.loads((tmp_path / "templates.json").read_text()), {"name": "odd", "key": 5}, "strange"])
    )
    assert aio.run(TemplateStore(tmp_path / "templates.json").load()) == {"A": MessageTemplate(), "b": first}
    assert aio.run(store.delete("b")) == {"A": MessageTemplate()}
    assert "strange" in json.loads((tmp_path / "templates.json").read_text())
