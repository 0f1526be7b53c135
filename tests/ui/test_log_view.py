"""The log: from any thread, without flooding the window."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from kexplorer.ui.log_view import LogView
from kexplorer.ui.models.log import LogHandler, LogModel

logger = logging.getLogger("kexplorer.test")


@pytest.fixture
def handler() -> Iterator[LogHandler]:
    handler = LogHandler()
    logger.addHandler(handler)
    logger.propagate = False  # what is logged here is no fault of the program
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.propagate = True


@pytest.fixture
def model(handler: LogHandler, qtbot: QtBot) -> LogModel:
    model = LogModel(handler)
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning, model)
    return model


def messages(model: LogModel) -> list[str]:
    return [str(model.index(row, 3).data()) for row in range(model.rowCount())]


def test_ten_thousand_lines_of_four_threads_are_a_handful_of_updates(model: LogModel, qtbot: QtBot) -> None:
    updates: list[int] = []
    model.updated.connect(lambda: updates.append(model.rowCount()))

    def talk() -> None:
        for i in range(2500):
            logger.info("line %d", i)

    threads = [threading.Thread(target=talk) for _ in range(4)]
    for thread in threads:
        thread.start()
    qtbot.waitUntil(lambda: not any(thread.is_alive() for thread in threads), timeout=20_000)
    logger.info("the end")
    qtbot.waitUntil(lambda: bool(messages(model)) and messages(model)[-1] == "the end")
    assert model.rowCount() == 2000
    assert len(updates) < 200  # 100 ms apart, so 20 s of logging at most


def test_an_update_takes_all_that_came_within_its_time(model: LogModel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(model.updated):
        pass  # what was logged before the window was there
    updates: list[int] = []
    model.updated.connect(lambda: updates.append(model.rowCount()))
    for i in range(500):
        logger.info("%d", i)
    qtbot.waitUntil(lambda: model.rowCount() == 500)
    qtbot.wait(150)
    assert updates == [500]


def test_what_was_logged_before_the_window_is_shown(handler: LogHandler, qtbot: QtBot) -> None:
    logger.info("early")
    model = LogModel(handler)
    qtbot.waitUntil(lambda: messages(model) == ["early"])


def test_the_oldest_are_forgotten(model: LogModel) -> None:
    for round_ in range(3):
        for i in range(1500):
            logger.info("%d", round_ * 1500 + i)
        model.update()
    assert messages(model) == [str(i) for i in range(2500, 4500)]


def test_levels_filter_what_is_kept_and_what_comes(model: LogModel) -> None:
    logger.info("a")
    logger.error("b")
    model.update()
    model.set_level(logging.WARNING)
    logger.info("c")
    logger.warning("d")
    model.update()
    assert messages(model) == ["b", "d"]
    model.set_level(logging.INFO)
    assert messages(model) == ["a", "b", "c", "d"]


def test_a_cell_is_one_short_line_and_the_copy_is_whole(handler: LogHandler, qtbot: QtBot) -> None:
    view = LogView(handler)
    qtbot.addWidget(view)
    try:
        raise ValueError("the cause")
    except ValueError:
        logger.exception("first <b>line</b>\nsecond")
    logger.info("x" * 100_000)
    view.model.update()
    first, long = messages(view.model)
    assert first == "first <b>line</b> …"
    assert len(long) < 400
    view.table.selectRow(0)
    view.copy()
    copied = QGuiApplication.clipboard().text()
    assert "ERROR kexplorer.test: first <b>line</b>\nsecond\nTraceback" in copied
    assert "ValueError: the cause" in copied
    view.table.clearSelection()
    view.copy()
    assert QGuiApplication.clipboard().text().endswith("x" * 100_000)


def test_an_empty_log_says_so_until_a_line_comes(handler: LogHandler, qtbot: QtBot) -> None:
    view = LogView(handler)
    qtbot.addWidget(view)
    view.show()
    assert not view.table.isVisible()
    logger.warning("something")
    qtbot.waitUntil(view.table.isVisible)
    level = view.findChild(QComboBox)
    assert level
    level.setCurrentText("Errors")
    assert not view.table.isVisible()
