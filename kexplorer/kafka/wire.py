"""A connection to one broker without the client library: TLS, login, and answers as bytes, each in the order of the
questions. Blocks. What goes wrong is an OSError, a Failure or a ValueError, and says less than that library would.

Protocol: https://kafka.apache.org/protocol
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import socket
import ssl
import struct

from kexplorer.kafka import reach
from kexplorer.kafka.checks import Address
from kexplorer.model.profile import Credentials, Profile, SaslMechanism

FETCH, METADATA = 1, 3
_SASL_HANDSHAKE, _API_VERSIONS, _SASL_AUTHENTICATE = 17, 18, 36
# Known since Kafka 2.1. Later ones of FETCH are answered by followers as well.
VERSIONS = {FETCH: 10, METADATA: 4, _SASL_HANDSHAKE: 1, _API_VERSIONS: 0, _SASL_AUTHENTICATE: 0}
_PATIENCE = 5.0  # seconds for each answer
_LARGEST = 100 << 20  # bytes of an answer; the client library's limit is the same
_MOST_ROUNDS = 1_000_000  # of a SCRAM login: a broker could ask for years of them


def text(of: str) -> bytes:
    encoded = of.encode()
    return struct.pack(">h", len(encoded)) + encoded


class Cursor:
    """Reads fields one after the other. struct.error or ValueError behind the end."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def number(self, form: str) -> int:
        """`form` is one letter of `struct`."""
        (number,) = struct.unpack_from(f">{form}", self._data, self._at)
        self._at += struct.calcsize(f">{form}")
        return int(number)

    def text(self) -> str:
        """ "" for null."""
        return str(self._take(self.number("h")), "utf-8")

    def data(self) -> memoryview:
        """Empty for null."""
        return self._take(self.number("i"))

    def count(self) -> range:
        """As many as an array has; a null has none."""
        return range(self.number("i"))

    def _take(self, length: int) -> memoryview:
        end = self._at + max(length, 0)
        if end > len(self._data):
            raise ValueError("an answer that ends too early")
        taken, self._at = self._data[self._at : end], end
        return taken


class Connection:
    """Logged in, to a broker that knows all the requests that are asked here."""

    def __init__(
        self, address: Address, profile: Profile, credentials: Credentials, context: ssl.SSLContext | None
    ) -> None:
        self._client = text(profile.properties.get("client.id", "kexplorer"))
        self._room = bytearray(1 << 16)
        self._asked = self._answered = 0
        family = profile.properties.get("broker.address.family", "any")
        self._socket = reach.connect(address, reach.resolve(address, family), _PATIENCE)[1]
        try:
            self._socket.settimeout(_PATIENCE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context:
                self._socket = context.wrap_socket(self._socket, server_hostname=address.host)
            self._check_versions()
            if profile.security_protocol.sasl:
                self._log_in(profile, credentials)
        except BaseException:
            self.close()
            raise

    def __del__(self) -> None:
        if hasattr(self, "_socket"):
            self.close()

    def close(self) -> None:
        self._socket.close()

    def ask(self, api: int, body: bytes) -> None:
        """Answers to earlier questions that nobody took are passed over."""
        while self._answered < self._asked:
            self.answer()
        self._asked += 1
        head = struct.pack(">hhi", api, VERSIONS[api], self._asked) + self._client
        self._socket.sendall(struct.pack(">i", len(head) + len(body)) + head + body)

    def answer(self) -> Cursor:
        """Its memory is used again by the next one."""
        self._receive(8)
        length, number = struct.unpack_from(">ii", self._room)
        self._answered += 1
        if number != self._answered or not 4 <= length <= _LARGEST:
            raise ValueError("not an answer to this question")
        return Cursor(self._receive(length - 4))

    def _receive(self, count: int) -> memoryview:
        if count > len(self._room):
            self._room = bytearray(count + (count >> 2))
        wanted = memoryview(self._room)[:count]
        at = 0
        while at < count:
            received = self._socket.recv_into(wanted[at:])
            if not received:
                raise ConnectionError("the broker closed the connection")
            at += received
        return wanted

    def _check_versions(self) -> None:
        self.ask(_API_VERSIONS, b"")
        answer = self.answer()
        if answer.number("h"):
            raise ValueError("the broker does not tell what it knows")
        known = {answer.number("h"): (answer.number("h"), answer.number("h")) for _ in answer.count()}
        for api in (FETCH, METADATA):
            least, most = known.get(api, (1, 0))
            if not least <= VERSIONS[api] <= most:
                raise ValueError("the broker is too old or too new")

    def _log_in(self, profile: Profile, credentials: Credentials) -> None:
        self.ask(_SASL_HANDSHAKE, text(profile.sasl_mechanism))
        if self.answer().number("h"):
            raise ValueError("the broker does not know this SASL mechanism")
        user, password = profile.username, credentials.password
        if profile.sasl_mechanism is SaslMechanism.PLAIN:
            self._authenticate(f"\0{user}\0{password}".encode())
        else:
            self._scram(user, password, "sha256" if profile.sasl_mechanism is SaslMechanism.SCRAM_SHA_256 else "sha512")

    def _scram(self, user: str, password: str, digest: str) -> None:
        """RFC 5802. As the client library and Kafka itself do, passwords are taken as they are."""
        nonce = secrets.token_urlsafe(24)
        first = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={nonce}"
        challenge = self._authenticate(f"n,,{first}".encode())
        told = dict(each.split("=", 1) for each in challenge.decode().split(","))
        rounds = int(told["i"])
        if not told["r"].startswith(nonce) or not 0 < rounds <= _MOST_ROUNDS:
            raise ValueError("a wrong challenge")
        salted = hashlib.pbkdf2_hmac(digest, password.encode(), base64.b64decode(told["s"]), rounds)
        last = f"c=biws,r={told['r']}"
        signed = f"{first},{challenge.decode()},{last}".encode()
        key = hmac.digest(salted, b"Client Key", digest)
        signature = hmac.digest(hashlib.new(digest, key).digest(), signed, digest)
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True))).decode()
        final = self._authenticate(f"{last},p={proof}".encode())
        theirs = hmac.digest(hmac.digest(salted, b"Server Key", digest), signed, digest)
        if not hmac.compare_digest(final, b"v=" + base64.b64encode(theirs)):
            raise ValueError("the broker does not know the password")

    def _authenticate(self, token: bytes) -> bytes:
        self.ask(_SASL_AUTHENTICATE, struct.pack(">i", len(token)) + token)
        answer = self.answer()
        code, why = answer.number("h"), answer.text()
        if code:
            raise ValueError(f"the login was refused: {why}")
        return bytes(answer.data())
