"""What groups have committed, and what is changed of groups."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from kexplorer.kafka import checks
from kexplorer.kafka.admin import check_source
from kexplorer.kafka.coordinators import MOVED, Ask, Coordinators, GroupChange, Told, failure_for, pieces
from kexplorer.kafka.second_client import SecondClient, library
from kexplorer.model.changes import AlterOffsets, DeleteGroups, DeleteOffsets, RemoveMembers, items_of
from kexplorer.model.failure import Failure
from kexplorer.model.groups import Committed
from kexplorer.model.topics import TopicPartition

T = TypeVar("T")
Answers = dict[str, Failure | None]
Wanted = Mapping[str, Sequence[TopicPartition] | None]
Offsets = dict[TopicPartition, Committed | Failure | None]

_A_COMMIT = 1000  # partitions: what the broker writes of a commit has to fit into one batch
_REASON = "Removed with Kafka Explorer"


class GroupOffsets:
    def __init__(self, second: SecondClient, coordinators: Coordinators) -> None:
        self._second = second
        self._coordinators = coordinators

    async def committed(self, wanted: Wanted) -> dict[str, Offsets | Failure]:
        """See `Cluster.group_offsets`."""
        answers: dict[str, Offsets | Failure] = {}
        asked: list[str] = []
        for name, sources in wanted.items():
            try:
                _check(name, sources or ())
            except Failure as wrong:
                answers[name] = wrong
                continue
            if sources is None or sources:
                asked.append(name)
            else:
                answers[name] = {}
        what = "Looking up committed offsets"

        async def ask(broker: int, names: Sequence[str]) -> Mapping[str, Told[Offsets]]:
            return await self._offsets(broker, {name: wanted[name] for name in names}, what)

        found = await self._coordinators.ask(asked, what, ask)
        answers |= found
        return {name: answers[name] for name in wanted}

    async def apply(self, change: GroupChange) -> Answers:
        """See `Cluster.apply`. What failed for the group as a whole is raised."""
        self._coordinators.forget()  # else one that is down would be told first, and it is told only once
        answers: Answers = {}
        match change:
            case AlterOffsets(_, offsets) | DeleteOffsets(_, offsets):
                for piece in pieces(list(offsets), _A_COMMIT):
                    answers |= await self._of_partitions(change, piece)
            case DeleteGroups(groups):
                answers = await self._delete(groups)
            case RemoveMembers():
                answers = await self._remove(change)
        return {item: answers[item] for item in items_of(change)}

    async def _of_partitions(self, change: AlterOffsets | DeleteOffsets, sources: Sequence[TopicPartition]) -> Answers:
        group = change.group

        def request(by: Any) -> Any:
            if isinstance(change, AlterOffsets):
                return by.groups.commit(group, {source: change.offsets[source] for source in sources})
            return by.groups.delete_offsets(group, sources)

        async def ask(broker: int, _: Sequence[str]) -> Mapping[str, Told[dict[TopicPartition, int]]]:
            answer = await self._second.ask(change.verb, request, broker, once=True)
            codes = library().groups.codes(answer)
            moved = next((code for code in codes.values() if code in MOVED), 0)
            return {group: Told(getattr(answer, "error_code", 0) or moved, codes)}

        codes = await self._of_one(change, ask)
        named = {f"{source.topic}-{source.partition}": code for source, code in codes.items()}
        return {
            item: failure_for(code, f"{change.verb}, {item}", type(change)) if code else None
            for item, code in named.items()
        }

    async def _delete(self, names: Sequence[str]) -> Answers:
        what = DeleteGroups.verb

        async def ask(broker: int, some: Sequence[str]) -> Mapping[str, Told[None]]:
            answer = await self._second.ask(what, lambda by: by.groups.delete_groups(some), broker, once=True)
            return {each.group_id: Told(each.error_code) for each in answer.results}

        return await self._coordinators.ask(dict.fromkeys(names), what, ask, DeleteGroups)

    async def _remove(self, change: RemoveMembers) -> Answers:
        group = change.group

        def request(by: Any) -> Any:
            return by.groups.remove_members(group, change.members, change.instances, _REASON)

        async def ask(broker: int, _: Sequence[str]) -> Mapping[str, Told[list[Any]]]:
            answer = await self._second.ask(change.verb, request, broker, once=True)
            return {group: Told(answer.error_code, answer.members)}

        answers: Answers = {}
        for each in await self._of_one(change, ask):
            item = each.group_instance_id if each.group_instance_id in change.instances else each.member_id
            code = each.error_code
            answers[item] = failure_for(code, f"{change.verb}, {item}", RemoveMembers) if code else None
        return answers

    async def _of_one(self, change: AlterOffsets | DeleteOffsets | RemoveMembers, ask: Ask[T]) -> T:
        answer = (await self._coordinators.ask([change.group], change.verb, ask, type(change)))[change.group]
        if isinstance(answer, Failure):
            raise answer
        return answer

    async def _offsets(self, broker: int, wanted: Wanted, what: str) -> dict[str, Told[Offsets]]:
        if self._coordinators.many:
            answer = await self._second.ask(what, lambda by: by.groups.offsets(wanted), broker)
            return {name: _told(each, what) for name, each in answer.groups.items()}

        async def one(name: str) -> Told[Offsets]:
            async with self._coordinators.turn:
                answer = await self._second.ask(what, lambda by: by.groups.offsets_of(name, wanted[name]), broker)
            return _read(answer, what)

        return dict(zip(wanted, await asyncio.gather(*map(one, wanted)), strict=True))


def _told(answer: Any, what: str) -> Told[Offsets]:
    if answer.error_code:
        return Told(answer.error_code)
    if not answer.codes:
        return Told(answer=answer.offsets)
    failed = {source: _trouble(what, code, source) for source, code in answer.codes.items()}
    return Told(answer=answer.offsets | failed)


def _read(answer: Any, what: str) -> Told[Offsets]:
    """Of a broker that tells of one group at a time."""
    if answer.error_code:
        return Told(answer.error_code)
    return Told(answer=library().groups.committed(answer, lambda code, source: _trouble(what, code, source)))


def _trouble(what: str, code: int, source: TopicPartition) -> Failure:
    return failure_for(code, f"{what}, {source.topic}-{source.partition}")


def _check(name: str, sources: Iterable[TopicPartition]) -> None:
    checks.group_id(name)
    for source in sources:
        check_source(source)
