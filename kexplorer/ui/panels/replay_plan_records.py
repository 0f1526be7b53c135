"""Which records of its topics a plan means."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCompleter, QGridLayout, QLineEdit, QPushButton, QWidget

from kexplorer.formats.numbers import count
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.replay import ReplaySource
from kexplorer.services.ranges import parse_place
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.range_box import PLACES, mark_invalid

_STARTS = ["beginning", "last:15m", "last:1h", "last:1d", "newest:1000", "2026-11-23T10:00", "offset:123"]
_ENDS = ["end", "now", "last:15m", "2026-11-23T10:00", "offset:123"]


class RecordsBox(QWidget):
    """Partitions and both ends."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._source: ReplaySource | None = None
        self.start = _line("From", "beginning", PLACES, _STARTS)
        self.end = _line("To", "end", PLACES, _ENDS)
        self.partitions = _line("Partitions", "all partitions", "Numbers, such as 0, 2, 4-7", [])
        self.selected = plain_label(wrap=True)
        self.forget = QPushButton("Take all records of the range instead", flat=True)
        self._told = plain_label(role="bad", wrap=True, selectable=True)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        for column, (name, line) in enumerate((("From", self.start), ("To", self.end), ("Of", self.partitions))):
            grid.addWidget(plain_label(name, "muted"), 0, column)
            grid.addWidget(line, 1, column)
            line.textEdited.connect(lambda _: self._edited())
            if completer := line.completer():
                completer.activated.connect(lambda _: self._edited(), Qt.ConnectionType.QueuedConnection)
        grid.addWidget(self.selected, 2, 0, 1, 2)
        grid.addWidget(self.forget, 2, 2, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(self._told, 3, 0, 1, 3)
        self.forget.clicked.connect(self._forget)

    def source_of(self, base: ReplaySource) -> ReplaySource:
        """`base` with what is chosen here; what cannot be read stays as it was."""
        try:
            partitions = _partitions(self.partitions.text())
        except Failure:
            partitions = base.partitions
        start, end = self.start.text().strip(), self.end.text().strip()
        selected = base.selected if self._source is None else self._source.selected
        return replace(base, start=start or "beginning", end=end or "end", partitions=partitions, selected=selected)

    def show_source(self, source: ReplaySource) -> None:
        self._source = source
        _show(self.start, "" if source.start == "beginning" else source.start)
        _show(self.end, "" if source.end == "end" else source.end)
        if _readable(self.partitions.text()) != source.partitions:
            _show(self.partitions, ", ".join(map(str, source.partitions or ())))
        number = sum(map(len, source.selected.values()))
        self.selected.setText(
            f"Only {count(number)} selected record{'' if number == 1 else 's'} of "
            f"{count(len(source.selected))} partition{'' if len(source.selected) == 1 else 's'}."
        )
        self.selected.setVisible(number > 0)
        self.forget.setVisible(number > 0)
        self.check()

    def check(self) -> Failure | None:
        found = None
        for line, read in ((self.start, _place), (self.end, _place), (self.partitions, _partitions)):
            wrong = None
            try:
                read(line.text())
            except Failure as failure:
                wrong = failure
            mark_invalid(line, wrong is not None)
            found = found or wrong
        self._told.setText(str(found or ""))
        self._told.setVisible(found is not None)
        return found

    def _edited(self) -> None:
        self.check()
        self.changed.emit()

    def _forget(self) -> None:
        if self._source is not None:
            self.show_source(replace(self._source, selected={}))
            self.changed.emit()


def _line(name: str, placeholder: str, tip: str, offered: list[str]) -> QLineEdit:
    line = QLineEdit()
    line.setPlaceholderText(placeholder)
    line.setAccessibleName(name)
    line.setToolTip(tip)
    if offered:
        line.setCompleter(QCompleter(offered, line))
    return line


def _show(line: QLineEdit, text: str) -> None:
    if line.text().strip() != text:
        line.setText(text)


def _place(text: str) -> None:
    if text.strip():
        parse_place(text)


def _readable(text: str) -> tuple[int, ...] | None:
    try:
        return _partitions(text)
    except Failure:
        return ()


def _partitions(text: str) -> tuple[int, ...] | None:
    """None for all. Raises `Failure`."""
    found: list[int] = []
    for part in filter(None, map(str.strip, text.split(","))):
        first, dash, last = (each.strip() for each in part.partition("-"))
        numbers = [first, last] if dash else [first]
        if not all(each.isascii() and each.isdigit() and len(each) < 7 for each in numbers):
            raise Failure(FailureKind.INVALID, f"“{part}” is no partition.", "Write numbers, such as 0, 2, 4-7.")
        if int(numbers[-1]) < int(first):
            raise Failure(FailureKind.INVALID, f"“{part}” has no partition in it.", "Write the smaller number first.")
        found += range(int(first), int(numbers[-1]) + 1)
    return tuple(found) or None
