"""The lag of one group over time, partition by partition."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

from PySide6.QtGui import QHideEvent, QShowEvent

from kexplorer.ui.models.group import as_text
from kexplorer.ui.panels.group_tab import GroupOf, GroupTab
from kexplorer.ui.panels.lag_view import LagView


class GroupLagTab(GroupTab):
    """Since the connection was opened, as far as somebody watched the group; it goes on while it is seen."""

    def __init__(self, group: GroupOf) -> None:
        super().__init__(group)
        self.view = LagView(self.tasks, self.show_failure, group.name)
        self.view.said.connect(lambda words: self.said.emit(f"{group.name}: {words}"))
        self.view.filtered.connect(self.strip.clear_typed)
        self.column.addWidget(self.view, 1)
        self.setFocusProxy(self.view.table)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.tasks.start("watch", self._watch())

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.tasks.cancel("watch")

    def reload(self) -> None:
        self.strip.clear()
        if self.isVisible():
            self.tasks.start("watch", self._watch())

    def text(self) -> str:
        return as_text(self.view.model)

    def set_zone(self, zone: tzinfo) -> None:
        self.view.set_zone(zone)

    def save_state(self) -> dict[str, object]:
        return self.view.bar.save_state()

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.view.bar.restore_state(dict(state))

    async def _watch(self) -> None:
        session = await self.group.open_session()
        await self.view.run(session, session.history)
