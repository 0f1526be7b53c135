"""How fast something went, over time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import QSize

from kexplorer.formats.numbers import rate, timestamp
from kexplorer.services.lag_lines import LineKey, Metric
from kexplorer.ui.theme import Tokens, tokens
from kexplorer.ui.widgets.lag_axes import ValueAxis
from kexplorer.ui.widgets.lag_plot import TimePlot, clear

_LEAST = 30.0  # seconds that it shows
_FILL = 46  # alpha below the line


class RateChart(TimePlot):
    def __init__(self, name: str) -> None:
        axis = ValueAxis()
        axis.metric = Metric.PRODUCED
        self._rates: Sequence[tuple[float, float]] = ()
        self._curve = pg.PlotCurveItem(fillLevel=0)
        super().__init__(name, axis)
        self.plotItem.addItem(self._curve)
        self.plotItem.showGrid(x=False, y=True, alpha=0.6)

    def sizeHint(self) -> QSize:
        return QSize(480, self.fontMetrics().height() * 9)

    def show_rates(self, rates: Sequence[tuple[float, float]]) -> None:
        """Moments (seconds since 1970), the oldest first, and what was done in a second then."""
        self._rates = rates
        self._curve.setData([at for at, _ in rates], [value for _, value in rates])
        self.box.setYRange(0, max((value for _, value in rates), default=0.0) * 1.2 or 1.0, padding=0)
        if rates:
            self.set_whole(min(rates[0][0], rates[-1][0] - _LEAST), rates[-1][0])

    def told_at(self, at: float, y: float) -> tuple[str, LineKey | None]:
        number = bisect_left(self._rates, at, key=lambda each: each[0])
        if number == len(self._rates) or at < self._rates[0][0]:
            return "", None
        when, value = self._rates[number]
        return f"{timestamp(int(when * 1000), self.time_axis.zone)[:19]}\n{rate(value)}", None

    def colour(self) -> Tokens:
        look = super().colour()
        self._curve.setPen(pg.mkPen(look.series[0], width=1))
        self._curve.setBrush(clear(tokens(self.palette()).series[0], _FILL))
        return look
