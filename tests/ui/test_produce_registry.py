"""From a real registry's schema to a broker and back: what is composed is what other people's codecs read."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fastavro
import pytest

from kexplorer.formats.decode import decode
from kexplorer.formats.text import Kind
from kexplorer.model.profile import Profile
from kexplorer.model.records import Record
from kexplorer.services.catalog import Catalog
from kexplorer.services.changes import Changes
from kexplorer.services.jobs import Jobs
from kexplorer.services.schemas import open_schemas
from kexplorer.services.sessions import Session
from kexplorer.store.templates import TemplateStore
from kexplorer.ui.panels.produce import ProducePanel
from kexplorer.ui.widgets.payload_forms import Form
from tests.formats.test_encode_protobuf import EVERYTHING
from tests.formats.test_protobuf import COMMON, ORDER, Order
from tests.kafka.direct import connected, create
from tests.registry import apicurio
from tests.registry.test_real import _register
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.memory_audit import MemoryAudit
from tests.ui.test_produce_broker import _found
from tests.ui.test_produce_schemas import _choose, _subject

pytestmark = [
    pytest.mark.usefixtures("qtbot"),
    pytest.mark.slow,
    pytest.mark.timeout(1000),  # the first run fetches the registry
    pytest.mark.skipif(bool(apicurio.missing()), reason=f"no registry can be run: {apicurio.missing()}"),
]

MONEY = '{"type": "record", "name": "Money", "namespace": "shop", "fields": [{"name": "cents", "type": "long"}]}'
BILL: dict[str, Any] = {
    "type": "record",
    "name": "Bill",
    "namespace": "shop",
    "fields": [
        {"name": "total", "type": "shop.Money"},
        {"name": "fee", "type": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}},
        {"name": "note", "type": ["null", "string"], "default": None},
    ],
}
NOTE = '{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "required": ["id"]}'


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    apicurio.fetch()
    with apicurio.running() as url:
        yield url


def test_what_is_composed_by_a_real_registry_is_read_by_all(
    qtloop: LoopRunner, broker: Broker, topic_name: str, registry: str, tmp_path: Path
) -> None:
    create(broker.bootstrap, topic_name, 4)
    _register(registry, "money", MONEY)
    _register(registry, "common", COMMON, "PROTOBUF")
    ids = [
        _register(registry, f"{topic_name}-value", json.dumps(BILL), shop__Money="money"),
        _register(registry, "shapes", ORDER, "PROTOBUF", common__proto="common"),
        _register(registry, "notes", NOTE, "JSON"),
    ]

    async def compose() -> tuple[list[Record], list[tuple[Kind, str | None]]]:
        profile = Profile("shop", broker.bootstrap, registry_url=registry)
        async with connected(broker.bootstrap) as cluster:
            schemas = await open_schemas(profile, "")
            session = replace(Session(cluster, Catalog(cluster), Changes(cluster, MemoryAudit())), schemas=schemas)

            async def opened() -> Session:
                return session

            store = TemplateStore(tmp_path / "templates.json")
            panel = ProducePanel(profile, topic_name, opened, Jobs(), store, lambda *_: None, lambda *_: None)
            panel.show()
            try:
                await until(lambda: panel.compose.editor.topic.known)
                value = panel.compose.editor.value
                _choose(value, Form.AVRO)
                for subject, message, text in (
                    ("", "", '{"total": {"cents": 1152921504606846976}, "fee": 12.5}'),
                    ("shapes", "shop.orders.Order", EVERYTHING),
                    ("notes", "", '{"id": 1.10 }'),
                ):
                    if subject:
                        _subject(value, subject)
                    await value.settled()
                    if message:
                        value.schema.message.setCurrentText(message)
                        value.schema.message.activated.emit(0)
                    value.edit.write(text)
                    panel.compose.send()
                    await until(panel.compose.send_button.isEnabled)
                    assert panel.compose.strip.failure is None
            finally:
                await panel.close_panel()
                panel.deleteLater()
            found = sorted(await _found(cluster, topic_name), key=lambda record: (record.value or b"")[1:5])
            read = [decode(record.value, None, schemas, topic_name) for record in found]
            return found, [(each.kind, each.text) for each in read]

    records, read = qtloop.run(compose())
    bill, order, note = (record.value or b"" for record in records)
    assert [int.from_bytes(each[1:5]) for each in (bill, order, note)] == ids
    assert read[0] == (Kind.AVRO, '{"total":{"cents":1152921504606846976},"fee":12.50,"note":null}')
    assert (read[1][0], json.loads(read[1][1] or "")) == (Kind.PROTOBUF, json.loads(EVERYTHING))
    assert read[2] == (Kind.JSON, '{"id": 1.10 }')
    fastavro_schema = fastavro.parse_schema([json.loads(MONEY), BILL])
    official: Any = fastavro.schemaless_reader(io.BytesIO(b"\x02" + bill[5:]), fastavro_schema)
    assert (official["total"], str(official["fee"]), official["note"]) == ({"cents": 2**60}, "12.50", None)
    assert order[5:7] == b"\x02\x02"  # the second message of the file
    assert Order.FromString(order[7:]).id == "é"
