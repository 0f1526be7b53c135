"""Records that are to be sent, and what became of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple, Protocol

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.records import Header
from kexplorer.model.schemas import SchemaChoice


class Outgoing(NamedTuple):
    """A record to send, byte for byte. `key`/`value` None is Kafka's null, which differs from b""; a text is sent as
    UTF-8. `headers` keep order, duplicates and null values. `partition` None: the partitioner chooses. `timestamp` is
    milliseconds since 1970, None: when it is sent."""

    topic: str
    key: bytes | str | None = None
    value: bytes | str | None = None
    headers: Iterable[Header | tuple[str, str]] = ()
    partition: int | None = None
    timestamp: int | None = None


def payload_size(outgoing: Outgoing) -> int:
    """Bytes of key and value; of a text its characters, which is less where it is not ASCII."""
    return len(outgoing.key or b"") + len(outgoing.value or b"")


def payloads_size(records: Sequence[Outgoing]) -> int:
    """The sum of their `payload_size`, without a call of Python for each."""
    return sum(sum(map(len, filter(None, map(itemgetter(part), records)))) for part in (1, 2))


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one record. `number` is its place in the order of sending, from 0. Without `failure` the broker
    has acknowledged it (with acks=0: it was handed to the network, and `offset` is None). `latency` is the milliseconds
    from its sending."""

    number: int
    partition: int | None
    offset: int | None
    latency: float
    failure: Failure | None = None


class Deliveries:
    """A list of deliveries as columns: indexing builds a `Delivery`. They are in the order in which they came, which
    is not that of sending."""

    __slots__ = ("failures", "latencies", "numbers", "offsets", "partitions")

    def __init__(self) -> None:
        self.numbers = array("q")
        self.partitions = array("i")  # -1: unknown
        self.offsets = array("q")  # -1: none
        self.latencies = array("f")  # milliseconds
        self.failures: dict[int, Failure] = {}  # by number

    def add(self, number: int, partition: int, offset: int, latency: float) -> None:
        self.numbers.append(number)
        self.partitions.append(partition)
        self.offsets.append(offset)
        self.latencies.append(latency)

    def add_failure(self, number: int, failure: Failure, partition: int = -1, latency: float = 0.0) -> None:
        self.failures[number] = failure
        self.add(number, partition, -1, latency)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, row: int) -> Delivery:
        number, partition, offset = self.numbers[row], self.partitions[row], self.offsets[row]
        return Delivery(
            number,
            None if partition < 0 else partition,
            None if offset < 0 else offset,
            self.latencies[row],
            self.failures.get(number),
        )

    def __iter__(self) -> Iterator[Delivery]:
        return (self[row] for row in range(len(self)))


class RowTrouble(NamedTuple):
    """Why a row of an input cannot be sent. `row` counts from 1; `place` says where it is, such as "line 7"."""

    row: int
    place: str
    failure: Failure


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Rows of an input: `rows[i]` is the number of the row that `outgoing[i]` was made of."""

    outgoing: list[Outgoing]
    rows: array[int]
    troubles: list[RowTrouble]


class Rows(Protocol):
    """An input that is read once, from its beginning. Its calls may wait for a disk: they belong in a thread."""

    def next(self, most: int) -> RowBatch | None:
        """About `most` further rows; None behind the last. Raises `Failure` for an input that cannot be read."""
        ...

    def close(self) -> None: ...


class RowsSource(Protocol):
    """An input that can be read again."""

    @property
    def name(self) -> str: ...

    def open(self) -> Rows: ...


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """A message as a person wrote it, for any topic where `topic` is "". Key, value and headers may hold ${...}; they
    are in their format: "text", "json", "hex", "base64", or, as JSON by the chosen schema, "avro", "protobuf" or
    "json_schema". `partition` is "", a number, or an expression."""

    topic: str = ""
    key: str | None = None
    value: str | None = None
    headers: tuple[tuple[str, str | None], ...] = ()
    partition: str = ""
    key_format: str = "text"
    value_format: str = "text"
    key_schema: SchemaChoice | None = None
    value_schema: SchemaChoice | None = None


@dataclass(frozen=True, slots=True)
class ProducerSettings:
    """`properties` are librdkafka's names and values as a person writes them; what is not among them is set as the
    preset "durable" says: acks=all, idempotent, Java's partitioner. With a `transactional_id` the writer sends within
    transactions only."""

    properties: Mapping[str, str] = field(default_factory=dict)
    transactional_id: str = ""


def refuse_writing(profile: Profile) -> None:
    """Raises `Failure`(REFUSED) where the profile forbids changes."""
    if profile.read_only:
        raise Failure(
            FailureKind.REFUSED,
            f"Sending is refused: the profile {profile.name} is read-only. Nothing was sent.",
            "Allow changes in the profile if you mean to write to this cluster.",
        )
