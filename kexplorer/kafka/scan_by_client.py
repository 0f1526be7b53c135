"""Scans with the client library: any filter, any log, and the reason where something cannot be read."""

from __future__ import annotations

from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING, Any

from confluent_kafka import Message

from kexplorer.formats.batches import batch_test
from kexplorer.formats.payloads import Undecodable
from kexplorer.kafka.piece_reader import read_piece
from kexplorer.kafka.reading import headers_of
from kexplorer.model.records import TimestampType, Trouble
from kexplorer.model.search import FilterKind, Undecoded
from kexplorer.model.topics import OffsetRange, TopicPartition

if TYPE_CHECKING:
    from kexplorer.kafka.scan import Look, Scan


def scan_by_client(scan: Scan, of: OffsetRange, look: Look, longest: float) -> tuple[int, list[Trouble]]:
    """As `read_piece`."""
    return read_piece(scan, of, look, _Messages(scan, look, of.source.topic).take, longest)


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
