"""The list of consumer groups: what it shows while answers arrive, whom it asks, and what its keys do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import pytest
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from kexplorer.model.changes import AlterOffsets, DeleteGroups
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Group, GroupListing, Groups, GroupState, GroupType, Member
from kexplorer.model.lag import GroupLag, Reading
from kexplorer.model.topics import Broker, TopicPartition
from kexplorer.model.verdicts import State, Verdict
from kexplorer.services.sessions import Session
from kexplorer.ui.dialogs.name_group import _CloneGroupDialog, _NameGroupDialog
from kexplorer.ui.dialogs.reset_offsets import ResetOffsetsDialog
from kexplorer.ui.models.groups import COLUMNS, NOT_SHOWN, GroupsModel
from kexplorer.ui.panels import groups_look
from kexplorer.ui.panels.groups import GroupsPanel
from kexplorer.ui.topic_filter import topic_filter
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.ui.quiet import quiet
from tests.ui.sessions import NoSnapshots, click, confirmed, dialog_of, session_on

ORDERS = TopicPartition("orders", 0)
LOST = Failure(FailureKind.TIMEOUT, "Broker 2 did not answer.")


def _listing(name: str, kind: GroupType = GroupType.CLASSIC, protocol: str = "consumer") -> GroupListing:
    return GroupListing(name, GroupState.EMPTY, kind, False, protocol)


def _seen(name: str, lag: int, members: int = 0) -> GroupLag:
    who = tuple(Member(f"{name}-{n}", name, "/127.0.0.1", ()) for n in range(members))
    state = GroupState.STABLE if members else GroupState.EMPTY
    return GroupLag(Group(name, state, GroupType.CLASSIC, who), (Reading(ORDERS, 100 - lag, 0, 100),), 0.0)


def _column(model: GroupsModel, title: str) -> list[str]:
    column = next(n for n, each in enumerate(COLUMNS) if each.title == title)
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


@pytest.fixture
def model() -> GroupsModel:
    made = GroupsModel()
    QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal, made)
    made.set_listed([_listing("search"), _listing("Billing"), _listing("ledger")])
    return made


def test_names_are_shown_before_anything_else_is_known(model: GroupsModel) -> None:
    assert _column(model, "Group") == ["Billing", "ledger", "search"]
    assert _column(model, "State") == ["empty"] * 3
    assert _column(model, "Lag") == [""] * 3
    assert sorted(model.unknown()) == ["Billing", "ledger", "search"]


def test_what_arrives_fills_its_row(model: GroupsModel) -> None:
    verdict = Verdict(State.STOP, "No commit for 5 min, lag 90.")
    model.set_seen({"ledger": _seen("ledger", 90, members=2)}, {"ledger": verdict}, {"ledger": (10, 90)})
    model.set_oldest({"ledger": 65.0, "gone": 1.0})
    assert _column(model, "State") == ["empty", "stable", "empty"]
    assert _column(model, "Members") == ["", "2", ""]
    assert _column(model, "Lag") == ["", "90", ""]
    assert _column(model, "Time lag") == ["", "1 min 05 s", ""]
    assert _column(model, "Trend") == ["", "10 → 90", ""]
    assert _column(model, "Verdict")[1] == "STOP: No commit for 5 min, lag 90."
    model.set_seen({"ledger": _seen("ledger", 91)})  # a look without verdict and trend keeps those
    assert _column(model, "Verdict")[1].startswith("STOP")
    assert _column(model, "Lag")[1] == "91"


def test_a_group_that_is_not_told_says_so_and_keeps_what_was_known(model: GroupsModel) -> None:
    model.set_seen({"ledger": _seen("ledger", 90)})
    model.set_seen({"ledger": LOST, "search": LOST})
    assert _column(model, "Lag") == ["", "90", ""]
    assert _column(model, "Verdict") == ["", "not all is known: timeout", "not all is known: timeout"]
    assert sorted(model.failed()) == ["ledger", "search"]
    assert model.unknown() == ["Billing"]


def test_groups_of_other_kinds_are_rows_without_numbers(model: GroupsModel) -> None:
    others = [_listing("share", GroupType.SHARE), _listing("streams", GroupType.STREAMS)]
    model.set_listed([_listing("billing"), *others, _listing("workers", protocol="connect")])
    assert _column(model, "Verdict") == ["", NOT_SHOWN, NOT_SHOWN, NOT_SHOWN]
    assert _column(model, "Lag") == ["", "–", "–", "–"]
    assert _column(model, "Type") == ["classic", "share", "streams", "classic"]
    assert model.readable() == ["billing"]


def test_the_selection_stays_with_its_group(model: GroupsModel) -> None:
    kept = QPersistentModelIndex(model.index(2, 0))
    model.set_listed([_listing("search"), _listing("Billing"), _listing("ledger"), _listing("zebra"), _listing("a")])
    assert kept.data() == "search"
    model.sort(0, Qt.SortOrder.DescendingOrder)
    assert kept.data() == "search"


def test_rows_are_sorted_when_a_person_asks_and_not_when_a_number_moves(model: GroupsModel) -> None:
    column = next(n for n, each in enumerate(COLUMNS) if each.title == "Lag")
    model.set_seen({"Billing": _seen("Billing", 5), "ledger": _seen("ledger", 90), "search": _seen("search", 7)})
    model.sort(column, Qt.SortOrder.DescendingOrder)
    assert _column(model, "Group") == ["ledger", "search", "Billing"]
    model.set_seen({"Billing": _seen("Billing", 99)})
    assert _column(model, "Group") == ["ledger", "search", "Billing"]


def test_the_best_match_comes_first_and_the_order_comes_back(model: GroupsModel) -> None:
    model.set_listed([_listing("able-bodied-arch"), _listing("bar"), _listing("foo")])
    model.set_rank(topic_filter("~bar"))
    assert _column(model, "Group") == ["bar", "able-bodied-arch"]
    model.set_rank(topic_filter(""))
    assert _column(model, "Group") == ["able-bodied-arch", "bar", "foo"]


def test_a_key_stroke_looks_at_each_name_a_few_times_at_most(model: GroupsModel) -> None:
    model.set_listed([_listing(f"group-{n}") for n in range(2000)])
    asked: list[str] = []

    def rank(name: str) -> int | None:
        asked.append(name)
        return None if name.endswith("0") else len(name)

    model.set_rank(rank)
    assert model.rowCount() == 1800
    assert len(asked) <= 3 * 2000


# the panel


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups_look, "_FOLLOW_EVERY", 0.02)
    monkeypatch.setattr(groups_look, "_RETRY_EVERY", 0.05)
    monkeypatch.setattr(groups_look, "_TIME_EVERY", 0.05)


def _shop(groups: int = 3) -> FakeCluster:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders")
    for _ in range(100):
        cluster.add("orders", b"v")
    for n in range(groups):
        cluster.commits[f"group-{n:04}"] = {ORDERS: 100 - n % 100}
    return cluster


class _Opened:
    def __init__(self, cluster: FakeCluster, session: Session) -> None:
        self.wanted: list[str] = []
        self.session = session

        async def open_session() -> Session:
            if failure := cluster.failures.get("connect"):
                raise failure
            return session

        self.panel = GroupsPanel(cluster.profile, open_session, self.wanted.append, NoSnapshots())
        self.panel.resize(1100, 500)
        self.panel.show()
        self.panel.activateWindow()

    @property
    def words(self) -> list[str]:
        return [label.text() for label in self.panel.findChildren(QLabel) if label.isVisible()]

    def column(self, title: str) -> list[str]:
        return _column(self.panel.model, title)


@asynccontextmanager
async def _opened(cluster: FakeCluster) -> AsyncIterator[_Opened]:
    session = session_on(cluster)
    session.lag.every = 0.05
    opened = _Opened(cluster, session)
    try:
        yield opened
    finally:
        await opened.panel.close_panel()
        await session.close()
        opened.panel.deleteLater()


def test_the_list_fills_and_follows_what_is_on_the_screen(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster) as opened:
            await until(lambda: opened.panel.complete)
            assert opened.column("Lag") == ["0", "1", "2"]
            await until(lambda: opened.column("Time lag")[1] != "")
            await until(lambda: opened.column("Trend")[0] == "0 → 0")
            cluster.add("orders", b"v")
            await until(lambda: opened.column("Lag") == ["1", "2", "3"])
            await until(lambda: opened.column("Trend")[0] == "0 → 1")
            assert opened.panel.status_text == "3 groups"

    qtloop.run(look())


def test_nothing_is_asked_while_it_is_hidden(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster) as opened:
            await until(lambda: opened.panel.complete and opened.column("Trend")[0])
            opened.panel.hide()
            cluster.add("orders", b"v")
            await quiet(cluster)
            assert opened.column("Lag") == ["0", "1", "2"]
            opened.panel.show()
            await until(lambda: opened.column("Lag") == ["1", "2", "3"])

    qtloop.run(look())


def test_of_many_groups_only_those_on_the_screen_are_watched(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop(400)

    async def look() -> None:
        async with _opened(cluster) as opened:
            await until(lambda: opened.panel.complete)
            await until(lambda: opened.session.lag.latest)
            assert 5 < len(opened.session.lag.latest) < 60
            opened.panel.table.scrollToBottom()
            await until(lambda: "group-0399" in opened.session.lag.latest)
            assert len(opened.session.lag.latest) < 100

    qtloop.run(look())


def test_2000_groups_take_one_list_and_a_few_looks(qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat) -> None:
    cluster = _shop(2000)
    describe, described = cluster.describe_groups, asyncio.Event()

    async def wait(names: Iterable[str]) -> dict[str, Group | Failure]:
        await described.wait()
        return await describe(names)

    cluster.describe_groups = wait  # type: ignore[method-assign]

    async def look() -> None:
        async with _opened(cluster) as opened:
            opened.session.lag.every = 60.0
            await until(lambda: len(opened.panel.rows()) == 2000)  # names don't wait for what is told of them
            described.set()
            await until(lambda: opened.panel.complete)
            assert cluster.calls.count("groups") == 1
            assert cluster.calls.count("describe_groups") <= 2000 / 200 + 3

    qtloop.run(look())


def test_brokers_that_do_not_tell_are_named_and_the_others_shown(
    qtbot: QtBot, qtloop: LoopRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = _shop()
    cluster.brokers = tuple(Broker(n, "127.0.0.1", 9092 + n) for n in (1, 2, 3))
    whole = cluster.groups

    async def partial() -> Groups:
        return Groups((await whole()).listed, (LOST,))

    monkeypatch.setattr(cluster, "groups", partial)

    async def look() -> None:
        async with _opened(cluster) as opened:
            await opened.session.catalog.refresh()
            await until(lambda: opened.panel.complete)
            told = "2 of 3 brokers told: groups may be missing. Broker 2 did not answer."
            opened.panel._refresh_now()
            await until(lambda: told in opened.words)
            assert len(opened.panel.rows()) == 3

    qtloop.run(look())


def test_a_group_that_fails_is_told_and_asked_again(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()
    cluster.broken_groups["group-0001"] = LOST

    async def look() -> None:
        async with _opened(cluster) as opened:
            await until(lambda: "3 groups · 1 not told" in opened.words)
            assert opened.column("Verdict")[1] == "not all is known: timeout"
            del cluster.broken_groups["group-0001"]
            await until(lambda: "3 groups" in opened.words)
            assert opened.column("Lag")[1] == "1"

    qtloop.run(look())


def test_without_groups_it_says_what_a_group_is(qtbot: QtBot, qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with _opened(_shop(0)) as opened:
            await until(lambda: "shop has no consumer groups." in opened.words)

    qtloop.run(look())


def test_a_failure_is_no_empty_list(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()
    cluster.failures["groups"] = LOST

    async def look() -> None:
        async with _opened(cluster) as opened:
            await until(lambda: "The groups of shop are not known." in opened.words)
            assert "Broker 2 did not answer." in opened.words
            del cluster.failures["groups"]
            opened.panel.strip.retry_requested.emit()
            await until(lambda: opened.panel.complete)
            assert "Broker 2 did not answer." not in opened.words

    qtloop.run(look())


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Down])
def test_from_the_filter_to_a_group_by_keys(qtbot: QtBot, qtloop: LoopRunner, key: Qt.Key) -> None:
    async def look() -> None:
        async with _opened(_shop()) as opened:
            panel = opened.panel
            await until(panel.rows)
            panel.filter.setFocus()
            await until(panel.filter.hasFocus)
            QTest.keyClicks(panel.filter, "0002")
            QTest.keyClick(panel.filter, key)
            assert panel.table.hasFocus()
            QTest.keyClick(panel.table, Qt.Key.Key_Return)
            assert opened.wanted == ["group-0002"]
            panel._copy.trigger()
            assert QGuiApplication.clipboard().text() == "group-0002"

    qtloop.run(look())


def test_a_regular_expression_that_is_none_is_told(qtbot: QtBot, qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with _opened(_shop()) as opened:
            await until(opened.panel.rows)
            opened.panel.filter.setText("/(/")
            await until(lambda: opened.panel.strip.failure)
            opened.panel.filter.setText("/2$/")
            await until(lambda: not opened.panel.strip.failure)
            assert opened.column("Group") == ["group-0002"]
            assert "1 of 3 groups" in opened.words
            opened.panel.filter.setText("nothing")
            await until(lambda: "No group answers to that filter." in opened.words)

    qtloop.run(look())


def test_groups_are_deleted_together(qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat) -> None:
    heartbeat.allow(400, "a dialog is made in it, on two cores that others use too")
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster) as opened:
            await until(lambda: opened.panel.complete)
            _select(opened, [0, 2])
            assert opened.panel.actions_on.delete.isEnabled()
            assert not opened.panel.actions_on.clone.isEnabled()
            opened.panel.actions_on.delete.trigger()
            await confirmed()
            await until(lambda: opened.column("Group") == ["group-0001"])

    qtloop.run(look())
    assert cluster.applied == [DeleteGroups(("group-0000", "group-0002"))]


def test_a_clone_stands_where_the_group_does(qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat) -> None:
    heartbeat.allow(400, "a dialog is made in it, on two cores that others use too")
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster) as opened:
            await until(lambda: opened.panel.complete)
            _select(opened, [2])
            opened.panel.actions_on.clone.trigger()
            dialog = await dialog_of(_CloneGroupDialog)
            assert isinstance(dialog, _CloneGroupDialog)
            assert dialog.chosen == "group-0002-copy"
            dialog.name.clear()
            assert not dialog.action.isEnabled()
            dialog.name.setText("group-0001")
            click(dialog.action)
            await until(lambda: "already" in dialog.field.message.text())
            dialog.name.setText("group-copy")
            click(dialog.action)
            await until(lambda: QApplication.activeModalWidget() is not dialog)
            await confirmed()
            await until(lambda: "group-copy" in opened.column("Group"))

    qtloop.run(look())
    assert cluster.applied == [AlterOffsets("group-copy", {ORDERS: 98})]


def test_a_reset_and_its_undoing_are_about_the_chosen_group(
    qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat
) -> None:
    heartbeat.allow(600, "dialogs are made in it, on two cores that others use too")
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster) as opened:
            await until(lambda: opened.panel.complete)
            _select(opened, [1])
            for action in (opened.panel.actions_on.reset, opened.panel.actions_on.undo):
                action.trigger()
                dialog = await dialog_of(ResetOffsetsDialog)
                assert isinstance(dialog, ResetOffsetsDialog)
                assert "group-0001" in dialog.windowTitle()
                dialog.reject()
                await until(lambda: not opened.panel.tasks.running("action"))

    qtloop.run(look())
    assert not cluster.applied


def test_a_group_is_made_at_offsets(qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat) -> None:
    heartbeat.allow(400, "a dialog is made in it, on two cores that others use too")
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster) as opened:
            await until(lambda: opened.panel.complete)
            opened.panel.actions_on.create.trigger()
            dialog = await dialog_of(_NameGroupDialog)
            assert isinstance(dialog, _NameGroupDialog)
            dialog.name.setText("group-0001")
            click(dialog.action)
            await until(lambda: "already" in dialog.field.message.text())
            dialog.name.setText("new")
            assert "already" not in dialog.field.message.text()
            click(dialog.action)
            await until(lambda: isinstance(QApplication.activeModalWidget(), ResetOffsetsDialog))
            reset = await dialog_of(ResetOffsetsDialog)
            assert "new" in reset.windowTitle()
            reset.close()
            await until(lambda: not opened.panel.tasks.running("action"))

    qtloop.run(look())


def test_a_read_only_connection_offers_no_change(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()
    cluster.profile = type(cluster.profile)("shop", "127.0.0.1:9092", read_only=True)

    async def look() -> None:
        async with _opened(cluster) as opened:
            await until(lambda: opened.panel.complete)
            _select(opened, [0])
            assert not any(action.isEnabled() for action in opened.panel.actions_on.on_groups)

    qtloop.run(look())


def _select(opened: _Opened, rows: Sequence[int]) -> None:
    table = opened.panel.table
    table.clearSelection()
    flags = table.selectionModel().SelectionFlag
    for row in rows:
        table.selectionModel().select(opened.panel.model.index(row, 0), flags.Select | flags.Rows)
