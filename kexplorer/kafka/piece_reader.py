"""How a worker process reads one piece of a partition by the client library."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from confluent_kafka import KafkaException, Message

from kexplorer.kafka import properties
from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.link import LinkMonitor, QuietLog
from kexplorer.kafka.reading import GONE_AFTER_MS, Client, Reading
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.records import Trouble
from kexplorer.model.topics import IsolationLevel, OffsetRange, TopicPartition

LONGEST = 4.0  # seconds after which a piece comes back as far as it got: records may be far larger than before
# Longer than one would wait for a page: a dead broker is missed after 9 s by default, a controller that died with it
# gives its followers another 9, and then leaders are elected.
_PATIENCE = 20.0
# A scan reads far more at once than a page does. What lies in the queue at the end of a piece was read for nothing.
_FETCH = {"fetch.max.bytes": 16 << 20, "fetch.message.max.bytes": 2 << 20}
_QUEUE = {"queued.min.messages": 20_000, "queued.max.messages.kbytes": 1_024}
_OTHER = {"topic.metadata.propagation.max.ms": GONE_AFTER_MS}

_kept = threading.local()  # this worker's consumer: to connect again for every piece would take longer than to read it


class Job(Protocol):
    """What all pieces of one work have in common."""

    @property
    def profile(self) -> Profile: ...

    @property
    def credentials(self) -> Credentials: ...

    @property
    def isolation(self) -> IsolationLevel: ...


class Look(Protocol):
    """What was looked at; a piece comes back early when it is `full`."""

    @property
    def records(self) -> int: ...

    @property
    def full(self) -> bool: ...


def read_piece(
    job: Job,
    of: OffsetRange,
    look: Look,
    take: Callable[[TopicPartition, list[Message]], None],
    longest: float = LONGEST,
) -> tuple[int, list[Trouble]]:
    """Hands messages to `take`, which `look` tells of. How far it came: not to the end if a trouble ended it, if `look`
    is full, or if it got on but took `longest` seconds. Raises `Failure` where nothing could be read."""
    client, monitor = _connected(job)
    reading = Reading(client, [of], lambda: monitor.state.reason, take, _PATIENCE)
    troubles: list[Trouble] = []
    try:
        reading.begin()
        until = time.monotonic() + longest
        while reading.open and not look.full:
            troubles += reading.pull()
            if look.records and time.monotonic() > until:
                break
        reading.end()
    except BaseException as error:
        _kept.__dict__.clear()  # whatever state it is in, the next piece begins with another one
        if isinstance(error, KafkaException):
            raise failure_of(error, f"Reading {of.source.topic}, partition {of.source.partition}") from error
        raise
    return next((part.next for part in reading.progress), of.end or 0), troubles


def _connected(job: Job) -> tuple[Client, LinkMonitor]:
    """The consumer that the piece before has left, if it is one of the same connection."""
    way = (job.profile, job.credentials, job.isolation)
    if getattr(_kept, "way", None) != way:
        if hasattr(_kept, "client"):
            _kept.client.close()
        monitor = LinkMonitor(job.profile.name)
        logger = properties.CLIENT_LOG.getChild("scan")
        logger.filters = [QuietLog(monitor)]
        config = properties.reader_config(job.profile, job.credentials, job.isolation)
        config |= _QUEUE | _OTHER | {k: v for k, v in _FETCH.items() if k not in job.profile.properties}
        _kept.client, _kept.monitor = Client({**config, "logger": logger}, monitor.on_error), monitor
        _kept.way = way
    return _kept.client, _kept.monitor
