"""Looks through a client's configuration: what is unknown, wrong or risky, and the same in the other clients' words.

Nothing is given to a client: some settings make one load code while it is made.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kexplorer.formats.client_settings import (
    NO_COUNTERPART,
    Client,
    Dialect,
    Setting,
    counterpart,
    settings,
    version,
)
from kexplorer.formats.config_text import Comment, Entry, Line, Unreadable, read_config
from kexplorer.services.config_rules import RULES, Config, ConfigFinding, Severity, plain

_LOADS_CODE = re.compile(
    r"plugin\.library\.paths|ssl\.engine\.|ssl\.providers?$|security\.providers|sasl\.kerberos\.kinit\.cmd|interceptors"
    r"|config\.providers|metric\.reporters|.*\.(class|classes)$"
)
_HARMLESS_CLASS = re.compile(r"org\.apache\.kafka\.|io\.confluent\.")
_SECRET = re.compile(r"(password|secret|sasl\.jaas\.config|ssl\.key\.pem|ssl\.keystore\.key|basic\.auth\.user\.info)$")
_REFERENCE = re.compile(r"\$\{.*\}|%\(.*\)s|<.*>|\*+")
_FOREIGN = (
    "schema.registry.",
    "basic.auth.",
    "spring.",
    "auto.register.schemas",
    "use.latest.version",
    "specific.avro",
)
_BOOLEANS = ("true", "false")
_MOST_GUESSED = 100  # settings: what was meant takes a millisecond each to find


@dataclass(frozen=True, slots=True)
class Checked:
    """`source` names the documentation that it was held against. `rewritten` is the same for the other dialect, a line
    a setting, comments kept, with a comment where there is no counterpart."""

    dialect: Dialect
    client: Client
    source: str
    findings: tuple[ConfigFinding, ...]
    rewritten: str


def check_config(text: str, client: Client | None = None, dialect: Dialect | None = None) -> Checked:
    """None: guessed from the names that are there."""
    lines = read_config(text)
    entries = [line for line in lines if isinstance(line, Entry)]
    dialect = dialect or _dialect_of(entries)
    client = client or _client_of(entries)
    config = Config(dialect, client, {entry.name: entry for entry in entries})
    found = [ConfigFinding(line.line, "", Severity.ERROR, line.why) for line in lines if isinstance(line, Unreadable)]
    found += _twice(entries)
    for number, entry in enumerate(entries):
        found += _look_at(entry, config, guess=number < _MOST_GUESSED)
    if entries:
        for rule in RULES:
            found += rule(config)
    found.sort(key=lambda each: (each.line == 0, each.line, list(Severity).index(each.severity)))
    source = f"{dialect.shown} {version(dialect)}"
    return Checked(dialect, client, source, tuple(found), _rewritten(lines, dialect))


# guesses


def _dialect_of(entries: Iterable[Entry]) -> Dialect:
    names = {entry.name for entry in entries}
    there, here = settings(Dialect.LIBRDKAFKA), settings(Dialect.JAVA)
    only_c = sum(name in there and name not in here for name in names)
    only_java = sum(name in here and name not in there for name in names)
    written_as_code = any(entry.code for entry in entries)  # a dict: few write Java's settings as one
    return Dialect.LIBRDKAFKA if only_c > only_java or (only_c == only_java and written_as_code) else Dialect.JAVA


def _client_of(entries: Iterable[Entry]) -> Client:
    """By what only one of them has. One that has a group reads."""
    votes = dict.fromkeys(Client, 0)
    for entry in entries:
        for known in (settings(Dialect.JAVA).get(entry.name), settings(Dialect.LIBRDKAFKA).get(entry.name)):
            if known:
                for client in Client:
                    votes[client] += client in known.clients and len(known.clients & set(Client)) == 1
    return max(Client, key=lambda client: votes[client])


# one setting


def _twice(entries: Iterable[Entry]) -> Iterator[ConfigFinding]:
    seen: dict[str, Entry] = {}
    for entry in entries:
        if first := seen.get(entry.name):
            text = f"{entry.name} is already in line {first.line}: the last one counts."
            yield ConfigFinding(entry.line, entry.name, Severity.ERROR, text, "Remove one of them.")
        seen[entry.name] = entry


def _look_at(entry: Entry, config: Config, *, guess: bool) -> Iterator[ConfigFinding]:
    """Does it load code, tell a secret, exist, belong to this client, and have a value that it may have?"""
    yield from _hazards(entry)
    known = settings(config.dialect).get(entry.name)
    if known is not None:
        yield from _look_at_value(entry, known, config.client)
    elif not entry.name.startswith(_FOREIGN):
        yield ConfigFinding(entry.line, entry.name, Severity.ERROR, *_unknown(entry, config.dialect, guess=guess))


def _hazards(entry: Entry) -> Iterator[ConfigFinding]:
    value = (entry.value or "").strip()
    if _LOADS_CODE.match(entry.name) and value and not _HARMLESS_CLASS.match(value):
        text = f"{entry.name} makes the client load code: “{_short(value)}”."
        remedy = "Keep it only if you know who wrote it. Kafka Explorer itself never takes it over."
        yield ConfigFinding(entry.line, entry.name, Severity.RISK, text, remedy)
    if _SECRET.search(entry.name) and value and not _REFERENCE.search(value):
        text, remedy = "A secret stands in plain text.", "Take it from the environment or a secret store."
        yield ConfigFinding(entry.line, entry.name, Severity.RISK, text, remedy)


def _look_at_value(entry: Entry, known: Setting, client: Client) -> Iterator[ConfigFinding]:
    def tell(severity: Severity, text: str, remedy: str = "") -> ConfigFinding:
        return ConfigFinding(entry.line, entry.name, severity, text, remedy)

    value = (entry.value or "").strip()
    if client not in known.clients:
        others = " and ".join(sorted(known.clients))
        yield tell(Severity.NOTE, f"A {client} has no {entry.name}: it is for {others}.", "Remove it.")
    if entry.value is not None:
        if wrong := _wrong_value(known, value):
            yield tell(Severity.ERROR, wrong)
    elif entry.name == "partitioner" and "lambda" in entry.code:
        text = "A Python function cannot be the partitioner: librdkafka takes the name of a built-in one."
        yield tell(Severity.ERROR, text, "Use murmur2_random, or choose the partition in produce().")
    elif known.kind not in ("see dedicated API", "pointer"):
        yield tell(Severity.NOTE, f"{entry.name} is set by the program ({_short(entry.code)}): not checked.")


def _unknown(entry: Entry, dialect: Dialect, *, guess: bool) -> tuple[str, str]:
    other = dialect.other
    if entry.name in settings(other):
        text = f"{entry.name} is {other.shown}'s name; this is a configuration for {dialect.shown}."
        if found := counterpart(other, entry.name, (entry.value or "").strip()):
            unit = " (another unit)" if found[1] != (entry.value or "").strip() else ""
            return text, f"Here it is {found[0]}={found[1]}{unit}."
        return text, NO_COUNTERPART.get(entry.name, "It has no counterpart here: remove it.")
    near = difflib.get_close_matches(entry.name.lower(), settings(dialect), 1, 0.7) if guess else []
    remedy = f"Did you mean {near[0]}?" if near else "Check the spelling, or remove it: clients ignore or refuse it."
    return f"{dialect.shown} {version(dialect)} has no setting “{_short(entry.name)}”.", remedy


def _wrong_value(known: Setting, value: str) -> str:
    """Why a client would refuse it; empty if it would not."""
    if value == known.default or _REFERENCE.search(value):
        return ""
    if known.kind == "boolean" and value.lower() not in _BOOLEANS:
        return f"{known.name} is true or false, not “{_short(value)}”."
    if known.values and known.kind != "list" and value.lower() not in {each.lower() for each in known.values}:
        return f"{known.name} is one of {', '.join(known.values)}, not “{_short(value)}”."
    if known.is_number and not known.values:
        try:
            number = float(_NUMBERS.get((known.name, value), value))
        except ValueError:
            return f"{known.name} is a number, not “{_short(value)}”."
        low = float("-inf") if known.low is None else known.low
        high = float("inf") if known.high is None else known.high
        if not low <= number <= high:
            ends = f"from {plain(low)} to {plain(high)}" if high < float("inf") else f"at least {plain(low)}"
            return f"{known.name} is {ends}, not {_short(value)}."
    return ""


_NUMBERS = {("acks", "all"): "-1", ("request.required.acks", "all"): "-1"}  # librdkafka's word for a number


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


# the other dialect


def _rewritten(lines: Iterable[Line], dialect: Dialect) -> str:
    told = [f"# For {dialect.other.shown} {version(dialect.other)}"]
    for line in lines:
        match line:
            case Comment(text=text):
                told.append(text)
            case Unreadable(number, why):
                told.append(f"# line {number} could not be read: {why}")
            case Entry():
                told += _translated(line, dialect)
    return "\n".join(told) + "\n"


def _translated(entry: Entry, dialect: Dialect) -> Iterator[str]:
    value = (entry.value or "").strip()
    written = "(in the program)" if entry.value is None else value
    if entry.name.startswith(_FOREIGN):
        yield f"{entry.name}={written}"
        return
    if entry.name in ("sasl.username", "sasl.password") and dialect is Dialect.LIBRDKAFKA:
        yield f"# {entry.name}={written}   In Java both stand in sasl.jaas.config, behind the name of a login module."
        return
    if entry.name == "sasl.jaas.config" and dialect is Dialect.JAVA:
        names = dict(re.findall(r'(username|password)="([^"]*)"', value))
        yield from (f"sasl.{name}={names[name]}" for name in ("username", "password") if name in names)
        if not names:
            yield f"# {entry.name}={written}   librdkafka has settings of its own for this login: see its sasl.*."
        return
    own = entry.name in settings(dialect)
    found = counterpart(dialect, entry.name, value) if own else None
    if not own and entry.name in settings(dialect.other):
        found = entry.name, value  # it was in the other's words already
    if found is None or entry.value is None:
        why = "It has no counterpart." if own else "Nobody knows this name."
        yield f"# {entry.name}={written}   {NO_COUNTERPART.get(entry.name, why)}"
    else:
        yield f"{found[0]}={found[1]}"
        if entry.name == "ssl.truststore.location":
            yield "# ssl.ca.location is a file of PEM certificates, not a Java key store."
