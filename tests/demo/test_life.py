import itertools
import json
from collections import Counter

import pytest

from kexplorer.demo.life import Life, Record, Step
from kexplorer.demo.shop import TOPICS

NOW = 1_780_000_000.0


@pytest.fixture(scope="module")
def life() -> Life:
    return Life(1, NOW)


@pytest.fixture(scope="module")
def past(life: Life) -> list[Step]:
    return list(life.until(NOW))


@pytest.fixture(scope="module")
def minute(life: Life, past: list[Step]) -> list[Record]:
    """The first minute after the past."""
    return records(list(life.until(NOW + 60)))


def records(steps: list[Step]) -> list[Record]:
    return [record for step in steps for record in step.records]


def test_the_same_seed_gives_the_same_shop() -> None:
    first, again, other = (list(Life(seed, NOW).until(NOW - 14_000)) for seed in (1, 1, 2))
    assert len(first) > 100
    assert first == again
    assert first != other


def test_the_past_lies_within_four_hours_and_comes_in_order_of_time(past: list[Step]) -> None:
    times = [record.timestamp for record in records(past)]
    assert times == sorted(times)
    assert times[0] == (NOW - 4 * 3600) * 1000
    assert NOW * 1000 - 60_000 < times[-1] <= NOW * 1000
    assert 15_000 < len(times) < 60_000


def test_a_live_minute_has_a_few_hundred_orders_and_what_follows_from_them(minute: list[Record]) -> None:
    count = Counter(record.topic for record in minute)
    assert 300 < count["orders"] < 1200
    assert count["order-events"] > count["orders"]
    assert {"payments", "clicks", "inventory", "notifications", "audit"} < set(count) < set(TOPICS)


def test_clicks_come_in_bursts_of_hundreds_a_second(minute: list[Record]) -> None:
    per_second = Counter(record.timestamp // 1000 for record in minute if record.topic == "clicks")
    assert max(per_second.values()) > 150
    assert min(per_second.values()) < 20


def test_an_order_is_the_sum_of_its_events(past: list[Step]) -> None:
    events = [json.loads(record.value or b"") for record in records(past) if record.topic == "order-events"]
    assert {event["type"] for event in events} == {
        "OrderPlaced", "OrderPaid", "OrderPacked", "OrderShipped", "OrderDelivered", "OrderCancelled"
    }  # fmt: skip
    by_order = itertools.groupby(sorted(events, key=lambda event: event["orderId"]), lambda event: event["orderId"])
    for _, group in by_order:
        story = list(group)
        assert [event["version"] for event in story] == list(range(1, len(story) + 1))
        assert story[0]["type"] == "OrderPlaced"
        assert all(event["type"] not in ("OrderDelivered", "OrderCancelled") for event in story[:-1])


@pytest.mark.parametrize("commits", [True, False])
def test_transactions_are_committed_or_aborted_as_a_whole(past: list[Step], commits: bool) -> None:
    steps = [step for step in past if step.transaction is commits]
    assert len(steps) > 20
    assert {record.topic for record in records(steps)} == {"audit"}
    assert all(len({record.key for record in step.records}) == 1 for step in steps)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_watched_goes_on_within_seconds_of_the_start(seed: int) -> None:
    life = Life(seed, NOW)
    assert list(life.until(NOW))
    assert {"orders", "order-events", "clicks"} <= {record.topic for record in records(list(life.until(NOW + 2)))}
