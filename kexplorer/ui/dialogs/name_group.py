"""Names a group that is not there yet: one that begins at offsets of one's choice, or where another one is."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QWidget

from kexplorer.model.changes import AlterOffsets
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Committed
from kexplorer.services.sessions import Session
from kexplorer.ui.dialogs.fields import Field
from kexplorer.ui.dialogs.form import ChangeForm, answered

_NEW = "A name that no group has yet. The group begins to exist with its first committed offset."


async def name_group(parent: QWidget | None, session: Session) -> str:
    """The name of a group that does not exist; "" if nobody wants one."""
    dialog = _NameGroupDialog(parent, session, "Create a group at offsets", "Choose offsets…", "")
    return dialog.chosen if await answered(dialog) else ""


async def clone_group(parent: QWidget | None, session: Session, group: str) -> bool:
    """Whether a new group stands where `group` does."""
    return await answered(_CloneGroupDialog(parent, session, group))


class _NameGroupDialog(ChangeForm):
    def __init__(self, parent: QWidget | None, session: Session, title: str, action: str, about: str) -> None:
        super().__init__(parent, session, title, action, self._submit, about)
        self.name = QLineEdit()
        self.field = Field("&Group id", self.name, _NEW)
        self.body.addWidget(self.field)
        self.name.textChanged.connect(self._judge)
        self._judge("")
        self.name.setFocus()

    @property
    def chosen(self) -> str:
        return self.name.text()

    def _judge(self, text: str) -> None:
        self.field.show_problem(None)
        self.action.setEnabled(bool(text))

    async def _is_free(self) -> bool:
        """Brokers that do not tell their groups may know it all the same; setting its offsets is previewed then."""
        listed = await self.session.cluster.groups()
        taken = self.chosen in {each.id for each in listed.listed}
        if taken:
            why = f"There is a group {self.chosen} already."
            self.field.show_problem(Failure(FailureKind.INVALID, why, "Choose another name, or reset its offsets."))
        return not taken

    async def _submit(self) -> None:
        if await self._is_free():
            self.accept()


class _CloneGroupDialog(_NameGroupDialog):
    def __init__(self, parent: QWidget | None, session: Session, group: str) -> None:
        about = f"The new group gets what {group} has committed now. Members, and what they do, are not copied."
        super().__init__(parent, session, f"Clone {group}", "Clone…", about)
        self._group = group
        self.name.setText(f"{group}-copy")
        self.name.selectAll()

    async def _submit(self) -> None:
        if not await self._is_free():
            return
        found = (await self.session.cluster.group_offsets({self._group: None}))[self._group]
        if isinstance(found, Failure):
            raise found
        failed = next((each for each in found.values() if isinstance(each, Failure)), None)
        if failed:
            raise failed
        offsets = {source: each.offset for source, each in found.items() if isinstance(each, Committed)}
        if not offsets:
            why = f"{self._group} has no committed offset that could be copied."
            raise Failure(FailureKind.INVALID, why, "Create a group at offsets of your choice instead.")
        await self.make(AlterOffsets(self.chosen, offsets))
