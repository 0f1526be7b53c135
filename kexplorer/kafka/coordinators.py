"""The coordinators of groups, which the second client asks: many groups in one call, all coordinators at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Generic, TypeVar, cast

from confluent_kafka import KafkaError

from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.second_client import SecondClient
from kexplorer.model.changes import AlterOffsets, DeleteGroups, DeleteOffsets, RemoveMembers
from kexplorer.model.failure import Failure, FailureKind

T = TypeVar("T")
GroupChange = AlterOffsets | DeleteOffsets | DeleteGroups | RemoveMembers

_SECONDS = 10.0  # until a group has its answer, wherever its coordinator moves meanwhile
_PAUSES = (0.05, 0.2, 0.5, 1.0, 2.0, 2.0, 2.0)  # seconds before a coordinator that moved is looked for again
_A_CALL = 1000  # groups
MOVED = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
)
_STOP = "Stop its members first, and wait until the group is empty."
_EXPLAINED: dict[tuple[type[GroupChange] | None, int], tuple[FailureKind, str]] = {
    (None, KafkaError.INVALID_GROUP_ID): (FailureKind.INVALID, "Check the group id."),
    (None, KafkaError.GROUP_ID_NOT_FOUND): (FailureKind.NOT_FOUND, "Refresh: it may have been deleted."),
    (None, KafkaError.NON_EMPTY_GROUP): (FailureKind.REFUSED, _STOP),
    (None, KafkaError.REBALANCE_IN_PROGRESS): (FailureKind.REFUSED, _STOP),
    (None, KafkaError.GROUP_SUBSCRIBED_TO_TOPIC): (
        FailureKind.REFUSED,
        "Members of the group are subscribed to the topic. Stop them first.",
    ),
    (AlterOffsets, KafkaError.UNKNOWN_MEMBER_ID): (FailureKind.REFUSED, f"The group has members. {_STOP}"),
    (RemoveMembers, KafkaError.UNKNOWN_MEMBER_ID): (
        FailureKind.NOT_FOUND,
        "It may have left: refresh. Older brokers don't remove members that use the protocol “consumer”.",
    ),
}


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """What a coordinator told of a group: Kafka's code, or the answer, or why there is none."""

    code: int = 0
    answer: T | None = None
    trouble: Failure | None = None


Ask = Callable[[int, Sequence[str]], Awaitable[Mapping[str, Told[T]]]]


class Coordinators:
    """Knows the coordinator of each group that it asked about, until that says that it isn't. `many`: whether brokers
    take many groups in a request (3.0 and later)."""

    def __init__(self, second: SecondClient) -> None:
        self.many = True
        self.turn = asyncio.Semaphore(4)  # for requests of one group each: kafka-python refuses a sixth on a connection
        self._second = second
        self._coordinators: dict[str, int] = {}

    def forget(self) -> None:
        self._coordinators.clear()

    async def ask(
        self, names: Iterable[str], what: str, ask: Ask[T], change: type[GroupChange] | None = None
    ) -> dict[str, T | Failure]:
        """A group whose coordinator moves meanwhile is asked again. Raises what keeps coordinators from being found."""
        answers: dict[str, T | Failure] = {}
        left = list(names)
        ends = time.monotonic() + _SECONDS
        for pause in _PAUSES:
            again = []
            for name, told in (await self._round(left, what, ask)).items():
                failure = told.trouble or (failure_for(told.code, f"{what}, {name}", change) if told.code else None)
                answers[name] = failure or cast("T", told.answer)
                unheard = change is None and failure is not None and failure.kind is FailureKind.UNREACHABLE
                if told.code in MOVED or unheard:
                    self._coordinators.pop(name, None)
                    again.append(name)
            left = again
            if not left or time.monotonic() + pause > ends:
                break
            await asyncio.sleep(pause)
        return answers

    async def _round(self, names: Sequence[str], what: str, ask: Ask[T]) -> dict[str, Told[T]]:
        answers: dict[str, Told[T]] = {}
        known = {name: self._coordinators[name] for name in names if name in self._coordinators}  # others may forget it
        for piece in pieces([name for name in names if name not in known], _A_CALL):
            found = await self._find(piece, what)
            fresh = {name: broker for name, (code, broker) in found.items() if not code}
            self._coordinators |= fresh
            known |= fresh
            answers |= {name: Told(code) for name, (code, _) in found.items() if code}
        places: dict[int, list[str]] = {}
        for name in names:
            if name not in answers:
                places.setdefault(known[name], []).append(name)

        async def one(broker: int, some: Sequence[str]) -> Mapping[str, Told[T]]:
            try:
                return await ask(broker, some)
            except Failure as failure:
                return dict.fromkeys(some, Told(trouble=failure))

        asked = [one(broker, piece) for broker, some in places.items() for piece in pieces(some, _A_CALL)]
        for told in await asyncio.gather(*asked):
            answers |= told
        return answers

    async def _find(self, names: Sequence[str], what: str) -> dict[str, tuple[int, int]]:
        """Kafka's code and the coordinator of each group."""
        if self.many:
            try:
                answer = await self._ask_anybody(what, lambda by: by.groups.coordinators(names))
                return {each.key: (each.error_code, each.node_id) for each in answer.coordinators}
            except Failure as failure:
                if failure.kind is not FailureKind.UNSUPPORTED:
                    raise
                self.many = False

        async def one(name: str) -> tuple[int, int]:
            async with self.turn:
                answer = await self._ask_anybody(what, lambda by: by.groups.coordinator(name))
            return answer.error_code, answer.node_id

        return dict(zip(names, await asyncio.gather(*map(one, names)), strict=True))

    async def _ask_anybody(self, what: str, request: Callable[[ModuleType], Any]) -> Any:
        """A broker that does not answer in time loses its connection, and so another one is asked."""
        try:
            return await self._second.ask(what, request)
        except Failure as failure:
            if failure.kind is not FailureKind.TIMEOUT:
                raise
        return await self._second.ask(what, request)


def failure_for(code: int, what: str, change: type[GroupChange] | None = None) -> Failure:
    failure = failure_of(KafkaError(code), what)
    explained = _EXPLAINED.get((change, code)) or _EXPLAINED.get((None, code))
    return Failure(explained[0], failure.message, explained[1]) if explained else failure


def pieces(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[at : at + size] for at in range(0, len(items), size)]
