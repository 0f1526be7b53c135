"""The shop's producing programs: they fill the topics with the past, then write what happens."""

import contextlib
import time
from collections import deque
from random import Random
from threading import Event
from typing import Any

from confluent_kafka import KafkaException, Message, Producer

from kexplorer.demo.dead_letters import dead_letter_headers
from kexplorer.demo.life import Life, Record, Step
from kexplorer.demo.payloads import catalogue_export

TICK_S = 0.1
# What the clients of the demo have to log is no news to the window's user.
QUIET: dict[str, Any] = {"log_level": 0, "error_cb": lambda error: None}
BIG_VALUES = [(180_000, 2), (300_000, 2), (480_000, None), (560_000, 2), (720_000, 2)]  # bytes, JSON indent


class Writer:
    """Owns three producers, for use from one thread.

    WORKAROUND: two transactional ids, one that always commits and one that always aborts. After an abort noida-db 0.2.3
    tells read_committed readers to drop all later records of the same producer too:
    https://github.com/its-banana-coder/noida-db
    """

    def __init__(self, bootstrap: str, life: Life) -> None:
        self._life = life
        self._random = Random(0)  # noqa: S311 - sample data
        self._failed: deque[tuple[Record, int, int]] = deque()  # record, its partition and offset
        # No auto-creation: a topic that the window's user deletes stays deleted.
        common: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            "allow.auto.create.topics": False,
            "partitioner": "murmur2_random",
            "linger.ms": 20,
            "compression.type": "lz4",
            "message.timeout.ms": 10_000,
            "enable.metrics.push": False,
            **QUIET,
        }
        self._producer = Producer(common)
        self._transactional = {
            commits: Producer(common | {"transactional.id": name})
            for commits, name in ((True, "audit"), (False, "fraud"))
        }

    def seed(self, now: float, stop: Event) -> None:
        """Writes the past up to `now`; takes about 2 s, less when stopped."""
        for producer in self._transactional.values():
            producer.init_transactions(5)
        self._write_until(now, stop)
        for number, (size, indent) in enumerate(BIG_VALUES):
            if not stop.is_set():
                value = catalogue_export(self._random, size, indent)
                self._produce(
                    Record(
                        "big-values",
                        f"export-{number + 1}",
                        value,
                        int((now - 600 * (len(BIG_VALUES) - number)) * 1000),
                    )
                )
        while not stop.is_set() and (self._producer.flush(0.2) or self._failed):
            self._write_dead_letters()

    def run(self, stop: Event) -> None:
        while not stop.wait(TICK_S):
            self._write_until(time.time(), stop)
        self._producer.flush(0.3)

    def _write_until(self, moment: float, stop: Event) -> None:
        for step in self._life.until(moment):
            if stop.is_set():
                return
            if step.transaction is None:
                for record in step.records:
                    self._produce(record)
            else:
                self._transact(step, commits=step.transaction)
        self._producer.poll(0)
        self._write_dead_letters()

    def _transact(self, step: Step, commits: bool) -> None:
        producer = self._transactional[commits]
        with contextlib.suppress(KafkaException):  # the user may delete or fence what we write to
            producer.begin_transaction()
            for record in step.records:
                producer.produce(record.topic, record.value, record.key, timestamp=record.timestamp)
            producer.flush(2)  # an abort would drop what is not yet sent, and there would be nothing to hide
            if commits:
                producer.commit_transaction(2)
            else:
                producer.abort_transaction(2)

    def _produce(self, record: Record) -> None:
        def delivered(error: object, message: Message) -> None:
            if error is None:
                self._failed.append((record, message.partition() or 0, message.offset() or 0))

        while True:
            try:
                self._producer.produce(
                    record.topic,
                    record.value,
                    record.key,
                    timestamp=record.timestamp,
                    headers=record.headers,
                    on_delivery=delivered if record.fails else None,
                )
            except BufferError:
                self._producer.poll(0.05)
            except KafkaException:
                return  # its topic is gone
            else:
                return

    def _write_dead_letters(self) -> None:
        while self._failed:
            record, partition, offset = self._failed.popleft()
            headers = dead_letter_headers(self._random, record.topic, partition, offset, record.timestamp)
            later = record.timestamp + self._random.randrange(500, 5000)
            self._produce(Record("orders-dlq", record.key, record.value, later, (record.headers or []) + headers))
