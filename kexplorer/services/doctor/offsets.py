"""Checks of what a group has committed."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from kexplorer.model.failure import Failure
from kexplorer.model.findings import Finding, Severity, Where
from kexplorer.model.lag import GroupLag, Reading
from kexplorer.services.doctor.patient import ENOUGH, Patient
from kexplorer.services.doctor.readings import partitions, place, steady


async def out_of_range(patient: Patient) -> list[Finding]:
    looks = await patient.looks()
    where = Where("group", patient.group)
    found = []
    if below := steady(looks[-ENOUGH:], lambda each: each.lost > 0):
        found.append(
            Finding(
                "out-of-range",
                Severity.PROBLEM,
                f"{sum(each.lost for each in below):,} messages were deleted before {patient.group} read them",
                {**place(below), "committed": below[0].committed or 0, "log start": below[0].start or 0},
                "The committed offset is below the start of the log: retention, or a purge, was faster than the group. "
                "auto.offset.reset decides where it goes on: earliest at the oldest message that is left, latest at "
                "the end, which skips even more.",
                "Make the group faster or the retention longer, then reset its offsets to earliest.",
                where,
            )
        )
    if beyond := steady(looks[-ENOUGH:], lambda each: (each.lag or 0) < 0):
        found.append(
            Finding(
                "out-of-range",
                Severity.PROBLEM,
                f"{patient.group} has committed offsets beyond the end of the log",
                {**place(beyond), "committed": beyond[0].committed or 0, "log end": beyond[0].end or 0},
                "The topic was deleted and made anew, it lost records, or the offsets were set wrongly. The group "
                "reads nothing there, or starts over by auto.offset.reset.",
                "Stop the group and reset its offsets to earliest or latest.",
                where,
            )
        )
    return found


async def nothing_committed(patient: Patient) -> list[Finding]:
    """Neither offsets nor members, or members that read and never commit."""
    looks = await patient.looks()
    if any(each.committed is not None for look in looks for each in look.readings):
        return await _some_uncommitted(patient, looks)
    if any(look.group.members for look in looks):
        return await _some_uncommitted(patient, looks)
    evidence: dict[str, int | float | str] = {"looks": len(looks), "members": 0, "committed partitions": 0}
    if minutes := await _retention(patient, looks[-1]):
        evidence["offsets.retention.minutes"] = minutes
    topic = f" for {patient.topic}" if patient.topic else ""
    return [
        Finding(
            "nothing-committed",
            Severity.PROBLEM,
            f"{patient.group} has no members and no committed offsets{topic}",
            evidence,
            "Either its name is wrong, or it never committed, or its offsets expired: brokers forget those of a group "
            "that has had no members for offsets.retention.minutes. When it comes back it starts by auto.offset.reset.",
            "Check group.id of the consumer. If its place is known, set the offsets before it starts again.",
            Where("group", patient.group),
        )
    ]


async def _some_uncommitted(patient: Patient, looks: Sequence[GroupLag]) -> list[Finding]:
    absent = [each for each in steady(looks, _reads_uncommitted) if (each.end or 0) > (each.start or 0)]
    if not absent:
        return []
    return [
        Finding(
            "nothing-committed",
            Severity.RISK,
            f"{patient.group} reads {partitions(len(absent))} without a committed offset",
            {**place(absent), "seconds watched": round(looks[-1].at - looks[0].at, 1)},
            "Its members hold these partitions, which have messages, and have committed nothing there. After a restart "
            "they begin by auto.offset.reset: earliest reads all again, latest skips what came meanwhile.",
            "Commit after processing, or turn enable.auto.commit on. If the members are stuck, see their log.",
            Where("group", patient.group),
        )
    ]


def _reads_uncommitted(reading: Reading) -> bool:
    return reading.committed is None and reading.member is not None and reading.trouble is None


async def _retention(patient: Patient, look: GroupLag) -> int:
    """Minutes; 0 where it is not told."""
    number = look.group.coordinator
    with contextlib.suppress(Failure):
        if number is None:
            number = (await patient.metadata()).brokers[0].id
        told = (await patient.cluster.broker_configs([number]))[number]
        if not isinstance(told, Failure) and (entry := told.get("offsets.retention.minutes")):
            return int(entry.value or 0)
    return 0
