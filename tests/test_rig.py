"""The rig does what the other tests rely on."""

import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AclBinding, AdminClient, NewTopic
from confluent_kafka.admin import AclOperation as Operation
from confluent_kafka.admin import AclPermissionType as Permission
from confluent_kafka.admin import ResourcePatternType as Pattern
from confluent_kafka.admin import ResourceType as Resource

from tests.rig.brokers import Broker
from tests.rig.kafka import KafkaCluster
from tests.rig.mockcluster import MockCluster
from tests.rig.properties import USERS
from tests.rig.waiting import PATIENCE_S, wait

ROOT = Path(__file__).parents[1]
QUIET = logging.Logger("client")  # what librdkafka says of faults made on purpose
QUIET.addHandler(logging.NullHandler())


def _produce(bootstrap: str, topic: str, value: bytes, **settings: object) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "logger": QUIET, **settings})
    failed: list[KafkaError] = []
    producer.produce(topic, value, partition=0, on_delivery=lambda error, _: failed.append(error) if error else None)
    assert producer.flush(20) == 0
    assert not failed


def _values(bootstrap: str, topic: str, count: int, **settings: object) -> list[bytes | None]:
    """The first `count` values of partition 0."""
    group = {"group.id": uuid.uuid4().hex, "enable.auto.commit": False}
    consumer = Consumer({"bootstrap.servers": bootstrap, "logger": QUIET, **group, **settings})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        return [message.value() for message in consumer.consume(count, 15)]
    finally:
        consumer.close()


def _reason(bootstrap: str, **settings: object) -> str:
    """Why a connection fails, as librdkafka's error callback tells it."""
    reasons: list[str] = []
    told = {"error_cb": lambda error: reasons.append(str(error)), "logger": QUIET}
    client = Producer({"bootstrap.servers": bootstrap, **told, **settings})
    limit = time.monotonic() + PATIENCE_S
    while not reasons and time.monotonic() < limit:
        client.poll(0.05)
    return reasons[0] if reasons else "connected, or no reason was told"


def test_broker_stores_and_returns(broker: Broker, topic_name: str) -> None:
    _produce(broker.bootstrap, topic_name, b"hello")
    assert _values(broker.bootstrap, topic_name, 1) == [b"hello"]


def _tls(kafka: KafkaCluster) -> dict[str, str]:
    return {"ssl.ca.location": str(kafka.certificates.ca)}


def _login(mechanism: str, password: str = USERS["alice"]) -> dict[str, str]:
    return {"sasl.mechanism": mechanism, "sasl.username": "alice", "sasl.password": password}


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("listener", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_login(kafka: KafkaCluster, topic_name: str, listener: str, mechanism: str) -> None:
    security = {"security.protocol": listener, **_login(mechanism), **_tls(kafka)}
    _produce(kafka.bootstrap(listener), topic_name, b"hello", **security)
    assert _values(kafka.bootstrap(listener), topic_name, 1, **security) == [b"hello"]
    wrong = security | _login(mechanism, password="guessed")
    assert "uthentication failed" in _reason(kafka.bootstrap(listener), **wrong)


def test_tls(kafka: KafkaCluster, topic_name: str) -> None:
    security = {"security.protocol": "SSL", **_tls(kafka)}
    _produce(kafka.bootstrap("SSL"), topic_name, b"hello", **security)
    assert _values(kafka.bootstrap("SSL"), topic_name, 1, **security) == [b"hello"]
    unknown = security | {"ssl.ca.location": str(kafka.certificates.unknown_ca)}
    assert "certificate verify failed" in _reason(kafka.bootstrap("SSL"), **unknown)
    assert "certificate verify failed" in _reason(kafka.bootstrap("SSL_WRONG_HOST"), **security)
    assert "certificate verify failed" in _reason(kafka.bootstrap("SSL_EXPIRED"), **security)


@pytest.mark.parametrize(
    ("listener", "fault"), [("SSL", ""), ("SSL_WRONG_HOST", "IP address mismatch"), ("SSL_EXPIRED", "has expired")]
)
def test_certificates_have_the_fault_they_are_for(kafka: KafkaCluster, listener: str, fault: str) -> None:
    trust = ssl.create_default_context(cafile=kafka.certificates.ca)
    said = ""
    with socket.create_connection(("127.0.0.1", kafka.node(1).ports[listener]), 5) as plain:
        try:
            trust.wrap_socket(plain, server_hostname="127.0.0.1").close()
        except ssl.SSLCertVerificationError as error:
            said = error.verify_message
    assert fault in said
    assert bool(fault) == bool(said)


def test_client_certificate(kafka: KafkaCluster, topic_name: str) -> None:
    server = {"security.protocol": "SSL", **_tls(kafka)}
    own = {
        "ssl.certificate.location": str(kafka.certificates.client),
        "ssl.key.location": str(kafka.certificates.client_key),
    }
    _produce(kafka.bootstrap("SSL_CLIENT"), topic_name, b"hello", **server, **own)
    assert "certificate" in _reason(kafka.bootstrap("SSL_CLIENT"), **server)


def test_acl_forbids_only_what_it_is_about(kafka: KafkaCluster, topic_name: str) -> None:
    _produce(kafka.bootstrap(), topic_name, b"secret")
    alice = {"security.protocol": "SASL_PLAINTEXT", **_login("PLAIN")}
    acl = AclBinding(Resource.TOPIC, topic_name, Pattern.LITERAL, "User:bob", "*", Operation.READ, Permission.ALLOW)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap()})
    next(iter(admin.create_acls([acl]).values())).result(10)
    with pytest.raises(KafkaException, match="TOPIC_AUTHORIZATION_FAILED"):
        _values_or_raise(kafka.bootstrap("SASL_PLAINTEXT"), topic_name, **alice)
    assert _values(kafka.bootstrap(), topic_name, 1) == [b"secret"]
    assert "User:bob" in kafka.tool("org.apache.kafka.tools.AclCommand", "--list", "--topic", topic_name)


def _values_or_raise(bootstrap: str, topic: str, **settings: object) -> None:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "x", "logger": QUIET, **settings})
    try:
        seen = consumer.list_topics(topic, timeout=10).topics[topic]
        if seen.error:
            raise KafkaException(seen.error)
    finally:
        consumer.close()


@pytest.mark.slow
def test_kill_and_start_keep_the_records(kafka: KafkaCluster, topic_name: str) -> None:
    _produce(kafka.bootstrap(), topic_name, b"before")
    kafka.node(1).kill()
    with pytest.raises(KafkaException):
        AdminClient({"bootstrap.servers": kafka.bootstrap()}, logger=QUIET).list_topics(timeout=0.5)
    kafka.node(1).start()
    _produce(kafka.bootstrap(), topic_name, b"after")
    assert _values(kafka.bootstrap(), topic_name, 2) == [b"before", b"after"]


def test_frozen_node_keeps_connections_and_answers_nothing(kafka: KafkaCluster) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap()}, logger=QUIET)
    admin.list_topics(timeout=5)
    kafka.node(1).freeze()
    with pytest.raises(KafkaException, match=r"Timed out|_TRANSPORT"):
        admin.list_topics(timeout=0.5)
    with socket.create_connection(("127.0.0.1", kafka.node(1).ports["PLAINTEXT"]), 1):
        pass  # the system still accepts: this is silence, not refusal
    kafka.node(1).thaw()
    assert admin.list_topics(timeout=10).brokers


def test_proxy_modes(kafka: KafkaCluster, topic_name: str) -> None:
    _produce(kafka.bootstrap(), topic_name, os.urandom(200_000))
    proxy = kafka.proxies[0]
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap("PROXY"), "reconnect.backoff.max.ms": 100}, logger=QUIET)
    assert [broker.port for broker in admin.list_topics(timeout=5).brokers.values()] == [proxy.port]

    proxy.lat(150)
    assert _seconds(lambda: admin.list_topics(timeout=5)) >= 0.3
    proxy.stall()
    with pytest.raises(KafkaException):
        admin.list_topics(timeout=0.3)
    proxy.go()
    admin.list_topics(timeout=5)
    proxy.cut()
    with pytest.raises(KafkaException):
        admin.list_topics(timeout=0.3)
    proxy.go()
    admin.list_topics(timeout=5)

    proxy.rate(200_000)
    taken = _seconds(lambda: _values(kafka.bootstrap("PROXY"), topic_name, 1))
    assert 0.9 < taken < 6


def _seconds(call: object) -> float:
    assert callable(call)
    begin = time.monotonic()
    call()
    return time.monotonic() - begin


def test_tool_is_an_oracle(kafka: KafkaCluster, topic_name: str) -> None:
    _produce(kafka.bootstrap(), topic_name, b"hello")
    said = kafka.tool("org.apache.kafka.tools.GetOffsetShell", "--topic", topic_name)
    assert said.strip() == f"{topic_name}:0:1"
    with pytest.raises(RuntimeError, match="TopicCommand ended with 1"):
        kafka.tool("org.apache.kafka.tools.TopicCommand", "--describe", "--topic", "nosuch")


def test_three_nodes_lose_one_and_go_on(kafka3: KafkaCluster, topic_name: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka3.bootstrap()}, logger=QUIET)
    admin.create_topics([NewTopic(topic_name, 1, 3, config={"min.insync.replicas": "2"})])[topic_name].result(10)
    _produce(kafka3.bootstrap(), topic_name, b"before", acks="all")
    leader = admin.list_topics(topic_name, timeout=10).topics[topic_name].partitions[0].leader
    kafka3.node(leader).kill()
    _produce(kafka3.bootstrap(), topic_name, b"after", acks="all")
    assert _values(kafka3.bootstrap(), topic_name, 2) == [b"before", b"after"]
    kafka3.node(leader % 3 + 1).freeze()  # left so: the next test finds it well


def test_three_nodes_are_well_again(kafka3: KafkaCluster) -> None:
    assert all(node.alive and not node.frozen for node in kafka3.nodes)
    seen = AdminClient({"bootstrap.servers": kafka3.bootstrap()}).list_topics(timeout=5)
    assert len(seen.brokers) == 3
    partitions = [p for topic in seen.topics.values() for p in topic.partitions.values()]
    assert all(sorted(p.isrs) == sorted(p.replicas) for p in partitions)


ORPHAN = """
import os, signal
from tests.rig.kafka import KafkaCluster
with KafkaCluster(listeners=("PLAINTEXT",)) as cluster:
    cluster.node(1).freeze()
    print(cluster.node(1).pid, cluster.node(1).home.parent, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_nothing_outlives_a_killed_run(kafka: KafkaCluster) -> None:
    assert kafka.node(1).alive  # so that Kafka is fetched
    run = subprocess.run([sys.executable, "-c", ORPHAN], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    assert run.returncode == -signal.SIGKILL
    pid, home = run.stdout.split()
    wait(lambda: not Path("/proc", pid).exists() and not Path(home).exists(), 0.02)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_mock_cluster_errs_on_demand() -> None:
    with MockCluster(2) as mock:
        mock.create_topic("orders", partitions=3)
        settings = {"retries": 0, "request.timeout.ms": 2000, "message.timeout.ms": 3000}
        _produce(mock.bootstrap, "orders", b"fine", **settings)
        mock.push_errors(0, KafkaError.TOPIC_AUTHORIZATION_FAILED)
        with pytest.raises(AssertionError, match="TOPIC_AUTHORIZATION_FAILED"):
            _produce(mock.bootstrap, "orders", b"forbidden", **settings)
        assert _values(mock.bootstrap, "orders", 1) == [b"fine"]

        admin = AdminClient({"bootstrap.servers": mock.bootstrap}, logger=QUIET)
        assert len(admin.list_topics(timeout=5).topics["orders"].partitions) == 3
        for broker in (1, 2):
            mock.down(broker)
        with pytest.raises(KafkaException):
            admin.list_topics(timeout=0.5)
        for broker in (1, 2):
            mock.up(broker)
            mock.rtt(broker, 200)
        assert _seconds(lambda: admin.list_topics(timeout=5)) >= 0.2


def test_kafka_that_is_required_and_missing_is_an_error(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    monkeypatch.setenv("PATH", str(pytester.path))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # Qt would only take time
    pytester.makepyfile("import pytest\n@pytest.mark.kafka\ndef test_needs_it(): pass\ndef test_free(): pass")
    pytester.makeini("[pytest]\nmarkers = kafka")
    plugin = ("-p", "tests.rig.brokers")
    monkeypatch.setenv("KEXPLORER_TEST_BROKER", "kafka")
    required = pytester.runpytest_subprocess(*plugin)
    assert required.ret == pytest.ExitCode.USAGE_ERROR
    required.stderr.fnmatch_lines("*KEXPLORER_TEST_BROKER=kafka, but java is not installed*")
    monkeypatch.delenv("KEXPLORER_TEST_BROKER")
    optional = pytester.runpytest_subprocess(*plugin)
    optional.assert_outcomes(passed=1, skipped=1)
    optional.stdout.fnmatch_lines(["broker: the embedded broker (not Apache Kafka), because java is not installed"])
    optional.stdout.fnmatch_lines(["*1 tests need Apache Kafka*", "*skipped *::test_needs_it"])


def test_broker_that_is_there_already(
    kafka: KafkaCluster, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("KEXPLORER_TEST_BROKER", kafka.bootstrap())
    pytester.makepyfile(
        f"def test_given(broker): assert (broker.kind, broker.bootstrap) == ('given', '{kafka.bootstrap()}')"
        "\ndef test_controls(kafka): pass"
    )
    run = pytester.runpytest_subprocess("-p", "tests.rig.brokers")
    run.assert_outcomes(passed=1, skipped=1)
    run.stdout.fnmatch_lines(f"broker: the broker at {kafka.bootstrap()}*")
