"""The look is readable in both themes, follows the system, and costs the interpreter nothing."""

import gc
import re
import sys

import pytest
from PySide6.QtCore import QObject, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontInfo, QIcon, QImage, QPainter, QPalette
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from kexplorer.ui.icons import RESOURCES, application_icon, icon
from kexplorer.ui.theme import (
    DARK,
    INTERFACE_FAMILY,
    LIGHT,
    Scheme,
    Tokens,
    apply,
    interface_font,
    mono_font,
    palette_of,
    tokens,
)

SURFACES = ("window", "base", "alternate", "hover", "control")
TEXTS = (
    *("text", "muted", "link", "good", "warn", "bad"),
    *("syntax_key", "syntax_string", "syntax_number", "syntax_literal"),
)


def luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.1, 1.4.3."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=lambda look: look.name)
def test_all_text_can_be_read_on_every_surface(look: Tokens) -> None:
    pairs = [(text, surface) for text in TEXTS for surface in SURFACES]
    pairs += [("on_accent", surface) for surface in ("accent", "accent_hover", "accent_quiet")]
    poor = {
        pair: round(ratio, 2)
        for pair in pairs
        if (ratio := contrast(getattr(look, pair[0]), getattr(look, pair[1]))) < 4.5
    }
    assert poor == {}


def test_the_palette_leads_back_to_its_tokens() -> None:
    assert tokens(palette_of(LIGHT)) is LIGHT
    assert tokens(palette_of(DARK)) is DARK


def test_a_chosen_scheme_wins_and_the_widgets_hear_of_a_change(qapp: QApplication, qtbot: QtBot) -> None:
    apply(qapp, Scheme.LIGHT)
    label = QLabel("x")
    qtbot.addWidget(label)
    label.show()
    assert label.palette().color(QPalette.ColorRole.WindowText) == QColor(LIGHT.text)
    apply(qapp, Scheme.DARK)
    assert label.palette().color(QPalette.ColorRole.WindowText) == QColor(DARK.text)
    assert tokens(qapp.palette()) is DARK


def test_the_system_scheme_is_followed_while_running(qapp: QApplication) -> None:
    apply(qapp, Scheme.SYSTEM)
    changed = qapp.styleHints().colorSchemeChanged  # the offscreen platform has no scheme of its own to change
    changed.emit(Qt.ColorScheme.Dark)
    assert tokens(qapp.palette()) is DARK
    changed.emit(Qt.ColorScheme.Light)
    assert tokens(qapp.palette()) is LIGHT
    apply(qapp, Scheme.LIGHT)
    changed.emit(Qt.ColorScheme.Dark)
    assert tokens(qapp.palette()) is LIGHT


def test_the_bundled_fonts_are_used(qapp: QApplication) -> None:
    apply(qapp, Scheme.LIGHT)
    assert QFontInfo(interface_font()).family() == INTERFACE_FAMILY
    assert QFontInfo(mono_font()).family() == "JetBrains Mono"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems smooth glyphs in ways of their own")
def test_text_is_as_heavy_in_the_dark_as_in_the_light(qapp: QApplication) -> None:
    apply(qapp, Scheme.LIGHT)
    for font in (interface_font(), mono_font()):
        assert ink(font, "#ffffff", "#000000") == pytest.approx(ink(font, "#000000", "#ffffff"), rel=0.02)


def ink(font: QFont, pen: str, ground: str) -> int:
    """The sum of what a text changes on its ground."""
    image = QImage(300, 30, QImage.Format.Format_RGB32)
    image.fill(QColor(ground))
    painter = QPainter(image)
    painter.setFont(font)
    painter.setPen(QColor(pen))
    painter.drawText(QPoint(5, 20), "2026-11-23 03:51:53.224 orders")
    painter.end()
    grounds = QColor(ground).red()
    return sum(abs(image.pixelColor(x, y).red() - grounds) for x in range(300) for y in range(30))


def test_the_style_sheet_names_only_files_that_exist(qapp: QApplication) -> None:
    for look in (Scheme.LIGHT, Scheme.DARK):
        apply(qapp, look)
        named = re.findall(r'url\("kexplorer:([^"]+)"\)', qapp.styleSheet())
        assert named
        assert [name for name in named if not (RESOURCES / name).is_file()] == []


def test_every_icon_draws_something_in_the_colour_of_the_theme(qapp: QApplication) -> None:
    names = sorted(file.stem for file in (RESOURCES / "icons").glob("*.svg"))
    for scheme, look in ((Scheme.LIGHT, LIGHT), (Scheme.DARK, DARK)):
        apply(qapp, scheme)
        for name in names:
            image = icon(name, "bad").pixmap(QSize(24, 24)).toImage()
            seen = {
                image.pixelColor(x, y).name()
                for x in range(24)
                for y in range(24)
                if image.pixelColor(x, y).alpha() > 250
            }
            assert look.bad in seen, name
    assert not application_icon().isNull()


def test_an_icon_made_before_a_change_of_theme_follows_it(qapp: QApplication) -> None:
    apply(qapp, Scheme.LIGHT)
    stop = icon("stop")
    before = stop.pixmap(16, 16).toImage()
    apply(qapp, Scheme.DARK)
    assert stop.pixmap(16, 16).toImage() != before
    disabled = stop.pixmap(QSize(16, 16), QIcon.Mode.Disabled).toImage()
    assert disabled != stop.pixmap(16, 16).toImage()


def test_an_unknown_icon_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        icon("no-such-icon")


class _Bell(QObject):
    rung = Signal()


def test_signals_and_calls_keep_the_references_to_none_and_true(qapp: QApplication) -> None:
    # PySide6 6.12.0 on CPython 3.11 loses one reference to True per emit and one to None per void call, then aborts.
    bell, label = _Bell(), QLabel()
    gc.collect()
    before = (sys.getrefcount(None), sys.getrefcount(True))
    for number in range(100_000):
        bell.rung.emit()
        label.setText("even" if number % 2 else "odd")
    after = (sys.getrefcount(None), sys.getrefcount(True))
    assert [abs(a - b) < 200 for a, b in zip(after, before, strict=True)] == [True, True], (before, after)
