"""The dialogs that change topics, as a person uses them, up to the change that the cluster gets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from kexplorer.formats.partitioning import Partitioner, partition_for
from kexplorer.model.changes import AddPartitions, AlterConfig, CreateTopic, PurgeRecords, Reassign, ResourceKind
from kexplorer.model.cluster import ConfigEntry, LogDir, Reassignment, ReplicaSize
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import Broker, ClusterMetadata, Partition, TopicPartition
from kexplorer.services.sessions import Session
from kexplorer.services.topic_admin import KeySample
from kexplorer.ui.dialogs.add_partitions import AddPartitionsDialog, add_partitions, moves_in_words
from kexplorer.ui.dialogs.alter_topics import AlterTopicsDialog, alter_topics
from kexplorer.ui.dialogs.change_dialog import ChangeDialog
from kexplorer.ui.dialogs.compare_topics import CompareTopicsDialog, compare_topics
from kexplorer.ui.dialogs.create_topic import CreateTopicDialog, create_topic
from kexplorer.ui.dialogs.export_definition import DefinitionDialog
from kexplorer.ui.dialogs.purge import PurgeDialog, purge
from kexplorer.ui.dialogs.reassign import ReassignDialog, reassign
from kexplorer.ui.models.replica_plan import PLANNED
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.ui.sessions import click, confirmed, dialog_of, session_on

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform tells of every dialog


@pytest.fixture
def cluster(heartbeat: Heartbeat) -> FakeCluster:
    heartbeat.allow(500, "two dialogs are made in it, on two cores that others use too")
    made = FakeCluster("shop")
    made.brokers = tuple(Broker(number, "127.0.0.1", 9090 + number, f"rack {number}") for number in (1, 2, 3))
    made.add_topic("orders", 3, retention_ms="1000", cleanup_policy="delete")
    made.add_topic("a_b", 1)
    for number in range(90):
        key = b"customer-%d" % number
        made.add("orders", b"v", key, partition=partition_for(key, 3), timestamp=1000 * number)
    for number in range(3):
        made.placed[TopicPartition("orders", number)] = Partition(number, 1, (1, 2), (1, 2))
    return made


async def _loaded(cluster: FakeCluster) -> Session:
    session = session_on(cluster)
    await session.catalog.refresh()
    return session


# create


async def _creating(
    cluster: FakeCluster, use: Callable[[CreateTopicDialog], Awaitable[None]], like: CreateTopic | None = None
) -> bool:
    task = asyncio.create_task(create_topic(None, await _loaded(cluster), like))
    dialog = await dialog_of(CreateTopicDialog)
    assert isinstance(dialog, CreateTopicDialog)
    try:
        await use(dialog)
    except BaseException:
        task.cancel()
        raise
    return await task is not None


def test_a_topic_is_created_as_it_was_described(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def use(dialog: CreateTopicDialog) -> None:
        assert not dialog.action.isEnabled()
        QTest.keyClicks(dialog.name, "payments")
        dialog.partitions.setValue(12)
        assert dialog.replication.value() == 3
        dialog.preset.setCurrentText("Compacted table")
        dialog.settings.editor.appendPlainText("max.message.bytes=2000000")
        click(dialog.action)
        assert "payments" in (await confirmed())[0]

    assert qtloop.run(_creating(cluster, use))
    (made,) = cluster.applied
    assert isinstance(made, CreateTopic)
    assert (made.name, made.partitions, made.replication) == ("payments", 12, 3)
    assert made.configs["cleanup.policy"] == "compact"
    assert made.configs["min.insync.replicas"] == "2"
    assert made.configs["max.message.bytes"] == "2000000"


def test_partitions_begin_with_what_the_brokers_have(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    defaults = {"num.partitions": "6", "default.replication.factor": "2"}
    cluster.broker_settings[1] = {n: ConfigEntry(n, value, False, False, False) for n, value in defaults.items()}

    async def use(dialog: CreateTopicDialog) -> None:
        await until(lambda: dialog.partitions.value() == 6)
        assert "num.partitions=6 and default.replication.factor=2" in dialog.defaults.text()
        dialog.reject()

    assert not qtloop.run(_creating(cluster, use))
    assert cluster.applied == []


def test_who_may_not_ask_for_defaults_creates_all_the_same(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    cluster.failures["broker_configs"] = Failure(FailureKind.AUTHORIZATION, "You may not describe brokers.")

    async def use(dialog: CreateTopicDialog) -> None:
        await until(lambda: not dialog.tasks.running("defaults"))
        assert not dialog.trouble.isVisible()
        QTest.keyClicks(dialog.name, "payments")
        assert dialog.change == CreateTopic("payments", 1, 3)
        dialog.reject()

    qtloop.run(_creating(cluster, use))


@pytest.mark.parametrize(
    ("name", "said", "usable"),
    [
        ("orders", "There is a topic orders already.", False),
        ("a b", "contains ' '", False),
        ("..", "cannot be", False),
        ("a.b", "", True),
        ("fine", "", True),
    ],
)
def test_names_are_judged_as_they_are_typed(
    qtloop: LoopRunner, cluster: FakeCluster, name: str, said: str, usable: bool
) -> None:
    async def use(dialog: CreateTopicDialog) -> None:
        QTest.keyClicks(dialog.name, name)
        assert said in dialog.fields["name"].message.text()
        assert dialog.action.isEnabled() == usable
        assert ("can't tell a.b from a_b" in dialog.warning.text()) == (name == "a.b")
        dialog.reject()

    qtloop.run(_creating(cluster, use))


def test_presets_take_back_only_what_they_brought(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def use(dialog: CreateTopicDialog) -> None:
        dialog.settings.set_properties({"max.message.bytes": "5"})
        dialog.preset.setCurrentText("Short-lived")
        lines = dialog.settings.properties()
        assert lines["retention.ms"] == "3600000"
        dialog.settings.set_properties({**lines, "retention.ms": "7200000"})
        dialog.preset.setCurrentIndex(0)
        assert dialog.settings.properties() == {"max.message.bytes": "5", "retention.ms": "7200000"}
        dialog.settings.set_properties({"min.insync.replicas": "3"})
        dialog.replication.setValue(2)
        assert "needs more replicas" in dialog.warning.text()
        dialog.settings.editor.setPlainText("retention.ms=soon")
        assert "-1 or more" in dialog.settings.messages.text()
        assert not dialog.action.isEnabled()
        dialog.reject()

    qtloop.run(_creating(cluster, use))


def test_settings_are_completed_and_explained(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def use(dialog: CreateTopicDialog) -> None:
        editor, offers = dialog.settings.editor, dialog.settings.offers
        dialog.activateWindow()
        editor.setFocus()
        await until(editor.hasFocus)
        QTest.keyClicks(editor, "cleanup")
        await until(offers.isVisible)
        QTest.keyClick(offers, Qt.Key.Key_Return)
        await until(lambda: editor.toPlainText() == "cleanup.policy=")
        QTest.keyClicks(editor, "com")
        await until(offers.isVisible)
        QTest.keyClick(offers, Qt.Key.Key_Return)
        await until(lambda: editor.toPlainText() == "cleanup.policy=compact")
        assert "Default: delete." in dialog.settings.meaning.text()
        editor.setPlainText("retention.ms=86400000")
        assert "Here: 1 day" in dialog.settings.meaning.text()
        dialog.reject()

    qtloop.run(_creating(cluster, use))


def test_what_the_broker_refuses_can_be_corrected(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    cluster.refused["payments"] = Failure(FailureKind.REFUSED, "The policy wants a team in the name.")

    async def use(dialog: CreateTopicDialog) -> None:
        QTest.keyClicks(dialog.name, "payments")
        click(dialog.action)
        await confirmed()
        preview = await dialog_of(ChangeDialog)
        QTest.keyClick(preview, Qt.Key.Key_Escape)
        await until(lambda: QApplication.activeModalWidget() is dialog)
        assert dialog.name.text() == "payments"
        dialog.name.setText("team.payments")
        click(dialog.action)
        await confirmed()

    assert qtloop.run(_creating(cluster, use))
    assert [change.name for change in cluster.applied if isinstance(change, CreateTopic)] == ["team.payments"]


def test_a_clone_begins_with_the_other_topic(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    like = CreateTopic("orders", 3, 2, {"retention.ms": "1000"})

    async def use(dialog: CreateTopicDialog) -> None:
        assert dialog.change == CreateTopic("orders-copy", 3, 2, {"retention.ms": "1000"})
        dialog.reject()

    qtloop.run(_creating(cluster, use, like))


# add partitions


def test_partitions_are_added_after_the_keys_were_counted(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def run() -> bool:
        task = asyncio.create_task(add_partitions(None, await _loaded(cluster), ["orders"]))
        dialog = await dialog_of(AddPartitionsDialog)
        assert isinstance(dialog, AddPartitionsDialog)
        await until(lambda: "Of 90 different keys" in dialog.keys.text())
        assert "guess" not in dialog.keys.text()
        assert dialog.total.minimum() == 4
        dialog.total.setValue(5)
        keys = [b"customer-%d" % number for number in range(90)]
        moving = sum(partition_for(key, 3) != partition_for(key, 5) for key in keys)
        assert f" {moving} ({moving / 90:.0%})" in dialog.keys.text()
        click(dialog.action)
        await confirmed()
        return await task

    assert qtloop.run(run())
    assert cluster.applied == [AddPartitions("orders", 5)]


def test_several_topics_get_as_many_partitions(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    cluster.add_topic("wide", 8)

    async def run() -> bool:
        task = asyncio.create_task(add_partitions(None, await _loaded(cluster), ["orders", "wide", "a_b"]))
        dialog = await dialog_of(AddPartitionsDialog)
        assert isinstance(dialog, AddPartitionsDialog)
        await until(lambda: "a_b: None of the newest" in dialog.keys.text())
        assert dialog.total.minimum() == 2
        dialog.total.setValue(5)
        assert " of 90 keys in the newest records move" in dialog.keys.text()
        assert dialog.keys.text().count("Their older records stay") == 1
        assert "wide" not in dialog.keys.text()
        click(dialog.action)
        assert "2 changes: orders; a_b" in (await confirmed())[0]
        return await task

    assert qtloop.run(run())
    assert cluster.applied == [AddPartitions("orders", 5), AddPartitions("a_b", 5)]


def test_a_sample_is_told_for_what_it_is() -> None:
    assert "None of the newest records has a key" in moves_in_words(KeySample((), 3), 6)
    keys = tuple(b"%d" % number for number in range(100))
    text = moves_in_words(KeySample(keys, 3, Partitioner.CRC32, 40), 6)
    assert "only 40% of the keys are where librdkafka's default" in text


# purge


async def _purging(
    cluster: FakeCluster, topics: list[str], use: Callable[[PurgeDialog], Coroutine[None, None, None]]
) -> bool:
    task = asyncio.create_task(purge(None, await _loaded(cluster), topics))
    dialog = await dialog_of(PurgeDialog)
    assert isinstance(dialog, PurgeDialog)
    try:
        await use(dialog)
    except BaseException:
        task.cancel()
        raise
    return await task


def test_everything_is_purged(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def use(dialog: PurgeDialog) -> None:
        await until(dialog.action.isEnabled)
        assert dialog.summary.text() == "At most 90 records of 3 partitions are deleted."
        click(dialog.action)
        await confirmed()

    ends = {source: len(log) for source, log in cluster.logs.items() if source.topic == "orders"}
    assert qtloop.run(_purging(cluster, ["orders", "a_b"], use))
    assert cluster.applied == [PurgeRecords(ends)]


def test_a_place_that_is_typed_is_looked_up(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def use(dialog: PurgeDialog) -> None:
        await until(dialog.action.isEnabled)
        dialog.keep.setCurrentIndex(dialog.keep.count() - 1)
        assert not dialog.action.isEnabled()  # at once: it would still purge everything
        dialog.place.setText("nonsense")
        await until(lambda: "no place" in dialog.field.message.text())
        dialog.place.setText("1:4")
        await until(dialog.action.isEnabled)
        assert dialog.summary.text() == "At most 4 records of 1 partition are deleted."
        dialog.place.setText("1970-01-01T00:00:30")
        assert not dialog.action.isEnabled()
        await until(lambda: dialog.summary.text() == "At most 30 records of 3 partitions are deleted.")
        dialog.place.setText("1:4")
        await until(lambda: "At most 4" in dialog.summary.text())
        click(dialog.action)
        await confirmed()

    assert qtloop.run(_purging(cluster, ["orders"], use))
    assert cluster.applied == [PurgeRecords({TopicPartition("orders", 1): 4})]


def test_a_compacted_topic_is_not_purged(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    cluster.configs["orders"]["cleanup.policy"] = ConfigEntry("cleanup.policy", "compact", False, False, False)

    async def use(dialog: PurgeDialog) -> None:
        await until(dialog.trouble.isVisible)
        assert "orders is only compacted" in dialog.trouble.text()
        assert not dialog.summary.text().strip()
        assert not dialog.action.isEnabled()
        dialog.reject()

    assert not qtloop.run(_purging(cluster, ["orders"], use))


def test_a_compacted_topic_among_others_is_left_out(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    cluster.configs["a_b"]["cleanup.policy"] = ConfigEntry("cleanup.policy", "compact", False, False, False)

    async def use(dialog: PurgeDialog) -> None:
        await until(dialog.action.isEnabled)
        assert dialog.summary.text().endswith("a_b is only compacted and left out.")
        click(dialog.action)
        await confirmed()

    assert qtloop.run(_purging(cluster, ["orders", "a_b"], use))
    (change,) = cluster.applied
    assert isinstance(change, PurgeRecords)
    assert {source.topic for source in change.before} == {"orders"}


def test_a_partition_that_is_down_stays(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    cluster.broken[TopicPartition("orders", 2)] = Failure(FailureKind.UNREACHABLE, "No leader.")

    async def use(dialog: PurgeDialog) -> None:
        await until(dialog.action.isEnabled)
        assert "1 could not be looked up and stays" in dialog.summary.text()
        click(dialog.action)
        await confirmed()

    qtloop.run(_purging(cluster, ["orders"], use))
    (change,) = cluster.applied
    assert isinstance(change, PurgeRecords)
    assert {source.partition for source in change.before} == {0, 1}


# reassign


async def _reassigning(cluster: FakeCluster, use: Callable[[ReassignDialog], Coroutine[None, None, None]]) -> None:
    task = asyncio.create_task(reassign(None, await _loaded(cluster), ["orders"]))
    dialog = await dialog_of(ReassignDialog)
    assert isinstance(dialog, ReassignDialog)
    try:
        await use(dialog)
        dialog.reject()
    except BaseException:
        task.cancel()
        raise
    await task


def _button(dialog: ReassignDialog, text: str) -> None:
    click(next(each for each in dialog.findChildren(type(dialog.action)) if each.text() == text))


def test_a_balanced_plan_is_carried_out(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    size = {TopicPartition("orders", number): ReplicaSize(1_000_000, 0) for number in range(3)}
    cluster.disks = {1: (LogDir("/data", size),)}

    async def use(dialog: ReassignDialog) -> None:
        assert not dialog.action.isEnabled()
        _button(dialog, "Balance over brokers")
        await until(lambda: "2 copies of about 2.0 MB" in dialog.summary.text())
        click(dialog.action)
        await confirmed()
        await until(lambda: "no change is planned" in dialog.summary.text())

    qtloop.run(_reassigning(cluster, use))
    (change,) = cluster.applied
    assert isinstance(change, Reassign)
    placed = [cluster.placed[TopicPartition("orders", number)].replicas for number in range(3)]
    assert sorted(replicas[0] for replicas in placed) == [1, 2, 3]
    assert sorted(broker for replicas in placed for broker in replicas) == [1, 1, 2, 2, 3, 3]


def test_the_replication_factor_is_changed_with_chosen_brokers(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def use(dialog: ReassignDialog) -> None:
        dialog.factor.setValue(3)
        _button(dialog, "Set replication factor")
        assert "3 copies" in dialog.summary.text()
        dialog.brokers.setText("1, 9")
        _button(dialog, "Set replication factor")
        assert "no broker 9" in dialog.broker_field.message.text()
        dialog.brokers.setText("2, 3")
        _button(dialog, "Balance over brokers")
        assert "A replication factor of 3 is not possible with 2 brokers" in dialog.trouble.text()
        dialog.factor.setValue(1)
        _button(dialog, "Set replication factor")
        click(dialog.action)
        await confirmed()

    qtloop.run(_reassigning(cluster, use))
    assert cluster.applied == [Reassign({TopicPartition("orders", number): (2,) for number in range(3)})]


def test_one_partition_is_planned_by_hand(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def use(dialog: ReassignDialog) -> None:
        cell = dialog.plan.index(1, PLANNED)
        assert not dialog.plan.setData(cell, "3, 3")
        assert not dialog.plan.setData(cell, "three")
        dialog.plan.setData(cell, "7")
        assert "no broker 7" in dialog.trouble.text()
        assert not dialog.action.isEnabled()
        assert dialog.plan.setData(cell, "3,1")
        assert cell.data() == "3, 1"
        assert dialog.action.isEnabled()
        _button(dialog, "As it is now")
        assert not dialog.action.isEnabled()

    qtloop.run(_reassigning(cluster, use))


def test_moves_are_watched_and_can_be_cancelled(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    sources = [TopicPartition("orders", number) for number in range(2)]
    cluster.moves = dict.fromkeys(sources, Reassignment((1, 2, 3), (3,), (1,)))

    async def use(dialog: ReassignDialog) -> None:
        await until(dialog.progress.isVisible)
        assert dialog.summary.text() == "2 of 3 partitions are being moved."
        assert dialog.plan.index(0, 3).data() == "moving to 3, leaves 1"
        del cluster.moves[sources[0]]
        await until(lambda: dialog.summary.text() == "1 of 3 partitions are being moved.")
        assert (dialog.progress.value(), dialog.progress.maximum()) == (1, 2)
        click(dialog.stop)
        await confirmed()
        await until(lambda: not dialog.progress.isVisible())

    qtloop.run(_reassigning(cluster, use))
    assert cluster.applied == [Reassign({sources[1]: None})]


def test_brokers_that_still_tell_the_old_replicas_are_asked_again(
    qtloop: LoopRunner, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kexplorer.ui.dialogs.reassign._LOOK_EVERY", 0.05)
    told, in_a_move = cluster.metadata, True

    async def metadata() -> ClusterMetadata:
        seen = await told()
        moving = tuple(replace(part, replicas=(1, 2, 9)) for part in seen.topics[-1].partitions)
        return replace(seen, topics=(replace(seen.topics[-1], partitions=moving),)) if in_a_move else seen

    async def use(dialog: ReassignDialog) -> None:
        nonlocal in_a_move
        dialog.factor.setValue(3)
        _button(dialog, "Set replication factor")
        monkeypatch.setattr(cluster, "metadata", metadata)
        click(dialog.action)
        await confirmed()
        await until(lambda: dialog.plan.index(0, 1).data() == "1, 2, 9")
        in_a_move = False
        await until(lambda: dialog.plan.index(0, 1).data() == "1, 2, 3")
        await until(lambda: not dialog.tasks.running("watch"))
        assert "no change is planned" in dialog.summary.text()

    qtloop.run(_reassigning(cluster, use))


def test_a_plan_that_is_refused_stays_to_be_corrected(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    cluster.refused = {f"orders-{number}": Failure(FailureKind.REFUSED, "Not now.") for number in range(3)}

    async def use(dialog: ReassignDialog) -> None:
        dialog.factor.setValue(3)
        _button(dialog, "Set replication factor")
        click(dialog.action)
        await confirmed()
        QTest.keyClick(await dialog_of(ChangeDialog), Qt.Key.Key_Escape)
        await until(lambda: QApplication.activeModalWidget() is dialog and not dialog.tasks.running("submit"))
        assert "3 copies" in dialog.summary.text()
        assert dialog.action.isEnabled()

    qtloop.run(_reassigning(cluster, use))
    assert cluster.applied == []


def test_brokers_that_tell_no_moves_are_no_hindrance(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    cluster.failures["reassignments"] = Failure(FailureKind.UNSUPPORTED, "The brokers are too old.")

    async def use(dialog: ReassignDialog) -> None:
        await until(dialog.trouble.isVisible)
        _button(dialog, "Balance over brokers")
        assert not dialog.trouble.isVisible()
        assert dialog.action.isEnabled()

    qtloop.run(_reassigning(cluster, use))


# configuration of several


def test_several_topics_are_configured_with_one_question(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def run() -> bool:
        task = asyncio.create_task(alter_topics(None, await _loaded(cluster), ["orders", "a_b"]))
        dialog = await dialog_of(AlterTopicsDialog)
        assert isinstance(dialog, AlterTopicsDialog)
        assert not dialog.action.isEnabled()
        dialog.settings.set_properties({"retention.ms": "5000"})
        dialog.resets.setText("segment.ms, nothing")
        assert "no topic setting “nothing”" in dialog.reset_field.message.text()
        dialog.resets.setText("retention.ms")
        assert "is set above" in dialog.reset_field.message.text()
        assert not dialog.action.isEnabled()
        dialog.resets.setText("segment.ms,")
        click(dialog.action)
        cluster.refused["topic a_b"] = Failure(FailureKind.AUTHORIZATION, "You may not alter a_b.")
        assert "2 changes: orders; a_b" in (await confirmed())[0]
        question = await dialog_of(ChangeDialog)
        assert isinstance(question, ChangeDialog)
        assert question.said.text() == "1 of 2 done."
        QTest.keyClick(question, Qt.Key.Key_Escape)
        await until(lambda: QApplication.activeModalWidget() is dialog and not dialog.tasks.running("submit"))
        cluster.refused.clear()
        click(dialog.action)  # goes on with what is left
        assert "the topic a_b" in (await confirmed())[0]
        return await task

    assert qtloop.run(run())
    changes = [
        AlterConfig(ResourceKind.TOPIC, name, {"retention.ms": "5000"}, ("segment.ms",)) for name in ("orders", "a_b")
    ]
    assert cluster.applied == changes


# compare


def test_topics_of_two_clusters_are_compared(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    lab = FakeCluster("lab")
    lab.add_topic("orders", 1, retention_ms="1000", cleanup_policy="compact")
    sessions = {"shop": session_on(cluster), "lab": session_on(lab)}

    async def shop() -> Session:
        return sessions["shop"]

    async def other() -> Session:
        return sessions["lab"]

    async def run() -> None:
        task = asyncio.create_task(compare_topics(None, "shop", ["orders"], {"shop": shop, "lab": other}))
        dialog = await dialog_of(CompareTopicsDialog)
        assert isinstance(dialog, CompareTopicsDialog)
        assert dialog.told.text() == "Choose the second topic."
        dialog.sides[1].cluster.setCurrentText("lab")
        dialog.sides[1].topic.setCurrentText("orders")
        await until(lambda: dialog.differences.rowCount() == 1)
        assert dialog.differences.index(0, 0).data() == "cleanup.policy"
        assert dialog.told.text() == "1 of 2 settings differ. Partitions: 3 and 1. Replication factor: 2 and 1."
        dialog.only.setChecked(False)
        assert dialog.differences.rowCount() == 2
        assert dialog.differences.index(1, 1).data() == "1000  (1 second)"
        dialog.sides[1].topic.setCurrentText("nothing")
        await until(lambda: dialog.strip.failure)
        assert dialog.differences.rowCount() == 0
        dialog.reject()
        await task

    qtloop.run(run())


# export


def test_a_definition_is_copied_and_saved(qtloop: LoopRunner, tmp_path: Path) -> None:
    async def run() -> None:
        dialog = DefinitionDialog(None, [CreateTopic("orders", 3, 2), CreateTopic("audit", 1, 1)], "h:9092")
        texts = {}
        for name, button in dialog.kinds.items():
            QTest.mouseClick(button, Qt.MouseButton.LeftButton)
            texts[name] = dialog.text.toPlainText()
            assert "orders" in texts[name]
            assert "audit" in texts[name]
        assert len(set(texts.values())) == 4
        click(dialog.copy)
        assert QGuiApplication.clipboard().text() == texts["Strimzi"]
        dialog.save_as(str(tmp_path / "topics.yaml"))
        assert (tmp_path / "topics.yaml").read_text() == texts["Strimzi"]
        dialog.save_as(str(tmp_path / "missing" / "topics.yaml"))
        assert "Not saved" in dialog.told.text()
        dialog.deleteLater()

    qtloop.run(run())


def test_a_topic_that_cannot_be_described_is_told(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def run() -> None:
        with pytest.raises(Failure, match="no topic gone"):
            await add_partitions(None, await _loaded(cluster), ["gone"])

    qtloop.run(run())
