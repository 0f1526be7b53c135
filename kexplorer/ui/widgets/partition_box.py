"""Which partition a message goes to: as the partitioner has it, a number, or what an expression says of it."""

from __future__ import annotations

import time
from decimal import Decimal
from enum import IntEnum
from typing import NamedTuple

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QWidget

from kexplorer.formats.column import compile_column, shown
from kexplorer.formats.partitioning import predicted
from kexplorer.formats.payloads import MISSING
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import Outgoing, payload_size
from kexplorer.model.records import Header, Peek, Record, TimestampType
from kexplorer.model.topics import TopicPartition
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.range_box import mark_invalid

_MOST = 1 << 31  # Kafka's partitions are numbered in 32 bits


class By(IntEnum):
    PARTITIONER, NUMBER, EXPRESSION = range(3)


class Choice(NamedTuple):
    """`partition` None: the partitioner chooses, which leaves it to chance. `why` is a clause."""

    partition: int | None
    why: str


_HINTS = {
    By.NUMBER: "Number of the partition",
    By.EXPRESSION: 'Such as value.customer % 3, or value.tier == "VIP"',
}
_TIP = (
    "A number is the partition. true is partition 0.\nfalse and null leave it to the partitioner.\n"
    "The message's key, value and headers are named as in a filter."
)


class PartitionBox(QWidget):
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.by = QComboBox()
        self.by.addItems(["Partition by key", "Partition number", "Partition by expression"])
        self.by.setAccessibleName("How the partition is chosen")
        self.line = QLineEdit()
        self.told = ElidedLabel()
        self.told.setProperty("role", "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.by)
        row.addWidget(self.line, 1)
        row.addWidget(self.told, 2)
        self.by.currentIndexChanged.connect(self._switched)
        self.line.textChanged.connect(lambda _: self.changed.emit())
        self._switched()

    def set_number(self, partition: int | None) -> None:
        self.by.setCurrentIndex(By.PARTITIONER if partition is None else By.NUMBER)
        self.line.setText("" if partition is None else str(partition))

    def choose(self, outgoing: Outgoing, partitions: int, partitioner: str) -> Choice:
        """Among `partitions`, 0 where their number is not known. Raises `Failure` for what names none."""
        by = By(self.by.currentIndex())
        if by is By.NUMBER:
            return Choice(self._number(partitions), "as chosen")
        routed = self._routed(outgoing, partitions) if by is By.EXPRESSION else None
        return routed or _by_key(outgoing.key, partitions, partitioner)

    def tell(self, outgoing: Outgoing, partitions: int, partitioner: str) -> None:
        """Shows what would be chosen, and why."""
        try:
            choice = self.choose(outgoing, partitions, partitioner)
        except Failure as failure:
            self._say(failure.message, wrong=bool(self.line.text().strip()))
            return
        of = f" of {partitions}" if partitions else ""
        where = "Any partition" if choice.partition is None else f"Partition {choice.partition}{of}"
        self._say(f"{where}: {choice.why}.")

    @property
    def reads_all(self) -> bool:
        """Whether more than the key decides."""
        return self.by.currentIndex() == By.EXPRESSION

    def say_unknown(self, sentence: str) -> None:
        self._say(sentence)

    def save_state(self) -> dict[str, object]:
        return {"by": self.by.currentIndex(), "text": self.line.text()}

    def restore_state(self, by: object, text: object) -> None:
        if by in list(By) and isinstance(text, str):
            self.by.setCurrentIndex(int(str(by)))
            self.line.setText(text)

    def _say(self, sentence: str, *, wrong: bool = False) -> None:
        self.told.show_text(sentence)
        mark_invalid(self.line, wrong)
        role = "bad" if wrong else "muted"
        if self.told.property("role") != role:
            self.told.setProperty("role", role)
            self.told.style().polish(self.told)

    def _switched(self) -> None:
        by = By(self.by.currentIndex())
        self.line.setVisible(by is not By.PARTITIONER)
        self.line.setPlaceholderText(_HINTS.get(by, ""))
        self.line.setAccessibleName(_HINTS.get(by, ""))
        self.line.setToolTip(_TIP if by is By.EXPRESSION else "")
        self.changed.emit()

    def _number(self, partitions: int) -> int:
        given = self.line.text().strip()
        if not (given.isascii() and given.isdigit() and len(given) < 10):
            what = f"“{given}” is no partition." if given else "No partition is chosen."
            raise Failure(FailureKind.INVALID, what, "Write its number, from 0.")
        return _checked(int(given), partitions)

    def _routed(self, outgoing: Outgoing, partitions: int) -> Choice | None:
        """None where the expression leaves it to the partitioner."""
        expression = self.line.text().strip()
        if not expression:
            raise Failure(FailureKind.INVALID, "No expression is given.", "Write one, such as value.customer % 3.")
        now = time.time_ns() // 1_000_000
        reading = compile_column(expression, now)
        found = reading.value_of(Peek(_as_record(outgoing, now), payload_size(outgoing)))
        if found is True:
            return Choice(_checked(0, partitions), "the expression is true")
        if found.__class__ in (int, Decimal) and -_MOST < found < _MOST and found % 1 == 0:
            return Choice(_checked(int(found), partitions), "as the expression says")
        if found in (None, False) or found is MISSING:
            return None
        what = f"The expression gives {shown(found).text or 'a text'}, which is no partition."
        raise Failure(FailureKind.INVALID, what, "It must be a whole number, true or false.")


def _by_key(key: bytes | str | None, partitions: int, partitioner: str) -> Choice:
    data = key.encode() if isinstance(key, str) else key
    if not partitions:
        return Choice(None, f"{partitioner} chooses")
    found = predicted(data, partitions, partitioner)
    if found is None:
        without = (
            "there is no key" if data is None else "the key is empty" if not data else f"{partitioner} ignores keys"
        )
        return Choice(None, f"{without}, so {partitioner} leaves it to chance")
    return Choice(found, f"{partitioner} of the key")


def _checked(partition: int, partitions: int) -> int:
    if partition < 0 or (partitions and partition >= partitions):
        has = f"The topic has {partitions}, from 0 to {partitions - 1}." if partitions else "The first is 0."
        raise Failure(FailureKind.INVALID, f"There is no partition {partition}.", has)
    return partition


def _as_record(outgoing: Outgoing, now: int) -> Record:
    """As expressions want it. It has no partition and no offset yet."""
    headers: list[Header] = [(name, _bytes(value)) for name, value in outgoing.headers]
    when = now if outgoing.timestamp is None else outgoing.timestamp
    source = TopicPartition(outgoing.topic, -1)
    key, value = _bytes(outgoing.key), _bytes(outgoing.value)
    return Record(source, -1, when, TimestampType.CREATE_TIME, key, value, tuple(headers))


def _bytes(given: bytes | str | None) -> bytes | None:
    return given.encode() if isinstance(given, str) else given
