"""The produce panel on a cluster in memory: what is sent, how often, and what it says of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import MessageTemplate, Outgoing
from kexplorer.model.records import Record
from kexplorer.model.topics import IsolationLevel
from kexplorer.services.jobs import Jobs
from kexplorer.services.sessions import Session
from kexplorer.store.templates import TemplateStore
from kexplorer.ui.panels.produce import ProducePanel
from kexplorer.ui.widgets.payload_forms import Form
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.ui.sessions import session_on

pytestmark = pytest.mark.usefixtures("qtbot")


class Shown:
    """A panel on a cluster, and what it asked the window for."""

    def __init__(self, cluster: FakeCluster, folder: Path, topic: str = "orders") -> None:
        self.opened: list[tuple[object, ...]] = []
        self.jobs = Jobs()
        self._session = session_on(cluster)
        store = TemplateStore(folder / "templates.json")
        self.panel = ProducePanel(
            cluster.profile, topic, self._open, self.jobs, store, self._open_message, self._open_messages
        )

    async def _open(self) -> Session:
        return self._session

    def _open_message(self, topic: str, partition: int, offset: int) -> None:
        self.opened.append((topic, partition, offset))

    def _open_messages(self, topics: Sequence[str], isolation: IsolationLevel) -> None:
        self.opened.append((*topics, isolation))


@asynccontextmanager
async def open_produce(
    cluster: FakeCluster, folder: Path, topic: str = "orders", state: Mapping[str, object] | None = None
) -> AsyncIterator[Shown]:
    """`state`: as it was saved before."""
    shown = Shown(cluster, folder, topic)
    shown.panel.restore_state(state or {})
    shown.panel.resize(1000, 640)
    shown.panel.show()
    try:
        await until(lambda: shown.panel.compose.editor.topic.known)
        yield shown
    finally:
        await shown.panel.close_panel()
        shown.panel.deleteLater()


def _shop() -> FakeCluster:
    cluster = FakeCluster("shop")
    for name in ("orders", "payments"):
        cluster.add_topic(name, 3)
    return cluster


def _records(cluster: FakeCluster, topic: str = "orders") -> list[Record]:
    return [record for source, log in cluster.logs.items() if source.topic == topic for record in log]


def test_what_is_composed_is_what_is_sent(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = _shop()
    headers = (("trace", b"1"), ("trace", None), ("bin", b"\xff"))

    async def look() -> None:
        async with open_produce(cluster, tmp_path) as shown:
            compose = shown.panel.compose
            editor = compose.editor
            editor.key.set_data(b"k")
            editor.value.set_data(b'{"a":1}')
            editor.headers.set_headers(headers)
            editor.partition.set_number(2)
            editor.time.setText("1700000000123")
            compose.send_button.click()
            await until(lambda: _records(cluster))
            (record,) = _records(cluster)
            assert (record.partition, record.key, record.value) == (2, b"k", b'{"a":1}')
            assert (record.headers, record.timestamp) == (headers, 1_700_000_000_123)
            await until(lambda: "Delivered to partition 2" in shown.panel.status_text)
            compose.deliveries.show_it.click()
            assert shown.opened == [("orders", 2, 0)]

    qtloop.run(look())


def test_a_double_click_sends_once_and_the_keys_send_again(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = _shop()
    cluster.holds_deliveries = True

    async def look() -> None:
        async with open_produce(cluster, tmp_path) as shown:
            compose = shown.panel.compose
            for _ in range(3):
                compose.send_button.click()
                shown.panel.panel_actions()[0].trigger()
            assert not compose.send_button.isEnabled()
            await until(lambda: shown.panel.undelivered == 1)
            assert "1 message is on the way" in shown.panel.why_stay()
            cluster.holds_deliveries = False
            await until(compose.send_button.isEnabled)
            assert compose.deliveries.model.total == 1
            assert shown.panel.why_stay() == ""
            shown.panel.panel_actions()[0].trigger()
            await until(lambda: compose.deliveries.model.total == 2)
            await until(compose.send_button.isEnabled)

    qtloop.run(look())


def test_waiting_for_an_acknowledgement_can_be_cancelled(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = _shop()

    async def look() -> None:
        async with open_produce(cluster, tmp_path) as shown:
            compose = shown.panel.compose
            compose.send()
            await until(lambda: shown.panel.undelivered == 0 and compose.send_button.isEnabled())
            assert not compose.cancel_button.isVisible()
            cluster.delay = 3600.0
            compose.send()
            await until(compose.cancel_button.isVisible)
            compose.cancel_button.click()
            await until(compose.send_button.isEnabled)
            assert not compose.cancel_button.isVisible()
            assert "Cancelled before it was acknowledged" in compose.deliveries.model.row(0).result
            cluster.delay = 0.0
            compose.send()
            await until(lambda: len(_records(cluster)) == 2)
            await until(compose.send_button.isEnabled)

    qtloop.run(look())


def test_a_message_that_was_not_delivered_says_why(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = _shop()
    cluster.unsendable[b"large"] = Failure(FailureKind.INVALID, "The message is too large.", "Raise max.message.bytes.")

    async def look() -> None:
        async with open_produce(cluster, tmp_path) as shown:
            compose = shown.panel.compose
            compose.editor.value.set_data(b"large")
            compose.send()
            await until(lambda: "too large" in shown.panel.status_text)
            row = compose.deliveries.model.row(0)
            assert row.result == "Not delivered: The message is too large. Raise max.message.bytes."
            assert not compose.deliveries.show_it.isEnabled()
            cluster.failures["open_writer"] = Failure(FailureKind.UNREACHABLE, "No broker answers.")
            compose.send()
            await until(lambda: compose.strip.failure)
            assert compose.deliveries.model.row(0).failure is not None

    qtloop.run(look())


@pytest.mark.parametrize("wrong", ["topic", "value", "header", "partition", "time"])
def test_what_is_wrong_is_not_sent(qtloop: LoopRunner, tmp_path: Path, wrong: str) -> None:
    cluster = _shop()

    async def look() -> None:
        async with open_produce(cluster, tmp_path) as shown:
            editor = shown.panel.compose.editor
            match wrong:
                case "topic":
                    editor.topic.setText("order")
                case "value":
                    editor.value.set_data(b"{}")
                    editor.value.edit.insertPlainText("[")
                case "header":
                    editor.headers.set_headers([("", b"1")])
                case "partition":
                    editor.partition.set_number(7)
                case "time":
                    editor.time.setText("soon")
            shown.panel.compose.send()
            await until(lambda: shown.panel.compose.strip.failure)
            assert "open_writer" not in cluster.calls
            assert set(cluster.configs) == {"orders", "payments"}

    qtloop.run(look())


def test_a_record_is_edited_and_sent_again_byte_for_byte(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = _shop()
    headers = (("a", None), ("a", b"\x00\xff"), ("b", "ü".encode()))
    before = cluster.add("payments", b"\x00\xff\r\n", b"k\r\n", partition=1, headers=headers)

    async def look() -> None:
        async with open_produce(cluster, tmp_path, "") as shown:
            shown.panel.load(before)
            shown.panel.compose.send()
            await until(lambda: len(_records(cluster, "payments")) == 2)
            sent = next(r for r in _records(cluster, "payments") if r is not before)
            assert (sent.key, sent.value, sent.headers) == (before.key, before.value, before.headers)
            shown.panel.load(replace(before, headers=None))
            assert shown.panel.compose.strip.failure is not None

    qtloop.run(look())


def test_a_template_is_filled_in_for_each_message(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = _shop()
    template = MessageTemplate("orders", "k${seq}", '{"n": ${seq}, "who": "${ask:who}"}', value_format="json")

    async def look() -> None:
        async with open_produce(cluster, tmp_path) as shown:
            compose = shown.panel.compose
            await compose.templates.save("Order", template)
            await until(lambda: "Order" in compose.templates.known)
            compose.templates.choose("Order")
            assert compose.fill.isChecked()
            await until(lambda: "Filled in" in compose.editor.value.told.whole)
            compose.times.setValue(5)
            compose.send()
            await until(lambda: QApplication.activeModalWidget() is not None)
            dialog = QApplication.activeModalWidget()
            assert dialog is not None
            (line,) = dialog.findChildren(QLineEdit)
            QTest.keyClicks(line, 'A"B')
            QTest.keyClick(line, Qt.Key.Key_Return)
            await until(lambda: len(_records(cluster)) == 5)
            found = {record.key: json.loads(record.value or b"") for record in _records(cluster)}
            assert found == {f"k{n}".encode(): {"n": n, "who": 'A"B'} for n in range(1, 6)}
            await until(lambda: "5 acknowledged" in compose.production.told.text())
            assert [job.state.value for job in shown.jobs.all()] == ["done"]
            assert (await TemplateStore(tmp_path / "templates.json").load()) == {"Order": template}

    qtloop.run(look())


def test_without_filling_in_a_place_is_only_text(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = _shop()

    async def look() -> None:
        async with open_produce(cluster, tmp_path) as shown:
            compose = shown.panel.compose
            compose.editor.value.set_data(b"${seq} $${x}")
            compose.times.setValue(3)
            compose.send()
            await until(lambda: len(_records(cluster)) == 3)
            assert {record.value for record in _records(cluster)} == {b"${seq} $${x}"}
            await until(compose.send_button.isEnabled)

    qtloop.run(look())


def test_a_read_only_connection_says_why_nothing_is_sent(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = _shop()
    cluster.profile = replace(cluster.profile, read_only=True)

    async def look() -> None:
        async with open_produce(cluster, tmp_path) as shown:
            panel = shown.panel
            assert "read-only" in panel.notice.text
            panel.basket.add(Outgoing("orders", b"k", b"v"))
            for button in (panel.compose.send_button, panel.many.start_button, panel.basket.commit, panel.basket.abort):
                assert not button.isEnabled()
            panel.compose.send()
            panel.many.start()
            panel.basket.send(commit=True)
            assert not _records(cluster)
            assert "open_writer" not in cluster.calls

    qtloop.run(look())


def test_rows_of_a_file_are_previewed_checked_and_sent(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = _shop()
    rows, report = tmp_path / "rows.jsonl", tmp_path / "report.jsonl"
    lines = [json.dumps({"key": f"k{n}", "value": str(n)}) for n in range(30)]
    rows.write_text("\n".join([*lines[:10], "{", *lines[10:]]) + "\n")

    async def look() -> None:
        async with open_produce(cluster, tmp_path) as shown:
            shown.panel.show_tab("many")
            many = shown.panel.many
            many.source.path.setText(str(rows))
            await until(lambda: many.model.total == 31)
            assert many.model.wrong == 1
            assert "line 11" in many.model.row(10).problem
            assert many.model.row(0).partition in {"0", "1", "2"}
            many.start()
            await until(lambda: many.strip.failure)
            assert "1 of 31 rows cannot be sent" in str(many.strip.failure)
            assert not _records(cluster)
            many.check_first.setChecked(False)
            many.report.setText(str(report))
            many.start()
            await until(lambda: "30 acknowledged" in many.production.told.text())
            assert {record.value for record in _records(cluster)} == {str(n).encode() for n in range(30)}
            many.resume.setChecked(True)
            await until(many.start_button.isEnabled)
            many.start()
            await until(lambda: "0 acknowledged" in many.production.told.text())
            assert len(_records(cluster)) == 30

    qtloop.run(look())


def test_columns_of_a_csv_file_become_what_is_chosen(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = _shop()
    rows = tmp_path / "rows.csv"
    rows.write_text("key;value;tier\na;1;x\nb;;y\n")

    async def look() -> None:
        async with open_produce(cluster, tmp_path) as shown:
            shown.panel.show_tab("many")
            many = shown.panel.many
            many.source.path.setText(str(rows))
            many.source.mapping.delimiter.setCurrentText("Semicolon")
            many.source.mapping.delimiter.activated.emit(1)
            await until(lambda: many.source.mapping.key.currentText() == "key")
            many.source.mapping.headers.setText("tier")
            many.source.route.setText('headers["tier"] == "x"')
            await until(lambda: many.model.total == 2 and not many.model.wrong)
            many.start()
            await until(lambda: len(_records(cluster)) == 2)
            found = {(r.key, r.value, r.headers) for r in _records(cluster)}
            assert found == {(b"a", b"1", (("tier", b"x"),)), (b"b", None, (("tier", b"y"),))}
            assert next(r.partition for r in _records(cluster) if r.key == b"a") == 0
            await until(many.start_button.isEnabled)

    qtloop.run(look())


def test_a_transaction_is_filled_ordered_and_committed(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = _shop()

    async def look() -> None:
        async with open_produce(cluster, tmp_path) as shown:
            panel = shown.panel
            for number, (topic, value) in enumerate((("orders", b"1"), ("payments", b"2"), ("orders", b"3")), 1):
                panel.compose.editor.topic.setText(topic)
                panel.compose.editor.value.set_data(value)
                panel.compose.add.click()
                await until(lambda title=f"Transaction ({number})": panel.tabs.tabText(2) == title)  # type: ignore[misc]
            panel.show_tab("transaction")
            basket = panel.basket
            basket.up.click()
            assert [each.value for each in basket.messages] == [b"1", b"3", b"2"]
            basket.remove.click()
            basket.edit.click()
            assert panel.current is panel.compose
            assert [each.value for each in basket.messages] == [b"1"]
            assert panel.compose.editor.outgoing().value == b"2"
            panel.compose.add.click()
            await until(lambda: len(basket.messages) == 2)
            basket.commit.click()
            basket.commit.click()
            await until(lambda: basket.outcome.title.text() == "Committed")
            assert panel.tabs.tabText(2) == "Transaction"
            assert cluster.calls.count("commit") == 1
            assert "All readers get the 2 messages" in basket.outcome.text.text()
            basket.outcome.committed.click()
            assert shown.opened == [("orders", "payments", IsolationLevel.READ_COMMITTED)]

    qtloop.run(look())


def test_what_is_filled_in_is_filled_in_for_a_transaction_too(qtloop: LoopRunner, tmp_path: Path) -> None:
    async def look() -> None:
        async with open_produce(_shop(), tmp_path) as shown:
            compose, basket = shown.panel.compose, shown.panel.basket
            compose.editor.topic.setText("orders")
            compose.editor.value.edit.write("${choice(a)} ${seq}")
            compose.fill.setChecked(True)
            compose.add_to_basket()
            compose.add_to_basket()  # nothing: the first one is on its way
            await until(lambda: bool(basket.messages))
            await until(compose.add.isEnabled)
            assert [each.value for each in basket.messages] == [b"a 1"]
            compose.editor.topic.setText("nobody")
            compose.add.click()
            await until(lambda: "There is no topic nobody" in str(compose.strip.failure))
            assert len(basket.messages) == 1

    qtloop.run(look())


def test_an_aborted_transaction_stays_to_be_sent_again(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = _shop()

    async def look() -> None:
        async with open_produce(cluster, tmp_path) as shown:
            basket = shown.panel.basket
            basket.add(Outgoing("orders", b"k", b"v"))
            shown.panel.show_tab("transaction")
            basket.abort.click()
            await until(lambda: basket.outcome.title.text() == "Aborted")
            assert cluster.calls.count("abort") == 1
            assert len(basket.messages) == 1
            cluster.failures["commit"] = Failure(FailureKind.REFUSED, "Another producer has taken over the id.")
            await until(basket.commit.isEnabled)
            basket.commit.click()
            await until(lambda: "taken over" in basket.outcome.text.text())
            assert basket.outcome.title.text() == "Not committed"
            basket.id.clear()
            await until(basket.commit.isEnabled)
            basket.commit.click()
            await until(lambda: basket.strip.failure)
            assert "transactional id" in str(basket.strip.failure)

    qtloop.run(look())


def test_a_setting_that_is_changed_is_checked_and_sent(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = _shop()

    async def look() -> None:
        async with open_produce(cluster, tmp_path) as shown:
            box = shown.panel.compose.settings
            names = [box.preset.itemText(n) for n in range(box.preset.count())]
            assert names[0] == "Durable"
            assert "Transactional" not in names
            box.model.change("linger.ms", "20")
            assert box.settings().properties["linger.ms"] == "20"
            assert box.told.whole.startswith("1 changed.")
            box.model.change("partitioner", "random")
            assert shown.panel.compose.editor.partitioner == "random"
            saved = shown.panel.save_state()
            box.model.reset("linger.ms")
            box.model.reset("partitioner")
            assert not box.model.changes
            shown.panel.restore_state(json.loads(json.dumps(saved)))
            assert box.model.changes == {"linger.ms": "20", "partitioner": "random"}

    qtloop.run(look())


def test_a_damaged_state_is_ignored(qtloop: LoopRunner, tmp_path: Path) -> None:
    async def look() -> None:
        async with open_produce(_shop(), tmp_path) as shown:
            for state in (
                {"tab": 7},
                {"tabs": {"message": [1], "many": 2}},
                {"tabs": {"message": {"settings": {"preset": 3}}}},
            ):
                shown.panel.restore_state(state)
            assert shown.panel.compose.editor.topic.name == "orders"
            assert shown.panel.compose.editor.value.chosen is Form.TEXT

    qtloop.run(look())
