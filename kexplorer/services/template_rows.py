"""Rows that a template makes."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field

from kexplorer.formats.composing import Composer
from kexplorer.formats.template import Filling
from kexplorer.model.failure import Failure
from kexplorer.model.produce import MessageTemplate, RowBatch, Rows, RowTrouble


@dataclass(frozen=True, slots=True)
class TemplateRows:
    """`count` messages, or without an end. `answers` are those of ${ask:...}; with a `seed` they are the same again."""

    template: MessageTemplate
    topic: str
    count: int | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None

    @property
    def name(self) -> str:
        return "the template"

    def open(self) -> Rows:
        """Raises `Failure` for a template that is wrong."""
        return _Made(Composer(self.template, self.topic), Filling(self.answers, self.seed), self.count)


class _Made:
    def __init__(self, composer: Composer, filling: Filling, count: int | None) -> None:
        self._composer, self._filling, self._count = composer, filling, count
        self._row = 0

    def next(self, most: int) -> RowBatch | None:
        if self._count is not None:
            most = min(most, self._count - self._row)
        if most <= 0:
            return None
        batch = RowBatch([], array("q"), [])
        for row in range(self._row + 1, self._row + most + 1):
            try:
                batch.outgoing.append(self._composer.compose(self._filling))
                batch.rows.append(row)
            except Failure as failure:
                self._filling.next()
                batch.troubles.append(RowTrouble(row, f"message {row}", failure))
        self._row += most
        return batch

    def close(self) -> None:
        """Nothing is open."""
