"""What was found, one card each: how bad it is by word and shape, what it means, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from kexplorer.ui.widgets.labels import IconLabel, plain_label

_FLAT = 9  # pixels that a flat button keeps left of its text
_MOST = 200  # cards: what is beyond is told in one line
_ICONS = {"bad": "error", "warn": "warning", "muted": "info", "good": "success"}


@dataclass(frozen=True, slots=True)
class Card:
    """`tone` is "bad", "warn", "muted" or "good", and `word` says the same. `action` is a button's text, "" for none,
    and `run` what it does."""

    tone: str
    word: str
    title: str
    text: str
    remedy: str = ""
    place: str = ""
    action: str = ""
    run: Callable[[], None] | None = None


class FindingCards(QScrollArea):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._page = QWidget()
        self._page.setProperty("panel", True)
        self._column = QVBoxLayout(self._page)
        self._column.setContentsMargins(12, 8, 12, 12)
        self._column.setSpacing(8)
        self._column.addStretch()
        self.setWidget(self._page)
        self._shown: list[Card] = []

    def show_cards(self, cards: Sequence[Card]) -> None:
        """Cards that stay the same are not made anew."""
        shown = list(cards[:_MOST])
        if left := len(cards) - _MOST:
            shown += [Card("muted", "More", f"{left} more", "Mend these first.")] if left > 0 else []
        same = next((i for i, (a, b) in enumerate(zip(self._shown, shown, strict=False)) if a != b), None)
        keep = min(len(self._shown), len(shown)) if same is None else same
        while self._column.count() > keep + 1:
            if (item := self._column.takeAt(keep)) and (widget := item.widget()):
                widget.hide()
                widget.deleteLater()
        for card in shown[keep:]:
            self._column.insertWidget(self._column.count() - 1, _card(card, self._page))
        self._shown = shown

    @property
    def cards(self) -> Sequence[Card]:
        return tuple(self._shown)


def _card(card: Card, parent: QWidget) -> QFrame:
    frame = QFrame(parent)
    frame.setProperty("card", card.tone)
    frame.setAccessibleName(f"{card.word}: {card.title}. {card.text} {card.remedy}")
    row = QHBoxLayout(frame)
    row.setContentsMargins(12, 10, 12, 10)
    row.setSpacing(12)
    row.addWidget(IconLabel(_ICONS[card.tone], card.tone, 18, frame), 0, Qt.AlignmentFlag.AlignTop)
    words = QVBoxLayout()
    words.setSpacing(4)
    head = QHBoxLayout()
    head.setSpacing(8)
    head.addWidget(plain_label(card.title, "heading", wrap=True, selectable=True), 1)
    head.addWidget(plain_label(" · ".join(filter(None, (card.word, card.place))), card.tone), 0)
    words.addLayout(head)
    words.addWidget(plain_label(card.text, wrap=True, selectable=True))
    if card.remedy:
        words.addWidget(plain_label(card.remedy, "muted", wrap=True, selectable=True))
    if card.action and card.run:
        button = QPushButton(card.action, frame, flat=True)
        run = card.run
        button.clicked.connect(lambda _: run())
        indent = QHBoxLayout()
        indent.setContentsMargins(-_FLAT, 0, 0, 0)
        indent.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        words.addLayout(indent)
    row.addLayout(words, 1)
    return frame
