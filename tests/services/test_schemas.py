"""Schemas for the window: nothing waits, and what was missing is there after `prepare`."""

import asyncio
import time
from pathlib import Path

import pytest

from kexplorer.formats.decode import decode
from kexplorer.formats.decoded import Decoded
from kexplorer.formats.text import Kind
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.model.schemas import Part, SchemaAssignment, SchemaFormat
from kexplorer.services.schemas import Schemas, open_schemas
from kexplorer.store.assignments import AssignmentStore
from tests.registry.server import FakeRegistry, Running
from tests.rig.loops import LoopRunner

DATA = b"\x00\x00\x00\x00\x07\x02"


def test_decode_prepare_decode(aio: LoopRunner) -> None:
    registry = FakeRegistry(authorization="Basic cmVhZGVyOnNlY3JldA==", delay=1.0)
    registry.add(7, '"long"')
    with Running(registry):
        profile = Profile("p", "localhost:9092", registry_url=registry.url, registry_username="reader")
        schemas = aio.run(open_schemas(profile, "secret"))
        start = time.perf_counter()
        first = decode(DATA, schemas=schemas)
        assert time.perf_counter() - start < 0.9
        assert (first.kind, first.awaits) == (Kind.FRAMED, 7)
        aio.run(schemas.prepare([7, 7, 8]))
        assert decode(DATA, schemas=schemas).text == "1"
        assert decode(b"\x00\x00\x00\x00\x08\x02", schemas=schemas).awaits is None
        assert sorted(registry.asked) == ["/schemas/ids/7", "/schemas/ids/8"]
        assert decode(DATA, schemas=schemas.for_workers()).text == "1"


def test_the_loop_goes_on_while_a_registry_is_slow(aio: LoopRunner) -> None:
    registry = FakeRegistry(delay=0.5)

    async def work() -> int:
        schemas = await open_schemas(Profile("p", "localhost:9092", registry_url=registry.url), "")
        task = asyncio.create_task(schemas.prepare(range(1, 5)))
        beats = 0
        while not task.done():
            await asyncio.sleep(0.01)
            beats += 1
        return beats

    with Running(registry):
        assert aio.run(work()) > 10


def test_without_a_registry(aio: LoopRunner) -> None:
    schemas = aio.run(open_schemas(Profile("p", "localhost:9092"), ""))
    aio.run(schemas.prepare([7]))
    decoded = decode(DATA, schemas=schemas)
    assert decoded.why == "Schema Registry framing, schema id 7; no registry is configured"
    assert decoded.awaits is None
    assert decode(DATA, schemas=Schemas()).why == decoded.why


def test_an_assigned_file_is_read_kept_and_decoded_by(aio: LoopRunner, tmp_path: Path) -> None:
    """With a registry or without one, and when the program is started again."""
    file = tmp_path / "count.avsc"
    file.write_text('"long"', "utf-8")
    counts = SchemaAssignment("counts*", Part.VALUE, SchemaFormat.AVRO, str(file))
    store = AssignmentStore("p", tmp_path / "schemas.json")
    profile = Profile("p", "localhost:9092")
    schemas = aio.run(open_schemas(profile, "", store))
    assert decode(b"\x02", schemas=schemas, topic="counts-eu").kind is Kind.BINARY
    aio.run(schemas.assign(counts))
    assert decode(b"\x02", schemas=schemas, topic="counts-eu").text == "1"
    assert decode(b"\x02", schemas=schemas.for_workers(), topic="counts-eu").text == "1"
    again = aio.run(open_schemas(profile, "", store))
    assert again.assignment("counts-eu", Part.VALUE) == counts
    assert again.assignment("counts-eu", Part.KEY) is None
    assert decode(b"\x02", schemas=again, topic="counts-eu").text == "1"
    aio.run(again.unassign(counts))
    assert decode(b"\x02", schemas=again, topic="counts-eu").kind is Kind.BINARY
    assert aio.run(open_schemas(profile, "", store)).assignment("counts-eu", Part.VALUE) is None


def test_a_file_that_cannot_be_used_changes_nothing(aio: LoopRunner, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.avsc", tmp_path / "bad.avsc"
    good.write_text('"long"', "utf-8")
    bad.write_text('{"type":\n "long",}', "utf-8")
    store = AssignmentStore("p", tmp_path / "schemas.json")
    schemas = aio.run(open_schemas(Profile("p", "localhost:9092"), "", store))
    aio.run(schemas.assign(SchemaAssignment("counts", Part.VALUE, SchemaFormat.AVRO, str(good))))
    with pytest.raises(Failure, match=r"bad.avsc: the schema is not JSON: .* line 2 column"):
        aio.run(schemas.assign(SchemaAssignment("counts", Part.VALUE, SchemaFormat.AVRO, str(bad))))
    assert decode(b"\x02", schemas=schemas, topic="counts").text == "1"
    assert [each.file for each in store.load().assignments] == [str(good)]


def test_what_cannot_be_kept_does_not_count(aio: LoopRunner, tmp_path: Path) -> None:
    file = tmp_path / "count.avsc"
    file.write_text('"long"', "utf-8")
    store = AssignmentStore("p", tmp_path / "schemas.json")
    store.path.write_text("[]", "utf-8")
    schemas = aio.run(open_schemas(Profile("p", "localhost:9092"), "", store))
    assert "of a version that is not known" in schemas.failures[0].message
    with pytest.raises(Failure) as refused:
        aio.run(schemas.assign(SchemaAssignment("counts", Part.VALUE, SchemaFormat.AVRO, str(file))))
    assert refused.value.message == schemas.failures[0].message
    assert schemas.assignment("counts", Part.VALUE) is None


def test_a_schema_is_tried_on_a_record(aio: LoopRunner, tmp_path: Path) -> None:
    file = tmp_path / "count.avsc"
    file.write_text('"long"', "utf-8")
    counts = SchemaAssignment("count*", Part.VALUE, SchemaFormat.AVRO, str(file))
    schemas = Schemas()
    fits = aio.run(schemas.tried(counts, "counts", b"\x02"))
    assert isinstance(fits, Decoded)
    assert (fits.kind, fits.text) == (Kind.AVRO, "1")
    framed = aio.run(schemas.tried(counts, "counts", DATA))
    assert isinstance(framed, Decoded)
    assert framed.text == "1"
    why = aio.run(schemas.tried(counts, "counts", b"\x02\x02"))
    assert isinstance(why, str)
    assert why.endswith("1 bytes are left over after byte 1")
    assert schemas.assignment("counts", Part.VALUE) is None
    file.unlink()
    with pytest.raises(Failure, match="No such file"):
        aio.run(schemas.tried(counts, "counts", b"\x02"))


def test_a_json_schema_is_tried_on_a_record(aio: LoopRunner, tmp_path: Path) -> None:
    file = tmp_path / "note.schema.json"
    file.write_text('{"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}', "utf-8")
    notes = SchemaAssignment("notes", Part.VALUE, SchemaFormat.JSON, str(file))

    def notes_of(sample: bytes) -> tuple[str, ...]:
        found = aio.run(Schemas().tried(notes, "notes", sample))
        assert isinstance(found, Decoded)
        assert found.kind is Kind.JSON
        return found.also

    assert notes_of(b'{"id": 7}') == ()
    assert notes_of(b'\0\0\0\0\x07{"id": 7}') == ()
    (misfit,) = notes_of(b'{"id": "7"}')
    assert misfit.startswith("it does not fit the schema: ")
    assert "id" in misfit
    assert "does not fit" in notes_of(b"{}")[0]
    (large,) = notes_of(b'{"id": 7, "text": "' + b"x" * 70_000 + b'"}')
    assert "not held to the schema" in large


def test_a_registry_that_cannot_be_asked_is_told_and_the_files_serve(aio: LoopRunner, tmp_path: Path) -> None:
    file = tmp_path / "count.avsc"
    file.write_text('"long"', "utf-8")
    store = AssignmentStore("p", tmp_path / "schemas.json")
    store.assign(SchemaAssignment("counts", Part.VALUE, SchemaFormat.AVRO, str(file)))
    schemas = aio.run(open_schemas(Profile("p", "localhost:9092", registry_url="http://registry.example"), "", store))
    assert [failure.message for failure in schemas.failures] == [
        "The registry's address http://registry.example is not https."
    ]
    assert decode(b"\x02", schemas=schemas, topic="counts").text == "1"
    aio.run(schemas.prepare([7]))
    assert decode(DATA, schemas=schemas).why == (
        "Schema Registry framing, schema id 7; the registry's address http://registry.example is not https"
    )
