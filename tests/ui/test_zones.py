"""Time zones by name, and the dialog that asks for one."""

import asyncio
from datetime import UTC

import pytest
from PySide6.QtWidgets import QApplication, QComboBox, QDialog, QPushButton
from pytestqt.qtbot import QtBot

from kexplorer.ui.dialogs.choose_zone import choose_zone
from kexplorer.ui.zones import LOCAL, zone_named
from tests.rig.loops import LoopRunner


def test_names() -> None:
    assert zone_named("UTC") is UTC
    assert str(zone_named("Europe/Paris")) == "Europe/Paris"
    assert zone_named(LOCAL) is not None


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "a\0b", "Europe", "x" * 5000]
)
def test_no_zone(name: str) -> None:
    assert zone_named(name) is None


@pytest.mark.parametrize(("typed", "possible"), [("Asia/Kathmandu", True), ("Mars", False)])
def test_only_a_known_zone_can_be_chosen(qtbot: QtBot, qtloop: LoopRunner, typed: str, possible: bool) -> None:
    async def look() -> str | None:
        asking = asyncio.ensure_future(choose_zone(None, "UTC"))
        await asyncio.sleep(0)
        dialog = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog) and w.isVisible())
        dialog.findChildren(QComboBox)[0].setCurrentText(typed)
        use = next(button for button in dialog.findChildren(QPushButton) if button.text() == "Use this zone")
        assert use.isEnabled() == possible
        use.click()
        if not possible:
            dialog.reject()
        return await asking

    assert qtloop.run(look()) == (typed if possible else None)
