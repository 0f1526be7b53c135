"""A search finds the same records as kcat piped into grep, awk or jq, on logs with everything that a log may have."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from kexplorer.kafka.scan import Scan
from kexplorer.kafka.scan_pool import ScanPool
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.search import FilterKind, FilterSpec, SearchQuery, Where
from kexplorer.model.topics import IsolationLevel, TopicPartition
from kexplorer.services import coverage
from kexplorer.services.ranges import resolve
from kexplorer.services.search import Search
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(
        not (shutil.which("kcat") and shutil.which("jq")), reason="kcat and jq are what this compares with"
    ),
]

P = ParamSpec("P")
T = TypeVar("T")
Found = set[tuple[int, int]]  # partition and offset
ISOLATIONS = list(IsolationLevel)
STATES = ("NEW", "PAID", "FAILED", "SHIPPED")


@dataclass(frozen=True)
class Case:
    """A filter, what kcat prints behind partition and offset, and the commands that print the lines that match."""

    spec: FilterSpec
    columns: str
    commands: str


def _text(text: str, where: Where, columns: str, grep: str, kind: FilterKind = FilterKind.CONTAINS) -> Case:
    return Case(FilterSpec(text, kind, "-i" not in grep, where), columns, f"grep -a {grep}")


def _expression(text: str, columns: str, commands: str) -> Case:
    return Case(FilterSpec(text, FilterKind.EXPRESSION), columns, commands)


def _json(text: str, condition: str) -> Case:
    """`condition` is for jq; $v is the value, null where it is no JSON."""
    value = '(. | split(" ")) as $w | ($w[2:] | join(" ") | (try fromjson catch null)) as $v'
    return _expression(text, "%s", f"jq -R -r '{value} | select({condition}) | \"\\($w[0]) \\($w[1])\"'")


CASES = [
    _text("", Where.ANYWHERE, "", "''"),
    _text("needle", Where.VALUE, "%s", "-F needle"),
    _text("NEEDLE", Where.VALUE, "%s", "-F -i needle"),
    _text("needle", Where.KEY, "%k", "-F needle"),
    _text("needle", Where.HEADERS, "%h", "-F needle"),
    _text("needle", Where.ANYWHERE, "%k|%s|%h", "-F needle"),
    _text("Needle", Where.ANYWHERE, "%k|%s|%h", "-F -i needle"),
    _text("nothing like it", Where.ANYWHERE, "%k|%s|%h", "-F 'nothing like it'"),
    _text("needle [0-9]*7$", Where.VALUE, "%s", "-E 'needle [0-9]*7$'", FilterKind.REGEX),
    _text("(PAID|NEW)...n..[0-9]{2}[,}]", Where.VALUE, "%s", "-E '(PAID|NEW)...n..[0-9]{2}[,}]'", FilterKind.REGEX),
    _text("^KEY-.*[05]$", Where.KEY, "%k", "-i -E '^[0-9]+ [0-9]+ key-.*[05]$'", FilterKind.REGEX),
    _expression("value == null and size == 0", "%S", "awk '$3 < 0'"),  # the text null is null as well
    _expression("key == null", "%K", "awk '$3 < 0'"),
    _expression("size > 40", "%S", "awk '$3 > 40'"),
    _expression("partition == 2 and offset >= 100", "", "awk '$1 == 2 && $2 >= 100'"),
    _expression('key == "needle-key"', "%k", "grep -a -x -E '[0-9]+ [0-9]+ needle-key'"),
    _expression("exists(headers.trace)", "%h", "grep -a -F trace="),
    _json('value.status == "FAILED"', '($v | type) == "object" and $v.status == "FAILED"'),
    _json('contains(value.status, "AI")', '$v | objects | .status | strings | contains("AI")'),
    _json(
        'value.status in ["PAID", "SHIPPED"] and value.n > 300',
        '$v | objects | (.status == "PAID" or .status == "SHIPPED") and (.n | type) == "number" and .n > 300',
    ),
    _json('value.status != "NEW" and value.who.age >= 33.5', '$v | objects | .status != "NEW" and .who.age >= 33.5'),
    _json("value.who.name == null", "(try $v.who.name catch null) == null"),
    _json('any(value.tags[*] == "red")', '$v | objects | .tags | arrays | any(.[]; . == "red")'),
    _json("value.tags[1] == 7", "$v | objects | .tags | arrays | .[1] == 7"),
]


def _sent(n: int, partition: int) -> Sent:
    """JSON plain, spaced and with escapes, text, bytes, tombstones and empty ones; keys and headers of all kinds."""
    order = {"status": STATES[n // 7 % 4], "n": n, "who": {"name": None if n % 5 else "Ann", "age": n % 50}}
    values = [
        json.dumps(order, separators=(",", ":")).encode(),
        json.dumps({**order, "tags": [["red", 7], [], ["blue"], "red"][n // 11 % 4]}).encode(),
        b'{"st\\u0061tus":"F\\u0041ILED","n":%d}' % n,
        b"a needle %d" % n,
        b"\xff\x00\xfeNeedle\x80",
        None,
        b"",
        b'{broken "needle": %d' % n,
        [b'"needle"', b"7", b"[1,7]", b"null"][n // 9 % 4],
    ]
    keys = [b"key-%d" % n, None, b"", b"needle-key", b"\xff\xfe"]
    headers = [(), (("trace", b"needle %d" % n),), (("a", None), ("a", b"\xff")), (("needle", b""),)]
    return Sent(partition, keys[n % 5], values[n % 9], tuple(headers[n % 4]), NOW + n)


@pytest.fixture
def transactions(broker: Broker, topic_name: str) -> tuple[str, int]:
    """Four partitions, one empty; transactions committed and aborted, the last one too; the start of one purged."""
    direct.create(broker.bootstrap, topic_name, 4)
    writer = direct.producer(broker.bootstrap, transactional_id=topic_name, compression_type="zstd")
    writer.init_transactions(30)
    for run in range(11):
        writer.begin_transaction()
        direct.send(writer, topic_name, [_sent(n, n % 3) for n in range(80 * run, 80 * run + 80)])
        (writer.abort_transaction if run % 3 == 1 else writer.commit_transaction)(30)
    direct.delete_records(broker.bootstrap, topic_name, {1: 33})
    return topic_name, 4


@pytest.fixture
def compacted(broker: Broker, topic_name: str) -> tuple[str, int]:
    """Two partitions that the cleaner has been through: most offsets are gone, and tombstones stand between."""
    direct.create(
        broker.bootstrap,
        topic_name,
        2,
        cleanup_policy="compact",
        segment_ms=500,
        min_cleanable_dirty_ratio=0.001,
        max_compaction_lag_ms=1000,
    )
    records = [_sent(n, n % 2) for n in range(1200)]
    keys = [b"needle-%d" % n if n % 5 == 0 else b"key-%d" % (n % 60) for n in range(1200)]
    direct.produce(
        broker.bootstrap,
        topic_name,
        [Sent(r.partition, key, r.value, r.headers, r.timestamp) for r, key in zip(records, keys, strict=True)],
    )
    limit = time.monotonic() + 60
    while len(everything := _kcat(broker, topic_name, ISOLATIONS[0], "", "cat")) > 600:
        assert time.monotonic() < limit, f"{len(everything)} records are left"
        for partition in range(2):  # the cleaner leaves the active segment alone: each new record rolls it
            last = Sent(partition, b"last", b"last", timestamp=int(time.time() * 1000))
            direct.produce(broker.bootstrap, topic_name, [last])
        time.sleep(0.5)
    return topic_name, 2


def _kcat(broker: Broker, topic: str, isolation: IsolationLevel, columns: str, commands: str) -> Found:
    reading = f"kcat -C -e -q -b {broker.bootstrap} -t {topic} -o beginning -X isolation.level={isolation.value}"
    shell = f"{reading} -f '%p %o {columns}\\n' | LC_ALL=C {commands}"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, timeout=60, check=False)
    assert not done.stderr, done.stderr
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    return {(int(partition), int(offset)) for partition, offset, *_ in lines}


class _Kept(Executor):
    """Workers that outlive the search which they are given to."""

    def __init__(self, pool: ScanPool) -> None:
        self._pool = pool

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        return self._pool.submit(fn, *args, **kwargs)


async def _searched(
    broker: Broker, topic: str, partitions: int, spec: FilterSpec, isolation: IsolationLevel, pool: ScanPool
) -> list[tuple[int, int]]:
    profile = Profile("test", broker.bootstrap)
    async with direct.connected(broker.bootstrap) as cluster:
        sources = [TopicPartition(topic, partition) for partition in range(partitions)]
        resolved = await resolve(cluster, sources, None, None, isolation, NOW)
    query = SearchQuery(resolved.ranges, spec, NOW, isolation)
    search = Search(query, Scan(profile, Credentials(), spec, NOW, isolation), lambda: _Kept(pool))
    found: list[tuple[int, int]] = []
    while (batch := await search.next_batch()) is not None:
        found += [(source.partition, offset) for _, source, offset in batch.records.positions()]
    assert search.report().complete, list(search.report().lines())
    return found


@pytest.fixture(params=["transactions", "compacted"])
def log(request: pytest.FixtureRequest) -> tuple[str, int]:
    """A topic, and how many partitions it has."""
    made: tuple[str, int] = request.getfixturevalue(request.param)
    return made


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_filter_finds_what_kcat_and_grep_or_jq_find(
    aio: LoopRunner, broker: Broker, log: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces are small: their borders lie anywhere in batches, gaps and transactions."""
    monkeypatch.setattr(coverage, "FIRST", 37)
    monkeypatch.setattr(coverage, "LARGEST", 311)
    monkeypatch.setattr(coverage, "_TAIL", 20)
    topic, partitions = log
    topic_is_compacted = partitions == 2
    sizes: dict[IsolationLevel, list[int]] = {}
    with ScanPool(2) as pool:
        for isolation in ISOLATIONS:
            for case in CASES:
                theirs = _kcat(broker, topic, isolation, case.columns, case.commands)
                ours = aio.run(_searched(broker, topic, partitions, case.spec, isolation, pool))
                assert len(ours) == len(set(ours)), case
                if set(ours) != theirs:  # unless the cleaner came in between
                    again = _kcat(broker, topic, isolation, case.columns, case.commands)
                    assert topic_is_compacted, case
                    assert theirs & again <= set(ours) <= theirs | again, case
                sizes.setdefault(isolation, []).append(len(theirs))
    found_some = sum(size > 0 for size in sizes[IsolationLevel.READ_COMMITTED])
    assert found_some >= (16 if topic_is_compacted else len(CASES) - 1)
    if not topic_is_compacted:
        assert sum(sizes[IsolationLevel.READ_COMMITTED]) < sum(sizes[IsolationLevel.READ_UNCOMMITTED])


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_the_terminal_prints_what_kcat_and_jq_find(
    broker: Broker, transactions: tuple[str, int], isolation: IsolationLevel, tmp_path: Path
) -> None:
    case = _json('value.status == "FAILED" and value.n > 50', '$v | objects | .status == "FAILED" and .n > 50')
    command = [sys.executable, "-m", "kexplorer", "search", transactions[0], "--bootstrap", broker.bootstrap]
    options = ["--committed"] if isolation is IsolationLevel.READ_COMMITTED else []
    done = subprocess.run(
        [*command, "--filter", case.spec.text, *options], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    found = [(line["partition"], line["offset"]) for line in lines]
    theirs = _kcat(broker, transactions[0], isolation, case.columns, case.commands)
    assert len(found) == len(theirs) > 0
    assert set(found) == theirs
