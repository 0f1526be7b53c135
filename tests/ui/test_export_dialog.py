"""The export dialog as a person uses it: what it offers, what it asks before it replaces, what it refuses."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QPushButton, QWidget

from kexplorer.formats.jsonl import read_line
from kexplorer.model.records import Record, TimestampType
from kexplorer.model.topics import TopicPartition
from kexplorer.services.export import Format, Target, export_records
from kexplorer.services.jobs import Jobs
from kexplorer.ui.dialogs.export_dialog import ExportChoice, ExportDialog, What, ask_export
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform tells of every dialog


@pytest.fixture(autouse=True)
def _dialogs_are_made(heartbeat: Heartbeat) -> None:
    heartbeat.allow(350, "a dialog is made in it, on two cores that others use too")


def _last(folder: Path, format_: Format = Format.JSONL, guard: bool = True) -> ExportChoice:
    return ExportChoice(What.SHOWN, Target(folder / "before", format_, formula_guard=guard))


async def _open(
    last: ExportChoice, selected: int = 2, shown: int = 30, offsets: int = 4000
) -> tuple[ExportDialog, asyncio.Task[ExportChoice | None]]:
    task = asyncio.create_task(ask_export(None, "orders", selected, shown, offsets, last))
    await until(QApplication.activeModalWidget)
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, ExportDialog)
    return dialog, task


def _click(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def _escape(widget: QWidget) -> None:
    QTest.keyClick(widget, Qt.Key.Key_Escape)


async def _question(dialog: ExportDialog) -> QWidget:
    await until(lambda: QApplication.activeModalWidget() is not dialog)
    found = QApplication.activeModalWidget()
    assert found is not None
    return found


def _button(dialog: QWidget, text: str) -> QPushButton:
    return next(button for button in dialog.findChildren(QPushButton) if button.text() == text)


def test_enter_takes_what_is_proposed(qtloop: LoopRunner, tmp_path: Path) -> None:
    async def run() -> ExportChoice | None:
        dialog, task = await _open(_last(tmp_path))
        QTest.keyClick(dialog.line, Qt.Key.Key_Return)
        return await task

    assert qtloop.run(run()) == ExportChoice(What.SELECTED, Target(tmp_path / "orders.jsonl", Format.JSONL))


@pytest.mark.parametrize(
    ("counts", "chosen", "enabled"),
    [
        ((2, 30, 4000), What.SELECTED, {What.SELECTED, What.SHOWN, What.RANGE}),
        ((1, 30, 4000), What.SHOWN, {What.SELECTED, What.SHOWN, What.RANGE}),
        ((0, 0, 4000), What.RANGE, {What.RANGE}),
        ((0, 7, 0), What.SHOWN, {What.SHOWN}),
    ],
)
def test_what_there_is_none_of_is_not_offered(
    qtloop: LoopRunner, tmp_path: Path, counts: tuple[int, int, int], chosen: What, enabled: set[What]
) -> None:
    async def run() -> tuple[set[What], ExportChoice | None]:
        dialog, task = await _open(_last(tmp_path), *counts)
        offered = {what for what, button in dialog.what.items() if button.isEnabled()}
        _click(dialog.export_button)
        return offered, await task

    offered, choice = qtloop.run(run())
    assert offered == enabled
    assert choice is not None
    assert choice.what == chosen


def test_nothing_at_all_cannot_be_exported(qtloop: LoopRunner, tmp_path: Path) -> None:
    async def run() -> ExportChoice | None:
        dialog, task = await _open(_last(tmp_path), 0, 0, 0)
        assert not dialog.export_button.isEnabled()
        QTest.keyClick(dialog.line, Qt.Key.Key_Return)
        await asyncio.sleep(0.05)
        assert not task.done()
        _escape(dialog)
        return await task

    assert qtloop.run(run()) is None


def test_the_name_follows_the_format_while_it_ends_like_one(qtloop: LoopRunner, tmp_path: Path) -> None:
    async def run() -> ExportChoice | None:
        dialog, task = await _open(_last(tmp_path))
        assert not dialog.guard.isVisible()
        _click(dialog.formats[Format.CSV])
        assert dialog.line.text() == str(tmp_path / "orders.csv")
        assert dialog.guard.isVisible()
        _click(dialog.guard)
        dialog.line.setText("mine.txt")
        _click(dialog.formats[Format.JSONL])
        _click(dialog.formats[Format.CSV])
        assert dialog.line.text() == "mine.txt"
        _click(dialog.what[What.RANGE])
        _click(dialog.export_button)
        return await task

    target = Target(tmp_path / "mine.txt", Format.CSV, formula_guard=False)
    assert qtloop.run(run()) == ExportChoice(What.RANGE, target)


def test_it_begins_as_it_was_left(qtloop: LoopRunner, tmp_path: Path) -> None:
    async def run() -> ExportChoice | None:
        dialog, task = await _open(_last(tmp_path, Format.CSV, guard=False))
        assert dialog.formats[Format.CSV].isChecked()
        _click(dialog.export_button)
        return await task

    choice = qtloop.run(run())
    assert choice is not None
    assert choice.target == Target(tmp_path / "orders.csv", Format.CSV, formula_guard=False)


def test_a_file_is_replaced_only_after_a_question(qtloop: LoopRunner, tmp_path: Path) -> None:
    (tmp_path / "orders.jsonl").write_bytes(b"mine")

    async def run() -> ExportChoice | None:
        dialog, task = await _open(_last(tmp_path))
        _click(dialog.export_button)
        _escape(await _question(dialog))
        await until(lambda: QApplication.activeModalWidget() is dialog)
        assert not task.done()
        _click(dialog.export_button)
        _click(_button(await _question(dialog), "Replace file"))
        return await task

    choice = qtloop.run(run())
    assert choice is not None
    assert choice.target.replace
    assert (tmp_path / "orders.jsonl").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("typed", "says"),
    [("", "needs a name"), ("folder/", "needs a name"), ("no/where.csv", "no such folder"), ("folder", "no regular")],
)
def test_a_path_that_will_not_do_is_told_at_once(qtloop: LoopRunner, tmp_path: Path, typed: str, says: str) -> None:
    (tmp_path / "folder").mkdir()

    async def run() -> ExportChoice | None:
        dialog, task = await _open(_last(tmp_path))
        dialog.line.setText(typed)
        _click(dialog.export_button)
        await until(lambda: says in dialog.file_field.message.text())
        assert dialog.line.property("invalid")
        assert dialog.export_button.isEnabled()
        dialog.line.setText("good.jsonl")
        assert says not in dialog.file_field.message.text()
        _click(dialog.export_button)
        return await task

    choice = qtloop.run(run())
    assert choice is not None
    assert choice.target.path == tmp_path / "good.jsonl"


def test_parquet_without_its_extra_is_told_beside_the_format(
    qtloop: LoopRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    async def run() -> ExportChoice | None:
        dialog, task = await _open(_last(tmp_path, Format.PARQUET))
        _click(dialog.export_button)
        await until(lambda: "kexplorer[parquet]" in dialog.format_field.message.text())
        _click(dialog.formats[Format.JSONL])
        assert not dialog.format_field.message.text()
        _click(dialog.export_button)
        return await task

    choice = qtloop.run(run())
    assert choice is not None
    assert choice.target == Target(tmp_path / "orders.jsonl", Format.JSONL)


def test_the_file_is_chosen_in_the_system_s_dialog(qtloop: LoopRunner, tmp_path: Path) -> None:
    (tmp_path / "there.jsonl").write_bytes(b"mine")

    async def run() -> ExportChoice | None:
        dialog, task = await _open(_last(tmp_path))
        _click(dialog.browse)
        await until(lambda: isinstance(QApplication.activeModalWidget(), QFileDialog))
        chooser = QApplication.activeModalWidget()
        assert isinstance(chooser, QFileDialog)
        name = chooser.findChild(QLineEdit)
        assert name is not None
        assert name.text() == "orders.jsonl"
        name.setText("there")
        QTest.keyClick(name, Qt.Key.Key_Return)
        await until(lambda: QApplication.activeModalWidget() is dialog)
        assert dialog.line.text() == str(tmp_path / "there.jsonl")
        _click(dialog.export_button)
        _click(_button(await _question(dialog), "Replace file"))
        return await task

    choice = qtloop.run(run())
    assert choice is not None
    assert (choice.target.path, choice.target.replace) == (tmp_path / "there.jsonl", True)


def test_escape_exports_nothing(qtloop: LoopRunner, tmp_path: Path) -> None:
    async def run() -> ExportChoice | None:
        dialog, task = await _open(_last(tmp_path))
        _escape(dialog)
        return await task

    assert qtloop.run(run()) is None
    assert not list(tmp_path.iterdir())


def test_what_was_chosen_can_be_written(qtloop: LoopRunner, tmp_path: Path) -> None:
    source = TopicPartition("orders", 0)
    records = [Record(source, n, n, TimestampType.CREATE_TIME, b"k", b"\xff", ()) for n in range(3)]

    async def run() -> None:
        dialog, task = await _open(_last(tmp_path), 3, 3, 3)
        _click(dialog.export_button)
        choice = await task
        assert choice is not None
        await export_records(records, len(records), choice.target, Jobs())

    qtloop.run(run())
    assert [read_line(line) for line in (tmp_path / "orders.jsonl").read_bytes().splitlines()] == records
