"""What the tabs of a topic's panel have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.services.sessions import Session
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.error_strip import ErrorStrip


@dataclass(frozen=True, slots=True)
class TopicOf:
    """A topic and the connection that it is seen through. `open_session` connects when that is needed."""

    name: str
    profile: Profile
    open_session: Callable[[], Awaitable[Session]]


class TopicTab(QWidget):
    """Made when it is first looked at. Owns the work that was started for it, and shows what failed of it."""

    said = Signal(str)  # a sentence for the status bar

    def __init__(self, topic: TopicOf) -> None:
        super().__init__()
        self.topic = topic
        self.tasks = Tasks(self.show_failure)
        self.strip = ErrorStrip()
        self.strip.retry_requested.connect(self.reload)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)
        self.column.addWidget(self.strip)

    def reload(self) -> None:
        """Asks the cluster again."""

    def set_zone(self, zone: tzinfo) -> None:
        """The time zone of all times that it shows."""

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)

    def save_state(self) -> dict[str, object]:
        return {}

    def restore_state(self, state: Mapping[str, object]) -> None:
        """Takes what `save_state` gave; what doesn't fit is ignored."""

    def add_bar(self, left: Sequence[QWidget], right: Sequence[QWidget] = ()) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(8)
        for widget in left:
            row.addWidget(widget)
        row.addStretch()
        for widget in right:
            row.addWidget(widget)
        self.column.addLayout(row)
