"""Calls everything of the gateway with odd strings and numbers: `python -m tests.kafka.fuzz BOOTSTRAP`. Ends with 0
unless something other than `Failure` is raised, or the client ends the process. Prints how many calls were made."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.kafka.properties import check_property
from kexplorer.model.access import Acl, AclOperation, AclResource, QuotaEntity, ScramMechanism
from kexplorer.model.changes import (
    AddPartitions,
    AlterConfig,
    AlterOffsets,
    AlterQuota,
    Change,
    CreateTopic,
    DeleteAcls,
    DeleteGroups,
    DeleteOffsets,
    DeleteScram,
    DeleteTopics,
    Reassign,
    RemoveMembers,
    ResourceKind,
)
from kexplorer.model.failure import Failure
from kexplorer.model.produce import Outgoing, ProducerSettings
from kexplorer.model.profile import Credentials, Profile, SaslMechanism, SecurityProtocol
from kexplorer.model.topics import AtTime, Edge, IsolationLevel, OffsetRange, TopicPartition

NUMBERS = (
    0,
    1,
    -1,
    -2,
    -3,
    -1000,
    -1001,
    2**31 - 1,
    2**31,
    -(2**31) - 1,
    2**32,
    2**63 - 1,
    2**63,
    -(2**63) - 1,
    10**30,
)
_WORDS = ("orders", "a.b-c_d", "x" * 249, "x" * 250, ".", "..", "__consumer_offsets", "größe", "主题", "🦀")
_PARTS = (
    "",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\0",
    "\ud800",
    "\udfff",
    "\udce4",
    "\u202e",
    "\u200d",
    "\ufeff",
    "\u2028",
    "\x1b[31m",
)
_PARTS_OF_FORMATS = (
    "%s%n%x",
    "{0}",
    "$(id)",
    "'",
    '"',
    ";",
    "\\",
    "/",
    "../../etc/passwd",
    "=",
    ",",
    ":",
    "[::1]",
    "<b>",
)


def odd_strings() -> list[str]:
    """At least 200, always the same."""
    parts = _PARTS + _PARTS_OF_FORMATS
    found = [*_WORDS, *parts, "x" * 1_000_000, "\ud800" * 1000, "\0" * 1000, " " * 1000, "9" * 5000]
    found += [word for part in parts for word in (f"{part}orders", f"orders{part}", f"or{part}ders", part * 3)]
    dice = random.Random(7)
    found += ["".join(chr(dice.randrange(0x110000)) for _ in range(dice.randrange(1, 12))) for _ in range(80)]
    return list(dict.fromkeys(found))


_FIRST = frozenset(odd_strings()[: len(NUMBERS)])  # with these, every number had its turn

Call = Callable[[KafkaCluster, str, int], Awaitable[object]]


async def _watch(cluster: KafkaCluster, text: str, number: int) -> None:
    cluster.watch_state(lambda state: None)()


async def _metadata(cluster: KafkaCluster, text: str, number: int) -> None:
    if number == 0:
        await cluster.metadata()


async def _offsets(cluster: KafkaCluster, text: str, number: int) -> None:
    for source in (TopicPartition(text, 0), TopicPartition("fuzz", number), TopicPartition("fuzz", 0)):
        for spec in (Edge.END, AtTime(number)):
            with contextlib.suppress(Failure):
                await cluster.list_offsets({source: spec}, IsolationLevel.READ_COMMITTED)


async def _committed(cluster: KafkaCluster, text: str, number: int) -> None:
    asked = [(text, "fuzz", 0), ("fuzz", text, 0)] + ([("fuzz", "fuzz", number)] if text in _FIRST else [])
    for group, topic, partition in asked:
        with contextlib.suppress(Failure):
            await cluster.committed(group, [TopicPartition(topic, partition)])


async def _group_offsets(cluster: KafkaCluster, text: str, number: int) -> None:
    sources = [TopicPartition(text, 0), TopicPartition("fuzz", number)]
    await cluster.group_offsets({text: None, f"fuzz-not-{text}": sources, "fuzz": [TopicPartition("fuzz", 0)]})


async def _configs(cluster: KafkaCluster, text: str, number: int) -> None:
    await cluster.topic_configs([text, "fuzz"])


async def _ids(cluster: KafkaCluster, text: str, number: int) -> None:
    await cluster.topic_ids([text, "fuzz", text])


async def _reader(cluster: KafkaCluster, text: str, number: int) -> None:
    asked = [OffsetRange(TopicPartition(text, 0), 0, 1)]
    if text in _FIRST:
        asked += [
            OffsetRange(TopicPartition("fuzz", number), 0, 1),
            OffsetRange(TopicPartition("fuzz", 0), number, None),
            OffsetRange(TopicPartition("fuzz", 0), 0, number),
        ]
    for given in asked:
        with contextlib.suppress(Failure):
            async with cluster.open_reader([given, given]) as reader:
                await reader.next_batch()


async def _topic(cluster: KafkaCluster, text: str, number: int) -> None:
    await cluster.topic(text)


async def _documentation(cluster: KafkaCluster, text: str, number: int) -> None:
    await cluster.config_documentation(text)


async def _broker_configs(cluster: KafkaCluster, text: str, number: int) -> None:
    if text in _FIRST:
        await cluster.broker_configs([number])


async def _log_dirs(cluster: KafkaCluster, text: str, number: int) -> None:
    if text in _FIRST:
        await cluster.log_dirs([number])


async def _lists(cluster: KafkaCluster, text: str, number: int) -> None:
    if number == 0:
        calls = (cluster.reassignments, cluster.acls, cluster.scram_users, cluster.quotas, cluster.groups)
        for ask in (*calls, cluster.version):
            with contextlib.suppress(Failure):
                await ask()


async def _transaction(cluster: KafkaCluster, text: str, number: int) -> None:
    if number <= 0:
        await cluster.open_transaction(TopicPartition(text, number))


async def _describe_groups(cluster: KafkaCluster, text: str, number: int) -> None:
    """Of a group that is not there the answer may take all of its time, so not for each."""
    if number == 0 or len(text) > 100:
        await cluster.describe_groups([text])


async def _settings(cluster: KafkaCluster, text: str, number: int) -> None:
    for settings in (ProducerSettings({text: text}), ProducerSettings({"linger.ms": text}), ProducerSettings({}, text)):
        with contextlib.suppress(Failure):
            cluster.check_settings(settings)


async def _writer(cluster: KafkaCluster, text: str, number: int) -> None:
    async with cluster.open_writer(ProducerSettings({})) as writer:
        for outgoing in (Outgoing(text, text, text), Outgoing("fuzz", partition=number, timestamp=number)):
            with contextlib.suppress(Failure):
                await writer.send([outgoing])


async def _apply(cluster: KafkaCluster, text: str, number: int) -> None:
    """Only what is checked, or has nothing to act upon."""
    acl = Acl(f"User:{text}", AclResource.TOPIC, text, AclOperation.READ, host=text)
    checked: Sequence[Change] = (
        CreateTopic(text, number, number),
        CreateTopic("fuzz-new", 1, 1, {text: text}, ((number,),)),
        AddPartitions(text, number),
        AlterConfig(ResourceKind.TOPIC, "fuzz", {text: text}),
        AlterConfig(ResourceKind.BROKER, text, {"log.cleaner.threads": text}),
        AlterQuota(QuotaEntity(text, text, text), {text: float(number)}),
    )
    idle: Sequence[Change] = (
        DeleteTopics((f"fuzz-not-{text}",)),
        DeleteAcls((acl,)),
        DeleteScram(f"fuzz-not-{text}", ScramMechanism.SHA_256),
        AlterOffsets(text, {TopicPartition("fuzz-not", number): number, TopicPartition(text, 0): 1}),
        DeleteOffsets(text, (TopicPartition("fuzz-not", number), TopicPartition(text, 0))),
        DeleteGroups((f"fuzz-not-{text}",)),
        RemoveMembers(f"fuzz-not-{text}", (text,), (text,)),
        Reassign({TopicPartition("fuzz", number): None, TopicPartition(f"fuzz-not-{text}", 0): (number,)}),
    )
    asked = [cluster.apply(change, only_check=True) for change in checked] + [cluster.apply(change) for change in idle]
    for answer in await asyncio.gather(*asked, return_exceptions=True):
        if isinstance(answer, BaseException) and not isinstance(answer, Failure):
            raise answer


CALLS: dict[str, Call] = {
    "topic": _topic,
    "config_documentation": _documentation,
    "broker_configs": _broker_configs,
    "log_dirs": _log_dirs,
    "reassignments": _lists,
    "acls": _lists,
    "scram_users": _lists,
    "quotas": _lists,
    "groups": _lists,
    "version": _lists,
    "open_transaction": _transaction,
    "describe_groups": _describe_groups,
    "check_settings": _settings,
    "open_writer": _writer,
    "apply": _apply,
    "watch_state": _watch,
    "metadata": _metadata,
    "list_offsets": _offsets,
    "committed": _committed,
    "group_offsets": _group_offsets,
    "topic_configs": _configs,
    "topic_ids": _ids,
    "open_reader": _reader,
}


async def _profiles(text: str) -> int:
    """A cluster from profiles whose every field is odd in turn; none of them talks to a broker."""
    made = Profile("fuzz", "127.0.0.1:1")
    fields: Sequence[dict[str, Any]] = (
        {"name": text},
        {"bootstrap": text},
        {"bootstrap": f"127.0.0.1:1,{text}"},
        {"username": text, "security_protocol": SecurityProtocol.SASL_PLAINTEXT},
        {"username": text, "security_protocol": SecurityProtocol.SASL_SSL, "sasl_mechanism": SaslMechanism.PLAIN},
        {"ca_file": text, "security_protocol": SecurityProtocol.SSL},
        {"certificate_file": text, "key_file": text, "security_protocol": SecurityProtocol.SSL},
        {"properties": {text: "1"}},
        {"properties": {"client.id": text}},
        {"properties": {"client.rack": text}},
        {"properties": {"ssl.cipher.suites": text}, "security_protocol": SecurityProtocol.SSL},
        {"properties": {"socket.timeout.ms": text}},
    )
    for each in fields:
        with contextlib.suppress(Failure):
            cluster = KafkaCluster(replace(made, **each), Credentials(text, text))
            with contextlib.suppress(Failure, TimeoutError):
                async with asyncio.timeout(0.01), cluster.open_reader([OffsetRange(TopicPartition("t", 0), 0, 1)]):
                    pass  # so that the client gets its configuration
            await cluster.close()
    with contextlib.suppress(Failure):
        check_property(text, text)
    return len(fields) + 1


async def main(bootstrap: str) -> int:
    calls = 0
    cluster = KafkaCluster(Profile("fuzz", bootstrap), Credentials())
    strings = odd_strings()
    for position, text in enumerate(strings):
        number = NUMBERS[position % len(NUMBERS)]
        for call in CALLS.values():
            with contextlib.suppress(Failure):
                await call(cluster, text, number)
            calls += 1
        calls += await _profiles(text)
    await cluster.close()
    return calls


if __name__ == "__main__":
    logging.disable()
    assert len(odd_strings()) >= 200
    print(asyncio.run(main(sys.argv[1])))  # noqa: T201
