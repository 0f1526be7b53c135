"""A real registry and the codecs that others write with, from the schema's text to what a person reads."""

import http.client
import io
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fastavro
import pytest

from kexplorer.demo.catalogue import PLACES
from kexplorer.demo.payloads import PAYMENT_SCHEMA, payment
from kexplorer.formats.decode import decode
from kexplorer.formats.text import Kind
from kexplorer.model.schemas import RegistryAccess
from kexplorer.registry.cache import SchemaCache
from kexplorer.registry.client import RegistryClient
from tests.registry import apicurio

HERE = Path(__file__).parent.parent / "formats" / "schemas"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1000),  # the first run fetches it
    pytest.mark.skipif(bool(apicurio.missing()), reason=f"no registry can be run: {apicurio.missing()}"),
]


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    apicurio.fetch()
    with apicurio.running() as url:
        yield url


def _register(url: str, subject: str, schema: str, kind: str = "AVRO", **references: str) -> int:
    body: dict[str, Any] = {"schema": schema, "schemaType": kind}
    body["references"] = [{"name": n.replace("__", "."), "subject": s, "version": 1} for n, s in references.items()]
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    path, headers = f"{parts.path}/subjects/{subject}/versions", {"Content-Type": "application/json"}
    connection.request("POST", path, json.dumps(body), headers)
    with connection.getresponse() as response:
        answer = json.loads(response.read())
    connection.close()
    return int(answer["id"])


def _framed(schema_id: int, payload: bytes) -> bytes:
    return b"\x00" + schema_id.to_bytes(4) + payload


def test_what_a_real_registry_knows_is_read(registry: str) -> None:
    common, order = ((HERE / f"{name}.proto").read_text("utf-8") for name in ("common", "order"))
    money = '{"type": "record", "name": "Money", "namespace": "shop", "fields": [{"name": "cents", "type": "long"}]}'
    bill = {"type": "record", "name": "Bill", "namespace": "shop", "fields": [{"name": "total", "type": "shop.Money"}]}
    note = '{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}'
    _register(registry, "money", money)
    _register(registry, "common", common, "PROTOBUF")
    ids = {
        "payment": _register(registry, "payments-value", json.dumps(PAYMENT_SCHEMA)),
        "bill": _register(registry, "bills-value", json.dumps(bill), shop__Money="money"),
        "order": _register(registry, "orders-value", order, "PROTOBUF", common__proto="common"),
        "note": _register(registry, "notes-value", note, "JSON"),
    }
    client = RegistryClient(RegistryAccess(registry))
    assert set(client.subjects()) == {"money", "common", "payments-value", "bills-value", "orders-value", "notes-value"}
    cache = SchemaCache(client)
    for key in ids.values():
        cache.fetch(key)

    paid = payment(random.Random(2), 7, PLACES[0], 1250, 1_795_402_740.0)
    decoded = decode(_framed(ids["payment"], paid[5:]), schemas=cache)
    assert decoded.why == f"Avro by Schema Registry id {ids['payment']}: “shop.payments.Payment”"
    assert '"amount":12.50' in (decoded.text or "")

    into = io.BytesIO()
    both = fastavro.parse_schema([json.loads(money), bill])
    fastavro.schemaless_writer(into, both, ("shop.Bill", {"total": {"cents": 2**60}}))
    billed = into.getvalue()[1:]  # without the number of the branch
    assert decode(_framed(ids["bill"], billed), schemas=cache).text == '{"total":{"cents":1152921504606846976}}'

    ordered = decode(_framed(ids["order"], b"\x02\x02\x0a\x01x\x70\x02"), schemas=cache)
    assert (ordered.kind, ordered.text) == (Kind.PROTOBUF, '{"id":"x","level":"HIGH"}')

    noted = decode(_framed(ids["note"], b'{"a": 1.10}'), schemas=cache)
    assert (noted.kind, noted.why) == (Kind.JSON, f"JSON, JSON Schema by Schema Registry id {ids['note']}")

    cache.fetch(999_999)
    unknown = decode(_framed(999_999, b"\x02"), schemas=cache)
    assert f"the registry at {registry} answered 404" in unknown.why
