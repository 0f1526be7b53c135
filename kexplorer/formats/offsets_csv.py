"""Committed offsets as `kafka-consumer-groups --reset-offsets` writes them with --export and reads them --from-file."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import TopicPartition

_REMEDY = "A line is topic,partition,offset: orders,0,42. There are no titles."
_LARGEST_PARTITION, _LARGEST = (1 << 31) - 1, (1 << 63) - 1


def write_offsets(offsets: Mapping[TopicPartition, int]) -> str:
    """A line a partition, in order. The names of topics need no quotes."""
    return "".join(f"{source.topic},{source.partition},{offset}\n" for source, offset in sorted(offsets.items()))


def read_offsets(text: str, group: str) -> dict[TopicPartition, int]:
    """Lines of three fields, or of four, as the tool writes them for several groups: then those of `group` count.
    Raises `Failure`(INVALID) that names the line."""
    found: dict[TopicPartition, int] = {}
    other_groups = 0
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        for fields in reader:
            given = [field.strip() for field in fields]
            if not any(given):
                continue
            if len(given) == 4:
                of_group, *given = given
                if of_group != group:
                    other_groups += 1
                    continue
            source, offset = _line(given, reader.line_num)
            if source in found:
                raise _wrong(reader.line_num, f"{source.topic} {source.partition} was named before")
            found[source] = offset
    except csv.Error as error:
        raise _wrong(reader.line_num, str(error)) from None
    if not found:
        why = f"It names other groups than {group}." if other_groups else "There is no line in it."
        raise Failure(FailureKind.INVALID, why, _REMEDY)
    return found


def _line(fields: list[str], line: int) -> tuple[TopicPartition, int]:
    if len(fields) != 3:
        raise _wrong(line, f"has {len(fields)} field{'' if len(fields) == 1 else 's'}, not 3")
    topic, partition, offset = fields
    if not topic:
        raise _wrong(line, "names no topic")
    source = TopicPartition(topic, _number(partition, "partition", _LARGEST_PARTITION, line))
    return source, _number(offset, "offset", _LARGEST, line)


def _number(text: str, what: str, most: int, line: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= most):
        raise _wrong(line, f"“{text[:40]}” is no {what}")
    return int(text)


def _wrong(line: int, why: str) -> Failure:
    return Failure(FailureKind.INVALID, f"Line {line}: {why}.", _REMEDY)
