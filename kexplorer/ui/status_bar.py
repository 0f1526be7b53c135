"""The bottom line: how the current tab's cluster is, and what goes on."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QStatusBar, QToolButton, QWidget

from kexplorer.model.cluster import ConnectionState, Link
from kexplorer.ui.icons import icon
from kexplorer.ui.marks import link_colour, paint_link
from kexplorer.ui.widgets.elided_label import ElidedLabel


class StatusBar(QStatusBar):
    """Left the connection and what the current panel says, right the brokers, the read rate and the running jobs."""

    jobs_clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._mark = _LinkMark()
        self._link = ElidedLabel()
        self._panel = ElidedLabel()
        self._brokers = QLabel()
        self._rate = QLabel()
        self._jobs = QToolButton()
        self._jobs.setIcon(icon("jobs"))
        self._jobs.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._jobs.clicked.connect(self.jobs_clicked)
        self.setContentsMargins(8, 0, 4, 0)
        self.setSizeGripEnabled(False)
        for label in (self._panel, self._brokers, self._rate):
            label.setContentsMargins(8, 0, 8, 0)
        self.addWidget(self._mark)
        self.addWidget(self._link, 3)
        self.addWidget(self._panel, 2)
        for widget in (self._brokers, self._rate, self._jobs):
            self.addPermanentWidget(widget)
        self.show_connection("", None)
        self.show_brokers(None)
        self.show_rate(None)
        self.show_jobs(0)

    def show_connection(self, profile: str, state: ConnectionState | None) -> None:
        """`state` None: not connected. An empty `profile`: the current tab looks at no cluster."""
        self._mark.show_link(state.link if state else None)
        self._mark.setVisible(state is not None)
        if not profile:
            self._link.show_text("No cluster")
            return
        word = state.link.value if state else "not connected"
        reason = f": {state.reason}" if state and state.reason else ""
        self._link.show_text(f"{profile} {word}{reason}")

    def show_panel(self, sentence: str) -> None:
        self._panel.show_text(sentence)

    def show_brokers(self, count: int | None) -> None:
        self._brokers.setVisible(count is not None)
        self._brokers.setText("1 broker" if count == 1 else f"{count or 0:,} brokers")

    def show_rate(self, per_second: float | None) -> None:
        """Records read a second by the current tab; None hides it."""
        self._rate.setVisible(per_second is not None)
        self._rate.setText(f"{per_second or 0:,.0f} messages/s")

    def show_jobs(self, running: int) -> None:
        self._jobs.setVisible(running > 0)
        self._jobs.setText("1 job" if running == 1 else f"{running} jobs")
        self._jobs.setToolTip("Show the running jobs")


class _LinkMark(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self._link: Link | None = None
        self.setFixedSize(QSize(14, 14))

    def show_link(self, link: Link | None) -> None:
        self._link = link
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._link:
            painter = QPainter(self)
            paint_link(painter, QRectF(self.rect()), self._link, link_colour(self._link, self.palette()))
            painter.end()
