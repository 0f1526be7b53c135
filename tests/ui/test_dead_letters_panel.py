"""The panel of dead letters, as a person uses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel
from PySide6.QtWidgets import QApplication, QCheckBox, QDialogButtonBox, QMenu

from kexplorer.model.dead_letters import DeadLetterRule
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Header, Record
from kexplorer.model.replay import Plan
from kexplorer.model.topics import TopicPartition
from kexplorer.services.sessions import Session
from kexplorer.store.dead_letters import DeadLetterMarks
from kexplorer.ui.panels.dead_letters import DeadLettersPanel
from kexplorer.ui.panels.dead_letters_rule import RuleDialog
from tests.formats.test_dead_letters import CONNECT, SPRING, TRACE
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.ui.sessions import click, dialog_of, session_on

T0 = 1_763_900_000_000
MINUTE = 60_000
OWN: tuple[Header, ...] = (("x-topic", b"invoices"), ("x-why", b"Late"))


@pytest.fixture
def cluster() -> FakeCluster:
    """Six letters of Spring, three of Connect, and one whose headers nobody knows."""
    made = FakeCluster("local")
    made.add_topic("orders.dlq", 2)
    for number in range(6):
        made.add("orders.dlq", b'{"n": %d}' % number, b"k", partition=0, timestamp=T0 + number, headers=SPRING)
    for number in range(3):
        made.add("orders.dlq", b"v", partition=1, timestamp=T0 + (10 + number) * MINUTE, headers=CONNECT)
    made.add("orders.dlq", b"v", partition=1, timestamp=T0 + 20 * MINUTE, headers=OWN)
    return made


@asynccontextmanager
async def _panel(cluster: FakeCluster, folder: Path) -> AsyncIterator[DeadLettersPanel]:
    async def connect() -> Session:
        return session_on(cluster)

    store = DeadLetterMarks(folder / "letters.db")
    panel = DeadLettersPanel(cluster.profile, "orders.dlq", connect, store, folder / "replays")
    panel.resize(1100, 700)
    panel.show()
    try:
        await until(lambda: not panel.tasks.running("read"))
        yield panel
    finally:
        await panel.close_panel()
        panel.deleteLater()


def _choose(panel: DeadLettersPanel, *topics: str) -> None:
    """Selects the letters that came from these topics."""
    view = panel.view
    flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
    view.table.clearSelection()
    for row, letter in enumerate(view.letters.shown()):
        if letter.origin.topic in topics:
            view.table.selectionModel().setCurrentIndex(view.letters.index(row, 0), flags)


def _causes(panel: DeadLettersPanel) -> list[tuple[str, ...]]:
    model = panel.view.causes
    return [tuple(model.index(row, column).data() for column in range(4)) for row in range(model.rowCount())]


def _plans(panel: DeadLettersPanel) -> list[Plan]:
    found: list[Plan] = []
    panel.plan_wanted.connect(found.append)
    return found


def test_causes_are_counted_and_choose_their_letters(
    qtloop: LoopRunner, cluster: FakeCluster, tmp_path: Path, heartbeat: Heartbeat
) -> None:
    async def use() -> None:
        async with _panel(cluster, tmp_path) as panel:
            view = panel.view
            assert panel.key == "dead/local/orders.dlq"
            assert panel.status_text == "10 letters"
            assert _causes(panel) == [
                ("6", "IllegalStateException", "orders", ""),
                ("3", "DataException", "payments", ""),
                ("1", "no error told", "not told", ""),
            ]
            await until(lambda: "10 letters" in view.times.text)
            view.side.selectRow(1)
            assert {each.origin.topic for each in view.letters.shown()} == {"payments"}
            await until(lambda: "3 letters" in view.times.text)
            view.table.selectAll()
            assert len(view.selected()) == 3
            click(view.all_causes)
            assert view.letters.rowCount() == 10
            assert len(view.selected()) == 1  # nothing is chosen that a person has not seen
            view.times.range_chosen.emit(T0, T0 + MINUTE)
            assert {each.origin.topic for each in view.letters.shown()} == {"orders"}
            view.times.cleared.emit()
            assert view.letters.rowCount() == 10

    qtloop.run(use())


def test_a_letter_is_shown_with_its_stack_trace_and_its_original(
    qtloop: LoopRunner, cluster: FakeCluster, tmp_path: Path
) -> None:
    originals: list[tuple[str, int, int]] = []
    resent: list[tuple[Record, str]] = []

    async def use() -> None:
        async with _panel(cluster, tmp_path) as panel:
            panel.message_wanted.connect(lambda *where: originals.append(where))
            panel.resend_wanted.connect(lambda *what: resent.append(what))
            await until(lambda: "details" in vars(panel) and panel.details.inspector.record is not None)
            assert "no header of a dead letter" in panel.details.where.text()
            assert not panel.can.original.isEnabled()
            _choose(panel, "orders")
            await until(lambda: "From orders" in panel.details.where.text())
            assert panel.details.error.text() == "java.lang.IllegalStateException"
            assert "From orders, partition 2, offset 4,294,967,301." in panel.details.where.text()
            panel.details.trace.select_all()
            assert panel.details.trace.selected_text().split("\n")[1].endswith(TRACE.split("\n")[1].strip())
            panel.can.original.trigger()
            assert originals == [("orders", 2, (1 << 32) + 5)]
            panel.can.resend.trigger()
            await until(lambda: resent)
            record, topic = resent[0]
            assert topic == record.topic == "orders"
            assert record.headers == (("trace-id", b"4711"), ("kx-replay-count", b"1"))

    qtloop.run(use())


def test_letters_are_planned_to_go_back_to_where_they_came_from(
    qtloop: LoopRunner, cluster: FakeCluster, tmp_path: Path
) -> None:
    async def use() -> None:
        async with _panel(cluster, tmp_path) as panel:
            plans = _plans(panel)
            _choose(panel, "payments")
            panel.can.redrive.trigger()
            assert plans[-1].target.topics == {"orders.dlq": "payments"}
            assert plans[-1].source.selected == {TopicPartition("orders.dlq", 1): (0, 1, 2)}
            panel.view.side.selectRow(0)
            panel.can.redrive_all.trigger()
            assert plans[-1].source.selected == {TopicPartition("orders.dlq", 0): tuple(range(6))}
            click(panel.view.all_causes)
            panel.can.redrive_all.trigger()
            assert len(plans) == 2  # of two topics: a person is asked which
            menu = QApplication.activePopupWidget()
            assert isinstance(menu, QMenu)
            assert [action.text() for action in menu.actions()] == ["6 to orders", "3 to payments"]
            menu.actions()[1].trigger()
            menu.close()
            assert plans[-1].target.topics == {"orders.dlq": "payments"}
            assert panel.status_text == "The plan has 3 letters; 7 did not come from payments."
            _choose(panel, "")
            panel.can.redrive.trigger()
            assert panel.strip.failure is not None
            assert "don't tell which topic" in str(panel.strip.failure)

    qtloop.run(use())


def test_what_is_done_is_kept_hidden_left_out_and_taken_back(
    qtloop: LoopRunner, cluster: FakeCluster, tmp_path: Path
) -> None:
    async def mark() -> None:
        async with _panel(cluster, tmp_path) as panel:
            _choose(panel, "payments")
            panel.can.mark.trigger()
            await until(lambda: panel.view.done == 3)
            assert panel.status_text == "10 letters, 3 done"
            assert panel.can.mark.text() == "Mark as not done"

    async def look() -> None:
        async with _panel(cluster, tmp_path) as panel:
            assert ("3", "DataException", "payments", "3") in _causes(panel)
            plans = _plans(panel)
            _choose(panel, "payments", "orders")
            panel.can.redrive.trigger()
            assert plans[-1].source.selected == {TopicPartition("orders.dlq", 0): tuple(range(6))}
            _choose(panel, "payments")
            panel.can.redrive.trigger()
            assert "are done" in str(panel.strip.failure)
            (box,) = panel.findChildren(QCheckBox)
            box.click()
            assert panel.view.letters.rowCount() == 7
            assert panel.save_state()["hide_done"] is True
            panel.hide_done.trigger()
            assert panel.view.letters.rowCount() == 10
            assert not box.isChecked()
            _choose(panel, "payments")
            panel.can.mark.trigger()
            await until(lambda: panel.view.done == 0)
            panel.reload()
            await until(lambda: panel.status_text == "10 letters")

    qtloop.run(mark())
    qtloop.run(look())


def test_a_rule_tells_letters_that_nobody_else_knows(qtloop: LoopRunner, cluster: FakeCluster, tmp_path: Path) -> None:
    async def edit(texts: Sequence[str]) -> RuleDialog:
        dialog = await dialog_of(RuleDialog)
        assert isinstance(dialog, RuleDialog)
        for line, text in zip(dialog.edits, texts, strict=False):
            line.show_text(text)
        click(dialog.buttons.button(QDialogButtonBox.StandardButton.Save))
        return dialog

    async def use() -> None:
        async with _panel(cluster, tmp_path) as panel:
            panel.edit_rule.trigger()
            dialog = await edit(["headers.x ="])
            assert dialog.isVisible()
            assert dialog.edits[0].failure is not None
            await edit(['headers["x-topic"]', "", "", 'headers["x-why"]'])
            await until(lambda: ("1", "Late", "invoices", "") in _causes(panel))
            plans = _plans(panel)
            _choose(panel, "invoices")
            panel.can.redrive.trigger()
            assert {"x-topic", "x-why"} <= set(plans[-1].rewrite.remove_headers)
            panel.edit_rule.trigger()
            await edit([""] * 5)
            await until(lambda: ("1", "no error told", "not told", "") in _causes(panel))
            wrong = DeadLetterMarks(tmp_path / "letters.db")  # as a version that knows more may have kept it
            await wrong.keep_rule("fake-cluster", "orders.dlq", DeadLetterRule("value ??"))
            panel.reload()
            await until(lambda: panel.strip.failure is not None)
            panel.edit_rule.trigger()
            await edit([""] * 5)
            await until(lambda: panel.status_text == "10 letters")

    qtloop.run(use())


def test_what_cannot_be_read_is_told_and_tried_again(qtloop: LoopRunner, cluster: FakeCluster, tmp_path: Path) -> None:
    cluster.failures["list_offsets"] = Failure(FailureKind.TIMEOUT, "No answer.", "Try again.")

    async def use() -> None:
        async with _panel(cluster, tmp_path) as panel:
            assert panel.pages.currentWidget() is panel.empty
            assert "Nothing could be read" in panel.empty.text
            assert "No answer" in str(panel.strip.failure)
            cluster.failures.clear()
            panel.strip.retry_requested.emit()
            await until(lambda: panel.status_text == "10 letters")
            assert panel.strip.failure is None
            panel.range.show_places("0:2,1:1", "0:4,1:2")
            await until(lambda: panel.status_text == "3 letters")
            cluster.delay = 0.02
            for _ in range(3):  # what is read no more says nothing
                panel.reload()
                await asyncio.sleep(0.03)
            await until(lambda: panel.status_text == "3 letters")
            assert panel.can.redrive_all.isEnabled()
            assert _causes(panel)[0][0] == "2"

    qtloop.run(use())
