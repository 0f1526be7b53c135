"""Kafka's own records: what brokers keep in `__consumer_offsets` and `__transaction_state`.

The tables follow the definitions in Apache Kafka 4.3 (`group-coordinator/` and `transaction-coordinator/src/main/
resources/common/message/`) and its ConsumerProtocol; older brokers write lower versions of the same.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from kexplorer.formats import scalars
from kexplorer.formats.cursor import Cursor, Reading, Unreadable, reading
from kexplorer.formats.numbers import count

# A record type: number and name of the key, and its fields; the values' versions, from which of them lengths are
# compact ("flexible"), and their fields, each: name, type, versions if not all, #tag. What is indented below a field
# is its struct. The type "ms" is an int64 of milliseconds since 1970.
_GROUPS = """
0 OffsetCommit: group string, topic string, partition int32
1 OffsetCommit: group string, topic string, partition int32
= 0-4 flexible 4
offset int64
leaderEpoch int32 3+
metadata string
commitTimestamp ms
expireTimestamp ms 1-1
topicId uuid #0
2 GroupMetadata: group string
= 0-4 flexible 4
protocolType string
generation int32
protocol string
leader string
currentStateTimestamp ms 2+
members []
 memberId string
 groupInstanceId string 3+
 clientId string
 clientHost string
 rebalanceTimeout int32 1+
 sessionTimeout int32
 subscription subscription
 assignment assignment
3 ConsumerGroupMetadata: groupId string
= 0-0 flexible 0
epoch int32
metadataHash int64 #0
4 ConsumerGroupPartitionMetadata: groupId string
= 0-0 flexible 0
topics []
 topicId uuid
 topicName string
 numPartitions int32
 partitionMetadata []
  partition int32
  racks []string
5 ConsumerGroupMemberMetadata: groupId string, memberId string
= 0-0 flexible 0
instanceId string
rackId string
clientId string
clientHost string
subscribedTopicNames []string
subscribedTopicRegex string
rebalanceTimeoutMs int32
serverAssignor string
classicMemberMetadata ? #0
 sessionTimeoutMs int32
 supportedProtocols []
  name string
  metadata subscription
6 ConsumerGroupTargetAssignmentMetadata: groupId string
= 0-0 flexible 0
assignmentEpoch int32
assignmentTimestamp ms #0
7 ConsumerGroupTargetAssignmentMember: groupId string, memberId string
= 0-0 flexible 0
topicPartitions []
 topicId uuid
 partitions []int32
8 ConsumerGroupCurrentMemberAssignment: groupId string, memberId string
= 0-0 flexible 0
memberEpoch int32
previousMemberEpoch int32
state int8
assignedPartitions []
 topicId uuid
 partitions []int32
 assignmentEpochs []int32 #0
partitionsPendingRevocation []
 topicId uuid
 partitions []int32
 assignmentEpochs []int32 #0
10 ShareGroupMemberMetadata: groupId string, memberId string
= 0-0 flexible 0
rackId string
clientId string
clientHost string
subscribedTopicNames []string
11 ShareGroupMetadata: groupId string
= 0-0 flexible 0
epoch int32
metadataHash int64
12 ShareGroupTargetAssignmentMetadata: groupId string
= 0-0 flexible 0
assignmentEpoch int32
assignmentTimestamp ms #0
13 ShareGroupTargetAssignmentMember: groupId string, memberId string
= 0-0 flexible 0
topicPartitions []
 topicId uuid
 partitions []int32
14 ShareGroupCurrentMemberAssignment: groupId string, memberId string
= 0-0 flexible 0
memberEpoch int32
previousMemberEpoch int32
state int8
assignedPartitions []
 topicId uuid
 partitions []int32
15 ShareGroupStatePartitionMetadata: groupId string
= 0-0 flexible 0
initializingTopics []
 topicId uuid
 topicName string
 partitions []int32
initializedTopics []
 topicId uuid
 topicName string
 partitions []int32
deletingTopics []
 topicId uuid
 topicName string
16 ConsumerGroupRegularExpression: groupId string, regularExpression string
= 0-0 flexible 0
topics []string
version int64
timestamp ms
"""
_TRANSACTIONS = """
0 TransactionLog: transactionalId string
= 0-1 flexible 1
producerId int64
previousProducerId int64 #0
nextProducerId int64 #1
producerEpoch int16
nextProducerEpoch int16 #3
transactionTimeoutMs int32
transactionStatus status
transactionPartitions []
 topic string
 partitionIds []int32
transactionLastUpdateTimestampMs ms
transactionStartTimestampMs ms
clientTransactionVersion int16 #2
"""
# The bytes in which a consumer tells its group what it wants, and gets what it shall read.
_PROTOCOLS = """
0 subscription:
= 0-3 flexible 99
topics []string
userData bytes
ownedPartitions [] 1+
 topic string
 partitions []int32
generationId int32 2+
rackId string 3+
1 assignment:
= 0-3 flexible 99
assignedPartitions []
 topic string
 partitions []int32
userData bytes
"""
TOPICS = {"__consumer_offsets": _GROUPS, "__transaction_state": _TRANSACTIONS}
_STATUS = (  # org.apache.kafka.coordinator.transaction.TransactionState
    *("Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "Dead"),
    "PrepareEpochFence",
)


@dataclass(slots=True)
class _Field:
    """`kind` ends in a struct's fields if it is "[]" (an array of them) or "?" (one, or null)."""

    name: str
    kind: str
    first: int
    last: int
    tag: int | None
    fields: list[_Field] = field(default_factory=list)


@dataclass(slots=True)
class _Type:
    name: str
    key: list[_Field]
    last: int = -1  # version of the value
    flexible: int = 0
    fields: list[_Field] = field(default_factory=list)


def key(topic: str, payload: memoryview, limit: int | None) -> tuple[str, Reading]:
    """Name and content of a key of one of TOPICS. Raises Unreadable."""
    kind = _type_of(topic, payload)

    def read(cursor: Cursor) -> None:
        cursor.at = 2
        _struct(cursor, kind.key, 0, flexible=False)

    return f"{kind.name}Key", reading(payload, limit, read)


def value(topic: str, beside: bytes | None, payload: memoryview, limit: int | None) -> tuple[str, Reading]:
    """As `key`; `beside` is the record's key, which says what the value is."""
    if not beside:
        raise Unreadable("only the record's key says what the value is, and there is none")
    kind = _type_of(topic, memoryview(beside))
    version = int.from_bytes(payload[:2], signed=True)
    if not 0 <= version <= kind.last:
        raise Unreadable(f"version {version} of {kind.name}Value is not known; 0 to {kind.last} are")

    def read(cursor: Cursor) -> None:
        cursor.at = 2
        _struct(cursor, kind.fields, version, flexible=version >= kind.flexible)

    return f"{kind.name}Value, version {version}", reading(payload, limit, read)


def _type_of(topic: str, payload: memoryview) -> _Type:
    number = int.from_bytes(payload[:2], signed=True)
    kind = _types(TOPICS[topic]).get(number) if len(payload) >= 2 else None
    if not kind:
        raise Unreadable(f"record type {number} of {topic} is not known")
    return kind


# ---- the tables


@cache
def _types(table: str) -> dict[int, _Type]:
    types: dict[int, _Type] = {}
    waiting: list[_Type] = []  # that have the same values
    for text in re.split(r"\n(?=\d)", table.strip()):
        head, _, rest = text.partition("\n")
        number, name, fields = re.fullmatch(r"(\d+) (\w+):(.*)", head).groups()  # type: ignore[union-attr]
        kind = types[int(number)] = _Type(name, [_field(each.strip()) for each in fields.split(",") if each])
        waiting.append(kind)
        if rest:
            versions, *lines = rest.split("\n")
            _, last, flexible = map(int, re.findall(r"\d+", versions))
            for each in waiting:
                each.last, each.flexible, each.fields = last, flexible, _fields(lines)
            waiting.clear()
    return types


def _fields(lines: list[str]) -> list[_Field]:
    fields: list[_Field] = []
    levels = [fields]
    for line in lines:
        depth = len(line) - len(line.lstrip())
        del levels[depth + 1 :]
        levels[depth].append(_field(line.strip()))
        levels.append(levels[depth][-1].fields)
    return fields


def _field(text: str) -> _Field:
    name, kind, *rest = text.split(" ")
    first, last, tag = 0, 99, None
    for each in rest:
        if each.startswith("#"):
            tag = int(each[1:])
        else:
            start, _, end = each.removesuffix("+").partition("-")
            first, last = int(start), int(end or 99)
    return _Field(name, kind, first, last, tag)


# ---- reading: https://kafka.apache.org/protocol#protocol_types


def _struct(cursor: Cursor, fields: list[_Field], version: int, *, flexible: bool) -> None:
    cursor.deeper()
    plain = [each for each in fields if each.tag is None and each.first <= version <= each.last]
    for n, each in enumerate(plain):
        cursor.out.append(f'{"," if n else "{"}"{each.name}":')
        _read(cursor, each, each.kind, version, flexible=flexible)
    if not plain:
        cursor.out.append("{")
    if flexible:
        _tagged(cursor, {each.tag: each for each in fields}, version)
    cursor.out.append("}")
    cursor.levels -= 1
    cursor.check()


def _tagged(cursor: Cursor, fields: dict[int | None, _Field], version: int) -> None:
    for _ in range(_unsigned(cursor)):
        tag, length = _unsigned(cursor), _unsigned(cursor)
        end = cursor.at + length
        if known := fields.get(tag):
            cursor.out.append(f',"{known.name}":')
            _read(cursor, known, known.kind, version, flexible=True)
        else:
            cursor.out.append(f',"tag {tag}":{scalars.opaque(cursor.take(length))}')
        if cursor.at != end:
            raise Unreadable(f"tagged field {tag} is not {length} bytes long")


def _read(cursor: Cursor, each: _Field, kind: str, version: int, *, flexible: bool) -> None:
    if kind.startswith("[]"):
        _array(cursor, each, kind[2:], version, flexible=flexible)
    elif kind == "" or (kind == "?" and cursor.take(1) == b"\x01"):
        _struct(cursor, each.fields, version, flexible=flexible)
    elif kind in ("string", "bytes", "subscription", "assignment"):
        _sized(cursor, kind, flexible=flexible)
    elif kind == "?":
        cursor.out.append("null")
    else:
        cursor.out.append(_FIXED[kind](cursor))


def _array(cursor: Cursor, each: _Field, kind: str, version: int, *, flexible: bool) -> None:
    number = _unsigned(cursor) - 1 if flexible else _signed(cursor, 4)
    if number < 0:
        cursor.out.append("null")
        return
    if number > cursor.size - cursor.at:
        raise Unreadable(f"{count(number)} items in the {count(cursor.size - cursor.at)} bytes that are left")
    cursor.out.append("[")
    for n in range(number):
        if n:
            cursor.out.append(",")
        _read(cursor, each, kind, version, flexible=flexible)
    cursor.out.append("]")


def _sized(cursor: Cursor, kind: str, *, flexible: bool) -> None:
    length = _unsigned(cursor) - 1 if flexible else _signed(cursor, 2 if kind == "string" else 4)
    if length < 0:
        cursor.out.append("null")
    elif kind == "string":
        cursor.write_text(length)
    else:
        raw = cursor.take(length)
        cursor.out.append((kind != "bytes" and _protocol(raw, kind)) or scalars.opaque(raw))


def _protocol(raw: bytes, name: str) -> str:
    """ "" for other than consumers', such as Kafka Connect's, who use the same place."""
    kind = next(each for each in _types(_PROTOCOLS).values() if each.name == name)
    version = min(int.from_bytes(raw[:2], signed=True), kind.last)  # "new versions cannot remove or reorder"

    def read(cursor: Cursor) -> None:
        cursor.at = 2
        _struct(cursor, kind.fields, version, flexible=False)

    try:
        return reading(memoryview(raw), None, read).text if version >= 0 else ""
    except Unreadable:
        return ""


def _unsigned(cursor: Cursor) -> int:
    value = shift = 0
    while True:
        byte = cursor.byte()
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
        shift += 7
        if shift > 28:
            raise Unreadable(f"a length of more than 32 bits at byte {count(cursor.at)}")


def _signed(cursor: Cursor, length: int) -> int:
    return int.from_bytes(cursor.take(length), signed=True)


def _ms(cursor: Cursor) -> str:
    ms = _signed(cursor, 8)
    return scalars.moment(ms, 3) if ms >= 0 else str(ms)  # -1 is "none"


def _status(cursor: Cursor) -> str:
    number = _signed(cursor, 1)
    return f'"{_STATUS[number]}"' if 0 <= number < len(_STATUS) else str(number)


_FIXED: dict[str, Callable[[Cursor], str]] = {
    "int8": lambda cursor: str(_signed(cursor, 1)),
    "int16": lambda cursor: str(_signed(cursor, 2)),
    "int32": lambda cursor: str(_signed(cursor, 4)),
    "int64": lambda cursor: str(_signed(cursor, 8)),
    "uuid": lambda cursor: f'"{urlsafe_b64encode(cursor.take(16)).decode().rstrip("=")}"',  # as Kafka prints them
    "ms": _ms,
    "status": _status,
}
