"""What opens as a tab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from kexplorer.model.failure import Failure
from kexplorer.ui.tasks import Tasks


class Panel(QWidget):
    """One tab of the workspace. Owns the work that was started for it (`tasks`).

    `key` is its identity, the same in every session: a panel that is open is shown, not opened twice. It is what the
    saved layout knows of it, so it must say all that is needed to make the panel again. `profile` names the connection
    that it looks through, "" for none; `colour` is that profile's colour name.
    """

    status_changed = Signal(str)
    title_changed = Signal()

    def __init__(self, key: str, title: str, icon_name: str, profile: str = "", colour: str = "") -> None:
        super().__init__()
        self.key = key
        self.title = title
        self.icon_name = icon_name
        self.profile = profile
        self.colour = colour
        self.status_text = ""
        self.tasks = Tasks(self.show_failure)

    def say(self, sentence: str) -> None:
        """Shows one plain sentence in the status bar, for as long as this panel is the current one."""
        self.status_text = sentence
        self.status_changed.emit(sentence)

    def set_title(self, title: str) -> None:
        self.title = title
        self.title_changed.emit()

    def panel_actions(self) -> Sequence[QAction]:
        """What the Panel menu and the command palette offer while this panel is the current one. The actions belong to
        the panel and live as long as it does."""
        return ()

    def set_zone(self, zone: tzinfo) -> None:
        """The time zone of all times that it shows or takes."""

    def show_failure(self, failure: Failure) -> None:
        """Where a failed task of this panel is told; panels with an error strip show it there."""
        self.say(str(failure))

    def save_state(self) -> dict[str, object]:
        """What the layout keeps of this panel: plain JSON values."""
        return {}

    def restore_state(self, state: Mapping[str, object]) -> None:
        """Takes what `save_state` gave, perhaps in an older version or damaged by hand: what doesn't fit is ignored."""

    def why_stay(self) -> str:
        """What would be lost if a person closed it now, in a sentence; "" for nothing. Then nobody is asked."""
        return ""

    async def close_panel(self) -> None:
        """Ends the panel's work; awaited before it is deleted. May be called a second time at exit."""
        await self.tasks.close()
