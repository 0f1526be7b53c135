"""What the shell's tests share: profiles, topics, and a program that notes what the window asks of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kexplorer.model.profile import Profile
from kexplorer.model.topics import Partition, Topic
from kexplorer.ui.models.cluster_tree import Section
from kexplorer.ui.panels.topic_views import View

SHOP = Profile("shop", "127.0.0.1:9092", colour="green")
LAB = Profile("<b>lab & more</b>", "lab:9092", colour="violet", read_only=True)


class Asked:
    """`ui.commands.Commands`; `calls` holds (command, arguments...)."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def new_connection(self) -> None:
        self.calls.append(("new_connection",))

    def open_demo(self) -> None:
        self.calls.append(("open_demo",))

    def connect(self, profile: str) -> None:
        self.calls.append(("connect", profile))

    def disconnect(self, profile: str) -> None:
        self.calls.append(("disconnect", profile))

    def edit(self, profile: str) -> None:
        self.calls.append(("edit", profile))

    def duplicate(self, profile: str) -> None:
        self.calls.append(("duplicate", profile))

    def delete(self, profile: str) -> None:
        self.calls.append(("delete", profile))

    def refresh(self, profile: str) -> None:
        self.calls.append(("refresh", profile))

    def open_section(self, profile: str, section: Section) -> None:
        self.calls.append((f"open {section.lower()}", profile))

    def open_topic(self, profile: str, topic: str) -> None:
        self.calls.append(("open_topic", profile, topic))

    def open_together(self, profile: str, topics: Sequence[str]) -> None:
        self.calls.append(("open_together", profile, *topics))

    def open_details(self, profile: str, topic: str) -> None:
        self.calls.append(("open_details", profile, topic))

    def open_view(self, profile: str, view: View, topic: str) -> None:
        self.calls.append(("open_view", profile, view, topic))

    def open_produce(self, profile: str, topic: str) -> None:
        self.calls.append(("open_produce", profile, topic))

    def open_doctor(self, profile: str) -> None:
        self.calls.append(("open_doctor", profile))

    def open_alerts(self) -> None:
        self.calls.append(("open_alerts",))

    def open_config_check(self) -> None:
        self.calls.append(("open_config_check",))

    def open_audit(self) -> None:
        self.calls.append(("open_audit",))

    def set_zone(self, zone: str) -> None:
        self.calls.append(("set_zone", zone))

    def choose_zone(self) -> None:
        self.calls.append(("choose_zone",))

    def set_theme(self, theme: str) -> None:
        self.calls.append(("set_theme", theme))

    def set_zoom(self, percent: int) -> None:
        self.calls.append(("set_zoom", percent))


def topics(*names: str) -> list[Topic]:
    return [Topic(name, (Partition(0, 1, (1,), (1,)),)) for name in names]


def numbered(count: int) -> list[Topic]:
    return topics(*(f"team-{i % 37:02}.orders.v{i}" for i in range(count)))


def names(found: Iterable[Topic]) -> list[str]:
    return sorted(topic.name for topic in found)
