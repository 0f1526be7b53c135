"""A group at a glance: what it is, how far it is behind, and whether that is well."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import tzinfo

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from kexplorer.formats.numbers import count, duration, rate, timestamp
from kexplorer.model.groups import Group
from kexplorer.model.lag import GroupLag, TimeLag
from kexplorer.model.topics import TopicPartition
from kexplorer.model.verdicts import Rates
from kexplorer.services.lag_watch import LagWatch
from kexplorer.ui.models.groups import verdict_tone
from kexplorer.ui.widgets.figure_tile import FigureTile
from kexplorer.ui.widgets.labels import plain_label

_TILES = {"Verdict": 5, "Lag": 3, "Time lag": 3, "Commits": 3, "Caught up in": 3}  # and how wide each is to the others


class GroupHeader(QWidget):
    """`controls` stand to the right of its name."""

    def __init__(self, group: str, controls: Sequence[QWidget]) -> None:
        super().__init__()
        self.facts = plain_label(f"Looking at {group} …", "muted", selectable=True)
        self.tiles = {name: FigureTile(name) for name in _TILES}
        self.tiles["Time lag"].setToolTip("From the oldest record to be read until now, and to the newest record")
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.facts)
        top.addStretch()
        for control in controls:
            top.addWidget(control)
        tiles = QHBoxLayout()
        tiles.setSpacing(8)
        for name, stretch in _TILES.items():
            tiles.addWidget(self.tiles[name], stretch)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(8)
        column.addLayout(top)
        column.addLayout(tiles)

    def show_seen(self, seen: GroupLag, watch: LagWatch, times: Mapping[TopicPartition, TimeLag], zone: tzinfo) -> None:
        name = seen.group.id
        self.facts.setText(" · ".join([*facts_of(seen.group), f"seen {timestamp(int(seen.at * 1000), zone)[11:19]}"]))
        if verdict := watch.verdicts.get(name):
            figure = str(verdict.state) if verdict.judged else "–"
            self.tiles["Verdict"].show_figure(figure, verdict.reason, verdict_tone(verdict))
            self.tiles["Verdict"].setToolTip(html.escape(verdict.reason))
        lag, rates = seen.lag, watch.rates(name)
        if lag is None:
            self.tiles["Lag"].show_figure("–", "no committed offset", "muted")
        else:
            self.tiles["Lag"].show_figure(count(lag), _spread(seen), "text")
        self.tiles["Time lag"].show_figure(*_oldest(times))
        self.tiles["Commits"].show_figure(*_paces(rates))
        self.tiles["Caught up in"].show_figure(*_forecast(lag, rates, watch.eta(name)))


def facts_of(group: Group) -> list[str]:
    """As in "stable", "classic", "assigned by range", "coordinator 2", "3 members"."""
    facts = [group.state.value, group.type.value]
    facts += [f"assigned by {group.assignor}"] if group.assignor else []
    facts += [f"coordinator {group.coordinator}"] if group.coordinator is not None else []
    members = len(group.members)
    return [*facts, "1 member" if members == 1 else f"{count(members)} members"]


def _spread(seen: GroupLag) -> str:
    behind = sum((each.lag or 0) > 0 for each in seen.readings)
    return f"in {count(behind)} of {count(len(seen.readings))} partitions" if behind else "nothing to read"


def _oldest(times: Mapping[TopicPartition, TimeLag]) -> tuple[str, str, str]:
    """Of the partition where it is the longest: to now, and to the newest record."""
    known = {source: each.seconds for source, each in times.items() if each.seconds is not None}
    if not known:
        return "–", "not known yet", "muted"
    source = max(known, key=lambda each: known[each])
    behind = times[source].behind
    if behind is None:
        return duration(max(known[source], 0)), "nothing to read", "text"
    return duration(max(known[source], 0)), f"{duration(behind)} to the newest", "text"


def _paces(rates: Rates) -> tuple[str, str, str]:
    if rates.committed is None:
        return "–", "not known yet", "muted"
    written = "" if rates.produced is None else f"{rate(rates.produced)} written"
    return rate(rates.committed), written, "text"


def _forecast(lag: int | None, rates: Rates, eta: float | None) -> tuple[str, str, str]:
    if eta is not None:
        return ("now", "caught up", "text") if eta == 0 else (duration(eta), "if it goes on so", "text")
    match rates.outlook(lag):
        case "":
            return "–", "not known yet", "muted"
        case "never":
            return "never", "at this pace", "warn"
        case well:
            return well, "with what is written", "text"
