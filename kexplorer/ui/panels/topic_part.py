"""The part of some topics that a messages panel reads, as offsets."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from kexplorer.model.topics import IsolationLevel, TopicPartition
from kexplorer.services import browser
from kexplorer.services.ranges import Place, Resolved, resolve
from kexplorer.services.sessions import Session
from kexplorer.ui.panels.messages_bar import MessagesBar


class Chosen(NamedTuple):
    """With its ends as they were at `now`, milliseconds since 1970."""

    session: Session
    part: Resolved
    isolation: IsolationLevel
    now: int


class TopicPart:
    """What `bar` says of `topics`. `connect` gives the session to read with."""

    def __init__(self, topics: Sequence[str], connect: Callable[[], Awaitable[Session]], bar: MessagesBar) -> None:
        self._topics = topics
        self._connect = connect
        self._bar = bar

    async def chosen(self) -> Chosen:
        """Raises the `Failure` of a range that is no range, and those of the cluster."""
        if self._bar.range.failure:
            raise self._bar.range.failure
        return await self._resolved(self._bar.range.start, self._bar.range.end)

    async def behind(self, place: Place) -> Chosen:
        """From `place` to the end."""
        return await self._resolved(place, None)

    async def sources(self) -> tuple[Session, list[TopicPartition]]:
        """The partitions to read. They are asked for only when the catalog does not know a topic."""
        session = await self._connect()
        topics = session.catalog.metadata.topics if session.catalog.metadata else ()
        known = {topic.name: topic for topic in topics if topic.name in self._topics and not topic.trouble}
        if len(known) < len(self._topics):
            found = await browser.partitions_of(session.cluster, self._topics)
        else:
            found = [TopicPartition(name, part.id) for name in self._topics for part in known[name].partitions]
        self._bar.offer_partitions(dict.fromkeys(source.partition for source in found))
        return session, [source for source in found if self._bar.partition in (None, source.partition)]

    async def _resolved(self, start: Place | None, end: Place | None) -> Chosen:
        isolation, now = self._bar.isolation, time.time_ns() // 1_000_000
        session, sources = await self.sources()
        part = await resolve(session.cluster, sources, start, end, isolation, now)
        return Chosen(session, part, isolation, now)
