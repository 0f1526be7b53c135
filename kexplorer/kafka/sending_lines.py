"""The worker's side of sending an input: reads records out of lines and sends them, in a process that does nothing
else."""

from __future__ import annotations

import gc
import time
from array import array
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from kexplorer.formats.outgoing import LineReader, Row, rows_size
from kexplorer.kafka import properties
from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.sending import Sending, TopicLimits
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.lines import LineFormat, LinePlace
from kexplorer.model.produce import Deliveries

_PIECE = 1 << 20  # bytes of a place that are read at once
_AT_ONCE = 0.2  # seconds after which a call comes back, whatever is still to be done


@dataclass(frozen=True, slots=True)
class Begin:
    """What a worker has to know. Goes to it by pipe, secrets included. `config` is the producer's without callbacks."""

    config: Mapping[str, Any]
    limits: TopicLimits
    format: LineFormat


@dataclass(frozen=True, slots=True)
class Lines:
    """Whole lines, none of them empty; the first one has the number `first`."""

    text: bytes
    first: int


@dataclass(frozen=True, slots=True)
class Place:
    """Lines that this process reads itself, piece by piece; the first that is not empty has the number `first`. It
    refuses a piece whose order matters, with all behind it, if `ordered` does not say that this is seen to."""

    where: LinePlace
    first: int
    ordered: bool


@dataclass(frozen=True, slots=True)
class News:
    """What came of lines, by their numbers: `unread` hold no record. `taken` were taken over by the client so far, and
    `undelivered` of them neither acknowledged nor failed; `waiting`: others are not yet, as its queue is full. `nbytes`
    are those of keys and values that this call read. `refused` is what is left of a place."""

    news: Deliveries
    taken: int
    undelivered: int
    waiting: bool
    nbytes: int
    unread: dict[int, Failure]
    acknowledged: int  # since the call before, where not each is told of
    latencies: list[float]  # milliseconds
    refused: Place | None


class _Sender:
    def __init__(self, given: Begin) -> None:
        self._reason = ""
        logger = properties.CLIENT_LOG.getChild("lines")
        logger.disabled = True  # what a broker does is told once, by the process that asked for this one
        own = {"error_cb": self._note, "logger": logger}
        self._counts = not given.format.told_each
        if self._counts:
            own["delivery.report.only.error"] = True
        self._sending = Sending({**given.config, **own}, lambda: self._reason)
        self._sending.limits[given.format.topic] = given.limits
        self._reader = LineReader(
            given.format.topic, keep_partition=given.format.keep_partition, keep_timestamp=given.format.keep_timestamp
        )
        self._waiting: list[Row] = []
        self._left: Place | None = None  # of the one that was given, not read yet
        self._settled = 0
        self._marks: deque[tuple[int, float]] = deque()  # so many were taken over at that time
        self._latencies: list[float] = []
        self._numbers = array("q")  # of lines, by those that the records have here

    def take(self, lines: Lines | Place | None, *, finish: bool) -> News:
        until = time.monotonic() + _AT_ONCE
        unread: dict[int, Failure] = {}
        nbytes, refused = 0, None
        if isinstance(lines, Lines):
            nbytes = self._add(*self._read(lines.text, lines.first), unread)
        elif lines:
            self._left = lines
        while (self._waiting or self._left) and time.monotonic() < until:
            if self._left and not self._waiting:
                place, text = self._left, _piece(self._left.where)
                read, numbers, wrong = self._read(text, place.first)
                if not place.ordered and self._ordered(read):
                    refused, self._left = place, None
                    break
                start, count = place.where.start + len(text), len(numbers) + len(wrong)
                behind = replace(place, where=replace(place.where, start=start), first=place.first + count)
                self._left = behind if start < place.where.end else None
                nbytes += self._add(read, numbers, wrong, unread)
            at = 0
            while at < len(self._waiting) and time.monotonic() < until:
                at = self._sending.produce_rows(self._waiting, at, self._reader)
                if self._counts:
                    self._marks.append((self._sending.taken, time.monotonic()))
                    self._look()
            del self._waiting[:at]
        waiting = bool(self._waiting or self._left)
        if finish and not waiting and self._sending.undelivered:
            self._sending.wait()
        news = self._renumbered(self._sending.take_news())
        taken, left = self._sending.taken, self._sending.undelivered
        acknowledged, latencies = 0, self._latencies
        if self._counts:
            self._look()
            acknowledged, self._settled = taken - left - self._settled - len(news), taken - left
            self._latencies = []
        return News(news, taken, left, waiting, nbytes, unread, acknowledged, latencies, refused)

    def _add(
        self, read: list[Row], numbers: Sequence[int], wrong: dict[int, Failure], unread: dict[int, Failure]
    ) -> int:
        """Returns the bytes of keys and values."""
        self._waiting += read
        self._numbers.extend(numbers)
        unread |= wrong
        return rows_size(read)

    def _look(self) -> None:
        now, settled = time.monotonic(), self._sending.taken - self._sending.undelivered
        while self._marks and self._marks[0][0] <= settled:
            self._latencies.append((now - self._marks.popleft()[1]) * 1000)

    def _read(self, text: bytes, first: int) -> tuple[list[Row], Sequence[int], dict[int, Failure]]:
        """Rows and their numbers, and why the other lines are none."""
        rows = self._reader.rows(text)
        if rows is not None and len(rows) == _line_count(text):
            return rows, range(first, first + len(rows)), {}
        read: list[Row] = []
        numbers, unread = array("q"), {}
        for number, line in enumerate(filter(bytes.strip, text.split(b"\n")), first):
            try:
                self._reader.line(line)  # which says what is wrong
                read += self._reader.rows(line) or ()
                numbers.append(number)
            except Failure as failure:
                unread[number] = failure
        return read, numbers, unread

    def _ordered(self, rows: list[Row]) -> bool:
        """Whether their order is somebody's business: one has a key, or a partition of its own."""
        parts = ("key", "partition") if self._reader.keep_partition else ("key",)
        return any(list(map(attrgetter(part), rows)).count(None) < len(rows) for part in parts)

    def _renumbered(self, news: Deliveries) -> Deliveries:
        numbers = self._numbers
        news.numbers = array("q", [numbers[number] for number in news.numbers])
        news.failures = {numbers[number]: failure for number, failure in news.failures.items()}
        return news

    def _note(self, error: KafkaError) -> None:
        self._reason = error.str()


class _Kept:
    """This process's."""

    sender: _Sender | None = None


def _piece(of: LinePlace) -> bytes:
    """Its first lines, whole."""
    try:
        with open(of.path, "rb") as file:
            file.seek(of.start)
            if text := (file.read(min(_PIECE, of.end - of.start) - 1) + file.readline())[: of.end - of.start]:
                return text
        why = "it is shorter than before"
    except OSError as error:
        why = error.strerror or str(error)
    raise Failure(FailureKind.INVALID, f"{of.path} cannot be read any more: {why}.", "Check the disk.")


def _line_count(text: bytes) -> int:
    """Several times as fast as count(), which looks at each byte on its own before Python 3.13."""
    return len(text) - len(text.replace(b"\n", b"")) + (not text.endswith(b"\n"))


def begin(given: Begin) -> None:
    _Kept.sender = _Sender(given)


def take(lines: Lines | Place | None, finish: bool) -> News:
    """Sends what `lines` hold, and what waited before. Comes back within a moment: call it again while anything waits.
    `finish` waits a moment for what is undelivered. Raises `Failure` where nothing can be sent any more."""
    sender = _Kept.sender
    if sender is None:
        raise RuntimeError("nothing was begun in this process: the one before it died")
    try:
        return sender.take(lines, finish=finish)
    except (KafkaException, ValueError, TypeError) as error:
        raise failure_of(error, "Sending") from None
    finally:
        gc.freeze()  # what is on its way would be looked at by the collection behind each call
