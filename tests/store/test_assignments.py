"""The schema files that a person assigned to topics, in a private file that another window may write too."""

import json
import stat
from pathlib import Path

import pytest

from kexplorer.model.failure import Failure
from kexplorer.model.schemas import Part, SchemaAssignment, SchemaFormat
from kexplorer.store.assignments import AssignmentStore

ORDERS = SchemaAssignment("orders*", Part.VALUE, SchemaFormat.PROTOBUF, "/schemas/order.proto", "shop.Order")
KEYS = SchemaAssignment("orders*", Part.KEY, SchemaFormat.AVRO, "/schemas/zoë \udcff.avsc")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config" / "schemas.json"


def _write(file: Path, content: object) -> None:
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def test_round_trip_in_private(file: Path) -> None:
    store = AssignmentStore("shop", file)
    assert store.load().assignments == ()
    store.assign(ORDERS)
    store.assign(KEYS)
    assert AssignmentStore("shop", file).load().assignments == (KEYS, ORDERS)
    assert AssignmentStore("lab", file).load().assignments == ()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    store.unassign(ORDERS)
    assert store.load().assignments == (KEYS,)


def test_the_last_word_on_the_same_topics_counts_and_comes_first(file: Path) -> None:
    store = AssignmentStore("shop", file)
    for topics in ("orders*", "orders-eu", "*"):
        store.assign(SchemaAssignment(topics, Part.VALUE, SchemaFormat.AVRO, "/a.avsc"))
    again = SchemaAssignment("orders*", Part.VALUE, SchemaFormat.AVRO, "/b.avsc")
    store.assign(again)
    assert [each.topics for each in store.load().assignments] == ["orders*", "*", "orders-eu"]
    assert store.load().assignments[0] == again


def test_two_windows_write_one_file(file: Path) -> None:
    ours, theirs = AssignmentStore("shop", file), AssignmentStore("lab", file)
    ours.assign(ORDERS)
    theirs.assign(KEYS)
    AssignmentStore("shop", file).assign(KEYS)
    assert ours.load().assignments == (KEYS, ORDERS)
    assert theirs.load().assignments == (KEYS,)


def test_a_connection_is_renamed_and_goes(file: Path) -> None:
    store = AssignmentStore("shop", file)
    store.rename("boutique")  # nothing to take along
    assert not file.exists()
    store.assign(ORDERS)
    store.rename("<b>shop & more</b>")
    assert store.load().assignments == (ORDERS,)
    assert AssignmentStore("boutique", file).load().assignments == ()
    store.forget()
    assert store.load().assignments == ()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "Expecting value: line 1 column 1"),
        (b'{"version": 1,\n "connections": {"shop": []}', "line 2 column"),
        (b'{"\xff": 1}', "no JSON"),
        (b"[" * 200_000, "no JSON"),
        (b"[]", "of a version that is not known"),
        (b'{"version": 2, "connections": {}}', "of a version that is not known"),
        (b'{"version": 1}', "not lists of assignments"),
        (b'{"version": 1, "connections": {"lab": 7}}', "not lists of assignments"),
        (b" " * ((1 << 20) + 1), "is larger than 1024 kB"),
    ],
)
def test_a_damaged_file_is_told_and_not_written_over(file: Path, content: bytes, why: str) -> None:
    _write(file, content)
    store = AssignmentStore("shop", file)
    loaded = store.load()
    assert loaded.assignments == ()
    (failure,) = loaded.failures
    assert why in failure.message
    assert str(file) in failure.message
    assert failure.hint
    with pytest.raises(Failure) as refused:
        store.assign(ORDERS)
    assert str(refused.value) == str(failure)
    assert file.read_bytes() == content


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (7, "not an object of texts"),
        ({"topics": 7}, "not an object of texts"),
        ({"topics": "a", "part": "value", "format": "Avro"}, "file is missing"),
        ({"topics": "a", "part": "header", "format": "Avro", "file": "/a"}, "the part “header” is not known"),
        ({"topics": "a", "part": "key", "format": "Thrift", "file": "/a"}, "the format “Thrift” is not known"),
    ],
)
def test_one_bad_entry_costs_no_other(file: Path, entry: object, why: str) -> None:
    good = {"topics": "b", "part": "key", "format": "Avro", "file": "/b.avsc"}  # a hand left out the type's name
    _write(file, {"version": 1, "connections": {"shop": [good, entry]}})
    store = AssignmentStore("shop", file)
    loaded = store.load()
    assert [each.topics for each in loaded.assignments] == ["b"]
    assert [failure.message for failure in loaded.failures] == [f"{file}, connection “shop”, assignment 2: {why}."]
    store.assign(ORDERS)
    assert entry in json.loads(file.read_bytes())["connections"]["shop"]


def test_a_link_is_not_followed(file: Path, tmp_path: Path) -> None:
    _write(tmp_path / "theirs.json", {"version": 1, "connections": {}})
    file.parent.mkdir(mode=0o700)
    file.symlink_to(tmp_path / "theirs.json")
    with pytest.raises(Failure, match="symbolic link"):
        AssignmentStore("shop", file).assign(ORDERS)
    assert json.loads((tmp_path / "theirs.json").read_bytes())["connections"] == {}
