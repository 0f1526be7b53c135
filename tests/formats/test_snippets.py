"""What is copied as a command or a program reads the very record, and holds no secret."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kexplorer.formats.snippets import kcat_command, python_snippet
from kexplorer.model.profile import Profile, SaslMechanism, SecretRef, SecretStore, SecurityProtocol
from kexplorer.model.records import Record, TimestampType
from kexplorer.model.topics import TopicPartition
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent
from tests.rig.brokers import Broker

ODD = """it's "odd" $HOME `id` \\ {x} %s ü\n-b evil"""


def record(topic: str = "orders", partition: int = 3, offset: int = 84210) -> Record:
    return Record(TopicPartition(topic, partition), offset, NOW, TimestampType.CREATE_TIME, b"k", b"v", ())


SECURE = Profile(
    "shop",
    "one.example:9093, two.example:9093",
    SecurityProtocol.SASL_SSL,
    SaslMechanism.SCRAM_SHA_256,
    username="o'neil $USER",
    password=SecretRef(SecretStore.ENVIRONMENT, "SHOP_PASSWORD"),
    ca_file="/etc/my certs/ca.pem",
    certificate_file="/etc/c.pem",
    key_file="/etc/k.pem",
    key_password=SecretRef(SecretStore.KEYRING, "shop/key"),
    properties={"client.id": ODD},
)


def arguments(command: str, folder: Path, **environment: str) -> list[str]:
    """What a shell hands to kcat."""
    kcat = folder / "kcat"
    kcat.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    kcat.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, check=True, env={"PATH": f"{folder}", **environment}
    )
    return done.stdout.decode().split("\0")[:-1]


def properties(words: list[str]) -> dict[str, str]:
    pairs = [word for flag, word in pairwise(words) if flag == "-X"]
    return dict(pair.split("=", 1) for pair in pairs)


def test_a_shell_hands_every_word_to_kcat_as_it_is(tmp_path: Path) -> None:
    command = kcat_command(record(ODD), SECURE)
    words = arguments(command, tmp_path, SHOP_PASSWORD='a "b" $c', KAFKA_KEY_PASSWORD="d 'e'")
    assert words[:12] == [
        *("-C", "-b", "one.example:9093,two.example:9093", "-t", ODD, "-p", "3", "-o", "84210", "-c", "1", "-e"),
    ]
    assert properties(words) == {
        "isolation.level": "read_uncommitted",
        "client.id": ODD,
        "security.protocol": "SASL_SSL",
        "sasl.mechanisms": "SCRAM-SHA-256",
        "sasl.username": "o'neil $USER",
        "sasl.password": 'a "b" $c',
        "ssl.ca.location": "/etc/my certs/ca.pem",
        "ssl.certificate.location": "/etc/c.pem",
        "ssl.key.location": "/etc/k.pem",
        "ssl.key.password": "d 'e'",
    }


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_no_topic_name_gets_out_of_its_quotes(tmp_path: Path, topic: str) -> None:
    plain = Profile("here", "localhost:9092")
    words = arguments(kcat_command(record(topic), plain), tmp_path)
    assert words[words.index("-t") + 1] == topic
    assert f"TOPIC, PARTITION, OFFSET = {topic!r}, 3, 84210" in python_snippet(record(topic), plain)
    compile(python_snippet(record(topic), plain), "snippet", "exec")


@pytest.mark.parametrize(
    ("reference", "variable"),
    [
        (SecretRef(SecretStore.ENVIRONMENT, "MY_PASSWORD"), "MY_PASSWORD"),
        (SecretRef(SecretStore.ENVIRONMENT, "x}; rm -rf ~"), "KAFKA_PASSWORD"),
        (SecretRef(SecretStore.KEYRING, "hunter2"), "KAFKA_PASSWORD"),
        (SecretRef(SecretStore.ASK, ""), "KAFKA_PASSWORD"),
        (None, "KAFKA_PASSWORD"),
    ],
)
def test_a_password_comes_from_the_environment(reference: SecretRef | None, variable: str) -> None:
    profile = replace(SECURE, password=reference)
    command, program = kcat_command(record(), profile), python_snippet(record(), profile)
    assert f'sasl.password="${variable}"' in command
    assert f"'sasl.password': os.environ['{variable}']," in program
    assert "hunter2" not in command + program


def test_a_plain_connection_names_no_login() -> None:
    program = python_snippet(record(), Profile("here", "localhost:9092"))
    assert "environ" not in program
    assert "security.protocol" not in program + kcat_command(record(), Profile("here", "localhost:9092"))


SENT = [Sent(0, b"k%d" % n, b'{"n":%d}' % n, (("h", b"\xff"), ("h", None)), NOW + n) for n in range(5)]


def test_the_program_reads_the_record(broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, SENT)
    done = run_python(python_snippet(record(topic_name, 0, 3), Profile("here", broker.bootstrap)))
    assert done.stdout.splitlines() == [
        f"timestamp: (1, {NOW + 3})",
        "headers: [('h', b'\\xff'), ('h', None)]",
        "key: b'k3'",
        "value: b'{\"n\":3}'",
    ]
    assert (done.returncode, done.stderr) == (0, "")


def test_the_program_says_that_the_record_is_not_there(broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, SENT)
    done = run_python(python_snippet(record(topic_name, 0, 5), Profile("here", broker.bootstrap)))
    assert done.returncode == 1
    assert done.stderr.startswith("The record cannot be read: ")


def run_python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)


def test_the_command_reads_the_record(broker: Broker, topic_name: str) -> None:
    if not shutil.which("kcat"):
        pytest.skip("kcat is not installed")
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, SENT)
    command = kcat_command(record(topic_name, 0, 3), Profile("here", broker.bootstrap))
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True, timeout=60, env=dict(os.environ))
    assert done.stdout == (
        b"Topic %s, partition 0, offset 3, timestamp %d\nHeaders: h=\xff,h=NULL\nKey (2 bytes): k3\n"
        b'Value (7 bytes):\n{"n":3}\n' % (topic_name.encode(), NOW + 3)
    )
