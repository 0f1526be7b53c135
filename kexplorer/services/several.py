"""Several changes of one kind under one question: each is sent, noted and looked at again by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from kexplorer.formats.numbers import count
from kexplorer.model.changes import AlterConfig, Change, DeleteScram, items_of
from kexplorer.model.failure import Failure
from kexplorer.services.changes import Changes, Outcome
from kexplorer.services.previews import Preview, Row

_AT_ONCE = 4  # changes
_MOST_NAMED = 3

T = TypeVar("T")


async def preview_all(changes: Changes, wanted: Sequence[Change]) -> list[Preview]:
    return await _bounded(changes.preview(change) for change in wanted)


def together(previews: Sequence[Preview], cluster: str) -> Preview:
    """What one question tells of them all; `cluster` is the name of its profile. What several would say is said once,
    commands are a line each."""
    first = previews[0]
    if len(previews) == 1:
        return first
    names = [_name(preview.change) for preview in previews]
    found = Preview(first.change, "\n".join(preview.command for preview in previews))
    found.sentences.append(f"{count(len(names))} changes: {_listed(names)}.")
    found.sentences.append("One that is refused does not stop the others.")
    for name, preview in zip(names, previews, strict=True):
        found.rows += [_of(name, row) for row in preview.rows]
    found.warnings = list(dict.fromkeys(warning for preview in previews for warning in preview.warnings))
    if destroyed := [preview.typed for preview in previews if preview.destroys]:
        found.destroy(destroyed, cluster)
    return found


async def carry_out_all(changes: Changes, wanted: Sequence[Change], previews: Sequence[Preview]) -> Outcome:
    """Failures are by the name of the change where it failed as a whole, else by its items. Raises `Failure` where
    nothing at all was sent."""
    if len(wanted) == 1:
        return await changes.carry_out(wanted[0], previews[0])
    answers = await _bounded(_tried(changes, *each) for each in zip(wanted, previews, strict=True))
    unsent = [answer for answer in answers if isinstance(answer, Failure)]
    if len(unsent) == len(answers):
        raise unsent[0]
    failures: dict[str, Failure] = {}
    differs: list[str] = []
    for change, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, Failure):
            failures[_name(change)] = answer
            continue
        differs += answer.differs
        single = len(items_of(change)) == 1
        failures |= {_name(change) if single else item: failure for item, failure in answer.failures.items()}
    return Outcome(failures, tuple(dict.fromkeys(differs)))


async def _tried(changes: Changes, change: Change, preview: Preview) -> Outcome | Failure:
    try:
        return await changes.carry_out(change, preview)
    except Failure as failure:
        return failure


async def _bounded(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(each: Coroutine[Any, Any, T]) -> T:
        async with turn:
            return await each

    return await asyncio.gather(*map(one, work))


def _of(name: str, row: Row) -> Row:
    return row if row.what == name else Row(f"{name}, {row.what}", row.old, row.new)


def _name(change: Change) -> str:
    match change:
        case AlterConfig(_, name) if name:
            return name
        case DeleteScram(user, mechanism):
            return f"{user}, {mechanism}"
    return ", ".join(items_of(change))


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_NAMED
    return "; ".join(names[:_MOST_NAMED]) + (f" and {count(rest)} more" if rest > 0 else "")
