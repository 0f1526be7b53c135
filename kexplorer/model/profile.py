"""A connection profile: how to reach one cluster. Secrets are references, never values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from kexplorer.model.failure import Failure, FailureKind


class SecurityProtocol(StrEnum):
    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"

    @property
    def tls(self) -> bool:
        return self in (SecurityProtocol.SSL, SecurityProtocol.SASL_SSL)

    @property
    def sasl(self) -> bool:
        return self in (SecurityProtocol.SASL_PLAINTEXT, SecurityProtocol.SASL_SSL)


class SaslMechanism(StrEnum):
    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


class SecretStore(StrEnum):
    KEYRING = "keyring"  # the operating system's
    ENVIRONMENT = "env"
    ASK = "ask"  # asked at connect, kept in memory only


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is. Written as `keyring:NAME`, `env:VARIABLE` or `ask:`."""

    store: SecretStore
    name: str

    def __str__(self) -> str:
        return f"{self.store}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> SecretRef:
        store, colon, name = text.partition(":")
        known = store in {kind.value for kind in SecretStore}
        if not colon or not known or (not name and store != SecretStore.ASK):
            raise Failure(
                FailureKind.INVALID,
                "A secret must be given by reference.",
                "Write keyring:NAME, env:VARIABLE or ask: instead of the secret itself.",
            )
        return cls(SecretStore(store), name)


COLOURS = ("blue", "amber", "green", "violet", "red", "cyan", "lime", "pink")


@dataclass(frozen=True, slots=True)
class Profile:
    """`name` is unique. `bootstrap` is a comma-separated list of host:port. Files are PEM, by absolute path.
    `production`: what destroys something there must be confirmed by typing its name.
    `properties` are further librdkafka properties, checked against the gateway's allow-list when used.
    `registry_url` is a Schema Registry's ("" for none); its password without a user name is a bearer token."""

    name: str
    bootstrap: str
    security_protocol: SecurityProtocol = SecurityProtocol.PLAINTEXT
    sasl_mechanism: SaslMechanism = SaslMechanism.SCRAM_SHA_512
    username: str = ""
    password: SecretRef | None = None
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    key_password: SecretRef | None = None
    colour: str = COLOURS[0]
    read_only: bool = False
    production: bool = False
    properties: dict[str, str] = field(default_factory=dict)
    registry_url: str = ""
    registry_username: str = ""
    registry_password: SecretRef | None = None
    registry_ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A profile's secrets, resolved. Lives in memory only and never shows its values."""

    password: str = field(default="", repr=False)
    key_password: str = field(default="", repr=False)
    registry_password: str = field(default="", repr=False)
