"""A connection is taken out of what people have: whatever is not taken is told."""

from __future__ import annotations

import pytest

from kexplorer.formats.connection_text import Imported, read_connection
from kexplorer.kafka.properties import check_property
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile, SaslMechanism, SecurityProtocol

LIKE = Profile("mine", "old:9092", colour="red", read_only=True)


def taken(text: str) -> Imported:
    return read_connection(text, LIKE, check_property)


def test_a_java_file_with_a_login() -> None:
    found = taken(
        "bootstrap.servers=a:9093,b:9093\n"
        "security.protocol=SASL_SSL\n"
        "sasl.mechanism=SCRAM-SHA-256\n"
        "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\\n"
        '    username="ada" password="p\\\\"w";\n'
        "ssl.truststore.location=/certs/ca.pem\n"
        "ssl.truststore.type=PEM\n"
        "group.id=billing\n"
        "key.deserializer=org.example.Any\n"
        "socket.keepalive.enable=true\n"
    )
    profile = found.profile
    assert (profile.name, profile.colour, profile.read_only) == ("mine", "red", True)
    assert profile.bootstrap == "a:9093,b:9093"
    assert profile.security_protocol is SecurityProtocol.SASL_SSL
    assert profile.sasl_mechanism is SaslMechanism.SCRAM_SHA_256
    assert (profile.username, found.secrets) == ("ada", {"password": 'p"w'})
    assert profile.ca_file == "/certs/ca.pem"
    assert profile.properties == {"socket.keepalive.enable": "true"}
    assert found.notes == ("Not about the connection, left out: group.id, key.deserializer.",)


def test_a_python_dict_with_a_registry() -> None:
    found = taken(
        "conf = {\n"
        "  'metadata.broker.list': 'a:9092',\n"
        "  'security.protocol': 'ssl', 'ssl.certificate.location': '/c.pem', 'ssl.key.location': '/k.pem',\n"
        "  'ssl.key.password': os.environ['KEY'],\n"
        "  'schema.registry.url': 'https://r:8081', 'basic.auth.user.info': 'bob:s:3cret',\n"
        "}"
    )
    profile = found.profile
    assert profile.security_protocol is SecurityProtocol.SSL
    assert (profile.certificate_file, profile.key_file) == ("/c.pem", "/k.pem")
    assert (profile.registry_url, profile.registry_username) == ("https://r:8081", "bob")
    assert found.secrets == {"registry_password": "s:3cret"}
    assert found.notes == ("ssl.key.password: os.environ['KEY'] is no plain value. Type it in.",)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("ssl.keystore.location=/k.jks", "ssl.keystore.location: /k.jks was not taken. It is a Java keystore"),
        ("sasl.mechanism=GSSAPI", "sasl.mechanism: GSSAPI is not supported"),
        ("plugin.library.paths=/evil.so", "plugin.library.paths was not taken: plugin.library.paths is refused"),
        ("ssl.engine.location=/evil.so", "ssl.engine.location was not taken"),
        ("ssl.endpoint.identification.algorithm=none", "certificates and host names are always verified"),
        ("bootstap.server=x:1", "bootstap.server was not taken"),
        ("sasl.jaas.config=KerberosLoginModule required;", "it has no username and password"),
    ],
)
def test_what_is_not_taken_is_told(line: str, why: str) -> None:
    found = taken(f"bootstrap.servers=a:9092\n{line}\n")
    assert len(found.notes) == 1
    assert why in found.notes[0]
    assert found.profile.properties == {}


@pytest.mark.parametrize("text", ["", "# nothing\n", "group.id=x\n", "{'a': ", "\0"])
def test_a_text_without_brokers_is_refused(text: str) -> None:
    with pytest.raises(Failure, match=r"No bootstrap\.servers were found"):
        taken(text)
