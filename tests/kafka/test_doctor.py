"""Each trouble that the doctor knows, brought about on a real cluster, and found; what is well, found well."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, aclosing, contextmanager
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AdminClient, NewPartitions

from kexplorer.kafka.cluster import KafkaCluster as Gateway
from kexplorer.model.findings import Checked, Finding, Severity, Where
from kexplorer.model.profile import Credentials, Profile, SecurityProtocol
from kexplorer.services.doctor.examine import examine
from kexplorer.services.doctor.partitions import listeners
from kexplorer.services.doctor.patient import Patient
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent
from tests.rig.brokers import Broker
from tests.rig.kafka import KafkaCluster
from tests.rig.loops import LoopRunner
from tests.rig.waiting import wait

pytestmark = pytest.mark.kafka
SECONDS = 5.0  # for which groups are watched


class Report(NamedTuple):
    findings: Sequence[Finding]
    checked: Sequence[Checked]

    @property
    def names(self) -> set[str]:
        return {each.check for each in self.findings}

    def the(self, check: str) -> Finding:
        assert check in self.names, self.findings
        (found,) = [each for each in self.findings if each.check == check]
        return found


async def _examined(cluster: Gateway, group: str, topic: str) -> Report:
    findings, checked = [], []
    async with aclosing(examine(cluster, group=group, topic=topic, seconds=SECONDS)) as told:
        async for each in told:
            if isinstance(each, Finding):
                findings.append(each)
            else:
                checked.append(each)
    return Report(findings, checked)


class Scene:
    """Groups and topics of one broker, in which something is wrong or not. All are examined at the same time."""

    def __init__(self, bootstrap: str, stack: ExitStack) -> None:
        self.bootstrap = bootstrap
        self.run = uuid.uuid4().hex[:8]
        self.ended = threading.Event()
        self._stack = stack

    def topic(self, name: str, partitions: int = 1, records: Sequence[Sent] = (), **config: Any) -> str:
        full = f"{name}-{self.run}"
        direct.create(self.bootstrap, full, partitions, **config)
        direct.produce(self.bootstrap, full, records)
        return full

    def consumer(self, group: str, **config: object) -> Consumer:
        settings = {"bootstrap.servers": self.bootstrap, "group.id": group, "enable.auto.commit": False}
        return Consumer({**settings, "auto.offset.reset": "earliest", **config}, logger=direct.QUIET)

    def commit(self, group: str, topic: str, *offsets: int) -> None:
        simple = self.consumer(group)
        simple.commit(offsets=[Place(topic, n, at) for n, at in enumerate(offsets)], asynchronous=False)
        simple.close()

    def goes_on(self, work: Callable[[], None]) -> None:
        """Again and again, until all were examined."""

        def run() -> None:
            while not self.ended.is_set():
                with contextlib.suppress(KafkaException):
                    work()

        thread = threading.Thread(target=run)
        thread.start()
        self._stack.callback(thread.join)

    def member(
        self, group: str, topic: str, poll: Callable[[Consumer], None] = lambda c: None, **config: object
    ) -> None:
        """One that stays. `poll` is called after each poll."""
        consumer = self.consumer(group, **config)
        consumer.subscribe([topic])
        self._stack.callback(consumer.close)
        joined = threading.Event()

        def work() -> None:
            consumer.poll(0.05)
            poll(consumer)
            if consumer.memberid():
                joined.set()

        self.goes_on(work)
        assert joined.wait(30)

    def comes_back(self, group: str, topic: str, stays: float, **config: object) -> None:
        """One that leaves and joins again."""

        def work() -> None:
            consumer = self.consumer(group, **config)
            try:
                consumer.subscribe([topic])
                if consumer.consume(1, stays):
                    self.ended.wait(0.4)  # at work, until it fails
            finally:
                consumer.close()

        self.goes_on(work)


@contextmanager
def _scene(bootstrap: str) -> Iterator[Scene]:
    with ExitStack() as stack:
        scene = Scene(bootstrap, stack)
        try:
            yield scene
        finally:
            scene.ended.set()


def _records(count: int, partitions: int = 1) -> list[Sent]:
    return [Sent(n % partitions, f"k{n}".encode(), b"v", timestamp=NOW + n) for n in range(count)]


def _commit(consumer: Consumer) -> None:
    if consumer.assignment() and any(each.offset >= 0 for each in consumer.position(consumer.assignment())):
        consumer.commit(asynchronous=False)


def _pause(consumer: Consumer) -> None:
    consumer.pause(consumer.assignment())


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


def _commit_for_a_moment(bootstrap: str, group: str, topic: str) -> bool:
    """By version 2 of OffsetCommit, in which a client may say for how long: they expire at the broker's next look.
    Whether the coordinator of the group is there yet, which took it."""
    partition = struct.pack(">iiq", 1, 0, 7) + _text("")
    body = _text(group) + struct.pack(">i", -1) + _text("") + struct.pack(">qi", 1, 1) + _text(topic) + partition
    request = struct.pack(">hhi", 8, 2, 1) + _text("test") + body
    host, _, port = bootstrap.rpartition(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = connection.recv(4096)
    return answer.endswith(struct.pack(">ih", 0, 0))  # partition, error code


def _expired(client: AdminClient, group: str) -> bool:
    told = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(10)
    return not told.topic_partitions


def _groups(scene: Scene) -> dict[str, tuple[str, str]]:
    """What is examined by name: a group, and a topic."""
    even = scene.topic("even", 2, _records(400, 2))
    names = {name: (f"{name}-{scene.run}", "") for name in ("well", "paused", "crowd", "poison", "nobody", "absent")}
    names |= {name: (f"{name}-{scene.run}", "") for name in ("beyond", "below", "silent", "grown", "late")}
    names |= {name: (f"{name}-{scene.run}", "") for name in ("clash", "flapping", "expired")}
    group = {name: each for name, (each, _) in names.items()}
    scene.commit(group["paused"], even, 20, 200)
    scene.commit(group["crowd"], even, 200, 200)
    scene.commit(group["nobody"], even, 150, 200)
    scene.commit(group["beyond"], even, 9000, 200)
    scene.commit(group["flapping"], even, 200, 200)
    scene.commit(group["clash"], even, 200, 200)
    short = scene.topic("short", 1, _records(100))
    direct.delete_records(scene.bootstrap, short, {0: 60})
    scene.commit(group["below"], short, 10)
    old = [Sent(0, b"k%d" % n, b"v", timestamp=NOW - 3_000_000 + n) for n in range(50)]
    scene.commit(group["late"], scene.topic("late", 1, old, retention_ms=3_600_000), 5)
    scene.commit(group["poison"], scene.topic("poison", 1, _records(10)), 3)
    wait(lambda: _commit_for_a_moment(scene.bootstrap, group["expired"], even))
    grown = scene.topic("grown", 1, _records(10))
    scene.member(group["well"], even, _commit)
    scene.member(group["paused"], even, _pause)
    for _ in range(3):
        scene.member(group["crowd"], even)
    scene.member(group["silent"], even)
    scene.member(group["grown"], grown, _commit)
    admin = direct.admin(scene.bootstrap)  # dropped while a call is open, it would leave that unanswered
    admin.create_partitions([NewPartitions(grown, 2)])[grown].result(10)
    scene.comes_back(group["poison"], f"poison-{scene.run}", 30)
    for _ in range(2):
        scene.comes_back(group["flapping"], even, 0.4)
    for client in ("one", "two"):
        static = {"group.instance.id": "till-7", "client.id": client}
        scene.comes_back(group["clash"], even, 0.5, **static)
    return names


def _topics(scene: Scene) -> dict[str, tuple[str, str]]:
    hot = [Sent(1 if n % 10 else n % 4, b"hot" if n % 10 else b"k%d" % n, b"v", timestamp=NOW + n) for n in range(1200)]
    twice = [Sent(0, b"k", b"v", timestamp=NOW)] * 2
    found = {
        "hot": scene.topic("hot", 4, hot),
        "twice": scene.topic("twice", 1, [*_records(50), *twice]),
        "empty": scene.topic("empty", 2),
        "missing": f"missing-{scene.run}",
        "plain": f"even-{scene.run}",
        "aborted": scene.topic("aborted", 1, _records(5)),
        "open": scene.topic("open", 1, _records(5)),
    }
    for name in ("aborted", "open"):
        sender = direct.producer(scene.bootstrap, transactional_id=f"{name}-{scene.run}")
        sender.init_transactions(30)
        sender.begin_transaction()
        for number in range(7):
            sender.produce(found[name], b"v", f"t{number}")
        sender.flush(30)
        if name == "aborted":
            sender.abort_transaction(30)
        else:
            scene._stack.callback(sender.abort_transaction, 30)
    return {name: ("", topic) for name, topic in found.items()}


@pytest.fixture(scope="module")
def reports(broker: Broker) -> Mapping[str, Report]:
    async def all_of(asked: Mapping[str, tuple[str, str]]) -> Mapping[str, Report]:
        async with direct.connected(broker.bootstrap) as cluster:
            found = await asyncio.gather(*(_examined(cluster, *each) for each in asked.values()))
        return dict(zip(asked, found, strict=True))

    with _scene(broker.bootstrap) as scene:
        asked = _groups(scene) | _topics(scene) | {"cluster": ("", "")}
        client = direct.admin(broker.bootstrap)

        def settled() -> bool:
            told = client.describe_consumer_groups([asked[name][0] for name in ("well", "paused", "crowd")])
            return all(len(f.result(10).members) and f.result(10).state.name == "STABLE" for f in told.values())

        wait(settled)
        wait(lambda: _expired(client, asked["expired"][0]))
        with asyncio.Runner() as runner:
            found = runner.run(all_of(asked))
    assert [each for report in found.values() for each in report.checked if each.failure] == []
    return found


def test_what_is_well_has_no_findings(reports: Mapping[str, Report]) -> None:
    assert reports["well"].findings == []
    assert len(reports["well"].checked) == 18
    assert all(each.fine for each in reports["well"].checked)
    assert reports["plain"].findings == []
    assert {"listeners", "replicas", "abandoned"} == {each.check for each in reports["cluster"].checked}
    assert reports["cluster"].names <= {"abandoned"}  # other tests leave some


def test_groups_that_nobody_reads_for_any_more(reports: Mapping[str, Report]) -> None:
    abandoned = reports["cluster"].the("abandoned")
    assert abandoned.where is not None
    assert abandoned.where.kind == "group"
    assert int(abandoned.evidence["most lag"]) >= 50


def test_a_paused_consumer(reports: Mapping[str, Report]) -> None:
    assert reports["paused"].names == {"stuck"}
    stuck = reports["paused"].the("stuck")
    assert stuck.severity is Severity.PROBLEM
    assert stuck.evidence["unread"] == 180
    assert stuck.evidence["partitions"] == 1


def test_more_members_than_partitions(reports: Mapping[str, Report]) -> None:
    assert reports["crowd"].names == {"idle-members"}
    idle = reports["crowd"].the("idle-members")
    assert idle.title.startswith("1 of 3 members")
    assert idle.evidence["partitions"] == 2
    assert idle.where is not None
    assert idle.where.kind == "topic"


def test_a_message_that_members_come_back_to(reports: Mapping[str, Report]) -> None:
    poison = reports["poison"].the("poison")
    assert poison.evidence["offset"] == 3
    assert poison.where == Where("messages", poison.evidence["such as"].split()[0])  # type: ignore[union-attr]
    assert "stuck" not in reports["poison"].names


def test_a_group_that_rebalances_again_and_again(reports: Mapping[str, Report]) -> None:
    assert reports["flapping"].names == {"flapping"}


def test_two_consumers_with_one_instance_id(reports: Mapping[str, Report]) -> None:
    clash = reports["clash"].the("static-clash")
    assert "till-7" in clash.title
    assert int(clash.evidence["member ids"]) >= 3  # of the same client: Kafka keeps its name when another takes over


def test_offsets_out_of_range(reports: Mapping[str, Report]) -> None:
    below = reports["below"].the("out-of-range")
    assert below.title.startswith("50 messages were deleted before")
    assert (below.evidence["committed"], below.evidence["log start"]) == (10, 60)
    beyond = reports["beyond"].the("out-of-range")
    assert (beyond.evidence["committed"], beyond.evidence["log end"]) == (9000, 200)


def test_a_group_without_members(reports: Mapping[str, Report]) -> None:
    assert reports["nobody"].names == {"no-members"}
    assert reports["nobody"].the("no-members").evidence["lag"] == 50


def test_a_group_that_has_committed_nothing(reports: Mapping[str, Report]) -> None:
    absent = reports["absent"].the("nothing-committed")
    assert absent.severity is Severity.PROBLEM
    assert absent.evidence["offsets.retention.minutes"] == 1
    assert reports["expired"].names == {"nothing-committed"}
    silent = reports["silent"].the("nothing-committed")
    assert silent.severity is Severity.RISK
    assert silent.evidence["partitions"] == 2


def test_a_partition_that_no_member_reads(reports: Mapping[str, Report]) -> None:
    assert reports["grown"].names == {"unread-partitions"}
    assert str(reports["grown"].the("unread-partitions").evidence["such as"]).endswith(" 1")


def test_retention_that_overtakes(reports: Mapping[str, Report]) -> None:
    late = reports["late"].the("retention")
    assert late.severity is Severity.PROBLEM
    assert late.evidence["messages"] == 45


def test_hot_keys_and_partitions(reports: Mapping[str, Report]) -> None:
    assert reports["hot"].names == {"hot-key", "hot-partition"}
    key = reports["hot"].the("hot-key")
    assert key.evidence["key"] == "hot"
    assert (key.evidence["messages"], key.evidence["of"]) == (1080, 1200)
    assert reports["hot"].the("hot-partition").title.startswith("Partition 1 of hot-")


def test_messages_that_are_there_twice(reports: Mapping[str, Report]) -> None:
    assert reports["twice"].names == {"duplicates"}
    assert str(reports["twice"].the("duplicates").evidence["such as"]).endswith("offsets 50 and 51")


def test_topics_without_messages(reports: Mapping[str, Report]) -> None:
    assert reports["empty"].names == {"has-messages"}
    assert reports["missing"].names == {"topic-exists"}


def test_transactions_that_hide_records(reports: Mapping[str, Report]) -> None:
    assert reports["aborted"].names == {"hidden"}
    assert reports["aborted"].the("hidden").title.startswith("7 of the newest messages")
    assert reports["open"].names == {"open-transaction"}
    held = reports["open"].the("open-transaction")
    assert (held.severity, held.evidence["last stable offset"], held.evidence["end"]) == (Severity.RISK, 5, 12)
    assert str(held.evidence["transactional id"]).startswith("open-")
    assert (held.evidence["coordinator"], held.evidence["first offset"]) == ("broker 1", 5)
    assert int(str(held.evidence["producer id"])) >= 0
    assert f"the producer {held.evidence['transactional id']} that has not committed" in held.remedy


@pytest.mark.slow
def test_an_advertised_address_that_nobody_can_reach(aio: LoopRunner, kafka: KafkaCluster) -> None:
    advertised = {"advertised.listeners": "PLAINTEXT://nosuch.invalid:9092"}

    async def look(bootstrap: str) -> Report:
        async with direct.connected(bootstrap) as cluster:
            return await _examined(cluster, "", "")

    with KafkaCluster(listeners=("PLAINTEXT",), settings=advertised) as odd:
        report = aio.run(look(odd.bootstrap()))
    found = report.the("listeners")
    assert found.evidence["advertised"] == "nosuch.invalid:9092"
    assert "advertised.listeners" in found.remedy


def test_an_address_that_is_reached_by_tls(aio: LoopRunner, kafka: KafkaCluster) -> None:
    """With and without a login by certificate: the check itself has none to show."""
    made = kafka.certificates
    mine = {"certificate_file": str(made.client), "key_file": str(made.client_key)}

    async def look(listener: str, **more: str) -> list[Finding]:
        bootstrap = kafka.bootstrap(listener)
        profile = Profile("tls", bootstrap, SecurityProtocol.SSL, ca_file=str(made.ca), **more)  # type: ignore[arg-type]
        cluster = Gateway(profile, Credentials())
        try:
            return await listeners(Patient(cluster))
        finally:
            await cluster.close()

    assert aio.run(look("SSL")) == []
    assert aio.run(look("SSL_CLIENT", **mine)) == []
