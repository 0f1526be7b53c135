"""One state of a connection out of a storm of error callbacks, with the true reason."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable

from confluent_kafka import KafkaError

from kexplorer.model.cluster import ConnectionState, Link

log = logging.getLogger(__name__)

_FRESH = 30.0  # seconds after which an error that did not come again no longer counts
_PUBLISH_EVERY = 1.0  # seconds
_BROKER = re.compile(r"^(?:\w+://)?(?P<broker>\S+?:\d+)/(?:bootstrap|\d+): ")
_ELAPSED = re.compile(r" \(after \d+ms in state [A-Z_0-9]+(?:, \d+ identical error\(s\) suppressed)?\)")


class LinkMonitor:
    """Takes error callbacks from any client thread and answers of calls; tells the loop's thread of changes, at most
    once a second. librdkafka gives the cause of a failed connection only to the error callback: the exception of the
    call says no more than "transport failure"."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._errors: dict[str, tuple[float, str]] = {}  # by broker: when, why
        self._answered = 0.0
        self._all_down = False
        self._state = ConnectionState(Link.CONNECTING)
        self._watchers: dict[object, Callable[[ConnectionState], None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scheduled = False

    @property
    def state(self) -> ConnectionState:
        return self._state

    def watch(self, changed: Callable[[ConnectionState], None]) -> Callable[[], None]:
        self._loop = asyncio.get_running_loop()
        key = object()
        self._watchers[key] = changed
        return lambda: self._watchers.pop(key, None) and None

    def close(self) -> None:
        """Nobody is told any more; errors that still come are only noted."""
        self._loop = None
        self._watchers.clear()

    def on_error(self, error: KafkaError) -> None:
        """The `error_cb` of every handle of the connection; called in that handle's thread."""
        code, text = error.code(), error.str()
        if code == KafkaError._ALL_BROKERS_DOWN:
            if self._errors:  # brokers also close connections that are idle: that is no error, and nobody is down
                self._update(all_down=True)
            return
        found = _BROKER.match(text)
        broker = found["broker"] if found else ""
        reason = _ELAPSED.sub("", text[found.end() :] if found else text)
        self._update(error=(broker, f"{broker}: {reason}" if broker else reason))

    def on_answer(self) -> None:
        """A broker answered a request."""
        self._update(answered=True)

    def on_silence(self, reason: str) -> None:
        """A broker that should have answered did not."""
        self._update(all_down=True, error=("", reason) if not self._errors else None)

    def _update(
        self, *, error: tuple[str, str] | None = None, answered: bool = False, all_down: bool | None = None
    ) -> None:
        now = time.monotonic()
        with self._lock:
            if error:
                self._errors[error[0]] = (now, error[1])
            if answered:
                self._answered, self._all_down = now, False
                self._errors.pop("", None)
            if all_down:
                self._all_down = True
            self._errors = {broker: e for broker, e in self._errors.items() if now - e[0] < _FRESH}
            state = self._derive()
            if state == self._state:
                return
            if state.link != self._state.link:
                log.info("connection %s%s", state.link, f": {state.reason}" if state.reason else "")
            self._state = state
            loop = self._loop
            if loop is None or self._scheduled:
                return
            self._scheduled = True
        with contextlib.suppress(RuntimeError):  # the loop has ended; an error callback must not raise
            loop.call_soon_threadsafe(self._publish)

    def _derive(self) -> ConnectionState:
        reason = max(self._errors.values())[1] if self._errors else ""
        if self._all_down:
            return ConnectionState(Link.DOWN, reason or "no broker is reachable")
        if self._answered:
            return ConnectionState(Link.DEGRADED if reason else Link.UP, reason)
        return ConnectionState(Link.CONNECTING, reason)

    def _publish(self) -> None:
        published, loop = self._state, asyncio.get_running_loop()
        for key in self._watchers:
            loop.call_soon(self._tell, key, published)  # one that raises keeps no other from being told
        loop.call_later(_PUBLISH_EVERY, self._publish_later, published)

    def _tell(self, key: object, state: ConnectionState) -> None:
        if watcher := self._watchers.get(key):
            watcher(state)

    def _publish_later(self, published: ConnectionState) -> None:
        with self._lock:
            self._scheduled = self._state != published
        if self._scheduled:
            self._publish()


class QuietLog(logging.Filter):
    """librdkafka repeats a line for every attempt at every broker: pass one of a kind in 30 s, as information (the
    state of the connection tells what matters), and hand the lines no callback tells of to the monitor."""

    def __init__(self, monitor: LinkMonitor) -> None:
        super().__init__()
        self._monitor = monitor
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if "Invalid response size" in text:
            self._monitor.on_silence("a response was larger than receive.message.max.bytes: " + text)
        kind = re.sub(r"\d+", "#", text)
        now = time.monotonic()
        if now - self._last.get(kind, -_FRESH) < _FRESH or len(self._last) > 1000:
            return False
        self._last[kind] = now
        record.levelno, record.levelname = logging.INFO, "INFO"
        return True
