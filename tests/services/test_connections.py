"""Connections as a person uses them, over a real file, a keyring in memory and a real broker."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kexplorer.kafka import checks, properties
from kexplorer.kafka.cluster import KafkaCluster as Gateway
from kexplorer.kafka.probe import probe
from kexplorer.model.cluster import Cluster, ProbeStep, StepOutcome
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Credentials, Profile, SecretRef, SecretStore, SecurityProtocol
from kexplorer.services.connections import Connections
from kexplorer.store.profiles import ProfileStore
from kexplorer.store.secrets import Secrets
from tests.rig.brokers import Broker
from tests.rig.kafka import KafkaCluster
from tests.rig.loops import LoopRunner
from tests.rig.properties import USERS
from tests.store.keyrings import MemoryKeyring, NoKeyring, installed

NEW_SECRET = SecretRef(SecretStore.KEYRING, "")
LOGIN = Profile("prod", "a:9092", SecurityProtocol.SASL_PLAINTEXT, username="alice", password=NEW_SECRET, colour="red")
PLAIN = Profile("local", "localhost:9092")


async def connect(profile: Profile, credentials: Credentials) -> Cluster:
    return Gateway(profile, credentials)


@pytest.fixture
def ring() -> Iterator[MemoryKeyring]:
    backend = MemoryKeyring()
    with installed(backend):
        yield backend


@pytest.fixture
def make(tmp_path: Path) -> Callable[[], Connections]:
    """Each call is another window on the same file."""
    return lambda: Connections(
        ProfileStore(tmp_path / "config" / "clusters.toml"),
        Secrets(),
        connector=connect,
        probe=probe,
        checks=checks,
        check_property=properties.check_property,
    )


async def _nobody(what: str) -> str | None:
    raise AssertionError(f"asked for {what}")


class Person:
    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, what: str) -> str | None:
        self.asked.append(what)
        return self.answers.pop(0)


def test_a_password_is_in_the_keyring_and_nowhere_else(
    aio: LoopRunner, make: Callable[[], Connections], ring: MemoryKeyring, tmp_path: Path
) -> None:
    saved = aio.run(make().add(LOGIN, {"password": "s3cret-canary"}))
    other = make()
    assert aio.run(other.load()).profiles == (saved,)
    assert aio.run(other.credentials(saved, _nobody)).password == "s3cret-canary"
    assert list(ring.kept.values()) == ["s3cret-canary"]
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert files
    assert all("s3cret-canary" not in file.read_text() for file in files)
    assert "s3cret-canary" not in repr(aio.run(other.credentials(saved, _nobody)))


def test_secrets_go_when_nothing_refers_to_them(
    aio: LoopRunner, make: Callable[[], Connections], ring: MemoryKeyring
) -> None:
    connections = make()
    first = aio.run(connections.add(LOGIN, {"password": "one"}))
    copy = aio.run(connections.duplicate(first))
    assert (copy.name, copy.password) == ("prod copy", first.password)
    assert aio.run(connections.duplicate(first)).name == "prod copy 2"
    changed = aio.run(connections.edit(copy, copy, {"password": "two"}))
    assert aio.run(connections.credentials(first, _nobody)).password == "one"
    assert aio.run(connections.credentials(changed, _nobody)).password == "two"
    aio.run(connections.edit(changed, replace(changed, password=SecretRef(SecretStore.ASK, ""))))
    assert list(ring.kept.values()) == ["one"]
    aio.run(connections.delete(first))
    assert list(ring.kept.values()) == ["one"]
    aio.run(connections.delete(connections.profiles[1]))
    assert ring.kept == {}
    assert [profile.name for profile in connections.profiles] == ["prod copy"]


def test_a_new_connection_of_an_old_name_takes_nobodys_secret(
    aio: LoopRunner, make: Callable[[], Connections], ring: MemoryKeyring
) -> None:
    connections = make()
    old = aio.run(connections.add(LOGIN, {"password": "one"}))
    renamed = aio.run(connections.edit(old, replace(old, name="renamed")))
    aio.run(connections.add(LOGIN, {"password": "two"}))
    assert aio.run(connections.credentials(renamed, _nobody)).password == "one"
    assert sorted(ring.kept.values()) == ["one", "two"]


def test_a_profile_that_was_not_saved_leaves_no_secret(
    aio: LoopRunner, make: Callable[[], Connections], ring: MemoryKeyring
) -> None:
    mine, theirs = make(), make()
    saved = aio.run(mine.add(LOGIN, {"password": "one"}))
    aio.run(theirs.load())
    aio.run(theirs.edit(saved, replace(saved, bootstrap="b:1")))
    with pytest.raises(Failure, match="meanwhile"):
        aio.run(mine.edit(saved, replace(saved, bootstrap="c:1"), {"password": "two"}))
    assert list(ring.kept.values()) == ["one"]
    assert aio.run(mine.load()).profiles[0].bootstrap == "b:1"


def test_without_a_keyring_nothing_is_saved(aio: LoopRunner, make: Callable[[], Connections]) -> None:
    with installed(NoKeyring()), pytest.raises(Failure, match="has no keyring"):  # type: ignore[no-untyped-call]
        aio.run(make().add(LOGIN, {"password": "one"}))
    assert aio.run(make().load()).profiles == ()


def test_asked_once_in_a_run_and_never_written(
    aio: LoopRunner, make: Callable[[], Connections], tmp_path: Path
) -> None:
    connections = make()
    profile = aio.run(connections.add(replace(LOGIN, password=SecretRef(SecretStore.ASK, ""))))
    other = aio.run(connections.duplicate(profile))
    person = Person("typed-canary", None)
    for _ in range(2):
        assert aio.run(connections.credentials(profile, person)).password == "typed-canary"
    assert person.asked == ["Password of “prod”"]
    with pytest.raises(Failure, match="was not given"):
        aio.run(connections.credentials(other, person))
    aio.run(connections.forget(profile))
    assert aio.run(connections.credentials(profile, again := Person("2"))).password == "2"
    assert again.asked
    assert all("typed-canary" not in file.read_text() for file in tmp_path.rglob("*") if file.is_file())


def test_problems_are_told_by_field(aio: LoopRunner, make: Callable[[], Connections], tmp_path: Path) -> None:
    connections = make()
    saved = aio.run(connections.add(PLAIN))
    wrong = Profile(
        "local",
        "nowhere",
        SecurityProtocol.SASL_SSL,
        username="",
        certificate_file=str(tmp_path),
        properties={"plugin.library.paths": "/x"},
    )
    found = connections.problems(wrong)
    assert set(found) == {"name", "bootstrap", "username", "password", "properties", "key_file"}
    assert "already" in str(found["name"])
    assert "name" not in connections.problems(wrong, saved)
    assert set(aio.run(connections.file_problems(wrong))) == {"certificate_file"}
    assert connections.problems(LOGIN, None, {"password": "x"}) == {}
    assert set(connections.problems(LOGIN, None, {"password": " x"})) == {"password"}
    nameless = replace(LOGIN, password=SecretRef(SecretStore.ENVIRONMENT, ""))
    assert "variable" in str(connections.problems(nameless)["password"])
    for name in ("", " ", " a", "a\n", "a\u202eb", "x" * 81, "\ud800"):
        assert "name" in connections.problems(replace(PLAIN, name=name))
    with pytest.raises(Failure):
        aio.run(connections.add(wrong))
    assert aio.run(connections.load()).profiles == (saved,)


REGISTRY = replace(PLAIN, name="with schemas", registry_url="https://registry:8081", registry_username="reader")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://registry:8081", "not https"),
        ("https://user:canary@registry", "not understood"),
        ("registry:8081", "not understood"),
        ("https://registry:8081", None),
        ("http://127.0.0.1:8081/path", None),
    ],
)
def test_a_registry_is_asked_over_tls_or_on_this_machine(
    make: Callable[[], Connections], url: str, said: str | None
) -> None:
    found = make().problems(replace(REGISTRY, registry_url=url))
    assert set(found) == ({"registry_url"} if said else set())
    assert said is None or said in str(found["registry_url"])


def test_the_registrys_password_is_kept_and_goes_as_the_brokers_is(
    aio: LoopRunner, make: Callable[[], Connections], ring: MemoryKeyring, tmp_path: Path
) -> None:
    connections = make()
    asked_for = replace(REGISTRY, registry_password=NEW_SECRET)
    assert set(connections.problems(asked_for)) == {"registry_password"}
    saved = aio.run(connections.add(asked_for, {"registry_password": "s3cret-canary"}))
    found = aio.run(make().credentials(saved, _nobody))
    assert found == Credentials(registry_password="s3cret-canary")
    assert "canary" not in repr(found)
    assert "canary" not in (tmp_path / "config" / "clusters.toml").read_text()
    aio.run(connections.edit(saved, replace(saved, registry_url="", registry_password=None)))
    assert ring.kept == {}


def test_the_brokers_are_reached_without_the_registrys_password(
    aio: LoopRunner, make: Callable[[], Connections], broker: Broker
) -> None:
    ask = SecretRef(SecretStore.ASK, "")
    profile = replace(REGISTRY, bootstrap=broker.bootstrap, registry_password=ask)
    connections = make()
    aio.run(connections.test(profile, _nobody, lambda _: None))

    async def use() -> None:
        await (await connections.connect(profile, _nobody)).close()

    aio.run(use())
    person = Person("later")
    assert aio.run(connections.credentials(profile, person)).registry_password == "later"
    assert person.asked == ["Schema Registry password of “with schemas”"]


def test_the_registrys_ca_file_must_be_there(aio: LoopRunner, make: Callable[[], Connections], tmp_path: Path) -> None:
    missing = replace(REGISTRY, registry_ca_file=str(tmp_path / "none.pem"))
    assert set(aio.run(make().file_problems(missing))) == {"registry_ca_file"}
    assert aio.run(make().file_problems(replace(missing, registry_url=""))) == {}


def test_tells_what_is_wrong_with_the_file(aio: LoopRunner, make: Callable[[], Connections], tmp_path: Path) -> None:
    connections = make()
    aio.run(connections.add(PLAIN))
    file = tmp_path / "config" / "clusters.toml"
    file.write_text(file.read_text() + "\n[[cluster]]\nname = 'half'\n")
    loaded = aio.run(connections.load())
    assert connections.profiles == (PLAIN,)
    assert "bootstrap" in str(loaded.failures[0])


def test_test_and_connect(aio: LoopRunner, make: Callable[[], Connections], broker: Broker) -> None:
    connections = make()
    steps: list[ProbeStep] = []
    profile = replace(PLAIN, bootstrap=broker.bootstrap)
    aio.run(connections.test(profile, _nobody, steps.append))
    assert steps[-1].name == "Listener"
    assert steps[-1].outcome == StepOutcome.PASSED

    async def use() -> int:
        cluster = await connections.connect(profile, _nobody)
        try:
            return len((await cluster.metadata()).brokers)
        finally:
            await cluster.close()

    assert aio.run(use()) == 1


def test_a_refused_answer_is_asked_for_again(
    aio: LoopRunner, make: Callable[[], Connections], kafka: KafkaCluster
) -> None:
    connections = make()
    ask = SecretRef(SecretStore.ASK, "")
    profile = replace(LOGIN, bootstrap=kafka.bootstrap("SASL_PLAINTEXT"), password=ask)
    person = Person("wrong", USERS["alice"])
    for failed in (True, False):
        steps: list[ProbeStep] = []
        aio.run(connections.test(profile, person, steps.append))
        kinds = {step.failure.kind for step in steps if step.failure}
        assert kinds == ({FailureKind.AUTHENTICATION} if failed else set())
    aio.run(connections.test(profile, person, steps.append))
    assert len(person.asked) == 2
