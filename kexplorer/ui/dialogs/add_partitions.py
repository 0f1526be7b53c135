"""Gives a topic more partitions, after saying what becomes of its keys."""

from __future__ import annotations

from PySide6.QtWidgets import QSpinBox, QWidget

from kexplorer.formats.numbers import count
from kexplorer.formats.partitioning import Partitioner
from kexplorer.model.changes import AddPartitions
from kexplorer.model.failure import Failure
from kexplorer.model.topics import Topic
from kexplorer.services.sessions import Session
from kexplorer.services.topic_admin import KeySample, describe, sample_keys
from kexplorer.ui.dialogs.fields import Field
from kexplorer.ui.dialogs.form import ChangeForm, answered
from kexplorer.ui.widgets.labels import plain_label

_MOST = 100_000
_CLIENTS = {Partitioner.MURMUR2: "Kafka's Java clients", Partitioner.CRC32: "librdkafka's default"}


async def add_partitions(parent: QWidget | None, session: Session, topic: str) -> bool:
    """True once it has them. Raises the `Failure` of a topic that can't be described."""
    return await answered(AddPartitionsDialog(parent, session, await describe(session.cluster, topic)))


class AddPartitionsDialog(ChangeForm):
    """`keys` says what moves as soon as a sample of them was read."""

    def __init__(self, parent: QWidget | None, session: Session, topic: Topic) -> None:
        now = len(topic.partitions)
        has = "1 partition" if now == 1 else f"{count(now)} partitions"
        about = f"{topic.name} has {has}. Partitions can be added, never removed."
        super().__init__(parent, session, f"Add partitions to {topic.name}", "Add partitions…", self._submit, about)
        self._topic, self._now = topic, now
        self._sample: KeySample | None = None
        self.total = QSpinBox()
        self.total.setRange(now + 1, max(_MOST, now + 1))
        self.total.setGroupSeparatorShown(True)
        self.total.setValue(now * 2)
        self.keys = plain_label("Reading the newest keys …", "muted", wrap=True)
        self.keys.setMinimumHeight(self.keys.fontMetrics().lineSpacing() * 4)
        self.body.addWidget(Field("&Partitions in all", self.total))
        self.body.addWidget(self.keys)
        self.body.addStretch()
        self.total.valueChanged.connect(lambda _: self._tell())
        self.tasks.start("sample", self._read())
        self.total.setFocus()

    async def _read(self) -> None:
        try:
            self._sample = await sample_keys(self.session.cluster, self._topic)
        except Failure as failure:
            self.keys.setText(f"Which keys move is not known: the newest records could not be read. {failure}")
            return
        self._tell()

    async def _submit(self) -> None:
        await self.make(AddPartitions(self._topic.name, self.total.value()))

    def _tell(self) -> None:
        if self._sample is None:
            return
        self.keys.setText(moves_in_words(self._sample, self.total.value()))


def moves_in_words(sample: KeySample, total: int) -> str:
    if not sample.keys:
        return "None of the newest records has a key: nothing depends on the partition that a record goes to."
    keys, moving = len(sample.keys), sample.moving_to(total)
    sampled = "the one key" if keys == 1 else f"{count(keys)} different keys"
    text = (
        f"Of {sampled} in the newest records, {count(moving)} ({moving / keys:.0%}) will go to another partition. "
        "Their older records stay where they are: who reads both sees them without an order between them."
    )
    if sample.explained < keys * 0.9:
        text += (
            f" This is a guess: only {sample.explained / keys:.0%} of the keys are where {_CLIENTS[sample.by]} would "
            "put them, so a producer chooses partitions in a way of its own."
        )
    return text
