"""Something that is so, and worth knowing, above the panel that it concerns."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout

from kexplorer.ui.widgets.labels import IconLabel, plain_label


class NoticeStrip(QFrame):
    """Hidden while there is nothing to say."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("strip", "notice")
        self._text = plain_label(wrap=True, selectable=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 6)
        row.setSpacing(8)
        row.addWidget(IconLabel("warning", "warn", 18))
        row.addWidget(self._text, 1)
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    def show_text(self, text: str) -> None:
        self._text.setText(text)
        self.setAccessibleName(text)
        self.setVisible(bool(text))
