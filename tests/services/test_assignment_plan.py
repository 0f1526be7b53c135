"""Plans of replicas: whatever the cluster looks like, they can be carried out, are even, and move little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kexplorer.model.failure import Failure
from kexplorer.services.assignment_plan import moved, plan_assignment

Placed = dict[int, tuple[int, ...]]


@st.composite
def _clusters(draw: st.DrawFn) -> tuple[Placed, dict[int, str], int]:
    """Partitions on any brokers, some of which are gone; brokers to use; the replication wanted."""
    brokers = draw(st.lists(st.integers(1, 12), min_size=1, max_size=8, unique=True))
    replicas = st.lists(st.integers(1, 12), min_size=1, max_size=5, unique=True).map(tuple)
    placed = dict(enumerate(draw(st.lists(replicas, min_size=1, max_size=20))))
    return placed, dict.fromkeys(brokers, ""), draw(st.integers(1, len(brokers)))


def _replicas(plan: Mapping[int, Sequence[int]], brokers: Mapping[int, str]) -> Counter[int]:
    return Counter(dict.fromkeys(brokers, 0) | Counter(b for replicas in plan.values() for b in replicas))


def _even(counts: Counter[int]) -> bool:
    return max(counts.values()) - min(counts.values()) <= 1


@given(_clusters(), st.booleans())
def test_every_partition_has_its_replicas_on_brokers_of_their_own(
    cluster: tuple[Placed, dict[int, str], int], balance: bool
) -> None:
    placed, brokers, replication = cluster
    plan = plan_assignment(placed, brokers, replication, balance=balance)
    assert plan.keys() == placed.keys()
    for replicas in plan.values():
        assert len(replicas) == len(set(replicas)) == replication
        assert set(replicas) <= brokers.keys()


_ALL_LED_BY_ONE = (dict.fromkeys(range(6), (1,)), dict.fromkeys(range(1, 7), ""), 6)


@example(_ALL_LED_BY_ONE)
@given(_clusters())
def test_replicas_and_leaders_are_even_to_within_one(cluster: tuple[Placed, dict[int, str], int]) -> None:
    placed, brokers, replication = cluster
    plan = plan_assignment(placed, brokers, replication, balance=True)
    assert _even(_replicas(plan, brokers))
    assert _even(_replicas({p: replicas[:1] for p, replicas in plan.items()}, brokers))


@given(_clusters())
def test_a_plan_that_is_carried_out_is_the_next_plan(cluster: tuple[Placed, dict[int, str], int]) -> None:
    placed, brokers, replication = cluster
    plan = plan_assignment(placed, brokers, replication, balance=True)
    assert plan_assignment(plan, brokers, replication, balance=True) == plan


@given(_clusters())
def test_no_more_is_moved_than_evenness_needs(cluster: tuple[Placed, dict[int, str], int]) -> None:
    """With the same replication on the same brokers: what lies above the even share of the fullest brokers."""
    placed, brokers, replication = cluster
    start = plan_assignment(placed, brokers, replication, balance=False)
    plan = plan_assignment(start, brokers, replication, balance=True)
    share, larger = divmod(len(start) * replication, len(brokers))
    counts = sorted(_replicas(start, brokers).values(), reverse=True)
    least = sum(max(count - share - (place < larger), 0) for place, count in enumerate(counts))
    assert sum(moved(start[p], plan[p]) for p in start) == least


@given(_clusters())
def test_another_factor_leaves_alone_what_can_stay(cluster: tuple[Placed, dict[int, str], int]) -> None:
    placed, brokers, replication = cluster
    plan = plan_assignment(placed, brokers, replication, balance=False)
    for p, replicas in placed.items():
        usable = [b for b in replicas if b in brokers]
        assert plan[p][:1] == tuple(usable[:1]) or not usable
        assert moved(replicas, plan[p]) == max(replication - len(usable), 0)


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 20), st.data())
def test_racks_are_not_doubled_while_one_has_none(
    in_each: int, racks: int, partitions: int, data: st.DataObject
) -> None:
    brokers = {rack * 10 + n: f"rack-{rack}" for rack in range(racks) for n in range(in_each)}
    replication = data.draw(st.integers(1, len(brokers)))
    replicas = st.lists(st.sampled_from(sorted(brokers)), min_size=1, unique=True).map(tuple)
    placed = {p: data.draw(replicas) for p in range(partitions)}
    plan = plan_assignment(placed, brokers, replication, balance=True)
    for found in plan.values():
        assert len({brokers[b] for b in found}) == min(replication, racks)
    if in_each == 1:
        assert _even(_replicas(plan, brokers))


def test_what_is_balanced_is_left_alone() -> None:
    placed = {0: (1, 2), 1: (2, 3), 2: (3, 1)}
    assert plan_assignment(placed, {1: "", 2: "", 3: ""}, 2, balance=True) == placed


def test_leaders_move_without_data() -> None:
    placed = {0: (1, 2, 3), 1: (1, 2, 3), 2: (1, 2, 3)}
    plan = plan_assignment(placed, {1: "", 2: "", 3: ""}, 3, balance=True)
    assert sorted(replicas[0] for replicas in plan.values()) == [1, 2, 3]
    assert not any(moved(placed[p], plan[p]) for p in placed)


@pytest.mark.parametrize("replication", [0, 3])
def test_a_factor_without_brokers_for_it_is_refused(replication: int) -> None:
    with pytest.raises(Failure, match="not possible with 2 brokers"):
        plan_assignment({0: (1,)}, {1: "", 2: ""}, replication, balance=False)
