"""The worker's side of sending an input: reads records out of lines and sends them, in a process that does nothing
else."""

from __future__ import annotations

import gc
import time
from array import array
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from kexplorer.formats.outgoing import LineReader
from kexplorer.kafka import properties
from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.sending import Sending, TopicLimits
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.lines import PLACE_BITS, LineFormat, LinePlace
from kexplorer.model.produce import Deliveries, Outgoing, payloads_size

_KEY, _PARTITION = Outgoing._fields.index("key"), Outgoing._fields.index("partition")
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
    """Lines that this process reads itself: of the file's `number`-th place, which it refuses if their order matters
    and `ordered` does not say that it is seen to."""

    where: LinePlace
    number: int
    ordered: bool


@dataclass(frozen=True, slots=True)
class News:
    """What came of lines, by their numbers: `unread` hold no record. `taken` were taken over by the client so far, and
    `undelivered` of them neither acknowledged nor failed; `waiting` are read, but its queue is full. `nbytes` are those
    of keys and values that this call read."""

    news: Deliveries
    taken: int
    undelivered: int
    waiting: int
    nbytes: int
    unread: dict[int, Failure]
    acknowledged: int  # since the call before, where not each is told of
    latencies: list[float]  # milliseconds
    refused: bool


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
        self._waiting: list[Outgoing] = []
        self._settled = 0
        self._marks: deque[tuple[int, float]] = deque()  # so many were taken over at that time
        self._latencies: list[float] = []
        self._numbers = array("q")  # of lines, by those that the records have here

    def take(self, lines: Lines | Place | None, *, finish: bool) -> News:
        until = time.monotonic() + _AT_ONCE
        unread: dict[int, Failure] = {}
        nbytes, refused = 0, False
        if lines is not None:
            read, numbers, unread = self._read(*_text_of(lines))
            refused = isinstance(lines, Place) and not lines.ordered and _ordered(read)
            if refused:
                unread = {}
            else:
                nbytes = payloads_size(read)
                self._waiting += read
                self._numbers.extend(numbers)
        at = 0
        while at < len(self._waiting) and time.monotonic() < until:
            at = self._sending.produce(self._waiting, at)
            if self._counts:
                self._marks.append((self._sending.taken, time.monotonic()))
                self._look()
        del self._waiting[:at]
        if finish and not self._waiting and self._sending.undelivered:
            self._sending.wait()
        news = self._renumbered(self._sending.take_news())
        taken, left = self._sending.taken, self._sending.undelivered
        acknowledged, latencies = 0, self._latencies
        if self._counts:
            self._look()
            acknowledged, self._settled = taken - left - self._settled - len(news), taken - left
            self._latencies = []
        return News(news, taken, left, len(self._waiting), nbytes, unread, acknowledged, latencies, refused)

    def _look(self) -> None:
        now, settled = time.monotonic(), self._sending.taken - self._sending.undelivered
        while self._marks and self._marks[0][0] <= settled:
            self._latencies.append((now - self._marks.popleft()[1]) * 1000)

    def _read(self, text: bytes, first: int) -> tuple[list[Outgoing], Sequence[int], dict[int, Failure]]:
        """Records and their numbers, and why the other lines are none."""
        outgoing = self._reader.block(text)
        if outgoing is not None and len(outgoing) == _line_count(text):
            return outgoing, range(first, first + len(outgoing)), {}
        read: list[Outgoing] = []
        numbers, unread = array("q"), {}
        for number, line in enumerate(filter(bytes.strip, text.split(b"\n")), first):
            try:
                read.append(self._reader.line(line))
                numbers.append(number)
            except Failure as failure:
                unread[number] = failure
        return read, numbers, unread

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


def _text_of(lines: Lines | Place) -> tuple[bytes, int]:
    if isinstance(lines, Lines):
        return lines.text, lines.first
    where = lines.where
    try:
        with open(where.path, "rb") as file:
            file.seek(where.start)
            return file.read(where.end - where.start), lines.number << PLACE_BITS
    except OSError as error:
        text = f"{where.path} cannot be read any more: {error.strerror or error}."
        raise Failure(FailureKind.INVALID, text, "Check the disk.") from None


def _line_count(text: bytes) -> int:
    """Several times as fast as count(), which looks at each byte on its own before Python 3.13."""
    return len(text) - len(text.replace(b"\n", b"")) + (not text.endswith(b"\n"))


def _ordered(records: list[Outgoing]) -> bool:
    """Whether their order is somebody's business: one has a key, or a partition of its own."""
    columns = (list(map(itemgetter(at), records)) for at in (_KEY, _PARTITION))
    return any(column.count(None) < len(records) for column in columns)


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
