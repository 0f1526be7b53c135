"""`kexplorer lag` as a person, a script and Prometheus use it: a process of its own, its output, its exit code."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from kexplorer import cli_lag
from kexplorer.model.failure import Failure
from kexplorer.store.lag_history import LagHistory
from tests.kafka import direct
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import wait


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "kexplorer", "lag", *map(str, arguments)]


def _run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(*arguments), capture_output=True, text=True, timeout=100, check=False)


@contextmanager
def _running(state: Path, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Until it is told to end, as by Ctrl+C."""
    command = _command(*arguments)
    surroundings = {**os.environ, "XDG_STATE_HOME": str(state), "HOME": str(state)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=surroundings
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0, process.stderr and process.stderr.read()


@pytest.fixture(scope="module")
def topic(broker: Broker) -> str:
    """10 records in partition 0, 5 in partition 1, none in 2."""
    name = f"lag-{time.time_ns()}"
    direct.create(broker.bootstrap, name, 3)
    direct.produce(broker.bootstrap, name, [direct.Sent(n % 2 if n < 10 else 0, None, b"v") for n in range(15)])
    return name


@pytest.fixture
def group(broker: Broker, topic: str, topic_name: str) -> str:
    """Has committed 3 in partition 0, and the end of partition 1; for each test anew, since offsets expire."""
    reader = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": topic_name}, logger=direct.QUIET)
    reader.commit(offsets=[TopicPartition(topic, 0, 3), TopicPartition(topic, 1, 5)], asynchronous=False)
    reader.close()
    return topic_name


def test_once_for_people(broker: Broker, topic: str, group: str) -> None:
    done = _run("--bootstrap", broker.bootstrap, "--group", group)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines() if line]
    assert lines == [
        ["GROUP", "STATE", "MEMBERS", "LAG", "VERDICT"],
        [group, "empty", "0", "7", "-"],
        ["GROUP", "TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "CLIENT"],
        [group, topic, "0", "3", "10", "7", "-"],
        [group, topic, "1", "5", "5", "0", "-"],
    ]
    everybody = _run("--bootstrap", broker.bootstrap, "--once", "--every", "5s")
    assert re.search(rf"(?m)^{group} +empty +0 +7 +-$", everybody.stdout)


@pytest.mark.slow
def test_again_and_again_for_machines(broker: Broker, group: str, tmp_path: Path) -> None:
    given = ("--bootstrap", broker.bootstrap, "--group", group, "--json", "--every", "100ms")
    with _running(tmp_path, *given) as process:
        assert process.stdout is not None
        found = [json.loads(process.stdout.readline()) for _ in range(12)]
    assert all((each["group"], each["lag"], each["members"]) == (group, 7, 0) for each in found)
    assert [(p["partition"], p["committed"], p["start"], p["end"], p["lag"]) for p in found[0]["partitions"]] == [
        (0, 3, 0, 10, 7),
        (1, 5, 0, 5, 0),
    ]
    assert sorted(each["at"] for each in found) == [each["at"] for each in found]
    assert found[0]["verdict"] is None
    assert found[-1]["verdict"] == "OK"  # it is behind for too short a time


@pytest.mark.slow
def test_what_is_recorded_is_there_when_the_recorder_is_gone(
    aio: LoopRunner, broker: Broker, group: str, tmp_path: Path
) -> None:
    history = LagHistory(tmp_path / "kexplorer" / "lag.db")

    def samples() -> int:
        return len(aio.run(_all(history)))

    given = ("--bootstrap", broker.bootstrap, "--group", group, "--record", "--every", "100ms")
    with _running(tmp_path, *given) as first:
        wait(lambda: samples() > 3)
        with _running(tmp_path, *given) as second:
            assert second.stderr is not None
            assert "1 groups are recorded by another process" in second.stderr.readline()
            first.kill()
            first.wait()
            first.returncode = 0  # as it was asked to
            count = samples()
            wait(lambda: samples() > count + 3)  # its lease is over
    times = aio.run(_all(history))
    assert len(set(times)) == len(times)


async def _all(history: LagHistory) -> list[float]:
    """The times of the samples of partition 0."""
    now = time.time()
    found: list[float] = []
    for cluster in await history.clusters():
        for track in await history.read(cluster, now - 3600, now + 60, partition=0):
            assert set(track.points.lag) == {7}
            found += track.points.at
    return found


def test_prometheus_finds_what_it_knows(broker: Broker, topic: str, group: str, tmp_path: Path) -> None:
    given = ("--bootstrap", broker.bootstrap, "--group", group, "--prometheus", ":0", "--every", "200ms")
    with _running(tmp_path, *given) as process:
        assert process.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)/metrics", process.stderr.readline())
        assert found
        address = found[0]
        wait(lambda: _metrics(address).get(("kexplorer_up", ())) == 1.0)
        metrics = _metrics(address)
    partition = (("consumergroup", group), ("partition", "0"), ("topic", topic))
    log = (("partition", "0"), ("topic", topic))
    expected = {
        ("kafka_consumergroup_lag", partition): 7.0,
        ("kafka_consumergroup_current_offset", partition): 3.0,
        ("kafka_consumergroup_lag_sum", (("consumergroup", group), ("topic", topic))): 7.0,
        ("kafka_consumergroup_members", (("consumergroup", group),)): 0.0,
        ("kafka_topic_partition_current_offset", log): 10.0,
        ("kafka_topic_partition_oldest_offset", log): 0.0,
        ("kexplorer_consumergroup_verdict", (("consumergroup", group), ("verdict", "OK"))): 1.0,
        ("kexplorer_consumergroup_verdict", (("consumergroup", group), ("verdict", "STOP"))): 0.0,
    }
    assert {key: metrics.get(key) for key in expected} == expected


_Metrics = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def _metrics(address: str) -> _Metrics:
    with urllib.request.urlopen(address, timeout=10) as page:  # noqa: S310  (the address of our own server)
        text = page.read().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.slow
def test_a_cluster_that_does_not_answer_is_told(tmp_path: Path) -> None:
    done = _run("--bootstrap", "127.0.0.1:1")
    assert done.returncode == 2
    assert "127.0.0.1:1" in done.stderr
    with _running(tmp_path, "--bootstrap", "127.0.0.1:1", "--prometheus", ":0") as process:
        assert process.stderr is not None
        address = process.stderr.readline().removeprefix("Metrics are at ").rstrip(".\n")
        assert "kexplorer:" in process.stderr.readline()
        assert _metrics(address) == {("kexplorer_up", ()): 0.0}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--every", "0"], "“0” is no time between looks"),
        (["--every", "soon"], "“soon” is no time between looks"),
        (["--prometheus", "9308"], "“9308” is no address to serve at"),
        (["--prometheus", ":99999"], "“:99999” is no address to serve at"),
        (["--group", ""], "group"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anybody_is_asked(
    given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli_lag.lag(["--bootstrap", "127.0.0.1:1", *given]) == 2
    assert said in capsys.readouterr().err


def test_a_port_that_is_taken_is_told() -> None:
    from kexplorer.metrics import serve  # noqa: PLC0415

    with (
        serve("127.0.0.1", 0) as page,
        pytest.raises(Failure, match="can't be served at"),
        serve("127.0.0.1", page.port),
    ):
        pass


def test_who_stops_reading_ends_it(broker: Broker, group: str) -> None:
    command = shlex.join(_command("--bootstrap", broker.bootstrap, "--group", group, "--every", "100ms"))
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -n 1; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == "141"
    assert done.stderr == ""


def test_terminals_are_not_told_what_to_do() -> None:
    lines = list(cli_lag._aligned([("G\x1b[31m", "1"), ("x", "22")], right={1}))
    assert lines == ["G\\u001b[31m   1", "x            22"]
