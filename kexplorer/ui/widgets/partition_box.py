"""Which partition a message goes to: as the partitioner has it, a number, or what an expression says of it."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QWidget

from kexplorer.formats.partitioning import predicted
from kexplorer.formats.routing import compile_route
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import Outgoing
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.range_box import mark_invalid


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
ROUTE_TIP = (
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

    def route(self) -> Callable[[Outgoing], int | None] | None:
        """For many messages; None where the partitioner chooses. Raises `Failure` for what names no partition."""
        by, text = By(self.by.currentIndex()), self.line.text().strip()
        if by is By.PARTITIONER:
            return None
        if by is By.EXPRESSION:
            return compile_route(text)
        number = self._number(0)
        return lambda _: number

    def set_number(self, partition: int | None) -> None:
        self.by.setCurrentIndex(By.PARTITIONER if partition is None else By.NUMBER)
        self.line.setText("" if partition is None else str(partition))

    def chooser(self, partitions: int, partitioner: str) -> Callable[[Outgoing], Choice]:
        """Chooses among `partitions` (0: their number is not known) as is written now, in any thread. Both raise
        `Failure` for what names none."""
        by = By(self.by.currentIndex())
        if by is By.NUMBER:
            number = Choice(self._number(partitions), "as chosen")
            return lambda _: number
        route = self._route() if by is By.EXPRESSION else None

        def choose(outgoing: Outgoing) -> Choice:
            if route and (found := route(outgoing)) is not None:
                return Choice(_checked(found, partitions), "as the expression says")
            return _by_key(outgoing.key, partitions, partitioner)

        return choose

    def choose(self, outgoing: Outgoing, partitions: int, partitioner: str) -> Choice:
        """As `chooser`."""
        return self.chooser(partitions, partitioner)(outgoing)

    def tell(self, answer: Choice | Failure, partitions: int) -> None:
        """Shows what would be chosen, and why; or why nothing."""
        if isinstance(answer, Failure):
            self._say(answer.message, wrong=bool(self.line.text().strip()))
            return
        of = f" of {partitions}" if partitions else ""
        where = "Any partition" if answer.partition is None else f"Partition {answer.partition}{of}"
        self._say(f"{where}: {answer.why}.")

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
        self.line.setToolTip(ROUTE_TIP if by is By.EXPRESSION else "")
        self.changed.emit()

    def _number(self, partitions: int) -> int:
        given = self.line.text().strip()
        if not (given.isascii() and given.isdigit() and len(given) < 10):
            what = f"“{given}” is no partition." if given else "No partition is chosen."
            raise Failure(FailureKind.INVALID, what, "Write its number, from 0.")
        return _checked(int(given), partitions)

    def _route(self) -> Callable[[Outgoing], int | None]:
        expression = self.line.text().strip()
        if not expression:
            raise Failure(FailureKind.INVALID, "No expression is given.", "Write one, such as value.customer % 3.")
        return compile_route(expression)


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
