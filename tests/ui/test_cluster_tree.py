"""The tree: true to what is connected, quick to filter, and literal about names."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QAction, QGuiApplication, QPainter
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QSpinBox, QStyledItemDelegate, QStyleOptionViewItem
from pytestqt.qtbot import QtBot

from kexplorer.model.cluster import ConnectionState, Link
from kexplorer.ui.cluster_tree import ClusterTree
from kexplorer.ui.models.cluster_tree import NODE_ROLE, ClusterTreeModel, Index, Node, Section
from kexplorer.ui.panels.topic_views import View
from tests.ui.fakes import LAB, SHOP, Asked, numbered, topics

SECTIONS = list(map(str, Section))
UP = ConnectionState(Link.UP)


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def tree(qtbot: QtBot, asked: Asked) -> ClusterTree:
    tree = ClusterTree(asked)
    qtbot.addWidget(tree)
    tree.resize(260, 600)
    tree.show()
    tree.set_profiles([SHOP, LAB])
    return tree


@pytest.fixture
def model(qtbot: QtBot) -> ClusterTreeModel:
    """Watched by Qt's own judge of models: any broken promise is a failed test."""
    model = ClusterTreeModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning, model)
    model.set_profiles([SHOP, LAB])
    return model


def text(model: ClusterTreeModel, parent: QModelIndex | None = None) -> list[object]:
    """The tree below `parent` as nested lists of names."""
    parent = parent or QModelIndex()
    found: list[object] = []
    for row in range(model.rowCount(parent)):
        index = model.index(row, 0, parent)
        found.append(index.data())
        if below := text(model, index):
            found.append(below)
    return found


def connect(tree: ClusterTree | ClusterTreeModel, *names: str) -> None:
    tree.set_state("shop", UP)
    tree.set_topics("shop", topics(*names))


def test_topics_stand_below_their_cluster_in_order_of_names(model: ClusterTreeModel) -> None:
    connect(model, "orders", "billing", "Zebra", "__consumer_offsets")
    assert text(model) == ["shop", [*SECTIONS, ["billing", "orders", "Zebra"]], LAB.name]


def test_internal_topics_are_shown_when_asked_for(model: ClusterTreeModel) -> None:
    connect(model, "orders", "__consumer_offsets")
    model.show_internal(True)
    assert text(model) == ["shop", [*SECTIONS, ["__consumer_offsets", "orders"]], LAB.name]
    model.show_internal(False)
    assert text(model) == ["shop", [*SECTIONS, ["orders"]], LAB.name]


def test_disconnected_means_nothing_is_known_of_topics(model: ClusterTreeModel) -> None:
    connect(model, "orders")
    model.set_state("shop", None)
    assert text(model) == ["shop", LAB.name]
    assert model.topics("shop") == []


def test_the_model_keeps_its_promises_while_everything_changes(model: ClusterTreeModel) -> None:
    connect(model, "a", "b", "c", "d")
    model.set_state(LAB.name, UP)
    model.set_topics(LAB.name, topics("x"))
    for names in ("abd", "abcd", "", "q", "aqz", "abcd"):
        model.set_topics("shop", topics(*names))
    for needle in ("b", "", "no such", "D", ""):
        model.set_filter(needle)
    model.set_profiles([LAB, SHOP])
    assert text(model) == [
        LAB.name,
        [*SECTIONS, ["x"]],
        "shop",
        [*SECTIONS, ["a", "b", "c", "d"]],
    ]
    model.set_profiles([SHOP])
    assert text(model) == ["shop", [*SECTIONS, ["a", "b", "c", "d"]]]
    model.set_topics("unknown", topics("a"))
    model.set_state("unknown", UP)
    assert text(model) == ["shop", [*SECTIONS, ["a", "b", "c", "d"]]]


def test_a_topic_that_goes_on_existing_keeps_its_selection(tree: ClusterTree) -> None:
    connect(tree, "a", "b", "c")
    tree.view.setCurrentIndex(tree.model.index_of("shop", "b"))
    tree.set_topics("shop", topics("0", "a", "aa", "b", "d"))
    assert tree.view.currentIndex().data() == "b"
    assert tree.view.selectionModel().isSelected(tree.model.index_of("shop", "b"))
    tree.set_profiles([LAB, SHOP])
    assert tree.view.currentIndex().data() == "b"


def test_refreshing_the_same_topics_touches_no_row(tree: ClusterTree) -> None:
    tree.set_state("shop", UP)
    tree.set_topics("shop", numbered(1000))
    touched: list[str] = []
    for signal in (tree.model.rowsInserted, tree.model.rowsRemoved, tree.model.modelReset, tree.model.dataChanged):
        signal.connect(lambda *_: touched.append("touched"))
    tree.set_topics("shop", numbered(1000))
    assert touched == []


def test_one_new_topic_among_ten_thousand_is_one_inserted_row(model: ClusterTreeModel) -> None:
    model.set_state("shop", UP)
    model.set_topics("shop", numbered(10_000))
    changes: list[int] = []
    model.rowsInserted.connect(lambda _, first, last: changes.append(last - first + 1))
    model.rowsRemoved.connect(lambda _, first, last: changes.append(first - last - 1))
    model.set_filter("team-20")
    changes.clear()
    model.set_topics("shop", [*numbered(10_000), *topics("team-20.orders.new")])
    assert changes == [1]


def test_the_filter_ignores_case_and_expands_what_it_finds(tree: ClusterTree) -> None:
    connect(tree, "Orders", "order-events", "billing")
    tree.view.collapseAll()
    tree.filter.setText(" ORDER ")
    tree.filter.returnPressed.emit()
    assert text(tree.model) == ["shop", [*SECTIONS, ["order-events", "Orders"]], LAB.name]
    assert tree.view.isExpanded(tree.model.index_of("shop"))
    assert tree.view.isExpanded(tree.model.index_of("shop", section=Section.TOPICS))
    node: Node = tree.model.index_of("shop", section=Section.TOPICS).data(NODE_ROLE)
    assert (node.found, node.total) == (2, 3)
    tree.filter.clear()
    assert len(tree.model.topics("shop")) == 3
    assert not tree.view.isExpanded(tree.model.index_of("shop"))  # as it was before


def test_ten_thousand_topics_have_a_thousand_rows_that_the_filter_moves_at_once(
    model: ClusterTreeModel,
) -> None:
    model.set_state("shop", UP)
    model.set_topics("shop", numbered(10_000))
    steps: list[str] = []
    model.rowsInserted.connect(lambda *_: steps.append("in"))
    model.rowsRemoved.connect(lambda *_: steps.append("out"))
    model.modelReset.connect(lambda: steps.append("reset"))
    topics_row = model.index_of("shop", section=Section.TOPICS)
    assert model.rowCount(topics_row) == 1001
    assert model.index(1000, 0, topics_row).data() == "9,000 more"
    model.set_filter("v12")
    assert model.rowCount(model.index_of("shop", section=Section.TOPICS)) == 111
    assert len(steps) <= 2
    assert "reset" not in steps


def test_only_rows_that_are_seen_are_painted(tree: ClusterTree) -> None:
    painted: list[str] = []

    class Counting(QStyledItemDelegate):
        def paint(self, _painter: QPainter, _option: QStyleOptionViewItem, index: Index) -> None:
            painted.append(index.data())

    delegate = Counting(tree.view)
    tree.view.setItemDelegate(delegate)
    tree.set_state("shop", UP)
    tree.set_topics("shop", numbered(10_000))
    tree.grab()
    assert 10 < len(painted) < 100


def test_the_row_is_found_again_after_the_filter(tree: ClusterTree) -> None:
    connect(tree, "orders", "billing")
    tree.view.setCurrentIndex(tree.model.index_of("shop", "orders"))
    for needle in ("no such topic", ""):
        tree.filter.setText(needle)
        tree.filter.returnPressed.emit()
    assert tree.view.currentIndex().data() == "orders"


def test_enter_and_double_click_open(tree: ClusterTree, asked: Asked) -> None:
    lab = tree.model.index_of(LAB.name)
    tree.view.setCurrentIndex(lab)
    QTest.keyClick(tree.view, Qt.Key.Key_Return)
    connect(tree, "orders")
    tree.view.setCurrentIndex(tree.model.index_of("shop", section=Section.TOPICS))
    QTest.keyClick(tree.view, Qt.Key.Key_Enter)
    index = tree.model.index_of("shop", "orders")
    at = tree.view.visualRect(index).center()
    QTest.mouseClick(tree.view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseDClick(tree.view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert asked.calls == [("connect", LAB.name), ("open topics", "shop"), ("open_topic", "shop", "orders")]


def test_the_context_menu_offers_what_is_possible(tree: ClusterTree, asked: Asked) -> None:
    connect(tree, "orders")

    def menu(index: QModelIndex) -> dict[str, QAction]:
        node = tree.model.node(index)
        assert node
        return {action.text(): action for action in tree.menu_of(node).actions() if action.text()}

    assert list(menu(tree.model.index_of(LAB.name))) == [
        *("Open topics", "Connect", "Edit…", "Duplicate…", "Copy name", "Delete…"),
    ]
    assert "Disconnect" in menu(tree.model.index_of("shop"))
    topic = tree.model.node(tree.model.index_of("shop", "orders"))
    assert topic
    actions = menu(tree.model.index_of("shop", "orders"))
    for text in ("Open messages", "Produce messages", "Partitions and configuration", "Copy name"):
        actions[text].trigger()
    assert asked.calls == [(name, "shop", "orders") for name in ("open_topic", "open_produce", "open_details")]
    assert QGuiApplication.clipboard().text() == "orders"


def test_a_topic_leads_to_its_other_views(tree: ClusterTree, asked: Asked) -> None:
    connect(tree, "orders")
    topic = tree.model.node(tree.model.index_of("shop", "orders"))
    assert topic
    actions = {action.text(): action for action in tree.menu_of(topic).actions()}
    for view in View:
        actions[view].trigger()
    assert asked.calls == [("open_view", "shop", view, "orders") for view in View]


def test_names_that_look_like_markup_are_literal(tree: ClusterTree) -> None:
    index = tree.model.index_of(LAB.name)
    assert index.data() == "<b>lab & more</b>"
    tip = index.data(Qt.ItemDataRole.ToolTipRole)
    assert tip.startswith("&lt;b&gt;lab &amp; more&lt;/b&gt;")
    assert "Read-only" in tip


def test_what_a_profile_forbids_is_marked_and_told(tree: ClusterTree) -> None:
    free, guarded = replace(LAB, read_only=False), replace(LAB, read_only=False, production=True)
    pictures = []
    for profile in (free, guarded, replace(guarded, read_only=True)):
        tree.set_profiles([profile])
        pictures.append(tree.view.grab().toImage())
    assert pictures[0] != pictures[1] != pictures[2]
    tip = tree.model.index_of(LAB.name).data(Qt.ItemDataRole.ToolTipRole)
    assert tip.endswith("Production\nRead-only")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (None, "Not connected"),
        (ConnectionState(Link.CONNECTING), "Connecting"),
        (ConnectionState(Link.UP), "Connected"),
        (ConnectionState(Link.DEGRADED, "b2: refused"), "Degraded: b2: refused"),
        (ConnectionState(Link.DOWN, "<i>no route</i>"), "Unreachable: &lt;i&gt;no route&lt;/i&gt;"),
    ],
)
def test_the_link_is_told_in_words(tree: ClusterTree, state: ConnectionState | None, words: str) -> None:
    tree.set_state("shop", state)
    tip = tree.model.index_of("shop").data(Qt.ItemDataRole.ToolTipRole)
    assert words in tip.split("\n")


def test_each_link_looks_different(tree: ClusterTree, qtbot: QtBot) -> None:
    tree.view.clearSelection()
    seen = set()
    for link in (None, *Link):
        tree.set_state("shop", ConnectionState(link) if link else None)
        if link == Link.CONNECTING:
            assert picture(tree) == picture(tree)  # still blank: no spinner for who answers at once
            qtbot.waitUntil(lambda: tree._delegate.turn >= 0)
        seen.add(picture(tree))
    assert len(seen) == 5


def picture(tree: ClusterTree) -> bytes:
    image = tree.view.viewport().grab().toImage()
    return bytes(image.constBits())


def test_no_timer_runs_once_nothing_connects(tree: ClusterTree) -> None:
    tree.set_state("shop", ConnectionState(Link.CONNECTING))
    assert tree._spin.isActive()
    tree.set_state("shop", UP)
    assert not tree._spin.isActive()


def test_from_the_filter_into_the_tree_by_keys(tree: ClusterTree, asked: Asked, qtbot: QtBot) -> None:
    connect(tree, "alpha", "beta")
    tree.activateWindow()
    tree.focus_filter()
    qtbot.waitUntil(tree.filter.hasFocus)
    QTest.keyClicks(tree.filter, "bet")
    QTest.keyClick(tree.filter, Qt.Key.Key_Return)
    QTest.keyClick(tree.view, Qt.Key.Key_Return)
    assert asked.calls == [("open_topic", "shop", "beta")]
    assert tree.view.currentIndex().data() == "beta"


def test_down_leads_from_the_filter_into_the_tree_and_from_nowhere_else(tree: ClusterTree, qtbot: QtBot) -> None:
    connect(tree, "alpha", "beta")
    elsewhere = QSpinBox(tree, value=5)
    elsewhere.show()
    tree.activateWindow()
    elsewhere.setFocus()
    qtbot.waitUntil(elsewhere.hasFocus)
    QTest.keyClick(elsewhere, Qt.Key.Key_Down)
    assert elsewhere.hasFocus()
    assert elsewhere.value() == 4
    tree.focus_filter()
    QTest.keyClick(tree.filter, Qt.Key.Key_Down)
    assert tree.view.hasFocus()
    assert tree.view.currentIndex().data() == "alpha"


def test_each_section_opens_its_panel(tree: ClusterTree, asked: Asked) -> None:
    connect(tree, "orders")
    for section in Section:
        tree.view.opened.emit(tree.model.index_of("shop", section=section))
    assert asked.calls == [(f"open {section.lower()}", "shop") for section in Section]
