"""One client handle, one thread. Every call on a handle is made there, construction and close included."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from kexplorer.model.failure import Failure, FailureKind

T = TypeVar("T")
log = logging.getLogger(__name__)


class HandleThread:
    """Owns a daemon thread that runs calls one after the other. A daemon, because a call may be stuck in a frozen
    broker while the program wants to end. `idle` is called in the thread about every 0.25 s while nothing else is to
    do; clients call their callbacks from there."""

    def __init__(self, name: str, idle: Callable[[], object] = lambda: None) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._idle = idle
        self._finished = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def call(self, work: Callable[[], T], *, what: str, within: float) -> T:
        """Runs `work` in the thread. `Failure(TIMEOUT)` after `within` seconds; the call itself cannot be stopped, its
        late answer is dropped. `what` names the work for that message."""
        try:
            # WORKAROUND: not wait_for(), which before 3.12 loses a cancellation that comes together with the result:
            # https://github.com/python/cpython/issues/86296
            async with asyncio.timeout(within):
                return await asyncio.wrap_future(self.submit(work))
        except TimeoutError:
            raise timed_out(what, within) from None

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Like `call`, without waiting. Submit and finish from one thread only."""
        future: Future[T] = Future()
        if self._finished:
            future.set_exception(Failure(FailureKind.REFUSED, "The connection is closed.", "Connect again."))
        else:
            self._calls.put((future, work))
        return future

    def finish(self) -> None:
        """The thread ends after the calls that were submitted before; later ones fail."""
        self._finished = True
        self._calls.put(None)

    def _run(self) -> None:
        while True:
            try:
                call = self._calls.get(timeout=0.25)
            except queue.Empty:
                self._run_idle()
                continue
            if call is None:
                return
            future, work = call
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)
            del call, future, work  # the last answer must not live until the next call

    def _run_idle(self) -> None:
        try:
            self._idle()
        except Exception:
            log.exception("serving the client's callbacks failed")  # and the thread lives on: calls depend on it


def timed_out(what: str, seconds: float) -> Failure:
    return Failure(
        FailureKind.TIMEOUT,
        f"{what}: no answer within {seconds:g} s.",
        "The brokers may be overloaded, frozen or behind a firewall. Test the connection, then try again.",
    )
