"""The rules of a reset as a person chooses and types them."""

from __future__ import annotations

import re
from datetime import tzinfo
from enum import StrEnum

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import AtTime, Edge
from kexplorer.services.ranges import Ago, AtOffset, Committed, parse_place
from kexplorer.services.reset_plan import Rule, Shift

_SHIFT = re.compile(r"([+-]?)([0-9]{1,18})", re.ASCII)


class Mode(StrEnum):
    """In the order in which they are offered."""

    EARLIEST = "Earliest"
    LATEST = "Latest"
    OFFSET = "Offset"
    TIME = "Time"
    BACK = "Back by a duration"
    SHIFT = "Shift by"
    GROUP = "Where another group is"
    FILE = "From a CSV file"
    UNDO = "As before a reset"


EXAMPLES = {
    Mode.OFFSET: "42",
    Mode.TIME: "2026-11-23T10:00",
    Mode.BACK: "15m, 12h or 7d",
    Mode.SHIFT: "-100, or 100 to go on",
    Mode.GROUP: "Group id",
    Mode.FILE: "A file of lines topic,partition,offset",
}


def parse_rule(mode: Mode, text: str, zone: tzinfo) -> Rule:
    """Of any mode but FILE and UNDO, which name partitions themselves. Times without a zone are in `zone`. Raises
    `Failure`(INVALID)."""
    given = text.strip()
    found: object = None
    match mode:
        case Mode.EARLIEST:
            return Edge.START
        case Mode.LATEST:
            return Edge.END
        case Mode.GROUP if given:
            return Committed(given)
        case Mode.SHIFT if number := _SHIFT.fullmatch(given):
            return Shift(int(number[1] + number[2]))
        case Mode.OFFSET:
            found = _place(f"offset:{given}", zone)
        case Mode.BACK:
            found = _place(f"last:{given}", zone)
        case Mode.TIME:
            found = _place(given, zone)
    wanted = {Mode.OFFSET: AtOffset, Mode.BACK: Ago, Mode.TIME: AtTime}.get(mode)
    if isinstance(found, AtOffset | Ago | AtTime) and type(found) is wanted:
        return found
    raise Failure(FailureKind.INVALID, f"“{given}” is not what is meant here.", f"Write {EXAMPLES.get(mode, '')}.")


def parse_cell(text: str) -> Rule | None:
    """What was typed for one partition: an offset, or +n or -n for a shift; None for anything else."""
    found = _SHIFT.fullmatch(text.strip().replace(",", ""))
    if not found:
        return None
    return Shift(int(found[1] + found[2])) if found[1] else AtOffset(int(found[2]))


def _place(text: str, zone: tzinfo) -> object:
    try:
        return parse_place(text, zone)
    except Failure:
        return None
