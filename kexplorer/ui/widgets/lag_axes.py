"""The axes of charts over time: moments in a zone, and values in short, by size or by their logarithm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

import pyqtgraph as pg

from kexplorer.formats.numbers import duration
from kexplorer.model.verdicts import duration as round_duration
from kexplorer.services.lag_lines import Metric

_STEPS = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200),  # seconds
    *(days * 86_400 for days in (1, 2, 7, 14, 28)),
)
_LABEL = 90  # pixels for each label of a time
_SHORT = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def short(value: float) -> str:
    """ "950", "12.5k", "3M"."""
    for size, letter in _SHORT:
        if abs(value) >= size * 0.9995:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def value_text(value: float, metric: Metric) -> str:
    if metric is Metric.TIME:
        return duration(value)
    words = f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:,.1f}"
    return words if metric is Metric.LAG else f"{words}/s"


class TimeAxis(pg.AxisItem):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__("bottom")
        self.zone: tzinfo = UTC

    def set_zone(self, zone: tzinfo) -> None:
        self.zone = zone
        self.picture = None
        self.update()

    def tickValues(self, minimum: float, maximum: float, size: float) -> list[tuple[float, list[float]]]:
        wanted = (maximum - minimum) * _LABEL / max(size, 1.0)
        step = next((each for each in _STEPS if each >= wanted), _STEPS[-1])
        ahead = _moment(minimum, self.zone).utcoffset()
        shift = ahead.total_seconds() if ahead else 0.0
        first = math.ceil((minimum + shift) / step) * step - shift
        return [(step, [first + n * step for n in range(int((maximum - first) // step) + 1)])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        moments = [_moment(value, self.zone) for value in values]
        if spacing >= 86_400:
            return [f"{each:%d %b}" for each in moments]
        form = "%H:%M:%S" if spacing < 60 else "%H:%M"
        return [
            f"{each:%d %b}" if each.hour == each.minute == each.second == 0 else each.strftime(form) for each in moments
        ]


class ValueAxis(pg.AxisItem):  # type: ignore[misc]
    """Where `logarithmic`, what is drawn is `scaled`: 0 has its place, too."""

    def __init__(self) -> None:
        super().__init__("left")
        self.logarithmic = False
        self.metric = Metric.LAG

    def tickValues(self, minimum: float, maximum: float, size: float) -> list[tuple[float, list[float]]]:
        if not self.logarithmic:
            step = _round_step((maximum - minimum) * 44 / max(size, 1.0), self.metric)
            first = math.ceil(minimum / step)
            return [(step, [n * step for n in range(first, int(maximum // step) + 1)])]
        powers = [0.0, *(math.log10(10.0**power + 1) for power in range(math.ceil(max(maximum, 0.0)) + 1))]
        return [(1.0, [each for each in powers if minimum <= each <= maximum])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        plain = [10.0**each - 1 for each in values] if self.logarithmic else list(values)
        if self.metric is Metric.TIME:
            return [round_duration(each) if each >= 1 else duration(max(round(each, 3), 0.0)) for each in plain]
        return [short(round(each, 6)) for each in plain]


def _round_step(least: float, metric: Metric) -> float:
    """A step that people count in, no less than `least`."""
    if metric is Metric.TIME and least > 1:
        return float(next((step for step in _STEPS if step >= least), _STEPS[-1]))
    power = 10.0 ** math.floor(math.log10(max(least, 1e-9)))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * 0.999)


def _moment(seconds: float, zone: tzinfo) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, zone)
    except (OverflowError, ValueError, OSError):  # somebody zoomed out to where no calendar goes
        return datetime(1970, 1, 1, tzinfo=UTC)
