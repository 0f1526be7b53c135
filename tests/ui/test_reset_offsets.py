"""The dialog that resets a group's offsets, as a person uses it, up to what the group has committed then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from kexplorer.model.changes import AlterOffsets, DeleteOffsets
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import GroupType, Member
from kexplorer.model.offset_snapshots import OffsetSnapshot, OffsetSnapshots
from kexplorer.model.topics import TopicPartition
from kexplorer.services.reset_rules import Mode
from kexplorer.services.resets import Resets
from kexplorer.services.schemas import Schemas, open_schemas
from kexplorer.services.sessions import Session
from kexplorer.store.offset_snapshots import OffsetSnapshotStore
from kexplorer.ui.dialogs.change_dialog import ChangeDialog
from kexplorer.ui.dialogs.reset_offsets import ResetOffsetsDialog
from kexplorer.ui.models.reset_plan import NEW
from kexplorer.ui.widgets.reset_rule_box import SELECTED, ResetRuleBox
from tests.registry.server import FakeRegistry, Running
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.ui.sessions import click, confirmed, dialog_of, session_on

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform tells of every dialog
BASE = 1_760_000_000_000  # 2025-10-09T08:53:20Z
FIRST, SECOND, THIRD = (TopicPartition("orders", number) for number in range(3))
PAID = TopicPartition("payments", 0)
Use = Callable[[ResetOffsetsDialog], Awaitable[None]]


@pytest.fixture
def cluster(heartbeat: Heartbeat) -> FakeCluster:
    """Ten records a minute apart in two partitions, none in a third; another topic that the group reads too."""
    heartbeat.allow(500, "two dialogs are made in it, on two cores that others use too")
    made = FakeCluster("shop")
    made.add_topic("orders", 3)
    made.add_topic("payments", 1)
    made.add_topic("clicks", 1)
    for number in range(10):
        for partition in (0, 1):
            value = b'{"order":%d}' % number
            made.add("orders", value, b"eu-%d" % number, partition=partition, timestamp=BASE + 60_000 * number)
        made.add("payments", b"paid", timestamp=BASE + 60_000 * number)
    made.commits["billing"] = {FIRST: 4, SECOND: 25, PAID: 9}
    return made


@pytest.fixture
def snapshots(tmp_path: Path) -> OffsetSnapshotStore:
    return OffsetSnapshotStore(tmp_path / "offsets.db")


async def _using(
    cluster: FakeCluster,
    snapshots: OffsetSnapshots,
    use: Use,
    group: str = "billing",
    *,
    undo: bool = False,
    schemas: Schemas | None = None,
) -> bool:
    session = session_on(cluster)
    session = Session(cluster, session.catalog, session.changes, schemas)
    dialog = ResetOffsetsDialog(None, session, group, snapshots, undo=undo)
    task = asyncio.create_task(dialog.run())
    try:
        await until(lambda: not dialog.tasks.running("look"))
        await use(dialog)
    except BaseException:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
    return await task


async def _looked(dialog: ResetOffsetsDialog) -> None:
    await until(lambda: not dialog.tasks.running("look"))


async def _choose(dialog: ResetOffsetsDialog, mode: Mode, text: str = "") -> None:
    dialog.rules.mode.setCurrentText(mode.value)
    if mode is Mode.GROUP:
        dialog.rules.groups.setCurrentText(text)
    else:
        dialog.rules.value.setText(text)
    await _looked(dialog)


def _column(dialog: ResetOffsetsDialog, title: str) -> list[str]:
    model = dialog.moves
    at = next(number for number, column in enumerate(model.columns) if column.title == title)
    return [str(model.index(row, at).data()) for row in range(model.rowCount())]


def _tones(dialog: ResetOffsetsDialog, column: int) -> list[str]:
    return [dialog.moves.tone(dialog.moves.row(row), column) for row in range(dialog.moves.rowCount())]


def test_what_is_planned_is_shown_with_the_record_there(
    qtloop: LoopRunner, cluster: FakeCluster, snapshots: OffsetSnapshotStore
) -> None:
    async def use(dialog: ResetOffsetsDialog) -> None:
        await _choose(dialog, Mode.TIME, "2025-10-09T09:00")
        assert dialog.topics.picked() == ["orders", "payments"]
        assert _column(dialog, "Partition") == ["orders 0", "orders 1", "orders 2", "payments 0"]
        assert _column(dialog, "Now") == ["4", "25", "nothing", "9"]
        assert _tones(dialog, 1) == ["text", "bad", "text", "text"]
        assert _column(dialog, "Then") == ["7", "7", "0", "7"]
        assert _column(dialog, "Change") == ["+3", "−18", "", "−2"]
        assert _column(dialog, "Reads first") == [
            '2025-10-09 09:00:20.000 · eu-7 · {"order":7}',
            '2025-10-09 09:00:20.000 · eu-7 · {"order":7}',
            "Nothing is in this partition.",
            "2025-10-09 09:00:20.000 · null · paid",
        ]
        notes = _column(dialog, "Note")
        assert (notes[1], notes[2]) == ("It is 15 beyond the end now.", "Latest: no record at or after that time.")
        dialog.table.setCurrentIndex(dialog.moves.index(1, 0))
        assert dialog.detail.whole == (
            'orders 1: It is 15 beyond the end now. 2025-10-09 09:00:20.000 · eu-7 · {"order":7}'
        )
        assert dialog.summary.text() == "4 of 4 partitions change. 5 offsets are read again. 3 offsets are skipped."
        click(dialog.action)
        await confirmed()

    assert qtloop.run(_using(cluster, snapshots, use))
    assert cluster.applied == [AlterOffsets("billing", {FIRST: 7, SECOND: 7, THIRD: 0, PAID: 7})]
    (kept,) = qtloop.run(snapshots.of_group("fake-cluster", "billing"))
    assert (kept.why, kept.offsets) == ("time 2025-10-09T09:00", {FIRST: 4, SECOND: 25, THIRD: None, PAID: 9})


def test_three_ways_to_stand_outside_of_the_log(
    qtloop: LoopRunner, cluster: FakeCluster, snapshots: OffsetSnapshotStore
) -> None:
    """Beyond its end, before its start, and nowhere."""
    cluster.starts[FIRST] = 6
    cluster.logs[FIRST] = [record for record in cluster.logs[FIRST] if record.offset >= 6]

    async def use(dialog: ResetOffsetsDialog) -> None:
        await _choose(dialog, Mode.LATEST)
        assert _column(dialog, "Now")[:3] == ["4", "25", "nothing"]
        assert _column(dialog, "Note")[:3] == ["It is 2 before the log start now.", "It is 15 beyond the end now.", ""]
        assert _tones(dialog, 1)[:3] == ["bad", "bad", "text"]
        # what is deleted already can't be skipped, and what was never there can't be read again
        assert dialog.summary.text() == "4 of 4 partitions change. 5 offsets are skipped."
        dialog.reject()

    qtloop.run(_using(cluster, snapshots, use))


@pytest.mark.parametrize(
    ("mode", "text", "then"),
    [
        (Mode.EARLIEST, "", ["0", "0", "0", "0"]),
        (Mode.LATEST, "", ["10", "10", "0", "10"]),
        (Mode.OFFSET, "6", ["6", "6", "0", "6"]),
        (Mode.BACK, "9w", ["10", "10", "0", "10"]),
        (Mode.SHIFT, "-2", ["2", "10", "stays", "7"]),
        (Mode.GROUP, "audit", ["3", "stays", "stays", "stays"]),
    ],
)
def test_each_rule(
    qtloop: LoopRunner, cluster: FakeCluster, snapshots: OffsetSnapshotStore, mode: Mode, text: str, then: list[str]
) -> None:
    cluster.commits["audit"] = {FIRST: 3}

    async def use(dialog: ResetOffsetsDialog) -> None:
        assert dialog.rules.groups.itemText(0) == "audit"
        await _choose(dialog, mode, text)
        assert _column(dialog, "Then") == then
        dialog.reject()

    assert not qtloop.run(_using(cluster, snapshots, use))
    assert cluster.applied == []
    assert qtloop.run(snapshots.of_group("fake-cluster", "billing")) == []


@pytest.mark.parametrize(
    ("mode", "wrong"),
    [(Mode.OFFSET, "-1"), (Mode.OFFSET, "1,2"), (Mode.TIME, "yesterday"), (Mode.BACK, "1 year"), (Mode.SHIFT, "a lot")],
)
def test_what_makes_no_sense_is_told_and_can_not_be_sent(
    qtloop: LoopRunner, cluster: FakeCluster, snapshots: OffsetSnapshotStore, mode: Mode, wrong: str
) -> None:
    async def use(dialog: ResetOffsetsDialog) -> None:
        await _choose(dialog, mode, "")
        assert (dialog.action.isEnabled(), dialog.rules.problem.isVisible()) == (False, False)  # nothing typed yet
        await _choose(dialog, mode, wrong)
        assert not dialog.action.isEnabled()
        assert wrong in dialog.rules.problem.text()
        assert "Write " in dialog.rules.problem.text()
        dialog.reject()

    qtloop.run(_using(cluster, snapshots, use))


def test_topics_and_partitions_have_rules_of_their_own(
    qtloop: LoopRunner, cluster: FakeCluster, snapshots: OffsetSnapshotStore
) -> None:
    async def use(dialog: ResetOffsetsDialog) -> None:
        await _choose(dialog, Mode.LATEST)
        dialog.rules.scope.setCurrentText("payments")
        await _choose(dialog, Mode.OFFSET, "1")
        assert _column(dialog, "Then") == ["10", "10", "0", "1"]
        dialog.table.selectionModel().select(dialog.moves.index(1, 0), QItemSelectionModel.SelectionFlag.ClearAndSelect)
        dialog.rules.scope.setCurrentText(SELECTED)
        await _choose(dialog, Mode.OFFSET, "2")
        assert _column(dialog, "Then") == ["10", "2", "0", "1"]
        for row, typed in ((0, "3"), (3, "+1"), (2, "none")):
            dialog.moves.setData(dialog.moves.index(row, NEW), typed)
            await _looked(dialog)
        assert _column(dialog, "Then") == ["3", "2", "0", "10"]
        item = dialog.topics.list.item(1)
        assert item.text() == "payments"
        item.setCheckState(Qt.CheckState.Unchecked)
        await _looked(dialog)
        click(dialog.action)
        await confirmed()

    assert qtloop.run(_using(cluster, snapshots, use))
    assert cluster.applied == [AlterOffsets("billing", {FIRST: 3, SECOND: 2, THIRD: 0})]


def test_a_group_that_is_not_there_begins_where_it_is_told(
    qtloop: LoopRunner, cluster: FakeCluster, snapshots: OffsetSnapshotStore
) -> None:
    async def use(dialog: ResetOffsetsDialog) -> None:
        assert not dialog.action.isEnabled()
        assert dialog.summary.text() == "Tick or add the topics that the group shall read."
        QTest.keyClicks(dialog.topics.add, "clicks")
        QTest.keyClick(dialog.topics.add, Qt.Key.Key_Return)
        await _looked(dialog)
        QTest.keyClicks(dialog.topics.add, "orders")
        QTest.keyClick(dialog.topics.add, Qt.Key.Key_Return)
        await _looked(dialog)
        await _choose(dialog, Mode.LATEST)
        assert _column(dialog, "Now") == ["nothing"] * 4
        click(dialog.action)
        await confirmed()

    assert qtloop.run(_using(cluster, snapshots, use, "billing-2"))
    clicks = TopicPartition("clicks", 0)
    assert cluster.commits["billing-2"] == {clicks: 0, FIRST: 10, SECOND: 10, THIRD: 0}


def test_it_waits_until_the_members_are_gone(
    qtloop: LoopRunner, cluster: FakeCluster, snapshots: OffsetSnapshotStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kexplorer.ui.dialogs.reset_offsets._AGAIN", 0.05)
    cluster.members["billing"] = (Member("m-1", "worker", "10.0.0.7", (FIRST,)),)

    async def use(dialog: ResetOffsetsDialog) -> None:
        assert not dialog.action.isEnabled()
        assert dialog.trouble.isVisible()
        assert "The group billing has members: worker at 10.0.0.7. Stop them first" in dialog.trouble.text()
        del cluster.members["billing"]
        await until(dialog.action.isEnabled)
        assert not dialog.trouble.isVisible()
        dialog.reject()

    async def begin() -> bool:
        dialog = ResetOffsetsDialog(None, session_on(cluster), "billing", snapshots)
        task = asyncio.create_task(dialog.run())
        await until(lambda: dialog.trouble.isVisible() and all(_column(dialog, "Reads first")))
        await use(dialog)
        return await task

    assert not qtloop.run(begin())


def test_a_share_group_has_no_offsets_to_reset(
    qtloop: LoopRunner, cluster: FakeCluster, snapshots: OffsetSnapshotStore
) -> None:
    cluster.group_types["billing"] = GroupType.SHARE

    async def use(dialog: ResetOffsetsDialog) -> None:
        assert not dialog.action.isEnabled()
        assert "type “share”, which commits no offset a partition" in dialog.trouble.text()
        dialog.reject()

    qtloop.run(_using(cluster, snapshots, use))


async def _closed(kind: type[ChangeDialog]) -> None:
    """The change dialog that tells what went wrong is closed."""
    dialog = await dialog_of(kind)
    assert isinstance(dialog, ChangeDialog)
    click(dialog.cancel)
    await until(lambda: QApplication.activeModalWidget() is not dialog)


def test_who_came_back_before_it_was_sent_is_told_and_nothing_changed(
    qtloop: LoopRunner, cluster: FakeCluster, snapshots: OffsetSnapshotStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kexplorer.ui.dialogs.reset_offsets._AGAIN", 0.05)

    async def use(dialog: ResetOffsetsDialog) -> None:
        await _choose(dialog, Mode.EARLIEST)
        click(dialog.action)
        change = await dialog_of(ChangeDialog)
        assert isinstance(change, ChangeDialog)
        await until(change.action.isEnabled)
        cluster.members["billing"] = (Member("m-1", "worker", "10.0.0.7", (FIRST,)),)
        click(change.action)
        await until(lambda: change.cancel.text() == "Close")
        await _closed(ChangeDialog)
        await until(lambda: "worker at 10.0.0.7" in dialog.trouble.text())
        assert _column(dialog, "Note")[0] == "Refused; still committed at 4."
        dialog.reject()

    assert qtloop.run(_using(cluster, snapshots, use))  # it was sent
    assert cluster.commits["billing"] == {FIRST: 4, SECOND: 25, PAID: 9}
    assert qtloop.run(snapshots.of_group("fake-cluster", "billing")) == []


def test_a_lost_answer_is_looked_up_and_nothing_is_sent_again(
    qtloop: LoopRunner, cluster: FakeCluster, snapshots: OffsetSnapshotStore
) -> None:
    """The broker took one of them, for all that is known."""
    lost = Failure(FailureKind.TIMEOUT, "The broker did not answer.", "")
    cluster.failures["apply"] = lost

    async def use(dialog: ResetOffsetsDialog) -> None:
        await _choose(dialog, Mode.EARLIEST)
        click(dialog.action)
        change = await dialog_of(ChangeDialog)
        assert isinstance(change, ChangeDialog)
        await until(change.action.isEnabled)
        cluster.commits["billing"][FIRST] = 0
        click(change.action)
        await until(lambda: change.cancel.text() == "Close")
        await _closed(ChangeDialog)
        await until(lambda: "Unknown" in "".join(_column(dialog, "Note")))
        await _looked(dialog)
        notes = _column(dialog, "Note")
        assert notes[0] == "Unknown whether the broker took it; now committed at 0, as asked."
        assert notes[1] == "Unknown whether the broker took it; now committed at 25, not as asked."
        assert notes[2] == "Unknown whether the broker took it; now nothing is committed, not as asked."
        assert _column(dialog, "Now") == ["0", "25", "nothing", "9"]
        assert cluster.calls.count("apply") == 1
        dialog.reject()

    assert qtloop.run(_using(cluster, snapshots, use))  # it was sent
    (kept,) = qtloop.run(snapshots.of_group("fake-cluster", "billing"))
    assert kept.offsets == {FIRST: 4, SECOND: 25, THIRD: None, PAID: 9}


def test_a_reset_is_undone(qtloop: LoopRunner, cluster: FakeCluster, snapshots: OffsetSnapshotStore) -> None:
    """What was outside of the log comes back too, and what had no offset has none again."""
    before = dict(cluster.commits["billing"])

    async def reset(dialog: ResetOffsetsDialog) -> None:
        await _choose(dialog, Mode.EARLIEST)
        click(dialog.action)
        await confirmed()

    async def undo(dialog: ResetOffsetsDialog) -> None:
        assert dialog.rules.chosen is Mode.UNDO
        assert " · earliest · 4 partitions" in dialog.rules.undo.currentText()
        assert _column(dialog, "Then") == ["4", "25", "nothing", "9"]
        assert _column(dialog, "Note")[1] == "As it was, which is outside of the log now."
        click(dialog.action)
        await confirmed()
        await confirmed()

    assert qtloop.run(_using(cluster, snapshots, reset))
    assert cluster.commits["billing"] == {FIRST: 0, SECOND: 0, THIRD: 0, PAID: 0}
    assert qtloop.run(_using(cluster, snapshots, undo, undo=True))
    assert cluster.commits["billing"] == before
    assert cluster.applied[1:] == [
        AlterOffsets("billing", {FIRST: 4, SECOND: 25, PAID: 9}),
        DeleteOffsets("billing", (THIRD,)),
    ]
    assert [each.why for each in qtloop.run(snapshots.of_group("fake-cluster", "billing"))] == [
        "undo “earliest”",
        "earliest",
    ]


def test_without_a_reset_there_is_nothing_to_undo(
    qtloop: LoopRunner, cluster: FakeCluster, snapshots: OffsetSnapshotStore
) -> None:
    async def use(dialog: ResetOffsetsDialog) -> None:
        assert "No reset of this group" in dialog.rules.problem.text()
        assert not dialog.action.isEnabled()
        dialog.reject()

    qtloop.run(_using(cluster, snapshots, use, undo=True))


def test_offsets_go_to_a_file_and_come_from_one(
    qtloop: LoopRunner, cluster: FakeCluster, snapshots: OffsetSnapshotStore, tmp_path: Path
) -> None:
    path = tmp_path / "billing.csv"

    async def save(dialog: ResetOffsetsDialog) -> None:
        menu = dialog.export.menu()
        assert menu is not None
        menu.actions()[1].trigger()
        asked = dialog.findChild(QFileDialog)
        assert asked is not None
        asked.fileSelected.emit(str(path))
        asked.reject()
        await until(lambda: "3 offsets were written" in dialog.summary.text())
        dialog.reject()

    async def load(dialog: ResetOffsetsDialog) -> None:
        await _choose(dialog, Mode.FILE, str(path))
        assert _column(dialog, "Then") == ["4", "10", "9"]
        assert _column(dialog, "Note")[1] == "Set to the end: 25 is beyond it."
        path.write_text("orders,0,1\norders,1,x\n")
        click(dialog.rules.choose)
        asked = dialog.findChild(QFileDialog)
        assert asked is not None
        asked.fileSelected.emit(str(path))
        asked.reject()
        await _looked(dialog)
        assert f"{path}: Line 2: “x” is no offset." in dialog.rules.problem.text()
        assert not dialog.action.isEnabled()
        await _choose(dialog, Mode.FILE, f"{path}.none")
        assert f"{path}.none can't be read: No such file" in dialog.rules.problem.text()
        dialog.reject()

    qtloop.run(_using(cluster, snapshots, save))
    assert path.read_text() == "orders,0,4\norders,1,25\npayments,0,9\n"
    cluster.commits["billing"] = {}
    qtloop.run(_using(cluster, snapshots, load))


def test_a_record_is_read_by_its_schema(
    qtloop: LoopRunner, cluster: FakeCluster, snapshots: OffsetSnapshotStore
) -> None:
    registry = FakeRegistry()
    registry.add(7, '{"type": "record", "name": "Click", "fields": [{"name": "page", "type": "string"}]}')
    for page in (b"home", b"cart"):
        cluster.add("clicks", b"\x00" + (7).to_bytes(4) + b"\x08" + page, timestamp=BASE)
    cluster.commits["clicks"] = {TopicPartition("clicks", 0): 0}

    async def use(dialog: ResetOffsetsDialog) -> None:
        assert _column(dialog, "Reads first") == ['2025-10-09 08:53:20.000 · null · {"page":"home"}']
        await _choose(dialog, Mode.OFFSET, "1")
        assert _column(dialog, "Reads first") == ['2025-10-09 08:53:20.000 · null · {"page":"cart"}']
        dialog.reject()

    async def begin() -> None:
        schemas = await open_schemas(replace(cluster.profile, registry_url=registry.url), "")
        await _using(cluster, snapshots, use, "clicks", schemas=schemas)

    with Running(registry):
        qtloop.run(begin())
    assert registry.asked == ["/schemas/ids/7"]


def test_what_could_not_be_looked_up_stays_as_it_is(
    qtloop: LoopRunner, cluster: FakeCluster, snapshots: OffsetSnapshotStore
) -> None:
    cluster.broken[SECOND] = Failure(FailureKind.AUTHORIZATION, "orders 1 may not be described.", "Ask for it.")

    async def use(dialog: ResetOffsetsDialog) -> None:
        await _choose(dialog, Mode.LATEST)
        assert _column(dialog, "Note")[1] == "orders 1 may not be described. Ask for it."
        assert "1 could not be looked up and stays as it is." in dialog.summary.text()
        click(dialog.action)
        await confirmed()

    assert qtloop.run(_using(cluster, snapshots, use))
    assert cluster.commits["billing"] == {FIRST: 10, SECOND: 25, THIRD: 0, PAID: 10}


def test_nothing_is_sent_where_the_snapshot_can_not_be_kept(
    qtloop: LoopRunner, cluster: FakeCluster, snapshots: OffsetSnapshotStore
) -> None:
    async def use(dialog: ResetOffsetsDialog) -> None:
        snapshots.path.write_bytes(b"not a database" * 100)
        click(dialog.action)
        await until(lambda: "Nothing was sent" in dialog.trouble.text())
        dialog.reject()

    assert not qtloop.run(_using(cluster, snapshots, use))
    assert cluster.applied == []


def test_a_read_only_profile_sends_nothing(
    qtloop: LoopRunner, cluster: FakeCluster, snapshots: OffsetSnapshotStore
) -> None:
    cluster.profile = replace(cluster.profile, read_only=True)

    async def use(dialog: ResetOffsetsDialog) -> None:
        click(dialog.action)
        await _closed(ChangeDialog)
        dialog.reject()

    assert not qtloop.run(_using(cluster, snapshots, use))
    assert cluster.applied == []
    assert qtloop.run(snapshots.of_group("fake-cluster", "billing")) == []


def test_the_reset_that_is_to_be_undone_stays_chosen(qtbot: QtBot) -> None:
    box = ResetRuleBox(UTC)
    qtbot.addWidget(box)
    older, newer, newest = (OffsetSnapshot(id_, 0, "billing", f"reset {id_}", {}) for id_ in (1, 2, 3))
    box.set_snapshots([newer, older])
    box.undo.setCurrentIndex(1)
    box.set_snapshots([newest, newer, older])
    assert "reset 1" in box.undo.currentText()
    box.set_snapshots([newest, newer])
    assert "reset 3" in box.undo.currentText()


def test_a_snapshot_stays_while_anything_differs_from_it(qtloop: LoopRunner, tmp_path: Path) -> None:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders", 2)
    first, second = TopicPartition("orders", 0), TopicPartition("orders", 1)
    cluster.commits["billing"] = {first: 5, second: 7}
    store = OffsetSnapshotStore(tmp_path / "offsets.db")
    resets = Resets(cluster, store, "billing")

    async def story() -> None:
        before = await resets.keep("undo", [first, second])
        cluster.commits["billing"][first] = 1  # the first of two changes was taken, the second one refused
        refused = Failure(FailureKind.AUTHORIZATION, "Not allowed.")
        await resets.settle(before, {second: None}, {"orders-1": refused})
        assert [each.id for each in await resets.earlier()] == [before.id]
        cluster.commits["billing"][first] = 5
        await resets.settle(before, {second: None}, {"orders-1": refused})
        assert await resets.earlier() == []

    qtloop.run(story())
