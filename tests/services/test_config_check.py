"""Configurations of clients: what is unknown, wrong or risky in them, and their other dialect."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.formats.client_settings import JAVA_NAMES, LIBRDKAFKA_NAMES, Client, Dialect, counterpart, settings
from kexplorer.formats.config_text import Comment, Entry, Unreadable, read_config
from kexplorer.model.producer_presets import PRESETS
from kexplorer.services.config_check import check_config
from kexplorer.services.config_rules import Severity

ERROR, RISK, NOTE = Severity.ERROR, Severity.RISK, Severity.NOTE
GOOD_PRODUCER = """bootstrap.servers=a:9092
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=${file:/etc/kafka/login:jaas}
acks=all
enable.idempotence=true
compression.type=zstd
linger.ms=20
"""
GOOD_CONSUMER = {
    "bootstrap.servers": "a:9092",
    "group.id": "billing",
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "isolation.level": "read_committed",
    "fetch.wait.max.ms": 100,
}


def test_what_is_well_set_has_no_findings() -> None:
    assert check_config(GOOD_PRODUCER).findings == ()
    assert check_config(json.dumps(GOOD_CONSUMER)).findings == ()
    assert check_config(f"conf = {GOOD_CONSUMER!r}").findings == ()


def test_who_it_is_for_is_seen_from_the_names() -> None:
    java = check_config(GOOD_PRODUCER)
    assert (java.dialect, java.client) == (Dialect.JAVA, Client.PRODUCER)
    c = check_config(json.dumps(GOOD_CONSUMER))
    assert (c.dialect, c.client) == (Dialect.LIBRDKAFKA, Client.CONSUMER)
    assert java.source.startswith("Java 4.")
    assert c.source.startswith("librdkafka 2.")


_BASE = {Client.PRODUCER: GOOD_PRODUCER, Client.CONSUMER: "group.id=g\nbootstrap.servers=a:1\n"}


@pytest.mark.parametrize(
    ("client", "dialect", "lines", "name", "severity", "words"),
    [
        (Client.CONSUMER, Dialect.JAVA, "enable.auto.comit=true", "enable.auto.comit", ERROR, "enable.auto.commit?"),
        (Client.PRODUCER, Dialect.LIBRDKAFKA, "buffer.memory=33554432", "buffer.memory", ERROR, "kbytes=32768"),
        (Client.CONSUMER, Dialect.LIBRDKAFKA, "fetch.max.wait.ms=5", "fetch.max.wait.ms", ERROR, "fetch.wait.max.ms=5"),
        (Client.CONSUMER, Dialect.LIBRDKAFKA, "key.deserializer=x", "key.deserializer", ERROR, "in the program"),
        (Client.PRODUCER, Dialect.JAVA, "queue.buffering.max.kbytes=1", "queue.buffering.max.kbytes", ERROR, "=1024"),
        (Client.PRODUCER, Dialect.JAVA, "linger.ms=soon", "linger.ms", ERROR, "a number"),
        (Client.PRODUCER, Dialect.JAVA, "compression.type=zip", "compression.type", ERROR, "none, gzip"),
        (Client.PRODUCER, Dialect.JAVA, "retries=-1", "retries", ERROR, "from 0"),
        (Client.CONSUMER, Dialect.JAVA, "check.crcs=yes", "check.crcs", ERROR, "true or false"),
        (Client.CONSUMER, Dialect.JAVA, "linger.ms=5", "linger.ms", NOTE, "for producer"),
        (Client.PRODUCER, Dialect.JAVA, "acks=1", "enable.idempotence", ERROR, "acks=all"),
        (Client.PRODUCER, Dialect.JAVA, "acks=1\nenable.idempotence=false", "acks", RISK, "lost"),
        (Client.PRODUCER, Dialect.JAVA, "enable.idempotence=false", "enable.idempotence", RISK, "twice"),
        (
            *(Client.PRODUCER, Dialect.JAVA, "max.in.flight.requests.per.connection=6"),
            *("enable.idempotence", ERROR, "at most 5"),
        ),
        (
            *(Client.PRODUCER, Dialect.JAVA, "transactional.id=t\nenable.idempotence=false"),
            *("enable.idempotence", ERROR, "Transactions"),
        ),
        (Client.PRODUCER, Dialect.JAVA, "retries=0", "retries", RISK, "leader"),
        (Client.PRODUCER, Dialect.JAVA, "delivery.timeout.ms=1000", "delivery.timeout.ms", ERROR, "refused"),
        (Client.CONSUMER, Dialect.JAVA, "", "enable.auto.commit", RISK, "clock"),
        (Client.CONSUMER, Dialect.JAVA, "", "auto.offset.reset", RISK, "skips"),
        (Client.CONSUMER, Dialect.JAVA, "", "isolation.level", RISK, "differ"),
        (Client.CONSUMER, Dialect.JAVA, "heartbeat.interval.ms=20000", "heartbeat.interval.ms", RISK, "15000 or less"),
        (Client.CONSUMER, Dialect.JAVA, "heartbeat.interval.ms=50000", "heartbeat.interval.ms", ERROR, "third"),
        (Client.CONSUMER, Dialect.JAVA, "max.poll.interval.ms=1000", "max.poll.interval.ms", RISK, "below"),
        (Client.CONSUMER, Dialect.LIBRDKAFKA, "group.id=", "group.id", ERROR, "ends the process"),
        (
            *(Client.CONSUMER, Dialect.JAVA, "group.protocol=consumer\nsession.timeout.ms=9000"),
            *("session.timeout.ms", ERROR, "broker decides"),
        ),
        (Client.CONSUMER, Dialect.LIBRDKAFKA, "plugin.library.paths=/tmp/x.so", "plugin.library.paths", RISK, "code"),
        (Client.CONSUMER, Dialect.JAVA, "interceptor.classes=evil.Listener", "interceptor.classes", RISK, "code"),
        (Client.CONSUMER, Dialect.LIBRDKAFKA, "sasl.password=geheim", "sasl.password", RISK, "plain text"),
        (Client.CONSUMER, Dialect.LIBRDKAFKA, "sasl.username=u", "sasl.username", ERROR, "not used"),
        (
            *(Client.CONSUMER, Dialect.LIBRDKAFKA, "enable.ssl.certificate.verification=false"),
            *("enable.ssl.certificate.verification", RISK, "anybody"),
        ),
        (Client.CONSUMER, Dialect.JAVA, "group.id=h", "group.id", ERROR, "the last one counts"),
        (Client.CONSUMER, Dialect.JAVA, "= value", "", ERROR, "NAME=VALUE"),
    ],
)
def test_each_mistake_is_found_in_its_line(
    client: Client, dialect: Dialect, lines: str, name: str, severity: Severity, words: str
) -> None:
    given = {line.partition("=")[0] for line in lines.splitlines()}
    keep = [line for line in _BASE[client].splitlines() if line.partition("=")[0] not in given or lines == "group.id=h"]
    text = "\n".join([*keep, lines])
    checked = check_config(text, client, dialect)
    found = [each for each in checked.findings if each.name == name and each.severity is severity]
    assert any(words in f"{each.text} {each.remedy}" for each in found), checked.findings
    if lines and name in given and severity is ERROR and name != "enable.idempotence":
        at = next(each for each in found if words in f"{each.text} {each.remedy}").line
        assert text.splitlines()[at - 1].startswith(name)


def test_a_python_function_is_no_partitioner() -> None:
    found = check_config(
        "p = Producer({'bootstrap.servers': 'a:1', 'partitioner': lambda key, parts: 0, 'acks': 'all'})"
    )
    assert [each.text for each in found.findings if each.name == "partitioner" and each.severity is ERROR]


def test_what_the_program_sets_is_not_guessed() -> None:
    text = "{'group.id': NAME, 'bootstrap.servers': os.environ['B'], 'stats_cb': told, 'enable.partition.eof': True}"
    names = {each.name: each.severity for each in check_config(text).findings}
    assert names["group.id"] is NOTE
    assert "stats_cb" not in names


def test_the_other_dialect_has_its_names_and_units() -> None:
    told = check_config(GOOD_PRODUCER + "# how much waits\nbuffer.memory=33554432\nmax.block.ms=5\n").rewritten
    assert "queue.buffering.max.kbytes=32768" in told
    assert "security.protocol=sasl_ssl" in told
    assert "# how much waits\nqueue" in told
    assert "# max.block.ms=5" in told
    back = check_config(told, dialect=Dialect.LIBRDKAFKA).rewritten
    assert "buffer.memory=33554432" in back
    assert "security.protocol=SASL_SSL" in back


def test_a_login_of_java_becomes_a_user_and_a_password() -> None:
    line = 'sasl.jaas.config=org.apache.kafka.X required username="u" password="p";'
    told = check_config(f"{line}\nsasl.mechanism=PLAIN", dialect=Dialect.JAVA).rewritten
    assert "sasl.username=u\nsasl.password=p\n" in told


def test_every_mapped_name_exists_on_its_side() -> None:
    assert set(LIBRDKAFKA_NAMES) <= set(settings(Dialect.JAVA))
    assert set(LIBRDKAFKA_NAMES.values()) <= set(settings(Dialect.LIBRDKAFKA))
    assert set(JAVA_NAMES) <= set(settings(Dialect.LIBRDKAFKA))
    assert set(JAVA_NAMES.values()) <= set(settings(Dialect.JAVA))


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_the_settings_of_our_own_presets_are_known_and_valid(preset: object) -> None:
    assert hasattr(preset, "settings")
    text = json.dumps({"bootstrap.servers": "a:1"} | {each.name: each.value for each in preset.settings})
    found = check_config(text, Client.PRODUCER, Dialect.LIBRDKAFKA).findings
    assert not [each for each in found if each.severity is ERROR]
    for each in preset.settings:
        assert not each.java_name or each.java_name.split()[0] in settings(Dialect.JAVA)


_SHARED = sorted(set(settings(Dialect.JAVA)) & set(settings(Dialect.LIBRDKAFKA)))
_CHANGED = {"auto.offset.reset", "partition.assignment.strategy", "ssl.endpoint.identification.algorithm"}


@given(st.sampled_from(_SHARED), st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20))
def test_there_and_back_is_the_same(name: str, value: str) -> None:
    there = counterpart(Dialect.JAVA, name, value)
    assert there is not None
    back = counterpart(Dialect.LIBRDKAFKA, *there)
    assert back is not None
    assert back[0] == JAVA_NAMES.get(name, name)
    if name not in _CHANGED and name != "security.protocol":
        assert back[1] == value


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    checked = check_config(text)
    assert checked.rewritten.endswith("\n")
    assert all(0 <= each.line <= text.count("\n") + text.count("\r") + 40 + len(text) for each in checked.findings)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 2_000_000,
        "x=1\0",
        "{" * 5000,
        "{'a': " + "[" * 10_000,
        "((((" * 5000,
        "{'a'",
        "dict(**b)",
        "{**b}",
        "{1: 2}",
    ],
)
def test_hostile_text_is_an_answer(text: str) -> None:
    assert check_config(text).findings


def test_java_properties_are_read_as_java_does() -> None:
    lines = read_config("# c\n a.b : one \\\n   two\nc\\:d=\\u00e4\\n\nalone\n\n")
    assert [line for line in lines if isinstance(line, Entry)] == [
        Entry(2, "a.b", "one two"),
        Entry(4, "c:d", "ä\n"),
        Entry(5, "alone", ""),
    ]
    assert [line for line in lines if isinstance(line, Comment)] == [Comment(1, "# c"), Comment(6, "")]
    assert not [line for line in lines if isinstance(line, Unreadable)]


def test_the_command_tells_lines_and_ends_with_a_code(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "kexplorer", "lint", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    file = tmp_path / "client.properties"
    file.write_text(GOOD_PRODUCER, "utf-8")
    good = run(str(file))
    assert (good.returncode, good.stdout) == (0, "")
    assert "Nothing found, as a producer of Java" in good.stderr
    file.write_text(GOOD_PRODUCER + "ackz=all\n", "utf-8")
    bad = run(str(file))
    assert bad.returncode == 1
    assert f"{file}:9: error: Java" in bad.stdout
    assert "Did you mean acks?" in bad.stdout
    assert json.loads(run(str(file), "--json").stdout)["findings"][0]["line"] == 9
    assert "security.protocol=sasl_ssl" in run(str(file), "--rewrite").stdout
    missing = run(str(tmp_path / "none"))
    assert (missing.returncode, "cannot be read" in missing.stderr) == (2, True)
