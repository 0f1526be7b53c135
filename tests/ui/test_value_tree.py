"""The tree of a value: all of it can be reached, however large or deep, and used by keys and menu."""

import json
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from kexplorer.formats.json_tree import JsonTree
from kexplorer.model.records import Header, Record, TimestampType
from kexplorer.model.topics import TopicPartition
from kexplorer.ui.models.value_tree import FIELD, GROUP, TYPE, VALUE, ValueTreeModel
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.inspector import Inspector
from kexplorer.ui.widgets.value_pane import Mode
from kexplorer.ui.widgets.value_tree import ValueTree
from tests.rig.waiting import took

ORDER = (
    b'{"id":9007199256746277,"status":"PAID","total":12.50,"note":null,"paid":true,'
    b'"customer":{"id":"C-1","a b":"<b>x</b>"},"items":[{"sku":"A"},{"sku":"B"}],"tags":[],"id":1}'
)


@pytest.fixture
def tree(qtbot: QtBot) -> ValueTree:
    tree = ValueTree()
    qtbot.addWidget(tree)
    tree.resize(900, 500)
    tree.show()
    return tree


@pytest.fixture
def inspector(qtbot: QtBot) -> Inspector:
    inspector = Inspector(Tasks(lambda failure: pytest.fail(str(failure))))
    qtbot.addWidget(inspector)
    inspector.resize(900, 400)
    inspector.show()
    return inspector


def record(value: bytes | None, key: bytes | None = b"k", headers: tuple[Header, ...] = ()) -> Record:
    return Record(TopicPartition("orders", 3), 84210, 1_795_400_000_000, TimestampType.CREATE_TIME, key, value, headers)


def seen(tree: ValueTree) -> Iterator[tuple[int, str, str, str]]:
    """Level and cells of the rows, from the first to the last one that can be scrolled to."""
    index = tree.rows.index(0, 0)
    while index.isValid():
        level, above = 0, index.parent()
        while above.isValid():
            level, above = level + 1, above.parent()
        yield (level, *(index.siblingAtColumn(column).data() for column in (FIELD, VALUE, TYPE)))
        index = tree.indexBelow(index)


def go_to(tree: ValueTree, *names: str) -> QModelIndex:
    """Makes the row with this way of names the current one."""
    at = QModelIndex()
    for name in names:
        rows = [tree.rows.index(row, 0, at) for row in range(tree.rows.rowCount(at))]
        at = next(index for index in rows if index.data() == name)
        tree.expand(at)
    tree.setCurrentIndex(at)
    return at


def actions(tree: ValueTree) -> dict[str, QAction]:
    menu = tree.menu()
    assert menu is not None
    return {action.text(): action for action in menu.actions() if action.text()}


def test_a_small_value_is_seen_as_a_whole(tree: ValueTree) -> None:
    tree.show_text(ORDER.decode(), partial=False)
    assert list(seen(tree)) == [
        (0, "id", "9007199256746277", "number"),
        (0, "status", '"PAID"', "string"),
        (0, "total", "12.50", "number"),
        (0, "note", "null", "null"),
        (0, "paid", "true", "boolean"),
        (0, "customer", "2 fields", "object"),
        (1, "id", '"C-1"', "string"),
        (1, "a b", '"<b>x</b>"', "string"),
        (0, "items", "2 items", "array"),
        (1, "[0]", "1 field", "object"),
        (2, "sku", '"A"', "string"),
        (1, "[1]", "1 field", "object"),
        (2, "sku", '"B"', "string"),
        (0, "tags", "0 items", "array"),
        (0, "id", "1", "number"),
    ]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("{}", (0, "value", "0 fields", "object")),
        ("12.50", (0, "value", "12.50", "number")),
        ('["a\\n\u202e"]', (0, "[0]", '"a\\n‹U+202E›"', "string")),
    ],
)
def test_what_has_one_row(tree: ValueTree, text: str, row: tuple[int, str, str, str]) -> None:
    tree.show_text(text, partial=False)
    assert list(seen(tree)) == [row]


def test_keys_move_open_and_copy(tree: ValueTree, qtbot: QtBot) -> None:
    tree.show_text('{"a":{"b":[1,2]},"s":"x\\ty"}', partial=False)
    clipboard = QGuiApplication.clipboard()
    for key, copied in (
        (Qt.Key.Key_Home, '{"b":[1,2]}'),
        (Qt.Key.Key_Down, "[1,2]"),
        (Qt.Key.Key_Left, None),
        (Qt.Key.Key_Down, "x\ty"),
        (Qt.Key.Key_Up, "[1,2]"),
        (Qt.Key.Key_Return, None),
        (Qt.Key.Key_Down, "1"),
    ):
        QTest.keyClick(tree, key)
        if copied is not None:
            with qtbot.waitSignal(tree.notice):
                QTest.keyClick(tree, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
            assert clipboard.text() == copied


def test_the_menu_copies_pins_and_filters(tree: ValueTree, qtbot: QtBot) -> None:
    tree.show_text(ORDER.decode(), partial=False)
    go_to(tree, "items", "[1]", "sku")
    actions(tree)["Copy path"].trigger()
    assert QGuiApplication.clipboard().text() == "value.items[1].sku"
    with qtbot.waitSignal(tree.pin_requested) as pinned:
        actions(tree)["Show as column"].trigger()
    assert pinned.args == ["value.items[1].sku"]
    with qtbot.waitSignal(tree.filter_requested) as filtered:
        actions(tree)['Filter: value.items[1].sku == "B"'].trigger()
    assert filtered.args == ['value.items[1].sku == "B"']


def test_what_no_expression_reaches_is_not_offered(tree: ValueTree) -> None:
    tree.show_text(ORDER.decode(), partial=False)
    tree.setCurrentIndex(tree.rows.index(0, 0))  # the first of two fields "id"
    can = {text: action.isEnabled() for text, action in actions(tree).items()}
    assert can == {"Copy value": True, "Copy path": False, "Show as column": False, "Filter on this value": False}
    tree.show_text('{"a":1}', partial=False, by_field=False)
    can = {text: action.isEnabled() for text, action in actions(tree).items()}
    assert can == {"Copy value": True, "Copy path": True, "Show as column": False, "Filter on this value": False}


@pytest.mark.parametrize(
    ("value", "offered"),
    [
        (b'{"a":1}', True),
        (b"\x00\x00\x00\x00\x07" + b'{"a":1}', True),
        (b"\x81\xa1a\x01", False),  # MessagePack has no schema: neither column nor filter reads it
    ],
)
def test_only_what_can_be_read_is_offered(inspector: Inspector, value: bytes, offered: bool) -> None:
    inspector.value.choose(Mode.TREE)
    inspector.show_record(record(value))
    go_to(inspector.value.tree, "a")
    can = [action.isEnabled() for text, action in actions(inspector.value.tree).items() if "Copy" not in text]
    assert can == [offered, offered]


def test_keys_and_headers_have_expressions_of_their_own(inspector: Inspector, qtbot: QtBot) -> None:
    data = b'{"id":"x"}'
    inspector.show_record(record(b"{}", data, (("trace id", data), ("trace id", data))))
    for tab, expected in ((1, 'key.id == "x"'), (2, 'headers["trace id"].id == "x"')):
        inspector.tabs.setCurrentIndex(tab)
        pane = inspector.key if tab == 1 else inspector._header
        pane.choose(Mode.TREE)
        with qtbot.waitSignal(inspector.filter_requested) as asked:
            actions(pane.tree)[f"Filter: {expected}"].trigger()
        assert asked.args == [expected]
    inspector.headers.selectRow(1)  # no expression reads the second of a name
    assert not actions(inspector._header.tree)["Show as column"].isEnabled()


def test_the_tree_stays_for_the_next_record_where_it_can(inspector: Inspector) -> None:
    inspector.show_record(record(ORDER))
    inspector.value.choose(Mode.TREE)
    assert inspector.value.tree.isVisible()
    inspector.show_record(record(b"text"))
    assert inspector.value.mode is Mode.TEXT
    assert inspector.value.code.isVisible()
    inspector.show_record(record(b'{"next":1}'))
    assert list(seen(inspector.value.tree)) == [(0, "next", "1", "number")]
    assert inspector.value.tree.isVisible()
    inspector.show_record(record(None))
    assert not inspector.value.tree.isVisible()


def test_more_of_a_large_value_leaves_open_what_is_open(inspector: Inspector, qtbot: QtBot) -> None:
    value = json.dumps([{"n": n, "text": "x" * 100} for n in range(3000)]).encode()
    inspector.show_record(record(value))
    pane = inspector.value
    pane.choose(Mode.TREE)
    qtbot.waitUntil(lambda: pane.tree.rows.rowCount() > 0)
    rows = pane.tree.rows.rowCount()
    assert pane._bar.isVisible()
    assert pane._part.text().startswith("The first 65,536 characters of ")
    first = pane.tree.rows.index(0, 0)
    assert first.data().startswith("[")
    pane.tree.expand(first)
    pane.tree.setCurrentIndex(pane.tree.rows.index(3, 0, first))
    number = pane.tree.currentIndex().internalId()
    pane.show_all()
    qtbot.waitUntil(lambda: pane.complete and pane.tree.rows.rowCount() != rows)
    assert pane.tree.currentIndex().internalId() == number
    assert pane.tree.isExpanded(pane.tree.rows.index(0, 0))
    assert not pane._bar.isVisible()
    assert pane.tree.rows.index(5, 0).data() == "[2,500 – 2,999]"


def test_any_of_a_hundred_thousand_elements_is_near(tree: ValueTree, qtbot: QtBot) -> None:
    text = json.dumps([{"n": n} for n in range(100_000)])
    with qtbot.waitSignal(tree.shown, timeout=30_000):
        assert took(lambda: tree.show_text(text, partial=False)) < 0.1
    assert took(lambda: tree.expand(tree.rows.index(199, 0))) < 0.2
    at = go_to(tree, "[99,500 – 99,999]", "[99999]", "n")
    assert at.siblingAtColumn(VALUE).data() == "99999"
    assert at.parent().parent().data() == "[99,500 – 99,999]"
    actions(tree)["Copy path"].trigger()
    assert QGuiApplication.clipboard().text() == "value[99999].n"


def test_a_hundred_thousand_levels(tree: ValueTree, qtbot: QtBot) -> None:
    levels = 100_000
    with qtbot.waitSignal(tree.shown, timeout=30_000):
        tree.show_text("[" * levels + "]" * levels, partial=False)
    QTest.keyClick(tree, Qt.Key.Key_Asterisk)  # would open all
    for _ in range(400):
        QTest.keyClick(tree, Qt.Key.Key_Right)
        assert 0 <= tree.visualRect(tree.currentIndex()).left() < tree.viewport().width()
    tree.copy_value()
    copied = QGuiApplication.clipboard().text()
    assert levels - 350 < copied.count("[") < levels - 100
    assert not actions(tree)["Copy path"].isEnabled()  # filters do not read so deep


def test_an_answer_about_the_last_text_is_not_shown_for_this_one(tree: ValueTree, qtbot: QtBot) -> None:
    tree.show_text(json.dumps(list(range(50_000))), partial=False)
    tree.show_text('{"a":1}', partial=False)
    qtbot.waitUntil(
        lambda: "tree of a large value" not in {each.name for each in threading.enumerate()}, timeout=30_000
    )
    QApplication.processEvents()
    assert list(seen(tree)) == [(0, "a", "1", "number")]


def test_where_the_text_stops_being_json_is_said(inspector: Inspector, qtbot: QtBot) -> None:
    value = ("[" + "1,\n" * 11_000 + "}").encode()  # beyond the lines that are looked at first
    inspector.show_record(record(value))
    pane = inspector.value
    pane.choose(Mode.TREE)
    qtbot.waitUntil(lambda: "Not read from line 11001, column 1 on" in pane._part.text())
    assert pane._bar.isVisible()
    assert not pane.complete


@pytest.mark.parametrize(
    "text", ["", "1", ORDER.decode(), json.dumps([[0] * GROUP, [0] * (GROUP + 1), {"a": [{}]}]), "[" * 50]
)
def test_the_model_keeps_the_rules_of_models(qapp: QApplication, text: str) -> None:
    model = ValueTreeModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.set_tree(JsonTree(text, partial=True), "value")
    model.set_tree(JsonTree("[]"), "value")
