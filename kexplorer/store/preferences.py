"""What the window remembers: its layout and the choices that belong to nobody else. A damaged file means defaults."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import platformdirs

from kexplorer.model.failure import Failure
from kexplorer.store.files import read_private, write_private

log = logging.getLogger(__name__)

_LIMIT = 8 << 20  # bytes: a panel may keep a message that was not sent yet


class Preferences:
    """A JSON object in the platform's directory for state; whoever reads a value from it checks the value's type."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or platformdirs.user_state_path("kexplorer", appauthor=False) / "window.json"

    def load(self) -> dict[str, Any]:
        """{} where there is no file, or none that can be trusted."""
        try:
            content = read_private(self.path, _LIMIT)
            found = json.loads(content) if content else {}
        except (Failure, ValueError, RecursionError) as error:
            log.info("%s is not used: %s", self.path, error)
            return {}
        return found if isinstance(found, dict) else {}

    def save(self, values: dict[str, Any]) -> None:
        """Raises `Failure` when the disk refuses, ValueError when it would not be loaded again."""
        content = json.dumps(values, indent=1, allow_nan=False).encode()
        if len(content) > _LIMIT:
            raise ValueError(f"preferences of {len(content)} bytes")
        write_private(self.path, content)
