"""What a login needs for a replay, and what it lacks: told before the run, not found out in its middle."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from kexplorer.model.access import AclOperation, AclResource
from kexplorer.model.changes import CreateTopic
from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.replay import CHECKPOINTS, Guarantee, ReplayRun

_LOOKS, _LOOK_EVERY = 20, 0.1  # seconds


class Permission(NamedTuple):
    """An operation on a resource, in Kafka's words."""

    resource: AclResource
    name: str
    operation: AclOperation

    def __str__(self) -> str:
        return f"{self.operation} on {self.resource} {self.name}"


def needed(run: ReplayRun, group: str = "") -> tuple[tuple[Permission, ...], tuple[Permission, ...]]:
    """Of the source's cluster and of the target's. `group`: engines share the run. What only Describe stands for is
    implied by Read and Write."""
    plan = run.plan
    topic, read, write = AclResource.TOPIC, AclOperation.READ, AclOperation.WRITE
    source = {Permission(topic, name, read) for name in plan.source.topics}
    names = {each.name for each in run.targets.values()}
    target = {Permission(topic, name, operation) for name in names for operation in (read, write)}
    if not plan.verify:
        target = {each for each in target if each.operation is write}
    if plan.guarantee is Guarantee.EXACTLY_ONCE:
        target.add(Permission(AclResource.TRANSACTIONAL_ID, plan.transactional_id, write))
        if group:  # each engine has an id that begins so: this takes an ACL for the prefix
            target.add(Permission(AclResource.TRANSACTIONAL_ID, f"{plan.transactional_id}-", write))
        if group or run.same_cluster:
            target.add(Permission(AclResource.GROUP, group or plan.group, read))
        if _keeps_checkpoints(run, group):
            target |= {Permission(topic, CHECKPOINTS, read), Permission(topic, CHECKPOINTS, write)}
    return tuple(sorted(source)), tuple(sorted(target))


def _keeps_checkpoints(run: ReplayRun, group: str) -> bool:
    return run.plan.guarantee is Guarantee.EXACTLY_ONCE and (bool(group) or not run.same_cluster)


async def checkpoints_topic(target: Cluster) -> CreateTopic:
    """What makes the topic that keeps the progress."""
    replication = min(len((await target.metadata()).brokers), 3)
    return CreateTopic(CHECKPOINTS, 1, replication, {"cleanup.policy": "compact"})


async def missing_checkpoints(run: ReplayRun, target: Cluster, group: str = "") -> bool:
    """Whether that topic has to be made before the run. Raises `Failure` where brokers would refuse it."""
    if not _keeps_checkpoints(run, group) or (await target.topic(CHECKPOINTS)).topics:
        return False
    answers = await target.apply(await checkpoints_topic(target), only_check=True)
    if failure := answers[CHECKPOINTS]:
        if await made_meanwhile(target, failure):
            return False
        text = f"The topic {CHECKPOINTS}, which keeps the progress, cannot be made on the target: {failure.message}"
        hint = f"Ask whoever runs the cluster for Create on Topic {CHECKPOINTS}, or for the topic."
        raise Failure(failure.kind, text, hint if failure.kind is FailureKind.AUTHORIZATION else failure.hint)
    return True


async def made_meanwhile(target: Cluster, failure: Failure) -> bool:
    """Whether that topic is there, although it could not be made: another engine was first, which the broker that is
    asked may hear of a little later."""
    for _ in range(_LOOKS if failure.kind is FailureKind.INVALID else 1):
        if (await target.topic(CHECKPOINTS)).topics:
            return True
        await asyncio.sleep(_LOOK_EVERY)
    return False


def refuse_lacking(source: Sequence[Permission], target: Sequence[Permission]) -> None:
    """Raises `Failure`(AUTHORIZATION) that names all that is lacking on each side."""
    sides = [("source", source), ("target", target)]
    told = [f"the login of the {side} lacks {', '.join(map(str, lacking))}" for side, lacking in sides if lacking]
    if told:
        text = f"The replay would be refused: {'; '.join(told)}."
        raise Failure(FailureKind.AUTHORIZATION, text, "Ask whoever runs the cluster for these permissions.")
