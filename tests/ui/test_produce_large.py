"""A value that takes long to encode: the window lives on, and it is sent once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from kexplorer.ui.widgets import bytes_editor
from kexplorer.ui.widgets.partition_box import By
from kexplorer.ui.widgets.payload_forms import Form, as_bytes
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.ui.test_produce_panel import open_produce

pytestmark = pytest.mark.usefixtures("qtbot")


def test_a_large_value_is_read_elsewhere_wherever_it_is_wanted(
    qtloop: LoopRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders", 3)
    large, threads = '{"n": 2, "text": "' + "x" * 30_000 + '"}', set[threading.Thread]()

    def noted(text: str, form: Form) -> bytes:
        threads.add(threading.current_thread())
        return as_bytes(text, form)

    async def look() -> None:
        monkeypatch.setattr(bytes_editor, "as_bytes", noted)
        async with open_produce(cluster, tmp_path) as shown:
            editor = shown.panel.compose.editor
            editor.partition.by.setCurrentIndex(By.EXPRESSION)
            editor.partition.line.setText("value.n")
            editor.value.edit.write(large)
            await until(lambda: editor.partition.told.whole == "Partition 2 of 3: as the expression says.")
            editor.partition.line.setText("value.text")
            await until(lambda: "which is no partition" in editor.partition.told.whole)
            editor.partition.line.setText("value.n")
            editor.value.form.setCurrentText(Form.HEX.value)
            editor.value.form.activated.emit(editor.value.form.currentIndex())
            await until(lambda: editor.value.chosen is Form.HEX)
            shown.panel.compose.add.click()
            await until(lambda: len(shown.panel.basket.messages) == 1)
            assert shown.panel.basket.messages[0].value == large.encode()
            assert shown.panel.basket.messages[0].partition == 2

    qtloop.run(look())
    assert threads
    assert threading.main_thread() not in threads


def test_a_slow_value_is_encoded_elsewhere_and_sent_once(
    qtloop: LoopRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders", 1)
    going, threads = threading.Event(), set[threading.Thread]()

    def slow(text: str, form: Form) -> bytes:
        threads.add(threading.current_thread())
        going.wait(30)
        return as_bytes(text, form)

    async def look() -> None:
        async with open_produce(cluster, tmp_path) as shown:
            compose = shown.panel.compose
            compose.editor.value.edit.write("typed")
            await until(lambda: compose.editor.value.told.whole == "5 B")
            monkeypatch.setattr(bytes_editor, "as_bytes", slow)
            compose.send_button.click()
            compose.send_button.click()
            compose.send()
            await until(lambda: compose.send_button.text() == "Encoding …")
            assert not compose.send_button.isEnabled()
            assert compose.busy
            going.set()
            await until(compose.send_button.isEnabled)
            assert compose.send_button.text() == "Send"

    qtloop.run(look())
    assert threads
    assert threading.main_thread() not in threads
    assert [record.value for log in cluster.logs.values() for record in log] == [b"typed"]
