"""The command palette: the best first, what was used last before it, and keys for all of it."""

from __future__ import annotations

from functools import partial

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QListView, QWidget
from pytestqt.qtbot import QtBot

from kexplorer.ui.fuzzy import score
from kexplorer.ui.icons import icon
from kexplorer.ui.palette import Entry, Palette, PaletteModel
from tests.ui.fakes import numbered


class Chosen:
    """Entries whose choice is noted."""

    def __init__(self, *titles: str) -> None:
        self.keys: list[str] = []
        self.entries = [Entry(title, title, partial(self.keys.append, title), icon("topic")) for title in titles]


def found(model: PaletteModel) -> list[str]:
    return [str(model.index(row).data()) for row in range(model.rowCount())]


@pytest.fixture
def model(qtbot: QtBot) -> PaletteModel:
    return PaletteModel()


@pytest.mark.parametrize(
    ("typed", "ranked"),
    [
        ("orders", ["orders", "orders-dlq", "eu.orders.paid", "preorders"]),
        ("ORD PAID", ["eu.orders.paid"]),
        ("paid ord", ["eu.orders.paid"]),
        ("odl", ["orders-dlq"]),
        ("eop", ["eu.orders.paid"]),
        ("sredro", []),
    ],
)
def test_the_best_come_first(model: PaletteModel, typed: str, ranked: list[str]) -> None:
    model.set_entries(Chosen("preorders", "orders-dlq", "billing", "eu.orders.paid", "orders").entries, [])
    model.search(typed)
    assert found(model) == ranked


def test_a_part_that_begins_a_word_beats_one_inside() -> None:
    inside, begins = score(["pay"], "repayments"), score(["pay"], "eu-payments")
    assert inside is not None
    assert begins is not None
    assert begins > inside


def test_what_was_used_last_comes_first_among_equals(model: PaletteModel) -> None:
    entries = Chosen("orders-1", "orders-2", "orders-3", "a better match: orders").entries
    model.set_entries(entries, ["orders-3", "orders-2"])
    assert found(model)[:2] == ["orders-3", "orders-2"]
    model.search("ord")
    assert found(model)[:3] == ["orders-3", "orders-2", "orders-1"]


def test_taking_letters_back_finds_the_others_again(model: PaletteModel) -> None:
    model.set_entries(Chosen("orders", "billing").entries, [])
    for typed, expected in (("o", ["orders"]), ("ox", []), ("o", ["orders"]), ("", ["orders", "billing"])):
        model.search(typed)
        assert found(model) == expected


def test_ten_thousand_topics_are_fifty_rows(model: PaletteModel) -> None:
    model.set_entries(Chosen(*(topic.name for topic in numbered(10_000))).entries, [])
    model.search("orders")
    assert model.rowCount() == 50
    model.search("team-07.orders.v9960")
    assert found(model)[0] == "team-07.orders.v9960"


def test_more_letters_only_look_at_what_was_left(model: PaletteModel, monkeypatch: pytest.MonkeyPatch) -> None:
    model.set_entries(Chosen(*(topic.name for topic in numbered(10_000))).entries, [])
    looked: list[str] = []

    def counting(words: list[str], text: str) -> int | None:
        looked.append(text)
        return score(words, text)

    monkeypatch.setattr("kexplorer.ui.palette.score", counting)
    model.search("v123")
    assert len(looked) == 10_000
    left = len([text for text in looked if score(["v123"], text) is not None])
    looked.clear()
    model.search("v1234")
    assert len(looked) == left < 2000


def test_by_keys_alone(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(900, 600)
    window.show()
    chosen = Chosen("orders", "order-events", "billing")
    palette = Palette(window, lambda: chosen.entries)
    palette.show_over(window)
    field = palette.findChild(QLineEdit)
    assert field
    QTest.keyClicks(field, "ord")
    QTest.keyClick(field, Qt.Key.Key_Down)
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert not palette.isVisible()
    palette.show_over(window)
    assert field.text() == ""
    QTest.keyClick(field, Qt.Key.Key_Up)  # from the first around to the last
    QTest.keyClick(field, Qt.Key.Key_Enter)
    assert chosen.keys == ["order-events", "billing"]
    assert palette.recent == ["billing", "order-events"]
    palette.show_over(window)
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert not palette.isVisible()
    assert len(chosen.keys) == 2


def test_nothing_found_says_so_and_enter_does_nothing(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    palette = Palette(window, lambda: Chosen("orders").entries)
    palette.show_over(window)
    field, rows = palette.findChild(QLineEdit), palette.findChild(QListView)
    assert field
    assert rows
    QTest.keyClicks(field, "zzz")
    assert not rows.isVisible()
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert palette.isVisible()
    assert palette.recent == []
    palette.hide()


def test_it_is_as_high_as_what_was_found(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(900, 600)
    window.show()
    palette = Palette(window, lambda: Chosen(*(f"orders-{i}" for i in range(40)), "billing").entries)
    palette.show_over(window)
    field, rows = palette.findChild(QLineEdit), palette.findChild(QListView)
    assert field
    assert rows
    whole = palette.height()
    assert whole < window.height()
    QTest.keyClicks(field, "bil")
    assert rows.viewport().height() == rows.sizeHintForRow(0)
    assert palette.height() < whole / 2
    QTest.keyClick(field, Qt.Key.Key_Escape)
    palette.show_over(window)
    assert palette.height() == whole
    palette.hide()
