"""Sends an input's lines with several processes: each reads records out of lines and has a producer of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Mapping
from concurrent.futures import BrokenExecutor
from dataclasses import replace
from typing import Any

from kexplorer.kafka import sending_lines
from kexplorer.kafka.scan_pool import ScanPool
from kexplorer.kafka.sending import TopicLimits
from kexplorer.kafka.sending_lines import Begin, Lines, News, Place
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.lines import PLACE_BITS, LineBlock, LineFormat, LineNews, LinePlace
from kexplorer.model.produce import Deliveries

_MOST_LANES = 3
_AHEAD = 2  # calls that a lane has at once, so that it never waits for the next one
_PAUSE = 0.05  # seconds in which what comes back is gathered; then a lane that has nothing to do is asked
_CALLBACKS = ("logger", "error_cb")
_QUEUE = {"queue.buffering.max.kbytes": 32 << 10, "queue.buffering.max.messages": 50_000}  # of all lanes together


class ParallelLines:
    """Keeps `model.lines.LineWriter`. What is ordered stays on one lane; all else goes to whichever is free. A lane
    that finds out that the lines of a place are ordered refuses them, and from then on one lane reads all places."""

    def __init__(self) -> None:
        self._lanes = [_Lane() for _ in range(max(1, min(_MOST_LANES, os.cpu_count() or 1)))]
        self._given = self._places = 0
        self._ordered = False
        self._over = asyncio.Event()

    def begin(self, config: Mapping[str, Any], limits: TopicLimits, lines: LineFormat) -> None:
        """Before all else, but processes start without it."""
        count = len(self._lanes)
        shares = {name: max(int(config.get(name, most)) // count, 1) for name, most in _QUEUE.items()}
        own = {name: value for name, value in config.items() if name not in _CALLBACKS} | shares
        for lane in self._lanes:
            lane.begin(Begin(own, limits, lines))

    @property
    def sent(self) -> int:
        return sum(lane.taken for lane in self._lanes)

    @property
    def undelivered(self) -> int:
        return sum(lane.undelivered for lane in self._lanes)

    async def send(self, lines: LineBlock | LinePlace) -> None:
        if isinstance(lines, LinePlace):
            lane = await self._free(ordered=self._ordered)
            if any(lane.refused for lane in self._lanes):
                await self._take_back()
                lane = await self._free(ordered=True)
            lane.ask(Place(lines, self._places << PLACE_BITS, self._ordered))
            self._places += 1
        elif lines.rows:
            lane = await self._free(ordered=not lines.unordered)
            lane.ask(Lines(lines.text, self._given))
            self._given += len(lines.rows)

    async def news(self) -> LineNews:
        """Lanes that have nothing else to do are asked."""
        with contextlib.suppress(TimeoutError):  # whatever there is: telling of each few would take the window's time
            await asyncio.wait_for(self._over.wait(), _PAUSE)
        for lane in self._lanes:
            if lane.undelivered and not lane.calls:
                lane.ask()
        self._check()
        news, nbytes, acknowledged = Deliveries(), 0, 0
        latencies: list[float] = []
        unread: dict[int, Failure] = {}
        for lane in self._lanes:
            _add(news, lane.news)
            unread |= lane.unread
            nbytes += lane.nbytes
            acknowledged += lane.acknowledged
            latencies += lane.latencies
            lane.forget()
        return LineNews(news, unread, nbytes, acknowledged, latencies)

    async def flush(self, within: float) -> int:
        until = time.monotonic() + within
        await self._take_back()
        while (left := until - time.monotonic()) > 0:
            self._check()
            for lane in self._lanes:
                if lane.undelivered and not lane.calls:
                    lane.ask(finish=True)
            calls = {call for lane in self._lanes for call in lane.calls}
            if not calls:
                break
            await asyncio.wait(calls, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        self._over.set()
        return self.undelivered

    def close(self) -> None:
        """What is undelivered is dropped."""
        for lane in self._lanes:
            lane.close()

    async def _free(self, *, ordered: bool) -> _Lane:
        usable = self._lanes[:1] if ordered else self._lanes
        while all(len(lane.calls) >= _AHEAD for lane in usable):
            await asyncio.wait({call for lane in usable for call in lane.calls}, return_when=asyncio.FIRST_COMPLETED)
        self._check()
        return min(usable, key=lambda lane: len(lane.calls))

    async def _take_back(self) -> None:
        """Has one lane send, in their order, the places that others refused."""
        if not self._ordered and self._places:
            while calls := {call for lane in self._lanes for call in lane.calls}:
                await asyncio.wait(calls)
            for place in sorted((each for lane in self._lanes for each in lane.refused), key=lambda each: each.first):
                self._ordered = True
                self._check()
                (await self._free(ordered=True)).ask(replace(place, ordered=True))
            for lane in self._lanes:
                lane.refused.clear()

    def _check(self) -> None:
        for lane in self._lanes:
            if lane.failure:
                raise lane.failure


class _Lane:
    """One process, and what came back from it."""

    def __init__(self) -> None:
        self.forget()
        self.taken = self.undelivered = 0
        self.failure: Failure | None = None
        self.calls: set[asyncio.Task[None]] = set()
        self.refused: list[Place] = []
        self._pool = ScanPool(1)

    def begin(self, given: Begin) -> None:
        self._pool.submit(sending_lines.begin, given)

    def forget(self) -> None:
        """What came back so far."""
        self.news = Deliveries()
        self.unread: dict[int, Failure] = {}
        self.latencies: list[float] = []
        self.nbytes = self.acknowledged = 0

    def ask(self, lines: Lines | Place | None = None, *, finish: bool = False) -> None:
        call = asyncio.create_task(self._ask(lines, finish), name="lines")
        self.calls.add(call)
        call.add_done_callback(self.calls.discard)

    def close(self) -> None:
        for call in self.calls:
            call.cancel()
        self._pool.shutdown(wait=False)

    async def _ask(self, lines: Lines | Place | None, finish: bool) -> None:
        """Until the client has taken over all that it was given."""
        try:
            while True:
                found = await asyncio.wrap_future(self._pool.submit(sending_lines.take, lines, finish))
                self._note(found)
                if found.refused:
                    self.refused.append(found.refused)
                if not found.waiting:
                    return
                lines = None
        except Failure as failure:
            self.failure = failure
        except (BrokenExecutor, RuntimeError) as error:
            text = f"A process that sends has ended: {error}."
            hint = "What it had sent and nobody acknowledged may have been written. Go on by the report."
            self.failure = Failure(FailureKind.REFUSED, text, hint)

    def _note(self, found: News) -> None:
        self.taken, self.undelivered = found.taken, found.undelivered
        self.nbytes += found.nbytes
        self.acknowledged += found.acknowledged
        self.latencies += found.latencies
        self.unread |= found.unread
        _add(self.news, found.news)


def _add(to: Deliveries, more: Deliveries) -> None:
    to.numbers += more.numbers
    to.partitions += more.partitions
    to.offsets += more.offsets
    to.latencies += more.latencies
    to.failures |= more.failures
