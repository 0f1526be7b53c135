"""Shows the definition of topics as other tools take it, to copy or to save."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from kexplorer.formats.commands import command
from kexplorer.formats.definitions import as_json, as_strimzi, as_terraform
from kexplorer.model.changes import CreateTopic
from kexplorer.ui.dialogs import answer_of
from kexplorer.ui.icons import icon
from kexplorer.ui.theme import mono_font
from kexplorer.ui.widgets.labels import plain_label

Written = Callable[[Sequence[CreateTopic], str], str]


def _json(topics: Sequence[CreateTopic], _bootstrap: str) -> str:
    if len(topics) == 1:
        return as_json(topics[0])
    return json.dumps([json.loads(as_json(topic)) for topic in topics], indent=2, ensure_ascii=False) + "\n"


# By name: how it is written, the ending of its file, and what to know of it.
_KINDS: Mapping[str, tuple[Written, str, str]] = {
    "JSON": (_json, "json", "Name, partitions, replication and what the topic itself configures."),
    "kafka-topics": (
        lambda topics, bootstrap: "".join(f"{command(topic, bootstrap)}\n" for topic in topics),
        "sh",
        "For Kafka's own tool in a POSIX shell.",
    ),
    "Terraform": (
        lambda topics, _: "\n".join(map(as_terraform, topics)),
        "tf",
        "For the provider Mongey/kafka.",
    ),
    "Strimzi": (
        lambda topics, _: "---\n".join(map(as_strimzi, topics)),
        "yaml",
        "For Strimzi 0.49 or newer. Put the name of your Kafka resource where my-cluster stands.",
    ),
}


async def export_definition(parent: QWidget | None, topics: Sequence[CreateTopic], bootstrap: str) -> None:
    dialog = DefinitionDialog(parent, topics, bootstrap)
    try:
        await answer_of(dialog)
    finally:
        dialog.deleteLater()


class DefinitionDialog(QDialog):
    def __init__(self, parent: QWidget | None, topics: Sequence[CreateTopic], bootstrap: str) -> None:
        super().__init__(parent)
        what = topics[0].name if len(topics) == 1 else f"{len(topics)} topics"
        title = f"Definition of {what}"
        self.setWindowTitle(title)
        self._topics, self._bootstrap = topics, bootstrap
        self._name = topics[0].name if len(topics) == 1 else "topics"
        self._kind = next(iter(_KINDS))
        self.kinds: dict[str, QToolButton] = {}
        self.about = plain_label("", "muted", wrap=True)
        self.text = QPlainTextEdit(readOnly=True)
        self.text.setFont(mono_font(self.font().pointSizeF()))
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setAccessibleName(title)
        self.told = plain_label("", "muted")
        self.copy = QPushButton(icon("copy"), "Copy")
        self.copy.setDefault(True)
        self.copy.clicked.connect(self._copy)
        self.save = QPushButton(icon("save"), "Save…")
        self.save.setAutoDefault(False)
        self.save.clicked.connect(self._ask_where)
        self.close_button = QPushButton("Close")
        self.close_button.setAutoDefault(False)
        self.close_button.clicked.connect(self.accept)
        self._lay_out(title)
        self.resize(680, 520)
        self.show_kind(self._kind)

    def _lay_out(self, title: str) -> None:
        kinds = QHBoxLayout()
        kinds.setSpacing(0)
        group = QButtonGroup(self)
        for name, place in zip(_KINDS, ("first", "middle", "middle", "last"), strict=True):
            button = self.kinds[name] = QToolButton()
            button.setText(name)
            button.setCheckable(True)
            button.setProperty("segment", place)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.clicked.connect(lambda _, name=name: self.show_kind(name))
            group.addButton(button)
            kinds.addWidget(button)
        kinds.addStretch()
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.told, 1)
        for each in (self.close_button, self.save, self.copy):
            buttons.addWidget(each)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(12)
        layout.addWidget(plain_label(title, "heading", wrap=True))
        layout.addLayout(kinds)
        layout.addWidget(self.about)
        layout.addWidget(self.text, 1)
        layout.addLayout(buttons)

    def show_kind(self, name: str) -> None:
        written, _, about = _KINDS[name]
        self._kind = name
        self.kinds[name].setChecked(True)
        self.about.setText(about)
        self.told.setText("")
        self.text.setPlainText(written(self._topics, self._bootstrap))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
        self.told.setText("Copied.")

    def _ask_where(self) -> None:
        ending = _KINDS[self._kind][1]
        dialog = QFileDialog(self, "Save the definition", f"{self._name}.{ending}", f"*.{ending};;All files (*)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(ending)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.save_as)
        dialog.open()

    def save_as(self, path: str) -> None:
        try:
            Path(path).write_text(self.text.toPlainText(), "utf-8", newline="\n")
        except OSError as error:
            self.told.setText(f"Not saved: {error.strerror or error} ({path})")
        else:
            self.told.setText(f"Saved to {path}.")
