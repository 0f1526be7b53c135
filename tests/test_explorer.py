"""The whole program in one process: window, services and a real broker."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from PySide6.QtWidgets import QApplication, QWidget

from kexplorer import app
from kexplorer.explorer import DEMO, Explorer
from kexplorer.kafka import checks, properties
from kexplorer.model.cluster import Link
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile, SaslMechanism, SecretRef, SecretStore, SecurityProtocol
from kexplorer.model.replay import Place, Plan, ReplaySource, ReplayTarget
from kexplorer.services.connections import Connections
from kexplorer.store.home import Home
from kexplorer.store.profiles import ProfileStore
from kexplorer.store.secrets import Secrets
from kexplorer.ui.models.cluster_tree import Section
from kexplorer.ui.panels.keys import messages_key, topics_key
from kexplorer.ui.panels.messages import MessagesPanel
from kexplorer.ui.panels.topics import TopicsPanel
from tests.kafka import direct
from tests.kafka.direct import Sent
from tests.registry.server import FakeRegistry, Running
from tests.rig.brokers import Broker
from tests.rig.kafka import KafkaCluster as Rig
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.properties import USERS
from tests.rig.waiting import until


@pytest.fixture(scope="module", autouse=True)
def _client() -> None:
    app._import_client()  # as the program has by the time that somebody clicks


@asynccontextmanager
async def _running(home: Path, *profiles: Profile, watch: Heartbeat | None = None) -> AsyncIterator[Explorer]:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    store = ProfileStore(home / "clusters.toml")
    for profile in profiles:
        store.add(profile)
    connections = Connections(
        store,
        Secrets(),
        connector=app._connect,
        probe=app._probe,
        checks=checks,
        check_property=properties.check_property,
    )
    explorer = Explorer(
        application,
        connections,
        Home(home),
        app._start_demo,
        app.OPENERS,
        app._versions,
    )
    async with explorer:
        await asyncio.sleep(0.1)
        if watch:
            watch.begin()
            watch.allow(max(watch.limit, 400), "tabs are made in it, on two cores that a broker starts on")
        yield explorer
    explorer.window.deleteLater()


def _current(explorer: Explorer, kind: type) -> object:
    current = explorer.window.workspace.current()
    return current if isinstance(current, kind) else None


def test_the_topics_are_those_of_the_broker(
    qtloop: LoopRunner, heartbeat: Heartbeat, broker: Broker, topic_name: str, tmp_path: Path
) -> None:
    direct.create(broker.bootstrap, topic_name, 2)
    theirs = AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics(timeout=20).topics.values()

    async def look() -> None:
        async with _running(tmp_path, Profile("local", broker.bootstrap), watch=heartbeat) as explorer:
            assert explorer.window.workspace.panels() == []
            explorer.connect("local")
            panel = explorer.window.workspace.current()
            assert isinstance(panel, TopicsPanel)
            panel.show_internal(True)
            await until(lambda: panel.complete)
            shown = {row.topic.name: len(row.topic.partitions) for row in panel.rows()}
            assert shown == {topic.topic: len(topic.partitions) for topic in theirs}
            await until(lambda: explorer.window.tree.model.topics("local"))
            assert topic_name in explorer.window.tree.model.topics("local")
            state = explorer.window.tree.model.state("local")
            assert state is not None
            await until(lambda: explorer.window.tree.model.state("local").link == Link.UP)  # type: ignore[union-attr]

    qtloop.run(look())


def test_tabs_come_back_at_the_next_start(
    qtloop: LoopRunner, heartbeat: Heartbeat, broker: Broker, topic_name: str, tmp_path: Path
) -> None:
    heartbeat.allow(1500, "the theme changes, and the window is made a second time")
    direct.create(broker.bootstrap, topic_name, 2)
    keys = [topics_key("a/b"), messages_key("a/b", topic_name)]

    async def look() -> None:
        async with _running(tmp_path, Profile("a/b", broker.bootstrap), watch=heartbeat) as explorer:
            explorer.open_section("a/b", Section.TOPICS)
            explorer.open_topic("a/b", topic_name)
            explorer.set_theme("dark")
        async with _running(tmp_path, watch=heartbeat) as explorer:
            assert [panel.key for panel in explorer.window.workspace.panels()] == keys
            panel = _current(explorer, MessagesPanel)
            assert isinstance(panel, MessagesPanel)
            await until(lambda: panel.status_text == "0 offsets")

    qtloop.run(look())


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_a_polite_signal_ends_it_whatever_it_asks(qtloop: LoopRunner, tmp_path: Path, name: signal.Signals) -> None:
    async def look() -> None:
        before = signal.getsignal(name)
        async with _running(tmp_path, Profile("local", "127.0.0.1:1")) as explorer:
            explorer.views.plan("local", Plan("", ReplaySource(Place(), ("orders",)), ReplayTarget(Place(), {})))
            with app.signals_end(explorer):
                leaving = asyncio.create_task(explorer.until_closed())
                explorer.window.close()
                await until(QApplication.activeModalWidget)  # whether a plan that is not saved may be lost
                signal.raise_signal(name)
                await leaving
            assert QApplication.activeModalWidget() is None
            assert signal.getsignal(name) is before

    qtloop.run(look())


def test_a_disconnected_cluster_is_connected_again_on_request(
    qtloop: LoopRunner, heartbeat: Heartbeat, broker: Broker, topic_name: str, tmp_path: Path
) -> None:
    direct.create(broker.bootstrap, topic_name, 2)

    async def look() -> None:
        async with _running(tmp_path, Profile("local", broker.bootstrap), watch=heartbeat) as explorer:
            explorer.open_topic("local", topic_name)
            panel = _current(explorer, MessagesPanel)
            assert isinstance(panel, MessagesPanel)
            await until(lambda: panel.status_text == "0 offsets")
            explorer.disconnect("local")
            await until(lambda: panel.strip.failure)
            assert "disconnected" in str(panel.strip.failure)
            await until(lambda: explorer.window.tree.model.state("local") is None)
            panel.reload()
            await until(lambda: panel.status_text == "0 offsets")
            assert panel.strip.failure is None
            assert explorer.window.tree.model.state("local") is not None

    qtloop.run(look())


def test_a_registrys_password_that_was_wrong_can_be_given_again(
    qtloop: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct.create(broker.bootstrap, topic_name, 2)
    direct.produce(broker.bootstrap, topic_name, [Sent(-1, None, b"\x00\x00\x00\x00\x07\x54")])
    registry = FakeRegistry(authorization="Bearer right")
    registry.add(7, '"long"')
    answers = ["right", "wrong"]

    async def answer(_parent: object, what: str) -> str:
        assert what == "Schema Registry password of “local”"
        return answers.pop()

    monkeypatch.setattr("kexplorer.clusters.ask_secret", answer)

    async def look() -> None:
        ask = SecretRef(SecretStore.ASK, "")
        profile = Profile("local", broker.bootstrap, registry_url=registry.url, registry_password=ask)
        async with _running(tmp_path, profile) as explorer:
            explorer.open_topic("local", topic_name)
            panel = _current(explorer, MessagesPanel)
            assert isinstance(panel, MessagesPanel)
            await until(lambda: panel.rows)
            panel.select_newest()
            await until(lambda: "answered 401" in panel.inspector.value._about.whole)
            explorer.disconnect("local")
            await until(lambda: not explorer.tasks.running("disconnect local"))
            panel.reload()
            await until(lambda: explorer.clusters.sessions.get("local") and not panel._loading)
            panel.select_newest()
            await until(lambda: "Avro by Schema Registry id 7" in panel.inspector.value._about.whole)

    with Running(registry):
        qtloop.run(look())


@pytest.mark.expect_log("registry.example is not https")
def test_a_registry_that_cannot_be_used_is_told_and_the_topics_are_shown(
    qtloop: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct.create(broker.bootstrap, topic_name, 2)

    async def look() -> None:
        profile = Profile("local", broker.bootstrap, registry_url="http://registry.example")
        async with _running(tmp_path, profile) as explorer:
            told: list[Failure] = []
            monkeypatch.setattr(explorer.window, "show_failure", told.append)
            explorer.connect("local")
            await until(lambda: topic_name in (explorer.window.tree.model.topics("local") or ()))
            assert ["not https" in str(failure) for failure in told] == [True]

    qtloop.run(look())


def test_a_wrong_port_is_told_with_its_cause(qtloop: LoopRunner, heartbeat: Heartbeat, tmp_path: Path) -> None:
    async def look() -> None:
        async with _running(tmp_path, Profile("nobody", "127.0.0.1:1"), watch=heartbeat) as explorer:
            explorer.connect("nobody")
            panel = explorer.window.workspace.current()
            assert isinstance(panel, TopicsPanel)

            def down() -> bool:
                state = explorer.window.tree.model.state("nobody")
                return state is not None and state.link == Link.DOWN and "refused" in state.reason

            await until(down)
            await until(lambda: panel.strip.failure)
            assert "127.0.0.1:1" in str(panel.strip.failure)
            assert "refused" in str(panel.strip.failure)

    qtloop.run(look())


def test_a_refused_password_is_asked_for_again(
    qtloop: LoopRunner, heartbeat: Heartbeat, kafka: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heartbeat.allow(400, "clients that are refused start their handshakes again and again on the same two cores")
    answers = ["wrong-secret", USERS["alice"]]

    async def answer(_: QWidget, what: str) -> str | None:
        assert "alice-login" in what
        return answers.pop(0)

    monkeypatch.setattr("kexplorer.clusters.ask_secret", answer)
    profile = Profile(
        "alice-login",
        kafka.bootstrap("SASL_PLAINTEXT"),
        security_protocol=SecurityProtocol.SASL_PLAINTEXT,
        sasl_mechanism=SaslMechanism.SCRAM_SHA_256,
        username="alice",
        password=SecretRef.parse("ask:"),
    )

    async def look() -> None:
        async with _running(tmp_path, profile, watch=heartbeat) as explorer:
            explorer.connect("alice-login")
            panel = explorer.window.workspace.current()
            assert isinstance(panel, TopicsPanel)
            await until(lambda: panel.strip.failure)
            assert "Authentication failed" in str(panel.strip.failure)
            await until(lambda: explorer.clusters.sessions.get("alice-login") is None)
            panel.strip.retry_requested.emit()
            await until(lambda: panel.complete)
            assert answers == []
            assert panel.strip.failure is None

    qtloop.run(look())


def test_the_demo_opens_with_its_orders_streaming(qtloop: LoopRunner, heartbeat: Heartbeat, tmp_path: Path) -> None:
    heartbeat.allow(400, "the shop seeds its topics on the same two cores")

    async def look() -> None:
        async with _running(tmp_path, watch=heartbeat) as explorer:
            explorer.open_demo()
            await until(lambda: _current(explorer, MessagesPanel))
            panel = _current(explorer, MessagesPanel)
            assert isinstance(panel, MessagesPanel)
            assert panel.topics == ("orders",)
            await until(lambda: panel.rows)
            before = panel.received
            await until(lambda: panel.received > before)
            assert [profile.name for profile in explorer.window.tree.model.profiles()] == [DEMO]
        async with _running(
            tmp_path, watch=heartbeat
        ) as explorer:  # the next start has no demo, and so none of its tabs
            assert explorer.window.workspace.panels() == []

    qtloop.run(look())


@pytest.mark.expect_log("Unexpected error")
def test_an_error_in_our_own_code_is_shown_and_logged(
    qtloop: LoopRunner, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def look() -> None:
        async with _running(tmp_path) as explorer:

            async def broken() -> None:
                raise ZeroDivisionError("a <b>mistake</b>")

            explorer.tasks.start("broken", broken())
            await asyncio.sleep(0.1)
            assert explorer.window.strip.failure is not None
            assert "a <b>mistake</b>" in explorer.window.strip.failure.message

    with caplog.at_level(logging.ERROR):
        qtloop.run(look())
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.slow
def test_closing_takes_less_than_three_seconds_while_every_broker_is_frozen(
    qtloop: LoopRunner, heartbeat: Heartbeat, kafka: Rig, topic_name: str, tmp_path: Path
) -> None:
    direct.create(kafka.bootstrap(), topic_name, 2)

    async def look() -> float:
        async with _running(tmp_path, Profile("local", kafka.bootstrap()), watch=heartbeat) as explorer:
            explorer.open_section("local", Section.TOPICS)
            explorer.open_topic("local", topic_name)
            panel = _current(explorer, MessagesPanel)
            assert isinstance(panel, MessagesPanel)
            await until(lambda: panel.status_text == "0 offsets")
            panel.follow()
            kafka.node(1).freeze()
            explorer.refresh("local")
            panel.reload()
            await asyncio.sleep(1)
            explorer.window.close()
            assert explorer.window.closed.is_set()
            began = time.monotonic()
        return time.monotonic() - began

    try:
        assert qtloop.run(look()) < 3
    finally:
        kafka.node(1).thaw()


def test_every_shortcut_has_one_action(qtloop: LoopRunner, broker: Broker, topic_name: str, tmp_path: Path) -> None:
    direct.create(broker.bootstrap, topic_name, 2)

    async def look() -> None:
        async with _running(tmp_path, Profile("local", broker.bootstrap)) as explorer:
            for key in (topics_key("local"), messages_key("local", topic_name)):
                explorer.window.workspace.open(key)
                actions = [action for _, actions in explorer.window.menus.sections() for action in actions]
                shortcuts = [each.toString() for action in actions for each in action.shortcuts()]
                assert len(shortcuts) == len(set(shortcuts))
                assert all(action.shortcuts() for action in actions)

    qtloop.run(look())
