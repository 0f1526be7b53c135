"""The connection test names the step that fails, and why, against a real Kafka with every kind of listener."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from kexplorer.kafka import reach
from kexplorer.kafka.checks import Address
from kexplorer.kafka.probe import probe
from kexplorer.model.cluster import ProbeStep, StepOutcome
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Credentials, Profile, SaslMechanism, SecretRef, SecurityProtocol
from tests.rig.brokers import Broker
from tests.rig.kafka import KafkaCluster
from tests.rig.loops import LoopRunner
from tests.rig.processes import free_port
from tests.rig.properties import USERS

P = SecurityProtocol
ORDER = ("Settings", "DNS", "TCP", "TLS", "ApiVersions", "SASL", "Metadata", "Listener")


class Walk:
    def __init__(self, aio: LoopRunner, profile: Profile, password: str = "") -> None:
        self.steps: list[ProbeStep] = []
        aio.run(probe(profile, Credentials(password), self.steps.append))

    def outcomes(self) -> dict[str, StepOutcome]:
        """By name; of several the one that is worst for those who come after, which is: passed, if any did."""
        found: dict[str, StepOutcome] = {}
        for step in self.steps:
            if found.get(step.name) != StepOutcome.PASSED:
                found[step.name] = step.outcome
        return found

    def failed(self) -> tuple[str, Failure]:
        """The one step that failed; those before it passed or are not of the protocol, all after it were skipped."""
        (bad,) = (step for step in self.steps if step.outcome == StepOutcome.FAILED)
        outcomes = self.outcomes()
        after = ORDER[ORDER.index(bad.name) + 1 :]
        assert tuple(outcomes) == ORDER
        assert {outcomes[name] for name in after} <= {StepOutcome.SKIPPED}
        assert bad.failure
        assert bad.failure.hint
        assert "verif" not in bad.failure.hint
        return bad.name, bad.failure


def _profile(bootstrap: str, protocol: P = P.PLAINTEXT, kafka: KafkaCluster | None = None, **more: Any) -> Profile:
    ca = str(kafka.certificates.ca) if kafka else ""
    return Profile(**{"name": "t", "bootstrap": bootstrap, "security_protocol": protocol, "ca_file": ca, **more})


def _login(bootstrap: str, protocol: P, kafka: KafkaCluster, mechanism: SaslMechanism) -> Profile:
    ref = SecretRef.parse("ask:")
    return _profile(bootstrap, protocol, kafka, username="alice", password=ref, sasl_mechanism=mechanism)


def test_a_broker_that_is_well(aio: LoopRunner, broker: Broker) -> None:
    walk = Walk(aio, _profile(broker.bootstrap))
    outcomes = walk.outcomes()
    assert [name for name in ORDER if outcomes[name] == StepOutcome.SKIPPED] == ["TLS", "SASL"]
    assert StepOutcome.FAILED not in outcomes.values()
    assert all(step.seconds < 15 for step in walk.steps)


@pytest.mark.parametrize("mechanism", SaslMechanism)
def test_tls_and_login(aio: LoopRunner, kafka: KafkaCluster, mechanism: SaslMechanism) -> None:
    walk = Walk(aio, _login(kafka.bootstrap("SASL_SSL"), P.SASL_SSL, kafka, mechanism), USERS["alice"])
    assert set(walk.outcomes().values()) == {StepOutcome.PASSED}
    assert tuple(walk.outcomes()) == ORDER


def test_client_certificate(aio: LoopRunner, kafka: KafkaCluster) -> None:
    made, bootstrap = kafka.certificates, kafka.bootstrap("SSL_CLIENT")
    mine: dict[str, Any] = {"certificate_file": str(made.client), "key_file": str(made.client_key)}
    assert Walk(aio, _profile(bootstrap, P.SSL, kafka, **mine)).outcomes()["Listener"] == StepOutcome.PASSED
    step, failure = Walk(aio, _profile(bootstrap, P.SSL, kafka)).failed()
    assert (step, failure.kind) == ("TLS", FailureKind.TLS)
    assert "client certificate" in failure.hint
    mixed = mine | {"key_file": str(made.server)}
    step, failure = Walk(aio, _profile(bootstrap, P.SSL, kafka, **mixed)).failed()
    assert step == "Settings"
    assert "mismatch" in failure.message


def test_five_tls_troubles_have_five_sentences(aio: LoopRunner, kafka: KafkaCluster) -> None:
    unknown: Any = {"ca_file": str(kafka.certificates.unknown_ca)}
    found = [
        Walk(aio, _profile(kafka.bootstrap("SSL"), P.SSL, **unknown)).failed(),
        Walk(aio, _profile(kafka.bootstrap("SSL_WRONG_HOST"), P.SSL, kafka)).failed(),
        Walk(aio, _profile(kafka.bootstrap("SSL_EXPIRED"), P.SSL, kafka)).failed(),
        Walk(aio, _profile(kafka.bootstrap(), P.SSL, kafka)).failed(),
        Walk(aio, _profile(kafka.bootstrap("SSL"))).failed(),
    ]
    assert [step for step, _ in found] == ["TLS", "TLS", "TLS", "TLS", "ApiVersions"]
    assert {failure.kind for _, failure in found} == {FailureKind.TLS}
    words = ("is not trusted", "is for another", "has expired", "does not speak TLS", "speaks TLS")
    for (_, failure), said in zip(found, words, strict=True):
        assert said in failure.message


@pytest.mark.parametrize(
    ("listener", "protocol", "mechanism"),
    [
        ("SASL_PLAINTEXT", P.SASL_PLAINTEXT, SaslMechanism.SCRAM_SHA_512),
        ("SASL_SSL", P.SASL_SSL, SaslMechanism.SCRAM_SHA_256),
        ("SASL_SSL", P.SASL_SSL, SaslMechanism.PLAIN),
    ],
)
def test_wrong_password(
    aio: LoopRunner, kafka: KafkaCluster, listener: str, protocol: P, mechanism: SaslMechanism
) -> None:
    step, failure = Walk(aio, _login(kafka.bootstrap(listener), protocol, kafka, mechanism), "wrong-secret").failed()
    assert (step, failure.kind) == ("SASL", FailureKind.AUTHENTICATION)
    assert failure.message.startswith("Login as alice failed.")
    assert "wrong-secret" not in str(failure)


def test_a_listener_of_the_other_kind(aio: LoopRunner, kafka: KafkaCluster) -> None:
    step, failure = Walk(aio, _profile(kafka.bootstrap("SASL_PLAINTEXT"))).failed()
    assert (step, failure.kind) == ("Metadata", FailureKind.AUTHENTICATION)
    assert "SASL" in failure.hint
    profile = _login(kafka.bootstrap(), P.SASL_PLAINTEXT, kafka, SaslMechanism.PLAIN)
    step, failure = Walk(aio, profile, USERS["alice"]).failed()
    assert step == "SASL"
    assert "takes no login" in failure.message


def test_a_password_with_a_leading_blank(aio: LoopRunner, kafka: KafkaCluster) -> None:
    profile = _login(kafka.bootstrap("SASL_PLAINTEXT"), P.SASL_PLAINTEXT, kafka, SaslMechanism.PLAIN)
    step, failure = Walk(aio, profile, " " + USERS["alice"]).failed()
    assert step == "Settings"
    assert "starts with a blank" in failure.message


def test_refused(aio: LoopRunner) -> None:
    port = free_port()
    step, failure = Walk(aio, _profile(f"127.0.0.1:{port}")).failed()
    assert (step, failure.kind) == ("TCP", FailureKind.UNREACHABLE)
    assert failure.message == f"Connection refused by 127.0.0.1:{port}."


def test_a_name_that_does_not_exist(aio: LoopRunner) -> None:
    step, failure = Walk(aio, _profile("nosuch.invalid:9092")).failed()
    assert (step, failure.kind) == ("DNS", FailureKind.UNREACHABLE)
    assert "nosuch.invalid" in failure.message


def test_a_property_that_loads_code(aio: LoopRunner) -> None:
    step, failure = Walk(aio, _profile("127.0.0.1:9", properties={"plugin.library.paths": "evil.so"})).failed()
    assert (step, failure.kind) == ("Settings", FailureKind.REFUSED)


@pytest.fixture
def black_hole() -> Iterator[int]:
    """The port of a listener that accepts connections (its backlog does) and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield listener.getsockname()[1]


@pytest.mark.parametrize(("protocol", "where"), [(P.PLAINTEXT, "ApiVersions"), (P.SSL, "TLS")])
def test_a_black_hole(aio: LoopRunner, black_hole: int, protocol: P, where: str) -> None:
    started = time.monotonic()
    step, failure = Walk(aio, _profile(f"127.0.0.1:{black_hole}", protocol)).failed()
    assert (step, failure.kind) == (where, FailureKind.TIMEOUT)
    assert 4 < time.monotonic() - started < 20


def test_a_frozen_broker(aio: LoopRunner, kafka: KafkaCluster) -> None:
    kafka.node(1).freeze()
    step, failure = Walk(aio, _profile(kafka.bootstrap())).failed()
    assert (step, failure.kind) == ("ApiVersions", FailureKind.TIMEOUT)


def test_it_can_be_cancelled_at_once(aio: LoopRunner, black_hole: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kexplorer.kafka.probe._LIMIT", 1.0)
    steps: list[ProbeStep] = []
    connected = asyncio.Event()

    def tell(step: ProbeStep) -> None:
        steps.append(step)
        if step.name == "TLS":
            connected.set()

    async def cancel() -> float:
        task = asyncio.create_task(probe(_profile(f"127.0.0.1:{black_hole}"), Credentials(), tell))
        await asyncio.wait_for(connected.wait(), 5)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - started

    assert aio.run(cancel()) < 0.2
    assert "ApiVersions" not in {step.name for step in steps}


def test_of_several_addresses_one_is_enough(aio: LoopRunner, broker: Broker) -> None:
    walk = Walk(aio, _profile(f"127.0.0.1:{free_port()},nosuch.invalid:9092,{broker.bootstrap}"))
    assert {step.target for step in walk.steps if step.outcome == StepOutcome.FAILED} >= {"nosuch.invalid:9092"}
    assert walk.outcomes()["Listener"] == StepOutcome.PASSED
    (asked,) = (step for step in walk.steps if step.name == "Metadata")
    assert asked.target == broker.bootstrap


@pytest.mark.slow
def test_an_advertised_address_that_nobody_can_reach(aio: LoopRunner, kafka: KafkaCluster) -> None:
    """What the bootstrap address says is fine; the broker sends its clients to a name that does not resolve."""
    with KafkaCluster(
        listeners=("PLAINTEXT",), settings={"advertised.listeners": "PLAINTEXT://nosuch.invalid:9092"}
    ) as odd:
        step, failure = Walk(aio, _profile(odd.bootstrap())).failed()
    assert step == "Listener"
    assert "advertises nosuch.invalid:9092" in failure.message
    assert "advertised.listeners" in failure.hint


def test_one_that_hangs_up_on_a_tls_hello_speaks_none(aio: LoopRunner) -> None:
    """As Kafka's plain listener does. Versions of Python tell of it by different exceptions."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in range(2):  # one connection for TCP, one for TLS
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1000)

        server = threading.Thread(target=serve)
        server.start()
        step, failure = Walk(aio, _profile(f"127.0.0.1:{listener.getsockname()[1]}", P.SSL)).failed()
        server.join()
    assert step == "TLS"
    assert failure.message.endswith("does not speak TLS.")


def test_another_service_listens_there() -> None:
    """Something that answers, but not as Kafka does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        address = Address(*listener.getsockname())
        target = reach.resolve(address)[0]

        def serve() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(100)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        server = threading.Thread(target=serve)
        server.start()
        with pytest.raises(Failure, match="does not answer as a Kafka broker"):
            reach.api_versions(address, target, None, 2.0)
        server.join()
