"""The registry's client against a registry that misbehaves."""

import base64
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.schemas import RegistryAccess, SchemaFormat, SchemaText
from kexplorer.registry.client import RegistryClient
from tests.registry.server import FakeRegistry, Running
from tests.rig import certs

GUID = UUID("89791762-2336-4186-9674-299b90a802e2")


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    registry = FakeRegistry()
    with Running(registry):
        yield registry


def _client(registry: FakeRegistry, seconds: float = 5, **access: str) -> RegistryClient:
    return RegistryClient(RegistryAccess(registry.url, **access), seconds)


def _failure(registry: FakeRegistry, key: int = 7, seconds: float = 5, **access: str) -> Failure:
    with pytest.raises(Failure) as failed:
        _client(registry, seconds, **access).schema(key)
    return failed.value


def test_a_schema_by_id_and_by_guid(registry: FakeRegistry) -> None:
    registry.add(7, '"long"')
    registry.add(GUID, '{"type": "object"}', "JSON")
    assert _client(registry).schema(7) == SchemaText(SchemaFormat.AVRO, '"long"')
    assert _client(registry).schema(GUID) == SchemaText(SchemaFormat.JSON, '{"type": "object"}')
    assert registry.asked == ["/schemas/ids/7", f"/schemas/guids/{GUID}"]


def test_references_come_before_what_refers_to_them(registry: FakeRegistry) -> None:
    def names(*subjects: str) -> list[dict[str, object]]:
        return [{"name": f"{each}.proto", "subject": each, "version": 2} for each in subjects]

    registry.add(7, "top", "PROTOBUF", names("a/b", "c"))
    registry.subjects["a/b", 2] = {"schema": "ab", "references": names("c")}
    registry.subjects["c", 2] = {"schema": "c", "references": names("a/b")}  # a circle
    found = _client(registry).schema(7)
    assert found.references == (("c.proto", "c"), ("a/b.proto", "ab"))
    assert "/subjects/a%2Fb/versions/2" in registry.asked
    assert len(registry.asked) == 3
    assert _client(registry).subjects() == ["a/b", "c"]


def test_a_schema_that_protoc_compiled(registry: FakeRegistry) -> None:
    registry.add(7, "text", "PROTOBUF")
    assert _client(registry).schema(7, compiled=True).text == b"\xb5\xec\x6d" == base64.b64decode("text")
    registry.compiled["/schemas/ids/7"] = b"\x0a\x01"
    assert _client(registry).schema(7, compiled=True).text == b"\x0a\x01"


def test_the_versions_of_a_subject(registry: FakeRegistry) -> None:
    of = {"subject": "a/b-value", "schemaType": "JSON", "schema": "{}"}
    registry.subjects["a/b-value", 1] = {**of, "id": 4}
    registry.subjects["a/b-value", 3] = {**of, "id": 9, "references": [{"name": "n", "subject": "s", "version": 2}]}
    registry.levels["a/b-value"] = "FULL"
    client = _client(registry)
    assert client.versions("a/b-value") == (1, 3)
    assert client.versions("other-value") == ()
    found = client.version("a/b-value", 3)
    assert (found.id, found.format, found.text, found.references) == (9, SchemaFormat.JSON, "{}", (("s", 2),))
    assert client.compatibility("a/b-value") == "FULL"
    assert client.compatibility("other-value") == ""
    registry.subjects["odd-value", 1] = {"schema": "{}"}
    with pytest.raises(Failure, match="without an id"):
        client.version("odd-value", 1)


def test_who_asks_is_said_as_the_profile_has_it(registry: FakeRegistry) -> None:
    registry.add(7, '"long"')
    registry.authorization = "Basic " + base64.b64encode("zoë:s3:cret".encode()).decode()
    assert _client(registry, username="zoë", password="s3:cret").schema(7).text == '"long"'
    refused = _failure(registry, username="zoë", password="other")
    assert refused.kind is FailureKind.AUTHENTICATION
    assert refused.message == f"The registry at {registry.url} answered 401: Unauthorized."
    registry.authorization = "Bearer token"
    assert _client(registry, password="token").schema(7).text == '"long"'
    with pytest.raises(Failure) as odd:
        _client(registry, password="s3cret\nX: y")
    assert "s3cret" not in str(odd.value)
    assert "token" not in repr(_client(registry, password="token").access)


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (
            404,
            b'{"error_code":40403,"message":"Schema 7 not found"}',
            FailureKind.NOT_FOUND,
            "404: Schema 7 not found.",
        ),
        (403, b"", FailureKind.AUTHORIZATION, "answered 403."),
        (500, b"<html>proxy", FailureKind.BROKER, "answered 500."),
        (503, b"busy", FailureKind.BROKER, "answered 503: busy."),
        (200, b"<html>", FailureKind.UNREADABLE, "sent no JSON."),
        (200, b"[" * 200_000, FailureKind.UNREADABLE, "sent no JSON."),
        (200, b"[]", FailureKind.UNREADABLE, "sent an answer without a schema."),
        (200, b'{"schema": 7}', FailureKind.UNREADABLE, "sent an answer without a schema."),
        (200, b'{"schema": "x", "schemaType": "THRIFT"}', FailureKind.UNSUPPORTED, "of the type THRIFT."),
        (200, b'{"schema": "x", "references": 7}', FailureKind.UNREADABLE, "sent references that are no list."),
        (200, b'{"schema": "x", "references": [7]}', FailureKind.UNREADABLE, "without name, subject and version."),
        (200, b" " * 1_000_001, FailureKind.UNREADABLE, "sent more than 1 MB."),
    ],
)
def test_odd_answers(registry: FakeRegistry, status: int, body: bytes, kind: FailureKind, said: str) -> None:
    registry.odd["/schemas/ids/7"] = (status, {}, body)
    failure = _failure(registry)
    assert failure.kind is kind
    assert failure.message.endswith(said), failure.message


def test_a_redirect_within_the_host_is_followed(registry: FakeRegistry) -> None:
    registry.add(7, '"long"')
    registry.odd["/schemas/ids/7"] = (307, {"Location": "../guids/7"}, b"")
    registry.odd["/schemas/ids/8"] = (308, {"Location": "/schemas/ids/8"}, b"")
    assert _client(registry).schema(7).text == '"long"'
    assert _failure(registry, 8).message.endswith("answered 308.")
    assert registry.asked.count("/schemas/ids/8") == 4


@pytest.mark.parametrize(
    "where", ["http://localhost:{other}/schemas/ids/7", "http://127.0.0.1:{other}/x", "file:///etc/passwd", "//[", "https://127.0.0.1:{own}/x"]
)  # fmt: skip
def test_another_host_is_not_asked(registry: FakeRegistry, where: str) -> None:
    other = FakeRegistry(authorization="never")
    with Running(other):
        registry.odd["/schemas/ids/7"] = (302, {"Location": where.format(other=other.port, own=registry.port)}, b"")
        failure = _failure(registry, password="token")
    assert failure.kind is FailureKind.REFUSED
    assert other.asked == []
    assert registry.asked == ["/schemas/ids/7"]


@pytest.mark.parametrize("slow", ["delay", "drip"])
def test_a_slow_answer_is_not_waited_for(registry: FakeRegistry, slow: str) -> None:
    registry.add(7, '"' + "x" * 40 + '"')
    setattr(registry, slow, 4.0 if slow == "delay" else 0.1)
    start = time.monotonic()
    failure = _failure(registry, seconds=0.4)
    assert time.monotonic() - start < 3
    assert failure.kind is FailureKind.TIMEOUT
    assert failure.message.endswith("did not answer within 0.4 s.")


def test_nobody_listens() -> None:
    registry = FakeRegistry()
    with Running(registry):
        pass
    assert _failure(registry).kind is FailureKind.UNREACHABLE
    assert "Connection refused" in _failure(registry).message


def test_tls_with_the_profiles_authority(tmp_path: Path) -> None:
    made = certs.make(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.server)
    registry = FakeRegistry()
    registry.add(7, '"long"')
    with Running(registry, context):
        assert _client(registry, ca_file=str(made.ca)).schema(7).text == '"long"'
        distrusted = _failure(registry, ca_file=str(made.unknown_ca))
        assert (distrusted.kind, "is not trusted" in distrusted.message) == (FailureKind.TLS, True)
        with pytest.raises(Failure, match="holds no certificate"):
            _client(registry, ca_file=str(tmp_path / "missing.pem"))


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://registry.example:8081", FailureKind.REFUSED),
        ("http://127.0.0.1.example", FailureKind.REFUSED),
        ("http://2130706433", FailureKind.REFUSED),
        ("ftp://127.0.0.1", FailureKind.INVALID),
        ("file:///etc/passwd", FailureKind.INVALID),
        ("https://user:secret@registry.example", FailureKind.INVALID),
        ("https://registry.example?x", FailureKind.INVALID),
        ("https://registry.example:99999", FailureKind.INVALID),
        ("https://registry.example\r\nHost: other", FailureKind.INVALID),
        ("registry.example:8081", FailureKind.INVALID),
        ("https://[", FailureKind.INVALID),
        ("", FailureKind.INVALID),
    ],
)
def test_addresses_that_no_password_is_sent_to(url: str, kind: FailureKind) -> None:
    with pytest.raises(Failure) as failed:
        RegistryClient(RegistryAccess(url))
    assert failed.value.kind is kind
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize(
    "url", ["http://localhost:8081/", "http://[::1]:8081", "https://registry.example/apis/ccompat/v7"]
)
def test_addresses_that_are_asked(url: str) -> None:
    assert RegistryClient(RegistryAccess(url)).access.url == url
