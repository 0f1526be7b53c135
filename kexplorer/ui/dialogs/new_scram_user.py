"""Makes a SCRAM user, or gives one another password."""

from __future__ import annotations

from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QSpinBox, QWidget

from kexplorer.model.access import ScramMechanism
from kexplorer.model.changes import SetScram
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.services.sessions import Session
from kexplorer.ui.dialogs.fields import Field
from kexplorer.ui.dialogs.form import ChangeForm, answered
from kexplorer.ui.widgets.labels import plain_label

_FEWEST, _MOST, _USUAL = 4096, 16_384, 8192  # iterations: what Kafka takes, and what its tools make


async def new_scram_user(
    parent: QWidget | None, session: Session, known: tuple[str, ScramMechanism] | None = None
) -> bool:
    """True once the password is set. `known`: a user and its mechanism, to give it another."""
    return await answered(ScramDialog(parent, session, known))


class ScramDialog(ChangeForm):
    def __init__(
        self, parent: QWidget | None, session: Session, known: tuple[str, ScramMechanism] | None = None
    ) -> None:
        cluster = session.cluster.profile.name
        title = f"New password for {known[0]}" if known else "New SCRAM user"
        about = f"In {cluster}. Clients that are logged in stay so; the next login needs the new one." if known else ""
        action = "Set password…" if known else "Create user…"
        super().__init__(parent, session, title, action, self._submit, about or f"In {cluster}.")
        self.user, self.password = QLineEdit(), QLineEdit()
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.mechanism, self.iterations = QComboBox(), QSpinBox()
        self.iterations.lineEdit().setTextMargins(6, 0, 0, 0)
        for each in reversed(ScramMechanism):  # the stronger one first
            self.mechanism.addItem(each.value, each)
        self.iterations.setRange(_FEWEST, _MOST)
        self.iterations.setGroupSeparatorShown(True)
        self.iterations.setValue(_USUAL)
        self.shown = QCheckBox("Show the password")
        self.problem = plain_label("", "muted", wrap=True)
        self.body.addWidget(Field("&User", self.user))
        self.body.addWidget(Field("&Mechanism", self.mechanism))
        self.body.addWidget(Field("&Password", self.password, "The brokers keep what checks it, never itself."))
        self.body.addWidget(self.shown)
        self.body.addWidget(
            Field("&Iterations", self.iterations, "More of them make guessing slower, and each login too.")
        )
        self.body.addWidget(self.problem)
        self.body.addStretch()
        if known:
            self.user.setText(known[0])
            self.mechanism.setCurrentIndex(self.mechanism.findData(known[1]))
            self.user.setEnabled(False)
            self.mechanism.setEnabled(False)
        self.shown.toggled.connect(self._show_password)
        for line in (self.user, self.password):
            line.textChanged.connect(lambda _: self._judge())
        self._judge()
        (self.password if known else self.user).setFocus()

    @property
    def change(self) -> SetScram:
        """Raises `Failure` while something is missing."""
        user, password = self.user.text(), self.password.text()
        if not user.strip() or user != user.strip():
            raise Failure(FailureKind.INVALID, "The user needs a name without spaces around it.")
        if not password:
            raise Failure(FailureKind.INVALID, "The password is missing.")
        return SetScram(user, ScramMechanism(self.mechanism.currentData()), password, self.iterations.value())

    def _show_password(self, on: bool) -> None:
        self.password.setEchoMode(QLineEdit.EchoMode.Normal if on else QLineEdit.EchoMode.Password)

    def _judge(self) -> None:
        try:
            self.action.setEnabled(bool(self.change))
            self.problem.setText("")
        except Failure as failure:
            self.action.setEnabled(False)
            self.problem.setText(str(failure))

    async def _submit(self) -> None:
        await self.make(self.change)
