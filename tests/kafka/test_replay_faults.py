"""Replays while brokers of three nodes fail: they wait, go on, and write every record once."""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from kexplorer.model.replay import Pace
from tests.kafka import direct
from tests.kafka.direct import Sent
from tests.kafka.replays import Copying, told
from tests.rig.brokers import Broker
from tests.rig.kafka import KafkaCluster
from tests.rig.waiting import wait

pytestmark = pytest.mark.kafka

FLAPS = int(os.environ.get("KEXPLORER_REPLAY_FLAPS", "2"))  # of the network; 300 take more than an hour


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_brokers_are_killed_one_after_the_other(kafka3: KafkaCluster, topic_name: str, tmp_path: Path) -> None:
    """Each of them leads some partition, and one is the coordinator of the transactions, one of the offsets."""
    copying = Copying(kafka3.bootstrap(), topic_name, tmp_path)
    copying.fill(direct.rows(6000, 6), 6, min_insync_replicas=2)
    replaying = copying.replaying(pace=Pace(records=300))
    with replaying.start("--progress") as process:
        for number in (1, 2, 3):
            told(process, lambda progress, n=number: progress["total"]["written"] > 600 * n)  # type: ignore[misc]
            node = kafka3.node(number)
            node.kill()
            node.start()
            kafka3.wait_healthy()
        replaying.tell({"state": "running", "pace": {"records": 100_000}})
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert copying.is_equal
    assert replaying.report()["complete"]


@pytest.mark.slow
def test_a_network_that_comes_and_goes(kafka3: KafkaCluster, topic_name: str, tmp_path: Path) -> None:
    """The engine's connections go through proxies that cut them, which may lose the answer of a commit."""
    direct_way = Copying(kafka3.bootstrap(), topic_name, tmp_path)
    direct_way.fill(direct.rows(3000, 3), 3)
    replaying = Copying(kafka3.bootstrap("PROXY"), topic_name, tmp_path).replaying(pace=Pace(records=500))
    with replaying.start("--progress") as process:
        for number in range(1, 5):
            told(process, lambda progress, n=number: progress["total"]["written"] > 300 * n)  # type: ignore[misc]
            for proxy in kafka3.proxies:
                proxy.cut()
                proxy.go()
        _, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert direct_way.is_equal
    assert replaying.report()["complete"]


INIT_PRODUCER_ID, PRODUCE, TXN_OFFSETS, END_TXN = 22, 0, 28, 26  # API keys


@pytest.mark.slow
def test_answers_that_get_lost(kafka3: KafkaCluster, topic_name: str, tmp_path: Path) -> None:
    """Brokers do what they are asked for, and the engine does not learn of it: of a commit above all."""
    direct_way = Copying(kafka3.bootstrap(), topic_name, tmp_path)
    direct_way.fill(direct.rows(3000, 3), 3)
    lost = (INIT_PRODUCER_ID, PRODUCE, TXN_OFFSETS, END_TXN, END_TXN)
    for proxy in kafka3.proxies:
        proxy.lose(*lost)
    done = Copying(kafka3.bootstrap("PROXY"), topic_name, tmp_path).replaying(pace=Pace(records=500)).run()
    assert done.returncode == 0, done.stderr
    assert direct_way.is_equal
    assert all(any(key in proxy.lost for proxy in kafka3.proxies) for key in lost)


@pytest.mark.slow
@pytest.mark.timeout(120 + 30 * FLAPS)
def test_a_network_that_is_gone_for_a_second_again_and_again(
    kafka3: KafkaCluster, topic_name: str, tmp_path: Path
) -> None:
    """Behind each time it goes on as fast as before: what the pace allows."""
    count = 4000 + 1000 * FLAPS
    direct_way = Copying(kafka3.bootstrap(), topic_name, tmp_path)
    direct_way.fill(direct.rows(count, 6), 6)
    replaying = Copying(kafka3.bootstrap("PROXY"), topic_name, tmp_path).replaying(pace=Pace(records=250))
    written = 0

    def goes_on(progress: dict[str, Any]) -> bool:
        nonlocal written
        if progress["total"]["written"] <= written + 500:  # more than what was acknowledged while it was cut
            return False
        written = progress["total"]["written"]
        return True

    with replaying.start("--progress") as process:
        for _ in range(FLAPS):
            told(process, goes_on)
            for proxy in kafka3.proxies:
                proxy.cut()
            time.sleep(1.0)
            for proxy in kafka3.proxies:
                proxy.go()
        told(process, goes_on)
        replaying.tell({"state": "running", "pace": {"records": 100_000}})
        _, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert direct_way.is_equal
    assert replaying.report()["complete"]


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.skipif(sys.platform != "linux", reason="takes another process's room away by prlimit")
def test_a_disk_that_is_full_is_waited_for(
    broker: Broker, own_kafka: KafkaCluster, topic_name: str, tmp_path: Path
) -> None:
    """The target's broker ends itself when it cannot write any more, and is started again with room."""
    import resource  # noqa: PLC0415  (not on Windows)

    chance = random.Random(59)
    rows = [Sent(0, b"%d" % n, chance.randbytes(1000)) for n in range(8000)]
    copying = Copying(broker.bootstrap, topic_name, tmp_path, other=own_kafka.bootstrap())
    copying.fill(rows, 1)
    replaying = copying.replaying(pace=Pace(bytes=1_000_000), target_settings={"compression.type": "none"})
    node = own_kafka.node(1)
    with replaying.start("--progress") as process:
        told(process, lambda progress: progress["total"]["written"] > 0)
        resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (4 << 20, resource.RLIM_INFINITY))
        told(process, lambda progress: bool(progress["detail"]))
        wait(lambda: not node.alive)
        node.start()
        _, err = process.communicate(timeout=150)
    assert process.returncode == 0, err
    assert copying.is_equal
    assert replaying.report()["complete"]
