"""The audit log as a person reads it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta, timezone
from pathlib import Path

import pytest
from PySide6.QtCore import QAbstractItemModel
from PySide6.QtWidgets import QFileDialog

from kexplorer.model.audit import AuditLine, Sent
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.store.audit import AuditStore
from kexplorer.ui.panels.audit import AuditPanel
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until

PURGE = Sent("shop", "a:9092", "Purge records", ("orders-0", "orders-1"), {"before": {"orders-0": 5, "orders-1": 7}})
CONFIG = Sent("lab", "b:9092", "Change configuration", ("topic x",), {}, (("retention.ms", "7", "1"),))

Use = Callable[[AuditPanel], Awaitable[None]]


@pytest.fixture(autouse=True)
def _panels_are_made(heartbeat: Heartbeat) -> None:
    heartbeat.allow(350, "a panel is made in it, on two cores that others use too")


@pytest.fixture
def store(tmp_path: Path) -> AuditStore:
    return AuditStore(tmp_path / "audit.db")


def _with_panel(qtloop: LoopRunner, store: AuditStore, use: Use) -> None:
    async def run() -> None:
        panel = AuditPanel(store.lines, store.export)
        panel.show()
        try:
            await use(panel)
        finally:
            await panel.close_panel()
            panel.deleteLater()

    qtloop.run(run())


async def _fill(store: AuditStore) -> None:
    """A purge that was done in part, and a change that was never answered."""
    number = await store.begin(PURGE)
    await store.finish(number, "in part", {"orders-0": "", "orders-1": "No leader."}, ["Look again."])
    await store.begin(CONFIG)


def _rows(model: QAbstractItemModel) -> list[list[str]]:
    return [[str(model.index(row, at).data()) for at in range(1, 5)] for row in range(model.rowCount())]


def _details(panel: AuditPanel) -> str:
    panel.details.select_all()
    return panel.details.selected_text()


def test_the_newest_change_comes_first(qtloop: LoopRunner, store: AuditStore) -> None:
    async def use(panel: AuditPanel) -> None:
        await until(lambda: panel.model.rowCount() == 2)
        assert _rows(panel.model) == [
            ["lab", "Change configuration", "topic x", "not known"],
            ["shop", "Purge records", "2: orders-0, orders-1", "done in part"],
        ]
        assert "2 of 2 changes" in panel.status_text

    qtloop.run(_fill(store))
    _with_panel(qtloop, store, use)


def test_below_the_table_stands_all_that_is_known_of_a_change(qtloop: LoopRunner, store: AuditStore) -> None:
    async def use(panel: AuditPanel) -> None:
        await until(lambda: panel.model.rowCount() == 2)
        assert "retention.ms: 7 → 1" in _details(panel)
        assert "ended before the answer" in _details(panel)
        panel.table.selectRow(1)
        told = _details(panel)
        for part in ("Purge records on shop (a:9092)", "orders-1: No leader.", "Look again.", '"orders-1": 7'):
            assert part in told

    qtloop.run(_fill(store))
    _with_panel(qtloop, store, use)


@pytest.mark.parametrize("sought", ["SHOP", "orders-1", "purge", "no leader", "in part", "a:9092"])
def test_filters_by_whatever_a_line_says(qtloop: LoopRunner, store: AuditStore, sought: str) -> None:
    async def use(panel: AuditPanel) -> None:
        await until(lambda: panel.model.rowCount() == 2)
        panel.filter.setText(sought)
        await until(lambda: panel.model.rowCount() == 1)
        assert _rows(panel.model)[0][0] == "shop"
        assert "1 of 2 changes" in panel.status_text

    qtloop.run(_fill(store))
    _with_panel(qtloop, store, use)


def test_an_empty_log_says_so_and_fills_when_something_is_changed(qtloop: LoopRunner, store: AuditStore) -> None:
    async def use(panel: AuditPanel) -> None:
        assert panel.empty.isVisible()
        assert "Nothing was changed" in panel.empty.text
        await _fill(store)
        await until(lambda: panel.model.rowCount() == 2)
        assert not panel.empty.isVisible()

    _with_panel(qtloop, store, use)


def test_exports_what_the_filter_lets_through(qtloop: LoopRunner, store: AuditStore, tmp_path: Path) -> None:
    async def use(panel: AuditPanel) -> None:
        await until(lambda: panel.model.rowCount() == 2)
        panel.filter.setText("lab")
        await until(lambda: panel.model.rowCount() == 1)
        panel.ask_where()
        dialog = panel.findChild(QFileDialog)
        assert dialog is not None
        dialog.fileSelected.emit(str(tmp_path / "out.jsonl"))
        dialog.reject()
        await until(lambda: "1 change written" in panel.status_text)

    qtloop.run(_fill(store))
    _with_panel(qtloop, store, use)
    (line,) = (tmp_path / "out.jsonl").read_text().splitlines()
    assert json.loads(line)["connection"] == "lab"


def test_times_are_in_the_zone_that_was_chosen(qtloop: LoopRunner, store: AuditStore) -> None:
    async def load(_: int) -> list[AuditLine]:
        return [AuditLine(1, 0, PURGE)]

    async def use(_: AuditPanel) -> None:
        panel = AuditPanel(load, store.export)
        panel.show()
        await until(lambda: panel.model.rowCount() == 1)
        panel.set_zone(timezone(timedelta(hours=2)))
        assert panel.model.index(0, 0).data() == "1970-01-01 02:00:00.000"
        assert "1970-01-01 02:00:00.000" in _details(panel)
        await panel.close_panel()
        panel.deleteLater()

    _with_panel(qtloop, store, use)


def test_a_log_that_cannot_be_read_is_told(qtloop: LoopRunner, store: AuditStore) -> None:
    async def fail(_: int) -> list[AuditLine]:
        raise Failure(FailureKind.REFUSED, "The disk is gone.")

    async def run() -> None:
        panel = AuditPanel(fail, store.export)
        panel.show()
        await until(lambda: panel.strip.failure)
        assert panel.strip.isVisible()
        await panel.close_panel()
        panel.deleteLater()

    qtloop.run(run())


def test_filter_and_order_come_back(qtloop: LoopRunner, store: AuditStore) -> None:
    async def use(panel: AuditPanel) -> None:
        await until(lambda: panel.model.rowCount() == 2)
        panel.restore_state({"filter": "", "sort": [1, True]})
        assert [row[0] for row in _rows(panel.model)] == ["shop", "lab"]
        panel.restore_state({"filter": 5, "sort": "odd"})
        assert panel.save_state() == {"filter": "", "sort": [1, True]}

    qtloop.run(_fill(store))
    _with_panel(qtloop, store, use)
