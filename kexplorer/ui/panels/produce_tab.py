"""What the tabs of a produce panel have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtWidgets import QHBoxLayout, QWidget

from kexplorer.model.failure import Failure
from kexplorer.model.produce import MessageTemplate, refuse_writing
from kexplorer.model.profile import Profile
from kexplorer.model.topics import IsolationLevel, Topic
from kexplorer.services.jobs import Jobs
from kexplorer.services.sessions import Session
from kexplorer.ui.lazy_tabs import Tab


class Templates(Protocol):
    """Messages that a person gave a name. Every call answers with all of them, by name; raises `Failure`."""

    async def load(self) -> dict[str, MessageTemplate]: ...

    async def save(self, name: str, template: MessageTemplate) -> dict[str, MessageTemplate]: ...

    async def delete(self, name: str) -> dict[str, MessageTemplate]: ...


@dataclass(frozen=True, slots=True)
class ProduceOf:
    """The connection that is written through, and what the window does for the panel: `open_session` connects when that
    is needed, `open_message` shows one by topic, partition and offset, `open_messages` topics from their ends."""

    profile: Profile
    open_session: Callable[[], Awaitable[Session]]
    jobs: Jobs
    templates: Templates
    open_message: Callable[[str, int, int], None]
    open_messages: Callable[[Sequence[str], IsolationLevel], None]

    @property
    def refused(self) -> Failure | None:
        """Why nothing can be sent, if so."""
        try:
            refuse_writing(self.profile)
        except Failure as failure:
            return failure
        return None


class ProduceTab(Tab):
    def __init__(self, of: ProduceOf) -> None:
        super().__init__(can_retry=False)
        self.of = of

    @property
    def undelivered(self) -> int:
        """Messages under way."""
        return 0

    @property
    def busy(self) -> bool:
        """Something is being sent."""
        return False

    def session_opened(self, session: Session) -> None:
        """The connection is there."""

    def show_topics(self, topics: Sequence[Topic]) -> None:
        """Those that the cluster has."""


def bar(left: Sequence[QWidget], right: Sequence[QWidget] = (), stretched: QWidget | None = None) -> QHBoxLayout:
    """A row of controls; the room that is left goes to `stretched`, or between left and right."""
    row = QHBoxLayout()
    row.setContentsMargins(12, 4, 12, 4)
    row.setSpacing(8)
    for widget in left:
        row.addWidget(widget, int(widget is stretched))
    if stretched is None:
        row.addStretch()
    for widget in right:
        row.addWidget(widget)
    return row
