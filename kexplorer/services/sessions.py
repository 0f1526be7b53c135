"""The clusters that are connected now, by the name of their profile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kexplorer.model.cluster import Cluster
from kexplorer.services.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Session:
    cluster: Cluster
    catalog: Catalog


class Sessions:
    """Owns one session a profile. `connect` makes the cluster of a profile's name; it may ask a person for a secret."""

    def __init__(self, connect: Callable[[str], Awaitable[Cluster]]) -> None:
        self._connect = connect
        self._open: dict[str, Session] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    def get(self, profile: str) -> Session | None:
        return self._open.get(profile)

    async def open(self, profile: str) -> Session:
        """The session of `profile`, connected first if need be; who asks meanwhile gets the same one."""
        async with self._locks.setdefault(profile, asyncio.Lock()):
            session = self._open.get(profile)
            if session is None:
                cluster = await self._connect(profile)
                session = self._open[profile] = Session(cluster, Catalog(cluster))
            return session

    async def close(self, profile: str) -> None:
        if session := self._open.pop(profile, None):
            await session.cluster.close()

    async def close_all(self) -> None:
        for profile in list(self._open):
            await self.close(profile)
