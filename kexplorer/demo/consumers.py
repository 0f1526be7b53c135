"""The shop's consuming programs: each group behaves as its entry in shop.GROUPS says.

WORKAROUND: their members read nothing, they commit what a program of their pace would have read by now. noida-db 0.2.3
answers a fetch at once, data or not, so each consumer at the end of its partitions would keep half a core busy asking
again: https://github.com/its-banana-coder/noida-db
"""

import contextlib
import time
from dataclasses import dataclass, field
from threading import Event

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from kexplorer.demo.shop import GROUPS, TOPICS
from kexplorer.demo.writer import QUIET

TICK_S = 0.5
SHIPPING_PHASE_S = 20.0  # so long the second member stays, and stays away
CALL_LIMIT_S = 5.0  # of the broker; the client says so within another second
READ_BEFORE = {"billing": 100, "search-indexer": 85, "fraud-detector": 60, "shipping": 100, "nightly-report": 75}  # %

Ends = dict[str, list[int]]  # topic -> the end offset of each partition


@dataclass
class Member:
    """`next_offsets` belongs to the group: its members share the dictionary, partition -> offset to commit."""

    group: str
    consumer: Consumer
    next_offsets: dict[int, int] = field(default_factory=dict)


class Consumers:
    """Owns all members, for use from one thread: they do little, a thread each would be a waste."""

    def __init__(self, bootstrap: str, admin: AdminClient) -> None:
        self._bootstrap = bootstrap
        self._admin = admin
        self._started = time.monotonic()
        self._next: dict[str, dict[int, int]] = {}
        self._members: list[Member] = []
        self._visitor: Member | None = None

    def begin(self) -> None:
        """Commits the offsets of the past, as long as no group has members, then lets the members join."""
        ends = self._ends()
        for group, percent in READ_BEFORE.items():
            offsets = {i: end * percent // 100 for i, end in enumerate(ends[GROUPS[group].topic])}
            self._next[group] = offsets
            self._alter(group, offsets)
        first, second, _ = ends["notifications"]
        self._alter("email-sender", {0: first // 8, 1: second * 3 // 4})
        for future in self._admin.delete_records([TopicPartition("notifications", 0, first // 4)]).values():
            future.result(CALL_LIMIT_S + 1)
        clients = {"billing-1": "billing", "billing-2": "billing", "indexer-1": "search-indexer"}
        clients |= {"fraud-1": "fraud-detector", "shipping-1": "shipping"}
        self._members = [self._join(group, client) for client, group in clients.items()]

    def run(self, stop: Event) -> None:
        while not stop.wait(TICK_S):
            at = time.monotonic() - self._started
            self._let_visitor_come_or_go(at)
            with contextlib.suppress(KafkaException):  # the window's user may have deleted a topic or a group
                ends = self._ends()
                for member in self._members:
                    self._work(member, ends[GROUPS[member.group].topic], at)
        for member in self._members:
            member.consumer.close()

    def _let_visitor_come_or_go(self, at: float) -> None:
        present = at % (2 * SHIPPING_PHASE_S) > SHIPPING_PHASE_S
        if present and self._visitor is None:
            self._visitor = self._join("shipping", "shipping-2")
            self._members.append(self._visitor)
        elif not present and self._visitor is not None:
            self._members.remove(self._visitor)
            self._visitor.consumer.close()
            self._visitor = None

    def _work(self, member: Member, ends: list[int], at: float) -> None:
        member.consumer.poll(0)  # takes part in rebalances
        mine = [it for it in member.consumer.assignment() if it.partition in member.next_offsets]
        if member.group == "fraud-detector" or not mine:
            return
        pace = len(ends) * 1e6  # records/s of the group
        if member.group == "search-indexer":
            pace = 6 if at % 60 < 40 else 300
        step = max(1, int(pace * TICK_S / len(ends)))
        for partition in mine:
            i = partition.partition
            partition.offset = member.next_offsets[i] = min(member.next_offsets[i] + step, ends[i])
        member.consumer.commit(offsets=mine, asynchronous=True)

    def _join(self, group: str, client: str) -> Member:
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": group,
                "client.id": client,
                "enable.auto.commit": False,
                "session.timeout.ms": 10_000,
                "enable.metrics.push": False,
                **QUIET,
            }
        )
        consumer.subscribe([GROUPS[group].topic], on_assign=_assign_without_reading)
        return Member(group, consumer, self._next[group])

    def _ends(self) -> Ends:
        names = {group.topic for group in GROUPS.values()}
        asked = {TopicPartition(name, i): OffsetSpec.latest() for name in names for i in range(TOPICS[name].partitions)}
        ends = {name: [0] * TOPICS[name].partitions for name in names}
        for partition, future in self._admin.list_offsets(asked, request_timeout=CALL_LIMIT_S).items():
            with contextlib.suppress(KafkaException):  # a deleted topic
                ends[partition.topic][partition.partition] = future.result(CALL_LIMIT_S + 1).offset
        return ends

    def _alter(self, group: str, offsets: dict[int, int]) -> None:
        topic = GROUPS[group].topic
        request = ConsumerGroupTopicPartitions(
            group, [TopicPartition(topic, i, offset) for i, offset in offsets.items()]
        )
        for future in self._admin.alter_consumer_group_offsets([request], request_timeout=CALL_LIMIT_S).values():
            future.result(CALL_LIMIT_S + 1)


def _assign_without_reading(consumer: Consumer, partitions: list[TopicPartition]) -> None:
    consumer.assign(partitions)
    consumer.pause(partitions)
