"""What the legend of a chart tells of each line, by what the watch knows of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from kexplorer.model.topics import TopicPartition
from kexplorer.model.verdicts import Rates
from kexplorer.services.lag_lines import LineKey, Metric
from kexplorer.services.lag_watch import LagWatch
from kexplorer.ui.models.lag_lines import LagLine

_COLOURS = 8  # that the theme has for series


class Look(NamedTuple):
    """How a line looks in the chart."""

    metric: Metric
    now: float | None
    trend: tuple[int, ...]
    colour: int | None
    hidden: bool


def line_of(watch: LagWatch, key: LineKey, look: Look, warning: str) -> LagLine:
    if key.partition >= 0 and not key.life:
        source = TopicPartition(key.topic, key.partition)
        verdict, series = watch.verdicts_of(key.group).get(source), watch.series(key.group).get(source)
        lag = max(series.lag[-1], 0) if series is not None and len(series) else 0  # below: not known
        rates = partial(watch.rates, key.group, [source])
        return LagLine(key, *look, verdict, lag, lambda: rates().eta(lag), rates, warning)
    if key.group and not key.life:
        seen, verdict = watch.latest.get(key.group), watch.verdicts.get(key.group)
        eta, rates = partial(watch.eta, key.group), partial(watch.rates, key.group)
        return LagLine(key, *look, verdict, (seen and seen.lag) or 0, eta, rates, warning)
    return LagLine(key, *look, None, 0, lambda: None, Rates)


def coloured(before: Mapping[LineKey, int], leaders: Sequence[LineKey]) -> dict[LineKey, int]:
    """A colour for each; who has one keeps it, others get what is used least."""
    found = {key: before[key] for key in leaders if key in before}
    used = Counter(found.values())
    for key in leaders:
        if key not in found:
            found[key] = min(range(_COLOURS), key=lambda number: (used[number], number))
            used[found[key]] += 1
    return found
