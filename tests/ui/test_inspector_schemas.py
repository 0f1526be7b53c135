"""Values behind Schema Registry's framing: read as soon as the registry has answered, and why not if it does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.model.records import Header, Record, TimestampType
from kexplorer.model.topics import TopicPartition
from kexplorer.services.jobs import Jobs
from kexplorer.services.schemas import Schemas, open_schemas
from kexplorer.services.search import Search
from kexplorer.services.searches import Searches
from kexplorer.services.sessions import Sessions
from kexplorer.store.filters import FilterStore
from kexplorer.store.scans import ScanStore
from kexplorer.ui.panels.exporter import Exporter
from kexplorer.ui.panels.messages import MessagesPanel
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.inspector import Inspector
from kexplorer.ui.widgets.value_pane import Mode, ValuePane
from tests.registry.server import FakeRegistry, Running
from tests.rig.loops import Heartbeat, LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.services.memory_audit import MemoryAudit

ORDER = """{"type": "record", "name": "Order", "fields": [
    {"name": "id", "type": "long"}, {"name": "item", "type": "string"}]}"""
TEA, RUM = b"\x54\x06tea", b"\x56\x06rum"  # orders 42 and 43
SHOWN_TEA = '{\n  "id": 42,\n  "item": "tea"\n}'
SHOWN_RUM = SHOWN_TEA.replace("42", "43").replace("tea", "rum")


def framed(schema: int, payload: bytes) -> bytes:
    return b"\x00" + schema.to_bytes(4) + payload


def record(value: bytes, key: bytes | None = None, headers: tuple[Header, ...] = ()) -> Record:
    place = TopicPartition("orders", 0)
    return Record(place, 1, 1_795_400_000_000, TimestampType.CREATE_TIME, key, value, headers)


def text(pane: ValuePane) -> str:
    pane.code.select_all()
    return pane.code.selected_text()


def said(pane: ValuePane) -> str:
    return pane._about.whole


@pytest.fixture
def registry() -> FakeRegistry:
    found = FakeRegistry(delay=0.1)
    found.add(7, ORDER)
    found.add(8, '"string"')
    return found


@asynccontextmanager
async def _inspecting(qtbot: QtBot, url: str) -> AsyncIterator[tuple[Inspector, Schemas]]:
    def fail(failure: Failure) -> None:
        raise failure

    tasks = Tasks(fail)
    inspector = Inspector(tasks)
    qtbot.addWidget(inspector)
    inspector.resize(900, 400)
    inspector.show()
    try:
        yield inspector, await open_schemas(Profile("shop", "localhost:9092", registry_url=url), "")
    finally:
        await tasks.close()


def test_avro_is_shown_as_json_once_the_registry_has_answered(
    qtbot: QtBot, qtloop: LoopRunner, heartbeat: Heartbeat, registry: FakeRegistry
) -> None:
    registry.delay = 0.5

    async def look() -> None:
        async with _inspecting(qtbot, registry.url) as (inspector, schemas):
            heartbeat.begin()
            inspector.show_record(record(framed(7, TEA), framed(8, b"\x04k1")), schemas)
            assert "schema id 7; the registry at http://127.0.0.1" in said(inspector.value)
            assert "is being asked for it" in said(inspector.value)
            assert inspector.value.mode is Mode.HEX
            await until(lambda: inspector.value.mode is Mode.PRETTY)
            assert text(inspector.value) == SHOWN_TEA
            inspector.value.choose(Mode.TREE)
            menu = inspector.value.tree.menu()
            assert menu is not None
            offered = {action.text() for action in menu.actions() if action.isEnabled()}
            assert offered >= {"Show as column", "Filter: value.id == 42"}
            inspector.value.choose(Mode.PRETTY)
            assert "Avro by Schema Registry id 7: “Order”" in said(inspector.value)
            inspector.tabs.setCurrentIndex(1)
            await until(lambda: inspector.key.mode is Mode.PRETTY)
            assert text(inspector.key) == '"k1"'
            inspector.tabs.setCurrentIndex(0)
            inspector.show_record(record(framed(7, RUM)), schemas)  # known by now
            assert text(inspector.value) == SHOWN_RUM
            assert registry.asked == ["/schemas/ids/7", "/schemas/ids/8"]

    with Running(registry):
        qtloop.run(look())


def test_a_schema_that_the_headers_name_is_asked_for(qtbot: QtBot, qtloop: LoopRunner, registry: FakeRegistry) -> None:
    async def look() -> None:
        async with _inspecting(qtbot, registry.url) as (inspector, schemas):
            named = ("__value_schema_id", framed(7, b""))
            inspector.show_record(record(TEA, headers=(named,)), schemas)
            await until(lambda: inspector.value.mode is Mode.PRETTY)
            assert text(inspector.value) == SHOWN_TEA

    with Running(registry):
        qtloop.run(look())


def test_an_answer_for_the_last_record_does_not_replace_this_one(
    qtbot: QtBot, qtloop: LoopRunner, registry: FakeRegistry
) -> None:
    async def look() -> None:
        async with _inspecting(qtbot, registry.url) as (inspector, schemas):
            inspector.show_record(record(framed(8, b"\x04k1")), schemas)
            inspector.show_record(record(b"plain"), schemas)
            await until(lambda: not inspector._tasks.running("schema 8"))
            assert text(inspector.value) == "plain"
            inspector.show_record(record(framed(9, b"")), schemas)
            inspector.show_record(record(framed(7, RUM)), schemas)
            await until(lambda: not inspector._tasks.running("schema 9"))
            await until(lambda: not inspector._tasks.running("schema 7"))
            assert text(inspector.value) == SHOWN_RUM
            assert sorted(registry.asked) == ["/schemas/ids/7", "/schemas/ids/8", "/schemas/ids/9"]

    with Running(registry):
        qtloop.run(look())


def test_one_question_for_many_records(qtbot: QtBot, qtloop: LoopRunner, registry: FakeRegistry) -> None:
    """A person holds the arrow key down."""

    async def look() -> None:
        async with _inspecting(qtbot, registry.url) as (inspector, schemas):
            for _ in range(20):
                inspector.show_record(record(framed(7, TEA)), schemas)
                await asyncio.sleep(0)
            await until(lambda: inspector.value.mode is Mode.PRETTY)
            assert registry.asked == ["/schemas/ids/7"]

    with Running(registry):
        qtloop.run(look())


def test_an_id_that_the_registry_does_not_know_is_said(
    qtbot: QtBot, qtloop: LoopRunner, registry: FakeRegistry
) -> None:
    async def look() -> None:
        async with _inspecting(qtbot, registry.url) as (inspector, schemas):
            inspector.show_record(record(framed(404, TEA)), schemas)
            await until(lambda: "answered 404: Schema not found" in said(inspector.value))
            assert inspector.value.mode is Mode.HEX
            await until(lambda: not inspector._tasks.running("schema 404"))

    with Running(registry):
        qtloop.run(look())


def test_a_registry_that_is_down_is_said(qtbot: QtBot, qtloop: LoopRunner, registry: FakeRegistry) -> None:
    async def look() -> None:
        async with _inspecting(qtbot, registry.url) as (inspector, schemas):
            inspector.show_record(record(framed(7, TEA)), schemas)
            await until(lambda: "is not reachable: Connection refused" in said(inspector.value))
            assert inspector.value.mode is Mode.HEX

    with Running(registry):
        pass  # its port is free now
    qtloop.run(look())


def test_without_a_registry_that_is_said(qtbot: QtBot, qtloop: LoopRunner) -> None:
    async def look() -> None:
        async with _inspecting(qtbot, "") as (inspector, schemas):
            for given in (schemas, None):
                inspector.show_record(record(framed(7, TEA)), given)
                assert "no registry is configured" in said(inspector.value)

    qtloop.run(look())


def test_a_panel_reads_with_the_registry_of_its_session(
    qtbot: QtBot, qtloop: LoopRunner, registry: FakeRegistry, tmp_path: Path
) -> None:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders")
    cluster.add("orders", framed(7, TEA))

    async def connect(_: str) -> Cluster:
        return cluster

    async def schemas(_: str) -> Schemas:
        return await open_schemas(replace(cluster.profile, registry_url=registry.url), "")

    async def no_search(*_: object) -> Search:
        raise AssertionError

    async def look() -> None:
        sessions = Sessions(connect, MemoryAudit(), schemas)
        searches = Searches(
            "shop", ScanStore(tmp_path / "searches.db"), FilterStore(tmp_path / "filters.json"), no_search
        )
        panel = MessagesPanel(
            cluster.profile,
            ["orders"],
            lambda: sessions.open("shop"),
            searches,
            Exporter(Jobs(), Tasks(lambda _: None)),
        )
        panel.resize(1000, 700)
        panel.show()
        try:
            await until(lambda: panel.rows)
            panel.select_newest()
            await until(lambda: panel.inspector.value.mode is Mode.PRETTY)
            assert text(panel.inspector.value) == SHOWN_TEA
        finally:
            await panel.close_panel()
            await sessions.close_all()
            panel.deleteLater()

    with Running(registry):
        qtloop.run(look())
