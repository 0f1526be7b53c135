"""The schemas of one connection: asked for off the window's thread, then there for every decoder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from kexplorer.formats import registry_framing
from kexplorer.formats.decoded import FIRST_LOOK, Asked, Decoded
from kexplorer.formats.schemas import Schema, Unavailable
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.schemas import Part, RegistryAccess, SchemaAssignment, SchemaKey, SubjectVersion
from kexplorer.registry.cache import SchemaCache, WaitingSchemas, clause, read_assigned
from kexplorer.registry.client import SECONDS, RegistryClient
from kexplorer.registry.files import message_types, usable_schema
from kexplorer.store.assignments import AssignmentStore, LoadedAssignments
from kexplorer.store.daemon import in_daemon

_AT_ONCE = 4  # requests
_PATIENCE = 8 * SECONDS  # for a schema with all that it refers to

T = TypeVar("T")


class Schemas:
    """A SchemaSource for the window. Decode; if the answer `awaits` a schema, `prepare` it and decode again.

    `store` keeps what is assigned; without one that is known until the program ends. `failures`: what of it could not
    be read, and why the registry is not asked.
    """

    def __init__(
        self,
        cache: SchemaCache | None = None,
        store: AssignmentStore | None = None,
        failures: tuple[Failure, ...] = (),
    ) -> None:
        self.failures = failures
        self._cache = cache or SchemaCache()
        self._store = store
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

    # ---- what the registry has of a topic

    async def versions(self, subject: str) -> tuple[int, ...]:
        """As `RegistryClient.versions`; raises `Failure`, as the next ones do."""
        return await self._ask(lambda client: client.versions(subject))

    async def version(self, subject: str, version: int) -> SubjectVersion:
        return await self._ask(lambda client: client.version(subject, version))

    async def compatibility(self, subject: str) -> str:
        return await self._ask(lambda client: client.compatibility(subject))

    async def _ask(self, question: Callable[[RegistryClient], T]) -> T:
        async with self._turn:
            try:
                return await in_daemon("schema registry", lambda: self._cache.ask(question), 2 * SECONDS)
            except TimeoutError:
                raise Failure(FailureKind.TIMEOUT, "The registry did not answer in time.") from None

    def for_workers(self) -> WaitingSchemas:
        """What search and export in other processes decode with; takes along what is known."""
        return WaitingSchemas(self._cache)

    # ---- what a person assigned

    def assignment(self, topic: str, part: Part) -> SchemaAssignment | None:
        """The one that `assigned` has its answer from."""
        return self._cache.assignment(topic, part)

    async def assign(self, assignment: SchemaAssignment) -> None:
        """Reads the file, keeps the assignment and decodes by it from now on; one for the same topics and part goes.
        Raises `Failure` for a file or a schema that cannot be used, or that cannot be kept; then nothing changed."""

        def work() -> None:
            text = usable_schema(assignment)
            if self._store:
                self._store.assign(assignment)
            self._cache.assign(assignment, text)

        await _from_disk(work)

    async def unassign(self, assignment: SchemaAssignment) -> None:
        """Raises `Failure`."""

        def work() -> None:
            if self._store:
                self._store.unassign(assignment)
            self._cache.unassign(assignment)

        await _from_disk(work)

    async def message_types(self, file: str) -> list[str]:
        """As `registry.files.message_types`."""
        return await _from_disk(lambda: message_types(file))

    async def tried(self, assignment: SchemaAssignment, topic: str, sample: bytes) -> Decoded | str:
        """What `sample` of `topic` would be read as, or in a clause why it would not. Changes nothing. Raises `Failure`
        for a file or a schema that cannot be used."""

        def work() -> Decoded | str:
            cache = SchemaCache(assigned=[(replace(assignment, topics=topic), usable_schema(assignment))])
            asked = Asked(memoryview(sample), FIRST_LOOK, cache, topic, assignment.part)
            return registry_framing.assigned(asked) or ""

        return await _from_disk(work)


async def open_schemas(profile: Profile, password: str, store: AssignmentStore | None = None) -> Schemas:
    """Reads the CA file and what `store` has, with the schema files; asks the registry nothing yet. A registry whose
    address or CA file cannot be used is one of the `failures`, and the others serve without it. Raises `Failure` where
    the disk does not answer."""

    def read() -> tuple[SchemaCache, tuple[Failure, ...]]:
        loaded = store.load() if store else LoadedAssignments(())
        assigned = read_assigned(loaded.assignments)
        try:
            return SchemaCache(_registry_client(profile, password), assigned), loaded.failures
        except Failure as failure:
            return SchemaCache(None, assigned, clause(failure)), (failure, *loaded.failures)

    cache, failures = await _from_disk(read)
    return Schemas(cache, store, failures)


def _registry_client(profile: Profile, password: str) -> RegistryClient | None:
    """None if the profile names no registry. Raises `Failure`."""
    if not profile.registry_url:
        return None
    return RegistryClient(
        RegistryAccess(profile.registry_url, profile.registry_username, password, profile.registry_ca_file)
    )


async def _from_disk(work: Callable[[], T]) -> T:
    try:
        return await in_daemon("schema files", work, SECONDS)
    except TimeoutError:
        raise Failure(FailureKind.TIMEOUT, f"The disk did not answer within {SECONDS:g} s.") from None
