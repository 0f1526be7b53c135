"""The table of latest states: built when a person asks, searched, sorted, opened elsewhere and written to a file."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from kexplorer.model.folding import FoldKind
from kexplorer.ui.models.latest import LatestModel
from kexplorer.ui.panels.latest import LatestPanel
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.ui.latest_states import opened, orders


def _column(model: LatestModel, column: int) -> list[str]:
    return [str(model.index(row, column).data()) for row in range(min(model.rowCount(), 200))]


async def _built(panel: LatestPanel) -> list[str]:
    """The keys of the rows, once they are there."""
    panel.build()
    await until(lambda: not panel.tasks.running("build") and not panel.tasks.running("view"))
    assert panel.strip.failure is None
    return await _keys(panel)


async def _keys(panel: LatestPanel) -> list[str]:
    model = panel.view.model
    await until(lambda: not panel.tasks.running("view") and "…" not in _column(model, 0))
    return _column(model, 0)


def test_a_table_is_built_searched_and_sorted(qtbot: QtBot, qtloop: LoopRunner, tmp_path: Path) -> None:
    async def look() -> None:
        async with opened(orders(), tmp_path) as panel:
            assert "What is the latest state" in panel.empty.text
            keys = await _built(panel)
            assert keys == [f"order-{n:04}" for n in range(40) if n != 3]
            assert "39 entities, 1 deleted, of 122 records, 1 without a key" in panel.told.whole
            assert _column(panel.view.model, 1)[0] == "3"
            panel.deleted.setChecked(True)
            await until(lambda: panel.view.model.rowCount() == 40)
            assert (await _keys(panel))[3] == "order-0003"
            await until(lambda: _column(panel.view.model, 6)[3] == "deleted")
            panel.filter.setText('"id": 17')
            await until(lambda: panel.view.model.rowCount() == 1)
            assert await _keys(panel) == ["order-0017"]
            await until(lambda: panel.told.whole.startswith("1 found of 39 entities"))
            panel.filter.clear()
            await until(lambda: panel.view.model.rowCount() == 40)
            panel.view.rows.sortByColumn(2, Qt.SortOrder.DescendingOrder)
            await until(lambda: panel.tasks.running("view"))
            assert (await _keys(panel))[:2] == ["order-0003", "order-0039"]
            panel.view.rows.sortByColumn(5, Qt.SortOrder.AscendingOrder)  # which is no order
            assert panel.view.rows.horizontalHeader().sortIndicatorSection() == 2

    qtloop.run(look())
    assert not list(tmp_path.iterdir())


def test_the_current_one_is_shown_whole_and_elsewhere(qtbot: QtBot, qtloop: LoopRunner, tmp_path: Path) -> None:
    asked: list[tuple[object, ...]] = []

    async def look() -> None:
        async with opened(orders(), tmp_path) as panel:
            panel.entity_wanted.connect(lambda *wanted: asked.append(wanted))
            panel.message_wanted.connect(lambda *wanted: asked.append(wanted))
            history, record = panel.panel_actions()[3:5]
            await _built(panel)
            assert not history.isEnabled()
            panel.filter.setFocus()
            QTest.keyClick(panel.filter, Qt.Key.Key_Down)
            assert panel.focusWidget() is panel.view.rows
            panel.view.rows.selectRow(1)
            await until(lambda: history.isEnabled() and "pane" in vars(panel.view))
            code = panel.view.pane.code
            await until(lambda: code.row_count() > 3)
            code.select_all()
            assert '"customer": "c4"' in code.selected_text()
            QTest.keyClick(panel.view.rows, Qt.Key.Key_Return)
            record.trigger()
            panel.filter.setText("order-0017")
            await until(lambda: panel.view.model.rowCount() == 1)
            await until(lambda: not panel.view.pane.isVisibleTo(panel))  # what is not in the table any more
            panel.filter.clear()
            panel.bar.key.setText("value.id")
            assert await _built(panel) == sorted(str(n) for n in range(40))
            panel.view.rows.selectRow(0)
            await until(record.isEnabled)
            assert not history.isEnabled()

    qtloop.run(look())
    assert asked == [("orders", b"order-0001"), ("orders", 1, 40)]


def test_what_is_typed_wrongly_is_told_before_anything_is_read(
    qtbot: QtBot, qtloop: LoopRunner, tmp_path: Path
) -> None:
    async def look() -> None:
        async with opened(orders(), tmp_path) as panel:
            for wrong, right in (("value.", "value.id"), ("2026-99-99", "")):
                edit = panel.bar.key if right else panel.bar.until
                edit.setText(wrong)
                panel.build()
                await until(lambda: panel.strip.failure is not None)
                assert edit.property("invalid")
                edit.setText("")
                assert panel.strip.failure is None
            panel.bar.kind.setCurrentText(FoldKind.EXPRESSION.value)
            panel.bar.lines.setPlainText("status event.status")
            panel.build()
            await until(lambda: panel.strip.failure is not None)
            assert "Line 1" in str(panel.strip.failure)

    qtloop.run(look())
    assert not list(tmp_path.iterdir())


def test_states_are_folded_and_written(qtbot: QtBot, qtloop: LoopRunner, tmp_path: Path) -> None:
    written = tmp_path / "latest.jsonl", tmp_path / "latest.csv"

    async def look() -> None:
        async with opened(orders(4), tmp_path / "table") as panel:
            panel.bar.kind.setCurrentText(FoldKind.EXPRESSION.value)
            panel.bar.lines.setPlainText("steps = append(state.steps, event.status)\nid = event.id")
            await _built(panel)
            for path in written:
                panel.export(path)
                await until(lambda: not panel.tasks.running("export"))

    qtloop.run(look())
    lines = [json.loads(line) for line in written[0].read_text().splitlines()]
    assert [(line["key"], line["offset"]) for line in lines] == [
        ("order-0000", 4),
        ("order-0001", 4),
        ("order-0002", 5),
    ]
    assert json.loads(lines[0]["value"]) == {"steps": ["NEW", "PAID", "SENT"], "id": 0}
    rows = written[1].read_text().splitlines()
    assert rows[0].endswith(",events")
    assert [row.endswith(",3") for row in rows[1:]] == [True] * 3
