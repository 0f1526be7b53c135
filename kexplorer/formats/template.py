"""Texts with places that are filled for each message: ${uuid}, ${seq}, ${choice(a, b)} and others.

A parser of its own: nothing of what a person writes is run. "$${" stands for "${".
"""

from __future__ import annotations

import importlib
import json
import random
import re
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from kexplorer.model.failure import Failure, FailureKind

_MOST_CHARACTERS = 10_000  # of ${random.text(n)}
_PLACE = re.compile(r"(\$?)\$\{")
_INSIDE = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|[^"}])*""", re.DOTALL)
_CALL = re.compile(r"([a-z][a-zA-Z0-9_.]*)\s*(?:\((.*)\)|:\s*(.*))?", re.DOTALL)
_ARGUMENT = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|([^,"]*?))\s*(?:,|$)""")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KNOWN = (
    "uuid, now, now.iso, now.s, seq, random.int(1,9), random.float(0,1), random.text(8), random.bool, choice(a,b), "
    "faker.name, ask:variable"
)


class Filling:
    """What the places are filled from. `numbers` of messages rise by one with `next`, from 1. `answers` are those of
    ${ask:...}. With a `seed` the same is chosen each time; `clock` gives nanoseconds since 1970."""

    def __init__(
        self,
        answers: Mapping[str, str] | None = None,
        seed: int | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.answers = answers or {}
        self.number = 1
        self.chance = random.Random(seed)  # noqa: S311  (sample data, no secret)
        self._seed = seed
        self._clock = clock
        self._faker: Any = None

    def next(self) -> None:
        self.number += 1

    @property
    def now(self) -> int:
        """Milliseconds since 1970."""
        return self._clock() // 1_000_000

    def fake(self, name: str) -> str:
        """Of the library Faker, which is imported here: it takes half a second. Raises `Failure` if it is not
        installed or has no such thing."""
        if self._faker is None:
            try:
                faker: Any = importlib.import_module("faker")
            except ImportError:
                hint = "Install the extra: pip install 'kexplorer[faker]'."
                raise Failure(FailureKind.UNSUPPORTED, "Faker is not installed.", hint) from None
            self._faker = faker.Faker()
            if self._seed is not None:
                self._faker.seed_instance(self._seed)
        provider = next((p for p in self._faker.get_providers() if callable(getattr(p, name, None))), None)
        if provider is None or name.startswith("_"):
            raise Failure(
                FailureKind.INVALID, f"Faker has no “{name}”.", "Such as faker.name, faker.email, faker.city."
            )
        try:
            return str(getattr(provider, name)())
        except Exception as error:  # each provider has arguments and errors of its own
            text = f"faker.{name} cannot be used in a template: {error}."
            raise Failure(FailureKind.INVALID, text, "Such as faker.name, faker.email, faker.city.") from None


Piece = Callable[[Filling], str]


class Template:
    """Raises `Failure`(INVALID) with the line and column of what is wrong. `variables` are asked for when it is filled.
    With `json` what is filled in is escaped for the inside of a JSON text."""

    def __init__(self, text: str, *, json: bool = False) -> None:
        self.text = text
        self._json = json
        self.variables: tuple[str, ...] = ()
        self._pieces = self._parsed()

    @property
    def fixed(self) -> bool:
        """Nothing in it is filled."""
        return all(isinstance(piece, str) for piece in self._pieces)

    def fill(self, filling: Filling) -> str:
        """Raises `Failure` for a variable without an answer."""
        return "".join(piece if isinstance(piece, str) else self._escaped(piece(filling)) for piece in self._pieces)

    def _escaped(self, text: str) -> str:
        return json.dumps(text, ensure_ascii=False)[1:-1] if self._json else text

    def _parsed(self) -> list[str | Piece]:
        pieces: list[str | Piece] = []
        at = 0
        for found in _PLACE.finditer(self.text):
            if found.start() < at:
                continue  # inside of a place
            if found[1]:
                pieces.append(self.text[at : found.start()] + "${")
                at = found.end()
                continue
            end = self._end(found.end())
            pieces += [self.text[at : found.start()], self._place(self.text[found.end() : end], found.start())]
            at = end + 1
        pieces.append(self.text[at:])
        return pieces

    def _end(self, start: int) -> int:
        """Where the } of a place is; one in quotes is part of a text."""
        found = _INSIDE.match(self.text, start)
        if not found or found.end() >= len(self.text):
            self._wrong(start - 2, "the place has no end", "Write } behind it, or $${ for the characters ${.")
        return found.end()

    def _place(self, inside: str, at: int) -> Piece:
        call = _CALL.fullmatch(inside.strip())
        if not call:
            self._wrong(at, f"“${{{inside}}}” is not understood", f"There are {_KNOWN}.")
        name, given, variable = call[1], call[2], call[3]
        if name == "ask":
            if not variable:
                self._wrong(at, "the variable has no name", "Write ${ask:name}.")
            self.variables = tuple(dict.fromkeys((*self.variables, variable)))
            return lambda filling: _answer(filling, variable)
        if variable is not None:
            self._wrong(at, f"“{name}” takes no colon", "Only ${ask:name} does.")
        arguments = None if given is None else self._arguments(given, at)
        if name.startswith("faker."):
            if arguments:
                self._wrong(at, "faker takes no arguments here", "Write ${faker.name}.")
            return lambda filling: filling.fake(name.removeprefix("faker."))
        return self._function(name, arguments, at)

    def _function(self, name: str, arguments: list[str] | None, at: int) -> Piece:
        if name in _PLAIN and not arguments:
            return _PLAIN[name]
        given = arguments or []
        if name == "choice" and given:
            return lambda filling: filling.chance.choice(given)
        try:
            return _NUMERIC[name](*map(float if name == "random.float" else int, given))
        except (ValueError, TypeError):
            self._wrong(at, f"“{name}” does not take ({', '.join(given)})", f"There are {_KNOWN}.")
        except KeyError:
            known = name in _PLAIN or name == "choice"
            what = f"“{name}” does not take ({', '.join(given)})" if known else f"there is no “{name}”"
            self._wrong(at, what, f"There are {_KNOWN}.")

    def _arguments(self, text: str, at: int) -> list[str]:
        found: list[str] = []
        place = 0
        while place < len(text) or (place and text[place - 1] == ","):
            match = _ARGUMENT.match(text, place)
            if not match:
                self._wrong(at, f"the arguments ({text}) are not understood", 'Separate them by commas, or quote: "a".')
            found.append(match[2] if match[1] is None else re.sub(r"\\(.)", r"\1", match[1]))
            if match.end() == place:
                break
            place = match.end()
        return found

    def _wrong(self, at: int, what: str, hint: str) -> NoReturn:
        before = self.text[:at]
        line, column = before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1
        where = f"column {column}" if line == 1 else f"line {line}, column {column}"
        raise Failure(FailureKind.INVALID, f"The template, {where}: {what}.", hint)


def _answer(filling: Filling, variable: str) -> str:
    if variable not in filling.answers:
        raise Failure(FailureKind.INVALID, f"The variable “{variable}” has no value.", "Enter one.")
    return filling.answers[variable]


def _iso(filling: Filling) -> str:
    return (_EPOCH + timedelta(milliseconds=filling.now)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(count: int) -> Piece:
    if not 0 <= count <= _MOST_CHARACTERS:
        raise ValueError(count)
    return lambda filling: "".join(filling.chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=count))


def _between(low: int, high: int) -> Piece:
    if low > high:
        raise ValueError(low)
    return lambda filling: str(filling.chance.randint(low, high))


def _float(low: float, high: float) -> Piece:
    return lambda filling: repr(round(filling.chance.uniform(low, high), 6))


_PLAIN: dict[str, Piece] = {
    "uuid": lambda filling: str(uuid.UUID(int=filling.chance.getrandbits(128), version=4)),
    "now": lambda filling: str(filling.now),
    "now.s": lambda filling: str(filling.now // 1000),
    "now.iso": _iso,
    "seq": lambda filling: str(filling.number),
    "random.bool": lambda filling: filling.chance.choice(("true", "false")),
}
_NUMERIC: dict[str, Callable[..., Piece]] = {
    "seq": lambda first: lambda filling: str(filling.number + first - 1),
    "random.int": _between,
    "random.float": _float,
    "random.text": _text,
}
