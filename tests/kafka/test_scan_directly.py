"""Scanning batches as brokers send them finds what the client library finds, and leaves to it what is unusual."""

from __future__ import annotations

import itertools
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from kexplorer.formats.filters import compile_filter
from kexplorer.kafka import scan_by_client, scan_directly
from kexplorer.kafka.checks import bootstrap as addresses
from kexplorer.kafka.fetching import Fetcher
from kexplorer.kafka.record_batches import NotUnderstood
from kexplorer.kafka.scan import Scan
from kexplorer.model.profile import Credentials, Profile, SaslMechanism, SecurityProtocol
from kexplorer.model.search import FilterSpec, Piece, PieceResult, Where
from kexplorer.model.topics import IsolationLevel, OffsetRange, TopicPartition
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent
from tests.kafka.raw_batches import Made, packed, write
from tests.rig.brokers import Broker
from tests.rig.kafka import KafkaCluster
from tests.rig.properties import USERS
from tests.rig.waiting import wait

pytestmark = pytest.mark.kafka

COMMITTED, UNCOMMITTED = IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED
NEEDLE = FilterSpec("needle")


@pytest.fixture
def only_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client library is not to be asked, however many records match."""
    monkeypatch.setattr(scan_directly, "_DENSE", 0)

    def refuse(*_: object) -> None:
        raise AssertionError("the client library was asked")

    monkeypatch.setattr(scan_by_client, "scan_by_client", refuse)


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[OffsetRange]:
    """What was left to the client library."""
    ranges: list[OffsetRange] = []
    scan: Any = scan_by_client.scan_by_client

    def note(of_scan: Scan, of: OffsetRange, *more: object) -> object:
        ranges.append(of)
        return scan(of_scan, of, *more)

    monkeypatch.setattr(scan_by_client, "scan_by_client", note)
    return ranges


def _scan(bootstrap: str, spec: FilterSpec = NEEDLE, isolation: IsolationLevel = UNCOMMITTED, **more: Any) -> Scan:
    return Scan(Profile("test", bootstrap, **more), Credentials(), spec, NOW, isolation)


def _run(scan: Scan, *ranges: OffsetRange) -> list[PieceResult]:
    """In one worker."""
    with ThreadPoolExecutor(1) as pool:
        return list(pool.map(scan, map(Piece, ranges)))


def _by_client(scan: Scan, of: OffsetRange) -> PieceResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan_directly, "can_fetch", lambda profile: False)
        return _run(scan, of)[0]


def _whole(bootstrap: str, topic: str, partition: int = 0) -> OffsetRange:
    return OffsetRange(TopicPartition(topic, partition), *direct.ends(bootstrap, topic, partition + 1)[partition])


def _odd(n: int, chance: random.Random) -> Sent:
    def some() -> bytes | None:
        data = chance.choice(
            [None, b"", b"needle", chance.randbytes(9), b"x" * chance.choice([0, 63, 64] * 9 + [8192])]
        )
        return data if data is None or chance.random() < 0.5 else data + b" needle"

    headers = tuple(
        (chance.choice(["", "a", "needle", "ключ"]), some()) for _ in range(chance.choice([0, 0, 0, 0, 1, 3, 70]))
    )
    return Sent(0, some(), some(), headers, NOW + chance.randint(-(10**6), 10**6))


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_every_codec(broker: Broker, topic_name: str, codec: str, only_directly: None) -> None:
    chance = random.Random(codec)
    sent = [_odd(n, chance) for n in range(700)]
    direct.create(broker.bootstrap, topic_name, compression_type="producer")
    for at, count in ((0, 1), (1, 60), (61, 639)):
        direct.produce(broker.bootstrap, topic_name, sent[at : at + count], compression_type=codec, linger_ms=50)
    for where in Where:
        spec = replace(NEEDLE, where=where)
        matches = compile_filter(spec).matches
        (result,) = _run(_scan(broker.bootstrap, spec), _whole(broker.bootstrap, topic_name))
        assert [(r.key, r.value, r.headers, r.timestamp, r.offset) for r in result.matches] == [
            (s.key, s.value, s.headers, s.timestamp, n)
            for n, s in enumerate(sent)
            if matches(s.key, s.value, s.headers, 0, n, s.timestamp)
        ]
        assert (result.records, result.done, result.troubles) == (700, True, ())


@pytest.mark.parametrize("codec", ["none", "lz4", "zstd"])
def test_what_is_larger_than_a_fetch(broker: Broker, topic_name: str, codec: str, only_directly: None) -> None:
    """Values of several MB, which no compression makes small or which unpack to far more, and a batch of many records:
    all of them come whole, although 1 MB is asked for at a time."""
    noise = random.Random(codec).randbytes(3_000_000)
    values = [noise + b"needle", b"x" * 6_000_000 + b"needle", noise, b"needle" + noise, b"x" * 6_000_000, b"needle"]
    direct.create(broker.bootstrap, topic_name, max_message_bytes=10_000_000, compression_type="producer")
    config = {"compression_type": codec, "message_max_bytes": 10_000_000, "batch_size": 5_000_000, "linger_ms": 500}
    direct.produce(broker.bootstrap, topic_name, [Sent(0, b"k", value) for value in values], **config)
    rows = [Sent(0, b"k", noise[n : n + 2000] + b"needle" * (n % 700 == 0)) for n in range(1500)]
    direct.produce(broker.bootstrap, topic_name, rows, **config)
    whole = _whole(broker.bootstrap, topic_name)
    sent = [*values, *(row.value for row in rows)]
    wanted = [(n, value) for n, value in enumerate(sent) if value and b"needle" in value]
    assert [n for n, _ in wanted] == [0, 1, 3, 5, 6, 706, 1406]
    for start, end in ((0, 1506), (3, 1000)):
        found, records, at = [], 0, start
        while at < end:  # a piece ends where its matches become too large for one answer
            (result,) = _run(_scan(broker.bootstrap), OffsetRange(whole.source, at, end))
            assert result.reached > at
            assert result.troubles == ()
            found += [(r.offset, r.value) for r in result.matches]
            records, at = records + result.records, result.reached
        assert found == [each for each in wanted if start <= each[0] < end]
        assert records == end - start


@pytest.mark.parametrize("isolation", IsolationLevel)
def test_transactions(broker: Broker, topic_name: str, isolation: IsolationLevel, only_directly: None) -> None:
    """Two producers at a time, committed and aborted in turns; pieces begin and end in the middle of them."""
    direct.create(broker.bootstrap, topic_name)
    writers = [direct.producer(broker.bootstrap, transactional_id=f"{topic_name}-{n}") for n in range(2)]
    for writer in writers:
        writer.init_transactions(30)
    for turn in range(8):
        for writer in writers:
            writer.begin_transaction()
        for n in range(3):
            for number, writer in enumerate(writers):
                direct.send(writer, topic_name, [Sent(0, b"k", b"needle %d %d %d" % (turn, number, n))] * 2)
        direct.produce(broker.bootstrap, topic_name, [Sent(0, b"k", b"needle of none")])
        for number, writer in enumerate(writers if turn % 2 else writers[::-1]):
            (writer.abort_transaction if (turn + number) % 3 == 0 else writer.commit_transaction)(30)
    whole = _whole(broker.bootstrap, topic_name)
    end = whole.end or 0
    ranges = [whole] + [OffsetRange(whole.source, at, min(at + 11, end)) for at in range(0, end, 11)]
    scan = _scan(broker.bootstrap, NEEDLE, isolation)
    everything, *parts = _run(scan, *ranges)
    assert len(everything.matches) == (8 * 13 if isolation is UNCOMMITTED else 74)
    assert [list(part.matches) for part in parts] == [
        [r for r in everything.matches if each.start <= r.offset < (each.end or 0)] for each in ranges[1:]
    ]
    assert sum(part.records for part in parts) == everything.records == len(everything.matches)


@pytest.mark.parametrize("seed", range(3))
def test_any_batches_are_what_the_client_library_reads(
    broker: Broker, topic_name: str, seed: int, only_directly: None, request: pytest.FixtureRequest
) -> None:
    """Written byte by byte: every codec, times before that of the batch, names that are no
    text."""
    chance = random.Random(seed)
    kind = ("CreateTime", "LogAppendTime")[seed % 2]
    direct.create(broker.bootstrap, topic_name, message_timestamp_type=kind)
    made = [Made.by_chance(chance) for _ in range(40)]
    write(broker.bootstrap, topic_name, [packed(each) for each in made])
    scan = _scan(broker.bootstrap)
    whole = _whole(broker.bootstrap, topic_name)
    end = whole.end or 0
    cuts = sorted({0, end, *(chance.randrange(1, end) for _ in range(12))})
    ranges = [whole] + [OffsetRange(whole.source, *cut) for cut in itertools.pairwise(cuts)]
    found = _run(scan, *ranges)
    request.getfixturevalue("monkeypatch").undo()
    theirs = [_by_client(scan, each) for each in ranges]
    assert [list(each.matches) for each in found] == [list(each.matches) for each in theirs]
    assert [(each.records, each.reached) for each in found] == [(each.records, each.reached) for each in theirs]
    assert found[0].records == sum(len(each.records) for each in made)
    assert 0 < len(found[0].matches) < found[0].records


@pytest.mark.parametrize("mechanism", [None, *SaslMechanism])
def test_tls_and_login(
    kafka: KafkaCluster, topic_name: str, mechanism: SaslMechanism | None, only_directly: None
) -> None:
    direct.create(kafka.bootstrap(), topic_name)
    direct.produce(kafka.bootstrap(), topic_name, [Sent(0, b"k", b"needle")])
    made = kafka.certificates
    if mechanism:
        profile = Profile(
            "test",
            kafka.bootstrap("SASL_SSL"),
            SecurityProtocol.SASL_SSL,
            mechanism,
            "alice",
            ca_file=str(made.ca),
        )
    else:
        profile = Profile(
            "test",
            kafka.bootstrap("SSL_CLIENT"),
            SecurityProtocol.SSL,
            ca_file=str(made.ca),
            certificate_file=str(made.client),
            key_file=str(made.client_key),
        )
    scan = replace(_scan(""), profile=profile, credentials=Credentials(USERS["alice"]))
    (result,) = _run(scan, OffsetRange(TopicPartition(topic_name, 0), 0, 1))
    assert [record.value for record in result.matches] == [b"needle"]


@pytest.mark.parametrize("mechanism", SaslMechanism)
def test_a_wrong_password_is_left_to_the_client_library(kafka: KafkaCluster, mechanism: SaslMechanism) -> None:
    profile = Profile("test", kafka.bootstrap("SASL_PLAINTEXT"), SecurityProtocol.SASL_PLAINTEXT, mechanism, "alice")
    fetcher = Fetcher(profile, Credentials("wrong-secret"))
    with pytest.raises(NotUnderstood) as raised:
        next(fetcher.batches(OffsetRange(TopicPartition("t", 0), 0, 1), UNCOMMITTED))
    assert "wrong-secret" not in str(raised.value)


def test_what_only_the_client_library_can_do_is_left_to_it(
    broker: Broker, topic_name: str, left: list[OffsetRange]
) -> None:
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, [Sent(0, b"k", b"needle")])
    for properties in ({"client.rack": "a"}, {"client.dns.lookup": "use_all_dns_ips"}, {"socket.timeout.ms": "9000"}):
        _run(_scan(broker.bootstrap, properties=properties), OffsetRange(TopicPartition(topic_name, 0), 0, 1))
    assert len(left) == 2


def test_a_filter_that_many_records_match_is_left_to_the_client_library(
    broker: Broker, topic_name: str, left: list[OffsetRange]
) -> None:
    """From the second piece on, for a while: to tell every record apart is what it does faster."""
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, [Sent(0, b"k", b"needle %d" % n) for n in range(1000)])
    source = TopicPartition(topic_name, 0)
    first, second = _run(_scan(broker.bootstrap), OffsetRange(source, 0, 500), OffsetRange(source, 500, 1000))
    assert left == [OffsetRange(source, 500, 1000)]
    assert [record.offset for record in (*first.matches, *second.matches)] == list(range(1000))


def test_records_that_are_gone(broker: Broker, topic_name: str, left: list[OffsetRange]) -> None:
    """The client library says which; what is left of the range is found."""
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, direct.rows(1000))
    direct.delete_records(broker.bootstrap, topic_name, {0: 500})
    whole = OffsetRange(TopicPartition(topic_name, 0), 0, 1000)
    (result,) = _run(_scan(broker.bootstrap, FilterSpec("99")), whole)
    assert left == [whole]
    assert [record.offset for record in result.matches] == [n for n in range(500, 1000) if "99" in str(n)]
    assert result.done
    (trouble,) = result.troubles
    assert "Records 0 to 499 of partition 0 are gone" in trouble.failure.message


def test_a_log_that_ends_too_early(broker: Broker, topic_name: str) -> None:
    """As after a topic was made again: what is there is found, and nobody says that it was all."""
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, direct.rows(100))
    (result,) = _run(_scan(broker.bootstrap, FilterSpec("99")), OffsetRange(TopicPartition(topic_name, 0), 0, 1000))
    assert [record.offset for record in result.matches] == [99]
    assert (result.records, result.reached) == (100, 100)
    assert "ends at 100, before offset 1000" in result.troubles[0].failure.message


def test_connections_are_cut(kafka: KafkaCluster, topic_name: str, left: list[OffsetRange]) -> None:
    """In the middle of an answer: the client library goes on where the whole batches before it end."""
    direct.create(kafka.bootstrap(), topic_name)
    direct.produce(kafka.bootstrap(), topic_name, direct.rows(6000, size=1000))
    proxy = kafka.proxies[0]
    scan, source = _scan(kafka.bootstrap("PROXY"), FilterSpec("99")), TopicPartition(topic_name, 0)
    first, rest = Piece(OffsetRange(source, 0, 100)), Piece(OffsetRange(source, 100, 6000))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(scan, first).result()
        proxy.rate(2_000_000)
        scanning = pool.submit(scan, rest)
        time.sleep(1)
        proxy.cut()
        proxy.rate(100_000_000)
        result = scanning.result()
    assert [record.offset for record in result.matches] == [n for n in range(100, 6000) if "99" in str(n)]
    assert (result.records, result.done, result.troubles) == (5900, True, ())
    assert [each.end for each in left] == [6000]


def test_a_frozen_broker(
    kafka: KafkaCluster, topic_name: str, left: list[OffsetRange], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it for long, and for a while its partitions are the client library's."""
    direct.create(kafka.bootstrap(), topic_name)
    direct.produce(kafka.bootstrap(), topic_name, direct.rows(1000))
    scan, source = _scan(kafka.bootstrap(), FilterSpec("99")), TopicPartition(topic_name, 0)
    pieces = [Piece(OffsetRange(source, at, at + 250)) for at in range(0, 1000, 250)]
    with ThreadPoolExecutor(1) as pool:
        results = [pool.submit(scan, pieces[0]).result()]
        monkeypatch.setattr(scan_directly, "_REST", 3600.0)
        assert not left
        kafka.node(1).freeze()
        asked = pool.submit(scan, pieces[1])
        wait(lambda: left)
        kafka.node(1).thaw()
        results += [asked.result(), *pool.map(scan, pieces[2:])]
    assert left == [piece.range for piece in pieces[1:]]
    assert [r.offset for result in results for r in result.matches] == [n for n in range(1000) if "99" in str(n)]


@pytest.mark.slow
def test_a_leader_moves(kafka3: KafkaCluster, topic_name: str, left: list[OffsetRange]) -> None:
    """What it says of a leader that is none any more makes a worker ask anew."""
    direct.create(kafka3.bootstrap(), topic_name)
    direct.produce(kafka3.bootstrap(), topic_name, direct.rows(1000))
    source = TopicPartition(topic_name, 0)
    fetcher = Fetcher(Profile("test", kafka3.bootstrap()), Credentials())
    assert next(fetcher.batches(OffsetRange(source, 0, 1000), UNCOMMITTED))
    (leader,) = fetcher._leaders.values()
    fetcher._leaders[source] = next(each for each in addresses(kafka3.bootstrap()) if each != leader)
    with pytest.raises(NotUnderstood, match="error 6"):  # NOT_LEADER_OR_FOLLOWER
        list(fetcher.batches(OffsetRange(source, 0, 1000), UNCOMMITTED))
    fetcher.close()
    assert sum(batch.count for batch, _ in fetcher.batches(OffsetRange(source, 0, 1000), UNCOMMITTED)) == 1000
    with ThreadPoolExecutor(1) as pool:
        scan = _scan(kafka3.bootstrap(), FilterSpec("99"))
        first = pool.submit(scan, Piece(OffsetRange(source, 0, 500))).result()
        assert not left
        kafka3.node(next(number for number in (1, 2, 3) if leader.port in kafka3.node(number).ports.values())).kill()
        second = pool.submit(scan, Piece(OffsetRange(source, 500, 1000))).result()
    assert left == [OffsetRange(source, 500, 1000)]
    assert second.done
    assert not second.troubles
    assert [r.offset for r in (*first.matches, *second.matches)] == [n for n in range(1000) if "99" in str(n)]
