"""The message table: nothing moves under the eye, the selection stays on its records, data is drawn as it is."""

import csv
import io
import tracemalloc
from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from kexplorer.model.records import Header, Peek, Record, RecordColumns, RecordRing, TimestampType
from kexplorer.model.topics import TopicPartition
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.theme import Scheme, apply
from kexplorer.ui.widgets.record_cells import CELL_BYTES, COLUMNS, as_tsv, row_cells
from kexplorer.ui.widgets.record_view import RecordView, RowSource
from kexplorer.ui.widgets.row_selection import RowSelection

MARKUP = b'<b>bold</b><img src="file:///etc/passwd">&amp;'
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def record(
    offset: int,
    value: bytes | None = b"v",
    key: bytes | None = b"k",
    headers: tuple[Header, ...] | None = (),
    timestamp: int | None = 0,
) -> Record:
    return Record(TopicPartition("orders", 0), offset, timestamp, TimestampType.CREATE_TIME, key, value, headers)


def some(start: int, stop: int) -> RecordColumns:
    return RecordColumns(record(offset, value=b"value %d" % offset) for offset in range(start, stop))


class Endless:
    """A hundred million rows that count how often one of them is asked for; every seventh is not there yet."""

    dropped = 0

    def __init__(self, rows: int = 100_000_000) -> None:
        self.rows = rows
        self.asked = 0

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, row: int) -> Record | None:
        self.asked += 1
        return record(row) if row % 7 else None

    def is_gap(self, row: int) -> bool:
        return False

    def mark_of(self, row: int) -> None:
        return None

    def peek(self, row: int, limit: int) -> Peek | None:
        found = self[row]
        return Peek(found, 2) if found else None


@pytest.fixture
def ring() -> RecordRing:
    ring = RecordRing(70_000)  # it forgets about 1 kB at a time, beyond some 1,200 records
    for start in range(0, 500, 10):
        ring.extend(some(start, start + 10))
    return ring


def shown(qtbot: QtBot, source: RowSource) -> RecordView:
    apply(_app(), Scheme.LIGHT)
    view = RecordView(Tasks(lambda failure: pytest.fail(str(failure))))
    view.set_source(source)
    qtbot.addWidget(view)
    view.resize(900, 400)
    view.show()
    qtbot.waitExposed(view)
    return view


def _app() -> QApplication:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    return app


@pytest.fixture
def view(qtbot: QtBot, ring: RecordRing) -> RecordView:
    return shown(qtbot, ring)


def on_screen(view: RecordView) -> list[int]:
    """The offsets that one sees in full, read from the table by clicking into each row."""
    found = []
    height, row_height = view.viewport().height(), view.row_height()
    for y in [view.y_of(row) for row in view.rows_in(0, height)]:
        if not 0 <= y <= height - row_height:
            continue
        click(view, y + 2)
        current = view.current_record
        assert current is not None
        found.append(current.offset)
    return found


def click(view: RecordView, y: int, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, modifiers, QPoint(50, y))


def press(view: RecordView, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(view, key, modifiers)


def picture(view: RecordView) -> QImage:
    view.setFocus()
    QApplication.processEvents()
    return view.viewport().grab().toImage()


def followed(view: RecordView) -> bool:
    return view.following


def test_the_newest_record_is_on_top_and_stays_there(view: RecordView, ring: RecordRing) -> None:
    ring.extend(some(500, 510))
    view.rows_changed()
    assert followed(view)
    assert on_screen(view)[:3] == [509, 508, 507]


def test_a_row_that_was_clicked_is_not_moved_away_by_new_ones(view: RecordView, ring: RecordRing) -> None:
    click(view, 5)
    ring.extend(some(500, 510))
    view.rows_changed()
    assert not followed(view)
    assert on_screen(view)[:3] == [499, 498, 497]
    view.jump_to_newest()
    ring.extend(some(510, 520))
    view.rows_changed()
    assert followed(view)
    assert on_screen(view)[:3] == [519, 518, 517]


def test_the_oldest_record_can_be_on_top_and_the_end_is_followed(view: RecordView, ring: RecordRing) -> None:
    view.set_newest_first(False)
    assert followed(view)
    ring.extend(some(500, 510))
    view.rows_changed()
    view.select(509)
    assert view.current_record == record(509, b"value 509")
    assert followed(view)
    view.place(0)
    assert on_screen(view)[:3] == [0, 1, 2]
    assert not followed(view)


@pytest.mark.parametrize("newest_first", [True, False])
def test_what_one_looks_at_does_not_move_when_records_come_and_go(
    qtbot: QtBot, ring: RecordRing, newest_first: bool
) -> None:
    view = shown(qtbot, ring)
    view.set_newest_first(newest_first)
    view.place((100 if newest_first else 390) * view.row_height() + 7)
    before = picture(view)
    for start in range(500, 1500, 50):
        ring.extend(some(start, start + 50))
        view.rows_changed()
    assert ring.dropped > 0
    assert not followed(view)
    assert picture(view) == before
    view.jump_to_newest()
    assert followed(view)
    assert 1499 in on_screen(view)


def test_an_anchored_view_is_not_painted_again(view: RecordView, ring: RecordRing) -> None:
    view.place(2600)
    QApplication.processEvents()
    paints: list[object] = []
    original = view._rows.paint
    view._rows.paint = lambda *args: (paints.append(args), original(*args))[1]  # type: ignore[method-assign,func-returns-value]
    for start in range(500, 600, 10):
        ring.extend(some(start, start + 10))
        view.rows_changed()
        QApplication.processEvents()
    assert paints == []
    view.place(view.top + view.row_height())
    QApplication.processEvents()
    assert len(paints) == 1
    rows = paints[0][2]  # type: ignore[index]
    assert len(rows) <= 3  # a step paints what came into sight, no more


def test_the_selection_stays_on_its_records(view: RecordView, ring: RecordRing) -> None:
    view.select(490)
    QApplication.processEvents()
    click(view, view.y_of(11) + 3, SHIFT)
    chosen = [each.offset for each in view.selected_records()]
    assert chosen == [488, 489, 490]
    ring.extend(some(500, 520))
    view.rows_changed()
    assert [each.offset for each in view.selected_records()] == chosen
    current = view.current_record
    assert current is not None
    assert current.offset == 488


def test_records_that_are_forgotten_leave_the_selection(qtbot: QtBot, ring: RecordRing) -> None:
    view = shown(qtbot, ring)
    view.select(0)
    said: list[object] = []
    view.current_changed.connect(said.append)
    ring.extend(some(500, 1500))
    view.rows_changed()
    assert ring.dropped > 0
    assert view.selected_count == 0
    assert view.current_record is None
    assert said == []  # whoever shows the record may go on showing it


def test_ctrl_toggles_single_records(view: RecordView) -> None:
    height = view.row_height()
    click(view, 3)
    click(view, 2 * height + 3, CTRL)
    click(view, 4 * height + 3, CTRL)
    click(view, 2 * height + 3, CTRL)
    assert [each.offset for each in view.selected_records()] == [495, 499]


def test_a_hundred_million_rows_are_never_walked(qtbot: QtBot) -> None:
    source = Endless()
    view = shown(qtbot, source)
    screen = view.viewport().height() // view.row_height() + 2
    view.select_all()
    assert view.selected_count == 100_000_000
    for key in (Qt.Key.Key_End, Qt.Key.Key_Home, Qt.Key.Key_PageDown):
        press(view, key)
        QApplication.processEvents()
    view.verticalScrollBar().setValue(view.verticalScrollBar().maximum() // 2)
    QApplication.processEvents()
    middle = on_screen(view)[0] if source[view._absolute(view.row_at(2))] else 50_000_000
    assert abs(middle - 50_000_000) < 1_000_000
    source.rows += 1_000_000
    view.rows_changed()
    QApplication.processEvents()
    assert source.asked < 12 * screen


def test_the_last_of_a_hundred_million_rows_can_be_reached(qtbot: QtBot) -> None:
    view = shown(qtbot, Endless(100_000_001))
    bar = view.verticalScrollBar()
    bar.setValue(bar.maximum())
    assert view.rows_in(0, view.viewport().height())[-1] == 100_000_000
    wheel(view, 120)
    assert view.rows_in(0, view.viewport().height())[-1] < 100_000_000


def wheel(view: RecordView, angle: int) -> None:
    at = QPointF(50, 50)
    event = QWheelEvent(
        *(at, view.viewport().mapToGlobal(at), QPoint(), QPoint(0, angle)),
        *(Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False),
    )
    QApplication.sendEvent(view.viewport(), event)


def test_small_turns_of_a_fine_wheel_add_up(view: RecordView) -> None:
    for _ in range(120):
        wheel(view, -1)
    assert view.top == 3 * view.row_height()


def test_a_row_that_is_not_there_yet_is_painted_when_it_comes(qtbot: QtBot) -> None:
    source = Endless(8)
    view = shown(qtbot, source)
    before = picture(view)
    view._source = Full(8)
    view.rows_changed()
    assert picture(view) != before


class Full(Endless):
    def __getitem__(self, row: int) -> Record | None:
        return record(row)


def test_the_keyboard_moves_selects_and_activates(qtbot: QtBot, view: RecordView) -> None:
    moves = [(Qt.Key.Key_Home, 499), (Qt.Key.Key_Down, 498), (Qt.Key.Key_Up, 499), (Qt.Key.Key_End, 0)]
    for key, offset in moves:
        press(view, key)
        current = view.current_record
        assert current is not None
        assert current.offset == offset
    assert view.top == view.longest_way
    press(view, Qt.Key.Key_PageUp, SHIFT)
    assert 5 < view.selected_count < 20
    with qtbot.waitSignal(view.activated) as activated:
        press(view, Qt.Key.Key_Return)
    assert activated.args == [view.current_record]
    before = view.current_record
    QTest.keyClicks(view, "jk x/")
    assert view.current_record == before
    press(view, Qt.Key.Key_A, CTRL)
    assert view.selected_count == 500


def test_the_first_key_in_an_untouched_table_goes_to_what_one_sees(qtbot: QtBot, view: RecordView) -> None:
    view.place(10 * view.row_height())
    press(view, Qt.Key.Key_Down)
    assert view.current_record == record(489, b"value 489")


def test_an_empty_table_takes_every_key(qtbot: QtBot) -> None:
    view = shown(qtbot, RecordRing(1000))
    for key in (Qt.Key.Key_Down, Qt.Key.Key_End, Qt.Key.Key_Home, Qt.Key.Key_Return, Qt.Key.Key_PageUp):
        press(view, key)
    press(view, Qt.Key.Key_A, CTRL)
    press(view, Qt.Key.Key_C, CTRL)
    click(view, 10)
    assert view.current_record is None
    assert view.selected_count == 0


def test_copy_gives_the_values_and_says_so(qtbot: QtBot, view: RecordView) -> None:
    view.select(3)
    press(view, Qt.Key.Key_Up, SHIFT)
    with qtbot.waitSignal(view.notice) as notice:
        press(view, Qt.Key.Key_C, CTRL)
    assert QGuiApplication.clipboard().text() == "value 3\nvalue 4"
    assert notice.args == ["Copied from 2 selected records."]
    press(view, Qt.Key.Key_C, CTRL | SHIFT)
    header, first, *_ = QGuiApplication.clipboard().text().splitlines()
    assert header.endswith("Partition\tOffset\tTimestamp\tKey\tHeaders\tValue")
    assert "0\t3\t1970-01-01" in first


def test_copying_more_than_fits_says_how_much_is_missing(qtbot: QtBot) -> None:
    view = shown(qtbot, Full())
    view.select_all()
    with qtbot.waitSignal(view.notice) as notice:
        press(view, Qt.Key.Key_C, CTRL)
    assert notice.args == ["Copied from 10,000 of 100,000,000 selected records."]


def test_a_copied_table_holds_no_formula_and_keeps_its_fields() -> None:
    nasty = [b"=1+1", b"@sum", b"+1", b"-1", b"a\tb\nc", b'"quoted"', b"\xff\xfe", MARKUP]
    rows = list(csv.reader(io.StringIO(as_tsv([record(1, value=value) for value in nasty], UTC)), "excel-tab"))
    values = [row[-1] for row in rows[1:]]
    assert values == ["'=1+1", "'@sum", "'+1", "'-1", "a\tb\nc", '"quoted"', "fffe", MARKUP.decode()]


def cells(of: Record) -> dict[str, tuple[str, str]]:
    """As the table gets them: from the beginnings of what the record holds."""
    got = row_cells(RecordColumns([of]).peek(0, CELL_BYTES), UTC)
    return {column.key: (cell.text, cell.mark) for column, cell in zip(COLUMNS, got, strict=True)}


def test_markup_reaches_the_painter_literally() -> None:
    got = cells(record(0, value=MARKUP, key=MARKUP, headers=(("<i>h</i>", MARKUP),)))
    assert got["key"] == got["value"] == (MARKUP.decode(), "")
    assert got["headers"] == (f"<i>h</i>={MARKUP.decode()}", "")


def test_null_empty_tombstone_and_bytes_have_marks_of_their_own() -> None:
    assert cells(record(0, value=None))["value"] == ("", "tombstone")
    assert cells(record(0, value=None, key=None))["value"] == ("", "null")
    assert cells(record(0, value=None, key=None))["key"] == ("", "null")
    assert cells(record(0, value=b""))["value"] == ("", "empty")
    assert cells(record(0, value=b"null"))["value"] == ("null", "")
    assert cells(record(0, value=b"\x00\x01\xfe"))["value"] == ("00 01 FE", "hex")
    assert cells(record(0, headers=None))["headers"] == ("", "unreadable")
    assert cells(record(0, headers=(("a", None), ("a", b""))))["headers"] == ("a=null  a=empty", "")


@given(st.none() | st.binary(max_size=6), st.integers(0, 5000), st.sampled_from([b"a", b"\n", "é".encode(), b"\0\xff"]))
def test_a_cell_is_the_same_whether_it_sees_all_of_the_data_or_its_beginning(
    head: bytes | None, times: int, filler: bytes
) -> None:
    data = None if head is None else head + filler * times
    whole = record(0, value=data, key=data, headers=(("h", data),))
    size = 2 * len(data or b"")
    assert RecordColumns([whole]).peek(0, CELL_BYTES).size == size
    got = cells(whole)
    assert list(got.values()) == [(cell.text, cell.mark) for cell in row_cells(Peek(whole, size), UTC)]
    assert got["size"][0] == f"{size:,}"


def test_a_screen_of_large_values_costs_no_more_than_one_of_small_ones(qtbot: QtBot) -> None:
    """Values of 2 MB here, for 50 MB are no different: what is painted and scrolled past is not copied."""
    ring = RecordRing(100 << 20)
    for offset in range(20):
        ring.add(record(offset, value=b"%d " % offset + b"x" * (2 << 20)))
    tracemalloc.start()
    try:
        view = shown(qtbot, ring)
        picture(view)
        view.place(view.longest_way)
        picture(view)
        assert len(view._cells) == 20
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert cells(ring[7])["size"] == (f"{1 + 2 + (2 << 20):,}", "")
    view.select(7)
    assert view.current_record == ring[7]


def test_times_are_in_the_zone_that_the_header_names(qtbot: QtBot, ring: RecordRing) -> None:
    view = shown(qtbot, ring)
    for zone, name in ((ZoneInfo("Europe/Berlin"), "Europe/Berlin"), (timezone(timedelta(hours=2)), "UTC+02:00")):
        view.set_zone(zone)
        assert name in str(view._header.model().headerData(number_of("timestamp"), Qt.Orientation.Horizontal))
    assert cells(record(0, timestamp=None))["timestamp"] == ("", "")
    assert cells(record(0, timestamp=2**62))["timestamp"] == (str(2**62), "")


def test_columns_come_back_as_they_were_left(qtbot: QtBot, ring: RecordRing) -> None:
    first = shown(qtbot, ring)
    header = first._header
    key = number_of("key")
    header.moveSection(header.visualIndex(key), 0)
    header.setSectionHidden(number_of("headers"), True)
    header.resizeSection(key, 333)
    second = shown(qtbot, ring)
    second.restore_state(first.save_state())
    assert second.save_state() == first.save_state()
    assert second._header.sectionSize(key) == 333


def number_of(key: str) -> int:
    return next(number for number, column in enumerate(COLUMNS) if column.key == key)


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"columns": None},
        {"columns": [None, {"name": "no such"}, {"name": "key", "width": -5}, {"name": []}]},
        {"columns": [{"name": column.key, "hidden": True} for column in COLUMNS]},
    ],
)
def test_a_damaged_layout_leaves_a_usable_table(qtbot: QtBot, ring: RecordRing, state: dict[str, object]) -> None:
    view = shown(qtbot, ring)
    view.restore_state(state)
    assert view._header.places()


def test_the_context_menu_acts_on_the_record_under_the_mouse(qtbot: QtBot, view: RecordView) -> None:
    at = QPoint(50, 2 * view.row_height() + 3)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, view.viewport().mapToGlobal(at))
    with qtbot.waitSignal(view.context_menu_requested):
        QApplication.sendEvent(view.viewport(), event)
    assert [each.offset for each in view.selected_records()] == [497]


def test_a_screen_reader_hears_the_current_row(view: RecordView) -> None:
    view.select(3)
    assert "Offset 3" in view.accessibleDescription()
    assert "Value value 3" in view.accessibleDescription()


@given(
    st.lists(
        st.tuples(st.sampled_from(["add", "remove", "toggle"]), st.integers(0, 30), st.integers(0, 10)), max_size=30
    )
)
def test_a_selection_is_a_set_of_rows(steps: list[tuple[str, int, int]]) -> None:
    selection, model = RowSelection(), set[int]()
    for step, start, length in steps:
        rows = range(start, start + length)
        if step == "toggle":
            selection.toggle(start)
            model ^= {start}
        elif step == "add":
            selection.add(rows.start, rows.stop)
            model |= set(rows)
        else:
            selection.remove(rows.start, rows.stop)
            model -= set(rows)
        assert list(selection) == sorted(model)
        assert len(selection) == len(model)
        assert all((row in selection) == (row in model) for row in range(45))
