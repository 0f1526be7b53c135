"""What a replay would do, as a dry run found it: how much, in which order, what is not kept, and some records as they
are beside what they would become."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, tzinfo
from itertools import islice

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from kexplorer.formats.decode import decode
from kexplorer.formats.difference import difference, without_comma
from kexplorer.formats.numbers import count, size, timestamp
from kexplorer.formats.rewriting import Made
from kexplorer.formats.text import preview, visible
from kexplorer.model.failure import Failure
from kexplorer.model.records import Header, Record
from kexplorer.services.replay_plan import DryRun, Sample
from kexplorer.ui.icons import icon
from kexplorer.ui.models.replay_samples import PartsModel, SamplesModel
from kexplorer.ui.widgets.difference_view import DifferenceView
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.finding_cards import Card, FindingCards
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.rows_table import RowsTable

_MOST_LINES = 2_000  # of a value that are shown
_LONGEST_LINE = 400  # characters
_SHOWN = 200  # characters of a key or header


class DryRunView(QWidget):
    """`wanted` when a person asks for a dry run, `cancelled` when for no more of it, `change_wanted` when for another
    plan."""

    wanted = Signal()
    cancelled = Signal()
    change_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._zone: tzinfo = UTC
        self._span = 0
        self.empty = EmptyState(
            "eye",
            "What would this plan do?",
            "A dry run reads some records, says how many there are and what becomes of them, and writes nothing. A "
            "replay can be started behind it.",
            "Dry run",
        )
        self.empty.action_requested.connect(self.wanted)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self._waiting())
        self.refusal = FindingCards("Why the plan is refused")
        self._pages.addWidget(self.refusal)
        self._found: DryRun | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._pages)

    def _waiting(self) -> QWidget:
        page = QWidget()
        page.setProperty("panel", True)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setMaximumWidth(460)
        self.told = plain_label(role="muted")
        cancel = QPushButton(icon("stop"), "Cancel")
        cancel.clicked.connect(self.cancelled)
        column = QVBoxLayout(page)
        column.setSpacing(12)
        column.addStretch(2)
        for widget in (self.told, self.progress, cancel):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        self.progress.setFixedWidth(460)
        column.addStretch(3)
        return page

    def _result(self) -> QWidget:
        self.summary = plain_label(role="title", wrap=True, selectable=True)
        self.promise = plain_label(role="muted", wrap=True, selectable=True)
        self.parts, self.samples = PartsModel(self), SamplesModel(self)
        self.notes = FindingCards("Order and warnings")
        self.parts_table = RowsTable(self.parts, "Partitions")
        self.samples_table = RowsTable(self.samples, "Records that were looked at")
        self.samples_table.setSelectionBehavior(RowsTable.SelectionBehavior.SelectRows)
        self.samples_table.setSelectionMode(RowsTable.SelectionMode.SingleSelection)
        self.samples_table.selectionModel().currentRowChanged.connect(lambda *_: self._show_sample())
        self.difference = DifferenceView()
        self.difference.left.setAccessibleName("The record as it is")
        self.difference.right.setAccessibleName("The record as it would become")
        self._sides = plain_label(role="heading"), plain_label(role="heading")
        heads = QHBoxLayout()
        heads.setContentsMargins(12, 6, 12, 6)
        for label in self._sides:
            heads.addWidget(label, 1)
        beside = QWidget()
        column = QVBoxLayout(beside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(heads)
        column.addWidget(self.difference, 1)
        above = _split(Qt.Orientation.Horizontal, self.notes, self.parts_table, sizes=(520, 560))
        below = _split(Qt.Orientation.Horizontal, self.samples_table, beside, sizes=(400, 680))
        page = QWidget()
        page.setProperty("panel", True)
        whole = QVBoxLayout(page)
        whole.setContentsMargins(0, 12, 0, 0)
        whole.setSpacing(6)
        for label in (self.summary, self.promise):
            label.setContentsMargins(12, 0, 12, 0)
            whole.addWidget(label)
        whole.addWidget(_split(Qt.Orientation.Vertical, above, below, sizes=(240, 330)), 1)
        return page

    # what it shows

    @property
    def page(self) -> str:
        """ "empty", "waiting", "refused" or "found"."""
        return ("empty", "waiting", "refused", "found")[self._pages.currentIndex()]

    def clear(self) -> None:
        self._pages.setCurrentIndex(0)

    def begin(self) -> None:
        self._span = 0
        self.progress.setRange(0, 0)
        self.told.setText("Looking the plan's places up …")
        self._pages.setCurrentIndex(1)

    def expect(self, records: int) -> None:
        """As many offsets are looked at, or less."""
        self._span = records
        self.progress.setRange(0, 1000)
        self.tell(0)

    def tell(self, looked_at: int) -> None:
        self.progress.setValue(round(1000 * looked_at / self._span) if self._span else 1000)
        self.told.setText(f"{count(looked_at)} of about {count(self._span)} records are looked at. Nothing is written.")

    def show_refusal(self, failure: Failure) -> None:
        words = ("Refused", "This plan cannot be run", failure.message, failure.hint)
        self.refusal.show_cards([Card("bad", *words, action="Change the plan", run=self.change_wanted.emit)])
        self._pages.setCurrentIndex(2)

    def show_found(self, found: DryRun) -> None:
        if self._found is None:  # most of what it costs to make this view
            self._pages.addWidget(self._result())
        about = "" if found.whole else "About "
        records, nbytes = sum(p.records for p in found.parts), sum(p.bytes for p in found.parts)
        partitions = sum(1 for p in found.parts if p.span)
        self.summary.setText(
            f"{about}{count(records)} record{'' if records == 1 else 's'}, {size(nbytes)} of keys and values, from "
            f"{count(partitions)} partition{'' if partitions == 1 else 's'}"
        )
        looked_at = sum(p.looked_at for p in found.parts)
        how = "Every record was looked at" if found.whole else f"{count(looked_at)} records were looked at"
        self.promise.setText(f"{how}; each is written {found.run.plan.guarantee.replace('-', ' ')}.")
        self.parts.about = not found.whole
        self.parts.set_rows(found.parts)
        self.samples.targets = found.run.plan.target.topics
        self.samples.set_rows(found.samples)
        warnings = [_card("warn", "Note", each) for each in found.warnings]
        self.notes.show_cards([*warnings, *(_card("muted", "Order", each) for each in found.order)])
        self._pages.setCurrentIndex(3)
        self._found = found
        if found.samples:
            self.samples_table.selectRow(0)
        self._show_sample()

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = zone
        if self._found is not None:
            self._show_sample()

    def _show_sample(self) -> None:
        index = self.samples_table.currentIndex()
        if not index.isValid() or index.row() >= self.samples.rowCount():
            _show(self._sides, ("No record is in the part that is meant.", ""))
            self._compare([], [], json=False)
            return
        sample = self.samples.row(index.row())
        record, made = sample.record, sample.made
        before, json = _of_record(record, self._zone)
        after, also = ([], False) if made is None else _of_made(made, record, sample, self._zone)
        then = sample.trouble or ("It is left out" if made is None else "As it would become")
        _show(self._sides, ("As it is", then))
        self._compare(before, after, json=json and also)

    def _compare(self, before: Sequence[str], after: Sequence[str], *, json: bool) -> None:
        found = difference(before, after, without_comma if json else str)
        widest = max(map(len, (*before, *after)), default=0)
        self.difference.show_difference(found, before, after, widest, json=json)


def _card(tone: str, word: str, sentence: str) -> Card:
    title, colon, text = sentence.partition(": ")
    return Card(tone, word, title, text) if colon else Card(tone, word, "Worth knowing", sentence)


def _show(labels: Sequence[QLabel], texts: Sequence[str]) -> None:
    for label, text in zip(labels, texts, strict=True):
        label.setText(text)


def _split(orientation: Qt.Orientation, *parts: QWidget, sizes: tuple[int, int]) -> QSplitter:
    split = QSplitter(orientation)
    split.setChildrenCollapsible(False)
    for part in parts:
        split.addWidget(part)
    split.setSizes(list(sizes))
    return split


def _of_record(record: Record, zone: tzinfo) -> tuple[list[str], bool]:
    """Its lines, and whether the value is JSON."""
    head = _head(record.partition, record.timestamp, record.key, record.headers or (), zone)
    return _with_value(head, record.value)


def _of_made(made: Made, record: Record, sample: Sample, zone: tzinfo) -> tuple[list[str], bool]:
    partition = record.partition if sample.partition is None else sample.partition
    return _with_value(_head(partition, made.timestamp, made.key, made.headers, zone), made.value)


def _head(partition: int, at: int | None, key: bytes | None, headers: Sequence[Header], zone: tzinfo) -> list[str]:
    return [
        f"partition  {partition}",
        f"timestamp  {'when it is sent' if at is None else timestamp(at, zone)}",
        f"key        {_shown(key)}",
        *(f"header     {visible(name)} = {_shown(value)}" for name, value in headers),
        "",
    ]


def _with_value(head: list[str], value: bytes | None) -> tuple[list[str], bool]:
    what = decode(value)
    if what.text is None:
        return [*head, _shown(value)], False
    try:
        lines = list(islice(what.pretty() or what.text.split("\n"), _MOST_LINES))
    except ValueError:  # no JSON or XML further down
        lines = what.text.split("\n")[:_MOST_LINES]
    return [*head, *_cut(lines)], what.is_json


def _cut(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} …"


def _shown(data: bytes | None) -> str:
    found = preview(data, _SHOWN)
    return found.text or found.kind.value
