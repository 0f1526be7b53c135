"""Worker processes on this machine, as a `concurrent.futures.Executor`."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from functools import partial
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, ParamSpec, TypeVar

import kexplorer.kafka.scan  # noqa: F401  (workers have it before they are asked)

P = ParamSpec("P")
T = TypeVar("T")

# A Kafka client that was forked hangs. The fork server has none: it imports once what all workers need.
_START: Any = multiprocessing.get_context(
    "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
)
_START.set_forkserver_preload([__name__])


class ScanPool(Executor):
    """`workers` processes, each with a pipe and a thread that waits for it. Calls and answers are pickled.

    Not a ProcessPoolExecutor: there a worker that is killed while it writes its answer leaves the pool waiting for
    ever, one that dies ends all the others, and none can be ended in the middle of a call. Here a death is the
    `BrokenExecutor` of the one call, the next call gets a new process, and `shutdown` ends all at once. Workers also
    end when this process does, however that happens."""

    def __init__(self, workers: int) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._processes: set[BaseProcess] = set()
        self._closed = False
        self._threads = [threading.Thread(target=self._serve, name="scan-pool", daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("the pool is shut down")
            self._calls.put((future, partial(fn, *args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Calls that run are broken off, those that wait are cancelled: `cancel_futures` makes no difference."""
        with self._lock:
            if not self._closed:
                self._closed = True
                for process in self._processes:
                    process.kill()
                for _ in self._threads:
                    self._calls.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _serve(self) -> None:
        # Ctrl+C reaches every process of a terminal, and what it means is decided here. Processes inherit the mask.
        if hasattr(signal, "pthread_sigmask"):
            resource_tracker.ensure_running()  # it would take the mask away when the first process is started
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        worker: _Worker | None = None
        try:
            with contextlib.suppress(EOFError, OSError):  # then the first call says why
                worker = self._start()  # the first one takes a third of a second to import what it needs
            while (call := self._calls.get()) is not None:
                future, work = call
                if self._closed:
                    future.cancel()
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    worker = worker or self._start()
                    succeeded, answer = worker.ask(work)
                except (EOFError, OSError) as error:
                    if worker:
                        self._end(worker)
                    worker = None
                    future.set_exception(BrokenExecutor(f"the worker process died: {error}"))
                except BaseException as error:  # the call or its answer cannot be pickled
                    future.set_exception(error)
                else:
                    (future.set_result if succeeded else future.set_exception)(answer)
                    del answer
                del call, future, work  # the last answer must not live until the next call
        finally:
            if worker:
                self._end(worker)

    def _start(self) -> _Worker:
        worker = _Worker()  # takes half a second for the first one: whoever submits must not wait for it
        with self._lock:
            self._processes.add(worker.process)
            if not self._closed:
                return worker
        self._end(worker)
        raise EOFError("the pool is shut down")

    def _end(self, worker: _Worker) -> None:
        with self._lock:
            self._processes.discard(worker.process)
        worker.end()


class _Worker:
    def __init__(self) -> None:
        self._pipe, theirs = _START.Pipe()
        self.process = _START.Process(target=_work, args=(theirs,), name="kexplorer-scan", daemon=True)
        self.process.start()
        theirs.close()  # so that the end of the process ends the wait for its answer, even in the middle of it

    def ask(self, work: Callable[[], T]) -> tuple[bool, Any]:
        """Whether it succeeded, and the answer or what was raised. EOFError or OSError when the process dies."""
        self._pipe.send(work)
        answer: tuple[bool, Any] = self._pipe.recv()
        return answer

    def end(self) -> None:
        self._pipe.close()
        self.process.kill()
        self.process.join()


def _work(pipe: Connection) -> None:
    """The main function of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    _keep_memory()
    gc.disable()  # records make no cycles, and looking for some among them would be a quarter of a search
    gc.freeze()
    while True:
        try:
            work = pipe.recv()
        except (EOFError, OSError):
            os._exit(0)  # a client that is closed in order would keep us for a while
        try:
            answer = (True, work())
        except Exception as error:
            answer = (False, error)
        try:
            pipe.send(answer)
        except OSError:
            os._exit(0)
        except Exception as error:  # what cannot be pickled is told in words
            pipe.send((False, RuntimeError(f"{type(error).__name__}: {error}; the answer was {answer[1]!r:.500}")))
        del work, answer
        gc.collect()


def _keep_memory() -> None:
    """The client unpacks batches into buffers that glibc would give back to the system each time: cleared pages would
    take a fifth of a search. Other libraries do without."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD of malloc.h
        mallopt(-1, 64 << 20)  # M_TRIM_THRESHOLD


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        connection.wait([parent.sentinel])
    os._exit(0)
