"""ACLs, SCRAM users and quotas as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QObject

from kexplorer.formats.numbers import count, size
from kexplorer.model.access import Acl, PatternType, Permission, Quota, ScramMechanism, ScramUser
from kexplorer.ui.models.rows import Column, RowsModel

ANY = "*"


def _name(acl: Acl) -> str:
    if acl.pattern is PatternType.PREFIXED:
        return f"{acl.name}…"
    return "all" if acl.name == ANY else acl.name


def _host(acl: Acl) -> str:
    return "any" if acl.host == ANY else acl.host


ACLS: tuple[Column[Acl], ...] = (
    Column("Principal", lambda r: r.principal, lambda r: r.principal, 31, tip="Who; User:* is everybody"),
    Column("Permission", lambda r: r.permission.value, lambda r: r.permission, 12),
    Column("Operation", lambda r: r.operation.value, lambda r: r.operation, 15),
    Column("Resource", lambda r: r.resource.value, lambda r: r.resource, 15),
    Column("Name", _name, lambda r: r.name, 30, tip="With “…”: everything whose name begins so"),
    Column("Pattern", lambda r: r.pattern.value, lambda r: r.pattern, 10),
    Column("Host", _host, lambda r: r.host, 14, tip="From where"),
)
_PERMISSION, _PATTERN, _HOST = 1, 5, 6


def _acl_tone(acl: Acl, column: int) -> str:
    if column == _PERMISSION:
        return "bad" if acl.permission is Permission.DENY else "good"
    return "muted" if column in (_PATTERN, _HOST) else "text"


class AclsModel(RowsModel[Acl]):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(ACLS, lambda r: r, str, _acl_tone, parent)


@dataclass(frozen=True, slots=True)
class Credential:
    """One mechanism of a SCRAM user."""

    user: str
    mechanism: ScramMechanism
    iterations: int


def credentials(users: Iterable[ScramUser]) -> list[Credential]:
    return [Credential(user.name, mechanism, number) for user in users for mechanism, number in user.iterations]


CREDENTIALS: tuple[Column[Credential], ...] = (
    Column("User", lambda r: r.user, lambda r: r.user, 36),
    Column("Mechanism", lambda r: r.mechanism.value, lambda r: r.mechanism, 20),
    Column(
        "Iterations",
        lambda r: count(r.iterations),
        lambda r: r.iterations,
        14,
        True,
        "How often the password is hashed: what guessing it costs",
    ),
    Column("Password", lambda _: "kept by the brokers, nobody can read it", lambda _: "", 40),
)
_PASSWORD = 3


class CredentialsModel(RowsModel[Credential]):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(
            CREDENTIALS,
            lambda r: (r.user, r.mechanism),
            lambda r: f"{r.user}, {r.mechanism}",
            lambda _, column: "muted" if column == _PASSWORD else "text",
            parent,
        )


def _bytes(limit: float) -> str:
    return f"{size(limit)}/s"


@dataclass(frozen=True, slots=True)
class Limit:
    """What a quota may limit: Kafka's name of it, a person's, the unit of the number that is sent, and how it reads."""

    key: str
    title: str
    unit: str
    text: Callable[[float], str]


LIMITS = (
    Limit("producer_byte_rate", "Produce", "bytes/s on each broker", _bytes),
    Limit("consumer_byte_rate", "Consume", "bytes/s on each broker", _bytes),
    Limit("request_percentage", "Request time", "% of one thread on each broker", lambda n: f"{n:,g} %"),
    Limit("controller_mutation_rate", "Mutations", "partitions/s made or deleted", lambda n: f"{n:,g}/s"),
    Limit("connection_creation_rate", "Connections", "new connections/s on each broker", lambda n: f"{n:,g}/s"),
)


def limit_of(quota: Quota, key: str) -> float | None:
    return dict(quota.limits).get(key)


def _limit_column(limit: Limit) -> Column[Quota]:
    def text(quota: Quota) -> str:
        number = limit_of(quota, limit.key)
        return "" if number is None else limit.text(number)

    def order(quota: Quota) -> float:
        number = limit_of(quota, limit.key)
        return -1 if number is None else number

    return Column(limit.title, text, order, 14, True, f"{limit.key}: {limit.unit}")


def _entity(part: str | None) -> str:
    return "" if part is None else part or "(default)"


QUOTAS: tuple[Column[Quota], ...] = (
    Column("User", lambda r: _entity(r.entity.user), lambda r: _entity(r.entity.user), 19),
    Column("Client", lambda r: _entity(r.entity.client_id), lambda r: _entity(r.entity.client_id), 19),
    Column("Address", lambda r: _entity(r.entity.ip), lambda r: _entity(r.entity.ip), 13),
    *(_limit_column(limit) for limit in LIMITS),
)


class QuotasModel(RowsModel[Quota]):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(QUOTAS, lambda r: r.entity, lambda r: str(r.entity), lambda _, __: "text", parent)
