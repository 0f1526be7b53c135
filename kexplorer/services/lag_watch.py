"""Looks at consumer groups again and again while anybody wants to know, keeps what it saw, and judges it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure
from kexplorer.model.lag import GroupLag
from kexplorer.model.lag_series import Series
from kexplorer.model.retention import Outlook
from kexplorer.model.topics import TopicPartition
from kexplorer.model.verdicts import Rates, Thresholds, Verdict, judge, worst
from kexplorer.services.group_lag import look
from kexplorer.services.retention import outlook

if TYPE_CHECKING:
    from kexplorer.store.lag_history import LagHistory

MOST_POINTS = 2_000_000  # of all series together: 64 MB
_LONGEST = 3600  # points of one series
_SHORTEST = 60
_IDS_EVERY = 60.0  # seconds between looks at the ids of topics
_SHORTEST_LEASE = 5.0  # seconds for which what one process records is left to it
_SLICE = 0.004  # seconds of work before others on the loop get their turn


@dataclass(frozen=True, slots=True)
class Sampled:
    """One look, at `at` (seconds since 1970). `failed`: groups of which nothing could be told, a gap in their series.
    `trouble`: nothing was told at all. `recorded`: of how many groups it was written to the history, which some other
    process may do; `unrecorded`: why it could not be."""

    at: float
    groups: Mapping[str, GroupLag] = field(default_factory=dict)
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    failed: Mapping[str, Failure] = field(default_factory=dict)
    trouble: Failure | None = None
    recorded: int = 0
    unrecorded: Failure | None = None

    def only(self, groups: frozenset[str]) -> Sampled:
        return replace(
            self,
            groups={name: each for name, each in self.groups.items() if name in groups},
            verdicts={name: each for name, each in self.verdicts.items() if name in groups},
            failed={name: each for name, each in self.failed.items() if name in groups},
        )


@dataclass(eq=False, slots=True)
class _Subscription:
    groups: frozenset[str] | None
    told: Callable[[Sampled], None]


class LagWatch:
    """One look after the other, `every` seconds, and never more than half of the time: a slow cluster is asked less
    often. All of it happens on the loop, in small slices.

    `latest` is what was last told of each group, `verdicts` what that means. Both keep a group that fails.
    """

    def __init__(
        self,
        cluster: Cluster,
        history: LagHistory | None = None,
        every: float = 5.0,
        thresholds: Thresholds | None = None,
    ) -> None:
        self.every = every
        self.thresholds = thresholds or Thresholds()
        self.latest: dict[str, GroupLag] = {}
        self.verdicts: dict[str, Verdict] = {}
        self._cluster = cluster
        self._history = history
        self._series: dict[str, dict[TopicPartition, Series]] = {}
        self._partition_verdicts: dict[str, dict[TopicPartition, Verdict]] = {}
        self._ids: dict[str, str] = {}
        self._ids_at = 0.0
        self._cluster_id: str | None = None
        self._listed: frozenset[str] = frozenset()
        self._subscriptions: list[_Subscription] = []
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def subscribe(self, groups: Collection[str] | None, told: Callable[[Sampled], None]) -> Callable[[], None]:
        """Calls `told` on the loop after each look with what it brought of `groups` (None: of all that commit). The
        first look begins at once. Returns how to stop that."""
        subscription = _Subscription(None if groups is None else frozenset(groups), told)
        self._subscriptions.append(subscription)
        self._wanted.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"lag of {self._cluster.profile.name}")
            self._task.add_done_callback(_tell_loop)

        def stop() -> None:
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)
            if not self._subscriptions and self._task:
                self._task.cancel()
                self._task = None

        return stop

    def look_now(self) -> None:
        """The next look begins at once, if anybody subscribes."""
        self._wanted.set()

    def series(self, group: str) -> Mapping[TopicPartition, Series]:
        """What is kept of a group's partitions, for reading alone."""
        return self._series.get(group, {})

    def verdicts_of(self, group: str) -> Mapping[TopicPartition, Verdict]:
        """The verdict on each partition where it has committed."""
        return self._partition_verdicts.get(group, {})

    def rates(self, group: str, sources: Iterable[TopicPartition] | None = None) -> Rates:
        """Of all its partitions together, or of `sources`; of those where it is known."""
        series = self.series(group)
        rates = [series[source].rates() for source in (series if sources is None else sources) if source in series]
        return Rates(
            _sum(rate.produced for rate in rates if rate.committed is not None),
            _sum(rate.committed for rate in rates if rate.produced is not None),
        )

    def eta(self, group: str) -> float | None:
        """Seconds until all of its partitions will have caught up; None: some never, or it is not known."""
        seen = self.latest.get(group)
        behind = [each for each in seen.readings if (each.lag or 0) > 0] if seen else []
        series = self.series(group)
        times = [series[each.source].rates().eta(each.lag) for each in behind if each.source in series]
        known = [each for each in times if each is not None]
        return max(known, default=0.0) if seen and len(known) == len(behind) else None

    def behind(self, group: str) -> float:
        """For how many seconds the oldest message that it has not read has been there, as far as that was seen."""
        seen = self.latest.get(group)
        series = self.series(group)
        late = [each.source for each in seen.readings if (each.lag or 0) > 0 and each.source in series] if seen else []
        return max((series[source].waiting() for source in late), default=0.0)

    async def retention(self, group: str) -> Outlook:
        """What will be deleted before the group, as it was last seen, has read it. Raises `Failure`."""
        series = self.series(group)
        seen = self.latest[group]
        return await outlook(self._cluster, seen, lambda s: series[s].rates() if s in series else Rates())

    async def close(self) -> None:
        self._subscriptions.clear()
        if task := self._task:
            self._task = None
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        while True:
            self._wanted.clear()
            began = time.monotonic()
            sampled = await self._look()
            for subscription in list(self._subscriptions):
                asyncio.get_running_loop().call_soon(self._tell, subscription, sampled)
            took = time.monotonic() - began
            try:
                async with asyncio.timeout(max(self.every - took, took)):
                    await self._wanted.wait()
            except TimeoutError:
                pass

    def _tell(self, subscription: _Subscription, sampled: Sampled) -> None:
        if subscription in self._subscriptions:
            subscription.told(sampled.only(self._listed if subscription.groups is None else subscription.groups))

    async def _look(self) -> Sampled:
        """What it is told it tells as well where it failed."""
        try:
            names = await self._names()
            answers = await look(self._cluster, names)
        except Failure as failure:
            now = time.time()
            self._gap(now, list(self._series))
            return Sampled(now, trouble=failure)
        now = time.time()
        seen = {name: each for name, each in answers.items() if isinstance(each, GroupLag)}
        failed = {name: each for name, each in answers.items() if isinstance(each, Failure)}
        failed |= {name: each.trouble for name, each in seen.items() if each.trouble}
        seen = {name: each for name, each in seen.items() if not each.trouble}
        self._gap(now, failed)
        await self._know_topics(seen.values())
        await self._take(seen)
        verdicts = {name: self.verdicts[name] for name in seen}
        return Sampled(now, seen, verdicts, failed, None, *await self._record(seen))

    async def _names(self) -> list[str]:
        """The groups that are wanted. Those that are not there any more are forgotten where all are."""
        names = {name for each in self._subscriptions for name in each.groups or ()}
        if any(each.groups is None for each in self._subscriptions):
            found = await self._cluster.groups()
            self._listed = frozenset(each.id for each in found.listed if each.type.commits)
            names |= self._listed
            if not found.troubles:
                for gone in self.latest.keys() - names:
                    for known in (self.latest, self.verdicts, self._series, self._partition_verdicts):
                        known.pop(gone, None)
        return sorted(names)

    def _gap(self, at: float, groups: Iterable[str]) -> None:
        for name in groups:
            for series in self._series.get(name, {}).values():
                series.add_gap(at)

    async def _know_topics(self, seen: Iterable[GroupLag]) -> None:
        """A topic that was made anew begins new series: offsets of the old one mean nothing in it."""
        topics: set[str] = set()
        shrunk = False
        for lag in seen:
            before = self._series.get(lag.group.id, {})
            for reading in lag.readings:
                topics.add(reading.source.topic)
                kept = before.get(reading.source)
                shrunk = shrunk or (kept is not None and reading.end is not None and reading.end < kept.end[-1])
        if not shrunk and topics <= self._ids.keys() and time.monotonic() - self._ids_at < _IDS_EVERY:
            return
        try:
            answers = await self._cluster.topic_ids(sorted(topics))
        except Failure:
            return  # the next look asks again
        self._ids_at = time.monotonic()
        for topic, told in answers.items():
            identity = told if isinstance(told, str) else ""
            if identity and self._ids.get(topic, identity) not in ("", identity):
                self._forget(topic)
            self._ids[topic] = identity

    def _forget(self, topic: str) -> None:
        for series in self._series.values():
            for source in [source for source in series if source.topic == topic]:
                del series[source]

    async def _take(self, seen: Mapping[str, GroupLag]) -> None:
        turn = time.monotonic()
        most = max(_SHORTEST, min(_LONGEST, MOST_POINTS // max(sum(map(len, self._series.values())), 1)))
        for name, lag in seen.items():
            series = self._series.setdefault(name, {})
            found: list[tuple[TopicPartition, int, Verdict]] = []
            for reading in lag.readings:
                kept = series.get(reading.source)
                if kept is None:
                    kept = series[reading.source] = Series(self.thresholds.intervals)
                kept.add(lag.at, reading)
                kept.trim(most)
                if reading.lag is not None:
                    unread = max(reading.lag, 0)
                    verdict = judge(kept.window(unread, self.thresholds), lag.at, self.thresholds)
                    found.append((reading.source, unread, verdict))
                if time.monotonic() - turn > _SLICE:
                    await asyncio.sleep(0)
                    turn = time.monotonic()
            self.latest[name] = lag
            self.verdicts[name] = worst(found)
            self._partition_verdicts[name] = {source: verdict for source, _, verdict in found}

    async def _record(self, seen: Mapping[str, GroupLag]) -> tuple[int, Failure | None]:
        if self._history is None or not seen:
            return 0, None
        lasts = max(3 * self.every, _SHORTEST_LEASE)
        try:
            if self._cluster_id is None:
                self._cluster_id = (await self._cluster.metadata()).cluster_id or self._cluster.profile.name
            return await self._history.add(self._cluster_id, list(seen.values()), self._ids, lasts), None
        except Failure as failure:
            return 0, failure


def _sum(rates: Iterable[float | None]) -> float | None:
    known = [rate for rate in rates if rate is not None]
    return sum(known) if known else None


def _tell_loop(task: asyncio.Task[None]) -> None:
    """A fault of this program ends the watch; nobody else awaits the task."""
    if not task.cancelled() and (error := task.exception()):
        task.get_loop().call_exception_handler({"message": "lag is not watched any more", "exception": error})
