"""Offers to go on with a search that was interrupted."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from kexplorer.formats.numbers import count
from kexplorer.model.search import SavedSearch
from kexplorer.ui.icons import icon
from kexplorer.ui.widgets.elided_label import ElidedLabel


class SearchOffer(QWidget):
    resume_requested = Signal(SavedSearch)
    forget_requested = Signal(SavedSearch)

    def __init__(self) -> None:
        super().__init__()
        self._saved: SavedSearch | None = None
        self._text = ElidedLabel()
        resume = QPushButton(icon("play"), "Go on")
        resume.clicked.connect(lambda: self.resume_requested.emit(self._saved))
        forget = QPushButton("Forget it")
        forget.clicked.connect(lambda: self.forget_requested.emit(self._saved))
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 8)
        row.setSpacing(8)
        row.addWidget(self._text, 1)
        row.addWidget(resume)
        row.addWidget(forget)

    @property
    def text(self) -> str:
        return self._text.whole

    def show_search(self, saved: SavedSearch) -> None:
        self._saved = saved
        found = sum(map(len, saved.found.values()))
        self._text.show_text(
            f"The search for “{saved.query.filter.text}” was interrupted at {saved.fraction:.0%}: {count(found)} found."
        )
        self.show()
