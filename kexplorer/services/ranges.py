"""Where reading starts and ends: places as a person names them, and the offsets that they are."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Trouble
from kexplorer.model.topics import AtTime, Edge, IsolationLevel, OffsetRange, OffsetSpec, TopicPartition


@dataclass(frozen=True, slots=True)
class AtOffset:
    """The same offset in every partition."""

    offset: int


@dataclass(frozen=True, slots=True)
class AtOffsets:
    """Offsets by partition, as pairs; a partition that is not named is not read."""

    offsets: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Newest:
    """The last `count` offsets of each partition. Gaps in the log are counted."""

    count: int


@dataclass(frozen=True, slots=True)
class Ago:
    ms: int


@dataclass(frozen=True, slots=True)
class Now:
    """The moment of asking: later records are not meant, even if they come before the end is looked up."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What the group has committed: the next offset that it would read."""

    group: str


Place = Edge | AtTime | AtOffset | AtOffsets | Newest | Ago | Now | Committed

Offsets = Mapping[TopicPartition, int | Failure | None]

_SPAN = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}  # milliseconds
_DURATION = re.compile(r"([1-9][0-9]{0,8})\s*([smhdw])")
_NUMBER = re.compile(r"[0-9]{1,19}")
_PAIRS = re.compile(r"[0-9]+:[0-9]+(\s*,\s*[0-9]+:[0-9]+)*")
_LARGEST = (1 << 63) - 1
_REMEDY = (
    "Write beginning, end, now, newest:1000, offset:123, 0:10,1:20 (partition:offset), 2026-11-23T10:00:00+01:00, "
    "last:15m (s, m, h, d, w) or group:NAME."
)


def parse_place(text: str, zone: tzinfo | None = None) -> Place:
    """A place as it is typed. Times are ISO 8601; those without a zone are in `zone`, by default this machine's. Raises
    `Failure`(INVALID) that names the input and the remedy."""
    given = text.strip()
    kind, colon, rest = given.partition(":")
    if not colon and kind.lower() in _WORDS:
        return _WORDS[kind.lower()]
    if kind.lower() in _KINDS:
        return _KINDS[kind.lower()](rest.strip(), given)
    if _PAIRS.fullmatch(given):
        return _by_partition(given)
    return AtTime(_time(given, zone))


@dataclass(frozen=True, slots=True)
class Resolved:
    """`ranges` have ends, and `start <= end`; an empty one says that there is nothing to read. `troubles` tell which
    partitions are left out, and what lies outside of the log."""

    ranges: tuple[OffsetRange, ...]
    troubles: tuple[Trouble, ...]


async def resolve(
    cluster: Cluster,
    sources: Sequence[TopicPartition],
    start: Place | None,
    end: Place | None,
    isolation: IsolationLevel,
    now: int,
) -> Resolved:
    """The offsets of both places, in as few requests as their kinds are. None is the beginning, or the end. `now` is
    milliseconds since 1970; a time is the first record at or after it, and where there is none, the end."""
    lows, highs, starts, ends = await asyncio.gather(
        cluster.list_offsets(dict.fromkeys(sources, Edge.START), isolation),
        cluster.list_offsets(dict.fromkeys(sources, Edge.END), isolation),
        _look_up(cluster, sources, start, isolation, now),
        _look_up(cluster, sources, end, isolation, now),
    )
    ranges: list[OffsetRange] = []
    troubles: list[Trouble] = []
    for source in sources:
        found = [each[source] for each in (lows, highs, starts, ends) if source in each]
        if failure := next((each for each in found if isinstance(each, Failure)), None):
            troubles.append(Trouble(source, failure))
            continue
        low, high = _known(lows[source]), _known(highs[source])
        first = _offset(start or Edge.START, source, starts, low, high)
        last = _offset(end or Edge.END, source, ends, low, high)
        if first is None or last is None:  # the person left this partition out
            continue
        if first < low and not isinstance(start, Newest):
            troubles.append(Trouble(source, _gone(source, first, min(low, max(last, first + 1)) - 1), first))
        first, last = min(max(first, low), high), min(last, high)
        ranges.append(OffsetRange(source, first, max(first, last)))
    return Resolved(tuple(ranges), tuple(troubles))


async def _look_up(
    cluster: Cluster, sources: Iterable[TopicPartition], place: Place | None, isolation: IsolationLevel, now: int
) -> Offsets:
    """What must be asked of the cluster; nothing for places that the edges of the log tell."""
    match place:
        case Committed(group):
            return {s: _committed(group, s, at) for s, at in (await cluster.committed(group, list(sources))).items()}
        case AtTime(ms):
            when = ms
        case Ago(ms):
            when = now - ms
        case Now():
            when = now
        case _:
            return {}
    asked: dict[TopicPartition, OffsetSpec] = dict.fromkeys(sources, AtTime(max(when, 0)))
    return await cluster.list_offsets(asked, isolation)


def _offset(place: Place, source: TopicPartition, found: Offsets, low: int, high: int) -> int | None:
    match place:
        case Edge.START:
            return low
        case Edge.END:
            return high
        case AtOffset(offset):
            return offset
        case AtOffsets(offsets):
            return dict(offsets).get(source.partition)
        case Newest(count):
            return max(low, high - count)
    at = found[source]
    return high if at is None else _known(at)


def _committed(group: str, source: TopicPartition, at: int | Failure | None) -> int | Failure:
    if at is not None:
        return at
    where = f"partition {source.partition} of {source.topic}"
    hint = "It never did, or the offset expired. Give another place."
    return Failure(FailureKind.NOT_FOUND, f"The group {group} has no committed offset for {where}.", hint)


def _known(at: int | Failure | None) -> int:
    if not isinstance(at, int):
        raise TypeError(at)
    return at


def _gone(source: TopicPartition, first: int, last: int) -> Failure:
    text = f"Records {first} to {last} of partition {source.partition} are gone."
    return Failure(FailureKind.NOT_FOUND, text, "Retention or a purge deleted them.")


def _group(name: str, given: str) -> Committed:
    if not name:
        raise _invalid(given, "names no group")
    return Committed(name)


def _by_partition(given: str) -> AtOffsets:
    pairs = [each.split(":") for each in given.split(",")]
    offsets = [(_number(partition.strip(), given), _number(offset.strip(), given)) for partition, offset in pairs]
    if len(dict(offsets)) < len(offsets):
        raise _invalid(given, "names a partition twice")
    return AtOffsets(tuple(offsets))


def _number(text: str, given: str) -> int:
    if not (_NUMBER.fullmatch(text.strip()) and text.isascii()) or int(text) > _LARGEST:
        raise _invalid(given, f"“{text}” is not a number from 0 to {_LARGEST}")
    return int(text)


def _milliseconds(text: str, given: str) -> int:
    found = _DURATION.fullmatch(text)
    if not found:
        raise _invalid(given, f"“{text}” is not a time span such as 15m, 12h or 7d")
    return int(found[1]) * _SPAN[found[2]]


def _time(given: str, zone: tzinfo | None) -> int:
    try:
        when = datetime.fromisoformat(given)
        when = when if when.tzinfo else when.replace(tzinfo=zone) if zone else when.astimezone()
        ms = round(when.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise _invalid(given, "is no place in a topic") from None
    if ms < 0:
        raise _invalid(given, "lies before 1970")
    return ms


def _invalid(given: str, why: str) -> Failure:
    return Failure(FailureKind.INVALID, f"“{given}” {why}.", _REMEDY)


_WORDS: dict[str, Place] = {"beginning": Edge.START, "end": Edge.END, "now": Now()}
_KINDS: dict[str, Callable[[str, str], Place]] = {
    "newest": lambda rest, given: Newest(_number(rest, given)),
    "offset": lambda rest, given: AtOffset(_number(rest, given)),
    "last": lambda rest, given: Ago(_milliseconds(rest, given)),
    "group": _group,
}
