"""Fills a grid with what was recorded of lag, what the watch keeps of it, and what it sees from now on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from kexplorer.model.failure import Failure
from kexplorer.services.lag_lines import RowKey
from kexplorer.services.lag_past import LagHistory, Track, tracks
from kexplorer.services.lag_watch import LagWatch, Sampled
from kexplorer.services.sessions import Session
from kexplorer.ui.widgets.lag_grid import LagGrid

COLUMNS = 720  # fewer than a chart has pixels
_FEWEST = 120
_CELLS = 250_000  # of all rows together
_SHORTEST_GAP = 15.0  # seconds
_SLICE = 0.004  # seconds of work before others on the loop get their turn


class LagFeed:
    """Of all groups, or of one. `told` is called after each look, and `failed` where the history can't be read."""

    def __init__(
        self,
        session: Session,
        history: LagHistory | None,
        group: str | None,
        told: Callable[[Sampled | None], None],
        failed: Callable[[Failure], None],
    ) -> None:
        self.watch: LagWatch = session.lag
        self._session = session
        self._history = history
        self._group = group
        self._told = told
        self._failed = failed
        self._span = 0.0
        self.grid = self._new_grid(1)
        self._unwatch: Callable[[], object] = lambda: None

    async def begin(self, span: float) -> None:
        """The last `span` seconds, from what is known already to what was recorded."""
        self.stop()
        self._span = span
        self.grid = self._new_grid(sum(len(self.watch.series(group)) for group in self._groups()))
        await self._fill(())
        if self._span != span:  # another time was wanted meanwhile
            return
        self.stop()
        self._unwatch = self.watch.subscribe(None if self._group is None else [self._group], self.take)
        self._told(None)
        if self._history is None:
            return
        now = time.time()
        try:
            past = await tracks(self._history, self._session.cluster, now - span, now, self._group, COLUMNS)
        except Failure as failure:
            self._failed(failure)
            return
        if self._span != span:
            return
        grid = self._new_grid(max(len(past), len(self.grid.rows)))
        grid.gap = max(grid.gap, max((each.gap for each in past), default=0.0))
        self.grid = grid
        await self._fill(past)
        self._told(None)

    @property
    def crowded(self) -> bool:
        """Whether there are far more rows than the grid was made for; `begin` makes another."""
        return self.grid.columns > _FEWEST and len(self.grid.rows) * self.grid.columns > 2 * _CELLS

    def stop(self) -> None:
        self._unwatch()
        self._unwatch = lambda: None

    def _groups(self) -> list[str]:
        return list(self.watch.latest) if self._group is None else [self._group]

    def _new_grid(self, rows: int) -> LagGrid:
        columns = max(_FEWEST, min(COLUMNS, _CELLS // max(rows, 1)))
        return LagGrid(time.time(), self._span or 1.0, columns, max(_SHORTEST_GAP, 3 * self.watch.every))

    async def _fill(self, past: Iterable[Track]) -> None:
        turn = time.monotonic()
        for key, track in _named(past):
            points = track.points
            self.grid.fill(key, points.at, points.low, points.high, (points.lag, points.committed, points.end))
            if time.monotonic() - turn > _SLICE:
                await asyncio.sleep(0)
                turn = time.monotonic()
        for group in self._groups():
            for source, series in list(self.watch.series(group).items()):
                last = (series.lag, series.committed, series.end)
                self.grid.fill(RowKey(group, source), series.at, series.lag, series.lag, last)
                if time.monotonic() - turn > _SLICE:
                    await asyncio.sleep(0)
                    turn = time.monotonic()

    def take(self, sampled: Sampled) -> None:
        grid = self.grid
        grid.gap = max(grid.gap, 3 * self.watch.every)
        grid.advance(sampled.at)
        for group, seen in sampled.groups.items():
            for reading in seen.readings:
                lag, committed, end = reading.lag, reading.committed, reading.end
                if lag is not None and committed is not None and end is not None:
                    grid.add(RowKey(group, reading.source), seen.at, lag, committed, end)
                else:
                    grid.add_gap(RowKey(group, reading.source), seen.at)
        lost = {key.group for key in grid.rows} if sampled.trouble else set(sampled.failed)
        for key in [key for key in grid.rows if key.group in lost] if lost else ():
            grid.add_gap(key, sampled.at)
        self._told(sampled)


def _named(past: Iterable[Track]) -> list[tuple[RowKey, Track]]:
    """Of several topics of one name that came after each other, the last one is the one that is there now."""
    found: dict[RowKey, Track] = {}
    for track in sorted(past, key=lambda each: each.points.at[-1]):
        key = RowKey.of(track.group, track.topic, track.partition)
        if earlier := found.pop(key, None):
            found[key._replace(life=earlier.topic_id or "?")] = earlier
        found[key] = track
    return list(found.items())
