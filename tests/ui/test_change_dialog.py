"""The question before a change, as a person answers it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QTableView, QToolButton, QWidget

from kexplorer.model.changes import Change, CreateTopic, DeleteTopics, PurgeRecords
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import TopicPartition
from kexplorer.services import read_back
from kexplorer.services.changes import Changes, Outcome
from kexplorer.ui.dialogs.change_dialog import ChangeDialog, make_change
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.services.memory_audit import MemoryAudit

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform tells of every dialog

NOT_ALLOWED = Failure(FailureKind.AUTHORIZATION, "You may not delete orders.", "Ask for the right to delete it.")


@pytest.fixture(autouse=True)
def _dialogs_are_made(heartbeat: Heartbeat) -> None:
    heartbeat.allow(350, "a dialog is made in it, on two cores that others use too")


@pytest.fixture
def cluster() -> FakeCluster:
    found = FakeCluster("shop")
    found.add_topic("orders", 2)
    found.add_topic("payments")
    for _ in range(3):
        found.add("orders", b"value")
    return found


async def _open(cluster: FakeCluster, change: Change) -> tuple[ChangeDialog, asyncio.Task[Outcome | None]]:
    task = asyncio.create_task(make_change(None, Changes(cluster, MemoryAudit()), change))
    await until(QApplication.activeModalWidget)
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, ChangeDialog)
    await until(lambda: dialog.preview or dialog.strip.failure)
    return dialog, task


def _texts(dialog: QWidget) -> str:
    labels = [label.text() for label in dialog.findChildren(QLabel) if label.isVisibleTo(dialog)]
    cells = []
    for table in dialog.findChildren(QTableView):
        model = table.model()
        cells += [str(model.index(r, c).data()) for r in range(model.rowCount()) for c in range(model.columnCount())]
    return "\n".join(labels + cells)


def _click(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def test_says_what_will_happen_where_and_how_to_do_it_by_hand(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def run() -> None:
        dialog, task = await _open(cluster, DeleteTopics(("orders",)))
        told = _texts(dialog)
        for part in ("shop", "127.0.0.1:9092", "for ever", "2 partitions, up to 3 records", "kafka-topics.sh"):
            assert part in told
        assert "Production" not in told
        _click(next(button for button in dialog.findChildren(QToolButton) if "command" in button.toolTip()))
        assert QGuiApplication.clipboard().text() == (
            "kafka-topics.sh --bootstrap-server 127.0.0.1:9092 --delete --topic orders"
        )
        dialog.reject()
        assert await task is None

    qtloop.run(run())
    assert cluster.applied == []


def test_many_warnings_leave_room_for_the_buttons(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    cluster.add_topic("wide", 50)
    beyond = PurgeRecords({TopicPartition("wide", number): 7 for number in range(50)})

    async def run() -> None:
        dialog, task = await _open(cluster, beyond)
        assert "46 more." in _texts(dialog)
        tips = "".join(widget.toolTip() for widget in dialog.findChildren(QWidget))
        assert "wide-4 ends at 0" in tips
        assert dialog.height() < 700
        dialog.reject()
        await task

    qtloop.run(run())


def test_enter_creates_but_does_not_destroy(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    create, delete = CreateTopic("new", 3, 1), DeleteTopics(("orders",))

    async def run() -> None:
        dialog, task = await _open(cluster, create)
        QTest.keyClick(dialog, Qt.Key.Key_Return)
        outcome = await task
        assert outcome is not None
        assert outcome.done
        dialog, task = await _open(cluster, delete)
        QTest.keyClick(dialog, Qt.Key.Key_Return)
        assert await task is None

    qtloop.run(run())
    assert cluster.applied == [create]


@pytest.mark.parametrize(("names", "typed"), [(("orders",), "orders"), (("orders", "payments"), "2 shop")])
def test_in_production_a_name_must_be_typed(
    qtloop: LoopRunner, cluster: FakeCluster, names: tuple[str, ...], typed: str
) -> None:
    cluster.profile = replace(cluster.profile, production=True)
    change = DeleteTopics(names)

    async def run() -> None:
        dialog, task = await _open(cluster, change)
        assert "Production" in _texts(dialog)
        assert f"Type {typed} to go on" in _texts(dialog)
        for wrong in ("", typed[:-1], f"{typed} ", typed.upper()):
            dialog.line.setText(wrong)
            assert not dialog.action.isEnabled()
            QTest.keyClick(dialog.line, Qt.Key.Key_Return)
            assert dialog.isVisible()
        assert cluster.applied == []
        dialog.line.clear()
        QTest.keyClicks(dialog.line, typed)
        QTest.keyClick(dialog.line, Qt.Key.Key_Return)
        outcome = await task
        assert outcome is not None
        assert outcome.done

    qtloop.run(run())
    assert cluster.applied == [change]


def test_in_production_what_destroys_nothing_needs_no_name(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    cluster.profile = replace(cluster.profile, production=True)

    async def run() -> None:
        dialog, task = await _open(cluster, CreateTopic("new", 1, 1))
        assert not dialog.line.isVisible()
        _click(dialog.action)
        assert await task is not None

    qtloop.run(run())
    assert len(cluster.applied) == 1


def test_a_read_only_profile_is_offered_nothing(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    cluster.profile = replace(cluster.profile, read_only=True)

    async def run() -> None:
        dialog, task = await _open(cluster, DeleteTopics(("orders",)))
        assert "read-only" in _texts(dialog)
        assert not dialog.action.isVisible()
        _click(dialog.cancel)
        assert await task is None

    qtloop.run(run())
    assert cluster.calls == []


def test_what_the_broker_refuses_is_told_with_the_remedy(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    cluster.refused["orders"] = NOT_ALLOWED

    async def run() -> None:
        dialog, task = await _open(cluster, DeleteTopics(("orders",)))
        _click(dialog.action)
        await until(lambda: dialog.outcome)
        told = _texts(dialog)
        assert "It was not done." in told
        assert NOT_ALLOWED.message in told
        assert NOT_ALLOWED.hint in told
        assert not dialog.action.isVisible()
        _click(dialog.cancel)
        outcome = await task
        assert outcome is not None
        assert outcome.failures == {"orders": NOT_ALLOWED}

    qtloop.run(run())


def test_items_that_failed_alike_are_told_together(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    names = tuple(f"topic{number}" for number in range(5))
    for name in names:
        cluster.add_topic(name)
        cluster.refused[name] = NOT_ALLOWED

    async def run() -> None:
        dialog, task = await _open(cluster, DeleteTopics(names))
        _click(dialog.action)
        await until(lambda: dialog.outcome)
        assert "0 of 5 done." in _texts(dialog)
        assert "topic0, topic1, topic2 and 2 more: You may not" in _texts(dialog)
        _click(dialog.cancel)
        assert await task is not None

    qtloop.run(run())


def test_what_differs_afterwards_is_told(
    qtloop: LoopRunner, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_back, "_PATIENCE", 0.0)

    async def only_say_yes(*_: object, **__: object) -> dict[str, Failure | None]:
        return {"orders": None}

    cluster.apply = only_say_yes  # type: ignore[method-assign]

    async def run() -> None:
        dialog, task = await _open(cluster, DeleteTopics(("orders",)))
        _click(dialog.action)
        await until(lambda: dialog.outcome)
        assert "The broker took it, but:" in _texts(dialog)
        assert "orders is there still" in _texts(dialog)
        _click(dialog.cancel)
        outcome = await task
        assert outcome is not None
        assert outcome.differs

    qtloop.run(run())


def test_a_change_that_is_under_way_cannot_be_cancelled(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def run() -> None:
        dialog, task = await _open(cluster, DeleteTopics(("orders",)))
        cluster.delay = 0.2
        _click(dialog.action)
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        assert dialog.isVisible()
        assert not dialog.cancel.isEnabled()
        assert await task is not None

    qtloop.run(run())
    assert cluster.applied


def test_without_its_line_in_the_audit_log_nothing_is_sent(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    audit = MemoryAudit()
    audit.failure = Failure(FailureKind.REFUSED, "The disk is full.", "Make room.")

    async def run() -> None:
        task = asyncio.create_task(make_change(None, Changes(cluster, audit), DeleteTopics(("orders",))))
        await until(QApplication.activeModalWidget)
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, ChangeDialog)
        await until(lambda: dialog.preview)
        _click(dialog.action)
        await until(lambda: dialog.strip.failure)
        assert "The disk is full." in _texts(dialog)
        _click(dialog.cancel)
        assert await task is None

    qtloop.run(run())
    assert "apply" not in cluster.calls
