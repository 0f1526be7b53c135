"""Asks for a time zone by its name."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from kexplorer.ui.dialogs import answer_of
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.zones import zone_named, zone_names


async def choose_zone(parent: QWidget | None, current: str) -> str | None:
    """None when the person cancels."""
    dialog = _Zones(parent, current)
    try:
        return dialog.box.currentText().strip() if await answer_of(dialog) else None
    finally:
        dialog.deleteLater()


class _Zones(QDialog):
    def __init__(self, parent: QWidget | None, current: str) -> None:
        super().__init__(parent)
        self.setWindowTitle("Time zone")
        self.setMinimumWidth(420)
        self.box = QComboBox(editable=True)
        self.box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.box.addItems(zone_names())
        if completer := self.box.completer():
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self.box.setCurrentText(current if zone_named(current) else "UTC")
        self.box.setAccessibleName("Time zone")
        note = plain_label(
            "All times are shown in it, and times that are typed without a zone are meant in it.", "muted", wrap=True
        )
        use = QPushButton("Use this zone")
        use.setProperty("kind", "primary")
        use.setDefault(True)
        use.clicked.connect(self.accept)
        cancel = QPushButton("Cancel")
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        self.box.currentTextChanged.connect(lambda text: use.setEnabled(zone_named(text.strip()) is not None))
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(cancel)
        buttons.addWidget(use)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(8)
        layout.addWidget(plain_label("Time zone", "heading"))
        layout.addWidget(self.box)
        layout.addWidget(note)
        layout.addSpacing(8)
        layout.addLayout(buttons)
        if edit := self.box.lineEdit():
            edit.selectAll()
