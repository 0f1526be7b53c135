"""Plans of replays as a person writes them: their files, and their text in step with what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.store.daemon import in_daemon
from kexplorer.store.plans import edited_text, load_text, parse_plan, plan_text, save_text

__all__ = ["edited_text", "parse_plan", "plan_text", "read_draft", "was_run", "write_draft"]

T = TypeVar("T")
_DISK = 10.0  # seconds


async def read_draft(path: Path) -> str:
    """The text of a plan, whatever it says. Raises `Failure`."""
    return await _on_disk(path, lambda: load_text(path))


async def write_draft(path: Path, text: str, *, new: bool = False) -> None:
    """Replaces the file, unless it is to be a `new` one. Raises `Failure`."""

    def write() -> None:
        if new and (path.exists() or path.with_suffix(".run").exists()):
            raise Failure(FailureKind.REFUSED, f"There is a plan {path} already.", "Give this one another job name.")
        save_text(path, text)

    await _on_disk(path, write)


async def was_run(path: Path) -> bool:
    """Whether a replay was begun by this file: then the file belongs to its job. Raises `Failure`."""
    return await _on_disk(path, path.with_suffix(".run").exists)


async def _on_disk(path: Path, work: Callable[[], T]) -> T:
    try:
        return await in_daemon("plan", work, _DISK)
    except TimeoutError:
        raise Failure(FailureKind.TIMEOUT, "The disk did not answer.", f"Check {path}.") from None
