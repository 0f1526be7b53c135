"""A Schema Registry's HTTP interface, for reading: Confluent's, or that of any other that answers alike.

https://docs.confluent.io/platform/current/schema-registry/develop/api.html
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.schemas import RegistryAccess, SchemaFormat, SchemaKey, SchemaText, SubjectVersion

SECONDS = 10.0  # an answer may take, from the first byte of the question to its own last
_MOST_BYTES = 1_000_000  # of an answer
_MOST_REFERENCES = 200  # of a schema, with those of its references
_MOST_REDIRECTS = 3  # within the same host
_FORMATS = {"AVRO": SchemaFormat.AVRO, "PROTOBUF": SchemaFormat.PROTOBUF, "JSON": SchemaFormat.JSON}


class RegistryClient:
    """Each call waits for an answer, up to `seconds`, and raises `Failure`. Calls may come from several threads."""

    def __init__(self, access: RegistryAccess, seconds: float = SECONDS) -> None:
        self.access = access
        self._seconds = seconds
        self._base = check_url(access.url)
        if not access.username and not (access.password.isascii() and access.password.isprintable()):
            raise Failure(FailureKind.INVALID, "The registry's token has a character that no header can have.")
        self._tls = _tls_context(access.ca_file) if self._base.scheme == "https" else None

    def schema(self, key: SchemaKey, *, compiled: bool = False) -> SchemaText:
        """With all that it refers to. `compiled`: a Protobuf schema as a descriptor, where the registry can."""
        path = f"/schemas/ids/{key}" if isinstance(key, int) else f"/schemas/guids/{key}"
        answer = self._object(f"{path}?format=serialized" if compiled else path)
        references: dict[str, str | bytes] = {}
        self._collect(answer, references, time.monotonic() + 3 * self._seconds, compiled=compiled)
        return SchemaText(_format(answer), _text(answer, compiled=compiled), tuple(references.items()))

    def subjects(self) -> list[str]:
        answer = self._get("/subjects")
        if not isinstance(answer, list) or not all(isinstance(each, str) for each in answer):
            raise self._odd("no list of subjects")
        return answer

    def versions(self, subject: str) -> tuple[int, ...]:
        """In the order in which they came; none of a subject that the registry doesn't have."""
        try:
            answer = self._get(f"/subjects/{quote(subject, safe='')}/versions")
        except Failure as failure:
            if failure.kind is FailureKind.NOT_FOUND:
                return ()
            raise
        if not isinstance(answer, list) or not all(isinstance(each, int) for each in answer):
            raise self._odd("no list of versions")
        return tuple(answer)

    def version(self, subject: str, version: int) -> SubjectVersion:
        answer = self._object(f"/subjects/{quote(subject, safe='')}/versions/{version}")
        try:
            references = tuple((str(r["subject"]), int(r["version"])) for r in answer.get("references") or ())
            number = int(answer["id"])
        except (TypeError, KeyError, ValueError):
            raise self._odd("a version without an id, or with an odd reference") from None
        return SubjectVersion(subject, version, number, _format(answer), str(answer["schema"]), references)

    def compatibility(self, subject: str) -> str:
        """As BACKWARD: what a new version is held to, by the subject's own setting or else the registry's. "" where the
        registry doesn't tell."""
        try:
            answer = self._get(f"/config/{quote(subject, safe='')}?defaultToGlobal=true")
        except Failure as failure:
            if failure.kind in (FailureKind.NOT_FOUND, FailureKind.AUTHORIZATION):
                return ""
            raise
        return str(answer.get("compatibilityLevel", ""))[:50] if isinstance(answer, dict) else ""

    def _collect(
        self, answer: dict[str, Any], found: dict[str, str | bytes], deadline: float, *, compiled: bool
    ) -> None:
        """What a schema refers to, each behind its own references."""
        references = answer.get("references") or []
        if not isinstance(references, list):
            raise self._odd("references that are no list")
        for each in references:
            try:
                name, subject, version = str(each["name"]), str(each["subject"]), int(each["version"])
            except (TypeError, KeyError, ValueError):
                raise self._odd("a reference without name, subject and version") from None
            if name in found:
                continue
            if len(found) >= _MOST_REFERENCES:
                raise self._odd(f"a schema with more than {_MOST_REFERENCES} references")
            if time.monotonic() > deadline:
                raise self._unreachable(TimeoutError())
            found[name] = ""  # so that a circle ends
            path = f"/subjects/{quote(subject, safe='')}/versions/{version}"
            inner = self._object(f"{path}?format=serialized" if compiled else path)
            self._collect(inner, found, deadline, compiled=compiled)
            del found[name]
            found[name] = _text(inner, compiled=compiled)

    def _object(self, path: str) -> dict[str, Any]:
        answer = self._get(path)
        if not isinstance(answer, dict) or not isinstance(answer.get("schema"), str):
            raise self._odd("an answer without a schema")
        return answer

    def _get(self, path: str) -> Any:
        url = self._base.geturl() + path
        for _ in range(1 + _MOST_REDIRECTS):
            status, where, body = self._ask(url)
            if status not in (301, 302, 303, 307, 308):
                break
            try:
                url = urljoin(url, where)
                elsewhere = _origin(urlsplit(url)) != _origin(self._base)
            except ValueError:
                elsewhere, url = True, where
            if elsewhere:
                raise Failure(
                    FailureKind.REFUSED,
                    f"The registry at {self.access.url} sends elsewhere: {url[:200]}.",
                    "Another host is not asked. If that is where it is now, change the connection.",
                )
        if status != 200:
            raise self._refused(status, body)
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise self._odd("no JSON") from None

    def _ask(self, url: str) -> tuple[int, str, bytes]:
        """Status, Location and body. Knows no proxy and no environment variable."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        connection = (
            http.client.HTTPSConnection(host, port, timeout=self._seconds, context=self._tls)
            if self._tls
            else http.client.HTTPConnection(host, port, timeout=self._seconds)
        )
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        try:
            with _at_most(self._seconds, connection):
                connection.request("GET", path, headers=self._headers())
                with connection.getresponse() as response:
                    body = response.read(_MOST_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from None
        if len(body) > _MOST_BYTES:
            raise self._odd(f"more than {_MOST_BYTES // 1_000_000} MB")
        return response.status, response.getheader("Location", ""), body

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/vnd.schemaregistry.v1+json, application/json", "User-Agent": "kexplorer"}
        access = self.access
        if access.username:
            pair = base64.b64encode(f"{access.username}:{access.password}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        elif access.password:
            headers["Authorization"] = f"Bearer {access.password}"
        return headers

    def _odd(self, what: str) -> Failure:
        return Failure(FailureKind.UNREADABLE, f"The registry at {self.access.url} sent {what}.", "Check its address.")

    def _refused(self, status: int, body: bytes) -> Failure:
        kinds = {401: FailureKind.AUTHENTICATION, 403: FailureKind.AUTHORIZATION, 404: FailureKind.NOT_FOUND}
        said = body[:300].decode("utf-8", "replace")
        try:
            said = str(json.loads(body)["message"])[:300]
        except (ValueError, RecursionError, TypeError, KeyError):
            said = "" if said.lstrip().startswith("<") else said
        words = f"The registry at {self.access.url} answered {status}" + (f": {said}" if said.strip() else "")
        return Failure(kinds.get(status, FailureKind.BROKER), words.rstrip(".") + ".")

    def _unreachable(self, error: Exception) -> Failure:
        where = f"The registry at {self.access.url}"
        if isinstance(error, TimeoutError):
            return Failure(FailureKind.TIMEOUT, f"{where} did not answer within {self._seconds:g} s.")
        if isinstance(error, ssl.SSLCertVerificationError):
            hint = "Choose the CA file that signed its certificate."
            return Failure(FailureKind.TLS, f"{where} is not trusted: {error.verify_message}.", hint)
        if isinstance(error, ssl.SSLError):
            return Failure(FailureKind.TLS, f"{where} does not speak TLS: {error.reason or error}.")
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Failure(FailureKind.UNREACHABLE, f"{where} is not reachable: {reason}.")


@contextmanager
def _at_most(seconds: float, connection: http.client.HTTPConnection) -> Iterator[None]:
    """Connects, and closes in the end; TimeoutError for what takes longer as a whole. (The timeout of a socket starts
    again with each byte that trickles in.)"""
    too_late = threading.Event()
    connected: list[socket.socket] = []  # the connection forgets its socket once it has the headers

    def give_up() -> None:
        too_late.set()
        with suppress(OSError):  # it may just have ended
            for each in connected or filter(None, [connection.sock]):
                each.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        connection.connect()
        connected.append(connection.sock)
        yield
    except (OSError, http.client.HTTPException):
        if not too_late.is_set():
            raise
    finally:
        timer.cancel()
        connection.close()
        timer.join()
    if too_late.is_set():
        raise TimeoutError


def check_url(url: str) -> SplitResult:
    """Without a slash at its end. `Failure` for what no password should be sent to."""
    try:
        parts = urlsplit(url.strip().rstrip("/"))
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = SplitResult("", "", "", "", ""), None
    strange = parts.username is not None or parts.password is not None or parts.query or parts.fragment
    if parts.scheme not in ("http", "https") or not host or strange or not url.isprintable() or not url.isascii():
        raise Failure(
            FailureKind.INVALID,
            "The registry's address is not understood.",
            "Write https://host:port, without a user name in it.",
        )
    if parts.scheme == "http" and not _is_loopback(host):
        raise Failure(
            FailureKind.REFUSED,
            f"The registry's address {parts.geturl()} is not https.",
            "Without TLS only this machine itself is asked.",
        )
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    """Raises ValueError for a port that is none."""
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _tls_context(ca_file: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except (ssl.SSLError, OSError):
        words = f"The registry's CA file {ca_file} holds no certificate."
        raise Failure(FailureKind.TLS, words, "Choose a file in PEM form.") from None
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Python's default since 3.13; brokers are not held to it either
    return context


def _format(answer: dict[str, Any]) -> SchemaFormat:
    kind = answer.get("schemaType") or "AVRO"  # which is left out
    if kind not in _FORMATS:
        raise Failure(FailureKind.UNSUPPORTED, f"The registry has a schema of the type {str(kind)[:50]}.")
    return _FORMATS[kind]


def _text(answer: dict[str, Any], *, compiled: bool) -> str | bytes:
    text: str = answer["schema"]
    if compiled:
        try:
            return base64.b64decode(text, validate=True)
        except ValueError:  # it knows no other form than text
            return text
    return text
