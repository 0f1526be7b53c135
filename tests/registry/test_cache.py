"""What is asked of a registry how often, by a table of many records, in one process and in several."""

import pickle
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from kexplorer.formats.avro import AvroSchema
from kexplorer.formats.decode import decode
from kexplorer.formats.schemas import SchemaSource, Unavailable
from kexplorer.formats.text import Kind
from kexplorer.model.schemas import Part, RegistryAccess, SchemaAssignment, SchemaFormat, SchemaText
from kexplorer.registry import cache as module
from kexplorer.registry.cache import SchemaCache, WaitingSchemas, read_assigned
from kexplorer.registry.client import RegistryClient
from tests.registry.server import FakeRegistry, Running

HERE = Path(__file__).parent.parent / "formats" / "schemas"


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    registry = FakeRegistry()
    with Running(registry):
        yield registry


@pytest.fixture
def cache(registry: FakeRegistry) -> SchemaCache:
    return SchemaCache(RegistryClient(RegistryAccess(registry.url), 5))


def _why(source: SchemaSource, key: int) -> str:
    found = source.lookup(key)
    assert isinstance(found, Unavailable)
    return found.why


def test_a_schema_is_asked_for_once(registry: FakeRegistry, cache: SchemaCache) -> None:
    registry.add(7, '"long"')
    registry.delay = 0.2
    assert cache.lookup(7) == Unavailable(f"the registry at {registry.url} is being asked for it", awaited=True)
    assert registry.asked == []  # looking does not ask
    threads = [threading.Thread(target=cache.fetch, args=(7,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert isinstance(cache.lookup(7), AvroSchema)
    cache.fetch(7)
    assert registry.asked == ["/schemas/ids/7"]


def test_ten_thousand_records_of_an_unknown_id_ask_once(registry: FakeRegistry, cache: SchemaCache) -> None:
    for _ in range(10_000):
        cache.fetch(7)
    assert registry.asked == ["/schemas/ids/7"]
    assert _why(cache, 7) == f"the registry at {registry.url} answered 404: Schema not found"
    assert decode(b"\x00\x00\x00\x00\x07\x02", schemas=cache).why == (
        f"Schema Registry framing, schema id 7; the registry at {registry.url} answered 404: Schema not found"
    )


def test_a_failure_is_forgotten_after_a_while(
    registry: FakeRegistry, cache: SchemaCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FORGET_FAILURE", 0.05)
    cache.fetch(7)
    assert not cache.lookup(7).awaited  # type: ignore[union-attr]
    time.sleep(0.1)
    registry.add(7, '"long"')
    cache.fetch(7)
    assert isinstance(cache.lookup(7), AvroSchema)


def test_a_registry_that_is_down_is_asked_for_nothing_else(registry: FakeRegistry, cache: SchemaCache) -> None:
    registry.add(1, '"long"')
    cache.fetch(1)
    registry.odd = {f"/schemas/ids/{n}": (503, {}, b"busy") for n in range(2, 100)}
    for key in range(1, 100):
        cache.fetch(key)
    assert registry.asked == ["/schemas/ids/1", "/schemas/ids/2"]
    assert _why(cache, 99) == f"the registry at {registry.url} answered 503: busy"
    assert isinstance(cache.lookup(1), AvroSchema)


def test_bytes_that_only_look_framed_do_not_ask_for_ever(registry: FakeRegistry, cache: SchemaCache) -> None:
    for key in range(1, 5000):
        cache.fetch(key)
    assert len(registry.asked) == 50
    assert _why(cache, 4999) == "the last 50 ids were unknown to the registry, so it rests for 30 s"


def test_a_schema_that_is_not_understood_has_its_reason(registry: FakeRegistry, cache: SchemaCache) -> None:
    registry.add(7, '{"type": "record"}')
    cache.fetch(7)
    assert _why(cache, 7) == "the schema of the registry is not usable: the schema is not Avro's: KeyError 'name'"


def test_where_the_text_is_not_understood_the_compiled_form_is_asked_for(
    registry: FakeRegistry, cache: SchemaCache
) -> None:
    registry.add(7, "a language of the future", "PROTOBUF")
    registry.compiled["/schemas/ids/7"] = (HERE / "old.desc").read_bytes()
    cache.fetch(7)
    assert decode(b"\x00\x00\x00\x00\x07\x00\x08\x05", schemas=cache).text == '{"a":5}'
    assert registry.asked == ["/schemas/ids/7", "/schemas/ids/7?format=serialized"]


def test_references_and_a_message_by_its_place(registry: FakeRegistry, cache: SchemaCache) -> None:
    reference = {"name": "common.proto", "subject": "common", "version": 1}
    registry.add(7, (HERE / "order.proto").read_text("utf-8"), "PROTOBUF", [reference])
    registry.subjects["common", 1] = {"schema": (HERE / "common.proto").read_text("utf-8"), "schemaType": "PROTOBUF"}
    cache.fetch(7)
    decoded = decode(b"\x00\x00\x00\x00\x07\x02\x02\x70\x02", schemas=cache)
    assert (decoded.kind, decoded.text) == (Kind.PROTOBUF, '{"level":"HIGH"}')


def test_the_number_of_schemas_is_bounded(
    registry: FakeRegistry, cache: SchemaCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_SCHEMAS", 3)
    for key in range(1, 6):
        registry.add(key, '"long"')
        cache.fetch(key)
    assert [isinstance(cache.lookup(key), AvroSchema) for key in range(1, 6)] == [False, False, True, True, True]


def test_no_registry() -> None:
    cache = SchemaCache()
    cache.fetch(7)
    assert cache.lookup(7) == Unavailable("no registry is configured")


def _decoded(source: WaitingSchemas, data: bytes) -> str | None:
    """Runs in another process."""
    return decode(data, schemas=source, topic="orders").text


def test_a_worker_process_decodes_too(registry: FakeRegistry, cache: SchemaCache) -> None:
    registry.add(7, '"long"')
    registry.add(8, '"string"')
    cache.fetch(7)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        source = WaitingSchemas(cache)
        assert pool.submit(_decoded, source, b"\x00\x00\x00\x00\x07\x02").result(60) == "1"
        for _ in range(3):  # what a worker has learnt serves for all that the same search sends
            assert pool.submit(_decoded, source, b"\x00\x00\x00\x00\x08\x02x").result(60) == '"x"'
            assert pool.submit(_decoded, source, b"\x00\x00\x00\x00\x09\x02x").result(60) is None
    assert registry.asked == ["/schemas/ids/7", "/schemas/ids/8", "/schemas/ids/9"]  # the first went along


def test_another_search_has_the_assignments_of_its_time(tmp_path: Path) -> None:
    orders = SchemaAssignment("orders", Part.VALUE, SchemaFormat.AVRO, str(tmp_path / "a.avsc"))
    cache = SchemaCache()
    texts = []
    for schema in ('"long"', '"boolean"'):
        cache.assign(orders, SchemaText(SchemaFormat.AVRO, schema))
        first, again = (pickle.dumps(WaitingSchemas(cache)) for _ in range(2))
        texts += [_decoded(pickle.loads(each), b"\x01") for each in (first, again, first)]  # noqa: S301
    assert texts == ["-1"] * 3 + ["true"] * 3


def test_a_worker_needs_no_file_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "old.proto"
    file.write_bytes((HERE / "old.proto").read_bytes())
    assignment = SchemaAssignment("orders", Part.VALUE, SchemaFormat.PROTOBUF, str(file))
    source = WaitingSchemas(SchemaCache(assigned=read_assigned([assignment])))
    file.unlink()
    assert _decoded(pickle.loads(pickle.dumps(source)), b"\x08\x05") == '{"a":5}'  # noqa: S301


def test_an_assignment_counts_until_it_goes(tmp_path: Path) -> None:
    def long_as(logical: str) -> SchemaText:
        return SchemaText(SchemaFormat.AVRO, f'{{"type": "int", "logicalType": "{logical}"}}')

    every = SchemaAssignment("*", Part.VALUE, SchemaFormat.AVRO, str(tmp_path / "every.avsc"))
    orders = SchemaAssignment("orders*", Part.VALUE, SchemaFormat.AVRO, str(tmp_path / "orders.avsc"))
    cache = SchemaCache(assigned=[(every, long_as("date"))])
    source = WaitingSchemas(cache)
    assert _decoded(source, b"\x02") == '"1970-01-02"'
    cache.assign(orders, long_as("time-millis"))
    assert _decoded(source, b"\x02") == '"00:00:00.001"'
    assert cache.assignment("orders", Part.VALUE) == orders
    assert cache.assignment("payments", Part.VALUE) == every
    assert cache.assignment("orders", Part.KEY) is None
    assert _decoded(pickle.loads(pickle.dumps(source)), b"\x02") == '"00:00:00.001"'  # noqa: S301
    cache.assign(every, long_as("none"))  # the last word comes first
    assert _decoded(source, b"\x02") == "1"
    cache.unassign(every)
    cache.unassign(every)
    assert _decoded(source, b"\x02") == '"00:00:00.001"'
    cache.unassign(orders)
    assert cache.assigned("orders", Part.VALUE) is None
