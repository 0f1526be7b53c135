"""ACLs, SCRAM users and quotas: listed, filtered, made and deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from kexplorer.model.access import (
    Acl,
    AclOperation,
    AclResource,
    PatternType,
    Permission,
    QuotaEntity,
    ScramMechanism,
)
from kexplorer.model.changes import AlterQuota, CreateAcls, DeleteAcls, DeleteScram, SetScram
from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.services.sessions import Sessions
from kexplorer.ui.dialogs.change_dialog import ChangeDialog
from kexplorer.ui.dialogs.new_acl import NewAclDialog
from kexplorer.ui.dialogs.new_quota import QuotaDialog
from kexplorer.ui.dialogs.new_scram_user import ScramDialog
from kexplorer.ui.panels.access import AccessPanel
from kexplorer.ui.panels.access_tab import AccessTab
from tests.kafka import direct
from tests.rig.kafka import KafkaCluster
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.services.memory_audit import MemoryAudit

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform tells of every dialog
W = TypeVar("W", bound=QWidget)

READ = Acl("User:alice", AclResource.TOPIC, "orders", AclOperation.READ)
DENIED = Acl("User:mallory", AclResource.TOPIC, "pay", AclOperation.ALL, Permission.DENY, PatternType.PREFIXED)
ALICE, BY_DEFAULT = QuotaEntity(user="alice"), QuotaEntity(client_id="")


@pytest.fixture(autouse=True)
def _dialogs_are_made(heartbeat: Heartbeat) -> None:
    heartbeat.allow(350, "a dialog is made in it, on two cores that others use too")


@asynccontextmanager
async def _opened(cluster: Cluster, tab: str) -> AsyncIterator[AccessTab]:
    async def connect(_: str) -> Cluster:
        return cluster

    sessions = Sessions(connect, MemoryAudit())
    panel = AccessPanel(cluster.profile, lambda: sessions.open("shop"))
    panel.restore_state({"tab": tab})
    panel.resize(1100, 600)
    panel.show()
    try:
        await until(lambda: not panel.current.tasks.running("read"))
        yield panel.current
    finally:
        await panel.close_panel()
        panel.deleteLater()


def _shop() -> FakeCluster:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders")
    cluster.held_acls = {READ, DENIED}
    cluster.held_users = {"alice": {ScramMechanism.SHA_256: 4096, ScramMechanism.SHA_512: 8192}}
    cluster.held_quotas = {ALICE: {"producer_byte_rate": 1e6, "request_percentage": 50.0}}
    return cluster


def _click(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


async def _dialog(kind: type[W]) -> W:
    found = await until(lambda: isinstance(QApplication.activeModalWidget(), kind) and QApplication.activeModalWidget())
    assert isinstance(found, kind)
    return found


async def _confirm(tab: AccessTab) -> None:
    dialog = await _dialog(ChangeDialog)
    await until(lambda: dialog.preview)
    _click(dialog.action)
    await until(lambda: not tab.tasks.running("change") and not tab.tasks.running("read"))


def _shown(tab: AccessTab) -> list[str]:
    model = tab.model
    rows = ([column.text(model.row(n)) for column in model.columns] for n in range(model.rowCount()))
    return [" ".join(texts).strip() for texts in rows]


def test_acls_are_listed_and_filtered_by_any_words(qtbot: QtBot, qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with _opened(_shop(), "acls") as tab:
            assert _shown(tab) == [
                "User:alice Allow Read Topic orders Literal any",
                "User:mallory Deny All Topic pay… Prefixed any",
            ]
            tab.filter.setText("topic deny")
            await until(lambda: tab.counted.text() == "1 of 2 ACLs")
            tab.filter.setText("nobody")
            await until(tab.empty.isVisible)
            assert "No ACL has that in it." in tab.empty.text
            tab.empty.action_requested.emit()
            assert tab.counted.text() == "2 ACLs"

    qtloop.run(look())


def test_acls_are_deleted_together(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster, "acls") as tab:
            assert not tab.delete.isEnabled()
            tab.table.selectAll()
            assert tab.delete.text() == "Delete 2…"
            _click(tab.delete)
            await _confirm(tab)
            assert cluster.applied == [DeleteAcls((READ, DENIED))]
            assert "There are no ACLs yet." in tab.empty.text

    qtloop.run(look())


def test_what_a_consumer_needs_is_made_at_once(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster, "acls") as tab:
            _click(tab.new)
            dialog = await _dialog(NewAclDialog)
            dialog.purpose.setCurrentText("a consumer")
            for line, text in ((dialog.principal, "bob"), (dialog.name, "orders"), (dialog.group, "billing")):
                assert not dialog.action.isEnabled()
                line.setText(text)
            assert "User:alice" in dialog.outcome.text()  # how a principal is written
            assert not dialog.action.isEnabled()
            dialog.principal.setText("User:bob")
            _click(dialog.action)
            await _confirm(tab)
            assert len(_shown(tab)) == 5

    qtloop.run(look())
    wanted = ((AclResource.TOPIC, "orders", "Read"), (AclResource.TOPIC, "orders", "Describe"))
    acls = [Acl("User:bob", kind, name, AclOperation(each)) for kind, name, each in wanted]
    assert cluster.applied == [CreateAcls((*acls, Acl("User:bob", AclResource.GROUP, "billing", AclOperation.READ)))]


def test_only_operations_that_a_resource_knows_are_made(qtbot: QtBot, qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with _opened(_shop(), "acls") as tab:
            tab.table.selectRow(0)
            _click(tab.edit)
            dialog = await _dialog(NewAclDialog)
            assert dialog.acls == (READ,)
            dialog.resource.setCurrentText("TransactionalId")
            assert "No operation is chosen." in dialog.outcome.text()
            dialog.resource.setCurrentText("Cluster")
            dialog.operations[AclOperation.ALTER].setChecked(True)
            assert dialog.acls == (
                replace(READ, resource=AclResource.CLUSTER, name="kafka-cluster", operation=AclOperation.ALTER),
            )
            dialog.operations[AclOperation.ALL].setChecked(True)
            assert [acl.operation for acl in dialog.acls] == [AclOperation.ALL]
            dialog.reject()
            await until(lambda: not tab.tasks.running("change"))

    qtloop.run(look())


def test_a_password_is_set(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster, "scram") as tab:
            assert [text[:25] for text in _shown(tab)] == ["alice SCRAM-SHA-256 4,096", "alice SCRAM-SHA-512 8,192"]
            tab.table.selectRow(0)
            _click(tab.edit)
            dialog = await _dialog(ScramDialog)
            assert not dialog.action.isEnabled()
            dialog.password.setText("new-secret")
            _click(dialog.action)
            await _confirm(tab)

    qtloop.run(look())
    assert cluster.applied == [SetScram("alice", ScramMechanism.SHA_256, "new-secret", 8192)]


def test_several_users_are_deleted_with_one_question(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster, "scram") as tab:
            tab.table.selectAll()
            _click(tab.delete)
            await _confirm(tab)
            assert _shown(tab) == []

    qtloop.run(look())
    assert cluster.applied == [DeleteScram("alice", mechanism) for mechanism in ScramMechanism]


def test_a_quota_sends_only_what_changed(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()

    async def look() -> None:
        async with _opened(cluster, "quotas") as tab:
            assert _shown(tab)[0].split() == ["alice", "1.0", "MB/s", "50", "%"]
            tab.table.selectRow(0)
            _click(tab.edit)
            dialog = await _dialog(QuotaDialog)
            assert not dialog.action.isEnabled()
            dialog.lines["consumer_byte_rate"].setText("2,000,000")
            dialog.lines["request_percentage"].clear()
            _click(dialog.action)
            await _confirm(tab)

    qtloop.run(look())
    assert cluster.applied == [AlterQuota(ALICE, {"consumer_byte_rate": 2e6}, ("request_percentage",))]


def test_a_quota_is_for_somebody_and_above_zero(qtbot: QtBot, qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with _opened(_shop(), "quotas") as tab:
            _click(tab.new)
            dialog = await _dialog(QuotaDialog)
            rate = dialog.lines["producer_byte_rate"]
            rate.setText("10")
            assert "for a user, a client or an address" in dialog.problem.text()
            dialog.client.choice.setCurrentIndex(1)
            assert dialog.change == AlterQuota(BY_DEFAULT, {"producer_byte_rate": 10.0})
            for wrong in ("0", "-1", "much", "nan", "inf"):
                rate.setText(wrong)
                assert not dialog.action.isEnabled()
                assert "no number above zero" in dialog.problem.text()
            rate.setText("10")
            dialog.address.choice.setCurrentIndex(1)
            assert "An address has quotas of its own." in dialog.problem.text()
            dialog.reject()
            await until(lambda: not tab.tasks.running("change"))

    qtloop.run(look())


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (FailureKind.UNSUPPORTED, "This cluster has no ACLs to show."),
        (FailureKind.AUTHORIZATION, "You may not see the ACLs."),
    ],
)
def test_a_cluster_that_has_or_tells_none(qtbot: QtBot, qtloop: LoopRunner, kind: FailureKind, sentence: str) -> None:
    cluster = _shop()
    cluster.failures["acls"] = Failure(kind, "The broker says so.", "Ask it.")

    async def look() -> None:
        async with _opened(cluster, "acls") as tab:
            assert tab.empty.text == f"{sentence} The broker says so. Ask it."
            assert not tab.new.isEnabled()
            assert tab.strip.failure is None

    qtloop.run(look())


def test_a_read_only_connection_changes_nothing(qtbot: QtBot, qtloop: LoopRunner) -> None:
    cluster = _shop()
    cluster.profile = replace(cluster.profile, read_only=True)

    async def look() -> None:
        async with _opened(cluster, "acls") as tab:
            tab.table.selectAll()
            for button in (tab.new, tab.edit, tab.delete):
                assert not button.isEnabled()
                assert button.toolTip() == "This connection is read-only."

    qtloop.run(look())


def test_on_kafka(qtbot: QtBot, qtloop: LoopRunner, kafka: KafkaCluster, topic_name: str) -> None:
    """Of a topic that nobody else uses: one ACL is made and deleted."""

    async def look() -> None:
        async with direct.connected(kafka.bootstrap()) as cluster, _opened(cluster, "acls") as tab:
            _click(tab.new)
            dialog = await _dialog(NewAclDialog)
            dialog.principal.setText("User:nobody")
            dialog.name.setText(topic_name)
            dialog.operations[AclOperation.READ].setChecked(True)
            _click(dialog.action)
            await _confirm(tab)
            assert f"User:nobody Allow Read Topic {topic_name} Literal any" in _shown(tab)
            tab.filter.setText(topic_name)
            await until(lambda: tab.model.rowCount() == 1)
            tab.table.selectRow(0)
            _click(tab.delete)
            await _confirm(tab)
            assert not any(topic_name in row for row in _shown(tab))

    qtloop.run(look())


def test_without_an_authorizer(qtbot: QtBot, qtloop: LoopRunner, kafka3: KafkaCluster) -> None:
    async def look() -> None:
        async with direct.connected(kafka3.bootstrap()) as cluster, _opened(cluster, "acls") as tab:
            assert "This cluster has no ACLs to show." in tab.empty.text
            assert "authorizer" in tab.empty.text

    qtloop.run(look())
