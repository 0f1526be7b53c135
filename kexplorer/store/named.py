"""Things that a person gave a name, for all topics, in a private JSON file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import platformdirs

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.store.daemon import in_daemon
from kexplorer.store.files import locked, read_private, write_private

_MOST = 500
_LONGEST_NAME = 100  # characters
_DISK = 10.0  # seconds

T = TypeVar("T")


class NamedStore(Generic[T]):
    """Every change reads the file again under a lock, so that what another window saved stays, and what this version
    does not understand. Raises `Failure` for a file that cannot be used: it is never overwritten.

    `what` is the word for one of them, and the file's name in the plural; `most_bytes` is how large that may become.
    `state` makes plain JSON values of one, `of_state` the reverse, or None for what this version does not understand.
    """

    def __init__(
        self,
        path: Path | None,
        what: str,
        most_bytes: int,
        state: Callable[[T], dict[str, Any]],
        of_state: Callable[[dict[str, Any]], T | None],
    ) -> None:
        self.path = path or platformdirs.user_config_path("kexplorer", appauthor=False) / f"{what}s.json"
        self._what = what
        self._most_bytes = most_bytes
        self._state = state
        self._of_state = of_state

    async def load(self) -> dict[str, T]:
        """By name, in the order of the alphabet."""
        return await self._on_disk(lambda: self._understood(self._read()))

    async def save(self, name: str, value: T) -> dict[str, T]:
        """One of the same name is replaced. Returns all, as `load` does."""
        name = name.strip()
        if not name:
            raise Failure(FailureKind.INVALID, f"The {self._what} has no name.", "Type a name.")
        if len(name) > _LONGEST_NAME:
            text = f"The {self._what}'s name is longer than {_LONGEST_NAME} characters."
            raise Failure(FailureKind.INVALID, text, "Choose a shorter one.")
        entry = {"name": name, **self._state(value)}
        return await self._on_disk(lambda: self._change(lambda entries: [*_without(entries, name), entry]))

    async def delete(self, name: str) -> dict[str, T]:
        """One that is not there is no failure. Returns all that are left."""
        return await self._on_disk(lambda: self._change(lambda entries: _without(entries, name)))

    def _read(self) -> list[Any]:
        content = read_private(self.path, self._most_bytes)
        try:
            found = json.loads(content) if content is not None else []
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, list):
            raise Failure(FailureKind.INVALID, f"{self.path} is damaged.", "It is not used. Repair it or move it away.")
        return found

    def _change(self, change: Callable[[list[Any]], list[Any]]) -> dict[str, T]:
        with locked(self.path):
            entries = change(self._read())
            content = json.dumps(entries, indent=1).encode()
            if len(entries) > _MOST or len(content) > self._most_bytes:
                most = f"{_MOST} {self._what}s, or they are larger than {self._most_bytes >> 20} MB"
                raise Failure(FailureKind.INVALID, f"There are more than {most}.", "Delete some of them.")
            write_private(self.path, content)
        return self._understood(json.loads(content))  # as who reads it gets it

    def _understood(self, entries: list[Any]) -> dict[str, T]:
        found = {
            each["name"]: value
            for each in entries
            if isinstance(each, dict)
            and isinstance(each.get("name"), str)
            and (value := self._of_state(each)) is not None
        }
        return dict(sorted(found.items(), key=lambda named: named[0].casefold()))

    async def _on_disk(self, work: Callable[[], dict[str, T]]) -> dict[str, T]:
        try:
            return await in_daemon(f"{self._what}s", work, _DISK)
        except TimeoutError:
            raise Failure(FailureKind.TIMEOUT, "The disk did not answer.", f"Check {self.path}.") from None


def _without(entries: list[Any], name: str) -> list[Any]:
    return [each for each in entries if not (isinstance(each, dict) and each.get("name") == name)]
