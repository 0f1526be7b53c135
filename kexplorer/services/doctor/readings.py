"""What several looks at a group have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kexplorer.model.lag import GroupLag, Reading


def steady(looks: Sequence[GroupLag], holds: Callable[[Reading], bool]) -> list[Reading]:
    """The readings of the last look, the one that lags most first, for which it holds in every look."""
    answers = [{each.source for each in look.readings if holds(each)} for look in looks]
    found = [each for each in looks[-1].readings if all(each.source in answer for answer in answers)]
    return sorted(found, key=lambda each: -(each.lag or 0))


def place(readings: Sequence[Reading]) -> dict[str, int | float | str]:
    """Evidence: how many partitions, and which is the first of them."""
    topic, partition = readings[0].source
    return {"partitions": len(readings), "such as": f"{topic} {partition}"}


def partitions(number: int) -> str:
    return f"{number:,} partition{'' if number == 1 else 's'}"


def seconds(looks: Sequence[GroupLag]) -> float:
    return round(looks[-1].at - looks[0].at, 1)
