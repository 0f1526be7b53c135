"""Deletes what a group has committed for one of its topics, which is kept to undo it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QComboBox, QWidget

from kexplorer.formats.numbers import count
from kexplorer.model.changes import DeleteOffsets
from kexplorer.model.topics import TopicPartition
from kexplorer.services.resets import Resets
from kexplorer.services.sessions import Session
from kexplorer.ui.dialogs.change_dialog import make_change
from kexplorer.ui.dialogs.fields import Field
from kexplorer.ui.dialogs.form import ChangeForm, answered

_ABOUT = (
    "The group forgets how far it has read this topic. A consumer that reads it again begins where its "
    "auto.offset.reset says. What is committed now is kept on this machine: “Undo a reset” sets it again."
)


async def delete_offsets(
    parent: QWidget | None, session: Session, resets: Resets, committed: Sequence[TopicPartition], topic: str = ""
) -> bool:
    """`committed`: the partitions that the group has an offset of; `topic` is the one to begin with."""
    return await answered(_DeleteOffsetsDialog(parent, session, resets, committed, topic))


class _DeleteOffsetsDialog(ChangeForm):
    def __init__(
        self, parent: QWidget | None, session: Session, resets: Resets, committed: Sequence[TopicPartition], topic: str
    ) -> None:
        title = f"Delete offsets of {resets.group}"
        super().__init__(parent, session, title, "Delete offsets…", self._submit, _ABOUT)
        self._resets = resets
        self._committed = sorted(committed)
        self.topic = QComboBox()
        self.topic.addItems(list(dict.fromkeys(each.topic for each in self._committed)))
        self.topic.setCurrentText(topic)
        self.field = Field("&Topic", self.topic, "")
        self.body.addWidget(self.field)
        self.topic.currentTextChanged.connect(lambda _: self._judge())
        self._judge()
        self.topic.setFocus()

    def _of_topic(self) -> tuple[TopicPartition, ...]:
        return tuple(each for each in self._committed if each.topic == self.topic.currentText())

    def _judge(self) -> None:
        partitions = len(self._of_topic())
        self.action.setEnabled(partitions > 0)
        self.field.message.setText(
            f"{count(partitions)} partition{'' if partitions == 1 else 's'} with a committed offset"
            if partitions
            else "The group has committed nothing that is still kept."
        )
        self.field.message.show()

    async def _submit(self) -> None:
        change = DeleteOffsets(self._resets.group, self._of_topic())
        before = await self._resets.keep(f"the offsets of {self.topic.currentText()} deleted", change.partitions)
        outcome = await make_change(self, self.session.changes, change)
        if outcome is None:
            await self._resets.drop(before)
        elif outcome.failures:
            await self._resets.settle(before, dict.fromkeys(change.partitions), outcome.failures)
        else:
            self.accept()
