"""The bars of how often each value is there."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from kexplorer.formats.column import Shown
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.services.ordering import ValueCount, ValueCounts
from kexplorer.ui.theme import Scheme, apply, tokens
from kexplorer.ui.widgets.value_counts import Bar, ValueCountsDialog, bars_of

MARKUP = '<b>x</b><img src="file:///etc/passwd">'
PAID, NULL = ValueCount(Shown("PAID"), 600, 'value.s == "PAID"'), ValueCount(Shown("", "null"), 300, "value.s == null")
OBJECT = ValueCount(Shown('{"a":1}'), 50, "")
COUNTS = ValueCounts((PAID, NULL, OBJECT), 12, 30, 15, 5, 1_000, "not exists(value.s)")


@pytest.fixture
def dialog(qtbot: QtBot, qapp: QApplication) -> ValueCountsDialog:
    apply(qapp, Scheme.LIGHT)
    dialog = ValueCountsDialog(MARKUP)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitExposed(dialog)
    dialog.show_counts(COUNTS, "in the table")
    return dialog


def test_all_records_are_in_some_bar() -> None:
    assert bars_of(COUNTS) == [
        Bar(Shown("PAID"), 600, 'value.s == "PAID"'),
        Bar(Shown("", "null"), 300, "value.s == null"),
        Bar(Shown('{"a":1}'), 50, ""),
        Bar(Shown("12 other values"), 30, "", quiet=True),
        Bar(Shown("no such field"), 15, "not exists(value.s)", quiet=True),
        Bar(Shown("too large to decode"), 5, "", quiet=True),
    ]
    assert sum(bar.records for bar in bars_of(COUNTS)) == COUNTS.total


def test_it_says_of_how_many_records(dialog: ValueCountsDialog) -> None:
    assert dialog.told.text() == "15 different values in the 1,000 records in the table."


def test_enter_double_click_and_the_button_filter_on_the_current_value(dialog: ValueCountsDialog, qtbot: QtBot) -> None:
    asked: list[str] = []
    dialog.filter_requested.connect(asked.append)
    dialog.list.setFocus()
    QTest.keyClick(dialog.list, Qt.Key.Key_Down)
    QTest.keyClick(dialog.list, Qt.Key.Key_Return)
    assert asked == ["value.s == null"]
    assert not dialog.isVisible()
    dialog.show()
    at = QPoint(30, dialog.list.y_of(4) + 5)
    QTest.mouseClick(dialog.list.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
    QTest.mouseDClick(dialog.list.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
    dialog.show()
    QTest.keyClick(dialog.list, Qt.Key.Key_Home)
    dialog.filter.click()
    assert asked == ["value.s == null", "not exists(value.s)", 'value.s == "PAID"']


def test_what_no_filter_can_say_offers_none(dialog: ValueCountsDialog) -> None:
    asked: list[str] = []
    dialog.filter_requested.connect(asked.append)
    for row, possible in enumerate((True, True, False, False, True, False)):
        dialog.list.select(row)
        assert dialog.filter.isEnabled() == possible
    QTest.keyClick(dialog.list, Qt.Key.Key_Return)
    assert asked == []
    assert dialog.isVisible()


def test_the_keyboard_stays_within_the_bars_and_copies_a_value(dialog: ValueCountsDialog) -> None:
    for key, text in (
        (Qt.Key.Key_Up, "PAID"),
        (Qt.Key.Key_End, "too large to decode"),
        (Qt.Key.Key_Down, "too large to decode"),
        (Qt.Key.Key_PageUp, "PAID"),
    ):
        QTest.keyClick(dialog.list, key)
        assert dialog.list.current is not None
        assert dialog.list.current.shown.text == text
    QTest.keyClick(dialog.list, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "PAID"


def test_a_screen_reader_hears_value_count_and_share(dialog: ValueCountsDialog) -> None:
    assert dialog.list.accessibleDescription() == "PAID: 600 records, 60.0 %"
    dialog.list.select(1)
    assert dialog.list.accessibleDescription() == "null: 300 records, 30.0 %"


def test_bars_are_as_long_as_their_counts(dialog: ValueCountsDialog) -> None:
    dialog.list.select(5)
    picture = dialog.list.viewport().grab().toImage()
    colour = tokens(dialog.palette()).series[0]

    def length(row: int) -> int:
        y = dialog.list.y_of(row) + dialog.list.row_height() // 2
        return sum(picture.pixelColor(x, y).name() == colour for x in range(picture.width()))

    assert length(0) > 100
    assert length(1) == pytest.approx(length(0) / 2, abs=4)
    assert length(2) == pytest.approx(length(0) / 12, abs=4)


def test_a_failure_is_told_in_place_of_bars(dialog: ValueCountsDialog) -> None:
    dialog.show_failure(Failure(FailureKind.REFUSED, "Older records were forgotten.", "Pause first."))
    assert dialog.told.text() == "Older records were forgotten. Pause first."


def test_nothing_at_all_is_no_trouble(dialog: ValueCountsDialog) -> None:
    dialog.show_counts(ValueCounts((), 0, 0, 0, 0, 0, ""), "in the table")
    dialog.list.viewport().grab()
    QTest.keyClick(dialog.list, Qt.Key.Key_Down)
    QTest.keyClick(dialog.list, Qt.Key.Key_Return)
    QTest.keyClick(dialog.list, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert dialog.list.current is None
    assert not dialog.filter.isEnabled()
