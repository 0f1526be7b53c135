"""What a string must be before it reaches the client library, which aborts the process on some and silently changes
others: a lone surrogate, a NUL, a blank group id. Each function returns its input or raises `Failure`(INVALID) that
names the input and the remedy."""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from typing import NamedTuple

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topic_settings import check_topic_name

MAX_FILE_BYTES = 1 << 20  # of a certificate, key or revocation list
_SHORT = (1 << 15) - 1  # bytes of a short string of the protocol
_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
_CUT_BLANKS = " \t\n\v\f\r"  # C's isspace(): librdkafka cuts these off the start of every value


class Address(NamedTuple):
    """A broker's host name or IP address (without brackets) and TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def invalid(message: str, hint: str = "") -> Failure:
    return Failure(FailureKind.INVALID, message, hint)


def text(value: object, what: str) -> str:
    """Any text that C and Kafka can carry, the empty one included. `what` names the input: "The header key"."""
    if type(value) is not str:
        raise invalid(f"{what} must be text, not {type(value).__name__}.")
    if "\0" in value:
        raise invalid(f"{what} contains a NUL character.", "Remove it: Kafka's clients end a text there.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        bad = f"U+{ord(value[error.start]):04X}"
        raise invalid(
            f"{what} contains {bad} at character {error.start + 1}, half of a surrogate pair.",
            "Remove it: it cannot be written as UTF-8.",
        ) from None
    return value


def name(value: object, what: str) -> str:
    """A text with at least one visible character."""
    if not text(value, what).strip():
        raise invalid(f"{what} is empty.", "Enter a name.")
    return str(value)


def topic_name(value: object) -> str:
    topic = name(value, "The topic name")
    check_topic_name(topic)
    return topic


def group_id(value: object) -> str:
    return short_name(value, "The group id")


def short_name(value: object, what: str) -> str:
    """What the protocol has a short string for."""
    if len(name(value, what).encode()) > _SHORT:
        raise invalid(f"{what} is longer than the {_SHORT} bytes that Kafka's protocol can carry.")
    return str(value)


def secret(value: object, what: str) -> str:
    """A password, user name or path as the client takes it: not empty, and not one that it would shorten."""
    given = text(value, what)
    if not given:
        raise invalid(f"{what} is empty.", "Enter one.")
    if given[0] in _CUT_BLANKS:
        raise invalid(
            f"{what} starts with a blank, which the Kafka client cuts off.",
            "Remove the blank, or change the secret on the broker to one that starts with another character.",
        )
    return given


def file(path: object, what: str) -> str:
    """The absolute path of a regular file of at most 1 MB. Reads the directory entry, so it may take as long as a
    disk does."""
    given = secret(path, what)
    if not os.path.isabs(given):
        raise invalid(f"{what} “{given}” is not an absolute path.", "Choose the file with the button beside the field.")
    try:
        found = os.stat(given)
    except OSError as error:
        raise invalid(f"{what} “{given}” cannot be read: {error.strerror}.", "Choose another file.") from None
    if not stat.S_ISREG(found.st_mode):
        raise invalid(f"{what} “{given}” is not a regular file.", "Choose a file in PEM form.")
    if found.st_size > MAX_FILE_BYTES:
        raise invalid(f"{what} “{given}” is larger than 1 MB.", "Choose a file in PEM form.")
    if not os.access(given, os.R_OK):
        raise invalid(f"{what} “{given}” may not be read by you.", "Change the file's permissions.")
    return given


def bootstrap(value: object) -> tuple[Address, ...]:
    """`host:port,[::1]:9092` as addresses, in order, each once."""
    what = "The list of bootstrap servers"
    if not text(value, what).strip():
        raise invalid(f"{what} is empty.", "Write host:port, such as localhost:9092.")
    pieces = [piece.strip() for piece in str(value).split(",")]
    return tuple(dict.fromkeys(_address(piece) for piece in pieces))


def _address(piece: str) -> Address:
    if not piece:
        raise invalid("The list of bootstrap servers has an empty entry.", "Remove the extra comma.")
    if "://" in piece:
        raise invalid(f"“{piece}” names a protocol.", "Write host:port only; the protocol has its own field.")
    host, colon, port = piece.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or (piece.startswith("[") and piece.endswith("]")):
        raise invalid(f"“{piece}” has no port.", f"Write {piece}:9092, or the port of your listener.")
    if not bracketed and ":" in host:
        raise invalid(f"“{piece}” is not host:port.", "Put an IPv6 address in brackets: [::1]:9092.")
    if not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65535 and len(port) <= 5):
        raise invalid(f"“{piece}”: “{port}” is not a port.", "A port is a number from 1 to 65535.")
    return Address(_ipv6(host[1:-1], piece) if bracketed else _host(host, piece), int(port))


def _ipv6(host: str, piece: str) -> str:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        raise invalid(f"“{piece}”: “{host}” is not an IPv6 address.", "Write it like [2001:db8::1]:9092.") from None
    return host


def _host(host: str, piece: str) -> str:
    if not host:
        raise invalid(f"“{piece}” has no host.", "Write host:port.")
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise invalid(
            f"“{piece}”: “{host}” is not a host name.",
            "A host name has letters and digits of ASCII, dots and hyphens; write others in their xn-- form.",
        )
    return host
