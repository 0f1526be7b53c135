"""Rules for lag that somebody wants to be told of, and what was told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import Any, Protocol

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from kexplorer.model.alerts import AlertLine, AlertRule
from kexplorer.model.failure import Failure
from kexplorer.ui.dialogs.alert_rule import edit_rule
from kexplorer.ui.dialogs.confirm import confirm
from kexplorer.ui.icons import icon
from kexplorer.ui.models.alerts import AlertLogModel, AlertRulesModel
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.keys import alerts_key
from kexplorer.ui.widgets.action_button import action_button
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.rows_table import RowsTable

_LOOK_EVERY = 3.0  # seconds
_MOST = 2_000  # lines of the log that are shown
_HOUR = 3600.0
_ABOUT = (
    "Rules hold for all connections while they are open. Each alert is told once, here, on the desktop, and by webhook."
)


class Rules(Protocol):
    async def load(self) -> dict[str, AlertRule]: ...

    async def save(self, name: str, value: AlertRule) -> dict[str, AlertRule]: ...

    async def delete(self, name: str) -> dict[str, AlertRule]: ...


class AlertsPanel(Panel):
    """`lines` gives the newest of the log; `use` has the rules used, by name."""

    def __init__(
        self,
        rules: Rules,
        lines: Callable[[int], Awaitable[Sequence[AlertLine]]],
        use: Callable[[Mapping[str, AlertRule]], None],
    ) -> None:
        super().__init__(alerts_key(), "Alerts", "warning")
        self._store, self._lines, self._use = rules, lines, use
        self._rules: Mapping[str, AlertRule] = {}
        self.model, self.told = AlertRulesModel(self), AlertLogModel(self)
        self.strip = ErrorStrip()
        self.strip.retry_requested.connect(self.reload)
        self.table = RowsTable(self.model, "Rules for alerts")
        self.table.setSelectionBehavior(RowsTable.SelectionBehavior.SelectRows)
        self.log = RowsTable(self.told, "Alerts")
        self.log.setSelectionBehavior(RowsTable.SelectionBehavior.SelectRows)
        self.log.restore_sort([0, True])
        self._add = self._action("plus", "Add a rule…", "Ctrl+Alt+N", lambda: self._change(None))
        self._edit = self._action("edit", "Edit the rule…", "Ctrl+I", lambda: self._change(self._chosen()))
        self.table.activated.connect(self._edit.trigger)
        self._mute = self._action("eye-off", "Mute for an hour", "Ctrl+Alt+U", self._toggle_muted)
        self._delete = self._action("trash", "Delete the rule…", "Alt+Del", self._remove)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._offer())
        self._lay_out()
        self._offer()
        self.setFocusProxy(self.table)
        self.reload()

    def _action(self, icon_name: str, text: str, keys: str, work: Callable[[], Coroutine[Any, Any, None]]) -> QAction:
        action = QAction(icon(icon_name), text, self, shortcut=QKeySequence(keys))
        action.triggered.connect(lambda: self.tasks.start("change", work()))
        return action

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        bar.setContentsMargins(12, 8, 12, 8)
        bar.setSpacing(8)
        bar.addWidget(plain_label(_ABOUT, "muted", wrap=True), 1)
        for action, text in (
            (self._edit, "Edit…"),
            (self._mute, "Mute"),
            (self._delete, "Delete…"),
            (self._add, "Add a rule…"),
        ):
            bar.addWidget(action_button(action, text))
        empty = EmptyState(
            "warning",
            "Nobody watches yet",
            "A rule says which groups, what is too much, and for how long.",
            "Add a rule…",
        )
        empty.action_requested.connect(self._add.trigger)
        self.pages = QStackedWidget()
        self.pages.addWidget(empty)
        self.pages.addWidget(self.table)
        below = QWidget()
        under = QVBoxLayout(below)
        under.setContentsMargins(0, 8, 0, 0)
        heading = plain_label("What was told", "heading")
        heading.setContentsMargins(12, 0, 12, 0)
        under.addWidget(heading)
        under.addWidget(self.log, 1)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(self.pages)
        split.addWidget(below)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addLayout(bar)
        column.addWidget(split, 1)

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self._add, self._edit, self._mute, self._delete)

    def set_zone(self, zone: tzinfo) -> None:
        self.told.zone = zone
        self.log.viewport().update()

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)

    # work

    def reload(self) -> None:
        self.strip.clear()
        self.tasks.start("watch", self._watch())

    async def _watch(self) -> None:
        self._take(await self._store.load())
        while True:
            if self.isVisible():
                self.told.set_rows(await self._lines(_MOST))
            await asyncio.sleep(_LOOK_EVERY)

    def _take(self, rules: Mapping[str, AlertRule]) -> None:
        self._rules = rules
        self.model.set_rows(rules.values())
        self.pages.setCurrentIndex(1 if rules else 0)
        self.say(f"{len(rules)} {'rule' if len(rules) == 1 else 'rules'}")
        self._use(rules)
        self._offer()

    def _chosen(self) -> AlertRule | None:
        rows = self.table.selectionModel().selectedRows()
        return self.model.row(rows[0].row()) if len(rows) == 1 else None

    def _offer(self) -> None:
        rule = self._chosen()
        for action in (self._edit, self._mute, self._delete):
            action.setEnabled(rule is not None)
        muted = rule is not None and rule.muted_until > time.time()
        self._mute.setText("Mute no longer" if muted else "Mute for an hour")

    async def _change(self, rule: AlertRule | None) -> None:
        wanted = await edit_rule(self, rule or AlertRule(""), self._rules.keys() - {rule.name if rule else ""})
        if wanted is None:
            return
        rules = await self._store.save(wanted.name, wanted)
        if rule is not None and rule.name != wanted.name:
            rules = await self._store.delete(rule.name)
        self._take(rules)

    async def _toggle_muted(self) -> None:
        if rule := self._chosen():
            until = 0.0 if rule.muted_until > time.time() else time.time() + _HOUR
            self._take(await self._store.save(rule.name, replace(rule, muted_until=until)))

    async def _remove(self) -> None:
        rule = self._chosen()
        if rule and await confirm(
            self, "Delete the rule", f"{rule.name} tells nobody any more.", "Delete", danger=True
        ):
            self._take(await self._store.delete(rule.name))
