"""Rows to choose from in something that opens over the window: a mark, what is offered, and a hint in muted text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QFrame, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from kexplorer.ui.theme import mono_font, row_height, tokens

_OFFER = Qt.ItemDataRole.UserRole
_NOWHERE = QModelIndex()
_MARK, _GAP, _SIDE = 26, 24, 10  # pixels: the column of marks, before the hint, at both sides
_MOST_ROWS = 10


class Offer(NamedTuple):
    """`mark` is a character or two in the colour of the token `role`. `typed`: the text is something to type, and the
    hint is to be read; else it is the other way round. A heading cannot be chosen."""

    text: str
    hint: str = ""
    mark: str = ""
    role: str = "muted"
    typed: bool = True
    heading: bool = False

    def fonts(self, font: QFont) -> tuple[QFont, QFont]:
        """Of the text and of the hint."""
        mono = mono_font(font.pointSizeF())
        return (font, font) if self.heading else (mono, font) if self.typed else (font, mono)


class Sheet(QFrame):
    """What opens over the window: the base colour in a thin frame."""

    def __init__(self, parent: QWidget | None = None, flags: Qt.WindowType = Qt.WindowType.Widget) -> None:
        super().__init__(parent, flags)
        self.setContentsMargins(1, 1, 1, 1)

    def paintEvent(self, _event: QPaintEvent) -> None:
        look = tokens(self.palette())
        painter = QPainter(self)
        painter.setPen(QColor(look.control_line))
        painter.setBrush(QColor(look.base))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()


class OfferList(QListView):
    TEXT_LEFT = _SIDE + _MARK  # pixels

    def __init__(self) -> None:
        super().__init__()
        self._model = _OfferModel(self)
        self._delegate = _OfferDelegate(self)
        self.setModel(self._model)
        self.setItemDelegate(self._delegate)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)

    def show_offers(self, offers: Sequence[Offer]) -> None:
        """Nothing is selected afterwards. As high as its rows, up to ten."""
        self._model.show_offers(offers)
        self.setFixedHeight(min(len(offers), _MOST_ROWS) * self._delegate.height(self.font()))

    def offer(self, row: int) -> Offer | None:
        found: Offer | None = self._model.index(row).data(_OFFER)
        return found

    @property
    def row(self) -> int:
        """-1 for none."""
        return self.currentIndex().row()

    def select(self, row: int) -> None:
        self.setCurrentIndex(self._model.index(row))

    def ideal_width(self) -> int:
        """For the text and the hint with the most characters: to measure all takes longer than a key should. There must
        be an offer."""
        text = max((offer.text for offer in self._model.offers), key=len, default="")
        hint = max((offer.hint for offer in self._model.offers), key=len, default="")
        of_text, of_hint = map(QFontMetrics, self._model.offers[0].fonts(self.font()))
        return of_text.horizontalAdvance(text) + of_hint.horizontalAdvance(hint) + _MARK + _GAP + 2 * _SIDE + 12


class _OfferModel(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.offers: Sequence[Offer] = ()

    def show_offers(self, offers: Sequence[Offer]) -> None:
        self.beginResetModel()
        self.offers = offers
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.offers)

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        usual = super().flags(index)
        return Qt.ItemFlag.NoItemFlags if index.isValid() and self.offers[index.row()].heading else usual

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or role not in (_OFFER, Qt.ItemDataRole.DisplayRole):
            return None
        offer = self.offers[index.row()]
        return offer if role == _OFFER else f"{offer.text}, {offer.hint}" if offer.hint else offer.text


class _OfferDelegate(QStyledItemDelegate):
    def height(self, font: QFont) -> int:
        return row_height(font)

    def sizeHint(self, option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(0, self.height(option.font))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        offer: Offer = index.data(_OFFER)
        palette: QPalette = option.palette
        look = tokens(palette)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver) and not offer.heading
        rect: QRect = option.rect
        painter.save()
        if selected:
            painter.fillRect(rect, palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.Highlight))
        elif hovered:
            painter.fillRect(rect, QColor(look.hover))
        text_font, hint_font = offer.fonts(option.font)
        area = rect.adjusted(_SIDE, 0, -_SIDE, 0)
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        muted, text = (look.on_accent,) * 2 if selected else (look.muted, look.text)
        painter.setFont(mono_font(option.font.pointSizeF()))
        painter.setPen(QColor(look.on_accent if selected else getattr(look, offer.role)))
        painter.drawText(area, middle, offer.mark)
        room = area if offer.heading else area.adjusted(_MARK, 0, 0, 0)
        of_text, of_hint = QFontMetrics(text_font), QFontMetrics(hint_font)
        least = min(of_hint.horizontalAdvance(offer.hint), room.width() // 3) + _GAP if offer.hint else 0
        shown = of_text.elidedText(offer.text, Qt.TextElideMode.ElideMiddle, room.width() - least)
        painter.setFont(text_font)
        painter.setPen(QColor(muted if offer.heading else text))
        painter.drawText(room, middle, shown)
        left = room.width() - of_text.horizontalAdvance(shown) - _GAP
        painter.setFont(hint_font)
        painter.setPen(QColor(muted))
        hint = of_hint.elidedText(offer.hint, Qt.TextElideMode.ElideRight, left)
        painter.drawText(room, middle | Qt.AlignmentFlag.AlignRight, hint)
        painter.restore()
