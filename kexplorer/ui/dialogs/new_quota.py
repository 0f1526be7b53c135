"""Sets what a user, a client or an address may take at most."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLineEdit, QWidget

from kexplorer.model.access import Quota, QuotaEntity
from kexplorer.model.changes import AlterQuota
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.services.sessions import Session
from kexplorer.ui.dialogs.fields import Field
from kexplorer.ui.dialogs.form import ChangeForm, answered
from kexplorer.ui.models.access import LIMITS, Limit
from kexplorer.ui.widgets.labels import plain_label

_CONNECTIONS = "connection_creation_rate"  # the one limit of addresses, and of nothing else


async def new_quota(parent: QWidget | None, session: Session, known: Quota | None = None) -> bool:
    """True once it is set. `known` is one to edit."""
    return await answered(QuotaDialog(parent, session, known))


class _Part(QWidget):
    """A user, client or address: any, the default of those without a quota of their own, or one by its name."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.choice, self.line = QComboBox(), QLineEdit()
        self.choice.addItems([f"any {what}", f"{what} without a quota of its own", f"this {what}:"])
        self.choice.setAccessibleName(f"Which {what}")
        self.line.setAccessibleName(what)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.choice, 1)
        row.addWidget(self.line, 1)
        self.choice.currentIndexChanged.connect(lambda at: self.line.setEnabled(at == 2))
        self.line.setEnabled(False)
        self.setFocusProxy(self.choice)
        self._what = what

    def value(self) -> str | None:
        """As `QuotaEntity` has it. Raises `Failure` where the name is missing."""
        at, name = self.choice.currentIndex(), self.line.text().strip()
        if at == 2 and not name:
            raise Failure(FailureKind.INVALID, f"The name of the {self._what} is missing.")
        return (None, "", name)[at]

    def set_value(self, value: str | None) -> None:
        self.choice.setCurrentIndex(0 if value is None else 2 if value else 1)
        self.line.setText(value or "")


class QuotaDialog(ChangeForm):
    def __init__(self, parent: QWidget | None, session: Session, known: Quota | None = None) -> None:
        title = f"Quota of {known.entity}" if known else "New quota"
        about = f"In {session.cluster.profile.name}. Whoever takes more is slowed down, not refused. Empty: no limit."
        super().__init__(parent, session, title, "Set quota…", self._submit, about)
        self._held = dict(known.limits) if known else {}
        self.user, self.client, self.address = _Part("user"), _Part("client"), _Part("address")
        self.lines = {limit.key: QLineEdit() for limit in LIMITS}
        self._fields = {limit.key: Field(limit.title, self.lines[limit.key], limit.unit) for limit in LIMITS}
        for key, line in self.lines.items():
            line.setToolTip(key)
        for title_, part in (("&User", self.user), ("&Client id", self.client), ("&Address", self.address)):
            self.body.addWidget(Field(title_, part))
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(12)
        for number, field in enumerate(self._fields.values()):
            grid.addWidget(field, number // 2, number % 2, Qt.AlignmentFlag.AlignTop)
        self.problem = plain_label("", "muted", wrap=True)
        self.body.addLayout(grid)
        self.body.addWidget(self.problem)
        self.body.addStretch()
        if known:
            self._take(known)
        for part in (self.user, self.client, self.address):
            part.choice.currentIndexChanged.connect(lambda _: self._judge())
            part.line.textChanged.connect(lambda _: self._judge())
        for line in self.lines.values():
            line.textChanged.connect(lambda _: self._judge())
        self._judge()
        first = _CONNECTIONS if known and known.entity.ip is not None else LIMITS[0].key
        (self.lines[first] if known else self.user).setFocus()

    @property
    def change(self) -> AlterQuota:
        """Only what differs from what the entity has. Raises `Failure` while something is missing or wrong."""
        entity = QuotaEntity(self.user.value(), self.client.value(), self.address.value())
        if entity == QuotaEntity():
            raise Failure(FailureKind.INVALID, "A quota is for a user, a client or an address.", "Choose one of them.")
        if entity.ip is not None and (entity.user is not None or entity.client_id is not None):
            raise Failure(FailureKind.INVALID, "An address has quotas of its own.", "Leave user and client at “any”.")
        wanted = {limit.key: number for limit in LIMITS if (number := self._number(limit)) is not None}
        for key in wanted:
            if (key == _CONNECTIONS) != (entity.ip is not None):
                raise Failure(FailureKind.INVALID, f"{key} is no limit of {entity}.", "Leave it empty.")
        sets = {key: number for key, number in wanted.items() if self._held.get(key) != number}
        resets = tuple(key for key in self._held if key not in wanted)
        if not sets and not resets:
            raise Failure(FailureKind.INVALID, "Nothing is set that is not so already.", "Enter a limit.")
        return AlterQuota(entity, sets, resets)

    def _number(self, limit: Limit) -> float | None:
        text = self.lines[limit.key].text().replace(",", "").replace("_", "").strip()
        if not text:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or number <= 0:
            raise Failure(FailureKind.INVALID, f"{limit.title} is no number above zero.", f"It is in {limit.unit}.")
        return number

    def _take(self, known: Quota) -> None:
        entity = known.entity
        for part, value in ((self.user, entity.user), (self.client, entity.client_id), (self.address, entity.ip)):
            part.set_value(value)
            part.setEnabled(False)
        for key, number in known.limits:
            if key in self.lines:
                self.lines[key].setText(f"{number:.15g}")

    def _judge(self) -> None:
        of_address = self.address.choice.currentIndex() > 0
        for key, field in self._fields.items():
            field.setEnabled((key == _CONNECTIONS) == of_address)
        try:
            change = self.change
            texts = [limit.text(change.sets[limit.key]) for limit in LIMITS if limit.key in change.sets]
            self.problem.setText(f"{change.entity}: {', '.join([*texts, *(f'no {key}' for key in change.resets)])}")
            self.action.setEnabled(True)
        except Failure as failure:
            self.problem.setText(str(failure))
            self.action.setEnabled(False)

    async def _submit(self) -> None:
        await self.make(self.change)
