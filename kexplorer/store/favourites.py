"""The topics that a person marked, by connection, in a private JSON file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import platformdirs

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.store.daemon import in_daemon
from kexplorer.store.files import locked, read_private, write_private

_LIMIT = 4 << 20  # bytes
_DISK = 10.0  # seconds


class FavouriteStore:
    """Those of one connection in the file of all. Every change reads the file again under a lock, so that what another
    window marked stays. Raises `Failure` for a file that cannot be used: it is never overwritten."""

    def __init__(self, connection: str, path: Path | None = None) -> None:
        self._connection = connection
        self.path = path or platformdirs.user_config_path("kexplorer", appauthor=False) / "favourites.json"

    async def load(self) -> frozenset[str]:
        return await self._on_disk(lambda: _topics(self._read(), self._connection))

    async def mark(self, topics: Iterable[str], on: bool) -> frozenset[str]:
        """Returns all that are marked now."""
        wanted = frozenset(topics)
        return await self._on_disk(lambda: self._change(lambda marked: marked | wanted if on else marked - wanted))

    def rename(self, connection: str) -> None:
        """For a connection that gets another name. Waits for the disk."""
        with locked(self.path):
            entries = self._read()
            if self._connection in entries:
                entries[connection] = entries.pop(self._connection)
                self._write(entries)

    def forget(self) -> None:
        """For a connection that goes. Waits for the disk."""
        with locked(self.path):
            entries = self._read()
            if entries.pop(self._connection, None) is not None:
                self._write(entries)

    def _change(self, change: Callable[[frozenset[str]], frozenset[str]]) -> frozenset[str]:
        with locked(self.path):
            entries = self._read()
            marked = change(_topics(entries, self._connection))
            entries.pop(self._connection, None)
            if marked:
                entries[self._connection] = sorted(marked)
            self._write(entries)
        return marked

    def _read(self) -> dict[str, Any]:
        content = read_private(self.path, _LIMIT)
        try:
            found = json.loads(content) if content is not None else {}
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Failure(FailureKind.INVALID, f"{self.path} is damaged.", "It is not used. Repair it or move it away.")
        return found

    def _write(self, entries: dict[str, Any]) -> None:
        content = json.dumps(entries, indent=1).encode()
        if len(content) > _LIMIT:
            raise Failure(FailureKind.INVALID, "There are too many favourites.", "Remove some of them.")
        write_private(self.path, content)

    async def _on_disk(self, work: Callable[[], frozenset[str]]) -> frozenset[str]:
        try:
            return await in_daemon("favourites", work, _DISK)
        except TimeoutError:
            raise Failure(FailureKind.TIMEOUT, "The disk did not answer.", f"Check {self.path}.") from None


def _topics(entries: dict[str, Any], connection: str) -> frozenset[str]:
    found = entries.get(connection)
    return frozenset(each for each in found if isinstance(each, str)) if isinstance(found, list) else frozenset()
