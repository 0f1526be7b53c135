"""Runs the checks, all at once, and tells of each as it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from enum import Flag, auto
from typing import NamedTuple

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.findings import Checked, Finding
from kexplorer.services.doctor import members, offsets, partitions, progress, records
from kexplorer.services.doctor.patient import Patient

_WITHIN = 30.0  # seconds for a check, beside those for which a group is watched


class _Of(Flag):
    CLUSTER = auto()
    TOPIC = auto()
    GROUP = auto()
    TOPICS = TOPIC | GROUP
    ALL = CLUSTER | TOPICS


class Check(NamedTuple):
    """`title` says what is well where nothing is found."""

    name: str
    title: str
    of: _Of
    run: Callable[[Patient], Awaitable[Sequence[Finding]]]


CHECKS = (
    Check("listeners", "The addresses that brokers advertise can be reached", _Of.ALL, partitions.listeners),
    Check("replicas", "Partitions have a leader, and all of their replicas in sync", _Of.ALL, partitions.replicas),
    Check("abandoned", "Groups with unread messages have members", _Of.CLUSTER, members.abandoned),
    Check("topic-exists", "The topic is there", _Of.TOPICS, partitions.topics_there),
    Check("has-messages", "The topic has messages", _Of.TOPIC, partitions.has_messages),
    Check("hot-partition", "No partition gets far more than its share", _Of.TOPICS, partitions.hot_partition),
    Check("hot-key", "No key is used far more than others", _Of.TOPICS, records.hot_key),
    Check("duplicates", "No message is there twice", _Of.TOPICS, records.duplicates),
    Check("hidden", "No message is hidden from readers of committed ones", _Of.TOPICS, records.hidden),
    Check("open-transaction", "No open transaction holds readers", _Of.TOPICS, records.open_transactions),
    Check("nothing-committed", "The group has committed offsets", _Of.GROUP, offsets.nothing_committed),
    Check("out-of-range", "Committed offsets are within the log", _Of.GROUP, offsets.out_of_range),
    Check("no-members", "The group has members", _Of.GROUP, members.no_members),
    Check("idle-members", "Each member has something to read", _Of.GROUP, members.idle_members),
    Check("unread-partitions", "Each partition is read by a member", _Of.GROUP, members.unread_partitions),
    Check("flapping", "The members stay", _Of.GROUP, members.flapping),
    Check("static-clash", "Each static member is one consumer", _Of.GROUP, members.static_clash),
    Check("stuck", "Offsets are committed while messages wait", _Of.GROUP, progress.stuck),
    Check("poison", "No message makes members come back to it", _Of.GROUP, progress.poison),
    Check("retention", "Retention deletes nothing unread within a day", _Of.GROUP, progress.retention),
)


def checks_of(*, group: str = "", topic: str = "") -> Sequence[Check]:
    """Those of a group, of a topic, of a group in a topic, or, without both, of the cluster."""
    about = (_Of.GROUP if group else _Of.CLUSTER) | (_Of.TOPIC if topic else _Of.CLUSTER)
    if group or topic:
        about &= ~_Of.CLUSTER
    return [check for check in CHECKS if check.of & about]


async def examine(
    cluster: Cluster, *, group: str = "", topic: str = "", seconds: float = 10.0
) -> AsyncGenerator[Finding | Checked, None]:
    """What each check has found, and then that it has ended, as they end. A group is watched for `seconds`. What a
    check cannot look at is told by its `Checked`, and no other check ends by it. Reads at most 2,000 records of each
    of five topics, and changes nothing. Who ends it early closes it (`contextlib.aclosing`)."""
    patient = Patient(cluster, group, topic, seconds)
    running = [asyncio.create_task(_run(check, patient)) for check in checks_of(group=group, topic=topic)]
    try:
        for next_one in asyncio.as_completed(running):
            found, checked = await next_one
            for each in found:
                yield each
            yield checked
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await patient.close()


async def _run(check: Check, patient: Patient) -> tuple[Sequence[Finding], Checked]:
    try:
        async with asyncio.timeout(patient.seconds + _WITHIN):
            found = await check.run(patient)
    except TimeoutError:
        text = f"“{check.title}” was not known after {patient.seconds + _WITHIN:g} s."
        return [], Checked(check.name, check.title, 0, Failure(FailureKind.TIMEOUT, text, "Try again."))
    except Failure as failure:
        return [], Checked(check.name, check.title, 0, failure)
    return found, Checked(check.name, check.title, len(found))
