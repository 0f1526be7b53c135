"""A topic's records into another one of the same cluster: a replay that changes nothing, for who copies a topic with
its data."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import refuse_writing
from kexplorer.model.profile import Profile
from kexplorer.model.replay import Guarantee, Plan, ReplayProgress, ReplaySource, ReplayTarget, total
from kexplorer.services.replay_jobs import ReplayJob
from kexplorer.services.replay_plan import place_of


@dataclass(frozen=True, slots=True)
class Copied:
    """How far it is: `records` of `span` offsets, of which some may be gaps. `detail`: why it waits."""

    records: int
    span: int
    rate: float
    left: float | None
    detail: str = ""


def clone_plan(profile: Profile, source: str, target: str, now: int) -> Plan:
    """Every committed record of `source`, each exactly once. `now` (milliseconds since 1970) makes the job one of its
    own."""
    name = re.sub(r"[^a-zA-Z0-9._-]", "-", f"clone-{target}")[:120]
    place = place_of(profile)
    return Plan(
        f"{name}-{now}",
        ReplaySource(place, (source,)),
        ReplayTarget(place, {source: target}),
        guarantee=Guarantee.EXACTLY_ONCE,
    )


async def copy(
    profile: Profile,
    source: str,
    target: str,
    folder: Path,
    make_job: Callable[[Path], ReplayJob] = ReplayJob,
) -> AsyncGenerator[Copied, None]:
    """Copies into `target`, which is there and best empty, and tells how far it is. Who stops listening (`aclose`, or a
    cancelled task) ends it behind the transaction under way; what was copied stays. `folder` is for the plan and its
    report. Raises `Failure` where it does not come to its end, with what it said."""
    refuse_writing(profile)
    plan = clone_plan(profile, source, target, time.time_ns() // 1_000_000)
    job = make_job(folder / f"{plan.job}.toml")
    await job.save(plan)
    try:
        async for progress in job.run():
            yield _copied(progress)
        ended = await job.ended()
    finally:
        await job.stop()
    if not ended.complete:
        last = ended.told.splitlines()[-3:]
        raise Failure(FailureKind.BROKER, f"{source} was not copied to the end: {' '.join(last)}", f"See {job.path}.")


def _copied(progress: ReplayProgress) -> Copied:
    done = total(each.counts for each in progress.reached.values())
    span = sum(each.position for each in progress.reached.values())
    return Copied(done.written, span, progress.rate, progress.left, progress.detail)
