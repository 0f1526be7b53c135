"""The inspector: any value at once, every character as it is, and exact copies."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from kexplorer.formats.json_text import Token
from kexplorer.model.records import Header, Record, TimestampType
from kexplorer.model.topics import TopicPartition
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.theme import Scheme, apply
from kexplorer.ui.widgets.code_view import CodeView
from kexplorer.ui.widgets.headers_table import HeadersModel
from kexplorer.ui.widgets.inspector import Inspector
from kexplorer.ui.widgets.text_rows import BLOCK, HexRows, TextRows, blocks_of_lines, blocks_of_text, shown
from kexplorer.ui.widgets.value_pane import Mode, ValuePane
from tests.rig.loops import LoopRunner
from tests.rig.waiting import took, until

ODD = "a\u00a0b\r\nc\rd\u2028e\u2029f\tg\u202eh\u200bi\x00j\x1b[31mk\n<b>l</b>\n"
MARKUP = '<b>x</b><img src="file:///etc/passwd">&lt;'


def record(value: bytes | None, key: bytes | None = b"k", headers: tuple[Header, ...] | None = ()) -> Record:
    return Record(TopicPartition("orders", 3), 84210, 1_795_400_000_000, TimestampType.CREATE_TIME, key, value, headers)


@pytest.fixture
def inspector(qapp: QApplication, qtbot: QtBot) -> Inspector:
    apply(qapp, Scheme.LIGHT)
    inspector = Inspector(Tasks(lambda failure: pytest.fail(str(failure))))
    qtbot.addWidget(inspector)
    inspector.resize(900, 400)
    inspector.show()
    qtbot.waitExposed(inspector)
    return inspector


def lines(pane: ValuePane) -> str:
    """All that the pane shows, as it would be copied."""
    pane.code.select_all()
    return pane.code.selected_text()


def drawn(view: CodeView) -> list[str]:
    """What the painter is given for each row on screen."""
    rows = view.rows_in(0, view.viewport().height())
    return ["".join(shown(text) for text, _ in pieces) for pieces in view._pieces(rows).values()]


def test_json_is_laid_out_and_nothing_of_it_changes(inspector: Inspector) -> None:
    inspector.show_record(record(b'{"id":9007199256746277,"price":1.10,"x":1e400,"x":"a"}'))
    expected = '{\n  "id": 9007199256746277,\n  "price": 1.10,\n  "x": 1e400,\n  "x": "a"\n}'
    assert lines(inspector.value) == expected
    inspector.value.choose(Mode.TEXT)
    assert lines(inspector.value) == '{"id":9007199256746277,"price":1.10,"x":1e400,"x":"a"}'


def test_the_chosen_way_to_look_stays_for_the_next_record_where_it_can(inspector: Inspector) -> None:
    inspector.show_record(record(b"[1]"))
    modes = [inspector.value.mode]
    inspector.value.choose(Mode.TEXT)
    for value in (b"\xff\xfe\x00", b"[2]"):
        inspector.show_record(record(value))
        modes.append(inspector.value.mode)
    assert modes == [Mode.PRETTY, Mode.HEX, Mode.TEXT]


def test_why_it_is_not_what_one_expected_is_said(inspector: Inspector) -> None:
    inspector.show_record(record(b'{"a":1,}'))
    assert "not JSON: line 1, column 8" in inspector.value._about.whole


def test_text_is_copied_exactly_and_shown_with_nothing_hidden(inspector: Inspector) -> None:
    inspector.show_record(record(ODD.encode()))
    inspector.value.choose(Mode.TEXT)
    assert lines(inspector.value) == ODD.removesuffix("\n")  # the last line end has no line after it
    seen = "\n".join(drawn(inspector.value.code))
    assert not {"\u00a0", "\r", "\u2028", "\u202e", "\u200b", "\x00", "\x1b", "\t"} & set(seen)
    assert "‹U+202E›" in seen
    inspector.value.copies.copy_text()
    assert QGuiApplication.clipboard().text() == ODD


def test_markup_is_drawn_literally(inspector: Inspector) -> None:
    inspector.show_record(record(MARKUP.encode(), MARKUP.encode(), ((MARKUP, MARKUP.encode()),)))
    assert drawn(inspector.value.code) == [MARKUP]
    inspector.tabs.setCurrentIndex(1)
    assert drawn(inspector.key.code) == [MARKUP]
    inspector.tabs.setCurrentIndex(2)
    assert [inspector._model.index(0, column).data() for column in (0, 1)] == [MARKUP, MARKUP]
    assert drawn(inspector._header.code) == [MARKUP]


def test_bytes_can_be_copied_in_three_ways(inspector: Inspector, qtbot: QtBot) -> None:
    data = b"\x00\xff" + "é".encode()
    inspector.show_record(record(data))
    pane, clipboard = inspector.value, QGuiApplication.clipboard()
    menu = {action.text(): action for action in pane.copies.menu().actions()}
    menu["Copy as hexadecimal"].trigger()
    assert bytes.fromhex(clipboard.text()) == data
    menu["Copy as Base64"].trigger()
    assert base64.b64decode(clipboard.text()) == data
    with qtbot.waitSignal(inspector.notice) as notice:
        menu["Copy as text"].trigger()
    assert notice.args == ["Not copied: byte 1 is not UTF-8. Copy it as hexadecimal or Base64."]
    assert base64.b64decode(clipboard.text()) == data


def test_what_was_rendered_can_be_copied_as_json(inspector: Inspector) -> None:
    inspector.show_record(record(b"\x82\xa1a\x01\xa1b\xc0"))
    menu = {action.text(): action for action in inspector.value.copies.menu().actions()}
    menu["Copy as JSON"].trigger()
    assert json.loads(QGuiApplication.clipboard().text()) == {"a": 1, "b": None}
    for value in (b"text", b"[" + b"1," * 100_000 + b"1]"):  # the beginning of the latter alone is known
        inspector.show_record(record(value))
        assert not menu["Copy as JSON"].isEnabled()


def test_saving_writes_the_bytes_and_a_refusal_is_said(inspector: Inspector, qtbot: QtBot, tmp_path: Path) -> None:
    inspector.show_record(record(ODD.encode()))
    inspector.value.copies.save(str(tmp_path / "value"))
    assert (tmp_path / "value").read_bytes() == ODD.encode()
    with qtbot.waitSignal(inspector.notice) as notice:
        inspector.value.copies.save(str(tmp_path))
    assert notice.args is not None
    assert notice.args[0].startswith("Not saved: Is a directory")


LARGE = 50_000_000


@pytest.mark.parametrize(
    "value",
    [
        b"x" * LARGE,
        b'{"a":"' + b"y" * LARGE + b'"}',
        b'[{"a":1,"b":[1,2,3]},' * (LARGE // 21),
        b"a line of text\n" * (LARGE // 15),
        "日本語".encode() * (LARGE // 9),
        b"\x00\xff" * (LARGE // 2),
    ],
    ids=["one word", "one JSON string", "JSON", "lines", "wide characters", "bytes"],
)
def test_fifty_megabytes_open_at_once(inspector: Inspector, value: bytes) -> None:
    inspector.show_record(record(b"{}"))  # fonts and icons are loaded by now
    QApplication.processEvents()
    assert took(lambda: inspector.show_record(record(value))) < 0.3
    assert took(lambda: inspector.value.choose(Mode.HEX)) < 0.3
    rows = inspector.value.code.row_count()
    assert rows == -(-len(value) // 16)
    assert took(lambda: inspector.value.code.place(rows * 10)) < 0.3


def test_a_large_value_is_shown_in_parts(inspector: Inspector, qtbot: QtBot) -> None:
    text = "".join(f"line {number}\n" for number in range(60_000))
    inspector.show_record(record(text.encode()))
    pane = inspector.value
    assert not pane.complete
    assert pane._bar.isVisible()
    assert len(lines(pane)) <= BLOCK
    before = pane._rows
    pane.show_more()
    qtbot.waitUntil(lambda: pane._rows is not before)
    first = lines(pane)
    assert BLOCK < len(first) < len(text)
    assert text.startswith(first[:-50])
    pane.code.place(5_000)
    pane.show_all()
    qtbot.waitUntil(lambda: pane.complete, timeout=20_000)
    assert lines(pane) + "\n" == text
    assert pane.code.top == 5_000
    assert not pane._bar.isVisible()


def test_the_whole_of_a_large_json_is_laid_out_in_the_end(inspector: Inspector, qtbot: QtBot) -> None:
    value = b"[" + b",".join(b'{"number":%d}' % number for number in range(20_000)) + b"]"
    inspector.show_record(record(value))
    inspector.value.show_all()
    qtbot.waitUntil(lambda: inspector.value.complete, timeout=20_000)
    whole = lines(inspector.value)
    assert whole.count("\n") == 3 * 20_000 + 1
    assert whole.endswith('"number": 19999\n  }\n]')


def test_an_answer_about_the_last_record_is_not_shown_for_this_one(inspector: Inspector, qtbot: QtBot) -> None:
    inspector.show_record(record(b"a" * 3_000_000))
    inspector.value.show_all()
    inspector.show_record(record(b"b"))
    qtbot.wait(300)
    assert lines(inspector.value) == "b"


def test_more_than_eight_megabytes_of_text_say_so(inspector: Inspector, qtbot: QtBot) -> None:
    inspector.show_record(record(b"c" * 9_000_000))
    assert inspector.value._all.text() == "Show 8.0 MB"
    inspector.value.show_all()
    qtbot.waitUntil(lambda: "8,000,000" in inspector.value._part.text(), timeout=20_000)
    assert inspector.value._part.text() == "The first 8,000,000 characters of 9.0 MB"
    assert not inspector.value.complete
    assert not inspector.value._more.isVisible()


def test_null_empty_and_tombstone_are_told_apart(inspector: Inspector) -> None:
    seen = []
    for value, key in ((None, b"k"), (None, None), (b"", b"k")):
        inspector.show_record(record(value, key))
        seen.append(inspector.value._nothing.text)
    assert [text.split()[0] for text in seen] == ["tombstone", "null", "empty"]
    inspector.show_record(None)
    assert inspector.record is None
    assert inspector._stack.currentIndex() == 0


def test_headers_keep_order_duplicates_and_nulls(inspector: Inspector) -> None:
    stack_trace = b"at shop.Billing\n" * 100
    headers = (("b", b"1"), ("a", None), ("b", b""), ("b", b"\x00\x01"), ("trace", stack_trace))
    inspector.show_record(record(b"v", headers=headers))
    assert inspector.tabs.tabText(2) == "Headers (5)"
    inspector.tabs.setCurrentIndex(2)
    model = inspector._model
    rows = [tuple(model.index(row, column).data() for column in range(4)) for row in range(4)]
    assert rows == [
        ("b", "1", "text", "1"),
        ("a", "", "null", "0"),
        ("b", "", "empty", "0"),
        ("b", "00 01", "binary", "2"),
    ]
    inspector.headers.selectRow(4)
    assert lines(inspector._header) + "\n" == stack_trace.decode()


def test_headers_that_cannot_be_read_are_not_shown_as_none(inspector: Inspector) -> None:
    inspector.tabs.setCurrentIndex(2)
    inspector.show_record(record(b"v", headers=None))
    assert "cannot be read" in inspector._no_headers.text
    inspector.show_record(record(b"v"))
    assert "no headers" in inspector._no_headers.text


def test_the_headers_model_keeps_the_rules_of_models(qapp: QApplication) -> None:
    model = HeadersModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    for count in (3, 0, 5):
        model.set_headers((("name", b"value"),) * count)
        assert model.rowCount() == count


def test_the_beginning_of_a_long_string_is_shown(inspector: Inspector) -> None:
    inspector.show_record(record(b'{"n":29,"pad":"' + b"y" * 200_000 + b'"}'))
    assert "yyyyyyyyyy" in "\n".join(lines(inspector.value).splitlines()[:4])


def test_the_details_say_everything_that_kafka_knows(inspector: Inspector) -> None:
    inspector.tabs.setCurrentIndex(3)
    inspector.show_record(record(None, b"key", (("h", b"12"),)))
    facts = {name: label.text() for name, label in inspector._facts.items()}
    assert facts == {
        "Topic": "orders",
        "Partition": "3",
        "Offset": "84,210",
        "Time": "2026-11-23 02:13:20.000 UTC",
        "Timestamp": "1795400000000 ms since 1970, set by the producer (CreateTime)",
        "Leader epoch": "not known",
        "Key": "3 bytes",
        "Value": "null",
        "Headers": "1, 3 bytes",
        "Compression": "not told",
    }


def test_the_details_ask_for_the_compression_of_the_record_that_is_shown(qtloop: LoopRunner, qtbot: QtBot) -> None:
    asked: list[int] = []

    async def compression(source: TopicPartition, offset: int) -> str | None:
        asked.append(offset)
        return {84210: "zstd"}.get(offset)

    async def look() -> None:
        tasks = Tasks(lambda failure: pytest.fail(str(failure)))
        inspector = Inspector(tasks, compression=compression)
        qtbot.addWidget(inspector)
        inspector.show_record(record(b"1"))
        assert not tasks.running("compression")  # nobody looks at the details
        inspector.show_record(replace(record(b"1"), offset=5))
        inspector.tabs.setCurrentIndex(3)
        inspector.show_record(record(b"2"))  # before the rest on the other is over
        told = inspector._facts["Compression"]
        await until(lambda: told.text() == "zstd (of its batch)")
        assert asked == [84210]
        inspector.show_record(replace(record(b"3"), offset=6))
        await until(lambda: told.text() == "not told")
        await tasks.close()

    qtloop.run(look())


def view_of(qtbot: QtBot, text: str) -> CodeView:
    view = CodeView()
    qtbot.addWidget(view)
    view.resize(500, 300)
    view.show()
    rows = TextRows(blocks_of_text(text))
    rows.read(1_000)
    view.show_rows(rows)
    return view


def test_the_mouse_selects_the_characters_that_it_passes(qtbot: QtBot) -> None:
    view = view_of(qtbot, "first line\nsecond\u202eline\nthird")
    unit, left = view._unit, view._gutter + 8
    start = QPoint(round(left + 6 * unit), 3)
    end = QPoint(round(left + 14 * unit), view.row_height() + 3)  # "second‹U+202E›": drawn with 14 cells, 7 characters
    QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    QTest.mouseMove(view.viewport(), end)
    view._to = view._position(end.toPointF())
    assert view.selected_text() == "line\nsecond\u202e"
    QTest.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "line\nsecond\u202e"
    QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    assert view.selected_text() == "line"


def test_a_broken_line_is_copied_as_one(qtbot: QtBot) -> None:
    text = "word " * 1_000 + "\nnext"
    view = view_of(qtbot, text)
    assert view.row_count() > 50
    view.select_all()
    assert view.selected_text() == text
    view.set_wrap(False)
    assert view.row_count() == 6  # 1,000 characters a row
    view.select_all()
    assert view.selected_text() == text


def test_a_string_that_goes_on_in_the_next_row_keeps_its_colour(qtbot: QtBot) -> None:
    view = view_of(qtbot, '{"key": "' + "x" * 300 + '", "n": 1}')
    view._json = True
    pieces = view._pieces(range(1, 3))
    assert {colour.name() for _, colour in pieces[1]} == {view._colours[Token.STRING].name()}


def test_a_long_row_can_be_scrolled_to_its_end(qtbot: QtBot) -> None:
    view = view_of(qtbot, "z" * 900)
    view.set_wrap(False)
    bar = view.horizontalScrollBar()
    bar.setValue(bar.maximum())
    QApplication.processEvents()
    end = view._gutter + 8 + 900 * view._unit - view.left
    assert view.viewport().width() - 20 < end < view.viewport().width()


@given(st.text(st.characters(codec="utf-8")), st.integers(20, 60))
def test_rows_hold_the_text_and_nothing_else(text: str, columns: int) -> None:
    for blocks in (blocks_of_text(text), blocks_of_lines(text.split("\n"))):
        rows = TextRows(blocks, columns)
        rows.read(1_000)
        parts = [rows[row] + ("" if rows.continues(row) else "\n") for row in range(len(rows))]
        assert "".join(parts).rstrip("\n") == text.rstrip("\n")
        assert all(len(rows[row]) <= columns for row in range(len(rows)))
        rows.wrap(17)
        assert all(len(rows[row]) <= 17 for row in range(len(rows)))


@given(st.text(st.characters(codec="utf-8"), max_size=50), st.integers(0, 50))
def test_what_is_drawn_can_be_cut_where_the_text_is(text: str, at: int) -> None:
    assert shown(text) == shown(text[:at]) + shown(text[at:])


def test_hexadecimal_rows_are_made_when_they_are_seen() -> None:
    rows = HexRows(bytes(range(256)) * 4_000)
    assert len(rows) == 64_000
    assert rows.label(63_999) == "000F9FF0"
    assert rows[63_999].startswith("F0 F1 F2")


@pytest.mark.parametrize(
    ("value", "kind", "laid_out"),
    [
        (b"\x82\xa1a\x01\xa1b\xc0", "MessagePack", '{\n  "a": 1,\n  "b": null\n}'),
        (b"<a><b>1</b></a>", "XML", "<a>\n  <b>1</b>\n</a>"),
    ],
)
def test_other_formats_are_laid_out_too(inspector: Inspector, value: bytes, kind: str, laid_out: str) -> None:
    inspector.show_record(record(value))
    assert inspector.value.mode is Mode.PRETTY
    assert kind in inspector.value._about.whole
    assert lines(inspector.value) == laid_out


def test_a_layout_that_ends_early_says_so() -> None:
    def broken() -> Iterator[str]:
        yield "{"
        raise ValueError("line 2, column 1: no value")

    assert "".join(blocks_of_lines(broken())).splitlines() == [
        "{",
        "… not laid out from here on: line 2, column 1: no value. The text view has all of it.",
    ]
