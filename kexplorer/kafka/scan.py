"""The worker's side of a search: looks through one piece of a partition, in a process that does nothing else."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException, Message

from kexplorer.formats.batches import batch_test
from kexplorer.formats.filters import Filter, compile_filter
from kexplorer.formats.payloads import Undecodable
from kexplorer.kafka import properties
from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.link import LinkMonitor, QuietLog
from kexplorer.kafka.reading import GONE_AFTER_MS, Client, Reading, headers_of
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.records import RecordColumns, TimestampType, Trouble
from kexplorer.model.search import FilterKind, FilterSpec, Piece, PieceResult, Undecoded
from kexplorer.model.topics import IsolationLevel, TopicPartition

if TYPE_CHECKING:
    from kexplorer.formats.schemas import SchemaSource

_MOST_MATCHED = 4 << 20  # bytes of matches after which a piece comes back as far as it got
_LONGEST = 4.0  # seconds after which it does, if it got on at all: records may be a thousand times larger than before
# A scan reads far more at once than a page does. What lies in the queue at the end of a piece was read for nothing.
_FETCH = {"fetch.max.bytes": 16 << 20, "fetch.message.max.bytes": 2 << 20}
_QUEUE = {"queued.min.messages": 20_000, "queued.max.messages.kbytes": 1_024}
_OTHER = {"topic.metadata.propagation.max.ms": GONE_AFTER_MS}

_kept = (
    threading.local()
)  # the consumer of this worker: to connect again for every piece would take longer than to scan


@dataclass(frozen=True, slots=True)
class Scan:
    """What all pieces of a search have in common; calling it scans one of them. Goes to workers by pipe (or by the
    connection to a Dask cluster), secrets included, never by arguments or environment of a process."""

    profile: Profile
    credentials: Credentials
    filter: FilterSpec
    asked_at: int
    isolation: IsolationLevel
    newest_first: bool = False  # the matches of a piece come backwards
    schemas: SchemaSource | None = None  # for expressions; it can be pickled, and waits for what it has to ask for

    def __call__(self, piece: Piece) -> PieceResult:
        """Raises `Failure` where nothing could be scanned. When it takes long or matches become too many, the result
        reaches less far than the piece does; so it does where a trouble ended it, which then has the offset that was
        reached."""
        source = piece.range.source
        look = _Look(self, source.topic)
        client, monitor = _connected(self)
        reading = Reading(client, [piece.range], lambda: monitor.state.reason, look.take)
        troubles: list[Trouble] = []
        try:
            reading.begin()
            until = time.monotonic() + _LONGEST
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
        reached = next((part.next for part in reading.progress), piece.range.end or 0)
        matches = look.matches
        if self.newest_first:
            matches = matches.select(range(len(matches) - 1, -1, -1))
        return PieceResult(piece, reached, look.records, look.nbytes, matches, tuple(troubles), look.undecoded)


class _Look:
    """Looks at records as they come, and keeps those that match."""

    def __init__(self, scan: Scan, topic: str) -> None:
        schemas: Any = scan.schemas  # which is told apart by its identity
        self._filter = _compiled(scan.filter, topic, scan.asked_at, schemas)
        self._by_place = scan.filter.kind is FilterKind.EXPRESSION  # only these can ask for offset and time
        self._by_schema = self._by_place and scan.schemas is not None
        self._test = batch_test(scan.filter, schemas, topic)
        self.undecoded: Undecoded | None = None
        self.matches = RecordColumns()
        self.records = 0
        self.nbytes = 0

    @property
    def full(self) -> bool:
        return self.matches.nbytes >= _MOST_MATCHED

    def take(self, source: TopicPartition, messages: list[Message]) -> None:
        self.records += len(messages)
        headers = headers_of(messages) if self._filter.needs_headers else None  # asked for once, as it says there
        if not self._possible(messages, headers):
            return
        rows = self._matching(source, messages, headers)
        if rows:
            found = [messages[row] for row in rows]
            self.matches.append_run(
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
            self.nbytes += sum(map(len, messages))
            return True
        values = _joined(Message.value, messages)
        self.nbytes += len(values)
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
        first = self.undecoded or Undecoded(0, source, messages[rows[0]].offset() or 0, answers[rows[0]].why)
        self.undecoded = replace(first, records=first.records + len(rows))


def _joined(column: Any, messages: list[Message]) -> bytes:
    try:
        return b"".join(map(column, messages))
    except TypeError:  # nulls among them
        return b"".join(cell for cell in map(column, messages) if cell)


def _time(message: Message) -> int | None:
    kind, ms = message.timestamp()
    return ms if kind != TimestampType.NOT_AVAILABLE else None


@lru_cache(maxsize=16)
def _compiled(spec: FilterSpec, topic: str, now: int, schemas: SchemaSource | None) -> Filter:
    return compile_filter(spec, topic=topic, now=now, schemas=schemas)


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
