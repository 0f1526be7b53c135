"""Asks for a file to be written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget


def ask_where(parent: QWidget, title: str, name: str, filters: str, chosen: Callable[[Path], None]) -> None:
    """`name` is proposed; the suffix follows the filter that is chosen of `filters`, as QFileDialog has them."""
    dialog = QFileDialog(parent, title, name, filters)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)  # which asks before a file is replaced
    dialog.filterSelected.connect(lambda which: dialog.setDefaultSuffix(which.rpartition(".")[2].rstrip(")")))
    dialog.setDefaultSuffix(name.rpartition(".")[2])
    dialog.fileSelected.connect(lambda path: chosen(Path(path)))
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
