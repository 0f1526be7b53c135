"""The clusters that are connected now, by the name of their profile."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kexplorer.model.audit import AuditLog
from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.services.catalog import Catalog
from kexplorer.services.changes import Changes
from kexplorer.services.lag_watch import LagWatch

if TYPE_CHECKING:
    from kexplorer.services.schemas import Schemas
    from kexplorer.store.lag_history import LagHistory


async def _no_schemas(_profile: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Session:
    """`schemas`: those of the profile's registry, None without one. What `lag` sees goes to `history`, if any."""

    cluster: Cluster
    catalog: Catalog
    changes: Changes
    schemas: Schemas | None = None
    history: LagHistory | None = None
    lag: LagWatch = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lag", LagWatch(self.cluster, self.history))

    async def close(self) -> None:
        await self.lag.close()
        await self.cluster.close()


class Sessions:
    """Owns one session a profile. `connect` makes the cluster of a profile's name, `open_schemas` its
    schemas; both may ask a person for a secret. Every change of a cluster gets its line in `audit`; lag that somebody
    watches is kept in `history`."""

    def __init__(
        self,
        connect: Callable[[str], Awaitable[Cluster]],
        audit: AuditLog,
        open_schemas: Callable[[str], Awaitable[Schemas | None]] = _no_schemas,
        history: LagHistory | None = None,
    ) -> None:
        self._connect = connect
        self._audit = audit
        self._open_schemas = open_schemas
        self._history = history
        self._open: dict[str, Session] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._closed: Counter[str] = Counter()  # how often each was, so that an attempt under way notices

    def get(self, profile: str) -> Session | None:
        return self._open.get(profile)

    def open_names(self) -> list[str]:
        """The profiles that are connected, the one that was first at first."""
        return list(self._open)

    async def open(self, profile: str) -> Session:
        """The session of `profile`, connected first if need be; who asks meanwhile gets the same one."""
        async with self._locks.setdefault(profile, asyncio.Lock()):
            session = self._open.get(profile)
            if session is None:
                closed_before = self._closed[profile]
                cluster = await self._connect(profile)
                try:
                    schemas = await self._open_schemas(profile)
                    if self._closed[profile] != closed_before:
                        raise Failure(FailureKind.REFUSED, f"{profile} was closed while it was being connected.")
                except BaseException:
                    await cluster.close()
                    raise
                session = self._open[profile] = self._made(cluster, schemas)
            return session

    def _made(self, cluster: Cluster, schemas: Schemas | None) -> Session:
        return Session(cluster, Catalog(cluster), Changes(cluster, self._audit), schemas, self._history)

    async def close(self, profile: str) -> None:
        self._closed[profile] += 1
        if session := self._open.pop(profile, None):
            await session.close()

    async def close_all(self) -> None:
        for profile in list(self._locks):
            await self.close(profile)
