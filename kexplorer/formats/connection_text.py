"""A connection out of a client's configuration: a Java .properties, a librdkafka .conf, or a Python dict."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from kexplorer.formats.client_settings import Dialect, settings
from kexplorer.formats.config_text import Comment, Unreadable, read_config
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile, SaslMechanism, SecurityProtocol

_PLAIN = {  # names of both dialects -> the profile's field
    "bootstrap.servers": "bootstrap",
    "metadata.broker.list": "bootstrap",
    "sasl.username": "username",
    "ssl.ca.location": "ca_file",
    "ssl.certificate.location": "certificate_file",
    "ssl.key.location": "key_file",
    "schema.registry.url": "registry_url",
    "schema.registry.ssl.ca.location": "registry_ca_file",
}
_SECRETS = {
    "sasl.password": "password",
    "ssl.key.password": "key_password",
    "schema.registry.bearer.auth.token": "registry_password",
}
_USER_INFO = ("basic.auth.user.info", "schema.registry.basic.auth.user.info")
_STORES = {"ssl.truststore": ("ca_file",), "ssl.keystore": ("certificate_file", "key_file")}
_OF_STORES = [f"{store}.{part}" for store in _STORES for part in ("location", "type", "password")]
_LOGIN = re.compile(r"""\b(?P<name>username|password)\s*=\s*(?:"(?P<double>(?:\\.|[^"\\])*)"|'(?P<single>[^']*)')""")
_OF_CONNECTIONS = ("ssl.", "sasl.", "security.", "socket.", "plugin.", "enable.ssl", "schema.")
_JKS = (
    "It is a Java keystore: turn it into PEM with keytool -importkeystore and openssl pkcs12, and give the file here."
)


@dataclass(frozen=True, slots=True)
class Imported:
    """`secrets` are passwords as they stood there, by the profile's field; `notes` say what was not taken, and why."""

    profile: Profile
    secrets: dict[str, str]
    notes: tuple[str, ...]


def read_connection(text: str, like: Profile, check_property: Callable[[str, str], None]) -> Imported:
    """`like` has what the text says nothing of. `check_property` raises for what a profile may not have. Raises
    `Failure`(INVALID) for a text that names no brokers."""
    taker = _Taker(check_property)
    for line in read_config(text):
        match line:
            case Comment():
                continue
            case Unreadable(number, why):
                taker.notes.append(f"Line {number}: {why}")
            case _ if line.value is None:
                taker.notes.append(f"{line.name}: {line.code} is no plain value. Type it in.")
            case _:
                taker.take(line.name.strip(), line.value.strip())
    if "bootstrap" not in taker.fields:
        why = taker.notes[0] if taker.notes else "Paste a .properties or .conf file, or a Python dict."
        raise Failure(FailureKind.INVALID, "No bootstrap.servers were found.", why)
    taker.look_at_stores()
    profile = replace(like, **taker.fields, properties={**like.properties, **taker.properties})
    if taker.others:
        taker.notes.append(f"Not about the connection, left out: {', '.join(taker.others)}.")
    return Imported(profile, taker.secrets, tuple(taker.notes))


class _Taker:
    def __init__(self, check_property: Callable[[str, str], None]) -> None:
        self.fields: dict[str, Any] = {}
        self.secrets: dict[str, str] = {}
        self.properties: dict[str, str] = {}
        self.notes: list[str] = []
        self.others: list[str] = []  # settings of a client that has other work
        self._check_property = check_property
        self._stores: dict[str, str] = {}

    def take(self, name: str, value: str) -> None:
        if name in _PLAIN:
            self.fields[_PLAIN[name]] = value
        elif name in _SECRETS:
            self.secrets[_SECRETS[name]] = value
        elif name in _USER_INFO:
            self.fields["registry_username"], _, self.secrets["registry_password"] = value.partition(":")
        elif name == "security.protocol":
            self._choose("security_protocol", SecurityProtocol, name, value)
        elif name in ("sasl.mechanism", "sasl.mechanisms"):
            self._choose("sasl_mechanism", SaslMechanism, name, value)
        elif name == "sasl.jaas.config":
            self._take_login(value)
        elif name in _OF_STORES:
            self._stores[name] = value
        else:
            self._take_property(name, value)

    def look_at_stores(self) -> None:
        """Java keeps certificates in stores, of which only those of PEM can be read here."""
        for store, fields in _STORES.items():
            path = self._stores.get(f"{store}.location")
            if path is None:
                continue
            if self._stores.get(f"{store}.type", "").upper() == "PEM" or path.lower().endswith((".pem", ".crt")):
                self.fields.update(dict.fromkeys(fields, path))
            else:
                self.notes.append(f"{store}.location: {path} was not taken. {_JKS}")

    def _choose(self, field: str, kind: type[StrEnum], name: str, value: str) -> None:
        try:
            self.fields[field] = kind(value.upper())
        except ValueError:
            self.notes.append(f"{name}: {value} is not supported. Choose one that is.")

    def _take_login(self, value: str) -> None:
        found = {each["name"]: each["single"] or _unquoted(each["double"]) for each in _LOGIN.finditer(value)}
        if len(found) < 2:
            self.notes.append("sasl.jaas.config: it has no username and password. Type them in.")
        self.fields.update({"username": found["username"]} if "username" in found else {})
        self.secrets.update({"password": found["password"]} if "password" in found else {})

    def _take_property(self, name: str, value: str) -> None:
        try:
            self._check_property(name, value)
        except Failure as failure:
            if name.startswith(_OF_CONNECTIONS) or not any(name in settings(dialect) for dialect in Dialect):
                self.notes.append(f"{name} was not taken: {failure.message}")
            else:
                self.others.append(name)
        else:
            self.properties[name] = value


def _unquoted(text: str | None) -> str:
    return re.sub(r"\\(.)", r"\1", text or "")
