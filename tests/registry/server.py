"""A Schema Registry over HTTP that can be told to misbehave. It answers as Confluent's does."""

import base64
import http.server
import json
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class FakeRegistry:
    """`schemas`: the answer for an id or GUID; `subjects`: that for (subject, version); `levels`: the
    compatibility of a subject. `asked` has every path.

    `compiled`: the base64 of a descriptor for `?format=serialized`, by path. `odd`: (status, headers, body) by path.
    """

    schemas: dict[str, dict[str, Any]] = field(default_factory=dict)
    subjects: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)
    compiled: dict[str, bytes] = field(default_factory=dict)
    odd: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    authorization: str = ""
    delay: float = 0.0  # seconds before an answer
    drip: float = 0.0  # seconds before each byte of it
    asked: list[str] = field(default_factory=list)
    port: int = 0
    tls: bool = False

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def add(self, key: object, schema: str, kind: str = "AVRO", references: list[dict[str, Any]] | None = None) -> None:
        answer: dict[str, Any] = {"schema": schema}
        if kind != "AVRO":  # which the real one leaves out
            answer["schemaType"] = kind
        if references:
            answer["references"] = references
        self.schemas[str(key)] = answer

    def answer(self, path: str, authorization: str) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(path)
        time.sleep(self.delay)
        if self.authorization and authorization != self.authorization:
            return 401, {}, b'{"error_code":401,"message":"Unauthorized"}'
        if path in self.odd:
            return self.odd[path]
        parts = urlsplit(path)
        found = self._found([unquote(each) for each in parts.path.split("/")[1:]])
        if found is None:
            return 404, {}, b'{"error_code":40403,"message":"Schema not found"}'
        if parts.query == "format=serialized" and parts.path in self.compiled:
            found = found | {"schema": base64.b64encode(self.compiled[parts.path]).decode()}
        return 200, {}, json.dumps(found).encode()

    def _found(self, path: list[str]) -> Any:
        match path:
            case ["subjects"]:
                return sorted({subject for subject, _ in self.subjects})
            case ["schemas", "ids" | "guids", key]:
                return self.schemas.get(key)
            case ["subjects", subject, "versions"]:
                return [number for name, number in self.subjects if name == subject] or None
            case ["subjects", subject, "versions", version]:
                return self.subjects.get((subject, int(version)))
            case ["config", subject]:
                return {"compatibilityLevel": self.levels[subject]} if subject in self.levels else None
        return None


class Running:
    """`with Running(registry)`: it listens on a port of 127.0.0.1, behind TLS if a context is given."""

    def __init__(self, registry: FakeRegistry, tls: ssl.SSLContext | None = None) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = registry.answer(self.path, self.headers.get("Authorization", ""))
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    for at in range(len(body)) if registry.drip else ():
                        self.wfile.write(body[at : at + 1])
                        time.sleep(registry.drip)
                    if not registry.drip:
                        self.wfile.write(body)
                except OSError:
                    return  # the client gave up

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        registry.port = self._server.server_port
        registry.tls = tls is not None
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.02), name="fake registry")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that refuses our certificate is what some tests want."""
