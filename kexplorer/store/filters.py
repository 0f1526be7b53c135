"""Filters that a person gave a name, for all topics, in a private JSON file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.filter_state import filter_of, filter_state
from kexplorer.model.search import FilterSpec
from kexplorer.store.daemon import in_daemon
from kexplorer.store.files import locked, read_private, write_private

_LIMIT = 1 << 20  # bytes
_MOST = 500
_LONGEST_NAME = 100  # characters
_DISK = 10.0  # seconds


class FilterStore:
    """Every change reads the file again under a lock, so that what another window saved stays, and what this version
    does not understand. Raises `Failure` for a file that cannot be used: it is never overwritten."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or platformdirs.user_config_path("kexplorer", appauthor=False) / "filters.json"

    async def load(self) -> dict[str, FilterSpec]:
        """By name, in the order of the alphabet."""
        return await self._on_disk(lambda: _specs(self._read()))

    async def save(self, name: str, spec: FilterSpec) -> dict[str, FilterSpec]:
        """One of the same name is replaced. Returns all, as `load` does."""
        name = name.strip()
        if not name:
            raise Failure(FailureKind.INVALID, "The filter has no name.", "Type a name.")
        if len(name) > _LONGEST_NAME:
            what = f"The filter's name is longer than {_LONGEST_NAME} characters."
            raise Failure(FailureKind.INVALID, what, "Choose a shorter one.")
        entry = {"name": name, **filter_state(spec)}
        return await self._on_disk(lambda: self._change(lambda entries: [*_without(entries, name), entry]))

    async def delete(self, name: str) -> dict[str, FilterSpec]:
        """One that is not there is no failure. Returns all that are left."""
        return await self._on_disk(lambda: self._change(lambda entries: _without(entries, name)))

    def _read(self) -> list[Any]:
        content = read_private(self.path, _LIMIT)
        try:
            found = json.loads(content) if content is not None else []
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, list):
            raise Failure(FailureKind.INVALID, f"{self.path} is damaged.", "It is not used. Repair it or move it away.")
        return found

    def _change(self, change: Callable[[list[Any]], list[Any]]) -> dict[str, FilterSpec]:
        with locked(self.path):
            entries = change(self._read())
            content = json.dumps(entries, indent=1).encode()
            if len(entries) > _MOST or len(content) > _LIMIT:
                raise Failure(FailureKind.INVALID, f"There are more than {_MOST} filters.", "Delete some of them.")
            write_private(self.path, content)
        return _specs(entries)

    async def _on_disk(self, work: Callable[[], dict[str, FilterSpec]]) -> dict[str, FilterSpec]:
        try:
            return await in_daemon("filters", work, _DISK)
        except TimeoutError:
            raise Failure(FailureKind.TIMEOUT, "The disk did not answer.", f"Check {self.path}.") from None


def _specs(entries: list[Any]) -> dict[str, FilterSpec]:
    """Those that this version understands."""
    found = {
        each["name"]: spec
        for each in entries
        if isinstance(each, dict) and isinstance(each.get("name"), str) and (spec := filter_of(each))
    }
    return dict(sorted(found.items(), key=lambda named: named[0].casefold()))


def _without(entries: list[Any], name: str) -> list[Any]:
    return [each for each in entries if not (isinstance(each, dict) and each.get("name") == name)]
