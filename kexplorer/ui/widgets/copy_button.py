"""The bytes of a key, value or header to take along: to the clipboard in several forms, or into a file."""

from __future__ import annotations

import base64
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu, QToolButton

from kexplorer.formats.decode import Decoded
from kexplorer.formats.numbers import count, size
from kexplorer.ui.icons import icon


class CopyButton(QToolButton):
    """Takes all of the bytes, however few of them are shown."""

    notice = Signal(str)  # a sentence for the status bar

    def __init__(self) -> None:
        super().__init__()
        self._data = b""
        self._json = ""
        self.setIcon(icon("copy"))
        says = "Copy or save all of it"
        self.setToolTip(says)
        self.setAccessibleName(says)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        menu.addAction("Copy as text", self.copy_text)
        self._as_json = menu.addAction("Copy as JSON", lambda: self._put(self._json))
        menu.addAction("Copy as hexadecimal", lambda: self._put(self._data.hex()))
        menu.addAction("Copy as Base64", lambda: self._put(base64.b64encode(self._data).decode()))
        menu.addSeparator()
        menu.addAction(icon("save"), "Save to file …", self.ask_where)
        self.setMenu(menu)

    def offer(self, data: bytes, what: Decoded) -> None:
        """`what` was made of `data`, or of its beginning."""
        self._data = data
        self._json = what.text if what.is_json and what.complete and what.text else ""
        self._as_json.setEnabled(bool(self._json))
        self.setEnabled(bool(data))

    def copy_text(self) -> None:
        try:
            self._put(self._data.decode("utf-8"))
        except UnicodeDecodeError as error:
            self.notice.emit(f"Not copied: byte {count(error.start)} is not UTF-8. Copy it as hexadecimal or Base64.")

    def _put(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.notice.emit(f"Copied all {size(len(self._data))}.")

    def ask_where(self) -> None:
        dialog = QFileDialog(self, "Save the bytes")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.fileSelected.connect(self.save)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def save(self, path: str) -> None:
        """Writes the bytes as they are."""
        try:
            Path(path).write_bytes(self._data)
        except OSError as error:
            self.notice.emit(f"Not saved: {error.strerror or error} ({path})")
        else:
            self.notice.emit(f"Saved {size(len(self._data))} to {path}.")
