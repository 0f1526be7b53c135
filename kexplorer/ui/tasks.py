"""Work that belongs to a part of the window: named, replaced by name, cancelled and awaited when the part closes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from kexplorer.model.failure import Failure


class Tasks:
    """Owns the asyncio tasks of one panel or window. A `Failure` goes to `show`, anything else to `sys.excepthook`."""

    def __init__(self, show: Callable[[Failure], None]) -> None:
        self._show = show
        self._running: dict[str, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()  # cancelled, and in their `finally` blocks

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Starts `work` under `name`; work of that name that is still running is cancelled first."""
        self.cancel(name)
        task = asyncio.get_running_loop().create_task(self._guard(work), name=name)
        self._running[name] = task
        task.add_done_callback(lambda done: self._forget(name, done))
        task.add_done_callback(lambda _: work.close())  # else a task cancelled before its first step warns of it

    def cancel(self, name: str) -> None:
        if task := self._running.pop(name, None):
            self._leaving.add(task)
            task.cancel()

    def running(self, name: str) -> bool:
        return name in self._running

    async def close(self) -> None:
        """Cancels all and waits until each has left its `finally` blocks."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *self._leaving, return_exceptions=True)

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Failure as failure:
            self._show(failure)
        except Exception:
            sys.excepthook(*sys.exc_info())

    def _forget(self, name: str, task: asyncio.Task[None]) -> None:
        self._leaving.discard(task)
        if self._running.get(name) is task:
            del self._running[name]
