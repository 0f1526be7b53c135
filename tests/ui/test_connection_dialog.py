"""The connection dialog, driven as a person does, with the real service, a file and a keyring in memory."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton, QWidget

from kexplorer.kafka import checks, properties
from kexplorer.kafka.cluster import KafkaCluster as Gateway
from kexplorer.kafka.probe import probe
from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Credentials, Profile, SaslMechanism, SecretRef, SecretStore, SecurityProtocol
from kexplorer.services.connections import Connections
from kexplorer.store.profiles import ProfileStore
from kexplorer.store.secrets import Secrets
from kexplorer.ui.dialogs.confirm import ask_secret, confirm
from kexplorer.ui.dialogs.connection_dialog import ConnectionDialog, edit_profile
from kexplorer.ui.dialogs.import_connection import ImportConnectionDialog
from kexplorer.ui.dialogs.property_lines import parse_lines
from tests.rig.brokers import Broker
from tests.rig.kafka import KafkaCluster
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.properties import USERS
from tests.rig.waiting import until
from tests.store.keyrings import MemoryKeyring, installed

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform tells of every dialog
PLAIN = Profile("local", "localhost:9092")


async def connect(profile: Profile, credentials: Credentials) -> Cluster:
    return Gateway(profile, credentials)


@pytest.fixture
def ring() -> Iterator[MemoryKeyring]:
    backend = MemoryKeyring()
    with installed(backend):
        yield backend


@pytest.fixture
def connections(tmp_path: Path) -> Connections:
    return Connections(
        ProfileStore(tmp_path / "config" / "clusters.toml"),
        Secrets(),
        connector=connect,
        probe=probe,
        checks=checks,
        check_property=properties.check_property,
    )


async def _open(
    connections: Connections, profile: Profile | None
) -> tuple[ConnectionDialog, asyncio.Task[Profile | None]]:
    task = asyncio.create_task(edit_profile(None, connections, profile))
    dialog = await _modal()
    assert isinstance(dialog, ConnectionDialog)
    return dialog, task


def _click(button: QPushButton) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def _type(widget: QWidget, text: str) -> None:
    QTest.keyClicks(widget, text)


def _press(widget: QWidget, key: Qt.Key) -> None:
    QTest.keyClick(widget, key)


async def _modal() -> QWidget:
    await until(QApplication.activeModalWidget)
    found = QApplication.activeModalWidget()
    assert found is not None
    return found


def _choose(dialog: ConnectionDialog, protocol: SecurityProtocol) -> None:
    dialog.form.protocol.setCurrentIndex(dialog.form.protocol.findData(protocol))


def test_add_with_the_keyboard_alone(qtloop: LoopRunner, connections: Connections, heartbeat: Heartbeat) -> None:
    heartbeat.allow(350, "the dialog is made in it")

    async def add() -> Profile | None:
        dialog, task = await _open(connections, None)
        _type(dialog.form.name, "Local broker")
        _press(dialog.form.name, Qt.Key.Key_Tab)
        assert dialog.form.bootstrap.hasFocus()
        _type(dialog.form.bootstrap, "localhost:9092")
        _press(dialog.form.bootstrap, Qt.Key.Key_Return)
        return await task

    saved = qtloop.run(add())
    assert saved == Profile("Local broker", "localhost:9092")
    assert qtloop.run(connections.load()).profiles == (saved,)


def test_escape_changes_nothing(qtloop: LoopRunner, connections: Connections) -> None:
    async def cancel() -> Profile | None:
        dialog, task = await _open(connections, PLAIN)
        _type(dialog.form.name, "x")
        _press(dialog, Qt.Key.Key_Escape)
        return await task

    qtloop.run(connections.add(PLAIN))
    assert qtloop.run(cancel()) is None
    assert qtloop.run(connections.load()).profiles == (PLAIN,)


def test_everything_can_be_said_and_is_shown_again(
    qtloop: LoopRunner, connections: Connections, ring: MemoryKeyring, tmp_path: Path
) -> None:
    for name in ("ca", "cert", "key"):
        (tmp_path / name).write_text("PEM")

    async def fill() -> Profile | None:
        dialog, task = await _open(connections, None)
        form = dialog.form
        form.name.setText("Production <b>EU</b>")
        form.bootstrap.setText("a:1,[::1]:2")
        _choose(dialog, SecurityProtocol.SASL_SSL)
        form.mechanism.setCurrentIndex(form.mechanism.findData(SaslMechanism.PLAIN))
        form.username.setText("alice")
        _type(form.password.line, "s3cret")
        for field, name in ((form.ca_file, "ca"), (form.certificate_file, "cert"), (form.key_file, "key")):
            field.line.setText(str(tmp_path / name))
        form.key_password.place.setCurrentIndex(form.key_password.place.findData(SecretStore.ENVIRONMENT))
        form.key_password.line.setText("KEY_PASSWORD")
        form.colour.set_colour("violet")
        form.read_only.setChecked(True)
        form.production.setChecked(True)
        form.properties.editor.setPlainText("client.rack = a\n\nlinger.ms=5")
        _click(dialog.save_button)
        return await task

    async def look(saved: Profile) -> tuple[Profile, str]:
        dialog, task = await _open(connections, saved)
        shown = dialog.form.profile(), dialog.form.password.line.text()
        _click(dialog.save_button)
        assert await task == saved
        return shown

    saved = qtloop.run(fill())
    assert saved is not None
    assert saved.password is not None
    assert saved == Profile(
        "Production <b>EU</b>",
        "a:1,[::1]:2",
        SecurityProtocol.SASL_SSL,
        SaslMechanism.PLAIN,
        "alice",
        saved.password,
        str(tmp_path / "ca"),
        str(tmp_path / "cert"),
        str(tmp_path / "key"),
        SecretRef(SecretStore.ENVIRONMENT, "KEY_PASSWORD"),
        "violet",
        True,
        True,
        {"client.rack": "a", "linger.ms": "5"},
    )
    assert list(ring.kept.values()) == ["s3cret"]
    assert qtloop.run(look(saved)) == (saved, "")
    assert list(ring.kept.values()) == ["s3cret"]


def test_a_schema_registry_can_be_given_with_the_keyboard_and_taken_away(
    qtloop: LoopRunner, connections: Connections, ring: MemoryKeyring, tmp_path: Path
) -> None:
    (tmp_path / "ca").write_text("PEM")

    async def fill() -> Profile | None:
        dialog, task = await _open(connections, PLAIN)
        form = dialog.form
        assert not form.fields["registry_password"].isVisible()
        _type(form.registry_url, "http://registry")
        assert "not https" in form.fields["registry_url"].message.text()
        form.registry_url.setFocus()
        form.registry_url.clear()
        _type(form.registry_url, "https://registry")
        _press(form.registry_url, Qt.Key.Key_Tab)
        assert form.registry_username.hasFocus()
        _type(form.registry_username, "reader")
        form.registry_password.place.setCurrentIndex(form.registry_password.place.findData(SecretStore.KEYRING))
        _type(form.registry_password.line, "s3cret")
        form.registry_ca_file.line.setText(str(tmp_path / "ca"))
        _click(dialog.save_button)
        return await task

    async def take_away(saved: Profile) -> Profile | None:
        dialog, task = await _open(connections, saved)
        assert dialog.form.profile() == saved
        assert dialog.form.fields["registry_password"].isVisible()
        dialog.form.registry_url.clear()
        _click(dialog.save_button)
        return await task

    qtloop.run(connections.add(PLAIN))
    saved = qtloop.run(fill())
    assert saved is not None
    given = saved.registry_url, saved.registry_username, saved.registry_ca_file
    assert given == ("https://registry", "reader", str(tmp_path / "ca"))
    assert list(ring.kept.values()) == ["s3cret"]
    without = qtloop.run(take_away(saved))
    assert without is not None
    assert (without.registry_url, without.registry_password) == ("", None)
    assert ring.kept == {}


def test_what_is_wrong_stands_beside_its_field(qtloop: LoopRunner, connections: Connections) -> None:
    async def look() -> None:
        dialog, task = await _open(connections, None)
        fields = dialog.form.fields
        _type(dialog.form.bootstrap, "broker")
        assert "no port" in fields["bootstrap"].message.text()
        assert fields["name"].message.text() == ""  # not touched yet
        _choose(dialog, SecurityProtocol.SASL_SSL)
        dialog.form.ca_file.line.setText("/nosuch.pem")
        _click(dialog.save_button)
        await until(lambda: not dialog.tasks.running("save"))
        assert "name is needed" in fields["name"].message.text()
        assert "user name is empty" in fields["username"].message.text()
        assert "password is needed" in fields["password"].message.text()
        assert "cannot be read" in fields["ca_file"].message.text()
        assert dialog.form.name.hasFocus()
        assert dialog.form.name.property("invalid") is True
        _type(dialog.form.name, "a")
        assert not fields["name"].message.isVisible()
        assert dialog.form.name.property("invalid") is False
        assert dialog.isVisible()
        dialog.reject()
        assert await task is None

    qtloop.run(look())
    assert qtloop.run(connections.load()).profiles == ()


def test_bad_properties_are_named_by_line_as_they_are_typed(qtloop: LoopRunner, connections: Connections) -> None:
    async def look() -> None:
        dialog, task = await _open(connections, PLAIN)
        lines = dialog.form.properties
        lines.editor.setPlainText("client.rack=a\nplugin.library.paths=/x.so\n\nlinger.ms=many\nclient.rack=b\nfoo")
        said = lines.messages.text().splitlines()
        assert [line.partition(":")[0] for line in said] == ["Line 2", "Line 4", "Line 5", "Line 6"]
        assert "load code" in said[0]
        assert len(lines.editor.extraSelections()) == 4
        _click(dialog.save_button)
        await until(lambda: not dialog.tasks.running("save"))
        assert dialog.isVisible()
        dialog.reject()
        await task

    qtloop.run(connections.add(PLAIN))
    qtloop.run(look())
    assert qtloop.run(connections.load()).profiles == (PLAIN,)


def test_lines_of_properties() -> None:
    found, wrong = parse_lines(" client.rack = a=b \r\n\n=x\nclient.id", properties.check_property)
    assert found == {"client.rack": "a=b", "": "x"}
    assert set(wrong) == {2, 3}


def test_a_change_by_another_window_is_told_and_kept(
    qtloop: LoopRunner, connections: Connections, tmp_path: Path
) -> None:
    async def both() -> None:
        await connections.add(PLAIN)
        dialog, task = await _open(connections, PLAIN)
        ProfileStore(tmp_path / "config" / "clusters.toml").replace(PLAIN, replace(PLAIN, bootstrap="theirs:1"))
        dialog.form.bootstrap.setText("mine:1")
        _click(dialog.save_button)
        await until(dialog.trouble.text)
        assert "meanwhile" in dialog.trouble.text()
        dialog.reject()
        await task

    qtloop.run(both())
    assert qtloop.run(connections.load()).profiles[0].bootstrap == "theirs:1"


def _texts(dialog: ConnectionDialog) -> str:
    return "\n".join(label.text() for label in dialog.probe.findChildren(QLabel))


def test_the_test_lists_its_steps_and_can_be_copied(
    qtloop: LoopRunner, connections: Connections, broker: Broker, heartbeat: Heartbeat
) -> None:
    heartbeat.allow(350, "the dialog is made in it")

    async def test() -> str:
        dialog, task = await _open(connections, replace(PLAIN, bootstrap=broker.bootstrap))
        _click(dialog.test_button)
        await until(lambda: dialog.probe.verdict.text() == "Connected")
        for name in ("DNS", "TCP", "ApiVersions", "Metadata", "Listener", "passed", "skipped"):
            assert name in _texts(dialog)
        _click(dialog.probe.copy_button)
        dialog.reject()
        await task
        return QGuiApplication.clipboard().text()

    report = qtloop.run(test())
    assert report.startswith("Connected\n")
    assert broker.bootstrap in report


def test_a_failed_test_names_step_cause_and_remedy(
    qtloop: LoopRunner, connections: Connections, kafka: KafkaCluster, ring: MemoryKeyring
) -> None:
    """The password is tested as it is typed, before anything is saved; it shows nowhere."""

    async def test() -> None:
        dialog, task = await _open(connections, None)
        form = dialog.form
        form.name.setText("t")
        form.bootstrap.setText(kafka.bootstrap("SASL_SSL"))
        _choose(dialog, SecurityProtocol.SASL_SSL)
        form.username.setText("alice")
        form.ca_file.line.setText(str(kafka.certificates.ca))
        form.password.line.setText("wrong-canary")
        _click(dialog.test_button)
        await until(lambda: dialog.probe.verdict.text() == "SASL failed")
        assert "Login as alice failed" in dialog.probe.advice.text()
        assert "wrong-canary" not in _texts(dialog) + dialog.probe.report()
        form.password.line.setText(USERS["alice"])
        _click(dialog.test_button)
        await until(lambda: dialog.probe.verdict.text() == "Connected")
        dialog.reject()
        await task

    qtloop.run(test())
    assert ring.kept == {}


def test_a_test_can_be_stopped_and_the_dialog_closed_during_it(
    qtloop: LoopRunner, connections: Connections, heartbeat: Heartbeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    heartbeat.allow(350, "the dialog is made in it")
    monkeypatch.setattr("kexplorer.kafka.probe._LIMIT", 1.5)

    async def test(port: int) -> None:
        dialog, task = await _open(connections, replace(PLAIN, bootstrap=f"127.0.0.1:{port}"))
        _click(dialog.test_button)
        await until(lambda: "TCP" in _texts(dialog))
        assert dialog.test_button.text() == "Stop &test"
        _click(dialog.test_button)
        await until(lambda: dialog.probe.verdict.text() == "Stopped")
        assert dialog.test_button.text() == "&Test connection"
        _click(dialog.test_button)
        await until(lambda: "TCP" in _texts(dialog))
        dialog.reject()
        async with asyncio.timeout(1):
            await task

    with socket.socket() as black_hole:
        black_hole.bind(("127.0.0.1", 0))
        black_hole.listen(20)
        qtloop.run(test(black_hole.getsockname()[1]))


def test_asked_for_during_the_test(qtloop: LoopRunner, connections: Connections, kafka: KafkaCluster) -> None:
    profile = Profile(
        "prod",
        kafka.bootstrap("SASL_PLAINTEXT"),
        SecurityProtocol.SASL_PLAINTEXT,
        username="alice",
        password=SecretRef(SecretStore.ASK, ""),
    )

    async def test() -> None:
        dialog, task = await _open(connections, profile)
        assert "read and change" in dialog.form.exposed.text()
        assert dialog.form.exposed.isVisible()
        _click(dialog.test_button)
        await until(lambda: QApplication.activeModalWidget() is not dialog)
        prompt = await _modal()
        line = prompt.findChild(QLineEdit)
        assert line is not None
        assert line.echoMode() == QLineEdit.EchoMode.Password
        _type(line, USERS["alice"])
        _press(line, Qt.Key.Key_Return)
        await until(lambda: dialog.probe.verdict.text() == "Connected")
        dialog.reject()
        await task

    qtloop.run(test())


def test_what_comes_from_outside_is_plain_text(qtloop: LoopRunner, connections: Connections) -> None:
    async def look() -> None:
        dialog, task = await _open(connections, None)
        dialog.form.bootstrap.setText("<img src=x>")
        dialog.probe.fail(Failure("tls", "<b>bold</b>"))  # type: ignore[arg-type]
        shown = [label for label in dialog.findChildren(QLabel) if "<" in label.text()]
        assert len(shown) == 2
        assert all(label.textFormat() == Qt.TextFormat.PlainText for label in shown)
        dialog.reject()
        await task

    qtloop.run(look())


@pytest.mark.parametrize(("typed", "answer"), [("orders", True), ("order", False), (None, False)])
def test_a_name_must_be_typed_before_it_is_destroyed(qtloop: LoopRunner, typed: str | None, answer: bool) -> None:
    async def ask() -> bool:
        task = asyncio.create_task(
            confirm(None, "Delete topic orders?", "All is lost.", "Delete", danger=True, type_name="orders")
        )
        dialog = await _modal()
        line = dialog.findChild(QLineEdit)
        button = next(each for each in dialog.findChildren(QPushButton) if each.text() == "Delete")
        assert line is not None
        assert not button.isEnabled()
        if typed is not None:
            _type(line, typed)
        _click(button)
        if not answer:
            assert dialog.isVisible()
            _press(dialog, Qt.Key.Key_Escape)
        return await task

    assert qtloop.run(ask()) is answer


def test_enter_does_not_destroy(qtloop: LoopRunner) -> None:
    async def ask() -> bool:
        task = asyncio.create_task(confirm(None, "Delete?", "All is lost.", "Delete", danger=True))
        _press(await _modal(), Qt.Key.Key_Return)
        return await task

    assert qtloop.run(ask()) is False


def test_a_secret_that_is_not_given(qtloop: LoopRunner) -> None:
    async def ask() -> str | None:
        task = asyncio.create_task(ask_secret(None, "Password of “x”"))
        _press(await _modal(), Qt.Key.Key_Escape)
        return await task

    assert qtloop.run(ask()) is None


def test_a_cancelled_task_closes_its_dialog(qtloop: LoopRunner, connections: Connections) -> None:
    async def cancel() -> None:
        _, task = await _open(connections, PLAIN)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: QApplication.activeModalWidget() is None)

    qtloop.run(cancel())


def test_a_new_connection_has_a_colour_of_its_own(qtloop: LoopRunner, connections: Connections) -> None:
    async def look() -> str:
        await connections.add(replace(PLAIN, colour="blue"))
        await connections.add(replace(PLAIN, name="other", colour="amber"))
        dialog, task = await _open(connections, None)
        colour = dialog.form.profile().colour
        dialog.reject()
        await task
        return colour

    assert qtloop.run(look()) == "green"


def test_an_old_test_does_not_speak_for_new_settings(qtloop: LoopRunner, connections: Connections) -> None:
    async def change() -> None:
        dialog, task = await _open(connections, PLAIN)
        dialog.form.bootstrap.setText("127.0.0.1:1")
        assert dialog.probe.verdict.text() == "Not tested yet"
        _click(dialog.test_button)
        await until(lambda: dialog.probe.verdict.text() == "TCP failed")
        dialog.form.name.setText("renamed")
        assert dialog.probe.verdict.text() == "TCP failed"
        dialog.form.bootstrap.setText("127.0.0.1:2")
        await until(lambda: dialog.probe.verdict.text() == "Changed since the test")
        dialog.reject()
        await task

    qtloop.run(change())


def test_a_pasted_configuration_fills_the_form(
    qtloop: LoopRunner, connections: Connections, ring: MemoryKeyring
) -> None:
    async def paste() -> Profile | None:
        dialog, task = await _open(connections, None)
        _type(dialog.form.name, "Imported")
        _click(dialog.import_button)
        pasted = await until(lambda: dialog.findChild(ImportConnectionDialog))
        assert pasted is not None
        assert not pasted.use.isEnabled()
        pasted.text.setPlainText("group.id=x")
        assert not pasted.use.isEnabled()
        assert "No bootstrap.servers were found" in pasted.taken.text()
        pasted.text.setPlainText(
            "bootstrap.servers=a:9093\nsecurity.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n"
            "sasl.username=ada\nsasl.password=s3cret\nssl.keystore.location=/k.jks"
        )
        assert "a:9093 by SASL_SSL, PLAIN as ada" in pasted.taken.text()
        assert "s3cret" not in pasted.taken.text()
        _click(pasted.use)
        await until(lambda: dialog.form.bootstrap.text() == "a:9093")
        assert "Java keystore" in dialog.trouble.text()
        _click(dialog.save_button)
        return await task

    saved = qtloop.run(paste())
    assert saved is not None
    assert (saved.name, saved.username, saved.sasl_mechanism) == ("Imported", "ada", SaslMechanism.PLAIN)
    assert saved.password is not None
    assert saved.password.store is SecretStore.KEYRING
    assert "s3cret" in ring.kept.values()


def test_a_configuration_that_cannot_be_read_is_told(
    qtloop: LoopRunner, connections: Connections, tmp_path: Path
) -> None:
    async def load() -> str:
        parent = QWidget()
        dialog = ImportConnectionDialog(parent, PLAIN, connections.check_property)
        dialog.tasks.start("open", dialog.load(tmp_path / "none.properties"))
        await until(lambda: "none.properties" in dialog.taken.text())
        await dialog.tasks.close()
        return dialog.taken.text()

    assert "can't be read" in qtloop.run(load())
