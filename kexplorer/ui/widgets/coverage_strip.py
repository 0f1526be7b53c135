"""How far a search is: a bar a partition, which parts of it were scanned, and in words the sum of it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Signal
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QToolTip, QWidget

from kexplorer.formats.numbers import count, duration, rate, size
from kexplorer.services.coverage import Covered
from kexplorer.services.search import Progress, Report
from kexplorer.ui.icons import icon
from kexplorer.ui.theme import tokens
from kexplorer.ui.widgets.elided_label import ElidedLabel

_GAP = 3  # pixels between two bars


class CoverageStrip(QWidget):
    pause_requested = Signal()
    stop_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._bars = _Bars()
        self._text = ElidedLabel()
        self._pause = QPushButton()
        self._pause.clicked.connect(self.pause_requested)
        self._stop = QPushButton(icon("stop"), "Stop")
        self._stop.clicked.connect(self.stop_requested)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 8)
        row.setSpacing(8)
        row.addWidget(self._bars, 2)
        row.addWidget(self._text, 3)
        row.addWidget(self._pause)
        row.addWidget(self._stop)

    @property
    def text(self) -> str:
        return self._text.whole

    def show_progress(self, progress: Progress, coverage: Sequence[Covered], paused: bool) -> None:
        self._bars.show_coverage(coverage)
        left = f", {duration(progress.left)} left" if progress.left is not None and not paused else ""
        speed = "paused" if paused else rate(progress.rate)
        self._text.show_text(
            f"{count(progress.matches)} found · {progress.fraction:.0%} scanned · {count(progress.records)} records, "
            f"{size(progress.nbytes)} · {speed}{left}"
        )
        self._pause.setText("Resume" if paused else "Pause")
        self._pause.setIcon(icon("play" if paused else "pause"))
        self._pause.show()
        self._stop.show()

    def show_report(self, report: Report) -> None:
        """What was and what was not scanned, at the end."""
        self._bars.show_coverage(report.coverage)
        self._text.show_text(" ".join(report.lines()))
        self._pause.hide()
        self._stop.hide()


class _Bars(QWidget):
    """Side by side, each as wide as its partition is long beside the others."""

    def __init__(self) -> None:
        super().__init__()
        self._coverage: Sequence[Covered] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(160, 10)

    def show_coverage(self, coverage: Sequence[Covered]) -> None:
        self._coverage = [each for each in coverage if each.offsets]
        self.setAccessibleDescription("; ".join(_words(each) for each in self._coverage))
        self.update()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self._words_at(event.pos()), self)
            return True
        return super().event(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        look = tokens(self.palette())
        painter = QPainter(self)
        for covered, area in self._places():
            painter.fillRect(area, QColor(look.line))
            for start, end in covered.done:
                left = area.left() + area.width() * (start - covered.range.start) // covered.offsets
                right = area.left() + area.width() * (end - covered.range.start) // covered.offsets
                painter.fillRect(left, area.top(), max(right - left, 1), area.height(), QColor(look.accent))
        painter.end()

    def _places(self) -> list[tuple[Covered, QRect]]:
        room = self.width() - _GAP * (len(self._coverage) - 1)
        total = sum(each.offsets for each in self._coverage)
        places, left = [], 0.0
        for covered in self._coverage:
            width = max(room * covered.offsets / total, 1.0)
            places.append((covered, QRect(round(left), 0, round(left + width) - round(left), self.height())))
            left += width + _GAP
        return places

    def _words_at(self, at: QPoint) -> str:
        return next((_words(covered) for covered, area in self._places() if area.right() >= at.x()), "")


def _words(covered: Covered) -> str:
    return f"Partition {covered.range.source.partition}: {covered.fraction:.0%} scanned"
