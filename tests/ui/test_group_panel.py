"""The panel of one consumer group: how far it is in each partition, who is in it, and what can be done with it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from kexplorer.model.changes import DeleteOffsets, RemoveMembers
from kexplorer.model.cluster import ConfigEntry
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Group, GroupState, GroupType, Member
from kexplorer.model.lag import GroupLag, Reading, TimeLag
from kexplorer.model.offset_snapshots import OffsetSnapshots
from kexplorer.model.topics import TopicPartition
from kexplorer.model.verdicts import Rates, State, Thresholds, Verdict
from kexplorer.services.resets import Resets
from kexplorer.services.sessions import Session
from kexplorer.store.offset_snapshots import OffsetSnapshotStore
from kexplorer.ui.dialogs.change_dialog import ChangeDialog
from kexplorer.ui.dialogs.delete_offsets import _DeleteOffsetsDialog
from kexplorer.ui.models.group import (
    PARTITION_COLUMNS,
    GroupPartitionsModel,
    GroupTopicsModel,
    MembersModel,
    PartitionRow,
    assigned_words,
    members_of,
    topics_of,
)
from kexplorer.ui.models.rows import RowsModel
from kexplorer.ui.panels import group as group_panel
from kexplorer.ui.panels.group import GroupPanel
from kexplorer.ui.panels.group_members import GroupMembersTab
from kexplorer.ui.panels.group_partitions import GroupPartitionsTab
from kexplorer.ui.widgets.offset_track import Part
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.ui.quiet import quiet
from tests.ui.sessions import NoSnapshots, click, confirmed, dialog_of, session_on

ORDERS, PAYMENTS = TopicPartition("orders", 0), TopicPartition("payments", 0)
MEMBER = Member("billing-1-77", "billing-1", "/10.0.0.7", (ORDERS,))


def _reading(committed: int | None = 400, start: int = 0, end: int = 1000, member: Member | None = MEMBER) -> Reading:
    return Reading(ORDERS, committed, start, end, None, member)


def _words(row: PartitionRow) -> str:
    return " · ".join(words for words, _ in row.words)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (PartitionRow(_reading(), active=True), "reading"),
        (PartitionRow(_reading(1000), active=True), "caught up"),
        (PartitionRow(_reading(None), active=True), "never committed, or expired"),
        (PartitionRow(_reading(2000), active=True), "committed 1,000 beyond the end"),
        (PartitionRow(_reading(100, 350), active=True), "behind the log start: 250 lost"),
        (PartitionRow(_reading(member=None), active=True), "no active member on this partition"),
        (PartitionRow(_reading(member=None), active=False), "reading"),
        (
            PartitionRow(_reading(999), active=True, time=TimeLag(0, unreadable=1)),
            "nothing to read: markers only, or compacted",
        ),
        (PartitionRow(_reading(1000), active=True, time=TimeLag(0, unreadable=1)), "caught up"),
        (
            PartitionRow(_reading(1000)._replace(stable=900), active=True),
            "an open transaction holds back 100",
        ),
        (
            PartitionRow(_reading(), active=True, verdict=Verdict(State.STOP, "No commit for 5 min.")),
            "STOP: No commit for 5 min.",
        ),
        (
            PartitionRow(_reading(100, 350, member=None), active=True),
            "behind the log start: 250 lost · no active member on this partition",
        ),
    ],
)
def test_each_state_of_a_partition_has_its_words(row: PartitionRow, words: str) -> None:
    assert _words(row) == words


def test_what_could_not_be_read_is_told_and_not_taken_for_never_committed() -> None:
    denied = Failure(FailureKind.AUTHORIZATION, "Reading offsets is not allowed.")
    row = PartitionRow(_reading(None)._replace(trouble=denied), active=True)
    assert _words(row) == "Reading offsets is not allowed."


def test_partitions_are_told_in_numbers_and_times() -> None:
    model = GroupPartitionsModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, model)
    now = int(time.time() * 1000)
    row = PartitionRow(_reading(), True, Rates(100.0, 160.0), None, TimeLag(now, now - 65_000, now), 12.0)
    slow = replace(row, reading=_reading()._replace(source=PAYMENTS), rates=Rates(100.0, 50.0))
    model.set_rows([row, slow])
    texts = {c.title: str(model.index(0, n).data()) for n, c in enumerate(PARTITION_COLUMNS)}
    assert texts["Log"] == "log 0 to 1,000, committed 400"
    assert texts["Lag"] == "600"
    assert texts["Time lag"] == "1 min 05 s"
    assert texts["Commits"] == "160/s"
    assert texts["Caught up in"] == "10.0 s"
    assert texts["Last commit"] == "12.0 s ago"
    assert texts["Read by"] == "billing-1 · /10.0.0.7"
    assert _column(model, "Caught up in") == ["10.0 s", "never"]
    assert "billing-1-77" in model._tip(row)


def test_topics_are_summed_up_and_all_of_them_come_first() -> None:
    model = GroupTopicsModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, model)
    readings = [_reading(), _reading(990)._replace(source=PAYMENTS), _reading(None)._replace(source=PAYMENTS)]
    model.set_rows(topics_of(readings))
    assert _column(model, "Topic") == ["All topics", "orders", "payments"]
    assert _column(model, "Lag") == ["610", "600", "10"]
    assert [row.topic for row in topics_of([_reading()])] == ["orders"]


def test_assignments_are_read_as_ranges() -> None:
    sources = [TopicPartition("b", 7), *(TopicPartition("a", n) for n in (3, 0, 1, 2, 9))]
    assert assigned_words(sources) == "a 0–3, 9; b 7"
    assert assigned_words([]) == ""


def test_members_are_told_with_the_lag_of_what_they_read() -> None:
    idle = Member("billing-2-88", "billing-2", "/10.0.0.8", (), "pod-2")
    group = Group("billing", GroupState.STABLE, GroupType.CLASSIC, (MEMBER, idle))
    model = MembersModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, model)
    model.set_rows(members_of(GroupLag(group, (_reading(),), 0.0)))
    assert _column(model, "Lag") == ["600", ""]
    assert _column(model, "Instance id") == ["–", "pod-2"]
    assert _column(model, "Assigned") == ["orders 0", ""]


# the panel


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_panel, "_CLOSER_EVERY", 0.05)


def _shop() -> FakeCluster:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders", 2)
    cluster.add_topic("payments")
    for n in range(200):
        cluster.add("orders", b"v", partition=n % 2)
    cluster.add("payments", b"v")
    cluster.commits["billing"] = {ORDERS: 40, TopicPartition("orders", 1): 100}
    cluster.members["billing"] = (MEMBER,)
    return cluster


@asynccontextmanager
async def _opened(cluster: FakeCluster, snapshots: OffsetSnapshots | None = None) -> AsyncIterator[GroupPanel]:
    session = session_on(cluster)
    session.lag.every = 0.05
    session.lag.thresholds = Thresholds(intervals=100_000)  # else a slow test sees the verdict change

    async def open_session() -> Session:
        return session

    panel = GroupPanel(cluster.profile, "billing", open_session, snapshots or NoSnapshots())
    panel.resize(1200, 700)
    panel.show()
    panel.activateWindow()
    try:
        yield panel
    finally:
        await panel.close_panel()
        await session.close()
        panel.deleteLater()


def _column(model: RowsModel[Any], title: str) -> list[str]:
    column = [each.title for each in model.columns].index(title)
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def _partitions(panel: GroupPanel) -> GroupPartitionsTab:
    panel.show_tab("partitions")
    tab = panel.current
    assert isinstance(tab, GroupPartitionsTab)
    return tab


def test_partitions_and_header_follow_the_group(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster) as panel:
            tab = _partitions(panel)
            await until(lambda: _column(tab.model, "Lag") == ["60", "0"])
            assert _column(tab.model, "State") == ["reading", "no active member on this partition"]
            assert panel.header.tiles["Lag"].figure == "60"
            assert panel.header.tiles["Lag"].word == "in 1 of 2 partitions"
            assert "stable · classic · assigned by range · coordinator 1 · 1 member" in panel.header.facts.text()
            assert panel.status_text == "billing: 2 partitions · 1 without a member"
            await until(lambda: _column(tab.model, "Time lag")[0])
            assert tab.list.isHidden()  # there is only one topic
            cluster.commits["billing"][ORDERS] = 90
            await until(lambda: _column(tab.model, "Lag") == ["10", "0"])
            await until(lambda: _column(tab.model, "Last commit")[0].endswith("ago"))
            assert _column(tab.model, "Last commit")[1] == ""

    qtloop.run(look())


def test_one_topic_of_several_is_chosen(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()
    cluster.commits["billing"][PAYMENTS] = 1

    async def look() -> None:
        async with _opened(cluster) as panel:
            tab = _partitions(panel)
            await until(lambda: tab.model.rowCount() == 3)
            assert _column(tab.topics, "Topic") == ["All topics", "orders", "payments"]
            assert tab.topic == ""
            tab.list.selectRow(2)
            assert _column(tab.model, "Topic") == ["payments"]
            assert tab.topic == "payments"
            cluster.commits["billing"][ORDERS] = 50
            await until(lambda: _column(tab.topics, "Lag")[1] == "50")
            assert _column(tab.model, "Topic") == ["payments"]  # the choice stays

    qtloop.run(look())


def test_an_open_transaction_is_drawn_once_it_is_sure(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()
    cluster.stable[ORDERS] = 70

    async def look() -> None:
        async with _opened(cluster) as panel:
            tab = _partitions(panel)
            await until(lambda: "an open transaction holds back 30" in _column(tab.model, "State")[:1])
            assert Part.HELD in tab._legend.accessibleName()
            del cluster.stable[ORDERS]
            await until(lambda: _column(tab.model, "State")[:1] == ["reading"])

    qtloop.run(look())


def test_a_group_without_partitions_says_so(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()
    cluster.commits["billing"], cluster.members["billing"] = {}, ()

    async def look() -> None:
        async with _opened(cluster) as panel:
            tab = _partitions(panel)
            await until(lambda: "billing reads no partition." in tab._empty.text)
            assert tab._pages.currentIndex() == 1
            panel.show_tab("members")
            members = panel.current
            assert isinstance(members, GroupMembersTab)
            assert "Nobody is in billing." in members._empty.text
            assert not members.remove.isEnabled()

    qtloop.run(look())


def test_nothing_is_asked_while_it_is_hidden_or_paused(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster) as panel:
            tab = _partitions(panel)
            await until(tab.model.rowCount)
            panel.hide()
            await until(lambda: not panel.tasks.running("watch"))
            await quiet(cluster)
            panel.show()
            cluster.commits["billing"][ORDERS] = 99
            await until(lambda: _column(tab.model, "Lag")[0] == "1")
            panel.interval.setCurrentText("Paused")
            panel.interval.textActivated.emit("Paused")
            await until(lambda: not panel.tasks.running("watch"))
            await quiet(cluster)

    qtloop.run(look())


def test_a_look_that_fails_is_told_until_one_succeeds(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster) as panel:
            tab = _partitions(panel)
            await until(tab.model.rowCount)
            cluster.failures["describe_groups"] = Failure(FailureKind.TIMEOUT, "No broker answered.")
            await until(lambda: panel.strip.failure)
            assert _column(tab.model, "Lag") == ["60", "0"]  # what was known last stays
            del cluster.failures["describe_groups"]
            await until(lambda: not panel.strip.failure)

    qtloop.run(look())


def test_a_group_that_cannot_be_looked_at_is_not_shown_as_empty(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()
    cluster.failures["describe_groups"] = Failure(FailureKind.TIMEOUT, "No broker answered.")

    async def look() -> None:
        async with _opened(cluster) as panel:
            tab = _partitions(panel)
            await until(lambda: "billing could not be looked at." in tab._empty.text)
            assert panel.strip.failure
            del cluster.failures["describe_groups"]
            await until(lambda: _column(tab.model, "Lag") == ["60", "0"])
            assert tab._pages.currentIndex() == 0
            assert not panel.strip.failure

    qtloop.run(look())


def test_what_retention_will_delete_unread_is_warned_of(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()
    cluster.configs["orders"] = {
        name: ConfigEntry(name, value, False, False, False)
        for name, value in (("cleanup.policy", "delete"), ("retention.ms", "60000"))
    }

    async def look() -> None:
        async with _opened(cluster) as panel:
            await until(lambda: panel.notice.text)
            assert panel.notice.text == "At any moment retention deletes 60 messages that billing has not read."

    qtloop.run(look())


def test_a_static_member_is_removed_by_its_instance(qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat) -> None:
    heartbeat.allow(400, "a dialog is made in it, on two cores that others use too")
    cluster = _shop()
    cluster.members["billing"] = (MEMBER, Member("billing-2-88", "billing-2", "/10.0.0.8", (), "pod-2"))

    async def look() -> None:
        async with _opened(cluster) as panel:
            panel.show_tab("members")
            tab = panel.current
            assert isinstance(tab, GroupMembersTab)
            await until(lambda: tab.model.rowCount() == 2)
            assert panel.status_text == "billing: 2 members · 1 static · 1 without a partition"
            tab.table.selectAll()
            assert tab.remove.text() == "Remove 2 members…"
            click(tab.remove)
            await confirmed()
            await until(lambda: cluster.applied)

    qtloop.run(look())
    assert cluster.applied == [RemoveMembers("billing", ("billing-1-77",), ("pod-2",))]


def test_the_offsets_of_one_topic_are_deleted(
    qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat, tmp_path: Path
) -> None:
    heartbeat.allow(400, "a dialog is made in it, on two cores that others use too")
    cluster = _shop()
    cluster.commits["billing"][PAYMENTS] = 1
    cluster.members["billing"] = ()
    snapshots = OffsetSnapshotStore(tmp_path / "offsets.db")

    async def look() -> None:
        async with _opened(cluster, snapshots) as panel:
            tab = _partitions(panel)
            await until(lambda: tab.model.rowCount() == 3)
            tab.list.selectRow(2)
            panel._forget.trigger()
            dialog = await dialog_of(_DeleteOffsetsDialog)
            assert isinstance(dialog, _DeleteOffsetsDialog)
            assert dialog.topic.currentText() == "payments"
            assert dialog.field.message.text() == "1 partition with a committed offset"
            click(dialog.action)
            await until(lambda: not dialog.isActiveWindow())
            await confirmed()
            await until(lambda: _column(tab.topics, "Topic") == ["orders"])
        resets = Resets(cluster, snapshots, "billing")
        assert [(each.why, each.offsets) for each in await resets.earlier()] == [
            ("the offsets of payments deleted", {PAYMENTS: 1})
        ]

    qtloop.run(look())
    assert cluster.applied == [DeleteOffsets("billing", (PAYMENTS,))]


def test_offsets_that_were_not_deleted_after_all_leave_nothing_to_undo(
    qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat, tmp_path: Path
) -> None:
    heartbeat.allow(400, "a dialog is made in it, on two cores that others use too")
    cluster = _shop()
    cluster.members["billing"] = ()
    snapshots = OffsetSnapshotStore(tmp_path / "offsets.db")

    async def look() -> None:
        async with _opened(cluster, snapshots) as panel:
            await until(lambda: panel.seen is not None)
            panel._forget.trigger()
            dialog = await dialog_of(_DeleteOffsetsDialog)
            assert isinstance(dialog, _DeleteOffsetsDialog)
            click(dialog.action)
            preview = await dialog_of(ChangeDialog)
            assert isinstance(preview, ChangeDialog)
            assert len(await Resets(cluster, snapshots, "billing").earlier()) == 1
            preview.reject()
            await until(lambda: not dialog.tasks.running("submit"))
            assert await Resets(cluster, snapshots, "billing").earlier() == []
            dialog.reject()

    qtloop.run(look())
    assert cluster.applied == []


def test_a_table_is_copied_with_its_titles(qtbot: QtBot, qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with _opened(_shop()) as panel:
            tab = _partitions(panel)
            await until(tab.model.rowCount)
            panel._copy.trigger()
            lines = QGuiApplication.clipboard().text().splitlines()
            assert lines[0].split("\t")[:3] == ["Topic", "Partition", "Log"]
            assert lines[1].split("\t")[:4] == ["orders", "0", "log 0 to 100, committed 40", "60"]

    qtloop.run(look())


def test_the_layout_comes_back(qtbot: QtBot, qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with _opened(_shop()) as panel:
            panel.restore_state({"tab": "members", "tabs": {"members": {"sort": [3, True]}, "odd": 1}})
            tab = panel.current
            assert isinstance(tab, GroupMembersTab)
            assert tab.table.save_sort() == [3, True]
            assert panel.save_state()["tab"] == "members"
            panel.restore_state({"tab": "nothing", "tabs": 7})
            assert panel.current is tab

    qtloop.run(look())
