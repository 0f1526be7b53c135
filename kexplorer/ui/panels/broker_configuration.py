"""The brokers' configuration: of one, or what is set for all of them, and changing what is dynamic in place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from kexplorer.model.changes import ResourceKind
from kexplorer.model.cluster import ConfigEntry, ConfigSource
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.model.topics import Broker
from kexplorer.services.sessions import Session
from kexplorer.ui.models.brokers import common_settings
from kexplorer.ui.models.configuration import ConfigurationModel, differs
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.configuration_editor import ConfigurationEditor
from kexplorer.ui.widgets.error_strip import ErrorStrip

_ALL = "All brokers"
_WHOSE = "One broker's own settings, or the dynamic defaults that hold for all brokers"


class BrokerConfiguration(QWidget):
    """Edits are about the chosen broker, so another one can be chosen when there are none."""

    def __init__(self, profile: Profile, open_session: Callable[[], Awaitable[Session]]) -> None:
        super().__init__()
        self._open_session = open_session
        self._wanted: int | None = None  # the broker that is shown; None: what is set for all
        self.tasks = Tasks(self.show_failure)
        self.strip = ErrorStrip()
        self.strip.retry_requested.connect(self.reload)
        self.broker = QComboBox()
        self.broker.addItem(_ALL, None)
        self.broker.setAccessibleName("Broker")
        self.model = ConfigurationModel(self, ConfigSource.DYNAMIC_DEFAULT)
        self.editor = ConfigurationEditor(self.model, read_only=profile.read_only, leading=[self.broker])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addWidget(self.editor, 1)
        self.broker.currentIndexChanged.connect(self._chosen)
        self.editor.offered.connect(self._offer_brokers)
        self.editor.apply.clicked.connect(lambda: self.tasks.start("apply", self._apply()))
        self.setFocusProxy(self.editor)
        self._tell_whose()

    def save_state(self) -> dict[str, object]:
        return {"broker": self._wanted, **self.editor.save_state()}

    def restore_state(self, state: Mapping[str, object]) -> None:
        broker = state.get("broker")
        self._wanted = broker if isinstance(broker, int) else None
        self.editor.restore_state(state)

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
        self._tell_whose()
        self.model.set_entries(common_settings(found))
        self.editor.filter_rows()
        self.model.set_meanings(await session.cluster.config_documentation())

    def _tell_whose(self) -> None:
        """For all brokers, "not the default" is what is set for all."""
        everywhere = self._wanted is None
        self.model.own = ConfigSource.DYNAMIC_DEFAULT if everywhere else ConfigSource.DYNAMIC_BROKER
        self.editor.differing = (lambda entry: entry.source is ConfigSource.DYNAMIC_DEFAULT) if everywhere else differs
        self.editor.own_words = f"that is set for {'all brokers' if everywhere else 'this broker alone'}"
        self.editor.offer()

    def _list(self, brokers: list[Broker]) -> None:
        self.broker.blockSignals(True)
        self.broker.clear()
        self.broker.addItem(_ALL, None)
        for number, broker in enumerate(brokers, 1):
            self.broker.addItem(f"Broker {broker.id}", broker.id)
            self.broker.setItemData(number, str(broker), Qt.ItemDataRole.ToolTipRole)
        self.broker.setCurrentIndex(self.broker.findData(self._wanted) if self._wanted is not None else 0)
        self.broker.blockSignals(False)

    async def _apply(self) -> None:
        from kexplorer.ui.dialogs.change_dialog import make_change  # noqa: PLC0415  (a panel needs no dialog)

        session = await self._open_session()
        change = self.editor.change(ResourceKind.BROKER, "" if self._wanted is None else str(self._wanted))
        outcome = await make_change(self, session.changes, change)
        if outcome is None:
            return
        if not outcome.failures:
            self.model.discard(*change.sets, *change.resets)
        self.reload()
        for failure in outcome.failures.values():
            self.show_failure(failure)

    # what a person does

    def _chosen(self) -> None:
        self._wanted = self.broker.currentData()
        self.reload()

    def _offer_brokers(self) -> None:
        edits = bool(self.model.edits)
        self.broker.setEnabled(not edits)
        self.broker.setToolTip("Apply or discard the changes first." if edits else _WHOSE)
