"""The panel of test consumers: what a person starts, sees and ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from kexplorer.model.changes import DeleteGroups
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.trial_consumer import Assigning, Commits, Event, Phase
from kexplorer.services.sessions import Session
from kexplorer.services.trial_consumer import PREFIX
from kexplorer.ui.dialogs.confirm import _Question
from kexplorer.ui.models.rows import RowsModel
from kexplorer.ui.panels.keys import consumer_key
from kexplorer.ui.panels.trial_consumer import TrialConsumerPanel
from kexplorer.ui.theme import Scheme, apply
from kexplorer.ui.widgets.trial_form import TrialForm
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.services.fake_trial import FakeJoining, with_group
from tests.services.memory_audit import MemoryAudit
from tests.ui.sessions import click, dialog_of, session_on

pytestmark = pytest.mark.usefixtures("qtbot")


class _Rig:
    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.cluster.add_topic("orders", 2)
        self.cluster.add_topic("payments")
        with_group(self.cluster, "billing", "orders")
        self.audit = MemoryAudit()
        self.join = FakeJoining(self.cluster)

    @asynccontextmanager
    async def panel(self, subject: str = "topic:orders") -> AsyncIterator[TrialConsumerPanel]:
        session = session_on(self.cluster)

        async def open_session() -> Session:
            return session

        panel = TrialConsumerPanel(self.cluster.profile, subject, open_session, self.join, self.audit)
        panel.resize(1100, 650)
        panel.show()
        await until(lambda: not panel.tasks.running("begin"))
        try:
            yield panel
        finally:
            await panel.close_panel()
            panel.deleteLater()


def _row(model: RowsModel[Any], row: int = 0) -> list[str]:
    return [str(model.index(row, column).data()) for column in range(model.columnCount())]


def test_a_consumer_in_a_group_of_its_own_needs_no_question(qtloop: LoopRunner) -> None:
    rig = _Rig()

    async def look() -> None:
        async with rig.panel() as panel:
            QAbstractItemModelTester(panel.consumers, QAbstractItemModelTester.FailureReportingMode.Fatal, panel)
            assert not panel.table.isVisibleTo(panel)  # it is said what to do
            panel.start.trigger()
            await until(panel.consumers.rowCount)
            assert panel.table.isVisibleTo(panel)
            group = rig.join.started[0].trial.group
            assert group.startswith(PREFIX)
            assert _row(panel.consumers) == ["kexplorer-test-1", "reading", "2", "14", "3", group]
            assert _row(panel.positions) == ["orders", "0", "7", "", "7", "k7"]
            assert _row(panel.events)[1:] == ["kexplorer-test-1", "assigned", "Got 2 partitions."]
            assert panel.why_stay() == "1 test consumer would leave the group."
            rig.join.started[0].tell(Event.LOST, "Lost orders-1.")
            await until(lambda: panel.events.rowCount() == 2)
        assert rig.join.started[0].state.phase is Phase.LEFT
        assert rig.cluster.applied == [DeleteGroups((group,))]
        assert panel.why_stay() == ""

    qtloop.run(look())


def test_it_is_paused_slowed_down_and_crashed(qtloop: LoopRunner) -> None:
    rig = _Rig()

    async def look() -> None:
        async with rig.panel() as panel:
            assert not panel.crash.isEnabled()
            panel.start.trigger()
            await until(panel.consumers.rowCount)
            consumer = rig.join.started[0]
            panel.pause.trigger()
            await until(lambda: panel.pause_button.text() == "Resume")
            panel.pause.trigger()
            await until(lambda: panel.pause_button.text() == "Pause")
            panel.delay.setValue(9.0)
            assert consumer.delay == 9.0
            panel.crash.trigger()
            await until(lambda: _row(panel.consumers)[1] == "crashed")
            assert not panel.crash.isEnabled()
            assert not panel.leave.isEnabled()
            assert rig.cluster.applied == []

    qtloop.run(look())


@pytest.mark.parametrize("answer", ["Join the group", "Cancel"])
def test_a_group_of_others_is_asked_for_and_offers_its_topics(qtloop: LoopRunner, answer: str) -> None:
    rig = _Rig()

    async def look() -> None:
        async with rig.panel("group:billing") as panel:
            assert panel.form.topics.text() == "orders"
            assert panel.form.group.currentText().startswith(PREFIX)
            assert not panel.form.warning.isVisible()
            panel.form.group.setCurrentText("billing")
            assert panel.form.warning.isVisible()
            panel.start.trigger()
            dialog = await dialog_of(_Question)
            buttons = {each.text(): each for each in dialog.findChildren(QPushButton)}
            assert rig.join.started == []
            click(buttons[answer])
            await until(lambda: not panel.tasks.running("Start a test consumer"))
            assert len(rig.join.started) == (answer != "Cancel")
            assert len(rig.audit.sent) == len(rig.join.started)
        assert rig.cluster.applied == []  # the group is not its own

    qtloop.run(look())


def test_in_production_the_group_of_others_is_typed(qtloop: LoopRunner) -> None:
    rig = _Rig()
    rig.cluster.profile = replace(rig.cluster.profile, production=True)

    async def look() -> None:
        async with rig.panel("group:billing") as panel:
            panel.form.group.setCurrentText("billing")
            panel.start.trigger()
            dialog = await dialog_of(_Question)
            assert isinstance(dialog, _Question)
            assert not dialog.action.isEnabled()
            dialog.line.setText("billing")
            click(dialog.action)
            await until(lambda: rig.join.started)

    qtloop.run(look())


def test_what_is_not_there_is_not_read(qtloop: LoopRunner) -> None:
    rig = _Rig()

    async def look() -> None:
        async with rig.panel() as panel:
            panel.form.topics.setText("orders, nothing")
            panel.start.trigger()
            await until(lambda: panel.strip.failure)
            assert "There is no topic nothing" in str(panel.strip.failure)
            assert rig.join.started == []
            panel.form.topics.setText(" , ")
            assert not panel.start.isEnabled()

    qtloop.run(look())


def test_a_read_only_connection_starts_nothing(qtloop: LoopRunner) -> None:
    rig = _Rig()
    rig.cluster.profile = replace(rig.cluster.profile, read_only=True)

    async def look() -> None:
        async with rig.panel() as panel:
            assert not panel.start.isEnabled()
            assert panel.start.toolTip() == "This connection is read-only."

    qtloop.run(look())


def test_what_could_not_join_is_told(qtloop: LoopRunner) -> None:
    rig = _Rig()
    rig.join.failure = Failure(FailureKind.INVALID, "max.poll.interval.ms is less than session.timeout.ms.")

    async def look() -> None:
        async with rig.panel() as panel:
            panel.start.trigger()
            await until(lambda: panel.strip.failure is rig.join.failure)

    qtloop.run(look())


def test_a_connection_that_is_closed_ends_its_consumers_and_another_start_begins_anew(qtloop: LoopRunner) -> None:
    rig = _Rig()

    async def look() -> None:
        async with rig.panel() as panel:
            panel.start.trigger()
            await until(panel.consumers.rowCount)
            await panel.tasks.close()
            assert rig.join.started[0].state.phase is Phase.LEFT
            panel.start.trigger()
            await until(lambda: panel.consumers.rowCount() == 2)
            assert rig.join.started[1].trial.client == "kexplorer-test-2"

    qtloop.run(look())


def test_the_group_of_the_chosen_consumer_can_be_opened(qtbot: QtBot, qtloop: LoopRunner) -> None:
    rig = _Rig()

    async def look() -> None:
        async with rig.panel() as panel:
            panel.start.trigger()
            await until(panel.consumers.rowCount)
            with qtbot.waitSignal(panel.group_wanted) as wanted:
                panel.show_group.trigger()
            assert wanted.args == [rig.join.started[0].trial.group]

    qtloop.run(look())


def test_the_form_says_what_is_started(qtbot: QtBot) -> None:
    form = TrialForm(["own", "billing"], ["orders"])
    qtbot.addWidget(form)
    form.topics.setText("orders , payments")
    form.assigning.setCurrentText("consumer protocol (KIP-848)")
    form.commits.setCurrentText("commits nothing")
    form.start.setCurrentText("from the latest record")
    form.instance.setText("pod-0")
    trial = form.trial()
    assert (trial.group, trial.topics) == ("own", ("orders", "payments"))
    assert (trial.assigning, trial.commits, trial.from_start) == (Assigning.CONSUMER, Commits.NONE, False)
    assert (trial.instance, trial.delay, trial.max_poll_interval) == ("pod-0", 0.01, 300.0)
    assert not form.session.isEnabled()
    assert form.group.findText("billing", Qt.MatchFlag.MatchExactly) == 1


def test_the_key_says_what_it_was_opened_for() -> None:
    assert consumer_key("my cluster", "group:a/b") == "consumer/my%20cluster/group%3Aa%2Fb"


def test_the_fields_of_the_form_are_equally_high(qapp: QApplication) -> None:
    apply(qapp, Scheme.LIGHT)
    form = TrialForm(["new"], ["orders"])
    form.resize(1000, form.sizeHint().height())
    form.show()
    form.adjustSize()
    assert {each.height() for each in (form.delay, form.poll, form.session)} == {form.instance.height()}
    assert form.instance.height() == form.instance.sizeHint().height()
    form.deleteLater()
