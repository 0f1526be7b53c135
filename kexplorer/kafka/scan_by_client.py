"""Scans with the client library: any filter, any log, and the reason where something cannot be read."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException, Message

from kexplorer.formats.batches import batch_test
from kexplorer.formats.payloads import Undecodable
from kexplorer.kafka import properties
from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.link import LinkMonitor, QuietLog
from kexplorer.kafka.reading import GONE_AFTER_MS, Client, Reading, headers_of
from kexplorer.model.records import TimestampType, Trouble
from kexplorer.model.search import FilterKind, Undecoded
from kexplorer.model.topics import OffsetRange, TopicPartition

if TYPE_CHECKING:
    from kexplorer.kafka.scan import Look, Scan

# A scan reads far more at once than a page does. What lies in the queue at the end of a piece was read for nothing.
_FETCH = {"fetch.max.bytes": 16 << 20, "fetch.message.max.bytes": 2 << 20}
_QUEUE = {"queued.min.messages": 20_000, "queued.max.messages.kbytes": 1_024}
_OTHER = {"topic.metadata.propagation.max.ms": GONE_AFTER_MS}

_kept = (
    threading.local()
)  # the consumer of this worker: to connect again for every piece would take longer than to scan


def scan_by_client(scan: Scan, of: OffsetRange, look: Look, longest: float) -> tuple[int, list[Trouble]]:
    """How far it came: not to the end if a trouble ended it, if `look` is full, or if it got on but took `longest`
    seconds. Raises `Failure` where nothing could be scanned."""
    source = of.source
    client, monitor = _connected(scan)
    reading = Reading(client, [of], lambda: monitor.state.reason, _Messages(scan, look, source.topic).take)
    troubles: list[Trouble] = []
    try:
        reading.begin()
        until = time.monotonic() + longest
        while reading.open and not look.full:
            troubles += reading.pull()
            if look.records and time.monotonic() > until:
                break
        reading.end()
    except BaseException as error:
        _kept.__dict__.clear()  # whatever state it is in, the next piece begins with another one
        if isinstance(error, KafkaException):
            raise failure_of(error, f"Scanning {source.topic}, partition {source.partition}") from error
        raise
    return next((part.next for part in reading.progress), of.end or 0), troubles


class _Messages:
    """Looks at messages as they come, and keeps those that match."""

    def __init__(self, scan: Scan, look: Look, topic: str) -> None:
        self._look = look
        self._filter = look.filter
        self._by_place = scan.filter.kind is FilterKind.EXPRESSION  # only these can ask for offset and time
        self._by_schema = self._by_place and scan.schemas is not None
        self._test = batch_test(scan.filter, scan.schemas, topic)

    def take(self, source: TopicPartition, messages: list[Message]) -> None:
        self._look.records += len(messages)
        headers = headers_of(messages) if self._filter.needs_headers else None  # asked for once, as it says there
        if not self._possible(messages, headers):
            return
        rows = self._matching(source, messages, headers)
        if rows:
            found = [messages[row] for row in rows]
            self._look.matches.append_run(
                source,
                [message.offset() for message in found],  # type: ignore[misc]
                [message.timestamp() for message in found],
                [message.key() for message in found],
                [message.value() for message in found],
                headers_of(found) if headers is None else [headers[row] for row in rows],
                [message.leader_epoch() for message in found],
            )

    def _possible(self, messages: list[Message], headers: list[Any] | None) -> bool:
        """Whether any of them may match. One look at all together takes a tenth of one look at each."""
        if self._test is None:
            self._look.nbytes += sum(map(len, messages))
            return True
        values = _joined(Message.value, messages)
        self._look.nbytes += len(values)
        if self._filter.needs_value and self._test(values):
            return True
        if self._by_place:  # an expression's test is about values, unless a header names their schema
            return self._by_schema and any(headers or ())
        return (self._filter.needs_key and self._test(_joined(Message.key, messages))) or any(headers or ())

    def _matching(self, source: TopicPartition, messages: list[Message], headers: list[Any] | None) -> list[int]:
        """Each column is made only if the filter asks for it."""
        needs = self._filter
        keys: Any = map(Message.key, messages) if needs.needs_key else repeat(None)
        values: Any = map(Message.value, messages) if needs.needs_value else repeat(None)
        offsets: Any = map(Message.offset, messages) if self._by_place else repeat(0)
        times: Any = map(_time, messages) if self._by_place else repeat(None)
        rows = range(len(messages))
        columns = (keys, values, headers or repeat(None), repeat(source.partition), offsets, times)
        answers: Any = map(needs.matches, *columns)
        if self._by_schema:
            answers = list(answers)
            self._count_undecoded(source, messages, answers)
        return [row for row, matches in zip(rows, answers, strict=False) if matches]

    def _count_undecoded(self, source: TopicPartition, messages: list[Message], answers: list[Any]) -> None:
        rows = [row for row, answer in enumerate(answers) if answer.__class__ is Undecodable]
        if not rows:
            return
        first = self._look.undecoded or Undecoded(0, source, messages[rows[0]].offset() or 0, answers[rows[0]].why)
        self._look.undecoded = replace(first, records=first.records + len(rows))


def _joined(column: Any, messages: list[Message]) -> bytes:
    try:
        return b"".join(map(column, messages))
    except TypeError:  # nulls among them
        return b"".join(cell for cell in map(column, messages) if cell)


def _time(message: Message) -> int | None:
    kind, ms = message.timestamp()
    return ms if kind != TimestampType.NOT_AVAILABLE else None


def _connected(scan: Scan) -> tuple[Client, LinkMonitor]:
    """The consumer that the piece before has left, if it is one of the same connection."""
    way = (scan.profile, scan.credentials, scan.isolation)
    if getattr(_kept, "way", None) != way:
        if hasattr(_kept, "client"):
            _kept.client.close()
        monitor = LinkMonitor(scan.profile.name)
        logger = properties.CLIENT_LOG.getChild("scan")
        logger.filters = [QuietLog(monitor)]
        config = properties.reader_config(scan.profile, scan.credentials, scan.isolation)
        config |= _QUEUE | _OTHER | {k: v for k, v in _FETCH.items() if k not in scan.profile.properties}
        _kept.client, _kept.monitor = Client({**config, "logger": logger}, monitor.on_error), monitor
        _kept.way = way
    return _kept.client, _kept.monitor
