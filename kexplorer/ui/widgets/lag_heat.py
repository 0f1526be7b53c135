"""Lag of many lines over time: a row for each, the worst on top, the deeper the colour the more."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor

from kexplorer.formats.numbers import timestamp
from kexplorer.services.lag_lines import LineKey, Metric
from kexplorer.ui.theme import Tokens, tokens
from kexplorer.ui.widgets.lag_axes import value_text
from kexplorer.ui.widgets.lag_grid import Floats, Lines, span_of
from kexplorer.ui.widgets.lag_plot import TimePlot, nearest

MOST_ROWS = 1000
_SHADES = 256
_ROW = 16  # pixels for a name
_LONGEST = 28  # characters of a name beside its row


class LagHeat(TimePlot):
    def __init__(self, name: str) -> None:
        self._names = _NameAxis()
        super().__init__(name, self._names)
        self._times: Floats = np.empty(0)
        self._lines = Lines((), np.empty((0, 0)), np.empty((0, 0)))
        self._metric = Metric.LAG
        self._image = pg.ImageItem(axisOrder="row-major")
        self.plotItem.addItem(self._image, ignoreBounds=True)
        self.box.invertY(True)

    @property
    def drawn(self) -> int:
        return len(self._lines.keys)

    def show_lines(self, times: Floats, lines: Lines, metric: Metric) -> None:
        """`lines` are those to draw, in their order from the top."""
        self._times, self._lines, self._metric = times, lines, metric
        step = float(times[1] - times[0]) if len(times) > 1 else 1.0
        first = float(times[0]) - step / 2 if len(times) else 0.0
        if len(times):
            self.set_whole(*span_of(times, lines))
        self._names.names = [key.name for key in lines.keys]
        self._names.picture = None
        self._names.update()
        rows = len(lines.keys)
        self._image.setVisible(rows > 0)
        if rows:
            self._image.setImage(self._shaded(), autoLevels=False, levels=None, lut=_shades(tokens(self.palette())))
            self._image.setRect(QRectF(first, 0.0, step * len(times), float(rows)))
        self.box.setYRange(0.0, float(max(rows, 1)), padding=0)

    def redraw(self) -> None:
        self.show_lines(self._times, self._lines, self._metric)

    def told_at(self, at: float, y: float) -> tuple[str, LineKey | None]:
        if len(self._times) < 2 or not 0 <= y < len(self._lines.keys):
            return "", None
        step = float(self._times[1] - self._times[0])
        column = nearest(float(self._times[0]), step, len(self._times), at)
        if column is None:
            return "", None
        key, value = self._lines.keys[int(y)], float(self._lines.high[int(y), column])
        words = "not known" if np.isnan(value) else value_text(value, self._metric)
        return f"{timestamp(int(self._times[column] * 1000), self.time_axis.zone)[:19]}\n{key.name}\n{words}", key

    def colour(self) -> Tokens:
        look = super().colour()
        if hasattr(self, "_image"):
            self.redraw()
        return look

    def _shaded(self) -> np.ndarray:
        """The shade of each cell, by the logarithm of its value. What is not known is left out."""
        unknown = np.isnan(self._lines.high)
        shares = np.log1p(np.where(unknown, 0.0, self._lines.high).astype(np.float32))
        shares /= float(shares.max(initial=0.0)) or 1.0
        shade = (shares * shares * shares * (_SHADES - 2) + 1.0).astype(np.uint8)
        shade[unknown] = 0
        return shade


class _NameAxis(pg.AxisItem):  # type: ignore[misc]
    """The name beside each row; beside some of them where there is no room for all."""

    def __init__(self) -> None:
        super().__init__("left")
        self.names: list[str] = []
        self.setWidth(190)

    def tickValues(self, minimum: float, maximum: float, size: float) -> list[tuple[float, list[float]]]:
        rows = len(self.names)
        every = max(1, math.ceil(abs(maximum - minimum) * _ROW / max(size, 1.0)))
        return [(1.0, [row + 0.5 for row in range(0, rows, every)])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        found = [self.names[int(value)] for value in values if 0 <= value < len(self.names)]
        return [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in found]


def _shades(look: Tokens) -> np.ndarray:
    """The deeper the more; the first is for what is not known."""
    colours = (look.hover, look.series[1], look.series[4], look.bad)
    stops = np.array(
        [(QColor(colour).red(), QColor(colour).green(), QColor(colour).blue()) for colour in colours], dtype=np.float64
    )
    at = np.linspace(0.0, 1.0, _SHADES)
    channels = [np.interp(at, (0.0, 0.5, 0.85, 1.0), stops[:, channel]) for channel in range(3)]
    shades = np.stack([*channels, np.full(_SHADES, 255.0)], axis=1).astype(np.uint8)
    shades[0] = 0
    return shades
