"""The legend of a chart of lag: each line with its value now, its course, its verdict and what will become of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject

from kexplorer.formats.numbers import count, duration, rate
from kexplorer.model.verdicts import Rates, Verdict
from kexplorer.services.lag_lines import LineKey, Metric
from kexplorer.ui.models.groups import verdict_tone, verdict_words
from kexplorer.ui.models.rows import Column, RowsModel


@dataclass(frozen=True, slots=True)
class LagLine:
    """`colour` is its number in the theme's series, None where it is one of many in a band. `now` is in what the chart
    shows, `lag` in messages, 0 where it is not known; `eta` says in how many seconds it will have caught up, None
    where it won't or that is not known. `warning`: what retention will delete."""

    key: LineKey
    metric: Metric
    now: float | None
    trend: tuple[int, ...]
    colour: int | None
    hidden: bool
    verdict: Verdict | None
    lag: int
    eta: Callable[[], float | None]
    rates: Callable[[], Rates]
    warning: str = ""


def value_words(value: float, metric: Metric) -> str:
    match metric:
        case Metric.LAG:
            return count(round(value))
        case Metric.TIME:
            return duration(value)
        case Metric.PRODUCED | Metric.COMMITTED:
            return rate(value)


def _eta(row: LagLine) -> str:
    if not row.lag:
        return ""
    if (seconds := row.eta()) is not None:
        return duration(seconds)
    return row.rates().outlook(row.lag)


def _severity(row: LagLine) -> tuple[int, str]:
    return (row.verdict.state.severity if row.verdict else -1, verdict_words(row.verdict))


COLUMNS: tuple[Column[LagLine], ...] = (
    Column("Line", lambda r: r.key.name, lambda r: r.key.name.lower(), 27),
    Column(
        "Now",
        lambda r: "" if r.now is None else value_words(r.now, r.metric),
        lambda r: -1.0 if r.now is None else r.now,
        12,
        True,
        "Empty: not known",
    ),
    Column(
        "Trend",
        lambda r: f"{count(r.trend[0])} → {count(r.trend[-1])}" if len(r.trend) > 1 else "",
        lambda r: r.trend[-1] - r.trend[0] if r.trend else 0,
        13,
        tip="Over the time of the chart",
    ),
    Column(
        "Caught up in",
        _eta,
        lambda r: r.eta() or (float("inf") if r.lag else 0.0),
        15,
        True,
        "If it goes on writing and reading as in the last minute",
    ),
    Column("Verdict", lambda r: verdict_words(r.verdict), _severity, 40),
    Column("Retention", lambda r: r.warning, lambda r: r.warning, 20, tip="What will be deleted before it was read"),
)
TREND = 2


def _tone(row: LagLine, column: int) -> str:
    if row.hidden:
        return "disabled"
    match COLUMNS[column].title:
        case "Verdict":
            return verdict_tone(row.verdict)
        case "Retention":
            return "warn"
        case "Caught up in":
            return "text" if row.lag else "muted"
    return "text"


class LagLinesModel(RowsModel[LagLine]):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(
            COLUMNS,
            lambda r: r.key,
            lambda r: "\n".join(part for part in (r.key.name, verdict_words(r.verdict), r.warning) if part),
            _tone,
            parent,
        )
