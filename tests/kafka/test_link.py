"""One state out of a storm of error callbacks."""

import asyncio
import logging
import threading
import time
from itertools import pairwise

import pytest
from confluent_kafka import KafkaError

from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.kafka.link import LinkMonitor, QuietLog
from kexplorer.model.cluster import ConnectionState, Link
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Credentials, Profile, SaslMechanism, SecurityProtocol
from tests.kafka import direct
from tests.rig import processes
from tests.rig.brokers import Broker
from tests.rig.kafka import KafkaCluster as Rig
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until

REFUSED = "127.0.0.1:{}/bootstrap: Connect to ipv4#127.0.0.1:{} failed: Connection refused (after 0ms in state CONNECT)"


def _refused(port: int) -> KafkaError:
    return KafkaError(KafkaError._TRANSPORT, REFUSED.format(port, port))


def _link(monitor: LinkMonitor) -> Link:
    return monitor.state.link


def test_the_reason_is_the_true_one_without_its_noise() -> None:
    monitor = LinkMonitor("prod")
    monitor.on_error(_refused(9))
    assert monitor.state == ConnectionState(Link.CONNECTING, "127.0.0.1:9: Connection refused")
    monitor.on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert _link(monitor) is Link.DOWN
    assert "Connection refused" in monitor.state.reason
    monitor.on_answer()
    assert _link(monitor) is Link.DEGRADED


def test_the_log_names_the_connection_and_says_what_changed(caplog: pytest.LogCaptureFixture) -> None:
    monitor = LinkMonitor("prod")
    with caplog.at_level(logging.INFO):
        monitor.on_answer()
        monitor.on_silence("no answer within 10 s")
    assert [record.getMessage() for record in caplog.records] == [
        "prod: connected",
        "prod: unreachable: no answer within 10 s",
    ]


def test_one_that_hangs_up_before_it_ever_answered_is_told_of(aio: LoopRunner, kafka: Rig) -> None:
    """A client without a login on a listener that wants one: the client library calls that no error."""

    async def watch() -> None:
        async with direct.connected(kafka.bootstrap("SASL_PLAINTEXT")) as cluster:
            with pytest.raises(Failure, match="closed the connection without an answer"):
                await cluster.metadata()
            await until(lambda: cluster.state.link is Link.DOWN)
            assert "may want another security protocol" in cluster.state.reason

    aio.run(watch())


def test_idle_connections_that_close_are_no_news() -> None:
    monitor = LinkMonitor("prod")
    monitor.on_answer()
    line = (
        "FAIL [thrd:127.0.0.1:9/1]: 127.0.0.1:9/1: Disconnected: connection closed by peer (after 600000ms in state UP)"
    )
    assert not QuietLog(monitor).filter(logging.LogRecord("client", logging.WARNING, "", 0, line, None, None))
    assert monitor.state == ConnectionState(Link.UP)


def test_a_refused_login_is_told_from_other_trouble(aio: LoopRunner, kafka: Rig) -> None:
    profile = Profile(
        "prod",
        kafka.bootstrap("SASL_PLAINTEXT"),
        security_protocol=SecurityProtocol.SASL_PLAINTEXT,
        sasl_mechanism=SaslMechanism.SCRAM_SHA_256,
        username="alice",
    )

    async def ask() -> None:
        cluster = KafkaCluster(profile, Credentials("wrong-secret"))
        try:
            for _ in range(3):  # the client tells of it between two calls
                with pytest.raises(Failure) as raised:
                    await cluster.metadata()
                if raised.value.kind is FailureKind.AUTHENTICATION:
                    break
            assert raised.value.kind is FailureKind.AUTHENTICATION
            assert "password" in raised.value.hint
            assert cluster.state.login_refused
        finally:
            await cluster.close()

    aio.run(ask())


def test_an_answer_is_up_and_silence_is_down() -> None:
    monitor = LinkMonitor("prod")
    assert monitor.state == ConnectionState(Link.CONNECTING)
    monitor.on_answer()
    assert monitor.state == ConnectionState(Link.UP)
    monitor.on_silence("no answer within 10 s")
    assert monitor.state == ConnectionState(Link.DOWN, "no answer within 10 s")
    monitor.on_answer()
    assert monitor.state == ConnectionState(Link.UP)


def test_watchers_are_told_once_a_second_and_in_the_end_the_truth(aio: LoopRunner) -> None:
    monitor = LinkMonitor("prod")
    told: list[tuple[float, ConnectionState]] = []

    async def storm() -> None:
        stop = monitor.watch(lambda state: told.append((time.monotonic(), state)))
        thread = threading.Thread(target=rage)
        thread.start()
        await asyncio.to_thread(thread.join)
        await asyncio.sleep(1.2)
        stop()

    def rage() -> None:
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            for port in range(20):
                monitor.on_error(_refused(port))
            time.sleep(0.01)

    aio.run(storm())
    assert 2 <= len(told) <= 5
    assert all(b[0] - a[0] > 0.9 for a, b in pairwise(told))
    assert told[-1][1] == monitor.state


def test_two_watchers_of_one_function_and_one_that_raises(aio: LoopRunner) -> None:
    monitor = LinkMonitor("prod")
    told: list[ConnectionState] = []
    raised: list[str] = []

    def fall(_: ConnectionState) -> None:
        raise RuntimeError("a panel fell over")

    async def watch() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(str(context["exception"])))
        stops = [monitor.watch(fall), monitor.watch(told.append), monitor.watch(told.append)]
        monitor.on_answer()
        await asyncio.sleep(0.1)
        assert told == [ConnectionState(Link.UP)] * 2
        stops[1]()
        monitor.on_silence("frozen")
        await until(lambda: len(told) == 3)
        stops[2]()
        stops[2]()
        monitor.on_answer()
        await asyncio.sleep(1.2)

    aio.run(watch())
    assert len(told) == 3
    assert set(raised) == {"a panel fell over"}


def test_errors_after_the_end_of_the_loop_raise_nothing() -> None:
    """`poll()` would raise what an error callback raises, and the reader would end with it."""
    monitor = LinkMonitor("prod")

    async def watch() -> None:
        monitor.watch(lambda state: None)

    asyncio.run(watch())
    monitor.on_error(_refused(1))
    monitor.on_answer()


def test_the_client_log_is_bounded() -> None:
    monitor = LinkMonitor("prod")
    quiet = QuietLog(monitor)

    def passes(text: str) -> bool:
        return bool(quiet.filter(logging.LogRecord("client", logging.WARNING, "", 0, text, None, None)))

    assert sum(passes(f"FAIL [thrd:x]: 127.0.0.1:{n}/bootstrap: Connection refused") for n in range(5000)) == 1
    assert sum(passes("kind " + "x" * n) for n in range(5000)) <= 1001
    passes("Receive failed: Invalid response size 120000000 (0..100000000)")
    assert monitor.state.link is Link.DOWN
    assert "receive.message.max.bytes" in monitor.state.reason


@pytest.mark.slow
def test_twenty_dead_addresses(aio: LoopRunner, caplog: pytest.LogCaptureFixture) -> None:
    """The state changes at most once a second and says why; the log stays short."""
    dead = ",".join(f"127.0.0.1:{processes.free_port()}" for _ in range(20))
    told: list[tuple[float, ConnectionState]] = []

    async def watch() -> None:
        async with direct.connected(dead) as cluster:
            cluster.watch_state(lambda state: told.append((time.monotonic(), state)))
            await asyncio.sleep(8)

    with caplog.at_level(logging.INFO):
        aio.run(watch())
    assert all(b[0] - a[0] > 0.9 for a, b in pairwise(told))
    assert told[-1][1].link is Link.DOWN
    assert "refused" in told[-1][1].reason
    assert len(caplog.records) < 30
    assert sum(len(record.getMessage()) for record in caplog.records) < 10_000


def test_the_state_follows_a_living_broker(aio: LoopRunner, broker: Broker) -> None:
    async def watch() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            assert cluster.state == ConnectionState(Link.CONNECTING)
            cluster.watch_state(lambda state: None)
            await until(lambda: cluster.state == ConnectionState(Link.UP))

    aio.run(watch())
