"""What becomes of a partition once a piece of it came back: it goes on, or is given up."""

from __future__ import annotations

from typing import TypeVar

from kexplorer.model.failure import Failure
from kexplorer.model.records import Trouble
from kexplorer.model.search import PieceResult
from kexplorer.model.topics import TopicPartition
from kexplorer.services.coverage import Plan
from kexplorer.services.crew import Outcome

_STRIKES = 2  # pieces of a partition that fail one after the other; then the rest of it is not tried

R = TypeVar("R", bound=PieceResult)


class Settling:
    """Adds to `troubles`."""

    def __init__(self, plan: Plan, troubles: list[Trouble]) -> None:
        self._plan = plan
        self._troubles = troubles
        self._strikes: dict[TopicPartition, int] = {}

    def take(self, outcome: Outcome, kind: type[R]) -> R | None:
        """The result of the piece, if it has one. What it did not reach is planned again, but for what a trouble
        ended."""
        piece, result = outcome.piece, outcome.result
        source, end = piece.range.source, piece.range.end or 0
        if not isinstance(result, kind):
            if isinstance(result, Failure):
                self._troubles.append(Trouble(source, result, piece.range.start))
            self._strike(source)
            return None
        self._troubles += result.troubles
        self._plan.learn(result.reached - piece.range.start, outcome.seconds)
        if result.done:
            self._strikes.pop(source, None)
        elif any(trouble.offset == result.reached for trouble in result.troubles):
            self._strike(source)
        else:
            self._plan.put_back(source, (result.reached, end))
        return result

    def _strike(self, source: TopicPartition) -> None:
        """What stops one piece after the other would stop all of them, each after its time limit."""
        self._strikes[source] = self._strikes.get(source, 0) + 1
        if self._strikes[source] >= _STRIKES:
            self._plan.drop(source)
