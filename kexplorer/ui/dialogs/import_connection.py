"""Takes a connection out of a configuration that is pasted or opened, and shows first what is taken of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from kexplorer.formats.connection_text import Imported, read_connection
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.ui.dialogs import answer_of
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.theme import mono_font
from kexplorer.ui.widgets.labels import plain_label

_LARGEST = 1 << 20  # bytes of a file
_HINT = (
    "Paste a Java .properties file, a librdkafka or kcat .conf file, or a Python dict.\n\n"
    "bootstrap.servers=broker1:9093\nsecurity.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n…"
)


async def import_connection(
    parent: QWidget, like: Profile, check_property: Callable[[str, str], None]
) -> Imported | None:
    """What was taken, beside what `like` says; None when the person cancels."""
    dialog = ImportConnectionDialog(parent, like, check_property)
    try:
        return dialog.imported if await answer_of(dialog) else None
    finally:
        await dialog.tasks.close()
        dialog.deleteLater()


class ImportConnectionDialog(QDialog):
    def __init__(self, parent: QWidget, like: Profile, check_property: Callable[[str, str], None]) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import a connection")
        self.imported: Imported | None = None
        self.tasks = Tasks(self._show_failure)
        self._like = like
        self._check_property = check_property
        self.text = QPlainTextEdit()
        self.text.setPlaceholderText(_HINT)
        self.text.setAccessibleName("The configuration")
        self.text.setTabChangesFocus(True)
        self.text.setFont(mono_font())
        self.taken = plain_label("", "muted", wrap=True, selectable=True)
        self.open_button = QPushButton("&Open file…")
        self.use = QPushButton("Use it")
        self.use.setProperty("kind", "primary")
        cancel = QPushButton("Cancel")
        for button in (self.open_button, cancel):
            button.setAutoDefault(False)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.open_button)
        buttons.addStretch()
        buttons.addWidget(cancel)
        buttons.addWidget(self.use)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(12)
        layout.addWidget(plain_label("Import a connection", "heading"))
        layout.addWidget(self.text, 1)
        layout.addWidget(self.taken)
        layout.addLayout(buttons)
        self.text.textChanged.connect(self._read)
        self.open_button.clicked.connect(self._choose)
        self.use.clicked.connect(self.accept)
        cancel.clicked.connect(self.reject)
        self._read()
        self.resize(QSize(640, 520))

    def _read(self) -> None:
        self.imported, text = None, self.text.toPlainText()
        try:
            self.imported = read_connection(text, self._like, self._check_property) if text.strip() else None
        except Failure as failure:
            self.taken.setText(str(failure))
        else:
            self.taken.setText("\n".join(_summary(self.imported)) if self.imported else "Nothing is saved yet.")
        self.use.setEnabled(self.imported is not None)

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Open a configuration", "", "Configurations (*.properties *.conf *.ini *.json *.py)")
        dialog.setNameFilters([*dialog.nameFilters(), "All files (*)"])
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: self.tasks.start("open", self.load(Path(path))))
        dialog.open()

    async def load(self, path: Path) -> None:
        def read() -> str:
            with path.open(encoding="utf-8") as file:
                return file.read(_LARGEST + 1)

        try:
            self.text.setPlainText(await asyncio.to_thread(read))
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise Failure(FailureKind.INVALID, f"{path} can't be read: {why}.", "Choose a text file.") from None

    def _show_failure(self, failure: Failure) -> None:
        self.taken.setText(str(failure))


def _summary(imported: Imported) -> list[str]:
    profile = imported.profile
    how = f"{profile.security_protocol}"
    if profile.security_protocol.sasl:
        how += f", {profile.sasl_mechanism} as {profile.username or 'nobody yet'}"
    secrets = {"password": "password", "key_password": "password of the key", "registry_password": "registry password"}
    found = [secrets[field] for field in imported.secrets]
    return [
        f"Taken: {profile.bootstrap} by {how}.",
        *([f"Its {' and '.join(found)} will go into the system keyring, not into the file."] if found else []),
        *imported.notes,
    ]
