"""Messages that a person gave a name, for all topics, in a private JSON file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import platformdirs

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import MessageTemplate
from kexplorer.store.daemon import in_daemon
from kexplorer.store.files import locked, read_private, write_private

_LIMIT = 8 << 20  # bytes
_MOST = 500
_LONGEST_NAME = 100  # characters
_DISK = 10.0  # seconds


class TemplateStore:
    """Every change reads the file again under a lock, so that what another window saved stays, and what this version
    does not understand. Raises `Failure` for a file that cannot be used: it is never overwritten."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or platformdirs.user_config_path("kexplorer", appauthor=False) / "templates.json"

    async def load(self) -> dict[str, MessageTemplate]:
        """By name, in the order of the alphabet."""
        return await self._on_disk(lambda: _templates(self._read()))

    async def save(self, name: str, template: MessageTemplate) -> dict[str, MessageTemplate]:
        """One of the same name is replaced. Returns all, as `load` does."""
        name = name.strip()
        if not name:
            raise Failure(FailureKind.INVALID, "The template has no name.", "Type a name.")
        if len(name) > _LONGEST_NAME:
            what = f"The template's name is longer than {_LONGEST_NAME} characters."
            raise Failure(FailureKind.INVALID, what, "Choose a shorter one.")
        entry = {"name": name, **asdict(template)}
        return await self._on_disk(lambda: self._change(lambda entries: [*_without(entries, name), entry]))

    async def delete(self, name: str) -> dict[str, MessageTemplate]:
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

    def _change(self, change: Callable[[list[Any]], list[Any]]) -> dict[str, MessageTemplate]:
        with locked(self.path):
            entries = change(self._read())
            content = json.dumps(entries, indent=1).encode()
            if len(entries) > _MOST or len(content) > _LIMIT:
                text = f"There are more than {_MOST} templates, or they are larger than 8 MB."
                raise Failure(FailureKind.INVALID, text, "Delete some of them.")
            write_private(self.path, content)
        return _templates(entries)

    async def _on_disk(self, work: Callable[[], dict[str, MessageTemplate]]) -> dict[str, MessageTemplate]:
        try:
            return await in_daemon("templates", work, _DISK)
        except TimeoutError:
            raise Failure(FailureKind.TIMEOUT, "The disk did not answer.", f"Check {self.path}.") from None


def _templates(entries: list[Any]) -> dict[str, MessageTemplate]:
    """Those that this version understands."""
    found = {
        each["name"]: template
        for each in entries
        if isinstance(each, dict) and isinstance(each.get("name"), str) and (template := _template(each))
    }
    return dict(sorted(found.items(), key=lambda named: named[0].casefold()))


def _template(entry: dict[str, Any]) -> MessageTemplate | None:
    texts = {
        name: entry.get(name, "text" if name.endswith("format") else "")
        for name in ("topic", "partition", "key_format", "value_format")
    }
    key, value, headers = entry.get("key"), entry.get("value"), entry.get("headers", [])
    whole = all(isinstance(text, str) for text in texts.values()) and isinstance(headers, list)
    if not whole or not all(text is None or isinstance(text, str) for text in (key, value)):
        return None
    pairs = [each for each in headers if isinstance(each, list) and len(each) == 2 and isinstance(each[0], str)]
    if len(pairs) < len(headers) or not all(text is None or isinstance(text, str) for _, text in pairs):
        return None
    return MessageTemplate(key=key, value=value, headers=tuple((name, text) for name, text in pairs), **texts)


def _without(entries: list[Any], name: str) -> list[Any]:
    return [each for each in entries if not (isinstance(each, dict) and each.get("name") == name)]
