"""What the tables of a topic's partitions and configuration say."""

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from kexplorer.model.cluster import ConfigEntry, ConfigSource, LogDir, ReplicaSize
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import Broker, Partition, TopicPartition
from kexplorer.services.topic_details import PartitionOffsets, Place
from kexplorer.ui.models.configuration import ConfigurationModel, Edit, differs, in_words, plain_meaning, typed
from kexplorer.ui.models.partitions import PartitionsModel
from kexplorer.ui.widgets.rows_table import RowsTable

ONE = Broker(1, "127.0.0.1", 9092)


def _model() -> PartitionsModel:
    model = PartitionsModel()
    model.set_places(
        [
            Place(Partition(0, 1, (1, 2), (1, 2)), ONE, ()),
            Place(Partition(1, 1, (2, 1), (1,)), ONE, (2,)),
            Place(Partition(2, None, (2,), ()), None, (2,)),
        ]
    )
    model.set_offsets(
        {0: PartitionOffsets(5, 9, 1205), 1: PartitionOffsets(trouble=Failure(FailureKind.TIMEOUT, "No."))}
    )
    return model


def _column(model: PartitionsModel | ConfigurationModel, title: str) -> list[str]:
    section = [column.title for column in model.columns].index(title)
    return [model.index(row, section).data() for row in range(model.rowCount())]


def test_partitions_tell_their_own_trouble() -> None:
    model = _model()
    assert model.summary.startswith("3 partitions · 2 under-replicated · 1 without leader · 1 not led by the preferred")
    assert _column(model, "Health") == ["ok", "unreadable: No.", "no leader"]
    assert _column(model, "Leader") == ["1 · 127.0.0.1:9092", "1 · 127.0.0.1:9092", "none"]
    assert _column(model, "Replicas") == ["1, 2", "2 (offline), 1", "2 (offline)"]
    assert _column(model, "Preferred") == ["★ yes", "no, 2 is", ""]
    assert _column(model, "Offset span") == ["1,200", "", ""]


def test_cells_are_copied_and_stay_selected_when_sorted(qtbot: QtBot) -> None:
    model = _model()
    table = RowsTable(model, "Partitions")
    qtbot.addWidget(table)
    table.show()
    flag = QItemSelectionModel.SelectionFlag
    table.selectionModel().select(model.index(0, 0), flag.ClearAndSelect | flag.Rows)
    table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    assert _column(model, "Partition") == ["2", "1", "0"]
    QTest.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().startswith("0\tok\t1 · 127.0.0.1:9092\t★ yes\t1, 2\t")


def test_sizes_are_the_leaders_and_what_is_refused_is_told() -> None:
    model = _model()
    refused = Failure(FailureKind.AUTHORIZATION, "Describing log directories is not allowed.", "Ask for DESCRIBE.")
    on_one = LogDir("/data", {TopicPartition("orders", 0): ReplicaSize(4_000_000, 0)})
    on_two = LogDir("/data", {TopicPartition("orders", 0): ReplicaSize(3_900_000, 12)})
    model.set_sizes("orders", {1: (on_one,), 2: (on_two,)})
    assert _column(model, "Size") == ["4.0 MB", "", ""]
    assert model.row(0).tip.splitlines() == ["On broker 1: 4.0 MB", "On broker 2: 3.9 MB, 12 records behind"]
    model.set_sizes("orders", {1: refused, 2: refused})
    assert _column(model, "Size") == ["authorization", "authorization", "authorization"]
    assert "Ask for DESCRIBE" in model.row(0).tip


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("retention.ms", "604800000", "7 days"),
        ("retention.ms", "86400000", "1 day"),
        ("segment.jitter.ms", "0", "0 ms"),
        ("retention.ms", "90061001", "1 d 01 h"),
        ("retention.bytes", "-1", "no limit"),
        ("segment.bytes", "1073741824", "1 GiB"),
        ("max.message.bytes", "1048588", "1.0 MB"),
        ("local.retention.ms", "-2", "as retention.ms"),
        ("flush.messages", "10", ""),
    ],
)
def test_settings_in_words(name: str, value: str, words: str) -> None:
    assert in_words(name, value) == words


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("retention.ms", " 7 d ", "604800000"),
        ("retention.ms", "1.5h", "5400000"),
        ("retention.ms", "2 Days", "172800000"),
        ("segment.bytes", "1 GiB", "1073741824"),
        ("max.message.bytes", "2 MB", "2000000"),
        ("retention.ms", "-1", "-1"),
        ("cleanup.policy", "compact,delete", "compact,delete"),
        ("a.newer.setting", "anything", "anything"),
    ],
)
def test_what_is_typed_is_meant_as_kafka_has_it(name: str, text: str, value: str) -> None:
    assert typed(name, text) == Edit(value)


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("retention.ms", "7 parsecs", "no unit"),
        ("retention.ms", "soon", "retention.ms"),
        ("cleanup.policy", "burn", "delete"),
        ("preallocate", "yes", "true or false"),
        ("min.cleanable.dirty.ratio", "1.5", "0 to 1"),
        ("segment.bytes", "99999999999999999999", "segment.bytes"),
    ],
)
def test_what_cannot_be_is_not_sent(name: str, text: str, part: str) -> None:
    assert part in typed(name, text).wrong


def test_only_what_was_set() -> None:
    model = ConfigurationModel()
    model.set_entries(_SETTINGS)
    model.set_filter(lambda row: differs(row.entry))
    assert _column(model, "Setting") == ["a.secret", "retention.ms", "segment.bytes"]
    assert _column(model, "Value") == ["(kept secret by the broker)", "1", "1048576"]
    assert _column(model, "Set by") == ["broker, static", "topic", "topic"]
    assert _column(model, "State") == ["read-only, sensitive", "", ""]


def test_edits_stay_until_they_are_sent_or_discarded() -> None:
    model = ConfigurationModel()
    model.set_entries(_SETTINGS)
    model.edit("retention.ms", "7 d")
    model.reset("segment.bytes")
    model.reset("flush.ms")  # the topic has not set it
    assert model.edits == {"retention.ms": Edit("604800000"), "segment.bytes": Edit(None)}
    assert _column(model, "Value")[2:] == ["604800000", "1073741824"]
    assert _column(model, "State")[2:] == ["was 1", "will be reset"]
    model.set_entries(_SETTINGS)
    assert set(model.edits) == {"retention.ms", "segment.bytes"}
    model.edit("retention.ms", "1")  # as it is
    assert set(model.edits) == {"segment.bytes"}
    model.set_entries(_SETTINGS[:3])  # somebody else has reset it
    assert not model.edits


def test_settings_are_sorted_by_what_they_come_to() -> None:
    model = ConfigurationModel()
    values = {"a.ms": "900", "b.ms": "10000", "c.ms": "-1", "d": "word", "e.ms": "2000"}
    model.set_entries(ConfigEntry(name, value, True, False, False) for name, value in values.items())
    model.sort(1)
    assert _column(model, "Setting") == ["a.ms", "e.ms", "b.ms", "c.ms", "d"]


def test_kafkas_documentation_is_plain_text() -> None:
    assert plain_meaning("See <code>a&lt;b</code> <a href='x'>there</a>.\n Yes") == "See a<b there. Yes"


_SETTINGS = (
    ConfigEntry("retention.ms", "1", False, False, False, ConfigSource.TOPIC, "604800000"),
    ConfigEntry("a.secret", None, False, True, True, ConfigSource.STATIC_BROKER),
    ConfigEntry("flush.ms", "2", True, False, False, ConfigSource.DEFAULT, "2"),
    ConfigEntry("segment.bytes", "1048576", False, False, False, ConfigSource.TOPIC, "1073741824"),
)
