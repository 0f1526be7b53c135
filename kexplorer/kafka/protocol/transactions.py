"""Who writes in transactions (KIP-664), in Kafka's protocol as kafka-python speaks it."""

from __future__ import annotations

from typing import Any

from kafka.protocol.admin import DescribeProducersRequest, ListTransactionsRequest

from kexplorer.model.topics import TopicPartition


def producers(source: TopicPartition) -> Any:
    """For the leader of the partition."""
    topic = DescribeProducersRequest.TopicRequest
    return DescribeProducersRequest(topics=[topic(name=source.topic, partition_indexes=[source.partition])])


def producers_of(answer: Any) -> Any:
    """The one partition that was asked for: has `error_code`, `error_message` and `active_producers`."""
    ((partition,),) = (topic.partitions for topic in answer.topics)
    return partition


def listed(producer_id: int) -> Any:
    """For each broker: it tells of those that it coordinates."""
    return ListTransactionsRequest(state_filters=[], producer_id_filters=[producer_id])
