"""Opens the other views of topics, records and replays that one leads to from a panel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kexplorer.model.records import Record
from kexplorer.model.topics import TopicPartition
from kexplorer.ui.panels.keys import (
    consumer_key,
    correlation_key,
    dead_letters_key,
    entity_key,
    latest_key,
    plan_key,
    replays_key,
    run_key,
)
from kexplorer.ui.panels.topic_views import View

if TYPE_CHECKING:
    from kexplorer.explorer import Explorer
    from kexplorer.model.replay import Plan
    from kexplorer.ui.panel import Panel

P = TypeVar("P", bound="Panel")

# Panels are imported when they are first wanted.
# ruff: noqa: PLC0415


class Views:
    def __init__(self, explorer: Explorer) -> None:
        self._explorer = explorer

    def show(self, profile: str, view: View, topics: Sequence[str], records: Sequence[Record] = ()) -> None:
        """Of `topics`; of `records` where some are selected: of their key, or of just those."""
        key = records[0].key if len(records) == 1 else None
        match view:
            case View.REPLAY:
                self.plan(profile, self._plan_of(profile, topics, records if len(records) > 1 else ()))
            case View.DEAD_LETTERS:
                self._explorer.window.workspace.open(dead_letters_key(profile, topics[0]))
            case View.ENTITY:
                self.entity(profile, topics, key)
            case View.LATEST:
                self._explorer.window.workspace.open(latest_key(profile, *topics))
            case View.CORRELATION:
                self.follow(profile, topics, key)

    def entity(self, profile: str, topics: Sequence[str], key: bytes | None) -> None:
        from kexplorer.ui.panels.entity import EntityPanel

        panel = self._open(EntityPanel, entity_key(profile, *topics))
        if key is not None:
            panel.open(key)

    def follow(self, profile: str, topics: Sequence[str], key: bytes | None) -> None:
        from kexplorer.ui.panels.correlation import CorrelationPanel

        panel = self._open(CorrelationPanel, correlation_key(profile, *topics))
        if key is not None:
            panel.follow(key.decode("utf-8", "surrogateescape"))

    def replays(self, profile: str) -> None:
        self._explorer.window.workspace.open(replays_key(profile))

    def plan(self, profile: str, plan: Plan | Path | None) -> None:
        """None begins a new one."""
        from kexplorer.ui.panels.replay_plan import PlanPanel

        panel = self._open(PlanPanel, plan_key(profile))
        if plan is None:
            panel.begin()
        elif isinstance(plan, Path):
            panel.open_plan(plan)
        else:
            panel.show_plan(plan)

    def run(self, profile: str, plan: Path) -> None:
        """How a replay goes."""
        self._explorer.window.workspace.open(run_key(profile, str(plan)))

    def trial(self, profile: str, subject: str) -> None:
        """A test consumer; `subject` is "group:NAME" or "topic:NAME"."""
        self._explorer.window.workspace.open(consumer_key(profile, subject))

    def start(self, profile: str, plan: Path) -> None:
        self._explorer.replays.start(plan)
        self.run(profile, plan)

    def _plan_of(self, profile: str, topics: Sequence[str], records: Sequence[Record]) -> Plan | None:
        """A beginning that a person completes: where it goes to is not known yet."""
        from kexplorer.model.replay import Plan, ReplaySource, ReplayTarget
        from kexplorer.services.replay_plan import place_of

        found = self._explorer.profile(profile)
        if found is None:
            return None
        place, selected = place_of(found), defaultdict(list)
        for record in records:
            selected[TopicPartition(record.topic, record.partition)].append(record.offset)
        offsets = {source: tuple(sorted(each)) for source, each in selected.items()}
        source = ReplaySource(place, tuple(topics), selected=offsets)
        return Plan("", source, ReplayTarget(place, dict.fromkeys(topics, "")))

    def _open(self, kind: type[P], key: str) -> P:
        panel = self._explorer.window.workspace.open(key)
        assert isinstance(panel, kind)  # noqa: S101  (by its key)
        return panel
