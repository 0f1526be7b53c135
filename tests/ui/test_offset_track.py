"""A partition's log drawn to scale: which parts there are, and where they are painted."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter
from pytestqt.qtbot import QtBot

from kexplorer.model.lag import Reading
from kexplorer.model.topics import TopicPartition
from kexplorer.ui.theme import DARK, LIGHT, Tokens
from kexplorer.ui.widgets.offset_track import Part, TrackLegend, paint_track, track_of

_SOURCE = TopicPartition("orders", 0)
_WIDTH = 207  # pixels: 200 between the first and the last place that a mark can have


def _reading(committed: int | None, start: int, end: int, stable: int | None = None) -> Reading:
    return Reading(_SOURCE, committed, start, end, stable)


@pytest.mark.parametrize(
    ("reading", "parts"),
    [
        (_reading(400, 0, 1000), [(Part.READ, 0, 0.4), (Part.AHEAD, 0.4, 1)]),
        (_reading(1000, 0, 1000), [(Part.READ, 0, 1)]),
        (_reading(0, 0, 1000), [(Part.AHEAD, 0, 1)]),
        (_reading(None, 0, 1000), [(Part.NEVER, 0, 1)]),
        (_reading(0, 500, 1000), [(Part.LOST, 0, 0.5), (Part.AHEAD, 0.5, 1)]),
        (_reading(2000, 0, 1000), [(Part.READ, 0, 0.5), (Part.BEYOND, 0.5, 1)]),
        (_reading(400, 0, 1000, 800), [(Part.READ, 0, 0.4), (Part.AHEAD, 0.4, 0.8), (Part.HELD, 0.8, 1)]),
        (_reading(900, 0, 1000, 800), [(Part.READ, 0, 0.9), (Part.HELD, 0.9, 1)]),
        (_reading(400, 0, 1000, 1000), [(Part.READ, 0, 0.4), (Part.AHEAD, 0.4, 1)]),
        (_reading(7, 7, 7), []),
        (_reading(5, 7, 7), [(Part.LOST, 0, 1)]),
        (_reading(None, 7, 7), []),
    ],
)
def test_the_parts_of_a_log_are_to_scale(reading: Reading, parts: list[tuple[Part, float, float]]) -> None:
    track = track_of(reading)
    assert track is not None
    assert track.parts == parts


def test_there_is_no_track_without_the_ends_of_the_log() -> None:
    assert track_of(Reading(_SOURCE, 5, None, 10)) is None
    assert track_of(Reading(_SOURCE, 5, 0, None)) is None


def _painted(reading: Reading, look: Tokens) -> list[str]:
    """The colours of the pixels along the middle."""
    image = QImage(_WIDTH, 26, QImage.Format.Format_RGB32)
    image.fill(QColor(look.base))
    track = track_of(reading)
    assert track is not None
    painter = QPainter(image)
    paint_track(painter, QRectF(0, 0, _WIDTH, 26), track, look)
    painter.end()
    return [image.pixelColor(x, 15).name() for x in range(_WIDTH)]


@pytest.mark.parametrize("look", [LIGHT, DARK])
def test_what_is_to_read_is_as_long_as_its_share_of_the_log(look: Tokens, qtbot: QtBot) -> None:
    share = _painted(_reading(400, 0, 1000), look).count(look.series[0]) / 200
    assert share == pytest.approx(0.6, abs=0.05)


def test_a_single_offset_of_a_million_is_seen(qtbot: QtBot) -> None:
    assert LIGHT.series[0] in _painted(_reading(999_999, 0, 1_000_000), LIGHT)


def test_what_was_lost_is_seen_in_the_colour_of_trouble(qtbot: QtBot) -> None:
    lost, fine = _painted(_reading(0, 500, 1000), LIGHT), _painted(_reading(500, 500, 1000), LIGHT)
    assert LIGHT.bad in lost[:100]
    assert LIGHT.bad not in fine


def test_the_legend_names_what_is_seen(qtbot: QtBot) -> None:
    legend = TrackLegend()
    qtbot.addWidget(legend)
    legend.show_parts([Part.LOST])
    assert Part.LOST in legend.accessibleName()
    assert Part.BEYOND not in legend.accessibleName()
    legend.resize(60, legend.sizeHint().height())
    assert not legend.grab().isNull()
