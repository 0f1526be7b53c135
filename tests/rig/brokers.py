"""pytest plugin: which broker this run uses, the fixtures that give it to tests, and a report of who used it."""

import os
import re
import uuid
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version

import pytest

from kexplorer.demo.broker import EmbeddedBroker
from tests.rig import jars
from tests.rig.kafka import KafkaCluster, prepare

_CLUSTERS = {"kafka", "own_kafka", "kafka3"}  # fixtures that control Kafka's processes
_USES, _LACKS = "uses a broker", "lacks Apache Kafka"  # properties of tests


@dataclass(frozen=True)
class Broker:
    """The broker of this run. `is_kafka` is false for the embedded one, which lacks abilities of Apache Kafka."""

    kind: str  # "kafka", "embedded" or "given"
    bootstrap: str
    version: str
    is_kafka: bool


@dataclass
class Choice:
    """What KEXPLORER_TEST_BROKER and this machine lead to."""

    kind: str
    why: str
    given: str = ""
    started: list[KafkaCluster] = field(default_factory=list)

    @property
    def name(self) -> str:
        names = {"kafka": f"Apache Kafka {jars.VERSION}", "given": f"the broker at {self.given}"}
        return names.get(self.kind, "the embedded broker (not Apache Kafka)")


CHOICE = pytest.StashKey[Choice]()


def _choose() -> Choice:
    wanted = os.environ.get("KEXPLORER_TEST_BROKER", "")
    lacks = "" if wanted == "embedded" or ":" in wanted else jars.missing()
    if wanted == "kafka" and lacks:
        raise pytest.UsageError(f"KEXPLORER_TEST_BROKER=kafka, but {lacks}")
    if wanted in ("kafka", "embedded"):
        return Choice(wanted, f"KEXPLORER_TEST_BROKER={wanted}")
    if ":" in wanted:
        return Choice("given", f"KEXPLORER_TEST_BROKER={wanted}", given=wanted)
    if wanted:
        raise pytest.UsageError(f"KEXPLORER_TEST_BROKER is kafka, embedded, host:port or unset, not {wanted!r}")
    return Choice("embedded", lacks) if lacks else Choice("kafka", f"Java {jars.java_version()} is here")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[CHOICE] = _choose()
    config.pluginmanager.register(_Tally(config.stash[CHOICE]))


class _Tally:
    """Counts by what reports say: tests may run in several processes, and only their reports reach this one."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._used = 0
        self._skipped: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._used += report.when == "call" and (_USES, True) in report.user_properties
        if report.skipped and (_LACKS, True) in report.user_properties:
            self._skipped.append(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(f"{self._choice.name}: {self._used} tests used it")
        if self._skipped:
            why = self._choice.why
            terminalreporter.write_line(f"{len(self._skipped)} tests need Apache Kafka and were skipped: {why}")
            for nodeid in self._skipped:
                terminalreporter.write_line(f"  skipped {nodeid}")


def pytest_report_header(config: pytest.Config) -> str:
    choice = config.stash[CHOICE]
    return f"broker: {choice.name}, because {choice.why}"


def _needs(item: pytest.Item) -> set[str]:
    """What of {"broker", "kafka", "own_kafka", "kafka3"} a test needs."""
    needs = ({"broker"} | _CLUSTERS) & set(getattr(item, "fixturenames", ()))
    return needs | {"kafka"} if item.get_closest_marker("kafka") else needs


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    choice = config.stash[CHOICE]
    for item in items:
        controls = _CLUSTERS & set(getattr(item, "fixturenames", ()))
        marked = item.get_closest_marker("kafka") is not None
        if choice.kind != "kafka" and (controls or (marked and choice.kind == "embedded")):
            item.user_properties.append((_LACKS, True))
            item.add_marker(pytest.mark.skip(reason=f"needs Apache Kafka; this run has {choice.name}: {choice.why}"))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetch Kafka before the first test: the network's time is no test's time."""
    wanted = session.config.stash[CHOICE].kind == "kafka" and not session.config.option.collectonly
    if wanted and any(map(_needs, session.items)):
        if not jars.archive().exists():
            _say(session.config, f"fetching Apache Kafka {jars.VERSION} once, into {jars.HOME}")
        if trouble := prepare():
            _say(session.config, f"no class archive, so its nodes take longer to start: {trouble}")


def _say(config: pytest.Config, line: str) -> None:
    """A process that runs tests for another one has no terminal."""
    if reporter := config.pluginmanager.get_plugin("terminalreporter"):
        reporter.write_line(line)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    if _needs(item):
        item.user_properties.append((_USES, True))
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Whatever a test did to a cluster, the next one finds it well."""
    try:
        return (yield)
    finally:
        if _needs(item):
            for cluster in item.config.stash[CHOICE].started:
                cluster.heal()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and _needs(item):
        for cluster in item.config.stash[CHOICE].started:
            report.sections.append(("Kafka's log, its end", cluster.logs()[-3000:]))
    return report


def _cluster(config: pytest.Config, cluster: KafkaCluster) -> Iterator[KafkaCluster]:
    started = config.stash[CHOICE].started
    with cluster:
        started.append(cluster)
        yield cluster
        started.remove(cluster)


@pytest.fixture(scope="session")
def kafka(pytestconfig: pytest.Config) -> Iterator[KafkaCluster]:
    """One node of Apache Kafka with every listener, and ACLs that forbid nothing yet; well again after each test."""
    yield from _cluster(pytestconfig, KafkaCluster(proxy=True, authorizer=True))


@pytest.fixture
def own_kafka(pytestconfig: pytest.Config) -> Iterator[KafkaCluster]:
    """One node for one test: where a SCRAM user was deleted, Kafka 4.3.1 forgets others when it is killed later."""
    yield from _cluster(pytestconfig, KafkaCluster(authorizer=True))


@pytest.fixture(scope="session")
def kafka3(pytestconfig: pytest.Config) -> Iterator[KafkaCluster]:
    """Three nodes with PLAINTEXT and PROXY listeners; well again after each test."""
    yield from _cluster(pytestconfig, KafkaCluster(3, listeners=("PLAINTEXT",), proxy=True))


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """The broker of this run, for tests that need no more than a bootstrap address."""
    choice = request.config.stash[CHOICE]
    with ExitStack() as stack:
        if choice.kind == "kafka":
            cluster: KafkaCluster = request.getfixturevalue("kafka")
            yield Broker("kafka", cluster.bootstrap(), cluster.version, is_kafka=True)
        elif choice.kind == "given":
            yield Broker("given", choice.given, "", is_kafka=True)
        else:
            embedded = stack.enter_context(EmbeddedBroker())
            yield Broker("embedded", embedded.bootstrap, version("noida-db"), is_kafka=False)


@pytest.fixture
def topic_name(request: pytest.FixtureRequest) -> str:
    """A topic name that no other test and no earlier run has; the topic does not exist yet."""
    test = re.sub(r"[^a-zA-Z0-9._-]", "-", request.node.name)[:60]
    return f"{test}-{uuid.uuid4().hex[:8]}"
