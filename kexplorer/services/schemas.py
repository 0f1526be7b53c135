"""The schemas of one connection: asked for off the window's thread, then there for every decoder."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from kexplorer.formats.schemas import Schema, Unavailable
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.schemas import Part, RegistryAccess, SchemaAssignment, SchemaKey
from kexplorer.registry.cache import SchemaCache, WaitingSchemas, read_assigned
from kexplorer.registry.client import SECONDS, RegistryClient
from kexplorer.store.daemon import in_daemon

_AT_ONCE = 4  # requests
_PATIENCE = 8 * SECONDS  # for a schema with all that it refers to


class Schemas:
    """A SchemaSource for the window. Decode; if the answer `awaits` a schema, `prepare` it and decode again."""

    def __init__(self, cache: SchemaCache | None = None) -> None:
        self._cache = cache or SchemaCache()
        self._turn = asyncio.Semaphore(_AT_ONCE)

    def lookup(self, key: SchemaKey) -> Schema | Unavailable:
        return self._cache.lookup(key)

    def assigned(self, topic: str, part: Part) -> Schema | Unavailable | None:
        return self._cache.assigned(topic, part)

    async def prepare(self, keys: Iterable[SchemaKey]) -> None:
        """Returns when decoding has a schema of each, or the reason why not. Raises nothing of that."""
        await asyncio.gather(*(self._fetch(key) for key in dict.fromkeys(keys)))

    async def _fetch(self, key: SchemaKey) -> None:
        async with self._turn:
            answer = self._cache.lookup(key)
            if isinstance(answer, Unavailable) and answer.awaited:
                await in_daemon("schema registry", lambda: self._cache.fetch(key), _PATIENCE)

    def for_workers(self) -> WaitingSchemas:
        """What search and export in other processes decode with; takes along what is known."""
        return WaitingSchemas(self._cache)


def registry_client(profile: Profile, password: str) -> RegistryClient | None:
    """None if the profile names no registry. Raises `Failure` for an address or a file that cannot be used."""
    if not profile.registry_url:
        return None
    return RegistryClient(
        RegistryAccess(profile.registry_url, profile.registry_username, password, profile.registry_ca_file)
    )


async def open_schemas(profile: Profile, password: str, assignments: Iterable[SchemaAssignment] = ()) -> Schemas:
    """Reads the CA file and those of `assignments`; asks the registry nothing yet. Raises `Failure` as
    `registry_client` does, and where the disk does not answer."""

    def read() -> SchemaCache:
        return SchemaCache(registry_client(profile, password), read_assigned(assignments))

    try:
        return Schemas(await in_daemon("schema files", read, SECONDS))
    except TimeoutError:
        raise Failure(FailureKind.TIMEOUT, f"The disk did not answer within {SECONDS:g} s.") from None
