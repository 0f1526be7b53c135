"""What the tables of a topic's partitions and configuration say."""

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from kexplorer.model.cluster import ConfigEntry, ConfigSource
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import Broker, Partition
from kexplorer.services.topic_details import PartitionOffsets, Place
from kexplorer.ui.models.configuration import ConfigurationModel, differs, in_words
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
    assert model.summary == "3 partitions · 2 under-replicated · 1 without leader"
    assert _column(model, "Health") == ["ok", "unreadable: No.", "no leader"]
    assert _column(model, "Leader") == ["1 · 127.0.0.1:9092", "1 · 127.0.0.1:9092", "none"]
    assert _column(model, "Replicas") == ["1, 2", "2 (offline), 1", "2 (offline)"]
    assert _column(model, "Preferred") == ["yes", "no", ""]
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
    assert QGuiApplication.clipboard().text().startswith("0\tok\t1 · 127.0.0.1:9092\tyes\t1, 2\t")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("retention.ms", "604800000", "7 d"),
        ("retention.bytes", "-1", "no limit"),
        ("segment.bytes", "1073741824", "1 GiB"),
        ("max.message.bytes", "1048588", "1.0 MB"),
        ("local.retention.ms", "-2", "as retention.ms"),
        ("flush.messages", "10", ""),
    ],
)
def test_settings_in_words(name: str, value: str, words: str) -> None:
    assert in_words(ConfigEntry(name, value, True, False, False)) == words


def test_only_what_was_set() -> None:
    model = ConfigurationModel()
    model.set_rows(
        [
            ConfigEntry("retention.ms", "1", False, False, False, ConfigSource.TOPIC),
            ConfigEntry("a.secret", None, False, True, True, ConfigSource.STATIC_BROKER),
            ConfigEntry("flush.ms", "2", True, False, False, ConfigSource.DEFAULT),
        ]
    )
    model.set_filter(differs)
    assert _column(model, "Setting") == ["a.secret", "retention.ms"]
    assert _column(model, "Value") == ["(kept secret by the broker)", "1"]
    assert _column(model, "Set by") == ["broker, static", "topic"]
    assert _column(model, "Marks") == ["read-only, sensitive", ""]
