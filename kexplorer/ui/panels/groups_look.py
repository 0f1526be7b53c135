"""Keeps the list of groups filled: names first, then those on the screen again and again, the others seldom."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

from kexplorer.model.failure import Failure
from kexplorer.model.groups import Groups
from kexplorer.model.lag import Reading
from kexplorer.services.group_lag import look, time_lag
from kexplorer.services.lag_watch import Sampled
from kexplorer.services.sessions import Session
from kexplorer.ui.models.groups import GroupsModel
from kexplorer.ui.tasks import Tasks

_FOLLOW_EVERY = 0.3  # seconds between two looks at which rows are seen
_LIST_EVERY = 60.0  # seconds until all groups are listed and looked at again
_RETRY_EVERY = 10.0  # seconds until those that failed are asked again
_PIECE = 200  # groups that are looked at in one go, behind those that are seen
_TIME_EVERY, _REST = 15.0, 5  # seconds between looks at ages, and times as long as one took, at least
_TREND = 60  # values of a trend


class GroupsLook:
    """Fills `model`. `seen` names the groups on the screen. `listed` is called with every list of groups, `told` after
    every look, with what went wrong with it as a whole. While it is paused nothing is asked."""

    def __init__(
        self,
        model: GroupsModel,
        tasks: Tasks,
        seen: Callable[[], Sequence[str]],
        listed: Callable[[Session, Groups], None],
        told: Callable[[Failure | None], None],
    ) -> None:
        self._model = model
        self._tasks = tasks
        self._seen = seen
        self._listed = listed
        self._told = told
        self._going = asyncio.Event()
        self._watched: frozenset[str] = frozenset()
        self._unwatch: Callable[[], object] = lambda: None
        self._trends: dict[str, deque[int]] = {}

    def resume(self) -> None:
        self._going.set()

    def pause(self) -> None:
        self._going.clear()
        self._stop_watching()

    async def begin(self, session: Session) -> None:
        """Lists the groups, and starts the tasks that look at them; those that went on end."""
        self._stop_watching()
        self._listed(session, await session.cluster.groups())
        self._tasks.start("follow", self._follow(session))
        self._tasks.start("all", self._look_at_all(session))
        self._tasks.start("time", self._time(session))

    async def _follow(self, session: Session) -> None:
        while True:
            await self._going.wait()
            seen = frozenset(self._seen())
            if seen != self._watched:
                self._stop_watching()
                self._watched = seen
                if seen:
                    self._unwatch = session.lag.subscribe(seen, self._take)
            await asyncio.sleep(_FOLLOW_EVERY)

    async def _look_at_all(self, session: Session) -> None:
        """From time to time; those that failed sooner."""
        at, names = time.monotonic(), self._model.readable()
        while True:
            for n in range(0, len(names), _PIECE):
                await self._going.wait()
                try:
                    self._model.set_seen(await look(session.cluster, names[n : n + _PIECE]))
                except Failure as failure:
                    self._told(failure)
                    break
                self._told(None)
            await asyncio.sleep(_RETRY_EVERY)
            await self._going.wait()
            names = self._model.failed() + self._model.unknown()
            if time.monotonic() - at >= _LIST_EVERY:
                try:
                    self._listed(session, await session.cluster.groups())
                except Failure as failure:
                    self._told(failure)
                at, names = time.monotonic(), self._model.readable()

    async def _time(self, session: Session) -> None:
        """How old what is read next is, in the worst partition of each group on the screen."""
        while True:
            await self._going.wait()
            began = time.monotonic()
            for some in _without_repetition(self._model.worst(self._seen())):
                found = await time_lag(session.cluster, some.values())
                self._model.set_oldest({name: found[each.source].seconds for name, each in some.items()})
            rest = max(_TIME_EVERY, _REST * (time.monotonic() - began))
            await asyncio.sleep(rest if self._model.timed else _FOLLOW_EVERY)

    def _take(self, sampled: Sampled) -> None:
        if not sampled.trouble:
            for name, seen in sampled.groups.items():
                if seen.lag is not None:
                    self._trends.setdefault(name, deque(maxlen=_TREND)).append(seen.lag)
            trends = {name: tuple(self._trends[name]) for name in sampled.groups if name in self._trends}
            self._model.set_seen({**sampled.groups, **sampled.failed}, sampled.verdicts, trends)
        self._told(sampled.trouble)

    def _stop_watching(self) -> None:
        self._unwatch()
        self._unwatch = lambda: None
        self._watched = frozenset()


def _without_repetition(worst: Mapping[str, Reading]) -> Iterator[dict[str, Reading]]:
    """Groups that read the same partition are asked about one after the other."""
    left = dict(worst)
    while left:
        by_source = {each.source: name for name, each in left.items()}
        yield {name: left.pop(name) for name in by_source.values()}
