"""The topics table: what it shows, sorts, filters and keeps while answers arrive."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from kexplorer.model.cluster import ConfigEntry
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import Partition, Topic
from kexplorer.services.catalog import TopicOffsets
from kexplorer.services.topic_admin import TopicSizes
from kexplorer.services.topic_readers import ReaderCounts
from kexplorer.ui.models.topic_columns import COLUMNS, CONSUMERS, HEALTH, SIZE
from kexplorer.ui.models.topics import TopicsModel
from kexplorer.ui.topic_filter import topic_filter


def _topic(name: str, partitions: int = 1, leader: int | None = 1, isr: tuple[int, ...] = (1, 2)) -> Topic:
    return Topic(name, tuple(Partition(i, leader, (1, 2), isr) for i in range(partitions)))


def _config(**values: str) -> dict[str, ConfigEntry]:
    names = {name: name.replace("_", ".") for name in values}
    return {names[n]: ConfigEntry(names[n], value, False, False, False) for n, value in values.items()}


def _column(model: TopicsModel, title: str) -> list[str]:
    column = next(i for i, each in enumerate(COLUMNS) if each.title == title)
    return [model.index(row, column).data() for row in range(model.rowCount())]


@pytest.fixture
def model() -> TopicsModel:
    made = TopicsModel()
    QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal, made)
    made.set_topics([_topic("orders", 6), _topic("Audit"), _topic("_internal"), _topic("payments", 3)])
    return made


def test_names_are_shown_before_anything_else_is_known(model: TopicsModel) -> None:
    assert _column(model, "Topic") == ["Audit", "orders", "payments"]
    assert _column(model, "Partitions") == ["1", "6", "3"]
    assert _column(model, "Offset span") == ["", "", ""]
    assert [topic.name for topic in model.unknown()] == ["Audit", "orders", "payments"]


def test_what_arrives_fills_its_row_only(model: TopicsModel) -> None:
    model.set_offsets({"orders": TopicOffsets(1234567, 2000000, 12.5)})
    model.set_configs({"orders": _config(retention_ms="604800000", cleanup_policy="delete")})
    model.set_configs({"payments": _config(retention_ms="-1", cleanup_policy="compact")})
    assert _column(model, "Offset span") == ["", "1,234,567", ""]
    assert _column(model, "Rate") == ["", "12/s", ""]
    assert _column(model, "Retention") == ["", "7 d", "for ever"]
    assert model.without_configs(["Audit", "orders"]) == ["Audit"]


def test_internal_topics_are_shown_when_asked_for(model: TopicsModel) -> None:
    assert model.total == 3
    model.show_internal(True)
    assert _column(model, "Topic") == ["_internal", "Audit", "orders", "payments"]
    assert model.total == 4


def test_filter_is_a_substring_of_any_case(model: TopicsModel) -> None:
    model.set_filter(topic_filter(" AY "))
    assert _column(model, "Topic") == ["payments"]
    model.set_filter(topic_filter(""))
    assert model.rowCount() == 3


def test_sorting_puts_the_unknown_last_from_the_top(model: TopicsModel) -> None:
    model.set_offsets({"orders": TopicOffsets(5, 5, None), "Audit": TopicOffsets(100, 100, None)})
    span = next(i for i, column in enumerate(COLUMNS) if column.title == "Offset span")
    model.sort(span, Qt.SortOrder.DescendingOrder)
    assert _column(model, "Topic") == ["Audit", "orders", "payments"]


def test_a_number_that_moves_does_not_move_the_row(model: TopicsModel) -> None:
    span = next(i for i, column in enumerate(COLUMNS) if column.title == "Offset span")
    model.sort(span, Qt.SortOrder.AscendingOrder)
    before = _column(model, "Topic")
    model.set_offsets({before[0]: TopicOffsets(10**9, 10**9, None)})
    assert _column(model, "Topic") == before


def test_sorting_keeps_the_selected_topic_selected(model: TopicsModel) -> None:
    chosen = QPersistentModelIndex(model.index(1, 0))
    assert chosen.data() == "orders"
    model.sort(0, Qt.SortOrder.DescendingOrder)
    assert _column(model, "Topic") == ["payments", "orders", "Audit"]
    model.sort(1, Qt.SortOrder.DescendingOrder)
    assert chosen.row() == 0
    assert chosen.data() == "orders"


def test_offsets_survive_a_refresh_of_the_names(model: TopicsModel) -> None:
    model.set_offsets({"orders": TopicOffsets(7, 7, None)})
    model.set_topics([_topic("orders", 12), _topic("new")])
    assert _column(model, "Offset span") == ["", "7"]
    assert _column(model, "Partitions") == ["1", "12"]


def test_health_names_the_worst_of_a_topic() -> None:
    model = TopicsModel()
    denied = Topic("secret", (), Failure(FailureKind.AUTHORIZATION, "Not allowed.", "Ask."))
    model.set_topics([_topic("a", 2), _topic("b", 3, isr=(1,)), _topic("c", 2, leader=None), denied, _topic("e", 4)])
    model.set_offsets(
        {"e": TopicOffsets(1, 1, None, failed=1, trouble=Failure(FailureKind.TIMEOUT, "No <b>answer</b>."))}
    )
    assert _column(model, "Health") == [
        "ok",
        "3 under-replicated",
        "2 without leader",
        "1 unreadable",
        "authorization",
    ]
    tips = [model.index(row, HEALTH).data(Qt.ItemDataRole.ToolTipRole) for row in range(5)]
    assert tips == [None, None, None, "No &lt;b&gt;answer&lt;/b&gt;.", "Not allowed. Ask."]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/^p/", ["payments"]),
        ("/^(P|o)/", ["orders", "payments"]),
        ("/ers", ["orders"]),
        ("/", ["Audit", "orders", "payments"]),
        ("~pmt", ["payments"]),
        ("~d r", ["orders"]),
        ("~zz", []),
    ],
)
def test_filters_have_three_kinds(model: TopicsModel, text: str, found: list[str]) -> None:
    model.set_filter(topic_filter(text))
    assert _column(model, "Topic") == found


def test_the_best_of_a_fuzzy_filter_comes_first() -> None:
    model = TopicsModel()
    model.set_topics([_topic("a.reorder"), _topic("o.r.d.e.r"), _topic("orders")])
    model.set_filter(topic_filter("~order"))
    assert _column(model, "Topic") == ["orders", "a.reorder", "o.r.d.e.r"]
    model.sort(0, Qt.SortOrder.DescendingOrder)
    assert _column(model, "Topic")[0] == "orders"


def test_what_is_no_regular_expression_is_told() -> None:
    with pytest.raises(Failure, match=r"missing \)"):
        topic_filter("/(a/")


def test_favourites_are_marked_and_first_on_request(model: TopicsModel) -> None:
    model.set_favourites(frozenset({"payments", "gone"}))
    assert _column(model, "Topic") == ["Audit", "orders", "★ payments"]
    model.show_favourites_first(True)
    assert _column(model, "Topic") == ["★ payments", "Audit", "orders"]
    model.set_topics([_topic("payments"), _topic("gone"), _topic("a")])
    assert _column(model, "Topic") == ["★ gone", "★ payments", "a"]
    model.set_favourites(frozenset())
    assert _column(model, "Topic") == ["a", "gone", "payments"]


def _size_tip(model: TopicsModel) -> str:
    return str(model.headerData(SIZE, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole))


def test_sizes_are_told_as_far_as_brokers_tell_them(model: TopicsModel) -> None:
    assert _column(model, "Size") == ["", "", ""]
    model.set_sizes(TopicSizes({"orders": 1_500_000, "payments": 10}))
    assert _column(model, "Size") == ["0 B", "1.5 MB", "10 B"]
    model.sort(SIZE, Qt.SortOrder.DescendingOrder)
    assert _column(model, "Topic") == ["orders", "payments", "Audit"]
    down = Failure(FailureKind.TIMEOUT, "No <answer>.")
    model.set_sizes(TopicSizes({"orders": 1000}, {2: down}))
    assert _column(model, "Size")[0] == "≥ 1.0 kB"
    assert "without broker 2: No &lt;answer&gt;." in _size_tip(model)
    model.set_sizes(down)
    assert _column(model, "Size") == ["not told"] * 3
    assert model.index(0, SIZE).data(Qt.ItemDataRole.ToolTipRole) == "No &lt;answer&gt;."
    model.set_sizes(TopicSizes({}))
    assert _column(model, "Size") == ["0 B"] * 3
    assert "answer" not in _size_tip(model)


def test_a_topic_that_came_later_has_no_size_yet(model: TopicsModel) -> None:
    model.set_sizes(TopicSizes({"orders": 1}))
    model.set_topics([_topic("new"), _topic("orders")])
    assert _column(model, "Size") == ["", "1 B"]


def test_consumers_fill_in_late_and_are_at_least_so_many_where_somebody_did_not_tell(model: TopicsModel) -> None:
    assert _column(model, "Consumers") == [""] * 3
    model.set_consumers(ReaderCounts({"orders": 2, "gone": 1}))
    assert _column(model, "Consumers") == ["0", "2", "0"]
    denied = Failure(FailureKind.AUTHORIZATION, "You may not describe the group secret.")
    model.set_consumers(ReaderCounts({"orders": 1}, (denied,)))
    assert _column(model, "Consumers") == ["≥ 0", "≥ 1", "≥ 0"]
    assert "secret" in model.index(0, CONSUMERS).data(Qt.ItemDataRole.ToolTipRole)
    model.set_consumers(denied)
    assert _column(model, "Consumers") == ["not told"] * 3
    assert _column(model, "Health") == ["ok"] * 3, "a group's trouble is no topic's"
