"""Waits that end as soon as they may, on a machine of any speed, and a clock that counts only our own work."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from PySide6.QtWidgets import QApplication

T = TypeVar("T")
PATIENCE_S = 60.0  # until a wait for what must happen fails


async def until(holds: Callable[[], T], every: float = 0.01) -> T:
    """What it returns as soon as that is true: for what other tasks and threads bring about."""
    async with asyncio.timeout(PATIENCE_S):
        while not (answer := holds()):  # noqa: ASYNC110  (nothing tells of it)
            await asyncio.sleep(every)
        return answer


def wait(holds: Callable[[], T], every: float = 0.1) -> T:
    """What it returns as soon as that is true, where no event loop runs: for what other processes bring about."""
    limit = time.monotonic() + PATIENCE_S
    while not (answer := holds()):
        assert time.monotonic() < limit, f"it did not happen in {PATIENCE_S:.0f} s"
        time.sleep(every)
    return answer


def took(work: Callable[[], object]) -> float:
    """Seconds of this thread and what it had to do afterwards, so that a busy machine does not count."""
    began = time.thread_time()
    work()
    QApplication.processEvents()
    return time.thread_time() - began
