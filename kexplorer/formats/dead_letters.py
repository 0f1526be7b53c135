"""Telling dead letters by their headers: who failed on them, on which record, and why.

- Spring Kafka, `DeadLetterPublishingRecoverer` and `KafkaHeaders` (`kafka_dlt-…`); partitions, offsets and times are
  big-endian ints and longs: https://docs.spring.io/spring-kafka/reference/kafka/annotation-error-handling.html
- Kafka Connect, KIP-298, `DeadLetterQueueReporter` (`__connect.errors.…`), all of them texts:
  https://cwiki.apache.org/confluence/display/KAFKA/KIP-298%3A+Error+Handling+in+Connect
- This program's own quarantine of a replay (`model/replay.py`).
- Whatever else a person's rule names.

A letter that failed again may have each header twice. Then the first says where it came from before any retry topic,
and the last what went wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict
from sys import intern
from typing import Any, NamedTuple

from kexplorer.formats.column import UNREAD, as_json, compile_column
from kexplorer.formats.evaluate import nodes
from kexplorer.formats.expression import Path, parse
from kexplorer.formats.functions import NUMBERS
from kexplorer.formats.payloads import MISSING
from kexplorer.model.dead_letters import Cause, DeadLetter, DeadLetterRule, Origin, Way
from kexplorer.model.records import Header, Peek, Record
from kexplorer.model.replay import ERROR_HEADER, SOURCE_HEADER, TIMESTAMP_HEADER, attempts_of

_LONGEST = 200  # characters of a message that are kept
_LONGEST_NAME = 249  # characters of a topic's name or an error's class
_SPRING, _CONNECT = "kafka_dlt-", "__connect.errors."
_NAMED = re.compile(
    r"(?:^|[._-]|(?<=[a-z0-9])(?=[A-Z]))(?i:dlq|dlt|dlx|dead[._-]?letters?(?:[._-]?(?:queue|topic))?|errors?|quarantine"
    r"|poison|failed|failures?)(?:[._-]?[0-9]+)?$|^(?i:dlq|dlt|dead[._-]?letters?)[._-]"
)
_Headers = Mapping[str, bytes | None]


class _Framework(NamedTuple):
    """Names of headers, of several the first that is there. `number` reads partitions and offsets."""

    way: Way
    origin: tuple[str, str, str]
    error: tuple[str, ...]
    message: tuple[str, ...]
    trace: tuple[str, ...]
    number: Callable[[bytes | None], int | None]


def _big_endian(data: bytes | None) -> int | None:
    return int.from_bytes(data, "big", signed=True) if data is not None and len(data) in (4, 8) else None


def _digits(data: bytes | None) -> int | None:
    return int(data) if data is not None and data[:20].isdigit() and len(data) < 20 else None


_FRAMEWORKS = (
    _Framework(
        Way.SPRING,
        (f"{_SPRING}original-topic", f"{_SPRING}original-partition", f"{_SPRING}original-offset"),
        tuple(f"{_SPRING}{each}fqcn" for each in ("exception-cause-", "exception-", "key-exception-")),
        (f"{_SPRING}exception-message", f"{_SPRING}key-exception-message"),
        (f"{_SPRING}exception-stacktrace", f"{_SPRING}key-exception-stacktrace"),
        _big_endian,
    ),
    _Framework(
        Way.CONNECT,
        (f"{_CONNECT}topic", f"{_CONNECT}partition", f"{_CONNECT}offset"),
        (f"{_CONNECT}exception.class.name",),
        (f"{_CONNECT}exception.message",),
        (f"{_CONNECT}exception.stacktrace",),
        _digits,
    ),
)
ADDED = (
    *(f"{_SPRING}*", "retry_topic-*", "springDeserializerException*"),  # the latter two of its retries and readers
    *(f"{_CONNECT}*", ERROR_HEADER, TIMESTAMP_HEADER),
)
"""Headers that a letter has and its origin had not, as `Rewrite.remove_headers` takes them."""


def named_like_dead_letters(topic: str) -> bool:
    """Whether people who see that name expect dead letters in it: orders.DLQ, orders-dlt, ordersDeadLetters, errors."""
    return _NAMED.search(topic) is not None


def way_of(headers: Collection[Header]) -> Way | None:
    """Who put a record with these headers aside. None: nobody who is known."""
    names = {name for name, _ in headers}
    if ERROR_HEADER in names:
        return Way.REPLAY
    return next((each.way for each in _FRAMEWORKS if each.origin[0] in names or names & set(each.error)), None)


def stack_trace(headers: Iterable[Header]) -> str:
    """In full; "" where there is none."""
    last = dict(headers)
    return _text(_first(last, [name for each in _FRAMEWORKS for name in each.trace]))


class LetterReader:
    """Compiled once for a topic. `cluster` is the id of its cluster. Raises `Failure`(INVALID) for a rule that is not
    understood; a rule that finds neither a topic nor an error in a record leaves it to the known headers."""

    def __init__(self, rule: DeadLetterRule | None, cluster: str, now: int) -> None:
        texts = asdict(rule) if rule else {}
        self._rule = {name: compile_column(text, now) for name, text in texts.items() if text.strip()}
        paths = [node for text in texts.values() if text.strip() for node in nodes(parse(text))]
        named = [node.name for node in paths if isinstance(node, Path) and node.base.startswith("headers")]
        self.added = (*ADDED, *dict.fromkeys(named))  # those that the rule reads, too
        self._cluster = cluster
        self._causes: dict[Cause, Cause] = {}

    def __call__(self, record: Record) -> DeadLetter:
        headers = record.headers or ()
        first, last = dict(reversed(headers)), dict(headers)
        way, origin, error, message = self._by_rule(record) or self._by_headers(first, last)
        cause = self._causes.setdefault(told := Cause(error, origin.topic), told)  # few of them, and many letters
        attempts = attempts_of(headers)
        return DeadLetter(
            record.source, record.offset, record.timestamp, way, origin, cause, message[:_LONGEST], attempts
        )

    def _by_headers(self, first: _Headers, last: _Headers) -> tuple[Way | None, Origin, str, str]:
        known = next((each for each in _FRAMEWORKS if each.origin[0] in last or _first(last, each.error)), None)
        origin = Origin()
        if known:
            topic, partition, offset = (first.get(name) for name in known.origin)
            origin = Origin(_name(topic), known.number(partition), known.number(offset))
        if ERROR_HEADER in last:  # it failed in a replay, whatever had happened before
            return Way.REPLAY, origin if known else self._replayed(last), "Replay", _text(last[ERROR_HEADER])
        if not known:
            return None, origin, "", ""
        return known.way, origin, _name(_first(last, known.error)), _text(_first(last, known.message))

    def _replayed(self, headers: _Headers) -> Origin:
        cluster, _, rest = _text(headers.get(SOURCE_HEADER)).partition("/")
        found = re.fullmatch(r"([^/]{1,249})/([0-9]{1,10})/([0-9]{1,19})", rest)
        if not found:
            return Origin()
        return Origin(
            intern(found[1]), int(found[2]), int(found[3]), "" if cluster == self._cluster else intern(cluster)
        )

    def _by_rule(self, record: Record) -> tuple[Way, Origin, str, str] | None:
        if not self._rule:
            return None
        peek = Peek(record, len(record.key or b"") + len(record.value or b""))
        found = {name: reading.value_of(peek) for name, reading in self._rule.items()}
        topic, error = (_said(found.get(name))[:_LONGEST_NAME] for name in ("topic", "error"))
        if not topic and not error:
            return None
        partition, offset = (_whole(found.get(name)) for name in ("partition", "offset"))
        return Way.RULE, Origin(intern(topic), partition, offset), error, _said(found.get("message"))


def _first(headers: _Headers, names: Iterable[str]) -> bytes | None:
    return next((found for name in names if (found := headers.get(name)) is not None), None)


def _text(data: bytes | None) -> str:
    return "" if data is None else data.decode("utf-8", "replace")


def _name(data: bytes | None) -> str:
    return intern(_text(data)[:_LONGEST_NAME])


def _said(value: Any) -> str:
    if value is None or value is MISSING or value is UNREAD:
        return ""
    return value if value.__class__ is str else as_json(value, _LONGEST)


def _whole(value: Any) -> int | None:
    if value.__class__ is str:
        return _digits(value.encode())
    return int(value) if value.__class__ in NUMBERS and 0 <= value < 1 << 63 and value == int(value) else None
