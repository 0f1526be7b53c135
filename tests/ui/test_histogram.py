"""Offsets over time: what is brushed is what is told, by mouse and by keys, while counting goes on."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QHelpEvent, QImage, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QToolTip, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Trouble
from kexplorer.model.topics import TopicPartition
from kexplorer.services.histogram import Histogram
from kexplorer.ui import theme
from kexplorer.ui.panels.messages_time import TimeArea
from kexplorer.ui.theme import Scheme
from kexplorer.ui.widgets.histogram import HistogramStrip
from kexplorer.ui.widgets.histogram_bars import clock, span_words
from kexplorer.ui.widgets.range_box import RangeBox

NINE = 1_795_424_400_000  # 2026-11-23 09:00 UTC
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
SIDE = 12  # pixels beside the bars
BERLIN = ZoneInfo("Europe/Berlin")
LEFT, SHIFT = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier


def _histogram(*counts: int, step: int = MINUTE, begin: int = NINE, complete: bool = True) -> Histogram:
    return Histogram(tuple(begin + step * n for n in range(len(counts) + 1)), counts, 0, 0, complete, ())


TEN = _histogram(*range(10, 20))  # minutes from nine o'clock


class Told:
    def __init__(self, strip: HistogramStrip) -> None:
        self.all: list[tuple[int, int] | str] = []
        strip.range_chosen.connect(lambda start, end: self.all.append((start, end)))
        strip.cleared.connect(lambda: self.all.append("cleared"))


@pytest.fixture
def strip(qtbot: QtBot, qapp: QApplication) -> HistogramStrip:
    """A bin is 100 pixels wide."""
    theme.apply(qapp, Scheme.LIGHT)
    made = HistogramStrip()
    qtbot.addWidget(made)
    made.resize(1000 + 2 * SIDE, made.sizeHint().height())
    made.show_histogram(TEN)
    made.show()
    made.setFocus()
    qtbot.waitUntil(made.hasFocus)
    return made


@pytest.fixture
def told(strip: HistogramStrip) -> Told:
    return Told(strip)


def _move(strip: HistogramStrip, x: float, *, held: bool = False) -> None:
    buttons = LEFT if held else Qt.MouseButton.NoButton
    at = QPointF(SIDE + x, 30)
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        at,
        strip.mapToGlobal(at),
        Qt.MouseButton.NoButton,
        buttons,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(strip, event)


def _press(strip: HistogramStrip, x: int) -> None:
    QTest.mousePress(strip, LEFT, pos=QPoint(SIDE + x, 30))


def _release(strip: HistogramStrip, x: int) -> None:
    QTest.mouseRelease(strip, LEFT, pos=QPoint(SIDE + x, 30))


def _drag(strip: HistogramStrip, start: int, end: int) -> None:
    _press(strip, start)
    _move(strip, (start + end) / 2, held=True)
    _move(strip, end, held=True)
    _release(strip, end)


def _minutes(first: int, last: int) -> tuple[int, int]:
    return NINE + first * MINUTE, NINE + last * MINUTE


def _picture(strip: HistogramStrip) -> QImage:
    return strip.grab().toImage()


def _height(picture: QImage, x: int, background: QColor) -> int:
    """Of the bar at `x`: pixels of its column, within the bars, that are not background."""
    ratio = picture.devicePixelRatio()
    column = [picture.pixelColor(round((SIDE + x) * ratio), y) for y in range(22, round(52 * ratio))]
    return sum(colour != background for colour in column)


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [(210, 480, (2, 5)), (480, 210, (2, 5)), (210, 260, (2, 3)), (350, 5000, (3, 10)), (350, -5000, (0, 4))],
)
def test_a_drag_chooses_whole_bins(
    strip: HistogramStrip, told: Told, start: int, end: int, minutes: tuple[int, int]
) -> None:
    _drag(strip, start, end)
    assert told.all == [_minutes(*minutes)]
    assert strip.brush == _minutes(*minutes)


def test_a_click_chooses_nothing_yet(strip: HistogramStrip, told: Told) -> None:
    QTest.mouseClick(strip, LEFT, pos=QPoint(SIDE + 350, 30))
    assert told.all == []
    QTest.keyClick(strip, Qt.Key.Key_Return)
    assert told.all == [_minutes(3, 4)]


def test_after_a_drag_keys_begin_anew(strip: HistogramStrip, told: Told) -> None:
    _drag(strip, 210, 480)
    QTest.keyClick(strip, Qt.Key.Key_Return)
    QTest.keyClick(strip, Qt.Key.Key_Left)
    QTest.keyClick(strip, Qt.Key.Key_Return)
    assert told.all == [_minutes(2, 5), _minutes(9, 10)]


def test_the_edges_of_a_brush_can_be_dragged(strip: HistogramStrip, told: Told) -> None:
    _drag(strip, 210, 480)
    _drag(strip, 202, 110)
    _drag(strip, 498, 750)
    _drag(strip, 101, 720)
    assert told.all[1:] == [_minutes(1, 5), _minutes(1, 8), _minutes(7, 8)]


def test_a_double_click_clears(strip: HistogramStrip, told: Told) -> None:
    QTest.mouseDClick(strip, LEFT, pos=QPoint(SIDE + 350, 30))
    assert told.all == []
    _drag(strip, 210, 480)
    QTest.mouseDClick(strip, LEFT, pos=QPoint(SIDE + 350, 30))
    assert told.all == [_minutes(2, 5), "cleared"]
    assert strip.brush is None


def test_escape_clears_once_and_is_then_somebody_elses(strip: HistogramStrip, told: Told) -> None:
    _drag(strip, 210, 480)
    QTest.keyClick(strip, Qt.Key.Key_Escape)
    assert told.all == [_minutes(2, 5), "cleared"]
    above = QWidget()
    escapes: list[int] = []
    above.keyPressEvent = lambda event: escapes.append(event.key())  # type: ignore[method-assign]
    column = QVBoxLayout(above)
    column.addWidget(strip)
    QTest.keyClick(strip, Qt.Key.Key_Escape)
    assert escapes == [Qt.Key.Key_Escape]
    strip.setParent(None)
    assert told.all == [_minutes(2, 5), "cleared"]


def test_escape_during_a_drag_keeps_what_was_chosen(strip: HistogramStrip, told: Told) -> None:
    _drag(strip, 210, 480)
    _press(strip, 600)
    _move(strip, 800, held=True)
    QTest.keyClick(strip, Qt.Key.Key_Escape)
    _move(strip, 820, held=True)
    _release(strip, 820)
    assert told.all == [_minutes(2, 5)]
    assert strip.brush == _minutes(2, 5)


@pytest.mark.parametrize(
    ("keys", "minutes"),
    [
        ("R", (0, 1)),
        ("RRR", (2, 3)),
        ("L", (9, 10)),
        ("LL", (8, 9)),
        ("RRrr", (1, 4)),
        ("RRRll", (0, 3)),
        ("RRRRllrrr", (3, 5)),
        ("HL", (0, 1)),
        ("RE", (9, 10)),
        ("RRe", (1, 10)),
        ("RrrR", (3, 4)),
    ],
)
def test_keys_choose_as_well(strip: HistogramStrip, told: Told, keys: str, minutes: tuple[int, int]) -> None:
    """Small letters are with Shift."""
    key = {"L": Qt.Key.Key_Left, "R": Qt.Key.Key_Right, "H": Qt.Key.Key_Home, "E": Qt.Key.Key_End}
    for each in keys:
        shift = SHIFT if each.islower() else Qt.KeyboardModifier.NoModifier
        QTest.keyClick(strip, key[each.upper()], shift)
    assert told.all == []
    assert strip.text.startswith(span_words(*_minutes(*minutes), UTC))
    assert strip.accessibleDescription() == strip.text
    QTest.keyClick(strip, Qt.Key.Key_Return)
    assert told.all == [_minutes(*minutes)]


def test_escape_takes_back_what_keys_began_and_then_what_was_chosen(strip: HistogramStrip, told: Told) -> None:
    _drag(strip, 210, 480)
    QTest.keyClick(strip, Qt.Key.Key_Right)
    QTest.keyClick(strip, Qt.Key.Key_Right, SHIFT)
    assert "Enter applies" in strip.text
    QTest.keyClick(strip, Qt.Key.Key_Escape)
    assert told.all == [_minutes(2, 5)]
    QTest.keyClick(strip, Qt.Key.Key_Escape)
    assert told.all == [_minutes(2, 5), "cleared"]


def test_leaving_takes_back_what_keys_began(strip: HistogramStrip, told: Told, qtbot: QtBot) -> None:
    other = QLineEdit()
    qtbot.addWidget(other)
    QTest.keyClick(strip, Qt.Key.Key_Right)
    QTest.keyClick(strip, Qt.Key.Key_Right, SHIFT)
    other.show()
    other.setFocus()
    qtbot.waitUntil(lambda: not strip.hasFocus())
    assert "Enter applies" not in strip.text
    assert told.all == []


def test_counting_on_does_not_disturb_a_drag(strip: HistogramStrip, told: Told) -> None:
    strip.show_histogram(_histogram(100, 45, step=5 * MINUTE, complete=False))
    assert strip.text.endswith("counting…")
    _press(strip, 100)
    _move(strip, 300, held=True)
    strip.show_histogram(TEN)
    _move(strip, 640, held=True)
    _release(strip, 640)
    assert told.all == [_minutes(0, 7)]  # the bin where it began was five minutes wide
    assert "counting" not in strip.text


def test_another_histogram_keeps_what_was_chosen(strip: HistogramStrip, told: Told) -> None:
    _drag(strip, 210, 480)
    strip.show_histogram(_histogram(*[5] * 18, step=10_000, begin=NINE + 2 * MINUTE))
    assert strip.brush == _minutes(2, 5)
    strip.leaveEvent(QEvent(QEvent.Type.Leave))
    assert strip.text == "2026-11-23 09:02–09:05 · 90 offsets"
    QTest.keyClick(strip, Qt.Key.Key_Escape)
    assert told.all[1:] == ["cleared"]
    _drag(strip, 210, 480)
    strip.clear_brush()
    QTest.keyClick(strip, Qt.Key.Key_Escape)
    assert told.all[-1] != "cleared"


def test_what_is_pointed_at_is_said_in_the_zone(strip: HistogramStrip) -> None:
    assert strip.text == "2026-11-23 09:00–09:10 · 145 offsets · up to 19 in 1 min"
    _move(strip, 350)
    assert strip.text == "2026-11-23 09:03–09:04 · 13 offsets"
    strip.set_zone(BERLIN)
    assert strip.text == "2026-11-23 10:03–10:04 · 13 offsets"
    strip.leaveEvent(QEvent(QEvent.Type.Leave))
    strip.show_histogram(_histogram(1, 0, step=DAY))
    _move(strip, 10)
    assert strip.text == "2026-11-23 10:00 – 2026-11-24 10:00 · 1 offset"


def test_matches_are_marked_where_they_are(strip: HistogramStrip, qapp: QApplication) -> None:
    amber = QColor(theme.tokens(strip.palette()).series[1])
    strip.add_matches([])
    assert not _has(_picture(strip), 350, amber)
    strip.add_matches([NINE + 3 * MINUTE + 5, NINE - 1, 0, NINE + 10 * MINUTE])
    strip.add_matches([NINE + 3 * MINUTE, NINE + 4 * MINUTE])
    picture = _picture(strip)
    assert [_has(picture, x, amber) for x in (250, 350, 450, 550)] == [False, True, True, False]
    _move(strip, 350)
    assert strip.text.endswith("13 offsets · 2 found")
    strip.show_histogram(_histogram(*[5] * 20, step=30_000))
    _move(strip, 310)
    assert strip.text == "2026-11-23 09:03:00–09:03:30 · 5 offsets · 2 found"
    strip.clear_matches()
    assert "found" not in strip.text
    assert not _has(_picture(strip), 310, amber)


def _has(picture: QImage, x: int, colour: QColor) -> bool:
    ratio = picture.devicePixelRatio()
    return any(picture.pixelColor(round((SIDE + x) * ratio), y) == colour for y in range(picture.height()))


def test_a_wide_bin_is_no_higher_for_being_wide(strip: HistogramStrip) -> None:
    background = _picture(strip).pixelColor(2, 2)
    strip.show_histogram(
        Histogram((NINE, NINE + 6 * MINUTE, NINE + 8 * MINUTE, NINE + 10 * MINUTE), (60, 20, 10), 0, 0, False, ())
    )
    picture = _picture(strip)
    wide, narrow, half = (_height(picture, x, background) for x in (300, 700, 900))
    assert wide == narrow
    assert half < narrow * 0.7


def test_the_few_are_seen_beside_the_many(strip: HistogramStrip) -> None:
    background = _picture(strip).pixelColor(2, 2)
    strip.show_histogram(_histogram(1_000_000, 1, 0, 1_000_000))
    picture = _picture(strip)
    assert [_height(picture, x, background) > 0 for x in (375, 625)] == [True, False]


def test_it_follows_the_theme(strip: HistogramStrip, qapp: QApplication) -> None:
    light = _picture(strip)
    theme.apply(qapp, Scheme.DARK)
    dark = _picture(strip)
    theme.apply(qapp, Scheme.LIGHT)
    assert dark.pixelColor(2, 2).lightness() < 100 < light.pixelColor(2, 2).lightness()


def test_waiting_is_said_only_when_it_takes_long(strip: HistogramStrip, qtbot: QtBot) -> None:
    before = strip.text
    strip.show_loading()
    assert strip.text == before
    qtbot.waitUntil(lambda: strip.text == "Counting offsets over time…")
    strip.show_loading()
    strip.show_histogram(TEN)
    qtbot.wait(250)
    assert strip.text == before


def test_why_there_are_no_bars(strip: HistogramStrip, told: Told) -> None:
    trouble = Trouble(TopicPartition("t", 4), Failure(FailureKind.UNREACHABLE, "No leader.", "Wait."))
    strip.show_histogram(Histogram((), (), 0, 0, True, ()))
    assert strip.text == "There are no records in this part of the topic."
    strip.show_histogram(Histogram((), (), 1234, 0, True, ()))
    assert "has a timestamp (1,234 offsets)" in strip.text
    strip.show_histogram(Histogram((), (), 0, 0, True, (trouble,)))
    assert strip.text == "Nothing could be counted. No leader. Wait."
    _drag(strip, 210, 480)
    QTest.keyClick(strip, Qt.Key.Key_Right)
    QTest.keyClick(strip, Qt.Key.Key_Return)
    assert told.all == []
    assert not _picture(strip).isNull()


def test_the_tool_tip_says_what_is_not_in_the_bars(strip: HistogramStrip) -> None:
    trouble = Trouble(TopicPartition("t", 4), Failure(FailureKind.UNREACHABLE, "<b>No</b> leader."))
    strip.show_histogram(Histogram(TEN.borders, TEN.counts, 1234, 56, True, (trouble,)))
    at = QPoint(100, 30)
    QApplication.sendEvent(strip, QHelpEvent(QEvent.Type.ToolTip, at, strip.mapToGlobal(at)))
    words = QToolTip.text()
    QToolTip.hideText()
    assert "without a timestamp: 1,234." in words
    assert "later than all bars, or behind such a record: 56." in words
    assert "In all: 2026-11-23 09:00–09:10 · 145 offsets" in words
    assert "Partition 4: &lt;b&gt;No&lt;/b&gt; leader." in words
    assert "compaction" in words


@pytest.mark.parametrize(
    ("start", "end", "zone", "words"),
    [
        (NINE, NINE + MINUTE, UTC, "2026-11-23 09:00–09:01"),
        (NINE, NINE + MINUTE, BERLIN, "2026-11-23 10:00–10:01"),
        (NINE + 1000, NINE + 2000, UTC, "2026-11-23 09:00:01–09:00:02"),
        (NINE, NINE + 5, UTC, "2026-11-23 09:00:00.000–09:00:00.005"),
        (NINE + 14 * HOUR, NINE + 16 * HOUR, UTC, "2026-11-23 23:00 – 2026-11-24 01:00"),
        (NINE - 9 * HOUR, NINE + 15 * HOUR, UTC, "2026-11-23 – 2026-11-24"),
        (2**62, 2**62 + 5, UTC, f"{2**62} – {2**62 + 5}"),
    ],
)
def test_spans_are_as_short_as_can_be(start: int, end: int, zone: tzinfo, words: str) -> None:
    assert span_words(start, end, zone) == words


@pytest.mark.parametrize(
    ("ms", "step", "words"),
    [
        (NINE, HOUR, "09:00"),
        (NINE + 15 * HOUR, HOUR, "2026-11-24"),
        (NINE + 5000, 5000, "09:00:05"),
        (NINE + 50, 10, "09:00:00.050"),
        (NINE, 7 * DAY, "2026-11-23"),
        (2**62, 2**55, str(2**62)),
    ],
)
def test_ticks_are_as_exact_as_their_steps(ms: int, step: int, words: str) -> None:
    assert clock(ms, step, UTC) == words


def test_what_was_found_before_it_was_opened_is_marked(qtbot: QtBot) -> None:
    panel, part = QWidget(), RangeBox()
    qtbot.addWidget(panel)
    area = TimeArea(panel, part)
    column = QVBoxLayout(panel)
    column.addWidget(part)
    column.addWidget(area)
    area.show_matches([NINE])
    area.clear_matches()
    area.show_matches([NINE, NINE + MINUTE])
    area.set_shown(True)
    area.show_matches([NINE + 2 * MINUTE])
    area.strip.show_histogram(TEN)
    assert "· 3 found ·" in area.strip.text
