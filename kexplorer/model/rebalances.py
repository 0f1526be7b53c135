"""Who was in a group and read what, over time: as far as it was seen, from one look to the next."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kexplorer.model.groups import Group, GroupState, Member
from kexplorer.model.topics import TopicPartition

OFTEN = 3  # looks that saw other members than before: no start or stop of one
WITHIN = 60.0  # seconds in which they count
_MOST_EVENTS = 2000
_MOST = 200_000  # spans, and partitions in them

_AGAIN = "it was started again, or a second one was."

_Moves = Mapping[tuple[str, str], list[TopicPartition]]  # by who had them and who has them now, "" for nobody


class What(StrEnum):
    SEEN = "first look"
    STATE = "state"
    JOINED = "joined"
    LEFT = "left"
    RESTARTED = "restarted"
    ASSIGNED = "assignment"
    COORDINATOR = "coordinator"


@dataclass(frozen=True, slots=True)
class Happened:
    """Seen at `at`, and not yet at the look before, at `since` (seconds since 1970)."""

    at: float
    since: float
    what: What
    words: str


@dataclass(slots=True)
class Span:
    """A time in which nothing changed. `held` None: the group was rebalancing, and its coordinator told nothing."""

    start: float
    end: float
    held: tuple[TopicPartition, ...] | None


@dataclass(eq=False, slots=True)
class Lane:
    """One member. A static one keeps its lane when it comes back (KIP-345). `marks` are when it joined and left."""

    name: str
    member: Member
    here: bool = True
    spans: list[Span] = field(default_factory=list)
    marks: list[tuple[float, What]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Storm:
    """The group rebalances again and again: how, and what causes that most of the time."""

    words: str
    causes: tuple[str, ...]


class Timeline:
    """Made of looks, the oldest forgotten first. `began` and `until` are the times of the first and the newest one;
    `unrest` when it was between two assignments; `lanes` are in the order in which members were first seen."""

    def __init__(self) -> None:
        self.began = self.until = 0.0
        self.lanes: dict[str, Lane] = {}
        self.unrest: list[Span] = []
        self.events: deque[Happened] = deque(maxlen=_MOST_EVENTS)
        self._group: Group | None = None
        self._owners: dict[TopicPartition, str] = {}
        self._gap = True
        self._turnovers: deque[tuple[float, list[Member], list[Member]]] = deque(maxlen=100)  # who came, and who left
        self._names: Counter[str] = Counter()
        self._weight = 0

    def gap(self) -> None:
        """Nobody looks for a while, or nothing can be seen."""
        self._gap = True

    def take(self, group: Group, at: float) -> bool:
        """One look. False for one that is older than the newest."""
        if at <= self.until:
            return False
        came, left = self._turn_over(group, at)
        moves = self._moves(group)
        if self._group is None:
            self.began = at
            number = len(group.members)
            self._say(at, What.SEEN, f"{group.state.capitalize()}, {number:,} member{'' if number == 1 else 's'}.")
        else:
            self._tell_group(self._group, group, at)
            self._tell_members(came, left, moves, at)
        self._draw(group, at, came, left)
        self._group, self.until, self._gap = group, at, False
        if self._weight > _MOST:
            self._forget()
        return True

    def storm(self) -> Storm | None:
        """By what was seen in the last minute."""
        recent = [each for each in self._turnovers if each[0] > self.until - WITHIN]
        if len(recent) < OFTEN:
            return None
        words = (
            f"The members changed {len(recent)} times within {WITHIN:.0f} s, and nobody reads a partition that moves."
        )
        came = [(each.client, each.host) for _, members, _ in recent for each in members]
        gone = {(each.client, each.host) for _, _, members in recent for each in members}
        back = Counter(each for each in came if each in gone)
        anew = Counter(i for _, joined, left in recent for i in _instances(joined) & _instances(left))
        clash = [instance for instance, times in anew.items() if times > 1]
        return Storm(words, tuple(_causes(back, clash, len({*came, *gone}))))

    # what is told

    def _say(self, at: float, what: What, words: str) -> None:
        self.events.append(Happened(at, self.until or at, what, words))

    def _tell_group(self, before: Group, group: Group, at: float) -> None:
        if before.coordinator != group.coordinator and group.coordinator is not None:
            moved = f"The coordinator is broker {group.coordinator}"
            was = "" if before.coordinator is None else f", and was broker {before.coordinator}"
            self._say(at, What.COORDINATOR, f"{moved}{was}.")
        if before.state is not group.state:
            self._say(at, What.STATE, f"{group.state.capitalize()}, was {before.state}.")

    def _turn_over(self, group: Group, at: float) -> tuple[list[Lane], list[Lane]]:
        """Brings the lanes up to date. Those that came and those that left."""
        here = {each.instance or each.id: each for each in group.members}
        left = [lane for key, lane in self.lanes.items() if lane.here and key not in here]
        for lane in left:
            lane.here = False
            lane.marks.append((at, What.LEFT))
        came: list[Lane] = []
        joined, gone = [], [lane.member for lane in left]
        for key, member in here.items():
            known = self.lanes.get(key)
            lane = self.lanes[key] = known or Lane(self._name(member), member)
            if known is None or not known.here:
                came.append(lane)
            elif lane.member.id != member.id:
                self._say(at, What.RESTARTED, f"{lane.name} has a new member id: {_AGAIN}")
                lane.marks.append((at, What.RESTARTED))
                joined.append(member)
                gone.append(lane.member)
            lane.here, lane.member = True, member
        if self._group is not None:
            for lane in came:
                lane.marks.append((at, What.JOINED))
                joined.append(lane.member)
            if joined or gone:
                self._turnovers.append((at, joined, gone))
        return came, left

    def _name(self, member: Member) -> str:
        """That of its client, and a number where others had it before."""
        name = member.instance or member.client or member.id
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name} ({self._names[name]})"

    def _moves(self, group: Group) -> _Moves:
        """Between the last assignment and this one; none while the group is between two."""
        moves: dict[tuple[str, str], list[TopicPartition]] = defaultdict(list)
        if _between(group):
            return moves
        lanes = {lane.member.id: lane.name for lane in self.lanes.values()}
        owners = {source: lanes[each.id] for each in group.members for source in each.assigned}
        if owners != self._owners:  # most of the time they are the same, and there may be ten thousand
            both = self._owners.keys() | owners.keys()
            for source in sorted(each for each in both if self._owners.get(each) != owners.get(each)):
                moves[self._owners.get(source, ""), owners.get(source, "")].append(source)
        self._owners = owners
        return moves

    def _tell_members(self, came: list[Lane], left: list[Lane], moves: _Moves, at: float) -> None:
        rest = dict(moves)
        for lane in left:
            mine = [pair for pair in moves if pair[0] == lane.name]
            told = [_moved_to(now, rest.pop((before, now))) for before, now in mine]
            self._say(at, What.LEFT, f"{'; '.join([f'{lane.name} left', *told])}.")
        for lane in came:
            mine = [pair for pair in rest if pair[1] == lane.name]
            told = [_got_from(before, rest.pop((before, now))) for before, now in mine]
            where = f"{lane.name} joined from {lane.member.host.lstrip('/')}"
            self._say(at, What.JOINED, f"{'; '.join([where, *told])}.")
        for (before, now), sources in rest.items():
            self._say(at, What.ASSIGNED, _assigned(before, now, _partitions(sources)))

    # what is drawn

    def _draw(self, group: Group, at: float, came: Collection[Lane], left: Iterable[Lane]) -> None:
        between = _between(group)
        for lane in left:
            self._extend(lane.spans, at)
        for lane in self.lanes.values():
            if lane.here:
                if lane not in came:
                    self._extend(lane.spans, at)
                self._show(lane.spans, None if between and not lane.member.assigned else lane.member.assigned, at)
        if self._group is not None and _between(self._group):
            self._extend(self.unrest, at)
        if between:
            self._show(self.unrest, None, at)

    def _extend(self, spans: list[Span], at: float) -> None:
        """What was so at the last look was so until now."""
        if spans and not self._gap:
            spans[-1].end = at

    def _show(self, spans: list[Span], held: tuple[TopicPartition, ...] | None, at: float) -> None:
        if not spans or spans[-1].end != at or spans[-1].held != held:
            spans.append(Span(at, at, held))
            self._weight += 1 + len(held or ())

    def _forget(self) -> None:
        """The older half."""
        ends = sorted(span.end for spans in self._all() for span in spans)
        self.began = cut = ends[len(ends) // 2]
        for spans in self._all():
            spans[:] = [span for span in spans if span.end > cut]
        for lane in self.lanes.values():
            lane.marks = [mark for mark in lane.marks if mark[0] > cut]
        self.lanes = {key: lane for key, lane in self.lanes.items() if lane.here or lane.spans or lane.marks}
        self._weight = sum(1 + len(span.held or ()) for spans in self._all() for span in spans)

    def _all(self) -> Iterator[list[Span]]:
        yield self.unrest
        for lane in self.lanes.values():
            yield lane.spans


def _between(group: Group) -> bool:
    return group.state not in (GroupState.STABLE, GroupState.EMPTY, GroupState.DEAD)


def _instances(members: Iterable[Member]) -> set[str]:
    return {each.instance for each in members if each.instance}


def _partitions(sources: Iterable[TopicPartition]) -> str:
    found = list(sources)
    topics = {source.topic for source in found}
    if len(found) == 1:
        return f"{found[0].topic}-{found[0].partition}"
    return f"{len(found):,} partitions of {found[0].topic if len(topics) == 1 else f'{len(topics):,} topics'}"


def _moved_to(now: str, sources: list[TopicPartition]) -> str:
    words = _partitions(sources)
    return f"{words} moved to {now}" if now else f"nobody reads {words}"


def _got_from(before: str, sources: list[TopicPartition]) -> str:
    return f"it got {_partitions(sources)}{f' from {before}' if before else ''}"


def _assigned(before: str, now: str, words: str) -> str:
    if before and now:
        return f"{now} got {words} from {before}."
    return f"{now} got {words}." if now else f"{before} gave up {words}, and nobody reads that now."


def _causes(back: Counter[tuple[str, str]], clash: list[str], different: int) -> Iterator[str]:
    if clash:
        yield f"Two consumers with the group.instance.id {clash[0]} fence each other."
    if back:
        (client, host), _ = back.most_common(1)[0]
        yield (
            f"{client} ({host.lstrip('/')}) left and came back: it works longer than max.poll.interval.ms between two "
            "polls, its heartbeats stop for session.timeout.ms, or it crashes and is started again."
        )
    if different > len(back):
        yield "Other members came and went: a deployment, or somebody changes how many there are."
