"""Where the replicas of partitions shall be: balanced over brokers and racks, with as little moved as that needs."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from kexplorer.model.failure import Failure, FailureKind

P = TypeVar("P", bound=Hashable)


def plan_assignment(
    current: Mapping[P, Sequence[int]], racks: Mapping[int, str], replication: int, *, balance: bool
) -> dict[P, tuple[int, ...]]:
    """`racks` has the brokers to use, each with its rack; racks count only where every one of them has one. Each
    partition gets `replication` of the brokers, the preferred leader first.

    Without `balance` what is on a usable broker stays, and only what is missing or too much changes. With it replicas
    and leaders are spread too: without racks each broker ends with the same number of both, or one more.
    Raises `Failure`(INVALID) where there are too few brokers.
    """
    if not 1 <= replication <= len(racks):
        have = "1 broker" if len(racks) == 1 else f"{len(racks)} brokers"
        why = f"A replication factor of {replication} is not possible with {have}."
        raise Failure(FailureKind.INVALID, why, "Each replica of a partition needs a broker of its own.")
    sets = _Sets(racks if all(racks.values()) else dict.fromkeys(racks, ""))
    held = {p: [b for b in dict.fromkeys(replicas) if b in racks] for p, replicas in current.items()}
    sets.load.update(b for replicas in held.values() for b in replicas)
    for replicas in held.values():
        sets.resize(replicas, replication)
    if balance:
        for replicas in held.values():
            sets.spread(replicas)
        sets.level(list(held.values()))
        _balance_leaders(list(held.values()), racks)
    return {p: tuple(replicas) for p, replicas in held.items()}


def moved(before: Iterable[int], after: Iterable[int]) -> int:
    """Replicas that must be copied to a broker that doesn't have them."""
    return len(set(after) - set(before))


@dataclass(slots=True, init=False)
class _Sets:
    """`load` is the number of replicas of each broker."""

    racks: Mapping[int, str]
    load: Counter[int]

    def __init__(self, racks: Mapping[int, str]) -> None:
        self.racks = racks
        self.load = Counter(dict.fromkeys(racks, 0))

    def resize(self, replicas: list[int], replication: int) -> None:
        """Adds or removes; the preferred leader stays."""
        while len(replicas) > replication:
            used = Counter(self.racks[b] for b in replicas)
            gone = max(replicas[1:], key=lambda b: (used[self.racks[b]], self.load[b], replicas.index(b)))
            replicas.remove(gone)
            self.load[gone] -= 1
        while len(replicas) < replication:
            used = Counter(self.racks[b] for b in replicas)
            free = [b for b in self.racks if b not in replicas]
            new = min(free, key=lambda b: (used[self.racks[b]], self.load[b], b))
            replicas.append(new)
            self.load[new] += 1

    def spread(self, replicas: list[int]) -> None:
        """No rack has two while another has none."""
        while True:
            used = Counter(self.racks[b] for b in replicas)
            free = [b for b in self.racks if not used[self.racks[b]]]
            doubled = [b for b in replicas if used[self.racks[b]] > 1]
            if not free or not doubled:
                return
            self._swap(replicas, max(doubled, key=lambda b: self.load[b]), min(free, key=lambda b: self.load[b]))

    def level(self, every: Sequence[list[int]]) -> None:
        """From the fullest brokers to the emptiest, as long as no partition loses a rack by it. Each step takes a
        replica to where there are at least two fewer, so it comes to an end."""
        while self._level_once(every):
            pass

    def _level_once(self, every: Sequence[list[int]]) -> bool:
        ranked = sorted(self.racks, key=lambda b: (self.load[b], b))
        for full in reversed(ranked):
            if self.load[full] - self.load[ranked[0]] < 2:
                return False
            for empty in ranked:
                if self.load[full] - self.load[empty] < 2:
                    break
                for replicas in every:
                    if full in replicas and empty not in replicas and self._keeps_racks(replicas, full, empty):
                        self._swap(replicas, full, empty)
                        return True
        return False

    def _keeps_racks(self, replicas: Sequence[int], old: int, new: int) -> bool:
        others = {self.racks[b] for b in replicas if b != old}
        return self.racks[new] not in others or self.racks[old] in others

    def _swap(self, replicas: list[int], old: int, new: int) -> None:
        replicas[replicas.index(old)] = new
        self.load[old] -= 1
        self.load[new] += 1


def _balance_leaders(every: Sequence[list[int]], brokers: Iterable[int]) -> None:
    """Leadership goes from broker to broker along partitions that both have, until no way leads from one broker to
    another with at least two fewer: then no other choice is more even."""
    leads = Counter(dict.fromkeys(brokers, 0))
    leads.update(replicas[0] for replicas in every)
    again = True
    while again:  # what was given away by others may have come to one that was done
        again = False
        for start in sorted(leads, key=lambda b: -leads[b]):
            while way := _way(every, leads, start):
                again = True
                for replicas, new in way:
                    leads[replicas[0]] -= 1
                    leads[new] += 1
                    replicas.remove(new)
                    replicas.insert(0, new)


def _way(every: Sequence[list[int]], leads: Mapping[int, int], start: int) -> list[tuple[list[int], int]]:
    """The shortest: partitions, each with its new leader; the last one has at least two fewer than `start`."""
    led: dict[int, list[list[int]]] = {}
    for replicas in every:
        led.setdefault(replicas[0], []).append(replicas)
    came: dict[int, tuple[int, list[int]]] = {}
    queue = deque([start])
    while queue:
        broker = queue.popleft()
        if leads[broker] <= leads[start] - 2:
            way = []
            while broker != start:
                before, replicas = came[broker]
                way.append((replicas, broker))
                broker = before
            return way
        for replicas in led.get(broker, ()):
            for other in replicas[1:]:
                if other != start and other not in came:
                    came[other] = (broker, replicas)
                    queue.append(other)
    return []
