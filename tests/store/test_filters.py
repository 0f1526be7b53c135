"""Filters with a name: they outlive the program, other windows and what this version cannot read."""

import asyncio
import json
import stat
from pathlib import Path

import pytest

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.filter_state import filter_of, filter_state
from kexplorer.model.search import FilterKind, FilterSpec, Where
from kexplorer.store.filters import FilterStore
from tests.rig.loops import LoopRunner

FAILED = FilterSpec('value.status == "FAILED"', FilterKind.EXPRESSION)
EU = FilterSpec("eu-[0-9]+", FilterKind.REGEX, False, Where.KEY)


@pytest.fixture
def store(tmp_path: Path) -> FilterStore:
    return FilterStore(tmp_path / "config" / "filters.json")


def test_saved_replaced_deleted_and_private(aio: LoopRunner, store: FilterStore) -> None:
    assert aio.run(store.load()) == {}
    assert aio.run(store.save("failed", FAILED)) == {"failed": FAILED}
    assert list(aio.run(store.save(" Europe “€” ", EU)).items()) == [("Europe “€”", EU), ("failed", FAILED)]
    assert aio.run(FilterStore(store.path).load()) == {"Europe “€”": EU, "failed": FAILED}
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert aio.run(store.save("failed", EU)) == {"Europe “€”": EU, "failed": EU}
    assert aio.run(store.delete("Europe “€”")) == {"failed": EU}
    assert aio.run(store.delete("never there")) == {"failed": EU}


@pytest.mark.parametrize(("name", "message"), [("", "no name"), (" \n", "no name"), ("x" * 101, "100 characters")])
def test_a_name_is_needed(aio: LoopRunner, store: FilterStore, name: str, message: str) -> None:
    with pytest.raises(Failure, match=message) as told:
        aio.run(store.save(name, FAILED))
    assert told.value.kind is FailureKind.INVALID
    assert not store.path.exists()


def test_two_windows_save_at_once(aio: LoopRunner, store: FilterStore) -> None:
    async def both() -> None:
        other = FilterStore(store.path)
        await asyncio.gather(*((store, other)[n % 2].save(f"filter {n}", FAILED) for n in range(20)))

    aio.run(both())
    assert len(aio.run(store.load())) == 20


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1}', b"null", b"\xff", b"[" * 200_000])
def test_a_damaged_file_is_named_and_never_overwritten(aio: LoopRunner, store: FilterStore, content: bytes) -> None:
    store.path.parent.mkdir(mode=0o700)
    store.path.write_bytes(content)
    for work in (store.load(), store.save("failed", FAILED), store.delete("failed")):
        with pytest.raises(Failure, match="damaged") as told:
            aio.run(work)
        assert str(store.path) in told.value.message
    assert store.path.read_bytes() == content


def test_what_a_later_version_wrote_stays(aio: LoopRunner, store: FilterStore) -> None:
    later = {"name": "sounds like", "kind": "phonetic", "text": "x", "case_sensitive": True, "where": "value"}
    odd = [later, 7, {"name": 1}, {"name": "empty", **filter_state(FilterSpec(""))}]
    store.path.parent.mkdir(mode=0o700)
    store.path.write_text(json.dumps(odd))
    assert aio.run(store.save("failed", FAILED)) == {"failed": FAILED}
    assert json.loads(store.path.read_text()) == [*odd, {"name": "failed", **filter_state(FAILED)}]


def test_not_without_end(aio: LoopRunner, store: FilterStore) -> None:
    store.path.parent.mkdir(mode=0o700)
    full = [{"name": str(n), **filter_state(FAILED)} for n in range(500)]
    store.path.write_text(json.dumps(full))
    with pytest.raises(Failure, match="500 filters"):
        aio.run(store.save("one more", FAILED))
    assert len(aio.run(store.save("499", EU))) == 500


@pytest.mark.parametrize("spec", [FAILED, EU, FilterSpec("x")])
def test_a_filter_is_its_state(spec: FilterSpec) -> None:
    assert filter_of(json.loads(json.dumps(filter_state(spec)))) == spec


@pytest.mark.parametrize(
    "state", [None, "", 5, [], {}, {"text": "x"}, {**filter_state(EU), "kind": "x"}, {**filter_state(EU), "text": ""}]
)
def test_what_is_no_filter(state: object) -> None:
    assert filter_of(state) is None


def test_a_text_of_an_earlier_version_is_looked_for() -> None:
    assert filter_of("order-17") == FilterSpec("order-17")
