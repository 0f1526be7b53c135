"""Which schema files a person assigned to topics, by connection. A file that cannot be read is told and left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import platformdirs

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.schemas import Part, SchemaAssignment, SchemaFormat
from kexplorer.store.files import locked, read_private, write_private

_LIMIT = 1 << 20  # bytes
_VERSION = 1
_TEXTS = ("topics", "part", "format", "file", "type_name")  # the fields of an assignment


@dataclass(frozen=True, slots=True)
class LoadedAssignments:
    """Of several that fit a topic the first counts. `failures`: one for each part of the file that cannot be used."""

    assignments: tuple[SchemaAssignment, ...]
    failures: tuple[Failure, ...] = ()


class AssignmentStore:
    """The assignments of one connection in the file of all. Every change reads the file again under a lock, so what
    another window wrote and what this version cannot read both stay. All calls wait for the disk."""

    def __init__(self, connection: str, path: Path | None = None) -> None:
        self._connection = connection
        self.path = path or platformdirs.user_config_path("kexplorer", appauthor=False) / "schemas.json"

    def load(self) -> LoadedAssignments:
        """Never raises: what is wrong with the file is in the answer."""
        try:
            entries = self._read().get(self._connection, [])
        except Failure as failure:
            return LoadedAssignments((), (failure,))
        assignments, failures = [], []
        for number, entry in enumerate(entries, start=1):
            try:
                assignments.append(_assignment(entry))
            except ValueError as wrong:
                where = f"connection “{self._connection}”, assignment {number}: {wrong}"
                failures.append(self._broken(where, "Correct it there, or assign the schema again."))
        return LoadedAssignments(tuple(assignments), tuple(failures))

    def assign(self, assignment: SchemaAssignment) -> None:
        """Puts it before the others, in the place of the one for the same topics and part. Raises `Failure`."""
        self._change(lambda all_of: _put(all_of, self._connection, assignment, keep=True))

    def unassign(self, assignment: SchemaAssignment) -> None:
        """Raises `Failure`."""
        self._change(lambda all_of: _put(all_of, self._connection, assignment, keep=False))

    def rename(self, connection: str) -> None:
        """The connection has a new name. Raises `Failure`."""

        def change(all_of: dict[str, list[Any]]) -> None:
            if entries := all_of.pop(self._connection, None):
                all_of[connection] = entries

        self._change(change)
        self._connection = connection

    def forget(self) -> None:
        """The connection is gone. Raises `Failure`."""
        self._change(lambda all_of: all_of.pop(self._connection, None))

    def _change(self, change: Callable[[dict[str, list[Any]]], object]) -> None:
        with locked(self.path):
            before, now = self._read(), self._read()
            change(now)
            if now == before:
                return
            content = json.dumps({"version": _VERSION, "connections": now}, indent=1).encode()
            if len(content) > _LIMIT:
                raise Failure(FailureKind.INVALID, f"{self.path} would become larger than 1 MB.", "Remove assignments.")
            write_private(self.path, content)

    def _read(self) -> dict[str, list[Any]]:
        content = read_private(self.path, _LIMIT)
        if content is None:
            return {}
        try:
            found = json.loads(content)
        except (ValueError, RecursionError) as error:
            why = str(error) if isinstance(error, json.JSONDecodeError) else "no JSON"
            raise self._broken(why, "Correct it or move it away; until then it is left as it is.") from None
        if not isinstance(found, dict) or found.get("version") != _VERSION:
            raise self._broken("of a version that is not known", "Use the Kafka Explorer that wrote it.")
        connections = found.get("connections")
        if not isinstance(connections, dict) or not all(isinstance(each, list) for each in connections.values()):
            raise self._broken("its connections are not lists of assignments", "Correct it or move it away.")
        return connections

    def _broken(self, what: str, hint: str) -> Failure:
        return Failure(FailureKind.INVALID, f"{self.path}, {what}.", hint)


def _put(all_of: dict[str, list[Any]], connection: str, assignment: SchemaAssignment, *, keep: bool) -> None:
    place = (assignment.topics, assignment.part)
    others = [each for each in all_of.get(connection, []) if _place(each) != place]
    all_of[connection] = [asdict(assignment), *others] if keep else others
    if not all_of[connection]:
        del all_of[connection]


def _place(entry: Any) -> tuple[object, object] | None:
    return (entry.get("topics"), entry.get("part")) if isinstance(entry, dict) else None


def _assignment(entry: Any) -> SchemaAssignment:
    """Raises ValueError that says what is wrong."""
    if not isinstance(entry, dict) or not all(isinstance(entry.get(name, ""), str) for name in _TEXTS):
        raise ValueError("not an object of texts")
    if missing := [name for name in _TEXTS[:4] if not entry.get(name)]:
        raise ValueError(f"{missing[0]} is missing")
    topics, part, form, file = (entry[name] for name in _TEXTS[:4])
    if part not in {each.value for each in Part}:
        raise ValueError(f"the part “{part[:40]}” is not known")
    if form not in {each.value for each in SchemaFormat}:
        raise ValueError(f"the format “{form[:40]}” is not known")
    return SchemaAssignment(topics, Part(part), SchemaFormat(form), file, entry.get("type_name", ""))
