"""What a broken cluster looks like from inside: in time, with its cause, and never as emptiness."""

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence

import pytest
from confluent_kafka import KafkaException

from kexplorer.model.cluster import Link
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Batch, RecordColumns, Trouble
from kexplorer.model.topics import Edge, OffsetRange, TopicPartition
from kexplorer.services import browser
from tests.kafka import direct
from tests.kafka.direct import Sent
from tests.pages import newest
from tests.rig import processes
from tests.rig.kafka import KafkaCluster as Rig
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until

LIMIT = 13.0  # seconds that any call may take


class _View:
    """What following a topic has brought so far."""

    def __init__(self) -> None:
        self.records = RecordColumns()
        self.troubles: list[Trouble] = []

    async def take(self, batch: Batch) -> None:
        self.records.extend(batch.records)
        self.troubles += batch.troubles

    def offsets(self, partition: int) -> list[int]:
        return [record.offset for record in self.records if record.partition == partition]


def _follow_through(
    aio: LoopRunner, bootstrap: str, written_at: str, topic: str, partitions: int, fault: Callable[[], None]
) -> tuple[_View, list[Sent]]:
    """Follows `topic` while records are written before and behind a fault."""
    view = _View()

    async def follow() -> list[Sent]:
        async with direct.connected(bootstrap) as cluster:
            page = await newest(cluster, topic, 10)
            following = asyncio.create_task(browser.follow(cluster, page.ends, view.take))
            sent = await asyncio.to_thread(direct.produce, written_at, topic, direct.rows(500, partitions))
            await until(lambda: len(view.records) == 500)
            await asyncio.to_thread(fault)
            more = direct.rows(500, partitions, start=500)
            sent += await asyncio.to_thread(direct.produce, written_at, topic, more)
            await until(lambda: len(view.records) >= 1000)
            await asyncio.sleep(0.5)  # a record that came twice would come now
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        return sent

    return view, aio.run(follow())


def _each_once(view: _View, sent: list[Sent], partitions: int) -> None:
    assert not view.troubles
    for partition in range(partitions):
        assert view.offsets(partition) == [s.offset for s in sent if s.partition == partition]


@pytest.mark.slow
def test_a_broker_is_killed_and_restarted_while_followed(aio: LoopRunner, kafka: Rig, topic_name: str) -> None:
    direct.create(kafka.bootstrap(), topic_name, 3)

    def fault() -> None:
        kafka.node(1).kill()
        time.sleep(1)
        kafka.node(1).start()

    view, sent = _follow_through(aio, kafka.bootstrap(), kafka.bootstrap(), topic_name, 3, fault)
    _each_once(view, sent, 3)


@pytest.mark.slow
def test_a_leader_is_killed_while_followed(aio: LoopRunner, kafka3: Rig, topic_name: str) -> None:
    direct.create(kafka3.bootstrap(), topic_name, 3, min_insync_replicas=1)
    view, sent = _follow_through(
        aio, kafka3.bootstrap(), kafka3.bootstrap(), topic_name, 3, lambda: kafka3.node(2).kill()
    )
    _each_once(view, sent, 3)


@pytest.mark.slow
def test_connections_are_cut_in_the_middle_of_a_fetch(aio: LoopRunner, kafka: Rig, topic_name: str) -> None:
    direct.create(kafka.bootstrap(), topic_name, 2)
    direct.produce(kafka.bootstrap(), topic_name, direct.rows(40_000, 2, size=1000))
    found: dict[int, list[int]] = {0: [], 1: []}

    async def read() -> None:
        ranges = [OffsetRange(TopicPartition(topic_name, p), 0, 20_000) for p in range(2)]
        kafka.proxies[0].rate(8_000_000)
        async with direct.connected(kafka.bootstrap("PROXY")) as cluster, cluster.open_reader(ranges) as reader:
            cut = 0
            while (batch := await reader.next_batch()) is not None:
                assert not batch.troubles
                for record in batch.records:
                    found[record.partition].append(record.offset)
                if sum(map(len, found.values())) > 8000 * (cut + 1) and cut < 3:
                    cut += 1
                    await asyncio.to_thread(kafka.proxies[0].cut)
                    await asyncio.to_thread(kafka.proxies[0].rate, 20_000_000)
            assert cut == 3

    aio.run(read())
    assert found == {0: list(range(20_000)), 1: list(range(20_000))}


@pytest.fixture(params=["refused", "black hole"])
def nobody(request: pytest.FixtureRequest) -> Iterator[str]:
    """An address where nobody listens, or where somebody listens and says nothing."""
    if request.param == "refused":
        yield f"127.0.0.1:{processes.free_port()}"
    else:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            yield f"127.0.0.1:{silent.getsockname()[1]}"


@pytest.mark.slow
def test_nobody_answers(aio: LoopRunner, nobody: str) -> None:
    """Every call ends in its time with a failure; none with an empty answer."""
    source = TopicPartition("t", 0)

    async def fails(call: Awaitable[object]) -> Failure:
        begun = time.monotonic()
        try:
            answer = await call
        except Failure as failure:
            return failure
        finally:
            assert time.monotonic() - begun < LIMIT
        assert isinstance(answer, dict)
        (item,) = answer.values()
        assert isinstance(item, Failure)
        return item

    async def ask() -> Sequence[Failure]:
        async with direct.connected(nobody) as cluster:
            return await asyncio.gather(
                fails(cluster.list_offsets({source: Edge.END})),
                fails(cluster.topic_configs(["t"])),
                fails(newest(cluster, "t", 10)),
            )

    for failure in aio.run(ask(), 40):
        assert failure.kind in (FailureKind.TIMEOUT, FailureKind.UNREACHABLE)


def test_a_wrong_port_is_named(aio: LoopRunner) -> None:
    port = processes.free_port()

    async def watch() -> str:
        async with direct.connected(f"127.0.0.1:{port}") as cluster:
            cluster.watch_state(lambda state: None)
            await until(lambda: cluster.state.link is Link.DOWN)
            return cluster.state.reason

    reason = aio.run(watch())
    assert f"127.0.0.1:{port}" in reason
    assert "refused" in reason


@pytest.mark.slow
def test_a_frozen_broker(aio: LoopRunner, kafka: Rig, topic_name: str) -> None:
    direct.create(kafka.bootstrap(), topic_name, 2)
    direct.produce(kafka.bootstrap(), topic_name, direct.rows(100, 2))
    wanted = {TopicPartition(topic_name, p): Edge.END for p in range(2)}

    async def ask() -> None:
        async with direct.connected(kafka.bootstrap()) as cluster:
            assert len((await newest(cluster, topic_name, 10)).records) == 10
            kafka.node(1).freeze()
            begun = time.monotonic()
            answers = await cluster.list_offsets(wanted)
            assert time.monotonic() - begun < LIMIT
            assert {a.kind for a in answers.values() if isinstance(a, Failure)} == {FailureKind.TIMEOUT}
            assert len([a for a in answers.values() if isinstance(a, Failure)]) == 2
            async with cluster.open_reader([OffsetRange(source, 0, 50) for source in wanted]) as reader:
                begun = time.monotonic()
                troubles: list[Trouble] = []
                while (batch := await reader.next_batch()) is not None:
                    troubles += batch.troubles
                assert time.monotonic() - begun < LIMIT
            assert {trouble.source for trouble in troubles} == set(wanted)
            begun = time.monotonic()
            await cluster.close()
            assert time.monotonic() - begun < 1
            kafka.node(1).thaw()

    aio.run(ask())


_FREEZE = """
import asyncio, sys
from kexplorer.model.topics import Edge, OffsetRange, TopicPartition
from kexplorer.services import browser
from tests.kafka import direct
from tests.pages import newest

async def main(bootstrap, topic):
    async with direct.connected(bootstrap) as cluster:
        cluster.watch_state(lambda state: None)
        page = await newest(cluster, topic, 10)
        async def take(batch): pass
        tasks = [asyncio.create_task(browser.follow(cluster, page.ends, take))]
        await asyncio.sleep(0.5)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        tasks += [asyncio.create_task(cluster.metadata()), asyncio.create_task(newest(cluster, topic, 10))]
        await asyncio.sleep(0.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.slow
def test_the_program_ends_beside_a_frozen_broker(kafka: Rig, topic_name: str) -> None:
    direct.create(kafka.bootstrap(), topic_name, 2)
    direct.produce(kafka.bootstrap(), topic_name, direct.rows(100, 2))
    command = [sys.executable, "-c", _FREEZE, kafka.bootstrap(), topic_name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        kafka.node(1).freeze()
        begun = time.monotonic()
        _, errors = process.communicate(b"go\n", timeout=30)
        took = time.monotonic() - begun
    assert process.returncode == 0, errors
    assert took < 10
    assert errors == b""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_one_of_three_is_gone(aio: LoopRunner, kafka3: Rig, topic_name: str, how: str) -> None:
    """Partitions without other replicas are named; the rest of the page comes."""
    direct.create(kafka3.bootstrap(), topic_name, 6, replication=1)
    direct.produce(kafka3.bootstrap(), topic_name, direct.rows(600, 6))
    leaders = {
        p: found.leader
        for p, found in direct.admin(kafka3.bootstrap())
        .list_topics(topic_name, 10)
        .topics[topic_name]
        .partitions.items()
    }
    lost = {TopicPartition(topic_name, p) for p, leader in leaders.items() if leader == 3}
    assert 0 < len(lost) < 6

    async def ask() -> None:
        async with direct.connected(kafka3.bootstrap()) as cluster:
            await newest(cluster, topic_name, 10)
            getattr(kafka3.node(3), how)()
            for _ in range(2):  # before and behind the moment in which the cluster notices
                begun = time.monotonic()
                page = await newest(cluster, topic_name, 1000)
                assert time.monotonic() - begun < 2 * LIMIT
                assert len(page.records) == 100 * (6 - len(lost))
                assert {trouble.source for trouble in page.troubles} == lost
                await asyncio.sleep(4)

    aio.run(ask())


@pytest.mark.slow
def test_leaders_move_off_a_frozen_broker(aio: LoopRunner, kafka3: Rig, topic_name: str) -> None:
    """With replicas elsewhere, the same connection finds the new leaders by itself."""
    direct.create(kafka3.bootstrap(), topic_name, 6)
    direct.produce(kafka3.bootstrap(), topic_name, direct.rows(600, 6))

    async def ask() -> None:
        async with direct.connected(kafka3.bootstrap()) as cluster:
            await newest(cluster, topic_name, 10)
            kafka3.node(2).freeze()
            await asyncio.to_thread(_wait_for_leaders_other_than, 2, kafka3.bootstrap(), topic_name)
            begun = time.monotonic()
            answers = await cluster.list_offsets({TopicPartition(topic_name, p): Edge.END for p in range(6)})
            assert answers == {TopicPartition(topic_name, p): 100 for p in range(6)}
            assert time.monotonic() - begun < LIMIT
            page = await newest(cluster, topic_name, 1000)
            assert len(page.records) == 600
            assert not page.troubles

    aio.run(ask())


def _wait_for_leaders_other_than(broker: int, bootstrap: str, topic: str) -> None:
    """If the frozen node was the controller too, another one must be elected first."""
    limit = time.monotonic() + 40
    client = direct.admin(bootstrap)
    while time.monotonic() < limit:
        with contextlib.suppress(KafkaException):  # it may have asked the frozen one
            partitions = client.list_topics(topic, timeout=1).topics[topic].partitions.values()
            if all(partition.leader not in (broker, -1) for partition in partitions):
                return
        time.sleep(0.1)
    raise AssertionError("the leaders never moved")
