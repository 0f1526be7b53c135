"""The schemas of one connection: asked for off the window's thread, then there for every decoder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from kexplorer.formats import registry_framing
from kexplorer.formats.decode import decode
from kexplorer.formats.decoded import FIRST_LOOK, Asked, Decoded
from kexplorer.formats.encoding import Editable, Encoder, editable
from kexplorer.formats.numbers import size
from kexplorer.formats.schemas import Schema, Unavailable
from kexplorer.formats.typed import NotFitting
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.records import Header
from kexplorer.model.schemas import (
    Part,
    PayloadSchema,
    RegistryAccess,
    SchemaAssignment,
    SchemaFormat,
    SchemaKey,
    SchemaText,
    SubjectVersion,
)
from kexplorer.registry.cache import Answer, SchemaCache, WaitingSchemas, clause, read_assigned
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

    async def subjects(self) -> list[str]:
        """Of all topics, by name; raises `Failure`, as the next ones do."""
        return sorted(await self._ask(lambda client: client.subjects()))

    async def versions(self, subject: str) -> tuple[int, ...]:
        """As `RegistryClient.versions`."""
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

    # ---- what a person writes by them

    async def schema(self, key: SchemaKey) -> SchemaText:
        """Of an id or GUID, with all that it refers to. Raises `Failure`."""
        await self.prepare([key])
        return _available(self._cache.text(key))

    def assigned_schema(self, topic: str, part: Part) -> SchemaText | None:
        """Of the file that is assigned. Raises `Failure` where that cannot be used."""
        text = self._cache.assigned_text(topic, part)
        return None if text is None else _available(text)

    async def editable(self, payload: bytes, topic: str, part: Part, headers: Sequence[Header]) -> Editable | None:
        """`payload` of a record with `headers` as JSON, and what writes it again as it was. None where it has no
        schema, or one that cannot be had, or where the JSON would not tell all of it."""
        first = decode(payload, FIRST_LOOK, self, topic, part, headers)
        if first.awaits is not None:
            await self.prepare([first.awaits])
        return await asyncio.to_thread(self._editable, Asked(memoryview(payload), None, self, topic, part, headers))

    def _editable(self, asked: Asked) -> Editable | None:
        topic, part = asked.topic, asked.part
        decoded = decode(bytes(asked.payload), None, self, topic, part, asked.headers)
        if isinstance(registry_framing.assigned(asked), Decoded):
            text, schema = self._cache.assigned_text(topic, part), self.assigned(topic, part)
        elif decoded.schema_id is not None:
            text, schema = self._cache.text(decoded.schema_id), self.lookup(decoded.schema_id)
        else:
            return None
        if not isinstance(text, SchemaText) or schema is None or isinstance(schema, Unavailable):
            return None
        return editable(asked, decoded, text, schema)

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
            text = usable_schema(assignment)
            cache = SchemaCache(assigned=[(replace(assignment, topics=topic), text)])
            asked = Asked(memoryview(sample), FIRST_LOOK, cache, topic, assignment.part)
            found = registry_framing.assigned(asked) or ""
            if isinstance(found, Decoded) and text.format is SchemaFormat.JSON:
                return _held_to(found, text)
            return found

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


def _held_to(found: Decoded, schema: SchemaText) -> Decoded:
    """Decoding reads any JSON; what the schema says of it is told beside that."""
    if not found.complete or found.text is None:
        return replace(found, also=(*found.also, f"more than {size(FIRST_LOOK)} are not held to the schema here"))
    try:
        Encoder(PayloadSchema(schema)).encode(found.text)
    except NotFitting as wrong:
        return replace(found, also=(*found.also, f"it does not fit the schema: {wrong.reason}"))
    return found


def _available(text: Answer) -> SchemaText:
    if isinstance(text, Unavailable):
        raise Failure(FailureKind.UNREADABLE, f"The schema cannot be used: {text.why}.")
    return text


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
