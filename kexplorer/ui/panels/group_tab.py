"""What the tabs of a group's panel have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from kexplorer.model.lag import GroupLag, TimeLag
from kexplorer.model.profile import Profile
from kexplorer.model.topics import TopicPartition
from kexplorer.services.lag_watch import LagWatch
from kexplorer.services.sessions import Session
from kexplorer.ui.lazy_tabs import Tab


@dataclass(frozen=True, slots=True)
class GroupOf:
    """A group and the connection that it is seen through. `open_session` connects when that is needed."""

    name: str
    profile: Profile
    open_session: Callable[[], Awaitable[Session]]


@dataclass(frozen=True, slots=True)
class GroupSeen:
    """The newest look at the group, the watch that keeps the earlier ones, and how old what it reads next is, where
    that is known."""

    lag: GroupLag
    watch: LagWatch
    times: Mapping[TopicPartition, TimeLag]


class GroupTab(Tab):
    """`reload` asks the cluster again for what the looks do not bring."""

    def __init__(self, group: GroupOf) -> None:
        super().__init__()
        self.group = group

    def show_seen(self, seen: GroupSeen) -> None:
        """Called after each look while the tab is the one that is seen."""

    def show_unknown(self) -> None:
        """Called where the first look failed; why is told above the tab."""

    def text(self) -> str:
        """Its table, to be copied; "" without one."""
        return ""
