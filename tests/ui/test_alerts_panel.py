"""Rules for alerts as a person makes them, and what they told."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from PySide6.QtWidgets import QDialogButtonBox

from kexplorer.model.alerts import Alert, AlertRule, Metric
from kexplorer.model.verdicts import State
from kexplorer.store.alerts import AlertLog, AlertRuleStore
from kexplorer.ui.dialogs.alert_rule import AlertRuleDialog
from kexplorer.ui.panels.alerts import AlertsPanel
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.ui.sessions import click, dialog_of


@asynccontextmanager
async def _opened(folder: Path, used: list[Mapping[str, AlertRule]]) -> AsyncIterator[AlertsPanel]:
    log = AlertLog(folder / "alerts.db")
    panel = AlertsPanel(AlertRuleStore(folder / "alerts.json"), log.lines, used.append)
    panel.resize(1000, 600)
    panel.show()
    try:
        await until(lambda: used)
        yield panel
    finally:
        await panel.close_panel()
        panel.deleteLater()


async def _form() -> AlertRuleDialog:
    dialog = await dialog_of(AlertRuleDialog)
    assert isinstance(dialog, AlertRuleDialog)
    return dialog


def _save(dialog: AlertRuleDialog) -> None:
    click(dialog.buttons.button(QDialogButtonBox.StandardButton.Save))


def test_a_rule_is_made_muted_renamed_and_deleted(qtloop: LoopRunner, tmp_path: Path) -> None:
    used: list[Mapping[str, AlertRule]] = []

    async def story() -> None:
        async with _opened(tmp_path, used) as panel:
            assert panel.pages.currentIndex() == 0
            panel._add.trigger()
            dialog = await _form()
            assert not dialog.buttons.button(QDialogButtonBox.StandardButton.Save).isEnabled()
            dialog.name.setText("billing is late")
            dialog.groups.setText("billing*")
            dialog.above.setValue(100)
            assert "before it begins" in dialog.fields["below"].message.text()
            dialog.below.setValue(10)
            dialog.webhook.setText("http://example.com/x")
            assert "https" in dialog.fields["webhook"].message.text()
            dialog.webhook.clear()
            _save(dialog)
            await until(lambda: panel.model.rowCount() == 1)
            assert panel.model.row(0).condition == "lag over 100 for 1 min"
            panel.table.selectRow(0)
            panel._mute.trigger()
            await until(lambda: used[-1]["billing is late"].muted_until > time.time() + 3000)
            panel.table.selectRow(0)
            panel._edit.trigger()
            dialog = await _form()
            dialog.name.setText("billing")
            dialog.measure.setCurrentText(Metric.VERDICT.value)
            dialog.state.setCurrentText(State.STALL.value)
            _save(dialog)
            await until(lambda: list(used[-1]) == ["billing"])
            assert used[-1]["billing"].condition == "STALL or worse for 1 min"
            assert used[-1]["billing"].muted_until > 0

    qtloop.run(story())
    again: list[Mapping[str, AlertRule]] = []

    async def later() -> None:
        async with _opened(tmp_path, again) as panel:
            assert list(again[-1]) == ["billing"]
            assert panel.pages.currentIndex() == 1

    qtloop.run(later())


def test_what_was_told_is_listed_the_newest_first(qtloop: LoopRunner, tmp_path: Path) -> None:
    used: list[Mapping[str, AlertRule]] = []
    rule = AlertRule("late")

    async def story() -> None:
        log = AlertLog(tmp_path / "alerts.db")
        await log.add("shop", Alert(rule, "billing", 1_700_000_000.0, True, "billing is late."))
        await log.add("shop", Alert(rule, "billing", 1_700_000_100.0, False, "billing is well again."), "it is down")
        async with _opened(tmp_path, used) as panel:
            await until(lambda: panel.told.rowCount() == 2)
            texts = [str(panel.told.index(row, 3).data()) for row in range(2)]
            assert texts == ["billing is well again. The webhook was not told: it is down", "billing is late."]

    qtloop.run(story())
