"""What a login may do with a topic, a group or a transactional id, in Kafka's protocol as kafka-python speaks it."""

from __future__ import annotations

from typing import Any

from kafka.protocol.admin import DescribeGroupsRequest
from kafka.protocol.metadata import FindCoordinatorRequest, MetadataRequest

_GROUP, _TRANSACTION = 0, 1  # what the key of a coordinator names


def coordinator(name: str, *, transactional: bool) -> Any:
    """Takes Describe on the group or the transactional id."""
    return FindCoordinatorRequest(key=name, key_type=_TRANSACTION if transactional else _GROUP, max_version=3)


def topic(name: str) -> Any:
    """With the operations that the login may do, from version 8 on."""
    asked = [MetadataRequest.MetadataRequestTopic(name=name)]
    return MetadataRequest(topics=asked, allow_auto_topic_creation=False, include_topic_authorized_operations=True)


def group(name: str) -> Any:
    """As `topic`. From version 6 on nothing would be told of a group that is not there yet."""
    return DescribeGroupsRequest(groups=[name], include_authorized_operations=True, max_version=5)


def told(answer: Any) -> Any:
    """The one topic or group that was asked for: has `error_code` and `authorized_operations`."""
    (one,) = answer.topics if hasattr(answer, "topics") else answer.groups
    return one
