"""Columns of one's own in the message table, rows in another order, and how often each value is there."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from kexplorer.formats.column import Reading
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.model.records import Peek, Record, RecordRing, TimestampType
from kexplorer.model.topics import TopicPartition
from kexplorer.services.schemas import open_schemas
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.theme import Scheme, apply
from kexplorer.ui.widgets.record_columns import ColumnDialog
from kexplorer.ui.widgets.record_view import RecordView, RowSource
from kexplorer.ui.widgets.value_counts import ValueCountsDialog
from tests.registry.server import FakeRegistry, Running
from tests.rig.loops import Heartbeat, LoopRunner

ROWS = 300
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


def value(offset: int) -> bytes | None:
    if offset % 10 == 9:
        return None
    names: dict[str, object] = {"n": offset * 7919 % ROWS, "status": ["PAID", "NEW", "FAILED"][offset % 3]}
    return json.dumps(names if offset % 10 else {**names, "status": None}).encode()


def record(offset: int) -> Record:
    return Record(TopicPartition("orders", 0), offset, offset, TimestampType.CREATE_TIME, b"k", value(offset), ())


def ring_of(rows: int = ROWS, limit: int = 1 << 20) -> RecordRing:
    ring = RecordRing(limit)
    for offset in range(rows):
        ring.add(record(offset))
    return ring


class Window:
    """A topic that is browsed: of its million rows those from 990,000 on are loaded."""

    dropped = 0

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, row: int) -> Record | None:
        return record(row) if row >= 990_000 else None

    def peek(self, row: int, limit: int) -> Peek | None:
        found = self[row]
        return Peek(found, 0) if found else None

    def is_gap(self, row: int) -> bool:
        return False

    def mark_of(self, row: int) -> None:
        return None


class Table:
    """A shown view, what it said, and shortcuts for what a person does."""

    def __init__(self, view: RecordView) -> None:
        self.view = view
        self.said: list[str] = []
        self.filters: list[str] = []
        view.notice.connect(self.said.append)
        view.filter_requested.connect(self.filters.append)

    def number(self, title: str) -> int:
        return next(number for number, column in enumerate(self.view._columns) if column.title == title)

    def click_header(self, title: str) -> None:
        header = self.view._header
        number = self.number(title)
        at = QPoint(header.sectionViewportPosition(number) + header.sectionSize(number) // 2, header.height() // 2)
        QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)

    def menu_of(self, title: str) -> QMenu:
        header = self.view._header
        number = self.number(title)
        at = QPoint(header.sectionViewportPosition(number) + 5, header.height() // 2)
        event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, header.viewport().mapToGlobal(at))
        QApplication.sendEvent(header.viewport(), event)
        return self.menu()

    def menu(self) -> QMenu:
        found = QApplication.activePopupWidget()
        assert isinstance(found, QMenu)
        return found

    def choose(self, menu: QMenu, text: str) -> None:
        action = next(action for action in menu.actions() if action.text() == text)
        assert action.isEnabled()
        action.trigger()
        menu.close()

    def sorted_by(self) -> tuple[str, bool] | None:
        return self.view.sorted_by

    def offsets(self, rows: int) -> list[int]:
        """Of the first rows from the top."""
        found = [self.view._record(self.view._absolute(place)) for place in range(rows)]
        return [each.offset for each in found if each is not None]

    def cells(self, title: str, rows: int) -> list[tuple[str, str]]:
        number = self.number(title)
        found = [self.view._cells_of(self.view._absolute(place)) for place in range(rows)]
        return [(each[number].text, each[number].mark) for each in found if each is not None]

    def titles(self) -> list[str]:
        header = self.view._header
        order = [header.logicalIndex(visual) for visual in range(header.count())]
        return [str(header.model().headerData(n, Qt.Orientation.Horizontal)) for n in order if n in header.shown()]


@pytest.fixture
def tasks() -> Tasks:
    def fail(failure: Failure) -> None:
        raise failure

    return Tasks(fail)


@pytest.fixture
def make(qtbot: QtBot, tasks: Tasks) -> Iterator[Callable[[RowSource], Table]]:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    apply(app, Scheme.LIGHT)

    def shown(source: RowSource) -> Table:
        view = RecordView(tasks)
        view.set_source(source)
        qtbot.addWidget(view)
        view.resize(1400, 400)
        view.show()
        qtbot.waitExposed(view)
        return Table(view)

    yield shown
    apply(app, Scheme.LIGHT)


@pytest.fixture
def table(make: Callable[[RowSource], Table]) -> Table:
    return make(ring_of())


def act(qtloop: LoopRunner, tasks: Tasks, *actions: Callable[[], object]) -> None:
    """What a person does while the program's loop runs, and the work that follows of it."""

    async def wait() -> None:
        for action in actions:
            action()
        while tasks.running("sort rows") or tasks.running("count values"):  # noqa: ASYNC110  (what is waited for are tasks)
            await asyncio.sleep(0.005)

    qtloop.run(wait())


# ---- columns


def test_a_field_becomes_a_column_before_the_value(table: Table) -> None:
    table.view.add_column("value.status")
    assert table.titles() == ["Partition", "Offset", "Timestamp (UTC)", "Key", "Headers", "status", "Value"]
    assert table.cells("status", 10) == [
        ("", ""),  # of a tombstone
        ("NEW", ""),
        ("PAID", ""),
        ("FAILED", ""),
        ("NEW", ""),
        ("PAID", ""),
        ("FAILED", ""),
        ("NEW", ""),
        ("PAID", ""),
        ("", "null"),
    ]


def test_only_rows_on_screen_are_evaluated_and_each_once(table: Table) -> None:
    table.view.add_column("value.n")
    number = table.view._columns.number_of("=value.n")
    asked: list[int] = []
    reading = table.view._columns.reading(number)

    def value_of(peek: Peek) -> object:
        asked.append(peek.record.offset)
        return reading.value_of(peek)

    table.view._columns._readings["=value.n"] = Reading(value_of, reading.limit)
    for _ in range(3):
        table.view.viewport().repaint()
    assert len(asked) == len(set(asked)) <= 20
    table.view._header.show_column(number, False)
    table.view.viewport().repaint()
    table.view.place(50 * table.view.row_height())
    table.view.viewport().repaint()
    assert len(asked) <= 20  # nothing for a column that is hidden


def test_a_wrong_expression_is_refused_and_changes_nothing(table: Table) -> None:
    before = table.titles()
    table.view.add_column("status")
    assert table.titles() == before
    assert "column 1: there is no status" in table.said[-1]
    for number in range(50):
        table.view.add_column(f"value.x{number}")
    assert len(table.titles()) == len(before) + 40
    assert "Remove some first" in table.said[-1]


def test_the_same_column_twice_is_one_and_is_shown_again(table: Table) -> None:
    table.view.add_column("value.status")
    table.choose(table.menu_of("status"), "Hide column")
    assert "status" not in table.titles()
    table.view.add_column(" value.status ")
    assert table.titles().count("status") == 1


def test_the_dialog_keeps_what_is_wrong_until_it_is_right(table: Table, qtbot: QtBot) -> None:
    table.choose(table.menu_of("Key"), "Add column …")
    dialog = table.view.findChild(ColumnDialog)
    assert dialog is not None
    QTest.keyClicks(dialog.edit, "status")
    QTest.keyClick(dialog.edit, Qt.Key.Key_Return)
    assert dialog.isVisible()
    assert "value.status" in dialog.problem.text()
    dialog.edit.clear()
    QTest.keyClicks(dialog.edit, "value.status")
    with qtbot.waitSignal(table.view.columns_changed):
        QTest.keyClick(dialog.edit, Qt.Key.Key_Return)
    assert not dialog.isVisible()
    assert "status" in table.titles()


def test_columns_come_back_with_their_expressions_places_and_widths(
    table: Table, make: Callable[[RowSource], Table]
) -> None:
    for expression in ("value.status", 'headers["a b"]', "len(value.items)"):
        table.view.add_column(expression)
    header = table.view._header
    header.moveSection(header.visualIndex(table.number('headers["a b"]')), 0)
    header.resizeSection(table.number("status"), 222)
    header.show_column(table.number("Timestamp"), False)
    table.view.remove_column("value.status")
    state = json.loads(json.dumps(table.view.save_state()))
    other = make(ring_of(10))
    changes: list[None] = []
    other.view.columns_changed.connect(lambda: changes.append(None))
    other.view.restore_state(state)
    assert changes == []  # nobody changed anything
    assert (
        other.titles()
        == table.titles()
        == [
            'headers["a b"]',
            *("Partition", "Offset", "Key", "Headers", "len(value.items)", "Value"),
        ]
    )
    assert other.view.save_state() == table.view.save_state()


@pytest.mark.parametrize(
    "columns",
    [
        [{"name": "=value."}, {"name": "=" + "(" * 500}, {"name": "=value.a", "characters": 1e9}],
        [{"name": "=value.a", "hidden": True, "characters": "wide"}, {"name": 5}, 7],
        [{"name": f"=value.x{n}"} for n in range(1_000)],
    ],
)
def test_damaged_columns_are_ignored(table: Table, columns: list[object]) -> None:
    table.view.restore_state({"columns": columns})
    assert {"Partition", "Value"} <= set(table.titles())
    assert len(table.titles()) <= 46
    table.view.viewport().repaint()


def test_widths_are_kept_in_characters_over_a_zoom(table: Table, qapp: QApplication) -> None:
    header = table.view._header
    table.view.add_column("value.status")
    header.resizeSection(table.number("Key"), 300)
    before = {number: header.sectionSize(number) for number in header.shown() - {table.number("Value")}}
    state = table.view.save_state()
    apply(qapp, Scheme.LIGHT, 150)
    for number, size in before.items():
        assert header.sectionSize(number) == pytest.approx((size - 16) * 1.5 + 16, rel=0.06)
    apply(qapp, Scheme.LIGHT, 100)
    assert {number: header.sectionSize(number) for number in before} == before
    assert table.view.save_state() == state


def test_a_person_s_changes_are_told_and_a_window_s_are_not(table: Table) -> None:
    changes: list[None] = []
    table.view.columns_changed.connect(lambda: changes.append(None))
    table.view.resize(1000, 300)
    QApplication.processEvents()
    assert changes == []
    table.view._header.resizeSection(table.number("Offset"), 200)
    assert len(changes) == 1
    table.view.add_column("value.n")
    assert len(changes) == 2


def test_reset_takes_away_what_was_added_and_shows_what_was_hidden(table: Table) -> None:
    usual = table.titles()
    table.view.add_column("value.n")
    table.choose(table.menu_of("Key"), "Hide column")
    table.choose(table.menu_of("n"), "Reset columns")
    assert table.titles() == usual


def test_the_menu_of_columns_opens_at_the_keyboard(table: Table) -> None:
    table.view.setFocus()
    QTest.keyClick(table.view, Qt.Key.Key_H, CTRL | SHIFT)
    menu = table.menu()
    names = [action.text() for action in menu.actions() if action.menu()]
    assert names == ["Partition", "Offset", "Timestamp", "Key", "Headers", "Value", "Columns"]
    menu.close()


def test_rows_are_copied_with_the_columns_that_were_added(table: Table) -> None:
    table.view.add_column("value.status")
    table.view.select(1)
    QTest.keyClick(table.view, Qt.Key.Key_C, CTRL | SHIFT)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].endswith("\tValue\tstatus")
    assert lines[1].endswith("\tNEW")


# ---- schemas


def test_what_has_a_schema_is_read_with_it_once_it_is_there(
    make: Callable[[RowSource], Table], qtloop: LoopRunner, tasks: Tasks
) -> None:
    ring = RecordRing(1 << 20)
    framed = b"\x00\x00\x00\x00\x07" + b"\x54\x06tea"
    for offset, data in enumerate((framed, b'{"item": "milk"}', b"\x00\x00\x00\x00\x08\x02")):
        ring.add(replace(record(offset), value=data))
    registry = FakeRegistry()
    fields = [{"name": "id", "type": "long"}, {"name": "item", "type": "string"}]
    registry.add(7, json.dumps({"type": "record", "name": "Order", "fields": fields}))
    table = make(ring)
    table.view.add_column("value.item")

    async def read() -> None:
        schemas = await open_schemas(Profile("p", "localhost:9092", registry_url=registry.url), "")
        table.view.set_schemas(schemas)
        for _ in range(3):  # what the registry does not know is not asked for again
            table.view.viewport().repaint()
            while tasks.running("schemas of rows"):  # noqa: ASYNC110  (what is waited for are tasks)
                await asyncio.sleep(0.005)

    with Running(registry):
        qtloop.run(read())
    assert table.cells("item", 3) == [("", ""), ("milk", ""), ("tea", "")]
    assert table.cells("Value", 3) == [
        ("00 00 00 00 08 02", "hex"),
        ('{"item": "milk"}', ""),
        ('{"id":42,"item":"tea"}', ""),
    ]
    assert sorted(registry.asked) == ["/schemas/ids/7", "/schemas/ids/8"]
    act(qtloop, tasks, lambda: table.click_header("item"))
    assert table.offsets(3) == [1, 0, 2]
    table.view.set_schemas(None)
    assert table.cells("item", 3) == [("milk", ""), ("", ""), ("", "")]


def test_kafka_s_own_records_are_read_without_any_schema(make: Callable[[RowSource], Table]) -> None:
    ring = RecordRing(1 << 20)
    key = b"\0\1" + b"\0\5shops" + b"\0\6orders" + b"\0\0\0\3"
    ring.add(replace(record(1), source=TopicPartition("__consumer_offsets", 0), key=key, value=None))
    table = make(ring)
    ((text, mark),) = table.cells("Key", 1)
    assert mark == ""
    assert json.loads(text)["group"] == "shops"
    assert table.cells("Value", 1) == [("", "tombstone")]


def test_messagepack_and_cbor_are_read_without_any_schema(make: Callable[[RowSource], Table]) -> None:
    ring = RecordRing(1 << 20)
    for offset, data in enumerate((b"\x81\xa2id\x2a", b"\xa1\x62id\x18\x2a", b"\x81\xa2id", b'{"id":42}')):
        ring.add(replace(record(offset), value=data))
    undecoded = ("81 A2 69 64", "hex")
    assert make(ring).cells("Value", 4) == [('{"id":42}', ""), undecoded, ('{"id":42}', ""), ('{"id":42}', "")]


# ---- order


def test_clicks_sort_up_then_down_then_as_they_arrived(table: Table, qtloop: LoopRunner, tasks: Tasks) -> None:
    table.view.add_column("value.n")
    arrived = table.offsets(20)
    act(qtloop, tasks, lambda: table.click_header("n"))
    assert table.sorted_by() == ("value.n", False)
    up = sorted((n for n in range(ROWS) if n % 10 != 9), key=lambda n: n * 7919 % ROWS)
    assert table.offsets(ROWS) == [*up, *range(9, ROWS, 10)]
    assert "300 rows sorted by n" in table.said[-1]
    act(qtloop, tasks, lambda: table.click_header("n"))
    assert table.sorted_by() == ("value.n", True)
    assert table.offsets(ROWS) == [*up[::-1], *range(9, ROWS, 10)]
    table.click_header("n")
    assert table.sorted_by() is None
    assert table.offsets(20) == arrived


@pytest.mark.parametrize("title", ["Partition", "Offset", "Timestamp", "Key", "Headers", "Size", "Value"])
def test_every_column_can_be_sorted_and_counted(table: Table, qtloop: LoopRunner, tasks: Tasks, title: str) -> None:
    number = table.number(title)
    act(qtloop, tasks, lambda: table.view._header.sort_requested.emit(number, False))
    assert sorted(table.offsets(ROWS)) == list(range(ROWS))
    act(qtloop, tasks, lambda: table.view._header.count_requested.emit(number))
    dialog = table.view.findChild(ValueCountsDialog)
    assert dialog is not None
    assert "300 records in the table" in dialog.told.text()
    assert sum(bar.records for bar in dialog.list._bars) == ROWS
    dialog.close()


def test_the_selected_record_stays_selected(table: Table, qtloop: LoopRunner, tasks: Tasks) -> None:
    chosen: list[object] = []
    table.view.select(123)
    table.view.current_changed.connect(chosen.append)
    for column in ("Value", "Key", "Key", "Key"):
        act(qtloop, tasks, partial(table.click_header, column))
        assert [each.offset for each in table.view.selected_records()] == [123]
        assert table.view.current_record == record(123)
    assert chosen == []  # it is the same record all the time
    places = table.view.rows_in(0, table.view.viewport().height())
    assert table.view._place_of(123) in places


def test_the_owner_s_row_numbers_mean_the_same_records_in_any_order(
    table: Table, qtloop: LoopRunner, tasks: Tasks
) -> None:
    act(qtloop, tasks, lambda: table.click_header("Value"))
    table.view.select(42)
    assert table.view.current_record == record(42)
    table.view.jump_to_newest()
    assert table.sorted_by() is None
    assert table.offsets(1) == [ROWS - 1]


def test_records_that_come_later_stand_at_the_end(table: Table, qtloop: LoopRunner, tasks: Tasks) -> None:
    act(qtloop, tasks, lambda: table.click_header("Offset"))
    ring = table.view._arrivals
    assert isinstance(ring, RecordRing)
    ring.add(record(-5))
    table.view.rows_changed()
    assert table.offsets(ROWS + 1) == [*range(ROWS), -5]
    assert table.view.top == 0


def test_the_order_ends_with_a_word_when_the_ring_forgets(
    make: Callable[[RowSource], Table], qtloop: LoopRunner, tasks: Tasks
) -> None:
    ring = ring_of(limit=40_000)
    assert ring.dropped == 0
    table = make(ring)
    table.view.select(250)
    act(qtloop, tasks, lambda: table.click_header("Value"))
    for offset in range(ROWS, 2 * ROWS):
        ring.add(record(offset))
    table.view.viewport().repaint()  # before the view is told
    table.view.rows_changed()
    assert table.sorted_by() is None
    assert "order of arrival" in table.said[-1]
    assert table.offsets(3) == [2 * ROWS - 1, 2 * ROWS - 2, 2 * ROWS - 3]


def test_a_topic_that_is_browsed_is_not_sorted_and_says_why(
    make: Callable[[RowSource], Table],
) -> None:
    table = make(Window())
    table.click_header("Offset")
    assert table.sorted_by() is None
    assert "not in memory" in table.said[-1]
    assert "Search or follow" in table.said[-1]


def test_another_source_ends_a_sort_that_runs(table: Table, qtloop: LoopRunner, tasks: Tasks) -> None:
    act(qtloop, tasks, lambda: table.click_header("Value"), lambda: table.view.set_source(ring_of(5)))
    assert table.sorted_by() is None
    assert table.offsets(5) == [4, 3, 2, 1, 0]


def test_a_column_that_goes_takes_its_order_with_it(table: Table, qtloop: LoopRunner, tasks: Tasks) -> None:
    table.view.add_column("value.n")
    act(qtloop, tasks, lambda: table.click_header("n"))
    table.choose(table.menu_of("n"), "Remove column")
    assert table.sorted_by() is None
    assert table.offsets(1) == [ROWS - 1]
    table.view.viewport().repaint()


def test_a_column_removed_while_it_is_sorted_by_ends_the_sort(table: Table, qtloop: LoopRunner, tasks: Tasks) -> None:
    table.view.add_column("value.n")
    act(qtloop, tasks, lambda: table.click_header("n"), lambda: table.view.remove_column("value.n"))
    assert table.sorted_by() is None


def test_the_window_goes_on_while_many_rows_are_sorted_and_counted(
    make: Callable[[RowSource], Table], qtloop: LoopRunner, tasks: Tasks, heartbeat: Heartbeat
) -> None:
    many = 25_000
    table = make(ring_of(many, 100 << 20))
    table.view.add_column("value.n")
    act(qtloop, tasks, lambda: table.click_header("n"))
    assert table.sorted_by() == ("value.n", False)
    assert table.said[0] == "Sorting 25,000 rows by n: 0 % read."
    assert len(table.said) <= 12
    act(qtloop, tasks, lambda: table.view._header.count_requested.emit(table.number("Offset")))
    dialog = table.view.findChild(ValueCountsDialog)
    assert dialog is not None
    assert "24,900 other values" in [bar.shown.text for bar in dialog.list._bars]
    dialog.close()


# ---- counts


def test_a_value_that_was_counted_becomes_a_filter(table: Table, qtloop: LoopRunner, tasks: Tasks) -> None:
    table.view.add_column("value.status")
    act(qtloop, tasks, lambda: table.choose(table.menu_of("status"), "Count values …"))
    dialog = table.view.findChild(ValueCountsDialog)
    assert dialog is not None
    assert dialog.told.text() == "4 different values in the 300 records in the table."
    counts = {bar.shown.text or bar.shown.mark: bar.records for bar in dialog.list._bars}
    assert counts == {"PAID": 80, "NEW": 80, "FAILED": 80, "null": 30, "no such field": 30}
    assert dialog.list.current == dialog.list._bars[0]
    QTest.keyClick(dialog.list, Qt.Key.Key_Return)
    assert table.filters == ['value.status == "NEW"']
    assert not dialog.isVisible()


def test_of_a_topic_that_is_browsed_what_is_loaded_is_counted(
    make: Callable[[RowSource], Table], qtloop: LoopRunner, tasks: Tasks
) -> None:
    table = make(Window())
    act(qtloop, tasks, lambda: table.view._header.count_requested.emit(table.number("Partition")))
    dialog = table.view.findChild(ValueCountsDialog)
    assert dialog is not None
    assert dialog.told.text() == "1 value in the 10,000 records loaded around those on screen."
    dialog.close()


def test_a_dialog_that_is_closed_ends_its_count_and_another_count_closes_it(
    table: Table, qtloop: LoopRunner, tasks: Tasks
) -> None:
    def dialogs() -> list[ValueCountsDialog]:
        return [each for each in table.view.findChildren(ValueCountsDialog) if each.isVisible()]

    async def close_one() -> None:
        table.view._header.count_requested.emit(table.number("Value"))
        (first,) = dialogs()
        assert first.told.text() == "Counting …"
        table.view._header.count_requested.emit(table.number("Offset"))
        (second,) = dialogs()
        assert "Offset" in second.windowTitle()
        QTest.keyClick(second, Qt.Key.Key_Escape)
        assert dialogs() == []
        assert not tasks.running("count values")
        await asyncio.sleep(0.05)

    qtloop.run(close_one())
    assert table.filters == []
