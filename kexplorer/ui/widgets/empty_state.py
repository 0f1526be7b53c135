"""What a view says while it has nothing to show."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from kexplorer.ui.widgets.labels import IconLabel, plain_label

_WIDEST = 460  # pixels of a line that is still easy to read


class EmptyState(QWidget):
    """An icon, a sentence, the cause and one thing to do."""

    action_requested = Signal()

    def __init__(
        self, icon_name: str, sentence: str, cause: str = "", action: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setProperty("panel", True)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._icon = IconLabel(icon_name, "muted", 40, self)
        self._sentence = plain_label(role="heading", wrap=True, parent=self)
        self._cause = plain_label(role="muted", wrap=True, parent=self)
        self._action = QPushButton(self)
        self._action.clicked.connect(self.action_requested)
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addStretch(2)
        column.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(4)
        for label in (self._sentence, self._cause):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setFixedWidth(_WIDEST)
            column.addWidget(label, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(4)
        column.addWidget(self._action, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        self.tell(icon_name, sentence, cause, action)

    @property
    def text(self) -> str:
        return f"{self._sentence.text()} {self._cause.text()}".strip()

    def tell(self, icon_name: str, sentence: str, cause: str = "", action: str = "") -> None:
        """Says something else; without `action` there is no button."""
        self._icon.show_icon(icon_name, "muted")
        self._sentence.setText(sentence)
        self._cause.setText(cause)
        self._cause.setVisible(bool(cause))
        for label in (self._sentence, self._cause):  # else the layout cuts off what takes several lines
            label.setMinimumHeight(max(label.heightForWidth(_WIDEST), 0))
        self._action.setText(action.replace("&", "&&"))
        self._action.setVisible(bool(action))
