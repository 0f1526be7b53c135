"""One record as a command or a program that reads it again, to copy.

Neither joins a group, commits or creates anything. No secret is ever in them: passwords come from environment
variables.
"""

from __future__ import annotations

import re
import shlex

from kexplorer.model.profile import Profile, SecretRef, SecretStore
from kexplorer.model.records import Record

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FORMAT = r"Topic %t, partition %p, offset %o, timestamp %T\nHeaders: %h\nKey (%K bytes): %k\nValue (%S bytes):\n%s\n"


def kcat_command(record: Record, profile: Profile) -> str:
    """For a POSIX shell, on one line. If the record is gone, kcat shows the next one that is there."""
    plain, secret = _connection(profile)
    words = ["kcat", "-C", "-b", _bootstrap(profile), "-t", record.topic, "-p", str(record.partition)]
    words += ["-o", str(record.offset), "-c", "1", "-e"]
    for name, value in plain.items():
        words += ["-X", f"{name}={value}"]
    passwords = [f'-X {name}="${variable}"' for name, variable in secret.items()]
    return " ".join([*map(shlex.quote, words), *passwords, "-f", shlex.quote(_FORMAT)])


def python_snippet(record: Record, profile: Profile) -> str:
    """A whole program for confluent-kafka. It ends with a sentence and exit code 1 where the record cannot be read."""
    plain, secret = _connection(profile)
    lines = [f"    {name!r}: {value!r}," for name, value in plain.items()]
    lines += [f"    {name!r}: os.environ[{variable!r}]," for name, variable in secret.items()]
    return _PROGRAM.format(
        imports="import os\nimport sys" if secret else "import sys",
        bootstrap=_bootstrap(profile),
        connection="\n".join(lines),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
    )


_PROGRAM = """\
{imports}

from confluent_kafka import Consumer, TopicPartition

TOPIC, PARTITION, OFFSET = {topic!r}, {partition}, {offset}

consumer = Consumer({{
    'bootstrap.servers': {bootstrap!r},
    'group.id': 'read-one-record',  # the client wants one; the group is never joined and nothing is committed
    'enable.auto.commit': False,
    'enable.partition.eof': True,
    'auto.offset.reset': 'error',
{connection}
}})
try:
    consumer.assign([TopicPartition(TOPIC, PARTITION, OFFSET)])
    message = consumer.poll(30)
    if message is None:
        sys.exit('No answer within 30 seconds.')
    if message.error():
        sys.exit(f'The record cannot be read: {{message.error()}}')
    if message.offset() != OFFSET:
        sys.exit(f'The record is gone. The next one has offset {{message.offset()}}.')
    print('timestamp:', message.timestamp())
    print('headers:', message.headers())
    print('key:', message.key())
    print('value:', message.value())
finally:
    consumer.close()
"""


def _bootstrap(profile: Profile) -> str:
    return ",".join(piece.strip() for piece in profile.bootstrap.split(","))


def _connection(profile: Profile) -> tuple[dict[str, str], dict[str, str]]:
    """librdkafka's properties, and for those that are secret the environment variables that hold them."""
    protocol = profile.security_protocol
    plain = {"isolation.level": "read_uncommitted", **profile.properties}  # also a record that was aborted
    secret: dict[str, str] = {}
    if protocol.sasl or protocol.tls:
        plain["security.protocol"] = str(protocol)
    if protocol.sasl:
        plain |= {"sasl.mechanisms": str(profile.sasl_mechanism), "sasl.username": profile.username}
        secret["sasl.password"] = _variable(profile.password, "KAFKA_PASSWORD")
    if protocol.tls and profile.ca_file:
        plain["ssl.ca.location"] = profile.ca_file
    if protocol.tls and profile.certificate_file:
        plain |= {"ssl.certificate.location": profile.certificate_file, "ssl.key.location": profile.key_file}
        if profile.key_password is not None:
            secret["ssl.key.password"] = _variable(profile.key_password, "KAFKA_KEY_PASSWORD")
    return plain, secret


def _variable(reference: SecretRef | None, otherwise: str) -> str:
    """The environment variable that the profile itself names, if a shell can name it, too."""
    own = reference is not None and reference.store is SecretStore.ENVIRONMENT and _VARIABLE.fullmatch(reference.name)
    return reference.name if reference is not None and own else otherwise
