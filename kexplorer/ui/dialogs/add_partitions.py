"""Gives topics more partitions, after saying what becomes of their keys."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QSpinBox, QWidget

from kexplorer.formats.numbers import count
from kexplorer.formats.partitioning import Partitioner
from kexplorer.model.changes import AddPartitions
from kexplorer.model.failure import Failure
from kexplorer.model.topics import Topic
from kexplorer.services.sessions import Session
from kexplorer.services.topic_admin import KeySample, describe, sample_keys
from kexplorer.ui.dialogs.change_dialog import make_change
from kexplorer.ui.dialogs.fields import Field
from kexplorer.ui.dialogs.form import ChangeForm, answered
from kexplorer.ui.widgets.labels import plain_label

_MOST = 100_000
_MOST_NAMED = 3  # topics of which keys are read
_MEANING = "Their older records stay where they are: who reads both sees them without an order between them."
_CLIENTS = {Partitioner.MURMUR2: "Kafka's Java clients", Partitioner.CRC32: "librdkafka's default"}


async def add_partitions(parent: QWidget | None, session: Session, topics: Sequence[str]) -> bool:
    """True once all of them have enough. Raises the `Failure` of a topic that can't be described."""
    found = [await describe(session.cluster, topic) for topic in topics]
    return await answered(AddPartitionsDialog(parent, session, found))


class AddPartitionsDialog(ChangeForm):
    """`keys` says of each topic what moves as soon as a sample was read. Of several, those with fewer partitions get
    them; those that took it are left out when it is tried again."""

    def __init__(self, parent: QWidget | None, session: Session, topics: Sequence[Topic]) -> None:
        has = ", ".join(f"{topic.name} has {_partitions(len(topic.partitions))}" for topic in topics[:_MOST_NAMED])
        others = f" and {len(topics) - _MOST_NAMED} others" if len(topics) > _MOST_NAMED else ""
        about = f"{has}{others}. Partitions can be added, never removed."
        what = topics[0].name if len(topics) == 1 else f"{len(topics)} topics"
        super().__init__(parent, session, f"Add partitions to {what}", "Add partitions…", self._submit, about)
        self._left = list(topics)
        self._topics = topics
        self._samples: dict[str, KeySample | Failure] = {}
        fewest = min(len(topic.partitions) for topic in topics)
        self.total = QSpinBox()
        self.total.lineEdit().setTextMargins(6, 0, 0, 0)
        self.total.setRange(fewest + 1, max(_MOST, fewest + 1))
        self.total.setGroupSeparatorShown(True)
        self.total.setValue(2 * max(len(topic.partitions) for topic in topics))
        self.keys = plain_label("Reading the newest keys …", "muted", wrap=True)
        self.keys.setMinimumHeight(self.keys.fontMetrics().lineSpacing() * 4)
        note = "A topic that has as many already stays as it is." if len(topics) > 1 else ""
        self.body.addWidget(Field("&Partitions in all", self.total, note))
        self.body.addWidget(self.keys)
        self.body.addStretch()
        self.total.valueChanged.connect(lambda _: self._tell())
        self.tasks.start("sample", self._read())
        self.total.setFocus()

    async def _read(self) -> None:
        for topic in self._topics[:_MOST_NAMED]:
            try:
                self._samples[topic.name] = await sample_keys(self.session.cluster, topic)
            except Failure as failure:
                self._samples[topic.name] = failure
            self._tell()

    async def _submit(self) -> None:
        total = self.total.value()
        wanted = [AddPartitions(each.name, total) for each in self._left if len(each.partitions) < total]
        outcome = await make_change(self, self.session.changes, *wanted) if wanted else None
        if outcome is None:
            return
        self._left = [topic for topic in self._left if topic.name in outcome.failures]
        if not self._left:
            self.accept()

    def _tell(self) -> None:
        """Of one topic in full; of several a line each, and once what it means."""
        total, told = self.total.value(), []
        words = moves_in_words if len(self._topics) == 1 else moves_in_short
        for topic in self._topics:
            sample = self._samples.get(topic.name)
            start = f"{topic.name}: " if len(self._topics) > 1 else ""
            if isinstance(sample, Failure):
                told.append(f"{start}Which keys move is not known: the newest records could not be read. {sample}")
            elif sample and len(topic.partitions) < total:
                told.append(f"{start}{words(sample, total)}")
        if len(self._topics) > 1 and told:
            told.append(_MEANING)
        if told:
            self.keys.setText("\n".join(told))
            self.keys.setMinimumHeight(self.keys.heightForWidth(self.keys.width()))


def _partitions(number: int) -> str:
    return "1 partition" if number == 1 else f"{count(number)} partitions"


def moves_in_short(sample: KeySample, total: int) -> str:
    if not sample.keys:
        return "None of the newest records has a key."
    keys, moving = len(sample.keys), sample.moving_to(total)
    return f"{count(moving)} of {count(keys)} keys in the newest records move ({moving / keys:.0%})."


def moves_in_words(sample: KeySample, total: int) -> str:
    if not sample.keys:
        return "None of the newest records has a key: nothing depends on the partition that a record goes to."
    keys, moving = len(sample.keys), sample.moving_to(total)
    sampled = "the one key" if keys == 1 else f"{count(keys)} different keys"
    text = (
        f"Of {sampled} in the newest records, {count(moving)} ({moving / keys:.0%}) will go to another partition. "
        f"{_MEANING}"
    )
    if sample.explained < keys * 0.9:
        text += (
            f" This is a guess: only {sample.explained / keys:.0%} of the keys are where {_CLIENTS[sample.by]} would "
            "put them, so a producer chooses partitions in a way of its own."
        )
    return text
