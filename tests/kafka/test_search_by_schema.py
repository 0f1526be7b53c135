"""A search by fields of Avro and Protobuf on a real broker, in real worker processes, with a registry or without."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kexplorer import cli
from kexplorer.kafka.scan import Scan
from kexplorer.kafka.scan_pool import ScanPool
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.schemas import Part, RegistryAccess, SchemaAssignment, SchemaFormat
from kexplorer.model.search import FilterKind, FilterSpec, SearchQuery
from kexplorer.model.topics import IsolationLevel, OffsetRange, TopicPartition
from kexplorer.registry.cache import SchemaCache, WaitingSchemas, read_assigned
from kexplorer.registry.client import RegistryClient
from kexplorer.services import coverage
from kexplorer.services.search import Report, Search
from kexplorer.store.assignments import AssignmentStore
from kexplorer.store.profiles import ProfileStore
from tests.formats.test_filters_by_schema import BY_GUID, GUID, HERE, ORDER, framed, order
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent
from tests.registry.server import FakeRegistry, Running
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner

COUNT, PARTITIONS = 700, 2
FAILED = 'value.state == "FAILED" and value.total > 3.00'


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    served = FakeRegistry()
    served.add(7, ORDER)
    served.add(GUID, ORDER)
    with Running(served):
        yield served


def _sent(n: int) -> Sent:
    """Seven kinds of values in turn, orders 1 of 2 of which failed; three of the kinds cannot be decoded."""
    failed = n // 7 % 2
    payload = order(n, failed, n, f"Customer {n}")
    as_json = json.dumps({"id": n, "state": "FAILED" if failed else "PAID", "total": n / 100}).encode()
    values = (framed(7, payload), as_json, payload, b"\xffFAILED", None, framed(99, payload), framed(7, payload[:-1]))
    return Sent(n % 7 % PARTITIONS, b"k", values[n % 7], BY_GUID if n % 7 == 2 else (("trace", b"1"),), NOW + n)


@pytest.fixture
def mixed(broker: Broker, topic_name: str, monkeypatch: pytest.MonkeyPatch) -> list[Sent]:
    """In pieces of 50 records: schemas must not be asked for again with each."""
    monkeypatch.setattr(coverage, "FIRST", 50)
    monkeypatch.setattr(coverage, "LARGEST", 50)
    monkeypatch.setattr(coverage, "_TAIL", 10)
    direct.create(broker.bootstrap, topic_name, PARTITIONS)
    return direct.produce(broker.bootstrap, topic_name, [_sent(n) for n in range(COUNT)])


def _processes() -> Executor:
    return ScanPool(2)


async def _searched(
    broker: Broker,
    topic: str,
    text: str,
    cache: SchemaCache,
    sent: Sequence[Sent],
    open_executor: Callable[[], Executor] = _processes,
) -> tuple[list[tuple[int, int]], Report]:
    ends = {p: max(s.offset for s in sent if s.partition == p) + 1 for p in {s.partition for s in sent}}
    ranges = tuple(OffsetRange(TopicPartition(topic, p), 0, end) for p, end in ends.items())
    query = SearchQuery(ranges, FilterSpec(text, FilterKind.EXPRESSION), NOW)
    scan = Scan(
        Profile("test", broker.bootstrap),
        Credentials(),
        query.filter,
        NOW,
        IsolationLevel.READ_UNCOMMITTED,
        schemas=WaitingSchemas(cache),
    )
    search, found = Search(query, scan, open_executor), []
    async with asyncio.timeout(100):
        while (batch := await search.next_batch()) is not None:
            found += [(record.partition, record.offset) for record in batch.records]
    return sorted(found), search.report()


def _cache(registry: FakeRegistry) -> SchemaCache:
    return SchemaCache(RegistryClient(RegistryAccess(registry.url)))


def _failed(sent: Sequence[Sent], kinds: set[int]) -> list[tuple[int, int]]:
    return sorted(
        (each.partition, each.offset) for n, each in enumerate(sent) if n % 7 in kinds and n // 7 % 2 and n / 100 > 3
    )


@pytest.mark.kafka
def test_a_topic_of_everything(
    aio: LoopRunner, broker: Broker, topic_name: str, mixed: list[Sent], registry: FakeRegistry
) -> None:
    """Enums and decimals of Avro, framed and by header, beside JSON; what cannot be decoded is counted and told."""
    found, report = aio.run(_searched(broker, topic_name, FAILED, _cache(registry), mixed))
    assert found == _failed(mixed, {0, 1, 2})
    assert report.progress.records == COUNT
    assert report.undecoded
    assert report.undecoded.records == 2 * COUNT // 7  # an unknown id, a payload cut short
    assert not report.complete
    text = "\n".join(report.lines())
    assert "everything was scanned" in text
    assert f"{2 * COUNT // 7} records could not be decoded" in text
    assert f"First {topic_name}, partition" in text
    assert len(registry.asked) <= 2 * 3  # by each worker for each schema, however many pieces there are


@pytest.mark.kafka
def test_a_registry_that_is_down(
    aio: LoopRunner, broker: Broker, topic_name: str, mixed: list[Sent], registry: FakeRegistry
) -> None:
    registry.odd["/schemas/ids/7"] = registry.odd[f"/schemas/guids/{GUID}"] = (503, {}, b"down for a while")
    registry.odd["/schemas/ids/99"] = (503, {}, b"down for a while")
    found, report = aio.run(_searched(broker, topic_name, FAILED, _cache(registry), mixed))
    assert found == _failed(mixed, {1})
    assert report.undecoded
    assert report.undecoded.records == 4 * COUNT // 7
    assert "answered 503: down for a while" in report.undecoded.why
    assert len(registry.asked) < 10  # it is asked again every half minute


@pytest.mark.kafka
def test_a_registry_that_does_not_answer(
    aio: LoopRunner, broker: Broker, topic_name: str, mixed: list[Sent], registry: FakeRegistry
) -> None:
    """It is waited for once, up to its time limit, and not for each record."""
    registry.delay = 2.0
    cache = SchemaCache(RegistryClient(RegistryAccess(registry.url), 0.2))
    found, report = aio.run(_searched(broker, topic_name, FAILED, cache, mixed, lambda: ThreadPoolExecutor(1)))
    assert found == _failed(mixed, {1})
    assert report.undecoded
    assert "did not answer within 0.2 s" in report.undecoded.why
    assert len(registry.asked) < 10


@pytest.mark.kafka
def test_only_what_the_filter_asks_for_is_decoded(
    aio: LoopRunner, broker: Broker, topic_name: str, mixed: list[Sent], registry: FakeRegistry
) -> None:
    found, report = aio.run(_searched(broker, topic_name, "value == null", _cache(registry), mixed))
    assert len(found) == COUNT // 7
    assert report.complete
    everywhere = "partition == 1 and size > 0"
    registry.asked.clear()
    found, report = aio.run(_searched(broker, topic_name, everywhere, _cache(registry), mixed))
    assert found == sorted((s.partition, s.offset) for s in mixed if s.partition == 1 and s.value)
    assert report.complete
    assert not registry.asked


@pytest.mark.kafka
def test_a_file_without_a_registry(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    values = [b"\x0a\x04A-12\x10" + bytes([n]) + b"\x70" + bytes([n % 3]) for n in range(90)]
    direct.create(broker.bootstrap, topic_name)
    sent = direct.produce(broker.bootstrap, topic_name, [Sent(0, None, value) for value in values])
    file = SchemaAssignment(
        topic_name, Part.VALUE, SchemaFormat.PROTOBUF, str(HERE / "order.proto"), "shop.orders.Order"
    )
    cache = SchemaCache(assigned=read_assigned([file]))
    found, report = aio.run(_searched(broker, topic_name, 'value.level == "HIGH"', cache, sent))
    assert found == [(0, n) for n in range(90) if n % 3 == 2]
    assert report.complete


def _run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kexplorer", "search", *arguments, "--workers", "1"]
    environment: dict[str, Any] = {**os.environ, "XDG_CONFIG_HOME": str(home)}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


@pytest.mark.kafka
def test_the_command_line_uses_the_schemas_of_a_profile(
    broker: Broker, topic_name: str, tmp_path: Path, registry: FakeRegistry
) -> None:
    """Those of its registry and those of files; without them it says what it could not decode."""
    values = [framed(7, order(n, n % 2, n, "a")) for n in range(20)]
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, [Sent(0, b"\x2a", value) for value in values])
    home = tmp_path / "kexplorer"
    ProfileStore(home / "clusters.toml").add(Profile("prod", broker.bootstrap, registry_url=registry.url))
    (tmp_path / "key.avsc").write_text('"long"')
    keys = SchemaAssignment(topic_name, Part.KEY, SchemaFormat.AVRO, str(tmp_path / "key.avsc"))
    AssignmentStore("prod", home / "schemas.json").assign(keys)
    asked = ("--filter", 'value.state == "FAILED" and key == 21', "--format", "count")
    done = _run(tmp_path, topic_name, "--profile", "prod", *asked)
    assert (done.returncode, done.stdout, done.stderr) == (cli.FOUND, "10\n", "")
    done = _run(tmp_path, topic_name, "--bootstrap", broker.bootstrap, "--filter", "value.id == 3")
    assert (done.returncode, done.stdout) == (cli.FAILED, "")
    assert "20 records could not be decoded" in done.stderr
    assert "no registry is configured" in done.stderr
