"""Labels, the error strip, the empty state and the filter box."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton, QToolButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.ui.theme import Scheme, apply
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.filter_box import FilterBox
from kexplorer.ui.widgets.labels import IconLabel, plain_label

MARKUP = '<b>x</b><img src="file:///etc/passwd">'
FAILURE = Failure(FailureKind.TIMEOUT, f"Broker {MARKUP} did not answer.", "Try later.")


@pytest.fixture(autouse=True)
def _look(qapp: QApplication) -> None:
    apply(qapp, Scheme.LIGHT)


def test_a_label_shows_markup_as_text(qtbot: QtBot) -> None:
    label = plain_label(MARKUP)
    qtbot.addWidget(label)
    assert label.textFormat() == Qt.TextFormat.PlainText
    assert label.text() == MARKUP
    assert label.sizeHint().width() > label.fontMetrics().horizontalAdvance(MARKUP) * 0.9


def test_an_icon_follows_the_theme(qtbot: QtBot, qapp: QApplication) -> None:
    label = IconLabel("error", "bad", 18)
    qtbot.addWidget(label)
    light = label.grab().toImage()
    apply(qapp, Scheme.DARK)
    assert label.grab().toImage() != light


def test_the_buttons_of_an_error_are_reached_before_what_stands_below(qtbot: QtBot) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    column, strip, edit = QVBoxLayout(page), ErrorStrip(), QLineEdit()
    column.addWidget(strip)
    column.addWidget(edit)
    page.show()
    strip.show_failure(FAILURE)
    page.activateWindow()
    edit.setFocus()
    qtbot.waitUntil(edit.hasFocus)
    reached = []
    for _ in range(3):
        QTest.keyClick(page.focusWidget(), Qt.Key.Key_Backtab)
        reached.append(page.focusWidget())
    buttons = [strip._retry, *(button for button in strip.findChildren(QToolButton) if button.toolTip())]
    assert reached == buttons[::-1]


def test_the_error_strip_says_what_failed_and_what_to_try(qtbot: QtBot) -> None:
    strip = ErrorStrip()
    qtbot.addWidget(strip)
    assert not strip.isVisible()
    strip.show_failure(FAILURE)
    assert strip.isVisible()
    assert strip._message.text() == FAILURE.message
    assert strip._hint.text() == "Try later."
    assert MARKUP in strip.accessibleName()
    with qtbot.waitSignal(strip.retry_requested):
        next(button for button in strip.findChildren(QPushButton) if button.text() == "Try again").click()
    copy, dismiss = (button for button in strip.findChildren(QToolButton) if button.toolTip())
    copy.click()
    assert QGuiApplication.clipboard().text() == f"timeout: {FAILURE}"
    dismiss.click()
    assert not strip.isVisible()
    assert strip.failure is None


def test_a_strip_for_what_cannot_be_tried_again_offers_no_such_button(qtbot: QtBot) -> None:
    strip = ErrorStrip(can_retry=False)
    qtbot.addWidget(strip)
    strip.show_failure(FAILURE)
    assert not any(button.isVisible() for button in strip.findChildren(QPushButton))


def test_an_empty_view_offers_one_thing_to_do(qtbot: QtBot) -> None:
    state = EmptyState("topic", "No topics.", "Internal ones are hidden.", "Show R&D topics")
    qtbot.addWidget(state)
    state.show()
    (button,) = state.findChildren(QPushButton)
    assert button.text() == "Show R&&D topics"  # the "&" is seen, and is no shortcut
    with qtbot.waitSignal(state.action_requested):
        button.click()
    state.tell("clock", MARKUP)
    assert state.text == MARKUP
    assert not button.isVisible()


def test_the_filter_is_told_when_typing_pauses_and_at_once_when_it_matters(qtbot: QtBot) -> None:
    box = FilterBox("Filter topics", pause=50)
    qtbot.addWidget(box)
    box.show()
    told: list[str] = []
    box.filter_changed.connect(told.append)
    QTest.keyClicks(box, "ord")
    assert told == []
    qtbot.waitUntil(lambda: told == ["ord"])
    QTest.keyClicks(box, "ers")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert told == ["ord", "orders"]
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert told == ["ord", "orders", ""]
    assert box.text() == ""
    qtbot.wait(100)
    assert told == ["ord", "orders", ""]


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Down])
def test_the_filter_is_left_for_what_it_found(qtbot: QtBot, key: Qt.Key) -> None:
    box = FilterBox("Filter topics", pause=60_000)
    qtbot.addWidget(box)
    told: list[str] = []
    box.filter_changed.connect(told.append)
    box.left.connect(lambda: told.append("left"))
    QTest.keyClicks(box, "ord")
    QTest.keyClick(box, key)
    assert told == ["ord", "left"]
