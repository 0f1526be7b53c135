"""The doctor's panel, as a person uses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Member
from kexplorer.model.topics import Broker, TopicPartition
from kexplorer.services.sessions import Session
from kexplorer.ui.panels import doctor
from kexplorer.ui.panels.doctor import DoctorPanel
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.ui.sessions import click, session_on

A = TopicPartition("orders", 0)
MEMBER = Member("m-1", "mailer", "/10.0.0.1", (A,))


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    monkeypatch.setitem(doctor._TIMES, "Watch for 10 s", 0.1)
    found = FakeCluster("shop")
    found.add_topic("orders")
    for number in range(10):
        found.add("orders", b"v", b"k%d" % number)
    found.commits = {"mail": {A: 10}, "late": {A: 4}}
    found.members = {"mail": (MEMBER,)}
    return found


@asynccontextmanager
async def _panel(cluster: FakeCluster, subject: str, shown: list[tuple[str, str]]) -> AsyncIterator[DoctorPanel]:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    cluster.brokers = (Broker(1, "127.0.0.1", server.sockets[0].getsockname()[1]),)

    async def connect() -> Session:
        if failure := cluster.failures.get("connect"):
            raise failure
        return session_on(cluster)

    async with server:
        panel = DoctorPanel(cluster.profile, subject, connect, lambda *where: shown.append(where))
        panel.resize(900, 600)
        panel.show()
        yield panel
        await panel.close_panel()
        panel.deleteLater()


def test_findings_lead_to_the_panel_that_mends_them(
    qtloop: LoopRunner, cluster: FakeCluster, heartbeat: Heartbeat
) -> None:
    shown: list[tuple[str, str]] = []

    async def use() -> None:
        async with _panel(cluster, "group:late", shown) as panel:
            assert panel.key == "doctor/shop/group%3Alate"
            assert panel.found.currentWidget() is panel.state
            await until(lambda: panel.done)
            assert panel.found.currentWidget() is panel.cards
            (card,) = panel.cards.cards
            assert (card.tone, card.word) == ("bad", "Problem")
            assert card.title == "Nobody reads for late"
            assert "lag: 6" in card.text
            click(panel.cards.findChildren(QPushButton)[0])
            assert shown == [("group", "late")]
            assert panel.told.text() == "1 finding. 18 checks."
            panel._copy.trigger()
            text = QGuiApplication.clipboard().text()
            assert "PROBLEM: Nobody reads for late." in text
            assert "ok  Committed offsets are within the log" in text

    qtloop.run(use())


def test_a_healthy_group_and_what_was_checked(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    async def use() -> None:
        async with _panel(cluster, "group:mail", []) as panel:
            await until(lambda: panel.done)
            assert panel.found.currentWidget() is panel.state
            assert panel.state.text == "Group mail is well 18 checks, and none of them found anything."
            assert not panel.fine.isVisible()
            panel.more.click()
            assert panel.fine.isVisible()
            assert "The group has members" in panel.fine.text()
            cluster.members = {}
            panel.panel_actions()[0].trigger()
            assert not panel.done
            await until(lambda: panel.done)
            assert [each.check for each in panel.findings] == ["no-members"]

    qtloop.run(use())


def test_what_cannot_be_looked_at_is_no_health(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    cluster.failures["open_reader"] = Failure(FailureKind.AUTHORIZATION, "You may not read orders.", "Ask for it.")

    async def use() -> None:
        async with _panel(cluster, "topic:orders", []) as panel:
            await until(lambda: panel.done)
            assert not panel.time.isVisible()
            assert {card.word for card in panel.cards.cards} == {"Not checked"}
            assert "You may not read orders." in panel.cards.cards[0].text
            assert "could not be made" in panel.told.text()

    qtloop.run(use())


def test_a_cluster_that_cannot_be_reached(qtloop: LoopRunner, cluster: FakeCluster) -> None:
    cluster.failures["connect"] = Failure(FailureKind.UNREACHABLE, "No broker answers.", "Start one.")

    async def use() -> None:
        async with _panel(cluster, "", []) as panel:
            await until(panel.strip.isVisible)
            assert panel.strip.failure is cluster.failures.pop("connect")
            assert "could not be examined" in panel.state.text
            panel.strip.retry_requested.emit()
            await until(lambda: panel.done)
            assert not panel.strip.isVisible()
            assert {each.check for each in panel.findings} <= {"abandoned"}

    qtloop.run(use())
