"""What is typed as a message, and the bytes that it stands for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from kexplorer.model.failure import Failure
from kexplorer.model.produce import Outgoing
from kexplorer.model.topics import Partition, Topic
from kexplorer.ui.models.headers import KIND, NAME, VALUE, HeadersModel
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.bytes_editor import BytesEditor
from kexplorer.ui.widgets.latency_chart import ceiling
from kexplorer.ui.widgets.partition_box import By, PartitionBox
from kexplorer.ui.widgets.payload_forms import LONGEST_EDITED, Form, as_bytes, as_text
from kexplorer.ui.widgets.time_box import TimeBox
from kexplorer.ui.widgets.topic_box import TopicBox
from tests.rig.loops import LoopRunner

SIX = tuple(Partition(number, 1, (1,), (1,)) for number in range(6))


@pytest.fixture
def editor(qtbot: QtBot) -> BytesEditor:
    made = BytesEditor("Value", "A tombstone", Tasks(lambda failure: None))
    qtbot.addWidget(made)
    return made


def _choose(editor: BytesEditor, form: Form) -> None:
    editor.form.setCurrentText(form.value)
    editor.form.activated.emit(editor.form.currentIndex())


def _type(editor: BytesEditor, text: str) -> None:
    editor.edit.setFocus()
    editor.edit.insertPlainText(text)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_what_was_put_in_comes_out_byte_for_byte(editor: BytesEditor, data: bytes) -> None:
    editor.set_data(data)
    assert editor.data() == data
    for form in (Form.HEX, Form.BASE64, Form.TEXT, Form.JSON, Form.HEX):
        _choose(editor, form)
        if editor.chosen is not Form.JSON:
            assert editor.data() == data
    editor.set_data(None)
    assert editor.data() is None


@pytest.mark.parametrize("data", [b"", b"a\r\nb", "a\u2028b\u2029c\u00a0d".encode(), b"\x00", b"\xff\xfe", b"{}\n"])
def test_each_form_that_shows_bytes_gives_them_back(data: bytes) -> None:
    for form in (Form.TEXT, Form.HEX, Form.BASE64):
        text = as_text(data, form)
        assert text is None or as_bytes(text, form) == data
    assert as_text(data, Form.HEX) is not None


def test_hard_spaces_stay_when_text_is_edited(editor: BytesEditor) -> None:
    editor.set_data("a\u00a0b\u2028c".encode())
    editor.edit.moveCursor(editor.edit.textCursor().MoveOperation.End)
    _type(editor, "😀\nd")
    assert editor.data() == "a\u00a0b\u2028c😀\nd".encode()


def test_null_and_empty_differ_and_typing_ends_null(editor: BytesEditor) -> None:
    assert editor.data() == b""
    editor.null.setChecked(True)
    assert editor.data() is None
    _type(editor, "x")
    assert not editor.null.isChecked()
    assert editor.data() == b"x"
    editor.null.setChecked(True)
    assert editor.data() is None
    editor.edit.undo()
    assert editor.data() == b"x"


def test_json_that_is_wrong_is_told_with_its_place(editor: BytesEditor, qtbot: QtBot) -> None:
    _choose(editor, Form.JSON)
    _type(editor, '{"a": 1,\n "b" 2}')
    with pytest.raises(Failure, match="line 2, column 6"):
        editor.data()
    qtbot.waitUntil(lambda: "Line 2, column 6" in editor.told.whole)
    assert editor.edit.extraSelections()
    editor.edit.selectAll()
    _type(editor, '{"n":1.10,"n":2}')
    qtbot.waitUntil(lambda: editor.told.whole == "16 B")
    editor.pretty.click()
    assert editor.data() == b'{\n  "n": 1.10,\n  "n": 2\n}'
    editor.edit.undo()
    assert editor.data() == b'{"n":1.10,"n":2}'


@pytest.mark.parametrize(
    ("form", "text", "why"),
    [
        (Form.HEX, "00 fg", "column 5: g is no hexadecimal digit"),
        (Form.HEX, "00 f", "the last byte has only one"),
        (Form.BASE64, "AA=\n!", "line 2, column 1: ! is no Base64"),
        (Form.BASE64, "AAA", "multiple of four"),
    ],
)
def test_bytes_that_are_wrong_are_told_with_their_place(editor: BytesEditor, form: Form, text: str, why: str) -> None:
    _choose(editor, form)
    _type(editor, text)
    with pytest.raises(Failure, match=why):
        editor.data()


def test_hex_and_base64_are_bytes(editor: BytesEditor) -> None:
    _choose(editor, Form.HEX)
    _type(editor, "00 ff\n0A")
    assert editor.data() == b"\x00\xff\x0a"
    _choose(editor, Form.TEXT)
    assert editor.chosen is Form.HEX
    assert "unchanged" in editor.told.whole
    _choose(editor, Form.BASE64)
    assert editor.text() == "AP8K"
    assert editor.data() == b"\x00\xff\x0a"


def test_a_file_is_sent_as_it_is(editor: BytesEditor, qtloop: LoopRunner, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8\r\n" * 3)
    qtloop.run(editor.load_file(path))
    assert editor.data() == b"\xff\xd8\r\n" * 3
    assert editor.edit.isReadOnly()
    assert "photo.jpg" in editor.edit.placeholderText()
    with pytest.raises(Failure, match="cannot be read"):
        qtloop.run(editor.load_file(tmp_path / "none"))


def test_a_large_value_is_kept_and_not_edited(editor: BytesEditor) -> None:
    editor.set_data(b"x" * (LONGEST_EDITED + 1))
    assert editor.edit.isReadOnly()
    assert len(editor.data() or b"") == LONGEST_EDITED + 1


def test_headers_keep_order_duplicates_nulls_and_bytes() -> None:
    headers = (("a", b"1"), ("b", None), ("a", b""), ("c", b"\xff\r\n"), ("d", b"line\r\nend"))
    model = HeadersModel()
    model.set_headers(headers)
    assert model.headers() == headers
    assert model.move(0, 1)
    assert not model.move(4, 1)
    model.remove(2)
    assert model.headers() == (headers[1], headers[0], *headers[3:])


def test_a_header_is_edited_in_its_cells() -> None:
    model = HeadersModel()
    model.set_headers([("a", b"1")])
    model.setData(model.index(0, VALUE), "zwei ö")
    assert model.headers() == (("a", "zwei ö".encode()),)
    model.setData(model.index(0, KIND), "Hex")
    assert model.index(0, VALUE).data() == "7A 77 65 69 20 C3 B6"
    model.setData(model.index(0, VALUE), "0A F")
    with pytest.raises(Failure, match=r"Header 1 \(a\).*not hexadecimal"):
        model.headers()
    model.setData(model.index(0, KIND), "Null")
    assert model.headers() == (("a", None),)
    assert not model.flags(model.index(0, VALUE)) & Qt.ItemFlag.ItemIsEditable
    model.setData(model.index(0, NAME), "")
    with pytest.raises(Failure, match="Header 1 cannot be sent: it has no name"):
        model.headers()


def test_the_partition_is_predicted_with_its_reason(qtbot: QtBot) -> None:
    box = PartitionBox()
    qtbot.addWidget(box)
    # Kafka's own test vectors: murmur2("foobar") = -790332482, made positive modulo 6
    keyed = Outgoing("orders", b"foobar", b'{"tier": "VIP", "n": 10}')
    box.tell(box.choose(keyed, 6, "murmur2_random"), 6)
    assert box.told.whole == f"Partition {(-790332482 & 0x7FFFFFFF) % 6} of 6: murmur2_random of the key."
    box.tell(box.choose(Outgoing("orders"), 6, "murmur2_random"), 6)
    assert box.told.whole.startswith("Any partition: there is no key")
    box.by.setCurrentIndex(By.NUMBER)
    for text, wrong in (("6", "There is no partition 6"), ("x", "is no partition"), ("", "No partition")):
        box.line.setText(text)
        with pytest.raises(Failure, match=wrong):
            box.choose(keyed, 6, "murmur2_random")
    box.line.setText("5")
    assert box.choose(keyed, 6, "murmur2_random").partition == 5
    box.by.setCurrentIndex(By.EXPRESSION)
    for text, partition in (("value.n % 4", 2), ('value.tier == "VIP"', 0)):
        box.line.setText(text)
        assert box.choose(keyed, 6, "murmur2_random").partition == partition
    box.line.setText("value.none")
    assert box.choose(keyed, 6, "murmur2_random").why == "murmur2_random of the key"
    box.line.setText("value.tier")
    with pytest.raises(Failure, match="no partition") as failed:
        box.choose(keyed, 6, "murmur2_random")
    box.tell(failed.value, 6)
    assert "no partition" in box.told.whole


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("", None),
        ("1700000000123", 1_700_000_000_123),
        ("-1", -1),
        ("1969-12-31T23:59:59.999", -1),
        ("2026-11-23 10:00:00.250", 1_795_428_000_250),
        ("2026-11-23T10:00+01:00", 1_795_424_400_000),
    ],
)
def test_a_timestamp_is_a_time_or_a_number(qtbot: QtBot, text: str, ms: int | None) -> None:
    box = TimeBox()
    qtbot.addWidget(box)
    box.setText(text)
    assert box.milliseconds() == ms


def test_what_is_no_timestamp_is_marked(qtbot: QtBot) -> None:
    box = TimeBox()
    qtbot.addWidget(box)
    QTest.keyClicks(box, "yesterday")
    assert box.property("invalid") is True
    with pytest.raises(Failure, match="yesterday"):
        box.milliseconds()


def test_typing_a_name_makes_no_topic(qtbot: QtBot) -> None:
    box = TopicBox("orders")
    qtbot.addWidget(box)
    box.check()  # nobody knows yet
    box.set_topics([Topic("orders", SIX)])
    assert box.partitions == 6
    box.setText("order")
    assert box.property("invalid") is True
    with pytest.raises(Failure, match="There is no topic order, and sending makes none"):
        box.check()


@pytest.mark.parametrize(("most", "top"), [(0.0, 0.1), (0.11, 0.2), (3, 5), (5, 5), (70, 100)])
def test_the_chart_ends_at_a_round_number(most: float, top: float) -> None:
    assert ceiling(most) == pytest.approx(top)
