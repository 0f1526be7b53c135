"""Summaries say what was counted, within the error that they name, in whatever order they are merged."""

from __future__ import annotations

import copy
import random
from collections import Counter

import pytest

from kexplorer.model.distinct import ERROR, EXACT, Distinct
from kexplorer.model.statistics import Sizes, Statistics, Times, TopKeys


def _values(count: int, start: int = 0) -> list[bytes]:
    return [f"value {n}".encode() for n in range(start, start + count)]


def test_few_values_are_counted_exactly() -> None:
    found = Distinct()
    found.add(_values(EXACT))
    found.add(_values(EXACT))
    assert found.exact
    assert found.estimate() == EXACT


@pytest.mark.parametrize("count", [EXACT + 1, 20_000, 60_000, 200_000])
def test_many_values_are_estimated(count: int) -> None:
    found = Distinct()
    found.add(_values(count))
    assert not found.exact
    assert found.estimate() == pytest.approx(count, rel=4 * ERROR)


@pytest.mark.parametrize(("first", "second"), [(100, 200), (100, 20_000), (20_000, 100), (20_000, 30_000)])
def test_what_both_have_is_counted_once(first: int, second: int) -> None:
    one, other, both = Distinct(), Distinct(), Distinct()
    one.add(_values(first))
    other.add(_values(second, first // 2))
    one.merge(copy.deepcopy(other))
    both.add(_values(max(first, first // 2 + second)))
    assert one.estimate() == both.estimate()


def test_quantiles_are_within_two_percent() -> None:
    numbers = random.Random(7)
    sizes = [round(numbers.lognormvariate(6, 2)) for _ in range(20_000)]
    found, rest = Sizes(), Sizes()
    found.add(Counter(sizes[:5000]))
    rest.add(Counter(sizes[5000:]))
    found.merge(rest)
    ordered = sorted(sizes)
    for share in (0.5, 0.99):
        assert found.quantile(share) == pytest.approx(ordered[round(share * len(sizes))], rel=0.02)
    assert found.quantile(1) == found.largest == ordered[-1]
    assert (found.total, found.count) == (sum(sizes), 20_000)
    assert Sizes().quantile(0.5) == 0


def test_sizes_by_doubling_leave_no_gap() -> None:
    found = Sizes()
    found.add({0: 2, 1: 1, 12: 5, 100: 1})
    assert found.by_doubling() == {0: 2, 1: 1, 2: 0, 4: 0, 8: 0, 16: 5, 32: 0, 64: 0, 128: 1}


def test_times_become_coarser_and_lose_nothing() -> None:
    day = 86_400_000
    found, late = Times(), Times()
    found.add(range(0, 10 * day, 60_000))
    late.add(range(10 * day, 20 * day, 60_000))
    found.merge(late)
    assert (found.first, found.last) == (0, 20 * day - 60_000)
    bars = found.within(range(0, 21 * day, day))
    assert sum(bars) == 20 * 1440
    assert all(bar == pytest.approx(1440, rel=0.6) for bar in bars)
    assert len(found.buckets) <= 2048


def test_one_strange_time_does_not_blur_the_others() -> None:
    found = Times()
    found.add([1, *range(1_700_000_000_000, 1_700_000_600_000, 1000)])
    first, last = found.middle(0.99)
    assert first >= 1_700_000_000_000
    assert last <= 1_700_000_601_000
    assert found.first == 1


def test_the_most_frequent_keys_are_found_in_a_long_tail() -> None:
    numbers = random.Random(3)
    stream = [b"hot"] * 3000 + [b"warm"] * 1500 + _values(30_000)
    numbers.shuffle(stream)
    found = TopKeys()
    for at in range(0, len(stream), 5000):
        piece = TopKeys()
        piece.add(Counter(stream[at : at + 5000]))
        piece.shrink()
        found.merge(piece)
    found.shrink()
    (first, count), (second, _) = found.top(2)
    assert (first, second) == (b"hot", b"warm")
    assert count <= 3000 <= count + found.error


def test_partitions_add_up() -> None:
    one, other = Statistics(records=3, null_keys=1), Statistics(records=4, tombstones=2)
    one.keys.add({3: 2})
    other.values.add({10: 2})
    other.value_formats["JSON"] = 2
    one.merge(other)
    assert (one.records, one.null_keys, one.tombstones, one.nbytes) == (7, 1, 2, 26)
    assert one.value_formats == {"JSON": 2}
