"""Rows that a template makes, and one message again and again."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field

from kexplorer.formats.composing import Composer
from kexplorer.formats.template import Filling
from kexplorer.model.failure import Failure
from kexplorer.model.produce import MessageTemplate, Outgoing, RowBatch, Rows, RowTrouble
from kexplorer.model.schemas import Part, PayloadSchema


@dataclass(frozen=True, slots=True)
class TemplateRows:
    """`count` messages, or without an end. `answers` are those of ${ask:...}; with a `seed` they are the same again.
    `schemas`: what the parts are written by that have a schema."""

    template: MessageTemplate
    topic: str
    count: int | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    schemas: Mapping[Part, PayloadSchema] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return "the template"

    def open(self) -> Rows:
        """Raises `Failure` for a template that is wrong."""
        return _Made(Composer(self.template, self.topic, self.schemas), Filling(self.answers, self.seed), self.count)


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


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same message, `number` times."""

    outgoing: Outgoing
    number: int

    @property
    def name(self) -> str:
        return "the message"

    def open(self) -> Rows:
        return _Copies(self.outgoing, self.number)


class _Copies:
    def __init__(self, outgoing: Outgoing, number: int) -> None:
        self._outgoing, self._number, self._row = outgoing, number, 0

    def next(self, most: int) -> RowBatch | None:
        """Their numbers count from 1."""
        here = min(most, self._number - self._row)
        if here <= 0:
            return None
        first, self._row = self._row + 1, self._row + here
        return RowBatch([self._outgoing] * here, array("q", range(first, first + here)), [])

    def close(self) -> None:
        """Nothing is open."""
