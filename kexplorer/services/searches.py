"""The searches of one connection: new ones, and those that were interrupted."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Trouble
from kexplorer.model.search import SavedSearch, SearchQuery
from kexplorer.services.identity import ids_of
from kexplorer.services.search import Search, begun
from kexplorer.store.filters import FilterStore
from kexplorer.store.scans import ScanStore

log = logging.getLogger(__name__)

OpenSearch = Callable[[SearchQuery, Sequence[Trouble], SavedSearch | None], Awaitable[Search]]
"""Makes a search of a query; the troubles came with its ranges. It keeps what it does where it is a saved one."""


@dataclass(frozen=True, slots=True)
class Searches:
    """`profile` names the connection; `filters` are those that a person gave a name."""

    profile: str
    store: ScanStore
    filters: FilterStore
    open_search: OpenSearch

    async def begin(self, query: SearchQuery, known: Sequence[Trouble] = ()) -> Search:
        """One that can be taken up again, unless the disk refuses: it is not worth failing for that."""
        saved = None
        try:
            saved = await begun(self.store, self.profile, query)
        except Failure as failure:
            log.warning("%s", failure)
        return await self.open_search(query, known, saved)

    async def resume(self, saved: SavedSearch, cluster: Cluster) -> Search:
        """Raises `Failure`, and forgets it, if one of its topics is not the same any more."""
        before = dict(saved.query.topic_ids)
        for topic, now in await ids_of(cluster, list(before)):
            if now != before[topic]:
                await self.forget(saved)
                text = f"{topic} was deleted and made anew: what was found in the old one is gone."
                raise Failure(FailureKind.NOT_FOUND, text, "Search again.")
        return await self.open_search(saved.query, (), saved)

    async def interrupted(self, topics: Collection[str]) -> SavedSearch | None:
        """The newest that was not ended, of those that looked into just these topics."""
        for saved in await self.store.unfinished(self.profile):
            if {each.source.topic for each in saved.query.ranges} == set(topics):
                try:
                    return await self.store.load(saved.id)
                except Failure as failure:
                    if failure.kind is not FailureKind.NOT_FOUND:  # then it has ended meanwhile
                        raise
        return None

    async def forget(self, saved: SavedSearch) -> None:
        await self.store.forget(saved.id)
