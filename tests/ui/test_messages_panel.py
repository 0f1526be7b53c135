"""The messages panel on a real broker: what it shows, follows, pauses, and how it bears faults."""

from __future__ import annotations

import asyncio
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QPushButton
from pytestqt.qtbot import QtBot

from kexplorer import app
from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.records import Mark, Trouble
from kexplorer.model.search import FilterKind, FilterSpec, SavedSearch, SearchQuery
from kexplorer.services.jobs import Jobs
from kexplorer.services.schemas import Schemas, open_schemas
from kexplorer.services.search import Search
from kexplorer.services.searches import Searches
from kexplorer.services.sessions import Sessions
from kexplorer.store.assignments import AssignmentStore
from kexplorer.store.filters import FilterStore
from kexplorer.store.scans import ScanStore
from kexplorer.ui.dialogs.assign_schema import AssignSchemaDialog
from kexplorer.ui.dialogs.compare import CompareDialog
from kexplorer.ui.dialogs.export_dialog import ExportDialog
from kexplorer.ui.panels import messages
from kexplorer.ui.panels.exporter import Exporter
from kexplorer.ui.panels.messages import MessagesPanel
from kexplorer.ui.tasks import Tasks
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent
from tests.rig.brokers import Broker
from tests.rig.kafka import KafkaCluster as Rig
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until
from tests.services.memory_audit import MemoryAudit

importlib.import_module("kexplorer.ui.widgets.inspector")  # as the program has by the time that a topic is open

Dialog = TypeVar("Dialog", bound=QDialog)

# Writes records numbered from 0 at RATE a second for SECONDS, and prints how many.
_WRITER = """
import sys, time
from confluent_kafka import Producer
bootstrap, topic, rate, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "compression.type": "lz4"})
began, sent = time.monotonic(), 0
while (passed := time.monotonic() - began) < seconds:
    for _ in range(max(int(passed * rate) - sent, 0)):
        while True:
            try:
                producer.produce(topic, b'{"n":%d,"pad":"%s"}' % (sent, b"x" * 80))
                break
            except BufferError:
                producer.poll(0.01)
        sent += 1
    producer.poll(0.005)
producer.flush(30)
print(sent)
"""


@pytest.fixture(autouse=True)
def _panels_are_made(heartbeat: Heartbeat) -> None:
    heartbeat.allow(500, "a panel and its inspector are made in it, on two cores that a broker starts on")


def _produce(bootstrap: str, topic: str, numbers: range) -> None:
    """Each to the partition of its key."""
    now = int(time.time() * 1000)
    direct.produce(bootstrap, topic, [Sent(-1, b"key %d" % n, b"value %d" % n, timestamp=now + n) for n in numbers])


@asynccontextmanager
async def _opened(qtbot: QtBot, bootstrap: str, *topics: str, home: Path | None = None) -> AsyncIterator[MessagesPanel]:
    """`home` keeps what the panel remembers on disk."""
    with tempfile.TemporaryDirectory() as forgotten:
        async with _panel(bootstrap, topics, home or Path(forgotten)) as panel:
            yield panel


@asynccontextmanager
async def _panel(bootstrap: str, topics: Sequence[str], home: Path) -> AsyncIterator[MessagesPanel]:
    profile = Profile("test", bootstrap)

    async def connect(_: str) -> KafkaCluster:
        return KafkaCluster(profile, Credentials())

    async def schemas(_: str) -> Schemas:
        return await open_schemas(profile, "", AssignmentStore("test", home / "schemas.json"))

    sessions = Sessions(connect, MemoryAudit(), schemas)

    store = ScanStore(home / "searches.db")

    async def open_search(query: SearchQuery, known: Sequence[Trouble], saved: SavedSearch | None) -> Search:
        return await app._open_search(profile, Credentials(), query, known, store, saved)

    failures: list[Failure] = []
    work = Tasks(failures.append)
    searches, exporter = (
        Searches("test", store, FilterStore(home / "filters.json"), open_search),
        Exporter(Jobs(), work),
    )
    panel = MessagesPanel(profile, topics, lambda: sessions.open("test"), searches, exporter)
    panel.resize(1000, 700)
    panel.show()
    try:
        yield panel
    finally:
        await panel.close_panel()
        await work.close()
        assert not failures
        await sessions.close_all()
        panel.deleteLater()


def _button(panel: MessagesPanel, text: str) -> QPushButton:
    return next(button for button in panel.findChildren(QPushButton) if button.text() == text)


def _values(panel: MessagesPanel) -> list[bytes | None]:
    """Of the rows that are there."""
    source = panel.browsed or panel.ring
    assert source is not None
    return [record.value for row in range(len(source)) if (record := source[row])]


def test_shows_the_newest_over_all_partitions_in_order(
    qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat, broker: Broker, topic_name: str
) -> None:
    direct.create(broker.bootstrap, topic_name, 3)
    _produce(broker.bootstrap, topic_name, range(250))

    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, topic_name) as panel:
            await until(lambda: panel.rows == 250)
            newest = _values(panel)
            assert len(newest) >= 100
            assert newest == [b"value %d" % n for n in range(250 - len(newest), 250)]
            panel.select_newest()
            assert panel.view.current_record is not None
            assert panel.view.current_record.value == b"value 249"
            assert panel.status_text == "250 offsets"
            panel.view.select(0)  # the other end of the topic, which nobody has read yet
            await until(lambda: panel.browsed is not None and panel.browsed[0])
            assert _values(panel)[:20] == [b"value %d" % n for n in range(20)]

    qtloop.run(look())


def test_follows_pauses_and_goes_on_without_loss(
    qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat, broker: Broker, topic_name: str
) -> None:
    direct.create(broker.bootstrap, topic_name, 3)
    _produce(broker.bootstrap, topic_name, range(5))

    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, topic_name) as panel:
            panel.follow()
            await until(lambda: panel.rows == 5)
            await asyncio.to_thread(_produce, broker.bootstrap, topic_name, range(5, 10))
            await until(lambda: panel.rows == 10)
            panel.pause()
            await asyncio.sleep(0.5)  # what was under way comes in
            await asyncio.to_thread(_produce, broker.bootstrap, topic_name, range(10, 20))
            await asyncio.sleep(1)
            assert panel.rows == 10
            panel.follow()
            await until(lambda: panel.rows == 20)
            await asyncio.sleep(0.3)
            assert sorted(_values(panel)) == sorted(b"value %d" % n for n in range(20))  # type: ignore[type-var]

    qtloop.run(look())


def test_an_empty_topic_says_what_to_do_next(
    qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat, broker: Broker, topic_name: str
) -> None:
    direct.create(broker.bootstrap, topic_name, 3)

    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, topic_name) as panel:
            await until(lambda: panel.status_text == "0 offsets")
            assert "No readable records here." in panel.empty.text
            panel.follow()
            await until(lambda: "Waiting for the first record" in panel.empty.text)
            await asyncio.sleep(0.3)
            await asyncio.to_thread(_produce, broker.bootstrap, topic_name, range(1))
            await until(lambda: panel.rows == 1)
            await until(lambda: panel.view.row_count() == 1)

    qtloop.run(look())


def test_a_topic_that_is_not_there_is_named_and_not_created(
    qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat, broker: Broker, topic_name: str
) -> None:
    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, topic_name) as panel:
            await until(lambda: panel.strip.failure)
            assert topic_name in str(panel.strip.failure)
            assert panel.strip.isVisible()

    qtloop.run(look())
    assert topic_name not in AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics(timeout=10).topics


@pytest.mark.kafka
@pytest.mark.slow
def test_fifty_thousand_a_second_do_not_stop_the_window(
    qtbot: QtBot,
    qtloop: LoopRunner,
    heartbeat: Heartbeat,
    broker: Broker,
    topic_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(messages, "RING_BYTES", 8 << 20)
    direct.create(broker.bootstrap, topic_name, 6)

    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, topic_name) as panel:
            panel.follow()
            await until(lambda: panel.ring is not None)
            heartbeat.begin()
            heartbeat.allow(200, "now nothing is made any more")
            command = [sys.executable, "-c", _WRITER, broker.bootstrap, topic_name, "50000", "5"]
            sent = int(await asyncio.to_thread(subprocess.check_output, command))
            assert sent > 150_000
            await until(lambda: panel.received == sent)
            await asyncio.sleep(0.2)
            assert panel.received == sent
            assert panel.ring is not None
            assert panel.ring.nbytes <= 8 << 20
            assert panel.rows + panel.ring.dropped == sent
            assert f"of {sent:,} records" in panel.status_text

    qtloop.run(look())


@pytest.mark.slow
def test_a_killed_broker_comes_back_and_every_record_is_there_once(
    qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat, kafka: Rig, topic_name: str
) -> None:
    direct.create(kafka.bootstrap(), topic_name, 3)
    _produce(kafka.bootstrap(), topic_name, range(20))

    async def look() -> None:
        async with _opened(qtbot, kafka.bootstrap(), topic_name) as panel:
            panel.follow()
            await until(lambda: panel.rows == 20)
            await asyncio.to_thread(kafka.node(1).kill)
            await asyncio.sleep(1)
            await asyncio.to_thread(kafka.node(1).start)
            await asyncio.to_thread(_produce, kafka.bootstrap(), topic_name, range(20, 60))
            await until(lambda: panel.rows >= 60)
            await asyncio.sleep(0.5)
            assert sorted(_values(panel)) == sorted(b"value %d" % n for n in range(60))  # type: ignore[type-var]

    qtloop.run(look())


@pytest.mark.slow
def test_a_frozen_broker_leaves_the_window_alive_and_closable(
    qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat, kafka: Rig, topic_name: str
) -> None:
    direct.create(kafka.bootstrap(), topic_name, 3)
    _produce(kafka.bootstrap(), topic_name, range(20))

    async def look() -> float:
        async with _opened(qtbot, kafka.bootstrap(), topic_name) as panel:
            panel.follow()
            await until(lambda: panel.rows == 20)
            kafka.node(1).freeze()
            panel.reload()
            await asyncio.sleep(2)
            assert "Reading" in panel.status_text
            assert panel.rows == 20  # what was shown stays
            began = time.monotonic()
        return time.monotonic() - began

    try:
        assert qtloop.run(look()) < 1
    finally:
        kafka.node(1).thaw()


def test_goes_to_a_place_that_is_typed(
    qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat, broker: Broker, topic_name: str
) -> None:
    direct.create(broker.bootstrap, topic_name, 1)
    _produce(broker.bootstrap, topic_name, range(2000))

    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, topic_name) as panel:
            await until(lambda: panel.rows == 2000)
            panel.go_to("offset:777")
            await until(lambda: panel.view.current_record)
            assert panel.view.current_record is not None
            assert panel.view.current_record.offset == 777
            await until(lambda: panel.inspector.record == panel.view.current_record)
            panel.go_to("tomorrow")
            await until(lambda: panel.strip.failure)
            assert "tomorrow" in str(panel.strip.failure)
            panel.go_to("2100-01-01T00:00Z")
            await until(lambda: panel.view.current_record and panel.view.current_record.offset == 1999)

    qtloop.run(look())


def test_reads_no_more_than_the_part_that_was_chosen(
    qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat, broker: Broker, topic_name: str
) -> None:
    direct.create(broker.bootstrap, topic_name, 1)
    _produce(broker.bootstrap, topic_name, range(100))

    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, topic_name) as panel:
            await until(lambda: panel.rows == 100)
            panel.restore_state({"range": [5, "offset:20", "offset:30"]})
            await until(lambda: panel.rows == 10)
            assert _values(panel) == [b"value %d" % n for n in range(20, 30)]
            panel.restore_state({"range": [5, "offset:20", "nonsense"]})
            await until(lambda: panel.strip.failure)
            assert "nonsense" in str(panel.strip.failure)

    qtloop.run(look())


@pytest.mark.slow
def test_a_search_that_was_interrupted_is_offered_and_goes_on(
    qtbot: QtBot, qtloop: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path
) -> None:
    direct.create(broker.bootstrap, topic_name, 3)
    _produce(broker.bootstrap, topic_name, range(3000))

    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, topic_name, home=tmp_path) as panel:
            await until(lambda: panel.rows == 3000)
            panel.search(FilterSpec("value"))
            await until(lambda: panel.searching.running)
        async with _opened(qtbot, broker.bootstrap, topic_name, home=tmp_path) as panel:
            await until(lambda: "was interrupted" in panel.searching.offered)
            assert "“value”" in panel.searching.offered
            _button(panel, "Go on").click()
            await until(lambda: "everything was scanned" in panel.searching.coverage.text)
            assert panel.searching.offered == ""
            assert panel.searching.query.spec() == FilterSpec("value")
            assert sorted(_values(panel)) == sorted(b"value %d" % n for n in range(3000))  # type: ignore[type-var]
        async with _opened(qtbot, broker.bootstrap, topic_name, home=tmp_path) as panel:
            await until(lambda: panel.rows == 3000 and not panel.tasks.running("offer"))
            assert panel.searching.offered == ""  # it was ended

    qtloop.run(look())


@pytest.mark.kafka
def test_topics_in_one_view_are_merged_by_time(
    qtbot: QtBot, qtloop: LoopRunner, broker: Broker, topic_name: str
) -> None:
    names = [f"{topic_name}.{n}" for n in range(3)]
    now = int(time.time() * 1000)
    for n, name in enumerate(names):
        direct.create(broker.bootstrap, name, 2)
        direct.produce(
            broker.bootstrap,
            name,
            [Sent(i % 2, None, b"%d" % (3 * i + n), timestamp=now + 3 * i + n) for i in range(50)],
        )

    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, *names) as panel:
            assert panel.title == f"{names[0]} + 2"
            await until(lambda: panel.rows == 150)
            assert _values(panel) == [b"%d" % n for n in range(150)]
            panel.follow()
            await until(lambda: panel.rows == 100 and not panel._loading)
            assert _values(panel) == [b"%d" % n for n in range(50, 150)]
            direct.produce(broker.bootstrap, names[1], [Sent(1, None, b"new")])
            await until(lambda: panel.rows == 101)

    qtloop.run(look())


def test_a_time_that_is_brushed_becomes_the_part_that_is_read(
    qtbot: QtBot, qtloop: LoopRunner, broker: Broker, topic_name: str
) -> None:
    direct.create(broker.bootstrap, topic_name, 3)
    sent = [Sent(n % 3, None, b"%d" % n, timestamp=NOW + 1000 * n) for n in range(60)]
    direct.produce(broker.bootstrap, topic_name, sent)

    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, topic_name) as panel:
            await until(lambda: panel.rows == 60)
            panel.restore_state({"histogram": True})
            await until(lambda: panel.times.complete)
            assert "60 offsets" in panel.times.strip.text
            QTest.keyClick(panel.times.strip, Qt.Key.Key_Home)
            for _ in range(9):
                QTest.keyClick(panel.times.strip, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
            QTest.keyClick(panel.times.strip, Qt.Key.Key_Return)
            await until(lambda: panel.rows == 10)
            assert sorted(map(int, _values(panel))) == list(range(10))  # type: ignore[arg-type]
            assert panel.bar.range.first.text().endswith("+00:00")
            QTest.keyClick(panel.times.strip, Qt.Key.Key_Escape)
            await until(lambda: panel.rows == 60)
            assert panel.bar.range.start is None
            histogram = next(a for a in panel.panel_actions() if a.text() == "Histogram over time")
            histogram.trigger()
            assert panel.view.hasFocus(), "arrow keys do not change a combo box that is next"

    qtloop.run(look())


def _dialog(kind: type[Dialog]) -> Dialog | None:
    return next((w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()), None)


def test_the_life_of_a_key(qtbot: QtBot, qtloop: LoopRunner, broker: Broker, topic_name: str) -> None:
    key = b"\xff\x00 no UTF-8"
    direct.create(broker.bootstrap, topic_name, 3)
    sent = [Sent(1, key if n % 10 == 3 else b"other%d" % n, b"%d" % n, timestamp=NOW + n) for n in range(50)]
    direct.produce(broker.bootstrap, topic_name, sent)

    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, topic_name) as panel:
            await until(lambda: panel.rows == 50)
            panel.view.select(13)
            await until(lambda: panel.view.current_record)
            life = next(action for action in panel.panel_actions() if action.text() == "Life of this key")
            life.trigger()
            await until(lambda: "everything was scanned" in panel.searching.coverage.text)
            assert _values(panel) == [b"3", b"13", b"23", b"33", b"43"]
            assert panel.searching.query.order.text() == "Oldest first"

    qtloop.run(look())


def test_two_records_are_compared_and_one_copied(
    qtbot: QtBot, qtloop: LoopRunner, broker: Broker, topic_name: str
) -> None:
    direct.create(broker.bootstrap, topic_name, 1)
    direct.produce(broker.bootstrap, topic_name, [Sent(0, b"k", b'{"n":%d}' % n) for n in range(2)])

    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, topic_name) as panel:
            await until(lambda: panel.rows == 2)
            actions = {action.text(): action for action in panel.panel_actions()}
            compare = actions["Compare the two selected records"]
            assert not compare.isEnabled()
            panel.view.select(1)
            actions["Copy as kcat command"].trigger()
            assert f"-t {topic_name} -p 0 -o 1 " in QApplication.clipboard().text()
            panel.view.select_all()
            panel.records.update()
            compare.trigger()
            await until(lambda: _dialog(CompareDialog))
            dialog = _dialog(CompareDialog)
            assert dialog is not None
            dialog.reject()
            await until(lambda: not panel.tasks.running("compare"))

    qtloop.run(look())


def _shown(panel: MessagesPanel) -> str:
    panel.inspector.value.code.select_all()
    return panel.inspector.value.code.selected_text()


def test_a_schema_file_is_assigned_to_the_topic(
    qtbot: QtBot, qtloop: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path
) -> None:
    schema = tmp_path / "order.avsc"
    schema.write_text(json.dumps({"type": "record", "name": "Order", "fields": [{"name": "item", "type": "string"}]}))
    direct.create(broker.bootstrap, topic_name, 1)
    direct.produce(broker.bootstrap, topic_name, [Sent(0, None, b"\x06tea")])

    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, topic_name, home=tmp_path) as panel:
            await until(lambda: panel.rows == 1)
            panel.view.select(0)
            await until(lambda: panel.inspector.record)
            next(action for action in panel.panel_actions() if action.text() == "Schema of the values…").trigger()
            await until(lambda: _dialog(AssignSchemaDialog))
            dialog = _dialog(AssignSchemaDialog)
            assert dialog is not None
            dialog.file.line.setText(str(schema))
            await until(dialog.save_button.isEnabled)
            dialog.save_button.click()
            await until(lambda: '"item": "tea"' in _shown(panel))
        async with _opened(qtbot, broker.bootstrap, topic_name, home=tmp_path) as panel:  # it was kept
            await until(lambda: panel.rows == 1)
            panel.view.select(0)
            await until(lambda: '"item": "tea"' in _shown(panel))

    qtloop.run(look())


def test_exports_the_whole_range(
    qtbot: QtBot, qtloop: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path
) -> None:
    direct.create(broker.bootstrap, topic_name, 3)
    _produce(broker.bootstrap, topic_name, range(500))

    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, topic_name) as panel:
            await until(lambda: panel.rows == 500)
            next(action for action in panel.panel_actions() if action.text() == "Export…").trigger()
            await until(lambda: _dialog(ExportDialog))
            dialog = _dialog(ExportDialog)
            assert dialog is not None
            target = tmp_path / "all.jsonl"
            dialog.line.setText(str(target))
            dialog.export_button.click()
            await until(target.exists)
            lines = [json.loads(line) for line in target.read_text().splitlines()]
            assert sorted(line["value"] for line in lines) == sorted(f"value {n}" for n in range(500))

    qtloop.run(look())


@pytest.mark.kafka
@pytest.mark.parametrize("following", [False, True])
def test_aborted_records_are_marked(
    qtbot: QtBot, qtloop: LoopRunner, broker: Broker, topic_name: str, following: bool
) -> None:
    direct.create(broker.bootstrap, topic_name, 1)
    _produce(broker.bootstrap, topic_name, range(2))
    writer = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": topic_name})
    writer.init_transactions(20)
    writer.begin_transaction()
    writer.produce(topic_name, b"never was")
    assert writer.flush(20) == 0
    writer.abort_transaction(20)
    _produce(broker.bootstrap, topic_name, range(2, 4))

    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, topic_name) as panel:
            await until(lambda: panel.rows)
            if following:
                panel.follow()
                await until(lambda: panel.ring is not None)
            source = panel._source
            row = len(source) - (3 if following else 4)  # the marker that ends a transaction is a row of a window
            await until(lambda: source.mark_of(row) is Mark.ABORTED)
            record = source[row]
            assert record is not None
            assert record.value == b"never was"
            marks = [source.mark_of(each) for each in range(len(source)) if each != row]
            assert set(marks) == {None}

    qtloop.run(look())


@pytest.mark.kafka
def test_an_open_transaction_is_told(qtbot: QtBot, qtloop: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 1)
    _produce(broker.bootstrap, topic_name, range(5))
    writer = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": topic_name})
    writer.init_transactions(20)
    writer.begin_transaction()
    writer.produce(topic_name, b"of a transaction")
    assert writer.flush(20) == 0

    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, topic_name) as panel:
            await until(panel.notice.isVisible)
            told = "holds readers of committed records at offset 5 of partition 0 (log end offset 6)"
            assert told in panel.notice.text
            await asyncio.to_thread(writer.commit_transaction, 20)
            await until(lambda: not panel.notice.isVisible())

    qtloop.run(look())


@pytest.mark.slow
def test_searches_every_record_and_says_what_was_scanned(
    qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat, broker: Broker, topic_name: str
) -> None:
    direct.create(broker.bootstrap, topic_name, 3)
    _produce(broker.bootstrap, topic_name, range(3000))

    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, topic_name) as panel:
            await until(lambda: panel.rows == 3000)
            panel.search(FilterSpec("99", FilterKind.CONTAINS))
            await until(lambda: "everything was scanned" in panel.searching.coverage.text)
            wanted = [b"value %d" % n for n in range(3000) if "99" in str(n)]
            assert sorted(_values(panel)) == sorted(wanted)  # type: ignore[type-var]
            assert panel.status_text.startswith(f"{len(wanted)} r"), "records found, or rows sorted by now"
            await until(lambda: panel.view.sorted_by == ("timestamp", True))
            shown = [record.timestamp or 0 for record in map(panel.view._record, range(len(wanted))) if record]
            assert shown == sorted(shown, reverse=True), "the newest of all partitions is the first"
            panel.search(FilterSpec("partition >= 0 and offset < 2", FilterKind.EXPRESSION))
            await until(lambda: panel.rows == 6 and "everything was scanned" in panel.searching.coverage.text)
            panel.search(FilterSpec("no such thing", FilterKind.CONTAINS))
            await until(lambda: "0 matches" in panel.searching.coverage.text)
            assert "Nothing was found." in panel.empty.text
            assert "expression" not in panel.empty.text
            text = FilterSpec('value.status == "FAILED"')
            panel.show_query(text)
            panel.search(text)
            await until(lambda: "It reads like an expression" in panel.empty.text)
            panel.show_query(FilterSpec("nor this", FilterKind.CONTAINS))
            panel.reload()
            await until(lambda: panel.rows == 3000)
            QTest.keyClick(panel.searching.query.edit, Qt.Key.Key_Return)
            await until(lambda: "0 matches" in panel.searching.coverage.text)
            assert panel.searching.query.edit.hasFocus(), "one goes on writing where nothing was found"
            panel.reload()
            await until(lambda: panel.rows == 3000)
            assert not panel.searching.coverage.isVisible()

    qtloop.run(look())


def _delete(bootstrap: str, topic: str) -> None:
    client = direct.admin(bootstrap)  # dropped while a call is open, it would leave that unanswered
    client.delete_topics([topic])[topic].result(20)


def _make_anew(bootstrap: str, topic: str, records: int) -> None:
    _delete(bootstrap, topic)
    direct.create(bootstrap, topic)
    direct.produce(bootstrap, topic, [Sent(0, None, b"new %d" % n) for n in range(records)])


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was told of topics' ids so far."""
    told: list[object] = []
    ask = KafkaCluster.topic_ids

    async def asked(self: KafkaCluster, topics: Iterable[str]) -> dict[str, str | Failure | None]:
        answer = await ask(self, topics)
        told.append(answer)
        return answer

    monkeypatch.setattr(KafkaCluster, "topic_ids", asked)
    return told


def _old(bootstrap: str, topic: str, records: int) -> None:
    direct.create(bootstrap, topic)
    direct.produce(bootstrap, topic, [Sent(0, None, b"old %d" % n) for n in range(records)])


@pytest.mark.kafka
@pytest.mark.parametrize("following", [False, True])
def test_a_topic_that_is_made_anew_is_not_mixed_with_the_old_one(
    qtbot: QtBot, qtloop: LoopRunner, broker: Broker, topic_name: str, looks: list[object], following: bool
) -> None:
    _old(broker.bootstrap, topic_name, 3000)

    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, topic_name) as panel:
            await until(lambda: panel.rows == 3000)
            if following:
                looks.clear()
                panel.follow()
                await until(lambda: panel.ring is not None)
            await until(lambda: looks)
            await asyncio.to_thread(_make_anew, broker.bootstrap, topic_name, 4000)
            await until(lambda: "made anew" in str(panel.strip.failure))
            told = f"{topic_name} was deleted and made anew at about "
            assert panel.strip.isVisible()
            assert str(panel.strip.failure).startswith(told)
            assert "Refresh shows the new one." in str(panel.strip.failure)
            assert not panel.tasks.running("read")
            shown = _values(panel)
            assert b"old 2999" in shown
            panel.view.select(0)  # far from what was read
            await asyncio.to_thread(direct.produce, broker.bootstrap, topic_name, [Sent(0, None, b"newest")])
            await asyncio.sleep(1)
            assert _values(panel) == shown
            assert "made anew" in str(panel.strip.failure)
            panel.strip.retry_requested.emit()
            await until(lambda: panel.rows == 4001)
            assert panel.strip.failure is None
            fresh = _values(panel)
            assert b"newest" in fresh
            assert all(value and value.startswith(b"new") for value in fresh)
            looks.clear()
            await until(lambda: looks)  # it is watched, too
            assert panel.strip.failure is None

    qtloop.run(look())


@pytest.mark.kafka
def test_a_topic_that_is_deleted_is_told_and_its_rows_stay(
    qtbot: QtBot, qtloop: LoopRunner, broker: Broker, topic_name: str, looks: list[object]
) -> None:
    _old(broker.bootstrap, topic_name, 30)

    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, topic_name) as panel:
            await until(lambda: panel.rows == 30 and looks)
            await asyncio.to_thread(_delete, broker.bootstrap, topic_name)
            await until(lambda: f"{topic_name} was deleted at about" in str(panel.strip.failure))
            assert _values(panel) == [b"old %d" % n for n in range(30)]
            panel.reload()
            await until(lambda: "There is no topic" in str(panel.strip.failure))

    qtloop.run(look())


@pytest.mark.kafka
@pytest.mark.slow
def test_a_search_over_a_topic_that_is_made_anew_ends_and_is_not_complete(
    qtbot: QtBot, qtloop: LoopRunner, broker: Broker, topic_name: str, looks: list[object]
) -> None:
    _old(broker.bootstrap, topic_name, 3000)

    async def look() -> None:
        async with _opened(qtbot, broker.bootstrap, topic_name) as panel:
            await until(lambda: panel.rows == 3000)
            panel.search(FilterSpec("old"))
            await until(lambda: panel.searching.running, every=0)  # before all of it is with the workers
            looks.clear()
            _button(panel, "Pause").click()
            await until(lambda: looks)
            await asyncio.to_thread(_make_anew, broker.bootstrap, topic_name, 4000)
            await until(lambda: "made anew" in str(panel.strip.failure))
            await until(lambda: "Not scanned" in panel.searching.coverage.text)
            assert not panel.searching.running
            assert all(value and value.startswith(b"old") for value in _values(panel))
            await until(lambda: panel.searching.offered)  # it has ended

    qtloop.run(look())
