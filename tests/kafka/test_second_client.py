"""The second client: it honours the profile or says that it cannot, and nothing that it is asked hangs."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kexplorer.demo.broker import EmbeddedBroker
from kexplorer.kafka import protocol, second_client
from kexplorer.kafka.cluster import KafkaCluster as Gateway
from kexplorer.kafka.second_config import client_config
from kexplorer.model.access import Acl, AclOperation, AclResource, QuotaEntity
from kexplorer.model.changes import AlterConfig, AlterQuota, CreateAcls, Reassign, ResourceKind
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Credentials, Profile, SaslMechanism, SecurityProtocol
from kexplorer.model.topics import TopicPartition
from tests.kafka import direct
from tests.rig.kafka import KafkaCluster
from tests.rig.loops import LoopRunner

SSL, SASL_SSL, SASL = SecurityProtocol.SSL, SecurityProtocol.SASL_SSL, SecurityProtocol.SASL_PLAINTEXT
PLAIN, SCRAM_256, SCRAM_512 = SaslMechanism.PLAIN, SaslMechanism.SCRAM_SHA_256, SaslMechanism.SCRAM_SHA_512


async def _disks(profile: Profile, credentials: Credentials | None = None) -> Any:
    cluster = Gateway(profile, credentials or Credentials())
    try:
        return (await cluster.log_dirs([1]))[1]
    finally:
        await cluster.close()


def _failure(aio: LoopRunner, asked: Coroutine[Any, Any, Any]) -> Failure:
    with pytest.raises(Failure) as raised:
        aio.run(asked)
    return raised.value


@pytest.mark.parametrize(
    ("listener", "mechanism"),
    [("SASL_PLAINTEXT", PLAIN), ("SASL_SSL", PLAIN), ("SASL_SSL", SCRAM_256), ("SASL_SSL", SCRAM_512)],
)
def test_it_logs_in_as_the_profile_says(
    aio: LoopRunner, kafka: KafkaCluster, listener: str, mechanism: SaslMechanism
) -> None:
    protocol = SecurityProtocol(listener)
    profile = Profile("p", kafka.bootstrap(listener), protocol, sasl_mechanism=mechanism, username="admin")
    if protocol.tls:
        profile = replace(profile, ca_file=str(kafka.certificates.ca))
    (found,) = aio.run(_disks(profile, Credentials("admin-secret")))
    assert Path(found.path).is_relative_to(kafka.node(1).home)
    assert found.total > found.usable > 0


def test_it_shows_the_profiles_certificate(aio: LoopRunner, kafka: KafkaCluster) -> None:
    made = kafka.certificates
    profile = Profile("p", kafka.bootstrap("SSL_CLIENT"), SSL, ca_file=str(made.ca))
    own = replace(profile, certificate_file=str(made.client), key_file=str(made.client_key))
    assert aio.run(_disks(own))


@pytest.mark.parametrize("listener", ["SSL_WRONG_HOST", "SSL_EXPIRED"])
def test_a_broker_that_proves_nothing_is_told_nothing(
    aio: LoopRunner, kafka: KafkaCluster, listener: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_client, "_SECONDS", 2.0)
    profile = Profile("p", kafka.bootstrap(listener), SSL, ca_file=str(kafka.certificates.ca))
    failure = _failure(aio, _disks(profile))
    assert failure.kind in (FailureKind.TLS, FailureKind.TIMEOUT, FailureKind.UNREACHABLE)


def test_it_verifies_by_itself(kafka: KafkaCluster) -> None:
    """Though the first client is asked before, and would have refused the broker."""
    for listener, good in (("SSL", True), ("SSL_WRONG_HOST", False), ("SSL_EXPIRED", False)):
        profile = Profile("p", kafka.bootstrap(listener), SSL, ca_file=str(kafka.certificates.ca))
        connection = protocol.Connection(client_config(profile, Credentials()))
        error = connection.bootstrap(10.0 if good else 1.0).exception(20)
        connection.close()
        assert good if error is None else protocol.is_timeout(error)


def test_a_wrong_password_is_named(aio: LoopRunner, kafka: KafkaCluster) -> None:
    profile = Profile("p", kafka.bootstrap("SASL_PLAINTEXT"), SASL, sasl_mechanism=PLAIN, username="admin")
    failure = _failure(aio, _disks(profile, Credentials("wrong")))
    assert failure.kind is FailureKind.AUTHENTICATION
    assert "password" in failure.hint


def test_what_it_cannot_honour_it_refuses(aio: LoopRunner) -> None:
    profile = Profile("p", "127.0.0.1:1", properties={"ssl.curves.list": "X25519"})
    failure = _failure(aio, _disks(profile))
    assert failure.kind is FailureKind.UNSUPPORTED
    assert "ssl.curves.list" in failure.message


def test_only_addresses_of_the_family_that_is_chosen_are_tried(aio: LoopRunner, kafka: KafkaCluster) -> None:
    there = Profile("p", kafka.bootstrap(), properties={"broker.address.family": "v4"})
    assert aio.run(_disks(there))
    elsewhere = Profile("p", kafka.bootstrap(), properties={"broker.address.family": "v6"})
    assert "Address family" in _failure(aio, _disks(elsewhere)).message


def test_properties_that_it_knows_reach_it() -> None:
    config = client_config(
        Profile("p", "a:1,b:2", properties={"client.id": "me", "client.dns.lookup": "use_all_dns_ips"}), Credentials()
    )
    assert config["bootstrap_servers"] == ["a:1", "b:2"]
    assert (config["client_id"], config["client_dns_lookup"]) == ("me", "use_all_dns_ips")


def test_nobody_is_there(aio: LoopRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_client, "_SECONDS", 2.0)
    failure = _failure(aio, _disks(Profile("p", "127.0.0.1:1")))
    assert failure.kind in (FailureKind.TIMEOUT, FailureKind.UNREACHABLE)


def test_a_frozen_broker(aio: LoopRunner, kafka: KafkaCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call ends in its time, and the next one is answered once the broker is well."""
    monkeypatch.setattr(second_client, "_SECONDS", 2.0)

    async def ask() -> None:
        async with direct.connected(kafka.bootstrap()) as cluster:
            assert await cluster.quotas() == ()
            kafka.node(1).freeze()
            with pytest.raises(Failure) as raised:
                await cluster.quotas()
            assert raised.value.kind in (FailureKind.TIMEOUT, FailureKind.UNREACHABLE)
            kafka.node(1).thaw()
            assert await cluster.quotas() == ()

    aio.run(ask())


def test_a_connection_that_is_closed_asks_nobody(aio: LoopRunner) -> None:
    async def ask() -> None:
        cluster = Gateway(Profile("p", "127.0.0.1:1"), Credentials())
        asked = asyncio.ensure_future(cluster.quotas())
        await asyncio.sleep(0)
        asked.cancel()
        await cluster.close()
        await asyncio.gather(asked, return_exceptions=True)
        await cluster.quotas()

    assert _failure(aio, ask()).kind is FailureKind.REFUSED


def test_what_settings_mean(aio: LoopRunner, kafka: KafkaCluster, topic_name: str) -> None:
    direct.create(kafka.bootstrap(), topic_name)

    async def ask() -> tuple[dict[str, str], dict[str, str]]:
        async with direct.connected(kafka.bootstrap()) as cluster:
            return await cluster.config_documentation(topic_name), await cluster.config_documentation()

    of_topics, of_brokers = aio.run(ask())
    assert "retention policy" in of_topics["cleanup.policy"]
    assert "num.io.threads" not in of_topics
    assert "threads" in of_brokers["num.io.threads"]


def test_an_embedded_broker_answers_or_says_that_it_cannot(aio: LoopRunner, topic_name: str) -> None:
    acl = Acl("User:alice", AclResource.TOPIC, topic_name, AclOperation.READ)

    async def ask(bootstrap: str) -> dict[str, object]:
        async with direct.connected(bootstrap) as cluster:
            asked: dict[str, Coroutine[Any, Any, Any]] = {
                "disks": cluster.log_dirs([1]),
                "reassignments": cluster.reassignments(),
                "quotas": cluster.quotas(),
                "acls": cluster.acls(),
                "users": cluster.scram_users(),
                "documentation": cluster.config_documentation(topic_name),
                "reassign": cluster.apply(Reassign({TopicPartition(topic_name, 0): (1,)})),
                "quota": cluster.apply(AlterQuota(QuotaEntity(user="u"), {"producer_byte_rate": 1.0})),
                "acl": cluster.apply(CreateAcls((acl,))),
                "all": cluster.apply(AlterConfig(ResourceKind.BROKER, "", {"log.cleaner.threads": "1"})),
            }
            found = await asyncio.gather(*asked.values(), return_exceptions=True)
        return dict(zip(asked, found, strict=True))

    with EmbeddedBroker() as broker:
        direct.create(broker.bootstrap, topic_name)
        answers = aio.run(ask(broker.bootstrap))
    failures = [answer for answer in answers.values() if isinstance(answer, BaseException)]
    assert failures
    for failure in failures:
        assert isinstance(failure, Failure), failure
        assert failure.kind is FailureKind.UNSUPPORTED, failure


def test_who_waits_for_its_turn_while_it_is_closed_starts_nothing(aio: LoopRunner) -> None:
    """The guard of threads fails this test if a thread is left."""

    async def close() -> None:
        cluster = Gateway(Profile("test", "127.0.0.1:1"), Credentials())
        async with cluster._second._lock:
            waiting = asyncio.create_task(cluster.reassignments())
            await asyncio.sleep(0)
            await cluster.close()
        with pytest.raises(Failure, match="The connection is closed"):
            await waiting

    aio.run(close())
