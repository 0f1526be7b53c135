"""The configuration check, as a person uses it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton

from kexplorer.formats.client_settings import Client, Dialect
from kexplorer.ui.panels.config_check import ConfigCheckPanel
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until

BAD = """bootstrap.servers=a:1
group.id=g
fetch.max.wait.ms=500
auto.ofset.reset=earliest
isolation.level=read_committed"""


@pytest.fixture
def panel(qtloop: LoopRunner) -> Iterator[ConfigCheckPanel]:
    panel = ConfigCheckPanel()
    panel.resize(1000, 700)
    panel.show()
    yield panel
    qtloop.run(panel.close_panel())
    panel.deleteLater()


def _type(qtloop: LoopRunner, panel: ConfigCheckPanel, text: str) -> None:
    before = panel.checked
    panel.edit.setPlainText(text)
    qtloop.run(until(lambda: panel.checked is not before))


def test_what_is_typed_is_checked_and_its_lines_marked(qtloop: LoopRunner, panel: ConfigCheckPanel) -> None:
    assert panel.found.currentWidget() is panel.empty
    _type(qtloop, panel, BAD)
    assert panel.found.currentWidget() is panel.cards
    wrong = next(card for card in panel.cards.cards if card.tone == "bad")
    assert (wrong.title, wrong.place) == ("auto.ofset.reset", "line 4")
    assert "auto.offset.reset?" in wrong.remedy
    assert [mark.cursor.blockNumber() for mark in panel.edit.extraSelections()] == [3]
    next(button for button in panel.cards.findChildren(QPushButton) if button.isVisible()).click()
    assert panel.edit.textCursor().blockNumber() == 3
    _type(qtloop, panel, BAD.replace("ofset", "offset") + "\nenable.auto.commit=false")
    assert panel.found.currentWidget() is panel.fine
    assert panel.edit.extraSelections() == []
    panel.edit.clear()
    qtloop.run(until(lambda: panel.found.currentWidget() is panel.empty))


def test_the_other_dialect_is_copied(qtloop: LoopRunner, panel: ConfigCheckPanel) -> None:
    _type(qtloop, panel, BAD)
    assert panel.tabs.tabText(1) == "For librdkafka"
    panel.tabs.setCurrentIndex(1)
    next(button for button in panel.tabs.findChildren(QPushButton) if button.text() == "Copy").click()
    assert "fetch.wait.max.ms=500" in QGuiApplication.clipboard().text()


def test_what_was_guessed_wrong_can_be_chosen(qtloop: LoopRunner, panel: ConfigCheckPanel) -> None:
    _type(qtloop, panel, "bootstrap.servers=a:1\nclient.id=x")

    async def choose() -> None:
        panel.client.setCurrentIndex(panel.client.findData(Client.CONSUMER))
        panel.dialect.setCurrentIndex(panel.dialect.findData(Dialect.LIBRDKAFKA))
        wanted = (Client.CONSUMER, Dialect.LIBRDKAFKA)
        await until(lambda: panel.checked and (panel.checked.client, panel.checked.dialect) == wanted)
        panel.edit.clear()
        await until(lambda: panel.checked is None)

    qtloop.run(choose())
    state = panel.save_state()
    assert "client.id" not in str(state)
    panel.restore_state({})
    assert panel.client.currentData() is None
    panel.restore_state(state)
    assert panel.client.currentData() == Client.CONSUMER


def test_the_example_and_a_file(qtloop: LoopRunner, panel: ConfigCheckPanel, tmp_path: Path) -> None:
    panel.empty.action_requested.emit()
    qtloop.run(until(lambda: panel.checked is not None))
    assert len(panel.cards.cards) >= 4
    file = tmp_path / "orders.properties"
    file.write_text(BAD, "utf-8")
    qtloop.run(panel._load(file))
    assert panel.title == "orders.properties"
    assert panel.edit.toPlainText() == BAD
    qtloop.run(panel._load(tmp_path / "none"))
    assert "cannot be read" in panel.status_text


def test_many_findings_stay_few_cards(qtloop: LoopRunner, panel: ConfigCheckPanel) -> None:
    _type(qtloop, panel, "\n".join(f"odd.name.{number}=1" for number in range(400)))
    assert len(panel.cards.cards) == 201
    assert "more" in panel.cards.cards[-1].title
