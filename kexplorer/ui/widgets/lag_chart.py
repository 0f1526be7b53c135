"""Lag over time as lines or as layers upon each other: the leaders one by one, all others as one band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPolygonF
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from kexplorer.formats.numbers import timestamp
from kexplorer.services.lag_lines import LineKey, Metric
from kexplorer.ui.theme import tokens
from kexplorer.ui.widgets.lag_axes import ValueAxis, value_text
from kexplorer.ui.widgets.lag_grid import Floats, Lines, span_of
from kexplorer.ui.widgets.lag_plot import TimePlot, clear, nearest

MOST_LINES = 20  # drawn one by one: each costs time at every paint
_REST_ALPHA, _LAYER_ALPHA, _BEHIND_ALPHA = 46, 190, 70


@dataclass(frozen=True, slots=True)
class How:
    """`chosen` is drawn before all others."""

    stacked: bool = False
    logarithmic: bool = False
    chosen: LineKey | None = None


class LagChart(TimePlot):
    """Lines or layers, of which 1 pixel wide ones cost a tenth of wider ones."""

    def __init__(self, name: str) -> None:
        self.value_axis = ValueAxis()
        super().__init__(name, self.value_axis)
        self._metric = Metric.LAG
        self._how = How()
        self._times: Floats = np.empty(0)
        self._leaders = self._rest = Lines((), np.empty((0, 0)), np.empty((0, 0)))
        self._rest_top: Floats = np.empty((0, 0))
        self._colours: Mapping[LineKey, int] = {}
        self._layers = _Layers()
        self._first = pg.PlotCurveItem(connect="finite", antialias=False)  # what is chosen, wider than the others
        self._dot = pg.ScatterPlotItem(size=8, pen=None)
        self.plotItem.addItem(self._layers, ignoreBounds=True)
        self.plotItem.addItem(self._first, ignoreBounds=True)
        self.plotItem.addItem(self._dot, ignoreBounds=True)
        self._first.setZValue(5)
        self._dot.setZValue(10)
        self.plotItem.showGrid(x=False, y=True, alpha=0.6)

    @property
    def drawn(self) -> int:
        """How many lines and layers there are on it."""
        return int(self._first.isVisible()) + len(self._layers.lines) + len(self._layers.shapes)

    def show_lines(
        self, times: Floats, leaders: Lines, rest: Lines, metric: Metric, colours: Mapping[LineKey, int], how: How
    ) -> None:
        """`leaders` are drawn each in its colour of the theme's series, of `rest` what is between the least and the
        greatest of them."""
        self._times, self._leaders, self._rest = times, leaders, rest
        self._colours, self._how = colours, how
        self._metric = self.value_axis.metric = metric
        if how.logarithmic != self.value_axis.logarithmic:
            self.value_axis.logarithmic = how.logarithmic
            self.value_axis.picture = None
        if len(times):
            self.set_whole(*span_of(times, *(lines for lines in (leaders, rest) if lines.keys)))
        self.redraw()

    def redraw(self) -> None:
        if self._how.stacked:
            self._draw_layers()
        else:
            self._draw_lines()
        self._fit()

    def shown_changed(self) -> None:
        self._fit()

    def told_at(self, at: float, y: float) -> tuple[str, LineKey | None]:
        column = self._column(at)
        if column is None:
            return "", None
        number = self._at(column, y)
        when = timestamp(int(self._times[column] * 1000), self.time_axis.zone)[:19]
        self._dot.setVisible(number is not None)
        if number is None:
            return (f"{when}\n{self._rest_words(column)}", None) if len(self._rest.keys) else (when, None)
        key, value = self._leaders.keys[number], float(self._leaders.high[number, column])
        colour = tokens(self.palette()).series[self._colours.get(key, 0)]
        top = self._tops()[number, column] if self._how.stacked else self._scaled(self._leaders.high[number, column])
        self._dot.setData([self._times[column]], [top], brush=QColor(colour))
        low = float(self._leaders.low[number, column])
        words = value_text(value, self._metric)
        if low < value:
            words = f"{value_text(low, self._metric)} to {words}"
        return f"{when}\n{key.name}\n{words}", key

    # drawing

    def _draw_lines(self) -> None:
        look = tokens(self.palette())
        rest = []
        self._rest_top = np.empty((0, len(self._times)))
        if self._rest.keys:
            low, high = self._rest.envelope()
            self._rest_top = self._scaled(high)[None, :]
            rest = [(self._scaled(low), self._scaled(high), clear(look.muted, _REST_ALPHA))]
        lines = []
        self._first.hide()
        for number in reversed(range(len(self._leaders.keys))):  # the greatest above all others
            key = self._leaders.keys[number]
            colour = QColor(look.series[self._colours.get(key, 0)])
            low, high = (self._scaled(each[number]) for each in (self._leaders.low, self._leaders.high))
            outline = _outline(self._times, low, high)
            if key == self._how.chosen:
                self._first.setData(*outline, pen=pg.mkPen(colour, width=2))
                self._first.show()
                continue
            if self._how.chosen:
                colour.setAlpha(_BEHIND_ALPHA)
            lines.append((*outline, colour))
        self._layers.set_shapes(self._times, rest, lines)

    def _draw_layers(self) -> None:
        look = tokens(self.palette())
        self._first.hide()
        tops = self._tops()
        shapes = []
        for number in reversed(range(len(tops))):
            is_rest = number == len(self._leaders.keys)
            key = None if is_rest else self._leaders.keys[number]
            colour = look.muted if key is None else look.series[self._colours.get(key, 0)]
            behind = self._how.chosen is not None and key != self._how.chosen
            below = tops[number - 1] if number else np.where(np.isnan(tops[number]), np.nan, 0.0)
            alpha = _REST_ALPHA if is_rest else _BEHIND_ALPHA if behind else _LAYER_ALPHA
            shapes.append((below, tops[number], clear(colour, alpha)))
        self._layers.set_shapes(self._times, shapes)

    def _tops(self) -> Floats:
        """The upper edges of layers, from the lowest up; what is not known of one takes no place in the others."""
        values = self._leaders.high
        if self._rest.keys:
            rest = self._rest.high
            total = np.where(np.isnan(rest).all(axis=0), np.nan, np.nansum(rest, axis=0))
            values = np.vstack([values, total]) if values.size else total[None, :]
        if not len(values):
            return values
        tops = np.cumsum(np.nan_to_num(values), axis=0)
        tops[:, np.isnan(values).all(axis=0)] = np.nan
        return self._scaled(tops)

    def _scaled(self, values: Floats) -> Floats:
        return np.log10(values + 1.0) if self.value_axis.logarithmic else values

    def _fit(self) -> None:
        """The values from 0 to the greatest one that is on the screen."""
        if not len(self._times):
            return
        first, last = self.box.viewRange()[0]
        seen = (self._times >= first) & (self._times <= last)
        tops = [self._tops()[-1:]] if self._how.stacked else [self._scaled(self._leaders.high), self._rest_top]
        top = max(float(np.nan_to_num(each[:, seen], nan=0.0).max(initial=0.0)) for each in tops)
        self.box.setYRange(0.0, max(top * 1.06, 1.0 if not self.value_axis.logarithmic else 0.5), padding=0)

    # the mouse

    def _column(self, at: float) -> int | None:
        if len(self._times) < 2:
            return None
        return nearest(float(self._times[0]), float(self._times[1] - self._times[0]), len(self._times), at)

    def _at(self, column: int, y: float) -> int | None:
        """The line nearest to a height; of layers the one that is there."""
        count = len(self._leaders.keys)
        if not count:
            return None
        if self._how.stacked:
            tops = self._tops()[:, column]
            above = np.flatnonzero(tops >= y)
            return int(above[0]) if above.size and above[0] < count else None
        away = np.abs(self._scaled(self._leaders.high[:, column]) - y)
        return None if np.isnan(away).all() else int(np.nanargmin(away))

    def _rest_words(self, column: int) -> str:
        low, high = self._rest.envelope()
        if np.isnan(high[column]):
            return "Nothing is known of this time."
        between = f"{value_text(float(low[column]), self._metric)} to {value_text(float(high[column]), self._metric)}"
        return f"{len(self._rest.keys):,} others: {between}"


class _Layers(pg.GraphicsObject):  # type: ignore[misc]
    """Shapes between two lines, and lines of a pixel above them, all with the gaps of what is known. One item: each has
    bounds and a path of its own to keep, which takes longer than the drawing."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[list[QPolygonF], QColor]] = []
        self.lines: list[tuple[list[QPolygonF], QColor]] = []
        self._bounds = QRectF()

    def set_shapes(
        self,
        times: Floats,
        shapes: Sequence[tuple[Floats, Floats, QColor]],
        lines: Sequence[tuple[Floats, Floats, QColor]] = (),
    ) -> None:
        self.prepareGeometryChange()
        self.shapes = [(_polygons(times, low, high), colour) for low, high, colour in shapes]
        self.lines = [(_polylines(x, y), colour) for x, y, colour in lines]
        self._bounds = QRectF()
        for polygons, _ in (*self.shapes, *self.lines):
            for polygon in polygons:
                self._bounds = self._bounds.united(polygon.boundingRect())
        self.update()

    def boundingRect(self) -> QRectF:
        return self._bounds

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        for polygons, colour in self.shapes:
            painter.setBrush(colour)
            for polygon in polygons:
                painter.drawPolygon(polygon)
        for polygons, colour in self.lines:
            painter.setPen(pg.mkPen(colour))
            for polygon in polygons:
                painter.drawPolyline(polygon)


def _polylines(x: Floats, y: Floats) -> list[QPolygonF]:
    return [_polygon(x[piece], y[piece]) for piece in _pieces(~np.isnan(y))]


def _pieces(known: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Where it is known without a gap."""
    places = np.flatnonzero(known)
    return np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if places.size else []


def _polygon(x: Floats, y: Floats) -> QPolygonF:
    polygon: QPolygonF = pg.functions.create_qpolygonf(len(x))
    points = pg.functions.ndarray_from_qpolygonf(polygon)
    points[:, 0], points[:, 1] = x, y
    return polygon


def _polygons(times: Floats, low: Floats, high: Floats) -> list[QPolygonF]:
    half = (times[1] - times[0]) / 2 if len(times) > 1 else 0.5
    found = []
    for piece in _pieces(~np.isnan(high) & ~np.isnan(low)):
        x = times[piece] if len(piece) > 1 else times[[piece[0], piece[0]]] + [-half, half]
        upper, lower = (each[piece] if len(piece) > 1 else each[[piece[0], piece[0]]] for each in (high, low))
        found.append(_polygon(np.append(x, x[::-1]), np.append(upper, lower[::-1])))
    return found


def _outline(times: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Through the middle of each column, and where it has more than one value down and up."""
    if np.array_equal(low, high, equal_nan=True):
        lone = ~np.isnan(high)
        lone &= np.isnan(np.append(high[1:], np.nan)) & np.isnan(np.insert(high[:-1], 0, np.nan))
        if not lone.any():
            return times, high
        low = high  # a point without neighbours is drawn as a dash, else nothing would be seen of it
    x = np.repeat(times, 2)
    quarter = (times[1] - times[0]) / 4 if len(times) > 1 else 0.0
    x[::2] -= quarter
    x[1::2] += quarter
    y = np.empty(2 * len(times))
    y[::2], y[1::2] = low, high
    return x, y
