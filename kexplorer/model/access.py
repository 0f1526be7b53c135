"""Who may do what in a cluster, and how much of it: ACLs, SCRAM users, quotas, in Kafka's own words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AclResource(StrEnum):
    TOPIC = "Topic"
    GROUP = "Group"
    CLUSTER = "Cluster"
    TRANSACTIONAL_ID = "TransactionalId"
    DELEGATION_TOKEN = "DelegationToken"  # noqa: S105 - a kind of resource
    USER = "User"


class PatternType(StrEnum):
    LITERAL = "Literal"
    PREFIXED = "Prefixed"


class AclOperation(StrEnum):
    ALL = "All"
    READ = "Read"
    WRITE = "Write"
    CREATE = "Create"
    DELETE = "Delete"
    ALTER = "Alter"
    DESCRIBE = "Describe"
    CLUSTER_ACTION = "ClusterAction"
    DESCRIBE_CONFIGS = "DescribeConfigs"
    ALTER_CONFIGS = "AlterConfigs"
    IDEMPOTENT_WRITE = "IdempotentWrite"
    CREATE_TOKENS = "CreateTokens"
    DESCRIBE_TOKENS = "DescribeTokens"


class Permission(StrEnum):
    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True, slots=True, order=True)
class Acl:
    """`principal` as in "User:alice" or "User:*"; `name` of the resource, "*" for all; `host` "*" for any."""

    principal: str
    resource: AclResource
    name: str
    operation: AclOperation
    permission: Permission = Permission.ALLOW
    pattern: PatternType = PatternType.LITERAL
    host: str = "*"

    def __str__(self) -> str:
        pattern = "" if self.pattern is PatternType.LITERAL else f"{self.pattern} "
        where = "" if self.host == "*" else f" from {self.host}"
        return f"{self.principal} {self.permission} {self.operation} on {self.resource} {pattern}{self.name}{where}"


class ScramMechanism(StrEnum):
    SHA_256 = "SCRAM-SHA-256"
    SHA_512 = "SCRAM-SHA-512"


@dataclass(frozen=True, slots=True)
class ScramUser:
    """`iterations` of each mechanism that the user has; its passwords nobody can read."""

    name: str
    iterations: tuple[tuple[ScramMechanism, int], ...]


@dataclass(frozen=True, slots=True)
class QuotaEntity:
    """Whom a quota is for: "" stands for the default of all users, clients or addresses, None for "not looked at"."""

    user: str | None = None
    client_id: str | None = None
    ip: str | None = None

    def __str__(self) -> str:
        parts = (("user", self.user), ("client", self.client_id), ("address", self.ip))
        return ", ".join(f"{kind} {name or '(default)'}" for kind, name in parts if name is not None)


@dataclass(frozen=True, slots=True)
class Quota:
    """`limits` by Kafka's names: producer_byte_rate and consumer_byte_rate in bytes/s a broker, request_percentage,
    controller_mutation_rate in partitions/s, connection_creation_rate in connections/s."""

    entity: QuotaEntity
    limits: tuple[tuple[str, float], ...]
