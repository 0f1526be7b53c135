"""One message as it is written: where it goes, its key, value, headers and time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import tzinfo

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from kexplorer.formats.text import visible
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import MessageTemplate, Outgoing
from kexplorer.model.records import Record
from kexplorer.model.schemas import Part, PayloadSchema
from kexplorer.services.schemas import Schemas
from kexplorer.ui.panels.produce_draft import restore_draft, save_draft
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.bytes_editor import BytesEditor
from kexplorer.ui.widgets.headers_editor import HeadersEditor
from kexplorer.ui.widgets.partition_box import Choice, PartitionBox
from kexplorer.ui.widgets.payload_forms import LONGEST_EDITED
from kexplorer.ui.widgets.time_box import TimeBox
from kexplorer.ui.widgets.topic_box import TopicBox

_PREDICT_AFTER = 120  # ms without a key
_PARTITIONER = "murmur2_random"  # what is set where nothing else is


class MessageEditor(QWidget):
    """`changed` when anything of it did."""

    changed = Signal()

    def __init__(self, topic: str, tasks: Tasks) -> None:
        super().__init__()
        self._tasks = tasks
        self.partitioner = _PARTITIONER
        self.filled = False
        self.topic = TopicBox(topic)
        self.partition = PartitionBox()
        self.time = TimeBox()
        self.key = BytesEditor("Key", "A message without a key", tasks)
        self.value = BytesEditor("Value", "A tombstone: compaction deletes what has this key", tasks)
        self.headers = HeadersEditor()
        self._predict = QTimer(self, interval=_PREDICT_AFTER, singleShot=True)
        self._predict.timeout.connect(self._tell_partition)
        self._lay_out()
        for part in (self.topic, self.partition, self.time, self.key, self.value, self.headers):
            part.changed.connect(self._changed)
        self.topic.changed.connect(self._topic_changed)
        self._topic_changed()
        self.key.set_data(None)
        self.setFocusProxy(self.value)

    def _lay_out(self) -> None:
        where = QHBoxLayout()
        where.setSpacing(8)
        where.addWidget(self.topic)
        where.addWidget(self.partition, 1)
        where.addWidget(self.time)
        payload = QSplitter(Qt.Orientation.Vertical)
        payload.addWidget(self.key)
        payload.addWidget(self.value)
        payload.setSizes([90, 260])
        parts = QSplitter(Qt.Orientation.Horizontal)
        parts.addWidget(payload)
        parts.addWidget(self.headers)
        parts.setSizes([640, 360])
        for splitter in (payload, parts):
            splitter.setChildrenCollapsible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 4)
        column.setSpacing(8)
        column.addLayout(where)
        column.addWidget(parts, 1)

    def outgoing(self) -> Outgoing:
        """What is to be sent. Raises `Failure`, which names the part that is wrong."""
        self.topic.check()
        return self._reading_placed()()

    async def outgoing_elsewhere(self) -> Outgoing:
        """As `outgoing`, of what is written now; a large value is encoded in another thread."""
        self.topic.check()
        return await asyncio.to_thread(self._reading_placed())

    def template(self, *, fill: bool) -> MessageTemplate:
        """Without `fill` ${...} stands for itself. Raises `Failure` for headers that no template can hold."""
        key, key_format = self.key.template(fill=fill)
        value, value_format = self.value.template(fill=fill)
        headers = tuple((name, _text(name, data, fill=fill)) for name, data in self.headers.headers())
        by, line = self.partition.by.currentIndex(), self.partition.line.text().strip()
        return MessageTemplate(
            self.topic.name,
            key,
            value,
            headers,
            line if by else "",
            key_format,
            value_format,
            self.key.schema_choice,
            self.value.schema_choice,
        )

    async def settled(self) -> None:
        """Waits for the schemas that are being asked for."""
        await self.key.settled()
        await self.value.settled()

    def payload_schemas(self) -> dict[Part, PayloadSchema]:
        """What the parts of the template are written by that have a schema. Raises `Failure`."""
        found = {Part.KEY: self.key.payload_schema, Part.VALUE: self.value.payload_schema}
        return {part: schema for part, schema in found.items() if schema is not None}

    def show_template(self, template: MessageTemplate) -> None:
        if template.topic:
            self.topic.setText(template.topic)
        by = 0 if not template.partition else 1 if template.partition.isdigit() else 2
        self.partition.restore_state(by, template.partition)
        self.time.clear()
        self.key.set_template(template.key, template.key_format, template.key_schema)
        self.value.set_template(template.value, template.value_format, template.value_schema)
        self.headers.set_headers((name, None if text is None else text.encode()) for name, text in template.headers)

    def set_filled(self, filled: bool) -> None:
        """Whether ${...} is filled in at sending."""
        self.filled = filled
        self.key.set_filled(filled)
        self.value.set_filled(filled)

    def show_outgoing(self, outgoing: Outgoing) -> None:
        """Unchanged parts are sent again byte for byte."""
        self.topic.setText(outgoing.topic)
        self.partition.set_number(outgoing.partition)
        self.time.show_time(outgoing.timestamp)
        self.key.set_data(_bytes(outgoing.key))
        self.value.set_data(_bytes(outgoing.value))
        self.headers.set_headers((name, _bytes(value)) for name, value in outgoing.headers)

    def load(self, record: Record) -> None:
        """To be edited and sent again: to the partition of its key, at the time of sending."""
        self.show_outgoing(Outgoing(record.topic, record.key, record.value, record.headers or ()))

    async def show_decoded(self, record: Record, schemas: Schemas) -> None:
        """What of `record`, which was loaded, has a schema is shown as JSON; it stays what it is until it is edited."""
        for part, editor, data in ((Part.KEY, self.key, record.key), (Part.VALUE, self.value, record.value)):
            if not data or len(data) > LONGEST_EDITED:
                continue
            found = await schemas.editable(data, record.topic, part, record.headers or ())
            if found and len(found.text) <= LONGEST_EDITED and editor.holds(data):
                editor.set_editable(data, found)

    def set_schemas(self, schemas: Schemas | None) -> None:
        """Those of the connection."""
        self.key.side.set_schemas(schemas)
        self.value.side.set_schemas(schemas)

    def _topic_changed(self) -> None:
        self.key.side.set_topic(self.topic.name)
        self.value.side.set_topic(self.topic.name)

    def set_zone(self, zone: tzinfo) -> None:
        self.time.set_zone(zone)

    def save_state(self) -> dict[str, object]:
        draft = save_draft(self.key, self.value, self.headers)
        place = {"topic": self.topic.name, "partition": self.partition.save_state(), "time": self.time.text()}
        return {**place, **draft}

    def restore_state(self, state: Mapping[str, object]) -> None:
        if isinstance(topic := state.get("topic"), str):
            self.topic.setText(topic)
        match state.get("partition"):
            case {"by": by, "text": text}:
                self.partition.restore_state(by, text)
        if isinstance(time := state.get("time"), str):
            self.time.setText(time)
        restore_draft(state, self.key, self.value, self.headers)

    def _reading(self) -> Callable[[], Outgoing]:
        """Makes what is written now, without the choice of a partition, in any thread. Both may raise `Failure`."""
        topic, headers, time = self.topic.name, self.headers.headers(), self.time.milliseconds()
        key, value = self.key.reading(), self.value.reading()
        return lambda: Outgoing(topic, key(), value(), headers, None, time)

    def _reading_placed(self) -> Callable[[], Outgoing]:
        """As `_reading`, with the partition."""
        read, by_partitioner = self._reading(), self.partition.by.currentIndex() == 0
        choose = self._chooser()

        def placed() -> Outgoing:
            plain = read()
            # Where the partitioner is to choose it does so itself; what is shown here is only what it will come to.
            return plain if by_partitioner else plain._replace(partition=choose(plain).partition)

        return placed

    def _changed(self) -> None:
        self._predict.start()
        self.changed.emit()

    def _tell_partition(self) -> None:
        if self.topic.name and self.topic.known and self.topic.topic is None:
            self.partition.say_unknown("There is no such topic.")
            return
        if self.filled and "${" in self.key.text():
            self.partition.say_unknown("Its key is filled in at sending.")
            return
        self._tasks.cancel("partition")
        if self.key.large or (self.value.large and self.partition.reads_all):
            self._tasks.start("partition", self._tell_partition_of_large())
            return
        try:
            plain = self._deciding()()
        except Failure:
            self.partition.say_unknown("")  # what is wrong is said where it is
            return
        self.partition.tell(_answer(lambda: self._chooser()(plain)), self.topic.partitions)

    async def _tell_partition_of_large(self) -> None:
        try:
            plain = await asyncio.to_thread(self._deciding())
        except Failure:
            self.partition.say_unknown("")
            return
        try:
            choose = self._chooser()
        except Failure as failure:
            answer: Choice | Failure = failure
        else:
            answer = await asyncio.to_thread(_answer, lambda: choose(plain))
        self.partition.tell(answer, self.topic.partitions)

    def _chooser(self) -> Callable[[Outgoing], Choice]:
        return self.partition.chooser(self.topic.partitions, self.partitioner)

    def _deciding(self) -> Callable[[], Outgoing]:
        """As `_reading`, of what the partition depends on."""
        if self.partition.reads_all:
            return self._reading()
        topic, key = self.topic.name, self.key.reading()
        return lambda: Outgoing(topic, key())


def _answer(choose: Callable[[], Choice]) -> Choice | Failure:
    try:
        return choose()
    except Failure as failure:
        return failure


def _bytes(given: bytes | str | None) -> bytes | None:
    return given.encode() if isinstance(given, str) else given


def _text(name: str, data: bytes | None, *, fill: bool) -> str | None:
    if data is None:
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        what = f"The header {visible(name)} is not text, and a template's headers are."
        raise Failure(FailureKind.INVALID, what, "Remove it, or send the message once.") from None
    return text if fill else text.replace("${", "$${")
