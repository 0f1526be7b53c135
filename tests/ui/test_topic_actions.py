"""What the list of topics offers to do with them, on a cluster in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QDialog, QPushButton

from kexplorer.model.changes import CreateTopic, DeleteTopics
from kexplorer.model.cluster import LogDir, ReplicaSize
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import TopicPartition
from kexplorer.services.sessions import Session
from kexplorer.ui.dialogs.create_topic import CreateTopicDialog
from kexplorer.ui.dialogs.export_definition import DefinitionDialog
from kexplorer.ui.panels import topics
from kexplorer.ui.panels.topics import TopicsPanel
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.ui.sessions import Marked, click, confirmed, dialog_of, session_on

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform tells of every dialog


@pytest.fixture
def cluster(heartbeat: Heartbeat, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    heartbeat.allow(500, "a panel and dialogs are made in it, on two cores that others use too")
    monkeypatch.setattr(topics, "_LOOK_EVERY", 0.05)
    monkeypatch.setattr(topics, "_SWEEP_EVERY", 0.05)
    made = FakeCluster("shop")
    for name in ("audit", "orders", "payments"):
        made.add_topic(name, 2, retention_ms="1000")
    made.add("orders", b"v")
    return made


@asynccontextmanager
async def _opened(
    cluster: FakeCluster, *marked: str, copied: list[tuple[str, str]] | None = None
) -> AsyncIterator[TopicsPanel]:
    session = session_on(cluster)
    copies = [] if copied is None else copied

    async def open_session() -> Session:
        return session

    def copy(_session: Session, source: str, target: str) -> None:
        copies.append((source, target))

    panel = TopicsPanel(cluster.profile, open_session, lambda _: None, lambda _: None, Marked(*marked), dict, copy)
    panel.resize(1200, 500)
    panel.show()
    try:
        await until(lambda: panel.complete)
        yield panel
    finally:
        await panel.close_panel()
        panel.deleteLater()


def _select(panel: TopicsPanel, *names: str) -> None:
    panel._table.clearSelection()
    for name in names:
        row = [each.topic.name for each in panel.rows()].index(name)
        panel._table.selectionModel().select(panel._model.index(row, 0), topics._WHOLE_ROW)


def _trigger(panel: TopicsPanel, text: str) -> None:
    (action,) = [each for each in panel.panel_actions() if each.text() == text]
    assert action.isEnabled()
    action.trigger()


def _names(panel: TopicsPanel) -> list[str]:
    return [row.topic.name for row in panel.rows()]


def _enabled(panel: TopicsPanel) -> set[str]:
    return {action.text() for action in panel.actions_on.on_topics if action.isEnabled()}


def test_several_topics_are_deleted_and_the_list_follows(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def run() -> None:
        async with _opened(cluster) as panel:
            _select(panel, "audit", "payments")
            _trigger(panel, "Delete…")
            assert "2 topics" in (await confirmed())[0]
            await until(lambda: _names(panel) == ["orders"])

    qtloop.run(run())
    assert cluster.applied == [DeleteTopics(("audit", "payments"))]


def test_what_is_offered_depends_on_how_many_are_chosen(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def run() -> None:
        async with _opened(cluster) as panel:
            assert _enabled(panel) == set()
            _select(panel, "orders")
            assert len(_enabled(panel)) == 9
            _select(panel, "orders", "audit")
            two = _enabled(panel)
            assert "Compare configuration…" in two
            assert "Create a topic like this…" not in two
            panel._table.selectAll()
            assert two - _enabled(panel) == {"Compare configuration…"}

    qtloop.run(run())


def test_a_read_only_profile_only_looks(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    cluster.profile = replace(cluster.profile, read_only=True)

    async def run() -> None:
        async with _opened(cluster) as panel:
            _select(panel, "orders")
            assert _enabled(panel) == {"Compare configuration…", "Export definition…"}
            (button,) = [each for each in panel.findChildren(QPushButton) if each.text() == "Create topic"]
            assert not button.isEnabled()
            assert "read-only" in button.toolTip()

    qtloop.run(run())


def test_a_topic_is_created_from_the_tool_bar(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def run() -> None:
        async with _opened(cluster) as panel:
            (button,) = [each for each in panel.findChildren(QPushButton) if each.text() == "Create topic"]
            click(button)
            dialog = await dialog_of(CreateTopicDialog)
            assert isinstance(dialog, CreateTopicDialog)
            QTest.keyClicks(dialog.name, "refunds")
            click(dialog.action)
            await confirmed()
            await until(lambda: "refunds" in _names(panel))

    qtloop.run(run())


def test_a_topic_is_deleted_and_created_anew(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def run() -> None:
        async with _opened(cluster) as panel:
            _select(panel, "orders")
            _trigger(panel, "Delete and create anew…")
            question = await dialog_of(QDialog)
            (go,) = [each for each in question.findChildren(QPushButton) if each.text() == "Go on…"]
            click(go)
            await confirmed()
            await until(lambda: len(cluster.applied) == 2)
            await until(lambda: "orders" in _names(panel))

    qtloop.run(run())
    assert cluster.applied == [DeleteTopics(("orders",)), CreateTopic("orders", 2, 1, {"retention.ms": "1000"})]
    assert not cluster.logs[TopicPartition("orders", 0)]


@pytest.mark.parametrize("wanted", [False, True])
def test_a_topic_is_cloned_with_its_records_where_they_are_wanted(
    qtloop: LoopRunner, cluster: FakeCluster, wanted: bool
) -> None:
    copied: list[tuple[str, str]] = []

    async def run() -> None:
        async with _opened(cluster, copied=copied) as panel:
            _select(panel, "orders")
            _trigger(panel, "Create a topic like this…")
            dialog = await dialog_of(CreateTopicDialog)
            assert isinstance(dialog, CreateTopicDialog)
            assert not dialog.records.isChecked()
            dialog.records.setChecked(wanted)
            click(dialog.action)
            await confirmed()
            await until(lambda: "orders-copy" in _names(panel))

    qtloop.run(run())
    assert cluster.applied == [CreateTopic("orders-copy", 2, 1, {"retention.ms": "1000"})]
    assert copied == ([("orders", "orders-copy")] if wanted else [])


def test_a_definition_is_not_lost_when_the_second_half_fails(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def run() -> None:
        async with _opened(cluster) as panel:
            _select(panel, "orders")
            _trigger(panel, "Delete and create anew…")
            question = await dialog_of(QDialog)
            (go,) = [each for each in question.findChildren(QPushButton) if each.text() == "Go on…"]
            click(go)
            await confirmed_then_refuse(cluster)
            dialog = await dialog_of(CreateTopicDialog)
            assert isinstance(dialog, CreateTopicDialog)
            assert dialog.change == CreateTopic("orders", 2, 1, {"retention.ms": "1000"})
            dialog.reject()
            await until(lambda: panel.strip.failure)
            assert panel.strip.failure is not None
            assert "quota" in panel.strip.failure.message

    qtloop.run(run())
    assert cluster.applied == [DeleteTopics(("orders",))]


async def confirmed_then_refuse(cluster: FakeCluster) -> None:
    taken = cluster.apply

    async def refusing(change: object, *, only_check: bool = False) -> dict[str, Failure | None]:
        if isinstance(change, DeleteTopics):
            return await taken(change, only_check=only_check)
        return {"orders": Failure(FailureKind.REFUSED, "The quota of topics is used up.")}

    cluster.apply = refusing  # type: ignore[method-assign]
    await confirmed()


def test_definitions_of_several_are_shown_together(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def run() -> None:
        async with _opened(cluster) as panel:
            _select(panel, "orders", "audit")
            _trigger(panel, "Export definition…")
            dialog = await dialog_of(DefinitionDialog)
            assert isinstance(dialog, DefinitionDialog)
            assert '"audit"' in dialog.text.toPlainText()
            assert '"orders"' in dialog.text.toPlainText()
            QTest.keyClick(dialog, Qt.Key.Key_Escape)

    qtloop.run(run())


def test_sizes_come_in_the_background(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    cluster.disks = {1: (LogDir("/data", {TopicPartition("orders", 0): ReplicaSize(5000, 0)}),)}

    async def run() -> None:
        async with _opened(cluster) as panel:
            await until(lambda: [row.size for row in panel.rows()] == [0, 5000, 0])
            cluster.disks = {1: (LogDir("/data", {TopicPartition("orders", 0): ReplicaSize(6000, 0)}),)}
            await until(lambda: panel.rows()[1].size == 6000)

    qtloop.run(run())


def test_a_cluster_that_does_not_tell_sizes_is_not_asked_again(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    cluster.failures["log_dirs"] = Failure(FailureKind.AUTHORIZATION, "You may not describe the cluster.")

    async def run() -> None:
        async with _opened(cluster) as panel:
            await until(lambda: panel._model.index(0, 4).data() == "not told")
            assert not panel.tasks.running("sizes")
            assert panel.strip.failure is None

    qtloop.run(run())
    assert cluster.calls.count("log_dirs") == 1


def test_a_broker_that_was_slow_is_asked_for_sizes_again(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    cluster.failures["log_dirs"] = Failure(FailureKind.TIMEOUT, "No answer in 10 s.")

    async def run() -> None:
        async with _opened(cluster) as panel:
            await until(lambda: panel._model.index(0, 4).data() == "not told")
            del cluster.failures["log_dirs"]
            await until(lambda: [row.size for row in panel.rows()] == [0, 0, 0])

    qtloop.run(run())


def test_favourites_are_marked_kept_and_come_first(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def run() -> None:
        async with _opened(cluster, "payments") as panel:
            (first,) = [each for each in panel.findChildren(QCheckBox) if each.text() == "Favourites first"]
            first.setChecked(True)
            await until(lambda: _names(panel) == ["payments", "audit", "orders"])
            _select(panel, "orders", "payments")
            _trigger(panel, "Mark or unmark as favourite")
            await until(lambda: _names(panel) == ["orders", "payments", "audit"])
            assert panel.save_state()["favourites first"] is True
            _select(panel, "orders", "payments")
            _trigger(panel, "Mark or unmark as favourite")
            await until(lambda: _names(panel) == ["audit", "orders", "payments"])

    qtloop.run(run())


def test_a_filter_that_is_wrong_is_told_until_it_is_right(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def run() -> None:
        async with _opened(cluster) as panel:
            QTest.keyClicks(panel._filter, "/(ord/")
            await until(lambda: panel.strip.failure)
            assert _names(panel) == ["audit", "orders", "payments"]
            panel._filter.setText("/^ord/")
            await until(lambda: _names(panel) == ["orders"])
            assert panel.strip.failure is None

    qtloop.run(run())


def test_every_action_has_a_shortcut_of_its_own(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def run() -> None:
        async with _opened(cluster) as panel:
            keys = [action.shortcut().toString() for action in panel.panel_actions()]
            assert all(keys)
            assert len(set(keys)) == len(keys)

    qtloop.run(run())
