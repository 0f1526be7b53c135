"""Checks the configuration of a client as it is typed, and says it in the other clients' words."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction, QColor, QGuiApplication, QKeySequence, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from kexplorer.formats.client_settings import Client, Dialect
from kexplorer.services.config_check import Checked, check_config
from kexplorer.services.config_rules import ConfigFinding, Severity
from kexplorer.ui.icons import icon
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.keys import config_check_key
from kexplorer.ui.theme import mono_font, tokens
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.finding_cards import Card, FindingCards
from kexplorer.ui.widgets.labels import plain_label

_PAUSE_MS = 200  # without a key, before it is checked
_LARGEST = 1 << 20  # bytes of a file
_TONES = {
    Severity.ERROR: ("bad", "Wrong"),
    Severity.RISK: ("warn", "Risk"),
    Severity.NOTE: ("muted", "Note"),
}
_EXAMPLE = """# A consumer that loses records
bootstrap.servers=kafka-1:9092,kafka-2:9092
group.id=billing
enable.auto.commit=true
auto.offset.reset=latest
session.timeout.ms=10000
heartbeat.interval.ms=5000
max.pol.interval.ms=60000
fetch.max.wait.ms=500
"""
_HINT = (
    "Paste a .properties file, a librdkafka configuration, JSON or a Python dict.\n"
    "It stays here: nothing is sent, and no client is made of it."
)


class ConfigCheckPanel(Panel):
    def __init__(self) -> None:
        super().__init__(config_check_key(), "Configuration check", "shield")
        self.checked: Checked | None = None
        self.edit = QPlainTextEdit()
        self.edit.setPlaceholderText(_HINT)
        self.edit.setAccessibleName("Configuration to check")
        self.edit.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.edit.setFont(mono_font())
        self.client = _choice(
            "What it is for", ("Producer or consumer", None), *((each.title(), each) for each in Client)
        )
        self.dialect = _choice("Whose names they are", ("Java or librdkafka", None), *((d.shown, d) for d in Dialect))
        self.cards = FindingCards("Findings")
        self.other = QPlainTextEdit(readOnly=True)
        self.other.setAccessibleName("The same for the other clients")
        self.other.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.other.setFont(mono_font())
        self._timer = QTimer(self, singleShot=True, interval=_PAUSE_MS)
        self._timer.timeout.connect(self.check)
        self._open = QAction(icon("upload"), "Open a configuration …", self, shortcut=QKeySequence("Ctrl+Alt+O"))
        self._open.triggered.connect(self.ask_which)
        self.edit.textChanged.connect(self._timer.start)
        for box in (self.client, self.dialect):
            box.currentIndexChanged.connect(self.check)
        self._lay_out()
        self.setFocusProxy(self.edit)
        self._show(None)

    def _lay_out(self) -> None:
        open_button = QPushButton(icon("upload"), "Open …")
        open_button.clicked.connect(self._open.trigger)
        self._told = plain_label("", "muted")
        bar = QHBoxLayout()
        bar.setContentsMargins(12, 8, 12, 8)
        bar.setSpacing(8)
        for widget in (open_button, self.client, self.dialect):
            bar.addWidget(widget)
        bar.addStretch()
        bar.addWidget(self._told)
        self.empty = EmptyState(
            "shield",
            "Is a client set up right?",
            "Unknown names, wrong values, and what can lose, repeat or hide records, each with its reason.",
            "Show an example",
        )
        self.empty.action_requested.connect(lambda: self.edit.setPlainText(_EXAMPLE))
        self.fine = EmptyState("success", "Nothing was found", "Every name and value is known, and they fit together.")
        self.found = QStackedWidget()
        for page in (self.empty, self.fine, self.cards):
            self.found.addWidget(page)
        rewritten = QWidget()
        copy = QPushButton(icon("copy"), "Copy")
        copy.clicked.connect(self._copy)
        below = QVBoxLayout(rewritten)
        below.setContentsMargins(12, 8, 12, 12)
        below.setSpacing(8)
        below.addWidget(self.other, 1)
        below.addWidget(copy, 0, Qt.AlignmentFlag.AlignRight)
        self.tabs = QTabWidget(documentMode=True)
        self.tabs.addTab(self.found, "Findings")
        self.tabs.addTab(rewritten, "In the other dialect")
        left = QWidget()
        inset = QVBoxLayout(left)
        inset.setContentsMargins(12, 0, 4, 12)
        inset.addWidget(self.edit)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(left)
        split.addWidget(self.tabs)
        split.setSizes([500, 560])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(bar)
        column.addWidget(split, 1)

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self._open,)

    def save_state(self) -> dict[str, object]:
        """Not the text: it may have secrets in it."""
        return {"client": str(self.client.currentData() or ""), "dialect": str(self.dialect.currentData() or "")}

    def restore_state(self, state: Mapping[str, object]) -> None:
        for name, box in (("client", self.client), ("dialect", self.dialect)):
            found = next((i for i in range(1, box.count()) if str(box.itemData(i)) == state.get(name)), 0)
            box.setCurrentIndex(found)

    # work

    def ask_which(self) -> None:
        dialog = QFileDialog(self, "Open a configuration")
        dialog.fileSelected.connect(lambda path: self.tasks.start("open", self._load(Path(path))))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    async def _load(self, path: Path) -> None:
        def read() -> str:
            with path.open(encoding="utf-8") as file:
                return file.read(_LARGEST + 1)

        try:
            text = await asyncio.to_thread(read)
        except (OSError, UnicodeDecodeError) as error:
            self.say(f"{path} cannot be read: {error}")
            return
        self.edit.setPlainText(text[:_LARGEST])
        self.set_title(path.name)

    def check(self) -> None:
        text = self.edit.toPlainText()
        if not text.strip():
            self.tasks.cancel("check")
            self._show(None)
        else:
            self.tasks.start("check", self._check(text))

    async def _check(self, text: str) -> None:
        client, dialect = self.client.currentData(), self.dialect.currentData()  # which Qt keeps as plain text
        check = partial(check_config, text, Client(client) if client else None, Dialect(dialect) if dialect else None)
        self._show(await asyncio.to_thread(check))

    def _show(self, checked: Checked | None) -> None:
        self.checked = checked
        self.tabs.setTabEnabled(1, checked is not None)
        self._mark(checked.findings if checked else ())
        if checked is None:
            self.found.setCurrentWidget(self.empty)
            self.tabs.setTabText(0, "Findings")
            self._told.clear()
            return
        number = len(checked.findings)
        self.found.setCurrentWidget(self.cards if number else self.fine)
        self.cards.show_cards([self._card(each) for each in checked.findings])
        self.other.setPlainText(checked.rewritten)
        self.tabs.setTabText(0, f"Findings ({number})" if number else "Findings")
        self.tabs.setTabText(1, f"For {checked.dialect.other.shown}")
        self._told.setText(f"Checked as a {checked.client} of {checked.source}")
        self.say(f"{number} {'finding' if number == 1 else 'findings'} in {self.title}")

    def _card(self, found: ConfigFinding) -> Card:
        tone, word = _TONES[found.severity]
        place = f"line {found.line}" if found.line else "not there"
        action = "Show the line" if found.line else ""
        return Card(
            tone, word, found.name or "Unreadable", found.text, found.remedy, place, action, _Go(self, found.line)
        )

    def go_to(self, line: int) -> None:
        """`line` counts from 1."""
        cursor = QTextCursor(self.edit.document().findBlockByNumber(line - 1))
        self.edit.setTextCursor(cursor)
        self.edit.centerCursor()
        self.edit.setFocus()

    def _mark(self, findings: Sequence[ConfigFinding]) -> None:
        """A line is coloured by the worst that was found in it."""
        look = tokens(self.palette())
        worst: dict[int, Severity] = {}
        for each in findings:
            worst.setdefault(each.line, each.severity)  # they come in this order
        marks = []
        for line, severity in worst.items():
            block = self.edit.document().findBlockByNumber(line - 1)
            if line and block.isValid():
                mark = QTextEdit.ExtraSelection()
                colour = QColor(getattr(look, _TONES[severity][0]))
                colour.setAlphaF(0.16)
                mark.format.setBackground(colour)
                mark.format.setProperty(QTextCharFormat.Property.FullWidthSelection, True)
                mark.cursor = QTextCursor(block)
                marks.append(mark)
        self.edit.setExtraSelections(marks)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.other.toPlainText())
        self.say("Copied.")


class _Go:
    """Leads to a line; equal to another one that does."""

    def __init__(self, panel: ConfigCheckPanel, line: int) -> None:
        self._panel, self._line = panel, line

    def __call__(self) -> None:
        self._panel.go_to(self._line)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Go) and other._line == self._line

    def __hash__(self) -> int:
        return hash(self._line)


def _choice(name: str, *entries: tuple[str, object]) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(name)
    for text, value in entries:
        box.addItem(text, value)
    return box
