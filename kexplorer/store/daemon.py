"""Waiting for calls that may block for ever, such as a keyring's prompt or a frozen disk."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def in_daemon(name: str, work: Callable[[], T], limit: float) -> T:
    """Runs `work` in a daemon thread of its own; TimeoutError after `limit` seconds. The thread then goes on, but its
    result is dropped, and it does not keep the program from ending."""
    future: Future[T] = Future()

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = work()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name=name, daemon=True).start()
    # WORKAROUND: not wait_for(), which before 3.12 loses a cancellation that comes together with the result:
    # https://github.com/python/cpython/issues/86296
    async with asyncio.timeout(limit):
        return await asyncio.wrap_future(future)
