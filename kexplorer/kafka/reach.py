"""The way to a broker, one step at a time and without the client library, which tells little of why a step failed:
DNS, TCP, TLS, the first Kafka request. All functions block for at most `limit` seconds, but for `resolve`, which blocks
as long as the system's resolver does. All raise `Failure`."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from datetime import UTC, datetime
from typing import Any

from kexplorer.kafka.checks import Address
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Credentials, Profile

Target = tuple[int, tuple[Any, ...]]  # socket family and the address that connect() takes

_FAMILIES = {"v4": socket.AF_INET, "v6": socket.AF_INET6}
_LARGEST_ANSWER = 1 << 20
_VERIFY_ERRORS = {  # codes of OpenSSL's X509_verify_cert_error_string(3)
    9: ("The certificate of {0} is not valid yet.", "Check the clock of this computer."),
    10: ("The certificate of {0} has expired.", "Whoever runs the cluster has to renew it."),
    18: ("The certificate of {0} is self-signed and not trusted.", "Give that certificate as the CA file."),
    62: ("The certificate of {0} is for another host.", "Connect by a name that the certificate has."),
    64: ("The certificate of {0} is for another address.", "Connect by a name or address that the certificate has."),
}
_NO_TLS = ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")
_TLS_ENDED = (ssl.SSLEOFError, ssl.SSLZeroReturnError)  # without a word; the second is what Python 3.11.2 makes of it


def resolve(address: Address, family: str = "any") -> list[Target]:
    """`family` is that of `broker.address.family`."""
    try:
        found = socket.getaddrinfo(
            address.host, address.port, _FAMILIES.get(family, socket.AF_UNSPEC), socket.SOCK_STREAM
        )
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not a host name"
        raise Failure(
            FailureKind.UNREACHABLE,
            f"The host name “{address.host}” cannot be resolved: {reason}.",
            "Check its spelling, the VPN and the DNS server.",
        ) from None
    return [(each[0], each[4]) for each in found]


def connect(address: Address, targets: list[Target], limit: float) -> tuple[Target, socket.socket]:
    """The first of `targets` that accepts a connection, and that connection."""
    end = time.monotonic() + limit
    failure = Failure(FailureKind.UNREACHABLE, f"{address} has no IP address.")
    for number, target in enumerate(targets):
        share = (end - time.monotonic()) / (len(targets) - number)
        connection = socket.socket(target[0], socket.SOCK_STREAM)
        connection.settimeout(max(share, 0.1))
        try:
            connection.connect(target[1])
        except OSError as error:
            connection.close()
            failure = _not_connected(address, target, error, limit)
        else:
            return target, connection
    raise failure


def _not_connected(address: Address, target: Target, error: OSError, limit: float) -> Failure:
    where = str(address) if target[1][0] == address.host else f"{address} ({target[1][0]})"
    if isinstance(error, TimeoutError):
        return Failure(
            FailureKind.UNREACHABLE,
            f"No answer from {where} within {limit:g} s.",
            "A firewall may drop the packets; check the address, the VPN and the security group.",
        )
    if isinstance(error, ConnectionRefusedError):
        return Failure(
            FailureKind.UNREACHABLE,
            f"Connection refused by {where}.",
            "Nothing listens there: check the port, and whether the broker runs.",
        )
    return Failure(
        FailureKind.UNREACHABLE, f"{where} is not reachable: {error.strerror or error}.", "Check the network."
    )


def tls_context(profile: Profile, credentials: Credentials) -> ssl.SSLContext:
    """Verifies as the client does: chain and host name, always."""
    try:
        context = ssl.create_default_context(cafile=profile.ca_file or None)
    except (ssl.SSLError, OSError):
        raise Failure(
            FailureKind.TLS, f"The CA file {profile.ca_file} holds no certificate.", "Choose a file in PEM form."
        ) from None
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Python's default since 3.13, but not the client's
    if profile.certificate_file:
        try:  # a password of "" keeps OpenSSL from asking at the terminal
            context.load_cert_chain(profile.certificate_file, profile.key_file, credentials.key_password or "")
        except (ssl.SSLError, OSError) as error:
            reason = getattr(error, "reason", None) or error.strerror or "not PEM"
            raise Failure(
                FailureKind.TLS,
                f"The client certificate {profile.certificate_file} or its key cannot be used: {_words(reason)}.",
                "Both must be PEM files and belong together; an encrypted key needs its password.",
            ) from None
    return context


def handshake(address: Address, target: Target, context: ssl.SSLContext, limit: float) -> str:
    """What was agreed on. Waits for the first answer, too: with TLS 1.3 a broker that misses our certificate says so
    only then."""
    _, connection = connect(address, [target], limit)
    with connection:
        try:
            with context.wrap_socket(connection, server_hostname=address.host) as secured:
                agreed = f"{secured.version()}, certificate valid until {_expiry(secured)}"
                _refused_after_all(secured, limit)
                return agreed
        except ssl.SSLCertVerificationError as error:
            raise _untrusted(address, error) from None
        except TimeoutError:
            raise _silent(address, limit) from None
        except OSError as error:
            raise _no_tls(address, error) from None


def _expiry(secured: ssl.SSLSocket) -> str:
    end = (secured.getpeercert() or {}).get("notAfter")
    if not isinstance(end, str):
        return "an unknown date"
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(end), UTC).date().isoformat()


def _refused_after_all(secured: ssl.SSLSocket, limit: float) -> None:
    try:
        _ask(secured, limit)
    except ssl.SSLError as error:
        if not isinstance(error, _TLS_ENDED):
            raise
    except OSError:
        pass  # not TLS's fault; the next step finds out


def _untrusted(address: Address, error: ssl.SSLCertVerificationError) -> Failure:
    message, hint = _VERIFY_ERRORS.get(
        error.verify_code,
        (
            f"The certificate of {{0}} is not trusted: {error.verify_message}.",
            "Give the certificate of the authority that issued it as the CA file.",
        ),
    )
    return Failure(FailureKind.TLS, message.format(address), hint)


def _no_tls(address: Address, error: OSError) -> Failure:
    reason = getattr(error, "reason", None) or ""
    if isinstance(error, (ConnectionError, *_TLS_ENDED)) or reason in _NO_TLS:
        return Failure(
            FailureKind.TLS,
            f"{address} does not speak TLS.",
            "Choose PLAINTEXT or SASL_PLAINTEXT, or the port of a listener with TLS.",
        )
    hint = "Check the TLS versions and ciphers that it allows."
    if "CERTIFICATE" in reason:
        hint = "It may want a client certificate: give a certificate file and its key file."
    return Failure(FailureKind.TLS, f"{address} refused the TLS handshake: {_words(reason or str(error))}.", hint)


def _words(reason: str) -> str:
    return reason.lower().replace("_", " ")


def api_versions(address: Address, target: Target, context: ssl.SSLContext | None, limit: float) -> int:
    """How many kinds of requests the broker knows: proof that it speaks Kafka."""
    _, connection = connect(address, [target], limit)
    with connection:
        try:
            if context is None:
                return _ask(connection, limit)
            with context.wrap_socket(connection, server_hostname=address.host) as secured:
                return _ask(secured, limit)
        except TimeoutError:
            raise _silent(address, limit) from None
        except OSError:
            pass
    if context is None and _speaks_tls(address, target, limit):
        raise Failure(
            FailureKind.TLS,
            f"{address} speaks TLS, but the security protocol of the connection is without.",
            "Choose SSL, or SASL_SSL if it wants a user name.",
        )
    raise Failure(
        FailureKind.UNREACHABLE,
        f"{address} does not answer as a Kafka broker does.",
        "Check the port: another service may listen there.",
    )


def _ask(connection: socket.socket, limit: float) -> int:
    """ApiVersionsRequest, version 0 (KIP-35), which is answered before a login. OSError for an answer that is none."""
    body = struct.pack(">hhih", 18, 0, 1, 9) + b"kexplorer"
    connection.settimeout(limit)
    connection.sendall(struct.pack(">i", len(body)) + body)
    (size,) = struct.unpack(">i", _receive(connection, 4))
    if not 10 <= size <= _LARGEST_ANSWER:
        raise ConnectionError("not an answer of Kafka's")
    correlation, code, count = struct.unpack_from(">ihi", _receive(connection, size))
    if correlation != 1 or code != 0:
        raise ConnectionError("not an answer to this request")
    return int(count)


def _receive(connection: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        piece = connection.recv(count - len(received))
        if not piece:
            raise ConnectionError("closed")
        received += piece
    return received


def _speaks_tls(address: Address, target: Target, limit: float) -> bool:
    """Whether a TLS hello is answered by TLS. Nothing is sent over that connection, so nothing is verified."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with connect(address, [target], limit)[1] as connection, context.wrap_socket(connection):
            return True
    except ssl.SSLError as error:
        return not isinstance(error, _TLS_ENDED) and error.reason not in _NO_TLS
    except (Failure, OSError):
        return False


def _silent(address: Address, limit: float) -> Failure:
    return Failure(
        FailureKind.TIMEOUT,
        f"{address} accepts connections but gave no answer within {limit:g} s.",
        "The broker may be frozen or overloaded, or something between here and there swallows the data.",
    )
