"""What reaches the client library: validated names, an allow-list of properties, safe settings."""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.kafka import checks, properties
from kexplorer.kafka.checks import Address
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Credentials, Profile, SecretRef, SecurityProtocol
from kexplorer.model.topics import IsolationLevel

PROFILE = Profile("test", "127.0.0.1:1")
NONE = Credentials()

EVIL = [
    "plugin.library.paths",
    "ssl.engine.location",
    "ssl.engine.id",
    "ssl.providers",
    "sasl.kerberos.kinit.cmd",
    "interceptors",
]
OURS = [
    *("group.id", "enable.auto.commit", "enable.auto.offset.store", "allow.auto.create.topics", "enable.metrics.push"),
    *("auto.offset.reset", "acks", "logger", "log_level", "statistics.interval.ms", "enable.partition.eof"),
]
OTHERS = [
    *("enable.ssl.certificate.verification", "ssl.endpoint.identification.algorithm", "sasl.password", "debug"),
    *("bootstrap.servers", "security.protocol", "isolation.level", "error_cb", "oauth_cb", "default.topic.config"),
    *("internal.termination.signal", "test.mock.num.brokers", "sasl.oauthbearer.assertion.jwt.template.file"),
    *("", " ", "\0", "\ud800", "client.id\0", "CLIENT.ID", " client.id", "linger.ms ", "opaque", "builtin.features"),
]


@pytest.mark.parametrize("key", [*EVIL, *OURS, *OTHERS])
def test_refused_in_a_profile(key: str) -> None:
    profile = Profile("test", "127.0.0.1:1", properties={key: "1"})
    for make in (properties.admin_config, properties.reader_config, properties.writer_config):
        with pytest.raises(Failure) as caught:
            make(profile, NONE)
        assert caught.value.kind in (FailureKind.REFUSED, FailureKind.INVALID)
        assert caught.value.hint
    if key in EVIL:
        assert key in caught.value.message
        assert "load code" in caught.value.message


@given(st.text(max_size=30), st.text(max_size=30))
def test_nothing_else_slips_through(key: str, value: str) -> None:
    with pytest.raises(Failure):
        properties.check_property(key, value)


_EVIL_C = """
#include <fcntl.h>
#include <stdlib.h>
__attribute__((constructor)) static void ran(void) { close(open(getenv("CANARY"), O_CREAT | O_WRONLY, 0600)); }
"""


@pytest.mark.skipif(not shutil.which("cc") or sys.platform != "linux", reason="needs a C compiler, on Linux")
def test_a_library_named_in_a_profile_is_never_loaded(tmp_path: Path) -> None:
    """The control part proves that the client itself would load it."""
    library, canary = tmp_path / "evil.so", tmp_path / "canary"
    (tmp_path / "evil.c").write_text(_EVIL_C)
    subprocess.run(["cc", "-w", "-shared", "-fPIC", "-o", library, tmp_path / "evil.c"], check=True)
    child = (
        "import sys; from kexplorer.kafka import properties; from kexplorer.model.profile import *\n"
        "from kexplorer.model.failure import Failure; from confluent_kafka.admin import AdminClient\n"
        "profile = Profile('x', '127.0.0.1:1', properties={sys.argv[1]: sys.argv[2]})\n"
        "try: config = properties.admin_config(profile, Credentials())\n"
        "except Failure: config = {}\n"
        "if sys.argv[3] == 'raw': config = profile.properties\n"
        "try: AdminClient({'bootstrap.servers': '127.0.0.1:1', **config})\n"
        "except Exception: pass\n"
    )

    def run(key: str, how: str) -> bool:
        canary.unlink(missing_ok=True)
        environment = os.environ | {"CANARY": str(canary)}
        subprocess.run([sys.executable, "-c", child, key, library, how], check=True, env=environment, timeout=30)
        return canary.exists()

    assert run("plugin.library.paths", "raw")
    for key in ("plugin.library.paths", "ssl.engine.location", "ssl.providers"):
        assert not run(key, "checked")


def test_openssl_is_not_led_astray_by_the_environment(tmp_path: Path) -> None:
    names = ("OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES")
    child = f"import os, kexplorer.kafka; print([name for name in {names} if name in os.environ])"
    environment = os.environ | dict.fromkeys(names, str(tmp_path))
    done = subprocess.run([sys.executable, "-c", child], check=True, env=environment, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def _makers() -> list[tuple[Any, Any]]:
    return [
        (properties.admin_config, AdminClient),
        (properties.reader_config, Consumer),
        (properties.writer_config, Producer),
    ]


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _construct(profile: Profile) -> None:
    """Each kind of handle; fails for what the client warns of."""
    log, heard = logging.Logger("test"), _Lines()
    log.addHandler(heard)
    for make, client in _makers():
        handle = client({**make(profile, NONE), "logger": log})
        handle.poll(0)
        getattr(handle, "close", lambda: None)()
    assert [line for line in heard.lines if "CONFWARN" in line] == []


_BOUNDS = [
    (key, str(value))
    for key, rule in properties._ALLOWED.items()
    for value in (
        (rule.low, rule.high)
        if isinstance(rule, properties._Number)
        else rule.values
        if isinstance(rule, properties._Choice)
        else ()
    )
]


@pytest.mark.parametrize(("key", "value"), _BOUNDS)
def test_the_client_takes_what_the_list_allows(key: str, value: str) -> None:
    """Every bound and choice, together with our own settings, by every kind of handle, without a warning."""
    _construct(Profile("test", "127.0.0.1:1", properties={key: value}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[
            (key, str(rule.high + 1))
            for key, rule in properties._ALLOWED.items()
            if isinstance(rule, properties._Number)
        ],
        *[
            (key, str(rule.low - 1))
            for key, rule in properties._ALLOWED.items()
            if isinstance(rule, properties._Number)
        ],
        *[
            ("linger.ms", value)
            for value in ("", "x", "1.5", "1e3", "٣", "--1", " 1", "1 ", "1\n", "9" * 5000, "\ud800")
        ],
        *[("client.id", value) for value in ("", " ", "a\0b", " a", "\ud800")],
        *[("compression.type", value) for value in ("", "LZ4", "lz4,zstd")],
        *[("ssl.crl.location", value) for value in ("relative.pem", "/nosuch/file", "/dev/zero", "/etc", "")],
    ],
)
def test_values_out_of_range_are_refused(key: str, value: str) -> None:
    with pytest.raises(Failure) as caught:
        properties.check_property(key, value)
    assert key in caught.value.message


def test_handles_are_safe_whatever_the_profile_says() -> None:
    profile = Profile(
        "test", "127.0.0.1:1", properties={"client.id": "mine", "linger.ms": "3", "fetch.max.bytes": "5000000"}
    )
    admin, reader, writer = (make(profile, NONE) for make, _ in _makers())
    for config in (admin, reader, writer):
        assert config["client.id"] == "mine"
        assert config["allow.auto.create.topics"] is False
        assert config["enable.metrics.push"] is False
    assert (reader["enable.auto.commit"], reader["enable.auto.offset.store"]) == (False, False)
    assert (reader["auto.offset.reset"], reader["enable.partition.eof"]) == ("error", True)
    assert reader["isolation.level"] == "read_uncommitted"
    committed = properties.reader_config(profile, NONE, IsolationLevel.READ_COMMITTED, fetch_wait_ms=250)
    assert (committed["isolation.level"], committed["fetch.wait.max.ms"]) == ("read_committed", 250)
    assert committed["group.id"] != reader["group.id"]
    assert str(reader["group.id"]).startswith("kx-read-")
    assert (writer["acks"], writer["partitioner"], writer["linger.ms"]) == ("all", "murmur2_random", "3")
    assert "linger.ms" not in reader
    assert "fetch.max.bytes" not in writer
    _construct(profile)


def _sasl(username: str = "alice", **more: Any) -> Profile:
    return Profile("t", "h:1", SecurityProtocol.SASL_SSL, username=username, password=SecretRef.parse("ask:"), **more)


def test_secrets_reach_the_client_as_they_are() -> None:
    password = "ü\"' =;\\ \t end "
    config = properties.common(_sasl(), Credentials(password))
    assert (config["sasl.username"], config["sasl.password"]) == ("alice", password)
    assert config["enable.ssl.certificate.verification"] is True
    assert config["ssl.endpoint.identification.algorithm"] == "https"
    AdminClient(config)


@pytest.mark.parametrize("password", ["", " x", "\tx", "\nx", "a\0b", "\ud800"])
def test_a_secret_that_the_client_would_change_is_refused(password: str) -> None:
    with pytest.raises(Failure, match="password") as caught:
        properties.common(_sasl(), Credentials(password))
    assert password.strip("\t\n ") == "" or password not in str(caught.value)
    with pytest.raises(Failure, match="user name"):
        properties.common(_sasl(password), Credentials("x"))


def test_tls_files_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "large.pem").write_bytes(b"x" * ((1 << 20) + 1))
    for path, why in (("nosuch.pem", "cannot be read"), ("", "regular"), ("large.pem", "larger")):
        with pytest.raises(Failure, match=why):
            properties.common(_sasl(ca_file=str(tmp_path / path)), Credentials("x"))
    with pytest.raises(Failure, match="both"):
        properties.common(_sasl(certificate_file=str(tmp_path / "large.pem")), Credentials("x"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("broker:9092", [("broker", 9092)]),
        (" a.b-c.example:1 , 10.0.0.1:65535,", None),
        ("a:1,[::1]:9092,a:1", [("a", 1), ("::1", 9092)]),
        ("[fe80::1%eth0]:1", [("fe80::1%eth0", 1)]),
        ("host_with_underscore:9092", [("host_with_underscore", 9092)]),
        *[
            (bad, None)
            for bad in (
                *("", " ", ",", "broker", "broker:", ":9092", "a:0", "a:65536", "a:99999999999", "a:x", "a:-1", "a:١"),
                *("::1:9092", "[::1]", "[::1:9092", "[nonsense]:1", "SSL://a:1", "a b:1", "a/b:1", "a@b:1", "ü:1"),
                *("a\0:1", "\ud800:1", "-a:1", "a..b:1", "a:1;b:2", "x" * 300 + ":1"),
            )
        ],
    ],
)
def test_bootstrap(text: str, found: list[tuple[str, int]] | None) -> None:
    if found is None:
        with pytest.raises(Failure) as caught:
            checks.bootstrap(text)
        assert caught.value.kind == FailureKind.INVALID
        assert caught.value.hint
    else:
        assert checks.bootstrap(text) == tuple(Address(*each) for each in found)
        assert checks.bootstrap(",".join(map(str, checks.bootstrap(text)))) == checks.bootstrap(text)


def test_the_bad_piece_is_named() -> None:
    with pytest.raises(Failure, match="“b:x”"):
        checks.bootstrap("a:1,b:x,c:3")


@pytest.mark.parametrize("name", ["", " ", ".", "..", "a b", "ü", "a/b", "a\0", "\ud800", "x" * 250, None, b"topic", 5])
def test_names_that_are_no_topic(name: object) -> None:
    with pytest.raises(Failure, match=r"topic|text"):
        checks.topic_name(name)


@pytest.mark.parametrize("name", ["a", "...", "_x-Y.9", "x" * 249])
def test_names_of_topics(name: str) -> None:
    assert checks.topic_name(name) == name


class _Str(str):
    __slots__ = ()


@pytest.mark.parametrize("group", ["", " \t", "\ud800", "a\0b", _Str("sub"), None])
def test_group_ids_that_abort_the_process(group: object) -> None:
    with pytest.raises(Failure):
        checks.group_id(group)
    assert checks.group_id("Gruppe ü") == "Gruppe ü"


def test_the_installed_client_is_supported(monkeypatch: pytest.MonkeyPatch) -> None:
    properties.require_supported_client()
    monkeypatch.setattr("confluent_kafka.libversion", lambda: ("2.14.1", 0x020E01FF))
    with pytest.raises(Failure, match=r"2\.14\.1 is installed") as caught:
        properties.require_supported_client()
    assert caught.value.kind == FailureKind.UNSUPPORTED
