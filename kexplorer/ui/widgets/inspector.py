"""All of one record: value, key, headers, and everything Kafka says of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, tzinfo
from functools import cached_property, partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QLabel,
    QSplitter,
    QStackedWidget,
    QTableView,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from kexplorer.formats.decode import decode
from kexplorer.formats.numbers import count, timestamp
from kexplorer.formats.text import visible
from kexplorer.model.records import Record, TimestampType
from kexplorer.model.schemas import Part, SchemaKey
from kexplorer.model.topics import TopicPartition
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.headers_table import HeadersModel, headers_table
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.record_cells import is_tombstone
from kexplorer.ui.widgets.value_pane import Look, ValuePane

if TYPE_CHECKING:
    from kexplorer.services.schemas import Schemas

_REST = 0.2  # seconds on one record before its broker is asked about it
_VALUE, _KEY, _HEADERS, _DETAILS = range(4)  # tabs
_FACTS = ("Topic", "Partition", "Offset", "Time", "Timestamp", "Leader epoch", "Key", "Value", "Headers", "Compression")
_SET_BY = {
    TimestampType.NOT_AVAILABLE: "of an unknown type",
    TimestampType.CREATE_TIME: "set by the producer (CreateTime)",
    TimestampType.LOG_APPEND_TIME: "set by the broker (LogAppendTime)",
}
_TOMBSTONE = ("tombstone", "A null value: compaction removes this key.")


Compression = Callable[[TopicPartition, int], Awaitable[str | None]]
"""That of the batch in which the record with this offset is. None: nobody tells."""


class Inspector(QWidget):
    """Shows one record or says how to get one. Only the tab in front is filled. `tasks` ask for schemas, and for the
    `compression` once the details are looked at."""

    notice = Signal(str)  # a sentence for the status bar
    pin_requested = Signal(str)  # the path of a field, to be a column
    filter_requested = Signal(str)  # an expression that holds for records with a value like this one's

    def __init__(self, tasks: Tasks, parent: QWidget | None = None, compression: Compression | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._compression = compression
        self._panes: list[ValuePane] = []
        self._record: Record | None = None
        self._schemas: Schemas | None = None
        self._zone: tzinfo = UTC
        self._filled: set[int] = set()  # tabs that show the record
        self.value = self._pane()
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.value, "Value")
        self._places: dict[int, tuple[QWidget, QVBoxLayout]] = {}
        for title in ("Key", "Headers", "Details"):
            page = QWidget()  # filled when it is first looked at: three quarters of the time that an inspector takes
            place = QVBoxLayout(page)
            place.setContentsMargins(0, 0, 0, 0)
            self._places[self.tabs.addTab(page, title)] = page, place
        self.tabs.currentChanged.connect(self._fill)
        self._empty = EmptyState("message", "No record is selected.", "Select one in the table to see all of it.")
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.tabs)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._stack)
        self.setFocusProxy(self.value)

    def _pane(self) -> ValuePane:
        pane = ValuePane()
        pane.notice.connect(self.notice)
        pane.awaited.connect(self._ask_for)
        pane.pin_requested.connect(self.pin_requested)
        pane.filter_requested.connect(self.filter_requested)
        self._panes.append(pane)
        return pane

    def _place(self, tab: int, content: QWidget, focus: QWidget | None = None) -> None:
        page, place = self._places[tab]
        place.addWidget(content)
        page.setFocusProxy(focus or content)

    @cached_property
    def key(self) -> ValuePane:
        pane = self._pane()
        self._place(_KEY, pane)
        return pane

    @cached_property
    def headers(self) -> QTableView:
        self._model = HeadersModel(self)
        self._header = self._pane()
        table = headers_table(self._model)
        table.selectionModel().currentRowChanged.connect(lambda now: self._show_header(now.row()))
        split = QSplitter()
        split.setChildrenCollapsible(False)
        split.addWidget(table)
        split.addWidget(self._header)
        split.setSizes([500, 400])
        self._no_headers = EmptyState("info", "")
        self._headers_pages = QStackedWidget()
        self._headers_pages.addWidget(split)
        self._headers_pages.addWidget(self._no_headers)
        self._place(_HEADERS, self._headers_pages, table)
        return table

    @cached_property
    def _facts(self) -> dict[str, QLabel]:
        page = QWidget()
        page.setProperty("panel", True)
        page.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        form = QFormLayout(page)
        form.setContentsMargins(12, 12, 12, 12)
        form.setHorizontalSpacing(24)
        form.setVerticalSpacing(8)
        facts = {name: plain_label(wrap=True, selectable=True) for name in _FACTS}
        for name, label in facts.items():
            form.addRow(plain_label(name, "muted"), label)
        self._place(_DETAILS, page)
        return facts

    # ---- what is shown

    @property
    def record(self) -> Record | None:
        return self._record

    def show_record(self, record: Record | None, schemas: Schemas | None = None) -> None:
        """`schemas`: those of the record's cluster. What must be asked for is shown as soon as it is there."""
        self._record, self._schemas = record, schemas
        self._filled.clear()
        self._stack.setCurrentIndex(0 if record is None else 1)
        if record is not None:
            number = f" ({len(record.headers)})" if record.headers else ""
            self.tabs.setTabText(_HEADERS, f"Headers{number}")
            self._fill()

    def set_zone(self, zone: tzinfo) -> None:
        """The time zone of the record's time."""
        self._zone = zone
        self._filled.discard(_DETAILS)
        self._fill()

    def _fill(self) -> None:
        """Gives the tab in front the record, unless it has it."""
        tab, record = self.tabs.currentIndex(), self._record
        if record is not None and tab not in self._filled:
            self._filled.add(tab)
            self._show[tab](record)
        self.setFocusProxy(self.tabs.currentWidget())

    @property
    def _show(self) -> dict[int, Callable[[Record], None]]:
        return {
            _VALUE: self._show_value,
            _KEY: self._show_key,
            _HEADERS: self._show_headers,
            _DETAILS: self._show_details,
        }

    def _show_value(self, record: Record) -> None:
        null = _TOMBSTONE if is_tombstone(record) else ("null", "There is no value.")
        self.value.show_data(record.value, null, self._look(record, Part.VALUE), "value")

    def _show_key(self, record: Record) -> None:
        self.key.show_data(record.key, ("null", "The record has no key."), self._look(record, Part.KEY), "key")

    def _look(self, record: Record, part: Part) -> Look:
        headers = record.headers or ()
        return partial(decode, schemas=self._schemas, topic=record.topic, part=part, headers=headers, key=record.key)

    def _ask_for(self, key: SchemaKey) -> None:
        """A request that is under way goes on when another record is shown: that may need the same schema."""
        name = f"schema {key}"
        if self._schemas is not None and not self._tasks.running(name):
            self._tasks.start(name, self._fetch(self._schemas, key))

    async def _fetch(self, schemas: Schemas, key: SchemaKey) -> None:
        await schemas.prepare([key])
        for pane in self._panes:
            pane.look_again(key)

    def _show_headers(self, record: Record) -> None:
        table = self.headers
        self._model.set_headers(record.headers or ())
        if record.headers is None:
            self._no_headers.tell("warning", "The headers cannot be read.", "The client library cannot decode them.")
        else:
            self._no_headers.tell("info", "This record has no headers.")
        self._headers_pages.setCurrentIndex(0 if record.headers else 1)
        if record.headers:
            table.selectRow(0)

    def _show_header(self, row: int) -> None:
        from kexplorer.formats.json_tree import step  # noqa: PLC0415  (few look at headers)

        if self._record and self._record.headers and row >= 0:
            headers = self._record.headers
            name, value = headers[row]
            way = step(name) if all(other != name for other, _ in headers[:row]) else None  # the first of that name
            base = f"headers{way}" if way else None
            self._header.show_data(value, ("null", "This header has no value."), base=base)

    def _show_details(self, record: Record) -> None:
        headers = record.headers or ()
        held = sum(len(name.encode("utf-8", "surrogatepass")) + len(value or b"") for name, value in headers)
        zone = getattr(self._zone, "key", None) or self._zone.tzname(None)
        none = record.timestamp is None
        texts = (
            visible(record.topic),
            str(record.partition),
            count(record.offset),
            "none" if none else f"{timestamp(record.timestamp, self._zone)} {zone}",
            "none" if none else f"{record.timestamp} ms since 1970, {_SET_BY[record.timestamp_type]}",
            "not known" if record.leader_epoch is None else count(record.leader_epoch),
            _bytes(record.key),
            _bytes(record.value),
            "cannot be read" if record.headers is None else f"{count(len(headers))}, {count(held)} bytes",
            "…" if self._compression else "not told",
        )
        for name, text in zip(_FACTS, texts, strict=True):
            self._facts[name].setText(text)
        if self._compression:
            self._tasks.start("compression", self._tell_compression(record, self._compression))

    async def _tell_compression(self, record: Record, compression: Compression) -> None:
        await asyncio.sleep(_REST)
        told = await compression(record.source, record.offset)
        if record is self._record:
            self._facts["Compression"].setText(f"{told} (of its batch)" if told else "not told")


def _bytes(data: bytes | None) -> str:
    return "null" if data is None else f"{count(len(data))} bytes"
