"""What went wrong, in words a person can act on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FailureKind(StrEnum):
    UNREACHABLE = "unreachable"  # DNS, TCP, no broker answers
    TIMEOUT = "timeout"  # a broker is there but did not answer in time
    TLS = "tls"
    AUTHENTICATION = "authentication"
    AUTHORIZATION = "authorization"
    NOT_FOUND = "not found"
    INVALID = "invalid"  # the input cannot be sent: names the input and the remedy
    REFUSED = "refused"  # a read-only profile, or the broker's policy
    UNSUPPORTED = "unsupported"
    UNREADABLE = "unreadable"  # a record or batch that cannot be decoded
    BROKER = "broker"  # any other error code of the broker


@dataclass(eq=False)
class Failure(Exception):  # noqa: N818  (it is shown as often as it is raised)
    """Raised or stored wherever an operation, or one item of it, did not succeed.

    `message` says what failed and why, `hint` what to try; both are plain text.
    """

    kind: FailureKind
    message: str
    hint: str = ""

    def __post_init__(self) -> None:
        super().__init__(self.kind, self.message, self.hint)  # so that it survives pickling between processes

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()
