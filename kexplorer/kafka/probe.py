"""The connection test: walks to a cluster step by step and says which step fails first, why, and what to do."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from kexplorer.kafka import checks, properties, reach
from kexplorer.kafka.checks import Address
from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.handle import HandleThread
from kexplorer.model.cluster import ProbeStep, StepOutcome
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Credentials, Profile

_LIMIT = 5.0  # seconds for each of DNS, TCP, TLS and ApiVersions
_ATTEMPTS = (0.5, 1.5, 3.0, 5.0)  # seconds for each try at the metadata; between them the client's reasons are read
_AT_ONCE = 20  # brokers tried at the same time
_UNUSED = "not used by this security protocol"
_NOT_REACHED = "an earlier step failed"
_CLOSED = "The broker closed the connection."
_FINAL = (KafkaError._AUTHENTICATION, KafkaError._SSL)  # waiting does not help
_ELSEWHERE = re.compile(r"^\S+?: |\s*\(after \d+ms in state [^)]*\)")  # who and when; the step says it already

T = TypeVar("T")
OnStep = Callable[[ProbeStep], None]


async def probe(profile: Profile, credentials: Credentials, on_step: OnStep) -> None:
    """Calls `on_step` for each step when it is done: settings, DNS, TCP, TLS, ApiVersions, SASL, metadata and each
    advertised listener. Of several bootstrap addresses each is tried, and those that answer are taken on. Steps after
    one that failed everywhere are SKIPPED. Raises nothing for what it finds; cancel it at any time."""
    await _Walk(profile, credentials, on_step).run()


class _Walk:
    def __init__(self, profile: Profile, credentials: Credentials, on_step: OnStep) -> None:
        self._profile = profile
        self._credentials = credentials
        self._on_step = on_step
        self._family = profile.properties.get("broker.address.family", "any")
        self._context: ssl.SSLContext | None = None
        self._targets: dict[Address, list[reach.Target]] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> None:
        steps: list[tuple[str, Callable[[Address], Awaitable[str]]]] = [
            ("DNS", self._resolve),
            ("TCP", self._connect),
            ("TLS", self._shake_hands),
            ("ApiVersions", self._ask_versions),
        ]
        alive = await self._settings()
        for name, step in steps:
            if not alive:
                self._tell(name, "", StepOutcome.SKIPPED, _NOT_REACHED)
            elif name == "TLS" and not self._profile.security_protocol.tls:
                self._tell(name, "", StepOutcome.SKIPPED, _UNUSED)
            else:
                alive = await self._each(name, alive, step)
        if alive:
            alive = await self._log_in(alive)
        else:
            self._tell("SASL", "", StepOutcome.SKIPPED, _NOT_REACHED)
            self._tell("Metadata", "", StepOutcome.SKIPPED, _NOT_REACHED)
        await self._listeners(alive)

    async def _settings(self) -> Sequence[Address]:
        started = time.monotonic()
        try:
            await _in_thread("settings", self._check, _LIMIT)
        except Failure as failure:
            self._tell("Settings", "", StepOutcome.FAILED, failure=failure, started=started)
            return ()
        self._tell("Settings", "", StepOutcome.PASSED, "complete", started=started)
        return checks.bootstrap(self._profile.bootstrap)

    def _check(self) -> None:
        properties.admin_config(self._profile, self._credentials)
        if self._profile.security_protocol.tls:
            self._context = reach.tls_context(self._profile, self._credentials)

    async def _each(
        self, name: str, addresses: Sequence[Address], step: Callable[[Address], Awaitable[str]]
    ) -> Sequence[Address]:
        """Those of `addresses` for which `step` does not fail."""

        async def one(address: Address) -> bool:
            started = time.monotonic()
            try:
                async with self._slots:
                    detail = await step(address)
            except Failure as failure:
                self._tell(name, str(address), StepOutcome.FAILED, failure=failure, started=started)
                return False
            self._tell(name, str(address), StepOutcome.PASSED, detail, started=started)
            return True

        passed = await asyncio.gather(*map(one, addresses))
        return [address for address, ok in zip(addresses, passed, strict=True) if ok]

    async def _resolve(self, address: Address) -> str:
        found = await _in_thread(f"Resolving “{address.host}”", lambda: reach.resolve(address, self._family), _LIMIT)
        self._targets[address] = found
        if _is_ip(address.host):
            return "an IP address, nothing to resolve"
        return ", ".join(dict.fromkeys(str(target[1][0]) for target in found))

    async def _connect(self, address: Address) -> str:
        def connect() -> reach.Target:
            target, connection = reach.connect(address, self._targets[address], _LIMIT)
            connection.close()
            return target

        target = await _in_thread(f"Connecting to {address}", connect, _LIMIT + 1)
        self._targets[address] = [target]
        return f"connected to {target[1][0]}"

    async def _shake_hands(self, address: Address) -> str:
        context, target = self._context, self._targets[address][0]
        assert context is not None  # noqa: S101  (this step is taken with TLS only)
        return await _in_thread(
            f"TLS with {address}", lambda: reach.handshake(address, target, context, _LIMIT), 2 * _LIMIT
        )

    async def _ask_versions(self, address: Address) -> str:
        target = self._targets[address][0]
        count = await _in_thread(
            f"The first request to {address}",
            lambda: reach.api_versions(address, target, self._context, _LIMIT),
            3 * _LIMIT,
        )
        return f"speaks Kafka, knows {count} kinds of requests"

    async def _log_in(self, alive: Sequence[Address]) -> Sequence[Address]:
        """Logs in and asks who is in the cluster, by the client library itself. Gives the advertised addresses."""
        started = time.monotonic()
        target = ", ".join(map(str, alive))
        stop = threading.Event()
        config = properties.admin_config(self._profile, self._credentials)
        config |= {"bootstrap.servers": target, "log.connection.close": True}
        try:
            found = await _in_thread("The metadata request", lambda: _metadata(config, stop), sum(_ATTEMPTS) + 2)
        except Failure as failure:
            self._not_let_in(target, failure, started)
            return ()
        finally:
            stop.set()
        if self._profile.security_protocol.sasl:
            self._tell("SASL", target, StepOutcome.PASSED, f"logged in as {self._profile.username}", started=started)
        else:
            self._tell("SASL", "", StepOutcome.SKIPPED, _UNUSED)
        brokers = [Address(each.host, each.port) for each in found.brokers.values()]
        size = f"{_count(len(brokers), 'broker')}, {_count(len(found.topics), 'topic')}"
        self._tell("Metadata", target, StepOutcome.PASSED, size, started=started)
        return tuple(dict.fromkeys(brokers))

    def _not_let_in(self, target: str, failure: Failure, started: float) -> None:
        sasl = self._profile.security_protocol.sasl
        if sasl and failure.kind == FailureKind.AUTHENTICATION:
            failure.message = f"Login as {self._profile.username} failed. {failure.message}"
            if "current SASL state" in failure.message:
                failure = Failure(failure.kind, f"{target} takes no login.", "Choose the protocol without SASL.")
            self._tell("SASL", target, StepOutcome.FAILED, failure=failure, started=started)
            self._tell("Metadata", "", StepOutcome.SKIPPED, _NOT_REACHED)
            return
        self._tell("SASL", "", StepOutcome.SKIPPED, "not known" if sasl else _UNUSED)
        if failure.message == _CLOSED and not sasl:
            failure = Failure(
                FailureKind.AUTHENTICATION,
                f"{target} closed the connection when it was asked something without a login.",
                "It probably wants a user: choose SASL_SSL or SASL_PLAINTEXT.",
            )
        self._tell("Metadata", target, StepOutcome.FAILED, failure=failure, started=started)

    async def _listeners(self, advertised: Sequence[Address]) -> None:
        """Data goes to the addresses that brokers advertise, which may differ from the one that was entered."""
        if not advertised:
            self._tell("Listener", "", StepOutcome.SKIPPED, _NOT_REACHED)
            return

        async def reached(address: Address) -> str:
            try:
                await self._resolve(address)
                detail = await self._connect(address)
                if self._context:
                    detail = await self._shake_hands(address)
            except Failure as failure:
                raise Failure(
                    failure.kind,
                    f"A broker advertises {address}, which cannot be used from here. {failure.message}",
                    f"Correct advertised.listeners of that broker, or make the address reachable. {failure.hint}",
                ) from None
            return detail

        await self._each("Listener", advertised, reached)

    def _tell(
        self,
        name: str,
        target: str,
        outcome: StepOutcome,
        detail: str = "",
        failure: Failure | None = None,
        started: float | None = None,
    ) -> None:
        seconds = 0.0 if started is None else time.monotonic() - started
        self._on_step(ProbeStep(name, target, outcome, detail, failure, seconds))


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _metadata(config: properties.Config, stop: threading.Event) -> Any:
    """The cluster's metadata. The client tells why it cannot connect only to its callbacks and
    its log, and tries for ever."""
    errors: list[KafkaError] = []
    log = _Lines()
    quiet = logging.Logger("kexplorer.probe")
    quiet.addHandler(log)
    config |= {"logger": quiet, "error_cb": errors.append}
    try:
        client = AdminClient(config)
    except (KafkaException, ValueError, TypeError) as error:
        raise failure_of(error, "The client refused the settings") from error
    last: Exception = TimeoutError()
    for seconds in _ATTEMPTS:
        try:
            return client.list_topics(timeout=seconds)
        except KafkaException as error:
            last = error
        client.poll(0.1)
        final = [error for error in errors if error.code() in _FINAL]
        if final or stop.is_set():
            break
    reasons = [error for error in errors if error.code() != KafkaError._ALL_BROKERS_DOWN]
    reason = next((error for error in reasons if error.code() in _FINAL), reasons[-1] if reasons else None)
    if reason is None and any("Disconnected" in line for line in log.lines):
        raise Failure(FailureKind.UNREACHABLE, _CLOSED, "Its log may say why.")
    if reason is None:
        raise failure_of(last, "The metadata request failed")
    failure = failure_of(reason, "The broker says")
    failure.message = f"{_ELSEWHERE.sub('', reason.str()).strip().rstrip('.')}."
    raise failure


async def _in_thread(what: str, work: Callable[[], T], limit: float) -> T:
    """In a daemon thread of its own: each of these calls may hang longer than anybody waits."""
    thread = HandleThread("kafka-probe")
    try:
        return await thread.call(work, what=what, within=limit)
    finally:
        thread.finish()


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
