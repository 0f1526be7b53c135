"""The query bar by keyboard: completion, history, saved filters, order and limit."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from kexplorer.formats.field_names import FieldNames
from kexplorer.model.records import Record, TimestampType
from kexplorer.model.search import FilterKind, FilterSpec, Where
from kexplorer.model.topics import TopicPartition
from kexplorer.store.filters import FilterStore
from kexplorer.ui.widgets.query_bar import QueryBar, SavedFilters
from tests.rig.loops import LoopRunner

Key = Qt.Key
CONTROL, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
FAILED = FilterSpec('value.status == "FAILED"', FilterKind.EXPRESSION)
EU = FilterSpec("eu-[0-9]+", FilterKind.REGEX, False, Where.KEY)
TEXT = FilterSpec("order-17")


def learnt() -> FieldNames:
    known = FieldNames()
    for offset, status in enumerate(("PAID", "FAILED")):
        value = json.dumps({"status": status, "total": 10, "total_net": 9, "first name": "Ann"}).encode()
        source = TopicPartition("orders", 0)
        known.learn([Record(source, offset, 0, TimestampType.CREATE_TIME, b"k", value, (("trace-id", b"1"),))])
    return known


Make = Callable[..., QueryBar]


@pytest.fixture
def make(qtbot: QtBot) -> Make:
    """`make(saved)`: a bar in a window of its own."""
    windows = []

    def made(saved: SavedFilters | None = None) -> QueryBar:
        bar, window = QueryBar(saved), QWidget()
        windows.append(window)
        qtbot.addWidget(window)
        column = QVBoxLayout(window)
        column.addWidget(bar)
        column.addStretch(1)
        window.resize(1030, 500)
        window.show()
        qtbot.waitUntil(window.isActiveWindow)
        bar.set_known(learnt())
        bar.edit.setFocus()
        return bar

    return made


@pytest.fixture
def bar(make: Make) -> QueryBar:
    return make()


@pytest.fixture
def fields(bar: QueryBar) -> QueryBar:
    bar.show_spec(FilterSpec("", FilterKind.EXPRESSION))
    return bar


def press(bar: QueryBar, *keys: Key | str) -> None:
    for key in keys:
        QTest.keyClicks(bar.edit, key) if isinstance(key, str) else QTest.keyClick(bar.edit, key)


def offered(bar: QueryBar) -> list[str]:
    if not bar.completer.shown:
        return []
    offers = (bar.completer.rows.offer(row) for row in range(100))
    return [offer.text for offer in offers if offer]


def listen(bar: QueryBar) -> list[FilterSpec | str]:
    told: list[FilterSpec | str] = []
    bar.searched.connect(told.append)
    bar.closed.connect(lambda: told.append("closed"))
    return told


# completion


def test_an_expression_is_written_with_few_keys(fields: QueryBar) -> None:
    told = listen(fields)
    press(fields, "stat", Key.Key_Return, " ", Key.Key_Down, Key.Key_Tab)
    assert fields.edit.text() == "value.status == "
    assert offered(fields)[:2] == ['"PAID"', '"FAILED"']
    press(fields, "f", Key.Key_Tab, " a", Key.Key_Return, "total_n", Key.Key_Return, " > 5")
    assert fields.edit.text() == 'value.status == "FAILED" and value.total_net > 5'
    assert told == []
    press(fields, Key.Key_Return)
    assert told == [FilterSpec(fields.edit.text(), FilterKind.EXPRESSION)]
    assert not fields.completer.shown


def test_enter_searches_where_nothing_is_chosen(fields: QueryBar) -> None:
    told = listen(fields)
    press(fields, "value.total")
    assert offered(fields) == ["value.total_net"]
    press(fields, " > 5 ")
    assert offered(fields) == ["and", "or"]
    press(fields, Key.Key_Return)
    assert told == [FilterSpec("value.total > 5 ", FilterKind.EXPRESSION)]
    assert not fields.completer.shown


def test_the_list_is_walked_round_and_escape_closes_only_it(fields: QueryBar) -> None:
    told = listen(fields)
    press(fields, "value.")
    rows = fields.completer.rows
    assert rows.row == -1
    press(fields, Key.Key_Up)
    assert rows.row == 3
    press(fields, Key.Key_Down)
    assert rows.row == 0
    press(fields, Key.Key_PageDown)
    assert rows.row == 3
    press(fields, Key.Key_PageUp)
    assert rows.row == 0
    press(fields, Key.Key_Escape)
    assert not fields.completer.shown
    assert told == []
    assert fields.edit.text() == "value."
    press(fields, Key.Key_Escape)
    assert told == ["closed"]


def test_control_space_asks_anywhere(fields: QueryBar) -> None:
    QTest.keyClick(fields.edit, Key.Key_Space, CONTROL)
    assert offered(fields)[0] == "value"
    fields.edit.setText("value.to > 5")
    fields.edit.setCursorPosition(8)
    QTest.keyClick(fields.edit, Key.Key_Space, CONTROL)
    press(fields, Key.Key_Down, Key.Key_Return)
    assert fields.edit.text() == "value.total_net > 5"
    fields.edit.undo()
    assert fields.edit.text() == "value.to > 5"


def test_an_operator_keeps_one_space_behind_it(fields: QueryBar) -> None:
    fields.edit.setText("value.total  5")
    fields.edit.setCursorPosition(12)
    QTest.keyClick(fields.edit, Key.Key_Space, CONTROL)
    press(fields, Key.Key_Down, Key.Key_Return)
    assert fields.edit.text() == "value.total == 5"
    assert fields.edit.cursorPosition() == 15


def test_odd_names_are_quoted(fields: QueryBar) -> None:
    press(fields, "first", Key.Key_Return, " != null and trace", Key.Key_Return)
    assert fields.edit.text() == 'value["first name"] != null and headers["trace-id"]'
    assert fields.check()


def test_what_closes_the_list(fields: QueryBar) -> None:
    ways: tuple[Callable[[], object], ...] = (
        lambda: press(fields, Key.Key_Left),
        lambda: fields.show_spec(TEXT),
        fields.shelf_button.setFocus,
        fields.hide,
        lambda: press(fields, Key.Key_Backspace, Key.Key_Backspace, Key.Key_Backspace),
    )
    for close in ways:
        fields.show()
        fields.show_spec(FilterSpec("", FilterKind.EXPRESSION))
        fields.edit.setFocus()
        press(fields, "val")
        assert offered(fields)
        close()
        assert not fields.completer.shown


def test_a_click_accepts_and_typing_goes_on(fields: QueryBar) -> None:
    press(fields, "value.t")
    rows = fields.completer.rows
    place = rows.visualRect(rows.model().index(1, 0)).center()
    QTest.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    assert fields.edit.text() == "value.total_net"
    assert fields.edit.hasFocus()


def test_a_text_is_not_completed(bar: QueryBar) -> None:
    press(bar, "value.")
    assert not bar.completer.shown
    QTest.keyClick(bar.edit, Key.Key_Space, CONTROL)
    assert not bar.completer.shown


def test_the_list_stays_inside_of_the_window(fields: QueryBar) -> None:
    window = fields.window()
    fields.edit.setText('value.status == "' + "x" * 90 + '" and ')
    for width, height in ((1030, 500), (700, 300), (500, 160)):
        window.resize(width, height)
        QApplication.processEvents()
        fields.edit.end(False)
        QTest.keyClick(fields.edit, Key.Key_Space, CONTROL)
        assert fields.completer.shown
        corner = fields.completer.rows.mapTo(window, QPoint())
        assert corner.x() >= 0
        assert corner.x() + fields.completer.rows.width() <= window.width()
        press(fields, Key.Key_Escape)


def test_what_is_wrong_is_said_with_its_column(qtbot: QtBot, fields: QueryBar) -> None:
    press(fields, "value.total = 5")
    qtbot.waitUntil(lambda: "column 13" in fields._error.text())
    assert fields._error.isVisible()
    told = listen(fields)
    press(fields, Key.Key_Return)
    assert told == []
    fields.edit.setText("")
    press(fields, "1 == 1")
    qtbot.waitUntil(lambda: not fields._error.isVisible())


def test_what_is_still_completed_is_not_wrong_yet(qtbot: QtBot, fields: QueryBar) -> None:
    press(fields, "value.stat")
    fields.completer.close()
    press(fields, "us == ")
    assert fields.completer.shown
    fields._check_timer.timeout.emit()
    assert not fields._error.isVisible()
    press(fields, Key.Key_Escape)
    qtbot.waitUntil(fields._error.isVisible)
    press(fields, "5")
    qtbot.waitUntil(lambda: not fields._error.isVisible())


# history


def searched_for(bar: QueryBar, *specs: FilterSpec) -> None:
    for spec in specs:
        bar.show_spec(spec)
        bar.search_button.click()


def test_up_and_down_bring_back_whole_filters(bar: QueryBar) -> None:
    searched_for(bar, TEXT, EU, FAILED)
    bar.edit.clear()
    seen = []
    for key in (Key.Key_Up, Key.Key_Up, Key.Key_Up, Key.Key_Up, Key.Key_Down, Key.Key_Down):
        press(bar, key)
        seen.append(bar.spec())
    assert seen == [FAILED, EU, TEXT, TEXT, EU, FAILED]
    press(bar, Key.Key_Down)
    assert bar.edit.text() == ""


def test_what_was_typed_is_not_lost_to_the_history(bar: QueryBar) -> None:
    searched_for(bar, TEXT)
    bar.edit.clear()
    press(bar, "mine", Key.Key_Up)
    assert bar.edit.text() == "mine"
    press(bar, Key.Key_Down)
    assert bar.edit.text() == "mine"


def test_after_a_search_up_is_the_one_before(bar: QueryBar) -> None:
    searched_for(bar, TEXT, EU)
    press(bar, Key.Key_Up)
    assert bar.spec() == TEXT


def test_the_history_keeps_fifty_each_once(bar: QueryBar) -> None:
    searched_for(bar, *(FilterSpec(str(n)) for n in range(60)), FilterSpec("30"))
    history: Any = bar.save_state()["history"]
    texts = [each["text"] for each in history]
    assert len(texts) == 50
    assert texts[:2] == ["30", "59"]
    assert texts.count("30") == 1


def test_the_state_survives_a_restart(make: Make, bar: QueryBar) -> None:
    searched_for(bar, TEXT, EU, FAILED)
    bar.order.newest_first, bar.order.limit = False, 250
    again = make()
    again.restore_state(json.loads(json.dumps(bar.save_state())))
    assert (again.newest_first, again.limit) == (False, 250)
    press(again, Key.Key_Up, Key.Key_Up)
    assert again.spec() == EU
    assert again.save_state() == bar.save_state()


@pytest.mark.parametrize(
    ("state", "texts"),
    [
        (["order-17", "eu"], ["order-17", "eu"]),
        (None, []),
        (7, []),
        ([7, None, "", {"text": "x"}, "ok"], ["ok"]),
        ({"history": "x", "limit": "7", "newest_first": 3}, []),
        ({"history": ["a"], "limit": -5}, ["a"]),
    ],
)
def test_states_of_earlier_versions_and_damaged_ones(bar: QueryBar, state: object, texts: list[str]) -> None:
    bar.restore_state(state)
    history: Any = bar.save_state()["history"]
    assert [each["text"] for each in history] == texts
    assert (bar.newest_first, bar.limit) == (True, None)


# order and limit


def test_order_and_limit_by_keyboard(bar: QueryBar) -> None:
    assert (bar.newest_first, bar.limit, bar.order.text()) == (True, None, "Newest first")
    bar.order.setFocus()
    QTest.keyClick(bar.order, Key.Key_Space)
    sheet = bar.order.sheet
    assert sheet.isVisible()
    edge = bar.order.mapToGlobal(QPoint(bar.order.width(), 0)).x()
    assert sheet.x() + sheet.width() <= edge + 4  # inside of the window, but for the frame that offscreen adds
    QTest.keyClick(sheet.newest, Key.Key_Down)
    sheet.limit.selectAll()
    QTest.keyClicks(sheet.limit, "1500")
    QTest.keyClick(sheet.limit, Key.Key_Return)
    assert not sheet.isVisible()
    assert (bar.newest_first, bar.limit, bar.order.text()) == (False, 1500, "Oldest 1,500")
    bar.order.click()
    sheet.limit.setValue(0)
    assert (bar.limit, bar.order.text()) == (None, "Oldest first")
    sheet.hide()


# saved filters


def test_a_filter_is_saved_used_and_deleted_by_keyboard(make: Make, qtloop: LoopRunner, tmp_path: Path) -> None:
    other, bar = make(FilterStore(tmp_path / "filters.json")), make(FilterStore(tmp_path / "filters.json"))

    async def steps() -> None:
        bar.show_spec(FAILED)
        QTest.keyClick(bar.edit, Key.Key_Down, ALT)
        assert bar.shelf.isVisible()
        await settled(bar)
        QTest.keyClicks(bar.shelf.name, "failed ones")
        QTest.keyClick(bar.shelf.name, Key.Key_Return)
        await settled(bar)
        assert rows_of(bar) == ["Saved", "failed ones"]
        bar.shelf.hide()
        await bar.tasks.close()

        searched_for(other, TEXT)
        other.open_shelf()
        await settled(other)
        assert rows_of(other) == ["Saved", "failed ones", "Recent", "order-17"]
        QTest.keyClicks(other.shelf.name, "failed ones")
        assert other.shelf.button.text() == "Replace"
        other.shelf.rows.select(1)
        QTest.keyClick(other.shelf.rows, Key.Key_Return)
        assert not other.shelf.isVisible()
        assert other.spec() == FAILED
        other.open_shelf()
        await settled(other)
        other.shelf.rows.select(3)
        QTest.keyClick(other.shelf.rows, Key.Key_Delete)
        assert rows_of(other) == ["Saved", "failed ones"]
        assert other.save_state()["history"] == []
        QTest.keyClick(other.shelf.rows, Key.Key_Delete)
        await settled(other)
        assert rows_of(other) == []
        assert await FilterStore(tmp_path / "filters.json").load() == {}
        other.shelf.hide()
        await other.tasks.close()

    qtloop.run(steps())


async def settled(bar: QueryBar) -> None:
    """What was asked of the store is shown."""
    while bar.tasks.running("filters"):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def rows_of(bar: QueryBar) -> list[str]:
    offers = (bar.shelf.rows.offer(row) for row in range(100))
    return [offer.text for offer in offers if offer]


def test_only_what_can_be_searched_for_is_saved(make: Make, qtloop: LoopRunner, tmp_path: Path) -> None:
    bar = make(FilterStore(tmp_path / "filters.json"))

    async def steps() -> None:
        for spec, possible in ((TEXT, True), (FilterSpec(""), False), (FilterSpec("(", FilterKind.REGEX), False)):
            bar.show_spec(spec)
            bar.open_shelf()
            assert bar.shelf.name.isEnabled() is possible
            assert not bar.shelf.button.isEnabled()
            bar.shelf.hide()
            await settled(bar)

    qtloop.run(steps())


def test_a_damaged_file_is_told(make: Make, qtloop: LoopRunner, tmp_path: Path) -> None:
    (tmp_path / "filters.json").write_text("{")

    bar = make(FilterStore(tmp_path / "filters.json"))

    async def steps() -> None:
        bar.show_spec(TEXT)
        bar.open_shelf()
        await settled(bar)
        shown = bar.shelf._trouble if bar.shelf.isVisible() else bar._error  # offscreen, Qt closes it by itself
        assert "damaged" in shown.text()
        bar.check()
        bar.open_shelf()
        bar.shelf.hide()
        await settled(bar)
        assert "damaged" in bar._error.text()

    qtloop.run(steps())


def test_without_a_store_there_is_the_history(bar: QueryBar) -> None:
    searched_for(bar, TEXT)
    bar.shelf_button.click()
    assert rows_of(bar) == ["Recent", "order-17"]
    assert not bar.shelf.name.isVisible()
    bar.shelf.rows.select(1)
    bar.edit.clear()
    QTest.keyClick(bar.shelf.rows, Key.Key_Return)
    assert bar.spec() == TEXT


def test_the_menu_of_a_row_deletes_it(bar: QueryBar) -> None:
    searched_for(bar, TEXT, EU)
    bar.shelf_button.click()
    rows = bar.shelf.rows
    rows.customContextMenuRequested.emit(rows.visualRect(rows.model().index(1, 0)).center())
    (menu,) = bar.shelf.findChildren(QMenu)
    next(action for action in menu.actions() if action.text() == "Delete").trigger()
    menu.close()
    assert rows_of(bar) == ["Recent", "order-17"]
    rows.customContextMenuRequested.emit(rows.visualRect(rows.model().index(0, 0)).center())
    bar.shelf.hide()
    assert len(bar.shelf.findChildren(QMenu)) <= 1  # a heading has none


def test_the_kind_decides_what_else_can_be_chosen(bar: QueryBar) -> None:
    bar.show_spec(EU)
    assert bar.spec() == EU
    assert bar._where.isVisible()
    bar.show_spec(FAILED)
    assert bar.spec() == FAILED
    assert bar.spec().kind is FilterKind.EXPRESSION
    assert not bar._where.isVisible()
    assert not bar._case.isVisible()
