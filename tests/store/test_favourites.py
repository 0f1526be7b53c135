"""Favourites by connection: kept, shared between windows, never overwritten when damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kexplorer.model.failure import Failure
from kexplorer.store.favourites import FavouriteStore
from tests.rig.loops import LoopRunner


def test_marks_are_kept_by_connection(aio: LoopRunner, tmp_path: Path) -> None:
    file = tmp_path / "favourites.json"
    shop, lab = FavouriteStore("shop", file), FavouriteStore("lab", file)
    assert aio.run(shop.load()) == frozenset()
    assert aio.run(shop.mark(["orders", "audit"], True)) == {"orders", "audit"}
    assert aio.run(FavouriteStore("shop", file).mark(["payments"], True)) == {"orders", "audit", "payments"}
    assert aio.run(lab.load()) == frozenset()
    assert aio.run(shop.mark(["orders", "never"], False)) == {"audit", "payments"}
    assert aio.run(shop.mark(["audit", "payments"], False)) == frozenset()
    assert json.loads(file.read_text()) == {}


def test_they_follow_their_connection(aio: LoopRunner, tmp_path: Path) -> None:
    file = tmp_path / "favourites.json"
    aio.run(FavouriteStore("shop", file).mark(["orders"], True))
    aio.run(FavouriteStore("lab", file).mark(["tests"], True))
    FavouriteStore("shop", file).rename("store")
    assert aio.run(FavouriteStore("store", file).load()) == {"orders"}
    FavouriteStore("store", file).forget()
    FavouriteStore("nobody", file).forget()
    FavouriteStore("nobody", file).rename("somebody")
    assert json.loads(file.read_text()) == {"lab": ["tests"]}


@pytest.mark.parametrize("content", ["[]", "{", "7"])
def test_a_damaged_file_stays(aio: LoopRunner, tmp_path: Path, content: str) -> None:
    file = tmp_path / "favourites.json"
    file.write_text(content)
    store = FavouriteStore("shop", file)
    for work in (store.load(), store.mark(["orders"], True)):
        with pytest.raises(Failure, match="damaged"):
            aio.run(work)
    assert file.read_text() == content


def test_what_is_no_topic_is_passed_over(aio: LoopRunner, tmp_path: Path) -> None:
    file = tmp_path / "favourites.json"
    file.write_text(json.dumps({"shop": ["orders", 3, None], "lab": "x"}))
    assert aio.run(FavouriteStore("shop", file).load()) == {"orders"}
    assert aio.run(FavouriteStore("lab", file).load()) == frozenset()
