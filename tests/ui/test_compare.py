"""Two records side by side: what differs is counted, marked by a sign, and reached by keys."""

import asyncio
import json
import threading
from dataclasses import replace
from typing import TypeVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from kexplorer.model.profile import Profile
from kexplorer.model.records import Record, TimestampType
from kexplorer.model.topics import TopicPartition
from kexplorer.services.schemas import open_schemas
from kexplorer.ui.dialogs.compare import CompareDialog, compare_records
from kexplorer.ui.widgets.code_view import CodeView
from tests.registry.server import FakeRegistry, Running
from tests.rig.loops import LoopRunner
from tests.rig.waiting import took, until

T = TypeVar("T")
LEFT = Record(
    TopicPartition("orders", 3),
    84210,
    1_795_400_000_000,
    TimestampType.CREATE_TIME,
    b"k",
    b'{"id":1,"status":"NEW","total":12.50,"tags":[]}',
    (("trace", b"1"),),
)


def with_value(value: bytes | None) -> Record:
    return replace(LEFT, value=value)


def opened(qtbot: QtBot, left: Record, right: Record) -> CompareDialog:
    dialog = CompareDialog(left, right)
    qtbot.addWidget(dialog)
    with qtbot.waitSignal(dialog.compared, timeout=30_000):
        dialog.open()
    return dialog


def side(view: CodeView) -> list[str]:
    """The rows of one side: what stands in the margin, and the text."""
    return [f"{view._rows.label(row)}|{view._rows[row].strip()}" for row in range(view.row_count())]


def test_what_differs_is_marked_and_counted(qtbot: QtBot) -> None:
    right = replace(LEFT, offset=84211, value=b'{"id":1,"status":"PAID","total":12.50,"tags":[],"new":true}')
    dialog = opened(qtbot, LEFT, right)
    assert side(dialog.view.left) == [
        *("1|{", '2|"id": 1,', '~ 3|"status": "NEW",', '4|"total": 12.50,', '5|"tags": []', "|", "6|}"),
    ]
    assert side(dialog.view.right) == [
        *("1|{", '2|"id": 1,', '~ 3|"status": "PAID",', '4|"total": 12.50,', '5|"tags": [],'),
        *('+ 6|"new": true', "7|}"),
    ]
    assert dialog.said.whole == "1 of 2 differences."
    assert dialog.differing == ["Offset", "Value"]


def test_keys_go_from_difference_to_difference(qtbot: QtBot) -> None:
    rows = [{"n": n} for n in range(500)]
    other = [{"n": -n - 1 if n in (100, 250, 400) else n} for n in range(500)]
    dialog = opened(qtbot, with_value(json.dumps(rows).encode()), with_value(json.dumps(other).encode()))
    tops = []
    for modifier in (Qt.KeyboardModifier.NoModifier,) * 3 + (Qt.KeyboardModifier.ShiftModifier,):
        tops.append(dialog.view.left.top)
        assert dialog.view.right.top == dialog.view.left.top
        QTest.keyClick(dialog, Qt.Key.Key_F7, modifier)
    assert tops[0] < tops[1] < tops[2] < tops[3] or tops[3] == tops[0]
    assert dialog.view.left.top == tops[2]
    assert dialog.said.whole == "3 of 3 differences."


def test_both_sides_scroll_as_one(qtbot: QtBot) -> None:
    rows = [{"n": n, "text": "x" * 300} for n in range(500)]
    dialog = opened(qtbot, with_value(json.dumps(rows).encode()), with_value(json.dumps(rows[:400]).encode()))
    left, right = dialog.view.left, dialog.view.right
    for mover, follower in ((left, right), (right, left)):
        mover.place(mover.top + 777)
        mover.horizontalScrollBar().setValue(mover.left + 55)
        assert (follower.top, follower.left) == (mover.top, mover.left)
        assert follower.top > 0


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        (b'{"a":1}', b'{"a":1}', "No differences."),
        (b'{"a":1}', b'{ "a": 1 }', "No differences. The bytes differ, but not what they say."),
        (None, b"", "No differences. The bytes differ, but not what they say."),
        (b"a\nb", b"a\nc", "1 difference."),
        (b"\x00\xff" * 40, b"\x00\xff" * 39 + b"\x01\x02", "1 difference."),
        (b'{"a":1}', b"\xff\x00", "1 difference."),
        (None, b"text", "1 difference."),
        (b"a b " * 3_000_000, b"c d " * 3_000_000, "Only the first 4.0 MB"),
        (b"[" + b"1," * 300_000 + b"1]", b"[" + b"2," * 300_000 + b"1]", "Only the first 4.0 MB and 200,000 lines"),
        (b"a\nb\n" * 5_000, b"b\nb\nc\n" * 5_000, "Some parts differ too much to be lined up."),
    ],
)
def test_what_is_said(qtbot: QtBot, left: bytes | None, right: bytes | None, said: str) -> None:
    dialog = opened(qtbot, with_value(left), with_value(right))
    assert said in dialog.said.whole


def test_a_megabyte_does_not_stop_the_window(qtbot: QtBot) -> None:
    rows = [{"number": n, "text": f"some text {n}"} for n in range(25_000)]
    left = json.dumps(rows).encode()
    right = json.dumps([{**row, "text": "another"} if row["number"] == 20_000 else row for row in rows]).encode()
    assert len(left) > 1_000_000
    QApplication.processEvents()
    dialogs: list[CompareDialog] = []
    assert took(lambda: dialogs.append(CompareDialog(with_value(left), with_value(right)))) < 0.2
    (dialog,) = dialogs
    qtbot.addWidget(dialog)
    dialog.open()

    def wait() -> None:
        with qtbot.waitSignal(dialog.compared, timeout=30_000):
            pass

    assert took(wait) < 0.5
    assert dialog.said.whole == "1 difference."
    assert took(dialog.grab) < 0.5


def test_a_dialog_that_is_closed_meanwhile(qtbot: QtBot) -> None:
    value = json.dumps(list(range(50_000))).encode()
    dialog = CompareDialog(with_value(value), with_value(value[:-9] + b"]"))
    dialog.open()
    dialog.close()
    dialog.deleteLater()
    qtbot.waitUntil(lambda: "compare two values" not in {each.name for each in threading.enumerate()}, timeout=30_000)


def test_schemas_are_asked_for(qtloop: LoopRunner, qtbot: QtBot) -> None:
    registry = FakeRegistry(delay=0.1)
    registry.add(7, '{"type":"record","name":"Order","fields":[{"name":"id","type":"long"}]}')
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.show()

    async def look() -> None:
        schemas = await open_schemas(Profile("shop", "localhost:9092", registry_url=registry.url), "")
        left, right = (with_value(b"\x00\x00\x00\x00\x07" + number) for number in (b"\x54", b"\x56"))
        showing = asyncio.create_task(compare_records(parent, left, right, schemas))
        (dialog,) = await until(lambda: parent.findChildren(CompareDialog))
        await until(lambda: '~ 2|"id": 42' in side(dialog.view.left))
        assert '~ 2|"id": 43' in side(dialog.view.right)
        dialog.reject()
        await showing

    with Running(registry):
        qtloop.run(look())
