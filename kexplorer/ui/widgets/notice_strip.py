"""Something that is so, and worth knowing, above the panel that it concerns."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from kexplorer.ui.widgets.labels import IconLabel, plain_label


class NoticeStrip(QFrame):
    """Hidden while there is nothing to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = ""
        self.setProperty("strip", "notice")
        self.hide()

    def _compose(self) -> None:
        self._text = plain_label(wrap=True, selectable=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 6)
        row.setSpacing(8)
        row.addWidget(IconLabel("warning", "warn", 18))
        row.addWidget(self._text, 1)

    def show_text(self, text: str) -> None:
        if self.layout() is None and text:
            self._compose()
        elif self.layout() is None:
            return
        self.text = text
        self._text.setText(text)
        self.setAccessibleName(text)
        self.setVisible(bool(text))
