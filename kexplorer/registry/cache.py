"""The schemas that are known, from a registry and from files: each is asked for once, then it is there."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar
from uuid import uuid4

from kexplorer.formats.cursor import Unreadable
from kexplorer.formats.schemas import Schema, Unavailable, compiled
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.schemas import Part, RegistryAccess, SchemaAssignment, SchemaFormat, SchemaKey, SchemaText
from kexplorer.registry.client import RegistryClient
from kexplorer.registry.files import read_schema

_MOST_SCHEMAS = 1000
_FORGET_FAILURE = 30.0  # seconds
_MOST_MISSES = 50  # in a row: whatever follows the zero byte then, it is no schema's id

T = TypeVar("T")
Answer = SchemaText | Unavailable
Assigned = tuple[SchemaAssignment, Answer]  # and what its file holds


@dataclass(frozen=True, slots=True)
class _Failed:
    why: str
    until: float  # of time.monotonic()


class SchemaCache:
    """A SchemaSource that never waits: `lookup` says what is known, `fetch` makes it known. Safe for several threads.

    A schema of an id never changes, so it stays, up to a thousand of them. A failure is remembered for 30 s, and one of
    the registry itself for all ids, so that a table of 10,000 records asks once. `without`: why there is no client.
    """

    def __init__(
        self,
        client: RegistryClient | None = None,
        assigned: Iterable[Assigned] = (),
        without: str = "no registry is configured",
    ) -> None:
        self._client = client
        self._without = without
        self._assigned = [(each, text, _usable(text)) for each, text in assigned]
        self._known: OrderedDict[SchemaKey, tuple[Schema, SchemaText]] = OrderedDict()
        self._failed: OrderedDict[SchemaKey, _Failed] = OrderedDict()
        self._down: _Failed | None = None
        self._misses = 0
        self._asking: dict[SchemaKey, threading.Event] = {}
        self._lock = threading.Lock()

    def lookup(self, key: SchemaKey) -> Schema | Unavailable:
        with self._lock:
            return self._lookup(key)

    def _lookup(self, key: SchemaKey) -> Schema | Unavailable:
        if found := self._known.get(key):
            self._known.move_to_end(key)
            return found[0]
        if self._client is None:
            return Unavailable(self._without)
        now = time.monotonic()
        for failed in (self._failed.get(key), self._down):
            if failed and now < failed.until:
                return Unavailable(failed.why)
        return Unavailable(f"the registry at {self._client.access.url} is being asked for it", awaited=True)

    def ask(self, question: Callable[[RegistryClient], T]) -> T:
        """Of the registry, and waits for its answer. Raises `Failure`, also where there is none."""
        if self._client is None:
            text = f"The registry cannot be asked: {self._without}."
            raise Failure(FailureKind.REFUSED, text, "Enter its address in the connection.")
        return question(self._client)

    def assigned(self, topic: str, part: Part) -> Schema | Unavailable | None:
        """Of several that fit, the first."""
        return next((schema for each, _, schema in self._assigned if each.fits(topic, part)), None)

    def assignment(self, topic: str, part: Part) -> SchemaAssignment | None:
        return next((each for each, _, _ in self._assigned if each.fits(topic, part)), None)

    def assigned_text(self, topic: str, part: Part) -> Answer | None:
        """What `assigned` is made of."""
        return next((text for each, text, _ in self._assigned if each.fits(topic, part)), None)

    def text(self, key: SchemaKey) -> Answer:
        """What `lookup` is made of."""
        with self._lock:
            found = self._lookup(key)
            return found if isinstance(found, Unavailable) else self._known[key][1]

    def assign(self, assignment: SchemaAssignment, text: SchemaText) -> None:
        """Puts it before the others, in the place of the one for the same topics and part."""
        made = (assignment, text, _usable(text))
        with self._lock:
            self._assigned = [made, *self._others(assignment)]

    def unassign(self, assignment: SchemaAssignment) -> None:
        with self._lock:
            self._assigned = self._others(assignment)

    def _others(self, assignment: SchemaAssignment) -> list[tuple[SchemaAssignment, Answer, Schema | Unavailable]]:
        return [each for each in self._assigned if not assignment.replaces(each[0])]

    def fetch(self, key: SchemaKey) -> None:
        """Waits until `lookup` has an answer. Who asks for the same meanwhile waits for the same request."""
        with self._lock:
            answer = self._lookup(key)
            if not isinstance(answer, Unavailable) or not answer.awaited or self._client is None:
                return
            client, running = self._client, self._asking.get(key)
            if running is None:
                done = self._asking[key] = threading.Event()
        if running is not None:
            running.wait()
            return
        try:
            text, schema = _fetched(client, key)
        except Failure as failure:
            self._note(key, failure)
        except Unreadable as wrong:
            self._note(key, Failure(FailureKind.UNREADABLE, f"the schema of the registry is not usable: {wrong}"))
        else:
            self.keep(key, schema, text)
        finally:
            with self._lock:
                del self._asking[key]
            done.set()

    def keep(self, key: SchemaKey, schema: Schema, text: SchemaText) -> None:
        with self._lock:
            self._misses = 0
            self._down = None
            self._known[key] = (schema, text)
            if len(self._known) > _MOST_SCHEMAS:
                self._known.popitem(last=False)

    def _note(self, key: SchemaKey, failure: Failure) -> None:
        failed = _Failed(clause(failure), time.monotonic() + _FORGET_FAILURE)
        with self._lock:
            if failure.kind in (FailureKind.NOT_FOUND, FailureKind.UNREADABLE, FailureKind.UNSUPPORTED):
                self._failed[key] = failed
                self._failed.move_to_end(key)
                if len(self._failed) > _MOST_SCHEMAS:
                    self._failed.popitem(last=False)
                self._misses += failure.kind is FailureKind.NOT_FOUND
                if self._misses >= _MOST_MISSES:
                    self._misses = 0
                    words = f"the last {_MOST_MISSES} ids were unknown to the registry, so it rests for 30 s"
                    self._down = _Failed(words, failed.until)
            else:
                self._down = failed

    def copied(self) -> tuple[RegistryAccess | None, list[Assigned], list[tuple[SchemaKey, SchemaText]]]:
        """What makes an equal cache in another process, by `restored`. It has the registry's password in it."""
        with self._lock:
            known = [(key, text) for key, (_, text) in self._known.items()]
            assigned = [(each, text) for each, text, _ in self._assigned]
        return self._client.access if self._client else None, assigned, known


def restored(
    access: RegistryAccess | None, assigned: list[Assigned], known: list[tuple[SchemaKey, SchemaText]]
) -> SchemaCache:
    """Raises `Failure`, as RegistryClient does."""
    cache = SchemaCache(RegistryClient(access) if access else None, assigned)
    for key, text in known:
        cache.keep(key, compiled(text), text)
    return cache


def read_assigned(assignments: Iterable[SchemaAssignment]) -> list[Assigned]:
    """What a SchemaCache is made of; waits for the disk."""
    found: list[Assigned] = []
    for each in assignments:
        try:
            found.append((each, read_schema(each)))
        except Failure as failure:
            found.append((each, Unavailable(failure.message.rstrip("."))))
    return found


def clause(failure: Failure) -> str:
    """Its message within a sentence."""
    return failure.message[:1].lower() + failure.message[1:].rstrip(".")


def _usable(text: Answer) -> Schema | Unavailable:
    try:
        return text if isinstance(text, Unavailable) else compiled(text)
    except Unreadable as wrong:
        return Unavailable(str(wrong))


def _fetched(client: RegistryClient, key: SchemaKey) -> tuple[SchemaText, Schema]:
    text = client.schema(key)
    try:
        return text, compiled(text)
    except Unreadable:
        if text.format is not SchemaFormat.PROTOBUF:
            raise
        text = client.schema(key, compiled=True)  # the registry may understand what we do not
        return text, compiled(text)


class WaitingSchemas:
    """A SchemaSource for a worker process, which has nothing else to do: what is not known is fetched on the spot.

    It may be pickled, with all that `cache` knows and the registry's password. However often it comes to a process, it
    is made there once, and what it has learnt stays: else each piece of a search would ask the registry again.
    """

    def __init__(self, cache: SchemaCache, token: str = "") -> None:
        self._cache = cache
        self._token = token or uuid4().hex

    def lookup(self, key: SchemaKey) -> Schema | Unavailable:
        self._cache.fetch(key)
        return self._cache.lookup(key)

    def assigned(self, topic: str, part: Part) -> Schema | Unavailable | None:
        return self._cache.assigned(topic, part)

    def __reduce__(self) -> tuple[Callable[..., WaitingSchemas], tuple[object, ...]]:
        return _waiting, (self._token, *self._cache.copied())


_kept: dict[str, WaitingSchemas] = {}  # the one that came last, by its token


def _waiting(
    token: str, access: RegistryAccess | None, assigned: list[Assigned], known: list[tuple[SchemaKey, SchemaText]]
) -> WaitingSchemas:
    found = _kept.get(token)
    if found is None:
        found = WaitingSchemas(restored(access, assigned, known), token)
        _kept.clear()
        _kept[token] = found
    return found
