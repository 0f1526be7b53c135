"""What settings give is measured with the same records for each, and nothing of it is left in the cluster."""

import asyncio
import json

import pytest

from kexplorer.model.batches import Batches
from kexplorer.model.changes import DeleteTopics
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import ProducerSettings
from kexplorer.model.producer_presets import PRESETS
from kexplorer.services.changes import Changes
from kexplorer.services.jobs import Jobs, JobState
from kexplorer.services.produce_benchmark import (
    PREFIX,
    Benchmark,
    Configuration,
    Load,
    Result,
    delete,
    meaning,
    throw_away_topic,
)
from kexplorer.services.send_pace import Progress
from tests.kafka import direct
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster
from tests.services.memory_audit import MemoryAudit

SHORT = Load(size=60, keys=3, seconds=0.1)
ONE = Configuration("Durable", ProducerSettings())
TWO = Configuration("Dense", ProducerSettings({"compression.type": "lz4"}))


def _cluster(topic: str = "bench") -> FakeCluster:
    made = FakeCluster()
    made.add_topic(topic, 3)
    return made


def test_each_configuration_sends_the_same_and_is_told_of(aio: LoopRunner) -> None:
    cluster, jobs, found = _cluster(), Jobs(), list[Result]()
    aio.run(Benchmark(cluster, "bench", SHORT, [ONE, TWO], jobs).run(found.append))
    assert [(result.name, result.failed, result.failure) for result in found] == [
        ("Durable", 0, None),
        ("Dense", 0, None),
    ]
    assert all(result.rate and result.byte_rate > 60 * result.rate for result in found)
    assert [result.ratio for result in found] == [None, pytest.approx(2, abs=0.1)]
    records = [record for log in cluster.logs.values() for record in log]
    assert {record.key for record in records} == {b"key-0", b"key-1", b"key-2"}
    assert all(len(record.value or b"") == 60 and json.loads(record.value or b"") for record in records)
    first, second = (result.progress.sent for result in found if result.progress)
    assert len(records) == first + second
    assert [job.state for job in jobs.all()] == [JobState.DONE]


def test_what_does_not_work_ends_none_of_the_others(aio: LoopRunner) -> None:
    cluster, found = _cluster(), list[Result]()
    cluster.failures["open_writer"] = Failure(FailureKind.REFUSED, "No.")

    async def run() -> None:
        def note(result: Result) -> None:
            found.append(result)
            cluster.failures.clear()

        await Benchmark(cluster, "bench", SHORT, [ONE, TWO], Jobs()).run(note)

    aio.run(run())
    assert [bool(result.rate) for result in found] == [False, True]
    assert meaning(found, SHORT)[0] == "Durable did not work: No."


def test_a_topic_that_is_gone_ends_it_soon(aio: LoopRunner) -> None:
    found = list[Result]()
    aio.run(Benchmark(_cluster("other"), "bench", Load(seconds=1000.0), [ONE], Jobs()).run(found.append))
    assert "no topic bench" in str(found[0].failure)


@pytest.mark.parametrize("by_job", [True, False])
def test_a_cancelled_one_has_no_result(aio: LoopRunner, by_job: bool) -> None:
    cluster, jobs, found = _cluster(), Jobs(), list[Result]()
    benchmark = Benchmark(cluster, "bench", Load(seconds=1000.0, rate=100.0), [ONE, TWO], jobs)

    async def run() -> None:
        running = asyncio.create_task(benchmark.run(found.append))
        await until(lambda: (progress := benchmark.progress()) and progress.acknowledged > 3)
        assert benchmark.under_way == "Durable"
        (jobs.all()[0] if by_job else benchmark).cancel()
        await running

    aio.run(run())
    assert not found
    assert [job.state for job in jobs.all()] == [JobState.CANCELLED]


def test_the_topic_is_deleted_or_told_of(aio: LoopRunner) -> None:
    cluster = _cluster()
    changes = Changes(cluster, MemoryAudit())
    made = throw_away_topic(3, 1)
    assert made.name.startswith(PREFIX)
    assert throw_away_topic(3, 1).name != made.name
    aio.run(delete(changes, "bench"))
    assert cluster.applied == [DeleteTopics(("bench",))]
    with pytest.raises(Failure, match=f"The topic {made.name} could not be deleted: There is no topic"):
        aio.run(delete(changes, made.name))


def _result(name: str, rate: float, p99: float, *, queue_full: int = 1, failed: int = 0) -> Result:
    progress = Progress(int(rate) + failed, int(rate), failed, 0, 1000, 1.0, rate, p99 / 2, p99, p99 / 2, p99)
    return Result(name, "none", progress, Batches(10, 100, 1000, 1100, 1000, 10, queue_full))


def test_results_are_put_into_words() -> None:
    found = meaning([_result("Durable", 1000.0, 40.0), _result("Throughput", 2500.0, 90.0)], Load())
    assert found[:2] == [
        "Throughput sent the most: 2,500/s, 2.5 times Durable.",
        "Durable had the lowest latency: p99 40 ms.",
    ]
    assert "give a rate" in found[2]
    assert "it may take more" in " ".join(meaning([_result("Durable", 1000.0, 1.0, queue_full=0)], Load()))
    kept = meaning([_result("Durable", 990.0, 3.0), _result("Throughput", 400.0, 9.0, failed=7)], Load(rate=1000.0))
    assert kept[0] == "Throughput did not keep up with 1,000/s: it reached 400/s."
    assert kept[-1].startswith("Throughput: 7 were not acknowledged.")


@pytest.mark.kafka
def test_on_a_broker_batches_are_counted_as_they_are(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 2)
    load, found = Load(size=400, keys=0, seconds=0.5), list[Result]()
    presets = {preset.name: preset.producer_settings() for preset in PRESETS}
    chosen = [Configuration(name, presets[name]) for name in ("Throughput", "Low latency")]

    async def run() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            await Benchmark(cluster, topic_name, load, chosen, Jobs()).run(found.append)

    aio.run(run())
    sent = 0
    for result in found:
        assert result.progress
        assert result.batches
        assert result.failure is None
        assert result.batches.records == result.progress.acknowledged == result.progress.sent
        assert result.batches.payload == result.progress.nbytes == 400 * result.batches.records
        assert 0 < result.batches.fill <= 1
        assert result.progress.p99 >= result.progress.p50 > 0
        sent += result.progress.sent
    assert sum(end - start for start, end in direct.ends(broker.bootstrap, topic_name, 2).values()) == sent
    dense, quick = found
    assert dense.ratio
    assert dense.ratio > 1.2
    assert quick.ratio is None
    assert dense.batches
    assert quick.batches
    assert dense.batches.records_each > quick.batches.records_each
