"""The second client of a connection, for the calls that librdkafka lacks: disks, reassignments, quotas, ACLs of every
kind, what settings mean, groups. It is made when the first of them is wanted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from confluent_kafka import KafkaError

from kexplorer.kafka.admin import Admin
from kexplorer.kafka.failures import CHECK_NETWORK, TOO_OLD, failure_of
from kexplorer.kafka.handle import HandleThread, timed_out
from kexplorer.kafka.second_config import client_config
from kexplorer.model.access import Acl, Quota, ScramUser
from kexplorer.model.changes import AlterConfig, AlterQuota, Change, CreateAcls, DeleteAcls, Reassign, items_of
from kexplorer.model.cluster import LogDir, Reassignment
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.topics import TopicPartition

if TYPE_CHECKING:
    from kexplorer.kafka.protocol import Connection

_SECONDS = 10.0  # until a call has its answer, with all that is tried for it
_GRACE = 2.0
_PAUSES = (0.1, 0.4, 1.0)  # seconds before another broker, or the same one, is tried

T = TypeVar("T")
Answers = dict[str, Failure | None]


class SecondClient:
    """`admin` knows why nobody is reached: it is asked before anybody logs in a second time."""

    def __init__(self, profile: Profile, credentials: Credentials, admin: Admin) -> None:
        self._profile = profile
        self._credentials = credentials
        self._admin = admin
        self._thread: HandleThread | None = None
        self._made: Connection | None = None
        self._ready: Connection | None = None  # once it knows the brokers
        self._lock = asyncio.Lock()
        self._documentation: dict[bool, dict[str, str]] = {}
        self._closed = False

    async def log_dirs(self, brokers: Iterable[int]) -> dict[int, tuple[LogDir, ...] | Failure]:
        numbers = list(brokers)
        await self._controller()  # with it we know who is there; what goes wrong here is no single broker's trouble
        found = await asyncio.gather(*(self._log_dirs(number) for number in numbers), return_exceptions=True)
        answers: dict[int, tuple[LogDir, ...] | Failure] = {}
        for number, answer in zip(numbers, found, strict=True):
            if isinstance(answer, BaseException) and not isinstance(answer, Failure):
                raise answer
            answers[number] = answer
        return answers

    async def _log_dirs(self, broker: int) -> tuple[LogDir, ...]:
        what = f"Reading the disks of broker {broker}"
        answer = await self.ask(what, lambda by: by.log_dirs(), broker)
        _raise_for(answer, what)
        by = library()

        def read() -> tuple[LogDir, ...]:
            return tuple(by.log_dir(each, _failure(each, f"{what}, {each.log_dir}")) for each in answer.results)

        return await self.work(read, what)  # it may have 40,000 replicas

    async def reassignments(self) -> dict[TopicPartition, Reassignment]:
        what = "Listing reassignments"
        answer = await self.ask(what, lambda by: by.reassignments(int(_SECONDS * 1000)), await self._controller())
        _raise_for(answer, what)
        found: dict[TopicPartition, Reassignment] = library().reassignments_of(answer)
        return found

    async def documentation(self, topic: str) -> dict[str, str]:
        """Does not change while a cluster runs, so it is asked for once for topics and once for brokers."""
        known = self._documentation.get(bool(topic))
        if known is None:
            what = "Reading what settings mean"
            broker = None if topic else await self._controller()
            answer = await self.ask(what, lambda by: by.documentation(topic, broker or 0), broker)
            _raise_for(answer.results[0], what)
            known = {each.name: each.documentation or "" for each in answer.results[0].configs}
            self._documentation[bool(topic)] = known
        return dict(known)

    async def quorum_leader(self) -> int | None:
        """The controller. None where the broker does not tell who it is."""
        try:
            answer = await self.ask("Asking for the controller", lambda by: by.quorum())
        except Failure as failure:
            if failure.kind is FailureKind.UNSUPPORTED:  # without a quorum the metadata has it
                return await self._controller()
            raise
        leaders = [int(p.leader_id) for t in answer.topics for p in t.partitions if not p.error_code]
        return next((leader for leader in leaders if leader >= 0), None)

    async def quotas(self) -> tuple[Quota, ...]:
        what = "Listing quotas"
        answer = await self.ask(what, lambda by: by.quotas())
        _raise_for(answer, what)
        found: tuple[Quota, ...] = library().quotas_of(answer)
        return found

    async def acls(self) -> tuple[Acl, ...]:
        what = "Listing ACLs"
        answer = await self.ask(what, lambda by: by.acls())
        _raise_for(answer, what)
        found: tuple[Acl, ...] = library().acls_of(answer)
        return found

    async def scram_users(self) -> tuple[ScramUser, ...]:
        """WORKAROUND: librdkafka has this call, but corrupts its memory when the broker refuses it (2.16.0).
        https://github.com/confluentinc/librdkafka/pull/4241"""
        what = "Listing SCRAM users"
        answer = await self.ask(what, lambda by: by.scram_users())
        _raise_for(answer, what)
        found: tuple[ScramUser, ...] = library().scram_users_of(answer)
        return found

    async def apply(self, change: Change, *, only_check: bool) -> Answers:
        """A change that goes this way: reassignments, quotas, ACLs, the configuration of all brokers."""
        broker = await self._controller()
        answer = await self.ask(change.verb, lambda by: _request(by, change, only_check=only_check), broker)
        match change:
            case Reassign():
                return _reassigned(answer, change.verb)
            case AlterQuota():
                return _by_item(change, answer.entries)
            case AlterConfig():
                return _by_item(change, answer.responses)
            case CreateAcls():
                return _by_item(change, answer.results)
            case _:
                return _deleted_acls(change, answer)

    async def brokers(self) -> tuple[int, ...]:
        """Those in the cluster now, or as far as is known when nobody tells at once."""
        connected = await self._connected()
        with contextlib.suppress(Failure):
            await self._answer(connected, connected.refresh, "Asking who is in the cluster")
        return connected.brokers

    async def ask(
        self, what: str, request: Callable[[ModuleType], Any], broker: int | None = None, *, once: bool = False
    ) -> Any:
        """The answer of that broker, or of any, to a request that is made of `library()`. `once`: it is not sent again
        where the broker may have heard of it."""
        connected = await self._connected()
        return await self._answer(connected, lambda: connected.send(request(library()), broker), what, once=once)

    async def work(self, read: Callable[[], T], what: str) -> T:
        """Reads a large answer where it holds nobody up."""
        return await self._own_thread().call(read, what=what, within=_SECONDS)

    def close(self) -> None:
        """Waits for nothing."""
        self._closed = True
        if self._thread:
            self._thread.submit(self._drop)
            self._thread.finish()

    async def _controller(self) -> int | None:
        """Whom the brokers name for what only a controller does; those of KRaft pass it on."""
        connected = await self._connected()
        await self._answer(connected, connected.refresh, "Asking who is in the cluster")
        return connected.controller

    async def _connected(self) -> Connection:
        async with self._lock:
            if self._ready is None:
                what = "Connecting the second client"
                made = await self._own_thread().call(self._make, what=what, within=_SECONDS)
                await self._admin.require_link()
                await self._answer(made, lambda: made.bootstrap(_SECONDS), what)
                self._ready = made
        return self._ready

    def _own_thread(self) -> HandleThread:
        if self._closed:  # perhaps while somebody waited for the lock: a thread that is made now would never end
            raise Failure(FailureKind.REFUSED, "The connection is closed.", "Connect again.")
        self._thread = self._thread or HandleThread("kafka-second")
        return self._thread

    def _make(self) -> Connection:
        if self._made is None:
            config = client_config(self._profile, self._credentials)
            self._made = library().Connection(config)
        return self._made

    def _drop(self) -> None:
        if self._made is not None:
            self._made.close()

    async def _answer(
        self, connected: Connection, send: Callable[[], Future[Any]], what: str, *, once: bool = False
    ) -> Any:
        """Tries again where no broker was reached."""
        try:
            async with asyncio.timeout(_SECONDS + _GRACE):
                for pause in _PAUSES:
                    try:
                        return await asyncio.wrap_future(send())
                    except Exception as error:
                        if not (library().is_unsent(error) if once else library().is_unreachable(error)):
                            raise
                    await asyncio.sleep(pause)
                    with contextlib.suppress(Exception):  # what is sent next tells it
                        await asyncio.wrap_future(connected.refresh())
                return await asyncio.wrap_future(send())
        except TimeoutError:
            raise self._admin.explain(timed_out(what, _SECONDS + _GRACE)) from None
        except Exception as error:
            raise self._admin.explain(_failure_of(error, what)) from error


def library() -> ModuleType:
    """Half a second of imports at the first call, which is made in the client's thread."""
    from kexplorer.kafka import protocol  # noqa: PLC0415

    return protocol


def _failure_of(error: Exception, what: str) -> Failure:
    by = library()
    if by.is_too_old(error):
        return Failure(FailureKind.UNSUPPORTED, f"{what}: the broker does not know this request.", TOO_OLD)
    if (code := by.code_of(error)) is not None:
        return failure_of(KafkaError(code), what)
    if by.is_unknown_broker(error):
        return Failure(FailureKind.UNREACHABLE, f"{what}: it is not in the cluster now.", CHECK_NETWORK)
    if by.is_unreachable(error):
        return Failure(FailureKind.UNREACHABLE, f"{what}: {error}.", CHECK_NETWORK)
    return timed_out(what, _SECONDS) if by.is_timeout(error) else failure_of(error, what)


def _failure(answer: Any, what: str) -> Failure | None:
    """What an answer, or a part of one, says went wrong."""
    if not answer.error_code:
        return None
    failure = failure_of(KafkaError(answer.error_code), what)
    said = getattr(answer, "error_message", None)
    if not said or failure.kind is FailureKind.AUTHORIZATION:  # of which brokers tell what is in their own memory
        return failure
    return failure_of(KafkaError(answer.error_code, said), what)


def _raise_for(answer: Any, what: str) -> None:
    if failure := _failure(answer, what):
        raise failure


def _request(by: ModuleType, change: Change, *, only_check: bool) -> Any:
    match change:
        case Reassign(wanted):
            return by.reassign(wanted, int(_SECONDS * 1000))
        case AlterQuota():
            return by.alter_quota(change, only_check=only_check)
        case AlterConfig():
            return by.alter_all_brokers(change.sets, change.resets, only_check=only_check)
        case CreateAcls(acls):
            return by.create_acls(acls)
        case DeleteAcls(acls):
            return by.delete_acls(acls)
    raise AssertionError(f"{change.verb} goes another way")


def _by_item(change: Change, answers: Iterable[Any]) -> Answers:
    """Kafka answers in the order of the request."""
    pairs = zip(items_of(change), answers, strict=True)
    return {item: _failure(answer, f"{change.verb}, {item}") for item, answer in pairs}


def _reassigned(answer: Any, what: str) -> Answers:
    _raise_for(answer, what)
    named = ((f"{t.name}-{p.partition_index}", p) for t in answer.responses for p in t.partitions)
    return {item: _failure(each, f"{what}, {item}") for item, each in named}


def _deleted_acls(change: Change, answer: Any) -> Answers:
    answers = _by_item(change, answer.filter_results)
    for item, found in zip(items_of(change), answer.filter_results, strict=True):
        if not found.error_code and not found.matching_acls:
            answers[item] = Failure(FailureKind.NOT_FOUND, f"There is no ACL “{item}”.", "Refresh.")
    return answers
