"""The exits of a transaction, by errors that brokers give rarely: tried again, aborted, or the end of the run."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError, Producer

from kexplorer.kafka.replay_records import Sendable
from kexplorer.kafka.replay_target import Crash, Target, TryAgainError
from kexplorer.model.failure import Failure, FailureKind
from tests.kafka.replays import committed
from tests.rig.mockcluster import MockCluster

pytestmark = pytest.mark.slow

PRODUCE, ADD_PARTITIONS, END_TXN = 0, 24, 26  # API keys
QUIET = logging.Logger("client")  # what librdkafka says of errors made on purpose
QUIET.addHandler(logging.NullHandler())
ROWS: list[Sendable] = [("orders", b"%d" % n, None, 0, None, None, 1, None) for n in range(3)]


@pytest.fixture
def mock() -> Iterator[MockCluster]:
    with MockCluster() as mock:
        mock.create_topic("orders")
        yield mock


@pytest.fixture
def target(mock: MockCluster) -> Iterator[Target]:
    config = {"bootstrap.servers": mock.bootstrap, "transactional.id": "job", "logger": QUIET}
    target = Target({**config, "error_cb": lambda _: None}, Crash(), lambda: "")
    target.start()
    yield target
    target.close()


def _nothing(_producer: Producer) -> None:
    """No progress to attach."""


@pytest.mark.parametrize(
    ("api_key", "code"),
    [
        (ADD_PARTITIONS, KafkaError.CONCURRENT_TRANSACTIONS),
        (ADD_PARTITIONS, KafkaError.COORDINATOR_LOAD_IN_PROGRESS),
        (PRODUCE, KafkaError.NOT_LEADER_FOR_PARTITION),
        (END_TXN, KafkaError.NOT_COORDINATOR),
        (END_TXN, KafkaError.COORDINATOR_NOT_AVAILABLE),
    ],
)
def test_what_passes_is_tried_again(mock: MockCluster, target: Target, api_key: int, code: int) -> None:
    mock.push_errors(api_key, code)
    target.write(ROWS, _nothing)
    assert [message.value() for message in committed(mock.bootstrap, "orders")] == [b"0", b"1", b"2"]


def test_what_is_aborted_can_be_written_again(mock: MockCluster, target: Target) -> None:
    mock.push_errors(ADD_PARTITIONS, KafkaError.UNKNOWN_PRODUCER_ID)
    with pytest.raises(TryAgainError):
        target.write(ROWS, _nothing)
    target.write(ROWS, _nothing)
    assert [message.value() for message in committed(mock.bootstrap, "orders")] == [b"0", b"1", b"2"]


@pytest.mark.parametrize("api_key", [ADD_PARTITIONS, PRODUCE, END_TXN])
def test_who_is_fenced_ends_and_says_so(mock: MockCluster, target: Target, api_key: int) -> None:
    mock.push_errors(api_key, KafkaError.PRODUCER_FENCED)
    with pytest.raises(Failure, match="This producer was fenced") as raised:
        target.write(ROWS, _nothing)
    assert raised.value.kind is FailureKind.REFUSED


@pytest.mark.parametrize("api_key", [ADD_PARTITIONS, END_TXN])
def test_who_may_not_ends_and_says_what_for(mock: MockCluster, target: Target, api_key: int) -> None:
    mock.push_errors(api_key, KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    with pytest.raises(Failure) as raised:
        target.write(ROWS, _nothing)
    assert raised.value.kind is FailureKind.AUTHORIZATION
