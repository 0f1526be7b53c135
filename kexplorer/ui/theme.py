"""The look: colour tokens, palette, fonts and style sheet for light and dark, following the system while it runs.

`apply(app, scheme)` once at the start and again when a person picks another scheme. Painted widgets ask
`tokens(self.palette())` for colours beyond the palette. Properties that the style sheet knows: `kind` of a QPushButton
("primary", "danger"; flat ones use `setFlat`), `segment` of a QToolButton ("first", "middle", "last"), `role` of a
QLabel ("title", "heading", "muted", "good", "warn", "bad"), `panel` of a QWidget (true: the base colour, no frame),
`invalid` of an input (true: a red border).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from string import Template

from PySide6.QtCore import QDir, QObject, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontMetrics, QPalette
from PySide6.QtWidgets import QApplication

from kexplorer.ui.icons import RESOURCES

INTERFACE_FAMILY = "Kafka Explorer Inter"  # why not "Inter": see the fonts' README
MONO_FAMILY = "JetBrains Mono"
_FONTS = ("Inter-Regular.ttf", "Inter-Medium.ttf", "Inter-SemiBold.ttf", "JetBrainsMono-Regular.ttf")


class Scheme(StrEnum):
    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Colours as "#rrggbb". Every text colour has a contrast of at least 4.5:1 (WCAG 2.1, AA) on every surface."""

    name: str
    # surfaces
    window: str
    base: str
    alternate: str
    hover: str
    line: str
    control: str
    control_line: str
    # text
    text: str
    muted: str
    disabled: str
    link: str
    good: str
    warn: str
    bad: str
    # syntax of values
    syntax_key: str
    syntax_string: str
    syntax_number: str
    syntax_literal: str
    # selection and the one primary button
    accent: str
    accent_hover: str
    accent_quiet: str
    on_accent: str
    series: tuple[str, ...]


LIGHT = Tokens(
    name="light",
    window="#f6f7f9",
    base="#ffffff",
    alternate="#f8f9fb",
    hover="#eceff4",
    line="#dfe3ea",
    control="#ffffff",
    control_line="#cdd3dd",
    text="#1f2430",
    muted="#5c6675",
    disabled="#a3abb8",
    link="#1d55d6",
    good="#0a7c52",
    warn="#955800",
    bad="#c22f35",
    syntax_key="#1d4ed8",
    syntax_string="#0b7250",
    syntax_number="#a04a00",
    syntax_literal="#8b2fb5",
    accent="#2563eb",
    accent_hover="#1d55d6",
    accent_quiet="#5f7096",
    on_accent="#ffffff",
    series=("#2563eb", "#f59e0b", "#10b981", "#a855f7", "#ef4444", "#06b6d4", "#84cc16", "#ec4899"),
)

DARK = Tokens(
    name="dark",
    window="#1b1e24",
    base="#15171c",
    alternate="#191c22",
    hover="#262b34",
    line="#2c313b",
    control="#22262e",
    control_line="#3a414e",
    text="#dfe3ea",
    muted="#98a2b2",
    disabled="#5d6674",
    link="#6b9bff",
    good="#34c38f",
    warn="#f0a63a",
    bad="#f2767a",
    syntax_key="#7fb0ff",
    syntax_string="#7fd6a6",
    syntax_number="#f0b061",
    syntax_literal="#d59cf5",
    accent="#2f6feb",
    accent_hover="#2563eb",
    accent_quiet="#3d4f75",
    on_accent="#ffffff",
    series=("#60a5fa", "#fbbf24", "#34d399", "#c084fc", "#f87171", "#22d3ee", "#a3e635", "#f472b6"),
)


def tokens(palette: QPalette) -> Tokens:
    """The tokens behind a palette of this program (or the nearest to a foreign one)."""
    return DARK if palette.color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def apply(app: QApplication, scheme: Scheme = Scheme.SYSTEM, percent: int = 100) -> None:
    """Gives `app` its style, fonts and colours; with SYSTEM they follow the system's light or dark from now on.
    `percent` is the size of the interface's type."""
    follower = app.findChild(_SystemFollower)
    if follower is None:
        load_fonts()
        QDir.addSearchPath("kexplorer", str(RESOURCES))
        app.setStyle("Fusion")
        follower = _SystemFollower(app)
    follower.follow(scheme, percent)


def load_fonts() -> None:
    for file in _FONTS:
        QFontDatabase.addApplicationFont(str(RESOURCES / "fonts" / file))


def interface_font(points: float = 10) -> QFont:
    """Inter with figures of equal width, so that numbers line up below each other."""
    font = QFont(INTERFACE_FAMILY)
    font.setPointSizeF(points)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def mono_font(points: float = 10) -> QFont:
    """For keys, values and bytes. Without ligatures: what is shown is what is there."""
    font = QFont(MONO_FAMILY)
    font.setStyleHint(QFont.StyleHint.Monospace)
    font.setPointSizeF(points)
    font.setFeature(QFont.Tag("calt"), 0)
    return font


def row_height(font: QFont) -> int:
    """Pixels of a table or tree row in `font`: 26 at 100 %."""
    return QFontMetrics(font).height() + 10


class _SystemFollower(QObject):
    """Paints the application again when the system turns light or dark."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self._scheme = Scheme.SYSTEM
        self._percent = 100
        self._shown: tuple[Tokens, int] | None = None
        app.styleHints().colorSchemeChanged.connect(self._show)

    def follow(self, scheme: Scheme, percent: int) -> None:
        self._scheme, self._percent = scheme, percent
        wanted = {Scheme.LIGHT: Qt.ColorScheme.Light, Scheme.DARK: Qt.ColorScheme.Dark}
        self._app.styleHints().setColorScheme(wanted.get(scheme, Qt.ColorScheme.Unknown))  # native title bars too
        self._show(self._app.styleHints().colorScheme())

    def _show(self, system: Qt.ColorScheme) -> None:
        dark = self._scheme == Scheme.DARK or (self._scheme == Scheme.SYSTEM and system == Qt.ColorScheme.Dark)
        chosen = DARK if dark else LIGHT
        if (chosen, self._percent) == self._shown:
            return
        self._shown = chosen, self._percent
        self._app.setStyleSheet("")  # from one sheet to another Qt takes three times as long
        self._app.setFont(interface_font(10 * self._percent / 100))
        self._app.setPalette(palette_of(chosen))
        self._app.setStyleSheet(style_sheet(chosen, QFontMetrics(self._app.font())))


def palette_of(look: Tokens) -> QPalette:
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    palette = QPalette()
    for colour, roles in {
        look.window: (role.Window,),
        look.base: (role.Base, role.Light),
        look.alternate: (role.AlternateBase,),
        look.control: (role.Button, role.ToolTipBase),
        look.text: (role.WindowText, role.Text, role.ButtonText, role.BrightText, role.ToolTipText),
        look.muted: (role.PlaceholderText,),
        look.line: (role.Midlight, role.Mid),
        look.control_line: (role.Dark,),
        look.accent: (role.Highlight, role.Accent),
        look.on_accent: (role.HighlightedText,),
        look.link: (role.Link, role.LinkVisited),
    }.items():
        for each in roles:
            palette.setColor(each, QColor(colour))
    palette.setColor(role.Shadow, QColor("#000000"))
    palette.setColor(group.Inactive, role.Highlight, QColor(look.accent_quiet))
    for each in (role.WindowText, role.Text, role.ButtonText, role.PlaceholderText):
        palette.setColor(group.Disabled, each, QColor(look.disabled))
    palette.setColor(group.Disabled, role.Highlight, QColor(look.line))
    palette.setColor(group.Disabled, role.HighlightedText, QColor(look.muted))
    return palette


def style_sheet(look: Tokens, metrics: QFontMetrics) -> str:
    """`resources/style/kexplorer.qss` with colours and heights filled in. Controls are 28 px at 100 %."""
    template = Template((RESOURCES / "style" / "kexplorer.qss").read_text("utf-8"))
    colours = {field: getattr(look, field) for field in Tokens.__slots__ if field != "series"}
    control = metrics.height() + 12
    return template.substitute(colours, inner=control - 2, control=control, row=metrics.height() + 10)
