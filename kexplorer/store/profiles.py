"""Connection profiles in a TOML file that a person can read, edit and share. Secrets are references, never values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any

import platformdirs

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import COLOURS, Profile, SaslMechanism, SecretRef, SecurityProtocol
from kexplorer.store.files import locked, read_private, write_private

_LIMIT = 1 << 20  # bytes
_VERSION = 1
_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*cluster[ \t]*\]\]", re.MULTILINE)
_BLOCK = re.compile(r"(?:^[ \t]*#[^\n]*\n)*" + _HEADER.pattern, re.MULTILINE)
_NEW_FILE = """\
# Connections of Kafka Explorer. Edit them here or in the program; comments stay.
# Secrets are references: "keyring:NAME" (the system's keyring), "env:VARIABLE" or "ask:".
version = 1
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The profiles of the file in its order, and a `Failure` for each part of it that cannot be used."""

    profiles: tuple[Profile, ...]
    failures: tuple[Failure, ...] = ()


class ProfileStore:
    """The profiles file. Every change reads the file again under a lock, touches one profile and replaces the file, so
    comments, profiles that this version cannot read and what another window wrote all stay. All calls wait for the
    disk."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or platformdirs.user_config_path("kexplorer", appauthor=False) / "clusters.toml"

    def load(self) -> Loaded:
        """Never raises: what is wrong with the file is in the answer."""
        try:
            text = self._text()
            clusters = self._clusters(text)
        except Failure as failure:
            return Loaded((), (failure,))
        profiles: dict[str, Profile] = {}
        failures = []
        for number, table in enumerate(clusters):
            try:
                profile = _profile(table)
                if profile.name in profiles:
                    raise _Wrong("name", f"“{profile.name}” is the name of an earlier one", "Rename one of them.")
                profiles[profile.name] = profile
            except _Wrong as wrong:
                failures.append(self._failure(wrong, text, number, len(clusters)))
        return Loaded(tuple(profiles.values()), tuple(failures))

    def add(self, profile: Profile) -> None:
        """`Failure` if the name is taken."""

        def change(blocks: list[str]) -> None:
            self._refuse_taken(blocks, profile.name)
            blocks[-1] = blocks[-1].rstrip() + "\n"
            blocks.append("\n" + _edited("[[cluster]]\n", profile))

        self._change(change)

    def replace(self, old: Profile, new: Profile) -> None:
        """`Failure` if `old` is no longer what the file says, or if the new name is taken."""

        def change(blocks: list[str]) -> None:
            if new.name != old.name:
                self._refuse_taken(blocks, new.name)
            number = self._find(blocks, old)
            blocks[number] = _edited(blocks[number], new)

        self._change(change)

    def delete(self, profile: Profile) -> None:
        """`Failure` if it is no longer what the file says."""

        def change(blocks: list[str]) -> None:
            del blocks[self._find(blocks, profile)]

        self._change(change)

    def _change(self, change: Callable[[list[str]], None]) -> None:
        """`change` gets the file in blocks: what comes before the first connection, then a block a connection."""
        with locked(self.path):
            text = self._text() or _NEW_FILE
            blocks = _split(text)
            if len(blocks) - 1 != len(self._clusters(text)):  # also raises for a file that is not understood
                raise self._broken("key cluster: written in a way that cannot be edited", "Use [[cluster]] headers.")
            change(blocks)
            try:
                content = "".join(blocks).encode()
            except UnicodeEncodeError:
                raise Failure(FailureKind.INVALID, "The connection has half a character.", "Type it again.") from None
            self._clusters(content.decode())
            if len(content) > _LIMIT:
                raise Failure(FailureKind.INVALID, f"{self.path} would become larger than 1 MB.", "Delete connections.")
            write_private(self.path, content)

    def _text(self) -> str:
        content = read_private(self.path, _LIMIT) or b""
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise self._broken(f"line {line}: not UTF-8", "Save the file as UTF-8.") from None

    def _clusters(self, text: str) -> list[dict[str, Any]]:
        try:
            document = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise self._broken(str(error) or "nested too deeply", "Correct that line; nothing was changed.") from None
        version = document.get("version", _VERSION)
        if version != _VERSION:
            raise self._broken(f"key version: {version!r} is not known", "Use the Kafka Explorer that wrote the file.")
        clusters = document.get("cluster", [])
        if not isinstance(clusters, list) or not all(isinstance(table, dict) for table in clusters):
            raise self._broken("key cluster: not a list of tables", "Begin each connection with [[cluster]].")
        return clusters

    def _broken(self, what: str, hint: str) -> Failure:
        return Failure(FailureKind.INVALID, f"{self.path}, {what}.", hint)

    def _failure(self, wrong: _Wrong, text: str, number: int, count: int) -> Failure:
        headers = [match.start() for match in _HEADER.finditer(text)]
        where = f"connection {number + 1}"
        if len(headers) == count:  # not so with inline tables
            end = headers[number + 1] if number + 1 < count else len(text)
            key = re.compile(rf"^[ \t]*[\[\"']*(cluster\.)?{re.escape(wrong.key)}\b", re.MULTILINE)
            found = key.search(text, headers[number], end)
            line = text.count("\n", 0, found.start() if found else headers[number]) + 1
            where = f"line {line}"
        return self._broken(f"{where}, key {wrong.key}: {wrong.what}", wrong.hint)

    def _refuse_taken(self, blocks: list[str], name: str) -> None:
        if any(_table(block).get("name") == name for block in blocks[1:]):
            raise Failure(FailureKind.INVALID, f"There is already a connection “{name}”.", "Choose another name.")

    def _find(self, blocks: list[str], profile: Profile) -> int:
        for number, block in enumerate(blocks[1:], start=1):
            try:
                if _profile(_table(block)) == profile:
                    return number
            except _Wrong:
                continue
        raise Failure(
            FailureKind.REFUSED,
            f"“{profile.name}” was changed or removed in {self.path} meanwhile.",
            "Nothing was written. Open it again to see what it is now.",
        )


def _split(text: str) -> list[str]:
    """Comment lines straight above a connection's header belong to it."""
    starts = [match.start() for match in _BLOCK.finditer(text)]
    return [text[start:end] for start, end in pairwise([0, *starts, len(text)])]


def _table(block: str) -> dict[str, Any]:
    tables: list[dict[str, Any]] = tomllib.loads(block)["cluster"]
    return tables[0]


@dataclass
class _Wrong(Exception):  # noqa: N818
    key: str
    what: str
    hint: str


_KINDS: dict[str, type] = {
    "read_only": bool,
    "production": bool,
    "properties": dict,
    "security_protocol": SecurityProtocol,
    "sasl_mechanism": SaslMechanism,
    "password": SecretRef,
    "key_password": SecretRef,
    "registry_password": SecretRef,
}
_KEYS = tuple(field.name for field in fields(Profile))


def _profile(table: dict[str, Any]) -> Profile:
    for key in table:
        if key not in _KEYS:
            raise _Wrong(key, "not a setting of a connection", f"Use one of {', '.join(_KEYS)}.")
    for key in ("name", "bootstrap"):
        if not table.get(key):
            raise _Wrong(key, "missing", f'Write {key} = "…".')
    return Profile(**{key: _value(key, value) for key, value in table.items()})


def _value(key: str, value: object) -> Any:
    kind = _KINDS.get(key, str)
    if kind is dict:
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
            raise _Wrong(key, "not a table of texts", 'Write each as "client.id" = "value".')
        return value
    if kind is bool:
        if not isinstance(value, bool):
            raise _Wrong(key, f"{value!r} is neither true nor false", "Write true or false.")
        return value
    if not isinstance(value, str):
        raise _Wrong(key, "not a text", "Put the value in quotes.")
    if kind is SecretRef:
        return _secret(key, value)
    if issubclass(kind, Enum):
        return _choice(key, value, kind)
    if key == "colour" and value not in COLOURS:
        raise _Wrong(key, f"“{value}” is not known", f"Use one of {', '.join(COLOURS)}.")
    return value


def _secret(key: str, value: str) -> SecretRef:
    try:
        return SecretRef.parse(value)
    except Failure as failure:  # says nothing of the value, which may be the secret itself
        raise _Wrong(key, "not a reference", failure.hint) from None


def _choice(key: str, value: str, kind: type[Enum]) -> Enum:
    try:
        return kind(value)
    except ValueError:
        raise _Wrong(key, f"“{value}” is not known", f"Use one of {', '.join(str(each) for each in kind)}.") from None


def _edited(block: str, profile: Profile) -> str:
    """The block with `profile`'s settings; only what differs is touched, so that comments stay."""
    import tomlkit  # noqa: PLC0415  (slow to import, and most runs change nothing)

    document = tomlkit.parse(block)
    table: Any = document["cluster"][0]
    default = Profile("", "")
    for key in _KEYS:
        value = _plain(getattr(profile, key))
        if key != "security_protocol" and value == _plain(getattr(default, key)):
            table.pop(key, None)
        elif key == "properties" and key in table:
            _update(table[key], value)
        elif table.get(key) != value:
            table[key] = value
    return tomlkit.dumps(document)


def _update(table: Any, wanted: dict[str, str]) -> None:
    for key in [key for key in table if key not in wanted]:
        del table[key]
    for key, value in wanted.items():
        if table.get(key) != value:
            table[key] = value


def _plain(value: object) -> Any:
    return value if isinstance(value, bool | dict) else str(value or "")
