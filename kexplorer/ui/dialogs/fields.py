"""The parts of a form: a labelled field with its error, a file, a colour, a secret."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from kexplorer.model.failure import Failure
from kexplorer.model.profile import COLOURS, SecretRef, SecretStore
from kexplorer.ui.icons import icon
from kexplorer.ui.marks import profile_colour
from kexplorer.ui.widgets.labels import plain_label


class Field(QWidget):
    """A label above an input, and below it what is wrong with it or, while nothing is, a note."""

    def __init__(self, label: str, content: QWidget, note: str = "") -> None:
        super().__init__()
        self.content = content
        self._note = note
        caption = plain_label(label)
        caption.setBuddy(content)
        content.setAccessibleName(label.replace("&", ""))
        self.message = plain_label(note, "muted", wrap=True)
        self.message.setVisible(bool(note))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(caption)
        layout.addWidget(content)
        layout.addWidget(self.message)

    def show_problem(self, failure: Failure | None) -> None:
        self.message.setText(str(failure) if failure else self._note)
        self.message.setVisible(failure is not None or bool(self._note))
        _set(self.message, "role", "bad" if failure else "muted")
        for line in (self.content, *self.content.findChildren(QLineEdit)):
            _set(line, "invalid", failure is not None)


class FileField(QWidget):
    """A path and a button that chooses it."""

    changed = Signal()

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what
        self.line = QLineEdit()
        self.line.setPlaceholderText("PEM file")
        self.line.textChanged.connect(self.changed)
        self.button = QPushButton("Choose…")
        self.button.setAutoDefault(False)
        self.button.clicked.connect(self._choose)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.button)
        self.setFocusProxy(self.line)

    def _choose(self) -> None:
        dialog = QFileDialog(self, self._what, self.line.text(), "PEM files (*.pem *.crt *.cer *.key);;All files (*)")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.line.setText)
        dialog.open()


class ColourField(QWidget):
    """One chip a colour; the name of the chosen one beside them."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._group = QButtonGroup(self)
        self._name = plain_label("", "muted", wrap=True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for number, name in enumerate(COLOURS):
            chip = _Chip(name)
            self._group.addButton(chip, number)
            layout.addWidget(chip)
        layout.addSpacing(4)
        layout.addWidget(self._name, 1)
        self._group.idToggled.connect(self._toggled)
        self.set_colour(COLOURS[0])

    def colour(self) -> str:
        return COLOURS[self._group.checkedId()]

    def set_colour(self, name: str) -> None:
        self._group.button(COLOURS.index(name)).setChecked(True)

    def _toggled(self, number: int, on: bool) -> None:
        if on:
            self._name.setText(COLOURS[number])
            self.setFocusProxy(self._group.button(number))
            self.changed.emit()


class _Chip(QAbstractButton):
    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)  # painted again when the mouse comes and goes
        self.setCheckable(True)
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def sizeHint(self) -> QSize:
        side = self.fontMetrics().height() + 10
        return QSize(side, side)

    def paintEvent(self, _event: QPaintEvent) -> None:
        colour = profile_colour(self._name, self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, side = self.rect().toRectF().center(), self.width()
        if self.isChecked() or self.hasFocus() or self.underMouse():
            ring = colour if self.isChecked() else self.palette().placeholderText().color()
            painter.setPen(QPen(ring, 2, Qt.PenStyle.DotLine if self.hasFocus() else Qt.PenStyle.SolidLine))
            painter.drawEllipse(middle, side / 2 - 2, side / 2 - 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(middle, side / 2 - 6, side / 2 - 6)


class SecretField(QWidget):
    """Where a secret is, and for the keyring the secret itself, which is never shown unless a person asks for it."""

    changed = Signal()

    def __init__(self, optional: str = "") -> None:
        """`optional`: what the choice of no secret is called; without it there is no such choice."""
        super().__init__()
        self._kept: SecretRef | None = None
        self.place = QComboBox()
        if optional:
            self.place.addItem(optional, None)
        self.place.addItem("System keyring", SecretStore.KEYRING)
        self.place.addItem("Environment", SecretStore.ENVIRONMENT)
        self.place.addItem("Ask each time", SecretStore.ASK)
        self.place.setAccessibleName("Where the secret is kept")
        self.line = QLineEdit()
        self._reveal = QToolButton()
        self._reveal.setCheckable(True)
        self._reveal.setToolTip("Show what is typed")
        self._reveal.setAccessibleName("Show what is typed")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for widget, stretch in ((self.place, 0), (self.line, 1), (self._reveal, 0)):
            layout.addWidget(widget, stretch)
        layout.addStretch()
        self.setFocusProxy(self.place)
        self.place.currentIndexChanged.connect(self._placed)
        self.line.textChanged.connect(self.changed)
        self._reveal.toggled.connect(self._echo)
        self._placed()

    def set_ref(self, ref: SecretRef | None) -> None:
        self._kept = ref
        index = self.place.findData(ref.store if ref else None)
        self.place.setCurrentIndex(max(index, 0))
        self._placed()
        if ref and ref.store == SecretStore.ENVIRONMENT:
            self.line.setText(ref.name)

    def ref(self) -> SecretRef | None:
        """A keyring reference without a name stands for a secret that is new."""
        store: SecretStore | None = self.place.currentData()
        if store is None:
            return None
        if store == SecretStore.ENVIRONMENT:
            return SecretRef(SecretStore(store), self.line.text().strip())
        return self._kept if self._kept and self._kept.store == store else SecretRef(SecretStore(store), "")

    def typed(self) -> str:
        """The secret that was typed, "" if none was."""
        return self.line.text() if self.place.currentData() == SecretStore.KEYRING else ""

    def _placed(self) -> None:
        store = self.place.currentData()
        hints = {
            SecretStore.KEYRING: "Password",
            SecretStore.ENVIRONMENT: "Name of the variable",
        }
        stored = self._kept and self._kept.store == store == SecretStore.KEYRING and self._kept.name
        self.line.clear()
        self.line.setPlaceholderText("Stored; type to replace it" if stored else hints.get(store, ""))
        self.line.setVisible(store in hints)
        self.line.setAccessibleName(hints.get(store, ""))
        self._reveal.setVisible(store == SecretStore.KEYRING)
        self._reveal.setChecked(False)
        self._echo()
        self.changed.emit()

    def _echo(self) -> None:
        hidden = self.place.currentData() == SecretStore.KEYRING and not self._reveal.isChecked()
        self.line.setEchoMode(QLineEdit.EchoMode.Password if hidden else QLineEdit.EchoMode.Normal)
        self._reveal.setIcon(icon("eye-off" if self._reveal.isChecked() else "eye"))


def _set(widget: QWidget, name: str, value: object) -> None:
    """A property that the style sheet looks at."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)
