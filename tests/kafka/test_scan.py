"""A search finds on a real broker what an independent reader finds, whatever log, filter and workers are."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError
from confluent_kafka import TopicPartition as ClientPartition

from kexplorer.kafka.scan import Scan
from kexplorer.kafka.scan_pool import ScanPool
from kexplorer.model.failure import FailureKind
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.records import Record, TimestampType
from kexplorer.model.search import FilterKind, FilterSpec, Piece, SearchQuery, Where
from kexplorer.model.topics import IsolationLevel, OffsetRange, TopicPartition
from kexplorer.services import coverage
from kexplorer.services.ranges import resolve
from kexplorer.services.search import Search, begun
from kexplorer.store.scans import ScanStore
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import wait

COMMITTED, UNCOMMITTED = IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED
EVERYTHING = FilterSpec("")


def _threads() -> Executor:
    return ThreadPoolExecutor(2)


def independent(bootstrap: str, topic: str, partitions: int, isolation: IsolationLevel) -> list[Record]:
    """All that a plain consumer reads."""
    settings = {
        "bootstrap.servers": bootstrap,
        "group.id": uuid.uuid4().hex,
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": isolation.value,
    }
    consumer = Consumer(settings, logger=direct.QUIET)
    consumer.assign([ClientPartition(topic, p, OFFSET_BEGINNING) for p in range(partitions)])
    found, open_ = [], set(range(partitions))
    while open_:
        message = consumer.poll(10)
        assert message is not None
        if error := message.error():
            assert error.code() == KafkaError._PARTITION_EOF
            open_.discard(message.partition() or 0)
            continue
        kind, ms = message.timestamp()
        headers: Any = tuple(map(tuple, message.headers() or ()))
        source = TopicPartition(topic, message.partition() or 0)
        found.append(
            Record(
                source,
                message.offset() or 0,
                ms,
                TimestampType(kind),
                message.key(),
                message.value(),
                headers,
                message.leader_epoch(),
            )
        )
    consumer.close()
    return sorted(found, key=lambda record: (record.partition, record.offset))


async def _searched(
    bootstrap: str,
    topic: str,
    partitions: int,
    spec: FilterSpec,
    isolation: IsolationLevel = UNCOMMITTED,
    open_executor: Callable[[], Executor] = _threads,
    *,
    newest_first: bool = True,
    during: Callable[[Search], object] = lambda search: None,
) -> tuple[list[Record], Search]:
    profile = Profile("test", bootstrap)
    async with direct.connected(bootstrap) as cluster:
        sources = [TopicPartition(topic, p) for p in range(partitions)]
        resolved = await resolve(cluster, sources, None, None, isolation, NOW)
    assert not resolved.troubles
    query = SearchQuery(resolved.ranges, spec, NOW, isolation, newest_first)
    search = Search(query, Scan(profile, Credentials(), spec, NOW, isolation), open_executor)
    found: list[Record] = []
    try:
        while (batch := await search.next_batch()) is not None:
            found += batch.records
            during(search)
    finally:
        await search.close()
    return sorted(found, key=lambda record: (record.partition, record.offset)), search


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many pieces, whose borders lie anywhere in batches and gaps."""
    monkeypatch.setattr(coverage, "FIRST", 7)
    monkeypatch.setattr(coverage, "LARGEST", 150)
    monkeypatch.setattr(coverage, "_TAIL", 5)


@pytest.fixture(params=["directly", "by the client library"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How workers in threads scan for filters that can pass over whole batches."""
    if request.param != "directly":
        monkeypatch.setattr("kexplorer.kafka.scan_directly.can_fetch", lambda profile: False)


def _odd(n: int) -> Sent:
    """Formats mixed: JSON, text, bytes, tombstones, empty ones, with and without keys and headers."""
    values = [b'{"status":"FAILED","n":%d}' % n, b"needle %d" % n, b"\xff\x00needle\xfe", None, b"", b"{broken needle"]
    keys = [None, b"", b"key-%d" % n, b"needle-key"]
    headers = [(), (("needle", None),), (("a", b"needle"), ("a", b"2")), (("x", b""),)]
    return Sent(n % 3, keys[n % 4], values[n % 6], tuple(headers[n % 5 % 4]), NOW + n)


@pytest.fixture
def mixed(broker: Broker, topic_name: str) -> str:
    """Four partitions, one empty, with transactions committed and aborted, and the start of one purged."""
    direct.create(broker.bootstrap, topic_name, 4)
    writer = direct.producer(broker.bootstrap, transactional_id=topic_name)
    writer.init_transactions(30)
    for n in range(12):
        writer.begin_transaction()
        direct.send(writer, topic_name, [_odd(k) for k in range(70 * n, 70 * n + 70)])
        (writer.abort_transaction if n % 3 == 1 else writer.commit_transaction)(30)
    direct.delete_records(broker.bootstrap, topic_name, {1: 33})
    return topic_name


def _contains(data: bytes | None, needle: bytes) -> bool:
    return data is not None and needle in data


def _in_headers(record: Record, needle: bytes) -> bool:
    return any(needle in name.encode() or _contains(value, needle) for name, value in record.headers or ())


FILTERS: list[tuple[FilterSpec, Callable[[Record], bool]]] = [
    (EVERYTHING, lambda r: True),
    (FilterSpec("needle", where=Where.VALUE), lambda r: _contains(r.value, b"needle")),
    (FilterSpec("needle", where=Where.KEY), lambda r: _contains(r.key, b"needle")),
    (FilterSpec("needle", where=Where.HEADERS), lambda r: _in_headers(r, b"needle")),
    (
        FilterSpec("needle"),
        lambda r: _contains(r.key, b"needle") or _contains(r.value, b"needle") or _in_headers(r, b"needle"),
    ),
    (
        FilterSpec("NEEDLE", case_sensitive=False, where=Where.VALUE),
        lambda r: _contains((r.value or b"").lower(), b"needle"),
    ),
    (
        FilterSpec("needle [0-9]*7$", FilterKind.REGEX, where=Where.VALUE),
        lambda r: re.search(rb"needle [0-9]*7$", r.value or b"") is not None,
    ),
    (
        FilterSpec('value.status == "FAILED" and offset % 2 == 0', FilterKind.EXPRESSION),
        lambda r: b"FAILED" in (r.value or b"") and r.offset % 2 == 0,
    ),
    (FilterSpec("value == null", FilterKind.EXPRESSION), lambda r: r.value is None),
]


@pytest.mark.kafka
@pytest.mark.usefixtures("small", "way")
@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("isolation", [COMMITTED, UNCOMMITTED])
def test_every_filter_finds_what_an_independent_reader_finds(
    aio: LoopRunner, broker: Broker, mixed: str, isolation: IsolationLevel, newest_first: bool
) -> None:
    everything = independent(broker.bootstrap, mixed, 4, isolation)
    assert len(everything) > (800 if isolation is UNCOMMITTED else 530)

    async def run() -> None:
        for spec, test in FILTERS:
            found, search = await _searched(broker.bootstrap, mixed, 4, spec, isolation, newest_first=newest_first)
            assert found == [record for record in everything if test(record)], spec
            report = search.report()
            assert report.complete, list(report.lines())
            assert report.progress.records == len(everything)

    aio.run(run())


@pytest.mark.kafka
@pytest.mark.usefixtures("small")
def test_gaps_of_compaction(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(
        broker.bootstrap,
        topic_name,
        cleanup_policy="compact",
        segment_ms=500,
        min_cleanable_dirty_ratio=0.001,
        max_compaction_lag_ms=1000,
    )
    direct.produce(
        broker.bootstrap,
        topic_name,
        [Sent(0, b"k%d" % n if n % 50 == 0 else b"same", b"needle %d" % n) for n in range(2000)],
    )
    limit = time.monotonic() + 60
    while True:  # the cleaner leaves the active segment alone: each new record rolls it
        direct.produce(broker.bootstrap, topic_name, [Sent(0, b"same", b"last", timestamp=int(time.time() * 1000))])
        everything = independent(broker.bootstrap, topic_name, 1, UNCOMMITTED)
        if len(everything) < 100 or time.monotonic() > limit:
            break
        time.sleep(0.5)
    assert 40 < len(everything) < 100
    after: list[Record] = []
    while after != everything:  # the cleaner may come in between
        everything = after or everything
        found, search = aio.run(_searched(broker.bootstrap, topic_name, 1, FilterSpec("needle")))
        after = independent(broker.bootstrap, topic_name, 1, UNCOMMITTED)
    assert found == [record for record in everything if _contains(record.value, b"needle")]
    assert search.report().complete
    assert search.coverage()[0].offsets > 2000


@pytest.mark.usefixtures("way")
def test_the_counts_are_those_of_kcat_and_grep(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    if not shutil.which("kcat"):
        pytest.skip("kcat is not installed")
    direct.create(broker.bootstrap, topic_name, 3)
    direct.produce(broker.bootstrap, topic_name, direct.rows(5000, 3))
    reading = f"kcat -C -e -q -b {broker.bootstrap} -t {topic_name} -o beginning -f '%p %o %s\\n'"
    shell = subprocess.run(["sh", "-c", f"{reading} | LC_ALL=C grep '77$'"], capture_output=True, check=True)
    theirs = sorted(tuple(map(int, line.split()[:2])) for line in shell.stdout.splitlines())
    found, _ = aio.run(
        _searched(broker.bootstrap, topic_name, 3, FilterSpec("77$", FilterKind.REGEX, where=Where.VALUE))
    )
    assert len(theirs) == 50
    assert [(record.partition, record.offset) for record in found] == theirs


def test_matches_of_a_piece_come_backwards_if_the_newest_are_wanted_first(broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, direct.rows(100))
    scan = Scan(Profile("test", broker.bootstrap), Credentials(), EVERYTHING, NOW, UNCOMMITTED, newest_first=True)
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(scan, _piece(topic_name, 10, 100)).result()
    assert [record.value for record in result.matches] == [b"%010d" % n for n in range(99, 9, -1)]


@pytest.mark.usefixtures("way")
def test_headers_that_are_not_text(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, [Sent(0, b"k", b"before %d" % n, (("x", b"1"),)) for n in range(500)])
    direct.produce_raw_header(broker.bootstrap, topic_name, b"poison", b"\xff\xfe")
    direct.produce(broker.bootstrap, topic_name, [Sent(0, b"k", b"after", (("x", b"poison"),))])
    found, search = aio.run(_searched(broker.bootstrap, topic_name, 1, FilterSpec("poison")))
    assert [(r.offset, r.value, r.headers) for r in found] == [
        (500, b"poison", None),
        (501, b"after", (("x", b"poison"),)),
    ]
    assert search.report().complete


def _piece(topic: str, start: int, end: int) -> Piece:
    return Piece(OffsetRange(TopicPartition(topic, 0), start, end))


def _scanned(broker: Broker, spec: FilterSpec, pieces: Sequence[Piece]) -> list[tuple[int, int, list[int]]]:
    scan = Scan(Profile("test", broker.bootstrap), Credentials(), spec, NOW, UNCOMMITTED)
    with ThreadPoolExecutor(1) as pool:
        results = list(pool.map(scan, pieces))
    assert [result.piece for result in results] == list(pieces)
    assert all(result.done and not result.troubles for result in results)
    return [(r.records, r.nbytes, [offset for _, _, offset in r.matches.positions()]) for r in results]


@pytest.mark.usefixtures("way")
def test_one_worker_scans_pieces_in_any_order(broker: Broker, topic_name: str) -> None:
    """Its connections are kept: nothing that was fetched for one piece comes in the next one."""
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, direct.rows(3000))
    spans = [(2000, 3000), (0, 10), (2990, 3000), (5, 2500), (1, 2), (0, 3000), (7, 7)]
    results = _scanned(broker, FilterSpec("5", where=Where.VALUE), [_piece(topic_name, *span) for span in spans])
    assert [records for records, *_ in results] == [e - s for s, e in spans]
    assert all(records * 10 <= nbytes <= records * 40 for records, nbytes, _ in results)
    assert [found for *_, found in results] == [[n for n in range(s, e) if "5" in str(n)] for s, e in spans]


def test_what_would_be_too_much_comes_in_parts(
    aio: LoopRunner, broker: Broker, topic_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A filter that lets everything through: no result is larger than a few pulls."""
    monkeypatch.setattr("kexplorer.kafka.scan._MOST_MATCHED", 100_000)
    monkeypatch.setattr(coverage, "FIRST", 20_000)
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, direct.rows(20_000, size=100))
    found, search = aio.run(_searched(broker.bootstrap, topic_name, 1, EVERYTHING))
    assert [record.offset for record in found] == list(range(20_000))
    assert search.report().complete


def test_results_are_compact(broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, direct.rows(1000, size=100))
    scan = Scan(Profile("test", broker.bootstrap), Credentials("secret"), EVERYTHING, NOW, UNCOMMITTED)
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(scan, _piece(topic_name, 0, 1000)).result()
    sent = pickle.dumps(result)
    assert len(sent) < 160 * 1000
    back = pickle.loads(sent)  # noqa: S301
    assert list(back.matches) == list(result.matches)
    assert "secret" not in repr(scan)


def _workers() -> list[int]:
    return [child.pid or 0 for child in multiprocessing.active_children()]


@pytest.fixture
def large(broker: Broker, topic_name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """60,000 records of 500 B in 3 partitions, to be scanned in some 60 pieces."""
    monkeypatch.setattr(coverage, "FIRST", 1000)
    monkeypatch.setattr(coverage, "LARGEST", 1000)
    direct.create(broker.bootstrap, topic_name, 3)
    direct.produce(broker.bootstrap, topic_name, direct.rows(60_000, 3, size=500))
    return topic_name


def test_a_worker_is_killed(aio: LoopRunner, broker: Broker, large: str) -> None:
    """Another one takes its place, and each match still comes once."""
    killed: list[int] = []

    def kill(search: Search) -> None:
        if len(killed) < 2 and search.progress().fraction > 0.1 + 0.4 * len(killed) and (alive := _workers()):
            os.kill(alive[0], signal.SIGKILL)
            killed.append(alive[0])

    spec = FilterSpec("77", where=Where.VALUE)
    found, search = aio.run(
        _searched(broker.bootstrap, large, 3, spec, UNCOMMITTED, partial(ScanPool, 2), during=kill), 90
    )
    assert len(killed) == 2
    assert [r.value for r in sorted(found, key=lambda r: r.value or b"")] == [
        b"%0500d" % n for n in range(60_000) if "77" in str(n)
    ]
    assert search.report().complete
    assert search.progress().records == 60_000


def test_leaving_ends_the_workers_at_once(aio: LoopRunner, broker: Broker, large: str) -> None:
    seen: list[int] = []

    async def run() -> float:
        async with asyncio.timeout(60):
            task = asyncio.current_task()
            assert task

            def stop(search: Search) -> None:
                if search.progress().records:
                    seen.extend(_workers())
                    task.cancel()

            begun_at = time.monotonic()
            try:
                await _searched(broker.bootstrap, large, 3, EVERYTHING, UNCOMMITTED, partial(ScanPool, 2), during=stop)
            except asyncio.CancelledError:
                task.uncancel()
                begun_at = time.monotonic()
            while _workers():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            return time.monotonic() - begun_at

    assert aio.run(run(), 90) < 2
    assert len(seen) == 2


_VICTIM = """
import asyncio, sys
from functools import partial
from pathlib import Path
from kexplorer.kafka.scan import Scan
from kexplorer.kafka.scan_pool import ScanPool
from kexplorer.model.profile import Credentials, Profile
from kexplorer.services import coverage
from kexplorer.services.search import Search
from kexplorer.store.scans import ScanStore

async def main(bootstrap, path, number):
    coverage.FIRST = coverage.LARGEST = 1000
    store = ScanStore(Path(path))
    saved = await store.load(int(number))
    query = saved.query
    scan = Scan(Profile("test", bootstrap), Credentials(), query.filter, query.asked_at, query.isolation)
    search = Search(query, scan, partial(ScanPool, 2), store=store, saved=saved)
    while (batch := await search.next_batch()) is not None:
        print(search.progress().records, flush=True)

if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
"""


def test_the_program_is_killed_and_takes_the_search_up_again(
    aio: LoopRunner, broker: Broker, large: str, tmp_path: Path
) -> None:
    """Its workers end with it, and what was scanned is not scanned again."""
    spec = FilterSpec("77", where=Where.VALUE)
    script = tmp_path / "victim.py"
    script.write_text(_VICTIM)
    store = ScanStore(tmp_path / "searches.db")
    query = SearchQuery(tuple(OffsetRange(TopicPartition(large, p), 0, 20_000) for p in range(3)), spec, NOW)
    number = aio.run(begun(store, "test", query)).id
    command = [sys.executable, str(script), broker.bootstrap, str(store.path), str(number)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout
        for line in victim.stdout:
            if int(line) > 15_000:
                break
        children = Path(f"/proc/{victim.pid}/task/{victim.pid}/children").read_text().split()
        victim.kill()
    wait(lambda: not any(_runs(pid) for pid in children), 0.02)  # workers don't outlive their program

    async def again() -> tuple[list[Record], Search, int]:
        saved = await store.load(number)
        scan = Scan(Profile("test", broker.bootstrap), Credentials(), spec, NOW, UNCOMMITTED)
        search = Search(saved.query, scan, _threads, store=store, saved=saved)
        found: list[Record] = []
        while (batch := await search.next_batch()) is not None:
            found += batch.records
        return found, search, saved.records

    found, search, before = aio.run(again())
    assert 15_000 < before < 60_000
    assert search.progress().records == 60_000
    assert sorted(r.value or b"" for r in found) == [b"%0500d" % n for n in range(60_000) if "77" in str(n)]
    assert search.report().complete


def _runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.kafka
def test_retention_overtakes_the_search(aio: LoopRunner, broker: Broker, large: str) -> None:
    """What is gone is named; what is there is found; the search does not claim to be complete."""
    purged: list[int] = []

    def purge(search: Search) -> None:
        if not purged and search.progress().records:
            direct.delete_records(broker.bootstrap, large, {0: 15_000})
            purged.append(1)

    found, search = aio.run(_searched(broker.bootstrap, large, 3, EVERYTHING, UNCOMMITTED, during=purge))
    offsets = [record.offset for record in found if record.partition == 0]
    assert set(range(15_000, 20_000)) <= set(offsets)
    assert len(offsets) == len(set(offsets))
    assert [record.offset for record in found if record.partition] == 2 * list(range(20_000))
    report = search.report()
    gone: set[int] = set()
    for trouble in report.troubles:
        assert trouble.failure.kind is FailureKind.NOT_FOUND
        span = re.search(r"Records (\d+) to (\d+) of partition 0 are gone", trouble.failure.message)
        assert span
        gone |= set(range(int(span[1]), int(span[2]) + 1))
    assert gone
    assert gone | set(offsets) == set(range(20_000))
    assert not report.complete


@pytest.mark.slow
def test_a_topic_that_is_not_there(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    query = SearchQuery((OffsetRange(TopicPartition(topic_name, 0), 0, 10**6),), EVERYTHING, NOW)
    scan = Scan(Profile("test", broker.bootstrap), Credentials(), EVERYTHING, NOW, UNCOMMITTED)

    async def run() -> Search:
        search = Search(query, scan, _threads)
        while await search.next_batch() is not None:
            pass
        return search

    report = aio.run(run(), 60).report()
    assert not report.complete
    assert {trouble.failure.kind for trouble in report.troubles} == {FailureKind.NOT_FOUND}
    assert report.progress.fraction == 0


@pytest.mark.kafka
def test_searching_touches_nothing(aio: LoopRunner, broker: Broker, mixed: str) -> None:
    before = direct.snapshot(broker.bootstrap)
    found, _ = aio.run(_searched(broker.bootstrap, mixed, 4, FilterSpec("needle"), COMMITTED, partial(ScanPool, 2)))
    assert found
    after = direct.snapshot(broker.bootstrap)
    for group in before.committed.keys() - after.committed.keys():  # the rig lets offsets expire after a minute
        del before.committed[group]
    assert after == before


def _given_to(pids: Sequence[int]) -> list[bytes]:
    return [Path(f"/proc/{pid}/{what}").read_bytes() for pid in pids for what in ("cmdline", "environ")]


@pytest.mark.kafka
def test_secrets_reach_workers_by_pipe_alone(aio: LoopRunner, broker: Broker, large: str) -> None:
    password = uuid.uuid4().hex
    seen: list[bytes] = []
    query = SearchQuery((OffsetRange(TopicPartition(large, 0), 0, 20_000),), EVERYTHING, NOW)
    scan = Scan(Profile("test", broker.bootstrap), Credentials(password), EVERYTHING, NOW, UNCOMMITTED)

    async def run() -> None:
        search = Search(query, scan, partial(ScanPool, 2))
        while await search.next_batch() is not None:
            seen.extend(_given_to(_workers()))

    aio.run(run())
    assert seen
    assert not any(password.encode() in each for each in seen)
