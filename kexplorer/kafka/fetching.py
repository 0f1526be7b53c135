"""Batches of one partition as its leader sends them, without the client library, which would take them apart."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from kexplorer.kafka import checks, properties, reach
from kexplorer.kafka.checks import Address
from kexplorer.kafka.record_batches import NotUnderstood, RecordBatch, batches_in, visible
from kexplorer.kafka.wire import FETCH, METADATA, Connection, Cursor, text
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.topics import IsolationLevel, OffsetRange, TopicPartition

_AT_ONCE = 1 << 20  # bytes of an answer, but for a batch that is larger: what fits into a processor's cache
_WAIT = 100  # milliseconds that a broker may wait for something to send
_FOR_THE_CLIENT = ("client.dns.lookup", "client.rack", "ssl.")  # what properties begin with that only it understands


def can_fetch(profile: Profile) -> bool:
    """Whether the connection asks for nothing that only the client library can do, such as ciphers or racks. Its other
    properties are times and sizes of the client library, which takes over where they could matter."""
    return not any(key.startswith(_FOR_THE_CLIENT) for key in profile.properties)


class Fetcher:
    """Owns connections to the leaders of partitions, kept from one range to the next. Belongs to one thread."""

    def __init__(self, profile: Profile, credentials: Credentials) -> None:
        properties.common(profile, credentials)  # checks all of it
        self._profile = profile
        self._credentials = credentials
        self._context = reach.tls_context(profile, credentials) if profile.security_protocol.tls else None
        self._connections: dict[Address, Connection] = {}
        self._leaders: dict[TopicPartition, Address] = {}

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
        self._leaders.clear()

    def batches(self, of: OffsetRange, isolation: IsolationLevel) -> Iterator[tuple[RecordBatch, bool]]:
        """All batches with offsets of the range, which has an end, and whether readers get their records. A batch is
        valid until the next one is asked for; the first and the last may reach over the range. `NotUnderstood` for
        whatever is unusual, from a leader that moved to a log that ends too early: then it is best closed."""
        try:
            yield from self._batches(of, isolation)
        except (OSError, ValueError, struct.error, Failure) as error:
            raise NotUnderstood(str(error)) from error

    def _batches(self, of: OffsetRange, isolation: IsolationLevel) -> Iterator[tuple[RecordBatch, bool]]:
        at, end = of.start, of.end or 0
        leader = self._leader(of.source)
        leader.ask(FETCH, _question(of.source, at, isolation))
        while at < end:
            records, aborted = _partition(leader.answer())
            found = [batch for batch in batches_in(records) if batch.next > at]
            if not found:
                raise NotUnderstood("no records")
            at = found[-1].next
            if at < end:  # the broker gets on while these are looked at
                leader.ask(FETCH, _question(of.source, at, isolation))
            for batch, is_visible in visible(found, aborted):
                if batch.start < end:
                    yield batch, is_visible

    def batch_at(self, source: TopicPartition, offset: int) -> RecordBatch:
        """The one that the offset is in, and no other is sent. `NotUnderstood` where there is none, and as above."""
        try:
            leader = self._leader(source)
            leader.ask(FETCH, _question(source, offset, IsolationLevel.READ_UNCOMMITTED, 1))
            records, _ = _partition(leader.answer())
            found = next((batch for batch in batches_in(records) if batch.start <= offset < batch.next), None)
        except (OSError, ValueError, struct.error, Failure) as error:
            raise NotUnderstood(str(error)) from error
        if found is None:
            raise NotUnderstood("no batch")
        return found

    def _leader(self, source: TopicPartition) -> Connection:
        if source not in self._leaders:
            self._learn(source.topic)
        if source not in self._leaders:
            raise NotUnderstood("it has no leader")
        return self._connection(self._leaders[source])

    def _connection(self, address: Address) -> Connection:
        if address not in self._connections:
            made = Connection(address, self._profile, self._credentials, self._context)
            self._connections[address] = made
        return self._connections[address]

    def _learn(self, topic: str) -> None:
        """Who leads the partitions of the topic, from whichever broker answers first."""
        asked = self._any()
        asked.ask(METADATA, struct.pack(">i", 1) + text(topic) + b"\0")  # which creates no topic
        answer = asked.answer()
        answer.number("i")  # throttled for
        brokers = {}
        for _ in answer.count():
            node, host, port, _rack = answer.number("i"), answer.text(), answer.number("i"), answer.text()
            brokers[node] = Address(host, port)
        answer.text(), answer.number("i")  # cluster and controller
        for _ in answer.count():
            answer.number("h"), answer.text(), answer.number("b")
            for _ in answer.count():
                failed, partition, leader = answer.number("h"), answer.number("i"), answer.number("i")
                for _replicas in range(2):
                    for _ in answer.count():
                        answer.number("i")
                if not failed and leader in brokers:
                    self._leaders[TopicPartition(topic, partition)] = brokers[leader]

    def _any(self) -> Connection:
        if self._connections:
            return next(iter(self._connections.values()))
        failed: Exception = NotUnderstood("no bootstrap servers")
        for address in checks.bootstrap(self._profile.bootstrap):
            try:
                return self._connection(address)
            except (OSError, Failure) as error:
                failed = error
        raise failed


def _question(source: TopicPartition, offset: int, isolation: IsolationLevel, most: int = _AT_ONCE) -> bytes:
    """For `most` bytes, but at least for a whole batch."""
    committed = isolation is IsolationLevel.READ_COMMITTED
    whole = struct.pack(">iiiibii", -1, _WAIT, 1, most, committed, 0, -1)  # -1: no replica, no session
    partition = struct.pack(">iiiqqi", 1, source.partition, -1, offset, -1, most)  # -1: any epoch, no replica
    return whole + struct.pack(">i", 1) + text(source.topic) + partition + struct.pack(">i", 0)


def _partition(answer: Cursor) -> tuple[memoryview, list[tuple[int, int]]]:
    """The records and, of the transactions among them that were aborted, producer and first offset."""
    answer.number("i")  # throttled for
    failed = answer.number("h")
    answer.number("i")  # session
    if failed or len(answer.count()) != 1:
        raise NotUnderstood(f"error {failed}")
    answer.text()
    if len(answer.count()) != 1:
        raise NotUnderstood("not this partition")
    _, failed = answer.number("i"), answer.number("h")
    if failed:
        raise NotUnderstood(f"error {failed}")
    for _ in range(3):  # high watermark, last stable offset, log start
        answer.number("q")
    aborted = [(answer.number("q"), answer.number("q")) for _ in answer.count()]
    return answer.data(), aborted
