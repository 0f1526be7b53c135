"""Whose transaction is open in a partition: its leader knows the producer, the producer's coordinator its name."""

from __future__ import annotations

import asyncio

from confluent_kafka import KafkaError

from kexplorer.kafka.admin import Admin, check_source
from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.second_client import SecondClient, library
from kexplorer.model.cluster import OpenTransaction
from kexplorer.model.failure import Failure
from kexplorer.model.topics import TopicPartition


async def open_transaction(admin: Admin, second: SecondClient, source: TopicPartition) -> OpenTransaction | None:
    """See `Cluster.open_transaction`."""
    check_source(source)
    what = f"Asking who writes to {source.topic}-{source.partition}"
    seen = await admin.metadata(source.topic)
    leader = next((p.leader for t in seen.topics for p in t.partitions if p.id == source.partition), None)
    answer = await second.ask(what, lambda by: by.transactions.producers(source), leader)
    told = library().transactions.producers_of(answer)
    if told.error_code:
        raise failure_of(KafkaError(told.error_code), what)
    writing = [each for each in told.active_producers if each.current_txn_start_offset >= 0]
    if not writing:
        return None
    oldest = min(writing, key=lambda each: each.current_txn_start_offset)
    name, coordinator = await _coordinated(second, oldest.producer_id)
    return OpenTransaction(
        oldest.producer_id, oldest.producer_epoch, oldest.current_txn_start_offset, name, coordinator
    )


async def _coordinated(second: SecondClient, producer_id: int) -> tuple[str, int | None]:
    """The transactional id and its coordinator, as far as this login may see them."""

    async def of(broker: int) -> list[tuple[str, int | None]]:
        what = f"Listing transactions, broker {broker}"
        try:
            answer = await second.ask(what, lambda by: by.transactions.listed(producer_id), broker)
        except Failure:
            return []  # it may be the coordinator: then its name is not known
        return [(each.transactional_id, broker) for each in answer.transaction_states]

    found = await asyncio.gather(*map(of, await second.brokers()))
    return next((each for told in found for each in told), ("", None))
