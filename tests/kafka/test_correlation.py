"""A saga, and an outbox, are followed across topics of a real Kafka."""

from __future__ import annotations

import json

import pytest

from kexplorer import app
from kexplorer.model.correlation import Step, Trail, Where
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.search import SearchQuery
from kexplorer.model.topics import OffsetRange, TopicPartition
from kexplorer.services.correlation import Correlation, filter_of
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.ui.trails import STEPS

_ORDERS = 40


async def _followed(broker: Broker, topics: list[str], trail: Trail) -> list[Step]:
    ranges = [
        OffsetRange(TopicPartition(topic, number), *edges)
        for topic in topics
        for number, edges in direct.ends(broker.bootstrap, topic, 2).items()
    ]
    query = SearchQuery(tuple(ranges), filter_of(trail), NOW, newest_first=False)
    search = await app._open_search(Profile("test", broker.bootstrap), Credentials(), query, ())
    correlation = Correlation(trail, search)
    while await correlation.advance() is not None:
        pass
    assert search.report().complete
    return list(correlation.steps())


@pytest.mark.slow  # a search with workers of its own for each way to follow it
def test_a_saga_with_interleaved_orders(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    names = {topic: f"{topic_name}-{topic}" for topic, *_ in STEPS}
    for topic, name in names.items():
        records = []
        for number in range(_ORDERS):
            headers = (("correlation-id", b"saga-%d" % number), ("other", b"saga-%d" % (number + 1)))
            for where, at, what in STEPS:
                value = json.dumps({"type": what, "orderId": f"order-{number:04}"}).encode()
                key = f"order-{number:04}".encode() if topic == "orders" else None
                if where == topic:
                    records.append(Sent(number % 2, key, value, headers, NOW + number * 10 + at))
        direct.create(broker.bootstrap, name, 2)
        direct.produce(broker.bootstrap, name, records)

    async def look() -> None:
        for trail in (
            Trail("order-0017"),
            Trail("saga-17", Where.HEADER, "correlation-id"),
            Trail("order-0017", Where.FIELD, "value.orderId"),
        ):
            steps = await _followed(broker, list(names.values()), trail)
            found = [(step.record.topic, json.loads(step.record.value or b"")["type"]) for step in steps]
            assert found == [(names[topic], what) for topic, _, what in STEPS]
            assert sum(step.gap or 0 for step in steps) == STEPS[-1][1]
        keyed = await _followed(broker, list(names.values()), Trail("order-0017", Where.KEY))
        assert {step.record.topic for step in keyed} == {names["orders"]}

    aio.run(look())


def test_an_outbox_and_what_was_published_of_it(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """The outbox has the id in a field, as a number; the topic that it is published to has it for a key; the tombstone
    that ends it has nothing but the key."""
    outbox, published = f"{topic_name}-outbox", f"{topic_name}-published"
    for name in (outbox, published):
        direct.create(broker.bootstrap, name, 2)
    rows = [
        Sent(n % 2, b"row-%d" % n, b'{"after": {"aggregate_id": %d, "seq": %d}}' % (n % 5 + 700, n), (), NOW + 100 * n)
        for n in range(20)
    ]
    events = [Sent(n % 2, b"%d" % (n % 5 + 700), b'{"seq": %d}' % n, (), NOW + 100 * n + 7) for n in range(20)]
    direct.produce(broker.bootstrap, outbox, rows)
    direct.produce(broker.bootstrap, published, [*events, Sent(0, b"703", None, (), NOW + 9000)])

    async def look() -> None:
        steps = await _followed(broker, [outbox, published], Trail("703"))
        assert [step.record.topic for step in steps] == [outbox, published] * 4 + [published]
        assert [step.gap for step in steps][1::2] == [7, 7, 7, 7]
        assert steps[-1].record.value is None
        by_field = await _followed(broker, [outbox, published], Trail("703", Where.FIELD, "value.after.aggregate_id"))
        assert [step.record.offset for step in by_field] == [step.record.offset for step in steps[:8:2]]

    aio.run(look())
