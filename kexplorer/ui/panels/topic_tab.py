"""What the tabs of a topic's panel have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kexplorer.model.profile import Profile
from kexplorer.services.sessions import Session
from kexplorer.ui.lazy_tabs import Tab


@dataclass(frozen=True, slots=True)
class TopicOf:
    """A topic and the connection that it is seen through. `open_session` connects when that is needed."""

    name: str
    profile: Profile
    open_session: Callable[[], Awaitable[Session]]


class TopicTab(Tab):
    def __init__(self, topic: TopicOf) -> None:
        super().__init__()
        self.topic = topic
