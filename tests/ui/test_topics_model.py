"""The topics table: what it shows, sorts, filters and keeps while answers arrive."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from kexplorer.model.cluster import ConfigEntry
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import Partition, Topic
from kexplorer.services.catalog import TopicOffsets
from kexplorer.ui.models.topics import COLUMNS, HEALTH, TopicsModel


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
    model.set_filter(" AY ")
    assert _column(model, "Topic") == ["payments"]
    model.set_filter("")
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
