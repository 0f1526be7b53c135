"""Which permissions of a replay a login lacks, as far as brokers tell it without anything being changed (KIP-430)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from confluent_kafka import KafkaError

from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.replaying import Side
from kexplorer.kafka.second_client import library
from kexplorer.kafka.second_config import client_config
from kexplorer.model.access import AclOperation, AclResource
from kexplorer.model.profile import SecurityProtocol

_SECONDS = 10.0  # of a call
_NUMBERS = {AclOperation.READ: 3, AclOperation.WRITE: 4}
_ALL = frozenset(_NUMBERS.values())
_DENIED = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)

W = TypeVar("W", bound=tuple[AclResource, str, AclOperation])


def lacking(side: Side, wanted: Iterable[W]) -> list[W]:
    """Those of `wanted`, all Read or Write, that the login has not. Nothing is told of a topic that is not there, and
    only Describe of a transactional id: who lacks that lacks Write. Who does not log in is not asked for. Waits for the
    brokers. Raises `Failure`."""
    if side.profile.security_protocol is SecurityProtocol.PLAINTEXT:
        return []
    connection = library().Connection(client_config(side.profile, side.credentials))
    try:
        connection.bootstrap(_SECONDS).result(_SECONDS)
        asks = _Asks(connection)
        return [each for each in wanted if not asks.may(*each)]
    except Exception as error:
        raise failure_of(error, "Looking at permissions") from error
    finally:
        connection.close()


class _Asks:
    """Asks for each resource once."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._known: dict[tuple[AclResource, str], frozenset[int]] = {}

    def may(self, resource: AclResource, name: str, operation: AclOperation) -> bool:
        if (resource, name) not in self._known:
            self._known[resource, name] = self._operations(resource, name)
        return _NUMBERS[operation] in self._known[resource, name]

    def _operations(self, resource: AclResource, name: str) -> frozenset[int]:
        """All where nothing is told."""
        from kexplorer.kafka.protocol import permissions as by  # noqa: PLC0415  (as `library` has it)

        broker = None
        if resource is not AclResource.TOPIC:
            found = self._ask(by.coordinator(name, transactional=resource is AclResource.TRANSACTIONAL_ID))
            if found.error_code:
                return frozenset() if found.error_code in _DENIED else _ALL
            broker = found.node_id
        if resource is AclResource.TRANSACTIONAL_ID:
            return _ALL
        told = by.told(self._ask(by.topic(name) if broker is None else by.group(name), broker))
        if told.error_code in _DENIED:
            return frozenset()
        return _ALL if told.error_code or told.authorized_operations is None else frozenset(told.authorized_operations)

    def _ask(self, request: Any, broker: int | None = None) -> Any:
        return self._connection.send(request, broker).result(_SECONDS)
