"""Where a consumer group would go on reading: by rules, partition by partition, with the record that it reads first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, replace

from kexplorer.formats.numbers import count
from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Committed as Held
from kexplorer.model.groups import Group
from kexplorer.model.records import Peek
from kexplorer.model.topics import AtTime, Edge, OffsetRange, OffsetSpec, TopicPartition
from kexplorer.services.group_lag import Edges, edges_of
from kexplorer.services.ranges import Ago, AtOffset, Committed

_AT_ONCE = 100  # partitions of one reader
_READING = 15.0  # seconds for their records
_NAMED = 5  # members


@dataclass(frozen=True, slots=True)
class Shift:
    """So many offsets on, back where it is negative."""

    by: int


@dataclass(frozen=True, slots=True)
class Exactly:
    """As it was: outside of the log, too. None: nothing committed."""

    offset: int | None


# AtTime and Ago: the first record at or after that time. Committed: where that group is.
Rule = Edge | AtOffset | AtTime | Ago | Shift | Committed | Exactly
Rules = Mapping[TopicPartition, Rule]


@dataclass(frozen=True, slots=True)
class Move:
    """One partition of a plan. `old` is what the group has committed, None for nothing; `new` is where it would go on,
    None where it stays as it is, or where what it has committed is forgotten (`forgets`). `note` says what is not as
    asked for, and why."""

    source: TopicPartition
    rule: Rule
    old: int | None = None
    start: int | None = None
    end: int | None = None
    new: int | None = None
    forgets: bool = False
    note: str = ""
    trouble: Failure | None = None

    @property
    def changes(self) -> bool:
        if self.forgets:
            return self.old is not None
        return self.new is not None and self.new != self.old

    @property
    def change(self) -> int | None:
        """In offsets; None where there is no number before or after."""
        return None if self.old is None or self.new is None else self.new - self.old

    @property
    def again(self) -> int:
        """Offsets that were read, and are once more."""
        return 0 if self.old is None or self.new is None else max(min(self.old, self.end or 0) - self.new, 0)

    @property
    def skipped(self) -> int:
        """Offsets that are there, and that it then never reads."""
        return 0 if self.old is None or self.new is None else max(self.new - max(self.old, self.start or 0), 0)


@dataclass(frozen=True, slots=True)
class ResetPlan:
    """In the order of topics and partitions."""

    group: Group
    moves: tuple[Move, ...]

    @property
    def sets(self) -> dict[TopicPartition, int]:
        return {move.source: move.new for move in self.moves if move.changes and move.new is not None}

    @property
    def forgets(self) -> tuple[TopicPartition, ...]:
        return tuple(move.source for move in self.moves if move.changes and move.forgets)

    @property
    def refused(self) -> Failure | None:
        """Why nothing can be set now, as the broker would say it too."""
        group = self.group
        if not group.type.commits:
            why = f"{group.id} is a group of the type “{group.type}”, which commits no offset a partition."
            return Failure(FailureKind.UNSUPPORTED, why, "Use Kafka's own tool for groups of that type.")
        if not group.state.active and not group.members:
            return None
        names = [f"{member.instance or member.client} at {member.host}" for member in group.members]
        more = f" and {count(len(names) - _NAMED)} more" if len(names) > _NAMED else ""
        who = f"has members: {', '.join(names[:_NAMED])}{more}" if names else f"is {group.state}"
        why = f"The group {group.id} {who}."
        return Failure(FailureKind.REFUSED, why, "Stop them first: brokers refuse to reset a group in use.")


async def make_plan(cluster: Cluster, group: str, rules: Rules, now: int) -> ResetPlan:
    """`now`: milliseconds since 1970. What can't be told of one partition is its trouble; raises `Failure` for what
    can't be told of the group."""
    sources = sorted(rules)
    others = {rule.group for rule in rules.values() if isinstance(rule, Committed)}
    described, held, edges, timed = await asyncio.gather(
        cluster.describe_groups([group]),
        cluster.group_offsets(dict.fromkeys({group, *others}, sources)),
        edges_of(cluster, sources),
        _look_up(cluster, rules, now),
    )
    found, own = described[group], held[group]
    if isinstance(found, Failure):
        raise found
    if isinstance(own, Failure):
        raise own
    moves = []
    for source in sources:
        move, trouble = _begun(source, rules[source], own.get(source), edges[source])
        moves.append(replace(move, trouble=trouble) if trouble else _aimed(move, timed.get(source), held))
    return ResetPlan(found, tuple(moves))


async def _look_up(cluster: Cluster, rules: Rules, now: int) -> Mapping[TopicPartition, int | Failure | None]:
    wanted: dict[TopicPartition, OffsetSpec] = {}
    for source, rule in rules.items():
        match rule:
            case AtTime(ms):
                wanted[source] = AtTime(max(ms, 0))
            case Ago(ms):
                wanted[source] = AtTime(max(now - ms, 0))
    return await cluster.list_offsets(wanted) if wanted else {}


def _begun(
    source: TopicPartition, rule: Rule, held: Held | Failure | None, edges: Edges
) -> tuple[Move, Failure | None]:
    old = held.offset if isinstance(held, Held) else None
    return Move(source, rule, old, edges.start, edges.end), held if isinstance(held, Failure) else edges.trouble


_Held = Mapping[str, Mapping[TopicPartition, Held | Failure | None] | Failure]


def _aimed(move: Move, timed: int | Failure | None, held: _Held) -> Move:
    """Of a partition whose ends and committed offset are known."""
    match move.rule:
        case Exactly():
            return _restored(move, move.rule.offset)
        case Committed(group):
            return _as_group(move, group, held[group])
        case AtTime() | Ago():
            return _at_time(move, timed)
        case Shift() if move.old is None:
            return replace(move, note="Nothing committed to shift.")
        case Shift(by):
            wanted = (move.old or 0) + by
        case AtOffset(wanted):
            pass
        case Edge.START:
            wanted = move.start or 0
        case Edge.END:
            wanted = move.end or 0
    return _clamped(move, wanted)


def _restored(move: Move, offset: int | None) -> Move:
    if offset is None:
        return replace(move, forgets=True)
    outside = not (move.start or 0) <= offset <= (move.end or 0)
    return replace(move, new=offset, note="As it was, which is outside of the log now." if outside else "")


def _at_time(move: Move, found: int | Failure | None) -> Move:
    if isinstance(found, Failure):
        return replace(move, trouble=found)
    if found is None:
        return replace(move, new=move.end, note="Latest: no record at or after that time.")
    return _clamped(move, found)


def _as_group(move: Move, name: str, answers: Mapping[TopicPartition, Held | Failure | None] | Failure) -> Move:
    at = answers if isinstance(answers, Failure) else answers.get(move.source)
    if isinstance(at, Failure):
        return replace(move, trouble=at)
    if at is None:
        return replace(move, note=f"{name} has committed nothing here.")
    return _clamped(move, at.offset)


def _clamped(move: Move, wanted: int) -> Move:
    start, end = move.start or 0, move.end or 0
    if wanted > end:
        return replace(move, new=end, note=f"Set to the end: {count(wanted)} is beyond it.")
    if wanted < start:
        return replace(move, new=start, note=f"Set to the log start: {count(wanted)} is before it.")
    return replace(move, new=wanted)


# the records there

First = Peek | Failure | None  # None: there is no record


async def first_records(
    cluster: Cluster, moves: Iterable[Move], limit: int
) -> AsyncIterator[dict[TopicPartition, First]]:
    """The record that the group reads first in each partition that it would go on in, some partitions at a time, as
    they are read. Of a record at most `limit` bytes of anything."""
    spans = {
        move.source: (max(move.new, move.start), move.end)
        for move in moves
        if move.new is not None and move.start is not None and move.end is not None
    }
    yield {source: None for source, (start, end) in spans.items() if start >= end}
    wanted = [source for source, (start, end) in spans.items() if start < end]
    for piece in (wanted[at : at + _AT_ONCE] for at in range(0, len(wanted), _AT_ONCE)):
        found: dict[TopicPartition, First] = {}
        await _read(cluster, {source: (spans[source][0], spans[source][0] + 1) for source in piece}, limit, found)
        # mostly it is there; behind a gap all the rest has to be asked for
        await _read(cluster, {source: spans[source] for source in piece if source not in found}, limit, found)
        yield {source: found.get(source) for source in piece}


async def _read(
    cluster: Cluster, spans: Mapping[TopicPartition, tuple[int, int]], limit: int, found: dict[TopicPartition, First]
) -> None:
    """The first record of each span, to `found`."""
    left = set(spans)
    if not left:
        return
    try:
        async with (
            asyncio.timeout(_READING),
            cluster.open_reader([OffsetRange(source, *span) for source, span in spans.items()]) as reader,
        ):
            while left and (batch := await reader.next_batch()) is not None:
                for row, (_, source, _) in enumerate(batch.records.positions()):
                    if source in left:
                        found[source] = batch.records.peek(row, limit)
                        left.discard(source)
                found |= {each.source: each.failure for each in batch.troubles if each.source in left}
                left -= {each.source for each in batch.troubles}
    except TimeoutError:
        late = Failure(FailureKind.TIMEOUT, f"No record was read within {_READING:g} s.", "Look again.")
        found |= dict.fromkeys(left, late)
    except Failure as failure:
        found |= dict.fromkeys(left, failure)
