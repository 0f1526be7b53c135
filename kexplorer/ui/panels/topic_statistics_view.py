"""The statistics of a topic as figures, quiet charts and a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, tzinfo

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from kexplorer.formats.column import Shown
from kexplorer.formats.numbers import count, size, timestamp
from kexplorer.formats.text import preview
from kexplorer.model.distinct import ERROR
from kexplorer.model.statistics import Sizes, Statistics
from kexplorer.model.topics import TopicPartition
from kexplorer.services.histogram import round_borders
from kexplorer.ui.models.statistics import StatisticsModel
from kexplorer.ui.theme import row_height
from kexplorer.ui.widgets.columns_chart import ChartColumn, ColumnsChart
from kexplorer.ui.widgets.histogram_bars import clock, span_words
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.rows_table import RowsTable
from kexplorer.ui.widgets.value_counts import Bar, BarList

_BARS = 60
_TOP = 8  # keys
_ROWS = 8  # of the table of partitions, before it scrolls
_INSIDE = 0.998  # of the records are in the chart over time; a few strange times must not flatten it
_FACTS = (
    *("Records", "Keys and values", "Distinct keys", "Null keys"),
    *("Value sizes", "Key sizes", "Tombstones", "On disk"),
    *("Value formats", "Key formats", "First", "Last"),
)


class StatisticsView(QScrollArea):
    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self._zone: tzinfo = UTC
        self._shown: tuple[Statistics, Mapping[TopicPartition, Statistics], bool] | None = None
        self.facts = {name: plain_label("…", wrap=True, selectable=True) for name in _FACTS}
        self.times = ColumnsChart("Records over time")
        self.sizes = ColumnsChart("Value sizes", 2)
        self.partitions = ColumnsChart("Bytes by partition", 3)
        self.keys = BarList()
        self.keys.setAccessibleName("Most frequent keys")
        self.keys.setFixedHeight(_TOP * row_height(self.font()) + 2)
        self.keys_told = plain_label("", role="muted")
        self.model = StatisticsModel(self)
        self.table = RowsTable(self.model, "Statistics by partition")
        self.setWidget(self._page())

    def _page(self) -> QWidget:
        page = QWidget()
        page.setProperty("panel", True)
        page.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(8)
        grid = QGridLayout()
        grid.setContentsMargins(12, 8, 12, 8)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(8)
        for number, (name, label) in enumerate(self.facts.items()):
            cell = QVBoxLayout()
            cell.setSpacing(0)
            cell.addWidget(plain_label(name, role="muted"))
            cell.addWidget(label)
            cell.addStretch()
            grid.addLayout(cell, number // 4, number % 4)
            grid.setColumnStretch(number % 4, 1)
        column.addLayout(grid)
        column.addWidget(self.times)
        pair = QHBoxLayout()
        pair.setSpacing(8)
        pair.addWidget(self.sizes)
        pair.addWidget(self.partitions)
        column.addLayout(pair)
        head = QHBoxLayout()
        head.setContentsMargins(12, 8, 12, 0)
        head.addWidget(plain_label("Most frequent keys"))
        head.addStretch()
        head.addWidget(self.keys_told)
        column.addLayout(head)
        column.addWidget(self.keys)
        column.addWidget(self.table)
        column.addStretch()
        return page

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = self.model.zone = zone
        if self._shown:
            whole, parts, sampled = self._shown
            self.show_counts(whole, parts, sampled=sampled)

    def show_counts(self, whole: Statistics, parts: Mapping[TopicPartition, Statistics], *, sampled: bool) -> None:
        """`sampled`: there is more than was counted."""
        self._shown = whole, parts, sampled
        self._show_facts(whole, sampled=sampled)
        self._show_times(whole)
        self.sizes.show_columns(*_size_columns(whole.values))
        self.partitions.show_columns(*_partition_columns(parts))
        self._show_keys(whole)
        self.model.set_parts(parts)
        rows = min(len(parts), _ROWS) * row_height(self.font())
        self.table.setFixedHeight(rows + self.table.horizontalHeader().sizeHint().height() + 16)

    def show_disk(self, codec: str, nbytes: int | None, counted: int) -> None:
        """`codec` is the topic's compression.type; `counted` the bytes of all keys and values, 0 if they are not all
        known."""
        kept = "as they were sent" if codec == "producer" else codec
        share = f", {nbytes / counted:.0%} of keys and values" if nbytes is not None and counted else ""
        told = "the broker does not tell" if nbytes is None else f"{size(nbytes)}{share}"
        self.facts["On disk"].setText(f"{told}; batches {kept}")

    def _show_facts(self, whole: Statistics, *, sampled: bool) -> None:
        times, distinct = whole.times, whole.distinct
        keys = count(distinct.estimate())
        keys = keys if distinct.exact else f"about {keys} (± {2 * ERROR:.1%})"
        keyed = whole.records - whole.null_keys
        often = f", {keyed / distinct.estimate():,.1f} records a key" if keyed else ""
        texts = {
            "Records": f"{count(whole.records)}{' counted' if sampled else ''}",
            "Keys and values": size(whole.nbytes),
            "Distinct keys": f"{'at least ' if sampled and distinct.exact else ''}{keys}{often}",
            "Null keys": _share(whole.null_keys, whole.records),
            "Value sizes": _sizes(whole.values),
            "Key sizes": _sizes(whole.keys),
            "Tombstones": _share(whole.tombstones, whole.records),
            "Value formats": _formats(whole.value_formats),
            "Key formats": _formats(whole.key_formats),
            "First": timestamp(times.first, self._zone) or "no timestamps",
            "Last": timestamp(times.last, self._zone) or "no timestamps",
        }
        for name, text in texts.items():
            self.facts[name].setText(text)

    def _show_times(self, whole: Statistics) -> None:
        times = whole.times
        if not times.buckets:
            self.times.show_columns((), "No record has a timestamp.")
            return
        first, last = times.middle(_INSIDE)
        most = max(min(_BARS, (last - first) // times.step + 2), 2)
        borders = round_borders(first, last - 1, self._zone, most)
        found = times.within(borders)
        step = borders[1] - borders[0]
        columns = [
            ChartColumn(
                number,
                clock(start, step, self._zone),
                f"{span_words(start, end, self._zone)} · {count(number)} records",
            )
            for number, start, end in zip(found, borders, borders[1:], strict=False)
        ]
        outside = whole.records - whole.timeless - sum(found)
        notes = [span_words(borders[0], borders[-1], self._zone)]
        notes += [f"{count(outside)} earlier or later"] if outside > 0 else []
        notes += [f"{count(whole.timeless)} without a timestamp"] if whole.timeless else []
        self.times.show_columns(columns, " · ".join(notes))

    def _show_keys(self, whole: Statistics) -> None:
        top = whole.top.top(_TOP)
        self.keys.show_bars([Bar(_shown(key), number, "") for key, number in top], whole.records)
        error, most = whole.top.error, top[0][1] if top else 0
        self.keys.setVisible(most > 1)
        if most > 1:
            self.keys_told.setText(f"each may be up to {count(error)} more" if error else "share of all records")
        elif whole.records == whole.null_keys:
            self.keys_told.setText("no record has a key")
        else:
            self.keys_told.setText(f"none came more than {count(error)} times" if error else "every key came once")


def _shown(key: bytes) -> Shown:
    found = preview(key, 120)
    return Shown(found.text, "" if found.text else found.kind.value)


def _sizes(sizes: Sizes) -> str:
    if not sizes.count:
        return "none"
    return f"p50 {size(sizes.quantile(0.5))}, p99 {size(sizes.quantile(0.99))}, max {size(sizes.largest)}"


def _share(number: int, whole: int) -> str:
    if not number or not whole:
        return count(number)
    percent = number / whole
    return f"{count(number)} ({'< 0.1 %' if percent < 0.001 else f'{percent:.1%}'})"


def _formats(found: Counter[str]) -> str:
    """What was seen in a few records, the most frequent first."""
    looked = found.total()
    parts = [f"{name} {number / looked:.0%}" if len(found) > 1 else name for name, number in found.most_common(4)]
    return ", ".join(parts) or "none"


def _size_columns(sizes: Sizes) -> tuple[list[ChartColumn], str]:
    found, whole = sizes.by_doubling(), sizes.count
    columns = []
    for edge, number in found.items():
        span = size(edge) if edge <= 1 else f"{size(edge // 2 + 1)} to {size(edge)}"
        columns.append(ChartColumn(number, size(edge), f"{span} · {count(number)} values, {number / whole:.1%}"))
    return columns, "up to so many bytes"


def _partition_columns(parts: Mapping[TopicPartition, Statistics]) -> tuple[list[ChartColumn], str]:
    whole = sum(part.nbytes for part in parts.values()) or 1
    columns = []
    for source, part in sorted(parts.items()):
        words = f"{size(part.nbytes)}, {part.nbytes / whole:.1%} · {count(part.records)} records"
        name = str(source.partition)
        columns.append(ChartColumn(part.nbytes, name, f"partition {name} · {words}"))
    largest = max((part.nbytes for part in parts.values()), default=0)
    mean = whole / max(len(parts), 1)
    return columns, f"the largest has {largest / mean:.1f} times the mean" if largest and len(parts) > 1 else ""
