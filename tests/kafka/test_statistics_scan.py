"""What is counted in a topic is what was written to it."""

from __future__ import annotations

import asyncio

from kexplorer.kafka.scan_pool import ScanPool
from kexplorer.kafka.statistics_scan import StatisticsScan
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.search import Piece
from kexplorer.model.topics import OffsetRange, TopicPartition
from kexplorer.services.statistics import Counting
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner


def test_records_are_counted_by_workers(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 2)
    records = [Sent(n % 2, f"k{n % 50}".encode(), b'{"n": 1}' * (1 + n % 3), timestamp=NOW + n) for n in range(3000)]
    records += [Sent(0, None, b"no key"), Sent(0, b"gone", None), Sent(1, b"", b"")]
    direct.produce(broker.bootstrap, topic_name, records)
    ends = direct.ends(broker.bootstrap, topic_name, 2)
    ranges = [OffsetRange(TopicPartition(topic_name, number), *edges) for number, edges in ends.items()]
    scan = StatisticsScan(Profile("test", broker.bootstrap), Credentials())

    async def count() -> Counting:
        counting = Counting(ranges, scan, lambda: ScanPool(2))
        async with asyncio.timeout(60):
            while await counting.step():
                pass
        return counting

    counting = aio.run(count())
    whole = counting.whole
    assert counting.troubles == []
    assert counting.extent().complete
    assert (whole.records, whole.null_keys, whole.tombstones, whole.timeless) == (3003, 1, 1, 0)
    assert whole.distinct.estimate() == 52
    assert whole.distinct.exact
    assert whole.values.count == 3002
    assert whole.values.total == sum(len(each.value or b"") for each in records)
    assert whole.keys.total == sum(len(each.key or b"") for each in records)
    assert whole.values.largest == 24
    assert whole.top.counts[b"k0"] == 60
    assert (whole.times.first, whole.times.last) == (NOW, NOW + 2999)
    assert whole.value_formats["JSON"] > 0
    assert [part.records for part in counting.parts.values()] == [1502, 1501]


def test_a_piece_ends_where_it_is_told_to(broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 1)
    direct.produce(broker.bootstrap, topic_name, direct.rows(100))
    scan = StatisticsScan(Profile("test", broker.bootstrap), Credentials())
    with ScanPool(1) as pool:
        for start, end in ((10, 40), (90, 100)):  # the second with the consumer of the first
            piece = Piece(OffsetRange(TopicPartition(topic_name, 0), start, end))
            found = pool.submit(scan, piece).result(30)
            assert found.done
            assert found.statistics.records == end - start
            assert (found.statistics.times.first, found.statistics.times.last) == (NOW + start, NOW + end - 1)
