"""A chart of lag as files: its data, and a picture of it with its legend."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np
from PySide6.QtCore import QBuffer, QIODevice, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from kexplorer.services.lag_lines import Metric
from kexplorer.ui.theme import interface_font, tokens
from kexplorer.ui.widgets.lag_grid import Floats, Lines
from kexplorer.ui.widgets.lag_plot import TimePlot

_MARGIN, _LINE, _SWATCH, _ENTRY = 16, 22, 12, 280  # pixels
_SHARPNESS = 2  # pixels of a PNG file for each on the screen
_UNITS = {
    Metric.LAG: "offsets",
    Metric.TIME: "seconds",
    Metric.PRODUCED: "offsets/s",
    Metric.COMMITTED: "offsets/s",
}

Entry = tuple[str, str]  # a name and its colour


def csv_of(times: Floats, lines: Lines, metric: Metric) -> str:
    """A row for each value that is known, times in UTC."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["time", "group", "topic", "partition", "metric", "unit", "least", "most"])
    for at, number, low, high in _values(times, lines):
        key = lines.keys[number]
        place = [key.group, key.topic, key.partition if key.partition >= 0 else ""]
        writer.writerow([at, *place, metric.value, _UNITS[metric], low, high])
    return out.getvalue()


def json_of(times: Floats, lines: Lines, metric: Metric) -> str:
    """An object for each line, with its values that are known."""
    found: list[dict[str, object]] = []
    values: list[list[dict[str, object]]] = [[] for _ in lines.keys]
    for at, number, low, high in _values(times, lines):
        values[number].append({"time": at, "least": low, "most": high})
    for key, course in zip(lines.keys, values, strict=True):
        place = {"group": key.group or None, "topic": key.topic or None}
        part = key.partition if key.partition >= 0 else None
        about = {"metric": metric.value, "unit": _UNITS[metric]}
        found.append({"name": key.name, **place, "partition": part, **about, "values": course})
    return json.dumps(found, ensure_ascii=False, indent=1)


def _values(times: Floats, lines: Lines) -> Iterator[tuple[str, int, float, float]]:
    for number in range(len(lines.keys)):
        for column in np.flatnonzero(~np.isnan(lines.high[number])):
            at = datetime.fromtimestamp(round(float(times[column]), 3), UTC).isoformat().replace("+00:00", "Z")
            yield at, number, round(float(lines.low[number, column]), 3), round(float(lines.high[number, column]), 3)


def png_of(plot: TimePlot, title: str, entries: Sequence[Entry]) -> bytes:
    size = _size(plot, entries)
    image = QImage(size * _SHARPNESS, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(_SHARPNESS)
    painter = QPainter(image)
    _paint(painter, plot, title, entries)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # the stubs want bytes, PySide text
    return bytes(buffer.data().data())


def svg_of(plot: TimePlot, title: str, entries: Sequence[Entry]) -> bytes:
    from PySide6.QtSvg import QSvgGenerator  # noqa: PLC0415  (hardly anybody wants it)

    size, buffer = _size(plot, entries), QBuffer()
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(QRect(0, 0, size.width(), size.height()))
    generator.setTitle(title)
    painter = QPainter(generator)
    _paint(painter, plot, title, entries)
    painter.end()
    return bytes(buffer.data().data())


def _columns(plot: TimePlot) -> int:
    return max((int(plot.width()) - 2 * _MARGIN) // _ENTRY, 1)


def _size(plot: TimePlot, entries: Sequence[Entry]) -> QSize:
    rows = -(-len(entries) // _columns(plot))
    return QSize(plot.width(), plot.height() + 2 * _LINE + rows * _LINE + _MARGIN)


def _paint(painter: QPainter, plot: TimePlot, title: str, entries: Sequence[Entry]) -> None:
    look, size, columns = tokens(plot.palette()), _size(plot, entries), _columns(plot)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillRect(QRect(0, 0, size.width(), size.height()), QColor(look.base))
    painter.setFont(interface_font(11))
    painter.setPen(QColor(look.text))
    painter.drawText(QPointF(_MARGIN, _LINE), title)
    top = 2 * _LINE
    plot.render(painter, QRectF(0, top, plot.width(), plot.height()), plot.rect(), Qt.AspectRatioMode.IgnoreAspectRatio)
    painter.setFont(interface_font(9))
    for number, (name, colour) in enumerate(entries):
        left = _MARGIN + number % columns * _ENTRY
        line = top + plot.height() + number // columns * _LINE
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colour))
        painter.drawRoundedRect(QRectF(left, line + 7, _SWATCH, 8), 2, 2)
        painter.setPen(QColor(look.text))
        area = QRectF(left + _SWATCH + 6, line, _ENTRY - _SWATCH - 16, _LINE)
        text = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, int(area.width()))
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, text)
