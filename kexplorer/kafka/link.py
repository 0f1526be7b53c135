"""One state of a connection out of a storm of error callbacks, with the true reason."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from confluent_kafka import KafkaError

from kexplorer.model.cluster import ConnectionState, Link

log = logging.getLogger(__name__)

_FRESH = 30.0  # seconds after which an error that did not come again no longer counts
_PUBLISH_EVERY = 1.0  # seconds
_BROKER = re.compile(r"^(?:\w+://)?(?P<broker>\S+?:\d+)/(?:bootstrap|\d+): ")
_CONNECT = re.compile(r"^Connect to ipv[46]#\S+ failed: ")
_ELAPSED = re.compile(r" \(after \d+ms in state [A-Z_0-9]+(?:, \d+ identical error\(s\) suppressed)?\)")


class _Error(NamedTuple):
    when: float  # time.monotonic()
    why: str
    refused: bool  # the login was


class LinkMonitor:
    """Takes error callbacks from any client thread and answers of calls; tells the loop's thread of changes, at most
    once a second. librdkafka gives the cause of a failed connection only to the error callback: the exception of the
    call says no more than "transport failure". `name` is the connection's, for the log."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._errors: dict[str, _Error] = {}  # by broker
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
        reason = _CONNECT.sub("", _ELAPSED.sub("", text[found.end() :] if found else text))
        self._note(broker, reason, refused=code == KafkaError._AUTHENTICATION)

    def on_answer(self) -> None:
        """A broker answered a request."""
        self._update(answered=True)

    def on_hang_up(self, broker: str) -> None:
        """A broker closed the connection. It may have been idle; but one that never answered dislikes our requests."""
        if not self._answered:
            self._note(broker, "closed the connection without an answer; it may want another security protocol")

    def on_silence(self, reason: str) -> None:
        """A broker that should have answered did not."""
        self._update(error=_Error(time.monotonic(), reason, refused=False) if not self._errors else None, all_down=True)

    def _note(self, broker: str, reason: str, *, refused: bool = False) -> None:
        why = f"{broker}: {reason}" if broker else reason
        self._update(broker, _Error(time.monotonic(), why, refused))

    def _update(
        self, broker: str = "", error: _Error | None = None, *, answered: bool = False, all_down: bool = False
    ) -> None:
        now = time.monotonic()
        with self._lock:
            if error:
                self._errors[broker] = error
            if answered:
                self._answered, self._all_down = now, False
                self._errors.pop("", None)
            if all_down:
                self._all_down = True
            self._errors = {broker: e for broker, e in self._errors.items() if now - e.when < _FRESH}
            state = self._derive()
            if state == self._state:
                return
            if state.link != self._state.link:
                log.info("%s: %s%s", self._name, state.link, f": {state.reason}" if state.reason else "")
            self._state = state
            loop = self._loop
            if loop is None or self._scheduled:
                return
            self._scheduled = True
        with contextlib.suppress(RuntimeError):  # the loop has ended; an error callback must not raise
            loop.call_soon_threadsafe(self._publish)

    def _derive(self) -> ConnectionState:
        last = max(self._errors.values(), default=_Error(0, "", refused=False))
        if self._all_down:
            return ConnectionState(Link.DOWN, last.why or "no broker is reachable", last.refused)
        if self._answered:
            return ConnectionState(Link.DEGRADED if last.why else Link.UP, last.why, last.refused)
        return ConnectionState(Link.CONNECTING, last.why, last.refused)

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
        where, hung_up, _ = text.partition(": Disconnected")
        if hung_up:
            self._monitor.on_hang_up(where.rpartition(" ")[2].partition("/")[0])
            return False  # idle connections close all the time
        kind = re.sub(r"\d+", "#", text)
        now = time.monotonic()
        if now - self._last.get(kind, -_FRESH) < _FRESH or len(self._last) > 1000:
            return False
        self._last[kind] = now
        record.levelno, record.levelname = logging.INFO, "INFO"
        return True
