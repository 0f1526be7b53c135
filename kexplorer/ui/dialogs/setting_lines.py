"""A topic's settings as lines of name=value: names and values are completed, and each is judged as it is typed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QStringListModel, Qt
from PySide6.QtGui import QKeyEvent, QTextCursor
from PySide6.QtWidgets import QCompleter, QListView

from kexplorer.model.topic_settings import TOPIC_SETTINGS, check_setting
from kexplorer.ui.dialogs.property_lines import PropertyLines
from kexplorer.ui.models.configuration import in_words
from kexplorer.ui.widgets.labels import plain_label

_LINES = 7
_CHOOSING = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab)


class SettingLines(PropertyLines):
    """Below the lines stands what the setting at the cursor means."""

    def __init__(self) -> None:
        super().__init__(check_setting)
        self.editor.setPlaceholderText("retention.ms=86400000")
        self.editor.setMinimumHeight(self.editor.fontMetrics().lineSpacing() * _LINES + 20)
        self.editor.setMaximumHeight(16_777_215)
        self.meaning = plain_label(" ", "muted", wrap=True)
        self.meaning.setMinimumHeight(self.meaning.fontMetrics().lineSpacing() * 2)
        self.meaning.setAlignment(Qt.AlignmentFlag.AlignTop)
        if layout := self.layout():
            layout.addWidget(self.meaning)
        self._offers = QStringListModel(self)
        self.completer = QCompleter(self._offers, self)
        self.offers = QListView()
        self.completer.setPopup(self.offers)
        self.completer.setWidget(self.editor)
        self.completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self.completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.completer.activated.connect(self._complete)
        self.editor.installEventFilter(self)
        self.offers.installEventFilter(self)
        self.editor.cursorPositionChanged.connect(self._moved)
        self.editor.textChanged.connect(self._offer)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if watched is self.offers and event.key() in _CHOOSING:  # before the completer, which has the line end
                self.offers.hide()
                self._complete(str(self.offers.currentIndex().data()))
                return True
            if event.key() == Qt.Key.Key_Space and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
                self._offer(asked=True)
                return True
        return super().eventFilter(watched, event)

    def _here(self) -> tuple[str, str, str]:
        """The name on the line of the cursor, what of its value stands before the cursor, and the sign between."""
        cursor = self.editor.textCursor()
        before = cursor.block().text()[: cursor.positionInBlock()]
        name, equals, value = before.partition("=")
        return name.strip(), equals, value

    def _offer(self, asked: bool = False) -> None:
        name, equals, value = self._here()
        if equals:
            setting = TOPIC_SETTINGS.get(name)
            offers, typed = list(setting.choices if setting else ()), value.rpartition(",")[2].strip()
        else:
            offers, typed = list(TOPIC_SETTINGS), name
        if not self.editor.hasFocus() or typed in offers or not offers or not (typed or asked or equals):
            self.offers.hide()
            return
        self._offers.setStringList(offers)
        self.completer.setCompletionPrefix(typed)
        if not self.completer.completionCount():
            self.offers.hide()
            return
        place = self.editor.cursorRect()
        place.setWidth(self.editor.fontMetrics().horizontalAdvance("m" * 42))
        self.completer.complete(place)
        self.offers.setCurrentIndex(self.completer.completionModel().index(0, 0))

    def _complete(self, chosen: str) -> None:
        _, equals, _ = self._here()
        cursor = self.editor.textCursor()
        typed = len(self.completer.completionPrefix())
        cursor.movePosition(QTextCursor.MoveOperation.Left, QTextCursor.MoveMode.KeepAnchor, typed)
        cursor.insertText(chosen if equals or "=" in cursor.block().text() else f"{chosen}=")
        self.editor.setTextCursor(cursor)

    def _moved(self) -> None:
        name, _, value = self.editor.textCursor().block().text().partition("=")
        setting = TOPIC_SETTINGS.get(name.strip())
        if setting is None:
            self.meaning.setText(" ")
            return
        words = in_words(setting.name, value.strip())
        default = in_words(setting.name, setting.default) or setting.default or "none"
        self.meaning.setText(f"{setting.meaning} Default: {default}.{f' Here: {words}.' if words else ''}")
