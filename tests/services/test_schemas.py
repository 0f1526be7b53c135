"""Schemas for the window: nothing waits, and what was missing is there after `prepare`."""

import asyncio
import time

from kexplorer.formats.decode import decode
from kexplorer.formats.text import Kind
from kexplorer.model.profile import Profile
from kexplorer.services.schemas import Schemas, open_schemas
from tests.registry.server import FakeRegistry, Running
from tests.rig.loops import LoopRunner

DATA = b"\x00\x00\x00\x00\x07\x02"


def test_decode_prepare_decode(aio: LoopRunner) -> None:
    registry = FakeRegistry(authorization="Basic cmVhZGVyOnNlY3JldA==", delay=0.2)
    registry.add(7, '"long"')
    with Running(registry):
        profile = Profile("p", "localhost:9092", registry_url=registry.url, registry_username="reader")
        schemas = aio.run(open_schemas(profile, "secret"))
        start = time.perf_counter()
        first = decode(DATA, schemas=schemas)
        assert time.perf_counter() - start < 0.1
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
