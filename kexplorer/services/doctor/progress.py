"""Checks whether a group gets on."""

from __future__ import annotations

from collections.abc import Sequence

from kexplorer.model.findings import Finding, Severity, Where
from kexplorer.model.lag import GroupLag, Reading
from kexplorer.model.retention import HORIZONS
from kexplorer.model.topics import TopicPartition
from kexplorer.model.verdicts import Rates
from kexplorer.services.doctor.members import changes_of
from kexplorer.services.doctor.patient import Patient
from kexplorer.services.doctor.readings import place, seconds, steady
from kexplorer.services.group_lag import time_lag
from kexplorer.services.retention import outlook

_RETURNS = 2  # times that the member of a partition changed, which did not get on
_SOON = 3600  # seconds until messages are lost


async def stuck(patient: Patient) -> list[Finding]:
    """Members are there, messages were so from the first look on, and nothing is committed."""
    looks = await patient.looks()
    same = {each.source: each for each in looks[0].readings}
    waits = [
        each
        for each in _unmoved(looks)
        if (before := same[each.source].member) and each.member and before.id == each.member.id
    ]
    if changes_of(looks) >= _RETURNS or not (waits := await _readable(patient, waits)):
        return []
    first = waits[0]
    return [
        Finding(
            "stuck",
            Severity.PROBLEM,
            f"{patient.group} commits nothing, though it has members and messages wait",
            _facts(waits, looks) | {"client": first.member.client if first.member else ""},
            "The members of these partitions live: they send heartbeats. They are paused, wait for something, take "
            "longer than this for what they have fetched, or never commit.",
            "See the log and the threads of the member. If it is only slow, watch it for longer. Look at the message "
            "that it reads next.",
            Where("group", patient.group),
        )
    ]


async def poison(patient: Patient) -> list[Finding]:
    """Members come and go, and the same message stays the next one."""
    looks = await patient.looks()
    waits = await _readable(patient, _unmoved(looks))
    if changes_of(looks) < _RETURNS or not waits:
        return []
    topic, partition = waits[0].source
    reads = waits[0].committed if waits[0].committed is not None else waits[0].start
    ids = {member.id for look in looks for member in look.group.members}
    return [
        Finding(
            "poison",
            Severity.PROBLEM,
            f"Members of {patient.group} come back to the same message of {topic} and never get past it",
            {"partition": partition, "offset": reads or 0, **_facts(waits, looks), "different members": len(ids)},
            "The group rebalanced while its offset stayed: a message that a consumer fails on, or takes longer for "
            "than max.poll.interval.ms, is given to the next one, which fails as well.",
            f"Look at offset {reads or 0} of partition {partition}. Mend the consumer, or have it pass such messages "
            "on to a dead letter topic. To skip it, stop the group and reset its offset there by one.",
            Where("messages", topic),
        )
    ]


def _unmoved(looks: Sequence[GroupLag]) -> list[Reading]:
    """Where something was unread at the first look, and it is still the same."""
    starts = {each.source: each for each in looks[0].readings}

    def stays(each: Reading) -> bool:
        first = starts.get(each.source)
        return first is not None and each.committed == first.committed and _unread(first) > 0

    return steady(looks, stays)


def _unread(reading: Reading) -> int:
    """Below the last stable offset: what an open transaction holds cannot be read by everybody."""
    end = reading.end if reading.stable is None else reading.stable
    return (end or 0) - max(reading.committed or 0, reading.start or 0)


async def _readable(patient: Patient, waits: Sequence[Reading]) -> list[Reading]:
    """Those with a record: at what lags, there may be none but markers of transactions."""
    known = [each for each in waits if each.committed is not None]
    times = await time_lag(patient.cluster, known, most=50)
    empty = {source for source, each in times.items() if each.next is None and not each.trouble}
    return [each for each in waits if each.source not in empty]


def _facts(waits: Sequence[Reading], looks: Sequence[GroupLag]) -> dict[str, int | float | str]:
    lag = sum(_unread(each) for each in waits)
    return {**place(waits), "unread": lag, "seconds unchanged": seconds(looks), "looks": len(looks)}


async def retention(patient: Patient) -> list[Finding]:
    looks = await patient.looks()
    rates = _rates(looks)
    told = await outlook(patient.cluster, looks[-1], lambda source: rates.get(source, Rates()))
    if told.first is None:
        if told.troubles and not told.losses:
            raise told.troubles[0]
        return []
    due, lost = told.first
    worst = max(told.losses, key=lambda source: told.losses[source][HORIZONS.index(due)])
    return [
        Finding(
            "retention",
            Severity.PROBLEM if due <= _SOON else Severity.RISK,
            told.warning.removesuffix("."),
            {
                "messages": lost,
                "seconds until then": due,
                "such as": f"{worst.topic} {worst.partition}",
                "lag": looks[-1].lag or 0,
            },
            "The oldest unread messages are near the age or size at which the topic's retention deletes them, and the "
            "group is not fast enough. Deleted messages are gone for it.",
            "Raise retention.ms or retention.bytes of the topic now; then make the group faster.",
            Where("topic", worst.topic),
        )
    ]


def _rates(looks: Sequence[GroupLag]) -> dict[TopicPartition, Rates]:
    span = looks[-1].at - looks[0].at
    before = {each.source: each for each in looks[0].readings}
    found = {}
    for now in looks[-1].readings:
        then = before.get(now.source)
        if then and span > 0:
            found[now.source] = Rates(
                _rate(then.end, now.end, span),
                _rate(then.committed, now.committed, span),
            )
    return found


def _rate(before: int | None, after: int | None, span: float) -> float | None:
    return max(after - before, 0) / span if before is not None and after is not None else None
