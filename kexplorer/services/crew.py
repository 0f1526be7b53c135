"""Workers, and the pieces that are with them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor
from dataclasses import dataclass

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.search import Piece, PieceResult
from kexplorer.store.daemon import in_daemon

log = logging.getLogger(__name__)

Scanning = Callable[[Piece], PieceResult]
"""Scans a piece. Goes to the workers, so it can be pickled. Raises what made it impossible."""

_WAIT = 0.1  # seconds that a step waits for workers
_START = 30.0  # seconds that starting them may take
_AHEAD = 1  # pieces that wait for a worker
_DEATHS = 3  # of workers, after which a piece is not tried again


@dataclass(frozen=True, slots=True)
class Outcome:
    """`seconds` is what the worker needed."""

    piece: Piece
    result: PieceResult | Failure
    seconds: float


@dataclass(slots=True)
class _Flight:
    piece: Piece
    deaths: int = 0


class Crew:
    """Owns an executor, which is opened when there is something to do, and replaced when it is broken. A piece whose
    worker died is tried again. `open_executor` may take its time."""

    def __init__(self, scan: Scanning, open_executor: Callable[[], Executor], workers: int) -> None:
        self._scan = scan
        self._open_executor = open_executor
        self._most = workers + _AHEAD
        self._executor: Executor | None = None
        self._opening: asyncio.Future[Executor] | None = None
        self._waiting: deque[_Flight] = deque()
        self._flying: dict[asyncio.Future[tuple[PieceResult, float]], _Flight] = {}

    @property
    def busy(self) -> bool:
        return bool(self._flying or self._waiting)

    async def step(self, next_piece: Callable[[], Piece | None]) -> list[Outcome]:
        """Gives out pieces and waits for what comes, about 0.1 s. A call that is cancelled loses nothing."""
        if self._executor is None and not self._flying:
            if not self._waiting and (piece := next_piece()):
                self._waiting.append(_Flight(piece))
            if not self._waiting:
                return []
            self._executor = await self._open()
        if self._executor:
            self._fill(self._executor, next_piece)
        if not self._flying:
            return []
        done, _ = await asyncio.wait(self._flying, timeout=_WAIT, return_when=asyncio.FIRST_COMPLETED)
        in_order = [future for future in self._flying if future in done]
        outcomes = [self._outcome(future, self._flying.pop(future)) for future in in_order]
        return [outcome for outcome in outcomes if outcome]

    async def close(self) -> None:
        """What workers have not brought yet is dropped."""
        if self._opening:
            await asyncio.wait([self._opening])
            if not self._opening.cancelled() and not self._opening.exception():
                self._executor = self._opening.result()
            self._opening = None
        self._waiting.clear()
        self._drop()

    async def _open(self) -> Executor:
        """In a thread: a process is started for each worker."""
        if self._opening is None:
            self._opening = asyncio.ensure_future(in_daemon("search-start", self._open_executor, _START))
        try:
            opened = await asyncio.shield(self._opening)
        except asyncio.CancelledError:
            raise  # it may have been opened in this very turn: `close` looks
        except TimeoutError:
            self._opening = None
            raise Failure(FailureKind.TIMEOUT, f"No worker started within {_START:g} s.", "Try again.") from None
        except BaseException:
            self._opening = None
            raise
        self._opening = None
        return opened

    def _drop(self) -> None:
        for future in self._flying:
            future.cancel()
        self._flying.clear()
        if self._executor:
            self._executor.shutdown(wait=False)
            self._executor = None

    def _fill(self, executor: Executor, next_piece: Callable[[], Piece | None]) -> None:
        while len(self._flying) < self._most:
            if not self._waiting and (piece := next_piece()):
                self._waiting.append(_Flight(piece))
            if not self._waiting:
                return
            try:
                future = executor.submit(_timed, self._scan, self._waiting[0].piece)
            except (BrokenExecutor, RuntimeError) as error:
                log.info("the workers are gone: %s", error)
                executor.shutdown(wait=False)
                self._executor = None  # the pieces that are with it fail as well; they are waited for like all others
                return
            self._flying[asyncio.wrap_future(future)] = self._waiting.popleft()

    def _outcome(self, future: asyncio.Future[tuple[PieceResult, float]], flight: _Flight) -> Outcome | None:
        """None for a piece that is tried again."""
        try:
            result, seconds = future.result()
        except (BrokenExecutor, asyncio.CancelledError):
            flight.deaths += 1
            if flight.deaths < _DEATHS:
                self._waiting.append(flight)
                return None
            text = f"{_name(flight.piece)}: the worker process died {flight.deaths} times while it scanned this."
            hint = "Its records may need more memory than there is. Search around them."
            return Outcome(flight.piece, Failure(FailureKind.UNREADABLE, text, hint), 0.0)
        except Failure as failure:
            return Outcome(flight.piece, failure, 0.0)
        except Exception as error:  # whatever a worker raises is the trouble of its piece
            log.exception("scanning %s failed", _name(flight.piece))
            text = f"{_name(flight.piece)}: {type(error).__name__}: {error}."
            return Outcome(flight.piece, Failure(FailureKind.UNREADABLE, text, "The log has the details."), 0.0)
        return Outcome(flight.piece, result, seconds)


def _name(piece: Piece) -> str:
    source, end = piece.range.source, piece.range.end or 0
    return f"{source.topic}, partition {source.partition}, offsets {piece.range.start} to {end - 1}"


def _timed(scan: Scanning, piece: Piece) -> tuple[PieceResult, float]:
    began = time.perf_counter()
    return scan(piece), time.perf_counter() - began
