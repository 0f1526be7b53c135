"""The brokers' configuration: of one, or what is set for all of them, and changing what is dynamic in place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from kexplorer.formats.numbers import count
from kexplorer.model.changes import AlterConfig, ResourceKind
from kexplorer.model.cluster import ConfigEntry, ConfigSource
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.model.topics import Broker
from kexplorer.services.sessions import Session
from kexplorer.ui.icons import icon
from kexplorer.ui.models.brokers import BrokerSettings, common_settings
from kexplorer.ui.models.configuration import Setting, differs
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.filter_box import FilterBox
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.settings_table import AboutSetting, SettingsTable

_ALL = "All brokers"
_WHOSE = "One broker's own settings, or the dynamic defaults that hold for all brokers"


class BrokerConfiguration(QWidget):
    """Edits are collected in the table and sent together. They are about the chosen broker, so another one can be
    chosen when there are none."""

    def __init__(self, profile: Profile, open_session: Callable[[], Awaitable[Session]]) -> None:
        super().__init__()
        self._profile = profile
        self._open_session = open_session
        self._wanted: int | None = None  # the broker that is shown; None: what is set for all
        self.tasks = Tasks(self.show_failure)
        self.model = BrokerSettings(self)
        self.model.can_edit = not profile.read_only
        self.strip = ErrorStrip()
        self.strip.retry_requested.connect(self.reload)
        self.broker = QComboBox()
        self.broker.addItem(_ALL, None)
        self.broker.setAccessibleName("Broker")
        self.filter = FilterBox("Filter settings")
        self.only_set = QCheckBox("Only what is not the default")
        self.counted = plain_label("", role="muted")
        self.reset, self.discard, self.apply = (QPushButton(text) for text in ("Reset to default", "Discard", "Apply"))
        self.apply.setProperty("kind", "primary")
        self.table = SettingsTable(self.model)
        self.about = AboutSetting()
        self._lay_out()
        self.broker.currentIndexChanged.connect(self._chosen)
        self.filter.filter_changed.connect(lambda _: self._filter_rows())
        self.filter.left.connect(self.table.setFocus)
        self.only_set.toggled.connect(lambda _: self._filter_rows())
        self.model.edited.connect(self._offer)
        self.table.selectionModel().currentChanged.connect(lambda *_: self._offer())
        self.table.customContextMenuRequested.connect(self._menu)
        self.apply.clicked.connect(lambda: self.tasks.start("apply", self._apply()))
        self.discard.clicked.connect(self._discard)
        self.reset.clicked.connect(self._reset)
        self.setFocusProxy(self.table)
        self._offer()

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        bar.setContentsMargins(12, 8, 12, 8)
        bar.setSpacing(8)
        for widget in (self.broker, self.filter, self.only_set, self.counted):
            bar.addWidget(widget)
        bar.addStretch()
        for button in (self.reset, self.discard, self.apply):
            bar.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addLayout(bar)
        column.addWidget(self.table, 1)
        column.addWidget(self.about)

    def save_state(self) -> dict[str, object]:
        return {"broker": self._wanted, "changed": self.only_set.isChecked(), "sort": self.table.save_sort()}

    def restore_state(self, state: Mapping[str, object]) -> None:
        broker = state.get("broker")
        self._wanted = broker if isinstance(broker, int) else None
        self.only_set.setChecked(state.get("changed") is True)
        self.table.restore_sort(state.get("sort"))

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)

    def choose(self, broker: int | None) -> None:
        """Unless there are edits for another one."""
        if not self.model.edits and broker != self._wanted:
            self._wanted = broker
            self.reload()

    # work

    def reload(self) -> None:
        self.strip.clear()
        self.tasks.start("read", self._read())

    async def _read(self) -> None:
        session = await self._open_session()
        brokers = sorted((await session.cluster.metadata()).brokers, key=lambda broker: broker.id)
        if self._wanted not in {None, *(broker.id for broker in brokers)}:
            self._wanted = None
        self._list(brokers)
        wanted = [broker.id for broker in brokers] if self._wanted is None else [self._wanted]
        found: dict[int, Mapping[str, ConfigEntry]] = {}
        for broker, answer in (await session.cluster.broker_configs(wanted)).items():
            if isinstance(answer, Failure):
                self.show_failure(answer)
            else:
                found[broker] = answer
        self.model.own = ConfigSource.DYNAMIC_DEFAULT if self._wanted is None else ConfigSource.DYNAMIC_BROKER
        self.model.set_entries(common_settings(found))
        self._filter_rows()
        self.model.set_meanings(await session.cluster.config_documentation())

    def _list(self, brokers: list[Broker]) -> None:
        self.broker.blockSignals(True)
        self.broker.clear()
        self.broker.addItem(_ALL, None)
        for number, broker in enumerate(brokers, 1):
            self.broker.addItem(f"Broker {broker.id}", broker.id)
            self.broker.setItemData(number, str(broker), Qt.ItemDataRole.ToolTipRole)
        self.broker.setCurrentIndex(self.broker.findData(self._wanted) if self._wanted is not None else 0)
        self.broker.blockSignals(False)

    def _filter_rows(self) -> None:
        """What is to be changed is always shown. For all brokers, "not the default" is what is set for all."""
        sought, only = self.filter.text().lower(), self.only_set.isChecked()
        everywhere = self._wanted is None

        def differing(entry: ConfigEntry) -> bool:
            return entry.source is ConfigSource.DYNAMIC_DEFAULT if everywhere else differs(entry)

        self.model.set_filter(
            lambda row: bool(row.edit) or (sought in row.name.lower() and (not only or differing(row.entry)))
        )
        self.counted.setText(f"{count(self.model.rowCount())} of {count(self.model.total)} settings")

    async def _apply(self) -> None:
        from kexplorer.ui.dialogs.change_dialog import make_change  # noqa: PLC0415  (a panel needs no dialog)

        edits = dict(self.model.edits)
        sets = {name: edit.value for name, edit in edits.items() if edit.value is not None}
        resets = tuple(name for name, edit in edits.items() if edit.value is None)
        name = "" if self._wanted is None else str(self._wanted)
        session = await self._open_session()
        outcome = await make_change(self, session.changes, AlterConfig(ResourceKind.BROKER, name, sets, resets))
        if outcome is None:
            return
        if not outcome.failures:
            self.model.discard(*edits)
        self.reload()
        for failure in outcome.failures.values():
            self.show_failure(failure)

    # what a person does

    def _chosen(self) -> None:
        self._wanted = self.broker.currentData()
        self.reload()

    def _current(self) -> Setting | None:
        index = self.table.currentIndex()
        return self.model.row(index.row()) if index.isValid() and index.row() < self.model.rowCount() else None

    def _offer(self) -> None:
        edits, row = self.model.edits, self._current()
        wrong = next((f"{name}: {edit.wrong}" for name, edit in edits.items() if edit.wrong), "")
        self.apply.setText(f"Apply {len(edits)} change{'' if len(edits) == 1 else 's'} …" if edits else "Apply")
        self.apply.setEnabled(bool(edits) and not wrong)
        self.apply.setToolTip("This connection is read-only." if self._profile.read_only else wrong)
        self.discard.setEnabled(bool(edits))
        self.broker.setEnabled(not edits)
        self.broker.setToolTip("Apply or discard the changes first." if edits else _WHOSE)
        self.reset.setEnabled(self.model.can_edit and row is not None and self.model.resettable(row))
        where = "for all brokers" if self._wanted is None else "for this broker alone"
        self.reset.setToolTip("" if self.reset.isEnabled() else f"Select a setting that is set {where}.")
        self.about.show_setting(row)

    def _reset(self) -> None:
        if row := self._current():
            self.model.reset(row.name)

    def _discard(self) -> None:
        self.model.discard()

    def _menu(self, at: QPoint) -> None:
        row = self._current()
        if row is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        edit = menu.addAction(icon("edit"), "Edit value", self.table.edit_current)
        edit.setEnabled(self.model.can_edit and not row.entry.is_read_only)
        menu.addAction("Reset to default", self._reset).setEnabled(self.reset.isEnabled())
        menu.addAction("Discard this change", lambda: self.model.discard(row.name)).setEnabled(row.edit is not None)
        menu.addSeparator()
        menu.addAction(icon("copy"), "Copy", self.table.copy)
        menu.popup(self.table.viewport().mapToGlobal(at))
