"""The program's own outline icons, drawn when first painted and tinted by the palette of that moment."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QIconEngine, QImage, QPainter, QPalette, QPixmap

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "_resources"
RESOURCES = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "resources"


def icon(name: str, role: str = "text") -> QIcon:
    """The icon `resources/icons/<name>.svg` in the colour of the token `role` ("text", "muted", "accent", "good", ...).
    It follows a change of theme by itself. Raises FileNotFoundError for an unknown name."""
    return QIcon(_SvgEngine(_source(name), role))


def application_icon() -> QIcon:
    return QIcon(str(RESOURCES / "kexplorer.png"))


@cache
def _source(name: str) -> str:
    return (RESOURCES / "icons" / f"{name}.svg").read_text("ascii")


@lru_cache(maxsize=512)
def _image(source: str, colour: str, width: int, height: int) -> QImage:
    from PySide6.QtSvg import QSvgRenderer  # noqa: PLC0415  (3 to 17 ms that a start without icons need not pay)

    image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    side = min(width, height)
    painter = QPainter(image)
    renderer = QSvgRenderer(QByteArray(source.replace("currentColor", colour).encode()))
    renderer.render(painter, QRectF((width - side) / 2, (height - side) / 2, side, side))
    painter.end()
    return image


class _SvgEngine(QIconEngine):
    def __init__(self, source: str, role: str) -> None:
        super().__init__()
        self._source = source
        self._role = role

    def _colour(self, mode: QIcon.Mode) -> str:
        from kexplorer.ui.theme import tokens  # noqa: PLC0415  (the theme imports this module)

        palette = QGuiApplication.palette()
        if mode == QIcon.Mode.Disabled:
            return palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.WindowText).name()
        if mode == QIcon.Mode.Selected:
            return palette.color(QPalette.ColorRole.HighlightedText).name()
        return str(getattr(tokens(palette), self._role))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return QPixmap.fromImage(_image(self._source, self._colour(mode), size.width(), size.height()))

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        scale = painter.device().devicePixelRatio()
        pixmap = self.pixmap(rect.size() * scale, mode, state)
        pixmap.setDevicePixelRatio(scale)
        painter.drawPixmap(rect.topLeft(), pixmap)

    def clone(self) -> QIconEngine:
        return _SvgEngine(self._source, self._role)
