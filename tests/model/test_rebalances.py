"""A group as it was seen over time, in words and as lanes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kexplorer.model import rebalances
from kexplorer.model.groups import Group, GroupState, GroupType, Member
from kexplorer.model.rebalances import Span, Timeline, What
from kexplorer.model.topics import TopicPartition


def _held(*numbers: int) -> tuple[TopicPartition, ...]:
    return tuple(TopicPartition("orders", number) for number in numbers)


def _member(name: str, *numbers: int, id: str = "", instance: str = "") -> Member:  # noqa: A002
    return Member(id or f"{name}-1", name, "/10.0.0.7", _held(*numbers), instance)


def _group(*members: Member, state: GroupState = GroupState.STABLE, coordinator: int = 1) -> Group:
    state = GroupState.EMPTY if not members else state
    return Group("billing", state, GroupType.CLASSIC, members, "range", coordinator)


def _seen(*looks: Group) -> Timeline:
    """One look every two seconds, from 100 on."""
    timeline = Timeline()
    for number, group in enumerate(looks):
        timeline.take(group, 100.0 + 2 * number)
    return timeline


def _words(timeline: Timeline, what: What | None = None) -> list[str]:
    return [each.words for each in timeline.events if what in (None, each.what)]


def _spans(timeline: Timeline, name: str) -> list[tuple[float, float, int | None]]:
    lane = next(each for each in timeline.lanes.values() if each.name == name)
    return [(span.start, span.end, None if span.held is None else len(span.held)) for span in lane.spans]


def test_nothing_is_told_while_nothing_changes() -> None:
    timeline = _seen(*[_group(_member("a", 0, 1))] * 5)
    assert _words(timeline) == ["Stable, 1 member."]
    assert _spans(timeline, "a") == [(100.0, 108.0, 2)]


def test_who_joins_gets_partitions_of_the_others() -> None:
    timeline = _seen(_group(_member("a", 0, 1, 2, 3)), _group(_member("a", 0, 1), _member("b", 2, 3)))
    assert _words(timeline, What.JOINED) == ["b joined from 10.0.0.7; it got 2 partitions of orders from a."]
    assert _words(timeline, What.ASSIGNED) == []
    assert _spans(timeline, "b") == [(102.0, 102.0, 2)]


def test_who_leaves_hands_partitions_to_the_others() -> None:
    both = _group(_member("a", 0, 1), _member("b", 2, 3))
    timeline = _seen(both, both, _group(_member("a", 0, 1, 2, 3)), _group(_member("a", 0, 1, 2, 3)))
    assert _words(timeline, What.LEFT) == ["b left; 2 partitions of orders moved to a."]
    assert _spans(timeline, "b") == [(100.0, 104.0, 2)]
    assert _spans(timeline, "a") == [(100.0, 104.0, 2), (104.0, 106.0, 4)]


def test_partitions_that_nobody_reads_any_more_are_told() -> None:
    timeline = _seen(_group(_member("a", 0)), _group())
    assert _words(timeline)[1:] == ["Empty, was stable.", "a left; nobody reads orders-0."]


def test_while_it_rebalances_the_lanes_have_a_gap_and_the_moves_are_told_afterwards() -> None:
    before, after = _group(_member("a", 0), _member("b", 1)), _group(_member("a", 0, 1))
    timeline = _seen(before, _group(_member("a"), state=GroupState.PREPARING), after)
    assert _spans(timeline, "a") == [(100.0, 102.0, 1), (102.0, 104.0, None), (104.0, 104.0, 2)]
    assert timeline.unrest == [Span(102.0, 104.0, None)]
    assert _words(timeline)[1:] == [
        "Preparing to rebalance, was stable.",
        "b left.",
        "Stable, was preparing to rebalance.",
        "a got orders-1 from b.",
    ]


def test_the_new_protocol_shows_what_is_held_between_two_assignments() -> None:
    moving = _group(_member("a", 0), _member("b"), state=GroupState.MOVING)
    timeline = _seen(_group(_member("a", 0, 1)), moving, _group(_member("a", 0), _member("b", 1)))
    assert _spans(timeline, "a") == [(100.0, 102.0, 2), (102.0, 104.0, 1)]
    assert _words(timeline, What.ASSIGNED) == ["b got orders-1 from a."]


def test_members_of_one_client_are_told_apart_and_a_static_one_keeps_its_lane() -> None:
    timeline = _seen(
        _group(_member("app", 0, id="1"), _member("app", 1, id="2"), _member("app", 2, id="3", instance="pod-0")),
        _group(_member("app", 0, id="1"), _member("app", 1, id="4"), _member("app", 2, id="5", instance="pod-0")),
    )
    assert [lane.name for lane in timeline.lanes.values()] == ["app", "app (2)", "pod-0", "app (3)"]
    assert _words(timeline, What.LEFT) == ["app (2) left; orders-1 moved to app (3)."]
    assert _words(timeline, What.RESTARTED) == ["pod-0 has a new member id: it was started again, or a second one was."]
    assert _spans(timeline, "pod-0") == [(100.0, 102.0, 1)]


def test_a_coordinator_that_moves_is_told() -> None:
    timeline = _seen(_group(_member("a", 0)), _group(_member("a", 0), coordinator=3))
    assert _words(timeline, What.COORDINATOR) == ["The coordinator is broker 3, and was broker 1."]


def test_what_nobody_saw_is_not_drawn_and_the_event_tells_since_when() -> None:
    timeline = _seen(_group(_member("a", 0), _member("b", 1)))
    timeline.gap()
    timeline.take(_group(_member("a", 0, 1)), 500.0)
    assert _spans(timeline, "a") == [(100.0, 100.0, 1), (500.0, 500.0, 2)]
    assert _spans(timeline, "b") == [(100.0, 100.0, 1)]
    assert [(each.since, each.at) for each in timeline.events if each.what is What.LEFT] == [(100.0, 500.0)]


def test_one_that_left_and_came_back_was_away_between() -> None:
    one, both = _group(_member("a", 0, 1)), _group(_member("a", 0), _member("b", 1, instance="b"))
    timeline = _seen(both, one, one, both)
    assert _spans(timeline, "b") == [(100.0, 102.0, 1), (106.0, 106.0, 1)]


def test_an_older_look_is_ignored() -> None:
    timeline = _seen(_group(_member("a", 0)))
    assert not timeline.take(_group(), 99.0)
    assert _words(timeline) == ["Stable, 1 member."]


def _flapping(*ids: str, client: Sequence[str] = ("slow",)) -> Timeline:
    members = [_member(client[number % len(client)], 1, id=each) for number, each in enumerate(ids)]
    return _seen(*[_group(_member("a", 0), member) for member in members])


def test_a_start_and_a_stop_are_no_storm() -> None:
    alone, both = _group(_member("a", 0, 1)), _group(_member("a", 0), _member("b", 1))
    assert _seen(alone, both, alone).storm() is None


def test_one_that_comes_back_again_and_again_is_a_storm_with_its_likely_cause() -> None:
    storm = _flapping("1", "2", "3", "4").storm()
    assert storm is not None
    assert storm.words.startswith("The members changed 3 times within 60 s")
    assert len(storm.causes) == 1
    assert storm.causes[0].startswith("slow (10.0.0.7) left and came back: it works longer than max.poll.interval.ms")


def test_ever_new_members_look_like_a_deployment() -> None:
    storm = _flapping("1", "2", "3", "4", client=("p", "q", "r", "s")).storm()
    assert storm is not None
    assert "a deployment" in storm.causes[-1]


def test_a_storm_passes() -> None:
    timeline = _flapping("1", "2", "3", "4")
    timeline.take(_group(_member("a", 0)), timeline.until + rebalances.WITHIN + 1)
    assert timeline.storm() is None


def test_two_with_one_instance_id_are_named() -> None:
    looks = [_group(_member("app", 0, id=str(number), instance="pod-0")) for number in range(4)]
    storm = _seen(*looks).storm()
    assert storm is not None
    assert storm.causes[0] == "Two consumers with the group.instance.id pod-0 fence each other."


def test_it_forgets_the_older_half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebalances, "_MOST", 40)
    timeline = _flapping(*map(str, range(100)))
    spans = [span for lane in timeline.lanes.values() for span in lane.spans]
    assert sum(1 + len(span.held or ()) for span in spans) <= 42
    assert timeline.began > 100.0
    assert len(timeline.lanes) < 30
    assert [lane.here for lane in timeline.lanes.values()].count(True) == 2
