"""Replays between an older Apache Kafka and the present one: whatever a record may hold arrives as it was, once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from kexplorer.model.replay import Pace
from tests.kafka import direct
from tests.kafka.direct import Headers, Sent
from tests.kafka.replays import Copying, crashed
from tests.rig import jars
from tests.rig.kafka import KafkaCluster

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(600)]  # its jars are fetched once

OLDER = "3.9.2"  # its transactions are those from before KIP-890


@pytest.fixture(scope="module")
def older_kafka(kafka: KafkaCluster) -> Iterator[KafkaCluster]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jars, "VERSION", OLDER)
        patch.setattr(jars, "HOME", jars.HOME.with_name(f"kafka-{OLDER}"))
        try:
            jars.fetch()
        except RuntimeError as error:
            pytest.skip(f"Apache Kafka {OLDER} could not be fetched: {str(error)[:200]}")
        with KafkaCluster(listeners=("PLAINTEXT",)) as cluster:
            yield cluster


def _anything(count: int) -> list[Sent]:
    """Records of every shape: keys, values and headers of any bytes, empty or null, headers that repeat."""
    chance = random.Random(39)

    def some(most: int) -> bytes | None:
        return chance.choice((None, b"", chance.randbytes(chance.randrange(most))))

    def headers() -> Headers:
        names = [chance.choice(("a", "b", "", "ü", "a.b")) for _ in range(chance.randrange(5))]
        return [(name, some(20)) for name in names]

    return [
        Sent(n % 3, some(30), some(300), tuple(headers()), direct.NOW - chance.randrange(3_600_000))
        for n in range(count)
    ]


@pytest.mark.parametrize("forward", [True, False], ids=["to-the-present", "to-the-older"])
def test_records_of_every_shape_are_copied_once(
    kafka: KafkaCluster, older_kafka: KafkaCluster, topic_name: str, tmp_path: Path, forward: bool
) -> None:
    source, target = (older_kafka, kafka) if forward else (kafka, older_kafka)
    copying = Copying(source.bootstrap(), topic_name, tmp_path, other=target.bootstrap())
    copying.fill(_anything(5000))
    replaying = copying.replaying(pace=Pace(records=5000))
    crashed(replaying, "after-send-offsets:2", "during-commit:2")
    assert copying.is_equal
    report = replaying.report()
    assert report["complete"]
    assert report["total"]["read"] == report["total"]["written"] == report["verified"]["found"] == 5000
